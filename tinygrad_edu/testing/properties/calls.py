"""How to call any op of the registry: arguments drawn from its declaration, by hypothesis.

Values lie on a grid of odd twentieths without repetition, mapped into the op's domain: no ties, no
kinks, no edges, and they shrink to plain numbers. Shapes shrink to the smallest.
"""

from __future__ import annotations

import math
import re
from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
from hypothesis import strategies as st

from ...domain import REAL, Domain, shape_of
from ...op import Op

GRID = 96  # grid points -4.75, -4.65, ..., 4.75


def into(domain: Domain, v: Any) -> Any:
    """Grid points, from -4.75 to 4.75, mapped into a domain, well away from its edges."""
    low, high = domain.low, domain.high
    if math.isinf(low) and math.isinf(high):
        return v
    if math.isinf(high):
        return low + (v + 5.25) / 2
    return low + (high - low) * (0.5 + v / 11)


@st.composite
def calls(draw: Any, op: Op, dtype: object = np.float64) -> tuple[list[Any], dict[str, Any]]:
    """Arrays and attributes with which `op` can be called.

    >>> import hypothesis
    >>> from tinygrad_edu import ops
    >>> from tinygrad_edu.testing import strategies
    >>> arrays, attributes = hypothesis.find(strategies.calls(ops.log), lambda call: True)
    >>> bool((arrays[0] > 0).all()), attributes  # in the domain of log
    (True, {})
    """
    if not isinstance(op, Op):
        raise TypeError(f"calls: op must be an op; got {op!r}; take one of tinygrad_edu.ops")
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    domains = op.domain or (REAL,)
    shapes = draw(_shapes(op, len(domains)))
    sizes = [math.prod(shape) for shape in shapes]
    count, grid = sum(sizes), max(GRID, sum(sizes))
    points = draw(st.lists(st.integers(0, grid - 1), min_size=count, max_size=count, unique=True))
    values = (2 * np.array(points, dtype=np.float64).reshape(-1) - grid + 1) * (GRID / grid) / 20
    arrays = []
    for shape, size, domain in zip(shapes, sizes, domains, strict=True):
        part, values = values[:size].reshape(shape), values[size:]
        arrays.append(_array(part, domain, dtype))
    attributes = op.attributes(rng, shapes[0]) if op.attributes else {}
    if "axis" in attributes and domains[-1].kind == "integer":  # indices along an axis
        arrays[-1] = np.abs(arrays[-1]) % shapes[0][attributes["axis"]]
    return arrays, attributes


@st.composite
def _shapes(draw: Any, op: Op, arity: int) -> list[tuple[int, ...]]:
    if op.signature:
        letters = sorted(set(re.findall("[a-z]", op.signature.split("->")[0])))
        sizes = {c: draw(st.integers(1, 3)) for c in letters}
        if op.domain and op.domain[0].matrix == "tall":
            sizes["m"] = max(sizes["m"], sizes["n"])
        cores = re.findall(r"\(([^)]*)\)", op.signature.split("->")[0])
        entries = sum(math.prod(shape_of(core, sizes)) for core in cores)
        single = any(d.sorted for d in op.domain or ()) or 2 * entries > GRID
        lead = () if single else draw(st.sampled_from([(), (2,)]))
        return [(lead if core else ()) + shape_of(core, sizes) for core in cores]
    if op.kind.entrywise:
        found = draw(hnp.mutually_broadcastable_shapes(num_shapes=arity, max_dims=3, max_side=3))
        return list(found.input_shapes)
    return [draw(hnp.array_shapes(max_dims=3, max_side=3))] * arity


def _array(v: Any, domain: Domain, dtype: Any) -> Any:
    if domain.kind == "integer":
        return np.asarray((v * 10).astype(np.int64))
    if domain.kind == "boolean":
        return np.asarray(v > 0)
    if domain.matrix:
        n = min(v.shape[-2:])
        steps = np.zeros(v.shape[-2:])
        steps[range(n), range(n)] = np.arange(1, n + 1) * 6.0
        v = v / 4 + steps
        if domain.matrix == "symmetric":  # mirrored, so that no entry off the diagonal is 0
            v = np.tril(v) + np.swapaxes(np.tril(v, -1), -1, -2)
        if domain.matrix == "definite":
            v = v @ np.swapaxes(v, -1, -2)
    v = np.asarray(into(domain, v), dtype=dtype)
    return np.sort(v) if domain.sorted else v
