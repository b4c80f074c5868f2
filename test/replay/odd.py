#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""odd.py CAPTURE CLIENT SERVER DIR: gives replay.py captures in every form it should
read, and broken ones that it should refuse. Prints "ok WHAT" or "bad WHAT: WHY".

Nothing is sent: what is shown is that a capture is understood, or refused with a
sentence, exit code 3, and soon.
"""
import contextlib
import io
import os
import random
import signal
import struct
import sys
import traceback

import replay
from capture import Capture, Datagram, sum16

SECONDS = 20          # for one capture


def pcap(path, frames, link=1, order="<", magic=0xA1B2C3D4, snap=262144, unit=1000000):
    with open(path, "wb") as f:
        f.write(struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, snap, link))
        for moment, frame in frames:
            kept = frame[:snap]
            f.write(struct.pack(order + "IIII", int(moment), int(moment % 1 * unit), len(kept), len(frame)) + kept)


def ether(data, kind=0x0800, tag=b""):
    return b"\2\0\0\0\0\1\2\0\0\0\0\2" + tag + struct.pack("!H", kind) + data


FORMS = {
    "Ethernet, little endian": (1, ether, {}),
    "Ethernet, big endian": (1, ether, {"order": ">"}),
    "nanoseconds": (1, ether, {"magic": 0xA1B23C4D, "unit": 1000000000}),
    "VLAN tag": (1, lambda d: ether(d, tag=b"\x81\0\0\7"), {}),
    "two VLAN tags": (1, lambda d: ether(d, tag=b"\x88\xa8\0\7\x81\0\0\7"), {}),
    "PPPoE": (1, lambda d: ether(b"\x11\0\0\1" + struct.pack("!H", len(d) + 2) + b"\0\x21" + d, 0x8864), {}),
    "padded to 60 octets": (1, lambda d: ether(d).ljust(60, b"\x55"), {}),
    "Linux cooked": (113, lambda d: b"\0\4\0\1\0\6\2\0\0\0\0\1\0\0\x08\0" + d, {}),
    "Linux cooked v2": (276, lambda d: b"\x08\0\0\0\0\0\0\2\0\1\4\6\2\0\0\0\0\1\0\0" + d, {}),
    "raw IP": (101, bytes, {}),
    "raw IPv4": (228, bytes, {}),
    "loopback of BSD": (0, lambda d: b"\2\0\0\0" + d, {}),
}


class Odd:
    def __init__(self, path, client, server, folder):
        self.client, self.server, self.folder = client, server, folder
        with open(path, "rb") as f:
            self.octets = f.read()
        self.datagrams = Capture(path).datagrams
        self.frames = [(d.time, ether(bytes(d.data))) for d in self.datagrams]
        self.random = random.Random(1)

    def path(self, name):
        return os.path.join(self.folder, name)

    def run(self, path, *more, client=None, server=None):
        """(exit code, what it said); a traceback or a hang is code -1."""
        argv = [path, "--client", client or self.client, "--server", server or self.server, "--check-only"]
        out = io.StringIO()
        signal.alarm(SECONDS)
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
                code = replay.main(argv + list(more))
        except SystemExit as e:
            code = e.code
        except BaseException:       # pylint: disable=broad-except
            code = -1
            out.write(traceback.format_exc())
        finally:
            signal.alarm(0)
        return code, out.getvalue()

    def want(self, what, path, code, *words, more=(), **ends):
        got, said = self.run(path, *more, **ends)
        missing = [w for w in words if w not in said]
        if got != code or missing:
            print("bad %s: exit code %s, not %s; %s" % (what, got, code, said.strip().replace("\n", " | ")))
        else:
            print("ok %s" % what)

    def file(self, name, octets):
        with open(self.path(name), "wb") as f:
            f.write(octets)
        return self.path(name)

    def pcap(self, name, frames, **options):
        pcap(self.path(name), frames, **options)
        return self.path(name)

    # --- what must be understood

    def forms(self):
        same = [bytes(d.data) for d in self.datagrams]
        for name, (link, wrap, options) in FORMS.items():
            path = self.pcap("form.pcap", [(d.time, wrap(bytes(d.data))) for d in self.datagrams], link=link, **options)
            got = [bytes(d.data) for d in Capture(path).datagrams]
            if got == same:
                self.want("read: " + name, path, 0)
            else:
                print("bad read: %s: %d datagrams of %d, or other ones" % (name, len(got), len(same)))

    def fragments(self):
        frames = []
        for d in self.datagrams:
            big = len(d.data) - d.head > 64
            d.pieces = [64, len(d.data) - d.head - 64] if big else None
            frames += [(d.time, ether(bytes(p.data))) for p in replay.wire.pieces(d)]
            d.pieces = None
        path = self.pcap("fragments.pcap", frames)
        got = [bytes(d.body) for d in Capture(path).datagrams]
        good = len(frames) > len(self.datagrams) and got == [bytes(d.body) for d in self.datagrams]
        print("%s read: fragments" % ("ok" if good else "bad"))
        last = max(i for i, f in enumerate(frames) if f[1][20] & 0x20)
        self.want("refused: a fragment is missing", self.pcap("f.pcap", frames[:last] + frames[last + 1:]), 3,
                  "fragments are missing")

    # --- what must be refused

    def broken(self):
        self.want("refused: no file", self.path("none"), 3, "cannot be read")
        self.want("refused: empty", self.file("empty", b""), 3, "is empty")
        self.want("refused: a text", self.file("text", b"PPTP does not work here, please help\n" * 9), 3, "is no capture")
        self.want("refused: noise", self.file("noise", self.random.randbytes(4096)), 3, "is no capture")
        self.want("refused: a folder", self.folder, 3, "cannot be read")
        self.want("refused: no packet", self.pcap("nothing.pcap", []), 3, "holds no packet")
        self.want("refused: cut in a packet", self.file("cut.pcapng", self.octets[:len(self.octets) * 2 // 3 + 1]), 3,
                  "cut off or damaged after packet")
        path = self.pcap("whole.pcap", self.frames)
        with open(path, "rb") as f:
            octets = f.read()
        self.want("refused: cut in a packet's header", self.file("cut.pcap", octets[:24 + 16 + len(self.frames[0][1]) + 7]),
                  3, "cut off or damaged after packet 1")
        self.want("refused: an unknown link type", self.pcap("link.pcap", self.frames, link=127), 3, "link type 127")
        self.want("refused: snap length", self.pcap("snap.pcap", self.frames, snap=68), 3, "without their ends", "--pad")
        self.want("refused: the same, PPTP cannot be filled up", self.path("snap.pcap"), 3, "too little", more=["--pad"])
        gre = [(t, f) for t, f in self.frames if f[23] == 47]
        self.want("filled up: data of a snap length", self.pcap("gre.pcap", gre, snap=80), 0, "filled up", more=["--pad"])

    def checksums(self):
        wrong = [(t, bytes(f[:-1]) + bytes([f[-1] ^ 1])) if f[23] == 6 else (t, f) for t, f in self.frames]
        path = self.pcap("wrong.pcap", wrong)
        self.want("refused: wrong checksums", path, 3, "wrong checksum", "--fix-checksums")
        self.want("made right: wrong checksums", path, 0, "made right", more=["--fix-checksums"])
        left = []
        for t, f in self.frames:
            d = Datagram(0, t, f[14:])
            if d.proto == 6:
                struct.pack_into("!H", d.data, d.l4_checksum(), sum16(d.pseudo()))
            left.append((t, ether(bytes(d.data))))
        self.want("read: checksums left to the network card", self.pcap("left.pcap", left), 0, "before the network card")

    def unrelated(self):
        self.want("refused: other addresses", self.path("whole.pcap"), 3, "the file has: ", self.client, client="192.0.2.77")
        tcp = self.pcap("tcp.pcap", [(t, f) for t, f in self.frames if f[23] == 6])
        self.want("refused: client and server exchanged", tcp, 3, "exchanged?", client=self.server, server=self.client)
        self.want("refused: client and server are one", self.path("whole.pcap"), 3, "the same", server=self.client)
        web = []
        for t, f in self.frames:
            if f[23] == 6:
                web.append((t, f.replace(struct.pack("!H", 1723), struct.pack("!H", 80))))
        self.want("refused: only other traffic", self.pcap("web.pcap", web), 3, "is PPTP, IPsec or L2TP")
        six = [(t, ether(b"\x60" + bytes(39), 0x86dd)) for t, _ in self.frames]
        self.want("refused: only IPv6", self.pcap("six.pcap", six), 3, "IPv6")
        arp = [(t, ether(bytes(28), 0x0806)) for t, _ in self.frames]
        self.want("refused: only ARP", self.pcap("arp.pcap", arp), 3, "no IPv4")
        server = [(t, f) for t, f in self.frames if Datagram(0, 0, f[14:]).src == self.server]
        self.want("refused: the server alone", self.pcap("one.pcap", server), 3, "wrong way round")

    def noise(self, rounds):
        """Octets changed at random: any verdict, but in words and soon."""
        bad = 0
        base = open(self.path("whole.pcap"), "rb").read()
        for n in range(rounds):
            octets = bytearray(base if n % 2 else self.octets)
            for _ in range(self.random.choice((1, 4, 30))):
                octets[self.random.randrange(len(octets))] = self.random.randrange(256)
            if n % 3 == 0:
                octets = octets[:self.random.randrange(len(octets))]
            more = self.random.choice(([], ["--fix-checksums"], ["--fix-checksums", "--pad"]))
            code, said = self.run(self.file("noise", octets), *more)
            if code not in (0, 3):
                bad += 1
                print("bad noise %d: exit code %s: %s" % (n, code, said.strip().replace("\n", " | ")))
        print("%s %d captures with random faults: an answer in words each time" % ("bad" if bad else "ok", rounds))


def late(*_):
    raise TimeoutError("no answer within %d s" % SECONDS)


def main():
    signal.signal(signal.SIGALRM, late)
    odd = Odd(*sys.argv[1:5])
    odd.forms()
    odd.fragments()
    odd.broken()
    odd.checksums()
    odd.unrelated()
    odd.noise(int(sys.argv[5]) if len(sys.argv) > 5 else 60)


if __name__ == "__main__":
    main()
