"""What an editor, a type checker and `help` show: the names that users need, with their types."""

import inspect
import json
import operator
import pathlib
import pydoc
import subprocess
import sys
import tomllib

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


@pytest.mark.slow
def test_mypy_finds_nothing_in_a_program(tmp_path):
    assert checked(tmp_path, PROGRAM) == (0, "Success: no issues found in 1 source file\n")


LINES = {
    "tg.Tensor(1.0)": "tinygrad_edu.tensor.Tensor", "x + 1": "tinygrad_edu.tensor.Tensor",
    "tg.add(x, 1)": "tinygrad_edu.tensor.Tensor", "x.sum()": "tinygrad_edu.tensor.Tensor",
    "x.grad": "tinygrad_edu.tensor.Tensor | Any", "tg.draw(x)": "tinygrad_edu.viz.pictures.picture.Picture",
    "tg.viz.player(x)": "tinygrad_edu.viz.pages.page.Page", "tg.explain(x)": "tinygrad_edu.viz.words.explain.Explanation",
    "tg.why(x)": "tinygrad_edu.viz.words.case.Answer", "tg.nn.Linear(1, 1)(x)": "tinygrad_edu.tensor.Tensor",
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
    modules = sorted({name for name in public_names() if inspect.ismodule(operator.attrgetter(name[3:])(tg))})
    assert len(modules) > 15
    program = tmp_path / "wrong.py"
    program.write_text("import tinygrad_edu as tg\n" + "".join(f"{m}.nope\n" for m in ["tg.ones(1)", "tg", *modules]))
    status, said = checked(tmp_path, program)
    assert status == 1
    assert '"Tensor" has no attribute "nope"' in said
    assert said.count('Module has no attribute "nope"') == 1 + len(modules), said


@pytest.mark.long
def test_mypy_finds_nothing_in_the_examples(tmp_path):
    assert checked(tmp_path, "--scripts-are-modules", *sorted((ROOT / "examples").glob("*/*.py")))[0] == 0


def pyright(folder, *files, **settings):
    """What pyright's strict mode says of files that use the package, copied into an empty folder."""
    pytest.importorskip("pyright", reason="pyright is not installed: pip install 'pyright[nodejs]'")
    for file in files:
        target = folder / "checked" / file.parent.name / file.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(file.read_text())
    settings |= {"typeCheckingMode": "strict", "extraPaths": [str(ROOT)], "include": ["checked"]}
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


def public_names():
    """Every name that completion shows, from `tg.` on: functions, classes and what is in them."""
    modules, seen = [("tg", tg)], set()
    for place, module in modules:
        for name in (name for name in dir(module) if name[:2] != "__"):
            thing = getattr(module, name)
            yield f"{place}.{name}"
            if inspect.ismodule(thing) and thing not in seen:
                seen.add(thing)
                modules.append((f"{place}.{name}", thing))
            elif inspect.isclass(thing):
                parts = ((part, inspect.getattr_static(thing, part)) for part in vars(thing) if part[0] != "_")
                yield from (f"{place}.{name}.{part}" for part, what in parts if callable(what))


@pytest.mark.long
def test_pyright_knows_the_type_of_every_public_name(tmp_path):
    names = tmp_path / "names" / "names.py"
    names.parent.mkdir()
    shown = list(public_names())
    assert len(shown) > 1000
    parts = (", ".join(shown[k : k + 20]) for k in range(0, len(shown), 20))  # one long list is too much for it
    names.write_text("\n".join(["import tinygrad_edu as tg", *(f"print({part})" for part in parts)]))
    assert pyright(tmp_path, names) == []


def test_pyright_finds_nothing_in_a_program(tmp_path):
    assert pyright(tmp_path, PROGRAM) == []


@pytest.mark.long
def test_pyright_finds_nothing_in_the_examples(tmp_path):
    """All of strict mode but the rules that pyproject.toml names, with the reason."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pyright"]
    assert (settings.pop("include"), settings.pop("typeCheckingMode")) == (["examples"], "strict")
    assert pyright(tmp_path, *sorted((ROOT / "examples").glob("*/*.py")), **settings) == []


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


def test_completion_of_modules_shows_their_own_names_only():
    """Every module that completion leads to, from `tg.` on."""
    places = {name.rpartition(".")[0] for name in public_names()}
    assert {
        "tg",
        "tg.nn.functional",
        "tg.optim.lr_scheduler",
        "tg.errors",
        "tg.tree",
        "tg.testing.strategies",
    } <= places
    own = ("tinygrad_edu", "builtins", "numpy")  # NumPy: dtypes and its protocols
    for name in public_names():
        place, _, last = name.rpartition(".")
        x = operator.attrgetter(name.removeprefix("tg."))(tg)
        assert last[0] != "_", name
        assert isinstance(x, tuple | dict | frozenset) or (
            x if inspect.ismodule(x) else inspect.getmodule(x) or tg
        ).__name__.startswith(own), name
        assert last not in ("annotations", "np", "settings", "Variable"), name
        assert last not in ("ShapeError", "DTypeError") or place == "tg.errors", name


def test_completion_of_objects_shows_nothing_internal():
    for x in (tg.nn.Linear(2, 2), tg.optim.SGD([tg.ones(1)], lr=0.1), tg.random.default_rng(0)):
        assert {*dir(x)} & {*INTERNAL, "READERS", "kinds", "checked"} == set()
