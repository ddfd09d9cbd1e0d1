"""What type checkers refuse and what they let through, beside what runs."""

import ast
import doctest
import inspect
import operator

import pytest

import tinygrad_edu as tg

from .test_editors import ROOT, checked, public_names, pyright


class Other:
    """Of no use to anything."""


# Calls that run for some values only, which a type does not tell: readers of a graph take trees of tensors.
BY_VALUE = ("tg.arange()", "tg.testing.derivative_property()")


def refused_calls():
    """Calls of public names that cannot be: too many arguments, none, a keyword that nobody has, no array."""
    cases = {"()": ((), {}), "(nobody=1)": ((), {"nobody": 1}), "(*[1] * 30)": ((1,) * 30, {})}
    cases |= {"(None)": ((None,), {}), "(Other())": ((Other(),), {})}
    for name in sorted({*public_names()}):
        function = operator.attrgetter(name.removeprefix("tg."))(tg)
        if not callable(function) or inspect.ismodule(function) or ".strategies." in name:
            continue
        for written, (args, kwargs) in cases.items():
            try:
                function(*args, **kwargs)
            except TypeError as error:
                of_data = written in ("(None)", "(Other())") and ": data must be numbers" not in str(error)
                varied = "30" in written and "*" in str(inspect.signature(function))
                if not of_data and not varied and name + written not in BY_VALUE:
                    yield name + written.replace("*[1] * 30", ", ".join("1" * 30))
            except Exception:  # refused by value
                pass


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_call_that_cannot_be_is_an_error_to_a_type_checker(tmp_path):
    calls = list(refused_calls())
    assert len(calls) > 2500
    program = tmp_path / "calls.py"
    program.write_text("\n".join(["import tinygrad_edu as tg", "class Other: pass", *calls]))
    _, said = checked(tmp_path, program)
    seen = {int(line.split(":")[1]) for line in said.splitlines() if ": error:" in line}
    assert [call for n, call in enumerate(calls, 3) if n not in seen] == []


def examples():
    """The examples of the docstrings, as functions of one program, and where each begins."""
    lines, seen = [], set()
    for path in sorted((ROOT / "tinygrad_edu").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            text = ast.get_docstring(node) if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module) else None
            if text and ">>>" in text and text not in seen:
                seen.add(text)
                shown = "".join(example.source for example in doctest.DocTestParser().get_examples(text))
                lines += [f"def example_{len(seen)}() -> None:", *("    " + line for line in shown.splitlines())]
    return lines, len(seen)


# What is no error of a signature: functions of the example's own without types; a name of the module itself, which its
# docstring may use; a variable that is None at first; an attribute that a module got later; several settings of different types in one dict.
NOT_OF_SIGNATURES = (
    "[no-untyped", "[type-arg]", "[name-defined]", "[union-attr]", '"parametrizations"', "**dict[str, object]",
)  # fmt: skip


@pytest.mark.slow
def test_the_examples_of_docstrings_are_right_to_a_type_checker(tmp_path):
    lines, count = examples()
    assert count > 600
    program = tmp_path / "examples.py"
    program.write_text("\n".join(lines))
    _, said = checked(tmp_path, "--check-untyped-defs", program)
    errors = [line for line in said.splitlines() if ": error:" in line]
    assert [(e, lines[int(e.split(":")[1]) - 1]) for e in errors if not any(n in e for n in NOT_OF_SIGNATURES)] == []


MISTAKES = """
import numpy as np

import tinygrad_edu as tg
from tinygrad_edu import data, nn, optim
from tinygrad_edu.nn import functional as F

rng = np.random.default_rng(0)
X, y = rng.normal(size=(60, 4)), rng.integers(3, size=60)


class Net(nn.Module):
    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.first = nn.Linear(4, hidden)
        self.norm = nn.BatchNorm1d(hidden, 1e-5, "0.1")  # wrong: momentum is a number
        self.last = nn.Linear(hidden)  # wrong: out_features is missing
        self.later = nn.LazyConv2d()  # wrong: out_channels and kernel_size are missing

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        h = tg.relu(self.first(x), True)  # wrong: relu takes one
        h = h.reshpae(-1, 4)  # wrong: no such method
        h = tg.add(h, 1.0, 2.0)  # wrong: add takes two
        h = tg.maximum(h, None)  # wrong: None is no array
        return self.last(F.dropout(h, training="no"))  # wrong: training is a bool


model = Net("8")  # wrong: hidden is an int
optimizer = optim.Adam(model.parameters(), lr="0.1")  # wrong: lr is a number
schedule = optim.StepLR(optimizer, 10, gama=0.1)  # wrong: no such keyword
loader = data.DataLoader(data.TensorDataset(X, y), batch_size="16")  # wrong: an int
for a, b in loader:
    loss = F.cross_entropy(model(a), b, reduction=3)  # wrong: reduction is a text
    loss.backward(create_graph="yes")  # wrong: create_graph is a bool
    optimizer.setp()  # wrong: no such method
    schedule.step(1, 2)  # wrong: step takes none
total: int = tg.sum(X)  # wrong: the sum is a tensor
weights = tg.zeros((2, 3), requires_grad=True)  # wrong: no such keyword
slope = tg.grad(3)  # wrong: 3 is no function
product = tg.matmul(X)  # wrong: matmul takes two
power = tg.Tensor([1.0]).exp(2)  # wrong: exp takes none
tg.draw(product, dirction="down")  # wrong: no such keyword
print(tg.testing.check_gradients(tg.exp, X).verdct)  # wrong: no such attribute
chain = nn.Sequential(nn.ReLU, nn.Linear(2, 2))  # wrong: a class in place of a layer
tg.save(model.state_dict())  # wrong: the state is missing
nn.init.zeros_(X)  # wrong: X is no tensor


@tg.no_grad()
def accuracy(scores: tg.Tensor) -> float:
    return float((scores.argmax(1).data == y).mean())


accuracy(X, y)  # wrong: accuracy takes one
"""


@pytest.mark.slow
def test_type_checkers_see_each_mistake_of_a_program(tmp_path):
    lines = MISTAKES.strip().splitlines()
    wrong = {n for n, line in enumerate(lines, 1) if "# wrong" in line}
    assert len(wrong) == 27
    program = tmp_path / "mistakes" / "mistakes.py"
    program.parent.mkdir()
    program.write_text("\n".join(lines))
    said = checked(tmp_path, program)[1].splitlines()
    assert {int(line.split(":")[1]) for line in said if ": error:" in line} == wrong
    assert {
        int(line.split(":")[1]) for line in "\n".join(pyright(tmp_path, program)).splitlines() if ".py:" in line
    } == wrong


def parameters_shown(revealed):
    """The names of parameters in `def (A, x: B[C, D], *, y: E =) -> F`, as mypy writes a type; "" by place only."""
    depth, parts = 0, [""]
    for letter in revealed.partition("def ")[2].partition("(")[2]:
        depth += (letter in "([") - (letter in ")]")
        if depth < 0:
            break
        if letter == "," and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    parts = [part.strip().lstrip("*") for part in parts if part.strip() not in ("", "*", "/")]
    return [part.partition(":")[0] if ":" in part else "" for part in parts]


def parameters_of(function):
    parameters = inspect.signature(function).parameters.values()
    return ["" if p.kind is p.POSITIONAL_ONLY else p.name for p in parameters]


@pytest.mark.slow
def test_inspect_shows_what_type_checkers_see(tmp_path):
    functions = {name: operator.attrgetter(name.removeprefix("tg."))(tg) for name in public_names()}
    functions = {name: parameters_of(f) for name, f in functions.items() if inspect.isfunction(f)}
    assert len(functions) > 500
    program = tmp_path / "shown.py"
    program.write_text("\n".join(["import tinygrad_edu as tg", *(f"reveal_type({name})" for name in functions)]))
    _, said = checked(tmp_path, program)
    shown = [line.partition('"')[2].rpartition('"')[0] for line in said.splitlines() if "Revealed type" in line]
    seen = {name: parameters_shown(text) for name, text in zip(functions, shown, strict=True) if "Overload" not in text}
    assert {name: (given, functions[name]) for name, given in seen.items() if given != functions[name]} == {}
