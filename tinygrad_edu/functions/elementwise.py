"""Functions of each entry, under the names of the array API standard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import ops
from ..arrays import complex_step, is_weak
from ..domain import inf
from .arguments import elementwise, lift
from .calls import own_keywords

if TYPE_CHECKING:
    from ..tensor import Tensor

add = elementwise(ops.add)
subtract = elementwise(ops.subtract)
multiply = elementwise(ops.multiply)
divide = elementwise(ops.divide)
negative = elementwise(ops.negative)
positive = elementwise(ops.positive)
abs = elementwise(ops.abs)
exp = elementwise(ops.exp)
exp2 = elementwise(ops.exp2)
expm1 = elementwise(ops.expm1)
log = elementwise(ops.log)
log1p = elementwise(ops.log1p)
log2 = elementwise(ops.log2)
log10 = elementwise(ops.log10)
sqrt = elementwise(ops.sqrt)
square = elementwise(ops.square)
reciprocal = elementwise(ops.reciprocal)
sin = elementwise(ops.sin)
cos = elementwise(ops.cos)
tan = elementwise(ops.tan)
sinh = elementwise(ops.sinh)
cosh = elementwise(ops.cosh)
tanh = elementwise(ops.tanh)
asin = elementwise(ops.asin)
acos = elementwise(ops.acos)
atan = elementwise(ops.atan)
atan2 = elementwise(ops.atan2)
asinh = elementwise(ops.asinh)
acosh = elementwise(ops.acosh)
atanh = elementwise(ops.atanh)
hypot = elementwise(ops.hypot)
logaddexp = elementwise(ops.logaddexp)
maximum = elementwise(ops.maximum)
minimum = elementwise(ops.minimum)
floor = elementwise(ops.floor)
ceil = elementwise(ops.ceil)
remainder = elementwise(ops.remainder)
floor_divide = elementwise(ops.floor_divide)
erf = elementwise(ops.erf)
sigmoid = elementwise(ops.sigmoid)
softplus = elementwise(ops.softplus)
relu = elementwise(ops.relu)
equal = elementwise(ops.equal)
not_equal = elementwise(ops.not_equal)
less = elementwise(ops.less)
less_equal = elementwise(ops.less_equal)
greater = elementwise(ops.greater)
greater_equal = elementwise(ops.greater_equal)
isnan = elementwise(ops.isnan)
isinf = elementwise(ops.isinf)
isfinite = elementwise(ops.isfinite)
logical_and = elementwise(ops.logical_and)
logical_or = elementwise(ops.logical_or)
logical_xor = elementwise(ops.logical_xor)
logical_not = elementwise(ops.logical_not)
bitwise_and = elementwise(ops.bitwise_and)
bitwise_or = elementwise(ops.bitwise_or)
bitwise_xor = elementwise(ops.bitwise_xor)
bitwise_invert = elementwise(ops.bitwise_invert)
bitwise_left_shift = elementwise(ops.bitwise_left_shift)
bitwise_right_shift = elementwise(ops.bitwise_right_shift)
trunc = elementwise(ops.trunc)
fmod = elementwise(ops.fmod)
cbrt = elementwise(ops.cbrt)
signbit = elementwise(ops.signbit)
copysign = elementwise(ops.copysign)
nextafter = elementwise(ops.nextafter)
conj = elementwise(ops.conj)


def sign(x: Any, /) -> Tensor:
    """-1, 0 or 1; x / abs(x) of complex numbers. Its derivative is 0."""
    x = lift(x, "sign")
    if x.dtype.kind == "c" and not complex_step.get():
        size = ops.abs(x)
        return x / ops.where(size == 0, 1, size)
    return ops.sign.unary(x)


_general_power = elementwise(ops.power)


def power(a: Any, b: Any) -> Tensor:
    """power(a, b) = a ** b, entry by entry, with broadcasting."""
    if (b.__class__ is int or b.__class__ is float) and hasattr(a, "dtype"):
        a = lift(a, "power")
        return ops.square.unary(a) if b.__class__ is int and b == 2 else ops.power_n(a, n=b)
    return _general_power(a, b)


pow = power


@own_keywords
def where(condition: Any, a: Any, b: Any) -> Tensor:
    """`a` where the condition is true, `b` elsewhere; no gradient goes where an entry was not taken."""
    if not any(hasattr(x, "dtype") for x in (a, b)):  # two Python numbers: floats of the default dtype
        a, b = lift(a, "where"), lift(b, "where")
    return ops.where(lift(condition, "where"), a, b)


@own_keywords
def round(x: Any, decimals: int = 0) -> Tensor:
    """Each entry rounded to `decimals` places, halves to even; its derivative is 0."""
    return ops.round(lift(x, "round"), decimals=decimals)


@own_keywords
def clip(x: Any, min: Any = None, max: Any = None) -> Tensor:
    """Each entry, moved into the interval from `min` to `max`; None leaves that side open.

    The gradient passes where the entry lies in the interval, its ends included.
    """
    x = lift(x, "clip")
    if min is None and max is None:
        return positive(x)
    if x._data.dtype.kind in "iu":  # integers have no infinity to stand for an open side
        y = x if min is None else maximum(x, min)
        return y if max is None else minimum(y, max)
    return ops.clip(x, _bound(x, min, -inf), _bound(x, max, inf))


def _bound(x: Any, bound: Any, none: float) -> Any:
    """A bound of the floats `x`: integers take the dtype of `x`, as Python numbers do."""
    if bound is None or is_weak(bound):
        return none if bound is None else bound
    bound = lift(bound, "clip")
    return bound if bound.dtype.kind not in "biu" else bound.astype(x.dtype)
