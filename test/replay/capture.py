# SPDX-License-Identifier: GPL-2.0-only
"""A capture file as IPv4 datagrams, by libpcap (pcap and pcapng, either byte order).

What cannot be replayed is refused with a sentence for the person who recorded it.
Fragments are put together, checksums are looked at: a capture made on the sending
machine has those that its network card would have filled in.
"""
import ctypes
import ctypes.util
import os
import socket
import struct

TCP, UDP, GRE, ESP, L2TP = 6, 17, 47, 50, 115
NAMES = {TCP: "TCP", UDP: "UDP", GRE: "GRE", ESP: "ESP", L2TP: "L2TPv3", 1: "ICMP"}
MOST = 50000          # packets of a file; more would take hours, and the guest's memory

# Link type: name, octets before the network layer, where the Ethernet type is.
LINKS = {
    0: ("loopback (BSD)", 4, None), 108: ("loopback (OpenBSD)", 4, None),
    1: ("Ethernet", 14, 12), 113: ("Linux cooked", 16, 14), 276: ("Linux cooked v2", 20, 0),
    12: ("raw IP", 0, None), 14: ("raw IP", 0, None), 101: ("raw IP", 0, None),
    228: ("raw IPv4", 0, None), 9: ("PPP", 4, 2),
}
IPV4_TYPES = (0x0800, 0x0021)        # Ethernet's and PPP's
VLAN_TYPES = (0x8100, 0x88a8, 0x9100)
PPPOE = 0x8864


class Refusal(Exception):
    """The capture cannot be replayed; the text says why."""


class _Header(ctypes.Structure):
    _fields_ = [("sec", ctypes.c_long), ("usec", ctypes.c_long),
                ("caplen", ctypes.c_uint32), ("len", ctypes.c_uint32)]


def fold(total):
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def sum16(data):
    if len(data) % 2:
        data = bytes(data) + b"\0"
    return fold(sum(struct.unpack("!%dH" % (len(data) // 2), data)))


def checksum(data):
    return ~sum16(data) & 0xFFFF


class Datagram:
    """One IPv4 datagram: its octets, where it was in the file, how it came."""

    def __init__(self, number, time, data):
        self.number, self.time, self.data = number, time, bytearray(data)
        self.head = (data[0] & 15) * 4
        self.proto = data[9]
        self.src, self.dst = socket.inet_ntoa(data[12:16]), socket.inet_ntoa(data[16:20])
        self.cut = 0            # octets that were not recorded
        self.pieces = None      # payload octets of each fragment

    @property
    def body(self):
        return self.data[self.head:]

    def ports(self):
        return struct.unpack_from("!HH", self.data, self.head)

    def l4_checksum(self):
        """Where the checksum of the payload is, in the datagram; None without one."""
        at = {TCP: 16, UDP: 6}.get(self.proto)
        if at is None or len(self.data) < self.head + at + 2:
            return None
        if self.proto == UDP and not any(self.data[self.head + at:self.head + at + 2]):
            return None
        return self.head + at

    def pseudo(self):
        size = len(self.data) - self.head
        return bytes(self.data[12:20]) + struct.pack("!HH", self.proto, size)

    def fill_head(self):
        """Makes length and checksum of the IP header right."""
        struct.pack_into("!H", self.data, 2, len(self.data))
        struct.pack_into("!H", self.data, 10, 0)
        struct.pack_into("!H", self.data, 10, checksum(self.data[:self.head]))

    def fill(self):
        """Makes length and checksums right."""
        self.fill_head()
        at = self.l4_checksum()
        if at:
            struct.pack_into("!H", self.data, at, 0)
            right = checksum(self.pseudo() + bytes(self.data[self.head:]))
            struct.pack_into("!H", self.data, at, right or (0xFFFF if self.proto == UDP else 0))

    def faults(self):
        """(what is wrong, what a sending machine leaves to its network card)."""
        wrong, left = [], []
        found = struct.unpack_from("!H", self.data, 10)[0]
        if sum16(self.data[:self.head]) != 0xFFFF:
            (left if not found else wrong).append("IP")
        at = self.l4_checksum()
        if at and sum16(self.pseudo() + bytes(self.data[self.head:])) != 0xFFFF:
            found = struct.unpack_from("!H", self.data, at)[0]
            offload = found in (sum16(self.pseudo()), 0)
            (left if offload else wrong).append(NAMES[self.proto])
        return wrong, left


class Capture:
    def __init__(self, path):
        self.path, self.name = path, os.path.basename(path)
        self.datagrams, self.ipv6, self.other, self.total = [], 0, 0, 0
        self._parts = {}
        self.link = None
        self._read()

    def refuse(self, text):
        raise Refusal("%s %s" % (self.name, text))

    def _read(self):
        try:
            size = os.stat(self.path).st_size
            with open(self.path, "rb") as f:
                f.read(1)
        except OSError as e:
            self.refuse("cannot be read: %s" % e.strerror)
        if not size:
            self.refuse("is empty: it has no octet")
        for number, time, data, missing in self._packets():
            self.total = number
            if number > MOST:
                self.refuse("has more than %d packets: cut out what matters first" % MOST)
            self._packet(number, time, data, missing)
        if not self.total:
            self.refuse("holds no packet")

    def _packets(self):
        lib = ctypes.CDLL(ctypes.util.find_library("pcap") or "libpcap.so.0.8")
        lib.pcap_open_offline.restype = ctypes.c_void_p
        lib.pcap_geterr.restype = ctypes.c_char_p
        error = ctypes.create_string_buffer(256)
        file = lib.pcap_open_offline(os.fsencode(self.path), error)
        if not file:
            self.refuse("is no capture that libpcap can read: %s" % error.value.decode())
        file = ctypes.c_void_p(file)
        try:
            yield from self._loop(lib, file)
        finally:
            lib.pcap_close(file)

    def _loop(self, lib, file):
        link = lib.pcap_datalink(file)
        if link not in LINKS:
            self.refuse("has link type %d, which is not understood (Ethernet, Linux cooked, "
                        "loopback and raw IP are)" % link)
        self.link, self._skip, self._type_at = LINKS[link]
        header, data = ctypes.POINTER(_Header)(), ctypes.POINTER(ctypes.c_ubyte)()
        number = 0
        while True:
            code = lib.pcap_next_ex(file, ctypes.byref(header), ctypes.byref(data))
            if code == -2:
                return
            if code != 1:
                self.refuse("is cut off or damaged after packet %d: %s" %
                            (number, lib.pcap_geterr(file).decode()))
            number += 1
            h = header.contents
            yield (number, h.sec + h.usec / 1e6, ctypes.string_at(data, h.caplen),
                   max(0, h.len - h.caplen))

    def _network(self, data):
        """(type, octets) above the link layer; type None: told by the octets."""
        at, skip = self._type_at, self._skip
        if len(data) < skip:
            return 0, b""
        if at is None:
            return None, data[skip:]
        kind = struct.unpack_from("!H", data, at)[0]
        while kind in VLAN_TYPES and len(data) >= skip + 4:
            kind, skip = struct.unpack_from("!H", data, skip + 2)[0], skip + 4
        if kind == PPPOE and len(data) >= skip + 8:
            kind, skip = struct.unpack_from("!H", data, skip + 6)[0], skip + 8
        return kind, data[skip:]

    def _packet(self, number, time, frame, missing):
        kind, data = self._network(frame)
        if kind is None and data:
            kind = {4: 0x0800, 6: 0x86dd}.get(data[0] >> 4)
        if kind in (0x86dd, 0x0057):
            self.ipv6 += 1
        elif kind not in IPV4_TYPES or len(data) < 20 or data[0] >> 4 != 4 \
                or not 20 <= (data[0] & 15) * 4 <= len(data):
            self.other += 1
        else:
            self._ipv4(number, time, data, missing)

    def _ipv4(self, number, time, data, missing):
        # a length of 0: the network card was to cut it into packets
        size = struct.unpack_from("!H", data, 2)[0] or len(data) + missing
        if size < (data[0] & 15) * 4:
            self.other += 1
            return
        datagram = Datagram(number, time, data[:size])
        datagram.cut = max(0, size - len(data))
        where = struct.unpack_from("!H", data, 6)[0]
        if where & 0x3FFF:
            datagram = self._fragment(datagram, (where & 0x1FFF) * 8, bool(where & 0x2000))
        if datagram:
            self.datagrams.append(datagram)

    def _fragment(self, part, offset, more):
        key = bytes(part.data[4:6]), part.src, part.dst, part.proto
        parts = self._parts.setdefault(key, {})
        parts[offset] = (part, more)
        body, pieces, first = bytearray(), [], None
        while len(body) in parts:
            piece, more = parts[len(body)]
            first = first or piece
            if piece.cut:
                self.refuse("has only the beginning of packet %d (%d octets missing)" % (piece.number, piece.cut))
            body += piece.body
            pieces.append(len(piece.body))
            if not more:
                break
            if not pieces[-1]:
                return None
        else:
            return None
        if len(first.data[:first.head]) + len(body) > 65535:
            self.refuse("has fragments that make more than 65535 octets, packet %d" % part.number)
        del self._parts[key]
        whole = Datagram(part.number, part.time, bytes(first.data[:first.head]) + bytes(body))
        struct.pack_into("!H", whole.data, 6, 0)
        whole.fill_head()
        whole.pieces = pieces
        return whole

    def unfinished(self, ends):
        """Packet numbers of fragments that never became a datagram."""
        return [p.number for (_, src, dst, _), parts in self._parts.items()
                if {src, dst} == ends for p, _ in parts.values()]

    def talks(self):
        """Lines that say who talks with whom, for someone who named the wrong ends."""
        count = {}
        for d in self.datagrams:
            key = tuple(sorted((d.src, d.dst)))
            count.setdefault(key, {}).setdefault(d.proto, 0)
            count[key][d.proto] += 1
        order = sorted(count.items(), key=lambda kv: -sum(kv[1].values()))
        return ["%s and %s: %s" % (a, b, ", ".join("%d %s" % (n, NAMES.get(p, "of protocol %d" % p))
                                                   for p, n in sorted(kinds.items())))
                for (a, b), kinds in order[:10]]
