"""axe-core, the checker of accessibility, finds nothing: at every size, light and dark, at steps of both passes."""

from importlib.resources import files

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn, viz

from .test_browser import READY, browser, until  # noqa: F401  a fixture
from .test_player import course, network, network_inputs

pytest.importorskip("axe_playwright_python")
pytestmark = pytest.mark.slow

# the rules that are not on by themselves: labels as they are read and seen, and places that a finger can hit
RULES = {"label-content-name-mismatch": {"enabled": True}, "target-size": {"enabled": True}}


def layers(x):
    model = nn.Sequential(nn.Linear(3, 4), nn.Sequential(nn.Tanh(), nn.Linear(4, 4)), nn.Linear(4, 1))
    return viz.player(model, x)


def filmed():
    w, film = tg.Tensor([3.0, 1.0], requires_grad=True, name="w"), viz.Film()
    for _ in range(3):
        loss = ((w - 1.0) ** 2).sum()
        film.record(loss)
    return film.page()


PAGES = {
    "numbers": lambda: viz.player(course, 5.0, 3.0, 2.0),
    "arrays": lambda: viz.player(network, *network_inputs()),
    "modules": lambda: layers(np.ones((5, 3), np.float32)),
    "worksheet": lambda: viz.worksheet(course, 5.0, 3.0, 2.0),
    "film": filmed,
}


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_no_violation(browser, tmp_path, name, scheme, width):  # noqa: F811
    path = tmp_path / "page.html"
    PAGES[name]().save(path)
    context = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, reduced_motion="reduce", bypass_csp=True
    )
    tab = context.new_page()
    tab.goto(f"file://{path}")
    until(tab, READY)
    tab.evaluate((files("axe_playwright_python") / "axe.min.js").read_text("utf-8"))
    last = tab.evaluate("player.steps.length")
    for step in {0, 1, last}:
        tab.evaluate("k => { player.go(k); player.choose(player.boxes()[0].key.split('/')[0]); }", step)
        found = tab.evaluate("rules => axe.run({ rules })", RULES)["violations"]
        assert [(v["id"], [n["target"] for n in v["nodes"]]) for v in found] == []
    context.close()
