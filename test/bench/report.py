#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Figures of test/bench/guest.sh, kept and compared.

report.py store JSON MD   takes figures from standard input into both files
report.py check JSON MD   compares them with JSON: exit code 1 when one costs over 3%
                          more, or is not there
"""
import json
import math
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
    yield f'![cost of a packet by sessions](bench-{kernel}.svg)\n'
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


def points(figures, scenario, variant, what):
    """(sessions, instructions more than plain forwarding) of one line of the plot."""
    prefix = f'{scenario}/{variant}/'
    plain = next((v for n, v in figures.items()
                  if n.startswith(f'{scenario}/plain/') and n.endswith('/' + what)), None)
    for name, value in figures.items():
        if plain is not None and name.startswith(prefix) and name.endswith('/' + what):
            yield max(int(name.split('/')[2]), 1), value - plain


LINES = (('gre', 'ours', 'out', 'GRE, vpn-pptp', '#1668b3'),
         ('gre', 'intree', 'out', 'GRE, in-tree', '#c0392b'),
         ('esp', 'ours', 'out', 'ESP out, vpn-ike', '#1e8449'),
         ('esp', 'ours', 'in', 'ESP in, vpn-ike', '#7dcea0'),
         ('esp', 'conntrack', 'out', 'ESP out, stock', '#7d3c98'))


def plot(kernel, figures):
    """Cost by number of sessions, up to 100,000, logarithmic; as SVG."""
    lines = [(text, colour, sorted(points(figures, s, v, w))) for s, v, w, text, colour in LINES]
    lines = [line for line in lines if line[2]]
    top = 1.1 * max((y for _, _, p in lines for _, y in p if y < 10000), default=1)

    def at(n, y):
        return f'{70 + math.log10(n) * 100:.0f},{300 - min(y / top, 1) * 260:.0f}'
    yield '<svg xmlns="http://www.w3.org/2000/svg" width="800" height="350" font-family="sans-serif" font-size="12">'
    yield '<rect width="800" height="350" fill="white"/>'
    yield f'<text x="70" y="20">{kernel}: instructions a packet, more than plain forwarding, by sessions</text>'
    for i in range(6):
        yield f'<text x="{70 + i * 100}" y="320" text-anchor="middle">{10 ** i:,}</text>'
    for i in range(5):
        y = 300 - i * 65
        yield f'<path d="M70,{y}H570" stroke="#ddd"/><text x="62" y="{y + 4}" text-anchor="end">{top * i / 4:,.0f}</text>'
    for i, (text, colour, p) in enumerate(lines):
        yield f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{" ".join(at(*q) for q in p)}"/>'
        for q in p:
            x, y = at(*q).split(',')
            yield f'<circle cx="{x}" cy="{y}" r="4" fill="{colour}"/>'
        yield f'<text x="590" y="{60 + i * 20}" fill="{colour}">{text}</text>'
    yield '</svg>'


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
            picture = page.replace('.md', f'-{kernel}.svg')
            with open(picture, 'w') as svg:
                svg.write('\n'.join(plot(kernel, figures)) + '\n')
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
