"""Parameters that are computed from others, against PyTorch's nn.utils.parametrize and parametrizations."""

import copy

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn, optim
from tinygrad_edu.errors import ShapeError, StateDictError
from tinygrad_edu.nn.utils import parametrize

from .parity import arrays, compare_modules

torch = pytest.importorskip("torch")
theirs_utils = torch.nn.utils


class Symmetric(nn.Module):
    def forward(self, x):
        return (x + x.mT) / 2


class Exp(nn.Module):
    def forward(self, x):
        return tg.exp(x)

    def right_inverse(self, x):
        return tg.log(x)


@pytest.mark.parametrize("axis", [0, 1, -1, None])
@pytest.mark.parametrize(
    ("make", "shape"),
    [(lambda m: m.Linear(4, 3), (5, 4)), (lambda m: m.Conv1d(4, 3, 2), (2, 4, 5))],
    ids=["Linear", "Conv1d"],
)
def test_weight_norm(make, shape, axis):
    ours, theirs = (
        nn.utils.weight_norm(make(nn), dim=axis),
        theirs_utils.parametrizations.weight_norm(make(torch.nn), dim=axis),
    )
    compare_modules(ours, theirs, arrays(0, shape))


@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize(("make", "shape"), [
    (lambda m: m.Linear(4, 3), (5, 4)), (lambda m: m.Conv2d(4, 3, 2), (2, 4, 5, 5)), (lambda m: m.ConvTranspose1d(4, 3, 2), (2, 4, 5)),
], ids=["Linear", "Conv2d", "ConvTranspose1d"])  # fmt: skip
def test_spectral_norm(make, shape, train):
    ours = nn.utils.spectral_norm(make(nn), n_power_iterations=3)
    theirs = theirs_utils.parametrizations.spectral_norm(make(torch.nn), n_power_iterations=3)
    compare_modules(ours, theirs, arrays(0, shape), train=train)


def test_the_norm_is_that_of_the_largest_singular_value():
    layer = nn.utils.spectral_norm(nn.Linear(6, 4, dtype="float64"), n_power_iterations=200)
    assert np.linalg.norm(layer.weight.detach().numpy(), 2) == pytest.approx(1, abs=1e-12)


def test_a_parametrization_of_ones_own():
    layer = nn.Linear(3, 3)
    weight, before = layer.weight, layer.weight.numpy().copy()
    assert not parametrize.is_parametrized(layer)
    assert parametrize.register_parametrization(layer, "weight", Symmetric()) is layer
    assert parametrize.is_parametrized(layer, "weight")
    assert not parametrize.is_parametrized(layer, "bias")
    assert layer.parametrizations.weight.original is weight  # so that optimizers made before still have it
    np.testing.assert_array_equal(layer.weight.detach().numpy(), (before + before.T) / 2)
    assert sorted(n for n, _ in layer.named_parameters()) == ["bias", "parametrizations.weight.original"]
    optimizer = optim.SGD(layer.parameters(), lr=0.1)
    (layer(np.ones((2, 3), "f4")) ** 2).sum().backward()
    optimizer.step()
    assert not np.array_equal(weight.data, before)
    again = copy.deepcopy(layer)
    np.testing.assert_array_equal(again.weight.detach().numpy(), layer.weight.detach().numpy())
    now = layer.weight.detach().numpy().copy()
    parametrize.remove_parametrizations(layer, "weight")
    assert layer.weight is weight
    assert sorted(layer.state_dict()) == ["bias", "weight"]
    np.testing.assert_array_equal(layer.weight.data, now)


def test_a_chain_begins_with_what_its_inverses_say_and_can_be_set():
    layer = nn.Linear(2, 2, dtype="float64")
    layer.weight.data = np.array([[1.0, 2.0], [3.0, 4.0]])
    parametrize.register_parametrization(layer, "weight", Exp())
    np.testing.assert_allclose(layer.parametrizations.weight.original.data, np.log([[1.0, 2.0], [3.0, 4.0]]))
    np.testing.assert_allclose(layer.weight.detach().numpy(), [[1.0, 2.0], [3.0, 4.0]])
    layer.weight = tg.asarray([[2.0, 2.0], [5.0, 1.0]])
    np.testing.assert_allclose(layer.weight.detach().numpy(), [[2.0, 2.0], [5.0, 1.0]])
    parametrize.register_parametrization(layer, "weight", Symmetric())
    np.testing.assert_allclose(layer.weight.detach().numpy(), [[2.0, 3.5], [3.5, 1.0]])
    with pytest.raises(StateDictError, match="can be set if there is a right_inverse; got none in Exp, Symmetric"):
        layer.weight = tg.asarray(np.eye(2))
    parametrize.remove_parametrizations(layer, "weight", leave_parametrized=False)
    np.testing.assert_allclose(layer.weight.data, np.log([[2.0, 2.0], [5.0, 1.0]]))


def test_gradients_of_a_functional_call_reach_what_a_weight_is_computed_from():
    layer = parametrize.register_parametrization(nn.Linear(2, 2, dtype="float64"), "weight", Symmetric())
    x, w = arrays(0, (3, 2), (2, 2))
    f = lambda w: (nn.functional_call(layer, {"parametrizations.weight.original": w}, x) ** 2).sum()
    assert tg.testing.check_gradients(f, w).verdict == "RIGHT"


@pytest.mark.parametrize(("call", "kind", "text"), [
    (lambda: parametrize.register_parametrization(nn.Linear(2, 3), "weight", Symmetric()), ValueError, "add: shapes must broadcast"),
    (lambda: parametrize.register_parametrization(nn.Linear(2, 2), "wait", Exp()), StateDictError, "must be of a parameter; got 'wait'; use one of weight, bias"),
    (lambda: parametrize.register_parametrization(nn.Linear(2, 2), "weight", nn.Flatten(0)), ShapeError, r"shape and dtype, \(2, 2\) and float32; got \(4,\)"),
    (lambda: parametrize.remove_parametrizations(nn.Linear(2, 2), "weight"), StateDictError, "must be parametrized"),
    (lambda: parametrize.remove_parametrizations(nn.utils.weight_norm(nn.Linear(2, 2)), "weight", False), StateDictError, "one original is needed"),
])  # fmt: skip
def test_what_is_refused(call, kind, text):
    with pytest.raises(kind, match=text):
        call()


def test_parameters_as_a_vector():
    ours = [nn.Parameter(x) for x in arrays(0, (2, 3), (4,), ())]
    theirs = [torch.nn.Parameter(torch.from_numpy(np.array(p.data))) for p in ours]
    vector = nn.utils.parameters_to_vector(ours)
    np.testing.assert_array_equal(vector.detach().numpy(), theirs_utils.parameters_to_vector(theirs).detach().numpy())
    (vector * vector).sum().backward()
    np.testing.assert_allclose(ours[0].grad.data, 2 * ours[0].data)
    nn.utils.vector_to_parameters(vector.detach() * 2, ours)
    theirs_utils.vector_to_parameters(theirs_utils.parameters_to_vector(theirs) * 2, theirs)
    for p, q in zip(ours, theirs):
        np.testing.assert_array_equal(p.data, q.detach().numpy())
    with pytest.raises(ShapeError, match="the vector must have the 11 entries of the parameters"):
        nn.utils.vector_to_parameters(np.ones(3), ours)
