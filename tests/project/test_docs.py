"""What the docs show is run: docstrings, the README's code, the generated pages."""

import ast
import contextlib
import doctest
import importlib
import inspect
import io
import os
import pathlib
import pkgutil
import re
import subprocess
import sys
import textwrap
import types

import numpy as np
import pytest

import tinygrad_edu

ROOT = pathlib.Path(__file__).parents[2]
MODULES = sorted(
    info.name
    for info in pkgutil.walk_packages(tinygrad_edu.__path__, "tinygrad_edu.")
    if not info.name.endswith("__main__")
)


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples(name):
    with np.printoptions(precision=8):
        results = doctest.testmod(importlib.import_module(name))
    assert results.failed == 0


PUBLIC = ("", ".nn", ".nn.functional", ".nn.init", ".nn.utils", ".optim", ".optim.lr_scheduler", ".data", ".viz", ".testing",
          ".testing.strategies", ".linalg", ".fft", ".special", ".random", ".tree", ".nn.utils.rnn", ".nn.utils.parametrize", ".nn.utils.parametrizations",
          ".nn.metrics", ".nn.guards", ".optim.swa_utils", ".training", ".amp", ".autograd", ".io")  # fmt: skip


def callables(name):
    space = tinygrad_edu
    for part in name.split(".")[1:]:
        space = getattr(space, part)
    public = {n: getattr(space, n) for n in getattr(space, "__all__", None) or dir(space) if not n.startswith("_")}
    return {n: x for n, x in public.items() if callable(x) and not inspect.ismodule(x)}


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_function_and_class_shows_an_example(name):
    public = callables(name)
    assert public
    assert [n for n, x in public.items() if ">>>" not in (x.__doc__ or "")] == []


def raised(node, docs, own=""):
    """The errors raised below `node`, each with the docstrings that may tell it: those around it, or, for what a class
    does behind its methods, any of them."""
    for inner in ast.iter_child_nodes(node):
        if isinstance(inner, ast.FunctionDef | ast.ClassDef):
            said = ast.get_docstring(inner) or ""
            yield from raised(inner, docs, own + said if inner.name[0] != "_" else own + docs)
        elif isinstance(inner, ast.Raise) and (error := re.search(r"\b(\w+Error)\(", ast.unparse(inner))):
            yield error[1], own
        else:
            yield from raised(inner, docs, own)


@pytest.mark.parametrize("name", [*PUBLIC, ".Tensor"])
def test_the_errors_that_a_function_or_class_raises_are_told_by_its_docstring(name):
    untold = []
    for public, code in callables(name).items():
        code = inspect.unwrap(code)
        if not str(getattr(code, "__module__", "")).startswith("tinygrad_edu.") or not code.__doc__:
            continue  # an array's dtype, or another library's
        if not isinstance(code, type | types.FunctionType):
            code = type(code)
        tree = ast.parse(textwrap.dedent(inspect.getsource(code))).body[0]
        docs = " ".join(ast.get_docstring(x) or "" for x in tree.body if isinstance(x, ast.FunctionDef))
        untold += [(public, error) for error, told in raised(tree, docs, code.__doc__) if error not in told]
    assert sorted(set(untold)) == []


def blocks(page):
    return re.findall(r"```python\n(.*?)```", page.read_text(), re.S)


def test_the_readme_prints_what_it_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    scope = {}
    for block in blocks(ROOT / "README.md"):
        expected = [m[1].strip() for m in re.finditer(r"^print\(.*\)\s+# (.*)$", block, re.M)]
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(block, "README.md", "exec"), scope)
        assert printed.getvalue().splitlines() == expected


def test_the_readme_shows_what_the_checker_says():
    block = re.search(
        r"```console\n\$ cd (\S+) && tinygrad-edu ([^\n]*)\n(.*?)```", (ROOT / "README.md").read_text(), re.S
    )
    folder, command, expected = block.groups()
    done = subprocess.run(
        [sys.executable, "-m", "tinygrad_edu", *command.split()],
        cwd=ROOT / folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    numbers = r"\d\.?\d*e[+-]\d+"  # error bars may differ in their one digit from machine to machine
    shown = [re.sub(numbers, "N", line.replace(f"{ROOT / folder}{os.sep}", "")) for line in done.stdout.splitlines()]
    assert shown[:-1] == [re.sub(numbers, "N", line) for line in expected.splitlines()]


def test_the_readme_names_files_that_exist():
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name} names {target}"


def test_the_generated_pages_are_what_the_code_says():
    result = subprocess.run([sys.executable, "docs/generate.py", "--check"], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_architecture_page_names_every_file():
    text = (ROOT / "docs" / "architecture.md").read_text()
    package = pathlib.Path(tinygrad_edu.__file__).parent
    for path in package.iterdir():
        if path.name.startswith("__") or path.name == "py.typed":
            continue
        name = path.name if path.is_file() else f"{path.name}/"
        assert name in text, name
