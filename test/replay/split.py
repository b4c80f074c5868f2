#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""split.py CAPTURE OUT: the capture, with each PPTP call ID cut in two by TCP, as by a
sender that writes octet by octet. The second half follows at once."""
import struct
import sys

from capture import TCP, Capture, Datagram
from ids import MAGIC, PPTP_IDS
from odd import ether, pcap


def halves(datagram):
    at = datagram.head + (datagram.data[datagram.head + 12] >> 4) * 4
    body = datagram.data[at:]
    if body[4:8] != MAGIC or struct.unpack_from("!H", body, 8)[0] not in PPTP_IDS:
        return [datagram]
    cut = at + 13
    first, second = (Datagram(0, datagram.time, part) for part in
                     (datagram.data[:cut], datagram.data[:at] + datagram.data[cut:]))
    seq = struct.unpack_from("!I", second.data, datagram.head + 4)[0]
    struct.pack_into("!I", second.data, datagram.head + 4, (seq + 13) & 0xFFFFFFFF)
    for part in first, second:
        part.fill()
    return [first, second]


def main():
    frames = []
    for d in Capture(sys.argv[1]).datagrams:
        parts = halves(d) if d.proto == TCP else [d]
        frames += [(d.time + n * 1e-6, ether(bytes(p.data))) for n, p in enumerate(parts)]
    pcap(sys.argv[2], frames)


main()
