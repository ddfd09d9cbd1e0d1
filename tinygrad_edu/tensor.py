"""The Tensor: a `Variable` with operators, methods and NumPy's protocols. One line each."""

from __future__ import annotations

import html
import sys
import warnings
from collections.abc import Iterator
from contextlib import nullcontext
from contextvars import ContextVar
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from . import ops, writing
from .arrays import Echo, normal_dtype, to_array
from .backward import for_all_examples, pull
from .batched import RUNNING, BatchedArray
from .changes import at_once
from .departures import depart, departures, warn_if_unasked
from .engine import (  # fmt: skip
    KEEPS,
    LEFT,
    MIXED,
    NEEDS,
    STEPPED,
    Variable,
    constant,
    describe,
    enter,
    results_are,
    unrecorded,
)
from .errors import DTypeError, GraphError, LostGradientWarning, ShapeError
from .functions import creation, elementwise, indexing, layout, linalg, reduce
from .functions.settings import at_device, own_keywords, truth
from .holders import USED, Store, births, shared
from .hooks import Handle, function
from .interop import array_api, signals
from .interop.names import PACKAGE, UnknownNameError
from .interop.protocol import call_function, call_ufunc
from .recording import Recording, recording, site, stack_level, tracer
from .values import value

STANDARDS = ("2021.12", "2022.12", "2023.12", "2024.12")
INTERNAL = {*vars(Variable), "_copied", "_depart", "_leaves", "_mask", "_must_be_one", "_not_a_leaf", "_seed"} - {
    *vars(object),
    "name",
    "op",
    "inputs",
}
ADDING = Lock()  # threads that share a leaf add to one gradient
COERCED: ContextVar[int] = ContextVar(
    "coerced", default=-1
)  # the birth at which NumPy last asked a scalar for its array


def _weak(x: Any, who: str = "operator") -> Variable:
    """The left operand of a reflected operator; a Python scalar stays one."""
    return enter(x, who)


def _upward(g: Any) -> Any:
    """The gradient dL/da + i dL/db by a complex a + i b, the direction of ascent, from the dL/da - i dL/db of rules; or
    that, from this."""
    return ops.conj(g) if g.dtype.kind == "c" else g


def _added(before: Tensor, g: Any) -> Tensor:
    """A gradient and one more; where an optimizer has used the first, and it was not set to 0 since, that is noted."""
    total = before + g
    if before.site in (STEPPED, MIXED) and np.any(before._data):
        total.site = MIXED
    return total


# `X.dot(t)` of an array asks `t` for a copy, to learn its dtype, and, in the same instruction of the user's program and
# with nothing in between, for its values in the dtype of the result
ASKED: ContextVar[tuple[int, int, Any]] = ContextVar("asked", default=(0, 0, None))


@results_are
class Tensor(Variable):
    """An n-dimensional array that remembers how it was computed.

    `data` is anything NumPy takes, and is copied. An array keeps its dtype; Python floats become the
    default dtype. With `requires_grad`, operations on it are recorded, and `backward()` on a result
    leaves the gradient in `grad`.

    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([1.0, 2.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad.data
    array([2., 4.], dtype=float32)
    """

    __slots__ = ()
    __array_priority__ = 1000

    @own_keywords
    def __init__(self, data: Any, requires_grad: bool = False, dtype: Any = None, name: str | None = None) -> None:
        array = to_array(data._data if isinstance(data, Variable) else data, dtype, copy=True)
        self._data = array[()] if array.ndim == 0 else array
        self.flags, self.born, self.op, self.inputs, self.attributes = 0, births(), None, (), None
        self._grad, self.name, self.store, self.past, self.source, self.site = None, name, None, None, None, None
        self.hooks = None
        if isinstance(data, Variable) and data.flags:
            self._copied(data)
        if requires_grad is not False and truth("Tensor", "requires_grad", requires_grad):
            if self.flags & LEFT and data.op is not None:
                warnings.warn(
                    f"{type(self).__name__}: no gradient passes from a new leaf to what it was made from; got "
                    f"{describe(data)}; use the result itself, or detach() to say that it is a constant",
                    LostGradientWarning,
                    stacklevel=stack_level(),
                )
            self.requires_grad = True

    @property
    def data(self) -> Any:
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
    def data(self, value: Any) -> None:
        if self.op is not None:
            raise GraphError(f"data: only a leaf's values can be replaced; got {describe(self)}; detach() it first")
        array = value._data if isinstance(value, Variable) else value
        if (by := tracer()) is not None:
            by.replaced(self, array)
            return
        self.reborn()
        if array is not self._data:
            self._data, self.store, self.source = np.array(array, dtype=self._data.dtype), None, None
        elif self.store is not None and self.store is not USED:  # as in t.data -= step
            at_once(*self.store.stamped(self.born))

    @property
    def requires_grad(self) -> bool:
        """Whether operations on this tensor are recorded for a gradient."""
        return bool(self.flags & NEEDS)

    @requires_grad.setter
    def requires_grad(self, wanted: bool) -> None:
        if wanted and self.dtype.kind not in "fc":
            raise DTypeError(
                f"requires_grad: only floating-point and complex tensors can have a gradient; got {self.dtype}; "
                "use floats (1.0, not 1), or dtype='float32'"
            )
        if self.op is not None and not wanted:
            raise GraphError(
                f"requires_grad: only a leaf can stop requiring a gradient; got {describe(self)}; use detach()"
            )
        if wanted and not self.flags & NEEDS and self.store is not None:
            writing.keep_constant(self)
        self.flags = (self.flags | NEEDS) & ~LEFT if wanted else self.flags & ~NEEDS

    @property
    def grad(self) -> Tensor | Any:  # not "| None": who has called backward() knows that it is there
        """The gradient that `backward()` has added up, a tensor, or None; only leaves get one."""
        if (by := tracer()) is not None:
            by.graded(self)
        if self._grad is None and self.op is not None and self.flags & NEEDS and not self.flags & KEEPS:
            self._not_a_leaf()
        return self._grad

    @grad.setter
    def grad(self, value: Any) -> None:  # what can be made a tensor of the same shape, or None
        if (by := tracer()) is not None:
            by.graded(self, read=False) if value is not None else by.cleared((self,), set_to_none=True)
        if value is not None:
            value = value if isinstance(value, Variable) else constant(to_array(value, who="grad"))
            if value.shape != self.shape:
                raise ShapeError(f"grad: must have the tensor's shape {self.shape}; got {value.shape}; reshape it")
            value = value if value.dtype == self.dtype else ops.cast(value, dtype=self.dtype)
        self._grad = value

    def _not_a_leaf(self) -> None:
        """Say why a result has no gradient, as `w = w - lr * w.grad` makes of a parameter."""
        warnings.warn(
            f"grad: only a leaf gets a gradient; got {describe(self)}; to take a step write w -= lr * w.grad within "
            "tg.no_grad(), and for the gradient of an inner result call its retain_grad() before backward()",
            LostGradientWarning,
            stacklevel=stack_level(),
        )

    def retain_grad(self) -> None:
        """Have `backward()` leave the gradient of this result in its `grad`, as of a leaf.

        >>> import tinygrad_edu as tg
        >>> x = tg.Tensor([1.0, 2.0], requires_grad=True)
        >>> y = x * x
        >>> y.retain_grad()
        >>> (3 * y).sum().backward()
        >>> y.grad.tolist()
        [3.0, 3.0]
        """
        self._must_need_gradient("retain_grad")
        self.flags |= KEEPS

    def register_hook(self, hook: Any) -> Handle:
        """Have `hook(gradient)` called with the gradient of this tensor, whenever it is known; what it gives, if not
        None, takes the gradient's place. `remove()` of what is given back takes the hook away.

        >>> import tinygrad_edu as tg
        >>> x = tg.Tensor([1.0, 2.0], requires_grad=True)
        >>> with x.register_hook(lambda g: g * 10):
        ...     (x * x).sum().backward()
        >>> x.grad.tolist()
        [20.0, 40.0]
        """
        self._must_need_gradient("register_hook")
        self.hooks = {} if self.hooks is None else self.hooks
        return Handle(self.hooks, function("register_hook", hook))

    def _must_need_gradient(self, who: str) -> None:
        if not self.flags & NEEDS:
            raise GraphError(
                f"{who}: the tensor must need a gradient; got {describe(self)}; use requires_grad=True on what it is "
                "computed from"
            )

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Set `requires_grad`, and return the tensor."""
        self.requires_grad = requires_grad
        return self

    @property
    def is_leaf(self) -> bool:
        """Whether the tensor was made by the user, not by a recorded operation."""
        return self.op is None

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
        """The number of entries."""
        return int(np.size(self._data))

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the entries."""
        return self._data.dtype if hasattr(self._data, "dtype") else np.asarray(self._data).dtype

    def backward(self, gradient: Any = None, create_graph: bool = False, *, retain_graph: bool | None = None) -> None:
        """Walk the graph from here, right to left, and add into the `grad` of every leaf.

        `gradient` is the gradient of the final result with respect to this tensor; a tensor of one
        entry needs none. With `create_graph`, gradients can be differentiated again. The graph always stays, so
        that PyTorch's `retain_graph` changes nothing.
        """
        if not self.flags & NEEDS:
            raise GraphError(
                "backward: the tensor must come from one that requires a gradient, by recorded "
                f"operations; got {describe(self)}; use requires_grad=True on the inputs, and "
                "compute outside no_grad()"
            )
        seed = self._seed(gradient)
        with np.errstate(all="ignore"), Recording() if create_graph else nullcontext():
            walk = pull([(self, seed if create_graph else seed._data)], create_graph)
            found = [(t, _upward(g)) for t, g in walk if t.op is None or t.flags & KEEPS]
            owned: set[int] = {id(seed), id(seed._data)}
            new: list[tuple[Any, Any]] = []
            for t, g in found:
                if RUNNING:  # in a vmap: a leaf from outside is one for all examples
                    g = for_all_examples(g, t, [level for level in RUNNING if level < t.born])
                shared = id(g) in owned  # each leaf gets a gradient of its own
                owned.add(id(g))
                if create_graph:
                    g = ops.clone.unary(g) if shared else g
                else:
                    g = constant(np.copy(g) if shared or getattr(g, "base", None) is not None else g)
                new.append((t, g))
            with ADDING:
                at_once(*[(setattr, t, "_grad", g if t._grad is None else _added(t._grad, g)) for t, g in new])

    def _seed(self, gradient: Any) -> Tensor:
        if gradient is None:
            if self.size != 1:
                raise ShapeError(
                    f"backward: needs a scalar, or a gradient; got shape {self.shape}; call "
                    ".sum().backward(), or backward(gradient) with one of that shape"
                )
            if self.dtype.kind == "c":
                raise DTypeError(
                    f"backward: needs a real number, or a gradient; got {self.dtype}; take .real or abs() first"
                )
            return constant(self.dtype.type(1) if not self.shape else np.ones_like(self._data))
        seed = gradient if isinstance(gradient, Tensor) else constant(to_array(gradient, who="backward"))
        if seed.shape != self.shape:
            raise ShapeError(
                f"backward: the gradient must have the tensor's shape {self.shape}; got {seed.shape}; "
                "reshape it, or use np.broadcast_to"
            )
        return _upward(ops.cast(seed, dtype=self.dtype) if seed.dtype != self.dtype else seed)

    def detach(self) -> Tensor:
        """The same values without their history."""
        return unrecorded(self) if self.op is not None or not self.flags else constant(np.copy(value(self))[()])

    def numpy(self) -> Any:
        """The array, as `data`.

        That of a tensor that needs a gradient remembers where it left the graph. To compute with it beside such
        tensors warns that no gradient passes; `detach()` first says that none should.
        """
        return Echo.of(self.data, site()) if self._leaves() else self.data

    def _leaves(self) -> bool:
        """Whether values that are taken now leave the graph."""
        return bool(self.flags & (NEEDS | LEFT) and recording.get())

    def item(self) -> Any:
        """The one entry, as a Python number.

        No gradient passes through it. Inside `grad` and its like a warning says so where it comes back into the
        result; a loss of your own, to which it is added, just treats it as a constant.
        """
        self._must_be_one("item", "tolist()")
        self._depart()
        return np.asarray(self._data).item()

    def tolist(self) -> Any:
        """The entries as nested lists of Python numbers."""
        self._depart(numbers=True)
        return np.asarray(self._data).tolist()

    def _depart(self, numbers: bool = False) -> None:
        """The values leave the graph: a transform that runs may have to say so."""
        if self.flags & NEEDS and (recording.get() or departures.get() is not None):
            depart(self, numbers or not self.shape)

    def _copied(self, source: Variable) -> None:
        """This tensor starts from the values of `source`, which may need a gradient."""
        source._depart()  # type: ignore[attr-defined]
        if source._leaves():  # type: ignore[attr-defined]
            self.flags, self.site = LEFT, site()

    def astype(self, dtype: Any) -> Tensor:
        """The same values in another dtype; a gradient passes only between floating-point ones."""
        wanted = normal_dtype("astype", dtype)
        if wanted == self.dtype:
            return self
        if self.dtype.kind == "c" and wanted.kind != "c":
            raise DTypeError(
                f"astype: complex numbers must stay complex; got {self.dtype} for {wanted}; take .real, .imag or abs()"
            )
        return ops.cast(self if wanted.kind in "fc" else self.detach(), dtype=wanted)

    def clone(self) -> Tensor:
        """A copy, through which the gradient passes."""
        return ops.clone.unary(self)

    # fmt: off
    def __lshift__(self, other: Any) -> Tensor: return ops.bitwise_left_shift(self, other)
    def __rshift__(self, other: Any) -> Tensor: return ops.bitwise_right_shift(self, other)
    def __rlshift__(self, other: Any) -> Tensor: return ops.bitwise_left_shift(other, self)
    def __rrshift__(self, other: Any) -> Tensor: return ops.bitwise_right_shift(other, self)
    def __ilshift__(self, other: Any) -> Tensor: return writing.update(self, ops.bitwise_left_shift, self << other)
    def __irshift__(self, other: Any) -> Tensor: return writing.update(self, ops.bitwise_right_shift, self >> other)
    def __add__(self, other: Any) -> Tensor: return ops.add.binary(self, other)
    def __sub__(self, other: Any) -> Tensor: return ops.subtract.binary(self, other)
    def __mul__(self, other: Any) -> Tensor: return ops.multiply.binary(self, other)
    def __truediv__(self, other: Any) -> Tensor: return ops.divide.binary(self, other)
    def __floordiv__(self, other: Any) -> Tensor: return ops.floor_divide(self, other)
    def __mod__(self, other: Any) -> Tensor: return ops.remainder.binary(self, other)
    def __pow__(self, other: Any) -> Tensor: return elementwise.power(self, other)
    def __matmul__(self, other: Any) -> Tensor: return linalg.matmul(self, other)
    def __neg__(self) -> Tensor: return ops.negative.unary(self)
    def __pos__(self) -> Tensor: return ops.positive.unary(self)
    def __abs__(self) -> Tensor: return ops.abs.unary(self)
    def __invert__(self) -> Tensor: return ops.bitwise_invert(self)
    def __radd__(self, other: Any) -> Tensor: return ops.add.binary(_weak(other), self)
    def __rsub__(self, other: Any) -> Tensor: return ops.subtract.binary(_weak(other), self)
    def __rmul__(self, other: Any) -> Tensor: return ops.multiply.binary(_weak(other, "multiply"), self)
    def __rtruediv__(self, other: Any) -> Tensor: return ops.divide.binary(_weak(other), self)
    def __rfloordiv__(self, other: Any) -> Tensor: return ops.floor_divide(other, self)
    def __rmod__(self, other: Any) -> Tensor: return ops.remainder(other, self)
    def __rpow__(self, other: Any) -> Tensor: return ops.power.binary(_weak(other, "power"), self)
    def __rmatmul__(self, other: Any) -> Tensor: return linalg.matmul(other, self)
    def __iadd__(self, other: Any) -> Tensor: return writing.update(self, ops.add, self + other)
    def __isub__(self, other: Any) -> Tensor: return writing.update(self, ops.subtract, self - other)
    def __imul__(self, other: Any) -> Tensor: return writing.update(self, ops.multiply, self * other)
    def __itruediv__(self, other: Any) -> Tensor: return writing.update(self, ops.divide, self / other)
    def __ipow__(self, other: Any) -> Tensor: return writing.update(self, ops.power, self ** other)
    def __imod__(self, other: Any) -> Tensor: return writing.update(self, ops.remainder, self % other)
    def __ifloordiv__(self, other: Any) -> Tensor: return writing.update(self, ops.floor_divide, self // other)
    def __imatmul__(self, other: Any) -> Tensor: return writing.update(self, ops.matmul, self @ other)
    def __iand__(self, other: Any) -> Tensor: return writing.update(self, ops.bitwise_and, self & other)
    def __ior__(self, other: Any) -> Tensor: return writing.update(self, ops.bitwise_or, self | other)
    def __ixor__(self, other: Any) -> Tensor: return writing.update(self, ops.bitwise_xor, self ^ other)
    def __lt__(self, other: Any) -> Tensor: return ops.less(self, other)
    def __le__(self, other: Any) -> Tensor: return ops.less_equal(self, other)
    def __gt__(self, other: Any) -> Tensor: return ops.greater(self, other)
    def __ge__(self, other: Any) -> Tensor: return ops.greater_equal(self, other)
    def __and__(self, other: Any) -> Tensor: return ops.bitwise_and(self, other)
    def __or__(self, other: Any) -> Tensor: return ops.bitwise_or(self, other)
    def __xor__(self, other: Any) -> Tensor: return ops.bitwise_xor(self, other)
    __rand__, __ror__, __rxor__, __hash__ = __and__, __or__, __xor__, object.__hash__
    # fmt: on

    def __divmod__(self, other: Any) -> tuple[Tensor, Tensor]:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> tuple[Tensor, Tensor]:
        return other // self, other % self

    def __eq__(self, other: Any) -> Any:
        return NotImplemented if other is None else ops.equal(self, other)

    def __ne__(self, other: Any) -> Any:
        return NotImplemented if other is None else ops.not_equal(self, other)

    def __getitem__(self, key: Any) -> Tensor:
        index, arrays = indexing.split_index(key)
        return ops.getitem(self, *arrays, index=index)

    def __setitem__(self, key: Any, value: Any) -> None:
        writing.assign(self, key, value)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len: the tensor must have an axis; got a scalar; use size")
        return self.shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        if not self.shape:
            raise TypeError("iter: the tensor must have an axis; got a scalar; use item()")
        return (self[i] for i in range(self.shape[0]))

    def __contains__(self, value: Any) -> bool:
        return bool(np.any(np.equal(self._data, value)))

    def __bool__(self) -> bool:
        if self.size != 1:
            raise ValueError(f"bool: the tensor must have one entry; got shape {self.shape}; use .any() or .all()")
        return bool(self._data)

    def __float__(self) -> float:
        self._must_be_one("float", "tg.exp and the like for math.exp, or tolist()")
        if self.flags & NEEDS and COERCED.get() == births() - 1 and departures.get() is None:
            raise GraphError(
                "array: a list for NumPy must hold numbers; got tensors that need a gradient, which would be lost; use "
                "tg.stack, or detach() them"
            )
        if self._leaves():
            warn_if_unasked(describe(self))
        return float(self.item())

    def _must_be_one(self, who: str, advice: str) -> None:
        if self.size != 1:
            raise ShapeError(f"{who}: the tensor must have one entry; got shape {self.shape}; use {advice}")

    def __int__(self) -> int:
        self._must_be_one("int", "astype('int64')")
        return int(self.item())

    def __complex__(self) -> complex:
        if self._leaves():
            warn_if_unasked(describe(self))
        return complex(self.item())

    def __index__(self) -> int:
        if self.dtype.kind not in "iu" or self.shape:
            raise TypeError(f"index: needs an integer scalar; got shape {self.shape} of {self.dtype}; use item()")
        return int(self._data)

    def __format__(self, spec: str) -> str:
        if spec:
            self._must_be_one("format", "f'{t}', or np.array2string(t.numpy(), precision=3)")
        return format(self.item(), spec) if spec else str(self)

    def __repr__(self) -> str:
        """Shape, dtype and op first, then the values, shortened."""
        facts = [f"shape={self.shape}", f"dtype={self.dtype}"]
        facts += [f"name={self.name!r}"] if self.name else []
        facts += [f"op={self.op}"] if self.op else ["requires_grad=True"] * self.requires_grad
        values = "a batch" if isinstance(self._data, BatchedArray) else np.array2string(
            np.asarray(self._data), threshold=20, edgeitems=3, precision=4, separator=", ", prefix=" " * 7
        )  # fmt: skip
        gap = "\n" + " " * 7 if "\n" in values else " "
        return f"Tensor({', '.join(facts)},{gap}{values})"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": repr(self)}  # HTML is left to `_repr_html_`, and to viz.notebook

    if not TYPE_CHECKING:  # a type checker would take every name for one that there is

        def __getattr__(self, name: str) -> Any:
            raise UnknownNameError("Tensor", name, dir(type(self)) if name[0] != "_" else ())

    def __dir__(self) -> list[str]:
        """What users need: completion shows this, without what only the engine reads."""
        return [name for name in super().__dir__() if name not in INTERNAL]

    def __round__(self, decimals: int = 0) -> Tensor:
        return elementwise.round(self, decimals)

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(repr(self))}</pre>"

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles hold values; a tensor with a history would lose it, and refuses."""
        if self.op is not None:
            raise GraphError(
                f"copy: only a leaf can be copied or pickled; got {describe(self)}; use clone() to "
                "keep the history, or detach() to drop it"
            )
        values = type(self), (np.array(self._data), self.requires_grad, None, self.name)
        return values if self._grad is None else (*values, (None, {"_grad": constant(np.array(self._grad._data))}))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        where, before = site(), ASKED.get()
        again = before[:2] == (self.born, births() - 1) and where is not None and where.same(before[2])
        array = Echo.of(self.data, f"{describe(self)}, at {where}") if self._leaves() else self.data
        if again and dtype is not None and copy is None and array.__class__ is Echo:
            raise GraphError(
                f"array: a method of NumPy's arrays takes plain numbers; got {describe(self)}, whose gradient would be "
                f"lost, at {where}; write X @ t for X.dot(t), or detach() the tensor first"
            )
        if array.__class__ is Echo and not copy:
            warn_if_unasked(describe(self), listed=bool(self.shape) and dtype is None)
        array = np.array(array, dtype=dtype, copy=copy, subok=True)
        ASKED.set((self.born, births(), where) if copy else (0, 0, None))
        if not self.shape:  # NumPy, making an array of a list, asks each of its tensors so, and for a float next
            COERCED.set(births())
        return array

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return call_ufunc(ufunc, method, inputs, kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
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

    def to_device(self, device: Any, /, *, stream: Any = None) -> Tensor:
        """The tensor itself, for "cpu"."""
        at_device("to_device", device)
        return self

    def __dlpack__(self, **kwargs: Any) -> Any:
        if self._leaves():
            raise GraphError(f"dlpack: no gradient passes to another library; got {describe(self)}; detach() it first")
        return np.array(self._data).__dlpack__(**kwargs)

    @property
    def _mask(self) -> Any:
        """NumPy's masked arrays ask for this, and take `_data`, when they compute with another array."""
        if self._leaves():
            raise GraphError(
                f"array: a masked array takes plain numbers; got {describe(self)}, whose gradient would be lost, at "
                f"{site()}; write where(mask, 0, x) * t with a plain array x, or detach() the tensor first"
            )
        return np.ma.nomask

    def __dlpack_device__(self) -> tuple[int, int]:
        return (1, 0)  # the CPU

    @property
    def real(self) -> Tensor:
        """The real part."""
        return array_api.real(self)

    @property
    def imag(self) -> Tensor:
        """The imaginary part."""
        return array_api.imag(self)

    @property
    def T(self) -> Tensor:
        """All axes reversed."""
        return layout.permute_dims(self)

    @property
    def mT(self) -> Tensor:
        """The last two axes exchanged."""
        return layout.matrix_transpose(self)

    add = elementwise.add
    subtract = elementwise.subtract
    multiply = elementwise.multiply
    divide = elementwise.divide
    power = elementwise.power
    negative = elementwise.negative
    positive = elementwise.positive
    abs = elementwise.abs
    exp = elementwise.exp
    exp2 = elementwise.exp2
    expm1 = elementwise.expm1
    log = elementwise.log
    log1p = elementwise.log1p
    log2 = elementwise.log2
    log10 = elementwise.log10
    sqrt = elementwise.sqrt
    square = elementwise.square
    reciprocal = elementwise.reciprocal
    sin = elementwise.sin
    cos = elementwise.cos
    tan = elementwise.tan
    sinh = elementwise.sinh
    cosh = elementwise.cosh
    tanh = elementwise.tanh
    asin = elementwise.asin
    acos = elementwise.acos
    atan = elementwise.atan
    atan2 = elementwise.atan2
    asinh = elementwise.asinh
    acosh = elementwise.acosh
    atanh = elementwise.atanh
    hypot = elementwise.hypot
    logaddexp = elementwise.logaddexp
    maximum = elementwise.maximum
    minimum = elementwise.minimum
    clip = elementwise.clip
    sign = elementwise.sign
    floor = elementwise.floor
    ceil = elementwise.ceil
    round = elementwise.round
    remainder = elementwise.remainder
    floor_divide = elementwise.floor_divide
    erf = elementwise.erf
    sigmoid = elementwise.sigmoid
    softplus = elementwise.softplus
    relu = elementwise.relu
    equal = elementwise.equal
    not_equal = elementwise.not_equal
    less = elementwise.less
    less_equal = elementwise.less_equal
    greater = elementwise.greater
    greater_equal = elementwise.greater_equal
    isnan = elementwise.isnan
    isinf = elementwise.isinf
    isfinite = elementwise.isfinite
    logical_and = elementwise.logical_and
    logical_or = elementwise.logical_or
    logical_not = elementwise.logical_not
    bitwise_and = elementwise.bitwise_and
    bitwise_or = elementwise.bitwise_or
    bitwise_xor = elementwise.bitwise_xor
    bitwise_invert = elementwise.bitwise_invert
    bitwise_left_shift = elementwise.bitwise_left_shift
    bitwise_right_shift = elementwise.bitwise_right_shift
    trunc = elementwise.trunc
    fmod = elementwise.fmod
    cbrt = elementwise.cbrt
    signbit = elementwise.signbit
    copysign = elementwise.copysign
    nextafter = elementwise.nextafter
    conj = elementwise.conj
    pow = elementwise.pow
    diff = signals.diff
    sum = reduce.sum
    prod = reduce.prod
    mean = reduce.mean
    var = reduce.var
    std = reduce.std
    max = reduce.max
    min = reduce.min
    logsumexp = reduce.logsumexp
    cumulative_sum = reduce.cumulative_sum
    cumulative_prod = reduce.cumulative_prod
    all = reduce.all
    any = reduce.any
    argmax = reduce.argmax
    argmin = reduce.argmin
    count_nonzero = reduce.count_nonzero
    reshape = layout.reshape
    flatten = layout.flatten
    permute_dims = layout.permute_dims
    transpose = layout.transpose
    matrix_transpose = layout.matrix_transpose
    moveaxis = layout.moveaxis
    swapaxes = layout.swapaxes
    expand_dims = layout.expand_dims
    squeeze = layout.squeeze
    broadcast_to = layout.broadcast_to
    split = layout.split
    unstack = layout.unstack
    flip = layout.flip
    roll = layout.roll
    tile = layout.tile
    repeat = layout.repeat
    repeat_interleave = layout.repeat_interleave
    pad = layout.pad
    tril = layout.tril
    triu = layout.triu
    diagonal = layout.diagonal
    take = indexing.take
    take_along_axis = indexing.take_along_axis
    sort = indexing.sort
    argsort = indexing.argsort
    topk = indexing.topk
    searchsorted = indexing.searchsorted
    nonzero = indexing.nonzero
    unique_values = indexing.unique_values
    gather = indexing.gather
    scatter_add = indexing.scatter_add
    index_add = indexing.index_add
    bincount = indexing.bincount
    matmul = linalg.matmul
    tensordot = linalg.tensordot
    vecdot = linalg.vecdot
    inv = linalg.inv
    solve = linalg.solve
    det = linalg.det
    slogdet = linalg.slogdet
    cholesky = linalg.cholesky
    qr = linalg.qr
    svd = linalg.svd
    eigh = linalg.eigh
    norm = linalg.norm
    vector_norm = linalg.vector_norm
    matrix_norm = linalg.matrix_norm
    trace = linalg.trace
    outer = linalg.outer
    cross = linalg.cross
    pinv = linalg.pinv
    matrix_power = linalg.matrix_power
    solve_triangular = linalg.solve_triangular
    cholesky_solve = linalg.cholesky_solve
    matrix_rank = linalg.matrix_rank
    svdvals = linalg.svdvals
    eigvalsh = linalg.eigvalsh
    cond = linalg.cond
    zeros_like = creation.zeros_like
    ones_like = creation.ones_like
    full_like = creation.full_like
