#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Replays captures of VPN sessions through the router of a test's network.

Each client of each FILE, and each copy of it, becomes an inside client of its own;
all servers become the one server outside. A packet is sent from its own side, when
those of the other side that were recorded before it have come through, and after
the recorded time. Addresses, checksums, a TTL that would not last and the IP
identification (which tells packets apart) are replaced. What a NAT gave to an end,
ports, PPTP call IDs, L2TPv3 IDs, that end says as it learned it.

Copies and further clients have the client's own numbers as recorded, but SPIs, IKE
cookies and the server's call, session and control IDs of their own: two sessions with
one server never share these.

Exit code: 0 all came through as it should; 1 something did not; 2 wrong usage; 3 the
capture cannot be replayed.
"""
import argparse
import ipaddress
import re
import select
import subprocess
import sys
import time

import wire
from capture import ESP, GRE, L2TP, NAMES, TCP, UDP, Capture, Refusal
from session import WHERE, Sent, Session, Talk, leave_copies
import ids

INSIDE = ipaddress.ip_network("192.168.0.0/16")
NET = ipaddress.ip_network("192.168.1.0/24")
QUIET = 0.4           # s without a packet, at the end
AGAIN = 0.5           # s until TCP repeats what was cut off; what is lost, twice that
IMPATIENCE = 1.0      # s until a packet counts as lost where one was lost already
MOST_TOLD = 12        # problems of one session


def arguments(argv):
    def address(text):
        return str(ipaddress.IPv4Address(text))

    def addresses(text):
        return [address(t) for t in text.split(",")]

    p = argparse.ArgumentParser(prog="replay", description="Replays captured VPN sessions through a NAT router.")
    p.add_argument("files", nargs="+", metavar="FILE")
    p.add_argument("--client", action="append", required=True, type=addresses, metavar="A[,A...]",
                   help="who is to stand behind the router; once, or once for each FILE")
    p.add_argument("--server", action="append", required=True, type=address, metavar="B",
                   help="who is to stand outside; once, or once for each FILE")
    p.add_argument("--copies", type=int, default=1, metavar="N", help="each client N times, overlapping")
    p.add_argument("--stagger", type=float, default=0.1, metavar="S", help="seconds from copy to copy")
    p.add_argument("--speed", type=float, default=1.0, metavar="X", help="X times as fast as recorded")
    p.add_argument("--gap", type=float, default=1.0, metavar="S", help="no pause is longer than that")
    p.add_argument("--patience", type=float, default=8.0, metavar="S", help="when a packet counts as lost")
    p.add_argument("--pad", action="store_true", help="fill what was not recorded of a packet with zeros")
    p.add_argument("--fix-checksums", action="store_true", help="make wrong checksums right")
    p.add_argument("--no-help", action="store_true", help=argparse.SUPPRESS)
    p.add_argument("--check-only", action="store_true", help=argparse.SUPPRESS)
    p.add_argument("--namespaces", default="", help=argparse.SUPPRESS)
    p.add_argument("--public", default="203.0.113.1", help=argparse.SUPPRESS)
    p.add_argument("--outside", default="203.0.113.2", help=argparse.SUPPRESS)
    o = p.parse_args(argv)
    for name in ("client", "server"):
        given = getattr(o, name)
        if len(given) == 1:
            setattr(o, name, given * len(o.files))
        elif len(given) != len(o.files):
            p.error("--%s: give it once, or once for each FILE" % name)
    if o.speed <= 0 or o.copies < 1 or o.gap < 0 or o.patience <= 0 or o.stagger < 0:
        p.error("a number is too small")
    return o


def timeline(talks, options):
    """When each packet of a file is due, by number: recorded pauses, scaled, cut."""
    numbers = sorted((i.time, i.number) for t in talks for i in t.items)
    clock, due, before = {}, 0.0, None
    for moment, number in numbers:
        if before is not None:
            due += min(max(0.0, moment - before) / options.speed, options.gap)
        before, clock[number] = moment, due
    return clock


def read(options):
    """All sessions; prints what was found in the files."""
    sessions, distinct, hosts = [], ids.Distinct(), list(NET.hosts())[1:]
    for path, clients, server in zip(options.files, options.client, options.server):
        capture = Capture(path)
        if server in clients:
            raise Refusal("%s: client and server are the same, %s" % (capture.name, server))
        talks = [Talk(capture, c, server, options) for c in clients]
        leave_copies(talks)
        clock = timeline(talks, options)
        print("%s: %d packets, %s" % (capture.name, capture.total, capture.link))
        for talk in talks:
            print("  %s and %s: %s" % (talk.client, server, kinds(talk.items)))
            for note in dict.fromkeys(talk.notes):
                print("  note: " + note)
        for copy in range(options.copies):
            for talk in talks:
                if len(sessions) >= len(hosts):
                    raise Refusal("more than %d clients are too many" % len(hosts))
                name = "client %d" % (len(sessions) + 1)
                session = Session(talk, name, str(hosts[len(sessions)]), clock, distinct)
                for item in session.items:
                    item.due += copy * options.stagger
                sessions.append(session)
    return sessions


def kinds(items):
    count = {}
    for i in items:
        name = "%s %d" % (NAMES[i.proto], i.server_port) if i.server_port is not None else NAMES[i.proto]
        count[name] = count.get(name, 0) + 1
    return ", ".join("%d %s" % (n, name) for name, n in count.items())


class Replay:
    def __init__(self, sessions, options):
        self.sessions, self.o = sessions, options
        self.by_address = {s.address: s for s in sessions}
        self.tags, self.tag = {}, 0         # IP identification -> (session, item, as sent)
        self.problems, self.zones = [], {}
        self.netns = options.namespaces.split(",")
        inside, outside = wire.prepare(self.netns, list(self.by_address), options.outside)
        self.wires = {"c": inside, "s": outside}
        self.last = time.monotonic()        # when something came or went

    def problem(self, text):
        if text not in self.problems:
            self.problems.append(text)

    # --- the play

    def run(self):
        start = time.monotonic() + 0.05
        socks = [w.sock for w in self.wires.values()]
        while True:
            now = time.monotonic()
            dues = [d for d in (self.advance(s, start, now) for s in self.sessions) if d is not None]
            if all(s.done() for s in self.sessions) and time.monotonic() - self.last > QUIET:
                return
            wait = min([d - time.monotonic() for d in dues] + [0.1])
            select.select(socks, [], [], max(0.0, wait))
            for side, other in ("c", "s"), ("s", "c"):
                for link, got in self.wires[side].receive():
                    self.last = time.monotonic()
                    self.arrived(side, other, link, got)

    def advance(self, session, start, now):
        """Sends what is due; when the next packet is."""
        patience = self.o.patience if not session.lost else min(IMPATIENCE, self.o.patience)
        for item in [i for i in session.in_flight if now - i.sent > patience]:
            session.in_flight.remove(item)
            session.event = now
            session.lose(item, patience)
        for item in session.in_flight:
            if item.again is not None and item.again < now:
                session.again += 1
                self.send(session, item)
        while True:
            due = session.due(start)
            if due is None or due > now:
                return due
            if session.at_end():
                self.check_conntrack(session)
            item = session.items[session.next]
            item.sent = session.event = time.monotonic()
            session.in_flight.append(item)
            self.send(session, item)
            session.next += 1

    def send(self, session, item):
        data = session.build(item, self.o.outside, self.o.public)
        # 0 would be no tag; a number is used again after 65535 packets
        self.tag = self.tag % 65535 + 1
        data[4:6] = self.tag.to_bytes(2, "big")
        sent = Sent(item, data, item.have)
        sent.fill()
        self.tags[self.tag] = session, sent
        self.last = time.monotonic()
        item.tries += 1
        if item.proto == TCP and len(item.data) > item.payload_at:
            item.again = self.last + AGAIN * 2 ** item.tries
        self.wires[item.side].send(sent)

    def arrived(self, side, other, link, got):
        if side == "s" and any(ipaddress.ip_address(a) in INSIDE for a in (got.src, got.dst)):
            self.problem("LEAK: a packet %s > %s (%s) went out untranslated" %
                         (got.src, got.dst, NAMES.get(got.proto, got.proto)))
        session, sent = self.tags.get(int.from_bytes(got.data[4:6], "big"), (None, None))
        item = sent and sent.item
        if item is None or item.side != other or item.proto != got.proto:
            self.problem("at %s: a packet nobody sent, %s > %s, %s" %
                         ({"c": "the clients", "s": "the server"}[side], got.src, got.dst,
                          NAMES.get(got.proto, "protocol %d" % got.proto)))
            return
        receiver = session.address if side == "c" else self.o.outside
        if got.dst != receiver or link != wire.mac(receiver):
            self.astray(session, item, got)
            return
        if item.arrived is not None:
            if item.tries < 2:
                session.problem("%s arrived twice" % item)
            return
        if not session.check(sent, got, self.o.outside, self.o.public):
            item.again = time.monotonic() + AGAIN
            return
        item.arrived, item.again = time.monotonic(), None
        if item.lost:
            session.problem("%s came late, after %.1f s" % (item, item.arrived - item.sent))
            return
        session.row_lost[item.side] = 0
        session.event = item.arrived
        session.in_flight.remove(item)

    def astray(self, session, item, got):
        """Clients that cannot decrypt ESP get copies until its owner is known."""
        other = self.by_address.get(got.dst)
        if other is not None and item.proto == ESP and item.side == "s":
            other.copies += 1
            item.copied = True
            return
        session.problem("%s went to the wrong host, %s" % (item, other.name if other else got.dst))

    # --- the end

    def conntrack(self):
        text = subprocess.run(["ip", "netns", "exec", self.netns[1], "conntrack", "-L"],
                              capture_output=True, text=True).stdout
        return [line for line in text.splitlines() if "src=" in line]

    def check_conntrack(self, s):
        """Each flow that went both ways has an answered entry, with what was seen outside."""
        lines, s.entries = self.conntrack(), 0
        for (proto, port, server_port), sides in s.flows().items():
            if len(sides) < 2:
                continue
            mine = [l for l in lines if entry_of(l, proto, s.address, self.o.outside, port, server_port)]
            what = "%s's %s" % (s.name, NAMES[proto])
            s.entries += len(mine)
            if mine:
                self.check_entry(s, what, mine, proto, port)
            else:
                s.problem("conntrack has no entry for %s" % what)

    def check_entry(self, s, what, mine, proto, port):
        if all("[UNREPLIED]" in l for l in mine) and not (proto == ESP and s.only_by_copy()):
            s.problem("conntrack has %s as unanswered: %s" % (what, mine[0]))
        if all(" dst=%s " % self.o.public not in l for l in mine):
            s.problem("conntrack has %s without the public address: %s" % (what, mine[0]))
        if port is not None and proto in (TCP, UDP) and \
                not any("dport=%d" % s.ports.get((proto, port), port) in l.split(" src=")[2] for l in mine):
            s.problem("conntrack has another public port for %s: %s" % (what, mine[0]))
        if proto in (ESP, L2TP):
            zone = (re.findall(r" zone=(\d+)", mine[0]) or ["0"])[0]
            if len(mine) > 1:
                s.problem("conntrack has %d entries for %s" % (len(mine), what))
            if self.zones.setdefault((proto, zone), s) is not s:
                s.problem("conntrack has %s in the zone of %s" % (what, self.zones[proto, zone].name))

    def check_clashes(self):
        """What the server sees must tell clients apart."""
        seen = {}
        for s in self.sessions:
            for key, port in s.ports.items():
                if seen.setdefault((key[0], port), s) is not s:
                    s.problem("has the public port %d of %s" % (port, seen[key[0], port].name))
            for (space, owner, value), public in s.seen.items():
                if owner == "c" and space == "session ID" and seen.setdefault((space, public), s) is not s:
                    s.problem("has the public %s %d of %s" % (space, public, seen[space, public].name))

    # --- the report

    def report(self):
        for s in self.sessions:
            if s.entries is None:
                self.check_conntrack(s)
        entries = sum(s.entries for s in self.sessions)
        self.check_clashes()
        for s in self.sessions:
            self.report_session(s)
        for text in self.problems:
            print("  WRONG: " + text)
        good = not self.problems and not any(s.problems for s in self.sessions)
        print("conntrack: %d entries of these flows before they ended%s" % (entries, ", as expected" if good else ""))
        if not good:
            self.state()
        print("RESULT: " + ("everything came through as it should" if good else
                            "NOT everything came through as it should"))
        return 0 if good else 1

    def report_session(self, s):
        told = []
        for side in "c", "s":
            of = [i for i in s.items if i.side == side]
            told.append("%d of %d packets from %s" % (sum(i.arrived is not None for i in of), len(of), WHERE[side]))
        print("%s (%s plays %s of %s): %s came through" %
              (s.name, s.address, s.talk.client, s.talk.capture.name, ", ".join(told)))
        if s.changed:
            print("  made its own: " + ", ".join("%d %s%s" % (n, k, "s" if n > 1 else "")
                                               for k, n in s.changed.items()))
        if s.translated():
            print("  translated: " + ", ".join(s.translated()))
        if s.again:
            print("  %d TCP segments were sent again, as TCP does when they are lost or cut" % s.again)
        if any(i.copied for i in s.items):
            print("  %d ESP packets for it reached others as well, until it was known whose they were" %
                  sum(i.copied for i in s.items))
        if s.copies:
            print("  it got copies of %d ESP packets of others, until it was known whose they were" % s.copies)
        for text in s.problems[:MOST_TOLD]:
            print("  WRONG: " + text)
        if len(s.problems) > MOST_TOLD:
            print("  WRONG: and %d more" % (len(s.problems) - MOST_TOLD))

    def state(self):
        """What the router knows, for whoever looks for the reason."""
        print("--- conntrack of the router")
        print("\n".join(self.conntrack()) or "(nothing)")
        stats = subprocess.run(["ip", "netns", "exec", self.netns[1], "cat", "/proc/net/nf_vpn/stats"],
                               capture_output=True, text=True).stdout
        print("--- what the modules counted")
        print("\n".join(l for l in stats.splitlines() if not re.match(r"\S+\s+0\b", l)) or "(no modules)")
        print("---")


def entry_of(line, proto, client, server, port, server_port):
    number = re.match(r"\S+ +(\d+) ", line)
    if not number or int(number.group(1)) != proto:
        return False
    original = " src=" + line.split(" src=")[1] + " "
    want = [" src=%s " % client, " dst=%s " % server]
    if port is not None:
        want += [" sport=%d " % port, " dport=%d " % server_port]
    return all(w in original for w in want)


def main(argv):
    options = arguments(argv)
    try:
        sessions = read(options)
    except Refusal as e:
        print("replay: cannot replay: %s" % e)
        return 3
    if options.check_only:
        return 0
    replay = Replay(sessions, options)
    replay.run()
    return replay.report()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
