"""What comes in from outside, as arrays: the default dtype, and what is refused."""

from __future__ import annotations

from array import array as array_type
from collections.abc import Iterator
from contextvars import ContextVar
from numbers import Number
from typing import Any

import numpy as np

from .annotations import DTypeLike
from .batched import BatchedArray
from .errors import DTypeError, GraphError

_default = np.dtype(np.float32)
# whether complex numbers stand for real ones, and functions for their analytic continuation: the checker's complex step
complex_step: ContextVar[bool] = ContextVar("complex_step", default=False)


READINGS: tuple[type, ...] = (BatchedArray,)  # classes that stand for arrays and read what is computed with them
WEAK: tuple[type, ...] = (float, int, complex)  # Python numbers, and classes that stand for them


def reading(cls: Any) -> Any:
    """Class decorator for another of them."""
    global READINGS
    READINGS = (*READINGS, cls)
    return cls


def weak(cls: Any) -> Any:
    """Class decorator for what stands for Python numbers."""
    global WEAK
    WEAK = (*WEAK, cls)
    return cls


def weakly(kind: type, ufunc: Any, method: str, inputs: Any, settings: dict[str, Any]) -> Any:
    """A ufunc of numbers of a class of Python's `kind`, as of plain ones: NumPy takes them for int64 or float64."""
    if any(hasattr(x, "__array_ufunc__") and not isinstance(x, np.ndarray | np.generic | kind) for x in inputs):
        return NotImplemented  # tensors, and others who read what is computed with them
    return getattr(ufunc, method)(*[kind(x) if isinstance(x, kind) else x for x in inputs], **settings)


class Somewhere:
    """The line where values left the graph, where NumPy does not say which of several arrays it computed from."""

    def __str__(self) -> str:
        return "a line before"


class Echo(np.ndarray):
    """The array of a tensor that needs a gradient, or what NumPy computed from it: it knows where it left the graph.

    `X.dot(w)` of an array `X` gives one, as NumPy asks `w` for its values and tells nobody.
    """

    __array_priority__ = 10.0  # what NumPy computes from this and a plain array is one of these
    left: Any = Somewhere()  # the line where the user took it, or a text if NumPy took it by itself

    def __array_finalize__(self, source: object) -> None:
        self.left = getattr(source, "left", self.left)

    @classmethod
    def of(cls, array: Any, left: object) -> Any:
        echo = np.asarray(array).view(cls)
        echo.left = left
        return echo

    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
        return Echo.of(array, self.left) if array.ndim or array.dtype.kind in "fc" else array[()]

    def mean(self, *args: Any, **kwargs: Any) -> Any:
        """As an array's; the mean of all is one of these as well."""
        return Echo.of(super().mean(*args, **kwargs), self.left)

    def __getitem__(self, key: Any) -> Any:
        part = super().__getitem__(key)
        return Echo.of(part, self.left) if isinstance(part, np.floating) else part

    def __repr__(self) -> str:
        return repr(self.view(np.ndarray))

    def __reduce__(self) -> Any:
        return self.view(np.ndarray).__reduce__()


class EchoNumber(float):
    """A number of `tolist()` of a tensor that needs a gradient, or made of such: it knows where it left the graph."""

    left: Any = Somewhere()

    def __array_ufunc__(self, ufunc: object, method: str, *inputs: object, **settings: object) -> Any:
        """As with a float, which widens no array; what comes out knows it as well."""
        y = weakly(float, ufunc, method, inputs, settings)
        if isinstance(y, np.floating) or type(y) is np.ndarray:
            return Echo.of(y, self.left)
        return y

    @classmethod
    def of(cls, number: float, left: object) -> Any:
        echo = cls(number)
        echo.left = left
        return echo

    def __reduce__(self) -> Any:
        return float, (float(self),)


REMEMBERING = frozenset((Echo, EchoNumber, list, tuple))  # what may tell where values left the graph


def _arithmetic(name: str) -> Any:
    method = getattr(float, name)

    def compute(self: Any, *others: Any) -> Any:
        y = method(self, *others)
        return EchoNumber.of(y, self.left) if isinstance(y, float) else y

    return compute


OPERATIONS = ("abs", "neg", "pos", "add", "radd", "sub", "rsub", "mul", "rmul", "truediv", "rtruediv", "pow", "rpow")
for operation in OPERATIONS:
    setattr(EchoNumber, f"__{operation}__", _arithmetic(f"__{operation}__"))


def echoes(data: object, left: object) -> Any:
    """Nested lists of numbers, whose floats know where they left."""
    if isinstance(data, list):
        return [echoes(x, left) for x in data]
    return EchoNumber.of(data, left) if data.__class__ is float else data


def left_at(data: object) -> Any:
    """Where values of a tensor that needs a gradient left the graph, if `data`, or a number in a list, is of such."""
    if isinstance(data, list | tuple):
        return next((x.left for x in _leaves(data) if isinstance(x, Echo | EchoNumber)), None)
    return data.left if isinstance(data, Echo | EchoNumber) else None


def set_default_dtype(dtype: DTypeLike) -> None:
    """Set the dtype that Python floats become, in all threads: float16, float32 (at the start) or float64.

    Errors: a DTypeError for a dtype of other numbers.

    >>> import tinygrad_edu as tg
    >>> tg.set_default_dtype("float64")
    >>> tg.Tensor(0.5).dtype
    dtype('float64')
    >>> tg.set_default_dtype("float32")
    """
    global _default
    wanted = normal_dtype("set_default_dtype", dtype)
    if wanted.kind != "f":
        raise DTypeError(f"set_default_dtype: must be a floating-point dtype; got {wanted}; use 'float32'")
    _default = wanted


def get_default_dtype() -> np.dtype[Any]:
    """The dtype that Python floats become.

    >>> import tinygrad_edu as tg
    >>> tg.get_default_dtype()
    dtype('float32')
    """
    return _default


def default_of(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The default dtype of Python's numbers: of floats, or of complex numbers, whose parts have that of floats."""
    return _default if dtype.kind != "c" else np.result_type(_default, np.complex64)


def normal_dtype(who: str, dtype: Any) -> np.dtype[Any]:
    """A dtype of numbers or truth values as users name it, in this machine's order of bytes."""
    try:
        wanted = None if dtype is None else np.dtype(dtype).newbyteorder("=")
    except (TypeError, ValueError, SyntaxError, AttributeError, LookupError, ArithmeticError, RecursionError):
        wanted = None
    if wanted is None or wanted.kind not in "biufc":
        given = repr(dtype) if isinstance(dtype, str | type | np.dtype | type(None)) else type(dtype).__name__
        raise DTypeError(f"{who}: dtype must be one of NumPy's; got {given}; use e.g. 'float32'") from None
    return wanted


def to_array(data: Any, dtype: object | None = None, copy: bool | None = None, who: str = "Tensor") -> Any:
    """`data` as a NumPy array of numbers. What has a dtype keeps it, in a list too; Python floats take the default one.

    What would lose its meaning is refused: masks, units, fields, imaginary parts.
    """
    if isinstance(data, READINGS):
        return data if dtype is None else data.astype(dtype)  # type: ignore[attr-defined]
    typed = hasattr(data, "dtype")
    dtype = dtype if dtype is None else normal_dtype(who, dtype)
    double = _holds_double(data, who) if isinstance(data, list | tuple) else typed or gives_array(data)
    if typed and hasattr(data, "__dlpack__") and not isinstance(data, np.ndarray | np.generic):
        data = np.asarray(data) if hasattr(data, "__array__") else np.from_dlpack(data)
    elif hasattr(data, "__array__") and not isinstance(data, np.ndarray | np.generic):
        data = _converted(data, who)
    if typed and type(data) is not np.ndarray and np.any(getattr(data, "mask", False)):
        raise DTypeError(f"{who}: data must not be masked; got a masked array; use .filled(value), or where()")
    if dtype is not None and dtype.kind != "c" and typed and np.dtype(data.dtype).kind == "c":
        raise DTypeError(f"{who}: data must be real for {dtype}; got {data.dtype}; take .real, or abs()")
    try:
        array = np.array(data, dtype=dtype, copy=copy)
        given = array if dtype is None else np.asarray(data)  # NumPy would cast texts, dates and None to numbers
    except (ValueError, TypeError, OverflowError, RecursionError, AttributeError) as error:
        kind = DTypeError if isinstance(error, TypeError) else ValueError
        raise kind(
            f"{who}: data must be a rectangular nest of numbers; got {type(data).__name__} "
            f"({error}); make all rows equally long, of numbers"
        ) from error
    if given.dtype.kind not in "biufc" and given.dtype.type.__module__ == "ml_dtypes":  # bfloat16, float8: all fit
        return array.astype(np.float32 if dtype is None else dtype)
    if data is None:
        raise DTypeError(
            f"{who}: data must be numbers or truth values; got None; give values, or, if a function made it, end that "
            "with return"
        )
    exact = dtype is not None and given.dtype.kind == "O" and all(isinstance(x, Number) for x in given.flat)
    if given.dtype.kind not in "biufc" and not exact:  # fractions and large integers, where a dtype is named
        raise DTypeError(
            f"{who}: data must be numbers or truth values; got {type(data).__name__} of dtype "
            f"{given.dtype}; convert it to an array of numbers first"
        )
    if not array.dtype.isnative:
        return array.astype(array.dtype.newbyteorder("="))
    if dtype is None and not double and array.dtype in (np.float64, np.complex128):
        return array.astype(default_of(array.dtype))
    return array


def _converted(data: object, who: str) -> Any:
    """The array that an object's `__array__` gives, which it may keep and write into: most do not look at `copy`."""
    try:
        return np.asarray(data)
    except (ValueError, TypeError, OverflowError, RecursionError, AttributeError) as error:
        kind = DTypeError if isinstance(error, TypeError) else ValueError
        raise kind(
            f"{who}: data must be a rectangular nest of numbers; got {type(data).__name__} ({error}); correct its "
            "__array__()"
        ) from error


def gives_array(data: object) -> bool:
    """Whether an object without a dtype is read as an array that has one: a buffer, or what has NumPy's protocols."""
    return isinstance(data, memoryview | array_type) or any(
        hasattr(data, name) for name in ("__array__", "__array_interface__", "__array_struct__")
    )


def _holds_double(data: object, who: str) -> bool:
    """Whether anything in a list is of float64, so that the whole is; none may be masked, or need a gradient."""
    double = False
    try:
        for x in _leaves(data):
            if not double and (dtype := getattr(x, "dtype", None)) is not None:
                double = str(dtype).endswith("float64")
            if getattr(x, "requires_grad", False):
                raise GraphError(
                    f"{who}: a list must hold numbers; got tensors that need a gradient, which would be lost; use "
                    "tg.stack"
                )
            if isinstance(x, np.ndarray) and np.any(getattr(x, "mask", False)):
                raise DTypeError(f"{who}: data must not be masked; got a masked array; use .filled(value), or where()")
    except RecursionError:
        raise ValueError(
            f"{who}: data must be a rectangular nest of numbers; got a list in itself; take it apart"
        ) from None
    return double


def held(who: str, array: Any, dtype: Any) -> Any:
    """A new array of the numbers of `array` in another dtype of their kind, which must be able to hold them."""
    if not np.can_cast(array.dtype, dtype, "same_kind"):
        raise DTypeError(f"{who} must be of {dtype}; got {array.dtype}; use .astype()")
    with np.errstate(all="ignore"):
        new = np.array(array, dtype, order="C")
    kept = np.isfinite(new) | ~np.isfinite(array) if new.dtype.kind in "fc" else new == array
    if new.dtype != array.dtype and not np.all(kept):
        raise ValueError(f"{who} must hold numbers of {dtype}; got {array[~kept].flat[0]}; use a wider dtype")
    return new


def _leaves(data: Any) -> Iterator[Any]:
    for x in data:
        if isinstance(x, list | tuple):
            yield from _leaves(x)
        else:
            yield x


def operand(x: object, who: str, copy: bool | None = None) -> Any:
    """`x` as an operand beside tensors: an array, but a Python number stays one, as it never widens
    the other side (NumPy's rule for weak scalars)."""
    if isinstance(x, np.matrix) and who in ("multiply", "power"):
        raise DTypeError(f"{who}: must be entry by entry; got np.matrix, for which * and ** are others; use np.asarray")
    if is_weak(x):  # of a class of int's, such as an enumeration's, NumPy would make an int64
        exact = x.__class__ is bool or x.__class__ in WEAK
        return x if exact else next((kind(x) for kind in (int, float) if isinstance(x, kind)), x)
    return x if isinstance(x, READINGS) else to_array(x, copy=copy, who=who)


def is_weak(x: object) -> bool:
    """Whether `x` is a Python number, which never widens what it meets; NumPy's own scalars do."""
    return isinstance(x, WEAK) and not isinstance(x, np.generic)
