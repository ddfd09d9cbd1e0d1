"""Small charts as SVG text: lines over steps, histograms side by side, arrays as cells."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence

import numpy as np

from ..graph.values import one, shown, whole
from ..pictures.heat import blocks, tint
from ..pictures.palette import BACKWARD, BLUE

WIDTH, HEIGHT, EDGE = 300, 90, 4
COLOURS = (BLUE.line, BACKWARD, "#00795a", "#a34f7d", "#8f8500", "#555555")  # of lines
Chart = str


def lines(title: str, series: dict[str, Sequence[float]], logarithmic: bool = False) -> Chart:
    """Numbers over steps, each series a line; what is not finite is left out, and said."""
    points = {name: [float(v) for v in values] for name, values in series.items()}
    found = [v for values in points.values() for v in values if math.isfinite(v) and (v > 0 or not logarithmic)]
    if not found:
        return f"<figure><figcaption>{html.escape(title)}: no finite numbers</figcaption></figure>"
    scale = math.log10 if logarithmic else float
    low, high = scale(min(found)), scale(max(found))
    span = (high - low) or 1.0
    count = max(map(len, points.values()))
    drawn = []
    for k, values in enumerate(points.values()):
        marks = [
            f"{EDGE + (WIDTH - 2 * EDGE) * i / max(count - 1, 1):.1f},"
            f"{HEIGHT - EDGE - (HEIGHT - 2 * EDGE) * (scale(v) - low) / span:.1f}"
            for i, v in enumerate(values)
            if math.isfinite(v) and (v > 0 or not logarithmic)
        ]
        drawn.append(f'<polyline fill="none" stroke="{COLOURS[k % 6]}" stroke-width="1.5" points="{" ".join(marks)}"/>')
    legend = "".join(
        f'<tspan fill="{COLOURS[k % 6]}"> {html.escape(shown(name, 24))}</tspan>' for k, name in enumerate(points)
    )
    ends = f"{one(min(found), 2)} to {one(max(found), 2)}" + (", logarithmic" if logarithmic else "")
    words = f'<text x="{EDGE}" y="12" font-size="10">{legend if len(points) > 1 else ""}</text>'
    return _figure(f"{title} ({ends})", "".join(drawn) + words)


def histogram(title: str, counts: Sequence[float], low: float, high: float, colour: str) -> Chart:
    """Counts of equal bins between `low` and `high`."""
    top, width = max(counts, default=0) or 1, (WIDTH - 2 * EDGE) / max(len(counts), 1)
    bars = "".join(
        f'<rect x="{EDGE + i * width:.1f}" y="{HEIGHT - EDGE - (HEIGHT - 2 * EDGE) * c / top:.1f}" '
        f'width="{max(width - 1, 0.5):.1f}" height="{(HEIGHT - 2 * EDGE) * c / top:.1f}" fill="{colour}"/>'
        for i, c in enumerate(counts) if c
    )  # fmt: skip
    return _figure(f"{title} ({one(low, 3)} to {one(high, 3)})", bars)


def _figure(title: str, inside: str) -> Chart:
    return (
        f"<figure><figcaption>{html.escape(title)}</figcaption>"
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" '
        f'aria-label="{html.escape(title)}"><rect width="{WIDTH}" height="{HEIGHT}" class="ground"/>{inside}</svg>'
        "</figure>"
    )


def cells(v: object, title: str, size: int = 10) -> Chart:
    """An array as cells of colour, blue below 0 and orange above; nothing for a number."""
    a = whole(v)
    if a.ndim == 0 or a.size < 2 or a.dtype.kind not in "biuf" or not a.shape[-1]:
        return ""
    with np.errstate(all="ignore"):
        flat = blocks(a.reshape(-1, a.shape[-1]).astype(np.float64), 12, 24)
        top = np.max(np.abs(flat[np.isfinite(flat)]), initial=0.0) or 1.0
        rects = "".join(
            f'<rect x="{j * size}" y="{i * size}" width="{size}" height="{size}" fill="{tint(x / top)}"/>'
            for i, row in enumerate(flat) for j, x in enumerate(row)
        )  # fmt: skip
    rows, columns = flat.shape
    named = f'role="img" aria-label="{html.escape(title)}"'
    return f'<svg width="{columns * size}" height="{rows * size}" {named}>{rects}</svg>'
