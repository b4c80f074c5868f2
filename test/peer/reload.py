#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""reload.py NETNS CYCLES ASK SAY IN OUT: unloads and loads modules while there are
sessions, as fast as it goes: no process is started, modules, rules and conntrack
are asked by system call, library and netlink.

A cycle: conntrack is flushed; client 1 (pptp.py behind the FIFOs IN and OUT) calls, and
exchanges keys (ike.py behind the descriptors ASK and SAY); the rules in NETNS go, one
to three protocol modules are unloaded in some order, and the core when none is left;
they are loaded in some order, and the rules are back. Prints "CYCLES cycles, U unloads,
S with sessions", or what went wrong and in which cycle.
"""
import ctypes
import errno
import os
import platform
import random
import select
import socket
import struct
import sys
import time

netns, cycles, ask_fd, say_fd, fifo_in, fifo_out = sys.argv[1:7]
SERVER = "203.0.113.2"
PROTOCOLS = ["nf_vpn_pptp", "nf_vpn_ipsec", "nf_vpn_l2tp"]
RULES = """table ip helpers {
	ct helper p { type "vpn-pptp" protocol tcp; }
	ct helper i { type "vpn-ike" protocol udp; }
	ct helper l { type "vpn-l2tp" protocol udp; }
	chain pre {
		type filter hook prerouting priority filter;
		tcp dport 1723 ct helper set "p"
		udp dport 500 ct helper set "i"
		udp dport 1701 ct helper set "l"
	}
}"""
FINIT, DELETE = {"x86_64": (313, 176), "aarch64": (273, 106), "s390x": (344, 129)}[platform.machine()]
libc = ctypes.CDLL(None, use_errno=True)


class Wrong(Exception):
    pass


def system(number, *args):
    if libc.syscall(number, *args) < 0:
        return ctypes.get_errno()
    return 0


def load(module):
    fd = os.open(f"/lib/modules/{os.uname().release}/updates/{module}.ko", os.O_RDONLY)
    code = system(FINIT, fd, b"", 0)
    os.close(fd)
    if code:
        raise Wrong(f"{module} does not load: {os.strerror(code)}")


def unload(module):
    """A rule's reference is put when nft's own work item has run."""
    end = time.monotonic() + 10
    while code := system(DELETE, module.encode(), os.O_NONBLOCK):
        if code != errno.EAGAIN or time.monotonic() > end:
            raise Wrong(f"{module} does not unload: {os.strerror(code)}")
        time.sleep(0.002)


class Nft:
    def __init__(self):
        self.lib = ctypes.CDLL("libnftables.so.1")
        self.lib.nft_ctx_new.restype = ctypes.c_void_p
        self.ctx = ctypes.c_void_p(self.lib.nft_ctx_new(0))

    def __call__(self, text):
        if self.lib.nft_run_cmd_from_buffer(self.ctx, text.encode()):
            raise Wrong("nft: " + text.split("{", 1)[0])


class Conntrack:
    """IPCTNL_MSG_CT_DELETE without a tuple: flush."""

    def __init__(self):
        self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)

    def flush(self):
        self.sock.send(struct.pack("=IHHIIBBH", 20, 1 << 8 | 2, 5, 1, 0, socket.AF_INET, 0, 0))
        self.sock.recv(4096)


class Peer:
    """Commands to one of the scripted ends, and their answers."""

    def __init__(self, to, back, ends):
        self.to, self.back, self.ends = to, back, ends

    def __call__(self, text):
        os.write(self.to, text.encode() + b"\n")
        got = b""
        while not got.endswith(self.ends):
            if not select.select([self.back], [], [], 30)[0]:
                raise Wrong("no answer to: " + text)
            got += os.read(self.back, 65536)
        return got[:-len(self.ends)].decode().strip()


def want(what, got, wanted):
    if not got.startswith(wanted):
        raise Wrong(f"{what}: {got}, wanted: {wanted}")


def sessions(i, pptp, ike):
    """True: both are up, and flows lead to them."""
    pptp(f"close k{i - 1}")
    want("connect", pptp(f"connect k{i} {SERVER} t=10"), "ok")
    want("start", pptp(f"start k{i}"), "sccrp")
    want("call", pptp(f"call k{i} 7 t=10"), "up own=7 ")
    want("keys", ike("meet c1 s"), "203.0.113.1:")
    ike(f"deliver c1 {SERVER} 0x1001 {i} wait=5")
    with open("/proc/thread-self/net/nf_vpn/flows", encoding="ascii") as file:
        flows = file.read()
    return flows.count("pptp ") >= 2 and "esp original" in flows


def cycle(nft, chance):
    nft("delete table ip helpers")
    out = chance.sample(PROTOCOLS, chance.randint(1, 3))
    for module in out:
        unload(module)
    back = out[:]
    if len(out) == len(PROTOCOLS):
        unload("nf_vpn")
        load("nf_vpn")
    chance.shuffle(back)
    for module in back:
        load(module)
    nft(RULES)
    return len(out) + (len(out) == len(PROTOCOLS))


def main():
    if libc.setns(os.open(netns, os.O_RDONLY), 0x40000000):
        raise Wrong("setns")
    pptp = Peer(os.open(fifo_in, os.O_RDWR), os.open(fifo_out, os.O_RDWR), b".\n")
    ike = Peer(int(ask_fd), int(say_fd), b"\n")
    nft, conntrack = Nft(), Conntrack()
    chance = random.Random(int(os.environ.get("SEED", "1")))
    unloads = up = 0
    nft(RULES)
    t0 = time.monotonic()
    for i in range(1, int(cycles) + 1):
        try:
            conntrack.flush()
            up += sessions(i, pptp, ike)
            unloads += cycle(nft, chance)
        except Wrong as wrong:
            print(f"cycle {i}: {wrong}")
            return 1
        if i % 100 == 0:
            print(f"{i} cycles, {time.monotonic() - t0:.0f} s", file=sys.stderr, flush=True)
    pptp(f"close k{cycles}")
    print(f"{cycles} cycles, {unloads} unloads, {up} with sessions")
    return 0


sys.exit(main())
