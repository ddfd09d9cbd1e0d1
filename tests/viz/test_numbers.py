"""Every reader of a graph, over numbers and names out of the ordinary: none may fail, none may change what it shows."""

import contextlib
import json
import re
import unicodedata
import warnings
import xml.dom.minidom as dom

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import viz
from tinygrad_edu.viz.formulas.notation import number
from tinygrad_edu.viz.graph.values import one, short, shown, size

FLOATS = ("float16", "float32", "float64")
SHAPES = ((), (3,), (2, 2), (0,), (20,), (4, 5, 2))
ODD = ("nan", "inf", "-inf", "0", "-0", "huge", "half", "tiny")
BLANKS = ("values", "derivatives", "gradients")


def filled(dtype, what, shape):
    info = np.finfo(dtype)
    sizes = {"huge": info.max, "half": info.max / 2, "tiny": info.smallest_subnormal}
    return np.full(shape, sizes[what] if what in sizes else float(what), dtype)


def readings(loss, w):
    """What every reader makes of a graph."""
    yield str(viz.why(w, of=loss))
    explanation = viz.explain(loss)
    yield from (str(explanation), explanation.markdown(), explanation.latex(), explanation.html())
    if w.size and w.grad is not None:
        yield str(viz.explain(w, entry=(0,) * w.ndim, of=loss))
    yield viz.player(loss).contents()
    json.loads(viz.to_json(loss))
    for overlay in ("time", "memory", "flops", "gradient", "nonfinite"):
        yield viz.draw(loss, overlay=overlay, detail="formulas", backward=True, inline=True).source
    difference = viz.diff(loss, loss * 0)
    yield from (str(difference), difference.draw().source)
    film = viz.Film()
    film.record(loss)
    film.record(loss)
    yield film.page().contents()


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("what", ODD)
@pytest.mark.parametrize("dtype", FLOATS)
def test_every_reader_reads_every_number(dtype, what, shape):
    w = tg.Tensor(filled(dtype, what, shape), requires_grad=True, name="w")
    with np.errstate(all="ignore"):
        loss = (w * w * w).sum()
        loss.backward()
        assert all("object at" not in text for text in readings(loss, w))
    if not shape:
        with contextlib.suppress(ValueError):  # nothing of it can be asked for
            viz.worksheet(loss, blanks=BLANKS).html()


@pytest.mark.parametrize("dtype", ["bool", "int8", "int64", "uint64", "complex64", "complex128", *FLOATS])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_constants_of_every_dtype(dtype, shape):
    kind = np.dtype(dtype).kind
    most = 1 if kind in "bc" or kind == "f" else np.iinfo(dtype).max
    c = tg.Tensor(np.full(shape, most, dtype))
    x = tg.Tensor(np.ones(shape), requires_grad=True, name="x")
    y = tg.where(c != 0, x, 2 * x)
    for t in (c, y):
        viz.explain(t).html()
        viz.player(t).html()
        viz.draw(t, detail="formulas", backward=True)
        assert str(viz.diff(t, t)).endswith("no difference")
        json.loads(viz.to_json(t))


@pytest.mark.parametrize("exponent", [20, 30, 38])
def test_why_of_an_exploding_gradient_in_float32(exponent):
    w = tg.Tensor(np.full(3, 0.5, np.float32), requires_grad=True)
    loss = (w * np.float32(10.0**exponent)).sum()
    loss.backward()
    assert viz.why(w).reason == "huge"
    loss = (w * np.float32(10.0**exponent)).sum()
    loss.backward()
    assert viz.why(w).reason == "accumulated"


def test_why_counts_tiny_gradients_that_were_accumulated():
    w = tg.Tensor(np.full(3, 1.0, np.float64), requires_grad=True)
    for _ in range(3):
        loss = (w * 1e-200).sum()
        loss.backward()
    assert viz.why(w).reason == "accumulated"


def test_sizes_and_means_do_not_overflow():
    assert size(np.full(4, 1e300)) == pytest.approx(1e300)
    assert size(np.full(4, 1e-300)) == pytest.approx(1e-300)
    assert short(np.linspace(1e308, 1.2e308, 100)) == "1e+308 to 1.2e+308; mean 1.1e+308"
    assert short(np.array([*[6e4] * 20, 5e4], np.float16)).startswith("5e+04 to 6e+04; mean 5.95e+04")


@pytest.mark.parametrize("zero", [-0.0, np.float32(-0.0), np.float16(-0.0), np.float64(-0.0)])
def test_a_zero_has_no_sign(zero):
    assert one(zero) == number(zero) == "0"
    assert short(np.array([zero, 1.0])) == "[0 1]"


NAMES = [
    r"\Gamma", r"\Nabla", r"\Theta", r"\N\E\T\L\H", r"\\G", "\\", r"\l", r"\"", 'a"b', "a:b", "a|b", "{a}", "<b>", "</b>",
    "<script>alert(1)</script>", "&amp;", "&lt;b&gt;", "&#92;G", "]]>", "<!--", "a;b", "n0", "node", "graph", "``x``",
    "$x$", "%", "'", "e\u0301", "\u0301", "👨\u200d👩\u200d👧", "שלום", "مرحبا", "שלום עולם", "a\nb", "\x00", "\ud800", "\u202eabc",
    "x" * 300,
]  # fmt: skip


def drawn(picture):
    found = dom.parseString(picture.svg()).getElementsByTagName("text")
    return ["".join(c.data for c in n.childNodes if c.nodeType == c.TEXT_NODE) for n in found]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_names_are_drawn_as_they_are(name):
    x = tg.Tensor([1.0, 2.0], requires_grad=True, name=name)
    y = tg.tanh(x * 2).sum()
    for picture in (
        viz.draw(y, detail="formulas", backward=True, notation="python"),
        viz.draw(y, inline=True, notation="python"),
        viz.draw(y, overlay="memory", notation="python"),
        viz.diff(y, y).draw(),
    ):
        words = drawn(picture)
        assert (shown(name) if len(name) < 60 else "x" * 39) in "\n".join(words).split("\n") or len(name) > 60
    viz.player(y).html().encode()


@pytest.mark.parametrize("name", ["", " ", "\t \n"])
def test_a_blank_name_is_none(name):
    assert "x₁" in drawn(viz.draw((tg.Tensor([1.0], requires_grad=True, name=name) * 2).sum()))


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "`` <script>x</script>", "$<script>$", "<img src=x>"])
def test_no_tag_of_a_name_stays_a_tag(name):
    class Odd(tg.nn.Module):
        def __init__(self):
            self.layer = tg.nn.Linear(2, 1)

    x = tg.Tensor([1.0, 2.0], requires_grad=True, name=name)
    a = tg.Tensor(2.0, requires_grad=True, name=name)
    for y in ((x * 2).sum(), a * a, x * 2):
        explanation = viz.explain(y)
        pages = (explanation.markdown(), explanation.html(), viz.player(y).html(), viz.draw(y).svg())
        for text in (*pages, viz.explain(y if not y.shape else y.sum()).markdown()):
            assert not re.search(r"<(script>(alert|x|\$)|img)", text)
        viz.Film().record(y)


@pytest.mark.parametrize("name", ["שלום", "مرحبا", "שלום עולם", "אב.גד", "aאב3"])
def test_words_from_the_right_move_no_number(name):
    """The order in which a reader meets the parts of a line, by the levels of Unicode's algorithm, simplified."""
    text = shown(f"{name} = 3 * 4 + {name} - 12")
    bare = re.sub("\u2068[^\u2069]*\u2069", "", text)
    assert not any(unicodedata.bidirectional(c) in ("R", "AL", "AN", "RLE", "RLO", "RLI") for c in bare)
    assert text.count("\u2068") == text.count("\u2069") == 2
    assert shown(text) == text
    x = tg.Tensor(3.0, requires_grad=True, name=name)
    for where in (str(viz.explain(x * 2)), "\n".join(drawn(viz.draw(x * 2))), viz.player(x * 2).contents()):
        assert "\u2068" in where


def test_no_warning_comes_from_looking():
    w = tg.Tensor(np.full(3, 1e200), requires_grad=True)
    with np.errstate(all="ignore"):
        loss = (w**3).sum()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        viz.explain(loss)
        viz.player(loss)
        viz.draw(loss, overlay="gradient")
