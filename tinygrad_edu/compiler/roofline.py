"""The roofline picture: how fast kernels are, beside what the machine's memory and its products of matrices allow."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 720, 420, 64, 52, 34, 16  # of the plot; what its numbers mean stands below
LINE, POINT, GROUND = "#555555", "#2166ac", "#ffffff"
LABELLED = 6  # kernels with numbers: those that take longest
SHORTEST = 1e-3  # of the time, from which a kernel is shown


class Roofline(str):
    """The picture as SVG text, which notebooks show; `save` writes it to a file.

    (Williams, Waterman and Patterson, Roofline: an insightful visual performance model, 2009.)
    """

    __slots__ = ()

    def __new__(cls, rows: Sequence[Any], bandwidth: float, peak: float) -> Roofline:
        return super().__new__(cls, _svg(rows, bandwidth, peak))

    def _repr_svg_(self) -> str:
        return str(self)

    def save(self, path: Any) -> str:
        """Write the picture to a file, whose name ends in .svg."""
        place = Path(path)
        if place.suffix != ".svg":
            raise ValueError(
                f"roofline: the file must end in .svg; got {place.name}; write {place.with_suffix('.svg').name}"
            )
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(self, "utf-8")
        return str(place)


def _svg(rows: Sequence[Any], bandwidth: float, peak: float) -> str:
    total = sum(row.seconds for row in rows) or 1.0
    rows = sorted((row for row in rows if row.seconds >= SHORTEST * total), key=lambda row: -row.seconds)
    points = [(row.flops / row.bytes, row.flops / row.seconds, row) for row in rows]
    xs = [x for x, _, _ in points] + [peak / bandwidth]
    ys = [y for _, y, _ in points] + [peak]
    low_x, high_x = math.floor(math.log10(min(xs)) - 0.2), math.ceil(math.log10(max(xs)) + 0.2)
    low_y, high_y = math.floor(math.log10(min(ys)) - 0.2), math.ceil(math.log10(max(ys)) + 0.1)

    def at(x: float, y: float) -> tuple[float, float]:
        return (
            LEFT + (WIDTH - LEFT - RIGHT) * (math.log10(x) - low_x) / (high_x - low_x),
            HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * (math.log10(y) - low_y) / (high_y - low_y),
        )

    drawn = [f'<rect width="100%" height="100%" fill="{GROUND}"/>']
    for e in range(low_x, high_x + 1):
        x, bottom = at(10.0**e, 10.0**low_y)
        drawn.append(f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{bottom:.1f}" stroke="#e5e5e5"/>')
        drawn.append(_text(x, bottom + 16, f"{10.0**e:g}", "middle"))
    for e in range(low_y, high_y + 1):
        left, y = at(10.0**low_x, 10.0**e)
        drawn.append(f'<line x1="{left:.1f}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" stroke="#e5e5e5"/>')
        drawn.append(_text(left - 6, y + 4, f"{10.0**e / 1e9:g}", "end"))
    drawn.append(_text(WIDTH / 2, HEIGHT - 12, "operations for each byte moved", "middle"))
    drawn.append(_text(8, 18, "GFLOP/s", "start"))
    drawn += _roof(at, (low_x, high_x), low_y, bandwidth, peak)
    for k, (x, y, row) in reversed(list(enumerate(points, 1))):
        px, py = at(x, y)
        share = row.seconds / total
        words = html.escape(f"{row.name}: {row.what}, {share:.0%} of the time")
        drawn.append(
            f'<circle cx="{px:.1f}" cy="{py:.1f}" r="{3 + 14 * math.sqrt(share):.1f}" fill="{POINT}" '
            f'fill-opacity="0.35" stroke="{POINT}"><title>{words}</title></circle>'
        )
        if k <= LABELLED:
            drawn.append(_text(px, py + 4, str(k), "middle"))
            drawn.append(_text(LEFT, HEIGHT + 16 * k, f"{k}  {share:.0%}  {html.escape(row.what)}", "start"))
    height = HEIGHT + 16 * min(len(points), LABELLED) + 12
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'role="img" aria-label="Roofline: the speed of kernels, and what the machine allows" '
        f'font-family="sans-serif" font-size="11">{"".join(drawn)}</svg>\n'
    )


def _roof(at: Any, reach: tuple[int, int], low_y: int, bandwidth: float, peak: float) -> list[str]:
    """What memory allows, up to what products of matrices reach."""
    ridge = peak / bandwidth
    first = max(10.0 ** reach[0], 10.0**low_y / bandwidth)
    corners = [(first, first * bandwidth), (ridge, peak), (10.0 ** reach[1], peak)]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in (at(*corner) for corner in corners))
    return [
        f'<polyline points="{line}" fill="none" stroke="{LINE}" stroke-width="1.5"/>',
        _text(
            WIDTH - RIGHT,
            18,
            f"the line: copies in memory at {bandwidth / 1e9:.3g} GB/s, products by BLAS at {peak / 1e9:.3g} GFLOP/s; "
            "caches are quicker",
            "end",
        ),
    ]


def _text(x: float, y: float, words: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="#222222">{words}</text>'
