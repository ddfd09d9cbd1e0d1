"""Operations that move numbers without changing them. Each is linear; its rule moves them back."""

from itertools import accumulate
from typing import Any

import numpy as np

from ..batched import with_leading_axes
from ..domain import REAL
from ..op import Op, Parts, Together
from ..precision import rounds
from ..sums import in_single, total
from .indexing import getitem

__all__ = [
    "alias", "border", "broadcast_to", "cast", "clone", "concat", "fold_border", "pad", "permute_dims", "reshape",
    "stack", "sum_to",
]  # fmt: skip


def _sum_to(x: Any, *, shape: tuple[int, ...]) -> Any:
    lead = len(x.shape) - len(shape)
    kept = tuple(i + lead for i, n in enumerate(shape) if n == 1 and x.shape[i + lead] != 1)
    x = total(x, axis=kept, keepdims=True) if kept else x
    return total(x, axis=tuple(range(lead))) if lead else x


def _smaller_shape(rng: Any, shape: tuple[int, ...]) -> dict[str, Any]:
    """A shape that broadcasts to `shape`: some axes of length 1, some leading ones gone."""
    axes = tuple(1 if rng.random() < 0.5 else n for n in shape)
    return {"shape": axes[int(rng.integers(0, len(shape) + 1)) :]}


def _larger_shape(rng: Any, shape: tuple[int, ...]) -> dict[str, Any]:
    lead = (2,) * int(rng.integers(0, 2))
    return {"shape": lead + tuple(3 if n == 1 else n for n in shape)}


# Broadcasting and its undoing are each other's derivative; the engine needs both, and casts, for gradients.
broadcast_to: Op = Op(
    "broadcast_to",
    lambda x, *, shape: np.broadcast_to(x, shape),
    (lambda g, y, x, *, shape: sum_to(g, shape=x.shape),),
    kind="layout", view=True, linear=True, attributes=_larger_shape,
    must="the new shape must broadcast from the old one",
    doc="Repeat axes of length 1, and new leading axes, without copying.",
)  # fmt: skip
sum_to: Op = Op(
    "sum_to",
    _sum_to,
    (lambda g, y, x, *, shape: broadcast_to(g, shape=x.shape),),
    kind="reduce", linear=True, attributes=_smaller_shape,
    doc="Sum over the axes along which broadcasting would repeat `shape`.",
)  # fmt: skip


def _cast(x: Any, *, dtype: Any) -> Any:
    if rounds(dtype):
        return x.astype(dtype).astype(np.float32)
    return (x.real if x.dtype.kind == "c" and dtype.kind not in "cb" else x).astype(dtype)


cast: Op = Op(
    "astype",
    _cast,
    (lambda g, y, x, *, dtype: cast(g, dtype=dtype if rounds(dtype) else x.dtype),),
    kind="layout", linear=True, analytic=False, complex=True,
    attributes=lambda rng, shape: {"dtype": np.dtype(np.float64)},
    doc="The same values in another dtype.",
)  # fmt: skip

alias = Op(
    "alias", lambda x: x, (lambda g, y, x: g,), kind="layout", linear=True,
    doc="The same values as a new variable, for a transform to differentiate by.",
)  # fmt: skip
clone = Op(
    "clone", lambda x: np.copy(x)[()], (lambda g, y, x: g,), linear=True, domain=(REAL,),
    doc="A copy of the values.",
)  # fmt: skip


def _some_shape(rng: Any, shape: tuple[int, ...]) -> dict[str, Any]:
    return {"shape": shape[::-1] if rng.random() < 0.5 else (int(np.prod(shape)),)}


reshape = Op(
    "reshape",
    lambda x, *, shape: np.reshape(x, shape),
    (lambda g, y, x, *, shape: reshape(g, shape=x.shape),),
    kind="layout", view=True, linear=True, attributes=_some_shape,
    must="the new shape must have as many entries as the old one",
    doc="The same entries, in the same order, in another shape.",
)  # fmt: skip
permute_dims = Op(
    "permute_dims",
    lambda x, *, axes: np.transpose(x, axes),
    (lambda g, y, x, *, axes: permute_dims(g, axes=tuple(np.argsort(axes).tolist())),),
    kind="layout", view=True, linear=True,
    attributes=lambda rng, shape: {"axes": tuple(rng.permutation(len(shape)).tolist())},
    latex=r"\operatorname{permute}_{#axes}(#1)",
    doc="Axis `i` of the result is axis `axes[i]` of the input.",
)  # fmt: skip


def _pad(x: Any, *, width: tuple[tuple[int, int], ...], value: float) -> Any:
    return np.pad(x, width, constant_values=value) if width else x


pad = Op(
    "pad",
    _pad,
    (lambda g, y, x, *, width, value: getitem(
        g, index=tuple(slice(before, before + n) for (before, _), n in zip(width, x.shape, strict=True))
    ),),
    kind="layout",
    attributes=lambda rng, shape: {"width": tuple((int(rng.integers(3)), 1) for _ in shape), "value": 0.0},
    doc="`width[i] = (before, after)` entries of `value` around axis `i`.",
)  # fmt: skip


def _pieces(g: Any, y: Any, *xs: Any, axis: int) -> Any:
    ends = list(accumulate(x.shape[axis] for x in xs))
    starts = [0, *ends]
    return Parts(lambda i: getitem(g, index=(slice(None),) * axis + (slice(starts[i], ends[i]),)), len(xs))


concat = Op(
    "concat",
    lambda *xs, axis: np.concatenate(xs, axis=axis),
    Together(_pieces),
    kind="layout", linear=True,
    attributes=lambda rng, shape: {"axis": int(rng.integers(len(shape)))},
    signature="(n),(n)->(2n)", domain=(REAL, REAL),
    must="shapes must be equal but for the axis that is joined",
    doc="The inputs one after the other along `axis`.",
)  # fmt: skip


def _parts(g: Any, y: Any, *xs: Any, axis: int) -> Any:
    return Parts(lambda i: getitem(g, index=(slice(None),) * axis + (i,)), len(xs))


stack = Op(
    "stack",
    lambda *xs, axis: np.stack(xs, axis=axis),
    Together(_parts),
    kind="layout", linear=True,
    attributes=lambda rng, shape: {"axis": int(rng.integers(len(shape) + 1))},
    signature="(n),(n)->(2,n)", domain=(REAL, REAL),
    must="shapes must be equal",
    doc="The inputs along a new `axis`.",
)  # fmt: skip
Pairs = tuple[tuple[int, int], ...]


@with_leading_axes
def _border(x: Any, *, width: Pairs, mode: Any) -> Any:
    return np.pad(x, ((0, 0),) * (x.ndim - len(width)) + width, mode=mode)


@in_single
@with_leading_axes
def _fold_border(g: Any, *, width: Pairs, mode: Any) -> Any:
    for axis, (before, after) in enumerate(width, g.ndim - len(width)):
        n = g.shape[axis] - before - after
        places = np.pad(np.arange(n), (before, after), mode=mode)
        lead = (slice(None),) * axis
        inside = g[(*lead, slice(before, before + n))].copy()
        for k in (*range(before), *range(before + n, len(places))):
            inside[(*lead, places[k])] += g[(*lead, k)]
        g = inside
    return g


def _some_border(rng: Any, shape: tuple[int, ...]) -> dict[str, Any]:
    return {
        "width": tuple((int(rng.integers(3)), 1) for _ in shape),
        "mode": str(rng.choice(["edge", "symmetric", "wrap"])),
    }


border: Op = Op(
    "border", _border, (lambda g, y, x, **kw: fold_border(g, **kw),),
    kind="layout", linear=True, attributes=_some_border,
    doc="`width[i] = (before, after)` entries around axis `i` that repeat those inside, by a `mode` of `np.pad`.",
)  # fmt: skip
fold_border: Op = Op(
    "fold_border", _fold_border, (lambda g, y, x, **kw: border(g, **kw),),
    kind="layout", linear=True,
    attributes=lambda rng, shape: {"width": ((0, 0),) * len(shape), "mode": "edge"},
    doc="The border that `border` adds taken away, and added to the entries that it repeats.",
)  # fmt: skip
