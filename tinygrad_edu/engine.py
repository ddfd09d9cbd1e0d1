"""The engine: record operations as they run, then read derivatives off the record.

An operation on variables computes its value with NumPy and leaves a note on the result: which `Op`
made it, from which inputs, with which attributes. The notes form a graph, and everything else is a
*reading* of it. This file holds the one that differentiates: `pull` walks right to left and applies
the chain rule (backpropagation).

Three ideas carry the file.

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

import html
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from heapq import heappop, heappush
from itertools import count
from typing import Any

import numpy as np

from .arrays import is_weak, operand
from .errors import GraphError, refusal
from .recording import PLAIN, Recorder, Recording, Site, recorder, recording, site

NEEDS, TRACED = 1, 2  # why a variable is tracked: a gradient is wanted; it is a program's input

SCALARS = frozenset((np.float16, np.float32, np.float64))

SHARED = (0,)  # a fingerprint like no other: somebody else holds the array, and it was not looked at yet

USED, MIXED = "optimizer.step()", "backward(), onto a gradient that optimizer.step() had used"  # sites of gradients

births = count(1).__next__


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
        "name",
        "loose",  # falsy when the value can only change with a new birth (see `settle`)
        "past",  # itself before its last birth, where that is kept
        "site",  # the user's line that made it, or what happened to it last, where that is kept
        "__weakref__",
    )
    _data: Any
    flags: int
    born: int
    op: Op | None
    inputs: tuple[Variable, ...]
    attributes: dict[str, Any] | None
    _grad: Any
    name: str | None
    loose: Any
    past: Variable | None
    site: Site | str | None

    def read(self, op: Op, xs: Sequence[Any], attributes: dict[str, Any]) -> Variable:
        """Compute `op` and, if an input is tracked, note on the result how it was made."""
        inputs: Any = xs
        for x in xs:
            if not isinstance(x, Variable):
                inputs = tuple([x if isinstance(x, Variable) else constant(operand(x, op.name)) for x in xs])
                break
        try:
            data = op.forward(*[x._data for x in inputs], **attributes)
        except Exception as error:
            raise refusal(op, error, [x._data for x in inputs]) from error
        flags = 0
        for x in inputs:
            flags |= x.flags
        if (flags := flags & op.tracks) and (by := recording.get()):
            if inputs is not xs:
                _own(xs, inputs)
            return note(data, flags, op, inputs, attributes, by)
        result = constant(data)
        if op.views:
            result.site = site()
            if any(isinstance(x.loose, tuple) for x in inputs):
                result.loose = SHARED  # who holds the input's array holds this one, too
        return result

    def settle(self, view: bool) -> None:
        """Called when an op records this leaf: from here on a change of its value must be noticed.

        `loose` is True while nobody has recorded the leaf. While somebody else holds its array, and
        may write into it at any time, it is the array's fingerprint. With `view`, the result being recorded holds it,
        too.
        """
        own = 3 if view else 2
        if not isinstance(self._data, np.ndarray) or (self.loose is True and sys.getrefcount(self._data) <= own):
            self.loose = False
            return
        held = sys.getrefcount(self._data) > own or self._data.base is not None
        if held or self.loose != SHARED:
            self.notice()
        if not held:
            self.loose = False
        elif self.loose is True:
            self.loose = fingerprint(self._data)

    def notice(self) -> None:
        """If the array was handed out and written into, give the variable a new birth."""
        if isinstance(self.loose, tuple) and self.loose != (now := fingerprint(self._data)):
            if self.loose != SHARED:
                self.reborn()
            self.loose = now

    def reborn(self) -> None:
        """Note that the value has changed and that its older self is not kept."""
        self.born, self.past, self.site = births(), None, site()

    def as_of(self, user: Variable) -> Variable:
        """This variable as `user`, which was made from it, saw it."""
        self.notice()
        x: Variable | None = self
        while x is not None and x.born >= user.born:
            x = x.past
        if x is None:
            raise GraphError(
                f"backward: inputs of {user.op} must be as they were in the forward pass; "
                f"{describe(self)} was changed afterwards (at {self.site}); "
                "compute the output again, or make the change after backward()"
            )
        return x


def _own(given: Sequence[Any], inputs: Sequence[Variable]) -> None:
    """Copy arrays of the user's that are recorded: they may be written into before backward()."""
    for array, x in zip(given, inputs, strict=True):
        if isinstance(array, np.ndarray) and array.flags.writeable:
            x._data = array.copy()


new = object.__new__
variable_type: type[Variable] = Variable


def results_are(cls: type[Variable]) -> type[Variable]:
    """Class decorator: operations make variables of this class (tensor.py, two floors up)."""
    global variable_type
    variable_type = cls
    return cls


def constant(data: Any) -> Any:
    """A new variable without a history."""
    t = new(variable_type)
    t._data = data
    t.flags = 0
    t.born = births()
    t.inputs = ()
    t.op = t.attributes = t._grad = t.name = t.past = t.site = None
    t.loose = True
    return t


def unrecorded(x: Variable) -> Any:
    """The value of `x` as a constant; who holds the array of the one holds that of the other."""
    t = constant(x._data)
    t.loose = SHARED if isinstance(x.loose, tuple) else True
    return t


def note(
    data: Any,
    flags: int,
    op: Op,
    inputs: tuple[Variable, ...],
    attributes: dict[str, Any] | None,
    by: Recorder,
) -> Any:
    """A new variable that remembers how it was made."""
    for x in inputs:
        if x.loose:
            x.settle(getattr(data, "base", None) is x._data)
    t = new(variable_type)
    t._data = data
    t.flags = flags
    t.born = births()
    t.op = op
    t.inputs = inputs
    t.attributes = attributes
    t._grad = t.name = t.past = t.site = None
    t.loose = False
    if op.views:
        t.site = site()
    if by is not PLAIN:
        by.recorded(t)
    return t


def zeros_like(x: Any) -> Any:
    """Zeros for an array, or a constant of zeros for a variable; 0 for a Python number."""
    if isinstance(x, Variable):
        return constant(zeros_like(x._data))
    return 0 if is_weak(x) else np.zeros_like(x)


def fingerprint(data: Any) -> tuple[int]:
    return (hash(data.tobytes()),)


def describe(x: Variable) -> str:
    shape = tuple(np.shape(x._data))
    return f"{x.name or ('a leaf' if x.op is None else f'the output of {x.op}')} of shape {shape}"


BROADCASTS = {"elementwise", "contract", "write"}  # kinds whose inputs broadcast, so gradients are summed
VIEWS = {"layout", "index"}  # kinds whose outputs may share memory with their input
REGISTRY: dict[str, Op] = {}


class Op:
    """One operation, declared once.

    `forward(*arrays, **attributes)` computes it; `vjps[i](g, y, *arrays, **attributes)` takes the
    gradient `g` of the output to that of input `i` (None: no gradient). The rest says where and how
    to try it, for tests, docs and pictures.
    """

    def __init__(
        self,
        name: str,
        forward: Callable[..., Any],
        vjps: Any = (),
        *,
        kind: str = "elementwise",
        domain: tuple[Any, ...] | None = None,
        signature: str | None = None,
        attributes: Callable[..., Any] | None = None,
        special: tuple[float, ...] = (),
        linear: bool = False,
        analytic: bool = True,
        masks: bool = False,
        align: Callable[..., Any] | None = None,
        broadcasts: bool | None = None,
        must: str = "",
        formula: str | None = None,
        doc: str = "",
    ) -> None:
        self.name = name
        self.forward = forward
        self.vjps = vjps  # a tuple, or anything that gives input i's rule at [i]
        self.views = kind in VIEWS
        self.kind = kind  # elementwise, reduce, scan, contract, layout, index, write, window, linalg, layer, ...
        self.domain = domain  # one interval per array: where it is defined and smooth
        self.signature = signature  # "(i,k),(k,j)->(i,j)" where shapes are tied
        self.attributes = attributes  # draw(rng, shape) -> attributes that fit such an input
        self.special = special  # points at which value and gradient must be right, too
        self.linear = linear  # in its differentiable inputs together: forward mode is itself
        self.analytic = analytic  # takes complex numbers, so the complex step may test it
        self.masks = masks  # its rule can turn a gradient into exact zeros
        self.align = align  # (y, near, *arrays): of equally right outputs, the one nearest to `near`
        self.broadcasts = kind in BROADCASTS if broadcasts is None else broadcasts
        self.must = must  # what its inputs must satisfy, in words
        self.formula = formula  # how to write it: "{} + {}"
        self.doc = doc
        self.custom = False  # declared by a user
        self.differentiable = not isinstance(vjps, tuple) or any(vjps)
        self.tracks = NEEDS | TRACED if self.differentiable else TRACED  # which inputs it records
        REGISTRY[name] = self

    def __repr__(self) -> str:
        return self.name

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(f'{self.name} ({self.kind}) {self.doc}'.strip())}</pre>"

    def __call__(self, *xs: Any, **attributes: Any) -> Any:
        """Read the op as its arguments ask; plain arrays just compute."""
        for x in xs:
            if isinstance(x, Reading):
                return x.read(self, xs, attributes)
        return self.forward(*xs, **attributes)

    def unary(self, x: Any) -> Any:
        """`self(x)` for a Variable, without the general path's loops."""
        try:
            data = self.forward(x._data)
        except Exception as error:
            raise refusal(self, error, [x._data]) from error
        if (flags := x.flags & self.tracks) and (by := recording.get()):
            return note(data, flags, self, (x,), None, by)
        return constant(data)

    def binary(self, a: Any, b: Any) -> Any:
        """`self(a, b)` for a Variable `a` and a Variable or scalar `b`, likewise."""
        if b.__class__ is float or b.__class__ is int:
            b = constant(b)  # a Python scalar stays one: it never widens the other side
        elif not isinstance(b, Variable):
            return self(a, b)
        try:
            data = self.forward(a._data, b._data)
        except Exception as error:
            raise refusal(self, error, [a._data, b._data]) from error
        if (flags := (a.flags | b.flags) & self.tracks) and (by := recording.get()):
            return note(data, flags, self, (a, b), None, by)
        return constant(data)


class Each:
    """The rules of an op with any number of inputs: `Each(f)[i]` is `f(i)`."""

    def __init__(self, rule: Callable[[int], Any]) -> None:
        self.rule = rule

    def __getitem__(self, i: int) -> Any:
        return self.rule(i)


def parents(t: Variable) -> tuple[Variable, ...]:
    """The inputs of `t` as they were when `t` was born."""
    born = t.born
    for x in t.inputs:
        if x.loose:
            x.notice()
        if x.born >= born:
            t.inputs = tuple([x.as_of(t) for x in t.inputs])
            break
    return t.inputs


def shown_inputs(t: Variable) -> tuple[Variable, ...]:
    """The inputs of `t` to be looked at: as they were, or, where that was not kept, as they are now."""
    found = []
    for x in t.inputs:
        past: Variable | None = x
        while past is not None and past.born >= t.born:
            past = past.past
        found.append(x if past is None else past)
    return tuple(found)


def history(*outputs: Variable, constants: bool = True) -> Iterator[Variable]:
    """Everything that led to `outputs`, newest first. A leaf that was changed since is shown as it is now."""
    seen = {t.born: t for t in outputs}
    leaves: set[int] = set()
    heap = sorted((-born, t) for born, t in seen.items())
    while heap:
        _, t = heappop(heap)
        del seen[t.born]  # nothing older than t can lead back to it, but to a leaf that was changed
        if t.op is None:
            leaves.add(t.born)
        yield t
        for x in shown_inputs(t):
            if x.born > t.born:  # changed since: shown at once, and once
                if x.born not in leaves:
                    leaves.add(x.born)
                    yield x
            elif (constants or x.flags) and x.born not in seen:
                seen[x.born] = x
                heappush(heap, (-x.born, x))


def pull(
    cotangents: Iterable[tuple[Variable, Any]], create_graph: bool = False, oldest: int = 0
) -> Iterator[tuple[Variable, Any]]:
    """Right to left: yield each variable with its gradient, complete, newest first.

    Gradients are arrays, or variables with `create_graph`. Nothing born before `oldest` is visited.
    """
    return recorder.get().pulled(_chain_rule(cotangents, create_graph, oldest))


def _chain_rule(
    cotangents: Iterable[tuple[Variable, Any]], create_graph: bool, oldest: int
) -> Iterator[tuple[Variable, Any]]:
    grads: dict[int, Any] = {}
    heap: list[tuple[int, Variable]] = []  # births are unique, so variables are never compared
    masked = False
    for y, g in cotangents:
        if y.born in grads:
            grads[y.born] = grads[y.born] + g
        elif y.flags & NEEDS:
            grads[y.born] = g
            heappush(heap, (-y.born, y))
    while heap:
        born, t = heappop(heap)
        g = grads.pop(-born)
        yield t, g
        op = t.op
        if op is None or -born <= oldest:
            continue
        inputs = parents(t)
        vjps, attributes = op.vjps, t.attributes
        y, xs = (t, inputs) if create_graph else (t._data, [x._data for x in inputs])
        masked = masked or op.masks
        for i, x in enumerate(inputs):
            if not x.flags & NEEDS or (vjp := vjps[i]) is None:
                continue
            try:
                gx = vjp(g, y, *xs, **attributes) if attributes else vjp(g, y, *xs)
            except Exception as error:
                error.add_note(f"backward: while computing the gradient of input {i} of {op}")
                raise
            value, like = gx._data if create_graph else gx, x._data
            if (cls := value.__class__) is like.__class__ and cls in SCALARS:
                pass  # the class says it all, and faster
            elif value.shape != like.shape or value.dtype is not like.dtype:
                gx = fit(op, gx, x)
            if masked and op.kind == "elementwise" and gx is not g and not op.masks:  # a mask multiplies by 0 or 1
                gx = keep_zeros(g, gx)
            if (n := x.born) in grads:
                grads[n] = grads[n] + gx  # never +=: a rule may hand the same array to two inputs
            else:
                grads[n] = gx
                heappush(heap, (-n, x))


def fit(op: Op, gx: Any, x: Variable) -> Any:
    """Give a gradient the shape and dtype of its variable, undoing broadcasting if `op` did any."""
    shape = tuple(x._data.shape)
    if tuple(gx.shape) != shape:
        try:
            allowed = op.broadcasts and np.broadcast_shapes(gx.shape, shape) == gx.shape
        except ValueError:
            allowed = False
        if not allowed:
            raise GraphError(
                f"{op}: its rule must give a gradient of its input's shape {shape}; "
                f"it gave {tuple(gx.shape)}; correct the rule"
            )
        gx = REGISTRY["sum_to"](gx, shape=shape)
    return gx if gx.dtype == x._data.dtype else REGISTRY["astype"](gx, dtype=x._data.dtype)


def keep_zeros(g: Any, gx: Any) -> Any:
    """Where no gradient comes in, none goes out, even through an infinite local derivative.

    This is what `where(x > 0, log(x), 0)` needs at x = 0: its gradient into the log is exactly 0.
    """
    if g.shape != gx.shape or np.isfinite(gx._data if isinstance(gx, Variable) else gx).all():
        return gx
    return REGISTRY["where"](REGISTRY["equal"](g, 0), 0 * g, gx)


def gradients(
    cotangents: Iterable[tuple[Variable, Any]],
    wrt: Sequence[Variable],
    create_graph: bool = False,
    oldest: int | None = None,
) -> list[Any]:
    """The gradients of `sum <output, cotangent>` with respect to each of `wrt`; zero if unused."""
    oldest = min((x.born for x in wrt), default=0) if oldest is None else oldest
    wanted = {x.born for x in wrt}
    with np.errstate(all="ignore"), Recording() if create_graph else nullcontext():
        found = {t.born: g for t, g in pull(cotangents, create_graph, oldest) if t.born in wanted}
        return [found[x.born] if x.born in found else zeros_like(x if create_graph else x._data) for x in wrt]
