"""The formula reading: what an op computes, and what its rules compute, written down.

A rule is pure, so it need not be parsed to be read. It is given named variables that are traced,
the engine records what it does with them, as it records any program, and the record is printed:
`g * (1 - y * y)` is the graph that the rule of tanh leaves behind. Whatever works on tensors (other
ops, methods, NumPy functions, a user's own op) therefore has a formula, with shapes, and a number
in every place.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ... import ops
from ...backward import history, parents
from ...batched import RUNNING, levels, whole
from ...engine import TRACED, Variable, constant
from ...op import Op
from ...recording import Recording
from .notation import latex, plain


@dataclass(frozen=True, eq=False)
class Formula:
    """An expression: a name, a number, or an op of formulas. Each part knows its value and shape.

    >>> import numpy as np
    >>> from tinygrad_edu import ops
    >>> rule = of_rule(ops.tanh, 0, [np.float64(0.5)], {})
    >>> str(rule), rule.size(), [str(part) for part in rule.parts()]
    ('g * (1 - y * y)', 3, ['g', '1', 'y', 'y * y', '1 - y * y', 'g * (1 - y * y)'])
    """

    text: str = ""  # what a name or a number is written as
    op: Op | None = None
    args: tuple[Formula, ...] = ()
    attributes: dict[str, Any] = field(default_factory=dict)
    value: Any = None

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(np.shape(self.value))

    @property
    def number(self) -> Any:
        """The constant that this is, or None."""
        return self.value if self.op is None and not self.text else None

    def __str__(self) -> str:
        return plain(self)

    def latex(self) -> str:
        """The formula for a typesetter."""
        return latex(self)

    def parts(self) -> Iterator[Formula]:
        """Every part of the expression once, operands before what uses them."""
        seen: set[int] = set()
        stack: list[tuple[Formula, bool]] = [(self, False)]
        while stack:
            part, ready = stack.pop()
            if ready:
                yield part
            elif id(part) not in seen:
                seen.add(id(part))
                stack.append((part, True))
                stack += [(a, False) for a in reversed(part.args)]

    def with_name(self, name: str, other: Formula) -> Formula:
        """The expression with another in place of a name."""
        made: dict[int, Formula] = {}
        for part in self.parts():
            args = tuple(made[id(a)] for a in part.args)
            made[id(part)] = (
                other if part.op is None and part.text == name
                else tidy(Formula(part.text, part.op, args, part.attributes, part.value))
            )  # fmt: skip
        return made[id(self)]

    def with_part(self, old: Formula, new: Formula) -> Formula:
        """The expression with another in place of a part."""
        made: dict[int, Formula] = {}
        for part in self.parts():
            args = tuple(made[id(a)] for a in part.args)
            made[id(part)] = new if part is old else Formula(part.text, part.op, args, part.attributes, part.value)
        return made[id(self)]

    def size(self) -> int:
        """The number of operations when every use of a part is written out."""
        sizes: dict[int, int] = {}
        for part in self.parts():
            sizes[id(part)] = (part.op is not None) + sum(sizes[id(a)] for a in part.args)
        return sizes[id(self)]


def input_names(op: Op, arity: int) -> list[str]:
    """What the rules of an op call its inputs."""
    rule = op.vjps[0] if not isinstance(op.vjps, tuple) else next(filter(None, op.vjps), None)
    if rule is None:
        return ["x"] if arity == 1 else list("abcdefgh"[:arity])
    names: list[str] = []
    for p in list(inspect.signature(rule).parameters.values())[2:]:
        if p.kind is p.VAR_POSITIONAL:
            stem, many = p.name.removesuffix("s"), arity - len(names)
            names += [stem] if many == 1 and names else [f"{stem}{k + 1}" for k in range(many)]
        elif p.kind is p.POSITIONAL_OR_KEYWORD or p.kind is p.POSITIONAL_ONLY:
            names.append(p.name)
    return names[:arity]


def rule_of(op: Op, i: int) -> Any:
    """The rule that takes a gradient to input `i`, or None."""
    return op.vjps[i] if not isinstance(op.vjps, tuple) or i < len(op.vjps) else None


def of_value(op: Op, names: Sequence[str], arrays: Sequence[Any], attributes: dict[str, Any]) -> Formula:
    """What `op` computes from inputs of these names; an empty name shows the number itself."""
    args = tuple(Formula(text=name, value=x) for name, x in zip(names, arrays, strict=True))
    return Formula(op=op, args=args, attributes=attributes)


def of_rule(
    op: Op,
    i: int,
    arrays: Sequence[Any],
    attributes: dict[str, Any],
    names: Sequence[str] | None = None,
    g: tuple[str, Any] | None = None,
    y: tuple[str, Any] | None = None,
) -> Formula | None:
    """The gradient to input `i` as its rule has it, or None if no gradient goes there.

    `g` and `y` are the name and value of the output's gradient and of the output. Broadcasting is
    not undone here: the shape of the result may be larger than the input's.

    >>> import numpy as np
    >>> from tinygrad_edu import ops
    >>> print(of_rule(ops.tanh, 0, [np.float64(0.5)], {}))
    g * (1 - y * y)
    >>> a, b = np.ones((2, 3)), np.ones((3, 4))
    >>> print(of_rule(ops.matmul, 0, [a, b], {}, names=["X", "W"], g=("dY", np.ones((2, 4)))))
    dY @ W.mT
    """
    return Rules(op, arrays, attributes, names, y).of(i, g)


class Rules:
    """The rules of one operation on these arrays: all are read with the same variables, which are made once."""

    def __init__(
        self,
        op: Op,
        arrays: Sequence[Any],
        attributes: dict[str, Any],
        names: Sequence[str] | None = None,
        y: tuple[str, Any] | None = None,
    ) -> None:
        self.op, self.arrays, self.attributes, self.y = op, arrays, attributes, y
        self.names = names or input_names(op, len(arrays))

    @cached_property
    def variables(self) -> tuple[Any, list[Any]]:
        """Those of the output and of the inputs."""
        name, out = self.y or ("y", self.op.forward(*self.arrays, **self.attributes))
        return symbol(name, out), [symbol(name, x) for name, x in zip(self.names, self.arrays, strict=True)]

    def of(self, i: int, g: tuple[str, Any] | None = None) -> Formula | None:
        """The gradient to input `i`, as `of_rule` gives it."""
        op, rule = self.op, rule_of(self.op, i)
        if rule is None:
            return None
        with np.errstate(all="ignore"), Recording():
            y, xs = self.variables
            seed = np.ones(np.shape(y._data), getattr(y._data, "dtype", float))[()] if g is None else g[1]
            result = rule(symbol(g[0] if g else "g", seed), y, *xs, **self.attributes)
            turned = op.mirror(y) if op.mirror is not None else None
        found = of_record(result) if isinstance(result, Variable) else Formula(value=result)
        return found if turned is None else _mirrored(found, op, self.names[0], of_record(turned))


def _mirrored(f: Formula, op: Op, name: str, turned: Formula) -> Formula:
    """The formula with `turned`, which is made of y, for op(-x): `y * (1 - y)` for `y * sigmoid(-x)`."""
    for part in f.parts():
        if part.op is op and (x := part.args[0]).op is ops.negative and x.args[0].text == name:
            return f.with_part(part, turned)
    return f


def summed(f: Formula, shape: tuple[int, ...]) -> Formula:
    """The sum over the axes along which `shape` was broadcast to that of the formula."""
    op, lead = ops.sum, len(f.shape) - len(shape)
    kept = tuple(lead + i for i, n in enumerate(shape) if n == 1 and f.shape[lead + i] != 1)
    if kept and lead and all(n == 1 for n in shape):  # all of it, in one number
        f = Formula("", op, (f,), {"axis": tuple(range(len(f.shape))), "keepdims": False}, np.sum(whole(f.value)))
        return Formula("", ops.reshape, (f,), {"shape": shape}, np.reshape(f.value, shape))
    for axis, keepdims in ((kept, True), (tuple(range(lead)), False)):
        if axis:
            value = op.forward(f.value, axis=axis, keepdims=keepdims)
            f = Formula("", op, (f,), {"axis": axis, "keepdims": keepdims}, value)
    return f


def over_examples(f: Formula, value: Any) -> Formula:
    """The sum over the examples of each `vmap` at which the formula is batched, and `value` is one for all."""
    own = dict(levels(value))
    for level, size in levels(f.value):
        if level not in own and level not in RUNNING:
            attributes = {"level": level, "size": size}
            f = Formula("", ops.total_batch, (f,), attributes, ops.total_batch.forward(f.value, **attributes))
    return f


def symbol(name: str, value: Any) -> Any:
    """A variable that a formula shows by its name; without a name, by its number."""
    x = constant(value if hasattr(value, "shape") else np.asarray(value)[()])
    x.name = name or None
    x.flags = TRACED
    return x


def of_record(result: Variable) -> Formula:
    """The formula of a recorded computation, back to named variables and constants."""
    made: dict[int, Formula] = {}
    for t in reversed(list(history(result))):
        if t.name or t.op is None:
            made[t.born] = Formula(text=t.name or "", value=t._data)
        else:
            args = tuple(made[x.born] for x in parents(t))
            made[t.born] = tidy(Formula("", t.op, args, t.attributes or {}, t._data))
    return made[result.born]


def _is(part: Formula, number: float | None) -> bool:
    known = number is not None and part.number is not None and np.ndim(part.number) == 0
    return known and bool(np.all(whole(part.number) == number))


def _known(f: Formula) -> Formula | None:
    """What stands for an expression of exact numbers: `3 - 1` is 2, and a condition on them is true or false."""
    if f.op is None or not f.op.kind.entrywise:
        return None
    numbers = [a.number for a in f.args]
    single = all(v is not None and not np.ndim(whole(v)) for v in numbers)
    exact = single and bool(f.value == np.round(f.value))
    never = f.op in (ops.logical_and, ops.bitwise_and) and any(v is not None and not np.any(v) for v in numbers)
    if exact or never:  # other numbers stay as they are written: 1 / 3
        return Formula(value=f.value)
    if f.op is ops.where and numbers[0] is not None:
        choice = f.args[1] if np.all(numbers[0]) else f.args[2] if not np.any(numbers[0]) else None
        return choice if choice is not None and choice.shape == f.shape else None
    return None


def tidy(f: Formula) -> Formula:
    """The same without operations that change nothing: times 1, plus 0, a reshape to the same shape."""
    f = _without_repeats(f)
    if (known := _known(f)) is not None:
        return known
    if not f.args:
        return f
    a, b = f.args[0], f.args[-1]
    if f.op is not None and f.op.neutral:
        left, right = f.op.neutral
        if _is(b, right) and a.shape == f.shape:
            return a
        if _is(a, left) and b.shape == f.shape:
            return b
    if f.op is ops.multiply and _is(a, -1) and b.shape == f.shape:
        return Formula("", ops.negative, (b,), {}, f.value)
    if f.op is ops.negative and a.op is f.op:
        return a.args[0]
    if f.op in (ops.alias, ops.clone, ops.positive) or (f.op is ops.power_n and f.attributes["n"] == 1):
        return a
    return _in_place(f, a)


def _without_repeats(f: Formula) -> Formula:
    """Entry by entry, arrays broadcast by themselves: `broadcast_to(g, (2, 3)) * x` is `g * x` for such an x."""
    if f.op is None or not f.op.kind.entrywise or f.value is None:
        return f
    for i, a in enumerate(f.args):
        if a.op not in (ops.broadcast_to, ops.reshape):
            continue
        x = a.args[0]
        wide = a.op is ops.broadcast_to or a.shape == (1,) * (len(a.shape) - len(x.shape)) + x.shape
        args = (*f.args[:i], x, *f.args[i + 1 :])
        if wide and np.broadcast_shapes(*(b.shape for b in args)) == f.shape:
            return _without_repeats(Formula(f.text, f.op, args, f.attributes, f.value))
    return f


def _in_place(f: Formula, a: Formula) -> Formula:
    """The same without operations on the layout of `a` that leave it as it was, or undo one another."""
    if f.op in (ops.reshape, ops.broadcast_to, ops.sum_to) and a.shape == f.shape:
        return a
    if f.op is ops.broadcast_to and a.op is ops.reshape:
        x = a.args[0]
        if a.shape == (1,) * (len(a.shape) - len(x.shape)) + x.shape:  # broadcasting adds those axes by itself
            return Formula("", f.op, (x,), f.attributes, f.value)
    if f.op is ops.cast and getattr(a.value, "dtype", None) == f.attributes["dtype"]:
        return a
    if f.op is ops.permute_dims:
        axes, unmoved = f.attributes["axes"], tuple(range(len(a.shape)))
        if axes == unmoved:
            return a
        if a.op is f.op and tuple(np.take(a.attributes["axes"], axes)) == unmoved:
            return a.args[0]
    return f
