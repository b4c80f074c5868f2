#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""seeds.py DIR CAPTURE...: first inputs for the fuzzers, from recorded sessions.

Writes DIR/NAME/SHA1 in the format that fuzz_NAME.c reads.
"""
import hashlib
import os
import struct
import sys

from scapy.layers.inet import IP, TCP, UDP
from scapy.utils import PcapReader

TOP = sys.argv[1]


def put(name, data):
    folder = os.path.join(TOP, name)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, hashlib.sha1(data).hexdigest()), "wb") as file:
        file.write(data)


def streams(packets):
    """TCP 1723: each message alone, and each direction as segments."""
    found = {}
    for p in packets:
        if TCP in p and 1723 in (p[TCP].sport, p[TCP].dport):
            octets = bytes(p[TCP].payload)[:p[IP].len - 20 - 4 * p[TCP].dataofs]
            if octets:
                put("pptp_msg", octets)
                found.setdefault((p[IP].src, p[TCP].sport), []).append(octets[:255])
    for segments in found.values():
        put("pptp_octets", b"\0\0\0\0\1" + b"".join(bytes([4, len(s)]) + s for s in segments[:12]))


def exchanges(packets):
    """UDP 500 and 4500: all of a server, with directions."""
    found = {}
    for p in packets:
        if UDP not in p or not {500, 4500} & {p[UDP].sport, p[UDP].dport}:
            continue
        answer = p[UDP].sport in (500, 4500) and p[UDP].sport != p[UDP].dport
        marker = 4 if 4500 in (p[UDP].sport, p[UDP].dport) else 0
        octets = bytes(p[UDP].payload)
        head = octets[:40]
        ends = tuple(sorted((p[IP].src, p[IP].dst)))
        flags = (1 if answer or p[IP].src == ends[1] else 0) | 2 | marker
        found.setdefault(ends, []).append(bytes([flags, len(head)]) +
                                          bytes([min(255, len(octets) - len(head))]) + head)
    for datagrams in found.values():
        put("ike_msg", b"".join(datagrams[:16]))


def tunnels(packets):
    for p in packets:
        if UDP in p and 1701 in (p[UDP].sport, p[UDP].dport):
            put("l2tp_msg", b"\0" + bytes(p[UDP].payload))
        elif IP in p and p[IP].proto == 115:
            octets = bytes(p[IP].payload)
            put("l2tp_msg", b"\0" + (octets[4:] if octets[:4] == bytes(4) else octets))


def put_l2tp(version, body):
    put("l2tp_msg", b"\0" + struct.pack(">HHHHHH", 0xc800 | version, 12 + len(body), 0, 0, 0, 0) + body)


def avps():
    """What no recording has: a hidden AVP, a signed message, more AVPs than are read."""
    def avp(bits, kind, value):
        return struct.pack(">HHH", bits | 6 + len(value), 0, kind) + value
    for version in (2, 3):
        body = avp(0x8000, 0, b"\0\1") + avp(0xc000, 9, b"\0\7") + avp(0x8000, 61, b"\0\0\0\7") + \
            avp(0, 59, bytes(17)) + avp(0x4000, 14, b"\0\3")
        put_l2tp(version, body)
        put_l2tp(version, avp(0x8000, 0, b"\0\1") + 150 * avp(0, 99, b""))


avps()
for capture in sys.argv[2:]:
    with PcapReader(capture) as reader:
        every = list(reader)
    streams(every)
    exchanges(every)
    tunnels(every)
