"""Tensors that a module holds: parameters, which are learned, and buffers, which are not."""

from __future__ import annotations

from functools import partial
from typing import Any

from ..annotations import ArrayLike, DTypeLike
from ..functions.calls import own_keywords
from ..functions.settings import truth
from ..tensor import Tensor
from . import guards


class Parameter(Tensor):
    """A tensor that is learned: it requires a gradient, and a Module that holds it lists it.

    >>> from tinygrad_edu import nn
    >>> nn.Parameter([1.0, 2.0]).requires_grad
    True
    """

    __slots__ = ()

    @own_keywords
    def __init__(
        self, data: ArrayLike, requires_grad: bool = True, dtype: DTypeLike | None = None, name: str | None = None
    ) -> None:
        super().__init__(data, requires_grad, dtype, name)
        guards.note_parameter(self)


class Buffer(Tensor):
    """A tensor that is not learned: a Module whose attribute it becomes lists it among its buffers, and in its
    `state_dict()` if it is `persistent`.

    >>> from tinygrad_edu import nn
    >>> part = nn.Identity()
    >>> part.mean = nn.Buffer([0.0, 1.0])
    >>> list(part.state_dict())
    ['mean']
    """

    __slots__ = ("persistent",)

    @own_keywords
    def __init__(
        self, data: ArrayLike, requires_grad: bool = False, dtype: DTypeLike | None = None, name: str | None = None, *,
        persistent: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(data, requires_grad, dtype, name)
        self.persistent = truth("Buffer", "persistent", persistent)

    def __reduce__(self) -> tuple[Any, ...]:
        made, *rest = super().__reduce__()
        return partial(made, persistent=self.persistent), *rest
