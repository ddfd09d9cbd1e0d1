"""Where the page puts boxes that are out of the ordinary."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import viz

from .test_browser import browser, opened  # noqa: F401  a fixture

pytestmark = pytest.mark.slow

PLACES = "() => player.boxes().map(b => [b.key, b.x, b.y, b.w, b.h])"


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (390, 844)])
@pytest.mark.parametrize("count", [13, 40, 100])
def test_very_many_leaves_of_one_operation_stand_in_several_layers(browser, tmp_path, count, width, height):  # noqa: F811
    xs = [np.array([1.0, k]) for k in range(count)]
    page = viz.player(lambda *xs: (tg.concat(list(xs)) ** 2).sum(), *xs)
    with opened(browser, page, tmp_path, viewport={"width": width, "height": height}) as tab:
        tab.evaluate("player.detail(0)")
        boxes, size = tab.evaluate(PLACES), tab.evaluate("[player.size().width, player.size().height]")
    places = {key: place for key, *place in boxes}
    assert len(boxes) == count + 3
    assert max(size) < 3.5 * min(size)
    for key, (x, y, w, h) in places.items():
        for other, (x2, y2, w2, h2) in places.items():
            assert key == other or x + w <= x2 or x2 + w2 <= x or y + h <= y2 or y2 + h2 <= y
    user = places[f"n{count}"]
    leaves = [places[f"n{k}"] for k in range(count)]
    assert width < 1280 or all(a[0] + a[2] <= user[0] for a in leaves) or all(a[1] + a[3] <= user[1] for a in leaves)


def deep(x):
    for _ in range(30):
        x = tg.tanh(x)
    return x


PRINT = "() => window.dispatchEvent(new Event('beforeprint'))"
PRINTED = "() => window.dispatchEvent(new Event('afterprint'))"


def test_rows_on_paper_are_as_wide_as_it(browser, tmp_path):  # noqa: F811
    with opened(browser, viz.player(deep, 0.5), tmp_path) as tab:
        tab.evaluate("player.detail(0)")
        for _ in range(2):  # a browser may say it twice
            tab.evaluate(PRINT)
        rows, width = tab.locator(".strip").count(), tab.evaluate("player.size().width")
        long = tab.evaluate("() => player.boxes().reduce((sum, b) => sum + b.w + 46, 0)")
    assert 0.75 * 1300 < width < 1450
    assert 1 < rows <= long / 1300 + 2


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_paper_is_light_and_the_screen_is_afterwards_what_it_was(browser, tmp_path, scheme):  # noqa: F811
    page = viz.player(lambda x: tg.tanh(x).sum(), np.array([[1.0, -2.0], [3.0, 0.0]]))
    look = """() => [getComputedStyle(document.body).color, getComputedStyle(document.querySelector('#drawing .name')).fill,
        document.querySelector('#drawing .cell').getAttribute('fill')]"""
    with opened(browser, page, tmp_path, color_scheme="light") as tab:
        light = tab.evaluate(look)
    with opened(browser, page, tmp_path, color_scheme=scheme) as tab:
        before = tab.evaluate(look)
        assert (before == light) == (scheme == "light")
        tab.evaluate(PRINT)
        assert tab.evaluate(look) == light
        tab.evaluate(PRINTED)
        assert tab.evaluate(look) == before
        assert tab.locator(".strip").count() == 0


CROSSED = """() => { const arrows = [...new Set(player.boxes().flatMap(b => b.arrows))].filter(a => !a.loop), found = [];
    const points = new Map(arrows.map(a => { const p = a.g.querySelector('path.line');
        return [a, Array.from({length: p.getTotalLength() / 2}, (_, k) => p.getPointAtLength(2 * k))]; }));
    for (const e of document.querySelectorAll('#drawing .shape')) {
        const r = e.getBBox(), far = a => Math.hypot(a.points[0][0] - r.x, a.points[0][1] - r.y - r.height / 2);
        const own = arrows.reduce((a, b) => (far(b) < far(a) ? b : a)).source;
        const inside = p => p.x > r.x + 1 && p.x < r.x + r.width - 1 && p.y > r.y + 3 && p.y < r.y + r.height - 3;
        for (const [a, all] of points) if (a.source !== own && all.some(inside)) found.push([e.textContent, own, a.source]);
    }
    return found; }"""


def logistic(X, w, b, Y):
    Z = w @ X + b
    A = tg.sigmoid(Z)
    return -(Y * tg.log(A) + (1 - Y) * tg.log(1 - A)).mean()


def test_few_arrows_cross_the_shape_on_another(browser, tmp_path):  # noqa: F811
    X, w, b, Y = np.ones((2, 6)), np.ones((1, 2)), np.ones((1, 1)), np.array([[0.0, 1.0] * 3])
    with opened(browser, viz.player(logistic, X, w, b, Y), tmp_path) as tab:
        tab.evaluate("player.detail(0)")
        assert len(tab.evaluate(CROSSED)) <= 1


def test_a_name_that_stands_in_place_of_a_formula_takes_all_its_lines(browser, tmp_path):  # noqa: F811
    X, w, b, Y = np.ones((2, 6)), np.ones((1, 2)), np.ones((1, 1)), np.array([[0.0, 1.0] * 3])
    seen = """() => { const b = player.boxes().find(b => b.lines.length && !nodes.get(b.node).named);
        return [...b.g.querySelectorAll('text.name, text.rule')].filter(e => getComputedStyle(e).visibility === 'visible').map(e => e.textContent); }"""
    page = viz.player(logistic, X, w, b, Y)
    view = next(k for k, v in enumerate(page.data["views"]) if v["label"] == "lines as written")
    with opened(browser, page, tmp_path) as tab:
        tab.evaluate(f"player.detail({view})")
        whole = tab.evaluate(seen)
        texts = []
        for k in range(len(page.data["steps"]) + 1):
            tab.evaluate(f"player.go({k})")
            texts.append(tab.evaluate(seen))
    assert len(whole) > 1
    assert any(len(text) == 1 and " in " in text[0] for text in texts)
    assert all(text == whole or len(text) == 1 for text in texts)
