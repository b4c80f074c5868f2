#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Many PPTP calls, and nothing else: the ground for measuring one GRE packet.

calls.py server            answers every Outgoing-Call-Request on port 1723
calls.py client ADDR N M   brings up N calls, M on each control connection,
                           prints "up N FIRST LAST" (the server's call IDs that the
                           client sends to) and stays
"""
import asyncio
import struct
import sys

MAGIC = 0x1A2B3C4D


def head(length, kind):
    return struct.pack('>HHIHH', length, 1, MAGIC, kind, 0)


class Server:
    def __init__(self):
        self.call = 0

    async def serve(self, reader, writer):
        try:
            while True:
                length, _, _, kind, _ = struct.unpack('>HHIHH', await reader.readexactly(12))
                body = await reader.readexactly(length - 12)
                if kind == 1:
                    writer.write(head(156, 2) + struct.pack('>HBBIIHH', 0x100, 1, 0, 3, 3, 0, 1) + bytes(128))
                elif kind == 7:
                    self.call = self.call % 65534 + 1
                    peer = struct.unpack('>H', body[:2])[0]
                    writer.write(head(32, 8) + struct.pack('>HHBBHIHHI', self.call, peer, 1, 0, 0, 1000000, 64, 0, 0))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass


async def control(address, first, n):
    reader, writer = await asyncio.open_connection(address, 1723)
    writer.write(head(156, 1) + struct.pack('>HHIIHH', 0x100, 0, 3, 3, 0, 1) + bytes(128))
    await reader.readexactly(156)
    ids = []
    for call in range(first, first + n):
        writer.write(head(168, 7) + struct.pack('>HHIIIIHHHH', call, call & 0xffff, 1000, 10 ** 8, 3, 3, 64, 0, 0, 0)
                     + bytes(128))
        reply = await reader.readexactly(32)
        own, peer, result = struct.unpack('>HHB', reply[12:17])
        if result != 1 or peer != call:
            sys.exit(f'call {call}: answered for {peer}, result {result}')
        ids.append(own)
    return ids, writer


async def client(address, calls, per_control):
    keep = []
    ids = []
    for first in range(1, calls + 1, per_control):
        got, writer = await control(address, first, min(per_control, calls + 1 - first))
        ids += got
        keep.append(writer)
    print('up', len(ids), ids[0], ids[-1], flush=True)
    await asyncio.sleep(10 ** 6)


async def main():
    if sys.argv[1] == 'server':
        server = await asyncio.start_server(Server().serve, '0.0.0.0', 1723, backlog=4096)
        await server.serve_forever()
    await client(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))

asyncio.run(main())
