#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""pcapng.py IN OUT: what tcpdump wrote (pcap), as pcapng with microseconds."""
import sys

from scapy.layers.l2 import Ether
from scapy.utils import PcapNgWriter, PcapReader

with PcapReader(sys.argv[1]) as packets, PcapNgWriter(sys.argv[2]) as out:
    for packet in packets:
        frame = Ether(bytes(packet))
        frame.time = packet.time
        out.write(frame)
