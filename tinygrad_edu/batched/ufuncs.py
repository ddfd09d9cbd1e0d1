"""How ufuncs, and their methods, carry the hidden axis along."""

from __future__ import annotations

import operator
from functools import cache
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from ..products import product
from ..sums import total
from .examples import by_example, shared
from .indexing import write
from .levels import Batch, aligned, as_array, at, batches, leading, widened, writeable


def carry_ufunc(ufunc: Any, method: str, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """What `BatchedArray.__array_ufunc__` does."""
    if method == "at":
        return write(ufunc.at, *inputs)
    if method == "__call__" and ufunc.signature is None:
        return _elementwise(ufunc, inputs, options)
    known = METHODS[method](ufunc, inputs, options) if not set(options) - PLAIN else NotImplemented
    return by_example(getattr(ufunc, method), inputs, options) if known is NotImplemented else known


PLAIN = {"axis", "keepdims", "dtype", "initial", "casting", "order"}  # options that are understood, if not batched


def axes(axis: Any, ndim: int) -> Any:
    """Axes of an example, as axes of the batch."""
    if axis is None:
        return tuple(range(1, ndim + 1))
    if isinstance(axis, tuple):
        return tuple(a + 1 for a in normalize_axis_tuple(axis, ndim))
    return normalize_axis_index(operator.index(axis), ndim) + 1


def results(lead: Batch, values: Any) -> Any:
    return tuple(map(lead.result, values)) if isinstance(values, tuple) else lead.result(values)


def _elementwise(ufunc: Any, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
    if not options:
        lead = leading(inputs)
        return results(lead, ufunc(*aligned(inputs, lead.level)))
    out = options.get("out", ())
    if len(out) == 1 and out[0] is inputs[0] and isinstance(out[0], Batch) and out[0].scalar:
        out = ()  # `x += 1` of a scalar, which NumPy does not write into
    where = options.get("where", True)
    lead = leading((inputs, out, where))
    xs = (*inputs, where)
    ndim = max(np.ndim(x) for x in xs)
    options = {k: v for k, v in options.items() if k not in ("out", "where")}
    given = [x for x in out if x is not None]
    if not all(at(x, lead.level) and writeable(x) for x in given):
        raise shared(ufunc)
    if any(x.ndim < ndim for x in given):
        return by_example(ufunc, inputs, {**options, "out": out, "where": where})
    ndim = max([ndim, *(x.ndim for x in given)])
    *values, mask = aligned(xs, lead.level, ndim)
    if given:
        options["out"] = tuple(x if x is None else widened(x, lead.level, ndim - x.ndim) for x in out)
    if mask is not True:
        options["where"] = mask
    found = results(lead, ufunc(*values, **options))
    if not given:
        return found
    several = found if isinstance(found, tuple) else (found,)
    several = tuple(f if x is None else x for f, x in zip(several, out, strict=True))
    return several if isinstance(found, tuple) else several[0]


def _generalized(ufunc: Any, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """A ufunc whose last axes belong together, such as `matmul`: axes of length 1 go before these."""
    if set(options) - {"dtype", "casting", "order"}:
        return NotImplemented
    xs = list(map(as_array, inputs))
    row = column = False
    if ufunc is np.matmul and all(x.ndim for x in xs):  # vectors are matrices of one row or column
        row, column = xs[0].ndim == 1, xs[1].ndim == 1
        xs = [xs[0][None] if row else xs[0], xs[1][:, None] if column else xs[1]]
    elif "?" in ufunc.signature and ufunc is not np.matmul:
        return NotImplemented
    loops = [x.ndim - core for x, core in zip(xs, _cores(ufunc.signature), strict=True)]
    if min(loops) < 0:
        return NotImplemented
    lead = leading(xs)
    values = [widened(x, lead.level, max(loops) - k) for x, k in zip(xs, loops, strict=True)]
    y = results(lead, (product if ufunc is np.matmul and not options else ufunc)(*values, **options))
    y = y[..., 0] if column else y
    y = y[..., 0] if row and column else y[..., 0, :] if row else y
    return lead.result(y.values) if row and column else y


@cache
def _cores(signature: str) -> list[int]:
    """How many axes belong together in each input, by a signature like `(n?,k),(k,m?)->(n?,m?)`."""
    return [part.count(",") + 1 if part else 0 for part in signature.partition("->")[0][1:-1].split("),(")]


def _call(ufunc: Any, inputs: Any, options: dict[str, Any]) -> Any:
    return _generalized(ufunc, inputs, options)


def _reduce(ufunc: Any, inputs: Any, options: dict[str, Any]) -> Any:
    (x,) = inputs
    axis = options.get("axis", 0)
    if any(True for _ in batches(options)) or (not x.ndim and axis is not None):
        return NotImplemented
    summed = ufunc is np.add and isinstance(axis, tuple) and set(options) <= {"axis", "keepdims"}
    reduce = total if summed else ufunc.reduce
    return x.result(reduce(x.values, **options | {"axis": axes(axis, x.ndim)}))


def _accumulate(ufunc: Any, inputs: Any, options: dict[str, Any]) -> Any:
    x, *indices = inputs
    if not isinstance(x, Batch) or not x.ndim or any(True for _ in batches(indices)):
        return NotImplemented
    method = ufunc.reduceat if indices else ufunc.accumulate
    return x.like(method(x.values, *indices, **options | {"axis": axes(options.get("axis", 0), x.ndim)}))


def _outer(ufunc: Any, inputs: Any, options: dict[str, Any]) -> Any:
    a, b = map(as_array, inputs)
    return ufunc(np.reshape(a, (*a.shape, *(1,) * b.ndim)), b, **options)


METHODS: dict[str, Any] = {
    "__call__": _call, "reduce": _reduce, "accumulate": _accumulate, "reduceat": _accumulate, "outer": _outer,
}  # fmt: skip
