"""Functions of each entry, under the names of the array API standard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import ops
from ..annotations import ArrayLike
from ..arrays import complex_step, is_weak
from ..domain import inf
from .arguments import elementwise, lift, of_one, of_two, scaled
from .calls import own_keywords

if TYPE_CHECKING:
    from ..tensor import Tensor

add = elementwise(ops.add, scaled, "[1.0, 2.0], 3.0", "Tensor(shape=(2,), dtype=float32, [4., 5.])")
subtract = elementwise(ops.subtract, scaled, "[5.0, 2.0], 3.0", "Tensor(shape=(2,), dtype=float32, [ 2., -1.])")
multiply = elementwise(ops.multiply, of_two, "[1.0, 2.0], [3.0, 4.0]", "Tensor(shape=(2,), dtype=float32, [3., 8.])")
divide = elementwise(ops.divide, of_two, "[1, 2], 2", "Tensor(shape=(2,), dtype=float64, [0.5, 1. ])")
negative = elementwise(ops.negative, of_one, "[1.0, -2.0]", "Tensor(shape=(2,), dtype=float32, [-1.,  2.])")
positive = elementwise(ops.positive, of_one, "[1.0, -2.0]", "Tensor(shape=(2,), dtype=float32, [ 1., -2.])")
abs = elementwise(ops.abs, of_one, "[-1.5, 3 + 4j]", "Tensor(shape=(2,), dtype=float32, [1.5, 5. ])")
exp = elementwise(ops.exp, of_one, "[0.0, 1.0]", "Tensor(shape=(2,), dtype=float32, [1.    , 2.7183])")
exp2 = elementwise(ops.exp2, of_one, "[0.0, 3.0]", "Tensor(shape=(2,), dtype=float32, [1., 8.])")
expm1 = elementwise(ops.expm1, of_one, "1e-9", "Tensor(shape=(), dtype=float32, 1.e-09)")
log = elementwise(ops.log, of_one, "[1.0, 2.0]", "Tensor(shape=(2,), dtype=float32, [0.    , 0.6931])")
log1p = elementwise(ops.log1p, of_one, "1e-9", "Tensor(shape=(), dtype=float32, 1.e-09)")
log2 = elementwise(ops.log2, of_one, "[1.0, 8.0]", "Tensor(shape=(2,), dtype=float32, [0., 3.])")
log10 = elementwise(ops.log10, of_one, "[1.0, 1000.0]", "Tensor(shape=(2,), dtype=float32, [0., 3.])")
sqrt = elementwise(ops.sqrt, of_one, "[4.0, 2.0]", "Tensor(shape=(2,), dtype=float32, [2.    , 1.4142])")
square = elementwise(ops.square, of_one, "[-3.0, 2.0]", "Tensor(shape=(2,), dtype=float32, [9., 4.])")
reciprocal = elementwise(ops.reciprocal, of_one, "[2.0, -4.0]", "Tensor(shape=(2,), dtype=float32, [ 0.5 , -0.25])")
sin = elementwise(ops.sin, of_one, "[0.0, tg.pi / 2]", "Tensor(shape=(2,), dtype=float32, [0., 1.])")
cos = elementwise(ops.cos, of_one, "[0.0, tg.pi]", "Tensor(shape=(2,), dtype=float32, [ 1., -1.])")
tan = elementwise(ops.tan, of_one, "[0.0, 1.0]", "Tensor(shape=(2,), dtype=float32, [0.    , 1.5574])")
sinh = elementwise(ops.sinh, of_one, "[0.0, 1.0]", "Tensor(shape=(2,), dtype=float32, [0.    , 1.1752])")
cosh = elementwise(ops.cosh, of_one, "[0.0, 1.0]", "Tensor(shape=(2,), dtype=float32, [1.    , 1.5431])")
tanh = elementwise(ops.tanh, of_one, "[0.0, 1.0]", "Tensor(shape=(2,), dtype=float32, [0.    , 0.7616])")
asin = elementwise(ops.asin, of_one, "[0.0, 1.0]", "Tensor(shape=(2,), dtype=float32, [0.    , 1.5708])")
acos = elementwise(ops.acos, of_one, "[1.0, -1.0]", "Tensor(shape=(2,), dtype=float32, [0.    , 3.1416])")
atan = elementwise(ops.atan, of_one, "[0.0, 1.0]", "Tensor(shape=(2,), dtype=float32, [0.    , 0.7854])")
atan2 = elementwise(ops.atan2, of_two, "[1.0, 1.0], [1.0, -1.0]", "Tensor(shape=(2,), dtype=float32, [0.7854, 2.3562])")
asinh = elementwise(ops.asinh, of_one, "[0.0, 1.0]", "Tensor(shape=(2,), dtype=float32, [0.    , 0.8814])")
acosh = elementwise(ops.acosh, of_one, "[1.0, 2.0]", "Tensor(shape=(2,), dtype=float32, [0.   , 1.317])")
atanh = elementwise(ops.atanh, of_one, "[0.0, 0.5]", "Tensor(shape=(2,), dtype=float32, [0.    , 0.5493])")
hypot = elementwise(ops.hypot, of_two, "3e30, 4e30", "Tensor(shape=(), dtype=float32, 5.e+30)")
logaddexp = elementwise(ops.logaddexp, of_two, "1000.0, 1000.0", "Tensor(shape=(), dtype=float32, 1000.6932)")
maximum = elementwise(ops.maximum, of_two, "[1.0, 5.0], 3.0", "Tensor(shape=(2,), dtype=float32, [3., 5.])")
minimum = elementwise(ops.minimum, of_two, "[1.0, 5.0], 3.0", "Tensor(shape=(2,), dtype=float32, [1., 3.])")
floor = elementwise(ops.floor, of_one, "[1.5, -1.5]", "Tensor(shape=(2,), dtype=float32, [ 1., -2.])")
ceil = elementwise(ops.ceil, of_one, "[1.5, -1.5]", "Tensor(shape=(2,), dtype=float32, [ 2., -1.])")
remainder = elementwise(ops.remainder, of_two, "[7, -7], 3", "Tensor(shape=(2,), dtype=int64, [1, 2])")
floor_divide = elementwise(ops.floor_divide, of_two, "[7, -7], 3", "Tensor(shape=(2,), dtype=int64, [ 2, -3])")
erf = elementwise(ops.erf, of_one, "[0.0, 1.0]", "Tensor(shape=(2,), dtype=float32, [0.    , 0.8427])")
sigmoid = elementwise(ops.sigmoid, of_one, "[0.0, -1000.0]", "Tensor(shape=(2,), dtype=float32, [0.5, 0. ])")
softplus = elementwise(ops.softplus, of_one, "[0.0, 1.0]", "Tensor(shape=(2,), dtype=float32, [0.6931, 1.3133])")
relu = elementwise(ops.relu, of_one, "[-1.0, 2.0]", "Tensor(shape=(2,), dtype=float32, [0., 2.])")
equal = elementwise(ops.equal, of_two, "[1, 2, 3], 2", "Tensor(shape=(3,), dtype=bool, [False,  True, False])")
not_equal = elementwise(ops.not_equal, of_two, "[1, 2, 3], 2", "Tensor(shape=(3,), dtype=bool, [ True, False,  True])")
less = elementwise(ops.less, of_two, "[1, 2, 3], 2", "Tensor(shape=(3,), dtype=bool, [ True, False, False])")
less_equal = elementwise(
    ops.less_equal, of_two, "[1, 2, 3], 2", "Tensor(shape=(3,), dtype=bool, [ True,  True, False])"
)
greater = elementwise(ops.greater, of_two, "[1, 2, 3], 2", "Tensor(shape=(3,), dtype=bool, [False, False,  True])")
greater_equal = elementwise(
    ops.greater_equal, of_two, "[1, 2, 3], 2", "Tensor(shape=(3,), dtype=bool, [False,  True,  True])"
)
isnan = elementwise(ops.isnan, of_one, "[1.0, tg.inf, tg.nan]", "Tensor(shape=(3,), dtype=bool, [False, False,  True])")
isinf = elementwise(ops.isinf, of_one, "[1.0, tg.inf, tg.nan]", "Tensor(shape=(3,), dtype=bool, [False,  True, False])")
isfinite = elementwise(
    ops.isfinite, of_one, "[1.0, tg.inf, tg.nan]", "Tensor(shape=(3,), dtype=bool, [ True, False, False])"
)
logical_and = elementwise(
    ops.logical_and, of_two, "[True, False], True", "Tensor(shape=(2,), dtype=bool, [ True, False])"
)
logical_or = elementwise(
    ops.logical_or, of_two, "[True, False], True", "Tensor(shape=(2,), dtype=bool, [ True,  True])"
)
logical_xor = elementwise(
    ops.logical_xor, of_two, "[True, False], True", "Tensor(shape=(2,), dtype=bool, [False,  True])"
)
logical_not = elementwise(ops.logical_not, of_one, "[True, False]", "Tensor(shape=(2,), dtype=bool, [False,  True])")
bitwise_and = elementwise(ops.bitwise_and, of_two, "12, 10", "Tensor(shape=(), dtype=int64, 8)")
bitwise_or = elementwise(ops.bitwise_or, of_two, "12, 10", "Tensor(shape=(), dtype=int64, 14)")
bitwise_xor = elementwise(ops.bitwise_xor, of_two, "12, 10", "Tensor(shape=(), dtype=int64, 6)")
bitwise_invert = elementwise(ops.bitwise_invert, of_one, "[0, 5]", "Tensor(shape=(2,), dtype=int64, [-1, -6])")
bitwise_left_shift = elementwise(ops.bitwise_left_shift, of_two, "5, 2", "Tensor(shape=(), dtype=int64, 20)")
bitwise_right_shift = elementwise(ops.bitwise_right_shift, of_two, "20, 2", "Tensor(shape=(), dtype=int64, 5)")
trunc = elementwise(ops.trunc, of_one, "[1.5, -1.5]", "Tensor(shape=(2,), dtype=float32, [ 1., -1.])")
fmod = elementwise(ops.fmod, of_two, "[7, -7], 3", "Tensor(shape=(2,), dtype=int64, [ 1, -1])")
cbrt = elementwise(ops.cbrt, of_one, "[8.0, -27.0]", "Tensor(shape=(2,), dtype=float32, [ 2., -3.])")
signbit = elementwise(ops.signbit, of_one, "[1.0, -0.0]", "Tensor(shape=(2,), dtype=bool, [False,  True])")
copysign = elementwise(ops.copysign, of_two, "[1.0, -2.0], -3.0", "Tensor(shape=(2,), dtype=float32, [-1., -2.])")
nextafter = elementwise(ops.nextafter, of_two, "4096.0, tg.inf", "Tensor(shape=(), dtype=float32, 4096.0005)")
conj = elementwise(ops.conj, of_one, "1 + 2j", "Tensor(shape=(), dtype=complex64, 1.-2.j)")


def sign(x: ArrayLike, /) -> Tensor:
    """-1, 0 or 1; x / abs(x) of complex numbers, whose infinite part decides. The derivative of -1, 0, 1 is 0.

    >>> import tinygrad_edu as tg
    >>> tg.sign([-3.0, 0.0, 2.0])
    Tensor(shape=(3,), dtype=float32, [-1.,  0.,  1.])
    """
    x = lift(x, "sign")
    if x.dtype.kind == "c" and not complex_step.get():
        size = ops.abs(x)
        a, b = (ops.where(ops.isinf(part), ops.sign(part), 0) for part in (ops.real(x), ops.imag(x)))
        far = ops.where(ops.abs(a * b) == 1, float("nan"), a + b * 1j)
        usual = (size > 0) & ops.isfinite(size)
        other = ops.where(ops.isinf(size), far, ops.where(ops.isnan(size), float("nan") * (1 + 1j), 0))
        return ops.where(usual, ops.where(usual, x, 0) / ops.where(usual, size, 1), other.astype(x.dtype))
    return ops.sign.unary(x)


_general_power = elementwise(ops.power, of_two)


def to_the(a: ArrayLike, b: ArrayLike) -> Tensor:
    """a ** b."""
    if (b.__class__ is int or b.__class__ is float) and hasattr(a, "dtype"):
        a = lift(a, "power")
        return ops.square.unary(a) if b.__class__ is int and b == 2 else ops.power_n(a, n=b)
    return _general_power(a, b)


@own_keywords
def power(a: ArrayLike, b: ArrayLike) -> Tensor:
    """power(a, b) = a ** b, entry by entry, with broadcasting.

    >>> import tinygrad_edu as tg
    >>> tg.power([1.0, 2.0, 3.0], 2)
    Tensor(shape=(3,), dtype=float32, [1., 4., 9.])
    """
    return to_the(a, b)


@own_keywords
def pow(a: ArrayLike, b: ArrayLike) -> Tensor:
    """pow(a, b) = a ** b, entry by entry, with broadcasting: `power`, as the array API standard calls it.

    >>> import tinygrad_edu as tg
    >>> tg.pow([1.0, 2.0, 3.0], 2)
    Tensor(shape=(3,), dtype=float32, [1., 4., 9.])
    """
    return to_the(a, b)


@own_keywords
def where(condition: ArrayLike, a: ArrayLike, b: ArrayLike) -> Tensor:
    """`a` where the condition is true, `b` elsewhere; no gradient goes where an entry was not taken.

    >>> import tinygrad_edu as tg
    >>> tg.where([True, False], [1.0, 2.0], 0.0)
    Tensor(shape=(2,), dtype=float32, [1., 0.])
    """
    if not any(hasattr(x, "dtype") for x in (a, b)):  # two Python numbers: floats of the default dtype
        a, b = lift(a, "where"), lift(b, "where")
    return ops.where(lift(condition, "where"), a, b)


@own_keywords
def round(x: ArrayLike, decimals: int = 0) -> Tensor:
    """Each entry rounded to `decimals` places, halves to even; its derivative is 0.

    >>> import tinygrad_edu as tg
    >>> tg.round([0.5, 1.5, 2.7])
    Tensor(shape=(3,), dtype=float32, [0., 2., 3.])
    """
    return ops.round(lift(x, "round"), decimals=decimals)


@own_keywords
def clip(x: ArrayLike, min: ArrayLike | None = None, max: ArrayLike | None = None) -> Tensor:
    """Each entry, moved into the interval from `min` to `max`; None leaves that side open.

    The gradient passes where the entry lies in the interval, its ends included.

    >>> import tinygrad_edu as tg
    >>> tg.clip([-2.0, 0.5, 2.0], -1, 1)
    Tensor(shape=(3,), dtype=float32, [-1. ,  0.5,  1. ])
    """
    x = lift(x, "clip")
    if min is None and max is None:
        return positive(x)
    if x._data.dtype.kind in "iub":  # integers have no infinity to stand for an open side
        y = x if min is None else maximum(x, min)
        return y if max is None else minimum(y, max)
    return ops.clip(x, _bound(x, min, -inf), _bound(x, max, inf))


def _bound(x: Any, bound: Any, none: float) -> Any:
    """A bound of the floats `x`: integers take the dtype of `x`, as Python numbers do."""
    if bound is None or is_weak(bound):
        return none if bound is None else bound
    bound = lift(bound, "clip")
    return bound if bound.dtype.kind not in "biu" else bound.astype(x.dtype)
