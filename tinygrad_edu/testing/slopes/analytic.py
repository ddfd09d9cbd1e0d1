"""Complex numbers that refuse what has no complex derivative: absolute values, parts, conjugates, comparisons."""

from __future__ import annotations

from typing import Any

import numpy as np

UFUNCS = {
    np.absolute, np.fabs, np.sign, np.conjugate, np.greater, np.greater_equal, np.less, np.less_equal, np.equal,
    np.not_equal, np.floor, np.ceil, np.rint, np.trunc,
}  # fmt: skip
PRECISE = {u for u in vars(np).values() if isinstance(u, np.ufunc)}  # other libraries' may be rough for complex numbers
FUNCTIONS = {  # they conjugate, compare or take parts inside
    np.real, np.imag, np.angle, np.real_if_close, np.vdot, np.var, np.std, np.linalg.norm, np.linalg.cond,
    np.linalg.eigh, np.linalg.eigvalsh, np.linalg.svd, np.linalg.cholesky, np.linalg.qr, np.linalg.pinv,
    np.linalg.lstsq, np.linalg.matrix_rank, np.linalg.slogdet, np.nan_to_num, np.isclose, np.allclose,
}  # fmt: skip


class NotAnalyticError(TypeError):
    """A function of complex numbers was reached that has no complex derivative."""


class Analytic(np.ndarray[Any, Any]):
    """A complex array for the complex step: it raises `NotAnalyticError` where the step would not be right."""

    def __array_ufunc__(self, ufunc: object, method: str, *inputs: object, **settings: object) -> Any:
        if ufunc in UFUNCS and any(_complex(x) for x in inputs):
            raise NotAnalyticError(ufunc.__name__)
        given = [x.view(np.ndarray) if isinstance(x, Analytic) else x for x in inputs]
        for key in ("out", "where"):
            value = settings.get(key)
            if isinstance(value, tuple):
                settings[key] = tuple(x.view(np.ndarray) if isinstance(x, Analytic) else x for x in value)
            elif isinstance(value, Analytic):
                settings[key] = value.view(np.ndarray)
        found = getattr(ufunc, method)(*given, **settings)
        return watched(found) if ufunc in PRECISE else found

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if function in FUNCTIONS and any(_complex(x) for x in args):
            raise NotAnalyticError(function.__name__)
        return super().__array_function__(function, types, args, kwargs)

    @property  # type: ignore[misc]
    def real(self) -> Any:
        """Refused: a part of a complex number has no complex derivative."""
        return self._part("real")

    @property  # type: ignore[misc]
    def imag(self) -> Any:
        """Refused, likewise."""
        return self._part("imag")

    def _part(self, name: str) -> Any:
        if self.dtype.kind == "c":
            raise NotAnalyticError(name)
        return getattr(self.view(np.ndarray), name)

    def conj(self) -> Any:
        """Refused for complex numbers."""
        return np.conjugate(self)

    def conjugate(self) -> Any:
        """Refused for complex numbers."""
        return np.conjugate(self)


def _complex(x: Any) -> bool:
    return isinstance(x, np.ndarray) and x.dtype.kind == "c"


def watched(x: object) -> Any:
    """The complex numbers in a result, watched as well, scalars as arrays of no dimension."""
    if isinstance(x, tuple):
        return tuple(map(watched, x))
    return np.asarray(x).view(Analytic) if isinstance(x, np.ndarray | np.complexfloating) else x
