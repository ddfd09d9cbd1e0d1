"""What a tensor holds: its array and facts about it, as numbers, text, copies, and for NumPy and other libraries."""

from __future__ import annotations

import html
import sys
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import Any, Self

import numpy as np

from ..annotations import Array, ArrayLike, DTypeLike
from ..arrays import Echo, echoes, to_array, weakly
from ..batched import BatchedArray
from ..changes import at_once
from ..departures import depart, departures, only_looked_at, warn_if_unasked
from ..engine import LEFT, NEEDS, Variable, constant, describe
from ..errors import GraphError, ShapeError
from ..functions.calls import at_device
from ..functions.settings import refused
from ..holders import USED, Store, births, shared
from ..interop.names import PACKAGE
from ..interop.protocol import call_function, call_ufunc
from ..recording import recording, site, tracer

STANDARDS = ("2021.12", "2022.12", "2023.12", "2024.12")
# the birth at which NumPy last asked a scalar for its array, of itself, and the instruction of the user's program
COERCED: ContextVar[tuple[int, Any]] = ContextVar("coerced", default=(-1, None))
# `X.dot(t)` of an array asks `t` for a copy, to learn its dtype, and, in the same instruction of the user's program and
# with nothing in between, for its values in the dtype of the result
ASKED: ContextVar[tuple[int, int, Any]] = ContextVar("asked", default=(0, 0, None))


class Count(int):
    """A number of entries. It cannot be called as PyTorch's `size()` is, and says what to write."""

    __slots__ = ()

    def __array_ufunc__(self, ufunc: object, method: str, *inputs: object, **settings: object) -> Any:
        return weakly(int, ufunc, method, inputs, settings)

    def __call__(self, *dims: Any, **named: Any) -> Any:
        dims = (*dims, *named.values())
        instead = f"x.shape[{dims[0]}]" if len(dims) == 1 and dims[0] is not None else "x.shape"
        raise TypeError(
            f"size: must not be called: it is the number of entries, {self}; got a call of it; write {instead}"
        )


class Contents(Variable):
    """The array of a tensor, and the ways out of it."""

    __slots__ = ()

    @property
    def data(self) -> Array:
        """The array. A leaf hands out its own, which may be written into; a result a read-only view.

        A leaf that is written into after an operation used it makes `backward()` raise an error.
        """
        if (by := tracer()) is not None:
            return by.shown(self)
        self._depart()
        if self.op is not None:
            shared(self)
            view = np.asarray(self._data).view()
            view.flags.writeable = False
            return view
        if not isinstance(self._data, np.ndarray):
            self._data = np.asarray(self._data)
        store = self.store
        if store is None or not store.exposed:
            if store is not None and store is not USED:
                self._data = np.array(self._data)  # shared: a write into it must not reach the others
            self.store = Store(exposed=True)
            if store is not None:
                self.store.look(self._data)  # a graph needs it as it is now
        return self._data

    @data.setter
    def data(self, value: ArrayLike) -> None:
        if self.op is not None:
            raise GraphError(f"data: only a leaf's values can be replaced; got {describe(self)}; detach() it first")
        array = value._data if isinstance(value, Variable) else value
        if (by := tracer()) is not None:
            by.replaced(self, array)
            return
        new = array if array is self._data else to_array(array, self._data.dtype, copy=True, who="data")
        self.reborn()
        if array is not self._data:
            self._data, self.store, self.source = new, None, None
        elif self.store is not None and self.store is not USED:  # as in t.data -= step
            at_once(*self.store.stamped(self.born))

    @property
    def shape(self) -> tuple[int, ...]:
        """The length of each axis."""
        return tuple(np.shape(self._data))

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of entries. PyTorch's `x.size()` is `x.shape`."""
        return Count(np.size(self._data))

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the entries."""
        return self._data.dtype if hasattr(self._data, "dtype") else np.asarray(self._data).dtype

    def numpy(self) -> Array:
        """The array, as `data`.

        That of a tensor that needs a gradient remembers where it left the graph. To compute with it beside such
        tensors warns that no gradient passes; `detach()` first says that none should.
        """
        return Echo.of(self.data, site()) if self._leaves() else self.data

    def _leaves(self) -> bool:
        """Whether values that are taken now leave the graph."""
        return bool(self.flags & (NEEDS | LEFT) and recording.get())

    def item(self) -> int | Any:  # an int may stand wherever a float may
        """The one entry, as a Python number.

        No gradient passes through it. Inside `grad` and its like a warning says so where it comes back into the
        result; a loss of your own, to which it is added, takes it for a constant, as it was asked for (see
        docs/conventions.md).
        """
        self._must_be_one("item", "tolist()")
        self._depart()
        return np.asarray(self._data).item()

    def tolist(self) -> list[Any] | Any:
        """The entries as nested lists of Python numbers.

        Those of a tensor that needs a gradient remember where they left the graph, as the array of `numpy()` does.
        """
        self._depart(numbers=True)
        numbers = np.asarray(self._data).tolist()
        return echoes(numbers, site()) if self._leaves() else numbers

    def _depart(self, numbers: bool = False) -> None:
        """The values leave the graph: a transform that runs may have to say so."""
        if self.flags & NEEDS and (recording.get() or departures.get() is not None):
            depart(self, numbers or not self.shape)

    def _copied(self, source: Variable) -> None:
        """This tensor starts from the values of `source`, which may need a gradient."""
        source._depart()  # type: ignore[attr-defined]
        if source._leaves():  # type: ignore[attr-defined]
            self.flags, self.site = LEFT, site()

    def __contains__(self, value: ArrayLike) -> bool:
        equal = self == value
        return isinstance(equal, Variable) and bool(np.any(equal._data))

    def __bool__(self) -> bool:
        if self.size != 1:
            raise ValueError(
                f"bool: the tensor must have one entry; got shape {self.shape}; use .any() or .all(), "
                "and tg.maximum, tg.minimum or tg.where to choose entry by entry"
            )
        return bool(self._data)

    def __float__(self) -> float:
        self._must_be_one("float", "tg.exp and the like for math.exp, or tolist()")
        born, where = COERCED.get()
        listed = self.flags & NEEDS and born == births() - 1 and where is not None and where.same(site())
        if listed and departures.get() is None:
            raise GraphError(
                "array: a list for NumPy must hold numbers; got tensors that need a gradient, which would be lost; use "
                "tg.stack, or detach() them"
            )
        if self._leaves():
            warn_if_unasked(self)
        return float(self.item())

    def _must_be_one(self, who: str, advice: str) -> None:
        if self.size != 1:
            raise ShapeError(f"{who}: the tensor must have one entry; got shape {self.shape}; use {advice}")

    def __int__(self) -> int:
        self._must_be_one("int", "astype('int64')")
        return int(self.item())

    def __complex__(self) -> complex:
        if self._leaves():
            warn_if_unasked(self)
        return complex(self.item())

    def __index__(self) -> int:
        if self.dtype.kind not in "iu" or self.shape:
            raise TypeError(f"index: needs an integer scalar; got shape {self.shape} of {self.dtype}; use item()")
        return int(self._data)

    def __format__(self, spec: str) -> str:
        if not spec:
            return str(self)
        self._must_be_one("format", "f'{t}', or np.array2string(t.numpy(), precision=3)")
        number = self.item()
        try:
            return format(number, spec)
        except (ValueError, MemoryError) as error:
            must = f"one for a number ({error})"
            raise refused("format", "the text after the colon", must, spec, "f'{t:.3f}'", ValueError) from None

    def __repr__(self) -> str:
        """Shape, dtype and op first, then the values, shortened."""
        facts = [f"shape={self.shape}", f"dtype={self.dtype}"]
        facts += [f"name={self.name!r}"] if self.name else []
        facts += [f"op={self.op}"] if self.op else ["requires_grad=True"] * bool(self.flags & NEEDS)
        values = "a batch" if isinstance(self._data, BatchedArray) else np.array2string(
            np.asarray(self._data), threshold=20, edgeitems=3, precision=4, separator=", ", prefix=" " * 7
        )  # fmt: skip
        gap = "\n" + " " * 7 if "\n" in values else " "
        return f"Tensor({', '.join(facts)},{gap}{values})"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"text/plain": repr(self)}  # HTML is left to `_repr_html_`, and to viz.notebook

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(repr(self))}</pre>"

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles hold values; a tensor with a history would lose it, and refuses."""
        if self.op is not None and not only_looked_at():
            raise GraphError(
                f"copy: only a leaf can be copied or pickled; got {describe(self)}; use clone() to "
                "keep the history, or detach() to drop it"
            )
        values = type(self), (np.array(self._data), bool(self.flags & NEEDS), None, self.name)
        return values if self._grad is None else (*values, (None, {"_grad": constant(np.array(self._grad._data))}))

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> Any:
        where, before = site(), ASKED.get()
        again = before[:2] == (self.born, births() - 1) and where is not None and where.same(before[2])
        array = Echo.of(self.data, f"{describe(self)}, at {where}") if self._leaves() else self.data
        if again and dtype is not None and copy is None and array.__class__ is Echo:
            raise GraphError(
                f"array: a method of NumPy's arrays takes plain numbers; got {describe(self)}, whose gradient would be "
                f"lost, at {where}; write X @ t for X.dot(t), or detach() the tensor first"
            )
        unasked = array.__class__ is Echo and warn_if_unasked(self, array=True, copy=copy)
        array = np.array(array, dtype=dtype, copy=copy, subok=True)
        ASKED.set((self.born, births(), where) if copy else (0, 0, None))
        if not self.shape:  # NumPy, making an array of a list, asks each of its tensors so, and for a float next
            COERCED.set((births(), where) if unasked else (-1, None))
        return array

    def __array_ufunc__(self, ufunc: object, method: str, *inputs: object, **kwargs: object) -> Any:
        return call_ufunc(ufunc, method, inputs, kwargs)

    def __array_function__(
        self, function: Callable[..., Any], types: Iterable[type], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        return call_function(function, args, kwargs)

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        """The functions of the array API standard that take this tensor: the package itself."""
        if api_version is not None and api_version not in STANDARDS:
            raise ValueError(
                f"__array_namespace__: api_version must be one of {', '.join(STANDARDS)}; got {api_version!r}; leave "
                "it out"
            )
        return sys.modules[PACKAGE]

    @property
    def device(self) -> str:
        """Where the tensor is: "cpu"."""
        return "cpu"

    def to_device(self, device: object, /, *, stream: object = None) -> Self:
        """The tensor itself, for "cpu"."""
        at_device("to_device", device)
        return self

    def __dlpack__(self, **kwargs: Any) -> Any:
        if self._leaves():
            raise GraphError(
                f"dlpack: no gradient passes to another library; got {describe(self)}, at {site()}; detach() it first"
            )
        return np.array(self._data).__dlpack__(**kwargs)

    @property
    def _mask(self) -> Any:
        """NumPy's masked arrays ask for this, and take `_data`, when they compute with another array."""
        if self._leaves() and not only_looked_at():
            raise GraphError(
                f"array: a masked array takes plain numbers; got {describe(self)}, whose gradient would be lost, at "
                f"{site()}; write where(mask, 0, x) * t with a plain array x, or detach() the tensor first"
            )
        return np.ma.nomask

    def __dlpack_device__(self) -> tuple[int, int]:
        return (1, 0)  # the CPU
