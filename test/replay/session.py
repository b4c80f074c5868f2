# SPDX-License-Identifier: GPL-2.0-only
"""One client and its server as they were recorded: which packet is next, what it must
look like after the NAT, what was found of it at the other end.
"""
import socket
import struct

import ids
from capture import ESP, GRE, L2TP, NAMES, TCP, UDP, Datagram, Refusal, sum16

VPN_UDP = (ids.IKE_PORT, ids.NATT_PORT, ids.L2TP_PORT)
TWICE = 0.01          # s: the same packet again within this was recorded twice
ROW_LOST = 3          # packets of one side, after which a session is given up
WHERE = {"c": "the client", "s": "the server"}


class Item(Datagram):
    """A datagram to be played: from which side, and what became of it."""

    def __init__(self, datagram, side):
        super().__init__(datagram.number, datagram.time, datagram.data)
        self.cut, self.pieces, self.side = datagram.cut, datagram.pieces, side
        self.marks, self.sent, self.arrived, self.lost = [], None, None, False
        self.ends = self.proto == TCP and len(self.data) > self.head + 13 and bool(
            self.data[self.head + 13] & 5)      # FIN or RST; or PPTP says goodbye here
        self.tries, self.again = 0, None        # of TCP: how often sent, when to send again
        self.copied = False                     # of ESP: other clients got it as well
        self.have = 0                           # octets of its payload that came
        self.client_port = self.server_port = None
        if self.proto in (TCP, UDP) and len(self.data) >= self.head + 8:
            ports = self.ports()
            self.client_port, self.server_port = ports if side == "c" else ports[::-1]

    @property
    def payload_at(self):
        """Where the payload of a TCP segment begins."""
        return self.head + (self.data[self.head + 12] >> 4) * 4

    def __str__(self):
        name = NAMES[self.proto]
        if self.client_port is not None:
            name += " %d%s%d" % (self.client_port, ">" if self.side == "c" else "<", self.server_port)
        elif self.marks:
            name += " %s 0x%x" % (self.marks[0].field.space, self.marks[0].field.value)
        return "packet %d (%s, %d octets, from %s)" % (self.number, name, len(self.data), WHERE[self.side])


class Sent(Datagram):
    """A datagram as it was sent; marks: where its numbers are. A TCP segment that is
    sent again begins with what is missing, skip octets on."""

    def __init__(self, item, data, skip=0):
        marks = item.marks
        if skip:
            at = item.payload_at
            data = data[:at] + data[at + skip:]
            struct.pack_into("!I", data, item.head + 4,
                             (struct.unpack_from("!I", data, item.head + 4)[0] + skip) & 0xFFFFFFFF)
            marks = [m for m in (mark.moved(skip, at) for mark in marks) if m]
        super().__init__(item.number, 0, data)
        self.item, self.pieces, self.marks, self.skip = item, item.pieces, marks, skip


class Talk:
    """What a file has of one client and one server; sessions are played from it."""

    def __init__(self, capture, client, server, options):
        self.capture, self.client, self.server = capture, client, server
        self.notes = []
        items, left_out = [], 0
        for d in capture.datagrams:
            if {d.src, d.dst} != {client, server}:
                continue
            item = Item(d, "c" if d.src == client else "s")
            if is_vpn(item, items):
                items.append(item)
            else:
                left_out += 1
        self.items = self.without_twice(items)
        if left_out:
            self.note("%d packets that are no VPN's were left out" % left_out)
        self.judge(left_out, options)

    def note(self, text):
        self.notes.append(text)

    def refuse(self, text):
        raise Refusal("%s: %s" % (self.capture.name, text))

    def without_twice(self, items):
        kept, last = [], {}
        for item in items:
            before = kept[-1] if kept else None
            if before and before.data == item.data and item.time - before.time <= TWICE:
                continue
            kept.append(item)
        if len(kept) < len(items):
            self.note("%d packets were recorded twice, and are played once" % (len(items) - len(kept)))
        return kept

    def judge(self, left_out, options):
        ends = "%s and %s" % (self.client, self.server)
        if not self.items:
            lines = ["no packet between %s is PPTP, IPsec or L2TP over IPv4%s" %
                     (ends, " (%d others are)" % left_out if left_out else "")]
            if self.capture.ipv6:
                lines.append("IPv6 (%d packets) is not translated, so it is not replayed" % self.capture.ipv6)
            if self.wrong_way():
                lines.append("but there is the other way round: are --client and --server exchanged?")
            lines += ["the file has: " + t for t in self.capture.talks()] or ["the file has no IPv4 at all"]
            self.refuse("\n  ".join(lines))
        self.judge_cut(options)
        unfinished = self.capture.unfinished({self.client, self.server})
        if unfinished:
            self.refuse("fragments are missing to those in packets %s" % some(unfinished))
        self.judge_checksums(options)
        if all(i.side == "s" for i in self.items):
            self.refuse("only %s, called the server, sends: no NAT could know the client. "
                        "Are --client and --server the wrong way round?" % self.server)

    def wrong_way(self):
        return any(is_vpn(Item(d, "s" if d.src == self.client else "c"), [])
                   for d in self.capture.datagrams if {d.src, d.dst} == {self.client, self.server})

    def judge_cut(self, options):
        cut = [i for i in self.items if i.cut]
        if not cut:
            return
        if not options.pad:
            self.refuse("%d packets were recorded without their ends (packet %s): record with the "
                        "whole length (tcpdump -s 0), or fill in zeros with --pad" %
                        (len(cut), some(i.number for i in cut)))
        for i in cut:
            if i.proto == TCP or len(i.data) < i.head + 40:
                self.refuse("too little of %s was recorded to fill it up" % i)
            i.data += bytes(i.cut)
            i.fill()
        self.note("%d packets were filled up with zeros" % len(cut))

    def judge_checksums(self, options):
        bad, left = [], 0
        for i in self.items:
            wrong, offload = i.faults()
            left += bool(offload)
            if wrong:
                bad.append((i, wrong))
        if left:
            self.note("%d packets were recorded before the network card made their checksums" % left)
        if bad and not options.fix_checksums:
            self.refuse("%d packets have a wrong checksum (packet %s): they were damaged, or changed "
                        "since. --fix-checksums makes them right" % (len(bad), some(i.number for i, _ in bad)))
        if bad:
            self.note("%d packets had a wrong checksum, which is made right" % len(bad))
        for i in self.items:
            if not i.pieces and struct.unpack_from("!H", i.data, 2)[0] != len(i.data):
                self.note("%s: its length is made right" % i)


def some(numbers):
    numbers = list(numbers)
    return ", ".join(str(n) for n in numbers[:5]) + (" ..." if len(numbers) > 5 else "")


def is_vpn(item, before):
    if item.proto in (GRE, ESP, L2TP):
        return len(item.data) > item.head + 4
    if item.proto == TCP:
        return item.server_port == ids.PPTP_PORT and len(item.data) >= item.head + 20
    if item.proto != UDP or item.server_port is None:
        return False
    # an L2TP server may answer from another port, RFC 2661 8.1
    return item.server_port in VPN_UDP or any(
        b.proto == UDP and b.client_port == item.client_port for b in before)


def leave_copies(talks):
    """Takes out ESP that a router like ours sent to several clients, because it did not
    know yet whose it was: the owner is who mostly sent before such packets came."""
    receivers, votes, asked = {}, {}, None
    esp = sorted(((i.number, t, i) for t in talks for i in t.items if i.proto == ESP), key=lambda e: e[0])
    for _, talk, item in esp:
        if item.side == "s":
            receivers.setdefault(bytes(item.body), set()).add(talk.client)
    for _, talk, item in esp:
        if item.side == "c":
            asked = talk.client
        elif asked in receivers[bytes(item.body)]:
            of = votes.setdefault(bytes(item.body[:4]), {})
            of[asked] = of.get(asked, 0) + 1
    for talk in talks:
        kept = [i for i in talk.items if not is_copy(i, talk, receivers, votes)]
        if len(kept) < len(talk.items):
            talk.note("%s also got %d ESP packets of another client, which were left out" %
                      (talk.client, len(talk.items) - len(kept)))
            talk.items = kept


def is_copy(item, talk, receivers, votes):
    if item.proto != ESP or item.side != "s" or len(receivers[bytes(item.body)]) < 2:
        return False
    of = votes.get(bytes(item.body[:4]), {})
    return bool(of) and max(of, key=of.get) != talk.client


class Session:
    """Plays the packets of a Talk, as a client of its own."""

    def __init__(self, talk, name, address, clock, distinct):
        self.talk, self.name, self.address = talk, name, address
        self.items = []
        for d in talk.items:
            item = Item(d, d.side)
            item.due = clock[d.number]
            self.items.append(item)
        ids.mark_pptp(self.items)
        for item in self.items:
            ids.mark_packet(item)
        self.changed = distinct.change(self, self.items)
        self.next, self.event = 0, None     # the item to play, when the last one was done
        self.in_flight = []
        self.seen = {}                      # (space, owner, value) -> as the other end knows it
        self.ports = {}                     # (protocol, client's port) -> public one
        self.problems, self.stopped = [], False
        self.lost, self.row_lost = 0, {"c": 0, "s": 0}    # in all; in a row, of each side
        self.copies = self.again = 0
        self.entries = None                 # of conntrack; None: not looked at yet

    def problem(self, text):
        self.problems.append(text)

    # --- playing

    def waits(self, item):
        """Packets of the other side that came before and are under way still."""
        return any(i.side != item.side for i in self.in_flight)

    def due(self, start):
        """When the next item may be sent; None: it waits for others, or there is none."""
        if self.stopped or self.next >= len(self.items) or self.waits(self.items[self.next]):
            return None
        item = self.items[self.next]
        if self.event is None:
            return start + item.due
        return self.event + item.due - self.items[self.next - 1].due

    def done(self):
        return not self.in_flight and (self.stopped or self.next >= len(self.items))

    def build(self, item, server, public):
        """The packet as its sender would send it through this NAT."""
        data = bytearray(item.data)
        if item.side == "c":
            ends = self.address, server
        else:
            ends = server, public
            if item.client_port is not None:
                port = self.ports.get((item.proto, item.client_port), item.client_port)
                struct.pack_into("!H", data, item.head + 2, port)
        data[12:20] = socket.inet_aton(ends[0]) + socket.inet_aton(ends[1])
        for mark in item.marks:
            if mark.field.owner == ids.other(item.side):
                value = self.seen.get(mark.field.key(), mark.field.value).to_bytes(mark.field.size, "big")
                data[mark.at:mark.at + mark.last - mark.first] = value[mark.first:mark.last]
        if data[8] < 16:
            data[8] = 64
        return data

    # --- checking

    def check(self, sent, got, server, public):
        """Compares what arrived with what was sent, both whole datagrams; false when
        the rest of a TCP segment is to be sent again."""
        item = sent.item
        wrong, left = got.faults()
        if wrong or left:
            self.problem("%s arrived with a wrong %s checksum" % (item, " and ".join(wrong + left)))
        want = bytearray(sent.data)
        ends = (public, server) if item.side == "c" else (server, self.address)
        if (got.src, got.dst) != ends:
            self.problem("%s arrived as %s > %s, not %s > %s" % ((item, got.src, got.dst) + ends))
        want[12:20] = got.data[12:20]
        want[8] -= 1
        want[10:12] = got.data[10:12]
        at = sent.l4_checksum()
        if at and len(got.data) >= at + 2:
            want[at:at + 2] = got.data[at:at + 2]
        self.check_ports(item, got, want)
        if item.proto == TCP and item.payload_at <= len(got.data) < len(want):
            # an ID that is not whole yet is cut off, with what belongs to the end
            want = want[:len(got.data)]
            struct.pack_into("!H", want, 2, len(want))
            want[item.head + 13] &= 0xF6
        self.check_marks(sent, got, want)
        if want != got.data:
            self.problem("%s arrived changed: %s" % (item, difference(want, got.data)))
        if item.proto != TCP:
            return True
        item.have = max(item.have, sent.skip + len(got.data) - item.payload_at)
        return item.have >= len(item.data) - item.payload_at

    def check_ports(self, item, got, want):
        if item.client_port is None or len(got.data) < got.head + 4:
            return
        if item.side == "s":
            struct.pack_into("!H", want, item.head + 2, item.client_port)
            return
        key = item.proto, item.client_port
        port = got.ports()[0]
        want[item.head:item.head + 2] = got.data[item.head:item.head + 2]
        if self.ports.setdefault(key, port) != port:
            self.problem("%s: its public port moved from %d to %d" % (item, self.ports[key], port))
            self.ports[key] = port

    def check_marks(self, sent, got, want):
        item = sent.item
        for mark in sent.marks:
            field, size = mark.field, min(mark.last - mark.first, len(got.data) - mark.at)
            if size <= 0:
                continue
            found = got.data[mark.at:mark.at + size]
            last = mark.first + size
            if field.owner == ids.other(item.side):
                # whose number it is must find it as they chose it
                want[mark.at:mark.at + size] = field.value.to_bytes(field.size, "big")[mark.first:last]
            elif field.owner == item.side and field.space not in ("SPI", "IKE SPI"):
                want[mark.at:mark.at + size] = found
                field.got[mark.first:last] = found
                if None not in field.got:
                    self.learn(item, field)

    def learn(self, item, field):
        value = int.from_bytes(bytes(field.got), "big")
        known = self.seen.get(field.key())
        if known is not None and known != value and not field.assigns:
            self.problem("%s names %s %d by %d, which was %d before" % (item, field.space, field.value, value, known))
        self.seen[field.key()] = value

    def lose(self, item, after):
        item.lost = True
        self.lost += 1
        self.row_lost[item.side] += 1
        self.problem("%s did not arrive within %.1f s" % (item, after))
        if self.row_lost[item.side] >= ROW_LOST and not self.stopped:
            self.stopped = True
            self.problem("%d packets in a row from %s were lost: the rest (%d packets) was not played" %
                         (ROW_LOST, WHERE[item.side], len(self.items) - self.next))

    # --- what to expect of conntrack, and to tell

    def flows(self):
        """(protocol, client port, server port) -> sides whose packets came through."""
        flows = {}
        for i in self.items:
            if i.arrived is not None:
                flows.setdefault((i.proto, i.client_port, i.server_port), set()).add(i.side)
        return flows

    def only_by_copy(self):
        """All ESP for this client went to others too: where the router takes it for
        another's still, it came as a copy, which makes no entry an answered one."""
        return all(i.copied for i in self.items if i.proto == ESP and i.side == "s" and i.arrived is not None)

    def at_end(self):
        """The next packet is the first that ends something: conntrack has it all now."""
        item = self.items[self.next]
        return item.ends and not any(i.ends for i in self.items[:self.next])

    def translated(self):
        return ["%s's %s %d is %d at the other end" % (WHERE[owner][4:], space, value, seen)
                for (space, owner, value), seen in self.seen.items() if value != seen] + \
               ["port %d is %d outside" % (port, seen) for (_, port), seen in self.ports.items() if port != seen]


def difference(want, got):
    if len(want) != len(got):
        return "%d octets instead of %d" % (len(got), len(want))
    at = [i for i in range(len(want)) if want[i] != got[i]]
    return "octet %d is 0x%02x instead of 0x%02x%s" % (at[0], got[at[0]], want[at[0]],
                                                     ", and %d more" % (len(at) - 1) if at[1:] else "")
