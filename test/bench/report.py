#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Figures of test/bench/guest.sh, kept and compared.

report.py store JSON MD   takes figures from standard input into both files
report.py check JSON MD   compares them with JSON: exit code 1 when one costs over 3%
                          more, or is not there
"""
import json
import sys

TOLERANCE = 0.03


def read(lines):
    found = {}
    for line in lines:
        kernel, scenario, variant, n, what, value = line.rstrip('\n').split('\t')
        found.setdefault(kernel, {})['/'.join((scenario, variant, n, what))] = float(value)
    return found


def check(old, new):
    bad = 0
    for kernel, figures in new.items():
        for name, value in figures.items():
            was = old.get(kernel, {}).get(name)
            if was is None:
                print(f'{kernel} {name}: {value:g}, nothing to compare with')
                bad += 1
            elif value > was * (1 + TOLERANCE):
                print(f'{kernel} {name}: {value:g}, was {was:g}: {100 * (value / was - 1):+.1f}%')
                bad += 1
    count = sum(len(f) for f in new.values())
    print(f'{count} figures, {bad} beyond {100 * TOLERANCE:g}%')
    return 1 if bad or not count else 0


def plain_of(figures, scenario, variant, what):
    kind = variant.partition(' ')[2] if scenario == 'udp' else ''
    path = variant.split()[0] if scenario == 'others' else ''
    for (s, v, _, w), value in figures:
        if s == scenario and w == what and v == ' '.join(filter(None, (path, 'plain', kind))):
            return value
    return None


def table(kernel, figures):
    rows = [(tuple(name.split('/', 1)[:1]) + tuple(name.split('/', 1)[1].rsplit('/', 2)), value)
            for name, value in figures.items()]
    yield f'## {kernel}\n'
    for scenario in dict.fromkeys(r[0][0] for r in rows):
        yield f'### {scenario}\n'
        yield '| variant | sessions | what | figure | more than plain forwarding |'
        yield '|---|---|---|---|---|'
        for (s, variant, n, what), value in rows:
            if s != scenario:
                continue
            plain = plain_of(rows, scenario, variant, what)
            more = f'{value - plain:.0f}' if plain is not None else ''
            yield f'| {variant} | {n} | {what} | {value:.0f} | {more} |'
        yield ''


def store(old, new, path, page):
    for kernel, figures in new.items():
        old.setdefault(kernel, {}).update(figures)
    with open(path, 'w') as f:
        json.dump(old, f, indent=1)
        f.write('\n')
    with open(page) as f:
        head = f.read().partition('<!-- figures -->')[0]
    with open(page, 'w') as f:
        f.write(head + '<!-- figures -->\n\n')
        for kernel, figures in old.items():
            f.write('\n'.join(table(kernel, figures)) + '\n')


def main():
    mode, path, page = sys.argv[1:]
    try:
        with open(path) as f:
            old = json.load(f)
    except FileNotFoundError:
        old = {}
    new = read(sys.stdin)
    if mode == 'check':
        sys.exit(check(old, new))
    store(old, new, path, page)


main()
