"""One step of a recurrent layer as a module."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Generic, TypeVar

from ..annotations import ArrayLike, DTypeLike
from ..functions.arguments import lift
from ..functions.creation import zeros
from ..functions.settings import Positive, Size, settings
from ..random import Generator
from ..tensor import Tensor
from .linear import uniform
from .module import Module
from .recurrent import WEIGHTS, gru_step, lstm_step, must_be, step_of

State = TypeVar("State")  # what a cell carries along: h, or (h, c)


class _Cell(Module, Generic[State]):
    """One step of a recurrent layer: `(batch, input_size)` and a state to the next state."""

    step: Any = None
    gates = 1
    states = 1

    @settings
    def __init__(
        self,
        input_size: Size,
        hidden_size: Positive,
        bias: bool = True,
        dtype: DTypeLike | None = None,
        *,
        rng: Generator | None = None,
    ) -> None:
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        bound, rows = 1 / math.sqrt(hidden_size), self.gates * hidden_size
        self.weight_ih = uniform((rows, input_size), bound, dtype, rng)
        self.weight_hh = uniform((rows, hidden_size), bound, dtype, rng)
        self.bias_ih = uniform((rows,), bound, dtype, rng) if bias else None
        self.bias_hh = uniform((rows,), bound, dtype, rng) if bias else None

    def forward(self, input: ArrayLike, hx: ArrayLike | Sequence[ArrayLike] | None = None) -> State:
        x = lift(input, type(self).__name__)
        shape = (*x.shape[:-1], self.hidden_size)
        if hx is None:
            hx = (zeros(shape, dtype=self.weight_hh.dtype),) * self.states
        state = tuple(lift(s) for s in (hx if isinstance(hx, tuple | list) else (hx,)))
        must_be(type(self).__name__, [shape] * self.states, state)
        state = self.step(x, state, [getattr(self, kind) for kind in WEIGHTS])
        return state if self.states > 1 else state[0]


class RNNCell(_Cell[Tensor]):
    """One step of an RNN: `cell(x, h)` is the next h.

    Shapes: `(batch, input_size), (batch, hidden_size) -> (batch, hidden_size)`; h is 0 if it is left out.
    Source: Elman (1990).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> cell, h = nn.RNNCell(3, 4), None
    >>> for x in tg.ones((5, 2, 3)):
    ...     h = cell(x, h)
    >>> h.shape
    (2, 4)
    """

    @settings
    def __init__(
        self,
        input_size: Size,
        hidden_size: Positive,
        bias: bool = True,
        nonlinearity: str = "tanh",
        dtype: DTypeLike | None = None,
        *,
        rng: Generator | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, dtype, rng=rng)
        self.nonlinearity, self.step = nonlinearity, step_of("RNNCell", nonlinearity)


class LSTMCell(_Cell[tuple[Tensor, Tensor]]):
    """One step of an LSTM: `cell(x, (h, c))` is the next (h, c); shapes as in RNNCell.

    Source: Hochreiter and Schmidhuber (1997).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> h, c = nn.LSTMCell(3, 4)(tg.ones((2, 3)))
    >>> h.shape, c.shape
    ((2, 4), (2, 4))
    """

    step, gates, states = staticmethod(lstm_step), 4, 2


class GRUCell(_Cell[Tensor]):
    """One step of a GRU: `cell(x, h)` is the next h; shapes as in RNNCell. Source: Cho et al. (2014).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> nn.GRUCell(3, 4)(tg.ones((2, 3)), tg.zeros((2, 4))).shape
    (2, 4)
    """

    step, gates = staticmethod(gru_step), 3
