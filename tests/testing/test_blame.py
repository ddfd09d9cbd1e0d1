"""Which line is wrong: in functions that call each other, in loops over time, several at once, and when there is none."""

import functools
import importlib.util
import math
import re
import textwrap
from pathlib import Path

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.testing import check_derivative, check_gradients, check_kernel
from tinygrad_edu.testing.causes import runs

from ..corpus import helpers, lstm, networks, two_layer


def broken(module, faults, path):
    """The module with some of its lines replaced."""
    text = Path(module.__file__).read_text()
    for right, wrong in faults.items():
        assert f"    {right}\n" in text
        text = text.replace(f"    {right}\n", f"    {wrong}\n")
    path.write_text(text)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("right", lstm.FAULTS)
def test_the_wrong_line_of_an_lstm(right, tmp_path):
    wrong = broken(lstm, {right: lstm.FAULTS[right]}, tmp_path / "network.py")
    report = check_derivative(wrong.forward, wrong.backward, *wrong.inputs(), raises=False)
    assert (report.verdict, report.blame.detail) == ("WRONG", lstm.FAULTS[right])
    assert not report.others
    assert report.pattern.startswith("= for +=") == (right == "db += da.sum(axis=0)")


@pytest.mark.parametrize("right", helpers.FAULTS)
def test_the_wrong_line_of_a_function_that_is_called(right, tmp_path):
    wrong = broken(helpers, {right: helpers.FAULTS[right]}, tmp_path / "network.py")
    report = check_derivative(wrong.forward, wrong.backward, *wrong.inputs(), raises=False)
    assert (report.verdict, report.blame.detail) == ("WRONG", helpers.FAULTS[right])


@pytest.mark.parametrize("module", [lstm, helpers])
def test_the_modules_are_right_before_they_are_broken(module):
    assert check_derivative(module.forward, module.backward, *module.inputs()).verdict == "RIGHT"


def test_several_wrong_lines_are_each_named(tmp_path):
    faults = {
        "dZ1 = W2.T @ dZ2": "dZ1 = -W2.T @ dZ2 * (1 - A1**2)",
        "db2 = np.sum(dZ2, axis=1, keepdims=True) / m": "db2 = np.sum(dZ2, axis=1, keepdims=True)",
    }
    wrong = broken(two_layer, faults, tmp_path / "network.py")
    report = check_derivative(wrong.forward, wrong.backward, *wrong.inputs(), raises=False)
    assert report.blame.detail == faults["dZ1 = W2.T @ dZ2"]
    assert report.pattern == "sign flipped"
    assert [b.detail for b in report.others] == [faults["db2 = np.sum(dZ2, axis=1, keepdims=True) / m"]]
    assert report.others[0].pattern == "off by a constant factor 5: 1/m missing, m = 5"
    assert "and also: db2 at" in str(report)


def test_several_patterns_are_each_named_where_there_are_no_lines():
    f = lambda a, b: np.sum(np.sin(a)) + np.sum(np.exp(b))
    df = lambda a, b: (-np.cos(a), 3 * np.exp(b))
    report = check_derivative(f, df, np.array([0.3, 1.1]), np.array([0.2, 0.5]), raises=False)
    assert report.pattern == "sign flipped"
    assert report.notes == ["b: off by a constant factor 3"]


def test_several_ops_are_each_named():
    cube = tg.custom_op("a_cube", lambda x: x**3, lambda g, y, x: g * 2 * x**2)
    root = tg.custom_op("a_root", lambda x: x**0.5, lambda g, y, x: g / y)
    report = check_gradients(lambda x: cube(root(x)).sum(), np.array([0.5, 1.5]), raises=False)
    assert report.blame.op == "a_root"
    assert [b.op for b in report.others] == ["a_cube"]


def slope(x, k):
    g = k * np.sin(x)
    return 2 * g


@pytest.mark.parametrize("df", [lambda x: slope(x, 1.0), functools.partial(slope, k=1.0)])
def test_a_line_behind_a_lambda_or_a_partial_application(df):
    report = check_derivative(lambda x: np.sum(np.sin(x)), df, np.array([0.3, 1.1]), raises=False)
    assert report.blame.detail == "g = k * np.sin(x)"


def test_where_no_line_is_named_the_report_says_why():
    def slope(x):
        s = np.sinh(x)
        g = 2 * s / 2
        return g

    f = lambda x: float(np.sum([np.sin(float(v)) for v in x]))
    report = check_derivative(f, slope, np.array([0.3, 1.1]), raises=False)
    assert report.blame is None
    line = slope.__code__.co_firstlineno
    assert f"the mistake is in one of the lines {line + 1}, {line + 2} of" in report.notes[0]
    assert report.notes[-1].startswith("no line is named, as f does not run on Tensors: ")


class Dense:
    """A layer that keeps what its backward pass needs, with a mistake in one line."""

    def forward(self, x, W):
        self.x, self.W, self.y = x, W, np.tanh(x @ W)
        return self.y

    def slope(self):
        return 1 - self.y**2

    def backward(self, x, W, cotangent):
        self.forward(x, W)
        dz = cotangent * self.slope()
        dW = self.x.T @ dz
        return dz @ self.W.T, -dW


def filled(x, w):
    y = np.zeros(len(x) - 1)
    for i in range(len(y)):
        y[i] = x[i] * w[0] + x[i + 1] * w[1]
    return y


def d_filled(x, w, cotangent):
    dx, dw = np.zeros(len(x)), np.zeros(2)
    for i in range(len(cotangent)):
        dx[i : i + 2] = cotangent[i] * w
        dw += cotangent[i] * x[i : i + 2]
    return dx, dw


def test_lines_of_methods_and_of_loops_that_fill_arrays():
    layer, x, W = Dense(), np.array([[0.3, -1.1]]), np.array([[0.5, 1.5], [-0.7, 0.2]])
    report = check_derivative(layer.forward, layer.backward, x, W, raises=False)
    assert report.blame.detail == "return dz @ self.W.T, -dW"
    wrapped = lambda x, W, cotangent: layer.backward(x, W, cotangent)
    assert check_derivative(layer.forward, wrapped, x, W, raises=False).blame.detail == "return dz @ self.W.T, -dW"
    report = check_derivative(filled, d_filled, np.array([0.3, -1.1, 0.7]), np.array([0.5, 1.5]), raises=False)
    assert report.blame.detail == "dx[i : i + 2] = cotangent[i] * w"
    assert report.pattern.startswith("= for +=")


def test_the_line_in_a_function_of_another_library_is_found_by_its_text():
    torch = pytest.importorskip("torch")

    class Scaled(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, w):
            ctx.save_for_backward(x, w)
            return x * w

        @staticmethod
        def backward(ctx, g):
            x, w = ctx.saved_tensors
            dx = g * w
            dw = (g * x).mean(0)
            return dx, dw

    report = check_kernel(Scaled, inputs=(np.array([[0.3, -1.1], [0.5, 2.0]]), np.array([0.7, 1.5])), raises=False)
    assert report.blame.detail == "dw = (g * x).mean(0)"


def test_the_search_for_a_line_is_bounded_by_its_runs(monkeypatch):
    f, df, inputs = lstm.forward, helpers.backward, lstm.inputs()
    calls = []

    def counted(cache):
        calls.append(1)
        found = {**lstm.backward(cache)}
        return {k: g * (1.5 + np.arange(g.size).reshape(g.shape) / 7) for k, g in found.items()}

    monkeypatch.setattr(runs, "MOST", 30)
    report = check_derivative(f, counted, *inputs, raises=False)
    assert report.verdict == "WRONG"
    assert df is not None
    assert len(calls) < 2 * 30 + 100


def test_what_loops_write_to_places_of_their_own_is_not_assigned_again():
    def f(x, w):
        s = 0.0
        for t in range(len(x)):
            s = s + np.tanh(w * x[t]) * (t + 1.0)
        return s

    def df(x, w):
        dx, dw = np.zeros_like(x), 0.0
        for t in range(len(x)):
            da = (1 - np.tanh(w * x[t])) * (t + 1.0)
            dx[t] = da * w
            dw += da * x[t]
        return {"dx": dx, "dw": dw}

    report = check_derivative(f, df, np.array([0.3, 0.5, 0.7]), 1.2, raises=False)
    assert report.blame.op == "da"
    assert report.pattern.startswith("one term missing")


def test_a_number_that_is_no_derivative_is_not_blamed():
    def f(X, w):
        return np.sum(np.tanh(X @ w) ** 2)

    def df(X, w):
        h = np.tanh(X @ w)
        d = 2 * h
        return np.outer(d, w), X.T @ d

    report = check_derivative(f, df, np.ones((2, 3)) * [[0.3], [0.2]], np.array([1.0, 2.0, -0.4]), raises=False)
    assert (report.blame.op, report.pattern) == ("d", "one term missing: the factor 1 - h**2")


PARTS = {  # where a derivative is written by parts, or lies in its function, or is a lambda: a source, and lines in it
    "indexed": (
        """
        import numpy as np


        def f(Z, rows, labels):
            e = np.exp(Z)
            p = e / e.sum(axis=1, keepdims=True)
            return -np.log(p[rows, labels]).sum()


        def df(Z, rows, labels):
            e = np.exp(Z)
            p = e / e.sum(axis=1, keepdims=True)
            p[rows, labels] -= 1
            return p, None, None
        """,
        [("-= 1", "+= 1"), ("-= 1", "-= 0.5")],
        "np.array([[0.5, -1.0, 0.2], [0.1, 0.3, -2.0]]), np.array([0, 1]), np.array([2, 0])",
    ),
    "value and gradient": (
        """
        import numpy as np


        def f(w):
            m = np.sin(w)
            loss = (m**2).sum() + 0.1 * w @ w
            g = 2 * m * np.cos(w)
            return loss, g + 0.2 * w
        """,
        [("2 * m * np.cos(w)", "m * np.cos(w)"), ("g + 0.2 * w", "g - 0.2 * w"), ("g + 0.2 * w", "-g")],
        "np.array([0.5, -1.0, 2.0])",
    ),
    "a list of numbers": (
        """
        import numpy as np


        def f(x, a):
            h, out = 0.0, []
            for v in x:
                h = a * h + np.sin(v)
                out.append(h)
            return np.array(out)


        def df(x, a, cotangent):
            h = f(x, a)
            dh, da, dx = 0.0, 0.0, np.zeros_like(x)
            for t in reversed(range(len(x))):
                dh = dh + cotangent[t]
                dx[t] = dh * np.cos(x[t])
                da = da + dh * (h[t - 1] if t else 0.0)
                dh = dh * a
            return dx, da
        """,
        [("dh * np.cos(x[t])", "dh"), ("dh * np.cos(x[t])", "-dh * np.cos(x[t])")],
        "np.array([0.5, -1.0, 2.0]), 0.7",
    ),
    "lambda": (
        """
        import numpy as np

        f, df = (
            lambda x: np.sin(x) * 3,
            lambda x, cotangent: 3 * cotangent * np.cos(x),
        )
        """,
        [("3 * cotangent", "-3 * cotangent"), ("np.cos(x)", "np.sin(x)")],
        "np.array([0.5, -1.0])",
    ),
}


@pytest.mark.parametrize("name", PARTS)
def test_lines_that_write_parts_and_lines_of_lambdas(name, tmp_path):
    source, faults, inputs = PARTS[name]
    source = textwrap.dedent(source)
    for k, (right, wrong) in enumerate(faults):
        assert source.count(right) == 1
        path = tmp_path / f"part_{k}.py"
        path.write_text(source.replace(right, wrong))
        spec = importlib.util.spec_from_file_location(path.stem, path)
        made = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(made)
        given = eval(f"({inputs},)", {"np": np})
        df = (made.df,) if hasattr(made, "df") else ()
        report = check_derivative(made.f, *df, *given, jac=not df, raises=False)
        line = source[: source.index(right)].count("\n") + 1
        assert report.verdict == "WRONG"
        assert report.blame.site == f"{path}:{line}"


def gated(x, b):
    s = np.zeros(2)
    for t in range(len(x)):
        s = s + np.sin(x[t] + b[:2]) * np.tanh(x[t] * b[2:])
    return np.sum(s)


def d_gated(x, b):
    db = np.zeros(4)
    for t in range(len(x)):
        a, g = np.sin(x[t] + b[:2]), np.tanh(x[t] * b[2:])
        dz = np.concatenate([g * np.cos(x[t] + b[:2]), a * (1 - g) * x[t]])
        db += dz
    return None, db


def test_a_line_that_forgets_nothing_is_no_assignment_in_place_of_an_addition():
    x, b = np.array([[0.2, 0.5], [0.7, 0.3], [0.4, 0.9]]), np.array([0.1, 0.3, 0.8, 0.6])
    report = check_derivative(gated, d_gated, x, b, raises=False)
    assert report.pattern.startswith("one term missing")


def partly_plain(x):
    return x * x + math.exp(x)


def d_partly_plain(x):
    a = 2 * x
    b = 0.3 * math.exp(x) ** 2
    return a + b


def test_what_tensors_do_not_tell_whole_blames_no_line():
    """`math.exp` takes the numbers of a Tensor: its share of the derivative is not known, and no warning speaks of it."""
    report = check_derivative(partly_plain, d_partly_plain, 1.5, raises=False)
    assert report.verdict == "WRONG"
    assert report.blame is None
    assert re.search(
        r"f does not run on Tensors.* plain numbers of them, at .*test_blame\.py:\d+", "".join(report.notes)
    )


def checked(module, name):
    f, df = getattr(module, name), getattr(module, f"{name}_back", None)
    return check_derivative(f, *([df] if df else []), *module.inputs(name), jac=df is None, raises=False)


@pytest.mark.parametrize(("name", "right", "wrong"), networks.FAULTS)
def test_the_wrong_line_of_a_network(name, right, wrong, tmp_path):
    """Among them helper values that are no derivatives, whole numbers, loops, layers in a list, what is returned."""
    report = checked(broken(networks, {right: wrong}, tmp_path / "network.py"), name)
    assert (report.verdict, report.blame.detail) == ("WRONG", wrong)
    assert not report.others


@pytest.mark.parametrize("name", sorted({name for name, *_ in networks.FAULTS}))
def test_the_networks_are_right_before_they_are_broken(name):
    assert checked(networks, name).verdict == "RIGHT"


def in_plain_numbers(x):
    return sum(math.sin(float(v)) for v in x)


def d_in_plain_numbers(x):
    s = np.sin(x)
    g = 2 * s / 2
    return g


def test_a_change_that_makes_a_derivative_right_names_its_line_where_no_tensors_run():
    report = check_derivative(in_plain_numbers, d_in_plain_numbers, np.array([0.3, 1.1]), raises=False)
    assert report.blame.detail == "s = np.sin(x)"
    assert report.notes[-1].endswith("would be right as: s = np.cos(x)")
