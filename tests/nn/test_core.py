"""Modules, the first layers, and the loss that most models use."""

import copy

import numpy as np
import pytest

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tinygrad_edu import data, nn, optim
from tinygrad_edu.errors import GraphError, ShapeError, StateDictError


def net():
    return nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))


def test_names_are_those_of_pytorch():
    assert list(net().state_dict()) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert [p.shape for p in net().parameters()] == [(4, 3), (4,), (2, 4), (2,)]


def test_a_state_is_a_copy():
    model = net()
    state = model.state_dict()
    with tg.no_grad():
        model[0].weight *= 2
    assert not np.array_equal(state["0.weight"].data, model[0].weight.data)


def test_a_refused_state_changes_nothing():
    model = net()
    before = model.state_dict()
    wrong = {**net().state_dict(), "2.bias": np.zeros(3)}
    with pytest.raises(ShapeError, match=r"2\.bias must have shape \(2,\); got \(3,\)"):
        model.load_state_dict(wrong)
    with pytest.raises(StateDictError, match=r"missing 2\.bias, unknown extra"):
        model.load_state_dict({k if k != "2.bias" else "extra": v for k, v in net().state_dict().items()})
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value.data, before[name].data)


def test_loading_makes_the_outputs_equal():
    a, b, x = net(), net(), tg.ones((5, 3))
    assert not np.allclose(a(x).data, b(x).data)
    b.load_state_dict(a.state_dict())
    np.testing.assert_array_equal(a(x).data, b(x).data)


def test_copies_are_independent():
    a = net()
    b = copy.deepcopy(a)
    assert isinstance(b[0].weight, nn.Parameter)
    with tg.no_grad():
        b[0].weight *= 0
    assert np.any(a[0].weight.data)


def test_a_shared_layer_is_learned_once_and_saved_twice():
    layer = nn.Linear(2, 2)
    model = nn.Sequential(layer, layer)
    assert len(list(model.parameters())) == 2
    assert list(model.state_dict()) == ["0.weight", "0.bias", "1.weight", "1.bias"]


def test_a_parameter_is_not_replaced_by_a_plain_tensor():
    with pytest.raises(TypeError, match=r"Linear\.weight: a parameter can only be replaced by a Parameter"):
        nn.Linear(2, 2).weight = tg.ones((2, 2))


def test_the_repr_is_a_tree_with_counts():
    lines = repr(net()).splitlines()
    assert lines[0].endswith("26 parameters")
    assert lines[1] == "  0: Linear(in_features=3, out_features=4)  16 parameters"


def test_a_layer_computes_in_the_dtype_of_its_weights():
    layer = nn.Linear(2, 3)
    assert layer(np.ones((4, 2))).dtype == np.float32
    assert layer(np.ones((4, 2), np.uint8)).dtype == np.float32


def test_linear_takes_any_leading_axes():
    layer, x = nn.Linear(3, 2), np.random.default_rng(0).normal(size=(2, 4, 3)).astype("f4")
    expected = x @ layer.weight.data.T + layer.bias.data
    np.testing.assert_allclose(layer(x).data, expected, rtol=1e-6)
    np.testing.assert_allclose(layer(x[0, 0]).data, expected[0, 0], rtol=1e-5)
    with pytest.raises(ShapeError, match="last axis of the input must be in_features"):
        layer(np.ones((4, 2)))


def test_cross_entropy_is_its_formula():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(6, 3)) * 5, rng.integers(0, 3, 6)
    p = np.exp(x) / np.exp(x).sum(1, keepdims=True)
    assert F.cross_entropy(x, y).item() == pytest.approx(-np.log(p[range(6), y]).mean())
    assert F.cross_entropy(x, np.eye(3)[y]).item() == pytest.approx(-np.log(p[range(6), y]).mean())
    assert F.cross_entropy(x + 1e4, y).item() == pytest.approx(F.cross_entropy(x, y).item())


def test_labels_out_of_range_are_named():
    with pytest.raises(IndexError, match="labels must be from 0 to 2, for 3 classes; got 3"):
        F.cross_entropy(np.zeros((2, 3)), [0, 3])
    with pytest.raises(IndexError, match="got -1"):
        F.cross_entropy(np.zeros((2, 3)), [0, -1])
    with pytest.raises(ShapeError, match="without the class axis"):
        F.cross_entropy(np.zeros((2, 3)), [[0, 1, 0], [1, 0, 0]])


def test_a_small_net_learns_the_digits():
    tg.random.manual_seed(0)
    images, labels = data.load_digits()
    pairs = data.TensorDataset(images.reshape(-1, 64), labels)
    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    for _ in range(4):
        for x, y in data.DataLoader(pairs, 64, shuffle=True, rng=tg.random.default_rng(1)):
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
    accuracy = np.mean(np.argmax(model(pairs.tensors[0]).data, 1) == labels.data)
    assert accuracy > 0.95


def test_a_graph_made_before_a_step_is_noticed():
    model = net()
    loss = model(tg.ones((1, 3))).sum()
    loss.backward()
    optim.SGD(model.parameters(), lr=0.1).step()
    with pytest.raises(GraphError, match=r"was changed afterwards \(at optimizer.step\(\)\)"):
        loss.backward()


def test_the_array_that_a_user_holds_stays_the_parameters():
    model = net()
    held = model[0].weight.data
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    for _ in range(3):
        model.zero_grad()
        model(tg.ones((1, 3))).sum().backward()
        optimizer.step()
    assert held is model[0].weight.data


class Buffers(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(tg.ones(2))
        self.register_buffer("mean", tg.zeros(3))
        self.register_buffer("later", None)
        self.register_buffer("scratch", tg.zeros(2), persistent=False)
        self.register_parameter("bias", None)


def test_what_is_saved_follows_the_attributes():
    module = Buffers()
    assert list(module.state_dict()) == ["w", "mean"]
    assert [name for name, _ in module.named_buffers()] == ["mean", "scratch"]
    module.later, module.bias = tg.ones(1), nn.Parameter(tg.ones(1))
    assert list(module.state_dict(prefix="net.")) == ["net.w", "net.bias", "net.mean", "net.later"]
    del module.mean, module.w
    module.bias = None
    assert list(module.state_dict()) == ["later"]
    module.register_buffer("later", tg.zeros(1))  # again
    assert len(list(module.buffers())) == 2


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda m: setattr(m, "mean", np.ones(3)), r"Buffers\.mean: a buffer can only be replaced by a tensor"),
        (lambda m: m.register_buffer("w", tg.ones(1)), "not be that of something else; got 'w'"),
        (lambda m: m.register_buffer("a.b", tg.ones(1)), "a name must hold no dot"),
        (lambda m: m.register_parameter("v", tg.ones(1)), "register_parameter: v must be a Parameter or None; got Tensor"),
        (lambda m: m.add_module("train", nn.ReLU()), "got 'train'; choose another"),
        (lambda m: m.add_module("part", 3), "add_module: part must be a Module or None; got int"),
    ],
    ids=range(6),
)  # fmt: skip
def test_names_and_kinds_are_checked(change, text):
    with pytest.raises((TypeError, StateDictError), match=text):
        change(Buffers())


def test_lists_of_parameters_take_pytorchs_options():
    inner = nn.Linear(2, 2)
    model = nn.Sequential(inner, nn.BatchNorm1d(2), inner)
    assert [name for name, _ in model.named_children()] == ["0", "1"]
    assert [name for name, _ in model.named_modules("net")] == ["net", "net.0", "net.1"]
    assert [name for name, _ in model.named_parameters("net")][:2] == ["net.0.weight", "net.0.bias"]
    assert len(list(model.named_parameters(remove_duplicate=False))) == 6
    assert list(model.parameters(recurse=False)) == list(model.buffers(recurse=False)) == []
    assert len(list(inner.parameters(recurse=False))) == 2
    inner(tg.ones((1, 2))).sum().backward()
    model.zero_grad(set_to_none=False)
    assert inner.bias.grad.tolist() == [0.0, 0.0]
    model.zero_grad()
    assert inner.bias.grad is None


def test_loading_says_what_was_not_found():
    found = nn.Linear(2, 1).load_state_dict({"weight": np.ones((1, 2)), "scale": np.ones(1)}, strict=False)
    assert (found.missing_keys, found.unexpected_keys) == (["bias"], ["scale"])


@pytest.mark.parametrize("wrong", [np.full(3, 1j), np.array(["a", "b", "c"]), None, "abc", np.array([None] * 3)])
def test_values_that_are_no_real_numbers_change_nothing(wrong):
    layer = nn.Linear(2, 3)
    before = layer.weight.data.copy()
    with pytest.raises((ValueError, TypeError)):
        layer.load_state_dict({"weight": np.zeros((3, 2)), "bias": wrong}, strict=False)
    np.testing.assert_array_equal(layer.weight.data, before)


@pytest.mark.parametrize("state", [None, 3, ["weight"], nn.Linear(2, 3)])
def test_a_state_is_a_mapping(state):
    with pytest.raises(TypeError, match="load_state_dict: takes tensors by name; got"):
        nn.Linear(2, 3).load_state_dict(state)


def kinds(modules):
    return [type(m).__name__ for m in modules]


def test_lists_insert_delete_and_add():
    for kind in (nn.ModuleList, lambda parts: nn.Sequential(*parts)):
        parts = kind([nn.ReLU(), nn.Tanh()])
        parts.insert(1, nn.ELU())
        assert (kinds(parts), [n for n, _ in parts.named_children()]) == (["ReLU", "ELU", "Tanh"], ["0", "1", "2"])
        del parts[0]
        assert kinds([parts.pop(), *parts]) == ["Tanh", "ELU"]
        parts += [nn.SiLU(), nn.GELU()]
        assert kinds(parts + kind([nn.ReLU()])) == ["ELU", "SiLU", "GELU", "ReLU"]
        del parts[1:]
        assert (kinds(parts), list(dict(parts.named_children()))) == (["ELU"], ["0"])


def test_a_slice_of_a_sequence_keeps_its_names():
    named = nn.Sequential({"first": nn.Linear(1, 2), "second": nn.ReLU(), "third": nn.Linear(2, 1)})
    assert list(named[:1].state_dict()) == ["first.weight", "first.bias"]
    tail = nn.Sequential(nn.ReLU(), nn.Linear(1, 1), nn.Tanh())[1:].append(nn.ELU())
    assert list(tail.state_dict()) == ["1.weight", "1.bias"]
    assert kinds(tail) == ["Linear", "Tanh", "ELU"]
    with pytest.raises(TypeError, match="holds modules; got int"):
        nn.Sequential({"first": 3})


def test_a_dict_of_modules_is_a_dict():
    table = nn.ModuleDict([("a", nn.ReLU()), ("b", nn.Tanh())])
    assert kinds([table.pop("b"), *table.values()]) == ["Tanh", "ReLU"]
    table.update(nn.ModuleDict({"c": nn.ELU()}))
    table.clear()
    assert len(table) == 0
    for name in ("keys", "forward", "a.b", ""):
        with pytest.raises(StateDictError, match="a name must not be one of Module's own"):
            table[name] = nn.ReLU()
    with pytest.raises(TypeError, match="holds modules; got int"):
        table["d"] = 3
