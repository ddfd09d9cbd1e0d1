"""What the package says of itself: its extras, its metadata, its pages and the archive of its source."""

import ast
import pathlib
import re
import sys
import tomllib

import pytest

import tinygrad_edu as tg

ROOT = pathlib.Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CALLED = {
    "sklearn": "scikit-learn",
    "babel": "babel",
    "PIL": "pillow",
    "mpl_toolkits": "matplotlib",
    "cycler": "matplotlib",
}  # by what


def required(extra):
    """The names of the distributions that an extra installs, those of other extras included."""
    found = {re.match(r"[\w-]+", line)[0].lower() for line in PROJECT["dependencies"]}
    for line in PROJECT["optional-dependencies"][extra]:
        if inner := re.fullmatch(r"tinygrad_edu\[(.*)\]", line):
            found = found.union(*(required(name) for name in inner[1].split(",")))
        else:
            found.add(re.match(r"[\w-]+", line)[0].lower())
    return found


def imported(folder):
    """The packages that the files of a folder import, outside of the standard library."""
    trees = [ast.parse(path.read_text()) for path in sorted((ROOT / folder).rglob("*.py"))]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and not node.level}
    return {name.partition(".")[0] for name in names} - set(sys.stdlib_module_names) - {"tinygrad_edu"}


def test_the_examples_need_what_their_extra_installs():
    assert {CALLED.get(name, name).lower() for name in imported("examples")} <= required("examples")


def test_every_extra_that_an_error_names_installs_what_is_missing():
    calls = [
        (library, extra)
        for path in (ROOT / "tinygrad_edu").rglob("*.py")
        for library, extra in re.findall(r'MissingLibraryError\([^()]*?"([\w-]+)", "(\w+)"\)', path.read_text())
    ]
    assert len(calls) > 3
    assert [(library, extra) for library, extra in calls if library.lower() not in required(extra)] == []


def test_the_version_is_written_once():
    assert "version" in PROJECT["dynamic"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", tg.__version__)


def test_the_metadata_say_who_and_for_whom():
    assert PROJECT["authors"]
    assert PROJECT["keywords"]
    assert "Typing :: Typed" in PROJECT["classifiers"]


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda p: p.name)
def test_tables_are_whole(page):
    """Each row of a table has as many cells as its head: a bar inside a cell is escaped."""
    width = 0
    for line in re.sub(r"```.*?```", "", page.read_text(), flags=re.S).splitlines():
        bars = len(re.sub(r"\\\|", "", line).split("|")) if line.startswith("|") else 0
        assert not (bars and width) or bars == width, line
        width = bars


def test_the_archive_of_the_source_has_its_tests():
    grafted = (ROOT / "MANIFEST.in").read_text()
    assert {"tests", "docs", "examples", "benchmarks"} == {*re.findall(r"graft (\w+)", grafted)}
    named = re.search(r"include (.*)", grafted)[1].split()
    assert [name for name in named if not (ROOT / name).exists()] == []
