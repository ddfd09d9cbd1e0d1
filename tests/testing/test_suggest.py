"""Files of tests that `suggest` writes: they run, they pass on right derivatives, and they find planted faults."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tinygrad_edu import testing

ROOT = Path(__file__).parents[2]
MODULE = """
import numpy as np

import tinygrad_edu as tg


def loss(w, X):
    return np.sum(np.sin(X @ w))


def d_loss(w, X):
    d = np.cos(X @ w)
    return X.T @ d, np.outer(d, w)


def entropy(p):
    return -np.sum(p * np.log(p))


def entropy_grad(p):
    return -np.log(p) - 1


def layer_forward(X, W):
    Z = X @ W
    return np.sin(Z), (X, W, Z)


def layer_backward(dA, cache):
    X, W, Z = cache
    dZ = dA * np.cos(Z)
    return {"dX": dZ @ W.T, "dW": X.T @ dZ}


def cubed(x):
    return tg.sum(x**3)


def helper(text):
    return text.upper()
"""
FAULTS = [
    ("X.T @ d, ", "-X.T @ d, ", "loss"),
    ("-np.log(p) - 1", "-np.log(p)", "entropy"),
    ("dA * np.cos(Z)", "dA", "layer_forward"),
]


def written(folder, name, text):
    (folder / f"{name}.py").write_text(text)
    sys.path.insert(0, str(folder))
    try:
        importlib.invalidate_caches()
        return testing.suggest(name, folder / f"test_{name}.py")
    finally:
        sys.path.remove(str(folder))


def run(folder, name):
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{folder}", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"test_{name}.py"]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


@pytest.mark.long
def test_the_file_runs_and_passes_and_finds_faults_that_come_later(tmp_path):
    text = written(tmp_path, "right_functions", MODULE)
    assert text == (tmp_path / "test_right_functions.py").read_text()
    assert "WRONG" not in text
    assert "No inputs were found for helper: write a test" in text
    assert 'strategies.arrays(shape=(3,), kind="positive"), df=entropy_grad' in text
    result = run(tmp_path, "right_functions")
    assert "4 passed" in result.stdout, result.stdout

    broken = MODULE
    for old, new, _ in FAULTS:
        assert old in broken
        broken = broken.replace(old, new)
    (tmp_path / "right_functions.py").write_text(broken)
    result = run(tmp_path, "right_functions")
    assert "3 failed, 1 passed" in result.stdout, result.stdout
    for _, _, name in FAULTS:
        assert f"FAILED test_right_functions.py::test_derivative_of_{name}" in result.stdout


def test_what_is_wrong_now_is_said_in_a_comment(tmp_path):
    text = written(tmp_path, "wrong_functions", MODULE.replace("-np.log(p) - 1", "np.log(p) + 1"))
    assert "# WRONG now: p" in text
    assert text.count("WRONG") == 1


DEFAULTS = """
import numpy as np

import tinygrad_edu as tg


def valley(x=np.array([0.5, 1.0, -0.3]), a=1.0, mode="sum", b=2.0):
    return np.sum(x**2) * np.sin(a) * b


def valley_grad(x, a):
    return 4 * x * np.sin(a), 2 * np.sum(x**2) * np.cos(a)


def far(x=np.array([150.0, 200.0])):
    if np.any(x < 100):
        raise ValueError("too small")
    return np.sum(np.log(x - 100))


def d_far(x):
    return 1 / (x - 100)


def wave(x=np.array([1.0, 2.0])):
    return tg.sin(x).sum()


def broken(r=2.5):
    return r**3


def d_broken(r):
    return 2 * r**2


def title(text="sine", n=3):
    return text * n
"""


@pytest.mark.slow
def test_defaults_are_inputs_where_all_parameters_have_them(tmp_path):
    text = written(tmp_path, "functions_with_defaults", DEFAULTS)
    assert (
        "# Of the shapes of the defaults of x, a.\n@testing.derivative_property(strategies.arrays(shape=(3,))" in text
    )
    assert "def test_derivative_of_valley(x, a):\n    return valley(x, a)" in text
    assert "# At the defaults of x.\ndef test_derivative_of_far():\n    x = np.array([150.0, 200.0]" in text
    assert "# WRONG now: r is wrong\n# Of the shapes of the defaults of r.\n" in text
    assert "# No inputs were found for title: write a test" in text
    result = run(tmp_path, "functions_with_defaults")
    assert "1 failed, 3 passed" in result.stdout, result.stdout
    assert "FAILED test_functions_with_defaults.py::test_derivative_of_broken" in result.stdout


def test_what_cannot_be_tested_is_told():
    with pytest.raises(ValueError, match=r"suggest: module must be importable; got 'no_such_module_here': No module"):
        testing.suggest("no_such_module_here")
    with pytest.raises(TypeError, match=r"suggest: module must be a module, its name or a function; got int"):
        testing.suggest(3)
