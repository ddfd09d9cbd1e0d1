"""Adding at repeated places, as PyTorch and NumPy have it; and errors that name a way that exists."""

import inspect
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu.interop.names import NAMES
from tinygrad_edu.interop.pytorch import TORCH
from tinygrad_edu.interop.table import FUNCTIONS
from tinygrad_edu.testing import check_gradients

torch = pytest.importorskip("torch")


@st.composite
def scatters(draw):
    """An input, an axis, an index that may be smaller than both, and a source."""
    shape = tuple(draw(st.lists(st.integers(1, 4), min_size=1, max_size=3)))
    axis = draw(st.integers(-len(shape), len(shape) - 1))
    index_shape = [draw(st.integers(1, n)) for n in shape]
    index_shape[axis] = draw(st.integers(1, 5))
    src_shape = tuple(n + draw(st.integers(0, 1)) for n in index_shape)
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    return rng.normal(size=shape), axis, rng.integers(shape[axis], size=index_shape), rng.normal(size=src_shape)


@given(scatters(), st.sampled_from([np.float64, np.float32]))
def test_scatter_add_as_in_pytorch(call, dtype):
    x, axis, index, src = call
    x, src = x.astype(dtype), src.astype(dtype)
    ours = [tg.Tensor(v, requires_grad=True) for v in (x, src)]
    theirs = [torch.tensor(v, requires_grad=True) for v in (x, src)]
    y = tg.scatter_add(ours[0], axis, index, ours[1])
    used = theirs[1][tuple(slice(0, n) for n in index.shape)]  # PyTorch has no gradient of a src larger than index
    z = torch.scatter_add(theirs[0], axis, torch.tensor(index), used)
    np.testing.assert_allclose(y.data, z.detach().numpy(), rtol=1e-6)
    assert y.dtype == dtype
    (y**3).sum().backward()
    (z**3).sum().backward()
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a.grad.data, b.grad.numpy(), rtol=1e-4, atol=1e-5)
    for other in (
        tg.scatter_add(input=x, dim=axis, index=tg.asarray(index), src=src), tg.asarray(x).scatter_add(axis, index, src),
        tg.asarray(x).scatter_add(dim=axis, index=index.astype(np.int32) - x.shape[axis], src=src),
    ):  # fmt: skip
        np.testing.assert_array_equal(other.data, y.data)


@given(st.data())
def test_index_add_as_in_pytorch(data):
    shape = tuple(data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=3)))
    axis, k = data.draw(st.integers(-len(shape), len(shape) - 1)), data.draw(st.integers(0, 5))
    alpha = data.draw(st.sampled_from([1, 2, -0.5]))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    index = rng.integers(shape[axis], size=k)
    rows = list(shape)
    rows[axis] = k
    x, source = rng.normal(size=shape), rng.normal(size=rows)
    ours = [tg.Tensor(v, requires_grad=True) for v in (x, source)]
    theirs = [torch.tensor(v, requires_grad=True) for v in (x, source)]
    y = tg.index_add(ours[0], axis, index, ours[1], alpha=alpha)
    z = torch.index_add(theirs[0], axis, torch.tensor(index, dtype=torch.int64), theirs[1], alpha=alpha)
    np.testing.assert_allclose(y.data, z.detach().numpy(), rtol=1e-12)
    (y**3).sum().backward()
    (z**3).sum().backward()
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a.grad.data, b.grad.numpy(), rtol=1e-10, atol=1e-12)
    same = tg.asarray(x).index_add(dim=axis, index=index.tolist(), source=source, alpha=alpha)
    np.testing.assert_array_equal(same.data, y.data)


KEYS = [
    [0, 2, 2], [-1, 0, 2], 1, (slice(None), [0, 0, 1]), ([0, 0, 2], [1, 1, 0]), (0, [1, 1, 1]), (..., [1, 1]), slice(0, 2),
    np.array([[0, 1], [1, 1]]), (np.array([[0], [0]]), np.array([1, 0])), np.array([True, False, True]), (None, [1, 1]),
    ([1, 1], slice(None), [0, 0]), (slice(None), [1, 1], None), (),
]  # fmt: skip


@pytest.mark.parametrize("key", KEYS, ids=str)
@pytest.mark.parametrize("ufunc", [np.add, np.subtract])
def test_ufunc_at_writes_into_a_tensor_and_is_differentiated(key, ufunc):
    rng = np.random.default_rng(0)
    plain = rng.normal(size=(3, 2, 2))
    for shape in (plain[key].shape, plain[key].shape[-1:], ()):
        value = rng.normal(size=shape)
        wanted = plain.copy()
        ufunc.at(wanted, key, value)
        t = tg.asarray(plain.copy())
        ufunc.at(t, key, value)
        np.testing.assert_allclose(t.data, wanted, rtol=1e-12)

        def f(x, value):
            y = 2 * x
            before = (y * y).sum()
            ufunc.at(y, key, value)
            return (y**3).sum() + before

        check_gradients(f, plain, value, order=2)


def test_ufunc_at_writes_as_other_writes_do():
    x, value = tg.Tensor([1.0, 2.0], requires_grad=True), tg.Tensor([1.0, 1.0], requires_grad=True)
    with pytest.raises(ValueError, match="a leaf that requires a gradient cannot be written into"):
        np.add.at(x, [0, 0], value)
    with tg.no_grad():
        np.add.at(x, [0, 0], value)
    assert x.tolist() == [3, 2]
    out = tg.zeros((2, 2))
    np.add.at(out[0], [0, 0], value)
    assert out.tolist() == [[2, 0], [0, 0]]
    with pytest.raises(IndexError, match="index 7 is out of bounds"):
        np.add.at(out, 7, value)
    with pytest.raises(TypeError, match=r"np\.add\.at: must add to or subtract from a tensor.*tg\.index_add"):
        np.add.at(np.zeros(2), [0, 0], value)
    with pytest.raises(TypeError, match=r"np\.maximum\.at: must add to or subtract from a tensor.*tg\.index_add"):
        np.maximum.at(out, [0, 0], value)
    plain = np.zeros(2)
    np.add.at(plain, tg.asarray([1, 1]), tg.asarray([1.0, 2.0]))
    assert plain.tolist() == [0, 3]


def test_float16_is_summed_in_float32():
    ones, zero = np.ones(5000, np.float16), np.zeros(2, np.float16)
    index = np.arange(5000) % 2
    t = tg.asarray(zero.copy())
    np.add.at(t, index, ones)
    w = tg.Tensor(zero, requires_grad=True)
    (w[index] * ones).sum().backward()
    for y in (
        tg.scatter_add(zero, 0, index, ones),
        tg.index_add(zero, 0, index, ones),
        tg.bincount(index, ones),
        t,
        w.grad,
    ):
        assert (y.tolist(), y.dtype) == ([2500, 2500], np.float16)


@pytest.mark.parametrize("minlength", [0, 2, 5])
def test_bincount_with_weights(minlength):
    index, w = np.array([0, 3, 3, 1]), np.array([0.5, -1.0, 2.0, 3.0])
    for f in (np.bincount, tg.bincount):
        for x in (index, index.tolist(), tg.asarray(index)):
            t = tg.Tensor(w, requires_grad=True)
            y = f(x, weights=t, minlength=minlength)
            np.testing.assert_array_equal(y.data, np.bincount(index, w, minlength))
            (y * y).sum().backward()
            np.testing.assert_array_equal(t.grad.data, 2 * np.bincount(index, w)[index])
    np.testing.assert_array_equal(tg.bincount(index, minlength=minlength).data, np.bincount(index, minlength=minlength))
    np.testing.assert_array_equal(np.bincount(tg.asarray(index)).data, np.bincount(index))
    assert tg.bincount(index, weights=w.astype(np.float32)).dtype == np.float32
    assert tg.bincount(tg.asarray(index)).dtype == np.bincount(index).dtype


def test_each_example_may_have_indices_of_its_own():
    index, w = np.array([[0, 1, 1], [2, 2, 2]]), np.arange(6.0).reshape(2, 3)
    wanted = [np.bincount(i, v, 3) for i, v in zip(index, w, strict=True)]

    def at(i, v):
        y = tg.zeros(3, dtype="float64")
        np.add.at(y, i, v)
        return y

    zero = np.zeros(3)
    for f in (at, lambda i, v: tg.index_add(zero, 0, i, v), lambda i, v: tg.scatter_add(zero, 0, i, v)):
        np.testing.assert_array_equal(tg.vmap(f)(index, w).data, wanted)
        g = tg.vmap(tg.grad(lambda v, i, f=f: (f(i, v) ** 2).sum()))(w, index).data
        np.testing.assert_array_equal(g, [2 * y[i] for y, i in zip(np.array(wanted), index, strict=True)])


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda x: tg.index_add(x, 0, [5], tg.ones((1, 2))), IndexError, "index_add: an index must be from -3 to 2; got 5"),
        (lambda x: tg.index_add(x, 0, [0], tg.ones((2, 2))), ValueError, "index_add: index must have one axis, and source"),
        (lambda x: tg.index_add(x, 0, [0.5], tg.ones((1, 2))), TypeError, "index_add: indices must be integers"),
        (lambda x: tg.index_add(x, 0), TypeError, "index_add: needs axis, index, source; got no index"),
        (lambda x: tg.index_add(x, 3, [0], x), ValueError, "index_add: axis"),
        (lambda x: tg.scatter_add(x, 0, [[3, 0]], x), IndexError, "scatter_add: an index must be from -3 to 2"),
        (lambda x: tg.scatter_add(x, 0, [[0, 0, 0]], x), ValueError, "scatter_add: index must fit into src, and into"),
        (lambda x: tg.scatter_add(x, 0, [0], x), ValueError, "scatter_add: index must fit into src"),
        (lambda x: tg.bincount([1, -2]), ValueError, "bincount: x must be one axis of integers, none negative; got -2"),
        (lambda x: tg.bincount([0, 1], weights=x), ValueError, "bincount: weights must have the shape of x"),
        (lambda x: tg.einsum(x, 3), TypeError, "einsum: needs subscripts as text, or a list of numbers"),
        (lambda x: tg.einsum(x, [0, 52]), TypeError, "einsum: needs subscripts as text, or a list of numbers from 0 to 51"),
        (lambda x: tg.einsum(x, [0, 1, 2]), ValueError, "einsum: subscripts must name each axis"),
    ],
)  # fmt: skip
def test_what_is_refused(call, error, text):
    with pytest.raises(error, match=re.escape(text)):
        call(tg.Tensor(np.zeros((3, 2)), requires_grad=True))


FORMS = [
    ((2, 3), [0, 1], (3, 4), [1, 2]), ((2, 3), [0, 1], (3, 4), [1, 2], [0, 2]), ((2, 3), [5, 51], (3, 4), [51, 0]),
    ((2, 3), [30, 2], (3, 2), [2, 30], []), ((3, 3), [0, 0]), ((3, 3), [1, 1], [1]), ((2, 3), [1, 0]),
    ((5, 2, 3), [..., 0, 1], (3, 4), [1, 2], [..., 0, 2]), ((5, 2, 3), [..., 0, 1], (5, 3, 4), [..., 1, 2]),
    ((2, 3), [Ellipsis, 1], (3,), [1], [Ellipsis]), ((2,), [0], (3,), [1], (4,), [2], [2, 0, 1]), ((2, 3), (1, 0), (0, 1)),
    ((), [], (3,), [0]),
]  # fmt: skip


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_einsum_with_numbered_axes(form):
    rng = np.random.default_rng(0)
    operands = len(form) // 2
    arguments = [rng.normal(size=v) if i < 2 * operands and i % 2 == 0 else v for i, v in enumerate(form)]
    wanted = np.einsum(*arguments)
    for f in (tg.einsum, np.einsum):
        given = [tg.Tensor(v, requires_grad=True) if isinstance(v, np.ndarray) else v for v in arguments]
        y = f(*given)
        np.testing.assert_allclose(y.data, wanted, rtol=1e-12, atol=1e-14)
        (y**2).sum().backward()
        for k in range(operands):  # einsum is linear in each operand
            np.testing.assert_allclose(
                (given[2 * k].grad * given[2 * k]).sum().item(), 2 * (wanted**2).sum(), rtol=1e-10
            )


def test_advice_to_use_another_function_is_never_a_circle():
    """Every argument that only NumPy takes: what the error says to use, exists, and takes it."""
    from tinygrad_edu.interop.protocol import _signature, _way_out

    seen = set()
    for function, here in FUNCTIONS.items():
        theirs, known = _signature(function), _signature(here)
        extra = set(theirs.parameters) - set(known.parameters) - {"out"} if theirs and known else set()
        for name in sorted(extra):
            text = _way_out(function.__name__, [name])
            seen.add(text.partition(" ")[0])
            if named := re.match(r"use (tg[\w.]*), which takes it", text):
                target = tg
                for part in named[1].split(".")[1:]:
                    target = getattr(target, part)
                assert name in inspect.signature(target).parameters, (function, name, text)
            else:
                assert text == "leave it out, or use np.asarray(t) for a value without a gradient"
    assert seen == {"use", "leave"}


def test_what_an_unknown_name_is_called_here_exists():
    for function in FUNCTIONS:
        name = function.__name__
        if not hasattr(tg, name) and getattr(np, name, None) is function and name not in {*NAMES, *TORCH}:
            with pytest.raises(AttributeError) as caught:
                getattr(tg, name)
            advice = str(caught.value).rpartition("; ")[2].removeprefix("use ").removeprefix("did you mean ")
            advice = advice.partition("?")[0].removeprefix("tg.").replace("F.", "nn.functional.")
            target = np if advice.startswith("np.") else tg.Tensor if hasattr(tg.Tensor, advice) else tg
            for part in advice.removeprefix("np.").split("."):
                target = getattr(target, part)
