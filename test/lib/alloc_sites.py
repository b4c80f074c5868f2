#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""alloc_sites.py MODULE.ko...: every call of a module that may ask for memory.

A line each: MODULE SECTION RETURN-ADDRESS FUNCTION CALLEE, the address in hexadecimal
from the section's start; from the relocations, so no call is left out that the compiler
made. x86-64. What the callees do in turn is not followed: ASKS names all that ask.
"""
import re
import struct
import sys

ASKS = re.compile(r"""^(
    __?kmalloc.* | kmemdup.* | kstrdup.* | k?v?realloc.* | krealloc.* | __?kvmalloc.* | kvmemdup.* |
    kmem_cache_alloc.* | vmalloc.* | vzalloc.* | __vmalloc.* |
    __alloc_percpu.* | pcpu_alloc.* | __?alloc_skb.* | alloc_workqueue.* |
    _*pskb_copy.* | pskb_expand_head | skb_ensure_writable | skb_copy | skb_clone | skb_realloc.* |
    skb_cow.* | __skb_linearize | __pskb_pull_tail |
    nf_conntrack_alloc | nf_ct_tmpl_alloc | nf_ct_ext_add | nf_ct_helper_ext_add | nf_ct_nat_ext_add | nf_ct_ecache_ext_add |
    nf_ct_expect_alloc | nf_ct_expect_related.* | nf_nat_setup_info | _*nf_nat_mangle.* |
    nf_conntrack_helper_register | nf_conntrack_helpers_register |
    nf_register_net_hooks? | register_pernet_subsys | genl_register_family |
    register_net_sysctl.* | proc_create.* | proc_net_mkdir.* | _*proc_mkdir.* |
    _*xa_alloc.* | _*xa_store.* | _*xa_insert.* | idr_alloc.* |
    _*rhashtable_init.* | _*rhltable_init.* | rhashtable_insert_slow | rht_bucket_nested_insert |
    nf_hook_entries_.*
)$""", re.X)
CALLS = (2, 4)      # R_X86_64_PC32, R_X86_64_PLT32
EXECUTABLE = 4


class Module:
    def __init__(self, path):
        with open(path, "rb") as file:
            self.octets = file.read()
        where, = struct.unpack_from("<Q", self.octets, 40)
        size, count, names = struct.unpack_from("<HHH", self.octets, 58)
        self.sections = [struct.unpack_from("<IIQQQQIIQQ", self.octets, where + i * size)
                         for i in range(count)]
        self.names = self.sections[names][4]
        table = next(s for s in self.sections if s[1] == 2)
        self.strings = self.sections[table[6]][4]
        self.symbols = [struct.unpack_from("<IBBHQQ", self.octets, table[4] + at)
                        for at in range(0, table[5], 24)]

    def text(self, at):
        return self.octets[at:self.octets.index(b"\0", at)].decode()

    def function(self, section, at):
        for name, info, _, where, value, size in self.symbols:
            if where == section and info & 15 == 2 and value <= at < value + size:
                return self.text(self.strings + name)
        return "?"

    def sites(self):
        for rela in self.sections:
            if rela[1] != 4 or not self.sections[rela[7]][2] & EXECUTABLE:
                continue
            for at in range(rela[4], rela[4] + rela[5], 24):
                offset, info, _ = struct.unpack_from("<QQq", self.octets, at)
                callee = self.text(self.strings + self.symbols[info >> 32][0])
                if info & 0xffffffff in CALLS and ASKS.match(callee):
                    yield (self.text(self.names + self.sections[rela[7]][0]), offset + 4,
                           self.function(rela[7], offset), callee)


for ko in sys.argv[1:]:
    for section, after, function, callee in sorted(Module(ko).sites()):
        print(ko.split("/")[-1][:-3], section, f"{after:#x}", function, callee)
