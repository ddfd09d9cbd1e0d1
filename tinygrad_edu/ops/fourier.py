"""The discrete Fourier transform along one axis, without a factor. Its matrix is symmetric: it is its own transpose."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..domain import REAL
from ..op import Op
from .indexing import some_axis

__all__ = ["dft"]


def _dft(x: Any, *, axis: int, inverse: bool) -> Any:
    return np.fft.ifft(x, axis=axis, norm="forward") if inverse else np.fft.fft(x, axis=axis)


dft = Op(
    "dft", _dft, (lambda g, y, x, *, axis, inverse: dft(g, axis=axis, inverse=inverse),),
    kind="contract", linear=True, analytic=False, complex=True, broadcasts=False, domain=(REAL,),
    attributes=lambda rng, shape: some_axis(rng, shape) | {"inverse": bool(rng.random() < 0.5)},
    flops=lambda y, x, *, axis, inverse: 5 * math.prod(x) * math.log2(max(x[axis], 2)),
    doc="y[k] = sum over j of x[j] exp(-2 pi i j k / n); exp(+...) with `inverse`.",
)  # fmt: skip
