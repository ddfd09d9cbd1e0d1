"""Programs of PyTorch and JAX as graphs: their values, their own gradients, their names, and what has no counterpart."""

import numpy as np
import pytest

from tinygrad_edu.viz.foreign.libraries import library_of
from tinygrad_edu.viz.graph.reading import read
from tinygrad_edu.viz.live.javascript import without
from tinygrad_edu.viz.live.replay import replay

torch = pytest.importorskip("torch")
jax = pytest.importorskip("jax")
jnp, lax = jax.numpy, jax.lax


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.GELU())
        self.norm, self.last = torch.nn.LayerNorm(8), torch.nn.Linear(8, 2)

    def forward(self, x, labels):
        h = torch.nn.functional.dropout(self.norm(self.first(x)), 0.5)
        h = h + torch.where(h > 0, h, 0.1 * h).roll(1, dims=1)
        return torch.nn.functional.cross_entropy(self.last(h.relu_())[:, [1, 0]], labels)


class Block(torch.nn.Module):
    """An encoder's layer, and what follows in a classifier."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0, batch_first=True)
        self.lstm = torch.nn.LSTM(4, 3, num_layers=2, batch_first=True)
        self.conv = torch.nn.Conv1d(3, 2, 3, padding=1)

    def forward(self, x):
        y, _ = self.lstm(self.layer(x))
        y = torch.nn.functional.max_pool1d(self.conv(y.transpose(1, 2)), 2).flatten(1)
        return torch.softmax(y, dim=-1).std(dim=0)


def boxes(graph):
    """The operations that have no counterpart, and the steps that JavaScript has not."""
    again = replay(graph)
    return {n.op.name for n in graph.nodes.values() if n.kind == "custom"}, [
        again.program.steps[k].primitive for k in without(again.program)
    ]


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    net, x = Net().double(), torch.randn(4, 3, dtype=torch.double)
    torch.manual_seed(1)
    return net, x, read(net, (x, torch.tensor([0, 1, 1, 0])), grads=True)


def gradients(graph):
    return {n.name: n.grad for n in graph.nodes.values() if n.op is None and n.grad is not None}


def test_a_module_has_torchs_values_and_gradients(net):
    module, x, graph = net
    torch.manual_seed(1)
    loss = module(x, torch.tensor([0, 1, 1, 0]))
    loss.backward()
    assert graph.nodes[graph.outputs[0]].value == pytest.approx(loss.item(), rel=1e-12)
    found = gradients(graph)
    assert set(found) == {name for name, _ in module.named_parameters()}
    for name, p in module.named_parameters():
        np.testing.assert_allclose(found[name], p.grad, rtol=1e-10, atol=1e-14)


def test_a_module_keeps_its_names_frames_and_lines(net):
    _, _, graph = net
    by_op = {n.op.name: n for n in graph.nodes.values() if n.op is not None}
    assert by_op["gelu"].module == ("first", "1")
    assert by_op["gelu"].site.startswith("test_foreign.py:")
    assert [graph.nodes[k].name for k in by_op["cross_entropy"].inputs][1] == "labels"
    assert {graph.nodes[k].name for k in graph.given} == {"x", "labels"}
    assert boxes(graph) == (set(), [])


def test_a_change_is_followed_as_torch_follows_it(net):
    """Also over a kink: masks are computed again."""
    module, x, graph = net
    again = replay(graph)
    key = next(k for k, n in graph.nodes.items() if n.name == "x")
    new = -2 * x.numpy() + 0.3
    again.inputs[again.places[key].leaf] = new
    torch.manual_seed(1)
    loss = module(torch.from_numpy(new), torch.tensor([0, 1, 1, 0]))
    found = again.program(*again.inputs)[again.places[graph.outputs[0]].value]
    assert found == pytest.approx(loss.item(), rel=1e-12)


@pytest.mark.long
def test_an_encoder_a_recurrent_layer_and_a_convolution_have_torchs_gradients():
    torch.manual_seed(0)
    module, x = Block().double().train(), torch.randn(2, 4, 4, dtype=torch.double, requires_grad=True)
    graph = read(module, (x,), grads=True)
    module(x).sum().backward()
    found = gradients(graph)
    for name, p in [*module.named_parameters(), ("x", x)]:
        np.testing.assert_allclose(found[name], p.grad, rtol=1e-8, atol=1e-12, err_msg=name)
    assert boxes(graph) == (set(), [])


def test_what_torch_alone_has_is_a_box_with_torchs_derivative():
    x = torch.tensor([0.5, 1.5], dtype=torch.double, requires_grad=True)
    graph = read(lambda x: (torch.special.i1e(x) * x).sum(), (x,), grads=True)
    named, missing = boxes(graph)
    assert named == {"torch.special_i1e"}
    assert sorted(missing) == ["op.torch.special_i1e", "op.torch.special_i1e backward"]
    (torch.special.i1e(x) * x).sum().backward()
    np.testing.assert_allclose(gradients(graph)["x"], x.grad, rtol=1e-14)
    assert next(n for n in graph.nodes.values() if n.kind == "custom").title == "t1 = torch.special_i1e(x)"


def classifier(p, x, labels):
    h = jnp.tanh(jax.nn.relu(x @ p["w"] + p["b"]))[:, ::2]
    z = jax.nn.log_softmax(h @ p["v"]) + jnp.where(x[:, :1] > 0, 0.5, 0) * jnp.sum(x**3) / 10
    picked = jnp.take_along_axis(z, labels[:, None], axis=1)
    return -jnp.mean(picked) + jnp.max(z) ** 2 + jnp.linalg.norm(z) + p["e"][labels].sum()


def image(w, x):
    y = lax.conv_general_dilated(x, w, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
    y = lax.reduce_window(jax.nn.silu(y), -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    return jnp.cumsum(y.reshape(2, -1), 1).mean() + jnp.einsum("nhwc,nhwd->ncd", y, y).sum()


def loop(w, x):
    return lax.scan(lambda h, _: (jnp.tanh(w @ h),) * 2, x, None, length=3)[1].sum()


rng = np.random.default_rng(0)
PROGRAMS = {
    "classifier": (
        classifier,
        [{"w": rng.normal(size=(2, 4)), "b": rng.normal(size=4), "v": rng.normal(size=(2, 3)), "e": np.ones((3, 2))},
         rng.normal(size=(5, 2)), np.array([0, 1, 2, 1, 0])],
        set(),
    ),
    "image": (image, [rng.normal(size=(3, 3, 1, 2)), rng.normal(size=(2, 6, 6, 1))], set()),
    "loop": (loop, [rng.normal(size=(3, 3)), np.ones(3)], {"jax.scan"}),
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_function_has_jaxs_values_and_gradients(name):
    f, args, boxed = PROGRAMS[name]
    args = jax.tree.map(lambda a: jnp.asarray(a, jnp.float32 if a.dtype.kind == "f" else None), args)
    graph = read(f, tuple(args), grads=True)
    floats = [k for k, a in enumerate(args) if isinstance(a, dict) or a.dtype.kind == "f"]
    value, expected = jax.jit(jax.value_and_grad(f, floats))(*args)
    assert graph.nodes[graph.outputs[0]].value == pytest.approx(float(value), rel=1e-5, abs=1e-5)
    found = gradients(graph)
    leaves = jax.tree_util.tree_flatten_with_path(expected)[0]
    assert len(leaves) == len(found)
    for path, g in leaves:
        argument = f.__code__.co_varnames[floats[path[0].idx]] + "".join(map(str, path[1:]))
        np.testing.assert_allclose(found[argument], g, rtol=1e-5, atol=1e-5 * np.abs(g).max(), err_msg=argument)
    named, missing = boxes(graph)
    assert named == boxed
    assert bool(missing) == bool(boxed)
    assert next(n for n in graph.nodes.values() if n.op is not None).site.startswith("test_foreign.py:")


def test_whose_program_it_is_follows_from_the_program_or_its_inputs():
    assert library_of(torch.nn.ReLU(), (np.ones(2),)) == "torch"
    assert library_of(len, ({"w": [jnp.ones(2)]},)) == "jax"
    assert library_of(jax.jit(jnp.sin), (np.ones(2),)) == "jax"
    assert library_of(np.sin, (np.ones(2),)) == ""
