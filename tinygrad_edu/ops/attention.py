"""Attention: means of values, weighted by a softmax of products of queries and keys.

The weights `(queries, keys)` are made for some queries at a time, and made again for the gradient, so that they never
stand in memory as a whole; keys that no query of a part may look at are left out.
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..domain import REAL
from ..op import Product, Together
from ..sums import in_single
from .contract import matmul
from .elementwise import where
from .indexing import getitem
from .layout import concat, pad
from .reduce import inner, softmax

__all__ = ["attend"]

WEIGHTS = 1 << 19  # that are made at a time, at most (but those of 16 queries)


def _parts(q: Any, k: Any, causal: bool) -> Iterator[tuple[slice, int]]:
    """Some queries, and how many keys they look at."""
    n, keys = q.shape[-2], k.shape[-2]
    step = max(16, WEIGHTS // max(math.prod(q.shape[:-2]) * keys, 1))
    for start in range(0, n, step):
        stop = min(start + step, n)
        yield slice(start, stop), min(stop, keys) if causal else keys


def _some(x: Any, which: slice) -> Any:
    return getitem(x, index=(Ellipsis, which, slice(None)))


def _seen(some: slice, keys: int) -> Any:
    """Which keys each of these queries may look at: those up to its own place."""
    return np.tri(some.stop - some.start, keys, some.start, dtype=bool)


def _weights(q: Any, k: Any, some: slice, keys: int, scale: float, causal: bool) -> Any:
    scores = matmul(_some(q, some) * scale, _some(k, slice(0, keys)).mT)
    scores = where(_seen(some, keys), scores, -math.inf) if causal else scores
    return softmax(scores, axis=(len(scores.shape) - 1,))


@in_single
def _attend(q: Any, k: Any, v: Any, *, scale: float, causal: bool) -> Any:
    if v.shape[:-1] != k.shape[:-1] or q.shape[:-2] != k.shape[:-2]:
        raise ValueError("keys and values must be as many, and leading axes equal")
    found = [
        np.matmul(_weights(q, k, some, keys, scale, causal), v[..., :keys, :]) for some, keys in _parts(q, k, causal)
    ]
    return np.concatenate(found, axis=-2) if len(found) > 1 else found[0]


def _whole(x: Any, n: int) -> Any:
    """`x` with zeros for the keys that were left out."""
    lead = len(x.shape) - 2
    return x if x.shape[-2] == n else pad(x, width=((0, 0),) * lead + ((0, n - x.shape[-2]), (0, 0)), value=0.0)


def _from_attend(g: Any, y: Any, q: Any, k: Any, v: Any, *, scale: float, causal: bool) -> Any:
    n, into_q, into_k, into_v = k.shape[-2], [], 0, 0
    for some, keys in _parts(q, k, causal):
        weights, h = _weights(q, k, some, keys, scale, causal), _some(g, some)
        slopes = matmul(h, _some(v, slice(0, keys)).mT)
        slopes = weights * (slopes - inner(weights, slopes, axis=(len(slopes.shape) - 1,))) * scale
        into_q.append(matmul(slopes, _some(k, slice(0, keys))))
        into_k = into_k + _whole(matmul(slopes.mT, _some(q, some)), n)
        into_v = into_v + _whole(matmul(weights.mT, h), n)
    return concat(*into_q, axis=len(into_q[0].shape) - 2), into_k, into_v


attend = Product(
    "attend", _attend, Together(_from_attend),
    kind="layer", signature="(l,e),(s,e),(s,v)->(l,v)", domain=(REAL, REAL, REAL),
    attributes=lambda rng, shape: {"scale": 0.5, "causal": bool(rng.random() < 0.5)},
    must="query and key must have as many features, key and value as many rows, and all the same leading axes",
    flops=lambda y, q, k, v, **kw: 2 * (math.prod(y) + math.prod(q)) * k[-2],
    doc="softmax(q @ k.mT * scale) @ v; with `causal`, row i of the weights is 0 after column i.",
)  # fmt: skip
