"""functional_call: a module run with other tensors, beside PyTorch's, and with nothing of the module changed."""

import concurrent.futures
import copy
import functools
import types
import weakref

import numpy as np
import pytest

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tinygrad_edu import nn
from tinygrad_edu.errors import StateDictError

X, Y = np.random.default_rng(0).normal(size=(5, 3)), np.arange(5) % 2


def build():
    tg.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).astype("float64")


def names(net):
    return [name for name, _ in net.named_parameters()]


def loss_of(net, X=X, Y=Y):
    """The loss as a function of the parameters, in their order."""
    return lambda *values: F.cross_entropy(nn.functional_call(net, dict(zip(names(net), values, strict=True)), X), Y)


def test_values_and_gradients_are_those_of_the_module():
    net = build()
    F.cross_entropy(net(X), Y).backward()
    params = [p.detach() for p in net.parameters()]
    found = tg.grad(loss_of(net), argnums=(0, 1, 2, 3))(*params)
    for g, p in zip(found, net.parameters(), strict=True):
        np.testing.assert_allclose(g.data, p.grad.data, rtol=1e-12)


def test_tensors_with_a_history_and_second_order_are_pytorchs():
    """One inner step of gradient descent, differentiated (MAML)."""
    torch = pytest.importorskip("torch")
    net = build()
    params = dict(net.named_parameters())
    inner = tg.grad(loss_of(net), argnums=(0, 1, 2, 3))(*params.values())
    fast = {k: p - 0.5 * g for (k, p), g in zip(params.items(), inner, strict=True)}
    F.cross_entropy(nn.functional_call(net, fast, X), Y).backward()

    other = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2)).double()
    other.load_state_dict({k: torch.tensor(p.tolist()).double() for k, p in params.items()})
    x, y = torch.tensor(X), torch.tensor(Y)
    loss = torch.nn.functional.cross_entropy(other(x), y)
    theirs = dict(other.named_parameters())
    inner = torch.autograd.grad(loss, list(theirs.values()), create_graph=True)
    fast = {k: p - 0.5 * g for (k, p), g in zip(theirs.items(), inner, strict=True)}
    torch.nn.functional.cross_entropy(torch.func.functional_call(other, fast, (x,)), y).backward()
    for k, p in params.items():
        np.testing.assert_allclose(p.grad.data, theirs[k].grad.numpy(), rtol=1e-5, atol=1e-7)


def test_gradients_of_each_example():
    net = build()
    params = [p.detach() for p in net.parameters()]

    def loss(x, y, *values):
        return loss_of(net, x.reshape(1, 3), y.reshape(1))(*values)

    each = tg.vmap(tg.grad(loss, argnums=(2, 3, 4, 5)), in_axes=(0, 0, None, None, None, None))(X, Y, *params)
    for i in range(5):
        net.zero_grad()
        F.cross_entropy(net(X[i : i + 1]), Y[i : i + 1]).backward()
        for g, p in zip(each, net.parameters(), strict=True):
            np.testing.assert_allclose(g.data[i], p.grad.data, rtol=1e-10, atol=1e-14)


def test_models_of_an_ensemble():
    nets = [nn.Linear(3, 2).astype("float64") for _ in range(4)]
    stacked = tg.stack([net.weight for net in nets])
    found = tg.vmap(lambda w: nn.functional_call(nets[0], {"weight": w, "bias": np.zeros(2)}, X))(stacked)
    for y, net in zip(found, nets, strict=True):
        np.testing.assert_allclose(y.data, (net(X) - net.bias).data, rtol=1e-12)


def test_a_hessian_of_a_layer():
    net, w = nn.Linear(3, 1).astype("float64"), np.ones((1, 3))
    found = tg.hessian(lambda w: (nn.functional_call(net, {"weight": w}, X) ** 2).sum())(w)
    np.testing.assert_allclose(found.data.reshape(3, 3), 2 * X.T @ X, rtol=1e-12)


def test_backward_twice_through_create_graph():
    net = nn.Linear(3, 1).astype("float64")
    w = tg.Tensor(np.ones((1, 3)), requires_grad=True)
    (nn.functional_call(net, {"weight": w}, X) ** 3).sum().backward(create_graph=True)
    g, w.grad = w.grad, None
    (g**2).sum().backward()
    assert w.grad is not None
    assert net.weight.grad is None


class Everything(nn.Module):
    """A module that reaches its parameters by every way that Python has."""

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(np.ones(2))
        self.part = nn.Linear(2, 2).astype("float64")
        self.ways = [self.method, {"lambda": lambda x: x * self.w}, (functools.partial(self.method),)]
        self.mine = weakref.ref(self.part)
        self.again = self.recursive()
        self.calls = 0

    def method(self, x):
        return x * self.w

    def recursive(self):
        def again(x, n=2):
            return again(x * self.w, n - 1) if n else x

        return again

    def forward(self, x):
        self.calls += 1
        method, table, (part,) = self.ways
        return method(x) + table["lambda"](x) + part(x) + self.mine()(x) + self.again(x) + self.patched(x)


def test_every_way_to_a_parameter_sees_what_was_given():
    net = Everything()
    net.patched = types.MethodType(lambda self, x: x * self.w, net)
    x, w = np.ones(2), np.array([2.0, 3.0])
    before = net(x).tolist()
    found = nn.functional_call(net, {"w": w, "part.weight": np.zeros((2, 2)), "part.bias": np.ones(2)}, x)
    assert found.tolist() == (4 * w + w**2 + 1).tolist()
    assert net.calls == 1
    assert net(x).tolist() == before


def test_shared_parameters():
    layer = nn.Linear(2, 2).astype("float64")
    tied = nn.Linear(2, 2).astype("float64")
    tied.weight = layer.weight
    net = nn.Sequential(layer, layer, tied)
    net[1].bias.data[:] = 0
    tied.bias.data[:] = 0
    w, x = np.array([[1.0, 2.0], [3.0, 4.0]]), np.ones((1, 2))
    want = x @ w.T @ w.T @ w.T
    for given in ({"0.weight": w}, {"1.weight": w}, {"2.weight": w}, {"0.weight": w, "2.weight": w}):
        np.testing.assert_allclose(nn.functional_call(net, given, x).data, want)
    with pytest.raises(ValueError, match=r"one tensor must get one value; got different ones for '0.weight' and '2.we"):
        nn.functional_call(net, {"0.weight": w, "2.weight": w + 1}, x)


def test_nothing_of_the_module_changes():
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(), nn.Linear(4, 2)).astype("float64")
    net(X)
    state, held = copy.deepcopy(net.state_dict()), [*net.parameters(), *net.buffers()]
    given = {name: np.zeros(p.shape) for name, p in net.named_parameters()}
    nn.functional_call(net, given, X)
    with pytest.raises(ValueError, match="shape"):
        nn.functional_call(net, given, np.ones((5, 7)))
    assert all(a is b for a, b in zip(held, [*net.parameters(), *net.buffers()], strict=True))
    for name, value in net.state_dict().items():
        np.testing.assert_array_equal(value.data, state[name].data)
    assert all(p.grad is None for p in net.parameters())


def test_buffers_that_are_given_are_written_into():
    torch = pytest.importorskip("torch")
    net, other = nn.BatchNorm1d(3).astype("float64"), torch.nn.BatchNorm1d(3).double()
    given = {name: tg.Tensor(np.full(b.shape, 2, b.dtype)) for name, b in net.named_buffers()}
    theirs = {name: torch.full_like(b, 2) for name, b in other.named_buffers()}
    y = nn.functional_call(net, (dict(net.named_parameters()), given), X)
    want = torch.func.functional_call(other, (dict(other.named_parameters()), theirs), (torch.tensor(X),))
    np.testing.assert_allclose(y.data, want.detach().numpy(), rtol=1e-10)
    for name in given:
        np.testing.assert_allclose(given[name].data, theirs[name].numpy())


def test_threads_may_share_a_module():
    net = nn.Linear(3, 1).astype("float64")

    def work(k):
        for _ in range(50):
            y = nn.functional_call(net, {"weight": np.full((1, 3), float(k)), "bias": np.zeros(1)}, np.ones((1, 3)))
            assert y.item() == 3.0 * k

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))


def test_names_must_be_the_modules():
    net = build()
    with pytest.raises(
        StateDictError, match=r"must be of parameters or buffers of Sequential; got '0.weigth'; use.*0.wei"
    ):
        nn.functional_call(net, {"0.weigth": np.ones((4, 3))}, X)
    with pytest.raises(TypeError, match="takes tensors by name; got list|takes tensors by name; got ndarray"):
        nn.functional_call(net, [np.ones(3)], X)
    with pytest.raises(TypeError, match="takes a Module; got function"):
        nn.functional_call(lambda x: x, {}, X)
    with pytest.raises(ValueError, match="names must be given once; got 0.bias twice"):
        nn.functional_call(net, ({"0.bias": np.ones(4)}, {"0.bias": np.ones(4)}), X)


@pytest.mark.parametrize("value", [lambda p: p * 0.5, lambda p: p.detach(), lambda p: np.ones(3)])
def test_a_parameter_that_is_replaced_names_functional_call(value):
    net = build()
    with pytest.raises(TypeError, match=r"Linear\.weight: a parameter can only be replaced.*nn\.functional_call"):
        net[0].weight = value(net[0].weight)


def test_arguments_may_come_in_a_tuple_as_pytorch_has_them():
    net = nn.Linear(3, 2)
    given = {"weight": np.ones((2, 3), np.float32)}
    want = nn.functional_call(net, given, X[:, :3])
    for args in (((X[:, :3],),), ((X[:, :3],), {}), ((), {"input": X[:, :3]})):
        np.testing.assert_array_equal(nn.functional_call(net, given, *args).data, want.data)

    class Pair(nn.Module):
        def forward(self, pair):
            a, b = pair
            return a - b

    assert nn.functional_call(Pair(), {}, ((5.0, 3.0),)) == 2.0


def test_an_error_of_a_module_inside_a_call_keeps_its_own_name():
    class Own(nn.Module):
        def forward(self, x):
            return tg.linalg.trace(x)

    for call in (
        lambda f, x: nn.functional_call(f, {}, x),
        lambda f, x: tg.grad(f)(x),
        lambda f, x: tg.checkpoint(f)(x),
    ):
        with pytest.raises(np.exceptions.AxisError, match=r"^trace: axis must be"):
            call(Own(), tg.ones(2))
