"""JAX's primitives by operations of this package. Each takes the inputs and the primitive's parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ... import ops
from ...engine import constant
from ...functions import contract, elementwise, indexing, joining, layout, linalg, reduce
from ...nn import functional

Counterpart = Callable[..., Any]


def _turned(x: Any, axes: Sequence[int]) -> Any:
    return x if list(axes) == sorted(axes) else layout.permute_dims(x, tuple(int(k) for k in axes))


def _spread(x: Any, *, shape: Sequence[int], broadcast_dimensions: Sequence[int], **rest: Any) -> Any:
    sizes = [x.shape[broadcast_dimensions.index(k)] if k in broadcast_dimensions else 1 for k in range(len(shape))]
    wide = layout.reshape(x, tuple(sizes))
    return wide if wide.shape == tuple(shape) else layout.broadcast_to(wide, tuple(shape))


def _dot(a: Any, b: Any, *, dimension_numbers: Any, **rest: Any) -> Any:
    (left, right), (left_batch, right_batch) = dimension_numbers
    if not left_batch and tuple(left) == (a.ndim - 1,) and tuple(right) == (max(b.ndim - 2, 0),) and b.ndim <= 2:
        return contract.matmul(a, b)
    if not left_batch:
        return contract.tensordot(a, b, axes=(tuple(left), tuple(right)))
    letters = iter("abcdefghijklmnopqrstuvwxyz")
    first = [next(letters) for _ in a.shape]
    second = [next(letters) for _ in b.shape]
    for i, j in (*zip(left, right, strict=True), *zip(left_batch, right_batch, strict=True)):
        second[j] = first[i]
    lead = [first[i] for i in left_batch]
    kept = [c for i, c in enumerate(first) if i not in (*left, *left_batch)]
    kept += [c for j, c in enumerate(second) if j not in (*right, *right_batch)]
    return contract.einsum(f"{''.join(first)},{''.join(second)}->{''.join(lead + kept)}", a, b)


def _chosen(which: Any, *cases: Any, **rest: Any) -> Any:
    return elementwise.where(which, cases[1], cases[0]) if which.dtype == bool and len(cases) == 2 else None


def _cut(x: Any, *, start_indices: Any, limit_indices: Any, strides: Any, **rest: Any) -> Any:
    steps = strides or (1,) * x.ndim
    return x[tuple(slice(*part) for part in zip(start_indices, limit_indices, steps, strict=True))]


def _gathered(x: Any, indices: Any, *, dimension_numbers: Any, slice_sizes: Sequence[int], **rest: Any) -> Any:
    """Whole rows of some axes, by index: what `x[i]`, `take` and `take_along_axis` become."""
    numbers, ndim = dimension_numbers, x.ndim
    named, paired = numbers.start_index_map, numbers.operand_batching_dims
    if any(slice_sizes[k] != (1 if k in (*named, *paired) else x.shape[k]) for k in range(ndim)):
        return None
    if set(numbers.collapsed_slice_dims) != set(named) or indices.shape[-1:] != (len(named),):
        return None
    lead = indices.shape[:-1]
    places = {axis: indices[..., k] for k, axis in enumerate(named)}
    for axis, at in zip(paired, numbers.start_indices_batching_dims, strict=True):
        places[axis] = np.arange(x.shape[axis]).reshape([-1 if k == at else 1 for k in range(len(lead))])
    first = sorted(places)
    order = (*first, *(k for k in range(ndim) if k not in places))
    found = _turned(x, order)[tuple(places[k] for k in first)]
    whole = iter(range(len(lead), found.ndim))
    apart = iter(range(len(lead)))
    return _turned(found, [next(whole) if k in numbers.offset_dims else next(apart) for k in range(found.ndim)])


def _window(
    x: Any, pool: Any, *, window_dimensions: Any, window_strides: Any, padding: Any, window_dilation: Any
) -> Any:
    lead = next((k for k, n in enumerate(window_dimensions) if n > 1), x.ndim)
    last = max((k for k, n in enumerate(window_dimensions) if n > 1), default=-1) + 1
    order = (*range(lead), *range(last, x.ndim), *range(lead, last))
    settings = {
        name: tuple(tuple(v) if isinstance(v, tuple) else v for v in part[lead:last])
        for name, part in (("kernel", window_dimensions), ("stride", window_strides), ("padding", padding),
                           ("dilation", window_dilation))
    }  # fmt: skip
    return _turned(getattr(ops, pool)(_turned(x, order), **settings), np.argsort(order).tolist())


def _convolved(x: Any, w: Any, *, window_strides: Any, padding: Any, dimension_numbers: Any, **rest: Any) -> Any:
    if any(d != 1 for d in rest["lhs_dilation"]) or rest["batch_group_count"] != 1:
        return None
    left, right, out = dimension_numbers
    y = ops.conv(
        _turned(x, left), _turned(w, right), stride=tuple(window_strides),
        padding=tuple(map(tuple, padding)), dilation=tuple(rest["rhs_dilation"]), groups=rest["feature_group_count"],
    )  # fmt: skip
    return _turned(y, np.argsort(out).tolist())


def _along(f: Counterpart) -> Counterpart:
    return lambda x, *, axes, **rest: f(x, tuple(axes))


def _running(f: Counterpart) -> Counterpart:
    def run(x: Any, *, axis: int, reverse: bool) -> Any:
        return layout.flip(f(layout.flip(x, axis), axis), axis) if reverse else f(x, axis)

    return run


def _pair(f: Counterpart) -> Counterpart:
    return lambda a, b, **rest: f(a, b)


def _one(f: Counterpart) -> Counterpart:
    return lambda x, **rest: f(x)


COUNTERPARTS: dict[str, Counterpart] = {
    "add": _pair(lambda a, b: a + b), "add_any": _pair(lambda a, b: a + b), "sub": _pair(lambda a, b: a - b),
    "mul": _pair(lambda a, b: a * b), "div": _pair(lambda a, b: a / b), "neg": _one(lambda x: -x),
    "max": _pair(elementwise.maximum), "min": _pair(elementwise.minimum), "pow": _pair(lambda a, b: a**b),
    "rem": _pair(elementwise.fmod), "atan2": _pair(elementwise.atan2), "nextafter": _pair(elementwise.nextafter),
    "integer_pow": lambda x, *, y: x**y, "logistic": _one(functional.sigmoid), "square": _one(elementwise.square),
    "rsqrt": _one(lambda x: 1 / elementwise.sqrt(x)), "erf": _one(elementwise.erf),
    "stop_gradient": _one(lambda x: x.detach()),
    "copy": _one(lambda x: x), "copy_p": _one(lambda x: x), "is_finite": _one(elementwise.isfinite),
    "erfc": _one(lambda x: 1 - elementwise.erf(x)), "not": _one(elementwise.bitwise_invert),
    "and": _pair(elementwise.bitwise_and), "or": _pair(elementwise.bitwise_or), "xor": _pair(elementwise.bitwise_xor),
    "eq": _pair(lambda a, b: a == b), "ne": _pair(lambda a, b: a != b), "lt": _pair(lambda a, b: a < b),
    "le": _pair(lambda a, b: a <= b), "gt": _pair(lambda a, b: a > b), "ge": _pair(lambda a, b: a >= b),
    "clamp": lambda low, x, high: elementwise.clip(x, low, high), "select_n": _chosen,
    "convert_element_type": lambda x, *, new_dtype, **rest: x.astype(np.dtype(new_dtype)),
    "broadcast_in_dim": _spread, "dot_general": _dot, "slice": _cut, "gather": _gathered,
    "reshape": lambda x, *, new_sizes, **rest: layout.reshape(x, tuple(new_sizes)),
    "squeeze": lambda x, *, dimensions: layout.squeeze(x, tuple(dimensions)),
    "expand_dims": lambda x, *, dimensions: layout.expand_dims(x, tuple(dimensions)),
    "transpose": lambda x, *, permutation: _turned(x, permutation),
    "rev": lambda x, *, dimensions: layout.flip(x, tuple(dimensions)),
    "concatenate": lambda *xs, dimension: joining.concat(list(xs), dimension),
    "iota": lambda *, dtype, shape, dimension, **rest: constant(np.indices(shape)[dimension].astype(dtype)),
    "pad": lambda x, value, *, padding_config: layout.pad(
        x, tuple((a, b) for a, b, _ in padding_config), constant_values=float(np.asarray(value))),
    "reduce_sum": _along(reduce.sum), "reduce_max": _along(reduce.max), "reduce_min": _along(reduce.min),
    "reduce_prod": _along(reduce.prod), "reduce_and": _along(reduce.all), "reduce_or": _along(reduce.any),
    "argmax": lambda x, *, axes, index_dtype: reduce.argmax(x, axes[0]).astype(index_dtype),
    "argmin": lambda x, *, axes, index_dtype: reduce.argmin(x, axes[0]).astype(index_dtype),
    "cumsum": _running(reduce.cumulative_sum), "cumprod": _running(reduce.cumulative_prod),
    "sort": lambda x, *, dimension, **rest: indexing.sort(x, dimension), "cholesky": _one(linalg.cholesky),
    "conv_general_dilated": _convolved,
    "reduce_window_max": lambda x, **settings: _window(x, "max_pool", **_windows(settings)),
    "reduce_window_sum": lambda x, **settings: _window(x, "window_sum", **_windows(settings)),
}  # fmt: skip
# functions that JAX gives derivatives of their own, or that are one operation here
CALLS: dict[str, Counterpart] = {
    "relu": _one(functional.relu), "silu": _one(functional.silu), "softplus": _one(functional.softplus),
    "log_softmax": _one(lambda x: functional.log_softmax(x, axis=-1)),
    "softmax": _one(lambda x: functional.softmax(x, axis=-1)), "logsumexp": _one(lambda x: reduce.logsumexp(x, -1)),
}  # fmt: skip


def _windows(settings: dict[str, Any]) -> dict[str, Any]:
    return {
        k: v for k, v in settings.items() if k in ("window_dimensions", "window_strides", "padding", "window_dilation")
    }


def counterpart(name: str) -> Counterpart | None:
    """The operation of this package that a primitive is likely to be; whether it is, its numbers tell."""
    f = COUNTERPARTS.get(name)
    return f or (_one(getattr(elementwise, name)) if callable(getattr(elementwise, name, None)) else None)
