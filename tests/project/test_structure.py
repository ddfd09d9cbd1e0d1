"""The laws of the house: imports go down, rules are pure, importing is light, names are kept."""

import ast
import graphlib
import inspect
import pathlib
import re
import subprocess
import sys
from collections import Counter

import pytest

import tinygrad_edu as tg
from tinygrad_edu.op import REGISTRY

PACKAGE = pathlib.Path(tg.__file__).parent
TESTS = pathlib.Path(__file__).resolve().parents[1]

# Each file may import files of its own floor, and of the floors below.
FLOORS = [
    [
        "errors",
        "annotations",
        "domain",
        "kinds",
        "arrays",
        "sums",
        "products",
        "changes",
        "pieces",
        "blocks",
        "recording",
        "precision",
        "departures",
        "batched",
        "holders",
        "hooks",
        "values",
        "engine",
        "op",
        "backward",
    ],
    ["ops", "program"],
    ["functions", "interop", "writing", "methods", "tensor"],
    ["random", "transforms", "nn.guards", "nn.functional"],
    ["nn", "optim", "data", "files", "io", "training", "linalg", "amp", "autograd", "fft", "special"],
    ["testing", "viz", "compiler", "onnx"],
    ["cli"],
]


def floor(module):
    """The number of the most exactly named floor of a module like `ops.linalg`."""
    best = max(
        ((len(name), k) for k, names in enumerate(FLOORS) for name in names if (module + ".").startswith(name + ".")),
        default=None,
    )
    assert best is not None, f"{module} stands on no floor: add it to FLOORS and to docs/architecture.md"
    return best[1]


def imports(path):
    """The modules of this package that a file imports when it is imported."""
    here = path.relative_to(PACKAGE.parent).with_suffix("").parts
    here = here[:-1] if here[-1] == "__init__" else here
    package = here if path.name == "__init__.py" else here[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - node.level + 1][1:]
            parts = (*base, *(node.module.split(".") if node.module else ()))
            folder = PACKAGE.joinpath(*parts)
            modules = [a.name for a in node.names if (folder / f"{a.name}.py").exists() or (folder / a.name).is_dir()]
            if parts and modules:
                yield from ((".".join((*parts, name)), node) for name in modules)
            elif parts:
                yield ".".join(parts), node
            else:
                yield from ((alias.name, node) for alias in node.names)


def for_types(path):
    """The lines of a file that only type checkers read."""
    return {
        inner
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in range(node.lineno, node.end_lineno + 1)
    }


def test_the_page_of_the_architecture_names_every_file():
    text = (PACKAGE.parent / "docs" / "architecture.md").read_text()
    for k, names in enumerate(FLOORS):
        row = text.partition(f"\n| {k} | ")[2].partition(f"\n| {k + 1} | ")[0].partition("\n\n")[0]
        paths = [name.replace(".", "/") for name in names]
        assert [p for p in paths if f"`{p}.py`" not in row and f"`{p}/`" not in row] == [], f"floor {k}"
    families = {path.stem for path in (PACKAGE / "ops").glob("*.py")} - {"__init__"}
    assert families == set(re.search(r"one file for each family: ([a-z, ]+)", text)[1].rstrip().split(", "))


FILES = sorted(p for p in PACKAGE.rglob("*.py") if p.name not in ("__init__.py", "__main__.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_down(path):
    module = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
    typing_only = for_types(path)
    for target, node in imports(path):
        if node.lineno not in typing_only:
            assert floor(target) <= floor(module), f"{module} imports {target}, which stands above it"


def test_no_imports_go_in_a_circle():
    """Not those within functions either; only names that type checkers read may."""
    graph = {}
    for path in PACKAGE.rglob("*.py"):
        parts, typing_only = path.relative_to(PACKAGE).with_suffix("").parts, for_types(path)
        module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        graph[module] = {target for target, node in imports(path) if node.lineno not in typing_only} - {module}
    graphlib.TopologicalSorter(graph).prepare()


def test_a_file_ends_where_a_subject_does():
    lengths = {path: len(path.read_text().splitlines()) for path in PACKAGE.rglob("*.py")}
    assert {path: n for path, n in lengths.items() if n > 400} == {}


# The most parameters of a folder, of a hundred, that may be annotated `Any`.
UNTYPED = {
    "ops": 62, "batched": 65,  # a rule has many readings, and a batched array answers what NumPy's functions take
    "program": 36, "onnx": 25,  # so have the steps of a program; ONNX's own classes have no types
    "training": 25, "interop": 30, "testing": 21, "optim": 19, "transforms": 17, "cli": 17, "data": 16,
    "functions": 8, "compiler": 14, "viz": 15, "nn": 13, "methods": 10, "": 26,
}  # fmt: skip


@pytest.mark.parametrize("folder", UNTYPED)
def test_parameters_have_types(folder):
    paths = (PACKAGE / folder).rglob("*.py") if folder else PACKAGE.glob("*.py")
    given = [
        ast.unparse(a.annotation)
        for path in paths
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.arguments)
        for a in [*node.posonlyargs, *node.args, node.vararg, *node.kwonlyargs, node.kwarg]
        if a is not None and a.annotation is not None
    ]
    assert 100 * given.count("Any") <= UNTYPED[folder] * len(given)


def test_every_folder_has_a_bound():
    assert {path.parent.name for path in PACKAGE.glob("*/__init__.py")} == {*UNTYPED} - {""}


def test_the_package_imports_only_numpy():
    code = (
        "import sys; import traceback; import numpy; import numpy.random; known = set(sys.modules); import tinygrad_edu;"
        "from tinygrad_edu import nn, optim, data, viz, testing;"
        "print(sorted({m.partition('.')[0] for m in set(sys.modules) - known} - set(sys.stdlib_module_names)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavier = set(ast.literal_eval(result.stdout)) - {"tinygrad_edu", "numpy", "cython_runtime"}
    assert {name for name in heavier if not name.startswith("_cython")} == set()


def _rules(op):
    table = [op.vjps[i] for i in range(3)] if not isinstance(op.vjps, tuple) else op.vjps
    return [rule for rule in table if rule is not None]


@pytest.mark.parametrize("op", [op for op in REGISTRY.values() if op.differentiable and not op.custom], ids=str)
def test_rules_are_pure(op):
    """A rule uses operators and ops: no NumPy, no raw data."""
    todo, seen = [inspect.unwrap(rule).__code__ for rule in _rules(op)], set()
    while todo:
        code = todo.pop()
        seen.add(code)
        names = set(code.co_names)
        assert not names & {"_data", "data"}, f"the rule of {op} touches raw data"
        # index sets and masks of constant shape are not computed from values
        assert "np" not in names or names & {"argsort", "arange", "prod", "pi"}, f"the rule of {op} calls NumPy"
        todo += [c for c in code.co_consts if hasattr(c, "co_names") and c not in seen]


def words(text):
    return text.split()


PROMISED = words("""
add subtract multiply divide power negative positive abs exp expm1 log log1p log2 log10 sqrt square reciprocal
sin cos tan sinh cosh tanh asin acos atan atan2 asinh acosh atanh hypot logaddexp maximum minimum clip where
sign floor ceil round remainder floor_divide erf equal not_equal less less_equal greater greater_equal isnan
isinf isfinite logical_and logical_or logical_not sum prod mean var std max min logsumexp cumulative_sum
cumulative_prod all any argmax argmin count_nonzero matmul tensordot vecdot einsum reshape permute_dims
matrix_transpose moveaxis swapaxes expand_dims squeeze broadcast_to concat stack split unstack flip roll tile
repeat pad tril triu diagonal take take_along_axis meshgrid sort argsort topk searchsorted nonzero
unique_values gather repeat_interleave scatter_add index_add bincount asarray zeros ones full empty arange linspace eye zeros_like
trunc fmod cbrt copysign nextafter conj real imag pow diff
bitwise_and bitwise_or bitwise_xor bitwise_invert bitwise_left_shift bitwise_right_shift
signbit isin unique_all unique_counts unique_inverse empty_like broadcast_arrays from_dlpack
astype can_cast result_type isdtype finfo iinfo
ones_like full_like Tensor set_default_dtype grad value_and_grad vjp jvp jacobian jacrev jacfwd linearize hessian hvp vmap checkpoint
scan while_loop no_grad custom_op custom_vjp custom_jvp
""")
LINALG = words("""
inv solve det slogdet cholesky qr svd eigh norm vector_norm matrix_norm trace diagonal outer cross pinv
matrix_power matrix_rank solve_triangular cholesky_solve svdvals eigvalsh cond
""")
NOT_METHODS = words("""
isin unique_all unique_counts unique_inverse empty_like broadcast_arrays from_dlpack can_cast result_type isdtype finfo iinfo
where matmul einsum concat stack meshgrid asarray zeros ones full empty arange linspace eye Tensor
set_default_dtype grad value_and_grad vjp jvp jacobian jacrev jacfwd linearize hessian hvp vmap
checkpoint scan while_loop no_grad custom_op custom_vjp custom_jvp
""")
ATTRIBUTES = words("""
data grad requires_grad shape ndim size dtype name T mT backward detach numpy item astype requires_grad_ clone
__len__ __iter__ __getitem__ __setitem__ __array__ __array_ufunc__ __array_function__ __dlpack__ _repr_html_
""")


def test_every_promised_name_is_there():
    assert [n for n in PROMISED if not hasattr(tg, n)] == []
    assert [n for n in LINALG if not hasattr(tg.linalg, n)] == []
    assert [n for n in ATTRIBUTES if not hasattr(tg.ones((2, 2)), n)] == []
    assert [n for n in ("default_rng", "manual_seed") if not hasattr(tg.random, n)] == []
    generator = tg.random.default_rng(0)
    assert [
        n
        for n in ("normal", "uniform", "integers", "permutation", "bernoulli", "multinomial", "categorical")
        if not hasattr(generator, n)
    ] == []


def test_every_function_of_one_tensor_is_a_method():
    assert [n for n in [*PROMISED, *LINALG] if n not in NOT_METHODS and not hasattr(tg.Tensor, n)] == []


def test_the_list_above_is_the_one_of_the_promised_names():
    text = (PACKAGE.parent / "docs" / "api.md").read_text()
    functions = text.partition("## 2. ")[2].partition("## 3. ")[0].partition("\n")[2]
    listed = {w for w in re.findall(r"[a-z_0-9]+", re.sub(r"\([^)]*\)|`[^`]*`", " ", functions)) if len(w) > 2}
    missing = listed - set(PROMISED) - set(LINALG)
    prose = set(
        words("""
adding algebra and bernoulli comparisons creation elementwise explicit for generators gives integers linear logic
multinomial categorical bits dtypes constants themselves that take tensors device may cpu einops learn scikit transforms ourier special functions taking normal one permutation random reductions places searching shape shared sorting the uniform with
    """)
    )
    assert missing - prose == set()


def test_public_names_have_docstrings():
    for name in [*PROMISED, *LINALG]:
        thing = getattr(tg, name, None) or getattr(tg.linalg, name)
        assert (thing.__doc__ or "").strip(), name


def test_the_tests_mirror_the_folders():
    rooms = {path.name for path in PACKAGE.iterdir() if path.is_dir()} | {"engine", "corpus", "project"}
    tests = PACKAGE.parent / "tests"
    assert {path.parent.name for path in tests.glob("*/test_*.py")} <= rooms
    files = {f"test_{path.stem}" for path in PACKAGE.glob("*.py")}
    assert {path.stem for path in tests.glob("test_*.py")} <= files


PEERS = {
    "autograd",
    "einops",
    "jax",
    "micrograd",
    "mygrad",
    "numba",
    "onnxruntime",
    "pandas",
    "playwright",
    "statsmodels",
    "torch",
}


@pytest.mark.parametrize("path", sorted(TESTS.rglob("*.py")), ids=lambda p: str(p.relative_to(TESTS)))
def test_a_test_that_needs_a_peer_says_so(path):
    """`make test` installs none of them: `pytest.importorskip` names the one that is missing."""
    tree = ast.parse(path.read_text())
    modules = [n.module or "" for n in tree.body if isinstance(n, ast.ImportFrom) and not n.level]
    modules += [alias.name for n in tree.body if isinstance(n, ast.Import) for alias in n.names]
    assert PEERS.isdisjoint(name.partition(".")[0] for name in modules)


def test_no_class_has_the_name_of_another():
    names = Counter(n.name for p in FILES for n in ast.walk(ast.parse(p.read_text())) if isinstance(n, ast.ClassDef))
    assert [name for name, times in names.items() if times > 1] == []


def test_an_op_is_recognised_by_itself_and_not_by_its_name():
    """A user's own op, or a box of PyTorch's, may have any name; and a name that is misspelt is never found."""
    found = []
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Compare) and re.search(r"\bop\.name$", ast.unparse(node.left)):
                texts = [x for side in node.comparators for x in ast.walk(side) if isinstance(x, ast.Constant)]
                found += [f"{path.name}:{node.lineno}" for x in texts if isinstance(x.value, str)]
    assert found == []
