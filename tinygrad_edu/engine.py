"""The engine: operations are recorded as they run, and everything else is a reading of the record.

An operation on variables computes its value with NumPy and leaves a note on the result: which `Op`
made it, from which inputs, with which attributes. The notes form a graph. `backward.py` reads it right to
left and differentiates; pictures, explanations and exports read it as well.

Three ideas carry the engine.

**A rule is pure.** The rule of tanh is `lambda g, y, x: g * (1 - y * y)`: the gradient `g` of the
output, the output `y`, the inputs. It is written once and says nothing of what `g`, `y` and `x`
are. Given arrays it computes a gradient; given variables it records a gradient, which can be
differentiated again; given formulas it writes itself down.

**Birth order is a topological order.** Every variable is numbered when it is born, and is born
after its inputs. So "newest first" visits each variable after everything that used it: no search,
no recursion, and a chain of a million operations is as safe as a chain of three.

**A change is a new birth.** Whoever writes into a variable gives it a new number. An operation that
used the variable before then sees an input younger than itself, and asks for the older self.
"""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from .arrays import REMEMBERING, complex_step, is_weak, left_at, operand
from .errors import DTypeError, GraphError, LostGradientWarning, rescued
from .holders import USED, Store, births, share
from .recording import PLAIN, TRACERS, Recorder, Site, recording, site, stack_level, tracing

if TYPE_CHECKING:
    from .op import Op

NEEDS, TRACED = 1, 2  # why a variable is tracked: a gradient is wanted; it is a program's input
LEFT = 4  # of a constant that was made from values of a tensor that needs a gradient, outside of the graph
KEEPS = 8  # of a result that gets a gradient of backward() as leaves do
CLEARED = 16  # of a leaf: it had a gradient, and was made to forget it; this is for answers only
DECIDES = NEEDS | TRACED | LEFT | KEEPS  # how a variable is computed with

COMPLEX = frozenset((np.dtype(np.complex64), np.dtype(np.complex128)))
SCALARS = frozenset((np.float16, np.float32, np.float64))


APART = object()  # the source of an older self, and of a view whose numbers were changed apart from what it shows
STEPPED, MIXED = "optimizer.step()", "backward(), onto a gradient that optimizer.step() had used"  # sites of gradients


class Reading:
    """An argument that reads an op in its own way; a Variable records it, a formula writes it."""

    __slots__ = ()

    def read(self, op: Op, xs: Sequence[Any], attributes: dict[str, Any]) -> Any:
        raise NotImplementedError


class Variable(Reading):
    """A value and the note of how it came to be. `tensor.Tensor` is this with operators on it."""

    __slots__ = (
        "_data",  # the value: an array, or a NumPy or Python scalar
        "flags",  # NEEDS | TRACED; 0 for a constant
        "born",  # its number in the order of birth
        "op",  # what made it; None for a leaf
        "inputs",  # from which variables
        "attributes",  # with which keyword attributes
        "_grad",  # a leaf's gradient after backward()
        "_name",  # a text that the user gave, or None
        "store",  # who else has its memory (see holders.py); None until somebody has, or needs its values
        "past",  # itself before its last birth, where that is kept
        "source",  # of a view that was not recorded: what it is a view of (see writing.py)
        "site",  # the user's line that made it, or what happened to it last, where that is kept
        "hooks",  # functions that are given its gradient, by key; None until there is one
        "__weakref__",
    )
    _data: Any
    flags: int
    born: int
    op: Op | None
    inputs: tuple[Variable, ...]
    attributes: dict[str, Any] | None
    _grad: Any
    _name: str | None
    store: Store | None
    past: Variable | None
    source: Any
    site: Site | str | None
    hooks: dict[int, Any] | None

    @property
    def name(self) -> str | None:
        """What pictures, explanations and messages call it; a text, or None."""
        return self._name

    @name.setter
    def name(self, name: str | None) -> None:
        if name is not None and not isinstance(name, str):
            raise DTypeError(f"name: must be a text, or None; got {type(name).__name__}; use str(...) of it")
        self._name = name

    def read(self, op: Op, xs: Sequence[Any], attributes: dict[str, Any]) -> Variable:
        """Compute `op` and, if an input is tracked, note on the result how it was made."""
        flags = 0
        foreign = False
        for x in xs:
            if isinstance(x, Variable):
                flags |= x.flags
            else:
                foreign = True
        by = recording.get()
        tracked = flags & op.tracks if by else 0
        inputs: Any = xs
        if foreign:  # copied where it is recorded, or shared with the result: its owner may write into it
            copy = True if tracked or not op.fresh else None
            inputs = tuple([x if isinstance(x, Variable) else enter(x, op.name, copy) for x in xs])
            for x in inputs:
                flags |= x.flags
        try:
            if TRACERS:
                data = traced(op, inputs, attributes)
            else:
                data = op.forward(*[x._data for x in inputs], **attributes)
        except Exception as error:
            data = rescued(op, error, [x._data for x in inputs], attributes)
        if data.__class__ is complex:  # a Python number before a NumPy scalar leaves Python's
            data = np.complex128(data)
        if flags & LEFT and by and op.differentiable:
            return lost(op, data, inputs, attributes, tracked, by)
        if tracked:
            return note(data, tracked, op, inputs, attributes, by)  # type: ignore[arg-type]
        result = constant(data)
        if not op.fresh:
            share(result, inputs)
            if op.view:
                result.source = op, inputs[0], inputs[1:], attributes
        return result

    def notice(self) -> None:
        """If its memory was written into since it was born, give the variable a new birth."""
        store = self.store
        if store is not None and store is not USED and store.look(self._data) > self.born:
            self.reborn()

    def reborn(self) -> None:
        """Note that the value has changed and that its older self is not kept."""
        self.born, self.past, self.site = births(), None, site()
        if self.source.__class__ is tuple:
            self.source = APART

    def as_of(self, user: Variable) -> Variable:
        """This variable as `user`, which was made from it, saw it; a GraphError where that is lost."""
        x: Variable | None = self
        while x is not None:
            x.notice()
            if x.born < user.born:
                return x
            x = x.past
        raise GraphError(
            f"backward: inputs of {user.op} must be as they were in the forward pass; "
            f"{describe(self)} was changed afterwards (at {self.site}); "
            "compute the output again, or make the change after backward()"
        )


SLOTS = tuple(slot for slot in Variable.__slots__ if slot != "__weakref__")
new = object.__new__
variable_type: type[Variable] = Variable
Kind = TypeVar("Kind", bound=Variable)  # type checkers see the class that is decorated, not Variable


def results_are(cls: type[Kind]) -> type[Kind]:
    """Class decorator: operations make variables of this class (tensor.py, two floors up)."""
    global variable_type
    variable_type = cls
    return cls


def traced(op: Op, xs: Sequence[Any], attributes: dict[str, Any]) -> Any:
    """The value of an op while some thread writes down what it computes: this one, or another."""
    by = tracing.get()
    if by is not None:
        with np.errstate(all="ignore"):  # a computation that is written down is done once
            return by.forward(op, xs, attributes)
    return op.forward(*[x._data if isinstance(x, Variable) else x for x in xs], **attributes)


def constant(data: object) -> Any:
    """A new variable without a history."""
    t = new(variable_type)
    t._data = data
    t.flags = 0
    t.born = births()
    t.inputs = ()
    t.op = t.attributes = t._grad = t._name = t.store = t.past = t.source = t.site = t.hooks = None
    return t


entered: ContextVar[Any] = ContextVar("entered", default=None)  # who is told, if anybody, of what comes from outside


def enter(x: object, who: str, copy: bool | None = True) -> Any:
    """A constant of what comes from outside: copied, as its owner may write into it; with None, shared if it can be."""
    t = constant(operand(x, who, copy))
    if (told := entered.get()) is not None:
        told.note(x, t._data)
    if x.__class__ in REMEMBERING and (left := left_at(x)) is not None and recording.get():
        t.flags, t.site = LEFT, left
    return t


def lost(
    op: Op, data: object, inputs: Sequence[Variable], attributes: dict[str, Any] | None, tracked: int, by: Recorder
) -> Any:
    """The result of an op, one of whose inputs is a constant made from values that left the graph.

    Where another input needs a gradient, that is said: an error if NumPy asked for the values unseen, as in
    `X.dot(w)`; a warning if the user did, by `numpy()` or `Tensor(t)`.
    """
    where = next(x.site for x in inputs if x.flags & LEFT)
    if tracked & NEEDS:
        text = (
            f"{op.said}: no gradient passes through plain arrays; got a constant made from the values of {where}, "
            "beside a tensor that needs a gradient; use functions of tensors (X @ w for X.dot(w)), or detach() to say "
            "that it is a constant"
        )
        if isinstance(where, str):
            raise GraphError(text)
        warnings.warn(text, LostGradientWarning, stacklevel=stack_level())
        return note(data, tracked, op, tuple(inputs), attributes, by)
    t = constant(data)
    t.flags, t.site = LEFT, where
    return t


def unrecorded(x: Variable) -> Any:
    """The value of `x` as a constant, which shares its memory."""
    if TRACERS and (by := tracing.get()):
        by.take(x)
    t = constant(x._data)
    share(t, (x,))
    return t


def refuse_complex(op: Op) -> None:
    """Say so where an op whose rules hold for real numbers only is to be differentiated by complex ones."""
    if not complex_step.get():
        raise DTypeError(
            f"{op.said}: has no derivative for complex numbers; got one that needs a gradient; use its .real and "
            ".imag, or detach() it"
        )


def shell(t: Variable) -> Variable:
    """`t` as it is now, for those who used it until now."""
    old = new(type(t))
    for slot in SLOTS:
        setattr(old, slot, getattr(t, slot))
    return old


def note(
    data: object,
    flags: int,
    op: Op,
    inputs: tuple[Variable, ...],
    attributes: dict[str, Any] | None,
    by: Recorder,
) -> Any:
    """A new variable that remembers how it was made."""
    if not op.complex and flags & NEEDS:
        for x in inputs:
            if getattr(x._data, "dtype", None) in COMPLEX:
                refuse_complex(op)
    for x in inputs:
        if (store := x.store) is None:
            if op.needs_values:
                x.store = USED
        elif store is not USED:
            inputs = _looked_at(inputs)
            break
    t = new(variable_type)
    t._data = data
    t.flags = flags
    t.born = births()
    t.op = op
    t.inputs = inputs
    t.attributes = attributes
    t._grad = t._name = t.store = t.past = t.source = t.site = t.hooks = None
    if not op.fresh:
        share(t, inputs)
    if by is not PLAIN:
        by.recorded(t)
    return t


def _looked_at(inputs: tuple[Variable, ...]) -> tuple[Variable, ...]:
    """Inputs of an op that is being recorded, some of which share memory: from here on, changes are noticed."""
    found = []
    for x in inputs:
        x.notice()
        if x.store is None:
            x.store = USED
        rewritten = x.past is not None and x.op is None and not x.flags
        found.append(snapshot(x) if rewritten else x)
    return tuple(found)


def snapshot(x: Variable) -> Variable:
    """A constant that is written into again and again, as it is now: the graph keeps this, and `x` no older selves."""
    now = x.source() if x.source.__class__ is weakref.ref else None
    if now is None or now.born != x.born:
        now = shell(x)
        now.past = now.source = None
        if x.source.__class__ is not tuple:  # which says what `x` is a view of
            x.source = weakref.ref(now)
    return now


def zeros_like(x: object) -> Any:
    """Zeros for an array, or a constant of zeros for a variable; 0 for a Python number."""
    if isinstance(x, Variable):
        return constant(zeros_like(x._data))
    return 0 if is_weak(x) else np.zeros_like(x)


def describe(x: Variable) -> str:
    shape = tuple(np.shape(x._data))
    return f"{x.name or ('a leaf' if x.op is None else f'the output of {x.op}')} of shape {shape}"
