# SPDX-License-Identifier: GPL-2.0-only
"""The two sides of the router: one packet socket in each namespace.

The addresses that are played belong to no local stack, so nothing answers but the
recording: the router finds their link addresses in its neighbour table.
"""
import ctypes
import os
import socket
import struct
import subprocess

from capture import Datagram

CLONE_NEWNET = 0x40000000
ETH_P_IP = 0x0800
libc = ctypes.CDLL(None, use_errno=True)


def mac(address):
    """The link address that goes with an address here."""
    return b"\x02\x00" + socket.inet_aton(address)


def text(link_address):
    return ":".join("%02x" % b for b in link_address)


class Wire:
    def __init__(self, netns, device, gateway_mac):
        self.netns, self.gateway_mac = netns, gateway_mac
        home = os.open("/proc/self/ns/net", os.O_RDONLY)
        there = os.open("/run/netns/" + netns, os.O_RDONLY)
        self._enter(there)
        try:
            self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_IP))
            self.sock.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)    # SO_RCVBUFFORCE
            self.sock.bind((device, ETH_P_IP))
        finally:
            self._enter(home)
            os.close(home)
            os.close(there)
        self.sock.setblocking(False)
        self.parts = {}

    @staticmethod
    def _enter(fd):
        if libc.setns(fd, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")

    def send(self, datagram):
        frame = self.gateway_mac + mac(datagram.src) + struct.pack("!H", ETH_P_IP)
        for part in pieces(datagram):
            self.sock.send(frame + bytes(part.data))

    def receive(self):
        """(link address it was for, datagram) of all that came."""
        got = []
        while True:
            try:
                frame = self.sock.recv(70000)
            except BlockingIOError:
                return got
            data = frame[14:]
            datagram = Datagram(0, 0, data[:struct.unpack_from("!H", data, 2)[0]])
            whole = self._whole(datagram)
            if whole:
                got.append((frame[:6], whole))

    def _whole(self, part):
        where = struct.unpack_from("!H", part.data, 6)[0]
        if not where & 0x3FFF:
            return part
        parts = self.parts.setdefault((part.src, part.dst, bytes(part.data[4:6])), {})
        parts[(where & 0x1FFF) * 8] = part, where & 0x2000
        body = bytearray()
        while len(body) in parts:
            piece, more = parts[len(body)]
            body += piece.body
            if not more:
                first = parts[0][0]
                parts.clear()
                whole = Datagram(0, 0, bytes(first.data[:first.head]) + bytes(body))
                struct.pack_into("!H", whole.data, 6, 0)
                whole.fill_head()
                return whole
            if not piece.body:
                break
        return None


def pieces(datagram):
    """The fragments in which the datagram was recorded."""
    if not datagram.pieces:
        return [datagram]
    parts, at = [], 0
    for n, size in enumerate(datagram.pieces):
        part = Datagram(0, 0, bytes(datagram.data[:datagram.head]) + bytes(datagram.body[at:at + size]))
        more = 0x2000 if n + 1 < len(datagram.pieces) else 0
        struct.pack_into("!H", part.data, 6, at // 8 | more)
        part.fill_head()
        parts.append(part)
        at += size
    return parts


def ip_batch(netns, lines):
    subprocess.run(["ip", "-n", netns, "-batch", "-"], input="\n".join(lines) + "\n", text=True, check=True)


def prepare(namespaces, clients, server):
    """Takes the addresses from the two stacks and tells the router where they are.

    namespaces: of clients, router, server. The router's devices are lan1 and wan.
    """
    inside, router, outside = namespaces
    gateway = b"\x02\x01\x00\x00\x00\x01", b"\x02\x01\x00\x00\x00\x02"
    for netns in inside, outside:
        ip_batch(netns, ["addr flush dev eth0", "link set eth0 mtu 65535 arp off"])
    lines = ["link set %s mtu 65535 address %s" % (device, text(link))
             for device, link in zip(("lan1", "wan"), gateway)]
    lines += ["neigh replace %s lladdr %s dev %s nud permanent" % (a, text(mac(a)), device)
              for a, device in [(c, "lan1") for c in clients] + [(server, "wan")]]
    ip_batch(router, lines)
    for device in "lan1", "wan":
        # NAT helpers leave the checksum to the card: here the wire shall show it
        subprocess.run(["ip", "netns", "exec", router, "ethtool", "-K", device, "tx", "off"],
                       stdout=subprocess.DEVNULL, check=True)
    return Wire(inside, "eth0", gateway[0]), Wire(outside, "eth0", gateway[1])
