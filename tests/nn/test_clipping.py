"""Gradients kept within bounds, beside PyTorch: every norm, dtype and kind of gradient."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu import nn, optim

torch = pytest.importorskip("torch")

SHAPES = [(2, 3), (), (4,), (1, 2)]
NORMS = [2.0, 1, 0, 0.5, 3.0, float("inf"), "inf", -1.0, -float("inf")]


def pair(arrays, missing=()):
    """Parameters of both libraries with the same gradients."""
    ours = [nn.Parameter(np.zeros_like(a)) for a in arrays]
    theirs = [torch.nn.Parameter(torch.zeros(a.shape, dtype=torch.from_numpy(np.array(a)).dtype)) for a in arrays]
    for i, (p, q, a) in enumerate(zip(ours, theirs, arrays, strict=True)):
        if i not in missing:
            p.grad, q.grad = tg.Tensor(a), torch.from_numpy(np.array(a))
    return ours, theirs


def same(ours, theirs, rtol):
    for p, q in zip(ours, theirs, strict=True):
        assert (p.grad is None) == (q.grad is None)
        if p.grad is not None:
            assert p.grad.dtype == p.dtype
            np.testing.assert_allclose(p.grad.data, q.grad.numpy(), rtol=rtol, atol=1e-300)


@given(
    st.integers(0, 99), st.sampled_from(NORMS), st.sampled_from([0.0, 0.1, 1.0, 1e3, float("inf")]),
    st.sampled_from(["float32", "float64"]), st.sampled_from([(), (0,), (0, 1, 2, 3)]),
    st.sampled_from(["list", "generator", "tuple"]), st.sampled_from([None, 0.0, np.inf, np.nan]),
)  # fmt: skip
def test_norms_are_pytorchs(seed, norm_type, limit, dtype, missing, form, odd):
    rng = np.random.default_rng(seed)
    arrays = [np.asarray(rng.normal(size=shape), dtype) for shape in SHAPES]
    if odd is not None:
        arrays[2][1] = odd
    ours, theirs = pair(arrays, missing)
    form = {"list": list, "tuple": tuple, "generator": lambda ps: (p for p in ps)}[form]
    found = nn.utils.clip_grad_norm_(form(ours), limit, norm_type)
    want = torch.nn.utils.clip_grad_norm_(form(theirs), limit, norm_type)
    rtol = 1e-5 if dtype == "float32" else 1e-12
    np.testing.assert_allclose(found.data, want.numpy(), rtol=rtol)
    same(ours, theirs, rtol)
    if np.isfinite(limit) and limit and len(missing) < 4:  # PyTorch fails where there is no gradient
        nn.utils.clip_grad_value_(form(ours), limit / 2)
        torch.nn.utils.clip_grad_value_(form(theirs), limit / 2)
        same(ours, theirs, rtol)


@pytest.mark.filterwarnings("ignore:Using backward:UserWarning")  # PyTorch's
@given(st.integers(0, 20), st.sampled_from([2.0, 1, float("inf"), 0]), st.booleans())
def test_gradients_with_a_history_are_pytorchs(seed, norm_type, by_value):
    """After backward(create_graph=True) gradients are results, views among them."""
    rng = np.random.default_rng(seed)
    w, v, x = rng.normal(size=(2, 3)), rng.normal(size=3), rng.normal(size=(5, 3))
    ours = [nn.Parameter(w), nn.Parameter(v)]
    theirs = [torch.nn.Parameter(torch.tensor(w)), torch.nn.Parameter(torch.tensor(v))]
    optimizer, other = optim.SGD(ours, lr=0.5), torch.optim.SGD(theirs, lr=0.5)
    for _ in range(3):
        optimizer.zero_grad()
        other.zero_grad()
        (tg.tanh((x + ours[1]) @ ours[0].T) ** 2).sum().backward(create_graph=True)
        (torch.tanh((torch.tensor(x) + theirs[1]) @ theirs[0].T) ** 2).sum().backward(create_graph=True)
        if by_value:
            nn.utils.clip_grad_value_(ours, 0.3)
            torch.nn.utils.clip_grad_value_(theirs, 0.3)
        else:
            found = nn.utils.clip_grad_norm_(ours, 0.3, norm_type)
            want = torch.nn.utils.clip_grad_norm_(theirs, 0.3, norm_type)
            np.testing.assert_allclose(found.data, want.detach().numpy(), rtol=1e-10)
        for p, q in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(p.grad.data, q.grad.detach().numpy(), rtol=1e-10)
        optimizer.step()
        other.step()
        for p, q in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(p.data, q.detach().numpy(), rtol=1e-10)


def test_a_graph_of_a_gradient_outlives_clipping():
    """A gradient penalty: the second gradient is of the gradient as it was."""
    w = nn.Parameter(np.array([1.0, 2.0]))
    (w**3).sum().backward(create_graph=True)
    penalty = (w.grad**2).sum()
    nn.utils.clip_grad_norm_(w, 1.0)
    w.grad = None
    penalty.backward()
    np.testing.assert_allclose(w.grad.data, 36 * w.data**3)


def test_a_gradient_is_scaled_once():
    p, q = nn.Parameter(np.zeros(2)), nn.Parameter(np.zeros(2))
    for these in ([p, p], [p, q]):
        p.grad = q.grad = tg.Tensor(np.array([3.0, 4.0]))
        total = nn.utils.clip_grad_norm_(these, 1.0).item()
        assert total == pytest.approx(50**0.5)
        np.testing.assert_allclose(p.grad.data, np.array([3.0, 4.0]) / total, rtol=1e-6)
    whole = tg.Tensor(np.array([3.0, 4.0, 6.0, 8.0]))
    p.grad, q.grad = whole[:2], whole[2:]
    nn.utils.clip_grad_norm_([p, q], 1.0)
    np.testing.assert_allclose(np.concatenate([p.grad.data, q.grad.data]), whole.data / 125**0.5, rtol=1e-6)


@pytest.mark.parametrize(("value", "n"), [(60000.0, 3), (6e-8, 5), (1.0, 70000)])
def test_half_precision_neither_overflows_nor_vanishes(value, n):
    w = nn.Parameter(np.zeros(n, np.float16))
    w.grad = tg.Tensor(np.full(n, value, np.float16))
    exact = float(np.float16(value)) * n**0.5
    assert nn.utils.clip_grad_norm_(w, 2 * exact).item() == pytest.approx(exact, rel=1e-6)
    assert w.grad.dtype == np.float16


def test_norms_near_the_ends_of_float64():
    for value in (1e300, 1e-300):
        w = nn.Parameter(np.zeros(4))
        w.grad = tg.Tensor(np.full(4, value))
        assert nn.utils.clip_grad_norm_(w, 1e306).item() == pytest.approx(2 * value)


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_norms_that_are_not_finite(odd):
    w = nn.Parameter(np.zeros(2))
    w.grad = tg.Tensor(np.array([1.0, odd]))
    with pytest.raises(ValueError, match="clip_grad_norm_: the norm of the gradients must be finite; got"):
        nn.utils.clip_grad_norm_(w, 1.0, error_if_nonfinite=True)
    assert w.grad.tolist()[0] == 1.0


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: nn.utils.clip_grad_norm_(nn.Linear(1, 1), 1.0), "got Linear; pass net.parameters"),
        (lambda: nn.utils.clip_grad_norm_([np.ones(2)], 1.0), "a parameter must be a tensor; got ndarray"),
        (lambda: nn.utils.clip_grad_norm_(3, 1.0), "parameters must be several, such as a list; got 3"),
        (lambda: nn.utils.clip_grad_norm_([], "big"), "max_norm must be a number; got 'big'"),
        (lambda: nn.utils.clip_grad_value_([], None), "clip_value must be a number; got None"),
    ],
)
def test_what_cannot_be_clipped_is_refused(call, text):
    with pytest.raises(TypeError, match=text):
        call()


def test_no_gradients_have_norm_zero():
    assert nn.utils.clip_grad_norm_([nn.Parameter([1.0])], 1.0).item() == 0.0
