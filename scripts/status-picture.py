#!/usr/bin/env python3
"""Draws text as a terminal in SVG: crier ctl status | scripts/status-picture.py >docs/images/status.svg"""

import sys
from xml.sax.saxutils import escape

FONT_PX, LINE_PX, COLUMN_PX, MARGIN_PX = 14, 19, 8.43, 16

lines = sys.stdin.read().rstrip("\n").split("\n")
width = round(max(map(len, lines)) * COLUMN_PX + 2 * MARGIN_PX)
height = (len(lines) + 1) * LINE_PX + 2 * MARGIN_PX
print(f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">')
print(f'<rect width="{width}" height="{height}" rx="8" fill="#10151c"/>')
print(f'<g font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="{FONT_PX}" fill="#d7dde5" xml:space="preserve">')
for number, line in enumerate(["$ crier ctl status"] + lines, 1):
    colour = "#7fd18b" if number == 1 else "#ffb454" if line.lstrip().startswith("!") else "#d7dde5"
    y = MARGIN_PX + number * LINE_PX - 5
    # `textLength` keeps the columns aligned with every font of a viewer.
    length = f' textLength="{len(line) * COLUMN_PX:.0f}" lengthAdjust="spacingAndGlyphs"' if line else ""
    print(f'<text x="{MARGIN_PX}" y="{y}" fill="{colour}"{length}>{escape(line)}</text>')
print("</g></svg>")
