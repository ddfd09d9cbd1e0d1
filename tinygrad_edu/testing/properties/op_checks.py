"""What must hold for every op, at one call of it: see `strategies.calls` for drawing the calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ... import ops
from ...backward import gradients
from ...domain import REAL
from ...engine import NEEDS, Variable, constant
from ...functions.settings import refused, several
from ...op import REGISTRY, Op
from ...recording import Recording
from ...transforms.derivatives import grad, vmap
from ..examination import Examination
from ..report import GradientError, Report
from ..subjects.subjects import TensorSubject


class OpSubject(TensorSubject):
    """An op, as a function of those inputs that have a gradient."""

    def __init__(
        self, op: Op, arrays: Sequence[Any], attributes: dict[str, Any], flow: Sequence[int] | None = None
    ) -> None:
        self.op, self.given, self.attributes = op, list(arrays), attributes
        self.flow = [i for i in range(len(arrays)) if op.vjps[i] is not None] if flow is None else list(flow)
        self.near = op.forward(*arrays, **attributes) if op.align else None
        super().__init__(self.apply, [np.asarray(arrays[i]) for i in self.flow])
        self.complex = op.analytic and not np.iscomplexobj(op.forward(*arrays, **attributes))

    def filled(self, xs: Sequence[Any]) -> list[Any]:
        """All inputs of the op, with `xs` in the places through which a gradient flows."""
        inputs = [x if isinstance(x, Variable) else constant(x) for x in self.given]
        for i, x in zip(self.flow, xs, strict=True):
            inputs[i] = x
        return inputs

    def apply(self, *xs: Any) -> Any:
        inputs = self.filled(xs)
        y = self.op(*inputs, **self.attributes)
        if y._data.dtype.kind == "c":
            return ops.stack(ops.real(y), ops.imag(y), axis=0)
        if self.op.align is None:
            return y
        nearest = self.op.align(y._data, self.near, *[x._data for x in inputs])
        return y * np.where(nearest == y._data, 1.0, -1.0)  # of equally right signs, those at the point itself

    def rules(self, g: Any, *xs: Any) -> tuple[Any, ...]:
        """The gradients of <g, op>, as tensors that can be differentiated again."""
        with Recording():
            inner = [x if isinstance(x, Variable) and x.flags & NEEDS else _needing(x) for x in xs]
            y = self.apply(*inner)
            return tuple(gradients([(y, g)], inner, create_graph=True))


def _needing(x: Any) -> Any:
    t = constant(x._data if isinstance(x, Variable) else x)
    t.flags = NEEDS
    return t


class Undecided(Exception):  # noqa: N818
    """At this point the op cannot be judged: it jumps, bends or is lost in noise. Try another one."""


def _refuse(report: Report) -> None:
    if report.verdict == "WRONG":
        raise GradientError(report)
    if report.verdict not in ("RIGHT", "VACUOUS"):
        raise Undecided(str(report))


def order_one(op: Op, arrays: Sequence[Any], attributes: dict[str, Any]) -> None:
    """Both modes agree with the forward computation; gradients have shape and dtype of the inputs."""
    for a in arrays:
        a.flags.writeable = False
    subject = OpSubject(op, arrays, attributes)
    _refuse(Examination(subject, modes=("reverse", "forward")).report())
    wrt, outputs = subject.run(subject.x, native=True)
    with np.errstate(all="ignore"):
        for x, g in zip(wrt, gradients([(y, np.ones_like(y._data)[()]) for y in outputs], wrt), strict=True):
            if g.shape != x._data.shape or g.dtype != x._data.dtype:
                raise AssertionError(
                    f"{op}: a gradient must have its input's shape and dtype, {x._data.shape} {x._data.dtype}; got "
                    f"{g.shape} {g.dtype}; correct the rule"
                )


def order_two(op: Op, arrays: Sequence[Any], attributes: dict[str, Any]) -> None:
    """The rule itself, as a function of the gradient and the inputs, has the derivatives it should."""
    first = OpSubject(op, arrays, attributes)
    y = op.forward(*arrays, **attributes)
    shape = (2,) * np.iscomplexobj(y) + np.shape(y)
    n = int(np.prod(shape, dtype=int))  # different numbers of both signs, so that no difference of two is only rounding
    g = (np.random.default_rng(0).permutation(n).reshape(shape) - n / 3 + 0.1) / 4
    second = TensorSubject(first.rules, [g, *[np.asarray(arrays[i]) for i in first.flow]])
    second.complex = first.complex
    _refuse(Examination(second).report())


def readings(op: Op, arrays: Sequence[Any], attributes: dict[str, Any]) -> None:
    """The rule gives the same numbers, read on arrays and on tensors."""
    y = op.forward(*arrays, **attributes)
    g = np.asarray(np.random.default_rng(1).standard_normal(np.shape(y)))
    flow = [i for i in range(len(arrays)) if op.vjps[i] is not None]
    with Recording(), np.errstate(all="ignore"):
        xs = [constant(a) for a in arrays]
        for i in flow:
            xs[i].flags = NEEDS
        out = op(*xs, **attributes)
        for i in flow:
            on_arrays = op.vjps[i](g, y, *arrays, **attributes)
            on_tensors = op.vjps[i](constant(g), out, *xs, **attributes)
            np.testing.assert_array_equal(on_arrays, on_tensors._data)


def layouts(op: Op, arrays: Sequence[Any], attributes: dict[str, Any]) -> None:
    """How the numbers lie in memory makes no difference."""
    g = np.random.default_rng(1).standard_normal(np.shape(op.forward(*arrays, **attributes)))
    flow = [i for i in range(len(arrays)) if op.vjps[i] is not None]

    def results(turned: Callable[[Any], Any]) -> list[Any]:
        xs = [turned(a) for a in arrays]
        y = op.forward(*xs, **attributes)
        return [y, *[op.vjps[i](turned(g), y, *xs, **attributes) for i in flow]]

    with np.errstate(all="ignore"):
        usual = results(np.copy)
        for turned in (lambda a: np.copy(a, order="F"), lambda a: np.flip(np.flip(a).copy())):
            for a, b in zip(results(turned), usual, strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-10 * np.max(np.abs(b), initial=1))


def batch(op: Op, arrays: Sequence[Any], attributes: dict[str, Any]) -> None:
    """A batch of examples gives what they give one after another."""
    pairs = [np.stack([a, np.flip(a)]) for a in arrays]
    pairs = [np.sort(p) if d.sorted else p for p, d in zip(pairs, op.domain or (REAL,) * len(pairs), strict=True)]
    batched = vmap(lambda *xs: op(*xs, **attributes))(*map(constant, pairs))
    single = [op.forward(*[p[i] for p in pairs], **attributes) for i in range(2)]
    np.testing.assert_allclose(batched._data, np.stack(single), rtol=1e-12, atol=1e-12)


def batch_gradients(op: Op, arrays: Sequence[Any], attributes: dict[str, Any]) -> None:
    """The gradients of a batch are those of its examples."""
    flow = tuple(i for i in range(len(arrays)) if op.vjps[i] is not None)

    def f(*xs: Any) -> Any:
        y = op(*xs, **attributes)
        total = (y * y).sum()
        return ops.real(total) if total.dtype.kind == "c" else total

    batched = vmap(grad(f, flow))(*[constant(np.stack([a, a])) for a in arrays])
    for b, s in zip(batched, grad(f, flow)(*map(constant, arrays)), strict=True):
        np.testing.assert_allclose(b._data, np.stack([s._data, s._data]), rtol=1e-10, atol=1e-10)


Property = Callable[[Op, Sequence[Any], dict[str, Any]], None]
PROPERTIES: dict[str, Property] = {
    "order_one": order_one, "order_two": order_two, "readings": readings,
    "layouts": layouts, "batch": batch, "batch_gradients": batch_gradients,
}  # fmt: skip


def check_op(op: Op, arrays: Sequence[Any], attributes: dict[str, Any]) -> None:
    """All that must hold for a differentiable op, at one call; raises an AssertionError.

    Errors: a TypeError for what is no op, or does not take these arguments.

    >>> import numpy as np
    >>> from tinygrad_edu import ops, testing
    >>> testing.check_op(ops.tanh, [np.array([0.5, -1.0])], {})
    """
    if not isinstance(op, Op):
        raise TypeError(f"check_op: op must be an op; got {op!r}; take one of tinygrad_edu.ops")
    given = several("check_op", "arrays", arrays)
    if not given or not all(isinstance(a, np.ndarray) and a.dtype.kind in "biufc" for a in given):
        raise refused("check_op", "arrays", "several arrays of numbers", arrays, "[np.array([0.5])]")
    if not isinstance(attributes, dict):
        raise refused("check_op", "attributes", "a dict", attributes, "{}")
    try:
        op.forward(*given, **attributes)
    except TypeError as error:
        raise TypeError(
            f"check_op: arrays and attributes must be what {op} takes; got {len(given)} and {list(attributes)} "
            f"({error}); see its declaration"
        ) from None
    arrays = given
    for must_hold in PROPERTIES.values():
        must_hold(op, arrays, attributes)


def built_in_ops() -> list[Op]:
    """The ops of the registry that are not a user's own, and can be called by themselves.

    >>> from tinygrad_edu import ops, testing
    >>> ops.tanh in testing.built_in_ops()
    True
    """
    return [op for op in REGISTRY.values() if not op.custom and not op.kind.rule]
