"""What the Python array API standard (2024.12) asks of a namespace beside its functions of tensors: dtypes, constants,
what becomes of dtypes, sets, devices. Source: https://data-apis.org/array-api."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .. import ops
from ..annotations import Array, ArrayLike, DTypeLike
from ..arrays import get_default_dtype, normal_dtype
from ..errors import DTypeError
from ..functions import creation, elementwise, indexing, layout
from ..functions.arguments import lift
from ..functions.calls import at_device, own_keywords
from ..functions.settings import refused, truth

if TYPE_CHECKING:
    from ..tensor import Tensor

bool = np.dtype(np.bool)
int8, int16, int32, int64 = (np.dtype(f"i{n}") for n in (1, 2, 4, 8))
uint8, uint16, uint32, uint64 = (np.dtype(f"u{n}") for n in (1, 2, 4, 8))
float16, float32, float64 = (np.dtype(f"f{n}") for n in (2, 4, 8))
complex64, complex128 = np.dtype("c8"), np.dtype("c16")
e, pi, inf, nan = math.e, math.pi, math.inf, math.nan
newaxis = None

KINDS = {
    "bool": "b", "signed integer": "i", "unsigned integer": "u", "integral": "iu", "real floating": "f",
    "complex floating": "c", "numeric": "iufc",
}  # fmt: skip
NAMED = {
    "bool": bool, "int8": int8, "int16": int16, "int32": int32, "int64": int64, "uint8": uint8, "uint16": uint16,
    "uint32": uint32, "uint64": uint64, "float32": float32, "float64": float64, "complex64": complex64,
    "complex128": complex128,
}  # fmt: skip


def _dtype_of(who: str, x: Any) -> Any:
    return np.dtype(x.dtype) if hasattr(x, "dtype") and not isinstance(x, type) else normal_dtype(who, x)


def astype(x: ArrayLike, dtype: DTypeLike | None, *, copy: Any = True, device: Any = None) -> Tensor:
    """`x` in another dtype; a gradient passes between floating-point ones. Without `copy`, `x` itself if it has it.

    >>> import tinygrad_edu as tg
    >>> tg.astype(tg.asarray([1.5, -1.5]), tg.int32).tolist()
    [1, -1]
    """
    at_device("astype", device)
    x = lift(x, "astype")
    wanted = normal_dtype("astype", dtype)
    return x if x.dtype == wanted and not copy else x.clone() if x.dtype == wanted else x.astype(wanted)


@own_keywords
def can_cast(from_: object, to: object) -> Any:
    """Whether values of one dtype fit into another by the rules of promotion.

    >>> import tinygrad_edu as tg
    >>> tg.can_cast(tg.int32, tg.float64), tg.can_cast(tg.float64, tg.float32)
    (True, False)
    """
    return np.can_cast(_dtype_of("can_cast", from_), _dtype_of("can_cast", to))


@own_keywords
def result_type(*arrays_and_dtypes: ArrayLike | DTypeLike) -> Any:
    """The dtype that tensors, dtypes and Python numbers have together.

    >>> import tinygrad_edu as tg
    >>> tg.result_type(tg.ones(2), tg.int8, 1.0)
    dtype('float32')
    """
    if not arrays_and_dtypes:
        raise refused("result_type", "the arguments", "a tensor or a dtype at least", None, "tg.float32", ValueError)
    given = [
        x if isinstance(x, int | float | complex) and not isinstance(x, np.generic) else _dtype_of("result_type", x)
        for x in arrays_and_dtypes
    ]
    return np.result_type(*given)


@own_keywords
def isdtype(dtype: DTypeLike, kind: object) -> Any:
    """Whether a dtype is another, or of a kind: bool, signed integer, unsigned integer, integral, real floating,
    complex floating, numeric, or one of several.

    Errors: a ValueError for another kind.

    >>> import tinygrad_edu as tg
    >>> tg.isdtype(tg.float32, "real floating"), tg.isdtype(tg.int8, ("bool", tg.int16))
    (True, False)
    """
    dtype = normal_dtype("isdtype", dtype)
    for one in kind if isinstance(kind, tuple) else (kind,):
        if isinstance(one, str) and one in KINDS:
            found = dtype.kind in KINDS[one]
        elif isinstance(one, str):
            raise ValueError(f"isdtype: kind must be one of {', '.join(KINDS)}, or a dtype; got {one!r}; choose one")
        else:
            found = dtype == normal_dtype("isdtype", one)
        if found:
            return True
    return False


def _info(who: str, type: Any, kinds: str, of: type) -> Any:
    dtype = _dtype_of(who, type)
    if dtype.kind not in kinds:
        raise DTypeError(
            f"{who}: type must be of {'floats' if 'f' in kinds else 'integers'}; got {dtype}; use the other"
        )
    return of(dtype)


@own_keywords
def finfo(type: DTypeLike | ArrayLike) -> Any:
    """The limits of a dtype of floats: bits, eps, max, min, smallest_normal, dtype.

    >>> import tinygrad_edu as tg
    >>> tg.finfo(tg.float32).bits
    32
    """
    return _info("finfo", type, "fc", np.finfo)


@own_keywords
def iinfo(type: DTypeLike | ArrayLike) -> Any:
    """The limits of a dtype of integers: bits, max, min, dtype.

    >>> import tinygrad_edu as tg
    >>> tg.iinfo(tg.int8).max
    127
    """
    return _info("iinfo", type, "iu", np.iinfo)


@own_keywords
def broadcast_arrays(*arrays: ArrayLike) -> tuple[Tensor, ...]:
    """Tensors, broadcast against each other.

    Errors: a ValueError where two lengths differ and neither is 1.

    >>> import tinygrad_edu as tg
    >>> [t.shape for t in tg.broadcast_arrays(tg.ones((2, 1)), tg.ones(3))]
    [(2, 3), (2, 3)]
    """
    tensors = [lift(x, "broadcast_arrays") for x in arrays]
    try:
        shape = np.broadcast_shapes(*[t.shape for t in tensors])
    except ValueError:
        given = ", ".join(str(t.shape) for t in tensors)
        raise ValueError(f"broadcast_arrays: shapes must broadcast; got {given}; use expand_dims") from None
    return tuple([layout.broadcast_to(t, shape) for t in tensors])


@own_keywords
def from_dlpack(x: Array, *, device: object = None, copy: Any = None) -> Tensor:
    """A tensor of what another library offers through DLPack.

    Errors: a DTypeError for what is no array in the memory of the CPU.

    >>> import numpy as np, tinygrad_edu as tg
    >>> tg.from_dlpack(np.ones(2)).tolist()
    [1.0, 1.0]
    """
    at_device("from_dlpack", device)
    if not hasattr(x, "__dlpack__"):
        raise refused("from_dlpack", "x", "an array with __dlpack__", x, "tg.asarray(x)")
    try:
        return creation.asarray(np.from_dlpack(x), copy=copy)
    except (TypeError, BufferError, RuntimeError, ValueError) as error:
        raise DTypeError(
            f"from_dlpack: x must be an array of the CPU; got {type(x).__name__} ({error}); use asarray"
        ) from None


@own_keywords
def empty_like(x: ArrayLike, dtype: DTypeLike | None = None, *, device: object | None = None) -> Tensor:
    """Memory as it is found, in the shape and dtype of `x`.

    >>> import tinygrad_edu as tg
    >>> tg.empty_like(tg.ones((2, 3))).shape
    (2, 3)
    """
    at_device("empty_like", device)
    x = lift(x, "empty_like")
    return creation.empty(x.shape, dtype=x.dtype if dtype is None else dtype)


@own_keywords
def isin(x1: ArrayLike, x2: ArrayLike, *, invert: object = False) -> Tensor:
    """Whether each entry of `x1` is one of `x2`; with `invert`, whether not.

    >>> import tinygrad_edu as tg
    >>> tg.isin(tg.asarray([1, 5]), [5, 7]).tolist()
    [False, True]
    """
    invert = truth("isin", "invert", invert)
    x1, x2 = lift(x1, "isin"), lift(x2, "isin")
    return lift(np.isin(x1.detach()._data, x2.detach()._data, invert=invert))


class UniqueAllResult(NamedTuple):
    values: Tensor
    indices: Tensor
    inverse_indices: Tensor
    counts: Tensor


class UniqueCountsResult(NamedTuple):
    values: Tensor
    counts: Tensor


class UniqueInverseResult(NamedTuple):
    values: Tensor
    inverse_indices: Tensor


@own_keywords
def unique_all(x: ArrayLike) -> UniqueAllResult:
    """The different values, where each stands first, which of them each entry is, and how often each is there.

    >>> import tinygrad_edu as tg
    >>> tg.unique_all(tg.asarray([3, 1, 3])).counts.tolist()
    [1, 2]
    """
    x = lift(x, "unique_all")
    found = np.unique_all(x.detach()._data)
    values = indexing.take(layout.flatten(x), found.indices)
    return UniqueAllResult(values, *(lift(np.asarray(part)) for part in found[1:]))


@own_keywords
def unique_counts(x: ArrayLike) -> UniqueCountsResult:
    """The different values, and how often each is there.

    >>> import tinygrad_edu as tg
    >>> tg.unique_counts(tg.asarray([3, 1, 3])).counts.tolist()
    [1, 2]
    """
    found = unique_all(x)
    return UniqueCountsResult(found.values, found.counts)


@own_keywords
def unique_inverse(x: ArrayLike) -> UniqueInverseResult:
    """The different values, and which of them each entry is.

    >>> import tinygrad_edu as tg
    >>> tg.unique_inverse(tg.asarray([3, 1, 3])).inverse_indices.tolist()
    [1, 0, 1]
    """
    found = unique_all(x)
    return UniqueInverseResult(found.values, found.inverse_indices)


@own_keywords
def real(x: ArrayLike) -> Tensor:
    """The real part.

    >>> import tinygrad_edu as tg
    >>> tg.real(1 + 2j).item()
    1.0
    """
    x = lift(x, "real")
    return ops.real.unary(x) if x.dtype.kind == "c" else x if x.dtype.kind == "b" else elementwise.positive(x)


@own_keywords
def imag(x: ArrayLike) -> Tensor:
    """The imaginary part.

    >>> import tinygrad_edu as tg
    >>> tg.imag(1 + 2j).item()
    2.0
    """
    x = lift(x, "imag")
    return ops.imag.unary(x) if x.dtype.kind == "c" else creation.zeros_like(x)


class Info:
    """What the standard's inspection functions say: one device, its dtypes, what it can."""

    def capabilities(self) -> dict[str, Any]:
        return {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": 64}

    def default_device(self) -> str:
        return "cpu"

    def devices(self) -> list[str]:
        return ["cpu"]

    def default_dtypes(self, *, device: object | None = None) -> dict[str, Any]:
        at_device("default_dtypes", device)
        floats = get_default_dtype()
        wide = np.result_type(floats, np.complex64)
        return {"real floating": floats, "complex floating": wide, "integral": int64, "indexing": int64}

    def dtypes(self, *, device: object | None = None, kind: str | None = None) -> dict[str, Any]:
        at_device("dtypes", device)
        return {name: dtype for name, dtype in NAMED.items() if kind is None or isdtype(dtype, kind)}


def __array_namespace_info__() -> Info:  # noqa: N807  (the standard's name)
    """What the standard's inspection functions say of this package."""
    return Info()


PUBLIC = [
    "astype", "bool", "broadcast_arrays", "can_cast", "complex128", "complex64", "e", "empty_like", "finfo", "float16",
    "float32", "float64", "from_dlpack", "iinfo", "imag", "inf", "int16", "int32", "int64", "int8", "isdtype", "isin",
    "nan", "newaxis", "pi", "real", "result_type", "uint16", "uint32", "uint64", "uint8", "unique_all",
    "unique_counts", "unique_inverse",
]  # fmt: skip
