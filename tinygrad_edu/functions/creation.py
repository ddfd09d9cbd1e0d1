"""Tensors from nothing, or from what other libraries hold. Floats take the default dtype."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Number
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import engine
from ..annotations import ArrayLike, DTypeLike
from ..arrays import default_of, get_default_dtype, left_at, to_array
from ..engine import LEFT, Variable
from ..holders import Store
from ..ops.layout import broadcast_to
from ..recording import recording
from .arguments import lift, normal_shape, number
from .calls import own_keywords
from .settings import settings

if TYPE_CHECKING:
    from ..tensor import Tensor


@settings
@own_keywords
def asarray(data: ArrayLike, dtype: DTypeLike | None = None, copy: bool | None = None) -> Tensor:
    """A tensor of `data`: shared where it can be, unlike `Tensor(data)`, which copies.

    Takes lists, arrays, tensors, and what other libraries offer through DLPack.
    Errors: a ValueError where `copy` is False and `data` is a number or a list.

    >>> import tinygrad_edu as tg
    >>> import numpy as np
    >>> a = np.array([1, 2])
    >>> x = tg.asarray(a)
    >>> a[0] = 5
    >>> x.tolist()
    [5, 2]
    """
    if copy is False and isinstance(data, list | tuple | Number):
        raise ValueError(
            f"asarray: with copy=False the tensor must share memory; got a {type(data).__name__}; leave it out"
        )
    if isinstance(data, Variable):
        t: Any = data
        t = t if dtype is None else t.astype(dtype)
        return t.clone() if copy else t
    if isinstance(data, list | tuple):
        t = lift(data, "asarray")
        return t if dtype is None else t.astype(dtype)
    t = engine.constant(to_array(data, dtype, copy, "asarray"))
    theirs = hasattr(data, "__array__") and not isinstance(data, np.ndarray | np.generic) and not copy
    if t._data is data or t._data.base is not None or theirs:  # through DLPack, or the memory of another object
        t.store = Store(exposed=True)
    if recording.get() and (left := left_at(data)) is not None:
        t.flags, t.site = LEFT, left
    return t


def _made(who: str, make: Callable[..., Any], *arguments: object) -> Any:
    """What one of NumPy's functions makes, or its error in this package's words."""
    try:
        array = make(*arguments)
        if array.dtype.kind not in "biufc":
            raise TypeError(f"an array of {array.dtype}")
    except (TypeError, ValueError, ArithmeticError, MemoryError) as error:
        kinds = (ZeroDivisionError, MemoryError, ArithmeticError, TypeError)
        kind = next((kind for kind in kinds if isinstance(error, kind)), ValueError)
        kind = ValueError if kind is ArithmeticError else kind
        given = str(arguments) if len(str(arguments)) < 200 else f"{str(arguments)[:150]}..."
        raise kind(f"{who}: arguments must make an array; got {given} ({error}); check them") from None
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def _or_default(dtype: object) -> Any:
    return get_default_dtype() if dtype is None else dtype


def _dims(dims: tuple[Any, ...], shape: int | Sequence[int] | None) -> Any:
    return shape if shape is not None else dims[0] if len(dims) == 1 else dims


@settings
@own_keywords
def zeros(
    *dims: int | Sequence[int] | DTypeLike, shape: int | Sequence[int] | None = None, dtype: DTypeLike | None = None
) -> Tensor:
    """Zeros: `zeros((2, 3))` or `zeros(2, 3)`.

    >>> import tinygrad_edu as tg
    >>> tg.zeros((2, 3)).tolist(), tg.zeros(2, dtype="int64").tolist()
    ([[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]], [0, 0])
    """
    return full(_dims(dims, shape), 0, _or_default(dtype))


@settings
@own_keywords
def ones(
    *dims: int | Sequence[int] | DTypeLike, shape: int | Sequence[int] | None = None, dtype: DTypeLike | None = None
) -> Tensor:
    """Ones: `ones((2, 3))` or `ones(2, 3)`.

    >>> import tinygrad_edu as tg
    >>> tg.ones(2, 3).tolist()
    [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]
    """
    return full(_dims(dims, shape), 1, _or_default(dtype))


@settings
@own_keywords
def full(shape: int | Sequence[int], fill_value: ArrayLike, dtype: DTypeLike | None = None) -> Tensor:
    """`fill_value` everywhere; its dtype, if none is given. A tensor is broadcast, and keeps its gradient.

    >>> import tinygrad_edu as tg
    >>> tg.full((2, 2), 7.0).tolist()
    [[7.0, 7.0], [7.0, 7.0]]
    """
    if isinstance(fill_value, Variable):
        value = fill_value if dtype is None else fill_value.astype(dtype)
        return broadcast_to(value, shape=normal_shape("full", shape))
    if dtype is None:
        dtype = to_array(fill_value, who="full").dtype
    return engine.constant(_made("full", np.full, normal_shape("full", shape), fill_value, dtype))


@settings
@own_keywords
def empty(
    *dims: int | Sequence[int] | DTypeLike, shape: int | Sequence[int] | None = None, dtype: DTypeLike | None = None
) -> Tensor:
    """Memory as it is found; write before you read.

    >>> import tinygrad_edu as tg
    >>> tg.empty((2, 3)).shape
    (2, 3)
    """
    wanted = normal_shape("empty", _dims(dims, shape))
    return engine.constant(_made("empty", np.empty, wanted, _or_default(dtype)))


@settings
@own_keywords
def arange(
    start: float | None = None, stop: float | None = None, step: float = 1, dtype: DTypeLike | None = None
) -> Tensor:
    """start, start + step, ... below stop; `arange(n)` and `arange(stop=n)` count from 0.

    Errors: a TypeError without an end.

    >>> import tinygrad_edu as tg
    >>> tg.arange(3).tolist(), tg.arange(1, 2, 0.25).tolist()
    ([0, 1, 2], [1.0, 1.25, 1.5, 1.75])
    """
    if start is None and stop is None:
        raise TypeError("arange: needs an end; got nothing; write arange(n), or arange(start, stop)")
    ends = (0, start, step) if stop is None else (start or 0, stop, step)
    array = _made("arange", np.arange, *[number("arange", "each argument", x) for x in ends])
    wanted = (get_default_dtype() if array.dtype.kind == "f" else array.dtype) if dtype is None else dtype
    return engine.constant(_made("arange", array.astype, wanted))


@settings
@own_keywords
def linspace(
    start: ArrayLike, stop: ArrayLike, num: int = 50, endpoint: bool = True, dtype: DTypeLike | None = None
) -> Tensor:
    """`num` evenly spaced numbers from `start` to `stop`, which is left out without `endpoint`; complex ones too.

    >>> import tinygrad_edu as tg
    >>> tg.linspace(0, 1, 5).tolist(), tg.linspace(0, 1, 4, endpoint=False).tolist()
    ([0.0, 0.25, 0.5, 0.75, 1.0], [0.0, 0.25, 0.5, 0.75])
    """
    ends = [
        x if isinstance(x, complex) else number("linspace", name, x) for name, x in (("start", start), ("stop", stop))
    ]
    array = _made("linspace", np.linspace, *ends, num, endpoint)  # np.linspace has gradients
    dtype = default_of(array.dtype) if dtype is None else dtype
    return engine.constant(_made("linspace", array.astype, dtype))


@settings
@own_keywords
def eye(n_rows: int, n_cols: int | None = None, k: int = 0, dtype: DTypeLike | None = None) -> Tensor:
    """Ones on diagonal `k`, zeros elsewhere.

    >>> import tinygrad_edu as tg
    >>> tg.eye(2).tolist(), tg.eye(2, 3, 1).tolist()
    ([[1.0, 0.0], [0.0, 1.0]], [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    """
    return engine.constant(_made("eye", np.eye, n_rows, n_cols, k, _or_default(dtype)))


@settings
@own_keywords
def zeros_like(x: ArrayLike, dtype: DTypeLike | None = None) -> Tensor:
    """Zeros of the shape and dtype of `x`.

    >>> import tinygrad_edu as tg
    >>> tg.zeros_like([1, 2]).tolist(), tg.zeros_like([1, 2], dtype="float32").tolist()
    ([0, 0], [0.0, 0.0])
    """
    return full_like(x, 0, dtype)


@settings
@own_keywords
def ones_like(x: ArrayLike, dtype: DTypeLike | None = None) -> Tensor:
    """Ones of the shape and dtype of `x`.

    >>> import tinygrad_edu as tg
    >>> tg.ones_like([[5.0, 6.0]]).tolist()
    [[1.0, 1.0]]
    """
    return full_like(x, 1, dtype)


@settings
@own_keywords
def full_like(x: ArrayLike, fill_value: ArrayLike, dtype: DTypeLike | None = None) -> Tensor:
    """`fill_value` in the shape and dtype of `x`.

    >>> import tinygrad_edu as tg
    >>> tg.full_like([[5.0, 6.0]], 2).tolist()
    [[2.0, 2.0]]
    """
    return engine.constant(_made("full_like", np.full_like, lift(x, "full_like")._data, fill_value, dtype))
