"""Sequences of different lengths, packed and padded, and recurrent layers over them, against PyTorch."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu import nn
from tinygrad_edu.nn.utils import rnn

from .parity import arrays, compare_modules, flat, same

torch = pytest.importorskip("torch")
theirs_rnn = torch.nn.utils.rnn
lengths = st.lists(st.integers(1, 5), min_size=1, max_size=4)
flags = st.booleans()


def both(n, first=False):
    """A batch of sequences of lengths `n`, here and there."""
    (x,) = arrays(0, (max(n), len(n), 3))
    x = x.swapaxes(0, 1).copy() if first else x
    return tg.Tensor(x, requires_grad=True), torch.from_numpy(x.copy()).requires_grad_()


@given(lengths, flags, st.sampled_from([None, 6]), st.floats(-2, 2))
def test_packing_and_back(n, first, total, value):
    ours, theirs = both(n, first)
    kw = {"batch_first": first, "enforce_sorted": False}
    a, b = rnn.pack_padded_sequence(ours, n, **kw), theirs_rnn.pack_padded_sequence(theirs, torch.tensor(n), **kw)
    for u, v in zip(a, b):
        np.testing.assert_array_equal(u.data, v.detach().numpy())
    kw = {"batch_first": first, "padding_value": value, "total_length": total}
    (x, m), (y, k) = rnn.pad_packed_sequence(a, **kw), theirs_rnn.pad_packed_sequence(b, **kw)
    same(x.data, y.detach().numpy(), "float64", "padded")
    assert m.tolist() == k.tolist() == n
    (x * x).sum().backward()
    (y * y).sum().backward()
    same(ours.grad.data, theirs.grad.numpy(), "float64", "gradient")
    for u, v in zip(rnn.unpack_sequence(a), theirs_rnn.unpack_sequence(b)):
        np.testing.assert_array_equal(u.data, v.detach().numpy())


@given(lengths, flags, st.sampled_from(["left", "right"]))
def test_lists_of_sequences(n, first, side):
    given_rows = arrays(1, *[(k, 2) for k in n])
    theirs = [torch.from_numpy(x) for x in given_rows]
    a = rnn.pad_sequence(given_rows, first, 7.0, side)
    b = theirs_rnn.pad_sequence(theirs, first, 7.0, side)
    np.testing.assert_array_equal(a.data, b.numpy())
    if side == "right":
        for x, y in zip(rnn.unpad_sequence(a, n, first), given_rows):
            np.testing.assert_array_equal(x.data, y)
    for u, v in zip(rnn.pack_sequence(given_rows, False), theirs_rnn.pack_sequence(theirs, False)):
        np.testing.assert_array_equal(u.data, v.numpy())


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
@given(n=lengths, layers=st.integers(1, 2), two_ways=flags, states=flags, proj=st.integers(0, 2))
def test_recurrent_layers_over_packed_sequences(kind, n, layers, two_ways, states, proj):
    kw = {"num_layers": layers, "bidirectional": two_ways} | ({"proj_size": proj} if kind == "LSTM" else {})
    ours, theirs = (getattr(m, kind)(3, 4, **kw) for m in (nn, torch.nn))
    size = kw.get("proj_size") or 4
    shapes = [(layers * (1 + two_ways), len(n), k) for k in (size, 4)[: 2 if kind == "LSTM" else 1]]

    def call(module, x, *begin):
        own = module is ours
        packed = (rnn if own else theirs_rnn).pack_padded_sequence(
            x, n if own else torch.tensor(n), enforce_sorted=False
        )
        y, last = module(packed, (begin if kind == "LSTM" else begin[0]) if begin else None)
        return [y.data, *flat(last)]

    compare_modules(ours, theirs, arrays(2, (max(n), len(n), 3), *(shapes if states else [])), call=call)


@given(layers=st.integers(1, 2), two_ways=flags, first=flags, states=flags)
def test_a_projected_lstm(layers, two_ways, first, states):
    ours, theirs = (
        m.LSTM(3, 5, layers, batch_first=first, bidirectional=two_ways, proj_size=2) for m in (nn, torch.nn)
    )
    n = layers * (1 + two_ways)
    xs = arrays(0, (4, 4, 3), *([(n, 4, 2), (n, 4, 5)] if states else []))
    compare_modules(ours, theirs, xs, call=lambda m, x, *begin: m(x, begin or None))


@pytest.mark.parametrize(("call", "text"), [
    (lambda: rnn.pack_padded_sequence(np.ones((3, 2, 1)), [2, 3]), r"lengths must descend; got \[2, 3\]; pass enforce_sorted=False"),
    (lambda: rnn.pack_padded_sequence(np.ones((3, 2, 1)), [2, 0]), "lengths must be 1 or more"),
    (lambda: rnn.pack_padded_sequence(np.ones((3, 2, 1)), [4, 2]), r"lengths must be integers in shape \(2,\), from 0 to 3"),
    (lambda: nn.LSTM(3, 4, proj_size=4), "proj_size must be below hidden_size; got 4 for 4"),
    (lambda: nn.GRU(3, 4)(rnn.pack_sequence([np.ones((2, 2))])), r"packed steps must be 2 rows of 3; got \(2, 2\)"),
])  # fmt: skip
def test_what_is_refused(call, text):
    with pytest.raises(ValueError, match=text):
        call()
    with pytest.raises(TypeError, match="takes a PackedSequence; got list; make one with pack_padded_sequence"):
        rnn.pad_packed_sequence([1.0])
