"""The page on testing: its examples run, and its table is there."""

import doctest
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "testing.md"


def test_examples_run(monkeypatch):
    monkeypatch.setattr(sys, "path", [str(Path(__file__).parents[1] / "corpus"), *sys.path])
    failed, tried = doctest.testfile(str(PAGE), module_relative=False)
    assert tried > 20
    assert failed == 0


def test_the_table_was_generated():
    text = PAGE.read_text()
    assert "| `tinygrad_edu.testing`, all cases |" in text
    assert "mutants" in text.split("score begins")[1].split("score ends")[0]
