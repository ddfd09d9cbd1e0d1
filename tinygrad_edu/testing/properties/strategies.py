"""Hypothesis strategies for derivatives: shapes, operands, values, layouts, and calls of ops.

All shrink to the smallest shape and the plainest numbers, and stay small enough for any health check.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
from hypothesis import strategies as st

from ...interop.names import guide as _guide
from ..layouts import SAME, laid_out
from .calls import calls as calls

Shape = tuple[int, ...]
Strategy = st.SearchStrategy[Any]

PLAIN = [1.0, 0.5, 2.0, -1.0, -0.5, -2.0, 1.5, 3.0, -1.5, -3.0, 0.25, 0.75, 1.25, 2.5, 5.0, -0.25, -0.75, -2.5]
VALUES: dict[str, list[float]] = {
    "smooth": PLAIN,  # away from kinks and zeros
    "positive": [v for v in PLAIN if v > 0],
    "unit": [0.5, -0.5, 0.25, -0.25, 0.75, -0.75, 0.125, 0.875, -0.875],  # within (-1, 1)
    "zeros": [0.0, 1.0, -1.0, 0.5],  # exactly at kinks, and with ties
    "ties": [1.0, 2.0],
    "extremes": [1.0, 1e-8, -1e-8, 1e8, -1e8, 1e-4, -1e4],
}
LAYOUTS = SAME


def shapes(min_dims: int = 0, max_dims: int = 3, max_side: int = 3, empty: bool = False) -> Strategy:
    """Shapes, from `()` on; with `empty`, an axis may have length 0.

    >>> import hypothesis
    >>> from tinygrad_edu.testing import strategies
    >>> hypothesis.find(strategies.shapes(), lambda shape: len(shape) == 2)  # the smallest of two axes
    (1, 1)
    """
    return hnp.array_shapes(min_dims=min_dims, max_dims=max_dims, min_side=0 if empty else 1, max_side=max_side)


def broadcastable(n: int = 2, max_dims: int = 3, max_side: int = 3) -> Strategy:
    """Tuples of `n` shapes that broadcast together.

    >>> import hypothesis
    >>> import numpy as np
    >>> from tinygrad_edu.testing import strategies
    >>> @hypothesis.given(strategies.broadcastable(2))
    ... def test(shapes):
    ...     np.broadcast_shapes(*shapes)
    >>> test()
    """
    found = hnp.mutually_broadcastable_shapes(num_shapes=n, max_dims=max_dims, max_side=max_side)
    return found.map(lambda shapes: shapes.input_shapes)


def dtypes() -> Strategy:
    """float64, float32, float16.

    >>> import hypothesis
    >>> from tinygrad_edu.testing import strategies
    >>> hypothesis.find(strategies.dtypes(), lambda dtype: dtype.itemsize < 8)
    dtype('float32')
    """
    return st.sampled_from([np.dtype(np.float64), np.dtype(np.float32), np.dtype(np.float16)])


def values(kind: str = "smooth") -> Strategy:
    """Numbers of one kind, the plainest first: smooth, positive, unit, zeros, ties, extremes.

    Errors: a ValueError for another kind.

    >>> import hypothesis
    >>> from tinygrad_edu.testing import strategies
    >>> hypothesis.find(strategies.values("unit"), lambda v: v < 0)  # the plainest below 0
    -0.5
    """
    if kind not in VALUES:
        raise ValueError(f"values: kind must be among {', '.join(VALUES)}; got {kind!r}; choose one")
    return st.sampled_from(VALUES[kind])


@st.composite
def arrays(
    draw: Any,
    shape: Any = None,
    dtype: Any = np.float64,
    kind: str = "smooth",
    layouts: Sequence[str] = ("plain",),
    distinct: bool = False,
) -> Any:
    """Arrays: `shape` and `dtype` are one, or a strategy; `distinct` allows no ties.

    >>> import hypothesis
    >>> from tinygrad_edu.testing import strategies
    >>> hypothesis.find(strategies.arrays((2,), kind="unit"), lambda a: a[1] < 0).tolist()
    [0.5, -0.5]
    """
    if not set(layouts) <= set(LAYOUTS):
        raise ValueError(f"arrays: layouts must be among {', '.join(LAYOUTS)}; got {layouts}; choose some")
    shape = shapes() if shape is None else shape
    shape = draw(shape) if isinstance(shape, st.SearchStrategy) else (shape,) if np.ndim(shape) == 0 else tuple(shape)
    dtype = draw(dtype) if isinstance(dtype, st.SearchStrategy) else np.dtype(dtype)
    size = int(np.prod(shape, dtype=int))
    if distinct:
        found = draw(st.permutations(range(size)))
        low, high = (0.5, 2.5) if kind == "positive" else (-0.9, 0.9) if kind == "unit" else (-2.5, 2.5)
        flat = low + (high - low) * (np.array(found, dtype=np.float64) + 0.55) / max(size, 1)
    else:
        flat = np.array(draw(st.lists(values(kind), min_size=size, max_size=size)), dtype=np.float64)
    flat = np.clip(flat, -6e4, 6e4) if dtype == np.float16 else flat
    return laid_out(flat.reshape(shape).astype(dtype), draw(st.sampled_from(list(layouts))))


@st.composite
def broadcast_arrays(draw: Any, n: int = 2, dtype: object = np.float64, kind: str = "smooth") -> Any:
    """Tuples of `n` arrays that broadcast together.

    >>> import hypothesis
    >>> import numpy as np
    >>> from tinygrad_edu.testing import strategies
    >>> @hypothesis.given(strategies.broadcast_arrays(kind="positive"))
    ... def test(arrays):
    ...     assert np.all(arrays[0] / arrays[1] > 0)
    >>> test()
    """
    return tuple(draw(arrays(shape, dtype, kind)) for shape in draw(broadcastable(n)))


@st.composite
def matmul_operands(draw: Any, dtype: object = np.float64, max_side: int = 3) -> Any:
    """Pairs `(..., i, k), (..., k, j)`; also with one axis only, and with leading axes that broadcast.

    >>> import hypothesis
    >>> import numpy as np
    >>> from tinygrad_edu.testing import strategies
    >>> @hypothesis.given(strategies.matmul_operands())
    ... def test(operands):
    ...     a, b = operands
    ...     assert (a @ b).dtype == np.float64
    >>> test()
    """
    i, k, j = (draw(st.integers(1, max_side)) for _ in range(3))
    lead_a, lead_b = draw(st.sampled_from([((), ()), ((2,), ()), ((), (2,)), ((2,), (2,)), ((2, 1), (3,))]))
    row, column = draw(st.sampled_from([(False, False), (True, False), (False, True), (True, True)]))
    a = (k,) if row else (*lead_a, i, k)
    b = (k,) if column else (*lead_b, k, j)
    return draw(arrays(a, dtype)), draw(arrays(b, dtype))


@st.composite
def conv_operands(draw: Any, dims: int = 2, dtype: object = np.float64) -> Any:
    """`(x, w, {"stride": s, "padding": p})` with x `(batch, in, *size)` and w `(out, in, *kernel)`.

    >>> import hypothesis
    >>> from tinygrad_edu.testing import strategies
    >>> x, w, settings = hypothesis.find(strategies.conv_operands(dims=1), lambda xw: xw[2]["stride"] == 2)
    >>> x.shape, w.shape, settings
    ((1, 1, 1), (1, 1, 1), {'stride': 2, 'padding': 0})
    """
    batch, channels, out = (draw(st.integers(1, 2)) for _ in range(3))
    kernel = tuple(draw(st.integers(1, 2)) for _ in range(dims))
    size = tuple(k + draw(st.integers(0, 2)) for k in kernel)
    x = draw(arrays((batch, channels, *size), dtype))
    w = draw(arrays((out, channels, *kernel), dtype))
    return x, w, {"stride": draw(st.integers(1, 2)), "padding": draw(st.integers(0, 1))}


__all__ = [
    "arrays", "broadcast_arrays", "broadcastable", "calls", "conv_operands", "dtypes", "matmul_operands", "shapes",
    "values",
]  # fmt: skip
_guide(__name__, "tg.testing.strategies", __all__)
