"""Keywords of PyTorch's: taken where they mean the same, and otherwise a sentence says what to write."""

import inspect

import numpy as np
import pytest

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tinygrad_edu import nn
from tinygrad_edu.functions.arguments import OTHERWISE

torch = pytest.importorskip("torch")

X = np.random.default_rng(0).normal(size=(2, 3, 3))

# name here: arguments before, other keywords, and the name in PyTorch
TAKEN = {
    "sum": ((), {}, torch.sum), "prod": ((), {}, torch.prod), "mean": ((), {}, torch.mean),
    "logsumexp": ((), {}, torch.logsumexp), "all": ((), {}, torch.all), "any": ((), {}, torch.any),
    "argmax": ((), {}, torch.argmax), "argmin": ((), {}, torch.argmin),
    "count_nonzero": ((), {}, None), "cumulative_sum": ((), {}, torch.cumsum), "diff": ((), {}, torch.diff),
    "cumulative_prod": ((), {}, torch.cumprod), "argsort": ((), {}, torch.argsort), "topk": ((2,), {}, torch.topk),
    "squeeze": ((), {}, torch.squeeze), "expand_dims": ((), {}, torch.unsqueeze), "unstack": ((), {}, torch.unbind),
    "repeat": ((2,), {}, torch.repeat_interleave), "take": (([0, 1],), {}, None),
    "take_along_axis": ((np.zeros((2, 1, 1), int),), {}, None), "flip": ((), {}, None), "roll": ((1,), {}, None),
    "norm": ((), {}, torch.norm), "vector_norm": ((), {}, torch.linalg.vector_norm),
    "vecdot": ((X + 1,), {}, torch.linalg.vecdot), "cross": ((X + 1,), {}, torch.linalg.cross),
    "softmax": ((), {}, torch.softmax), "log_softmax": ((), {}, torch.log_softmax),
    "softmin": ((), {}, torch.nn.functional.softmin),
    "repeat_interleave": ((2,), {}, torch.repeat_interleave),
    "normalize": ((), {}, torch.nn.functional.normalize),
    "cosine_similarity": ((X + 1,), {}, torch.nn.functional.cosine_similarity),
}  # fmt: skip
LISTS = {"concat": torch.concat, "stack": torch.stack}


def ours(name):
    return getattr(tg, name, None) or getattr(tg.linalg, name, None) or getattr(F, name)


def with_dim():
    """Every public function that takes an axis."""
    for place in (tg, tg.linalg, F):
        for name in getattr(place, "__all__", dir(place)):
            f = getattr(place, name)
            if inspect.isfunction(f) and "axis" in inspect.signature(f).parameters:
                yield name, f


def test_every_function_with_an_axis_takes_dim_or_says_why_not():
    found = dict(with_dim())
    assert {name for name, f in found.items() if "dim" not in inspect.signature(f).parameters} == set()
    others = ("scatter_add", "index_add", "gather", "glu", "gumbel_softmax")  # called otherwise: in tests of their own
    found = {name: f for name, f in found.items() if name not in others}
    assert found.keys() == TAKEN.keys() | LISTS.keys() | OTHERWISE.keys()
    for name, f in found.items():
        parameters = inspect.signature(f).parameters
        assert ("keepdims" in parameters) == ("keepdim" in parameters), name


def same(found, want, rtol=0.0):
    several = isinstance(want, tuple | list)
    for a, b in zip(found if several else [found], want if several else [want], strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=rtol)


@pytest.mark.parametrize("name", TAKEN)
def test_dim_is_axis(name):
    args, kw, theirs = TAKEN[name]
    f, axis = ours(name), 0 if name == "expand_dims" else 2
    x = X[:, :, :1] if name == "squeeze" else X
    for keep in (False, True) if "keepdims" in inspect.signature(f).parameters else (None,):
        mine = {} if keep is None else {"keepdim": keep}
        found = f(x, *args, dim=axis, **mine, **kw)
        same(found, f(x, *args, axis=axis, **({} if keep is None else {"keepdims": keep}), **kw))
        if hasattr(tg.Tensor, name):
            same(found, getattr(tg.Tensor(x), name)(*args, dim=axis, **mine, **kw))
        if theirs is not None:
            lifted = [torch.tensor(a) if isinstance(a, np.ndarray) else a for a in args]
            want = theirs(torch.tensor(x), *lifted, dim=axis, **mine, **kw)
            same(found, want, 1e-12)


@pytest.mark.parametrize("name", LISTS)
def test_dim_of_lists(name):
    found = ours(name)([X, X], dim=1)
    np.testing.assert_array_equal(found.data, LISTS[name]([torch.tensor(X)] * 2, dim=1).numpy())


@pytest.mark.parametrize("name", OTHERWISE)
def test_what_means_something_else_is_refused(name):
    args = (3,) if name == "split" else ()
    with pytest.raises(
        TypeError, match=f"{name}: must be given axis and keepdims; got dim or keepdim; PyTorch .* use "
    ):
        ours(name)(X, *args, dim=1)
    if name not in ("split", "sort"):
        with pytest.raises(TypeError, match="got dim or keepdim"):
            ours(name)(X, 1, keepdim=True)


@pytest.mark.parametrize("name", ["var", "std"])
def test_with_a_correction_dim_has_one_meaning(name):
    found, theirs = getattr(tg, name)(X, dim=1, correction=1, keepdim=True), getattr(torch, name)
    np.testing.assert_allclose(found.data, theirs(torch.tensor(X), dim=1, correction=1, keepdim=True).numpy())


def test_settings_under_pytorchs_names():
    x = np.asarray(X, np.float32)
    for name in ("softmax", "log_softmax", "softmin"):
        found, theirs = getattr(F, name)(x, dim=1, dtype="float64"), getattr(torch.nn.functional, name)
        np.testing.assert_allclose(found.data, theirs(torch.tensor(x), dim=1, dtype=torch.float64).numpy(), rtol=1e-12)
        assert found.dtype == np.float64
    y = tg.tensordot(X, X, dims=([0], [0]))
    np.testing.assert_allclose(y.data, torch.tensordot(torch.tensor(X), torch.tensor(X), dims=([0], [0])).numpy())


def test_one_argument_is_given_once():
    with pytest.raises(TypeError, match="sum: axis is PyTorch's dim.*; got both, 1 and 0; give one"):
        tg.sum(X, 1, dim=0)
    with pytest.raises(TypeError, match="got both, 1 and 2; give one"):
        tg.stack([X, X], 1, dim=2)
    with pytest.raises(TypeError, match="got both, True and False"):
        tg.sum(X, keepdims=True, keepdim=False)


@pytest.mark.parametrize("name", ["Softmax", "LogSoftmax"])
def test_layers_take_dim(name):
    layer, other = getattr(nn, name)(dim=1), getattr(torch.nn, name)(dim=1)
    np.testing.assert_allclose(layer(X).data, other(torch.tensor(X)).numpy(), rtol=1e-12)
    assert layer.axis == 1


ACTIVATIONS = ["relu", "leaky_relu", "elu", "selu", "silu", "hardtanh", "dropout"]


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_inplace_is_taken_and_leaves_the_input(name):
    x, kw = tg.Tensor(X), {"training": False} if name == "dropout" else {}
    found = getattr(F, name)(x, inplace=True, **kw)
    np.testing.assert_allclose(found.data, getattr(torch.nn.functional, name)(torch.tensor(X), **kw))
    np.testing.assert_array_equal(x.data, X)


@pytest.mark.parametrize("name", ["ReLU", "LeakyReLU", "ELU", "SELU", "SiLU", "Hardtanh", "Dropout"])
def test_layers_take_inplace(name):
    layer, other = getattr(nn, name)(inplace=True).eval(), getattr(torch.nn, name)(inplace=True).eval()
    np.testing.assert_allclose(layer(X).data, other(torch.tensor(X)).numpy(), rtol=1e-6)
    positional = {"ReLU": (True,), "SELU": (True,), "SiLU": (True,), "Dropout": (0.5, True)}.get(name)
    if positional is not None:
        getattr(nn, name)(*positional)


@pytest.mark.parametrize("keep", [True, False, None])
def test_backward_takes_retain_graph(keep):
    w = tg.Tensor([2.0], requires_grad=True)
    y = (w**2).sum()
    y.backward(retain_graph=keep)
    y.backward()
    assert w.grad.tolist() == [8.0]


def test_an_unknown_keyword_is_answered():
    with pytest.raises(TypeError, match=r"sum: keywords must be among axis, .*; got axes; did you mean axis\?"):
        tg.sum(X, axes=1)
