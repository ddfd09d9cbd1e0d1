"""The pytest plugin, seen from outside: runs of pytest on a small file of tests, alone and spread over processes."""

import json
import os
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TESTS = """
import numpy as np
import pytest
from tinygrad_edu import testing


def test_right(derivative_check):
    derivative_check(np.sin, np.cos, 0.5)
    derivative_check.kernel(np.tanh, lambda x, cotangent: cotangent * (1 - np.tanh(x) ** 2), inputs=(np.ones(2),), lengths=())


def test_wrong(derivative_check):
    derivative_check(np.sin, lambda x: -np.cos(x), 0.5)


@pytest.mark.derivatives(strict="KINK")
def test_kink(derivative_check):
    derivative_check(abs, lambda x: 0.5, 0.0)


@pytest.mark.derivatives
def test_without_the_fixture():
    testing.check_derivative(np.sin, lambda x: 2 * np.cos(x), 0.5)


@testing.derivative_property(testing.strategies.arrays(shape=2), df=lambda x, cotangent: cotangent * np.cos(x))
def test_property(x):
    return np.sin(x)


def test_other():
    raise RuntimeError("this is no test of derivatives")
"""


def run(folder, *arguments, text=TESTS):
    (folder / "test_some.py").write_text(text)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tinygrad_edu.testing.plugin", *arguments, "test_some.py"]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


@pytest.mark.slow
@pytest.mark.parametrize("spread", [(), ("-p", "xdist", "-n", "2")], ids=["alone", "xdist"])
def test_verdicts_are_listed_and_written(tmp_path, spread):
    result = run(tmp_path, "--derivatives", "--derivatives-json=found.json", "--junitxml=junit.xml", *spread)
    assert result.returncode == 1
    assert "3 failed, 2 passed" in result.stdout, result.stdout + result.stderr
    assert spread or "1 deselected" in result.stdout
    assert "this is no test of derivatives" not in result.stdout
    summary = result.stdout.partition(" derivatives =")[2]
    assert "1 KINK, 3 RIGHT, 2 WRONG" in summary
    assert "WRONG test_some.py::test_wrong (sin): x is wrong" in summary
    assert "    off by a constant factor 2" in summary

    found = {
        (f["node"].partition("::")[2], f["function"]): f for f in json.loads((tmp_path / "found.json").read_text())
    }
    assert set(found) == {
        ("test_right", "sin"),
        ("test_right", "tanh"),
        ("test_wrong", "sin"),
        ("test_kink", "abs"),
        ("test_without_the_fixture", "test_without_the_fixture"),
        ("test_property", "test_property"),
    }
    assert found["test_wrong", "sin"]["pattern"] == "sign flipped"
    assert found["test_right", "tanh"]["tried"]

    cases = ET.parse(tmp_path / "junit.xml").getroot().iter("testcase")
    said = {c.get("name"): [p.get("value") for p in c.iter("property")] for c in cases}
    assert said["test_right"] == ["RIGHT: the derivative agrees", "RIGHT: all 2 derivatives agree"]
    assert said["test_kink"][0].startswith("KINK: ")


def test_without_the_option_everything_runs_and_nothing_is_listed(tmp_path):
    result = run(tmp_path)
    assert "4 failed, 2 passed" in result.stdout, result.stdout
    assert " derivatives =" not in result.stdout


FAILING = """
import numpy as np
import pytest
from tinygrad_edu import testing

wrong = lambda x, cotangent: -cotangent * np.cos(x)


def refuses(x):
    raise RuntimeError("no")


def test_called(derivative_check):
    derivative_check(np.sin, wrong, 0.5)


def test_kernel(derivative_check):
    derivative_check.kernel(np.sin, wrong, inputs=(np.ones(2),))


def test_hessian(derivative_check):
    derivative_check.hessian(lambda x: np.sum(x**3), np.diag, np.ones(2))


def test_gradients(derivative_check):
    derivative_check.gradients(refuses, 0.5)


def test_derivative_that_raises(derivative_check):
    derivative_check(np.sin, refuses, 0.5)


def test_wrong_use(derivative_check):
    derivative_check(np.sin, wrong, "half")


@pytest.mark.derivatives
def test_without_the_fixture():
    testing.check_derivative(np.sin, wrong, 0.5)
"""


def test_a_failure_shows_the_lines_of_the_user_only(tmp_path):
    lines = FAILING.splitlines()
    result = run(tmp_path, "--tb=long", "--showlocals", text=FAILING)
    assert "7 failed" in result.stdout, result.stdout
    assert "tinygrad_edu" + os.sep not in result.stdout  # no file of ours
    shown = [line[1:].strip() for line in result.stdout.splitlines() if line.startswith(">")]
    raises = 'raise RuntimeError("no")'
    tests = [line.strip() for line in lines if line.strip().startswith(("derivative_check", "testing.check"))]
    assert sorted(shown) == sorted([*tests, raises, raises])
    whole = run(tmp_path, "--full-trace", text=FAILING)
    assert os.path.join("tinygrad_edu", "testing", "plugin.py") in whole.stdout


def test_installing_the_package_installs_the_plugin():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {"tinygrad_edu": "tinygrad_edu.testing.plugin"}


ALONE = """
import sys

ALLOWED = {"numpy", "hypothesis", "tinygrad_edu", "sortedcontainers", "attr", "attrs"}

class Blocked:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in ALLOWED and top not in sys.stdlib_module_names and not top.startswith("_"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocked())
import numpy as np
from tinygrad_edu import testing
assert testing.check_derivative(np.sin, np.cos, 0.5).verdict == "RIGHT"
assert testing.check_kernel(np.sin, lambda x, cotangent: np.cos(x) * cotangent, inputs=(np.ones(3),)).verdict == "RIGHT"
assert testing.check_hvp(lambda x: np.sum(x**3), lambda x, p: 6 * x * p, np.ones(2)).verdict == "RIGHT"

@testing.derivative_property(testing.strategies.arrays(shape=2), df=lambda x, cotangent: cotangent * np.cos(x))
def test_sine(x):
    return np.sin(x)

test_sine()
print(sorted({"graphviz", "pygraphviz", "scipy", "matplotlib"} & set(sys.modules)))
"""


def test_numpy_and_hypothesis_are_enough():
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    result = subprocess.run([sys.executable, "-c", ALONE], env=environment, capture_output=True, text=True)
    assert (result.stdout, result.stderr) == ("[]\n", "")
