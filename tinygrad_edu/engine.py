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
import warnings
import weakref
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from contextlib import nullcontext
from heapq import heappop, heappush
from typing import Any, TypeVar

import numpy as np

from .arrays import Echo, is_weak, operand
from .batched import RUNNING, BatchedArray, levels, whole
from .errors import GraphError, LostGradientWarning, refusal
from .holders import USED, Store, births, share
from .recording import PLAIN, Recorder, Recording, Site, recorder, recording, site, stack_level
from .sums import HALF, WIDER

NEEDS, TRACED = 1, 2  # why a variable is tracked: a gradient is wanted; it is a program's input
LEFT = 4  # of a constant that was made from values of a tensor that needs a gradient, outside of the graph

SCALARS = frozenset((np.float16, np.float32, np.float64))


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
        "name",
        "store",  # who else has its memory (see holders.py); None until somebody has, or needs its values
        "past",  # itself before its last birth, where that is kept
        "source",  # of a view that was not recorded: what it is a view of (see writing.py)
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
    store: Store | None
    past: Variable | None
    source: Any
    site: Site | str | None

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
            data = op.forward(*[x._data for x in inputs], **attributes)
        except Exception as error:
            raise refusal(op, error, [x._data for x in inputs]) from error
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

    def as_of(self, user: Variable) -> Variable:
        """This variable as `user`, which was made from it, saw it."""
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


def constant(data: Any) -> Any:
    """A new variable without a history."""
    t = new(variable_type)
    t._data = data
    t.flags = 0
    t.born = births()
    t.inputs = ()
    t.op = t.attributes = t._grad = t.name = t.store = t.past = t.source = t.site = None
    return t


def enter(x: Any, who: str, copy: bool | None = True) -> Any:
    """A constant of what comes from outside: copied, as its owner may write into it; with None, shared if it can be."""
    t = constant(operand(x, who, copy))
    if x.__class__ is Echo and recording.get():
        t.flags, t.site = LEFT, x.left
    return t


def lost(op: Op, data: Any, inputs: Sequence[Variable], attributes: Any, tracked: int, by: Recorder) -> Any:
    """The result of an op, one of whose inputs is a constant made from values that left the graph.

    Where another input needs a gradient, that is said: an error if NumPy asked for the values unseen, as in
    `X.dot(w)`; a warning if the user did, by `numpy()` or `Tensor(t)`.
    """
    where = next(x.site for x in inputs if x.flags & LEFT)
    if tracked & NEEDS:
        text = (
            f"{op}: no gradient passes through plain arrays; got a constant made from the values of {where}, beside a "
            "tensor that needs a gradient; use functions of tensors (X @ w for X.dot(w)), or detach() to say that it "
            "is a constant"
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
    t = constant(x._data)
    share(t, (x,))
    return t


def shell(t: Variable) -> Variable:
    """`t` as it is now, for those who used it until now."""
    old = new(type(t))
    for slot in SLOTS:
        setattr(old, slot, getattr(t, slot))
    return old


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
    t._grad = t.name = t.store = t.past = t.source = t.site = None
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
        x.source = weakref.ref(now)
    return now


def zeros_like(x: Any) -> Any:
    """Zeros for an array, or a constant of zeros for a variable; 0 for a Python number."""
    if isinstance(x, Variable):
        return constant(zeros_like(x._data))
    return 0 if is_weak(x) else np.zeros_like(x)


def describe(x: Variable) -> str:
    shape = tuple(np.shape(x._data))
    return f"{x.name or ('a leaf' if x.op is None else f'the output of {x.op}')} of shape {shape}"


BROADCASTS = {"elementwise", "contract", "write"}  # kinds whose inputs broadcast, so gradients are summed
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
        view: bool = False,
        mirror: Callable[[Any], Any] | None = None,
        flops: Callable[..., float] | None = None,
        doc: str = "",
    ) -> None:
        self.name = name
        self.forward = forward
        self.vjps = vjps  # a tuple, or anything that gives input i's rule at [i]
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
        self.view = view  # its result is NumPy's view of its first input: a write goes through to that
        self.fresh = kind == "elementwise"  # its result never shares memory with an input
        self.needs_values = kind not in ("index", "write")  # its rules read more of its inputs than their shapes
        self.must = must  # what its inputs must satisfy, in words
        self.formula = formula  # how to write it: "{} + {}"
        self.mirror = mirror  # op(-x) in terms of y = op(x), which formulas show where they can
        self.flops = flops  # (output's shape, *inputs' shapes, **attributes), where it is not one for each entry
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
        if (flags := x.flags) and (by := recording.get()):
            if flags & LEFT:
                return lost(self, data, (x,), None, 0, by)
            if flags := flags & self.tracks:
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
        if (flags := a.flags | b.flags) and (by := recording.get()):
            if flags & LEFT:
                return lost(self, data, (a, b), None, flags & self.tracks, by)
            if flags := flags & self.tracks:
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
        if x.store is not USED:
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
    masked: set[int] = set()  # births whose gradient came through masks only, which can make it exactly 0
    wide: set[int] = set()  # the births of variables of float16 whose gradient is being added up in float32
    for y, g in cotangents:
        if y.born in grads:
            grads[y.born] = grads[y.born] + g
        elif y.flags & NEEDS:
            grads[y.born] = g
            heappush(heap, (-y.born, y))
    while heap:
        born, t = heappop(heap)
        g = grads.pop(-born)
        if wide and -born in wide:
            g = REGISTRY["astype"](g, dtype=HALF)
        yield t, g
        op = t.op
        if op is None or -born <= oldest:
            continue
        inputs = parents(t)
        vjps, attributes = op.vjps, t.attributes
        y, xs = (t, inputs) if create_graph else (t._data, [x._data for x in inputs])
        below = op.masks or -born in masked
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
            elif value.shape != like.shape or value.dtype is not like.dtype or cls is BatchedArray:
                gx = fit(op, gx, x)
            if below and op.kind == "elementwise" and gx is not g and not op.masks:  # a mask multiplies by 0 or 1
                gx = keep_zeros(g, gx)
            if (n := x.born) in grads:
                if gx.dtype is HALF:
                    gx = REGISTRY["astype"](gx, dtype=WIDER[HALF])
                    wide.add(n)
                grads[n] = grads[n] + gx  # never +=: a rule may hand the same array to two inputs
                if not below:
                    masked.discard(n)
            else:
                grads[n] = gx
                heappush(heap, (-n, x))
                if below:
                    masked.add(n)


def fit(op: Op, gx: Any, x: Variable) -> Any:
    """Give a gradient the shape and dtype of its variable, undoing broadcasting if `op` did any.

    So is that over the hidden axis of a `vmap` undone, once it is left: a variable that is the same for all examples
    gets the sum of their gradients. As long as it runs, each example differentiates for itself.
    """
    gx = for_all_examples(gx, x, RUNNING)
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


def for_all_examples(gx: Any, x: Variable, each: Container[int]) -> Any:
    """The sum of a gradient over the examples of each `vmap` at which `x` is not batched, but for the levels `each`."""
    own = dict(levels(x._data))
    for level, size in levels(gx._data if isinstance(gx, Variable) else gx):
        if level not in own and level not in each:
            gx = REGISTRY["total_batch"](gx, level=level, size=size)
    return gx


def keep_zeros(g: Any, gx: Any) -> Any:
    """Where no gradient comes in, none goes out, even through an infinite local derivative.

    This is what `where(x > 0, log(x), 0)` needs at x = 0: its gradient into the log is exactly 0.
    """
    if g.shape != gx.shape or np.isfinite(whole(gx._data if isinstance(gx, Variable) else gx)).all():
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
