"""Forty classic mistakes, each answered rightly: the reason, and the line to change."""

# ruff: noqa: F841 (why looks for the result among the variables of its caller)

import sys
import weakref
from pathlib import Path

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn
from tinygrad_edu.errors import LostGradientWarning
from tinygrad_edu.viz import why


def leaf(v=(1.0, 2.0, 3.0)):
    return tg.Tensor(list(v), requires_grad=True)


def forgot_requires_grad():
    w = tg.Tensor([1.0, 2.0])
    loss = (w * w).sum()
    return why(w)


def forgot_backward():
    w = leaf()
    loss = (w * w).sum()
    return why(w)


def detached():
    w = leaf()
    b = leaf()
    h = (w * 2).detach()
    loss = (h * b).sum()
    loss.backward()
    return why(w)


def dot_data():
    w = leaf()
    b = leaf()
    h = tg.Tensor(w.data * 2)
    loss = (h * b).sum()
    loss.backward()
    return why(w)


def via_numpy():
    w = leaf()
    b = leaf()
    h = np.asarray(w) ** 2
    loss = (h * b).sum()
    loss.backward()
    return why(w)


def item():
    w = leaf()
    b = leaf()
    s = w.sum().item()
    loss = (s * b).sum()
    loss.backward()
    return why(w)


def under_no_grad():
    w = leaf()
    b = leaf()
    with tg.no_grad():
        h = w * 3
    loss = (h * b).sum()
    loss.backward()
    return why(w)


def accuracy():
    w = leaf()
    b = leaf()
    right = w > 0
    loss = (right * b).sum()
    loss.backward()
    return why(w)


def argmaxed():
    w = leaf()
    b = leaf()
    k = tg.argmax(w)
    loss = b[int(k.item())] * 1.0
    loss.backward()
    return why(w)


def integer():
    w = tg.Tensor([1, 2, 3])
    loss = (w * w).sum()
    return why(w)


def inner():
    w = leaf()
    h = w * 2
    loss = h.sum()
    loss.backward()
    return why(h)


def rebound():
    w = leaf()
    loss = (w * w).sum()
    loss.backward()
    w = w - 0.1 * w.grad
    return why(w)


def cleared():
    w = leaf()
    loss = (w * w).sum()
    loss.backward()
    w.grad = None
    return why(w)


def copied():
    w = leaf()
    b = leaf()
    h = w * 2
    c = tg.Tensor(h)
    with pytest.warns(LostGradientWarning, match="no gradient passes through plain arrays"):
        loss = (c * b).sum()
    loss.backward()
    return why(w)


def rounded():
    w = leaf()
    b = leaf()
    h = tg.round(w)
    loss = (h * b).sum()
    loss.backward()
    return why(w)


def unused():
    w = leaf()
    b = leaf()
    loss = (b * b).sum()
    loss.backward()
    return why(w)


def accumulated():
    w = leaf()
    for _ in range(3):
        loss = (w * w).sum()
        loss.backward()
    return why(w)


def dead_relu():
    w = leaf((-1.0, -2.0))
    loss = tg.relu(w).sum()
    loss.backward()
    return why(w)


def some_dead_relus(turned=False):
    X = np.random.default_rng(0).normal(size=(6, 2))
    w = leaf(np.random.default_rng(1).normal(size=(2, 4)))
    b = leaf((9.0, -9.0, 9.0, -9.0))
    h = tg.relu((X @ w + b).T if turned else X @ w + b)
    loss = (h * h).sum()
    loss.backward()
    return why(b if turned else w)


def some_dead_relus_of_columns():
    return some_dead_relus(turned=True)


def dropped_units():
    w = leaf(np.random.default_rng(1).normal(size=(2, 3)))
    h = tg.tanh(np.ones((4, 2)) @ w)
    h = h * np.array([0.0, 2.0, 2.0])
    loss = (h * h).sum()
    loss.backward()
    return why(w)


def saturated():
    w = leaf((200.0, -200.0))
    loss = tg.sigmoid(w * 4).sum()
    loss.backward()
    return why(w)


def not_chosen():
    w = leaf()
    loss = tg.where(w > 10, w * 2, 0.0).sum()
    loss.backward()
    return why(w)


def times_zero():
    w = leaf()
    m = tg.zeros(3)
    loss = (w * m).sum()
    loss.backward()
    return why(w)


def log_zero():
    w = leaf((1.0, 0.0))
    with np.errstate(all="ignore"):
        loss = tg.log(w).sum()
        loss.backward()
    return why(w)


def sqrt_zero():
    w = leaf((1.0, 0.0))
    loss = tg.sqrt(w).sum()
    loss.backward()
    return why(w)


def exploding():
    w = leaf((3.0,))
    h = w
    for _ in range(12):
        h = h * 5.0
    loss = h.sum()
    loss.backward()
    return why(w)


def vanishing():
    w = leaf((0.5,))
    h = w
    for _ in range(20):
        h = tg.sigmoid(h)
    loss = h.sum()
    loss.backward()
    return why(w)


def healthy():
    w = leaf()
    loss = (w * w).sum()
    loss.backward()
    return why(w)


def a_part_as_a_number():
    w = leaf()
    total = (w * w).sum()
    loss = total + 3 * float(w[0])
    loss.backward()
    return why(w)


def wrong_kind():
    return why(3.0)


def halved(h):
    return h.detach() / 2


def in_a_function():
    w = leaf()
    z = halved(w * 2)
    loss = z.sum()
    return why(w)


@tg.no_grad()
def quiet_model(w):
    return (w * 2).sum()


def in_a_decorated_function():
    w = leaf()
    loss = quiet_model(w)
    return why(w)


def made_anew():
    w = tg.Tensor(2.0, requires_grad=True)
    z = w * w
    loss = tg.Tensor(z.item(), requires_grad=True)
    loss.backward()
    return why(w)


def summed_as_floats():
    w = leaf()
    first = (w * w).sum()
    total = 1.0 + float(first)
    loss = tg.Tensor(total, requires_grad=True)
    loss.backward()
    return why(w)


def changed_before_the_way_back():
    w = leaf()
    loss = (w * w).sum()
    with tg.no_grad():
        w -= 0.1
    return why(w)


def head_that_is_not_used():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.spare = nn.Linear(2, 1), nn.Linear(2, 1)

        def forward(self, x):
            return self.used(x).sum()

    net = Two()
    loss = net(np.ones((3, 2), dtype=np.float32))
    loss.backward()
    return why(net.spare.weight)


def features_by_numpy():
    first, last = nn.Linear(2, 3), nn.Linear(3, 1)
    features = first(np.ones((4, 2), dtype=np.float32)).numpy()
    with pytest.warns(LostGradientWarning, match="no gradient passes through plain arrays"):
        loss = last(features).sum()
    loss.backward()
    return why(first.weight)


def frozen():
    layer = nn.Linear(2, 1)
    layer.weight.requires_grad = False
    loss = layer(np.ones((4, 2), dtype=np.float32)).sum()
    loss.backward()
    return why(layer.weight)


def nothing_picked():
    w = leaf()
    chosen = w[w > 100]
    loss = chosen.sum()
    loss.backward()
    return why(w)


def a_loop_that_does_not_clear():
    w = leaf()
    for k in range(3):
        loss = (w * k).sum()
        loss.backward()
    return why(w)


def a_loop_that_steps_and_does_not_clear():
    w = leaf()
    for _ in range(3):
        loss = (w * w).sum()
        loss.backward()
        w.data = w.data - 0.1 * w.grad.data
    return why(w)


def a_loop_that_clears():
    w = leaf()
    for _ in range(3):
        w.grad = None
        loss = (w * w).sum()
        loss.backward()
        w.data = w.data - 0.1 * w.grad.data
    return why(w)


def a_layer_of_zeros():
    w = leaf()
    layer = nn.Linear(3, 1)
    layer.weight.data = np.zeros((1, 3))
    loss = layer(w * 2).sum()
    loss.backward()
    return why(w)


def a_module():
    return why(nn.Linear(2, 1))


def cleared_before_the_step():
    model = nn.Linear(2, 1)
    optimizer = tg.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(2):
        loss = (model(tg.ones((3, 2))) ** 2).mean()
        loss.backward()
        optimizer.zero_grad()
        with nn.guards.off("parameters"):
            optimizer.step()
    return why(model.weight)


def an_optimizer_without_a_layer():
    model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    optimizer = tg.optim.SGD(model[2].parameters(), lr=0.1)
    with nn.guards.off("parameters"):
        loss = (model(tg.ones((3, 2))) ** 2).mean()
        loss.backward()
        optimizer.step()
    return why(model[0].weight)


def an_optimizer_without_a_layer_before_its_first_step():
    model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    optimizer = tg.optim.Adam(model[2].parameters())
    loss = (model(tg.ones((3, 2))) ** 2).mean()
    loss.backward()
    answer = why(model[0].weight)
    del optimizer
    return answer


def an_optimizer_for_each_layer_before_their_first_steps():
    model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    optimizers = [tg.optim.SGD(layer.parameters(), lr=0.1) for layer in (model[2], model[0])]
    loss = (model(tg.ones((3, 2))) ** 2).mean()
    loss.backward()
    answer = why(model[0].weight)
    del optimizers
    return answer


def an_optimizer_of_another_model():
    model, other = nn.Linear(2, 1), nn.Linear(2, 1)
    optimizer = tg.optim.SGD(other.parameters(), lr=0.1)
    with nn.guards.off("parameters"):
        loss = (model(tg.ones((3, 2))) ** 2).mean() + (other(tg.ones((3, 2))) ** 2).mean()
        loss.backward()
        optimizer.step()
    return why(model.weight)


def equal_units():
    W = tg.Tensor(np.full((3, 2), 0.5), requires_grad=True)
    v = tg.Tensor(np.full((1, 3), 0.5), requires_grad=True)
    loss = (v @ tg.tanh(W @ tg.Tensor([[1.0], [2.0]], dtype="float64"))).sum()
    loss.backward()
    return why(W)


def nan_held_back_by_where():
    w = leaf((0.0, 4.0))
    roots = tg.sqrt(w)
    loss = tg.where(w > 0, roots * 2, 0.0).sum()
    loss.backward()
    return why(w)


def kept_in_a_list():
    w, b = leaf(), leaf()
    parts = []
    for k in range(3):
        parts.append(w[k].item())
    loss = (b * sum(parts)).sum()
    loss.backward()
    return why(w)


def each_of_a_list_as_a_number():
    w, b = leaf(), leaf()
    parts = [float(v) for v in w * 2]
    loss = (b * np.array(parts)).sum()
    loss.backward()
    return why(w)


def named_in_a_condition():
    w, b = leaf(), leaf()
    if (s := w.sum().item()) > 0:
        loss = (b * s).sum()
        loss.backward()
    return why(w)


def in_a_function_of_a_part_of_the_loss():
    w, b = leaf(), leaf()
    loss = ((b - halved(w)) ** 2).sum()
    loss.backward()
    return why(w)


class Scorer(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(2, 1)

    def forward(self, x):
        score = self.inner(x).argmax()
        return score * 1.0


def in_a_model():
    model = Scorer()
    b = leaf((1.0,))
    z = model(tg.ones((3, 2)))
    loss = (z * b).sum()
    loss.backward()
    return why(model.inner.weight)


EXPECTED = {
    cleared_before_the_step: ("cleared before the step", "optimizer.zero_grad()"),
    an_optimizer_without_a_layer: ("without a layer", "optimizer = tg.optim.SGD(model[2].parameters(), lr=0.1)"),
    an_optimizer_without_a_layer_before_its_first_step: (
        "without a layer",
        "optimizer = tg.optim.Adam(model[2].parameters())",
    ),
    an_optimizer_for_each_layer_before_their_first_steps: ("healthy", None),
    an_optimizer_of_another_model: ("another model", "optimizer = tg.optim.SGD(other.parameters(), lr=0.1)"),
    equal_units: ("symmetry", "W = tg.Tensor(np.full((3, 2), 0.5), requires_grad=True)"),
    nan_held_back_by_where: ("held back", "roots = tg.sqrt(w)"),
    kept_in_a_list: ("item", "parts.append(w[k].item())"),
    each_of_a_list_as_a_number: ("item", "parts = [float(v) for v in w * 2]"),
    named_in_a_condition: ("item", "if (s := w.sum().item()) > 0:"),
    in_a_function_of_a_part_of_the_loss: ("detach", "return h.detach() / 2"),
    in_a_model: ("argmax", "score = self.inner(x).argmax()"),
    forgot_requires_grad: ("not asked", "w = tg.Tensor([1.0, 2.0])"),
    forgot_backward: ("no backward", "loss = (w * w).sum()"),
    detached: ("detach", "h = (w * 2).detach()"),
    dot_data: ("tensor", "h = tg.Tensor(w.data * 2)"),
    via_numpy: ("numpy", "h = np.asarray(w) ** 2"),
    item: ("item", "s = w.sum().item()"),
    under_no_grad: ("no_grad", "h = w * 3"),
    accuracy: ("comparison", "right = w > 0"),
    argmaxed: ("argmax", "k = tg.argmax(w)"),
    integer: ("integer dtype", "w = tg.Tensor([1, 2, 3])"),
    inner: ("inner", "h = w * 2"),
    rebound: ("rebound", "w = w - 0.1 * w.grad"),
    cleared: ("cleared", "w.grad = None"),
    copied: ("tensor", "c = tg.Tensor(h)"),
    rounded: ("flat", "h = tg.round(w)"),
    unused: ("not used", "loss = (b * b).sum()"),
    accumulated: ("accumulated", "loss.backward()"),
    dead_relu: ("dead relu", "loss = tg.relu(w).sum()"),
    some_dead_relus: ("partly dead", "h = tg.relu((X @ w + b).T if turned else X @ w + b)"),
    some_dead_relus_of_columns: ("partly dead", "h = tg.relu((X @ w + b).T if turned else X @ w + b)"),
    dropped_units: ("healthy", None),
    saturated: ("saturated", "loss = tg.sigmoid(w * 4).sum()"),
    not_chosen: ("not chosen", "loss = tg.where(w > 10, w * 2, 0.0).sum()"),
    times_zero: ("times zero", "loss = (w * m).sum()"),
    log_zero: ("not finite forward", "loss = tg.log(w).sum()"),
    sqrt_zero: ("infinite slope", "loss = tg.sqrt(w).sum()"),
    exploding: ("huge", "h = h * 5.0"),
    vanishing: ("vanishing", "h = tg.sigmoid(h)"),
    healthy: ("healthy", None),
    a_part_as_a_number: ("values left", "loss = total + 3 * float(w[0])"),
    wrong_kind: ("not a tensor", None),
    in_a_function: ("detach", "return h.detach() / 2"),
    in_a_decorated_function: ("inside", "loss = quiet_model(w)"),
    made_anew: ("tensor", "loss = tg.Tensor(z.item(), requires_grad=True)"),
    summed_as_floats: ("item", "total = 1.0 + float(first)"),
    changed_before_the_way_back: ("changed", "w -= 0.1"),
    head_that_is_not_used: ("not used", "loss = net(np.ones((3, 2), dtype=np.float32))"),
    features_by_numpy: ("numpy", "features = first(np.ones((4, 2), dtype=np.float32)).numpy()"),
    frozen: ("not asked", "layer.weight.requires_grad = False"),
    nothing_picked: ("empty", "chosen = w[w > 100]"),
    a_loop_that_does_not_clear: ("accumulated", "loss.backward()"),
    a_loop_that_steps_and_does_not_clear: ("accumulated", "loss.backward()"),
    a_loop_that_clears: ("healthy", None),
    a_layer_of_zeros: ("times zero", "loss = layer(w * 2).sum()"),
    a_module: ("a module", None),
}


ELSEWHERE = """
import tinygrad_edu as tg

class Report:
    def __init__(self, x):
        self.x = x

    def answer(self):
        found = [tg.why(x) for x in [self.x]]
        return found[0]

def ask(x):
    return Report(x).answer()
"""


@pytest.fixture(params=["here", "in a helper of another module"])
def asked(request, tmp_path, monkeypatch):
    """Who asks makes no difference to the answer."""
    if request.param != "here":
        (tmp_path / "helper_of_mine.py").write_text(ELSEWHERE)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, "helper_of_mine", raising=False)
        monkeypatch.setattr(sys.modules[__name__], "why", __import__("helper_of_mine").ask)


@pytest.mark.parametrize("mistake", EXPECTED, ids=lambda f: f.__name__)
def test_the_reason_and_the_line(mistake, asked):
    reason, line = EXPECTED[mistake]
    answer = mistake()
    assert answer.reason == reason
    assert "\n" not in answer.text
    assert 40 < len(answer.text) < 500
    assert answer.text.endswith(".")
    if line is not None:
        assert answer.line.endswith(line)
        file, number, _ = answer.line.split(":", 2)
        assert file == "test_why.py"
        assert Path(__file__).read_text().splitlines()[int(number) - 1].strip() == line
        assert answer.line in str(answer)


@pytest.mark.parametrize("call", [lambda y: (y * 1024).backward(), lambda y: y.backward(tg.Tensor(1024.0))])
def test_a_multiple_of_the_loss_is_not_blamed_for_sure(call):
    w = leaf()
    loss = (w * w).sum()
    call(loss)
    assert why(w).text.endswith("All is well if backward() was called once, on 1024 times the loss.")


def test_where_lines_are_kept_a_blocked_step_has_its_line():
    from tinygrad_edu.recording import SITES, Recording

    w = leaf((-1.0, -2.0))
    with Recording(SITES):
        loss = tg.relu(w).sum()
    loss.backward()
    assert why(w).line.startswith("test_why.py:")


def test_asked_after_the_function_has_returned_and_of_a_loss_that_only_an_object_holds():
    def train():
        w = leaf()
        return {"w": w, "loss": (w * 0.0).sum()}

    run = train()
    run["loss"].backward()
    assert why(run["w"]).reason == "times zero"


def test_values_that_left_where_no_source_shows_it_are_named_by_their_line():
    w, b = leaf(), leaf()
    s = eval("w.sum().item()")
    loss = (s * b).sum()
    loss.backward()
    answer = why(w)
    assert (answer.reason, answer.line) == ("left", "<string>:1")


def test_values_that_left_in_a_cell_are_named_by_the_cell_and_its_text():
    scope = {"tg": tg, "ask": why, "In": [""]}
    for cell in (
        "w = tg.Tensor([1.0, 2.0], requires_grad=True)",
        "part = w.sum().item()\nloss = part * (w * 2).sum() * w.sum().item()",
        "loss.backward()\nanswer = ask(w)",
    ):
        scope["In"].append(cell)
        exec(compile(cell, f"<ipython-input-{len(scope['In']) - 1}>", "exec"), scope)
    line = "In [2]:2: loss = part * (w * 2).sum() * w.sum().item()"
    assert (scope["answer"].reason, scope["answer"].line) == ("values left", line)


def test_in_a_notebook_the_cells_before_are_read():
    cells = [
        "w = tg.Tensor([1.0, 2.0], requires_grad=True)",
        "h = (w * 2).detach()\nloss = (h * 3).sum()",
        "answer = ask(w)",
    ]
    scope = {"tg": tg, "ask": why, "In": []}
    for cell in cells:
        scope["In"].append(cell)
        exec(compile(cell, f"<ipython-input-{len(scope['In'])}>", "exec"), scope)
    assert scope["answer"].reason == "detach"
    assert scope["answer"].line == "In [1]:1: h = (w * 2).detach()"


def test_of_says_which_result_is_meant():
    w = leaf()
    first, second = (w * 2).sum(), (w * 0).sum()
    first.backward()
    assert why(w, of=first).reason == "healthy"
    w.grad = None
    second.backward()
    assert why(w, of=second).reason == "times zero"


def test_a_file_beside_the_package_is_the_users():
    program = "def ask():\n    w = tg.Tensor([1.0])\n    return why(w)\n"
    scope = {"tg": tg, "why": why}
    exec(compile(program, str(Path(tg.__file__).parent) + "_of_mine.py", "exec"), scope)
    assert scope["ask"]().startswith("w has no gradient")


def test_an_answer_in_a_notebook_is_escaped():
    w = tg.Tensor([1.0], name="<b>w</b>")
    assert "<b>" not in why(w)._repr_html_()


def test_at_most_the_last_value_of_a_name_is_kept_by_who_asks():
    """Up to Python 3.12 a frame keeps the copy of its names that was looked at; see docs/conventions.md."""

    def loop(w, seen):
        for _ in range(4):
            x = tg.Tensor([1.0, 2.0])
            seen.append(weakref.ref(x))
            why(w)
            assert sum(ref() is not None for ref in seen) == 1
        return seen

    assert not any(ref() for ref in loop(leaf(), []))


OTHERS = {
    "function": "def other():\n    w = tg.Tensor([1.0], requires_grad=True)\n    return w.detach()\nother()",
    "parameter": "def other(w, *, v=0):\n    h = w * 2\n    return h.numpy()\nother(tg.Tensor([1.0]))",
    "lambda": "other = lambda w: w.detach()\nother(tg.Tensor([1.0]))",
    "class": "class Other:\n    w = tg.Tensor([1.0]).numpy()\n    h = w.tolist()",
    "method": "class Other:\n    def look(self, w):\n        h = w.item()\n        return h\nOther().look(tg.Tensor(1.0))",
    "inner": "def other():\n    def look(w):\n        h = w.item()\n        return h\n    return look(tg.Tensor(1.0))\nother()",
    "async": "async def other(w):\n    h = w.item()\n    return h",
    "for": "def other():\n    for w in (tg.Tensor(1.0),):\n        h = w.item()\n    return h\nother()",
}


def asked_in_a_cell(*cells):
    scope = {"tg": tg, "ask": why, "np": np, "In": [""]}
    for cell in cells:
        scope["In"].append(cell)
        exec(compile(cell, f"<ipython-input-{len(scope['In']) - 1}>", "exec"), scope)
    return scope["answer"]


@pytest.mark.slow
@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize(
    "last", ["answer = ask(w)", "loss = (v * v).sum()\nanswer = ask(w)", "v.sum().backward()\nanswer = ask(w)"]
)
def test_a_name_of_a_function_that_does_not_run_is_another(other, last):
    made = "w = tg.Tensor([1.0, 2.0], requires_grad=True)\nv = tg.Tensor([1.0, 2.0], requires_grad=True)"
    assert asked_in_a_cell(made, OTHERS[other], last).reason in ("not recorded", "not used")
    assert asked_in_a_cell(OTHERS[other], made, last).reason in ("not recorded", "not used")


@pytest.mark.parametrize(
    "text",
    [
        "def f(x):\n    h = x * w\n    return h.detach().sum()",
        "def f(x):\n    global h\n    h = (x * w).detach()\n    return h",
    ],
)
def test_a_function_that_reads_the_tensor_from_outside_is_followed(text):
    answer = asked_in_a_cell("w = tg.Tensor([1.0], requires_grad=True)", text, "loss = f(3.0)", "answer = ask(w)")
    assert (answer.reason, "detach()" in answer.line) == ("detach", True)


LOOKS = [
    "seen = loss.item()",
    "seen = float(loss)",
    "seen = loss.detach().numpy()",
    "seen = (v.numpy() > 0).mean()",
    "seen = v.sum().item()",
]


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("kind", ["tensor", "module"])
def test_values_of_what_was_not_computed_from_the_tensor_are_not_blamed(look, kind):
    made = {
        "tensor": "w, v = (tg.Tensor([1.0, 2.0], requires_grad=True) for _ in 'wv')\nloss = (v * v).sum()",
        "module": "net = tg.nn.Sequential(tg.nn.Linear(2, 2), tg.nn.Linear(2, 2))\nv, w = (layer.weight for layer in net)\n"
        "loss = net[0](np.ones((1, 2), 'f4')).sum()",
    }[kind]
    assert asked_in_a_cell(made, look, "loss.backward()", look, "answer = ask(w)").reason == "not used"
    used = made + "\npart = (w * w).sum()"
    answer = asked_in_a_cell(used, look, "loss = loss + part", "loss.backward()", "answer = ask(w)")
    assert answer.reason in ("healthy", "symmetry")


CLEARS = {
    "a name of another": "def other(w):\n    w.grad = None\nother(tg.Tensor(1.0))",
    "a function that nothing calls": "def other():\n    optimizer.zero_grad()\n    w.grad = None",
    "a method that nothing calls": "class Other:\n    def clear(self):\n        optimizer.zero_grad()",
    "a comment": "# optimizer.zero_grad(), or w.grad = None",
    "a text": "text = 'w.grad = None; optimizer.zero_grad()'",
    "another tensor": "v.grad = None",
    "a longer name": "a_w = tg.Tensor([1.0], requires_grad=True)\na_w.grad = None",
    "another optimizer": "others = tg.optim.SGD([v], lr=0.1)\nothers.zero_grad()",
    "another model": "net = tg.nn.Linear(1, 1)\nnet.zero_grad()",
}
SETUP = (
    "w, v = (tg.Tensor([1.0, 2.0], requires_grad=True) for _ in 'wv')\noptimizer = tg.optim.SGD([w], lr=0.1)\n"
    "seen = (v * v).sum()\nseen.backward()\nloss = (w * w).sum()"
)


@pytest.mark.parametrize("text", CLEARS.values(), ids=CLEARS)
def test_what_did_not_clear_the_gradient_is_not_said_to_have_cleared_it(text):
    assert asked_in_a_cell(SETUP, text, "answer = ask(w)").reason == "no backward"


@pytest.mark.parametrize(
    "text",
    [
        "w.grad = None",
        "w.grad  =  None  # for the next step",
        "optimizer.zero_grad()",
        "def clear():\n    w.grad = None\nclear()",
        "def clear(o):\n    o.zero_grad()\nclear(optimizer)",
        "class Run:\n    def clear(self):\n        optimizer.zero_grad()\nRun().clear()",
    ],
)
@pytest.mark.parametrize("step", ["", "\nwith tg.nn.guards.off('parameters'):\n    optimizer.step()"])
def test_what_cleared_the_gradient_is_named(text, step):
    answer = asked_in_a_cell(SETUP, "loss.backward()", text + step, "answer = ask(w)")
    assert answer.reason == ("cleared before the step" if step else "cleared")
    assert "zero_grad()" in answer.line or "grad" in answer.line


@pytest.mark.parametrize(
    "text", [CLEARS[name] for name in CLEARS if name not in ("a name of another", "another tensor", "a longer name")]
)
def test_a_loop_is_not_taken_to_clear_what_it_does_not(text):
    loop = "for k in range(3):\n    loss = (w * w * (k + 1)).sum()\n    loss.backward()"
    asked = asked_in_a_cell(SETUP, text, loop, "loss = None\nanswer = ask(w)")
    assert (asked.reason, "loss.backward()" in asked.line) == ("accumulated", True)
