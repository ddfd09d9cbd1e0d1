"""`tinygrad-edu check`: what it finds, what it refuses, and its exit status."""

import json
import sys

import pytest

from tinygrad_edu.cli import check as command
from tinygrad_edu.testing import check_derivative

MODULE = """
import numpy as np
def forward(x=np.array([1.0, 2.0])):
    return np.sum(x**2)
def backward(x):
    return -2 * x
def right(x):
    return 2 * x
def tensors(x):
    return (x * x).sum()
def broken(x):
    raise RuntimeError("no luck")
def talks(x):
    print("hello")
    return np.sum(x**2)
inputs = (np.array([0.5]),)
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    yield
    sys.modules.pop("mine", None)


@pytest.mark.parametrize(
    ("line", "status", "words"),
    [
        ("mine:forward mine:backward", 1, "sign flipped"),
        ("mine:forward mine:right", 0, "RIGHT"),
        ("mine:forward mine:right --shape 2,3", 0, "all 6 derivatives agree"),
        ("mine:forward mine:right --input [1.0,2.0,3.0]", 0, "all 3"),
        ("mine:forward mine:right mine:inputs", 0, "the derivative agrees"),
        ("mine.py:tensors --shape 2 --order 2", 0, "RIGHT"),
        ("mine:forward mine:right --input [0.0] --strict vacuous", 1, "VACUOUS"),
        ("mine:nothing mine:right", 2, "has no attribute 'nothing'; check the name"),
        ("nowhere:f mine:right", 2, "cannot import 'nowhere'"),
        ("mine", 2, "put a colon before its name"),
        ("mine:right mine:forward", 2, "needs inputs for x; got none; add --shape"),
        ("mine:broken mine:right --shape 2", 2, "RuntimeError: no luck"),
        ("mine:forward mine:right --shape a", 2, "--shape must be lengths"),
        ("mine:forward mine:right --input )", 2, "--input must be a Python literal"),
        ("mine:forward mine:right --input [[1.0],[1.0,2.0]]", 2, "--input must have rows of one length"),
        ("mine:forward mine:right --shape -3", 2, "--shape must be lengths"),
        ("mine:forward mine:right --shape x", 2, "--shape must be lengths"),
        ("mine:forward mine:right --shape ,3", 2, "--shape must be lengths"),
        ("mine:forward mine:right --shape 2,,3", 2, "--shape must be lengths"),
        ("mine:forward mine:right --shape (2,3)", 0, "all 6 derivatives agree"),
        ("mine:np mine:right --shape 2", 2, "'mine:np' is of type module"),
        ("mine:forward mine:right mine:tensors", 2, "a function that gives inputs must take none"),
        ("mine:forward mine:right --order 2", 2, "--order 2 is for functions of Tensors"),
        ("mine:forward mine:right --input [0.0] --strict kink,vacuous", 1, "VACUOUS"),
        ("nowhere.py:forward mine:right", 2, "there is no file 'nowhere.py'"),
    ],
)
def test_command_line(module, capsys, line, status, words):
    assert command.main(line.split()) == status
    out, err = capsys.readouterr()
    assert words in (err if status == 2 else out)
    assert "Traceback" not in out + err


def test_what_the_functions_print_stays_out_of_the_json(module, capsys):
    assert command.main(["mine:talks", "mine:right", "--shape", "2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["verdict"] == "RIGHT"


def test_command_line_json_and_colour(module, capsys):
    assert command.main(["mine:forward", "mine:backward", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["pattern"] == "sign flipped"
    report = check_derivative(abs, lambda x: 1.0, 2.0)
    assert command.styled(report, True).startswith("\x1b[1;32mRIGHT\x1b[0m")


@pytest.mark.parametrize(
    ("line", "status", "words"),
    [
        ("mine:forward mine:right --seed -1", 2, "--seed must be a whole number from 0; got -1"),
        ("mine:forward mine:right --shape 2 --input 0.5", 2, "got more than one of these"),
        ("mine:leaves mine:right --shape 2", 2, "the function called sys.exit(7)"),
        ("needy:f mine:right", 2, "'needy' imports 'no_such_module', which is not installed"),
        ("mine:nowhere mine:right --shape 2", 3, "OUT OF DOMAIN"),
        ("mine:chance mine:right --shape 2", 4, "NOT REPEATABLE"),
    ],
)
def test_command_line_statuses(module, tmp_path, capsys, line, status, words):
    (tmp_path / "needy.py").write_text("import no_such_module\n")
    with open(tmp_path / "mine.py", "a") as file:
        file.write("import sys\ndef leaves(x): sys.exit(7)\ndef nowhere(x): return np.nan\n")
        file.write("def chance(x): return np.random.default_rng().normal()\n")
    sys.modules.pop("mine", None)
    assert command.main(line.split()) == status
    out, err = capsys.readouterr()
    assert words in out + err


def test_what_a_module_prints_stays_out_of_the_json(module, tmp_path, capsys):
    (tmp_path / "loud.py").write_text("print('hello')\ndef f(x): return (x * x).sum()\ndef df(x): return 2 * x\n")
    assert command.main(["loud:f", "loud:df", "--shape", "2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["verdict"] == "RIGHT"
