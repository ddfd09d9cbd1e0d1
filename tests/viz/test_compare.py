"""Runs beside each other: the first divergence, in a sentence and on a page that is one offline file."""

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn, viz
from tinygrad_edu.errors import GraphError

from .test_browser import browser  # noqa: F401 (a fixture)

torch = pytest.importorskip("torch")


def model(dtype="float64", activation=tg.tanh, scale=1.0):
    rng = np.random.default_rng(0)
    X = tg.Tensor(rng.normal(size=(8, 3)), dtype=dtype, name="X")
    W = tg.Tensor(rng.normal(size=(3, 2)), dtype=dtype, requires_grad=True, name="W")
    return (activation(X @ W) ** 2 * scale).mean()


def test_precision_is_no_divergence_unless_asked():
    assert viz.compare(model("float32"), model()).first is None
    found = viz.compare(model("float32"), model(), names=("single", "double"), rtol=1e-9)
    assert found.first.title == "X"  # the data are rounded before anything is computed
    assert "the value of double is off by" in found.answer


def test_the_first_of_several_differences_is_named_with_its_worst_entry():
    X = np.arange(6.0).reshape(2, 3)

    def run(wrong):
        x = tg.Tensor(X, requires_grad=True, name="x")
        y = tg.sin(x)
        z = y * tg.Tensor(np.array([[1.0, 1.0, 1.0], [1.0, 1.0, 3.0 if wrong else 1.0]]), name="mask")
        return z.sum()

    found = viz.compare(run(False), run(False), run(True), names=("a", "b", "c"))
    assert found.answer == "First divergence: mask: the value of c is off by 2 (at entry (1, 2), 3 against 1)."
    assert next(row.title for row in found.rows if row.differs(found.rtol)) != "y"
    backward = viz.compare(tg.tanh(tg.Tensor(1.0, requires_grad=True, name="x")), {"x": 1.0, "dx": 0.5}, names="ab")
    assert backward.answer == "First divergence: x: the gradient of b is off by 0.19 (0.5 against 0.419974)."


def test_an_operation_that_another_run_lacks_is_a_divergence_where_numbers_differ():
    found = viz.compare(model(), model(activation=tg.sigmoid), names=("tanh", "sigmoid"))
    assert found.answer == "First divergence: t2 = tanh(t1): sigmoid has no such tensor."
    assert "~ t2 = sigmoid(t1): only sigmoid has it" in str(found)
    net, x = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1)), np.ones((5, 3), np.float32)
    same = viz.compare((net, x), (tg.compile(net), x), names=("eager", "compiled"))
    assert same.first is None
    assert "others are not in all of them" in same.answer


def test_mine_against_a_pytorch_module_by_the_paths_of_its_parts():
    mine = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    theirs = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1))
    theirs.load_state_dict({k: torch.tensor(v.data) for k, v in mine.state_dict().items()})
    x = np.linspace(-1, 1, 15, dtype=np.float32).reshape(5, 3)
    found = viz.compare((mine, x), (theirs, x), names=("mine", "torch"))
    assert found.first is None
    assert sum(row.pairs[1] is not None and row.pairs[1][1] is not None for row in found.rows) >= 7
    theirs[1] = torch.nn.ReLU()
    assert "tanh" in viz.compare((mine, x), (theirs, x)).first.title


def test_refusals():
    with pytest.raises(GraphError, match="compare: needs two runs or more; got 1"):
        viz.compare(model())
    with pytest.raises(GraphError, match="compare: names must be one for each run; got 3 for 2"):
        viz.compare(model(), model(), names="abc")
    with pytest.raises(GraphError, match="the first run must be a result"):
        viz.compare({"a": 1.0}, {"a": 1.0})


def test_the_page_selects_everywhere_at_once(browser, tmp_path):  # noqa: F811
    x = tg.Tensor(2.0, requires_grad=True, name="<script>alert(1)</script>")
    found = viz.compare(tg.tanh(x * 3) + x, tg.tanh(x * 4) + x, names=("<b>a", "b"))
    path = found.save(tmp_path / "compare.html")
    text = (tmp_path / "compare.html").read_text()
    assert "alert(1)</script>" not in text
    assert re.search(r"default-src 'none'; style-src 'sha256-[^']+'; script-src 'sha256-", text)
    for svg in re.findall(r"<svg width=.*?</svg>", text, flags=re.S):
        ElementTree.fromstring(re.sub(r"\sxlink:(\w+)=", r" \1=", svg))
    tab = browser.new_page()
    complaints = []
    tab.on("console", lambda m: complaints.append(m.text))
    tab.on("pageerror", lambda e: complaints.append(str(e)))
    tab.goto(f"file://{path}")
    assert tab.locator("tr.chosen button").inner_text() == "3"  # the first divergence is there at once
    tab.locator(".picture").nth(1).locator("g.node").last.click()
    assert tab.locator("tr.chosen").count() == 1
    assert tab.locator(".picture g.chosen").count() == 2
    assert tab.locator(".detail:visible").count() == 1
    before = int(tab.locator("tr.chosen").get_attribute("data-row"))
    tab.locator("tr.chosen button").focus()
    tab.keyboard.press("ArrowUp")
    assert int(tab.locator("tr.chosen").get_attribute("data-row")) == before - 1
    assert complaints == []
    tab.close()
