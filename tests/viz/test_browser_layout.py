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
