"""Special functions of each entry, under SciPy's names: `tg.special`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import ops
from ..annotations import ArrayLike
from .arguments import elementwise, lift, of_one, of_two
from .calls import own_keywords
from .elementwise import clip, log, log1p, minimum, sigmoid, where
from .elementwise import erf as erf
from .settings import Size, settings

if TYPE_CHECKING:
    from ..tensor import Tensor

erfc = elementwise(ops.erfc, of_one, "4.0", "Tensor(shape=(), dtype=float32, 1.5417e-08)", "special")
erfcx = elementwise(ops.erfcx, of_one, "[0.0, 10.0]", "Tensor(shape=(2,), dtype=float32, [1.    , 0.0561])", "special")
erfinv = elementwise(ops.erfinv, of_one, "[0.0, 0.5]", "Tensor(shape=(2,), dtype=float32, [0.    , 0.4769])", "special")
gammaln = elementwise(
    ops.gammaln, of_one, "[1.0, 5.0]", "Tensor(shape=(2,), dtype=float32, [0.    , 3.1781])", "special"
)
xlogy = elementwise(ops.xlogy, of_two, "0.0, 0.0", "Tensor(shape=(), dtype=float32, 0.)", "special")
xlog1py = elementwise(ops.xlog1py, of_two, "0.0, -1.0", "Tensor(shape=(), dtype=float32, 0.)", "special")


@own_keywords
def expit(x: ArrayLike) -> Tensor:
    """expit(x) = 1 / (1 + exp(-x)), entry by entry: `sigmoid`, as SciPy calls it.

    >>> import tinygrad_edu as tg
    >>> tg.special.expit([0.0, -1000.0])
    Tensor(shape=(2,), dtype=float32, [0.5, 0. ])
    """
    return sigmoid(x)


@own_keywords
def digamma(x: ArrayLike) -> Tensor:
    """The logarithmic derivative of the gamma function. Source: Abramowitz and Stegun 6.3.

    >>> import tinygrad_edu as tg
    >>> round(tg.special.digamma(1.0).item(), 6)
    -0.577216
    """
    return polygamma(0, x)


@settings
def polygamma(n: Size, x: ArrayLike) -> Tensor:
    """The derivative of order `n` of `digamma`. Source: Abramowitz and Stegun 6.4.

    >>> import tinygrad_edu as tg
    >>> round(tg.special.polygamma(1, 1.0).item(), 5)
    1.64493
    """
    return ops.polygamma(lift(x, "polygamma"), n=n)


@own_keywords
def ndtr(x: ArrayLike) -> Tensor:
    """The distribution function of the standard normal law: erfc(-x / sqrt(2)) / 2.

    Source: Abramowitz and Stegun, "Handbook of mathematical functions" (1964), 26.2.

    >>> import tinygrad_edu as tg
    >>> tg.special.ndtr(0.0).item()
    0.5
    """
    return erfc(lift(x, "ndtr") * -(0.5**0.5)) / 2


@own_keywords
def log_ndtr(x: ArrayLike) -> Tensor:
    """The logarithm of `ndtr`, to its own digits on both sides.

    Source: Abramowitz and Stegun, "Handbook of mathematical functions" (1964), 26.2.

    >>> import tinygrad_edu as tg
    >>> round(tg.special.log_ndtr(-20.0).item(), 3)
    -203.917
    """
    x = lift(x, "log_ndtr")
    low = minimum(x, -1.0)
    left = log(erfcx(low * -(0.5**0.5)) / 2) - low * low / 2
    return where(x < -1, left, log1p(erfc(where(x < -1, 0.0, x) * 0.5**0.5) / -2))


@settings
def logit(x: ArrayLike, eps: float | None = None) -> Tensor:
    """log(x / (1 - x)), the inverse of `expit`; `x` is first moved to between `eps` and 1 - `eps`, if that is given.

    Source: Berkson, "Application of the logistic function to bio-assay" (1944).

    >>> import tinygrad_edu as tg
    >>> tg.special.logit(0.5).item()
    0.0
    """
    x = lift(x, "logit")
    x = x if eps is None else clip(x, eps, 1 - eps)
    return log(x) - log1p(-x)


@own_keywords
def i0(x: ArrayLike) -> Tensor:
    """The modified Bessel function of order 0. Source: Abramowitz and Stegun 9.6 and 9.7.

    >>> import tinygrad_edu as tg
    >>> tg.special.i0(0.0).item()
    1.0
    """
    return ops.bessel_i(lift(x, "i0"), n=0)


@own_keywords
def i1(x: ArrayLike) -> Tensor:
    """The modified Bessel function of order 1.

    Source: Abramowitz and Stegun, "Handbook of mathematical functions" (1964), 9.6 and 9.7.

    >>> import tinygrad_edu as tg
    >>> tg.grad(tg.special.i1)(0.0).item()
    0.5
    """
    return ops.bessel_i(lift(x, "i1"), n=1)


@own_keywords
def i0e(x: ArrayLike) -> Tensor:
    """exp(-abs(x)) * i0(x). Source: Abramowitz and Stegun, "Handbook of mathematical functions" (1964), 9.6 and 9.7.

    >>> import tinygrad_edu as tg
    >>> round(tg.special.i0e(1000.0).item(), 5)
    0.01262
    """
    return ops.bessel_ie(lift(x, "i0e"), n=0)


@own_keywords
def i1e(x: ArrayLike) -> Tensor:
    """exp(-abs(x)) * i1(x). Source: Abramowitz and Stegun, "Handbook of mathematical functions" (1964), 9.6 and 9.7.

    >>> import tinygrad_edu as tg
    >>> tg.special.i1e(0.0).item()
    0.0
    """
    return ops.bessel_ie(lift(x, "i1e"), n=1)


__all__ = [
    "digamma", "erf", "erfc", "erfcx", "erfinv", "expit", "gammaln", "i0", "i0e", "i1", "i1e", "log_ndtr", "logit",
    "ndtr", "polygamma", "xlog1py", "xlogy",
]  # fmt: skip
