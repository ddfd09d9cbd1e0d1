"""Parts of complex numbers, entry by entry. Derivatives are transposes of real-linear maps, as in JAX."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays import complex_step
from ..domain import REAL
from ..op import Op

__all__ = ["conj", "imag", "real"]


def _conj(x: Any) -> Any:
    """In the checker's complex step, numbers stand for real ones."""
    return x if complex_step.get() else np.conj(x)


conj = Op("conj", _conj, (lambda g, y, x: conj(g),), domain=(REAL,), analytic=False, complex=True,
          doc="The complex conjugate.")  # fmt: skip
real = Op(
    "real",
    lambda x: np.real(x) + 0,
    (lambda g, y, x: g,),
    domain=(REAL,),
    analytic=False,
    complex=True,
    doc="The real part.",
)
imag = Op("imag", lambda x: np.imag(x) + 0, (lambda g, y, x: -(g * 1j),), domain=(REAL,), analytic=False, complex=True,
          doc="The imaginary part.")  # fmt: skip
