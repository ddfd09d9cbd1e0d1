"""Hooks of modules: functions that see, and may change, what goes into a module and comes out of it, and the gradients
on their way back."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar

from .. import ops
from ..engine import NEEDS, Variable
from ..functions.arguments import as_tuple
from ..functions.joining import concat
from ..functions.settings import settings
from ..hooks import Handle, function

if TYPE_CHECKING:
    from ..tensor import Tensor

NONE: dict[str, dict[int, Any]] = {}


Given = ParamSpec("Given")
Output = TypeVar("Output", covariant=True)


class HasForward(Protocol[Given, Output]):
    """What type checkers read of a module: calling it takes and gives what its `forward` does."""

    def forward(self, *args: Given.args, **kwargs: Given.kwargs) -> Output: ...


# hooks of a call; with `with_kwargs`, they take the keyword arguments, too
BeforeHook = Callable[[Any, Any], Any] | Callable[[Any, Any, Any], Any]
AfterHook = Callable[[Any, Any, Any], Any] | Callable[[Any, Any, Any, Any], Any]


class Hooked:
    """A module with hooks, which `__call__` calls; each is given the module first."""

    _hooks: Mapping[str, dict[int, Any]] = NONE

    def _register(self, kind: str, hook: Any, first: bool = False) -> Handle:
        if self._hooks is NONE:
            self._hooks = {kind: {} for kind in ("forward_pre", "forward", "backward_pre", "backward")}
        return Handle(self._hooks[kind], hook, first)

    @settings
    def register_forward_pre_hook(
        self, hook: BeforeHook, *, prepend: bool = False, with_kwargs: bool = False
    ) -> Handle:
        """`hook(module, args)` before each call; what it gives, if not None, takes the arguments' place.

        With `with_kwargs`, `hook(module, args, kwargs)` gives None or both.
        """
        hook = function("register_forward_pre_hook", hook)
        return self._register("forward_pre", (hook, with_kwargs), prepend)

    @settings
    def register_forward_hook(self, hook: AfterHook, *, prepend: bool = False, with_kwargs: bool = False) -> Handle:
        """`hook(module, args, output)` after each call; what it gives, if not None, takes the output's place.

        With `with_kwargs`, `hook(module, args, kwargs, output)`.

        >>> import tinygrad_edu as tg
        >>> from tinygrad_edu import nn
        >>> net, shapes = nn.Linear(2, 3), []
        >>> with net.register_forward_hook(lambda module, args, output: shapes.append(output.shape)):
        ...     y = net(tg.ones((5, 2)))
        >>> shapes
        [(5, 3)]
        """
        return self._register("forward", (function("register_forward_hook", hook), with_kwargs), prepend)

    @settings
    def register_full_backward_hook(self, hook: Callable[[Any, Any, Any], Any], prepend: bool = False) -> Handle:
        """`hook(module, grad_input, grad_output)` when the gradients by the positional arguments are known: tuples,
        with None for what needs no gradient. What it gives, if not None, takes the place of `grad_input`."""
        return self._register("backward", function("register_full_backward_hook", hook), prepend)

    @settings
    def register_full_backward_pre_hook(self, hook: Callable[[Any, Any], Any], prepend: bool = False) -> Handle:
        """`hook(module, grad_output)` when the gradients by the outputs are known; what it gives, if not None, takes
        their place."""
        return self._register("backward_pre", function("register_full_backward_pre_hook", hook), prepend)

    def _called(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The output, after the hooks."""
        hooks, module = self._hooks, self
        for hook, with_kwargs in list(hooks["forward_pre"].values()):
            new = hook(module, args, kwargs) if with_kwargs else hook(module, args)
            if new is not None:
                args, kwargs = new if with_kwargs else (as_tuple(new), kwargs)
        gradients = Gradients(self) if hooks["backward"] or hooks["backward_pre"] else None
        if gradients is not None:
            args = gradients.inputs(args)
        y = self.forward(*args, **kwargs)  # type: ignore[attr-defined]  # of Module
        for hook, with_kwargs in list(hooks["forward"].values()):
            new = hook(module, args, kwargs, y) if with_kwargs else hook(module, args, y)
            y = y if new is None else new
        return y if gradients is None else gradients.outputs(y)


class Gradients:
    """The gradients of one call of a module on their way back, for its hooks."""

    def __init__(self, module: Hooked) -> None:
        self.module = module
        self.waits = False  # for the gradients of the inputs
        self.outgoing: tuple[Any, ...] = ()

    def inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments, whose gradients are given to the hooks."""
        new = together(args, self._of_inputs)
        self.waits = any(a is not b for a, b in zip(args, new, strict=True))
        return new

    def outputs(self, y: Any) -> Any:
        """The output, or all of a tuple, whose gradients are given to the hooks."""
        new = together(as_tuple(y), self._of_outputs)
        return type(y)(new) if type(y) in (tuple, list) else new[0]

    def _of_outputs(self, grads: tuple[Any, ...]) -> tuple[Any, ...]:
        for hook in list(self.module._hooks["backward_pre"].values()):
            new = hook(self.module, grads)
            grads = grads if new is None else as_tuple(new)
        self.outgoing = grads
        if not self.waits:
            self._tell(())
        return grads

    def _of_inputs(self, grads: tuple[Any, ...]) -> tuple[Any, ...]:
        return self._tell(grads)

    def _tell(self, grads: tuple[Any, ...]) -> tuple[Any, ...]:
        for hook in list(self.module._hooks["backward"].values()):
            new = hook(self.module, grads, self.outgoing)
            grads = grads if new is None else as_tuple(new)
        return grads


def together(xs: tuple[Any, ...], hook: Callable[..., Any]) -> tuple[Any, ...]:
    """`xs`, whose gradients are given to `hook` at once: a tuple, with None for what needs none."""
    places = [i for i, x in enumerate(xs) if isinstance(x, Variable) and x.flags & NEEDS]
    if not places:
        return xs
    new = list(xs)
    shapes = [xs[i].shape for i in places]
    ends = [0]
    for shape in shapes:
        ends.append(ends[-1] + math.prod(shape))

    def parts(flat: Any) -> list[Any]:
        return [flat[a:b].reshape(shape) for a, b, shape in zip(ends, ends[1:], shapes, strict=False)]

    def told(g: Tensor) -> Any:
        grads = dict(zip(places, [g] if len(places) == 1 else parts(g), strict=True))
        found = hook(tuple(grads.get(i) for i in range(len(xs))))
        flat = [found[i] for i in places]
        return flat[0] if len(places) == 1 else concat([x.reshape(-1) for x in flat])

    if len(places) == 1:
        joined = ops.alias(xs[places[0]])
        new[places[0]] = joined
    else:  # one tensor of all, so that their gradients are known at one time
        joined = concat([xs[i].reshape(-1) for i in places])
        for i, part in zip(places, parts(joined), strict=True):
            new[i] = part
    joined.register_hook(told)
    return tuple(new)
