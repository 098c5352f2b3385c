"""Growth curves as SVG: time against the size of the mailbox, both on logarithmic scales. No library, no fonts.

Lines that stay level are what is wanted. Colours hold on light and dark pages alike.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 810, 440
LEFT, RIGHT, TOP, BOTTOM = 62, 280, 44, 48
_COLOURS = (
    "#2b6cb0",
    "#c05621",
    "#2f855a",
    "#9b2c2c",
    "#6b46c1",
    "#b7791f",
    "#00838f",
    "#ad1457",
    "#5d4037",
    "#546e7a",
    "#7cb342",
    "#3949ab",
    "#8d6e63",
    "#d81b60",
)
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#57606a}.t{font-size:15px;font-weight:600;fill:#24292f}"
    ".g{stroke:#8b949e;stroke-opacity:.3}.l{fill:none;stroke-width:2}"
    "@media(prefers-color-scheme:dark){text{fill:#adbac7}.t{fill:#f0f6fc}}"
)


def draw(title: str, curves: Mapping[str, Sequence[tuple[int, float]]]) -> str:
    """An SVG of curves: name → (messages, milliseconds) points."""
    points = [point for curve in curves.values() for point in curve if point[1] > 0]
    if not points:
        return ""
    sizes = sorted({size for size, _ in points})
    lowest, highest = _decades([value for _, value in points])

    def x(size: float) -> float:
        low, high = math.log10(sizes[0]), math.log10(max(sizes[-1], sizes[0] * 10))
        return LEFT + (math.log10(size) - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        share = (math.log10(max(value, 10**lowest)) - lowest) / (highest - lowest)
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
        f"<title>{escape(title)}</title><style>{_STYLE}</style>",
        f'<text class="t" x="{LEFT}" y="24">{escape(title)}</text>',
    ]
    for decade in range(lowest, highest + 1):
        level = y(10.0**decade)
        parts.append(f'<line class="g" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{level:.1f}" y2="{level:.1f}"/>')
        parts.append(
            f'<text x="{LEFT - 8}" y="{level + 4:.1f}" text-anchor="end">{_shown(10.0**decade)}</text>'
        )
    for size in sizes:
        parts.append(
            f'<line class="g" x1="{x(size):.1f}" x2="{x(size):.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>'
        )
        parts.append(
            f'<text x="{x(size):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{size:,}</text>'
        )
    parts.append(
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 10}" text-anchor="middle">messages in the mailbox</text>'
    )
    labels = _spread([y(curve[-1][1]) for curve in curves.values() if curve])
    for (name, curve), colour, label in zip(
        ((name, curve) for name, curve in curves.items() if curve), _cycle(len(curves)), labels, strict=False
    ):
        path = " ".join(f"{x(size):.1f},{y(value):.1f}" for size, value in curve)
        parts.append(f'<polyline class="l" stroke="{colour}" points="{path}"/>')
        parts += [
            f'<circle cx="{x(size):.1f}" cy="{y(value):.1f}" r="3.5" fill="{colour}"/>'
            for size, value in curve
        ]
        end = x(curve[-1][0])
        parts.append(
            f'<line stroke="{colour}" x1="{end:.1f}" y1="{y(curve[-1][1]):.1f}" x2="{end + 10:.1f}" y2="{label:.1f}"/>'
        )
        parts.append(
            f'<text x="{end + 14:.1f}" y="{label + 4:.1f}" style="fill:{colour}">{escape(name)}</text>'
        )
    return "\n".join([*parts, "</svg>"]) + "\n"


def _decades(values: Sequence[float]) -> tuple[int, int]:
    """The whole powers of ten around all values."""
    lowest, highest = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return lowest, max(highest, lowest + 1)


def _shown(value: float) -> str:
    return f"{value:g} ms" if value < 1000 else f"{value / 1000:g} s"


def _cycle(count: int) -> list[str]:
    return [_COLOURS[number % len(_COLOURS)] for number in range(count)]


def _spread(wanted: Sequence[float], apart: float = 14) -> list[float]:
    """Heights of labels near the ends of their lines, none upon another."""
    order = sorted(range(len(wanted)), key=lambda number: wanted[number])
    placed = [0.0] * len(wanted)
    last = -math.inf
    for number in order:
        last = placed[number] = max(wanted[number], last + apart)
    over = max(0.0, last - (HEIGHT - BOTTOM + 4))
    for number in reversed(order):  # push back up what ran over the edge
        limit = placed[number] - over
        placed[number] = limit
        over = max(0.0, over)
    return placed
