"""Modules, the first layers, and the loss that most models use."""

import copy

import numpy as np
import pytest

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tinygrad_edu import data, nn, optim
from tinygrad_edu.errors import GraphError, ShapeError


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
    with pytest.raises(KeyError, match=r"missing 2\.bias, unknown extra"):
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
