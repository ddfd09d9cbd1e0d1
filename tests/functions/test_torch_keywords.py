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
    others = (
        "scatter_add",
        "index_add",
        "gather",
        "glu",
        "gumbel_softmax",
        "matrix_norm",
    )  # called otherwise: in tests of their own
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


SQUARE, LOWER = X[0] @ X[0].T + np.eye(3), np.tril(X[0]) + 3 * np.eye(3)
# Calls that are the same text here and in PyTorch: `m` is tg or torch, `t` makes a tensor.
SAME = {
    "flip": lambda m, t: m.flip(t(X), dims=(0, 2)), "roll": lambda m, t: m.roll(t(X), shifts=(1, 2), dims=(0, 2)),
    "tile": lambda m, t: m.tile(t(X), dims=(2, 1, 1)), "tensordot": lambda m, t: m.tensordot(t(X), t(X), dims=([0, 1], [0, 2])),
    "diagonal": lambda m, t: m.diagonal(t(X), offset=1, dim1=0, dim2=2),
    "flatten": lambda m, t: m.flatten(t(X), start_dim=1, end_dim=-1), "flatten, from": lambda m, t: m.flatten(t(X), start_dim=1),
    "add": lambda m, t: m.add(t(X), t(X[0]), alpha=2), "add a number": lambda m, t: m.add(t(X), 0.1, alpha=3),
    "subtract": lambda m, t: m.subtract(t(X), t(X[0]), alpha=0.5), "add method": lambda m, t: t(X).add(t(X), alpha=2),
    "arange": lambda m, t: m.arange(end=4), "arange, from": lambda m, t: m.arange(1, end=4, step=2),
    "var": lambda m, t: m.var(t(X), dim=1, unbiased=True), "std": lambda m, t: m.std(t(X), dim=1, unbiased=False, keepdim=True),
    "var, default": lambda m, t: m.var(t(X), dim=(0, 1), correction=None), "std method": lambda m, t: t(X).std(unbiased=True),
    "var, 0": lambda m, t: m.var(t(X), dim=1, correction=0), "std, 0": lambda m, t: m.std(t(X), dim=None, correction=0.0, keepdim=True),
    "fftn, one axis": lambda m, t: m.fft.fftn(t(X), dim=-2), "mH": lambda m, t: t(X + 1j).mH, "complex pad": lambda m, t: (m.nn.functional.pad if m is tg else torch.constant_pad_nd)(t(X + 1j), (1, 2), value=2j),
    "pinv, complex": lambda m, t: m.linalg.pinv(t(SQUARE + 1j * X[1]), hermitian=True), "rank, complex": lambda m, t: m.linalg.matrix_rank(t(np.eye(3) * 1j + np.eye(3)[0]), hermitian=True),
    "bincount": lambda m, t: m.bincount(t(np.array([0, 2, 2])), weights=t(np.array([1, 2, 3]))),
    "repeat_interleave": lambda m, t: m.repeat_interleave(t(X), 2, dim=1, output_size=6),
    "logit": lambda m, t: m.special.logit(t(np.array([0.0, 0.1, 0.5, 1.0])), 0.2), "logit, eps": lambda m, t: m.special.logit(t(np.array([0.0, 0.5])), eps=0.1),
    "rank": lambda m, t: m.linalg.matrix_rank(t(SQUARE), atol=2.0, rtol=0.1), "rank, hermitian": lambda m, t: m.linalg.matrix_rank(t(LOWER), hermitian=True),
    "pinv": lambda m, t: m.linalg.pinv(t(SQUARE), rtol=0.3, hermitian=True), "eigh": lambda m, t: m.linalg.eigh(t(X), UPLO="U")[0],
    "eigvalsh": lambda m, t: m.linalg.eigvalsh(t(X), UPLO="L"), "matrix_norm": lambda m, t: m.linalg.matrix_norm(t(X), "fro", (2, 0), True),
    "matrix_norm, dim": lambda m, t: m.linalg.matrix_norm(t(X), ord=1, dim=(2, 0), keepdim=True), "matrix_norm, nuc": lambda m, t: m.linalg.matrix_norm(t(X), "nuc", (0, 1)),
    **{f"solve_triangular {u} {left} {d}": lambda m, t, u=u, left=left, d=d: m.linalg.solve_triangular(t(LOWER.T if u else LOWER), t(SQUARE), upper=u, left=left, unitriangular=d) for u in (True, False) for left in (True, False) for d in (True, False)},
    "searchsorted": lambda m, t: m.searchsorted(t(np.array([1.0, 2, 2, 3])), t(np.array([2.0, 4])), right=True, out_int32=False),
    "searchsorted, left": lambda m, t: m.searchsorted(t(np.array([1.0, 2, 2, 3])), t(np.array([2.0, 4])), right=False, side="left"),
    "nonzero": lambda m, t: m.nonzero(t(X > 0), as_tuple=False), "nonzero, tuple": lambda m, t: m.nonzero(t(X > 0), as_tuple=True)[1],
    "meshgrid": lambda m, t: m.meshgrid([t(X[0, 0]), t(X[0, 1, :2])], indexing="ij")[1], "einsum": lambda m, t: m.einsum("bij,bjk->bik", [t(X), t(X)]),
    "topk": lambda m, t: m.topk(t(X), 2, 1, True, True)[0], "topk, sorted": lambda m, t: m.topk(t(X), 2, dim=1, sorted=True)[1],
    "tril": lambda m, t: m.tril(t(X), diagonal=1), "linspace": lambda m, t: m.linspace(0.0, 1.0, steps=5), "sum": lambda m, t: m.sum(input=t(X), dim=1),
    "cdist": lambda m, t: m.nn.functional.cdist(t(X), t(X), 2.0, "donot_use_mm_for_euclid_dist") if m is tg else m.cdist(t(X), t(X), 2.0, "donot_use_mm_for_euclid_dist"),
    "zeros": lambda m, t: m.zeros(size=(2, 3), device="cpu", requires_grad=False, pin_memory=False), "eye": lambda m, t: m.eye(3, requires_grad=False),
    "mse_loss": lambda m, t: m.nn.functional.mse_loss(t(X), t(X + 1), size_average=None, reduce=None, reduction="mean"),
    "embedding": lambda m, t: m.nn.functional.embedding(t(np.array([0, 2])), t(X[0]), sparse=False, scale_grad_by_freq=False),
    **{f"fft.{name}": lambda m, t, n=name: getattr(m.fft, n)(t(X), dim=1, norm="ortho") for name in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft")},
    **{f"fft.{name}": lambda m, t, n=name: getattr(m.fft, n)(t(X), s=(2, 3), dim=(0, 1), norm=None) for name in ("fftn", "ifftn", "rfftn", "irfftn")},
    **{f"fft.{name}": lambda m, t, n=name: getattr(m.fft, n)(t(X), dim=(0, 2)) for name in ("fftshift", "ifftshift")},
}  # fmt: skip


@pytest.mark.parametrize("name", SAME)
def test_a_call_of_pytorchs_means_the_same(name):
    found, want = SAME[name](tg, tg.Tensor), SAME[name](torch, torch.tensor)
    assert found.shape == tuple(want.shape)
    assert found.dtype == want.resolve_conj().numpy().dtype
    np.testing.assert_allclose(found.data, want.resolve_conj().numpy(), rtol=1e-12, atol=1e-12)


REFUSED = {
    "some": (lambda: tg.linalg.svd(X, some=True), "svd: .* got some; give full_matrices, its opposite; Vh stands in place of V"),
    "out_int32": (lambda: tg.searchsorted([1, 2], [1], out_int32=True), "searchsorted: .* leave it out: places are int64"),
    "sparse": (lambda: nn.Embedding(3, 2, sparse=True), "Embedding: .* got sparse; leave it out: gradients are dense"),
    "scale_grad_by_freq": (lambda: F.embedding([0], X[0], scale_grad_by_freq=True), r"embedding: .* divide the gradient by np\.bincount"),
    "requires_grad": (lambda: tg.zeros(2, requires_grad=True), r"zeros: .* call \.requires_grad_\(\) on the result"),
    "atol": (lambda: tg.linalg.pinv(X, atol=1.0), "pinv: .* give rtol, that is atol over the largest singular value"),
    "a bad value": (lambda: tg.diagonal(X, dim1="a"), "diagonal: axis1 must be an integer; got 'a'; use "),
    "both": (lambda: tg.std(X, correction=1, unbiased=True), "std: unbiased is PyTorch's correction of 1 or 0; got both, True and 1; give one"),
    "both sides": (lambda: tg.searchsorted([1, 2], [1], side="right", right=False), "searchsorted: .* got both"),
    "output_size": (lambda: tg.repeat_interleave([1, 2], 2, output_size=3), "repeat_interleave: output_size must be what comes out, 4; got 3; leave it out"),
    "UPLO": (lambda: tg.linalg.eigh(X, UPLO="X"), "eigh: UPLO must be 'L' or 'U'; got 'X'; leave it out"),
    "one axis": (lambda: tg.linalg.matrix_norm(X, axis=1), "matrix_norm: axis must name two axes; got 1 .* use "),
    "no end": (lambda: tg.arange(), "arange: needs an end; got nothing; write "),
    "alpha elsewhere": (lambda: tg.multiply(X, X, alpha=2), "multiply: .* got alpha; check the spelling"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_another_meaning_is_answered_by_a_sentence(name):
    call, sentence = REFUSED[name]
    with pytest.raises((TypeError, ValueError), match=sentence):
        call()


def test_alpha_has_a_gradient_and_does_not_widen():
    assert tg.add(np.ones(2, "f4"), 2.0, alpha=3).dtype == np.float32
    x, y = tg.Tensor(X), tg.Tensor(X + 1)
    for g, want in zip(
        tg.grad(lambda x, y: (tg.subtract(x, y, alpha=3) ** 2).sum(), (0, 1))(x, y), (1, -3), strict=True
    ):
        np.testing.assert_allclose(g.data, 2 * want * (X - 3 * (X + 1)))
