#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Requests to the family nf_vpn that nfvpn would not send.

genl.py get|del|dump|new [TYPE:u32:NUMBER | TYPE:raw:HEX | TYPE:ip:ADDRESS | TYPE:nest:PART,...]...
(PART: TYPE=NUMBER, TYPE~PORT, TYPE@ADDRESS)
prints "ERRNO MESSAGE" of the answer: 0, or negative and the extack message.
"""
import re
import socket
import struct
import sys

ERROR, DONE, ACK_TLVS = 2, 3, 0x200


def attr(kind, data):
    return struct.pack("=HH", 4 + len(data), kind) + data + b"\0" * (-len(data) % 4)


def attrs(data):
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        if length < 4:
            return
        yield kind & 0x3FFF, data[4:length]
        data = data[(length + 3) & ~3:]


def send(sock, family, flags, cmd, payload):
    body = struct.pack("=BBH", cmd, 1, 0) + payload
    sock.send(struct.pack("=IHHII", 16 + len(body), family, flags, 7, 0) + body)


def messages(sock):
    while True:
        data = sock.recv(65536)
        while len(data) >= 16:
            length, kind, flags = struct.unpack_from("=IHH", data)
            yield kind, flags, data[16:length]
            data = data[(length + 3) & ~3:]


def family(sock):
    send(sock, 16, 1, 3, attr(2, b"nf_vpn\0"))
    for kind, _, body in messages(sock):
        if kind == ERROR:
            sys.exit("no family")
        for number, data in attrs(body[4:]):
            if number == 1:
                return struct.unpack("=H", data)[0]


def message_of(flags, rest):
    if flags & ACK_TLVS:
        for kind, data in attrs(rest):
            if kind == 1:
                return data.rstrip(b"\0").decode()
    return ""


def part(word):
    kind, mark, value = re.fullmatch("([0-9]+)([=~@])(.*)", word).groups()
    data = {"=": lambda: struct.pack("=I", int(value)), "~": lambda: struct.pack(">H", int(value)),
            "@": lambda: socket.inet_aton(value)}[mark]()
    return attr(int(kind), data)


def wanted(word):
    kind, form, value = word.split(":")
    forms = {"u32": lambda: struct.pack("=I", int(value)), "raw": lambda: bytes.fromhex(value),
             "ip": lambda: socket.inet_aton(value),
             "nest": lambda: b"".join(part(w) for w in value.split(",") if w)}
    # a nest says so itself: NLA_F_NESTED
    return attr(int(kind) | (0x8000 if form == "nest" else 0), forms[form]())


def main():
    sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16)
    sock.setsockopt(270, 11, 1)  # SOL_NETLINK, NETLINK_EXT_ACK
    number = family(sock)
    cmd, flags = {"get": (1, 5), "del": (2, 5), "new": (6, 5), "dump": (1, 0x301)}[sys.argv[1]]
    send(sock, number, flags, cmd, b"".join(wanted(word) for word in sys.argv[2:]))
    for kind, seen, body in messages(sock):
        if kind == ERROR:
            code, length = struct.unpack_from("=iI", body)
            capped = 20 if seen & 0x100 else 4 + ((length + 3) & ~3)
            print(code, message_of(seen, body[capped:] if code else b""))
            return
        if kind == DONE:
            code = struct.unpack_from("=i", body)[0] if len(body) >= 4 else 0
            print(code, message_of(seen, body[4:]))
            return


main()
