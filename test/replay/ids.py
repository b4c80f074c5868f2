# SPDX-License-Identifier: GPL-2.0-only
"""Where packets carry numbers that a NAT may translate, or that must differ
between two clients of a server.

A Mark says: these octets of this datagram are those of a Field. Sides are "c",
the client, and "s", the server; the owner of a number is who chose it and wants to
receive it.
"""
import struct

from capture import ESP, GRE, L2TP, TCP, UDP

PPTP_PORT, IKE_PORT, NATT_PORT, L2TP_PORT = 1723, 500, 4500, 1701
MAGIC = b"\x1a\x2b\x3c\x4d"

# RFC 2637 2.7-2.15: message type -> offset of its sender's call ID, its receiver's
PPTP_IDS = {7: (12, None), 8: (12, 14), 9: (12, None), 10: (12, 14), 11: (None, 12),
            12: (12, None), 13: (12, None), 14: (None, 12), 15: (None, 12)}
PPTP_ASSIGN = (7, 8, 9, 10)
PPTP_ENDS = (3, 4, 12, 13)
# RFC 3931 5.4.1, 5.4.4: attribute -> space; whose
L2TP_AVPS = {61: ("control ID", "own"), 63: ("session ID", "own"), 64: ("session ID", "peer")}


class Field:
    """A number in packets: its space (call ID and so on), whose it is, its value."""

    def __init__(self, space, owner, value, size, assigns=False):
        self.space, self.owner, self.value, self.size = space, owner, value, size
        self.assigns = assigns      # its owner chooses it here
        self.got = [None] * size    # what arrived in its place

    def key(self):
        return self.space, self.owner, self.value


class Mark:
    def __init__(self, at, field, first=0, last=None):
        self.at, self.field = at, field
        self.first, self.last = first, field.size if last is None else last

    def moved(self, octets, start):
        """The mark where octets behind start are gone; None if it is gone with them."""
        if self.at < start:
            return self
        lost = max(0, start + octets - self.at)
        if self.first + lost >= self.last:
            return None
        return Mark(self.at + lost - octets, self.field, self.first + lost, self.last)


def other(side):
    return "s" if side == "c" else "c"


def number(data, at, size):
    return int.from_bytes(data[at:at + size], "big")


# --- PPTP over TCP

class _Stream:
    """One direction of a control connection, by sequence numbers."""

    def __init__(self, base):
        self.base, self.data, self.items = base, bytearray(), []

    def add(self, item, seq, payload_at):
        start = (seq - self.base) & 0xFFFFFFFF
        body = item.data[payload_at:]
        if start > 1 << 24 or not body:
            return
        if len(self.data) < start:
            self.data += bytes(start - len(self.data))
        self.data[start:start + len(body)] = body
        self.items.append((start, len(body), payload_at, item))

    def mark(self, side):
        """Finds messages; what lies between them (lost segments) is passed over."""
        data, at = self.data, 0
        while True:
            at = data.find(MAGIC, at + 4) - 4
            if at < 0:
                return
            length, kind, _, message = struct.unpack_from("!HHIH", data + bytes(12), at)
            if kind != 1 or message not in range(1, 16) or not 12 <= length <= 220:
                at += 4
                continue
            if message in PPTP_ENDS:
                self._ends(at)
            for offset, owner in zip(PPTP_IDS.get(message, ()), (side, other(side))):
                if offset and offset + 2 <= length and at + offset + 2 <= len(data):
                    self._field(at + offset, Field("call ID", owner, number(data, at + offset, 2), 2,
                                                   owner == side and message in PPTP_ASSIGN))
            at += length

    def _ends(self, at):
        for start, size, _, item in self.items:
            item.ends = item.ends or start <= at < start + size

    def _field(self, at, field):
        for start, size, payload_at, item in self.items:
            first, last = max(at, start), min(at + 2, start + size)
            if first < last:
                item.marks.append(Mark(payload_at + first - start, field, first - at, last - at))


def mark_pptp(items):
    """Marks the call IDs in control connections, and what ends a call or all of them."""
    streams = {}
    for item in items:
        if item.proto != TCP or len(item.data) < item.head + 20:
            continue
        seq, flags = struct.unpack_from("!IxxxxxB", item.data, item.head + 4)
        payload_at = item.head + (item.data[item.head + 12] >> 4) * 4
        key = item.side, item.client_port
        if flags & 2 and (key not in streams or streams[key].base != (seq + 1) & 0xFFFFFFFF):
            if key in streams:
                streams[key].mark(item.side)
            streams[key] = _Stream((seq + 1) & 0xFFFFFFFF)
        elif key not in streams:
            streams[key] = _Stream(seq)
        streams[key].add(item, seq, payload_at)
    for (side, _), stream in streams.items():
        stream.mark(side)


# --- the others, each in one packet

def mark_gre(item):
    """RFC 2637 4.1: the key holds payload length and call ID, the receiver's."""
    at = item.head
    if len(item.data) >= at + 8 and struct.unpack_from("!HH", item.data, at) and \
            item.data[at] & 0x20 and item.data[at + 1] & 7 == 1:
        item.marks.append(Mark(at + 6, Field("call ID", other(item.side), number(item.data, at + 6, 2), 2)))


def mark_esp(item, at):
    item.marks.append(Mark(at, Field("SPI", other(item.side), number(item.data, at, 4), 4)))


def mark_ike(item, at):
    """The two SPIs (IKEv1: cookies); both ends choose one, nobody translates them."""
    for offset in (0, 8):
        value = number(item.data, at + offset, 8)
        if value and len(item.data) >= at + 28:
            item.marks.append(Mark(at + offset, Field("IKE SPI", "both", value, 8)))


def mark_natt(item):
    """RFC 3948 2: four zero octets before IKE, one octet 0xff, or ESP."""
    at = item.head + 8
    if len(item.data) < at + 5:
        return
    if not any(item.data[at:at + 4]):
        mark_ike(item, at + 4)
    else:
        mark_esp(item, at)


def mark_l2tp(item):
    """L2TPv3 over IP: RFC 3931 4.1.1, and the AVPs that name IDs."""
    at, data = item.head, item.data
    if len(data) < at + 4:
        return
    if any(data[at:at + 4]):
        item.marks.append(Mark(at, Field("session ID", other(item.side), number(data, at, 4), 4)))
        return
    if len(data) < at + 16 or data[at + 4] & 0x80 == 0:
        return
    if number(data, at + 8, 4):
        item.marks.append(Mark(at + 8, Field("control ID", other(item.side), number(data, at + 8, 4), 4)))
    end = min(len(data), at + 4 + number(data, at + 6, 2))
    at += 16
    while at + 6 <= end:
        size, vendor, kind = struct.unpack_from("!HHH", data, at)
        if size & 0x3FF < 6:
            return
        if vendor == 0 and kind in L2TP_AVPS and size & 0x3FF == 10 and not size & 0x4000:
            space, whose = L2TP_AVPS[kind]
            value = number(data, at + 6, 4)
            owner = item.side if whose == "own" else other(item.side)
            if value:
                item.marks.append(Mark(at + 6, Field(space, owner, value, 4, whose == "own")))
        at += size & 0x3FF


def mark_packet(item):
    if item.proto == GRE:
        mark_gre(item)
    elif item.proto == ESP and len(item.data) >= item.head + 8:
        mark_esp(item, item.head)
    elif item.proto == L2TP:
        mark_l2tp(item)
    elif item.proto == UDP and item.server_port == IKE_PORT:
        mark_ike(item, item.head + 8)
    elif item.proto == UDP and item.server_port == NATT_PORT:
        mark_natt(item)


# --- what must differ between the clients of one server

class Distinct:
    """Hands out numbers that no other session has: what a server gives to two
    clients differs, and SPIs and cookies are random."""

    SHIFT = {"call ID": 0, "SPI": 8, "IKE SPI": 8, "session ID": 8, "control ID": 8}

    def __init__(self):
        self.taken = {}

    def wants(self, field):
        return field.value and (field.owner != "c" or field.space == "SPI")

    def get(self, session, field):
        n, shift = 0, self.SHIFT[field.space]
        while True:
            value = field.value ^ (n << shift)
            owner = self.taken.setdefault((field.space, field.owner, value), (session, field.value))
            if value and owner == (session, field.value):
                return value
            n += 1

    def change(self, session, items):
        """Puts such numbers into the packets of a session; how many differ now."""
        changed = {}
        done = set()
        for item in items:
            for mark in item.marks:
                field = mark.field
                if id(field) not in done and self.wants(field):
                    done.add(id(field))
                    old, field.value = field.value, self.get(session, field)
                    if old != field.value:
                        changed.setdefault(field.space, set()).add(field.value)
                value = field.value.to_bytes(field.size, "big")
                item.data[mark.at:mark.at + mark.last - mark.first] = value[mark.first:mark.last]
        return {space: len(values) for space, values in changed.items()}
