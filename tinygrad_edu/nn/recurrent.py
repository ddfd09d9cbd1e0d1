"""Recurrent layers: a state that is carried along a sequence, step by step.

Each kind is one function of a step, given what the input contributes to it (`gi`, computed for all
steps at once), the state, and the recurrent weights. The layer and its cell share it.
"""

from __future__ import annotations

import math
from typing import Any

from .. import ops
from ..errors import ShapeError
from ..functions.common import lift
from ..functions.creation import zeros
from ..functions.layout import concat, stack, swapaxes
from ..random import Generator
from . import functional as F
from .linear import uniform
from .module import Module


def _part(x: Any, i: int, j: int, size: int) -> Any:
    """Parts i to j of the last axis, each of length `size`."""
    return ops.getitem(x, index=(Ellipsis, slice(i * size, j * size)))


def rnn_step(gi: Any, state: Any, weight: Any, bias: Any, activation: Any = F.tanh) -> Any:
    """h' = tanh(gi + h @ weight.mT + bias), or relu."""
    (h,) = state
    return (activation(gi + F.linear(h, weight, bias)),)


def lstm_step(gi: Any, state: Any, weight: Any, bias: Any) -> Any:
    """i, f, g, o = gi + h @ weight.mT + bias; c' = f * c + i * g; h' = o * tanh(c')."""
    h, c = state
    n = c.shape[-1]
    gates = gi + F.linear(h, weight, bias)
    doors = F.sigmoid(_part(gates, 0, 2, n))
    c = _part(doors, 1, 2, n) * c + _part(doors, 0, 1, n) * F.tanh(_part(gates, 2, 3, n))
    return F.sigmoid(_part(gates, 3, 4, n)) * F.tanh(c), c


def gru_step(gi: Any, state: Any, weight: Any, bias: Any) -> Any:
    """r, z = sigmoid(gi + gh); n = tanh(gi + r * gh); h' = (1 - z) * n + z * h, of gh = h @ weight.mT + bias."""
    (h,) = state
    size = h.shape[-1]
    gh = F.linear(h, weight, bias)
    doors = F.sigmoid(_part(gi, 0, 2, size) + _part(gh, 0, 2, size))
    n = F.tanh(_part(gi, 2, 3, size) + _part(doors, 0, 1, size) * _part(gh, 2, 3, size))
    return (n + _part(doors, 1, 2, size) * (h - n),)


def unrolled(x: Any) -> list[Any]:
    """The steps `x[0], x[1], ...`, by halves: so the gradient costs n log(n) and not n * n."""
    n = x.shape[0]
    if n <= 1:
        return [ops.getitem(x, index=(k,)) for k in range(n)]
    return unrolled(ops.getitem(x, index=(slice(0, n // 2),))) + unrolled(ops.getitem(x, index=(slice(n // 2, n),)))


class _Recurrent(Module):
    """What the recurrent layers share; a kind names its step, its number of gates and of states."""

    step: Any = None
    gates = 1
    states = 1

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True, batch_first: bool = False,
        dropout: float = 0.0, bidirectional: bool = False, dtype: Any = None, *, rng: Generator | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        if not 0 <= dropout <= 1:
            raise ValueError(f"{type(self).__name__}: dropout must be from 0 to 1; got {dropout}; use e.g. 0.5")
        if min(hidden_size, num_layers) < 1:
            raise ValueError(
                f"{type(self).__name__}: hidden_size and num_layers must be 1 or more; got {hidden_size} and "
                f"{num_layers}; use more"
            )
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.batch_first, self.dropout, self.bidirectional, self.rng = batch_first, dropout, bidirectional, rng
        bound, rows = 1 / math.sqrt(hidden_size), self.gates * hidden_size
        for layer in range(num_layers):
            width = input_size if layer == 0 else hidden_size * (1 + bidirectional)
            for end in ("", "_reverse")[: 1 + bidirectional]:
                name = f"l{layer}{end}"
                setattr(self, f"weight_ih_{name}", uniform((rows, width), bound, dtype, rng))
                setattr(self, f"weight_hh_{name}", uniform((rows, hidden_size), bound, dtype, rng))
                setattr(self, f"bias_ih_{name}", uniform((rows,), bound, dtype, rng) if bias else None)
                setattr(self, f"bias_hh_{name}", uniform((rows,), bound, dtype, rng) if bias else None)

    def _begin(self, x: Any, state: Any) -> list[Any]:
        """The first states, `(layers * directions, batch, hidden_size)` each; zeros if none are given."""
        shape = (self.num_layers * (1 + self.bidirectional), x.shape[1], self.hidden_size)
        if state is None:
            dtype = getattr(self, "weight_hh_l0").dtype  # noqa: B009
            return [zeros(shape, dtype=dtype)] * self.states
        given = [lift(s, type(self).__name__) for s in (state if isinstance(state, tuple | list) else (state,))]
        given = [s if s.ndim == 3 else s.expand_dims(1) for s in given]
        if len(given) != self.states or any(s.shape != shape for s in given):
            raise ShapeError(
                f"{type(self).__name__}: the state must be {self.states} of shape {shape}; got "
                f"{', '.join(str(s.shape) for s in given)}; leave it out for zeros"
            )
        return given

    def forward(self, x: Any, hx: Any = None) -> Any:
        x = lift(x, type(self).__name__)
        single = x.ndim == 2
        x = x.expand_dims(1) if single else swapaxes(x, 0, 1) if self.batch_first else x
        if x.ndim != 3 or x.shape[2] != self.input_size or not x.shape[0]:
            raise ShapeError(
                f"{type(self).__name__}: the input must be (length, batch, {self.input_size}), batch first if "
                f"batch_first, with a step or more; got shape {x.shape}; check input_size"
            )
        begin, last = self._begin(x, hx), []
        for layer in range(self.num_layers):
            if layer and self.dropout:
                x = F.dropout(x, self.dropout, self.training, self.rng)
            sides = []
            for k, end in enumerate(("", "_reverse")[: 1 + self.bidirectional]):
                first = tuple(s[layer * (1 + self.bidirectional) + k] for s in begin)
                outputs, final = self._run(x, first, f"l{layer}{end}", bool(end))
                sides.append(outputs)
                last.append(final)
            x = sides[0] if len(sides) == 1 else concat(sides, 2)
        ends = tuple(stack(parts) for parts in zip(*last, strict=True))
        if single:
            x, ends = x.squeeze(1), tuple(s.squeeze(1) for s in ends)
        elif self.batch_first:
            x = swapaxes(x, 0, 1)
        return x, ends if self.states > 1 else ends[0]

    def _run(self, x: Any, state: Any, name: str, backwards: bool) -> tuple[Any, Any]:
        """One layer in one direction: all outputs, and the last state."""
        w_ih, w_hh, b_ih, b_hh = (
            getattr(self, f"{kind}_{name}") for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        steps = unrolled(F.linear(x, w_ih, b_ih))
        outputs = []
        for gi in reversed(steps) if backwards else steps:
            state = self._step(gi, state, w_hh, b_hh)
            outputs.append(state[0])
        return stack(outputs[::-1] if backwards else outputs), state

    def _step(self, gi: Any, state: Any, weight: Any, bias: Any) -> Any:
        return type(self).step(gi, state, weight, bias)


def _activation(who: str, nonlinearity: str) -> Any:
    if nonlinearity not in ("tanh", "relu"):
        raise ValueError(f"{who}: nonlinearity must be 'tanh' or 'relu'; got {nonlinearity!r}; choose one")
    return F.tanh if nonlinearity == "tanh" else F.relu


class RNN(_Recurrent):
    """h[t] = tanh(x[t] @ weight_ih.mT + bias_ih + h[t-1] @ weight_hh.mT + bias_hh), or relu.

    Shapes: `(length, batch, input_size) -> (length, batch, directions * hidden_size)` and the last state
    `(layers * directions, batch, hidden_size)`; batch first with `batch_first`; or without a batch axis.
    Initial values: uniform to +-1 / sqrt(hidden_size).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> y, h = nn.RNN(3, 4)(tg.ones((5, 2, 3)))
    >>> y.shape, h.shape
    ((5, 2, 4), (1, 2, 4))
    """

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, nonlinearity: str = "tanh", bias: bool = True,
        batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False, dtype: Any = None,
        *, rng: Generator | None = None,
    ) -> None:  # fmt: skip
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, dtype, rng=rng
        )  # fmt: skip
        self.nonlinearity, self._function = nonlinearity, _activation("RNN", nonlinearity)

    def _step(self, gi: Any, state: Any, weight: Any, bias: Any) -> Any:
        return rnn_step(gi, state, weight, bias, self._function)


class LSTM(_Recurrent):
    """Long short-term memory: a state h and a cell c, with gates (i, f, g, o) over what enters and stays.

    i, f, o = sigmoid(...), g = tanh(...) of `x @ weight_ih.mT + bias_ih + h @ weight_hh.mT + bias_hh`;
    c = f * c + i * g; h = o * tanh(c). Shapes as in RNN; the state is a pair (h, c).
    Initial values: uniform to +-1 / sqrt(hidden_size). Source: Hochreiter and Schmidhuber (1997).
    """

    step, gates, states = lstm_step, 4, 2


class GRU(_Recurrent):
    """Gated recurrent unit: gates (r, z) over what is forgotten and kept.

    r, z = sigmoid(...); n = tanh(x part + r * h part); h = (1 - z) * n + z * h. Shapes as in RNN.
    Initial values: uniform to +-1 / sqrt(hidden_size). Source: Cho et al. (2014).
    """

    step, gates = gru_step, 3


class _Cell(Module):
    """One step of a recurrent layer: `(batch, input_size)` and a state to the next state."""

    gates = 1

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, dtype: Any = None, *, rng: Generator | None = None
    ) -> None:
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        bound, rows = 1 / math.sqrt(hidden_size), self.gates * hidden_size
        self.weight_ih = uniform((rows, input_size), bound, dtype, rng)
        self.weight_hh = uniform((rows, hidden_size), bound, dtype, rng)
        self.bias_ih = uniform((rows,), bound, dtype, rng) if bias else None
        self.bias_hh = uniform((rows,), bound, dtype, rng) if bias else None

    def _zeros(self, x: Any) -> Any:
        return zeros((*x.shape[:-1], self.hidden_size), dtype=self.weight_hh.dtype)

    def forward(self, x: Any, hx: Any = None) -> Any:
        x = lift(x, type(self).__name__)
        return self.advance(F.linear(x, self.weight_ih, self.bias_ih), self._zeros(x), hx)

    def advance(self, gi: Any, zero: Any, state: Any) -> Any:
        """The next state, given what the input contributes."""
        raise NotImplementedError


class RNNCell(_Cell):
    """One step of an RNN: `cell(x, h)` is the next h."""

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, nonlinearity: str = "tanh", dtype: Any = None,
        *, rng: Generator | None = None,
    ) -> None:  # fmt: skip
        super().__init__(input_size, hidden_size, bias, dtype, rng=rng)
        self.nonlinearity, self._function = nonlinearity, _activation("RNNCell", nonlinearity)

    def advance(self, gi: Any, zero: Any, state: Any) -> Any:
        h = zero if state is None else lift(state)
        return rnn_step(gi, (h,), self.weight_hh, self.bias_hh, self._function)[0]


class LSTMCell(_Cell):
    """One step of an LSTM: `cell(x, (h, c))` is the next (h, c)."""

    gates = 4

    def advance(self, gi: Any, zero: Any, state: Any) -> Any:
        h, c = (zero, zero) if state is None else map(lift, state)
        return lstm_step(gi, (h, c), self.weight_hh, self.bias_hh)


class GRUCell(_Cell):
    """One step of a GRU: `cell(x, h)` is the next h."""

    gates = 3

    def advance(self, gi: Any, zero: Any, state: Any) -> Any:
        h = zero if state is None else lift(state)
        return gru_step(gi, (h,), self.weight_hh, self.bias_hh)[0]
