"""Images sampled at given places, in Tensor language: with gradients by the image and by the places."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np

from ... import ops
from ...annotations import ArrayLike
from ...errors import ShapeError
from ...functions.arguments import kept_single, lift, single
from ...functions.layout import broadcast_to, matrix_transpose
from ...functions.settings import integer, several
from ...tensor import Tensor

MODES, PADDINGS = ("bilinear", "nearest", "bicubic"), ("zeros", "border", "reflection")


@single
def affine_grid(theta: ArrayLike, size: int | tuple[int, ...], align_corners: bool = False) -> Tensor:
    """The places that affine maps take those of an image to, for `grid_sample`: `(n, 2, 3) -> (n, h, w, 2)`, or
    `(n, 3, 4) -> (n, d, h, w, 3)`; `size` is (n, c, h, w) or (n, c, d, h, w).

    Source: Jaderberg et al., "Spatial transformer networks" (2015).
    Errors: a ShapeError for a `theta` that does not fit `size`.

    >>> import tinygrad_edu.nn.functional as F
    >>> F.affine_grid([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]], (1, 1, 1, 2)).tolist()
    [[[[-0.5, 0.0], [0.5, 0.0]]]]
    """
    who, theta = "affine_grid", lift(theta, "affine_grid")
    wanted = [integer(who, "size", n, 1) for n in several(who, "size", size)]
    n = len(wanted) - 2
    if n not in (2, 3) or theta.shape != (wanted[0], n, n + 1):
        raise ShapeError(
            f"{who}: theta must be (n, 2, 3) for a size (n, c, h, w), or (n, 3, 4) for 5 numbers; got {theta.shape} "
            f"for {wanted}; check both"
        )
    axes = [_places(m, align_corners) for m in wanted[2:]]
    grid = np.stack([*reversed(np.meshgrid(*axes, indexing="ij")), np.ones(wanted[2:])], -1).astype(theta.dtype)
    return ops.matmul(grid.reshape(-1, n + 1), matrix_transpose(theta)).reshape(wanted[0], *wanted[2:], n)


def _places(m: int, align_corners: bool) -> Any:
    """From -1 to 1 for `m` entries: their middles, or with `align_corners` from the first to the last."""
    return np.linspace(-1, 1, m) if align_corners and m > 1 else (2 * np.arange(m) + 1) / m - 1


@kept_single
def grid_sample(
    input: ArrayLike, grid: Any, mode: str = "bilinear", padding_mode: str = "zeros", align_corners: bool = False
) -> Tensor:  # fmt: skip
    """`input` at the places `grid`: `(n, c, h, w), (n, h_out, w_out, 2) -> (n, c, h_out, w_out)`, or with a depth.

    A place is (x, y) or (x, y, z), from -1 to 1 across the image: between the outer edges of its entries, or with
    `align_corners` between their middles. `mode` is "bilinear", "nearest" or (for images) "bicubic". Beyond the image
    there are "zeros", its "border", or its "reflection".
    Source: Jaderberg et al., "Spatial transformer networks" (2015).
    Errors: a ShapeError where input and places do not fit, a ValueError for another `mode` or `padding_mode`.

    >>> import tinygrad_edu.nn.functional as F
    >>> F.grid_sample([[[[10.0, 20.0]]]], [[[[0.0, 0.0]]]]).tolist()
    [[[[15.0]]]]
    """
    x, grid = lift(input, "grid_sample"), lift(grid, "grid_sample")
    n = x.ndim - 2
    if n not in (2, 3) or grid.ndim != x.ndim or grid.shape[0] != x.shape[0] or grid.shape[-1] != n or not x.size:
        raise ShapeError(
            "grid_sample: takes (n, c, h, w) and places (n, h_out, w_out, 2), or with a depth; got "
            f"{x.shape} and {grid.shape}; check both"
        )
    if mode not in MODES[: 5 - n] or padding_mode not in PADDINGS:
        raise ValueError(
            f"grid_sample: mode must be {', '.join(MODES)} (bicubic for images), padding_mode {', '.join(PADDINGS)}; "
            f"got {mode!r} and {padding_mode!r}; choose one"
        )
    sizes = x.shape[2:]
    flat = grid.reshape(grid.shape[0], -1, n)
    at = [_entry(flat[..., n - 1 - i], m, align_corners) for i, m in enumerate(sizes)]
    if mode != "bicubic":
        at = [_returned(p, m, padding_mode, align_corners) for p, m in zip(at, sizes, strict=True)]
    axes = [_taps(p, mode) for p in at]
    if mode == "bicubic":
        axes = [
            [(_returned(p, m, padding_mode, align_corners), w) for p, w in a] for a, m in zip(axes, sizes, strict=True)
        ]
    values = x.reshape(*x.shape[:2], -1)
    total: Any = None
    for taps in product(*axes):
        part = _gathered(values, [p for p, _ in taps], sizes)
        for _, weight in taps:
            part = part if weight is None else part * weight.expand_dims(1)
        total = part if total is None else total + part
    return total.reshape(*x.shape[:2], *grid.shape[1:-1])


def _entry(place: Tensor, m: int, align_corners: bool) -> Any:
    """A place from -1 to 1 as a number of an entry."""
    return (place + 1) * ((m - 1) / 2) if align_corners else ((place + 1) * m - 1) * 0.5


def _returned(p: Tensor, m: int, padding_mode: str, align_corners: bool) -> Any:
    """A place beyond the image, moved to its border, or reflected there."""
    if padding_mode == "reflection":
        low, span = (0.0, m - 1.0) if align_corners else (-0.5, float(m))
        if not span:
            return p * 0
        over = ops.abs(p - low)
        turns = ops.floor(over / span).detach()
        rest = over - turns * span
        p = ops.where(ops.remainder(turns, 2) == 0, rest + low, span - rest + low)
    return p if padding_mode == "zeros" else ops.clip(p, 0, m - 1)


def _taps(p: Tensor, mode: str) -> list[tuple[Any, Any]]:
    """The entries that a place takes a share of, and their shares."""
    if mode == "nearest":
        return [(ops.round(p, decimals=0), None)]
    low = ops.floor(p)
    t = p - low
    if mode == "bilinear":
        return [(low, 1 - t), (low + 1, t)]
    return [(low + k, _cubic(t - k)) for k in (-1, 0, 1, 2)]


def _cubic(d: Tensor) -> Any:
    """The share of an entry at distance `d`; see `interpolate`."""
    d = ops.abs(d)
    near, far = (1.25 * d - 2.25) * d * d + 1, ((-0.75 * d + 3.75) * d - 6) * d + 3
    return ops.where(d <= 1, near, far)


def _gathered(values: Tensor, places: list[Any], sizes: tuple[int, ...]) -> Any:
    """The entries `(n, c, places)` at whole places, 0 beyond the image."""
    inside: Any = True
    index: Any = 0
    for p, m in zip(places, sizes, strict=True):
        inside = ops.logical_and(ops.logical_and(p >= 0, p <= m - 1), inside)
        index = index * m + ops.clip(p, 0, m - 1).detach().astype(np.intp)
    found = ops.take_along_axis(values, broadcast_to(index.expand_dims(1), (*values.shape[:2], index.shape[1])), axis=2)
    return ops.where(inside.expand_dims(1), found, 0)


__all__ = ["affine_grid", "grid_sample"]
