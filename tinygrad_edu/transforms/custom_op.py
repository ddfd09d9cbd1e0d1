"""custom_op: an operation of the user's own, declared like a built-in one."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np

from .. import engine
from ..annotations import Array, ArrayLike, Function
from ..arrays import gives_array
from ..batched import BatchedArray, batched_or_each, read_only
from ..engine import Variable
from ..errors import DTypeError, GraphError
from ..functions.calls import Decorated
from ..functions.settings import settings
from ..op import REGISTRY, Each, Op, Together
from . import tree

Rules = Function | Sequence[Function | None] | Each | Together  # one for the only input, or one for each


def _named(declare: Decorated) -> Decorated:
    """Decorator: answers `@custom_op` and `custom_op(f)`, where the name and the rules are missing."""

    @functools.wraps(declare)
    def wrapped(*args: object, **kwargs: object) -> Any:
        if args and callable(args[0]):
            given = getattr(args[0], "__name__", "f")
            f, forward = ("f", "lambda x: ...") if given == "<lambda>" else (given, given)
            raise DTypeError(
                f"custom_op: name must be a text, and each input needs a rule; got the function {given} alone; write "
                f"{f} = tg.custom_op('{f}', {forward}, lambda g, y, x: g * ...)"
            )
        return declare(*args, **kwargs)

    return cast(Decorated, wrapped)


@_named
@settings
def custom_op(name: str, forward: Function, vjps: Rules = (), **declaration: Any) -> Op:
    """Declare an operation of your own: it gets all that the built-in ones have.

    `forward(*arrays, **attributes)` computes it; `vjps[i](g, y, *arrays, **attributes)` is the rule
    for input `i`, written with operators and ops so that it can be read on arrays and on tensors.
    Say `kind="elementwise"` if inputs broadcast. `latex=` says how it is typeset, `flops=` what it costs, `advice=`
    what to do where it made inf or nan; see `op.Op` for the rest of the declaration.
    Errors: a ValueError for the name of a built-in operation.

    >>> import numpy as np, tinygrad_edu as tg
    >>> cube = tg.custom_op("cube", lambda x: x**3, lambda g, y, x: g * (3 * x**2))
    >>> tg.hessian(cube)(2.0).item()
    12.0
    """
    known = REGISTRY.get(name)
    if known is not None and not known.custom:
        raise ValueError(f"custom_op: the name must be new; got {name!r}, a built-in op; choose another")
    rules: Any = (vjps,) if callable(vjps) else vjps
    if isinstance(rules, tuple | list):
        rules = _Rules(name, [rule and _checked_rule(name, rule) for rule in rules]) if any(rules) else ()
    op = Own(name, _checked_forward(name, forward), rules, **{"kind": "custom"} | declaration)
    op.custom = True
    return op


class Own(Op):
    """An op of the user's: arrays among its attributes are copied, as their owner may write into them."""

    def __call__(self, *xs: Any, **attributes: Any) -> Any:
        return Op.__call__(self, *xs, **{name: tree.map(_copied, value) for name, value in attributes.items()})


def _copied(x: ArrayLike) -> Any:
    """A copy of an array, or of an object that gives one, in its own class; what is neither, as it is."""
    if isinstance(x, Variable | np.generic) or not (isinstance(x, np.ndarray) or gives_array(x)):
        return x
    return np.array(x) if isinstance(x, memoryview) else copy.deepcopy(x)


class _Rules(tuple[Any, ...]):
    """The rules of an op; asking for one that was not declared says so."""

    name: str

    def __new__(cls, name: str, rules: Any) -> _Rules:
        self = super().__new__(cls, rules)
        self.name = name
        return self

    def __getitem__(self, i: Any) -> Any:
        if isinstance(i, int) and i >= len(self):
            raise GraphError(
                f"{self.name}: needs a rule for each input; got {len(self)} rules and an input {i}; add one to vjps, "
                "or None for no gradient"
            )
        return super().__getitem__(i)


def _checked_forward(name: str, forward: Function) -> Callable[..., Any]:
    @functools.wraps(forward)
    def compute(*arrays: object, **attributes: object) -> Any:
        y = batched_or_each(forward, tuple(map(read_only, arrays)), attributes)
        if not hasattr(y, "dtype"):
            raise DTypeError(f"{name}: forward must return one array; got {type(y).__name__}; use np.asarray")
        return y

    return compute


def _checked_rule(name: str, rule: Function) -> Callable[..., Any]:
    """A rule that, given arrays, returns an array of its own, even if it called functions of tensors."""

    def on_arrays(g: Array, y: Array, *xs: object, **attributes: object) -> Any:
        given = (g, y, *xs)
        if any(isinstance(x, BatchedArray) for x in given):
            given = tuple(map(engine.constant, given))  # functions of tensors do not take batches
        gx = rule(*given, **attributes)
        gx = gx._data if isinstance(gx, Variable) else gx
        return gx if gx is None or hasattr(gx, "dtype") else g * 0 + gx

    @functools.wraps(rule)
    def read(g: Array, y: Array, *xs: object, **attributes: object) -> Any:
        if isinstance(g, Variable):
            gx = rule(g, y, *xs, **attributes)
        else:
            gx = batched_or_each(on_arrays, tuple(map(read_only, (g, y, *xs))), attributes)
        if gx is None:
            raise GraphError(f"{name}: a rule must return a gradient; got None; put None in vjps for no gradient")
        if isinstance(gx, np.ndarray) and not gx.flags.writeable:
            gx = gx.copy()  # never an input's own memory
        return gx if hasattr(gx, "dtype") else g * 0 + gx

    return read
