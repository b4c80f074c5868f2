#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""profile.py KALLSYMS LINES < TRACE: instructions of a packet by function.

TRACE is QEMU's log of each instruction executed (-d exec,nochain, one a block). A
packet begins where __x64_sys_sendto does; what is before the first and after the last
one is left out.
"""
import bisect
import collections
import re
import sys


def symbols(path):
    found = {}
    with open(path) as f:
        for line in f:
            words = line.split()
            if words[1] in 'tTwW':
                module = words[3].strip('[]') if len(words) > 3 else ''
                found.setdefault(int(words[0], 16), (words[2], module))
    addresses = sorted(found)
    return addresses, [found[a] for a in addresses]


def main():
    addresses, names = symbols(sys.argv[1])
    start = addresses[[n[0] for n in names].index('__x64_sys_sendto')]
    pc_of = re.compile(r'\[[0-9a-f]+/([0-9a-f]+)/')
    count, calls, packets = collections.Counter(), collections.Counter(), 0
    total, now, calls_now = None, None, None
    cache = {}
    for line in sys.stdin:
        hit = pc_of.search(line)
        if not hit:
            continue
        pc = int(hit.group(1), 16)
        if pc == start:
            if now is not None:
                count += now
                calls += calls_now
                packets += 1
            now, calls_now = collections.Counter(), collections.Counter()
        if now is None:
            continue
        if pc not in cache:
            i = bisect.bisect_right(addresses, pc) - 1
            user = pc < 1 << 47
            cache[pc] = (('userspace', ''), False) if user or i < 0 else (names[i], addresses[i] == pc)
        name, entry = cache[pc]
        now[name] += 1
        calls_now[name] += entry
    if not packets:
        sys.exit('no packet went by')
    modules = collections.Counter()
    for (name, module), n in count.items():
        modules[module or name if name == 'userspace' else module or 'kernel'] += n
    print(f'{packets} packets, {sum(count.values()) / packets:.0f} instructions each')
    for module, n in modules.most_common():
        print(f'{n / packets:9.1f}         {module}')
    print()
    for (name, module), n in count.most_common(int(sys.argv[2])):
        print(f'{n / packets:9.1f} {calls[(name, module)] / packets:6.2f}  {name}{" [" + module + "]" if module else ""}')


main()
