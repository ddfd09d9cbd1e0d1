"""Inputs, results and calling conventions as people have them."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.testing import check_derivative, check_gradients


def verdict(f, df, *inputs, **settings):
    return check_derivative(f, df, *inputs, raises=False, **settings).verdict


class Affine(NamedTuple):
    w: np.ndarray
    b: np.ndarray


@dataclass
class Layer:
    w: np.ndarray
    b: np.ndarray
    name: str = "first"


W = np.array([[1.0, -2.0], [0.5, 3.0], [1.5, 0.25]])
B = np.array([0.5, -1.0, 2.0])
X = np.array([0.7, -0.3])
OUTPUT = lambda w, b: np.sin(w @ X + b).sum()


def slopes(w, b, k=1.0):
    g = np.cos(w @ X + b)
    return np.outer(g, X), k * g


TREES = [
    ("list", [W, B], lambda p: (p[0], p[1]), lambda dw, db: [dw, db]),
    ("tuple of one", [W, B], lambda p: (p[0], p[1]), lambda dw, db: ([dw, db],)),
    ("tuple", (W, B), lambda p: (p[0], p[1]), lambda dw, db: (dw, db)),
    ("dictionary", {"w": W, "b": B}, lambda p: (p["w"], p["b"]), lambda dw, db: {"dw": dw, "db": db}),
    ("its own keys", {"w": W, "b": B}, lambda p: (p["w"], p["b"]), lambda dw, db: {"w": dw, "b": db}),
    ("named tuple", Affine(W, B), lambda p: (p.w, p.b), lambda dw, db: Affine(dw, db)),
    ("dataclass", Layer(W, B), lambda p: (p.w, p.b), lambda dw, db: Layer(dw, db)),
    (
        "list of dictionaries",
        [{"w": W}, {"b": B}],
        lambda p: (p[0]["w"], p[1]["b"]),
        lambda dw, db: [{"dw": dw}, {"db": db}],
    ),
    (
        "nested",
        {"first": {"w": W}, "last": [B]},
        lambda p: (p["first"]["w"], p["last"][0]),
        lambda dw, db: {"first": {"w": dw}, "last": [db]},
    ),
    ("keyed by input", [W, B], lambda p: (p[0], p[1]), lambda dw, db: {"dp": [dw, db]}),
]


@pytest.mark.parametrize(("tree", "read", "write"), [t[1:] for t in TREES], ids=[t[0] for t in TREES])
def test_trees_of_arrays(tree, read, write):
    f = lambda p: OUTPUT(*read(p))
    right = check_derivative(f, lambda p: write(*slopes(*read(p))), tree)
    assert right.verdict == "RIGHT"
    assert len(right.entries) == W.size + B.size
    report = check_derivative(f, lambda p: write(*slopes(*read(p), 2.0)), tree, raises=False)
    assert report.verdict == "WRONG"
    assert report.pattern.startswith("off by a constant factor 2")
    assert len(report.wrong) == B.size


def test_two_lists_of_arrays_with_one_array_for_each_layer():
    w, b, x = [W, W.T], [B[:, None], X[:, None]], X[:, None]

    def cost(w, b):
        a = x
        for v, c in zip(w, b):
            a = np.tanh(v @ a + c)
        return 0.5 * np.sum(a**2)

    def back(w, b, flip=1.0):
        acts = [x]
        for v, c in zip(w, b):
            acts.append(np.tanh(v @ acts[-1] + c))
        d1 = acts[2] * (1 - acts[2] ** 2)
        d0 = flip * w[1].T @ d1 * (1 - acts[1] ** 2)
        return [d0 @ x.T, d1 @ acts[1].T], [d0, d1]

    assert verdict(cost, back, w, b) == "RIGHT"
    report = check_derivative(cost, lambda w, b: back(w, b, 2.0), w, b, raises=False)
    assert {e.argument for e in report.wrong} == {"w[0]", "b[0]"}


def test_trees_of_tensors_and_equal_shapes_stay_lists():
    f = lambda p: tg.sin(p[0] * p[1]["b"]).sum()
    report = check_gradients(f, [tg.asarray(B), {"b": tg.asarray(2 * B)}])
    assert report.verdict == "RIGHT"
    seen = []
    check_derivative(lambda p: seen.append(type(p)) or np.sum(p[0] * p[1]), lambda p: [p[1], p[0]], [B, B + 1])
    assert set(seen) == {list}


def test_a_key_that_names_no_input_is_refused():
    f = lambda W, b: (W * b).sum()
    for key in ("dB", "db_", "bias"):
        with pytest.raises(TypeError, match=f"got {key}, which names no input, and nothing for b"):
            check_derivative(f, lambda W, b, key=key: {"dW": b, key: -W}, B + 3, B)
    report = check_derivative(f, lambda W, b: {"dW": b}, B + 3, B)  # said nothing of, and noted
    assert any("not checked" in note and "b" in note for note in report.notes)


def test_gradients_of_values_on_the_way_are_no_strangers():
    def forward(W, X, Y):
        Z = W @ X
        return np.sum((Z - Y) ** 2), (Z, X, Y)

    def backward(cache):
        Z, X, Y = cache
        return {"dZ": 2 * (Z - Y), "dW": 2 * (Z - Y) @ X.T}

    assert verdict(forward, backward, W, X[:, None], B[:, None]) == "RIGHT"
    assert verdict(lambda W, X, Y: forward(W, X, Y), lambda c: backward(c), W, X[:, None], B[:, None]) == "RIGHT"


def test_a_function_that_returns_its_gradient_too():
    right = lambda x: ((x**2).sum(), 2 * x)
    assert check_derivative(right, B, jac=True).verdict == "RIGHT"
    assert check_derivative(right, True, B).verdict == "RIGHT"
    report = check_derivative(lambda x: ((x**2).sum(), x), B, jac=True, raises=False)
    assert report.pattern.startswith("off by a constant factor 0.5")
    both = lambda w, b: (OUTPUT(w, b), slopes(w, b))
    assert check_derivative(both, W, B, jac=True).verdict == "RIGHT"
    with pytest.raises(TypeError, match=r"with jac=True, f must return \(value, gradient\); got float64"):
        check_derivative(lambda x: x.sum(), B, jac=True)


@pytest.mark.parametrize("aux", [lambda x: 2 * x, lambda x: "text", lambda x: {"x": x}, lambda x: (x, x)])
def test_a_second_result_is_a_cache_only_where_the_derivative_takes_one(aux):
    f = lambda x: ((x**2).sum(), aux(x))
    assert verdict(f, lambda x: 2 * x, B) == "RIGHT"
    assert verdict(f, lambda x: 3 * x, B) == "WRONG"
    assert verdict(lambda x: ((x**3).sum(), x), lambda cache: 3 * cache**2, B) == "RIGHT"
    assert verdict(lambda x: ((x**3).sum(), x), lambda kept: 3 * kept**2, B) == "RIGHT"


def forward_of_the_course(X, Y, parameters):
    Z = parameters["W1"] @ X
    return np.sum((Z - Y) ** 2) / X.shape[1], (Z, parameters["W1"])


@pytest.mark.parametrize(
    "backward",
    [
        lambda X, Y, cache: {"dW1": 2 * (cache[0] - Y) @ X.T / X.shape[1]},
        lambda cache, X, Y: {"dW1": 2 * (cache[0] - Y) @ X.T / X.shape[1]},
        lambda parameters, cache, X, Y: {"dW1": 2 * (parameters["W1"] @ X - Y) @ X.T / X.shape[1]},
        lambda X, Y, caches: {"dW1": 2 * (caches[0] - Y) @ X.T / X.shape[1]},
        lambda X, Y, parameters: {"dW1": 2 * (parameters["W1"] @ X - Y) @ X.T / X.shape[1]},
    ],
)
def test_backward_takes_what_it_names(backward):
    x, y = np.random.default_rng(0).normal(size=(2, 2, 5))
    inputs = x, y, {"W1": W[:2]}
    assert verdict(forward_of_the_course, backward, *inputs) == "RIGHT"
    names = backward.__code__.co_varnames[: backward.__code__.co_argcount]
    twice = eval(f"lambda {', '.join(names)}: {{'dW1': 2 * right({', '.join(names)})['dW1']}}", {"right": backward})
    assert verdict(forward_of_the_course, twice, *inputs) == "WRONG"


@pytest.mark.parametrize(
    "df",
    [
        lambda x, cotangent: cotangent * np.cos(x), lambda dout, x: dout * np.cos(x),
        lambda x, dout: dout * np.cos(x), lambda x, g: g * np.cos(x), np.cos,
    ],
)  # fmt: skip
def test_a_cotangent_first_last_or_by_name(df):
    assert verdict(np.sin, df, B) == "RIGHT"


def test_only_those_inputs_that_the_derivative_names():
    assert verdict(lambda w, b, k: OUTPUT(w, b), lambda w, b: slopes(w, b), W, B, 3) == "RIGHT"


def test_sparse_jacobians_and_linear_operators():
    sparse = pytest.importorskip("scipy.sparse")
    from scipy.sparse.linalg import aslinearoperator

    f = lambda x: np.array([x[0] * x[1], x[1] ** 2, 3 * x[0]])
    j = lambda x, k=1.0: np.array([[x[1], x[0]], [0, 2 * x[1]], [3 * k, 0]])
    for kind in (sparse.csr_matrix, sparse.csc_array, aslinearoperator):
        assert verdict(f, lambda x, kind=kind: kind(j(x)), X) == "RIGHT"
        assert verdict(f, lambda x, kind=kind: kind(j(x, 2.0)), X) == "WRONG"
    grid = lambda x: (W @ x.reshape(2, 2)).T  # a matrix in, a matrix out
    flat = np.array([[W[j % 3, k // 2] * (j // 3 == k % 2) for k in range(4)] for j in range(6)])
    assert verdict(grid, lambda x: sparse.csr_matrix(flat), np.arange(1.0, 5.0).reshape(2, 2)) == "RIGHT"
    assert verdict(grid, lambda x: sparse.csr_matrix(2 * flat), np.arange(1.0, 5.0).reshape(2, 2)) == "WRONG"


def test_series_and_frames_of_pandas():
    pandas = pytest.importorskip("pandas")
    s = pandas.Series(B, ["a", "b", "c"])
    frame = pandas.DataFrame({"a": B, "b": B + 1})

    def labelled(s):
        assert list(s.index) == ["a", "b", "c"]
        return (s**2).sum()

    assert verdict(labelled, lambda s: 2 * s, s) == "RIGHT"
    assert verdict(labelled, lambda s: 3 * s, s) == "WRONG"
    assert verdict(lambda d: (d["a"] * d["b"]).sum(), lambda d: d[["b", "a"]].to_numpy(), frame) == "RIGHT"
    assert verdict(lambda d: (d["a"] * d["b"]).sum(), lambda d: d, frame) == "WRONG"


def test_a_clip_that_says_2_at_its_edge():
    report = check_derivative(lambda x: np.clip(x, 0, 1).sum(), lambda x: 2.0 * (x > 0), np.array([1.0]), raises=False)
    assert report.verdict == "WRONG"
    assert report.diagnosis == "x[0]: a kink, and not between the slopes 1 and 0 on its sides"
    report = check_derivative(lambda x: np.clip(x, 0, 1).sum(), lambda x: 0.5 + 0 * x, np.array([1.0]))
    assert report.diagnosis == "x[0]: a kink: 0.5 lies between the slopes 1 and 0"


def within(x):
    if not abs(x) < 1:
        raise RuntimeError("|x| < 1")


@pytest.mark.parametrize("x", [0.999, -0.999, 1 - 1e-6, 0.5])
def test_calls_stay_inside_the_domain(x):
    def slope(x, k=1.0):
        within(x)
        return -k * x / math.sqrt(1 - x * x)

    def strict(x):
        within(x)
        return math.sqrt(1 - x * x)

    for f in (lambda x: np.sqrt(1 - x * x), strict):
        assert verdict(f, slope, x) == "RIGHT"
        assert verdict(f, lambda x: slope(x, -1.0), x) == "WRONG"


@pytest.mark.parametrize(
    "nothing", [None, (None, None), [None, None], {"da": None, "db": None}, {}, (), Affine(None, None)], ids=str
)
def test_a_derivative_that_says_nothing_of_any_input_is_told_so(nothing):
    x = np.array([1.0, 2.0])
    with pytest.raises(TypeError, match=r"check_derivative: df must return a gradient .* inputs \(a, b\); got .*None"):
        check_derivative(lambda a, b: np.sum(a * b), lambda a, b: nothing, x, x)


@pytest.mark.parametrize("kind", ["csr", "csc", "coo", "lil", "dok", "bsr", "dia"])
def test_a_jacobian_in_each_sparse_format(kind):
    sparse = pytest.importorskip("scipy.sparse")
    form = lambda values: getattr(sparse, f"{kind}_array")(np.diag(values))
    x = np.array([0.5, 1.0, 2.0])
    assert verdict(np.sin, lambda x: form(np.cos(x)), x) == "RIGHT"
    assert verdict(np.sin, lambda x: form(-np.cos(x)), x) == "WRONG"


def test_gradients_of_pandas_go_by_their_labels():
    pd = pytest.importorskip("pandas")
    s = pd.Series([0.5, 1.0, 2.0], index=["a", "b", "c"])
    f = lambda s: s["a"] + s["b"] ** 2 + np.exp(s["c"])
    parts = lambda s: {"c": np.exp(s["c"]), "b": 2 * s["b"], "a": 1.0}
    assert verdict(f, lambda s: pd.Series(parts(s)), s) == "RIGHT"
    assert verdict(f, lambda s: pd.Series(list(parts(s).values()), index=s.index), s) == "WRONG"
    d = pd.DataFrame({"p": [1.0, 2.0], "q": [0.5, -1.0]})
    g = lambda d: (d["p"] * d["q"] ** 2).sum()
    assert verdict(g, lambda d: pd.DataFrame({"q": 2 * d["p"] * d["q"], "p": d["q"] ** 2}), d) == "RIGHT"
    assert verdict(g, lambda d: pd.DataFrame({"p": 2 * d["p"] * d["q"], "q": d["q"] ** 2}), d) == "WRONG"
