"""Steps of the graph whose gradients are computed together, by calling a function; they may have several outputs.

An op has one output. So the tensors that a function returns are laid one after another in one, and taken from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .. import engine
from ..annotations import ArrayLike
from ..engine import NEEDS, Variable
from ..functions.joining import concat
from ..functions.layout import reshape
from ..op import Each, Op
from ..recording import Recorder
from . import tree

if TYPE_CHECKING:
    from ..tensor import Tensor


class Joint:
    """What a step remembers of the call that made it: a subclass says how its gradients are computed."""

    def __init__(self, inputs: Sequence[Variable]) -> None:
        self.needs = [bool(x.flags & NEEDS) for x in inputs]
        self.final = max(i for i, needed in enumerate(self.needs) if needed)  # the last asked for
        self.last: tuple[Any, Any] = (None, None)

    def value(self, *xs: Any) -> Any:
        """The output for arrays."""
        raise NotImplementedError

    def gradients(self, g: object, y: ArrayLike, xs: Sequence[Any]) -> Sequence[Any]:
        """The gradients of all inputs."""
        raise NotImplementedError

    def gradient(self, i: int, g: object, y: ArrayLike, xs: Sequence[Any]) -> Any:
        """The gradient of input `i`; all are computed when the first is asked for."""
        if self.last[0] is not g:
            self.last = g, self.gradients(g, y, xs)
        found = self.last[1][i]
        if i == self.final:
            self.last = None, None
        return found


def _rule(i: int) -> Any:
    def rule(g: object, y: ArrayLike, *xs: object, segment: Joint) -> Any:
        return segment.gradient(i, g, y, xs)

    return rule


def joint_op(name: str, kind: str, doc: str) -> Op:
    """The declaration of such steps."""
    return Op(name, lambda *xs, segment: segment.value(*xs), Each(_rule), kind=kind, doc=doc)


def noted(y: Tensor, op: Op, inputs: Sequence[Variable], segment: Joint, by: Recorder) -> Any:
    """The output `y` as that of a step."""
    return engine.note(y._data, NEEDS, op, tuple(inputs), {"segment": segment}, by)


def passes(x: ArrayLike) -> bool:
    """Whether a gradient can pass through `x`."""
    return isinstance(x, Variable) and x._data.dtype.kind in "fc"


def packed(tensors: Sequence[Any]) -> Any:
    """Several tensors in one of one axis; one tensor as it is."""
    return tensors[0] if len(tensors) == 1 else concat([reshape(t, -1) for t in tensors])


def unpacked(y: Any, like: Sequence[Any]) -> list[Any]:
    """The tensors that were packed into `y`, of the shapes and dtypes of `like`."""
    if len(like) == 1:
        return [y]
    found, start = [], 0
    for t in like:
        found.append(reshape(y[start : start + t.size], t.shape).astype(t.dtype))
        start += t.size
    return found


def replaced(form: tree.Structure, leaves: Sequence[Any], new: Sequence[Any]) -> Any:
    """The tree of these leaves, with those through which a gradient passes replaced; others are constants."""
    rest = iter(new)
    found = [next(rest) if passes(t) else t.detach() if isinstance(t, Variable) else t for t in leaves]  # type: ignore[attr-defined]
    return tree.unflatten(form, found)
