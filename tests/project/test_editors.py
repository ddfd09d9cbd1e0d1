"""What an editor, a type checker and `help` show: the names that users need, with their types."""

import importlib
import inspect
import json
import pathlib
import pydoc
import subprocess
import sys

import pytest

import tinygrad_edu as tg

ROOT = pathlib.Path(__file__).parents[2]
PROGRAM = ROOT / "tests" / "project" / "typed" / "program.py"
INTERNAL = {
    "born", "flags", "store", "past", "source", "site", "attributes", "settle", "notice", "reborn", "as_of", "read",
    "READERS", "PARTS", "engine", "foreign", "tensor", "arrays", "ops", "batched", "recording", "_data", "_grad", "_seed",
}  # fmt: skip


def checked(folder, *arguments, cwd=None):
    """What mypy says of files that use the package."""
    api = pytest.importorskip("mypy.api")
    settings = folder / "mypy.ini"
    settings.write_text(
        f"[mypy]\nmypy_path = {ROOT}\ncache_dir = {ROOT / '.mypy_cache'}\nignore_missing_imports = True\n"
        "follow_imports = silent\n"
    )
    out, err, status = api.run(["--config-file", str(settings), "--strict", *map(str, arguments)])
    return status, out + err


def test_mypy_finds_nothing_in_a_program(tmp_path):
    assert checked(tmp_path, PROGRAM) == (0, "Success: no issues found in 1 source file\n")


LINES = {
    "tg.Tensor(1.0)": "tinygrad_edu.tensor.Tensor", "x + 1": "tinygrad_edu.tensor.Tensor",
    "tg.add(x, 1)": "tinygrad_edu.tensor.Tensor", "x.sum()": "tinygrad_edu.tensor.Tensor",
    "x.grad": "tinygrad_edu.tensor.Tensor | Any", "tg.draw(x)": "tinygrad_edu.viz.pictures.picture.Picture",
    "tg.viz.player(x)": "tinygrad_edu.viz.pages.page.Page", "tg.explain(x)": "tinygrad_edu.viz.words.explain.Explanation",
    "tg.why(x)": "tinygrad_edu.viz.words.why.Answer", "tg.nn.Linear(1, 1)(x)": "tinygrad_edu.tensor.Tensor",
    "tg.nn.Sequential()(x)": "tinygrad_edu.tensor.Tensor", "tg.nn.Linear(1, 1).weight": "tinygrad_edu.nn.module.Parameter",
    "tg.nn.Linear(1, 1).eval()": "tinygrad_edu.nn.linear.Linear",
    "tg.nn.functional.mse_loss(x, x)": "tinygrad_edu.tensor.Tensor", "tg.__version__": "str",
    "tg.testing.check_gradients(abs, 1.0)": "tinygrad_edu.testing.report.Report",
}  # fmt: skip


def test_types_are_those_of_the_public_classes(tmp_path):
    lines = [f"reveal_type({line})" for line in LINES]
    program = tmp_path / "shown.py"
    program.write_text("\n".join(["import tinygrad_edu as tg", "x = tg.ones(1)", *lines]))
    _, said = checked(tmp_path, program)
    shown = [line.partition('"')[2].rpartition('"')[0] for line in said.splitlines() if "Revealed type" in line]
    assert dict(zip(LINES, shown, strict=True)) == LINES


def test_a_name_that_is_not_there_is_an_error_to_a_type_checker(tmp_path):
    program = tmp_path / "wrong.py"
    program.write_text("import tinygrad_edu as tg\ntg.nope\ntg.ones(1).wrong\n")
    status, said = checked(tmp_path, program)
    assert status == 1
    assert 'Module has no attribute "nope"' in said
    assert '"Tensor" has no attribute "wrong"' in said


@pytest.mark.long
def test_mypy_finds_nothing_in_the_examples(tmp_path):
    assert checked(tmp_path, "--scripts-are-modules", *sorted((ROOT / "examples").glob("*/*.py")))[0] == 0


def pyright(folder, *files, **settings):
    """What pyright says of files that use the package, copied into an empty folder."""
    pytest.importorskip("pyright", reason="pyright is not installed: pip install 'pyright[nodejs]'")
    for file in files:
        target = folder / "checked" / file.parent.name / file.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(file.read_text())
    settings |= {"extraPaths": [str(ROOT)], "include": ["checked"]}
    (folder / "pyrightconfig.json").write_text(json.dumps(settings))
    done = subprocess.run(
        [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, "-p", str(folder), "--outputjson"],
        capture_output=True, text=True,
    )  # fmt: skip
    if not done.stdout.startswith("{"):  # its node is a download, or a wheel of the dev extra
        pytest.skip(f"pyright did not start ({(done.stderr or done.stdout)[-200:]!r}): pip install 'pyright[nodejs]'")
    report = json.loads(done.stdout)
    assert report["summary"]["filesAnalyzed"] == len(files)
    return [f"{x['file']}:{x['range']['start']['line'] + 1}: {x['message']}" for x in report["generalDiagnostics"]]


def test_pyright_finds_nothing_in_a_program(tmp_path):
    assert pyright(tmp_path, PROGRAM, typeCheckingMode="strict") == []


@pytest.mark.long
def test_pyright_finds_nothing_in_the_examples(tmp_path):
    """Its strict mode would ask matplotlib and scikit-learn for types that they do not have."""
    files = sorted((ROOT / "examples").glob("*/*.py"))
    assert pyright(tmp_path, *files, reportPossiblyUnboundVariable="none") == []  # after loops that run


def test_the_program_runs(tmp_path):
    environment = {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, PROGRAM, tmp_path], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert {p.name for p in tmp_path.iterdir()} == {"graph.svg", "page.html", "model.safetensors"}


def test_the_command_says_its_version():
    done = subprocess.run(
        [sys.executable, "-m", "tinygrad_edu", "--version"],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(ROOT)},
    )
    assert (done.returncode, done.stdout) == (0, f"tinygrad-edu {tg.__version__}\n")


def test_help_names_everything_public_with_a_line():
    page = pydoc.plain(pydoc.render_doc(tg)).partition("PACKAGE CONTENTS")[0]
    lines = {line.split()[0]: line for line in page.splitlines() if line.split()}
    assert [name for name in tg.__all__ if len(lines.get(name, "").split()) < 2] == []


def test_every_public_name_is_there_and_nothing_internal():
    assert [name for name in tg.__all__ if not hasattr(tg, name)] == []
    assert {"Tensor", "grad", "nn", "draw", "save", "linalg", "random"} <= {*dir(tg)}
    assert {*dir(tg)} & INTERNAL == set()
    assert {*dir(tg.ones(2))} & INTERNAL == set()
    assert {*dir(tg.nn.Parameter([1.0]))} & INTERNAL == set()
    assert {"grad", "data", "backward", "name", "shape", "sum", "T", "__add__"} <= {*dir(tg.ones(2))}


@pytest.mark.parametrize(("name", "names"), [("add", ["x1", "x2"]), ("exp", ["x"]), ("atan2", ["x1", "x2"])])
def test_elementwise_functions_show_their_arguments(name, names):
    function = getattr(tg, name)
    assert list(inspect.signature(function).parameters) == names
    assert function.__doc__.startswith(f"{name}({', '.join(names)})")
    bound = getattr(tg.ones(1), name)
    assert list(inspect.signature(bound).parameters) == names[1:]


PLACES = [
    "nn",
    "nn.functional",
    "nn.init",
    "nn.utils",
    "nn.metrics",
    "nn.guards",
    "optim",
    "data",
    "viz",
    "testing",
    "io",
    "random",
]


@pytest.mark.parametrize("place", PLACES)
def test_completion_of_a_module_shows_its_own_names_only(place):
    module = importlib.import_module(f"tinygrad_edu.{place}")
    shown = [name for name in dir(module) if not name.startswith("__")]
    assert len(shown) >= 2
    for name in shown:
        x = getattr(module, name)
        assert name[0] != "_"
        assert inspect.ismodule(x) or isinstance(x, tuple) or x.__module__.startswith("tinygrad_edu."), name
        assert name not in ("annotations", "np", "ShapeError", "DTypeError", "settings", "Variable")


def test_completion_of_objects_shows_nothing_internal():
    for x in (tg.nn.Linear(2, 2), tg.optim.SGD([tg.ones(1)], lr=0.1), tg.random.default_rng(0)):
        assert {*dir(x)} & {*INTERNAL, "PARAMETERS", "READERS", "kinds", "checked"} == set()
