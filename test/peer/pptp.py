#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""A scripted PPTP end: any of the 15 messages of RFC 2637 with any call IDs,
over any number of control connections that it opens or accepts, cut into TCP
segments as told, and enhanced GRE through raw sockets. It is client or server,
PNS or PAC, whatever the test says.

pptp.py NAME IN OUT: reads one command a line from the FIFO IN; answers on the
FIFO OUT with any number of lines and a "." alone. test/peer/pptp.sh has the
shell's side. Everything that happens is printed on standard output, too.

  listen [PORT] [v6=1]       accepted connections are a1, a2, ...; every request
                             is answered (see auto), GRE pings too
  connect C ADDR [PORT] [bind=ADDR] [sport=N] [t=S]
  start C                    Start-Control-Connection, prints the reply
  call C ID [in] [t=S]       Outgoing-Call (or Incoming-Call, with Connected);
                             prints "up own=ID peer=ID" or what went wrong
  calls C FIRST COUNT [in] [burst=N]  the same, all at once or N at a time;
                             prints how many are up
  know C OWN PEER            a call that was set up by hand
  send C MSG [K=V...] [+ MSG...] [cut=each|N,N] [gap=MS]
                             all messages as one piece, or cut there
  raw C HEX|text:... [cut=]  octets; in a text ~ is a space
  octets C COUNT [S]         so many octets that are no message
  wait C TYPE [S]            next message of that type (any: of any), removed
  queue C                    prints what else has come, and forgets it
  auto [TYPE...]             requests answered unasked: all of them, or these
  ids FIRST [same]           own IDs for calls answered unasked
  result N                   result code of calls answered unasked
  ping [C...] [t=S]          GRE to every call and back: "sent back wrong"
  stream FILE STARTED        a ping after the other, 50 ms apart, in one call until FILE.end
                             is there; prints how many, and the largest part of FILE that
                             was written between two answers
  gre to=ADDR id=N [seq=N] [ack=N] [data=TEXT] [times=N] [from=ADDR], gre to= hex=
  gwait [S]                  next GRE packet that is no ping or pong
  icmp to=ADDR [type=N code=N mtu=N quote=8 id=N spoil=1]  about the last GRE packet
  iwait [S]                  next ICMP error
  close C, reset C, fin C, gone C [S]   ends; gone: has the other side ended?
  nagle C                    small pieces wait for the ACK of the one before
  inject C off=N HEX|text:... [flags= doff= ttl=]  forged segment, N octets off sequence

Messages: sccrq sccrp stopccrq stopccrp echorq echorp ocrq ocrp icrq icrp iccn
ccrq cdn wen sli. Keys: own= peer= result= id= (Echo) len= magic= kind= type=.
"""
import os
import select
import socket
import struct
import sys
import time

MAGIC = 0x1A2B3C4D
# name: type, length, offset of the sender's ID, of the receiver's, of a result
TABLE = {
    "sccrq": (1, 156, 0, 0, 0), "sccrp": (2, 156, 0, 0, 0),
    "stopccrq": (3, 16, 0, 0, 0), "stopccrp": (4, 16, 0, 0, 12),
    "echorq": (5, 16, 0, 0, 0), "echorp": (6, 20, 0, 0, 0),
    "ocrq": (7, 168, 12, 0, 0), "ocrp": (8, 32, 12, 14, 16),
    "icrq": (9, 220, 12, 0, 0), "icrp": (10, 24, 12, 14, 16),
    "iccn": (11, 28, 0, 12, 0), "ccrq": (12, 16, 12, 0, 0),
    "cdn": (13, 148, 12, 0, 0), "wen": (14, 40, 0, 12, 0),
    "sli": (15, 24, 0, 12, 0),
}
NAMES = {row[0]: name for name, row in TABLE.items()}
ANSWERS = {"sccrq": "sccrp", "stopccrq": "stopccrp", "echorq": "echorp",
           "ocrq": "ocrp", "icrq": "icrp", "ccrq": "cdn"}


def num(text):
    return int(text, 0)


def body(kind, length):
    """What fills a message: the receiver sees whether anything was changed."""
    data = bytearray((i * 7 + kind) & 0xFF for i in range(length))
    if kind in (1, 2):
        data[12:16] = b"\x01\x00\x01\x00"    # version 1.0, good: Linux's helper looks
    return bytes(data[:length])


def build(name, keys):
    kind, length, own, peer, result = TABLE[name]
    length = num(keys.get("len", str(length)))
    data = bytearray(body(kind, max(length, 12)))
    struct.pack_into(">HHIHH", data, 0, length, num(keys.get("kind", "1")),
                     num(keys.get("magic", hex(MAGIC))), num(keys.get("type", str(kind))), 0)
    for off, key in ((own, "own"), (peer, "peer")):
        if off and off + 2 <= len(data):
            struct.pack_into(">H", data, off, num(keys.get(key, "0")))
    if result and result < len(data):
        data[result] = num(keys.get("result", "1"))
    if "id" in keys:
        struct.pack_into(">I", data, 12, num(keys["id"]))
    return bytes(data)


def patience(keys, default):
    """t= in seconds; a debug kernel is slower by a factor (test/run)."""
    return float(keys.get("t", default)) * float(os.environ.get("NF_VPN_SLOWER", 1))


class Message:
    def __init__(self, data):
        kind = struct.unpack_from(">H", data, 8)[0]
        self.name = NAMES.get(kind, f"type{kind}")
        _, length, own, peer, result = TABLE.get(self.name, (0, 0, 0, 0, 0))
        if len(data) < max(own, peer) + 2 or len(data) <= result:
            own = peer = result = 0  # too short to have any
        self.own = struct.unpack_from(">H", data, own)[0] if own else None
        self.peer = struct.unpack_from(">H", data, peer)[0] if peer else None
        self.result = data[result] if result else None
        self.echo = struct.unpack_from(">I", data, 12)[0] if kind in (5, 6) and len(data) >= 16 else None
        plain = bytearray(body(kind, len(data)))
        plain[0:12] = data[0:12]
        for off, size in ((own, 2), (peer, 2), (result, 1)):
            if off:
                plain[off:off + size] = data[off:off + size]
        if self.echo is not None:
            plain[12:16] = data[12:16]
        self.text = self.name
        for key in ("own", "peer", "result"):
            if getattr(self, key) is not None:
                self.text += f" {key}={getattr(self, key)}"
        if self.echo is not None:
            self.text += f" id={self.echo}"
        if len(data) != length:
            self.text += f" len={len(data)}"
        if data[10:12] != b"\0\0" or plain != data:
            self.text += " CHANGED"


class Conn:
    def __init__(self, end, name, sock):
        self.end, self.name, self.sock = end, name, sock
        self.addr = sock.getpeername()[0].removeprefix("::ffff:")
        self.data, self.queue, self.ended = b"", [], None
        self.peers = {}  # own ID -> peer's ID
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setblocking(False)
        self.linger(1)  # who is killed leaves no socket behind

    def linger(self, on):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", on, 0))

    def readable(self):
        try:
            data = self.sock.recv(65536)
        except BlockingIOError:
            return
        except OSError as error:
            self.ended = error.strerror
            data = b""
        if not data:
            self.ended = self.ended or "closed"
            self.end.note(f"{self.name} ended: {self.ended}")
            self.linger(0)
            self.sock.close()
            return
        self.data += data
        while len(self.data) >= 12:
            length, _, magic, _ = struct.unpack_from(">HHIH", self.data)
            if magic != MAGIC or length < 12:
                self.end.note(f"{self.name} garbage {self.data[:64].hex()}")
                return  # stays in self.data: see "raw" and "queue"
            if len(self.data) < length:
                return
            message = Message(self.data[:length])
            self.data = self.data[length:]
            self.end.note(f"{self.name} < {message.text}")
            if not self.answer(message):
                self.queue.append(message)

    def answer(self, message):
        """Unasked, as a server does. False: the test shall see the message."""
        name = ANSWERS.get(message.name)
        if not name or message.name not in self.end.auto:
            return False
        keys = {}
        if message.echo is not None:
            keys["id"] = str(message.echo)
        if name in ("ocrp", "icrp"):
            own = self.end.next_id
            self.end.next_id += self.end.step
            keys = {"own": str(own), "peer": str(message.own), "result": str(self.end.result)}
            if self.end.result == 1:
                self.peers[own] = message.own
        if name == "cdn":
            own = [o for o, p in self.peers.items() if p == message.own]
            if not own:
                return False
            keys = {"own": str(own[-1])}
            del self.peers[own[-1]]
        self.write(build(name, keys))
        self.queue.append(message)
        return True

    def write(self, data, cuts=(), gap=0.0):
        edges = [0, *cuts, len(data)]
        for start, stop in zip(edges, edges[1:]):
            piece = data[start:stop]
            while piece:
                try:
                    piece = piece[self.sock.send(piece):]
                except BlockingIOError:
                    self.end.pump_quiet(0.01)
                except OSError as error:
                    self.ended = self.ended or error.strerror
                    return
            if gap and stop < len(data):
                self.end.pump_for(gap)


class End:
    def __init__(self, name, fifo_in, fifo_out):
        self.name = name
        self.stdin = os.open(fifo_in, os.O_RDWR | os.O_NONBLOCK)
        self.out = os.open(fifo_out, os.O_RDWR)
        self.typed = b""
        self.conns, self.listeners, self.accepted = {}, [], 0
        self.auto, self.next_id, self.step, self.result = set(), 1, 1, 1
        self.gre_queue, self.icmp_queue, self.last_gre = [], [], None
        self.sent, self.back, self.wrong = set(), set(), []
        self.gre = socket.socket(socket.AF_INET, socket.SOCK_RAW, 47)
        self.icmp = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        for sock in (self.gre, self.icmp):
            sock.setsockopt(socket.SOL_SOCKET, 33, 4 << 20)  # SO_RCVBUFFORCE
            sock.setblocking(False)
        self.answer_pings = False

    def note(self, text):
        print(f"{time.monotonic():.3f} {text}", flush=True)

    # --- waiting: everything that comes meanwhile is taken care of

    def pump(self, timeout):
        socks = {c.sock.fileno(): c.readable for c in self.conns.values() if not c.ended}
        socks.update({s.fileno(): (lambda s=s: self.accept(s)) for s in self.listeners})
        socks[self.gre.fileno()] = self.gre_readable
        socks[self.icmp.fileno()] = self.icmp_readable
        poll = select.poll()
        for fd in [self.stdin, *socks]:
            poll.register(fd, select.POLLIN)
        ready = False
        for fd, _ in poll.poll(max(timeout, 0) * 1000):
            if fd in socks:
                socks[fd]()
                ready = True
            else:
                ready = ready or timeout == 3600
        return ready

    def pump_for(self, seconds):
        self.until(lambda: False, seconds)

    def until(self, done, seconds):
        end = time.monotonic() + seconds
        while not done():
            left = end - time.monotonic()
            if left <= 0:
                return False
            self.pump_quiet(left)
        return True

    def pump_quiet(self, timeout):
        """As pump(), but the next command's line does not wake it."""
        keep, self.stdin = self.stdin, self.gre.fileno()
        try:
            return self.pump(timeout)
        finally:
            self.stdin = keep

    def accept(self, listener):
        sock, addr = listener.accept()
        self.accepted += 1
        name = f"a{self.accepted}"
        try:
            self.conns[name] = Conn(self, name, sock)
        except OSError:
            self.note(f"{name} from {addr[0]} died young")
            return
        self.note(f"{name} from {addr[0]} {addr[1]}")

    # --- GRE

    def gre_send(self, to, call_id, seq=None, ack=None, data=b"", sock=None):
        flags = 0x2001 | (0x1000 if seq is not None else 0) | (0x0080 if ack is not None else 0)
        packet = struct.pack(">HHHH", flags, 0x880B, len(data), call_id)
        if seq is not None:
            packet += struct.pack(">I", seq)
        if ack is not None:
            packet += struct.pack(">I", ack)
        try:
            (sock or self.gre).sendto(packet + data, (to, 0))
        except OSError as error:
            self.note(f"gre to {to}: {error.strerror}")

    def gre_readable(self):
        for _ in range(200):
            try:
                packet, (source, _) = self.gre.recvfrom(65536)
            except BlockingIOError:
                return
            self.gre_packet(packet, source)

    def gre_packet(self, packet, source):
        gre = packet[(packet[0] & 15) * 4:]
        if len(gre) < 8:
            return
        flags, kind, length, call_id = struct.unpack_from(">HHHH", gre)
        self.last_gre = packet
        off, text = 8, f"gre from={source} id={call_id}"
        seq = None
        for bit, key in ((0x1000, "seq"), (0x0080, "ack")):
            if flags & bit:
                if len(gre) < off + 4:
                    return
                value = struct.unpack_from(">I", gre, off)[0]
                text += f" {key}={value}"
                seq = value if key == "seq" else seq
                off += 4
        data = gre[off:]
        if flags & 0xCF7F != 0x2001 & 0xCF7F or kind != 0x880B or length != len(data):
            text += f" flags={flags:04x} type={kind:04x} len={length}/{len(data)}"
        if data.startswith(b"ping ") and self.answer_pings:
            return self.pong(source, call_id, seq, data)
        if data.startswith(b"pong "):
            return self.ponged(call_id, data)
        self.note(text)
        self.gre_queue.append(text + f" data={data.decode(errors='replace')}")

    def pong(self, source, call_id, seq, data):
        for conn in self.conns.values():
            if conn.addr == source and call_id in conn.peers:
                self.gre_send(source, conn.peers[call_id], seq, seq, b"pong " + data[5:])
                return
        self.note(f"gre ping from {source} for unknown id {call_id}: {data.decode()}")
        self.wrong.append(call_id)

    def ponged(self, call_id, data):
        _, owner, conn, own, _ = data.decode().split()
        key = (conn, int(own))
        if owner == self.name and key in self.sent and int(own) == call_id:
            self.back.add(key)
        else:
            self.note(f"gre wrong: id={call_id} {data.decode()}")
            self.wrong.append(call_id)

    def icmp_readable(self):
        try:
            packet, (source, _) = self.icmp.recvfrom(65536)
        except BlockingIOError:
            return
        error = packet[(packet[0] & 15) * 4:]
        if len(error) < 36 or error[0] not in (3, 4, 11, 12):
            return
        inner = error[8:]
        size = (inner[0] & 15) * 4
        text = f"icmp from={source} type={error[0]} code={error[1]} mtu={struct.unpack_from('>H', error, 6)[0]}"
        text += f" quoted proto={inner[9]} src={socket.inet_ntoa(inner[12:16])} dst={socket.inet_ntoa(inner[16:20])}"
        if inner[9] == 47 and len(inner) >= size + 8:
            flags, kind, length, call_id = struct.unpack_from(">HHHH", inner, size)
            text += f" flags={flags:04x} type={kind:04x} len={length} id={call_id}"
        text += f" sums={'good' if checksum(error) == 0 and checksum(inner[:size]) == 0 else 'bad'}"
        self.note(text)
        self.icmp_queue.append(text)

    # --- commands: each returns what is printed

    def run(self):
        self.note(f"{self.name} ready")
        while True:
            while b"\n" in self.typed:
                line, self.typed = self.typed.split(b"\n", 1)
                self.note(f"> {line.decode()}")
                try:
                    text = self.command(line.decode().split())
                except Exception as error:  # the test sees it and fails
                    text = f"error: {type(error).__name__}: {error}"
                os.write(self.out, (f"{text}\n" if text else "").encode() + b".\n")
            self.pump(3600)
            try:
                self.typed += os.read(self.stdin, 65536)
            except BlockingIOError:
                pass

    def command(self, words):
        name, words = words[0], words[1:]
        keys = dict(w.split("=", 1) for w in words if "=" in w)
        return getattr(self, "do_" + name)([w for w in words if "=" not in w], keys, words)

    def do_listen(self, args, keys, _):
        family = socket.AF_INET6 if "v6" in keys else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("::" if "v6" in keys else "0.0.0.0", int(args[0]) if args else 1723))
        sock.listen(256)
        self.listeners.append(sock)
        self.auto = set(ANSWERS)
        self.answer_pings = True
        return "ok"

    def do_connect(self, args, keys, _):
        sock = socket.socket(socket.AF_INET6 if ":" in args[1] else socket.AF_INET, socket.SOCK_STREAM)
        if "bind" in keys or "sport" in keys:
            sock.bind((keys.get("bind", ""), int(keys.get("sport", "0"))))
        sock.settimeout(patience(keys, 5))
        try:
            sock.connect((args[1], int(args[2]) if len(args) > 2 else 1723))
        except OSError as error:
            return f"failed: {error}"
        self.conns[args[0]] = Conn(self, args[0], sock)
        return "ok"

    def take(self, conn, wanted, seconds):
        """The next message of that type; wanted is a name or a function."""
        test = wanted if callable(wanted) else lambda m: wanted in ("any", m.name)
        self.until(lambda: any(map(test, conn.queue)) or conn.ended, seconds)
        for message in conn.queue:
            if test(message):
                conn.queue.remove(message)
                return message
        return None

    def do_start(self, args, keys, _):
        conn = self.conns[args[0]]
        conn.write(build("sccrq", {}))
        reply = self.take(conn, "sccrp", patience(keys, 5))
        return reply.text if reply else "no answer"

    def do_call(self, args, keys, _):
        conn, own = self.conns[args[0]], num(args[1])
        ask = "icrq" if "in" in args else "ocrq"
        conn.write(build(ask, {"own": args[1]}))
        reply = self.take(conn, lambda m: m.name == ANSWERS[ask] and m.peer == own, patience(keys, 5))
        if not reply:
            return "no answer"
        if reply.result != 1:
            return f"refused {reply.text}"
        if ask == "icrq":
            conn.write(build("iccn", {"peer": str(reply.own)}))
        conn.peers[own] = reply.own
        return f"up own={own} peer={reply.own}"

    def do_calls(self, args, keys, _):
        conn, first, count = self.conns[args[0]], num(args[1]), num(args[2])
        ask, up = "icrq" if "in" in args else "ocrq", 0
        burst = num(keys.get("burst", str(count)))
        end = time.monotonic() + patience(keys, 20)
        for start in range(first, first + count, burst):
            wanted = set(range(start, min(start + burst, first + count)))
            conn.write(b"".join(build(ask, {"own": str(i)}) for i in sorted(wanted)))
            while wanted:
                reply = self.take(conn, ANSWERS[ask], end - time.monotonic())
                if not reply or reply.peer not in wanted or "CHANGED" in reply.text:
                    return f"{up} up, then {reply.text if reply else 'nothing'}"
                wanted.remove(reply.peer)
                conn.peers[reply.peer] = reply.own
                up += 1
                if ask == "icrq":
                    conn.write(build("iccn", {"peer": str(reply.own)}))
        return f"{up} up"

    def do_know(self, args, *_):
        self.conns[args[0]].peers[num(args[1])] = num(args[2])
        return "ok"

    def do_forget(self, args, *_):
        self.conns[args[0]].peers.pop(num(args[1]), None)
        return "ok"

    def cuts(self, keys, length):
        cut = keys.get("cut", "")
        if cut == "each":
            return list(range(1, length))
        return [int(c) for c in cut.split(",") if c]

    def do_send(self, args, keys, words):
        conn, data, name, fields = self.conns[args[0]], b"", None, {}
        for word in [*words[1:], "+"]:
            if word == "+":
                data += build(name, fields)
                name, fields = None, {}
            elif "=" not in word:
                name = word
            elif not word.startswith(("cut=", "gap=")):
                key, value = word.split("=", 1)
                fields[key] = value
        conn.write(data, self.cuts(keys, len(data)), float(keys.get("gap", 0)) / 1000)
        return "ok"

    def octets(self, words):
        text = next(w for w in words if "=" not in w or w.startswith("text:"))
        if text.startswith("text:"):
            return text[5:].replace("~", " ").encode().decode("unicode_escape").encode("latin-1")
        return bytes.fromhex(text)

    def do_raw(self, args, keys, words):
        data = self.octets(words[1:])
        self.conns[args[0]].write(data, self.cuts(keys, len(data)), float(keys.get("gap", 0)) / 1000)
        return "ok"

    def do_wait(self, args, *_):
        message = self.take(self.conns[args[0]], args[1], float(args[2]) if len(args) > 2 else 5)
        return message.text if message else "nothing"

    def do_queue(self, args, *_):
        self.pump_quiet(0)
        conn = self.conns[args[0]]
        lines = [m.text for m in conn.queue]
        if conn.data:
            lines.append(f"octets {conn.data.hex()}")
        conn.queue, conn.data = [], b""
        return "\n".join(lines)

    def do_octets(self, args, *_):
        conn = self.conns[args[0]]
        self.until(lambda: len(conn.data) >= int(args[1]) or conn.ended,
                   float(args[2]) if len(args) > 2 else 5)
        data, conn.data = conn.data, b""
        return data.hex()

    def do_auto(self, args, *_):
        self.auto = set(args) if args else set(ANSWERS)
        return "ok"

    def do_ids(self, args, *_):
        self.next_id, self.step = num(args[0]), 0 if "same" in args else 1
        return "ok"

    def do_result(self, args, *_):
        self.result = int(args[0])
        return "ok"

    def do_pings(self, args, *_):
        """pings on|off: answer GRE pings (a server does)"""
        self.answer_pings = args[0] == "on"
        return "ok"

    def do_ping(self, args, keys, _):
        conns = [self.conns[a] for a in args] or list(self.conns.values())
        self.sent, self.back, self.wrong = set(), set(), []
        seq = 0
        for conn in conns:
            for own, peer in list(conn.peers.items()):
                seq += 1
                self.sent.add((conn.name, own))
                self.gre_send(conn.addr, peer, seq, None, f"ping {self.name} {conn.name} {own} {seq}".encode())
                if seq % 20 == 0:
                    self.pump_quiet(0)
        self.until(lambda: self.back == self.sent, patience(keys, 3))
        return f"sent {len(self.sent)} back {len(self.back)} wrong {len(self.wrong)}"

    def do_stream(self, args, *_):
        conn = next(c for c in self.conns.values() if c.peers)
        own, peer = next(iter(conn.peers.items()))
        key, answered, lost, seen = (conn.name, own), 0, 0, []
        while not os.path.exists(args[0] + ".end") or not answered:
            seq = answered + lost + 1
            self.sent, self.back = {key}, set()
            self.gre_send(conn.addr, peer, seq, None, f"ping {self.name} {conn.name} {own} {seq}".encode())
            if self.until(lambda: self.back, 5):
                answered += 1
            else:
                lost += 1
            seen.append((os.stat(args[0]).st_size, time.monotonic()))
            if answered == 10:
                with open(args[1], "w", encoding="ascii") as file:
                    file.write("yes")
            self.pump_for(0.05)
        steps = list(zip(seen, seen[1:]))
        most = max(b[0] - a[0] for a, b in steps) * 100 // max(os.stat(args[0]).st_size, 1)
        gap = max(b[1] - a[1] for a, b in steps)
        return f"{answered} answered, {lost} lost, at most {most} % of it between two, which was {gap * 1000:.1f} ms"

    def do_wrong(self, *_):
        """GRE with a call ID that nobody here has, since the last time"""
        self.pump_quiet(0)
        count, self.wrong = len(self.wrong), []
        return str(count)

    def do_gre(self, _args, keys, _):
        if "hex" in keys:
            self.gre.sendto(bytes.fromhex(keys["hex"]), (keys["to"], 0))
            return "ok"
        sock = None
        if "from" in keys:
            sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, 47)
            sock.bind((keys["from"], 0))
        self.gre_send(keys["to"], num(keys["id"]), num(keys["seq"]) if "seq" in keys else None,
                      num(keys["ack"]) if "ack" in keys else None,
                      keys.get("data", "x").encode() * num(keys.get("times", "1")), sock)
        return "ok"

    def do_gwait(self, args, *_):
        self.until(lambda: self.gre_queue, float(args[0]) if args else 3)
        return self.gre_queue.pop(0) if self.gre_queue else "nothing"

    def do_icmp(self, _args, keys, _):
        size = (self.last_gre[0] & 15) * 4
        quote = self.last_gre[:size + num(keys.get("quote", "8"))]
        if "id" in keys:
            quote = quote[:size + 6] + struct.pack(">H", num(keys["id"])) + quote[size + 8:]
        error = bytearray(struct.pack(">BBHHH", num(keys.get("type", "3")), num(keys.get("code", "4")),
                                      0, 0, num(keys.get("mtu", "1300"))) + quote)
        struct.pack_into(">H", error, 2, checksum(error) ^ num(keys.get("spoil", "0")))
        self.icmp.sendto(bytes(error), (keys["to"], 0))
        return "ok"

    def do_iwait(self, args, *_):
        self.until(lambda: self.icmp_queue, float(args[0]) if args else 3)
        return self.icmp_queue.pop(0) if self.icmp_queue else "nothing"

    def do_close(self, args, *_):
        conn = self.conns.pop(args[0])
        conn.linger(0)
        conn.sock.close()
        return "ok"

    def do_nagle(self, args, *_):
        """nagle C: from now on, as sockets are by default"""
        self.conns[args[0]].sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 0)
        return "ok"

    def do_fin(self, args, *_):
        self.conns[args[0]].sock.shutdown(socket.SHUT_WR)
        return "ok"

    def do_reset(self, args, *_):
        self.conns.pop(args[0]).sock.close()
        return "ok"

    def do_gone(self, args, *_):
        conn = self.conns[args[0]]
        self.until(lambda: conn.ended, float(args[1]) if len(args) > 1 else 5)
        return conn.ended or "alive"

    def do_inject(self, args, keys, words):
        conn = self.conns[args[0]]
        seq, ack = sequence_numbers(conn.sock)
        data = self.octets(words[1:])
        (source, sport), (dest, dport) = conn.sock.getsockname(), conn.sock.getpeername()
        seq = (seq + num(keys.get("off", "0"))) & 0xFFFFFFFF
        flags = num(keys.get("flags", "0x18"))
        tcp = bytearray(struct.pack(">HHIIBBHHH", sport, dport, seq, ack,
                                    num(keys.get("doff", "5")) << 4, flags, 500, 0, 0) + data)
        pseudo = socket.inet_aton(source) + socket.inet_aton(dest) + struct.pack(">HH", 6, len(tcp))
        struct.pack_into(">H", tcp, 16, checksum(pseudo + tcp))
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, 6) as raw:
            raw.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, num(keys.get("ttl", "64")))
            raw.sendto(bytes(tcp), (dest, 0))
        return "ok"


def checksum(data):
    if len(data) % 2:
        data = bytes(data) + b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def sequence_numbers(sock):
    """Next to send and next expected, by TCP_REPAIR (19), _QUEUE (20), _SEQ (21)."""
    found = []
    sock.setsockopt(socket.IPPROTO_TCP, 19, 1)
    for queue in (2, 1):  # send, receive
        sock.setsockopt(socket.IPPROTO_TCP, 20, queue)
        found.append(sock.getsockopt(socket.IPPROTO_TCP, 21) & 0xFFFFFFFF)
    sock.setsockopt(socket.IPPROTO_TCP, 20, 0)
    sock.setsockopt(socket.IPPROTO_TCP, 19, -1)
    return found


End(*sys.argv[1:4]).run()
