"""The page in a real browser, headless: what a reader sees, by mouse, by keyboard, by ear."""

import math
import shutil
from contextlib import contextmanager

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn, viz
from tinygrad_edu.viz.graph.values import short

from .test_player import GRAPHS, course, network, network_inputs, twice

playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
pytestmark = pytest.mark.slow

FLAGS = [
    "--no-sandbox", "--headless", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


READY = "typeof player !== 'undefined'"  # the page has unpacked itself


@pytest.fixture(scope="module")
def browser():
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with playwright.sync_playwright() as driver:
        try:
            found = driver.chromium.launch(executable_path=program, args=FLAGS)
        except playwright.Error as error:
            pytest.skip(f"no Chromium could be started: {error}")
        yield found
        found.close()


@contextmanager
def opened(browser, page, tmp_path, place="", **options):
    """A browser page on a saved page; no complaint and no request to the network may come of it."""
    path = tmp_path / "player.html"
    page.save(path)
    tab = browser.new_page(**{"viewport": {"width": 1280, "height": 720}} | options)
    complaints, requests = [], []
    tab.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
    tab.on("pageerror", lambda e: complaints.append(str(e)))
    tab.on("request", lambda r: requests.append(r.url))
    tab.goto(f"file://{path}{place}")
    until(tab, READY)
    yield tab
    assert complaints == []
    assert all(url.startswith(("file://", "data:")) for url in requests)
    assert len({url.partition("#")[0] for url in requests if url.startswith("file")}) == 1
    tab.close()


def at(tab):
    return int(tab.locator("#scrub").input_value())


def text(tab, where):
    return tab.locator(where).text_content()


def until(tab, condition):
    """Wait for a condition; the page's own policy forbids Playwright's way, which evaluates text in the page."""
    for _ in range(100):
        if tab.evaluate(condition):
            return
        tab.wait_for_timeout(50)
    raise AssertionError(f"never came true: {condition}")


@pytest.mark.parametrize("name", GRAPHS)
def test_the_numbers_shown_at_every_step_are_the_engines(browser, tmp_path, name):
    f, inputs = GRAPHS[name]
    page = viz.player(f, *inputs)
    steps = page.data["steps"]
    with opened(browser, page, tmp_path) as tab:
        shown = tab.evaluate(
            """count => (player.detail(0), Array.from({length: count + 1}, (_, k) => {
                player.go(k);
                return [player.boxes().map(b => [b.key, b.g.getAttribute('aria-label')]), document.querySelector('#step .sum')?.textContent];
            }))""",
            len(steps),
        )
    values = {n["key"]: n["summary"] for n in page.data["nodes"] if n["op"] is None}
    grads, nodes = {}, {n["key"]: n for n in page.data["nodes"]}
    for k, (boxes, told) in enumerate(shown):
        if k:
            s = steps[k - 1]
            (values if s["phase"] == "forward" else grads)[s["node"]] = s["after"]
            assert told == s["text"]
        for key, label in boxes:
            value = f", value {values[key]}" if key in values else ", not computed yet"
            grad = f", gradient {grads[key]}" if key in grads else ""
            assert label == nodes[key]["title"] + value + grad


def test_numbers_are_written_as_in_python(browser, tmp_path):
    rng = np.random.default_rng(0)
    shapes, dtypes = (
        [(), (3,), (2, 2), (4, 2), (3, 3), (20,), (5, 5), (2, 2, 2)],
        ["float64", "float32", "int64", "bool"],
    )
    arrays = [
        (rng.normal(size=s) * 10.0 ** rng.integers(-7, 8)).astype(d) for s in shapes for d in dtypes for _ in range(3)
    ]
    odd = [np.array(v) for v in (np.nan, [np.inf, -np.inf, 1.0], [-0.0, 0.0], np.full(12, np.nan), [1.0, np.nan] * 8)]
    given = [[[repr(float(x)) for x in a.ravel()], list(a.shape), str(a.dtype)] for a in [*arrays, *odd]]
    with opened(browser, viz.player(course, 5.0, 3.0, 2.0), tmp_path) as tab:
        found = tab.evaluate(
            "all => all.map(([values, shape, dtype]) => numbers.short(numbers.flat(values), shape, dtype))", given
        )
    assert found == [short(a) for a in [*arrays, *odd]]


def test_every_control(browser, tmp_path):
    with opened(browser, viz.player(twice, 2.0, -3.0), tmp_path) as tab:
        last = int(tab.locator("#scrub").get_attribute("max"))
        for button, expected in [("next", 1), ("next", 2), ("back", 1)]:
            tab.click(f"#{button}")
            assert at(tab) == expected
        tab.locator("#scrub").fill("4")
        assert at(tab) == 4
        assert text(tab, "#count") == f"4 of {last}"
        tab.select_option("#speed", "60")
        tab.click("#play")
        until(tab, f"player.at() === {last}")
        assert "Play" in text(tab, "#play")
        before = tab.get_attribute("#graph", "viewBox")
        tab.click("#in")
        assert float(tab.get_attribute("#graph", "viewBox").split()[2]) < float(before.split()[2])
        tab.click("#out")
        tab.click("#fit")
        tab.click("#dark")
        assert "dark" in tab.get_attribute("html", "class")
        tab.click("#dark")
        tab.click("#projector")
        assert tab.evaluate("getComputedStyle(document.documentElement).fontSize") == "22px"
        tab.click("#projector")
        tab.fill("#search", "tanh")
        assert tab.locator(".box.found").count() == 1
        tab.fill("#search", "a")
        assert tab.locator(".box.found").count() > 2  # all that have it, not the first alone
        tab.press("#search", "Enter")
        assert text(tab, "#details h3") == "a"
        tab.fill("#search", "nobody")
        assert text(tab, "#hover") == "Nothing is called nobody"
        tab.press("#search", "Escape")
        tab.locator(".box", has_text="tanh(a)").click()
        assert "tanh(a)" in text(tab, "#details h3")
        assert "da += " in text(tab, "#details")
        assert "tanh(a)" in text(tab, "#code li.looked")
        tab.locator("#all summary").click()
        tab.locator("#list li").nth(last - 1).wait_for()
        assert tab.locator("#list li").count() == last
        tab.locator("#list li button").nth(2).click()
        assert at(tab) == 3
        assert tab.locator("#list [aria-current=step]").count() == 1
        for head in ("#codehead", "#lessonhead", "#sidehead"):
            tab.click(f"{head} button")
            assert tab.get_attribute(f"{head} button", "aria-expanded") == "false"
        assert not tab.locator("#step").is_visible()


def test_code_graph_and_mathematics_are_of_one_step(browser, tmp_path):
    with opened(browser, viz.player(twice, 2.0, -3.0), tmp_path) as tab:
        lines = tab.locator("#code li")
        assert lines.first.text_content().endswith("def twice(a, b):")
        tab.locator("#code li button").first.click()
        assert at(tab) == 1
        assert "p = a * b" in text(tab, "#code li.forward")
        assert tab.locator(".box.now .name").text_content() == "p"
        assert tab.locator("#step math").first.text_content() == "p=a·b"
        assert tab.locator("#step math").nth(1).text_content() == "=2·(−3)=−6"
        tab.keyboard.press("End")
        assert "p = a * b" in text(tab, "#code li.backward")
        assert tab.locator(".edge.back").count() == 1
        tab.locator("#code li button").nth(1).click()  # on the way back: to the gradients through that line
        assert "return p * p" in text(tab, "#code li.backward")


def test_the_chain_rule_of_a_path_is_the_product_of_its_derivatives(browser, tmp_path):
    with opened(browser, viz.player(twice, 2.0, -3.0), tmp_path) as tab:
        tab.keyboard.press("End")
        tab.locator("#step details summary").click()
        rows = tab.locator("#step details math").all_text_contents()
        assert len(rows) == 2
        assert rows[0].count("+") == 1  # b reaches the result through p, which is used twice
        assert rows[1] == "=1·(−6)·2+1·(−6)·2=−24"


def test_keys(browser, tmp_path):
    with opened(browser, viz.player(twice, 2.0, -3.0), tmp_path) as tab:
        last = int(tab.locator("#scrub").get_attribute("max"))
        for key, expected in [("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1), ("End", last), ("Home", 0)]:
            tab.keyboard.press(key)
            assert at(tab) == expected
        tab.select_option("#speed", "60")
        tab.evaluate("document.activeElement.blur()")
        tab.keyboard.press("Space")
        until(tab, f"player.at() === {last}")
        tab.keyboard.press("/")
        assert tab.evaluate("document.activeElement.id") == "search"
        tab.keyboard.type("a b")  # keys typed into the field are text
        assert at(tab) == last
        tab.focus("#scrub")
        tab.keyboard.press("ArrowLeft")
        assert at(tab) == last - 1
        tab.locator(".box").nth(2).focus()
        tab.keyboard.press("Space")  # a box is looked at; nothing plays
        assert text(tab, "#details h3") == "p = a * b"
        assert at(tab) == last - 1
        x, y, w, _ = seen(tab)
        tab.keyboard.press("Shift+ArrowRight")
        tab.keyboard.press("Shift+ArrowDown")
        assert seen(tab)[0] > x
        assert seen(tab)[1] > y
        tab.keyboard.press("+")
        assert seen(tab)[2] < w
        tab.keyboard.press("0")
        assert seen(tab) == pytest.approx([x, y, w, _])


def seen(tab):
    return [float(v) for v in tab.get_attribute("#graph", "viewBox").split()]


def test_a_move_draws_nothing_until_it_rests(browser, tmp_path):
    with opened(browser, viz.player(network, *network_inputs()), tmp_path) as tab:
        tab.click("#in")
        before = seen(tab)
        place = "(r => [r.x, r.y])(player.boxes()[0].g.getBoundingClientRect())"
        [x, y] = tab.evaluate(place)
        tab.evaluate(
            """() => { window.drawn = 0;
                new MutationObserver(all => window.drawn += all.length).observe(document.getElementById("graph"),
                    { attributes: true, childList: true, subtree: true }); }"""
        )
        stage = tab.locator("#stage").bounding_box()
        start = stage["x"] + stage["width"] / 2, stage["y"] + stage["height"] - 6
        tab.mouse.move(*start)
        tab.mouse.down()
        tab.evaluate("window.drawn = 0")
        for k in range(1, 11):
            tab.mouse.move(start[0] - 9 * k, start[1] - 4 * k)
            assert tab.evaluate(place) == pytest.approx([x - 9 * k, y - 4 * k], abs=0.6)
            assert tab.evaluate("window.drawn") == 0
        tab.mouse.up()
        assert tab.evaluate(place) == pytest.approx([x - 90, y - 40], abs=0.6)
        assert seen(tab)[0] > before[0]
        assert tab.evaluate("document.getElementById('moved').style.transform") == ""


def test_without_a_mouse_and_by_ear(browser, tmp_path):
    with opened(browser, viz.player(twice, 2.0, -3.0), tmp_path) as tab:
        stops = []
        for _ in range(16):
            tab.keyboard.press("Tab")
            stops.append(tab.evaluate("document.activeElement.id || document.activeElement.getAttribute('class')"))
        assert stops[1:8] == ["play", "back", "next", "scrub", "speed", "view", "search"]
        assert sum("box" in (stop or "").split() for stop in stops) >= 5
        unnamed = tab.evaluate(
            """() => [...document.querySelectorAll('button, input, select, [role=button], .box')].filter(e =>
                !e.getAttribute('aria-label') && !e.textContent.trim() && !e.closest('label') && !e.labels?.length).length"""
        )
        assert unnamed == 0
        tab.keyboard.press("End")
        label = tab.locator(".box", has_text="a * b").get_attribute("aria-label")
        assert label == "p = a * b, value -6, gradient -12"
        assert tab.locator("#step").get_attribute("aria-live") == "polite"
        assert tab.locator("[role=toolbar]").count() == 1
        assert tab.locator("html").get_attribute("lang") == "en"
        small = tab.evaluate(
            """() => [...document.querySelectorAll('button, select, input, summary')].map(e => [e.id || e.textContent, e.getBoundingClientRect()])
                .filter(([_, r]) => r.width && (r.width < 24 || r.height < 18)).map(([name]) => name)"""
        )
        assert small == []


def contrast(a, b):
    def light(rgb):
        parts = [v / 255 for v in rgb]
        parts = [v / 12.92 if v <= 0.03928 else ((v + 0.055) / 1.055) ** 2.4 for v in parts]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    high, low = sorted((light(a), light(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_in_light_and_dark(browser, tmp_path, scheme):
    page = viz.player(network, *network_inputs())
    with opened(browser, page, tmp_path, "#step=30", color_scheme=scheme, reduced_motion="reduce") as tab:
        colours = tab.evaluate(
            """() => { const css = (e, what) => getComputedStyle(document.querySelector(e))[what];
                const rgb = s => s.match(/[0-9]+/g).slice(0, 3).map(Number);
                return [['body', 'body'], ['#side', '.pane'], ['#step h3', '.pane'], ['.grad-words, figure.grad figcaption', '.pane']]
                    .map(([e, behind]) => [rgb(css(e, 'color')), rgb(css(behind, 'backgroundColor'))]); }"""
        )
        assert all(contrast(a, b) > 4.5 for a, b in colours)
        assert (colours[0][1][0] < 60) == (scheme == "dark")
        cells = tab.evaluate(
            """() => [...document.querySelectorAll('.cell')].map(r => [r, r.nextSibling].map(e => getComputedStyle(e).fill.match(/[0-9]+/g).map(Number)))"""
        )
        assert len(cells) > 20
        assert all(contrast(*pair) > 4.5 for pair in cells)
        assert tab.evaluate("getComputedStyle(document.querySelector('.edge.back .flow')).animationName") == "none"


def test_the_step_flows_along_its_arrow_there_and_back(browser, tmp_path):
    with opened(browser, viz.player(twice, 2.0, -3.0), tmp_path, "#step=1") as tab:
        flow = "e => { const s = getComputedStyle(document.querySelector(e)); return [s.animationName, s.animationDirection]; }"
        assert tab.evaluate(flow, ".edge.now .flow") == ["flow", "normal"]
        tab.keyboard.press("End")
        assert tab.evaluate(flow, ".edge.back .flow") == ["flow", "reverse"]


def test_links_to_a_step(browser, tmp_path):
    with opened(browser, viz.player(twice, 2.0, -3.0), tmp_path, "#step=5") as tab:
        assert at(tab) == 5
        tab.keyboard.press("ArrowRight")
        assert tab.url.endswith("#step=6")
        tab.evaluate("location.hash = '#step=2'")
        until(tab, "player.at() === 2")


def test_pointing_shows_the_formula_of_an_arrow_and_the_number_of_a_cell(browser, tmp_path):
    page = viz.player(network, *network_inputs())
    with opened(browser, page, tmp_path) as tab:
        told = tab.evaluate(
            "() => (player.detail(0), [...document.querySelectorAll('.edge .hit')].map(e => (e.dispatchEvent(new MouseEvent('mouseenter')), document.getElementById('hover').textContent)))"
        )
        assert any(" @ " in t and "(3,5)(5,2)" in t for t in told)
        assert any("sum over axis 1, because b1 (3,1) was broadcast to (3,5)" in t for t in told)
        tab.locator(".box", has_text="W1").locator(".value .cell").nth(3).hover()
        w = page.data["nodes"][1]["value"]["values"][3]
        assert text(tab, "#hover") == f"W1[1, 1] = {w:.6g}"


def test_the_graph_fits_at_the_start_and_nothing_is_cut(browser, tmp_path):
    outside = """() => { const s = document.getElementById("stage").getBoundingClientRect();
        return [...document.querySelectorAll("#graph .body, #graph .frame")].map(r => r.getBoundingClientRect())
            .filter(r => r.left < s.left || r.right > s.right + 1 || r.top < s.top || r.bottom > s.bottom + 1).length; }"""
    spilled = """() => [...document.querySelectorAll('.box')].filter(g => { const r = g.querySelector('.body').getBBox();
        return [...g.querySelectorAll('text')].some(t => { const b = t.getBBox(), m = t.getCTM().e - g.getCTM().e, k = g.getCTM().a;
            return b.width && (b.x + m / k < r.x - 1 || b.x + b.width + m / k > r.x + r.width + 1); }); }).length"""
    for size in ((1280, 720), (1920, 1080), (390, 844)):
        viewport = {"width": size[0], "height": size[1]}
        with opened(
            browser, viz.player(network, *network_inputs()), tmp_path, viewport=viewport, reduced_motion="reduce"
        ) as tab:
            tab.keyboard.press("End")
            for level in range(tab.locator("#view option").count()):
                tab.evaluate(f"player.detail({level})")
                assert tab.evaluate(outside) == 0
                assert tab.evaluate(spilled) == 0
            assert tab.evaluate("document.documentElement.scrollWidth") <= size[0]
            assert tab.evaluate("graph.boxes()[0].w * document.getElementById('graph').getScreenCTM().a") > 25


def test_a_tap_on_a_phone_brings_the_numbers_near_and_no_line_of_code_is_cut(browser, tmp_path):
    def one_hidden_layer_of_a_long_name(X, W1, b1, W2, b2):
        Z1 = X @ W1 + b1
        A1 = tg.tanh(Z1)
        return ((A1 @ W2 + b2) ** 2).mean()

    inputs = [np.linspace(-1, 1, math.prod(s)).reshape(s) for s in ((8, 2), (2, 8), (1, 8), (8, 8), (1, 8))]
    page = viz.player(one_hidden_layer_of_a_long_name, *inputs)
    seen = "getComputedStyle(document.querySelector('#graph .value .entry')).display !== 'none'"
    options = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "reduced_motion": "reduce"}
    with opened(browser, page, tmp_path, **options) as tab:
        assert tab.evaluate("[...document.querySelectorAll('#code li')].every(l => l.scrollWidth <= l.clientWidth)")
        for part in (".value .cell", ".name"):  # a number, and the box
            assert not tab.evaluate(seen)
            tab.locator(f"#graph {part}").first.tap()
            assert tab.evaluate(seen)
            assert tab.evaluate("document.getElementById('graph').getScreenCTM().a") >= 0.99
            tab.locator("#fit").tap()


def one_hidden_layer(X, W1, b1, W2, b2, Y):
    Z1 = X @ W1 + b1
    A1 = tg.tanh(Z1)
    Z2 = A1 @ W2 + b2
    A2 = tg.sigmoid(Z2)
    J = ((A2 - Y) ** 2).mean()
    return J


EIGHT = [np.linspace(-1, 1, math.prod(s)).reshape(s) for s in ((8, 2), (2, 4), (1, 4), (4, 1), (1, 1), (8, 1))]


def test_on_a_phone_the_numbers_of_a_small_network_are_seen_without_a_tap(browser, tmp_path):
    options = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "reduced_motion": "reduce"}
    with opened(browser, viz.player(one_hidden_layer, *EIGHT), tmp_path, **options) as tab:
        shown = "[...document.querySelectorAll('#graph .entry')].every(e => getComputedStyle(e).display !== 'none')"
        assert tab.evaluate(shown)


@pytest.mark.parametrize("length", [7, 13, 16])
def test_the_buttons_over_the_graph_cover_no_box(browser, tmp_path, length):
    x = tg.Tensor(np.ones((2, 3)), requires_grad=True, name="x")
    for _ in range(length):
        x = tg.sin(x)
    covered = """() => { const z = document.getElementById("zoom").getBoundingClientRect();
        return [...document.querySelectorAll("#graph .body")].map(r => r.getBoundingClientRect())
            .filter(r => r.right > z.left && r.bottom > z.top).length; }"""
    page, viewport = viz.player(x), {"width": 390, "height": 844}
    with opened(browser, page, tmp_path, viewport=viewport, reduced_motion="reduce") as tab:
        assert tab.evaluate(covered) == 0


def test_a_long_call_is_written_on_lines_and_not_cut(browser, tmp_path):
    pooled = nn.functional.max_pool2d(
        tg.Tensor(np.ones((1, 1, 4, 4)), requires_grad=True, name="features_of_images"), 2
    )
    with opened(browser, viz.player(pooled), tmp_path) as tab:
        lines = tab.locator(".box", has_text="max_pool").locator(".rule").all_text_contents()
        assert lines == ["max_pool(features_of_images,", "kernel=(2, 2))"]


def test_values_and_gradients_stand_abreast_where_that_makes_letters_larger(browser, tmp_path):
    with opened(browser, viz.player(one_hidden_layer, *EIGHT), tmp_path) as tab:
        stacked, abreast, drawn = (
            tab.evaluate("""() => { const { base, shut } = graph.level(Number($("view").value)), room = camera.room();
            const scale = (abreast) => camera.scale(graph.planned(base, shut, false, room, abreast), room);
            return [scale(false), scale(true), document.getElementById("graph").getScreenCTM().a]; }""")
        )
        assert abreast > 1.05 * stacked
        assert drawn == pytest.approx(abreast, rel=1e-3)


def test_arrays_are_drawn_as_what_they_are(browser, tmp_path):
    shapes = {
        "(3,)": [3],
        "(4, 3)": [4, 3],
        "(20, 30)": [20, 30],
        "(2, 1, 8, 8)": [2, 1, 8, 8],
        "(64,)": [64],
        "(5, 784)": [5, 784],
        "(3, 1, 3, 3)": [3, 1, 3, 3],
    }
    with opened(browser, viz.player(course, 5.0, 3.0, 2.0), tmp_path) as tab:
        plans = tab.evaluate(
            "shapes => Object.fromEntries(Object.entries(shapes).map(([k, s]) => [k, tiles.plan(s)]))", shapes
        )
    assert {k for k, p in plans.items() if p["written"]} == {"(3,)", "(4, 3)", "(3, 1, 3, 3)"}  # with their numbers
    size = {k: (p["count"], p["rows"], p["columns"]) for k, p in plans.items()}
    assert size["(2, 1, 8, 8)"] == (2, 8, 8)
    assert size["(64,)"] == (1, 8, 8)  # an image that was laid out in a row
    assert size["(5, 784)"] == (5, 28, 28)
    assert size["(20, 30)"] == (1, 20, 30)


def test_paper(browser, tmp_path):
    def deep(x):
        for _ in range(30):
            x = tg.tanh(x)
        return x

    with opened(browser, viz.player(deep, 0.5), tmp_path) as tab:
        tab.select_option("#view", label="operations")
        tab.emulate_media(media="print")
        tab.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        assert not tab.locator("#bar").is_visible()
        assert tab.locator("#list li").count() > 5
        strips = tab.locator(".strip")
        assert strips.count() > 1
        assert tab.evaluate("player.size().width") < 1500  # as wide as a page: its letters can be read
        cut = tab.evaluate(
            """() => { const rows = [...document.querySelectorAll('.strip')].map(s => s.viewBox.baseVal);
                return player.boxes().filter(b => rows.filter(r => b.y >= r.y && b.y + b.h <= r.y + r.height).length !== 1).length; }"""
        )
        assert cut == 0  # each box stands in one row, whole
        extent = "(b => [b.x, b.y, b.width, b.height])(document.querySelector('%s').getBBox())"
        assert tab.evaluate(extent % ".strip use") == pytest.approx(tab.evaluate(extent % "#drawing"), abs=1)
        assert not tab.locator("#zoom").is_visible()
        assert tab.evaluate(
            """[...document.querySelectorAll('.strip')].every(s => s.getBoundingClientRect().width <= s.viewBox.baseVal.width + 1)"""
        )
        assert tab.pdf().startswith(b"%PDF")
        tab.evaluate("window.dispatchEvent(new Event('afterprint'))")
        assert strips.count() == 0


def test_a_name_is_just_a_name(browser, tmp_path):
    name = "<script>document.title='evil'</script><img src=x onerror=\"document.title='evil'\">"
    x = tg.Tensor(2.0, requires_grad=True, name=name)
    with opened(browser, viz.player(x * x, title=name), tmp_path) as tab:
        tab.keyboard.press("End")
        tab.locator(".box").first.click()
        tab.locator("#all summary").click()
        assert tab.title() != "evil"
        assert tab.locator("img").count() == 0
        assert name[:40] in text(tab, "#details")


def test_the_policy_allows_the_pages_own_script_alone(browser, tmp_path):
    policy = "document.querySelector('meta[http-equiv]').content"
    page = viz.player(twice, 2.0, -3.0)
    page.save(tmp_path / "page.html")
    tab = browser.new_page()
    tab.goto(f"file://{tmp_path / 'page.html'}")
    until(tab, READY)
    try:
        assert "unsafe" not in tab.evaluate(policy)
        tried = tab.evaluate(
            """() => { window.ran = false; const s = document.createElement('script'); s.textContent = 'window.ran = true';
                const refused = new Promise(done => addEventListener('securitypolicyviolation', e => done(e.violatedDirective)));
                document.body.append(s); return refused.then(what => [what, window.ran]); }"""
        )
        assert tried == ["script-src-elem", False]
    finally:
        tab.close()


def test_a_frame_folds_and_unfolds_where_it_stands(browser, tmp_path):
    model = nn.Sequential(nn.Linear(3, 4), nn.Sequential(nn.Tanh(), nn.Linear(4, 4)), nn.Linear(4, 1))
    page = viz.player(model, np.ones((5, 3), dtype=np.float32))
    with opened(browser, page, tmp_path) as tab:
        tab.evaluate("player.detail(0)")
        boxes, frames = tab.locator(".box"), tab.locator(".fold")
        before, count = boxes.count(), frames.count()
        tab.evaluate("player.toggle(player.frames().find(f => f.label === '1').id)")
        folded = tab.locator(".box[data-frame]")
        assert folded.count() == 1
        assert "2 operations" in folded.text_content()
        assert boxes.count() < before
        assert frames.count() == count - 3  # itself, and what is inside
        assert tab.evaluate("document.activeElement.matches('.box[data-frame]')")
        last = int(tab.locator("#scrub").get_attribute("max"))
        shown = tab.evaluate(
            "n => Array.from({length: n + 1}, (_, k) => { player.go(k); return document.querySelector('#step .sum')?.textContent; })",
            last,
        )
        assert shown[1:] == [s["text"] for s in page.data["steps"]]
        assert "value" in folded.get_attribute("aria-label")
        folded.focus()
        tab.keyboard.press("Enter")
        assert boxes.count() == before
        assert frames.count() == count
        assert tab.evaluate("document.activeElement.getAttribute('aria-label')") == "fold 1"
        tab.select_option("#view", label="modules, level 1")
        assert folded.count() == 3
        folded.first.click()
        assert folded.count() == 2


FOLD_AT_RANDOM = """seed => {
  let state = seed; const bad = [], random = (n) => (state = (state * 1103515245 + 12345) % 2147483648) % n;
  const apart = (a, b) => a.x + a.w <= b.x + 1 || b.x + b.w <= a.x + 1 || a.y + a.h <= b.y + 1 || b.y + b.h <= a.y + 1;
  player.data.views.forEach((view, which) => {
    player.detail(which);
    for (let n = 0; n < 8; n++) {
      const all = [...document.querySelectorAll('#graph [data-frame]')].map((e) => e.dataset.frame);
      if (!all.length) return;
      player.toggle(all[random(all.length)]);
      player.go(random(player.steps.length));
      const boxes = player.boxes(), members = boxes.flatMap((b) => b.members);
      boxes.forEach((a, i) => boxes.slice(0, i).forEach((b) => { if (!apart(a, b)) bad.push([view.label, a.title, b.title]); }));
      for (const f of player.frames()) for (const b of boxes) {
        const within = b.path.slice(0, f.path.length).join('/') === f.id;
        if (within === apart(f, b)) bad.push([view.label, f.label, b.title]);
      }
      if (new Set(members).size !== members.length || document.getElementById('graph').innerHTML.includes('NaN')) bad.push(view.label);
    }
  });
  return bad;
}"""


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner, self.norm = nn.Linear(3, 3), nn.LayerNorm(3)

    def forward(self, x):
        return x + tg.tanh(self.inner(self.norm(x)))


def test_whatever_is_folded_boxes_and_frames_keep_apart(browser, tmp_path):
    blocks = nn.Sequential(*[Block() for _ in range(3)])
    with opened(
        browser, viz.player(blocks, np.ones((2, 3), dtype=np.float32)), tmp_path, reduced_motion="reduce"
    ) as tab:
        assert tab.locator("#view option").count() >= 4
        for seed in (1, 2):
            assert tab.evaluate(FOLD_AT_RANDOM, seed) == []
            tab.evaluate("document.documentElement.classList.add('large')")


class Loop(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell = nn.Linear(2, 2)

    def forward(self, x):
        for _ in range(5):
            x = tg.tanh(self.cell(x))
        return x


def test_a_shared_parameter_is_drawn_where_it_is_used(browser, tmp_path):
    with opened(browser, viz.player(Loop(), np.ones((1, 2), np.float32)), tmp_path, reduced_motion="reduce") as tab:
        tab.evaluate("player.detail(0)")
        copies = tab.locator(".box", has_text="cell.weight").filter(has=tab.locator(".body.parameter"))
        assert copies.count() == 5
        tab.keyboard.press("End")
        assert len({copies.nth(k).get_attribute("aria-label") for k in range(5)}) == 1
        assert tab.locator(".edge.back").count() == 1  # the step is of one use
        tab.evaluate("player.toggle(player.frames()[0].id)")
        assert copies.count() == 4  # that of a folded frame is in it


def test_repetitions_show_the_round_of_the_step(browser, tmp_path):
    f, inputs = GRAPHS["recurrent"]
    page = viz.player(f, *inputs)
    with opened(browser, page, tmp_path) as tab:
        tab.select_option("#view", label="repetitions once")
        shown = tab.evaluate(
            """() => player.steps.map((s, k) => { player.go(k + 1); const b = graph.place(s.node);
                return b.rounds.length > 1 ? [k, b.g.getAttribute('aria-label')] : null; }).filter(Boolean)"""
        )
        names = {n["key"]: n["name"] for n in page.data["nodes"]}
        assert len(shown) > 6
        for k, label in shown:
            assert label.startswith(names[page.data["steps"][k]["node"]] + ", round ")


def test_in_a_notebooks_frame_it_has_no_complaints(browser, tmp_path):
    path = tmp_path / "notebook.html"
    path.write_text(viz.player(twice, 2.0, -3.0)._repr_html_(), "utf-8")
    tab = browser.new_page()
    complaints = []
    tab.on("pageerror", lambda e: complaints.append(str(e)))
    tab.goto(f"file://{path}")
    frame = tab.frames[1]
    until(frame, READY)
    frame.click("#next")
    frame.evaluate("player.go(player.steps.length)")
    assert frame.evaluate("player.at() === player.steps.length")
    assert complaints == []
    tab.close()


@pytest.mark.parametrize("width", [640, 900])
def test_outputs_end_where_a_notebooks_cell_does(browser, width):
    rng = tg.random.default_rng(0)
    model = nn.Sequential(
        nn.Linear(4, 8, rng=rng), nn.Tanh(), nn.Linear(8, 8, rng=rng), nn.Tanh(), nn.Linear(8, 3, rng=rng)
    )
    x, w = tg.ones((8, 4)), tg.Tensor([1.0, 2.0], requires_grad=True)
    outputs = {
        "player": viz.player(w.sum()), "worksheet": viz.worksheet(w.sum() * 2), "compare": viz.compare(w * 2, w * 3),
        "graph": viz.draw(model, x, detail="values"),
    }  # fmt: skip
    tab = browser.new_page(viewport={"width": width, "height": 720})
    shown = (x._repr_svg_() if name == "graph" else x._repr_html_() for name, x in outputs.items())
    tab.set_content("".join(f'<div class="cell" style="overflow:auto">{x}</div>' for x in shown))
    over = tab.evaluate("[...document.querySelectorAll('.cell')].map(x => x.scrollWidth - x.clientWidth)")
    assert dict(zip(outputs, over, strict=True)) == dict.fromkeys(outputs, 0)
    tab.close()


def test_zoom_and_pan_by_wheel_and_fingers(browser, tmp_path):
    with opened(browser, viz.player(network, *network_inputs()), tmp_path, has_touch=True) as tab:
        x, _y, w, _h = seen(tab)
        tab.mouse.move(400, 200)
        tab.mouse.wheel(0, -100)
        until(tab, f"Number(document.getElementById('graph').getAttribute('viewBox').split(' ')[2]) < {w}")
        x, _y, w, _h = seen(tab)
        tab.mouse.wheel(100, 0)
        until(tab, f"Number(document.getElementById('graph').getAttribute('viewBox').split(' ')[0]) > {x}")
        assert seen(tab)[2] == w
        tab.evaluate(
            """() => { const stage = document.getElementById('stage');
                const touch = (type, id, x) => stage.dispatchEvent(new PointerEvent(type,
                    { pointerId: id, clientX: x, clientY: 200, bubbles: true, pointerType: 'touch' }));
                touch('pointerdown', 1, 300); touch('pointerdown', 2, 400);
                for (let k = 0; k <= 10; k++) touch('pointermove', 2, 400 + 10 * k);
                touch('pointerup', 1, 300); touch('pointerup', 2, 500); }"""
        )
        assert abs(seen(tab)[2] - w / 2) < 0.02 * w  # fingers twice as far apart: half as much is seen


def test_a_worksheet_is_graded_and_slips_are_explained(browser, tmp_path):
    page = viz.worksheet(course, 5.0, 3.0, 2.0)
    questions = page.data["worksheet"]["questions"]
    with opened(browser, page, tmp_path) as tab:
        tab.keyboard.press("End")
        assert "dc = ?" in text(tab, "#graph")
        assert "dc = 9" not in text(tab, "body")
        forms = tab.locator("#sheet form")
        assert forms.count() == len(questions) == 5
        number = next(k for k, q in enumerate(questions) if q["text"].startswith("dout/dc"))
        field, verdict = tab.locator(f"#q{number}"), forms.nth(number).locator("p")
        assert "asked" in forms.nth(number).get_attribute("class")  # the last step's: what did you expect?

        def answer(given):
            field.fill(given)
            field.press("Enter")
            return verdict.inner_text()

        assert "Write a number" in answer("nine")
        assert "the sign is not" in answer("-9")
        assert "multiply it by the local derivative 3" in answer("2") or "That is the value" in answer("2")
        assert "The chain rule multiplies; it does not add" in answer("6")
        assert "Look at the boxes before it" in answer("123")
        assert text(tab, "#score") == "0 of 5 right"
        assert answer("18/2").startswith("Right. dout/dc = 3 · 3 = 9")
        assert text(tab, "#score") == "1 of 5 right"
        assert "dc = 9" in text(tab, "#graph")
        assert "db = ?" in text(tab, "#graph")
        tab.check("#key")
        assert "db = 6" in text(tab, "#graph")
        assert forms.first.locator("p").inner_text().startswith("Answer: ")
        tab.uncheck("#key")
        assert "db = ?" in text(tab, "#graph")
        assert "dc = 9" in text(tab, "#graph")
        tab.emulate_media(media="print")
        tab.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        assert tab.locator("#sheet form input").first.is_visible()
        for part in ("#sheet button", "#key", "#score", "#all", "#step"):
            assert not tab.locator(part).first.is_visible()


@pytest.mark.parametrize("blanks", ["values", "gradients", "derivatives"])
def test_a_worksheet_does_not_tell_its_answers(browser, tmp_path, blanks):
    page = viz.worksheet(lambda a, b: tg.sin(a * b) * a, 1.3, 0.7, blanks=[blanks])
    nodes = page.data["nodes"]
    open_numbers = {n["summary"] for n in nodes if blanks != "values" or n["op"] is None} | {"1"}
    open_numbers |= {s["derivative"] for s in page.data["steps"] if s["phase"] == "backward" and blanks == "gradients"}
    open_numbers |= {n["grad_summary"] for n in nodes if blanks != "gradients"}
    answers = {q["shown"] for q in page.data["worksheet"]["questions"]} - open_numbers
    assert answers
    with opened(browser, page, tmp_path) as tab:
        words = tab.evaluate(
            """() => player.steps.flatMap((_, k) => { player.go(k + 1);
                for (const d of document.querySelectorAll('#step details')) { d.open = true; d.dispatchEvent(new Event('toggle')); }
                for (const b of player.boxes()) player.choose(b.key);
                return ['step', 'details', 'graph'].map((id) => document.getElementById(id).textContent)
                    .concat(document.getElementById('scrub').getAttribute('aria-valuetext'), player.boxes().map((b) => b.g.getAttribute('aria-label'))); })"""
        )
        assert [(a, w) for a in answers for w in words if a in w.replace("−", "-")] == []


def test_a_film_replays_values_gradients_and_loss(browser, tmp_path):
    film = viz.Film(frames=8)
    x, w = tg.Tensor([[1.0, 2.0], [3.0, 4.0]], name="x"), tg.Tensor([[0.5, -0.5]], requires_grad=True, name="w")
    for _ in range(16):
        loss = ((x * w - 1) ** 2).mean()
        film.record(loss)
        w.grad = None
        loss.backward()
        w.data = w.data - 0.05 * w.grad.data
    with opened(browser, film.page(), tmp_path) as tab:
        for k, frame in enumerate(film.kept):
            tab.locator("#scrub").fill(str(k))
            assert text(tab, "#framewords").startswith(f"Step {frame['step']}, loss ")
            shown = tab.evaluate(
                "Object.fromEntries([...nodes.keys()].map(k => [k, [state.text(k, 0), state.gradient(k)?.text, state.gradient(k)?.figure.values]]))"
            )
            for key, value in frame["values"].items():
                assert shown[key][0] == value
                assert shown[key][1] == frame["grads"].get(key)
                assert shown[key][2] == (frame["slopes"][key]["values"] if key in frame["slopes"] else None)
        assert tab.locator("#film svg.curve path").count() == 1
        tab.locator("#scrub").fill("0")
        strokes = "[...document.querySelectorAll('#graph .body')].map(r => r.style.strokeWidth).join()"
        drawn = tab.evaluate(strokes)
        tab.select_option("#speed", "60")
        tab.click("#play")
        until(tab, "document.getElementById('scrub').value === '7'")
        assert tab.evaluate(strokes) != drawn  # gradients of another size
        tab.keyboard.press("ArrowLeft")
        assert text(tab, "#count") == "6 of 7"


def test_a_step_changes_as_little_of_a_page_of_five_hundred_boxes_as_of_one_of_sixty(browser, tmp_path):
    changes = {}
    for rounds in (20, 166):
        x = tg.Tensor(0.5, requires_grad=True, name="x")
        y = x
        for k in range(rounds):
            y = tg.tanh(y * (1 + k / 1000)) + x
        with opened(browser, viz.player(y), tmp_path) as tab:
            tab.evaluate("player.detail(0)")
            assert tab.locator(".box").count() == 3 * rounds + 1
            changes[rounds] = tab.evaluate(
                """async () => {
                    let count = 0;
                    const seen = (found) => { count += found.length; };
                    const watch = new MutationObserver(seen), all = { subtree: true, attributes: true, childList: true };
                    watch.observe(document.body, { ...all, characterData: true });
                    for (let k = 1; k <= 40; k += 1) {
                        player.go(k);
                        await new Promise((done) => requestAnimationFrame(done));
                    }
                    seen(watch.takeRecords());
                    return count;
                }"""
            )
    assert 0 < changes[166] <= changes[20] * 1.1


def test_a_box_without_an_entry_is_looked_at_like_others(browser, tmp_path):
    with opened(browser, viz.player(lambda x: (x * 2).sum(), np.ones((0, 3))), tmp_path) as tab:
        for k in range(tab.locator(".box").count()):
            tab.locator(".box").nth(k).focus()
            tab.keyboard.press("Enter")
            assert text(tab, "#details h3")
            assert tab.locator("#details #number").count() == 0


def test_a_folded_box_shows_the_name_and_the_whole_array_of_a_part(browser, tmp_path):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(1, 3, 3)

        def forward(self, image):
            return tg.relu(self.conv(image)).sum()

    tg.manual_seed(0)
    with opened(browser, viz.player(Net(), np.ones((2, 1, 8, 8))), tmp_path) as tab:
        tab.select_option("#view", label="modules")
        tab.keyboard.press("End")
        assert "conv.weight" in text(tab, "#lessonpane h2")
        assert tab.locator(".box.gets .value .numeral").text_content() == "weight"
        picture, body = (tab.locator(f".box.gets {part}").first.bounding_box() for part in (".value .small", ".body"))
        assert picture["width"] > 10
        assert body["x"] < picture["x"] < picture["x"] + picture["width"] < body["x"] + body["width"]
        assert body["y"] < picture["y"] < picture["y"] + picture["height"] < body["y"] + body["height"]


@pytest.mark.parametrize("width", [1280, 390])
def test_a_formula_goes_on_in_the_line_below_and_says_the_same(browser, tmp_path, width):
    long = ["a_factor_of_a_long_name", "another_factor_of_a_long_name", "a_third_one_that_is_longer_still"]

    def f(x):
        parts = [tg.Tensor(v, requires_grad=True, name=name) for v, name in zip((2.0, 3.0, 4.0), long, strict=True)]
        return (parts[0] * x + parts[1]) * (parts[2] - x * parts[0]) / parts[1]

    page = viz.player(f, 0.5)
    with opened(browser, page, tmp_path, viewport={"width": width, "height": 844}) as tab:
        found = tab.evaluate(
            """() => player.steps.flatMap((_, k) => { player.go(k + 1); return [...document.querySelectorAll("#step .formula")].map((e) =>
                [e.textContent, e.scrollWidth - e.clientWidth, e.children.length, formula.whole(e).textContent]); })"""
        )
    assert all(over <= 1 and text == whole for text, over, _, whole in found)
    assert any(lines > 1 for _, _, lines, _ in found)


def test_what_a_folded_box_shows_is_a_picture_or_whole_numbers(browser, tmp_path):
    model = nn.Sequential(nn.Linear(6, 12), nn.Tanh(), nn.Linear(12, 2))
    page = viz.player(lambda x: (model(x) ** 2).mean(), tg.ones((3, 6)))
    cut = """() => player.steps.flatMap((_, k) => { player.go(k + 1);
        return [...document.querySelectorAll(".numeral")].map((e) => e.textContent).filter((t) => /[0-9].*…/.test(t)); })"""
    pictures = "document.querySelectorAll('.small .tile').length"
    with opened(browser, page, tmp_path) as tab:
        for level in range(tab.locator("#view option").count()):
            tab.evaluate(f"player.detail({level})")
            assert tab.evaluate(cut) == []
        assert tab.evaluate(f"player.steps.some((_, k) => (player.go(k + 1), {pictures} > 0))")


def test_on_a_phone_the_step_comes_near_where_the_whole_is_too_small_until_the_whole_is_asked_for(browser, tmp_path):
    cell = nn.LSTMCell(1, 3)

    def unrolled(x):
        h, c = tg.zeros((1, 3)), tg.zeros((1, 3))
        for t in range(14):
            h, c = cell(x[t], (h, c))
        return h.sum()

    options = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "reduced_motion": "reduce"}
    scale = "document.getElementById('graph').getScreenCTM().a"
    marked = """() => { const s = document.getElementById("stage").getBoundingClientRect(), r = document.querySelector(".box.now").getBoundingClientRect();
        return r.left >= s.left - 8 && r.right <= s.right + 8 && r.top >= s.top - 8 && r.bottom <= s.bottom + 8; }"""
    with opened(browser, viz.player(unrolled, tg.ones((14, 1, 1))), tmp_path, **options) as tab:
        whole = tab.evaluate(scale)
        assert whole < 0.55
        for _ in range(30):
            tab.locator("#next").tap()
            assert tab.evaluate(scale) > 0.55
            assert tab.evaluate(marked)
        tab.keyboard.press("Home")
        assert tab.evaluate(scale) == pytest.approx(whole)
        tab.locator("#next").tap()
        tab.locator("#fit").tap()
        tab.locator("#next").tap()
        assert tab.evaluate(scale) == pytest.approx(whole)


def odd_numbers():
    x = tg.Tensor(np.array([np.nan, np.inf, -np.inf, 1e-300, -5e-324]), requires_grad=True)
    z = tg.Tensor(np.array([[1 + 2j, 3 - 1e-9j], [0j, -0.25 + 0.6j]]), requires_grad=True)
    nothing = tg.Tensor(np.zeros((0, 3)), requires_grad=True)
    with np.errstate(all="ignore"):
        return (x * 1e-5).sum() + abs(z @ z).sum() + nothing.sum()


def forty_rounds():
    x = tg.Tensor(0.5, requires_grad=True)
    for _ in range(40):
        x = tg.sin(x) + x * 0.1
    return x


def many_inputs():
    xs = [tg.Tensor(float(k), requires_grad=True, name=f"x{k}") for k in range(40)]
    return tg.stack(xs).sum() * xs[0]


@pytest.mark.parametrize("make", [odd_numbers, forty_rounds, many_inputs])
def test_no_number_is_cut_wider_than_its_cell_or_written_unlike_python(browser, tmp_path, make):
    faults = """() => player.steps.flatMap((_, k) => { if (k % 6) return []; player.go(k + 1);
        const texts = [...document.querySelectorAll(".numeral, .entry, .box > .name:first-of-type")], wide = [...document.querySelectorAll("#graph .cell")].filter((c) =>
            c.nextSibling.textContent && c.nextSibling.getBBox().width > c.getBBox().width);
        return [...texts.map((e) => e.textContent).filter((t) => /NaN|Infinity|…/.test(t)), ...wide.map((c) => c.nextSibling.textContent)]; })"""
    unmarked = """() => player.steps.filter((s, k) => { player.go(k + 1);
        const [from, to] = [s.node, s.user].map((key) => player.boxes().find((b) => b.members.includes(key)));
        return s.phase === "backward" && from !== to && !document.querySelector(".edge.back"); }).length"""
    with opened(browser, viz.player(make()), tmp_path) as tab:
        for level in range(tab.locator("#view option").count()):
            tab.evaluate(f"player.detail({level})")
            assert tab.evaluate(faults) == []
            assert tab.evaluate(unmarked) == 0
