#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Scripted L2TP ends: version 3 over IP (protocol 115) and version 2 over UDP.

l2tp.py NAME=NETNS@ADDRESS...: one process plays every node, with sockets in each
namespace, bound to the address. A command a line on standard input, one line of answer each. Sourced
with l2tp.sh, which has the verbs as shell functions.

  say NODE DST TYPE [OPTIONS]    sends a control message, waits, and answers what
                arrived and where, "NODE from=SOURCE type=T conn=C [assigned=] ...",
                or nobody. TYPE is SCCRQ, ICRP, ... or a number, or ZLB.
  data NODE DST ID [OPTIONS]     sends a data packet of that session: likewise,
                "NODE from=SOURCE id=ID"
Version 3, numbers of 32 bits, without sport:
  conn=C        Control Connection ID in the header
  assigned=A local=L remote=R    AVPs 61, 63, 64
  digest=1      Message Digest AVP       hide=local,remote,assigned   H bit
  twice=local   that AVP two times
Version 2 over UDP, when sport is given (and dport, 1701 without):
  conn=T/S      Tunnel and Session ID in the header
  name=N        Host Name, AVP 7, before the others
  assigned=A local=L             AVPs 9, 14
Both:
  wait=S        how long to wait for it       src=A   spoofed source address
  cut=N         only the first N octets       hex=... instead of a message
  flood NODE DST COUNT [OPTIONS] as "say", COUNT times, with assigned=1, 2, ...
                answers sent
  error NODE DST QSRC QDST ID [octets=N] [mtu=N] [control=1] [proto=N]
                an ICMP fragmentation needed about a packet of that session
  errors NODE   the first such error received: "SOURCE QSRC>QDST ID MTU", or none
"""
import ctypes
import os
import random
import select
import socket
import struct
import sys
import time

L2TP, ICMP, UDP, PORT = 115, 1, 17, 1701
PATIENCE = 8.0          # for what should come; guests are slow
TYPES = {"ZLB": 0, "SCCRQ": 1, "SCCRP": 2, "SCCCN": 3, "STOPCCN": 4, "HELLO": 6,
         "OCRQ": 7, "OCRP": 8, "OCCN": 9, "ICRQ": 10, "ICRP": 11, "ICCN": 12,
         "CDN": 14, "WEN": 15, "SLI": 16, "ACK": 20}
V3 = {"assigned": 61, "local": 63, "remote": 64}
V2 = {"assigned": 9, "local": 14}
libc = ctypes.CDLL(None, use_errno=True)


def csum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ip_header(src, dst, proto, size):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + size, 0, 0, 64, proto, 0,
                       socket.inet_aton(src), socket.inet_aton(dst))
    return head[:10] + struct.pack("!H", csum(head)) + head[12:]


class Node:
    def __init__(self, name, netns, address):
        self.name, self.address = name, address
        self.there = os.open(netns, os.O_RDONLY)
        self.port, self.mail, self.trouble = {}, [], []
        with self:
            self.raw = self.socket(socket.SOCK_RAW, L2TP)
            # its own packets only, and from its own address, in a shared namespace
            self.raw.bind((address, 0))
            self.icmp = self.socket(socket.SOCK_RAW, ICMP)
            self.out = self.socket(socket.SOCK_RAW, socket.IPPROTO_RAW)

    def __enter__(self):
        self.home = os.open("/proc/self/ns/net", os.O_RDONLY)
        if libc.setns(self.there, 0x40000000):
            raise OSError(ctypes.get_errno(), "setns")

    def __exit__(self, *_):
        libc.setns(self.home, 0x40000000)
        os.close(self.home)

    @staticmethod
    def socket(kind, proto=0):
        sock = socket.socket(socket.AF_INET, kind, proto)
        sock.setblocking(False)
        for opt in (33, 32):    # SO_RCVBUFFORCE, SO_SNDBUFFORCE
            sock.setsockopt(socket.SOL_SOCKET, opt, 4 << 20)
        return sock

    def udp(self, port):
        if port not in self.port:
            with self:
                sock = self.socket(socket.SOCK_DGRAM)
                sock.bind((self.address, port))
            self.port[port] = sock
        return self.port[port]

    def sockets(self):
        return [self.raw, self.icmp] + list(self.port.values())

    def receive(self):
        for data, source in drain(self.raw):
            self.mail.append((data[(data[0] & 15) * 4:], source[0], 0))
        for port, sock in self.port.items():
            for data, source in drain(sock):
                self.mail.append((data, "%s:%d" % source, port))
        for data, source in drain(self.icmp):
            self.note_error(data[(data[0] & 15) * 4:], source[0])
        del self.mail[:-2000]

    def note_error(self, body, source):
        if body[0] != 3 or len(body) < 36:
            return
        quote = body[8:]
        inner = quote[(quote[0] & 15) * 4:]
        at = 0 if struct.unpack("!I", inner[:4])[0] or len(inner) < 12 else 8
        self.trouble.append("%s %s>%s %d %d" % (
            source, socket.inet_ntoa(quote[12:16]), socket.inet_ntoa(quote[16:20]),
            struct.unpack("!I", inner[at:at + 4])[0], struct.unpack("!H", body[6:8])[0]))


def drain(sock):
    got = []
    while True:
        try:
            got.append(sock.recvfrom(65535))
        except BlockingIOError:
            return got
        except OSError:         # an ICMP error about what we sent
            continue


nodes = {}


def until(seconds, predicate):
    end = time.monotonic() + seconds
    while True:
        for node in nodes.values():
            node.receive()
        result = predicate()
        if result or time.monotonic() > end:
            return result
        select.select([s for n in nodes.values() for s in n.sockets()], [], [], 0.05)


def avp(kind, value, bits=0x8000):
    return struct.pack("!HHH", bits | 6 + len(value), 0, kind) + value


def avps(kind, opt, numbers, form):
    body = avp(0, struct.pack("!H", kind)) if kind else b""
    if "digest" in opt:
        body += avp(59, bytes([0]) + os.urandom(16))
    if "name" in opt:
        body += avp(7, opt["name"].encode())
    for name, number in numbers.items():
        if name not in opt:
            continue
        bits = 0xC000 if name in opt.get("hide", "") else 0x8000
        one = avp(number, struct.pack(form, int(opt[name], 0)), bits)
        body += one * (2 if opt.get("twice") == name else 1)
    return body


def message(kind, opt, token):
    kind = TYPES[kind] if kind in TYPES else int(kind)
    conn = opt.get("conn", "0")
    if "sport" in opt:
        tunnel, _, session = conn.partition("/")
        body = avps(kind, opt, V2, "!H")
        where = struct.pack("!HH", int(tunnel, 0), int(session or "0", 0))
        bits = 0xC802
    else:
        body, where, bits = avps(kind, opt, V3, "!I"), struct.pack("!I", int(conn, 0)), 0xC803
    head = struct.pack("!HH", bits, 12 + len(body)) + where + token
    return (b"" if "sport" in opt else bytes(4)) + head + body


def describe(data, source, port):
    if port:
        flags, _, tunnel, session = struct.unpack("!HHHH", data[:8])
        if not flags & 0x8000:
            return "from=%s id=%d/%d" % ((source,) + struct.unpack("!HH", data[2:6]))
        conn, names, form = "%d/%d" % (tunnel, session), V2, "!H"
    else:
        first = struct.unpack("!I", data[:4])[0]
        if first:
            return "from=%s id=%d" % (source, first)
        data, names, form = data[4:], V3, "!I"
        conn = str(struct.unpack("!I", data[4:8])[0])
    text, rest, kind = "", data[12:], 0
    while len(rest) >= 6:
        bits, _, number = struct.unpack("!HHH", rest[:6])
        value, rest = rest[6:bits & 1023], rest[max(6, bits & 1023):]
        if number == 0 and len(value) == 2:
            kind = struct.unpack("!H", value)[0]
        for name, its in names.items():
            if its == number and len(value) == struct.calcsize(form) and not bits & 0x4000:
                text += " %s=%d" % (name, struct.unpack(form, value)[0])
    names = {v: k for k, v in TYPES.items()}
    return "from=%s %s conn=%s%s" % (source, names.get(kind, kind), conn, text)


def split(args):
    return dict(a.split("=", 1) for a in args if "=" in a)


def transmit(node, dst, data, opt):
    data = data[:int(opt.get("cut", len(data)))]
    sport, dport = int(opt.get("sport", 0)), int(opt.get("dport", PORT))
    if "src" in opt:
        if sport:
            data = struct.pack("!HHHH", sport, dport, 8 + len(data), 0) + data
        head = ip_header(opt["src"], dst, UDP if sport else L2TP, len(data))
        sock, data, where = node.out, head + data, (dst, 0)
    elif sport:
        sock, where = node.udp(sport), (dst, dport)
    else:
        sock, where = node.raw, (dst, 0)
    for _ in range(200):
        try:
            return sock.sendto(data, where)
        except (BlockingIOError, OSError) as e:
            if getattr(e, "errno", 0) == 1:     # EPERM: a rule here dropped it
                return 0
            select.select([], [sock], [], 0.05)
    return 0


def whoever(token, wait):
    def got():
        found = []
        for n in nodes.values():
            for one in n.mail:
                if token in one[0]:
                    found.append("%s %s" % (n.name, describe(*one)))
        return found
    return ", ".join(until(wait, got) or ["nobody"])


def forget():
    for n in nodes.values():
        n.receive()
        n.mail.clear()


def say(node, dst, kind, *args):
    opt, token = split(args), os.urandom(4)
    data = bytes.fromhex(opt["hex"]) if "hex" in opt else message(kind, opt, token)
    forget()
    transmit(nodes[node], dst, data, opt)
    return whoever(data if "hex" in opt or "cut" in opt else token,
                   float(opt.get("wait", PATIENCE)))


def data_(node, dst, ident, *args):
    opt, token = split(args), os.urandom(8)
    if "sport" in opt:
        tunnel, _, session = ident.partition("/")
        head = struct.pack("!HHH", 2, int(tunnel, 0), int(session or "0", 0))
    else:
        head = struct.pack("!I", int(ident, 0))
    forget()
    transmit(nodes[node], dst, head + token + bytes(int(opt.get("size", 0))), opt)
    return whoever(token, float(opt.get("wait", PATIENCE)))


def flood(node, dst, count, *args):
    opt = split(args)
    for i in range(int(count)):
        one = dict(opt)
        one[opt.get("what", "assigned")] = str(i + 1)
        transmit(nodes[node], dst, message(opt.get("type", "SCCRQ"), one, os.urandom(4)), one)
        if i % 100 == 0:
            forget()
    return "sent"


def error(node, dst, qsrc, qdst, ident, *args):
    opt = split(args)
    inner = struct.pack("!I", int(ident, 0)) + bytes(60)
    if "control" in opt:
        inner = bytes(4) + struct.pack("!HHI", 0xC803, 12, int(ident, 0)) + bytes(60)
    quote = ip_header(qsrc, qdst, int(opt.get("proto", L2TP)), 1400) + inner[:int(opt.get("octets", 8))]
    body = struct.pack("!BBHHH", 3, 4, 0, 0, int(opt.get("mtu", 1300))) + quote
    body = body[:2] + struct.pack("!H", csum(body)) + body[4:]
    node = nodes[node]
    node.out.sendto(ip_header(node.address, dst, ICMP, len(body)) + body, (dst, 0))
    return "sent"


def errors(node, *args):
    node = nodes[node]
    until(float(split(args).get("wait", PATIENCE)), lambda: node.trouble)
    return node.trouble.pop(0) if node.trouble else "none"


def listen(node, port):
    nodes[node].udp(int(port))
    return "ok"


VERBS = {"say": say, "data": data_, "flood": flood, "error": error, "errors": errors,
         "listen": listen}


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
        select.select([0] + [s for n in nodes.values() for s in n.sockets()], [], [])
        if select.select([0], [], [], 0)[0]:
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
