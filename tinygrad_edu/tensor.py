"""The Tensor: how one is made, its gradient, `backward()`. What else it can do stands in methods/, by subject."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from inspect import isfunction
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from . import ops, writing
from .annotations import ArrayLike, DTypeLike
from .arrays import left_at, normal_dtype, to_array
from .backward import for_all_examples, pull
from .batched import RUNNING
from .changes import TURN, at_once
from .engine import (  # fmt: skip
    CLEARED,
    KEEPS,
    LEFT,
    MIXED,
    NEEDS,
    STEPPED,
    Variable,
    constant,
    describe,
    results_are,
    unrecorded,
)
from .errors import DTypeError, GraphError, LostGradientWarning, ShapeError
from .functions import elementwise, layout
from .functions.calls import own_keywords
from .functions.settings import settings, truth
from .holders import births
from .hooks import Handle, function
from .interop import array_api
from .interop.names import UnknownNameError
from .methods.contents import Contents
from .methods.functions import Functions
from .methods.operators import Operators
from .recording import Recording, recording, stack_level, tracer
from .values import value

PRIVATE = {"_copied", "_depart", "_leaves", "_mask", "_must_be_one", "_not_a_leaf", "_seed"}
INTERNAL = PRIVATE | {*vars(Variable)} - {*vars(object), "name", "op", "inputs"}


def _upward(g: Any) -> Any:
    """The gradient dL/da + i dL/db by a complex a + i b, the direction of ascent, from the dL/da - i dL/db of rules; or
    that, from this."""
    return ops.conj(g) if g.dtype.kind == "c" else g


def _added(before: Tensor, g: Tensor) -> Tensor:
    """A gradient and one more; where an optimizer has used the first, and it was not set to 0 since, that is noted."""
    total = before + g
    if before.site in (STEPPED, MIXED) and np.any(before._data):
        total.site = MIXED
    return total


@results_are
class Tensor(Operators, Functions, Contents):
    """An n-dimensional array that remembers how it was computed.

    `data` is anything NumPy takes, and is copied. An array keeps its dtype; Python floats become the
    default dtype. With `requires_grad`, operations on it are recorded, and `backward()` on a result
    leaves the gradient in `grad`. Errors: a DTypeError for numbers that are no single argument, and where integers
    shall need a gradient; a GraphError where a result shall need none; a ShapeError for a `grad` of another shape; an
    UnknownNameError, a kind of AttributeError, for a name that is not here.

    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([1.0, 2.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad.data
    array([2., 4.], dtype=float32)
    """

    __slots__ = ()

    __array_priority__ = 1000

    @own_keywords
    def __init__(
        self, data: ArrayLike, requires_grad: bool = False, dtype: DTypeLike | None = None, name: str | None = None
    ) -> None:
        array = to_array(data._data if isinstance(data, Variable) else data, dtype, copy=True)
        self._data = array[()] if array.ndim == 0 else array
        self.flags, self.born, self.op, self.inputs, self.attributes = 0, births(), None, (), None
        self._grad, self.name, self.store, self.past, self.source, self.site = None, name, None, None, None, None
        self.hooks = None
        if isinstance(data, Variable) and data.flags:
            self._copied(data)
        elif recording.get() and (left := left_at(data)) is not None:
            self.flags, self.site = LEFT, left
        if requires_grad.__class__ is int and requires_grad > 1:
            raise DTypeError(
                f"Tensor: data must come as one argument; got numbers, the last {requires_grad}; write "
                "tg.Tensor([...]), or tg.zeros((2, 3)) for a shape"
            )
        if requires_grad is not False and truth("Tensor", "requires_grad", requires_grad):
            if self.flags & LEFT and isinstance(data, Variable) and data.op is not None:
                warnings.warn(
                    f"{type(self).__name__}: no gradient passes from a new leaf to what it was made from; got "
                    f"{describe(data)}; use the result itself, or detach() to say that it is a constant",
                    LostGradientWarning,
                    stacklevel=stack_level(),
                )
            self.requires_grad = True

    @property
    def requires_grad(self) -> bool:
        """Whether operations on this tensor are recorded for a gradient."""
        return bool(self.flags & NEEDS)

    @requires_grad.setter
    def requires_grad(self, wanted: bool) -> None:
        self.flags = self._needing(wanted)

    def _needing(self, wanted: bool) -> int:
        """The flags with which it requires a gradient, or does not."""
        wanted = wanted if wanted.__class__ is bool else truth("requires_grad", "the value", wanted)
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
        return (self.flags | NEEDS) & ~LEFT if wanted else self.flags & ~(NEEDS | CLEARED)

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
        elif value is None and self._grad is not None:
            self.flags |= CLEARED
        if value is not None:
            value = value if isinstance(value, Variable) else constant(to_array(value, copy=True, who="grad"))
            if value.shape != self.shape:
                raise ShapeError(
                    f"grad: must have the tensor's shape {self.shape}; got {value.shape}; reshape it, or write "
                    "t.grad = None to forget a gradient"
                )
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

    @own_keywords
    def register_hook(self, hook: Callable[[Tensor], Any]) -> Handle:
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

    @settings
    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Set `requires_grad`, and return the tensor."""
        self.requires_grad = requires_grad
        return self

    @property
    def is_leaf(self) -> bool:
        """Whether the tensor was made by the user, not by a recorded operation."""
        return self.op is None

    @settings
    def backward(
        self, gradient: ArrayLike | None = None, create_graph: bool = False, *, retain_graph: bool | None = None
    ) -> None:
        """Walk the graph from here, right to left, and add into the `grad` of every leaf.

        `gradient` is the gradient of the final result with respect to this tensor; a tensor of one
        entry needs none. With `create_graph`, gradients can be differentiated again. The graph always stays, so
        that PyTorch's `retain_graph` changes nothing. Errors: a GraphError where no input needs a gradient; a
        ShapeError for a `gradient` of another shape, or none for several entries; a DTypeError for a complex number.
        """
        if not self.flags & NEEDS:
            raise GraphError(
                "backward: the tensor must come from one that requires a gradient, by recorded "
                f"operations; got {describe(self)}; use requires_grad=True on the inputs, and "
                "compute outside no_grad() (where a step is w -= lr * w.grad: w = w - lr * w.grad makes a constant)"
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
            with TURN:  # threads that share a leaf add to one gradient
                at_once(*[(setattr, t, "_grad", g if t._grad is None else _added(t._grad, g)) for t, g in new])

    def _seed(self, gradient: object) -> Tensor:
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

    @own_keywords
    def astype(self, dtype: Any) -> Tensor:
        """The same values in another dtype; a gradient passes only between floating-point ones.

        Errors: a DTypeError for complex numbers that would lose a part.
        """
        wanted = normal_dtype("astype", dtype)
        if wanted == self.dtype:
            return self
        if self.dtype.kind == "c" and wanted.kind not in "cb":
            raise DTypeError(
                f"astype: complex numbers must stay complex; got {self.dtype} for {wanted}; take .real, .imag or abs()"
            )
        return ops.cast(self if wanted.kind in "fc" else self.detach(), dtype=wanted)

    def clone(self) -> Tensor:
        """A copy, through which the gradient passes."""
        return ops.clone.unary(self)

    if not TYPE_CHECKING:  # a type checker would take every name for one that there is

        def __getattr__(self, name: str) -> Any:
            raise UnknownNameError("Tensor", name, dir(type(self)) if name[:1] != "_" else ())

    def __dir__(self) -> list[str]:
        """What users need: completion shows this, without what only the engine reads."""
        return [name for name in super().__dir__() if name not in INTERNAL]

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

    @property
    def mH(self) -> Tensor:
        """The last two axes exchanged, and the entries conjugated."""
        return elementwise.conj(self.mT)


for part in (Operators, Contents):  # in Python's own errors and in `help`, methods are those of a Tensor
    for name, method in vars(part).items():
        if isfunction(method):
            method.__qualname__ = f"Tensor.{name}"


class Maker(ModuleType):
    """This module, which can be called: `tg.tensor(values)`, as PyTorch writes it, is `tg.Tensor(values)`."""

    def __call__(self, data: Any, **settings: Any) -> Tensor:
        return Tensor(data, **settings)


sys.modules[__name__].__class__ = Maker
