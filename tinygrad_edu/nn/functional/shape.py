"""Padding, resizing, and channels as pixels, with PyTorch's arguments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...annotations import Array, ArrayLike
from ...errors import ShapeError
from ...functions import layout
from ...functions.arguments import lift, single
from ...functions.settings import Positive, integer, real, settings, several
from ...tensor import Tensor
from .adaptive import along, averages

MODES = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


@settings
def pad(input: ArrayLike, pad: Sequence[int], mode: str = "constant", value: Any = None) -> Tensor:
    """Entries added around `input`: `pad` is (before, after) for the last axis, then for the one before it ...

    `mode` is "constant" (with `value`), "reflect", "replicate" or "circular". Negative numbers cut: before it for
    "circular", after it else.
    `tg.pad` has NumPy's arguments instead. Errors: a ValueError for another `mode`; a ShapeError for an odd number of
    numbers, for more pairs than axes, and where more is cut than there is, or an axis without entries continued.

    >>> import tinygrad_edu as tg
    >>> import tinygrad_edu.nn.functional as F
    >>> F.pad(tg.ones((1, 2)), (1, 0)).tolist()
    [[0.0, 1.0, 1.0]]
    """
    x = lift(input, "pad")
    if mode not in MODES:
        raise ValueError(f"pad: mode must be {', '.join(MODES)}; got {mode!r}; choose one")
    pad = [integer("pad", "pad", n) for n in several("pad", "pad", pad)]
    if len(pad) % 2 or len(pad) > 2 * x.ndim:
        raise ShapeError(f"pad: pad must be pairs, at most one for each axis; got {pad} for {x.shape}; check it")
    pairs = [(0, 0)] * (x.ndim - len(pad) // 2) + [(pad[i], pad[i + 1]) for i in range(len(pad) - 2, -1, -2)]
    if any(n + a + b < 0 for n, (a, b) in zip(x.shape, pairs, strict=True)):
        raise ShapeError(f"pad: negative numbers must not cut more than there is; got {pad} for {x.shape}; cut less")
    added = [(max(a, 0), max(b, 0)) for a, b in pairs]
    if mode == "circular":  # around what is left; other modes continue the input, and are cut then
        x = _cut(x, pairs)
    if mode != "constant" and any(any(pair) and not n for n, pair in zip(x.shape, added, strict=True)):
        raise ShapeError(f"pad: an axis must have entries to pad with; got {x.shape}; use mode='constant'")
    y = layout.pad(x, added, MODES[mode], 0 if value is None else value)
    return y if mode == "circular" else _cut(y, pairs)


def _cut(x: Any, pairs: list[tuple[int, int]]) -> Any:
    """Without the entries that negative numbers name."""
    if all(n >= 0 for pair in pairs for n in pair):
        return x
    return x[tuple(slice(max(-a, 0), n - max(-b, 0)) for n, (a, b) in zip(x.shape, pairs, strict=True))]


@single
def interpolate(
    input: ArrayLike,
    size: int | Sequence[int] | None = None,
    scale_factor: float | Sequence[float] | None = None, mode: str = "nearest", align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None, antialias: bool = False,
) -> Tensor:  # fmt: skip
    """Resize the axes after the channels: `(n, c, l) -> (n, c, l_out)`, `(n, c, h, w) -> ...` or `(n, c, d, h, w)`.

    `mode` is "nearest", "nearest-exact", "area" (means), or "linear" for 3 axes, "bilinear" or "bicubic"
    for 4, "trilinear" for 5. With `align_corners`, the corners of input and output lie on each other; else the outer
    edges of their entries do. With `recompute_scale_factor`, the factor is that of the lengths, which are rounded down.
    With `antialias`, "bilinear" and "bicubic" take the mean over all entries that shrink into one.
    Give either `size` or `scale_factor`. Errors: a ValueError for both or neither, a ShapeError unless there is a
    number for each axis, and for axes without entries.
    "bicubic": Keys, "Cubic convolution interpolation for digital image processing" (1981).
    Source: Gonzalez and Woods, "Digital image processing" (2018); Keys, "Cubic convolution interpolation for digital
    image processing" (1981).

    >>> import tinygrad_edu as tg
    >>> import tinygrad_edu.nn.functional as F
    >>> x = tg.tensor([[[1.0, 3.0]]])
    >>> F.interpolate(x, scale_factor=2).tolist()
    [[[1.0, 1.0, 3.0, 3.0]]]
    >>> F.interpolate(x, 4, mode="linear").tolist()
    [[[1.0, 1.5, 2.5, 3.0]]]
    >>> F.interpolate(x, 3, mode="linear", align_corners=True).tolist()
    [[[1.0, 2.0, 3.0]]]
    """
    x = lift(input, "interpolate")
    n = x.ndim - 2
    smooth = {1: ("linear",), 2: ("bilinear", "bicubic"), 3: ("trilinear",)}
    if n not in smooth or mode not in ("nearest", "nearest-exact", "area", *smooth[n]):
        raise ValueError(
            "interpolate: mode must be 'nearest', 'nearest-exact', 'area', 'linear' (3 axes), 'bilinear' or 'bicubic' "
            f"(4 axes), 'trilinear' (5); got {mode!r} for shape {x.shape}; choose one, or reshape"
        )
    if antialias and mode not in ("bilinear", "bicubic"):
        raise ValueError(f"interpolate: antialias is for 'bilinear' and 'bicubic'; got {mode!r}; leave it out")
    if (size is None) == (scale_factor is None):
        raise ValueError(f"interpolate: needs size or scale_factor; got {size} and {scale_factor}; give one")
    given = size if scale_factor is None else scale_factor
    values: tuple[Any, ...] = tuple(given) if isinstance(given, tuple | list) else (given,) * n
    if len(values) != n:
        raise ShapeError(f"interpolate: needs a size for each of {n} axes; got {len(values)}; give one, or {n}")
    if scale_factor is None:
        values = tuple(integer("interpolate", "size", v, 1) for v in values)
    else:
        values = tuple(real("interpolate", "scale_factor", v) for v in values)
        if not all(0 < v * length < 2**31 and int(v * length) for v, length in zip(values, x.shape[2:], strict=True)):
            raise ValueError(f"interpolate: scale_factor must leave something of each axis; got {given}; use e.g. 2")
    if not min(x.shape[2:], default=1):
        raise ShapeError(f"interpolate: axes must have a length; got {x.shape}; guard before")
    for i, (length, value) in enumerate(zip(x.shape[2:], values, strict=True)):
        out = int(value) if scale_factor is None else int(length * value)
        ratio = length / out if scale_factor is None or recompute_scale_factor else 1 / value
        make = _smoothing if antialias else _resizing
        x = along(x, make(length, out, ratio, mode, bool(align_corners)).astype(x.dtype), i - n)
    return x


def _resizing(n: int, m: int, ratio: float, mode: str, align_corners: bool) -> Any:
    """The matrix `(m, n)` that makes m entries of n."""
    i = np.arange(m)
    if mode == "area":
        return averages(n, m)
    if mode in ("nearest", "nearest-exact"):
        at = (i + (0.5 if mode == "nearest-exact" else 0)).astype(np.float32) * np.float32(ratio)
        return np.eye(n)[np.minimum(at.astype(int), n - 1)]
    at = i * ((n - 1) / (m - 1) if m > 1 else 0.0) if align_corners else (i + 0.5) * ratio - 0.5
    at = at if mode == "bicubic" else np.maximum(at, 0)
    low = np.floor(at).astype(int)
    matrix = np.zeros((m, n))
    for place in range(low.min() - 1, low.max() + 3):  # entries beyond the ends are those at the ends
        distance = np.abs(at - place)
        matrix[:, min(max(place, 0), n - 1)] += _cubic(distance) if mode == "bicubic" else np.maximum(1 - distance, 0)
    return matrix


def _smoothing(n: int, m: int, ratio: float, mode: str, align_corners: bool) -> Any:
    """`_resizing` whose weights are stretched where the axis shrinks, and add up to 1."""
    ratio = ((n - 1) / (m - 1) if m > 1 else 0.0) if align_corners else ratio
    stretch = max(ratio, 1.0)
    support = (2 if mode == "bicubic" else 1) * stretch
    center, place = ratio * (np.arange(m)[:, None] + 0.5), np.arange(n)
    first, last = np.maximum((center - support + 0.5).astype(int), 0), (center + support + 0.5).astype(int)
    distance = np.abs(place - center + 0.5) / stretch
    weights = _cubic(distance, -0.5) if mode == "bicubic" else np.maximum(1 - distance, 0)
    weights = np.where((place >= first) & (place < last), weights, 0)
    return weights / weights.sum(1, keepdims=True)


def _cubic(d: Array, a: float = -0.75) -> Any:
    """The weight of an entry at distance `d`. Source: Keys, "Cubic convolution interpolation" (1981)."""
    near, far = ((a + 2) * d - (a + 3)) * d * d + 1, ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
    return np.where(d <= 1, near, np.where(d < 2, far, 0))


def _factor(who: str, n: int, by: int, what: str) -> None:
    if n % by:
        raise ShapeError(f"{who}: {what} must be a multiple of {by}; got {n}; choose a divisor")


@settings
def pixel_shuffle(input: ArrayLike, upscale_factor: Positive) -> Tensor:
    """Channels as pixels of a larger image: `(..., c * r * r, h, w) -> (..., c, h * r, w * r)`.

    ShapeError where r * r does not divide the channels.
    Source: Shi et al., "Real-time single image and video super-resolution" (2016).

    >>> import tinygrad_edu as tg
    >>> import tinygrad_edu.nn.functional as F
    >>> F.pixel_shuffle(tg.arange(4.0).reshape(1, 4, 1, 1), 2).tolist()
    [[[[0.0, 1.0], [2.0, 3.0]]]]
    """
    x, r = lift(input, "pixel_shuffle"), upscale_factor
    if x.ndim < 3:
        raise ShapeError(f"pixel_shuffle: the input must be (..., channels, height, width); got {x.shape}; add axes")
    *lead, c, h, w = x.shape
    _factor("pixel_shuffle", c, r * r, "the channels")
    y = x.reshape(*lead, c // (r * r), r, r, h, w)
    k = len(lead)
    return layout.permute_dims(y, (*range(k + 1), k + 3, k + 1, k + 4, k + 2)).reshape(
        *lead, c // (r * r), h * r, w * r
    )


@settings
def pixel_unshuffle(input: ArrayLike, downscale_factor: Positive) -> Tensor:
    """Pixels as channels of a smaller image, the inverse of `pixel_shuffle`: `(..., c, h * r, w * r) ->
    (..., c * r * r, h, w)`.

    ShapeError where r does not divide height and width. Source: Shi et al. (2016).

    >>> import tinygrad_edu as tg
    >>> import tinygrad_edu.nn.functional as F
    >>> F.pixel_unshuffle(tg.arange(4.0).reshape(1, 1, 2, 2), 2).tolist()
    [[[[0.0]], [[1.0]], [[2.0]], [[3.0]]]]
    """
    x, r = lift(input, "pixel_unshuffle"), downscale_factor
    if x.ndim < 3:
        raise ShapeError(f"pixel_unshuffle: the input must be (..., channels, height, width); got {x.shape}; add axes")
    *lead, c, h, w = x.shape
    _factor("pixel_unshuffle", h, r, "the height")
    _factor("pixel_unshuffle", w, r, "the width")
    y = x.reshape(*lead, c, h // r, r, w // r, r)
    k = len(lead)
    return layout.permute_dims(y, (*range(k + 1), k + 2, k + 4, k + 1, k + 3)).reshape(*lead, c * r * r, h // r, w // r)


@settings
def channel_shuffle(input: ArrayLike, groups: Positive) -> Tensor:
    """Channels taken in turn from each of `groups`: `(n, c, ...) -> (n, c, ...)`. Source: Zhang et al., "ShuffleNet"
    (2018).

    ShapeError where `groups` does not divide the channels.

    >>> import tinygrad_edu as tg
    >>> import tinygrad_edu.nn.functional as F
    >>> F.channel_shuffle(tg.arange(6.0).reshape(1, 6, 1), 2).flatten().tolist()
    [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]
    """
    x = lift(input, "channel_shuffle")
    if x.ndim < 3:
        raise ShapeError(f"channel_shuffle: the input must be (batch, channels, ...); got {x.shape}; add axes")
    n, c, *rest = x.shape
    _factor("channel_shuffle", c, groups, "the channels")
    return layout.swapaxes(x.reshape(n, groups, c // groups, *rest), 1, 2).reshape(*x.shape)


__all__ = ["channel_shuffle", "interpolate", "pad", "pixel_shuffle", "pixel_unshuffle"]
