"""The guide to models, and every example in a docstring of what it describes, run as they are written."""

import doctest
import importlib
import pkgutil
from pathlib import Path

import pytest

import tinygrad_edu
from tinygrad_edu import data, io, nn, optim, training
from tinygrad_edu.nn import guards

MODULES = ["tinygrad_edu.io", "tinygrad_edu.nn.guards"] + [
    found.name
    for package in (nn, optim, data, training)
    for found in pkgutil.walk_packages(package.__path__, package.__name__ + ".")
]
DOCS = Path(__file__).resolve().parents[2] / "docs"
GUIDE = DOCS / "models.md"


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings(name):
    if name == io.__name__:
        pytest.importorskip("safetensors")
    failed, _ = doctest.testmod(importlib.import_module(name))
    assert not failed


@pytest.mark.parametrize("page", ["models.md", "coming-from.md"])
def test_the_guides(page):
    pytest.importorskip("safetensors")
    failed, tried = doctest.testfile(str(DOCS / page), module_relative=False)
    assert tried > 10
    assert not failed


def test_the_guide_names_every_guard_and_no_other():
    rows = [line.split("`")[1] for line in GUIDE.read_text().splitlines() if line.startswith("| `")]
    assert rows == list(guards.NAMES)
    assert all(name in guards.__doc__ for name in guards.NAMES)
    assert tinygrad_edu.nn.guards is guards
