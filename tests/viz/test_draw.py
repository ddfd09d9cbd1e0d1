"""Pictures: golden DOT text, both ways of rendering, names that bite, sizes that break recursion."""

import os
import re
import stat
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn, viz
from tinygrad_edu.errors import DTypeError
from tinygrad_edu.viz.graph.reading import read
from tinygrad_edu.viz.pictures import palette

GOLDEN = Path(__file__).parent / "golden"


def course():
    """Row 3 of the course: J = 3 (a + b c)."""
    a, b, c = (tg.Tensor(v, requires_grad=True) for v in (5.0, 3.0, 2.0))
    u = b * c
    v = a + u
    J = 3 * v
    return a, b, c, u, v, J


def logistic(X, w, b):
    z = X @ w + b
    a = tg.sigmoid(z)
    return -tg.log(a).mean()


def examples():
    return tg.Tensor(np.arange(12.0).reshape(4, 3) / 12), np.array([[0.5], [-0.25], [1.0]]), np.zeros(1)


def draw_course(**options):
    a, b, c, u, v, J = course()
    assert (a + u).item() == v.item() == a.item() + b.item() * c.item()
    return viz.draw(J, **options)


PICTURES = {
    "course_ops": lambda: draw_course(detail="ops"),
    "course_values": lambda: draw_course(),
    "course_formulas": lambda: draw_course(detail="formulas"),
    "course_backward": lambda: draw_course(detail="formulas", backward=True),
    "course_constants": lambda: draw_course(constants=True),
    "logistic_formulas": lambda: viz.draw(logistic, *examples(), detail="formulas"),
    "square_two_edges": lambda: viz.draw(lambda x: x * x, 3.0, detail="gradients"),
}


@pytest.mark.parametrize("name", PICTURES)
def test_golden_dot(name):
    source = PICTURES[name]().source
    path = GOLDEN / f"{name}.dot"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(source)
    assert source == path.read_text()
    assert source == PICTURES[name]().source


def node_lines(picture):
    return [line.strip() for line in picture.source.splitlines() if line.strip().startswith("n") and " -> " not in line]


def test_values_and_gradients_of_the_course_graph():
    graph = read(course()[-1], grads=True)
    found = {n.title: (n.value.item(), n.grad.item()) for n in graph.nodes.values() if n.grad is not None}
    leaves = {"x1": (5, 3), "x2": (3, 6), "x3": (2, 9)}
    assert found == leaves | {"t1 = x2 * x3": (6, 3), "t2 = x1 + t1": (11, 3), "t3 = 3 * t2": (33, 1)}


def test_names_come_from_the_callers_variables_and_drawing_leaves_no_gradient():
    a, b, c, u, v, J = course()
    text = viz.draw(J, detail="gradients", notation="python").source
    for title in ("u = b * c", "v = a + u", "J = 3 * v", "dJ = 1", "db = 6", "dc = 9", "da = 3"):
        assert title in text
    assert all(x._grad is None for x in (a, b, c, u, v, J))


def test_the_same_tensor_used_twice_gives_two_edges():
    picture = PICTURES["square_two_edges"]()
    assert picture.source.count("n0 -> n1") == 2


def test_an_axis_is_summed_where_a_bias_was_broadcast():
    text = PICTURES["logistic_formulas"]().source.replace("</td></tr><tr><td>", " ")
    assert "sum over axis 0" in text
    assert "because b (1,) was broadcast to (4,1)" in text
    assert "dw += Xᵀ dt₁" in text
    assert "(3,4)(4,1)" in text


BITING = [
    "<script>alert(1)</script>", '"] ; evil [', "back\\slash", "two\nlines", "<b>x</b>", "\\N", "nul\x00", "&amp;",
    "é\u202e", "a" * 500,
]  # fmt: skip


@pytest.mark.parametrize("name", BITING)
def test_a_name_is_just_a_name(name, tmp_path):
    x = tg.Tensor(2.0, requires_grad=True, name=name)
    picture = viz.draw(x * x, detail="formulas", backward=True)
    text = picture.svg()
    tree = ElementTree.fromstring(text)
    words = "".join(tree.itertext())
    assert "alert" not in words or "<script>" in words
    tags = {element.tag.split("}")[-1] for element in tree.iter()}
    assert not tags & {"script", "b"}
    nodes = [e for e in tree.iter() if e.get("class") == "node"]
    assert len(nodes) == 4  # two boxes, and a chip on each arrow
    picture.save(tmp_path / "x.html")
    assert "<script>" not in (tmp_path / "x.html").read_text()
    if len(name) < 60 and name.isprintable():
        assert name in words


def test_a_long_chain_does_not_overflow_the_stack():
    y = tg.Tensor(1.0, requires_grad=True, name="x")
    for _ in range(100_000):
        y = -y
    graph = read(y, grads=True)
    assert len(graph.nodes) == 100_001
    assert graph.nodes["n0"].grad == 1


@pytest.fixture(params=["library", "program"])
def renderer(request, tmp_path, monkeypatch):
    """No `dot` on the PATH; or one, which notes that it was asked."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    (tmp_path / "bin").mkdir()
    if request.param == "program":
        script = tmp_path / "bin" / "dot"
        script.write_text(
            f"#!{sys.executable}\n"
            "import sys, pygraphviz\n"
            f"open({str(tmp_path / 'asked')!r}, 'a').write(sys.argv[1])\n"
            "graph = pygraphviz.AGraph(string=sys.stdin.read())\n"
            "sys.stdout.buffer.write(graph.draw(format=sys.argv[1][2:], prog='dot'))\n"
        )
        script.chmod(script.stat().st_mode | stat.S_IEXEC)
    return request.param


def test_saving_with_and_without_a_dot_program(renderer, tmp_path):
    picture = draw_course()
    starts = {"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF", "dot": b"digraph", "html": b"<!DOCTYPE html>"}
    for form, start in starts.items():
        path = tmp_path / f"x.{form}"
        assert picture.save(path) == str(path)
        assert path.read_bytes().startswith(start)
    assert (tmp_path / "asked").exists() == (renderer == "program")
    assert (tmp_path / "x.dot").read_text() == picture.source
    picture.save(tmp_path / "again.svg")
    assert (tmp_path / "again.svg").read_bytes() == (tmp_path / "x.svg").read_bytes()


def test_an_unknown_format_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"save: the format must be one of svg, png, pdf, dot or html; got 'gif'"):
        draw_course().save(tmp_path / "x.gif")


def test_in_a_notebook_the_picture_shows_itself():
    picture = draw_course()
    assert picture._repr_svg_().startswith("<svg")
    bundle = picture._repr_mimebundle_()
    assert bundle["image/svg+xml"] == picture._repr_svg_()
    assert bundle["text/plain"] == "<Picture of 7 nodes>"


class Affine:
    """What a module is to a picture: it has named parameters, a forward, and is called."""

    def __init__(self, rng, n, m):
        self.weight = tg.Tensor(rng.normal(size=(n, m)), requires_grad=True)

    def named_parameters(self):
        yield "weight", self.weight

    def __call__(self, x):
        return self.forward(x)

    def forward(self, x):
        return x @ self.weight


class Net(Affine):
    def __init__(self):
        rng = np.random.default_rng(0)
        self.first, self.second = Affine(rng, 3, 4), Affine(rng, 4, 2)

    def named_parameters(self):
        yield "first.weight", self.first.weight
        yield "second.weight", self.second.weight

    def forward(self, x):
        hidden = tg.tanh(self.first(x))
        return self.second(hidden)


def test_a_module_with_an_example_input():
    net = Net()
    graph = read(net, (np.ones((5, 3)),))
    by_title = {n.title: n for n in graph.nodes.values()}
    assert {"x", "first.weight", "second.weight", "hidden = tanh(t1)", "t1 = x @ first.weight"} <= by_title.keys()
    assert by_title["t1 = x @ first.weight"].module == ("first",)
    assert by_title["hidden = tanh(t1)"].module == ()
    assert by_title["x"].kind == "input"
    assert by_title["first.weight"].kind == "parameter"
    assert "second.weight" in viz.draw(net, np.ones((5, 3)), detail="gradients").source


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_data_that_a_layer_casts_keeps_its_name(dtype):
    X = (np.arange(6).reshape(2, 3) % 5).astype(dtype)
    loss = nn.Linear(3, 1)(X).sum()
    assert "X" in read(loss).names()
    T = tg.Tensor(X)
    loss = nn.Linear(3, 1)(T).sum()
    assert "T" in read(loss).names()


def test_a_function_with_example_inputs_shows_its_inner_names():
    def f(a, b, c):
        u = b * c
        v = a + u
        return 3 * v

    text = viz.draw(f, 5.0, 3.0, 2.0, detail="gradients").source
    assert "v = a + u" in text
    assert "dc = 9" in text


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: viz.draw(lambda x: x), TypeError, r"draw: a function or a module needs example inputs; got none"),
        (lambda: viz.draw(3), DTypeError, r"draw: needs a tensor, or a function or module .* got int; wrap it"),
        (lambda: viz.draw(tg.Tensor(1.0), 2.0), TypeError, r"draw: only a function or a module takes example inputs"),
        (lambda: viz.draw(tg.Tensor(1.0), depth=-1), ValueError, r"draw: depth must be at least 0, or None; got -1"),
        (lambda: viz.draw(tg.Tensor(1.0), budget=0), ValueError, r"draw: budget must be at least 1, or None; got 0"),
        (lambda: viz.draw(tg.Tensor(1.0), detail="all"), ValueError, r"draw: detail must be one of ops, values, grad"),
    ],
)
def test_refusals_say_what_to_do(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_several_outputs_and_a_dict_of_them():
    x = tg.Tensor(1.0, requires_grad=True)
    graph = read({"sin": tg.sin(x), "cos": tg.cos(x)})
    assert [graph.nodes[k].name for k in graph.outputs] == ["sin", "cos"]
    assert len(read([tg.sin(x), tg.cos(x)]).outputs) == 2


def test_strangers_in_the_scope_do_no_harm():
    class Elsewhere:
        def named_parameters(self):
            yield "weight", np.ones(3)

    class Touchy:
        def __getattr__(self, name):
            raise RuntimeError("looked at")

    other, touchy, arrays = Elsewhere(), Touchy(), [np.ones(3), None]
    x = tg.Tensor(2.0, requires_grad=True)
    assert "y = x · x" in viz.draw(lambda x: x * x, 2.0).source.replace("out", "y")
    y = x * x
    assert "y = x · x" in viz.draw(y).source
    assert other is not touchy
    assert arrays


def test_outputs_may_be_nested():
    x = np.ones((3, 1, 2), "f4")
    source = tg.draw(lambda x: ({"y": x * 2}, [{"state": x + 1}, None]), tg.Tensor(x), notation="python").source
    assert "<b>y = x * 2</b>" in source
    assert "<b>state = x + 1</b>" in source
    for f in (nn.LSTM(2, 3), lambda x: nn.MultiheadAttention(2, 1)(x, x, x, need_weights=False)):
        assert len(read(f, (x,)).nodes) > 10


SEQUENCES = {
    "LSTM": (nn.LSTM(3, 2), ("x",)),
    "GRU": (nn.GRU(3, 2), ("x",)),
    "RNN": (nn.RNN(3, 2), ("x",)),
    "attention": (nn.MultiheadAttention(4, 2), ("query", "key", "value")),
}


@pytest.mark.parametrize("name", SEQUENCES)
def test_a_module_whose_result_is_nested(name):
    module, arguments = SEQUENCES[name]
    width = 3 if arguments == ("x",) else 4
    inputs = [np.ones((4, 2, width), dtype=np.float32) for _ in arguments]
    graph = read(module, tuple(inputs))
    assert len(graph.outputs) >= 2
    assert viz.draw(module, *inputs).svg().startswith("<svg")


def test_a_module_is_called_by_its_path_whatever_its_forward_calls_itself():
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.ModuleList([nn.Linear(2, 2)])

        def forward(this, x):  # noqa: N805
            return this.inner[0](x)

    class Stack(nn.Module):
        def __init__(self):
            super().__init__()
            self.blocks = nn.ModuleList([Block(), Block()])

        def forward(self, x):
            for block in self.blocks:
                x = block(x)
            return x

    graph = read(Stack(), (np.ones((3, 2), dtype=np.float32),))
    made_in = [n.module for n in graph.nodes.values() if n.op is not None]
    assert made_in == [("blocks.0", "inner.0"), ("blocks.1", "inner.0")]


def test_a_long_title_is_written_on_lines_and_not_cut():
    conv = nn.Conv2d(2, 2, 3, stride=(2, 3), padding=(1, 2), dilation=(2, 1), groups=2)
    source = viz.draw(conv, np.ones((1, 2, 9, 9), dtype=np.float32), expand=True, notation="python").source
    title = " ".join(re.findall(r"<b>(.*?)</b>", source))
    assert "conv(input, weight, stride=(2, 3), padding=(1, 2), dilation=(2, 1), groups=2)" in title


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    parts = [v / 12.92 if v <= 0.03928 else ((v + 0.055) / 1.055) ** 2.4 for v in parts]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


@pytest.mark.parametrize("colour", [palette.EDGE, palette.WAY_BACK])
def test_what_stands_outside_of_boxes_is_read_on_white_and_on_black(colour):
    light = luminance(colour)
    assert 1.05 / (light + 0.05) >= 4.5
    assert (light + 0.05) / 0.05 >= 4.5


@pytest.mark.parametrize("kind", palette.KINDS)
def test_gradients_are_read_inside_of_boxes(kind):
    fill = luminance(palette.colour(kind).fill)
    assert (fill + 0.05) / (luminance(palette.BACKWARD) + 0.05) >= 4.5


def test_an_overlay_has_a_legend_of_colours():
    x = tg.Tensor([1.0, 2.0], requires_grad=True)
    for overlay in ("time", "memory", "flops", "gradient"):
        source = viz.draw(tg.exp(x).sum(), overlay=overlay, detail="ops").source
        assert source.count("<td bgcolor=") == 5


def test_two_names_of_two_hundred_letters_stay_apart_and_short():
    a, b = (tg.Tensor(2.0, requires_grad=True, name="x" * 200 + end) for end in "ab")
    graph = read(a * b)
    names = [n.name for n in graph.nodes.values()]
    assert len(set(names)) == 3
    assert max(map(len, names)) < 70


def test_a_saved_page_keeps_the_size_of_its_letters(tmp_path):
    x = tg.Tensor(1.0, requires_grad=True)
    text = Path(viz.draw(tg.exp(x)).save(tmp_path / "x.html")).read_text("utf-8")
    assert "max-width" not in text


def test_what_broadcasts_and_is_not_elementwise_says_why_its_gradient_is_summed():
    a = tg.Tensor(np.eye(2), requires_grad=True, name="a")
    source = viz.draw(tg.linalg.solve(a, np.ones((3, 2, 1))), detail="formulas").source
    assert "because a (2,2) was broadcast to (3,2,2)" in source.replace("</td></tr><tr><td>", " ")
