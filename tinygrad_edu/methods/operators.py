"""Python's operators on tensors, indexing and iteration."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from .. import ops, writing
from ..annotations import ArrayLike
from ..engine import Variable, enter
from ..functions import contract, elementwise, indexing

if TYPE_CHECKING:
    from ..tensor import Tensor


def _weak(x: object, right: Variable, who: str = "operator") -> Variable:
    """The left operand of a reflected operator, a tensor where a subclass asks; a Python scalar stays one."""
    if x.__class__ is complex and right._data.__class__ is np.float64:  # which Python would take for its own float
        x = np.complex128(x)
    return x if isinstance(x, Variable) else enter(x, who)


class Operators(Variable):
    """`+`, `@`, `<`, `t[...]` and their like. One line each."""

    __slots__ = ()

    # fmt: off
    def __lshift__(self, other: ArrayLike) -> Tensor: return ops.bitwise_left_shift(self, other)
    def __rshift__(self, other: ArrayLike) -> Tensor: return ops.bitwise_right_shift(self, other)
    def __rlshift__(self, other: ArrayLike) -> Tensor: return ops.bitwise_left_shift(other, self)
    def __rrshift__(self, other: ArrayLike) -> Tensor: return ops.bitwise_right_shift(other, self)
    def __ilshift__(self, other: ArrayLike) -> Self: return writing.update(self, ops.bitwise_left_shift, self << other)
    def __irshift__(self, other: ArrayLike) -> Self: return writing.update(self, ops.bitwise_right_shift, self >> other)
    def __add__(self, other: ArrayLike) -> Tensor: return ops.add.binary(self, other)
    def __sub__(self, other: ArrayLike) -> Tensor: return ops.subtract.binary(self, other)
    def __mul__(self, other: ArrayLike) -> Tensor: return ops.multiply.binary(self, other)
    def __truediv__(self, other: ArrayLike) -> Tensor: return ops.divide.binary(self, other)
    def __floordiv__(self, other: ArrayLike) -> Tensor: return ops.floor_divide(self, other)
    def __mod__(self, other: ArrayLike) -> Tensor: return ops.remainder.binary(self, other)
    def __pow__(self: Any, other: ArrayLike) -> Tensor: return elementwise.to_the(self, other)
    def __matmul__(self: Any, other: ArrayLike) -> Tensor: return contract.matmul(self, other)
    def __neg__(self) -> Tensor: return ops.negative.unary(self)
    def __pos__(self) -> Tensor: return ops.positive.unary(self)
    def __abs__(self) -> Tensor: return ops.abs.unary(self)
    def __invert__(self) -> Tensor: return ops.bitwise_invert(self)
    def __radd__(self, other: ArrayLike) -> Tensor: return ops.add.binary(_weak(other, self), self)
    def __rsub__(self, other: ArrayLike) -> Tensor: return ops.subtract.binary(_weak(other, self), self)
    def __rmul__(self, other: ArrayLike) -> Tensor: return ops.multiply.binary(_weak(other, self, "multiply"), self)
    def __rtruediv__(self, other: ArrayLike) -> Tensor: return ops.divide.binary(_weak(other, self), self)
    def __rfloordiv__(self, other: ArrayLike) -> Tensor: return ops.floor_divide(other, self)
    def __rmod__(self, other: ArrayLike) -> Tensor: return ops.remainder(other, self)
    def __rpow__(self, other: ArrayLike) -> Tensor: return ops.power.binary(_weak(other, self, "power"), self)
    def __rmatmul__(self: Any, other: ArrayLike) -> Tensor: return contract.matmul(other, self)
    def __iadd__(self, other: ArrayLike) -> Self: return writing.update(self, ops.add, self + other)
    def __isub__(self, other: ArrayLike) -> Self: return writing.update(self, ops.subtract, self - other)
    def __imul__(self, other: ArrayLike) -> Self: return writing.update(self, ops.multiply, self * other)
    def __itruediv__(self, other: ArrayLike) -> Self: return writing.update(self, ops.divide, self / other)
    def __ipow__(self, other: ArrayLike) -> Self: return writing.update(self, ops.power, self ** other)
    def __imod__(self, other: ArrayLike) -> Self: return writing.update(self, ops.remainder, self % other)
    def __ifloordiv__(self, other: ArrayLike) -> Self: return writing.update(self, ops.floor_divide, self // other)
    def __imatmul__(self, other: ArrayLike) -> Self: return writing.update(self, ops.matmul, self @ other)
    def __iand__(self, other: ArrayLike) -> Self: return writing.update(self, ops.bitwise_and, self & other)
    def __ior__(self, other: ArrayLike) -> Self: return writing.update(self, ops.bitwise_or, self | other)
    def __ixor__(self, other: ArrayLike) -> Self: return writing.update(self, ops.bitwise_xor, self ^ other)
    def __lt__(self, other: ArrayLike) -> Tensor: return ops.less(self, other)
    def __le__(self, other: ArrayLike) -> Tensor: return ops.less_equal(self, other)
    def __gt__(self, other: ArrayLike) -> Tensor: return ops.greater(self, other)
    def __ge__(self, other: ArrayLike) -> Tensor: return ops.greater_equal(self, other)
    def __and__(self, other: ArrayLike) -> Tensor: return ops.bitwise_and(self, other)
    def __or__(self, other: ArrayLike) -> Tensor: return ops.bitwise_or(self, other)
    def __xor__(self, other: ArrayLike) -> Tensor: return ops.bitwise_xor(self, other)
    __rand__, __ror__, __rxor__, __hash__ = __and__, __or__, __xor__, object.__hash__
    # fmt: on

    def __divmod__(self, other: ArrayLike) -> tuple[Tensor, Tensor]:
        return self // other, self % other

    def __rdivmod__(self, other: ArrayLike) -> tuple[Tensor, Tensor]:
        return self.__rfloordiv__(other), self.__rmod__(other)

    def __eq__(self, other: object) -> Tensor:  # type: ignore[override]  # entry by entry, as NumPy compares
        return NotImplemented if other is None else ops.equal(self, other)

    def __ne__(self, other: object) -> Tensor:  # type: ignore[override]
        return NotImplemented if other is None else ops.not_equal(self, other)

    def __getitem__(self, key: Any) -> Tensor:
        index, arrays = indexing.split_index(key)
        return ops.getitem(self, *arrays, index=index)

    def __setitem__(self, key: object, value: ArrayLike) -> None:
        writing.assign(self, key, value)

    def __len__(self) -> int:
        if not np.ndim(self._data):
            raise TypeError("len: the tensor must have an axis; got a scalar; use size")
        return int(np.shape(self._data)[0])

    def __iter__(self) -> Iterator[Tensor]:
        if not np.ndim(self._data):
            raise TypeError("iter: the tensor must have an axis; got a scalar; use item()")
        return (self[i] for i in range(len(self)))

    def __round__(self: Any, decimals: int = 0) -> Tensor:
        return elementwise.round(self, decimals)
