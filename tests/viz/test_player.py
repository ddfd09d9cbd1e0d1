"""The player's page as data: the engine's numbers in every step, safe text, a sane size."""

import base64
import cProfile
import html.parser
import json
import re
import sys
import zlib

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn, viz
from tinygrad_edu.viz.graph.reading import read
from tinygrad_edu.viz.graph.values import short


def course(a, b, c):
    u = b * c
    v = a + u
    return 3 * v


def twice(a, b):
    p = a * b
    return p * p + tg.tanh(a)


def network(X, W1, b1, W2, b2):
    A1 = tg.tanh(W1 @ X + b1)
    A2 = tg.sigmoid(W2 @ A1 + b2)
    return -tg.log(A2).mean()


def network_inputs():
    rng = np.random.default_rng(0)
    shapes = [(2, 5), (3, 2), (3, 1), (1, 3), (1, 1)]
    return [rng.normal(size=s) for s in shapes]


def recurrent(x, W, U):
    h = tg.zeros((1, 2), dtype=np.float64)
    for t in range(3):
        h = tg.tanh(x[t : t + 1] @ W + h @ U)
    return (h * h).sum()


def clipped(x):
    return tg.where(x > 0, tg.relu(x) ** 2, tg.exp(x)).sum()


GRAPHS = {
    "course": (course, [5.0, 3.0, 2.0]),
    "twice": (twice, [2.0, -3.0]),
    "network": (network, network_inputs()),
    "recurrent": (recurrent, [np.ones((3, 2)), np.array([[0.5, -0.2], [0.1, 0.9]]), np.eye(2) * 0.7]),
    "clipped": (clipped, [np.array([-1.0, 0.5, 2.0])]),
}


def embedded(page):
    packed = re.search(r'<script type="application/octet-stream" id="packed">(.*?)</script>', page.html(), re.S).group(
        1
    )
    text = zlib.decompress(base64.b64decode(packed)).decode()
    assert text == page.contents()
    return json.loads(text.partition("\0")[2], object_hook=unpacked)


def unpacked(v):
    """Tables back as lists of objects, as the page's script reads them."""
    if "$columns" in v:
        return [dict(zip(v["$columns"], row, strict=True)) for row in v["rows"]]
    return [row for table in v["$tables"] for row in table] if "$tables" in v else v


@pytest.mark.parametrize("name", GRAPHS)
def test_the_last_sum_of_every_tensor_is_the_engines_gradient(name):
    f, inputs = GRAPHS[name]
    data = embedded(viz.player(f, *inputs))
    tensors = [tg.Tensor(v, requires_grad=True, dtype="float64") for v in inputs]
    f(*tensors).backward()
    leaves = [n for n in data["nodes"] if n["kind"] == "parameter"]
    last = {s["node"]: s["after"] for s in data["steps"] if s["phase"] != "forward"}
    graph = read(f, tuple(tg.Tensor(v, dtype="float64") for v in inputs), grads=True)
    for node, x in zip(leaves, tensors, strict=True):
        assert last[node["key"]] == short(x.grad.data)
        np.testing.assert_allclose(node["grad"]["values"], x.grad.data.ravel(), rtol=1e-6)
    assert {n.key for n in graph.nodes.values() if n.grad is not None} == set(last)


def test_forward_steps_come_first_then_the_seed_then_newest_users_first():
    data = embedded(viz.player(twice, 2.0, -3.0))
    phases = [s["phase"] for s in data["steps"]]
    assert phases == sorted(phases, key=["forward", "seed", "backward"].index)
    users = [int(s["user"][1:]) for s in data["steps"] if s["phase"] == "backward"]
    assert users == sorted(users, reverse=True)
    complete = {}
    for s in data["steps"]:
        if s["phase"] == "backward":
            assert complete.get(s["user"], True)  # nobody passes on a gradient that is not complete
            complete[s["node"]] = s["use"] == s["uses"]


class Parser(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.addresses = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [v for k, v in attrs if k in ("src", "href", "action")]


@pytest.mark.parametrize(
    "name", ["</script><script>alert(1)</script>", '"] ; evil [', "<!--", "]]>", "\u2028", "{{data}}", "&lt;"]
)
def test_a_name_is_just_a_name(name):
    x = tg.Tensor(2.0, requires_grad=True, name=name)
    page = viz.player(x * x, title=f"About {name}")
    parser = Parser()
    parser.feed(page.html())
    assert parser.tags.count("script") == 2
    assert set(parser.addresses) == {"#lessonpane"}
    assert page.html().count("</script>") == 2
    data = embedded(page)
    assert len(data["nodes"]) == 2
    if name.isprintable():
        assert data["nodes"][0]["name"] == name


def test_the_page_is_offline_and_small(tmp_path):
    path = tmp_path / "deep" / "x.html"
    assert viz.player(network, *network_inputs()).save(path) == str(path)
    text = path.read_text("utf-8")
    assert "default-src 'none'" in text
    assert "unsafe" not in text
    assert not re.search(r"https?://(?!www\.w3\.org/(2000/svg|1998/Math))", text)
    assert len(text) < 100_000


def test_a_long_recurrence_is_within_two_megabytes():
    rng = np.random.default_rng(0)

    def rnn(x, W, U):
        h = tg.zeros((1, 4))
        for t in range(100):
            h = tg.tanh(x[t : t + 1] @ W + h @ U)
        return h.sum()

    page = viz.player(rnn, rng.normal(size=(100, 4)), rng.normal(size=(4, 4)), rng.normal(size=(4, 4)) / 4)
    assert len(page.html().encode()) < 2_000_000
    labels = [v["label"] for v in page.data["views"]]
    assert labels == ["operations", "lines as written", "repetitions once"]
    assert any("× 100" in f["label"] or "× 99" in f["label"] for f in page.data["views"][-1]["frames"])


def test_an_unrolled_lstm_of_eighty_steps_is_within_two_megabytes():
    rng = np.random.default_rng(0)
    W, U = (tg.Tensor(rng.normal(size=(4, 16)), requires_grad=True) for _ in range(2))
    x, h, c = (tg.Tensor(rng.normal(size=s)) for s in ((2, 80, 4), (2, 4), (2, 4)))
    for t in range(80):
        z = x[:, t] @ W + h @ U
        i, f, o, g = (z[:, k * 4 : (k + 1) * 4] for k in range(4))
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
    page = viz.player((h * h).sum())
    assert len(page.data["nodes"]) > 1300
    assert len(page.html().encode()) <= 2_000_000


def test_in_a_notebook_it_is_a_frame():
    text = viz.player(course, 5.0, 3.0, 2.0)._repr_html_()
    assert text.startswith("<iframe")
    assert "<script" not in text


@pytest.mark.parametrize("blanks", ["values", "gradients", "derivatives", ["values", "gradients"]])
def test_worksheet_answers_are_the_engines_and_slips_differ_from_them(blanks):
    data = embedded(viz.worksheet(twice, 2.0, -3.0, blanks=blanks, most=50))
    nodes = {n["key"]: n for n in data["nodes"]}
    kinds = set()
    for q in data["worksheet"]["questions"]:
        key, _, kind = q["blank"].partition(".")
        kinds.add(kind)
        if kind in ("value", "grad"):
            assert nodes[key][kind]["values"] == pytest.approx([q["answer"]], rel=1e-6)
        for slip in q["slips"]:
            assert abs(slip["value"] - q["answer"]) > 1e-3 * abs(q["answer"])
    wanted = [blanks] if isinstance(blanks, str) else blanks
    assert kinds == {{"values": "value", "gradients": "grad", "derivatives": "derivative"}[b] for b in wanted}


def test_worksheet_refusals():
    with pytest.raises(ValueError, match="worksheet: blanks must be of values, derivatives, gradients; got"):
        viz.worksheet(course, 1.0, 2.0, 3.0, blanks="all")
    with pytest.raises(ValueError, match="worksheet: the graph must have scalars"):
        viz.worksheet(lambda x: x * 2, np.ones(3))


def training(film, steps=30):
    w = tg.Tensor(3.0, requires_grad=True, name="w")
    for _ in range(steps):
        loss = (w - 1.0) ** 2
        film.record(loss)
        loss.backward()
        w.data, w.grad = w.data - 0.1 * w.grad.data, None
    return w


def test_a_film_keeps_what_was_there_at_its_steps():
    film = viz.Film(frames=8)
    training(film)
    w, expected = 3.0, {}
    for step in range(30):
        expected[step] = (w, 2 * (w - 1))
        w -= 0.1 * 2 * (w - 1)
    assert [f["step"] for f in film.kept] == [0, 4, 8, 12, 16, 20, 24, 28]
    for frame in film.kept:
        value, grad = expected[frame["step"]]
        assert np.isclose(float(frame["values"]["n0"]), value, rtol=1e-3)
        assert np.isclose(float(frame["grads"]["n0"]), grad, rtol=1e-3)


def test_film_refusals():
    with pytest.raises(ValueError, match="Film: frames must be at least 2"):
        viz.Film(frames=1)
    with pytest.raises(ValueError, match="Film: must have recorded a step"):
        viz.Film().page()
    film = viz.Film()
    x = tg.Tensor(1.0, requires_grad=True)
    film.record(x * 2)
    with pytest.raises(ValueError, match="Film: every step must record the same graph"):
        film.record(tg.sin(x))


def lines(page):
    """For each operation, the text of the line that made it."""
    code = [dict(block["lines"]) for block in page.data["code"]]
    return {n["name"]: code[n["line"][0]][n["line"][1]].strip() for n in page.data["nodes"] if n["line"]}


def test_the_line_of_an_operation_is_that_which_ran_it():
    found = lines(viz.player(twice, 2.0, -3.0))
    assert found["p"] == "p = a * b"
    assert found["out"] == "return p * p + tg.tanh(a)"
    assert set(found) == {"p", "t1", "t2", "out"}


def test_of_a_tensor_that_was_there_the_assigned_name_tells_the_line():
    a = tg.Tensor(2.0, requires_grad=True)
    u = a * a + 1
    v = a - u
    v = v * 2  # two lines assign v: neither is shown for it

    def inner():
        u = 3
        return u

    w = v + inner()
    found = lines(viz.player(w))
    assert found["u"] == "u = a * a + 1"
    assert found["w"] == "w = v + inner()"
    assert "v" not in found


def test_where_no_line_is_known_the_operations_are_the_program():
    page = viz.player(tg.nn.Linear(2, 1), np.ones((3, 2), dtype=np.float32))
    assert page.data["code"][0]["lines"] == [[1, "out = linear(input, weight, bias)"]]


@pytest.mark.parametrize("kind", ["cProfile", "a function"])
def test_a_profiler_that_runs_goes_on_after_a_page(kind):
    seen, profile = [], cProfile.Profile()
    layer = nn.Sequential(nn.Linear(2, 1))
    if kind == "cProfile":
        with profile:
            viz.player(layer, np.ones((1, 2)))
            _after_a_page()
        names = {entry.code.co_name for entry in profile.getstats() if not isinstance(entry.code, str)}
    else:
        before = sys.getprofile()
        sys.setprofile(lambda frame, event, arg: seen.append(frame.f_code.co_name))
        try:
            viz.player(layer, np.ones((1, 2)))
            _after_a_page()
        finally:
            sys.setprofile(before)
        names = set(seen)
    assert "_after_a_page" in names


def _after_a_page():
    pass
