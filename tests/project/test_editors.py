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
COURSE = sorted({*PROGRAM.parent.glob("*.py")} - {PROGRAM})  # the programs of the course's first four weeks
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
def test_mypy_finds_nothing_in_programs(tmp_path):
    assert len(COURSE) == 12
    said = checked(tmp_path, "--scripts-are-modules", PROGRAM, *COURSE)
    assert said == (0, "Success: no issues found in 13 source files\n")


@pytest.mark.slow
@pytest.mark.parametrize("program", COURSE, ids=lambda path: path.stem)
def test_a_program_of_the_course_runs(program, tmp_path):
    """Each asserts what it should find."""
    done = subprocess.run(
        [sys.executable, "-W", "error", program, tmp_path],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr


LINES = {
    "tg.Tensor(1.0)": "tinygrad_edu.tensor.Tensor", "x + 1": "tinygrad_edu.tensor.Tensor",
    "tg.add(x, 1)": "tinygrad_edu.tensor.Tensor", "x.sum()": "tinygrad_edu.tensor.Tensor",
    "x == 1": "tinygrad_edu.tensor.Tensor", "x.item()": "int | Any", "x.tolist()": "list[Any] | Any",
    "x.numpy()": "numpy.ndarray[tuple[Any, ...], numpy.dtype[Any]]",
    "x.grad": "tinygrad_edu.tensor.Tensor | Any", "tg.draw(x)": "tinygrad_edu.viz.pictures.picture.Picture",
    "tg.viz.player(x)": "tinygrad_edu.viz.pages.page.Page", "tg.explain(x)": "tinygrad_edu.viz.words.explain.Explanation",
    "tg.why(x)": "tinygrad_edu.viz.words.case.Answer", "tg.nn.Linear(1, 1)(x)": "tinygrad_edu.tensor.Tensor",
    "tg.nn.Sequential()(x)": "tinygrad_edu.tensor.Tensor", "tg.nn.Linear(1, 1).weight": "tinygrad_edu.nn.parameter.Parameter",
    "tg.nn.Linear(1, 1).eval()": "tinygrad_edu.nn.linear.Linear",
    "tg.nn.MSELoss()(x, x)": "tinygrad_edu.tensor.Tensor", "tg.nn.Module()(x)": "Any",
    "tg.nn.GRU(1, 1)(x)": "tuple[tinygrad_edu.tensor.Tensor, tinygrad_edu.tensor.Tensor]",
    "tg.nn.LSTMCell(1, 1)(x)": "tuple[tinygrad_edu.tensor.Tensor, tinygrad_edu.tensor.Tensor]",
    "Own()(x)": "tuple[tinygrad_edu.tensor.Tensor, int]", "Own().train()": "shown.Own",
    "tg.nn.functional.mse_loss(x, x)": "tinygrad_edu.tensor.Tensor", "tg.__version__": "str",
    "tg.testing.check_gradients(abs, 1.0)": "tinygrad_edu.testing.report.Report",
}  # fmt: skip


def test_types_are_those_of_the_public_classes(tmp_path):
    lines = [f"reveal_type({line})" for line in LINES]
    program = tmp_path / "shown.py"
    own = "class Own(tg.nn.Module):\n    def forward(self, x: tg.Tensor) -> tuple[tg.Tensor, int]:\n        return x, 1"
    program.write_text("\n".join(["import tinygrad_edu as tg", own, "x = tg.ones(1)", *lines]))
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


LAMBDAS = """
import tinygrad_edu as tg
from tinygrad_edu import data, testing
tg.grad(lambda x: x.sum())
tg.hessian(lambda p: p["w"] @ p["w"])
tg.vmap(lambda a, b: a + b)
tg.vjp(lambda a, b, c, d, e: a + b, 1.0, 1.0, 1.0, 1.0, 1.0)
tg.custom_op("of_a_test", lambda x: x * x, lambda g, y, x: 2 * g * x)
tg.scan(lambda carry, x: (carry + x, x), 0.0, tg.ones(3))
tg.while_loop(lambda s: s < 3, lambda s: s + 1, 0)
tg.tree.map(lambda x: x + 1, {"a": 1})
testing.check_gradients(lambda x: x.sum(), 1.0)
testing.check_derivative(lambda x: x * x, lambda x: 2 * x, 1.0)
tg.nn.Linear(1, 1).apply(lambda module: print(module.training))
tg.nn.Linear(1, 1).register_forward_hook(lambda module, args, y: print(y.shape))
tg.ones(1).register_hook(lambda g: 2 * g)
data.DataLoader([1.0], collate_fn=lambda examples: examples[0])
"""


def test_pyright_knows_the_parameters_of_lambdas(tmp_path):
    program = tmp_path / "lambdas" / "lambdas.py"
    program.parent.mkdir()
    program.write_text(LAMBDAS)
    assert pyright(tmp_path, program) == []


@pytest.mark.parametrize(
    "name", ["grad", "value_and_grad", "jacobian", "jacrev", "jacfwd", "hessian", "vmap", "checkpoint", "compile"]
)
def test_a_function_that_is_given_back_takes_any_arguments(name):
    """What is taken may be a union, one form for each number of parameters; a call of such a one fits no form."""
    assert "Function" not in inspect.signature(getattr(tg, name)).return_annotation


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


def test_pyright_finds_nothing_in_programs(tmp_path):
    assert pyright(tmp_path, PROGRAM, *COURSE) == []


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


@pytest.mark.parametrize(("name", "names"), [("add", ["x1", "x2", "alpha"]), ("exp", ["x"]), ("atan2", ["x1", "x2"])])
def test_elementwise_functions_show_their_arguments(name, names):
    function = getattr(tg, name)
    assert list(inspect.signature(function).parameters) == names
    assert function.__doc__.startswith(f"{name}({', '.join(name for name in names if name != 'alpha')})")
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
