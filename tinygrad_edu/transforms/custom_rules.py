"""custom_vjp, custom_jvp: a derivative of your own for a function of tensors, or of trees of tensors.

An op of your own (`custom_op`) is one formula with one result. These take any function: several results, dicts,
residuals that are computed once and kept for the way back.
"""

from __future__ import annotations

import functools
import inspect
import weakref
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any

import numpy as np

from ..annotations import Function
from ..arrays import gives_array, is_weak, to_array
from ..backward import gradients, history
from ..batched import BatchedArray
from ..engine import NEEDS, Variable, constant, entered, zeros_like
from ..errors import GraphError, ShapeError, few
from ..functions.arguments import lift
from ..functions.settings import function, integer, settings, several
from ..holders import USED, fingerprint
from ..recording import Recording, no_grad, recording
from . import tree
from .joint import Joint, joint_op, noted, packed, passes, replaced, unpacked

_custom_rule = joint_op("custom_rule", "rule", "A function with a derivative that was given to it.")


# calls on which the tangents of the rule that is being transposed do not depend
beside: ContextVar[frozenset[int]] = ContextVar("beside", default=frozenset())


def _beside(outputs: Sequence[Any], moves: Sequence[Any]) -> frozenset[int]:
    """The calls of functions with rules, by their ids, that led to `outputs` and depend on none of `moves`."""
    first, steps = min((t.born for t in moves), default=0), []
    for t in history(*outputs, constants=False):
        if t.born < first:
            break
        steps.append(t)
    moved = {t.born for t in moves}
    for t in reversed(steps):
        if any(x.born in moved for x in t.inputs):
            moved.add(t.born)
    return frozenset(id((t.attributes or {})["segment"]) for t in steps if t.op is _custom_rule and t.born not in moved)


def _itself(x: object) -> Any:
    return x


class UsedOutside:
    """What a function used, or kept for the way back, of what others may write into, in a `with` block: by then it must
    be as it was. Arrays are known by their fingerprints, tensors by their births."""

    def __init__(self) -> None:
        self.used: list[tuple[Callable[[], Any], int]] = []  # how to come by each, and what it was

    def __enter__(self) -> UsedOutside:
        self.before = entered.set(self)
        return self

    def __exit__(self, *exception: object) -> None:
        entered.reset(self.before)
        del self.before
        if (around := entered.get()) is not None:
            around.used += self.used

    def note(self, x: Any, array: object) -> None:
        """Have seen `x`, which gave this array."""
        if not (is_weak(x) or isinstance(array, BatchedArray | np.generic)):
            alone = type(x) is np.ndarray and x.base is None  # into which nobody can write once it is let go
            self.used.append((weakref.ref(x) if alone else functools.partial(_itself, x), fingerprint(array)))

    def keep(self, leaves: Sequence[Any]) -> None:
        """Note those of `leaves` that are arrays, or give one, and tensors."""
        for x in leaves:
            if isinstance(x, Variable):
                x.notice()
                x.store = USED if x.store is None else x.store
                self.used.append((functools.partial(_itself, x), x.born))
            elif isinstance(x, np.ndarray) or gives_array(x):
                self.note(x, np.asarray(x))

    def must_be_as_it_was(self, who: str) -> None:
        for given, seen in self.used:
            if (x := given()) is None:
                continue
            if isinstance(x, Variable):
                x.notice()
                now = x.born
            else:
                now = fingerprint(to_array(x, who=who) if not isinstance(x, np.ndarray) else x)
            if now != seen:
                raise GraphError(
                    f"{who}: what the function used, or keeps for its rule, must be as it was; got a changed "
                    f"{type(x).__name__} of shape {np.shape(x)}; pass tensors as arguments, or keep a copy"
                )


class RuleCall(Joint):
    """One call of a function that has a rule: its arguments as trees, and what it returned."""

    def __init__(self, owner: Any, args: tuple[Any, ...]) -> None:
        self.owner, self.outside = owner, UsedOutside()
        self.leaves, self.form = tree.flatten(args, lambda x: x is not args and tree.is_array(x))
        self.leaves = [lift(x, owner.who) if isinstance(x, float) or tree.is_array(x) or hasattr(x, "dtype") else x
                       for x in self.leaves]  # fmt: skip
        self.inputs = list(filter(passes, self.leaves))
        self.returned: list[Any] = []  # the leaves of what the function returned
        self.shape = tree.Structure()
        self.residuals: Any = None

    def __repr__(self) -> str:
        return getattr(self.owner, "__name__", "function")

    def around(self, xs: Sequence[Any]) -> tuple[Any, ...]:
        """The arguments, with these tensors of floats."""
        return replaced(self.form, self.leaves, xs)

    def result(self) -> Any:
        """What the function returns, as a step of the graph."""
        with self.outside:
            if not any(x.flags & NEEDS for x in self.inputs):  # the rule may be written in the function itself
                return self.owner.f(*self.around(self.inputs))
            returned = self.owner.run(self, self.around([x.detach() for x in self.inputs]))
            self.outside.keep([x for x in self.leaves if not isinstance(x, Variable)])
            self.outside.keep(tree.leaves(self.residuals))
        self.returned, self.shape = tree.flatten(returned)
        outputs = list(filter(passes, self.returned))
        if any(y.flags & NEEDS for y in outputs):
            raise GraphError(
                f"{self.owner.who}: a tensor that needs a gradient must be an argument; got one that the function "
                "takes from outside; pass it, or detach() it"
            )
        if not (outputs and (by := recording.get())):
            return returned
        super().__init__(self.inputs)
        y = noted(packed(outputs), _custom_rule, self.inputs, self, by)
        return replaced(self.shape, self.returned, unpacked(y, outputs))

    def value(self, *xs: Any) -> Any:
        with no_grad():
            returned = self.owner.run(self, self.around(list(map(constant, xs))))
            return packed(list(filter(passes, tree.leaves(returned))))._data

    def gradients(self, g: Any, y: object, xs: Sequence[Any]) -> list[Any]:
        graph = isinstance(g, Variable)
        if id(self) in beside.get():
            return [zeros_like(x) if graph else zeros_like(x)._data for x in xs]
        self.outside.must_be_as_it_was(self.owner.who)
        with Recording() if graph else no_grad():
            tensors, g = (list(xs), g) if graph else (list(map(constant, xs)), constant(g))
            found = self.owner.pulled(self, unpacked(g, list(filter(passes, self.returned))), tensors, graph)
            full = [x if t is None else _fitting(self.owner.who, t, x) for t, x in zip(found, tensors, strict=True)]
        full = [zeros_like(x) if t is None else t for t, x in zip(found, full, strict=True)]
        return full if graph else [t._data for t in full]


def _fitting(who: str, t: Any, x: Any) -> Any:
    t = lift(t, who)
    if t.shape != x.shape:
        raise ShapeError(
            f"{who}: a rule must give a gradient of its argument's shape {x.shape}; got {t.shape}; correct the rule"
        )
    return t.astype(x.dtype)


class _Ruled:
    """A function with a rule."""

    who = ""

    @settings
    def __init__(self, f: Function, nondiff_argnums: Sequence[int] = ()) -> None:
        function(self.who, "f", f)
        functools.update_wrapper(self, f)
        self.f: Callable[..., Any] = f
        self.settings = tuple(
            integer(self.who, "nondiff_argnums", k, 0) for k in several(self.who, "nondiff_argnums", nondiff_argnums)
        )
        self.rules: tuple[Callable[..., Any], ...] = ()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not self.rules:
            raise GraphError(f"{self.who}: needs a rule; got none; call {self.rule_is_set_by}")
        if kwargs:
            bound = inspect.signature(self.f).bind(*args, **kwargs)
            if bound.kwargs:
                raise TypeError(
                    f"{self.who}: arguments of {self.f.__name__} must have a place; got {few(list(bound.kwargs))} by "
                    "keyword alone; let the function take them by place"
                )
            args = bound.args
        if not self.settings:
            return RuleCall(self, args).result()
        places = [i for i in range(len(args)) if i not in self.settings]
        return RuleCall(self._given(args), tuple(args[i] for i in places)).result()

    def _given(self, args: Sequence[Any]) -> Any:
        """The same function of the other arguments alone, with its settings as they are here."""
        fixed = {i: args[i] for i in self.settings if i < len(args)}

        def merged(rest: Sequence[Any]) -> list[Any]:
            others = iter(rest)
            return [fixed[i] if i in fixed else next(others) for i in range(len(args))]

        part = type(self)(functools.wraps(self.f)(lambda *rest: self.f(*merged(rest))))
        part.rules = self._with_settings(merged, list(fixed.values()))
        return part

    def _with_settings(self, merged: Callable[..., Any], fixed: list[Any]) -> tuple[Callable[..., Any], ...]:
        """The rules, with the settings where they take them."""
        raise NotImplementedError

    rule_is_set_by = ""


class custom_vjp(_Ruled):  # noqa: N801  (JAX's name, and used as a decorator)
    """A function with a rule for the way back, that you give by `defvjp(forward, backward)`.

    `forward(*args)` returns `(f(*args), residuals)`; `backward(residuals, g)` a tuple with a gradient for each
    argument, None for none. Arguments, results and gradients may be trees (see `tg.tree`). The rule is written in
    functions of tensors, so that it can be differentiated again. An array that the function takes from outside, or
    keeps among the residuals, must not change before the way back (checked). Arguments named by `nondiff_argnums` are
    settings: `backward` takes them first, and gives no gradient for them. Source: `jax.custom_vjp`.
    Errors: a GraphError, in a call, where `forward` returns no pair, or `backward` no gradient for each argument.

    >>> import tinygrad_edu as tg
    >>> @tg.custom_vjp
    ... def clipped(x, bound):
    ...     return x
    >>> clipped.defvjp(lambda x, bound: (x, bound), lambda bound, g: (tg.clip(g, -bound, bound), None))
    >>> tg.grad(lambda x: 10 * clipped(x, 1.0))(3.0).item()
    1.0
    """

    who = "custom_vjp"
    rule_is_set_by = "f.defvjp(forward, backward)"

    def defvjp(self, forward: Function, backward: Function) -> None:
        """Set the rule."""
        self.rules = function("defvjp", "forward", forward), function("defvjp", "backward", backward)

    def _with_settings(self, merged: Callable[..., Any], fixed: list[Any]) -> tuple[Callable[..., Any], ...]:
        forward, backward = self.rules
        return lambda *rest: forward(*merged(rest)), functools.partial(backward, *fixed)

    def run(self, call: Any, args: Any) -> Any:
        """The function's result; what the way back needs is kept by the call."""
        found = self.rules[0](*args)
        if not (isinstance(found, tuple) and len(found) == 2):
            raise GraphError(
                f"custom_vjp: forward must return (result, residuals); got {type(found).__name__}; return a pair"
            )
        call.residuals = found[1]
        return found[0]

    def pulled(self, call: Any, cotangents: list[Any], tensors: list[Any], graph: bool) -> list[Any]:
        """The gradients of a call's tensors of floats; None for those without."""
        residuals = self.rules[0](*call.around(tensors))[1] if graph else call.residuals
        found = self.rules[1](residuals, replaced(call.shape, call.returned, cotangents))
        if not isinstance(found, tuple) or len(found) != len(call.form.children):
            got = f"a tuple of {len(found)}" if isinstance(found, tuple) else type(found).__name__
            raise GraphError(
                f"custom_vjp: backward must return a tuple of a gradient for each of {len(call.form.children)} "
                f"arguments; got {got}; put None for none"
            )
        leaves: list[Any] = []
        for structure, part in zip(call.form.children, found, strict=True):
            leaves += [None] * structure.num_leaves if part is None else tree.leaves_like("custom_vjp", structure, part)
        return [t for t, x in zip(leaves, call.leaves, strict=True) if passes(x)]


class custom_jvp(_Ruled):  # noqa: N801  (JAX's name, and used as a decorator)
    """A function with a rule for forward mode, that you give by `defjvp(rule)`.

    `rule(primals, tangents)` returns `(f(*primals), tangent)`, where the tangent is linear in `tangents`; the way back
    is the transpose of that. Arguments named by `nondiff_argnums` are settings, which `rule` takes first. Source:
    `jax.custom_jvp`.

    >>> import tinygrad_edu as tg
    >>> log1pexp = tg.custom_jvp(lambda x: tg.log(1 + tg.exp(x)))
    >>> log1pexp.defjvp(lambda x, dx: (log1pexp(x[0]), (1 - 1 / (1 + tg.exp(x[0]))) * dx[0]))
    >>> tg.grad(log1pexp)(0.0).item()
    0.5
    """

    who = "custom_jvp"
    rule_is_set_by = "f.defjvp(rule)"

    def defjvp(self, rule: Function) -> None:
        """Set the rule."""
        self.rules = (function("defjvp", "rule", rule),)

    def defjvps(self, *rules: Function | None) -> None:
        """Set the rule as one for each argument, `rule(tangent, result, *primals)`, None for a tangent of 0."""
        given = [None if rule is None else function("defjvps", "rules", rule) for rule in rules]

        def rule(primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
            y = self(*primals)
            pairs = zip(given, tangents, strict=True)
            parts = [part(t, y, *primals) for part, t in pairs if part is not None]
            return y, functools.reduce(lambda a, b: tree.map(lambda s, t: s + t, a, b), parts)

        self.rules = (rule,)

    def _with_settings(self, merged: Callable[..., Any], fixed: list[Any]) -> tuple[Callable[..., Any], ...]:
        return (functools.partial(self.rules[0], *fixed),)

    def run(self, call: Any, args: Any) -> Any:
        """The function's result."""
        return self.f(*args)

    def pulled(self, call: RuleCall, cotangents: list[Any], tensors: list[Any], graph: bool) -> list[Any]:
        """The gradients of a call's tensors of floats: the rule, transposed."""
        with Recording():
            moves = [zeros_like(x) for x in tensors]
            for t in moves:
                t.flags = NEEDS
            _, moved = self.rules[0](call.around(tensors), call.around(moves))
        outputs = [t for t in tree.leaves_like("custom_jvp", call.shape, moved) if passes(t)]
        pairs = zip(outputs, cotangents, strict=True)
        token = beside.set(beside.get() | _beside(outputs, moves))
        try:
            found = gradients([(y, g if graph else g._data) for y, g in pairs], moves, create_graph=graph)
        finally:
            beside.reset(token)
        return found if graph else list(map(constant, found))
