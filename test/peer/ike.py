#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Scripted IKE and ESP ends, without cryptography: the router reads headers only.

ike.py NAME=NETNS@ADDRESS[/PUBLIC]...: one process plays every node, with sockets in
each namespace; a server behind NAT is called by its public address. A command a line on standard input, one line of answer each. Sourced
with ike.sh, which has the verbs as shell functions. NODE, A, B, C, S are names.

IKE (one IKE SA a client at a time; C is the client's node, S its server's):
  ike A B WHAT [LEN]   A sends B a message of C's IKE SA and waits for it there:
                       init auth child info (requests), init! auth! child! info!
                       (answers). Answers ADDRESS:PORT, the source B saw, or lost
  meet C S             all of IKE_SA_INIT and IKE_AUTH; answers as the last does
  rekey A B            a CREATE_CHILD_SA exchange that A begins
  renew A B [SPI]      that exchange rekeyed their IKE SA: new SPIs from now on
  offer A DST          A begins a new IKE SA with DST: "NAME SOURCE:PORT" of whoever
                       gets its IKE_SA_INIT, or nobody
ESP and the rest:
  esp NODE DST SPI SEQ [LEN]           sends
  deliver NODE DST SPI SEQ [LEN] [wait=S]
                       sends, answers "NAME SOURCE" of whoever gets it, or nobody
  talk C S OUT IN [rounds=N] [from=SEQ]
                       questions of C with SPI OUT, answers of S with SPI IN, each
                       question right after an answer; how many were answered
  rush S C... [child=C|S] [rounds=N] [spi=BASE] [first=1]
                       all clients exchange keys at once (IKE_AUTH, or a rekey
                       begun by C or S), the answers shuffled, and talk, with SPIs
                       BASE + 0x1000 + K out, BASE + 0x2000 + K in; first: S begins.
                       "UP of N up, L questions and E exchanges lost, F foreign"
  raw NODE DST PROTO HEX [src=A] [df=1] [frag=OCTETS [first=1]]
  udp NODE DST SPORT DPORT HEX
  tell NODE DST SPORT DPORT HEX [src=A] [wait=S]
                       udp, answers "NAME SOURCE:PORT" of whoever gets it, or nobody
  pass NODE DST PROTO HEX [...]        raw, answers as deliver does
  flood NODE DST COUNT [seq=N] [src=A] ESP with random SPIs
  stream NODE DST PROTO HEX            sends without end; octets ++++++++ of HEX
                       (four times ++) become a counter; udp too: PROTO udp:500:500
  calm                 ends all streams, answers how many packets they sent
ICMP errors:
  error NODE DST TYPE CODE QSRC QDST SPI SEQ [mtu=N] [octets=N] [src=A] [badsum=1]
                       an error about an ESP packet (QPROTO= for others)
  errors NODE [wait=S] the first error received that no one asked for yet:
                       "TYPE/CODE SOURCE QSRC>QDST SPI MTU", or none
  forget               what was received so far
"""
import ctypes
import os
import random
import select
import socket
import struct
import sys
import threading
import time

ESP, GRE, ICMP, UDP = 50, 47, 1, 17
PATIENCE = 8.0        # for what should come; guests are slow
SILENCE = 1.0         # for what should not
EXCHANGE = {"init": 34, "auth": 35, "child": 36, "info": 37}
LENGTH = {"init": 300, "auth": 240, "child": 220, "info": 80}
QUIET_TYPES = (3, 4, 11, 12)
libc = ctypes.CDLL(None, use_errno=True)


def csum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ip_header(src, dst, proto, size, ident=0, frag=0):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + size, ident, frag, 64,
                       proto, 0, socket.inet_aton(src), socket.inet_aton(dst))
    return head[:10] + struct.pack("!H", csum(head)) + head[12:]


class Node:
    def __init__(self, name, netns, address):
        self.name = name
        self.address, _, public = address.partition("/")
        self.public = public or self.address    # where others call it
        home = os.open("/proc/self/ns/net", os.O_RDONLY)
        there = os.open(netns, os.O_RDONLY)
        self.enter(there)
        self.raw = {p: self.socket(socket.SOCK_RAW, p) for p in (ESP, GRE, ICMP)}
        self.out = self.socket(socket.SOCK_RAW, socket.IPPROTO_RAW)
        self.port = {}
        self.bind(500)
        self.enter(home)
        os.close(home)
        self.there = there
        self.seen = {}          # (proto, body head) -> source address
        self.mail = []          # IKE datagrams: (payload, (address, port))
        self.trouble = []       # ICMP errors

    @staticmethod
    def enter(fd):
        if libc.setns(fd, 0x40000000):
            raise OSError(ctypes.get_errno(), "setns")

    @staticmethod
    def socket(kind, proto=0):
        sock = socket.socket(socket.AF_INET, kind, proto)
        sock.setblocking(False)
        for opt in (33, 32):    # SO_RCVBUFFORCE, SO_SNDBUFFORCE
            sock.setsockopt(socket.SOL_SOCKET, opt, 4 << 20)
        return sock

    def bind(self, port):
        if port not in self.port:
            home = os.open("/proc/self/ns/net", os.O_RDONLY)
            if hasattr(self, "there"):
                self.enter(self.there)
            sock = self.socket(socket.SOCK_DGRAM)
            sock.bind(("0.0.0.0", port))
            self.enter(home)
            os.close(home)
            self.port[port] = sock
        return self.port[port]

    def sockets(self):
        return list(self.raw.values()) + list(self.port.values())

    def receive(self):
        for proto, sock in self.raw.items():
            for data, source in drain(sock):
                body = data[(data[0] & 15) * 4:]
                if proto == ICMP:
                    self.icmp(body, source[0])
                elif len(self.seen) < 100000:
                    self.seen[proto, body[:8]] = source[0]
        for sock in list(self.port.values()):
            self.mail += drain(sock)

    def icmp(self, body, source):
        if body[0] not in QUIET_TYPES or len(body) < 28:
            return
        quote = body[8:]
        inner = quote[(quote[0] & 15) * 4:]
        spi = "0x%x" % struct.unpack("!I", inner[:4]) if len(inner) >= 4 else "-"
        self.trouble.append("%d/%d %s %s>%s %s %d" % (
            body[0], body[1], source, socket.inet_ntoa(quote[12:16]),
            socket.inet_ntoa(quote[16:20]), spi, struct.unpack("!H", body[6:8])[0]))


def drain(sock):
    got = []
    while True:
        try:
            got.append(sock.recvfrom(65535))
        except BlockingIOError:
            return got
        except OSError:         # an ICMP error about what we sent
            continue


nodes, sessions, streams = {}, {}, []


def until(seconds, predicate, pause=0.05):
    end = time.monotonic() + seconds
    while True:
        for node in nodes.values():
            node.receive()
        result = predicate()
        if result or time.monotonic() > end:
            return result
        select.select([s for n in nodes.values() for s in n.sockets()], [], [], pause)


def send(sock, data, where):
    for _ in range(200):
        try:
            return sock.sendto(data, where)
        except (BlockingIOError, OSError) as e:
            if getattr(e, "errno", 0) == 1:     # EPERM: a rule here dropped it
                return 0
            select.select([], [sock], [], 0.05)
    return 0


# --- IKE

class Session:
    def __init__(self, client, server):
        self.client, self.server = client, server
        self.ispi, self.rspi = random.getrandbits(64) | 1, random.getrandbits(64) | 1
        self.asked = {}                     # asker -> last message ID
        self.where = None                   # the client as the server sees it

    def message(self, sender, what, length):
        answer, kind = what.endswith("!"), what.rstrip("!")
        asker = sender if not answer else \
            (self.server if sender is self.client else self.client)
        if not answer:
            self.asked[asker] = self.asked.get(asker, -1) + 1
        size = length or LENGTH[kind]
        flags = (0x08 if sender is self.client else 0) | (0x20 if answer else 0)
        rspi = 0 if what == "init" else self.rspi
        head = struct.pack("!QQBBBBII", self.ispi, rspi, 46, 0x20, EXCHANGE[kind],
                           flags, self.asked.get(asker, 0), size)
        return head + os.urandom(8) + bytes(size - 36 if size > 36 else 0)


def ike(a, b, what, length=0):
    a, b = nodes[a], nodes[b]
    if what == "init":
        sessions[a.name, b.name] = sessions[b.name, a.name] = Session(a, b)
    session = sessions[a.name, b.name]
    data = session.message(a, what, int(length))
    where = (b.public, 500) if a is session.client else session.where
    send(a.port[500], data, where)

    def arrived():
        return [source for payload, source in b.mail if payload == data]
    got = until(PATIENCE, arrived)
    if not got:
        return "lost"
    if b is session.server:
        session.where = got[0]
    return "%s:%d" % got[0]


def meet(c, s):
    seen = "lost"
    for step in ("init", "init!", "auth", "auth!"):
        answer = step.endswith("!")
        got = ike(s, c, step) if answer else ike(c, s, step)
        if got == "lost":
            return "lost " + step
        seen = seen if answer else got
    return seen


def rekey(a, b):
    got = ike(a, b, "child")
    return got if got == "lost" else ike(b, a, "child!")


def renew(a, b, spi="0"):
    session = sessions[a, b]
    session.ispi = number(spi) or random.getrandbits(64) | 1
    session.rspi = random.getrandbits(64) | 1
    session.asked = {}
    return "renewed"


def offer(a, dst):
    data = Session(nodes[a], nodes[a]).message(nodes[a], "init", 0)
    send(nodes[a].port[500], data, (dst, 500))

    def got():
        return ["%s %s:%d" % (n.name, *source) for n in nodes.values()
                for payload, source in n.mail if payload == data]
    return ", ".join(until(SILENCE * 2, got) or ["nobody"])


# --- talks

THINK = 0.06          # of who answers: longer than the router waits for reactions
AGAIN = 2.0           # until a question or a request is sent once more


def talk(c, s, out, back, *args):
    _, opt = split(args)
    client, server, answered = nodes[c], nodes[s], 0
    first = number(opt.get("from", "1"))
    for seq in range(first, first + int(opt.get("rounds", 10))):
        question, answer = esp_packet(out, seq), esp_packet(back, seq)
        send(client.raw[ESP], question, (server.public, 0))
        source = until(AGAIN, lambda: server.seen.get((ESP, question[:8])))
        if not source:
            continue
        time.sleep(THINK)
        send(server.raw[ESP], answer, (source, 0))
        answered += bool(until(AGAIN, lambda: client.seen.get((ESP, answer[:8]))))
    return str(answered)


class Rusher:
    """One client of a rush: exchanges keys, then asks, and asks again."""

    def __init__(self, server, client, k, opt):
        self.s, self.c = server, client
        self.session = sessions[client.name, server.name]
        self.kind = "child" if "child" in opt else "auth"
        by_server = opt.get("child") == server.name
        self.asker, self.other = (server, client) if by_server else (client, server)
        base = number(opt.get("spi", "0"))
        self.out, self.back = base + 0x1000 + k, base + 0x2000 + k
        self.rounds, self.server_first = int(opt.get("rounds", 8)), "first" in opt
        self.request = self.session.message(self.asker, self.kind, 0)
        self.response = self.session.message(self.other, self.kind + "!", 0)
        self.keyed = self.answering = False
        self.seq, self.done, self.lost, self.late = 0, 0, 0, 0
        self.due = []                       # (when, what)
        self.question = None

    def ike(self, sender, data):
        there = (self.s.public, 500) if sender is self.c else self.session.where
        send(sender.port[500], data, there)

    def start(self, now):
        self.ike(self.asker, self.request)
        self.timer = now + AGAIN

    def ask(self, now):
        self.seq += 1
        self.question = esp_packet(self.out, self.seq)[:8]
        send(self.c.raw[ESP], esp_packet(self.out, self.seq), (self.s.public, 0))
        self.timer = now + AGAIN

    def answer(self, seq):
        send(self.s.raw[ESP], esp_packet(self.back, seq), (self.session.where[0], 0))

    def got(self, node, data):
        return any(payload == data for payload, _ in node.mail)

    def exchange(self, now):
        if not self.answering and self.got(self.other, self.request):
            self.answering = True
            self.due.append((now + random.random() / 4, "response"))
        if self.got(self.asker, self.response):
            self.keyed = True
            if not self.server_first:
                self.ask(now)
        elif now > self.timer:
            self.late += 1
            self.answering = False
            self.start(now)

    def conversation(self, now):
        head = self.question
        if self.server_first and not head:
            if (ESP, struct.pack("!II", self.back, 1000)) in self.c.seen or now > self.timer:
                self.ask(now)
            return
        if (ESP, head) in self.s.seen:
            del self.s.seen[ESP, head]
            self.due.append((now + THINK + random.random() / 3, self.seq))
        if (ESP, struct.pack("!II", self.back, self.seq)) in self.c.seen:
            self.done += 1
            if self.done < self.rounds:
                self.ask(now)
        elif now > self.timer:
            self.lost += 1
            self.ask(now)

    def step(self, now):
        for item in [d for d in self.due if d[0] <= now]:
            self.due.remove(item)
            if item[1] != "response":
                self.answer(item[1])
                continue
            self.ike(self.other, self.response)
            if self.server_first:
                self.answer(1000)
        if not self.keyed:
            self.exchange(now)
        elif self.done < self.rounds:
            self.conversation(now)


def rush(s, *args):
    names, opt = split(args)
    for node in nodes.values():
        node.receive()
        node.seen.clear()
        node.mail.clear()
    crowd = [Rusher(nodes[s], nodes[c], int(c[1:]), opt) for c in names]
    random.shuffle(crowd)
    for one in crowd:
        one.start(time.monotonic())

    def over():
        now = time.monotonic()
        for one in crowd:
            one.step(now)
        return all(one.done >= one.rounds for one in crowd)
    until(float(opt.get("patience", 60)), over, 0.005)
    own = {one.c.name: one.back for one in crowd}
    foreign = sum(proto == ESP and struct.unpack("!I", head[:4])[0] != own[n.name]
                  for n in (one.c for one in crowd) for proto, head in n.seen)
    return "%d of %d up, %d questions and %d exchanges lost, %d foreign" % (
        sum(one.done >= one.rounds for one in crowd), len(crowd),
        sum(one.lost for one in crowd), sum(one.late for one in crowd), foreign)


# --- ESP, raw IP

def number(text):
    return int(text, 0)


def split(args):
    plain = [a for a in args if "=" not in a]
    return plain, dict(a.split("=", 1) for a in args if "=" in a)


def esp_packet(spi, seq, size=64):
    return struct.pack("!II", number(str(spi)), number(str(seq))) + \
        os.urandom(max(0, int(size) - 8))


def esp(node, dst, *args):
    send(nodes[node].raw[ESP], esp_packet(*args), (dst, 0))
    return "sent"


def whoever(proto, head, wait):
    def got():
        return ["%s %s" % (n.name, n.seen[proto, head])
                for n in nodes.values() if (proto, head) in n.seen]
    return ", ".join(until(wait, got) or ["nobody"])


def deliver(node, dst, *args):
    args, opt = split(args)
    packet = esp_packet(*args)
    for n in nodes.values():
        n.receive()
        n.seen.pop((ESP, packet[:8]), None)
    send(nodes[node].raw[ESP], packet, (dst, 0))
    return whoever(ESP, packet[:8], float(opt.get("wait", PATIENCE)))


def raw(node, dst, proto, body="", *args):
    _, opt = split(args)
    data, ident = bytes.fromhex(body), random.getrandbits(16)
    step = int(opt.get("frag", 0)) or len(data) or 1
    src = opt.get("src", nodes[node].address)
    for at in range(0, max(1, len(data)), step):
        piece = data[at:at + step]
        bits = 0x2000 if at + step < len(data) else 0x4000 if "df" in opt else 0
        head = ip_header(src, dst, int(proto), len(piece), ident, bits | at // 8)
        send(nodes[node].out, head + piece, (dst, 0))
        if "first" in opt:
            break
    return "sent"


def pass_(node, dst, proto, body="", *args):
    _, opt = split(args)
    head = bytes.fromhex(body)[:8]
    for n in nodes.values():
        n.receive()
        n.seen.pop((int(proto), head), None)
    raw(node, dst, proto, body, *args)
    return whoever(int(proto), head, float(opt.get("wait", PATIENCE)))


def udp(node, dst, sport, dport, body=""):
    send(nodes[node].bind(int(sport)), bytes.fromhex(body), (dst, int(dport)))
    return "sent"


def tell(node, dst, sport, dport, body, *args):
    _, opt = split(args)
    data = bytes.fromhex(body)
    for n in nodes.values():
        n.receive()
        n.mail.clear()
    if "src" in opt:
        head = struct.pack("!HHHH", int(sport), int(dport), 8 + len(data), 0)
        send(nodes[node].out, ip_header(opt["src"], dst, UDP, 8 + len(data)) + head + data,
             (dst, 0))
    else:
        udp(node, dst, sport, dport, body)

    def got():
        return ["%s %s:%d" % (n.name, *source) for n in nodes.values()
                for payload, source in n.mail if payload == data]
    return ", ".join(until(float(opt.get("wait", PATIENCE)), got) or ["nobody"])


def flood(node, dst, count, *args):
    _, opt = split(args)
    node = nodes[node]
    sock, lead = node.raw[ESP], b""
    if "src" in opt:
        sock, lead = node.out, ip_header(opt["src"], dst, ESP, 32)
    for i in range(int(count)):
        seq = number(opt["seq"]) if "seq" in opt else random.getrandbits(31) | 64
        send(sock, lead + struct.pack("!II", random.getrandbits(31) + 0x1000000, seq) +
             bytes(24), (dst, 0))
        if i % 200 == 0:
            for n in nodes.values():
                n.receive()
    return "sent"


class Stream(threading.Thread):
    def __init__(self, sock, where, lead, tail, pause):
        super().__init__(daemon=True)
        self.sock, self.where, self.lead, self.tail = sock, where, lead, tail
        self.pause, self.go, self.count = pause, True, 0

    def run(self):
        while self.go:
            self.count += 1
            middle = b"" if self.tail is None else struct.pack("!I", self.count)
            try:
                self.sock.sendto(self.lead + middle + (self.tail or b""), self.where)
            except OSError:
                pass
            time.sleep(self.pause)


def stream(node, dst, proto, body, *args):
    _, opt = split(args)
    lead, plus, tail = body.partition("++++++++")
    lead, tail = bytes.fromhex(lead), bytes.fromhex(tail) if plus else None
    if proto.startswith("udp"):
        _, sport, dport = proto.split(":")
        sock, where = nodes[node].bind(int(sport)), (dst, int(dport))
    else:
        sock, where = nodes[node].raw[int(proto)], (dst, 0)
    streams.append(Stream(sock, where, lead, tail, float(opt.get("pause", 0.02))))
    streams[-1].start()
    return "sent"


def calm():
    for one in streams:
        one.go = False
    for one in streams:
        one.join()
    total = sum(one.count for one in streams)
    streams.clear()
    return str(total)


# --- ICMP errors

def error(node, dst, kind, code, qsrc, qdst, spi, seq, *args):
    _, opt = split(args)
    octets = int(opt.get("octets", 8))
    quote = ip_header(qsrc, qdst, int(opt.get("QPROTO", ESP)), 1400)
    quote += esp_packet(spi, seq, 1400)[:octets]
    body = struct.pack("!BBHHH", int(kind), int(code), 0, 0, int(opt.get("mtu", 0))) + quote
    check = csum(body) ^ (0x5555 if "badsum" in opt else 0)
    body = body[:2] + struct.pack("!H", check) + body[4:]
    src = opt.get("src", nodes[node].address)
    send(nodes[node].out, ip_header(src, dst, ICMP, len(body)) + body, (dst, 0))
    return "sent"


def errors(node, *args):
    _, opt = split(args)
    node = nodes[node]
    until(float(opt.get("wait", PATIENCE)), lambda: node.trouble)
    return node.trouble.pop(0) if node.trouble else "none"


def forget():
    for node in nodes.values():
        node.receive()
        node.seen.clear()
        node.trouble.clear()
        node.mail.clear()
    return "done"


VERBS = {"ike": ike, "meet": meet, "rekey": rekey, "renew": renew, "offer": offer,
         "talk": talk, "rush": rush, "esp": esp, "deliver": deliver,
         "raw": raw, "pass": pass_, "udp": udp, "tell": tell, "flood": flood, "stream": stream,
         "calm": calm, "error": error, "errors": errors, "forget": forget}


def command(line):
    verb, *args = line.split()
    try:
        return VERBS[verb](*args)
    except Exception as e:      # the test sees it as a wrong answer
        return "failed: %s: %r" % (line.strip(), e)


def main():
    random.seed(1)
    for text in sys.argv[1:]:
        name, _, rest = text.partition("=")
        netns, _, address = rest.partition("@")
        nodes[name] = Node(name, netns, address)
    print("ready", flush=True)
    buffered = b""
    while True:
        ready = [0] + [s for n in nodes.values() for s in n.sockets()]
        if 0 in select.select(ready, [], [])[0]:
            data = os.read(0, 65536)
            if not data:
                return
            buffered += data
            *lines, buffered = buffered.split(b"\n")
            for line in lines:
                if line == b"quit":
                    return
                print(command(line.decode()), flush=True)
        for node in nodes.values():
            node.receive()


main()
