"""Pictures at the width of a page: rows, layers as one box, chips on their arrows, cells of colour, mathematics."""

import re
from itertools import pairwise

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn, viz
from tinygrad_edu.viz.graph.reading import read
from tinygrad_edu.viz.pictures.draw import PAGE
from tinygrad_edu.viz.pictures.heat import blocks, heat
from tinygrad_edu.viz.pictures.palette import TINTS

from .layout import layout


def placed(picture):
    """The width of a picture in points; where each box stands, from the left and from the top; the points of arrows."""
    places, arrows, height = {}, [], 0.0
    for line in layout(picture.source).replace("\\\n", "").splitlines():
        word, *rest = line.split(" ")
        if word == "graph":
            width, height = float(rest[1]) * 72, float(rest[2]) * 72
        elif word == "node":
            x, y, w, h = (float(v) * 72 for v in rest[1:5])
            places[rest[0]] = (x, height - y, w, h)
        elif word == "edge":
            numbers = [float(v) * 72 for v in rest[3 : 3 + 2 * int(rest[2])]]
            arrows.append(
                (rest[0], rest[1], [(x, height - y) for x, y in zip(numbers[::2], numbers[1::2], strict=True)])
            )
    return width, places, arrows


def chain(steps):
    x = tg.Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True, name="x")
    for _ in range(steps):
        x = tg.tanh(x) * 2
    return x


def test_a_long_picture_goes_on_in_the_row_below():
    width, places, _ = placed(viz.draw(chain(30), budget=None))
    assert width < 1.25 * PAGE
    boxes = [
        (places[k][1], places[k][0]) for k in sorted((k for k in places if "_" not in k), key=lambda k: int(k[1:]))
    ]
    new_row = [b < a for (_, a), (_, b) in pairwise(boxes[1:])]
    assert sum(new_row) >= 5
    below = [b > a + 20 for (a, _), (b, _) in pairwise(boxes[1:])]
    assert below == new_row  # and never above
    assert placed(viz.draw(chain(30), budget=None, page=None))[0] > 3000


def test_an_encoder_fits_a_page_and_its_layers_are_boxes():
    layer, x = nn.TransformerEncoderLayer(16, 2, 32), np.ones((5, 2, 16), np.float32)
    picture = viz.draw(layer, x)
    assert placed(picture)[0] < 1.25 * PAGE
    assert picture.source.count("MultiheadAttention") == picture.source.count("LayerNorm</b>") - 1 == 1
    assert "cluster" in viz.draw(layer, x, expand="norm1").source
    assert len(placed(viz.draw(layer, x, expand=True))[1]) > 40
    assert viz.draw(nn.Sequential(nn.Linear(4, 3)), np.ones((2, 5, 4), np.float32)).source.count("0: Linear") == 1


def test_a_layer_that_is_used_again_keeps_its_weights_in_its_first_box():
    cell = nn.LSTMCell(3, 4)

    def steps(x):
        state = None
        for t in range(3):
            state = cell(x[t], state)
        return state[0]

    source = viz.draw(steps, np.ones((3, 2, 3), np.float32)).source
    assert source.count("LSTMCell</b>") == 3
    assert source.count("weight_ih (16,3)") == 1
    names = {n.name for n in read(steps, (np.ones((3, 2, 3), np.float32),)).nodes.values()}
    assert {"o1", "o2", "o3"} <= names  # a slice of the gates is called as it is in the papers
    assert "parts: i, f, g, o" in viz.draw(steps, np.ones((3, 2, 3), np.float32), expand=True).source


def crossing(box, points):
    x, y, w, h = box
    return any(abs(px - x) < w / 2 - 2 and abs(py - y) < h / 2 - 2 for px, py in points)


@pytest.mark.parametrize("inline", [False, True])
def test_a_formula_stands_on_its_own_arrow_and_no_other_crosses_it(inline):
    def net(X, W1, b1, W2, b2):
        return (tg.sigmoid(W2 @ tg.tanh(W1 @ X + b1) + b2) ** 2).mean()

    rng = np.random.default_rng(0)
    inputs = [rng.normal(size=s) for s in [(2, 5), (4, 2), (4, 1), (1, 4), (1, 1)]]
    _, places, arrows = placed(viz.draw(net, *inputs, detail="formulas", backward=True, inline=inline))
    chips = [k for k in places if "_to_" in k]
    assert len(chips) >= 7
    for chip in chips:
        own = [(a, b) for a, b, _ in arrows if chip in (a, b)]
        assert len(own) == 2
        assert chip.startswith(f"{own[0][0]}_to_{own[1][1]}_")
        for a, b, curve in arrows:
            if chip not in (a, b):  # a curve of Bezier pieces, every third point of which is on it
                assert not crossing(places[chip], curve[::3])


def test_many_arrows_are_drawn_in_part_and_that_is_said():
    rng = np.random.default_rng(0)
    pool = [tg.Tensor(1.0, requires_grad=True) for _ in range(3)]
    for _ in range(1500):
        a, b = (pool[int(rng.integers(max(0, len(pool) - 300), len(pool)))] for _ in range(2))
        pool.append(tg.sin(a) if rng.random() < 0.5 else a * b)
    picture = viz.draw(sum(pool[-300:], tg.Tensor(0.0)))
    assert picture.source.count(" -> ") <= 250
    assert "of which" in picture.source


def test_cells_are_blue_below_zero_and_orange_above():
    table = heat(np.array([[-2.0, 0.0], [1.0, 2.0]]))
    assert re.findall(r'bgcolor="(#\w+)"><font[^>]*> ([-\d.]+) ', table) == [
        (TINTS[0], "-2"), (TINTS[4], "0"), (TINTS[6], "1"), (TINTS[8], "2"),
    ]  # fmt: skip
    assert heat(np.float64(3.0)) is heat(np.zeros((0, 3))) is heat(np.ones(3, complex)) is None
    assert heat(np.arange(400.0).reshape(20, 20)).count("<td") == 96
    a = np.arange(24.0).reshape(4, 6)
    np.testing.assert_allclose(blocks(a, 2, 3), a.reshape(2, 2, 3, 2).mean((1, 3)))
    assert blocks(np.arange(7.0)[None], 2, 3).tolist() == [[0.5, 2.5, 5.0]]


@pytest.mark.parametrize(
    ("f", "title"),
    [
        (lambda W1, X: tg.tanh(W1 @ X + 1), "out = tanh(W₁X + 1)"),
        (lambda a: 3 * a[0, 0] ** 2, "out = 3a[0, 0]²"),
        (lambda a, b: a * b / (a - b), "out = a ⊙ b / (a − b)"),
        (lambda a: tg.sqrt(abs(a.T)).sum(axis=0), "out = Σ₀ √|aᵀ|"),
        (lambda z: -tg.sigmoid(z).sum(), "out = −Σ σ(z)"),
        (lambda a: tg.exp(a).reshape(4), "out = exp(a) as (4,)"),
    ],
)
def test_titles_are_mathematics(f, title):
    count = f.__code__.co_argcount
    source = viz.draw(f, *[np.ones((2, 2)) + k for k in range(count)], inline=True).source
    assert title in " ".join(re.findall(r"<b>(.*?)</b>", source))


def test_boxes_say_the_line_that_made_them_where_there_are_several():
    def f(x):
        y = tg.sin(x)
        return y * 2

    first = f.__code__.co_firstlineno
    source = viz.draw(f, 1.0).source
    assert [f"line {first + k}" in source for k in (1, 2)] == [True, True]
    assert "lines of test_pages_of_pictures.py" in source
    assert "line " not in viz.draw(lambda x: tg.sin(x) * 2, 1.0).source.replace("penwidth", "")


def test_top_down_and_refusals():
    _, places, _ = placed(viz.draw(chain(4), direction="down"))
    tops = [places[k][1] for k in sorted(places, key=lambda k: int(k[1:]))]
    assert tops == sorted(tops)
    with pytest.raises(
        ValueError, match="draw: direction must be one of right, down, LR, TB, UD; got 'left'; choose one"
    ):
        viz.draw(chain(1), direction="left")
    with pytest.raises(ValueError, match="draw: page must be at least 100, or None; got 3"):
        viz.draw(chain(1), page=3)


@pytest.mark.parametrize("detail", ["values", "formulas"])
@pytest.mark.parametrize("direction", ["right", "down"])
@pytest.mark.parametrize("count", [12, 13, 40])
def test_very_many_leaves_of_one_operation_stand_in_several_columns(count, direction, detail):
    leaves = [tg.Tensor([1.0, k], requires_grad=True, name=f"w{k}") for k in range(count)]
    picture = viz.draw((tg.concat(leaves) ** 2).sum(), detail=detail, direction=direction)
    width, places, _ = placed(picture)
    boxes = [places[f"n{k}"] for k in range(count)]
    along = 0 if direction == "right" else 1
    columns = {round(box[along]) for box in boxes}
    assert (len(columns) > 1) == (count > 12)
    longest = max(sum(round(box[along]) == at for box in boxes) for at in columns)
    assert longest <= 0.6 * count or count == 12
    assert width < 1.25 * PAGE or direction == "down"
    for a, b in ((a, b) for a in boxes for b in boxes if a is not b):
        assert any(abs(a[k] - b[k]) >= (a[k + 2] + b[k + 2]) / 2 - 0.1 for k in range(2))
