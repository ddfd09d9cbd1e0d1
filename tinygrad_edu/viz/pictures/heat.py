"""Arrays as cells of colour inside a box: blue below 0, white at 0, orange above, and the numbers where they fit."""

from __future__ import annotations

import numpy as np

from ..graph.values import one, whole
from .palette import BAD, INK, NEAR_ZERO, TINTS

NUMBERS = (4, 4)  # rows and columns of an array whose numbers are written into the cells
CELL = 9  # points
LEVELS = len(TINTS) // 2


def heat(v: object, most: tuple[int, int] = (8, 12)) -> str | None:
    """The table of at most so many rows and columns of cells; None for a number, and for what has no order.

    A larger array is shown by the means of blocks.
    """
    a = whole(v)
    if a.ndim == 0 or a.size < 2 or a.dtype.kind not in "biuf":
        return None
    flat = a.reshape(-1, a.shape[-1]) if a.shape[-1] else a.reshape(0, 0)
    if not flat.size:
        return None
    written = flat.shape[0] <= NUMBERS[0] and flat.shape[1] <= NUMBERS[1]
    with np.errstate(all="ignore"):
        cells = flat.astype(np.float64) if written else blocks(flat.astype(np.float64), *most)
        top = np.max(np.abs(cells[np.isfinite(cells)]), initial=0.0) or 1.0
        tints = [[tint(x / top) for x in row] for row in cells]
    rows = []
    for i, row in enumerate(tints):
        rows.append("".join(_cell(shade, one(flat[i, j], 3) if written else "") for j, shade in enumerate(row)))
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    if written:
        return f'<table border="0" cellborder="0" cellspacing="1" cellpadding="1">{body}</table>'
    size = f'fixedsize="true" width="{CELL * cells.shape[1]}" height="{CELL * len(cells)}"'  # or it is stretched
    return f'<table border="0" cellborder="0" cellspacing="0" cellpadding="0" {size}>{body}</table>'


def _cell(shade: str, number: str) -> str:
    if number:
        return f'<td bgcolor="{shade}"><font point-size="9" color="{INK}"> {number} </font></td>'
    return f'<td fixedsize="true" width="{CELL}" height="{CELL}" bgcolor="{shade}"></td>'


def tint(x: float) -> str:
    """The colour of a number between -1 and 1; not of nan."""
    if not np.isfinite(x):
        return BAD
    if x == 0:
        return TINTS[LEVELS]
    level = round(float(x) * LEVELS)
    return TINTS[LEVELS + level] if level else NEAR_ZERO[int(x > 0)]


def blocks(a: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """A large array by the means of its blocks, as many as asked for along each axis."""
    for axis, most in ((0, rows), (1, columns)):
        n = a.shape[axis]
        if n > most:
            starts = np.arange(most) * n // most
            sums = np.add.reduceat(a, starts, axis)
            counts = np.diff([*starts, n])
            a = sums / (counts[:, None] if axis == 0 else counts)
    return a
