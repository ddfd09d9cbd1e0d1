"""Guards against mistakes that run without an error and spoil the result. Each can be switched off.

    nn.guards.off("loss_shapes")            # from here on
    with nn.guards.off("labels"): ...       # in a block

| name | what it notices |
| --- | --- |
| loss_shapes | a loss of a prediction and a target of different shapes, as `(n, 1)` and `(n,)` (an error) |
| labels | class numbers out of range (an error) |
| softmax_twice | a loss that takes logits, given the output of softmax or sigmoid |
| spent_gradients | gradients added to those of an earlier step: `zero_grad()` was forgotten |
| parameters | parameters with a gradient that no optimizer has, and the reverse |
| eval_mode | a step after a forward pass with dropout or batch norm in eval mode |
| kept_graphs | losses of many steps kept alive with their graphs, as by `total += loss` |
"""

from __future__ import annotations

import sys
import warnings
import weakref
from typing import Any

import numpy as np

from . import ops
from .engine import NEEDS, Variable, births
from .errors import few
from .recording import recording
from .tensor import Tensor

ON = dict.fromkeys(
    ("loss_shapes", "labels", "softmax_twice", "spent_gradients", "parameters", "eval_mode", "kept_graphs"), True
)
MANY = 32  # so many losses of earlier steps alive are no accident


class SilentMistakeWarning(UserWarning):
    """Something that runs, and most likely is not what you want."""


class Switch:
    """Guards set to on or off; as a `with` block, only inside it."""

    def __init__(self, names: tuple[str, ...], value: bool) -> None:
        names = names or tuple(ON)
        unknown = [name for name in names if name not in ON]
        if unknown:
            raise ValueError(f"guards: names must be among {', '.join(ON)}; got {', '.join(unknown)}; correct them")
        self.before = {name: ON[name] for name in names}
        ON.update(dict.fromkeys(names, value))

    def __enter__(self) -> None:
        return None

    def __exit__(self, *exception: object) -> None:
        ON.update(self.before)


def off(*names: str) -> Switch:
    """Switch guards off: those named, or all."""
    return Switch(names, False)


def on(*names: str) -> Switch:
    """Switch guards on: those named, or all."""
    return Switch(names, True)


def warn(name: str, text: str) -> None:
    """Warn at the user's line, and say how to switch the guard off."""
    level, frame = 1, sys._getframe(0)
    package = __name__.partition(".")[0]
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] == package:
        level, frame = level + 1, frame.f_back
    warnings.warn(f'{text}, or nn.guards.off("{name}")', SilentMistakeWarning, stacklevel=level)


def _uncast(x: Any) -> Any:
    """What `x` was before it was cast, as half precision is to compute a loss."""
    while x.op is ops.cast:
        (x,) = x.inputs
    return x


def looks_like_softmax(x: Any) -> bool:
    """Whether `x` was made by softmax, or is exp(log_softmax(z)), exp(z - logsumexp(z)) or exp(z) / sum(exp(z))."""
    x = _uncast(x)
    if x.op is ops.softmax:
        return True
    if x.op is ops.exp:
        (z,) = x.inputs
        return z.op is ops.log_softmax or (z.op is ops.subtract and z.inputs[1].op is ops.logsumexp)
    if x.op is ops.divide:
        top, bottom = x.inputs
        return top.op is ops.exp and bottom.op is ops.sum and bottom.inputs[0] is top
    return False


def check_logits(who: str, x: Any, op: Any = None) -> None:
    """`x` must not have been made by softmax (or by `op`) already."""
    if ON["softmax_twice"] and (looks_like_softmax(x) if op is None else _uncast(x).op is op):
        made = "softmax" if op is None else str(op)
        warn("softmax_twice", f"{who}: takes logits; got the output of {made}; leave out the {made}")


class Spent(Tensor):
    """A gradient that an optimizer has used. What backward() adds to it is `Mixed`."""

    __slots__ = ()

    def __add__(self, other: Any) -> Tensor:
        total = super().__add__(other)
        if sys._getframe(1).f_code is Tensor.backward.__code__ and np.any(self._data):  # not set to 0 by hand
            total.__class__ = Mixed
        return total


class Mixed(Tensor):
    """A used gradient and a new one, added up. To make a step with it is most likely a mistake; it is none
    to clear it first, as when a part of a loss passes through another optimizer's parameters."""

    __slots__ = ()


def check_gradients(params: list[Any]) -> None:
    """No gradient of a step may still hold those of an earlier one."""
    mixed = [p for p in params if p._grad.__class__ is Mixed]
    if mixed and ON["spent_gradients"]:
        warn(
            "spent_gradients",
            "step: gradients of an earlier step must be cleared; got new ones added to those that an earlier "
            f"optimizer.step() used, of shape {mixed[0].shape}; call optimizer.zero_grad() in every step",
        )


LOSSES: list[weakref.ref[Any]] = []
STEPS = [0, 0]  # the births of the last two steps
# modules that ran in eval mode inside a recorded computation: name, a parameter before it, and when
EVALUATED: dict[int, tuple[str, Any, int]] = {}
OPTIMIZERS: weakref.WeakSet[Any] = weakref.WeakSet()


def note_loss(loss: Any) -> Any:
    """Remember a loss for `kept_graphs`."""
    if loss.flags:
        LOSSES.append(weakref.ref(loss))
    return loss


def note_mode(module: Any, x: Any) -> None:
    """Remember that a module which differs in eval mode has run."""
    if module.training:
        EVALUATED.pop(id(module), None)
    elif isinstance(x, Variable) and x.flags & NEEDS and recording.get():
        EVALUATED[id(module)] = type(module).__name__, _leaf(x), births()


def _leaf(x: Any) -> Any:
    """A leaf that `x` was computed from, and that needs a gradient."""
    while x.op is not None:
        x = min((v for v in x.inputs if v.flags & NEEDS), key=lambda v: v.op is not None)
    return x


def after_step(optimizer: Any) -> None:
    """What an optimizer's step can notice about the training loop around it."""
    if EVALUATED:
        own = {id(p) for group in optimizer.param_groups for p in group["params"] if p.name}  # a module's, no input
        late = {name for name, p, n in EVALUATED.values() if id(p) in own and p.grad is not None and p.grad.born > n}
        EVALUATED.clear()
        if late and ON["eval_mode"]:
            names = ", ".join(sorted(late))
            warn(
                "eval_mode",
                f"optimizer.step: training needs training mode; got {names} in eval mode; call model.train()",
            )
    if len(LOSSES) > MANY:
        LOSSES[:] = [r for r in LOSSES if r() is not None]
        old = [r for r in LOSSES if (loss := r()) is not None and loss.born < STEPS[-2]]
        if len(old) >= MANY and ON["kept_graphs"]:
            LOSSES.clear()
            warn(
                "kept_graphs",
                f"optimizer.step: losses of earlier steps must not be kept with their graphs; got {len(old)} alive, as "
                "by total += loss; add loss.item() or loss.detach()",
            )
    STEPS[:] = STEPS[-1], births()


def first_step(optimizer: Any, parameters: Any) -> None:
    """At an optimizer's first step: has it what the model uses, and does the model use what it has?"""
    if not ON["parameters"]:
        return
    own = [p for group in optimizer.param_groups for p in group["params"]]
    idle = [_called(p) for p in own if p.grad is None and p.flags & NEEDS]
    if idle and len(idle) < len(own):
        warn(
            "parameters",
            f"optimizer.step: parameters must be used by the loss; got no gradient for {few(idle)}; check that "
            "forward() uses them",
        )
    held = {id(p) for other in OPTIMIZERS for group in other.param_groups for p in group["params"]}
    near = _made_together(
        [p.grad.born for p in own if p.grad is not None], [p.grad.born for p in parameters if p.grad is not None]
    )
    inputs_only = not any(p.name for p in own)  # an input is optimised, and not the model that it goes through
    lost = [
        _called(p) for p in parameters
        if p.grad is not None and p.grad.born in near and id(p) not in held and not (inputs_only and p.name)
    ]  # fmt: skip
    if lost:
        warn(
            "parameters",
            f"optimizer.step: every parameter with a gradient must be in an optimizer; got none for {few(lost)}; "
            "pass model.parameters(), or freeze them by requires_grad_(False)",
        )


def _made_together(own: list[int], births: list[int]) -> set[int]:
    """Those births that stand in a row with `own`: one backward() makes its gradients one after another."""
    found: set[int] = set()
    row: set[int] = set()
    for n in sorted({*own, *births}):
        row = row if n - max(row, default=n) <= 2 else set()
        row.add(n)
        if not row.isdisjoint(own):
            found |= row
    return found


def _called(p: Any) -> str:
    return f"{p.name or 'one'} of shape {p.shape}"
