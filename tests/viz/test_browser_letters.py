"""Letters of the page: those of the graph and of arrays are as large, beside the others, on every screen."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import viz

from .test_browser import browser, opened, text  # noqa: F401  a fixture
from .test_player import network, network_inputs

pytestmark = pytest.mark.slow

LETTERS = """() => [parseFloat(getComputedStyle(document.documentElement).fontSize),
    Math.min(...[...document.querySelectorAll('#drawing .name')].map(e => e.getBoundingClientRect().height)),
    Math.min(...[...document.querySelectorAll('#step .entry')].map(e => e.getBoundingClientRect().height))]"""


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (1920, 1080)])
def test_letters_for_a_projector_are_larger_in_the_graph_and_in_the_step(browser, tmp_path, width, height):  # noqa: F811
    page = viz.player(network, *network_inputs())
    with opened(browser, page, tmp_path, "#step=12", viewport={"width": width, "height": height}) as tab:
        usual, names, entries = tab.evaluate(LETTERS)
        tab.click("#projector")
        large, larger_names, larger_entries = tab.evaluate(LETTERS)
        assert large > usual
        assert larger_entries == pytest.approx(entries * large / usual, rel=0.1)
        assert larger_names > (names if width == 1280 else 0.75 * large)  # where there is room, as large as the others
        tab.select_option("#view", "0")  # what the reader chose stays
        tab.click("#projector")
        assert tab.input_value("#view") == "0"


@pytest.mark.parametrize(
    ("dtype", "h", "known"), [("float16", 1e-3, False), ("float32", 1e-6, False), ("float64", 1e-6, True)]
)
def test_a_difference_that_rounding_makes_is_said_to_be_one(browser, tmp_path, dtype, h, known):  # noqa: F811
    x = np.linspace(0.1, 2.0, 12).astype(dtype)
    with opened(browser, viz.player(lambda x: tg.exp(x).sum() * 7, x), tmp_path) as tab:
        tab.evaluate("player.choose('n0')")
        tab.select_option("#nudge", label="0.001" if h == 1e-3 else "0.000001")
        assert tab.locator("#slopes .differ").count() == 0
        assert tab.locator("#slopes .agree").count() == known
        assert ("h is too small" in text(tab, "#slopes")) != known
