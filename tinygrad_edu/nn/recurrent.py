"""Recurrent layers: a state that is carried along a sequence, step by step.

Each kind is one function of a step, given the step's input, the state, and the weights. The layer and its
cell share it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from .. import ops
from ..annotations import ArrayLike, DTypeLike
from ..errors import ShapeError
from ..functions.arguments import lift
from ..functions.creation import zeros
from ..functions.indexing import take
from ..functions.joining import stack
from ..functions.layout import flip, swapaxes
from ..functions.settings import Probability, Size, settings
from ..ops.fused import section
from ..random import Generator
from ..tensor import Tensor
from . import functional as F
from .functional.linear import like
from .functional.sequences import rolled, unrolled
from .linear import uniform
from .module import Module
from .utils.rnn import PackedSequence, pieces

WEIGHTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


def rnn_step(x: ArrayLike, state: Any, weights: Any, activation: Any) -> Any:
    """h' = tanh(x @ w_ih.mT + b_ih + h @ w_hh.mT + b_hh), or relu."""
    w_ih, w_hh, b_ih, b_hh = weights
    (h,) = state
    return (activation(F.linear(x, w_ih, b_ih) + F.linear(h, w_hh, b_hh)),)


def lstm_step(x: ArrayLike, state: Any, weights: Any) -> Any:
    """i, f, g, o = gates(x @ w_ih.mT + b_ih + h @ w_hh.mT + b_hh); c' = f * c + i * g; h' = o * tanh(c'), projected by
    w_hr.mT if there is one."""
    w_ih, w_hh, b_ih, b_hh, *w_hr = weights
    h, c = state
    y = ops.gates.unary(F.linear(x, w_ih, b_ih) + F.linear(h, w_hh, b_hh))
    c = ops.memory.binary(y, c)
    h = section(y, 3, c.shape[-1]) * F.tanh(c)
    return F.linear(h, *w_hr) if w_hr else h, c


def gru_step(x: ArrayLike, state: Any, weights: Any) -> Any:
    """r, z = sigmoid(gi + gh); n = tanh(gi + r * gh); h' = (1 - z) * n + z * h, where gi = x @ w_ih.mT + b_ih
    and gh = h @ w_hh.mT + b_hh have a part for each."""
    w_ih, w_hh, b_ih, b_hh = weights
    (h,) = state
    size = h.shape[-1]
    gi, gh = F.linear(x, w_ih, b_ih), F.linear(h, w_hh, b_hh)
    doors = F.sigmoid(_first_two(gi, size) + _first_two(gh, size))
    n = F.tanh(section(gi, 2, size) + section(doors, 0, size) * section(gh, 2, size))
    return (n + section(doors, 1, size) * (h - n),)


def lstm_steps(x: ArrayLike, state: Any, weights: Any) -> tuple[Any, Any, Any]:
    """`lstm_step` for the whole sequence: all h, and the last h and c."""
    w_ih, w_hh, b_ih, b_hh = weights
    y = ops.lstm(F.linear(x, w_ih, b_ih if b_ih is None else b_ih + b_hh), w_hh, *state)
    n = y.shape[-1] // 2
    return section(y, 0, n), section(y[-1], 0, n), section(y[-1], 1, n)


def gru_steps(x: ArrayLike, state: Any, weights: Any) -> tuple[Any, Any]:
    """`gru_step` for the whole sequence: all h, and the last one."""
    w_ih, w_hh, b_ih, b_hh = weights
    (h,) = state
    b_hh = zeros(w_hh.shape[0], dtype=w_hh.dtype) if b_hh is None else b_hh
    y = ops.gru(F.linear(x, w_ih, b_ih), w_hh, b_hh, h)
    return y, y[-1]


def _first_two(x: Tensor, size: int) -> Any:
    return section(x, 0, 2 * size)


def must_be(who: str, shapes: Sequence[tuple[int, ...]], given: Any) -> None:
    if [s.shape for s in given] != list(shapes):
        raise ShapeError(
            f"{who}: the state must be {'a pair (h, c), each' if len(shapes) == 2 else 'one tensor'} of shape "
            f"{' and '.join(map(str, dict.fromkeys(shapes)))}; got "
            f"{', '.join(str(s.shape) for s in given)}; leave it out for zeros"
        )


State = TypeVar("State")  # what a layer carries along: h, or (h, c)


class _Recurrent(Module, Generic[State]):
    """What the recurrent layers share; a kind names its step, its number of gates and of states."""

    step: Any = None
    whole: Any = None  # all steps at once: the outputs, and the last states
    gates = 1
    states = 1

    @settings
    def __init__(
        self,
        input_size: Size,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: Probability = 0.0,
        bidirectional: bool = False,
        dtype: DTypeLike | None = None,
        *,
        rng: Generator | None = None,
        proj_size: Size = 0,
    ) -> None:
        super().__init__()
        if proj_size >= max(hidden_size, 1):
            raise ValueError(
                f"{type(self).__name__}: proj_size must be below hidden_size; got {proj_size} for {hidden_size}; "
                "use less"
            )
        if num_layers > 1000:
            raise ValueError(f"{type(self).__name__}: num_layers must be 1000 or less; got {num_layers}; use fewer")
        if min(hidden_size, num_layers) < 1:
            raise ValueError(
                f"{type(self).__name__}: hidden_size and num_layers must be 1 or more; got {hidden_size} and "
                f"{num_layers}; use more"
            )
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.batch_first, self.dropout, self.bidirectional, self.rng = batch_first, dropout, bidirectional, rng
        self.proj_size, width = proj_size, proj_size or hidden_size
        bound, rows = 1 / math.sqrt(hidden_size), self.gates * hidden_size
        for layer in range(num_layers):
            entering = input_size if layer == 0 else width * (1 + bidirectional)
            for end in ("", "_reverse")[: 1 + bidirectional]:
                name = f"l{layer}{end}"
                setattr(self, f"weight_ih_{name}", uniform((rows, entering), bound, dtype, rng))
                setattr(self, f"weight_hh_{name}", uniform((rows, width), bound, dtype, rng))
                setattr(self, f"bias_ih_{name}", uniform((rows,), bound, dtype, rng) if bias else None)
                setattr(self, f"bias_hh_{name}", uniform((rows,), bound, dtype, rng) if bias else None)
                if proj_size:
                    setattr(self, f"weight_hr_{name}", uniform((proj_size, hidden_size), bound, dtype, rng))

    def _begin(self, batch: int, state: object) -> list[Any]:
        """The first states, `(layers * directions, batch, hidden_size)` each; zeros if none are given."""
        lead = (self.num_layers * (1 + self.bidirectional), batch)
        shapes = [(*lead, n) for n in (self.proj_size or self.hidden_size, self.hidden_size)[: self.states]]
        if state is None:
            dtype = getattr(self, "weight_hh_l0").dtype  # noqa: B009
            return [zeros(shape, dtype=dtype) for shape in shapes]
        given = [lift(s, type(self).__name__) for s in (state if isinstance(state, tuple | list) else (state,))]
        given = [s if s.ndim == 3 else s.expand_dims(1) for s in given]
        must_be(type(self).__name__, shapes, given)
        return given

    if TYPE_CHECKING:

        @overload
        def __call__(self, input: PackedSequence, hx: Any = None) -> tuple[PackedSequence, State]: ...
        @overload
        def __call__(self, input: ArrayLike, hx: Any = None) -> tuple[Tensor, State]: ...
        def __call__(self, input: Any, hx: Any = None) -> tuple[Any, State]: ...

    def forward(self, input: ArrayLike, hx: ArrayLike | None = None) -> Any:
        if isinstance(input, PackedSequence):
            return self._of_packed(input, hx)
        x = lift(input, type(self).__name__)
        single = x.ndim == 2
        x = x.expand_dims(1) if single else swapaxes(x, 0, 1) if self.batch_first else x
        if x.ndim != 3 or x.shape[2] != self.input_size or not x.shape[0]:
            raise ShapeError(
                f"{type(self).__name__}: the input must be (length, batch, {self.input_size}), batch first if "
                f"batch_first, with a step or more; got shape {x.shape}; "
                + ("use F.one_hot(x, n), or nn.Embedding" if x.dtype.kind in "iu" else "check input_size")
            )
        x, begin = like(x, getattr(self, "weight_ih_l0")), self._begin(x.shape[1], hx)  # noqa: B009
        if self.whole is not None and not self.proj_size:
            x, ends = self._whole_layers(x, begin)
        else:
            steps, ends = self._layers(unrolled(x), begin)
            x = rolled(steps)
        if single:
            x, ends = x.squeeze(1), [s.squeeze(1) for s in ends]
        elif self.batch_first:
            x = swapaxes(x, 0, 1)
        return x, tuple(ends) if self.states > 1 else ends[0]

    def _of_packed(self, packed: PackedSequence, hx: object) -> Any:
        """The outputs of sequences of different lengths, packed, and the last state of each."""
        data, sizes = lift(packed.data, type(self).__name__), lift(packed.batch_sizes)._data.tolist()
        if data.ndim != 2 or data.shape[1] != self.input_size or data.shape[0] != sum(sizes):
            raise ShapeError(
                f"{type(self).__name__}: packed steps must be {sum(sizes)} rows of {self.input_size}; got "
                f"{data.shape}; check input_size"
            )
        begin = self._begin(sizes[0], hx)
        if packed.sorted_indices is not None and hx is not None:
            begin = [take(s, packed.sorted_indices, 1) for s in begin]
        steps, ends = self._layers(pieces(like(data, getattr(self, "weight_ih_l0")), sizes), begin)  # noqa: B009
        if packed.unsorted_indices is not None:
            ends = [take(s, packed.unsorted_indices, 1) for s in ends]
        return packed._replace(data=ops.concat(*steps, axis=0)), tuple(ends) if self.states > 1 else ends[0]

    def _whole_layers(self, x: Tensor, begin: list[Any]) -> tuple[Any, list[Any]]:
        """All layers, in all directions, each of the whole sequence at once."""
        ways, last = 1 + self.bidirectional, []
        for layer in range(self.num_layers):
            x = F.dropout(x, self.dropout, self.training, self.rng) if layer else x
            sides = []
            for k, end in enumerate(("", "_reverse")[:ways]):
                weights = [getattr(self, f"{kind}_l{layer}{end}") for kind in WEIGHTS]
                y, *final = self.whole(flip(x, 0) if end else x, [s[layer * ways + k] for s in begin], weights)
                sides.append(flip(y, 0) if end else y)
                last.append(final)
            x = sides[0] if ways == 1 else ops.concat(*sides, axis=2)
        return x, [stack(parts) for parts in zip(*last, strict=True)]

    def _layers(self, steps: list[Any], begin: list[Any]) -> tuple[list[Any], list[Any]]:
        """All layers, in all directions: the output of each step, and the last states."""
        last = []
        for layer in range(self.num_layers):
            if layer and self.dropout:
                steps = [F.dropout(s, self.dropout, self.training, self.rng) for s in steps]
            sides = []
            for k, end in enumerate(("", "_reverse")[: 1 + self.bidirectional]):
                first = tuple(s[layer * (1 + self.bidirectional) + k] for s in begin)
                outputs, final = self._run(steps, first, f"l{layer}{end}", bool(end))
                sides.append(outputs)
                last.append(final)
            steps = sides[0] if len(sides) == 1 else [ops.concat(*pair, axis=1) for pair in zip(*sides, strict=True)]
        return steps, [stack(parts) for parts in zip(*last, strict=True)]

    def _run(self, steps: list[Any], state: Any, name: str, backwards: bool) -> tuple[list[Any], Any]:
        """One layer in one direction: the output of each step, and the last state. A step of fewer rows leaves the
        states of the others as they are."""
        kinds = (*WEIGHTS, "weight_hr") if self.proj_size else WEIGHTS
        weights = [getattr(self, f"{kind}_{name}") for kind in kinds]
        outputs = []
        for x in reversed(steps) if backwards else steps:
            n = x._data.shape[0]
            if n == state[0]._data.shape[0]:
                state = self.step(x, state, weights)
                outputs.append(state[0])
            else:
                new = self.step(x, tuple(s[:n] for s in state), weights)
                outputs.append(new[0])
                state = tuple(ops.concat(s, old[n:], axis=0) for s, old in zip(new, state, strict=True))
        return outputs[::-1] if backwards else outputs, state


def step_of(who: str, nonlinearity: str) -> Any:
    """The step of an RNN with this activation."""
    if nonlinearity not in ("tanh", "relu"):
        raise ValueError(f"{who}: nonlinearity must be 'tanh' or 'relu'; got {nonlinearity!r}; choose one")
    return partial(rnn_step, activation=F.tanh if nonlinearity == "tanh" else F.relu)


class RNN(_Recurrent[Tensor]):
    """h[t] = tanh(x[t] @ weight_ih.mT + bias_ih + h[t-1] @ weight_hh.mT + bias_hh), or relu.

    Shapes: `(length, batch, input_size) -> (length, batch, directions * hidden_size)` and the last state
    `(layers * directions, batch, hidden_size)`; batch first with `batch_first`; or without a batch axis. Sequences of
    different lengths come and go as `nn.utils.rnn.PackedSequence`.
    Initial values: uniform to +-1 / sqrt(hidden_size). Source: Elman, "Finding structure in time" (1990).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> y, h = nn.RNN(3, 4)(tg.ones((5, 2, 3)))
    >>> y.shape, h.shape
    ((5, 2, 4), (1, 2, 4))
    """

    @settings
    def __init__(
        self, input_size: Size, hidden_size: int, num_layers: int = 1, nonlinearity: str = "tanh",
        bias: bool = True, batch_first: bool = False, dropout: Probability = 0.0, bidirectional: bool = False,
        dtype: DTypeLike | None = None, *, rng: Generator | None = None,
    ) -> None:  # fmt: skip
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, dtype, rng=rng
        )  # fmt: skip
        self.nonlinearity, self.step = nonlinearity, step_of("RNN", nonlinearity)


class LSTM(_Recurrent[tuple[Tensor, Tensor]]):
    """Long short-term memory: a state h and a cell c, with gates (i, f, g, o) over what enters and stays.

    i, f, o = sigmoid(...), g = tanh(...) of `x @ weight_ih.mT + bias_ih + h @ weight_hh.mT + bias_hh`;
    c = f * c + i * g; h = o * tanh(c). Shapes as in RNN; the state is a pair (h, c). With `proj_size`, h is
    projected to that size by weight_hr, as in Sak et al. (2014).
    Initial values: uniform to +-1 / sqrt(hidden_size). Source: Hochreiter and Schmidhuber, "Long
    short-term memory" (1997).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> y, (h, c) = nn.LSTM(3, 4, num_layers=2)(tg.ones((5, 2, 3)))
    >>> y.shape, h.shape, c.shape
    ((5, 2, 4), (2, 2, 4), (2, 2, 4))
    """

    @settings
    def __init__(
        self, input_size: Size, hidden_size: int, num_layers: int = 1, bias: bool = True, batch_first: bool = False,
        dropout: Probability = 0.0, bidirectional: bool = False, proj_size: Size = 0, dtype: DTypeLike | None = None,
        *, rng: Generator | None = None,
    ) -> None:  # fmt: skip
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, dtype, rng=rng,
            proj_size=proj_size,
        )  # fmt: skip

    step, whole, gates, states = staticmethod(lstm_step), staticmethod(lstm_steps), 4, 2


class GRU(_Recurrent[Tensor]):
    """Gated recurrent unit: gates (r, z) over what is forgotten and kept.

    r, z = sigmoid(...); n = tanh(x part + r * h part); h = (1 - z) * n + z * h. Shapes as in RNN.
    Initial values: uniform to +-1 / sqrt(hidden_size). Source: Cho et al., "Learning phrase representations using RNN
    encoder-decoder for statistical machine translation" (2014).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> y, h = nn.GRU(3, 4, bidirectional=True, batch_first=True)(tg.ones((2, 5, 3)))
    >>> y.shape, h.shape
    ((2, 5, 8), (2, 2, 4))
    """

    step, whole, gates = staticmethod(gru_step), staticmethod(gru_steps), 3
