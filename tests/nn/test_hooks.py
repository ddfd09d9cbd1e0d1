"""Hooks of tensors and of modules, against PyTorch: what they are given, and what becomes of what they give."""

import copy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu import nn
from tinygrad_edu.errors import GraphError, LostGradientWarning

torch = pytest.importorskip("torch")
values = st.lists(st.floats(-3, 3), min_size=1, max_size=4)


def both(xs):
    return tg.Tensor(np.array(xs), requires_grad=True), torch.tensor(xs, dtype=torch.float64, requires_grad=True)


def same(a, b):
    np.testing.assert_allclose(a.tolist(), b.tolist(), atol=1e-12)


@given(values, st.booleans(), st.booleans())
def test_a_hook_of_a_result_sees_its_whole_gradient_once(xs, replaces, twice):
    found = []
    for x, seen in zip(both(xs), ([], [])):
        y = x * 2
        y.register_hook(lambda g, seen=seen: (seen.append(g.tolist()), g * 3 if replaces else None)[1])
        if twice:
            y.register_hook(lambda g, seen=seen: seen.append(g.tolist()))
        ((y**2).sum() + y.sum()).backward()
        found.append((seen, x.grad.tolist()))
    np.testing.assert_allclose(found[0][0], found[1][0])
    np.testing.assert_allclose(found[0][1], found[1][1])


@given(values)
def test_a_hook_of_a_leaf_works_on_each_gradient_before_it_is_added(xs):
    for x in (pair := both(xs)):
        handle = x.register_hook(lambda g: g + 1)
        (x * x).sum().backward()
        (x * 3).sum().backward()
        handle.remove()
        handle.remove()
        x.sum().backward()
    same(pair[0].grad, pair[1].grad)


@given(values)
def test_retained_gradients(xs):
    kept = []
    for x in (pair := both(xs)):
        y = x * x
        y.retain_grad()
        (y * y).sum().backward()
        kept.append(y.grad)
    same(kept[0], kept[1])
    same(pair[0].grad, pair[1].grad)
    y = pair[0] + 1
    with pytest.warns(LostGradientWarning, match=r"call its retain_grad\(\) before backward"):
        assert y.grad is None


def test_hooks_work_under_transforms_and_with_graphs_of_gradients():
    def f(x):
        y = x * x
        y.register_hook(lambda g: g * 5)
        return (y * y).sum()

    x = tg.Tensor([2.0])
    assert tg.grad(f)(x).tolist() == [5 * 4 * 2.0**3]
    X = torch.tensor([2.0], requires_grad=True)
    (g,) = torch.autograd.grad(f(X), X, create_graph=True)
    second = torch.autograd.grad(g, X)[0]  # the hook works on this gradient, too
    assert tg.grad(lambda x: tg.grad(f)(x).sum())(x).tolist() == second.tolist()
    x = tg.Tensor([2.0], requires_grad=True)
    f(x).backward(create_graph=True)
    assert x.grad.requires_grad


def test_a_write_leaves_hooks_with_what_stood_there():
    seen = []
    x = tg.Tensor([1.0, 2.0], requires_grad=True)
    y = x * 1
    y.register_hook(lambda g: seen.append(g.tolist()))
    y.retain_grad()
    y[0] = 5.0
    (y * 3).sum().backward()
    assert seen == [[0.0, 3.0]]
    assert y.grad.tolist() == [3.0, 3.0]


@pytest.mark.parametrize(("call", "kind", "text"), [
    (lambda: tg.Tensor([1.0]).register_hook(print), GraphError, "register_hook: the tensor must need a gradient"),
    (lambda: tg.Tensor([1.0]).retain_grad(), GraphError, "retain_grad: the tensor must need a gradient"),
    (lambda: tg.Tensor([1.0], requires_grad=True).register_hook(3), TypeError, "hook must be a function; got int"),
    (lambda: nn.ReLU().register_forward_hook(None), TypeError, "register_forward_hook: hook must be a function"),
])  # fmt: skip
def test_what_is_refused(call, kind, text):
    with pytest.raises(kind, match=text):
        call()
    x = tg.Tensor([1.0, 2.0], requires_grad=True)
    x.register_hook(lambda g: 3.0)
    with pytest.raises(GraphError, match=r"a hook must give None or a gradient of shape \(2,\); got float"):
        (x * x).sum().backward()


def linear(module):
    torch.manual_seed(0)
    theirs = torch.nn.Bilinear(3, 2, 4).double()
    if module is torch.nn:
        return theirs
    ours = nn.Bilinear(3, 2, 4, dtype="float64")
    ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    return ours


def record(module, tensor, replace):
    """The calls of all hooks of a module with two inputs, and the gradients."""
    layer, seen = linear(module), []
    note = lambda kind, xs: seen.append((kind, [None if x is None else np.array(x.tolist()) for x in xs]))
    layer.register_forward_pre_hook(lambda m, args: (note("pre", args), (args[0] * 2, args[1]) if replace else None)[1])
    layer.register_forward_hook(lambda m, args, y: (note("forward", (*args, y)), y * 3 if replace else None)[1])
    layer.register_full_backward_hook(
        lambda m, gin, gout: (note("in", gin), note("out", gout), (gin[0] * 5, gin[1]) if replace else None)[2]
    )
    layer.register_full_backward_pre_hook(lambda m, gout: (note("back", gout), (gout[0] + 1,) if replace else None)[1])
    rng = np.random.default_rng(0)
    x, y = tensor(rng.normal(size=(5, 3))), tensor(rng.normal(size=(5, 2)))
    (layer(x, y) ** 2).sum().backward()
    note("grad", [x.grad, y.grad, layer.weight.grad])
    return seen


@pytest.mark.parametrize("replace", [False, True])
def test_hooks_of_modules(replace):
    ours = record(nn, lambda x: tg.Tensor(x, requires_grad=True), replace)
    theirs = record(torch.nn, lambda x: torch.from_numpy(x).requires_grad_(), replace)
    assert [kind for kind, _ in ours] == [kind for kind, _ in theirs]
    for (kind, a), (_, b) in zip(ours, theirs):
        for u, v in zip(a, b):
            np.testing.assert_allclose(u, v, atol=1e-10, err_msg=kind)


def test_a_backward_hook_where_no_input_needs_a_gradient_is_told_of_the_outputs():
    layer, seen = nn.Linear(2, 2), []
    layer.register_full_backward_hook(lambda m, gin, gout: seen.append((gin, gout[0].shape)))
    layer(np.ones((3, 2))).sum().backward()
    assert [shape for _, shape in seen] == [(3, 2)]
    assert all(g is None for g in seen[0][0])


def test_order_keywords_and_the_end_of_hooks():
    layer, seen = nn.Identity(), []
    layer.register_forward_hook(lambda *a: seen.append("second"))
    with layer.register_forward_hook(lambda *a: seen.append("first"), prepend=True):
        layer(1.0)
    layer(2.0)
    assert seen == ["first", "second", "second"]

    class Scaled(nn.Module):
        def forward(self, x, by=1.0):
            return x * by

    scaled = Scaled()
    scaled.register_forward_pre_hook(lambda m, args, kw: (args, {"by": kw["by"] * 2}), with_kwargs=True)
    scaled.register_forward_hook(lambda m, args, kw, y: y + kw["by"], with_kwargs=True)
    assert scaled(1.0, by=3.0) == 12.0
    assert copy.deepcopy(scaled)(1.0, by=3.0) == 12.0


def test_a_model_without_hooks_has_no_state_of_them():
    assert vars(nn.ReLU()) == {"training": True}
    hooked = nn.Sequential(nn.Linear(2, 2))
    hooked[0].register_forward_hook(lambda m, args, y: y * 0)
    assert list(hooked.state_dict()) == ["0.weight", "0.bias"]
    assert repr(hooked) == repr(nn.Sequential(nn.Linear(2, 2)))
    assert nn.functional_call(hooked, dict(hooked.named_parameters()), np.ones(2, "f4")).tolist() == [0.0, 0.0]


def test_hooks_work_on_batches_and_in_compiled_functions():
    def f(x):
        y = x * x
        y.register_hook(lambda g: g * 3)
        return (y * y).sum()

    rows = np.array([[1.0, 2.0], [3.0, 4.0]])
    np.testing.assert_allclose(tg.vmap(tg.grad(f))(rows).data, 12 * rows**3)
    np.testing.assert_allclose(tg.compile(tg.grad(f))(tg.asarray(rows)).data, 12 * rows**3)
    layer = nn.utils.weight_norm(nn.Linear(2, 2, dtype="float64"))
    np.testing.assert_allclose(tg.compile(lambda x: layer(x))(tg.asarray(rows)).data, layer(rows).data, rtol=1e-12)
