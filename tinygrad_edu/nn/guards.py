"""Guards against mistakes that run without an error and spoil the result. Each can be switched off.

    nn.guards.off("loss_shapes")            # from here on
    with nn.guards.off("labels"): ...       # in a block, of this thread or task only
    @nn.guards.off("labels")                # in a function

| name | what it notices |
| --- | --- |
| loss_shapes | a loss of a prediction and a target of different shapes, as `(n, 1)` and `(n,)` (an error) |
| labels | class numbers out of range (an error) |
| softmax_twice | a loss that takes logits, given the output of softmax or sigmoid |
| spent_gradients | gradients added to those of an earlier step: `zero_grad()` was forgotten |
| parameters | parameters with a gradient that no optimizer has, and the reverse; learned tensors that are none |
| eval_mode | a step after a forward pass with dropout or batch norm in eval mode |
| kept_graphs | losses of many steps kept alive with their graphs, as by `total += loss` |
"""

from __future__ import annotations

import sys
import threading
import warnings
import weakref
from collections.abc import Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from .. import ops
from ..annotations import ArrayLike
from ..blocks import STATES, Block
from ..engine import MIXED, NEEDS, Variable, births
from ..errors import few
from ..holders import USED
from ..interop.names import guide as _guide
from ..recording import recording

if TYPE_CHECKING:
    from ..nn.module import Module
    from ..op import Op
    from ..tensor import Tensor

__all__ = ["NAMES", "SilentMistakeWarning", "off", "on"]
_guide(__name__, "nn.guards")
NAMES = ("loss_shapes", "labels", "softmax_twice", "spent_gradients", "parameters", "eval_mode", "kept_graphs")
MANY = 32  # so many losses of earlier steps alive are no accident

# What blocks that are open in this thread or task have switched; for the rest, `Everywhere` says.
switched: ContextVar[Mapping[str, bool]] = ContextVar("switched", default={})  # noqa: B039 (never written into)
STATES.append(switched)


class Everywhere:
    """What was switched outside of blocks: the last word for each guard counts."""

    def __init__(self) -> None:
        self.calls: list[tuple[tuple[str, ...], bool]] = []
        self.now: dict[str, bool] = {}
        self.lock = threading.Lock()

    def add(self, call: tuple[tuple[str, ...], bool]) -> None:
        with self.lock:
            self.calls.append(call)
            self._settle()

    def remove(self, call: tuple[tuple[str, ...], bool]) -> None:
        with self.lock:
            self.calls = [other for other in self.calls if other is not call]
            self._settle()

    def _settle(self) -> None:
        self.now = {name: value for names, value in self.calls for name in names}


EVERYWHERE = Everywhere()


def is_on(name: str) -> bool:
    """Whether a guard is on, here and now."""
    return switched.get().get(name, EVERYWHERE.now.get(name, True))


class SilentMistakeWarning(UserWarning):
    """Something that runs, and most likely is not what you want.

    >>> import warnings
    >>> import tinygrad_edu as tg
    >>> import tinygrad_edu.nn.functional as F
    >>> from tinygrad_edu.nn import guards
    >>> with warnings.catch_warnings(record=True) as seen:
    ...     warnings.simplefilter("always")
    ...     _ = F.cross_entropy(F.softmax(tg.Tensor([[1.0, 2.0]], requires_grad=True), 1), [1])
    >>> seen[0].category is guards.SilentMistakeWarning
    True
    """


class Switch(Block):
    """Guards set to on or off at once. As a `with` block or a decorator, only inside it.

    Outside of blocks this holds for the whole process, inside one until that ends.
    """

    states = (switched,)

    def __init__(self, names: tuple[str, ...], value: bool) -> None:
        names = names or NAMES
        unknown = [name for name in names if name not in NAMES]
        if unknown:
            raise ValueError(f"guards: names must be among {', '.join(NAMES)}; got {', '.join(unknown)}; correct them")
        self.call = names, value
        self.before = switched.get()
        self.after: Mapping[str, bool] = {}
        if self.before:
            self.after = self.inside()[0]
            switched.set(self.after)
        else:
            EVERYWHERE.add(self.call)

    def inside(self) -> tuple[Mapping[str, bool]]:
        names, value = self.call
        return ({**switched.get(), **dict.fromkeys(names, value)},)

    def again(self) -> Switch:
        return Switch(*self.call)

    def _take_back(self) -> None:
        """It turned out to be a block: what was set at once is set back."""
        EVERYWHERE.remove(self.call)
        if self.after and switched.get() is self.after:
            switched.set(self.before)

    def __enter__(self) -> Switch:
        self._take_back()
        super().__enter__()
        return self

    def __call__(self, function: Any) -> Any:
        self._take_back()
        return super().__call__(function)


def off(*names: str) -> Switch:
    """Switch guards off: those named, or all; as a `with` block, only inside it.

    >>> import tinygrad_edu.nn.functional as F
    >>> from tinygrad_edu.nn import guards
    >>> with guards.off("loss_shapes"):
    ...     F.mse_loss([[1.0], [1.0]], [1.0, 1.0]).item()
    0.0
    """
    return Switch(names, False)


def on(*names: str) -> Switch:
    """Switch guards on: those named, or all; as a `with` block, only inside it.

    >>> import tinygrad_edu.nn.functional as F
    >>> from tinygrad_edu.nn import guards
    >>> with guards.off(), guards.on("loss_shapes"):
    ...     F.mse_loss([[1.0], [1.0]], [1.0, 1.0])
    Traceback (most recent call last):
    ...
    tinygrad_edu.errors.ShapeError: mse_loss: prediction and target must have one shape; got (2, 1) and (2,), which \
would be paired by broadcasting; use squeeze or reshape on one, or nn.guards.off('loss_shapes')
    """
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


def check_logits(who: str, x: ArrayLike, op: Op | None = None) -> None:
    """`x` must not have been made by softmax (or by `op`) already."""
    if is_on("softmax_twice") and (looks_like_softmax(x) if op is None else _uncast(x).op is op):
        made = "softmax" if op is None else str(op)
        warn("softmax_twice", f"{who}: takes logits; got the output of {made}; leave out the {made}")


def check_gradients(params: list[Any]) -> None:
    """No gradient of a step may still hold those of an earlier one. (To clear such a mixture is no mistake, as when a
    part of a loss passes through another optimizer's parameters.)"""
    mixed = [p for p in params if p._grad is not None and p._grad.site is MIXED]
    if mixed and is_on("spent_gradients"):
        warn(
            "spent_gradients",
            "step: gradients of an earlier step must be cleared; got new ones added to those that an earlier "
            f"optimizer.step() used, of shape {mixed[0].shape}; call optimizer.zero_grad() in every step",
        )


def check_attribute(where: str) -> None:
    """A module's attribute is a tensor that needs a gradient, and no Parameter."""
    if is_on("parameters"):
        warn(
            "parameters",
            f"{where}: what is learned must be a Parameter, or parameters() leaves it out; got a Tensor with "
            "requires_grad; write nn.Parameter(values)",
        )


class Seen:
    """What is remembered of the training loops of this process; nothing is kept alive by it."""

    def __init__(self) -> None:
        self.parameters: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()  # all that are alive
        self.losses: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()  # by birth
        self.steps = (0, 0)  # the births of the last two steps
        # modules that ran in eval mode in a recorded computation: a parameter before each, and when
        self.evaluated: weakref.WeakKeyDictionary[Any, tuple[weakref.ref[Any], int]] = weakref.WeakKeyDictionary()
        self.optimizers: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()
        self.made: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()  # optimizers, and when


SEEN = Seen()


def alive(these: weakref.WeakValueDictionary[int, Any]) -> list[Any]:
    """What is alive, also while other threads add to it."""
    return [x for ref in these.valuerefs() if (x := ref()) is not None]


def note_parameter(parameter: Tensor) -> None:
    """Remember a parameter for `parameters`."""
    SEEN.parameters[id(parameter)] = parameter


def note_optimizer(optimizer: object) -> None:
    """Remember an optimizer, and when it was made, for `parameters`."""
    SEEN.optimizers[id(optimizer)], SEEN.made[optimizer] = optimizer, births()


def note_loss(loss: Tensor) -> Any:
    """Remember a loss for `kept_graphs`."""
    if loss.flags:
        SEEN.losses[loss.born] = loss
    return loss


def note_mode(module: Module, x: object) -> None:
    """Remember that a module which differs in eval mode has run."""
    if module.training:
        SEEN.evaluated.pop(module, None)
    elif isinstance(x, Variable) and x.flags & NEEDS and recording.get():
        SEEN.evaluated[module] = weakref.ref(_leaf(x)), births()


def _leaf(x: Any) -> Any:
    """A leaf that `x` was computed from, and that needs a gradient."""
    while x.op is not None:
        x = min((v for v in x.inputs if v.flags & NEEDS), key=lambda v: v.op is not None)
    return x


def after_step(optimizer: Any) -> None:
    """What an optimizer's step can notice about the training loop around it."""
    if SEEN.evaluated:
        evaluated, SEEN.evaluated = SEEN.evaluated, weakref.WeakKeyDictionary()
        own = {id(p) for group in optimizer.param_groups for p in group["params"] if p.name}  # a module's, no input
        late = {
            type(module).__name__
            for module, (leaf, n) in list(evaluated.items())
            if (p := leaf()) is not None and id(p) in own and p._grad is not None and p._grad.born > n
        }
        if late and is_on("eval_mode"):
            names = ", ".join(sorted(late))
            warn(
                "eval_mode",
                f"optimizer.step: training needs training mode; got {names} in eval mode; call model.train()",
            )
    if len(SEEN.losses) > MANY:
        old = [loss for loss in alive(SEEN.losses) if loss.born < SEEN.steps[0]]
        if len(old) >= MANY and is_on("kept_graphs"):
            SEEN.losses = weakref.WeakValueDictionary()
            warn(
                "kept_graphs",
                f"optimizer.step: losses of earlier steps must not be kept with their graphs; got {len(old)} alive, as "
                "by total += loss; add loss.item() or loss.detach()",
            )
    SEEN.steps = SEEN.steps[1], births()


def first_step(optimizer: Any) -> None:
    """At an optimizer's first step: does it hold every parameter that the model uses, and does the model use each?"""
    if not is_on("parameters"):
        return
    own = [p for group in optimizer.param_groups for p in group["params"]]
    parameters = alive(SEEN.parameters)
    idle = [_called(p) for p in own if p._grad is None and p.flags & NEEDS]
    held = {id(p) for other in alive(SEEN.optimizers) for group in other.param_groups for p in group["params"]}
    if idle and all(p._grad is None for p in own):
        made = SEEN.made.get(optimizer, 0)
        learning = any(p._grad is not None and p._grad.born > made and id(p) not in held for p in parameters)
        if not learning and all(p.store is not USED for p in own):  # nothing was computed: a schedule is looked at
            return
        warn(
            "parameters",
            f"optimizer.step: a parameter must have a gradient, or nothing is learned; got none for {few(idle)}; call "
            "loss.backward() before step(), zero_grad() before backward(), and compute the loss from these parameters",
        )
    elif idle:
        warn(
            "parameters",
            f"optimizer.step: parameters must be used by the loss; got no gradient for {few(idle)}; check that "
            "forward() uses them",
        )
    near = _made_together(
        [p._grad.born for p in own if p._grad is not None], [p._grad.born for p in parameters if p._grad is not None]
    )
    inputs_only = not any(p.name for p in own)  # an input is optimised, and not the model that it goes through
    lost = [
        _called(p) for p in parameters
        if p._grad is not None and p._grad.born in near and id(p) not in held and not (inputs_only and p.name)
        and not _written_since(p)
    ]  # fmt: skip
    if lost:
        warn(
            "parameters",
            f"optimizer.step: every parameter with a gradient must be in an optimizer; got none for {few(lost)}; "
            "pass model.parameters() (a layer in a plain list is not among them: hold it in an nn.ModuleList), or "
            "freeze them by requires_grad_(False)",
        )


def _written_since(p: Tensor) -> bool:
    """Whether a parameter was written into after it got its gradient, as by a step that the user wrote."""
    p.notice()
    return p._grad is not None and p.born > p._grad.born


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


def _called(p: Tensor) -> str:
    return f"{p.name or 'one'} of shape {p.shape}"
