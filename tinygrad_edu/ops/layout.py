"""Operations that move numbers without changing them. Each is linear; its rule moves them back."""

from typing import Any

import numpy as np

from ..domain import REAL
from ..engine import Each, Op, broadcast_to, cast, sum_to
from .indexing import getitem

__all__ = [
    "alias", "broadcast_to", "cast", "clone", "concat", "pad", "permute_dims", "reshape", "sum_to",
]  # fmt: skip


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
    kind="layout", linear=True, attributes=_some_shape,
    must="the new shape must have as many entries as the old one",
    doc="The same entries, in the same order, in another shape.",
)  # fmt: skip
permute_dims = Op(
    "permute_dims",
    lambda x, *, axes: np.transpose(x, axes),
    (lambda g, y, x, *, axes: permute_dims(g, axes=tuple(np.argsort(axes).tolist())),),
    kind="layout", linear=True,
    attributes=lambda rng, shape: {"axes": tuple(rng.permutation(len(shape)).tolist())},
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


def _piece(i: int) -> Any:
    def rule(g: Any, y: Any, *xs: Any, axis: int) -> Any:
        start = sum(x.shape[axis] for x in xs[:i])
        cut = slice(start, start + xs[i].shape[axis])
        return getitem(g, index=(slice(None),) * axis + (cut,))

    return rule


concat = Op(
    "concat",
    lambda *xs, axis: np.concatenate(xs, axis=axis),
    Each(_piece),
    kind="layout", linear=True,
    attributes=lambda rng, shape: {"axis": int(rng.integers(len(shape)))},
    signature="(n),(n)->(2n)", domain=(REAL, REAL),
    must="shapes must be equal but for the axis that is joined",
    doc="The inputs one after the other along `axis`.",
)  # fmt: skip
