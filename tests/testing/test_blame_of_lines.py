"""The wrong line of a derivative, and the wrong op, are named: faults are planted."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.testing import check_derivative, check_gradients

from ..corpus import two_layer


def test_the_wrong_line_of_a_network_is_named():
    report = check_derivative(two_layer.forward, two_layer.backward, *two_layer.inputs(), raises=False)
    assert report.pattern == "one term missing: the factor 1 - A1**2"
    with open(two_layer.__file__) as source:
        line = next(i for i, text in enumerate(source, 1) if "dZ1 = W2.T @ dZ2" in text)
    assert report.blame.site == f"{two_layer.__file__}:{line}"
    assert report.blame.detail == "dZ1 = W2.T @ dZ2"


LINES = [
    ("dZ2 = A2 - Y", "dZ2 = Y - A2", "sign flipped"),
    ("dZ1 = W2.T @ dZ2", "dZ1 = -(W2.T @ dZ2) * (1 - A1**2)", "sign flipped"),
    ("dW2 = dZ2 @ A1.T / m", "dW2 = dZ2 @ A1.T", "off by a constant factor 5: 1/m missing, m = 5"),
    ("db1 = np.sum(dZ1, axis=1, keepdims=True) / m", "db1 = dZ1 / m", "not summed (broadcast)"),
    ("dW1 = dZ1 @ X.T / m", "dW1 = (dZ1 @ X.T).T / m", "transposed"),
    (
        "db2 = np.sum(dZ2, axis=1, keepdims=True) / m",
        "db2 = 0 * dZ2[:, :1]",
        "one term missing: the whole gradient is 0",
    ),
]


RENAMED = {"dZ2": "delta2", "dZ1": "delta1", "dW2": "step2", "dW1": "step1", "db2": "shift2", "db1": "shift1"}


def renamed(text):
    """The same with names that follow no convention, but for the keys of the result."""
    for old, new in RENAMED.items():
        text = text.replace(old, new).replace(f'"{new}"', f'"{old}"')
    return text


@pytest.mark.parametrize("names", [str, renamed])
@pytest.mark.parametrize(("old", "new", "pattern"), LINES)
def test_every_line_can_be_the_culprit(old, new, pattern, names, tmp_path):
    with open(two_layer.__file__) as source:
        text = source.read().replace("dZ1 = W2.T @ dZ2\n", "dZ1 = W2.T @ dZ2 * (1 - A1**2)\n")
    before = old if old != "dZ1 = W2.T @ dZ2" else "dZ1 = W2.T @ dZ2 * (1 - A1**2)"
    assert before in text
    path = tmp_path / "network.py"
    path.write_text(names(text.replace(before, new)))
    space = {"__name__": "network"}
    exec(compile(path.read_text(), str(path), "exec"), space)
    report = check_derivative(space["forward"], space["backward"], *two_layer.inputs(), raises=False)
    assert report.verdict == "WRONG"
    assert report.pattern.startswith(pattern)
    assert report.blame.detail == names(new)


def recurrent(Wx, Wh, X):
    h = np.zeros(Wh.shape[0])
    hs = [h]
    for x in X:
        h = np.tanh(x @ Wx + h @ Wh)
        hs.append(h)
    return np.sum(h**2), (X, hs, Wh)


def back_through_time(cache):
    X, hs, Wh = cache
    dWx, dWh, dh = np.zeros((X.shape[1], Wh.shape[0])), np.zeros_like(Wh), 2 * hs[-1]
    for t in reversed(range(len(X))):
        da = dh * (1 - hs[t + 1] ** 2)
        dWx += np.outer(X[t], da)
        dWh += np.outer(hs[t + 1], da)
        dh = Wh @ da
    return {"dWx": dWx, "dWh": dWh}


def forgets_the_others(cache):
    X, hs, Wh = cache
    dWx, dWh, dh = np.zeros((X.shape[1], Wh.shape[0])), np.zeros_like(Wh), 2 * hs[-1]
    for t in reversed(range(len(X))):
        da = dh * (1 - hs[t + 1] ** 2)
        dWx = np.outer(X[t], da)
        dWh += np.outer(hs[t], da)
        dh = Wh @ da
    return {"dWx": dWx, "dWh": dWh}


def loses_a_slope(cache):
    X, hs, Wh = cache
    dWx, dWh, back = np.zeros((X.shape[1], Wh.shape[0])), np.zeros_like(Wh), 2 * hs[-1]
    for t in reversed(range(len(X))):
        inner = back * (1 - hs[t + 1])
        dWx += np.outer(X[t], inner)
        dWh += np.outer(hs[t], inner)
        back = Wh @ inner
    return {"dWx": dWx, "dWh": dWh}


@pytest.mark.parametrize(
    ("df", "line"),
    [
        (back_through_time, "dWh += np.outer(hs[t + 1], da)"),
        (forgets_the_others, "dWx = np.outer(X[t], da)"),
        (loses_a_slope, "inner = back * (1 - hs[t + 1])"),
    ],
)
def test_the_wrong_line_of_a_loop_is_named(df, line):
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(2, 3)), rng.normal(size=(3, 3)), rng.normal(size=(4, 2))
    assert check_derivative(recurrent, df, *inputs, raises=False).blame.detail == line


def layered(X, parameters):
    A, caches = X, []
    for k in range(1, len(parameters) + 1):
        Z = parameters[f"W{k}"] @ A
        caches.append((A, Z, parameters[f"W{k}"]))
        A = np.maximum(0, Z)
    J = np.sum(A**2)
    return J, (A, caches)


def layer_backward(dZ, A, W):
    return W.T @ dZ, dZ @ A.T


def without_masks(cache):
    A, caches = cache
    grads, dA = {}, 2 * A
    for k in range(len(caches), 0, -1):
        A, _, W = caches[k - 1]
        dZ = 1.0 * dA
        dA, dW = layer_backward(dZ, A, W)
        grads[f"dW{k}"] = dW
    return grads


def one_layer_twice(cache):
    A, caches = cache
    grads, dA = {}, 2 * A
    for k in range(len(caches), 0, -1):
        A, Z, W = caches[k - 1]
        dZ = dA * (Z > 0)
        dA, dW = layer_backward(dZ, A, W)
        grads[f"dW{k}"] = dW * (1 + (k == 1))
    return grads


@pytest.mark.parametrize(
    ("df", "line"), [(without_masks, "dZ = 1.0 * dA"), (one_layer_twice, 'grads[f"dW{k}"] = dW * (1 + (k == 1))')]
)
def test_the_wrong_line_of_a_loop_over_layers_is_named(df, line):
    rng = np.random.default_rng(0)
    parameters = {f"W{k}": rng.normal(size=s) for k, s in enumerate([(4, 3), (3, 4), (2, 3)], 1)}
    report = check_derivative(layered, df, rng.normal(size=(3, 5)), parameters, raises=False)
    assert report.blame.detail == line


def test_a_derivative_without_lines_has_none_to_blame():
    report = check_derivative(np.sin, np.tan, 0.5, raises=False)
    assert report.verdict == "WRONG"
    assert report.blame is None


def test_a_graph_that_is_cut_is_not_blamed_on_an_op():
    report = check_gradients(lambda x: (x * x.detach()).sum(), np.array([1.0, 2.0]), raises=False)
    assert report.verdict == "WRONG"
    assert report.blame is None
    assert "detach" in report.notes[-1]


def test_order_two_blame():
    frozen = tg.custom_op(
        "frozen_exp", np.exp, lambda g, y, x: g * (y if isinstance(y, np.ndarray) else tg.asarray(y.data))
    )
    report = check_gradients(lambda x: tg.sin(frozen(x)).sum(), np.array([0.5, 1.0]), order=2, raises=False)
    assert report.pattern == "right at order 1 and wrong at order 2"
    assert report.blame.op == "frozen_exp"
