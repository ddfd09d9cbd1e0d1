"""The player in a real browser, headless: what a reader sees, by mouse, by keyboard, by ear."""

import shutil
from contextlib import contextmanager

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn, viz

from .test_player import GRAPHS, network, network_inputs, training, twice

playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")

FLAGS = [
    "--no-sandbox", "--headless", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


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
    """A browser page on a saved player; no complaint and no request to the network may come of it."""
    path = tmp_path / "player.html"
    page.save(path)
    tab = browser.new_page(viewport={"width": 1280, "height": 720}, **options)
    complaints, requests = [], []
    tab.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
    tab.on("pageerror", lambda e: complaints.append(str(e)))
    tab.on("request", lambda r: requests.append(r.url))
    tab.goto(f"file://{path}{place}")
    yield tab
    assert complaints == []
    assert all(url.startswith(("file://", "data:")) for url in requests)
    assert len({url.partition("#")[0] for url in requests}) == 1
    tab.close()


def at(tab):
    return int(tab.locator("#scrub").input_value())


def text(tab, where):
    return tab.locator(where).text_content()


@pytest.mark.parametrize("name", GRAPHS)
def test_the_numbers_shown_at_every_step_are_the_engines(browser, tmp_path, name):
    f, inputs = GRAPHS[name]
    page = viz.player(f, *inputs)
    steps = page.data["steps"]
    with opened(browser, page, tmp_path) as tab:
        shown = tab.evaluate(
            """count => Array.from({length: count + 1}, (_, k) => {
                player.go(k);
                return {
                    boxes: Object.fromEntries(player.boxes().map(b => [b.key, [b.value.textContent, b.grad.textContent]])),
                    rows: [...document.querySelectorAll('#step td')].map(td => td.textContent),
                    sum: document.querySelector('#step .sum')?.textContent,
                };
            })""",
            len(steps),
        )
    values = {n["key"]: n["summary"] for n in page.data["nodes"] if n["op"] is None}
    grads = {}
    for k, state in enumerate(shown):
        if k:
            s = steps[k - 1]
            (values if s["phase"] == "forward" else grads)[s["node"]] = s["after"]
            assert state["sum"] == s["text"]
            if s["phase"] == "backward":
                assert s["product"] in state["rows"]
                assert f"{s['incoming_name']} = {grads[s['user']]}" in state["rows"]
                assert (s["before"] is None) == (s["use"] == 1)
        for key, (value, grad) in state["boxes"].items():
            assert same(value, values.get(key, ""))
            assert same(grad.partition(" = ")[2], grads.get(key, ""))


def until(tab, condition):
    """Wait for a condition; the page's own policy forbids Playwright's way, which evaluates text in the page."""
    for _ in range(100):
        if tab.evaluate(condition):
            return
        tab.wait_for_timeout(50)
    raise AssertionError(f"never came true: {condition}")


def same(seen, full):
    """A long text may be cut in a box, its mean first."""
    return seen in (full, full.partition("; mean")[0]) or (seen.endswith("…") and full.startswith(seen[:-1]))


def test_every_control(browser, tmp_path):
    with opened(browser, viz.player(twice, 2.0, -3.0), tmp_path) as tab:
        last = int(tab.locator("#scrub").get_attribute("max"))
        for button, expected in [("next", 1), ("next", 2), ("back", 1), ("last", last), ("first", 0)]:
            tab.click(f"#{button}")
            assert at(tab) == expected
        tab.locator("#scrub").fill("4")
        assert at(tab) == 4
        assert tab.locator("#scrub").get_attribute("aria-valuetext") == tab.locator("#step .sum").inner_text()
        assert text(tab, "#count") == f"4 of {last}"
        tab.select_option("#speed", "60")
        tab.click("#play")
        until(tab, f"player.at() === {last}")
        assert text(tab, "#play") == "Play"
        tab.click("#play")
        tab.click("#play")
        assert text(tab, "#play") == "Play"
        before = tab.get_attribute("#graph", "viewBox")
        tab.click("#in")
        assert float(tab.get_attribute("#graph", "viewBox").split()[2]) < float(before.split()[2])
        tab.click("#out")
        tab.click("#fit")
        tab.click("#dark")
        assert "dark" in tab.get_attribute("html", "class")
        tab.click("#dark")
        tab.fill("#search", "p")
        tab.press("#search", "Enter")
        assert "p = a * b" in text(tab, "#details")
        tab.fill("#search", "nobody")
        tab.press("#search", "Enter")
        assert text(tab, "#hover") == "No box is called nobody"
        tab.locator(".box", has_text="tanh(a)").click()
        assert "tanh(a)" in text(tab, "#details h2")
        assert "to a" in text(tab, "#details")
        tab.locator("#all summary").click()
        tab.locator("#list li").nth(last - 1).wait_for()
        assert tab.locator("#list li").count() == last
        tab.locator("#list li button").nth(2).click()
        assert at(tab) == 3
        assert tab.locator("#list [aria-current=step]").count() == 1


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


def test_without_a_mouse_and_by_ear(browser, tmp_path):
    with opened(browser, viz.player(twice, 2.0, -3.0), tmp_path) as tab:
        stops = []
        for _ in range(24):
            tab.keyboard.press("Tab")
            stops.append(
                tab.evaluate(
                    "document.activeElement.id || document.activeElement.getAttribute('class') || document.activeElement.tagName"
                )
            )
        assert stops[1:7] == ["first", "back", "play", "next", "last", "scrub"]
        assert sum("box" in stop.split() for stop in stops) == 6
        tab.keyboard.press("Home")
        tab.locator(".box").nth(2).focus()
        tab.keyboard.press("Enter")
        assert tab.locator("#details").is_visible()
        unnamed = tab.evaluate(
            """() => [...document.querySelectorAll('button, input, select, [role=button]')].filter(e =>
                !e.getAttribute('aria-label') && !e.textContent.trim() && !e.closest('label') && !e.labels?.length).length"""
        )
        assert unnamed == 0
        tab.keyboard.press("End")
        label = tab.locator(".box", has_text="p = a * b").get_attribute("aria-label")
        assert label == "p = a * b, value -6, gradient -12"
        assert tab.locator("#step").get_attribute("aria-live") == "polite"
        assert tab.locator("[role=toolbar]").count() == 1
        assert tab.locator("html").get_attribute("lang") == "en"


def contrast(a, b):
    def light(rgb):
        parts = [v / 255 for v in rgb]
        parts = [v / 12.92 if v <= 0.03928 else ((v + 0.055) / 1.055) ** 2.4 for v in parts]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    high, low = sorted((light(a), light(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_in_light_and_dark(browser, tmp_path, scheme):
    with opened(browser, viz.player(twice, 2.0, -3.0), tmp_path, "#step=9", color_scheme=scheme) as tab:
        colours = tab.evaluate(
            """() => { const css = e => getComputedStyle(document.querySelector(e));
                const rgb = s => s.match(/[0-9]+/g).slice(0, 3).map(Number);
                return [rgb(css('body').backgroundColor), rgb(css('body').color), rgb(css('th').color)]; }"""
        )
        assert contrast(colours[0], colours[1]) > 7
        assert contrast(colours[0], colours[2]) > 4.5
        assert (colours[0][0] < 60) == (scheme == "dark")
        fills = tab.evaluate("[...document.querySelectorAll('.box rect')].map(r => r.getAttribute('fill'))")
        for fill in fills:
            rgb = [int(fill[i : i + 2], 16) for i in (1, 3, 5)]
            assert contrast(rgb, (0x1A, 0x1A, 0x1A)) > 7
            assert contrast(rgb, (0xA6, 0x3F, 0x00)) > 4.5


def test_reduced_motion_is_honoured(browser, tmp_path):
    for wish, animated in [("reduce", "none"), ("no-preference", "flow")]:
        with opened(browser, viz.player(twice, 2.0, -3.0), tmp_path, "#step=9", reduced_motion=wish) as tab:
            assert (
                tab.evaluate("getComputedStyle(document.querySelector('.edge.back .line')).animationName") == animated
            )


def test_links_to_a_step(browser, tmp_path):
    with opened(browser, viz.player(twice, 2.0, -3.0), tmp_path, "#step=5") as tab:
        assert at(tab) == 5
        tab.keyboard.press("ArrowRight")
        assert tab.url.endswith("#step=6")
        tab.evaluate("location.hash = '#step=2'")
        until(tab, "player.at() === 2")


def test_pointing_at_an_arrow_shows_its_formula(browser, tmp_path):
    with opened(browser, viz.player(network, *network_inputs()), tmp_path) as tab:
        tab.click("#fit")
        tab.locator(".edge .hit").first.dispatch_event("mouseenter")
        assert "+=" in text(tab, "#hover")
        titles = tab.locator(".edge title").all_text_contents()
        assert any(" @ " in t and "(3,5)(5,2)" in t for t in titles)
        assert any("sum over axis 1, because b1 (3,1) was broadcast to (3,5)" in t for t in titles)


def test_nothing_is_cut_or_overlaps(browser, tmp_path):
    with opened(browser, viz.player(network, *network_inputs()), tmp_path) as tab:
        tab.keyboard.press("End")
        spilled = tab.evaluate(
            """() => [...document.querySelectorAll('.box')].filter(g => { const r = g.querySelector('rect').getBBox();
                return [...g.querySelectorAll('text')].some(t => { const b = t.getBBox();
                    return b.width && (b.x < r.x - 1 || b.x + b.width > r.x + r.width + 1 || b.y + b.height > r.y + r.height + 1); }); }).length"""
        )
        assert spilled == 0
        for width in (1280, 800, 390):
            tab.set_viewport_size({"width": width, "height": 720})
            assert tab.evaluate("document.documentElement.scrollWidth") <= width


def test_a_graph_a_little_wider_than_its_place_is_not_cut_at_the_rim(browser, tmp_path):
    rng = tg.random.default_rng(0)
    net = nn.Sequential(nn.Linear(3, 4, rng=rng), nn.Tanh(), nn.Linear(4, 1, rng=rng))
    with opened(browser, viz.player(net, np.ones((5, 3), np.float32)), tmp_path, "#step=9") as tab:
        outside = tab.evaluate(
            """() => { const s = document.getElementById("stage").getBoundingClientRect();
                return [...document.querySelectorAll("#graph rect")].map(r => r.getBoundingClientRect())
                    .filter(r => r.left < s.left || r.right > s.right).length; }"""
        )
        assert outside == 0


def test_printing_leaves_the_buttons_out_and_lists_the_steps(browser, tmp_path):
    with opened(browser, viz.player(twice, 2.0, -3.0), tmp_path) as tab:
        tab.emulate_media(media="print")
        assert not tab.locator("#bar").is_visible()
        assert tab.locator("#graph").is_visible()
        tab.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        assert tab.locator("#list li").count() > 5
        assert tab.pdf().startswith(b"%PDF")


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


def test_modules_and_repetitions_fold_and_unfold(browser, tmp_path):
    from .test_draw import Net

    with opened(browser, viz.player(Net(), np.ones((5, 3))), tmp_path) as tab:
        boxes = tab.locator(".box").count()
        tab.select_option("#view", label="modules folded")
        assert tab.locator(".box").count() < boxes
        assert "first: 1 operation" in text(tab, "#graph")
        for _ in range(6):
            tab.keyboard.press("ArrowRight")
        assert at(tab) == 6
        tab.select_option("#view", label="everything")
        assert tab.locator(".box").count() == boxes


def test_a_worksheet_is_graded_and_slips_are_explained(browser, tmp_path):
    page = viz.worksheet(lambda a, b, c: 3 * (a + b * c), 5.0, 3.0, 2.0)
    questions = page.data["worksheet"]["questions"]
    with opened(browser, page, tmp_path) as tab:
        tab.keyboard.press("End")
        assert "dc = ?" in text(tab, "#graph")
        assert "dc = 9" not in text(tab, "body")
        forms = tab.locator("#sheet form")
        assert forms.count() == len(questions) == 5
        number = next(k for k, q in enumerate(questions) if q["text"].startswith("dout/dc"))
        field, verdict = tab.locator(f"#q{number}"), forms.nth(number).locator("p")

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


def test_a_film_replays_values_gradients_and_loss(browser, tmp_path):
    film = viz.Film(frames=8)
    training(film)
    page = film.page()
    with opened(browser, page, tmp_path) as tab:
        for k, frame in enumerate(film.kept):
            tab.locator("#frame").fill(str(k))
            assert text(tab, "#framewords").startswith(f"Step {frame['step']}, loss ")
            assert (
                tab.locator(".box", has_text="dw = ").locator(".grad").text_content() == f"dw = {frame['grads']['n0']}"
            )
        assert tab.locator("svg.curve path").count() == 1
        assert not tab.locator("#step").is_visible()  # a film is not about one step
        assert not tab.locator("#next").is_visible()
        tab.locator("#frame").fill("0")
        first = tab.locator(".box rect").first.get_attribute("fill")
        tab.click("#run")
        until(tab, "document.getElementById('frame').value === '7'")
        assert tab.locator(".box rect").first.get_attribute("fill") != first


@pytest.mark.long
def test_five_hundred_boxes_step_at_thirty_frames_a_second(browser, tmp_path):
    x = tg.Tensor(0.5, requires_grad=True, name="x")
    y = x
    for k in range(166):
        y = tg.tanh(y * (1 + k / 1000)) + x
    page = viz.player(y)
    views = page.data["views"]
    assert max(len(v["boxes"]) for v in views) >= 498
    whole = max(range(len(views)), key=lambda k: len(views[k]["boxes"]))
    with opened(browser, page, tmp_path) as tab:
        tab.select_option("#view", str(whole))
        tab.evaluate("document.activeElement.blur()")
        clock = tab.context.new_cdp_session(tab)
        clock.send("Performance.enable", {"timeDomain": "threadTicks"})  # the page's own time, whatever else runs

        def spent():
            return {m["name"]: m["value"] for m in clock.send("Performance.getMetrics")["metrics"]}["TaskDuration"]

        before, steps = spent(), 100
        tab.evaluate(
            """steps => new Promise(done => { let k = 0;
                const tick = () => { player.go(k); if (++k === steps) done(); else requestAnimationFrame(tick); };
                requestAnimationFrame(tick); })""",
            steps,
        )
        assert 0 < (spent() - before) / steps <= 1 / 30


def test_a_frame_folds_and_unfolds_where_it_stands(browser, tmp_path):
    model = nn.Sequential(nn.Linear(3, 4), nn.Sequential(nn.Tanh(), nn.Linear(4, 4)), nn.Linear(4, 1))
    page = viz.player(model, np.ones((5, 3), dtype=np.float32))
    with opened(browser, page, tmp_path) as tab:
        boxes, frames = tab.locator(".box"), tab.locator(".fold")
        before, count = boxes.count(), frames.count()
        tab.locator(".fold", has_text="▾ 1").first.click()
        folded = tab.locator(".box[aria-expanded=false]")
        assert folded.count() == 1
        assert "1: 2 operations" in folded.text_content()
        assert boxes.count() < before
        assert frames.count() == count - 3  # itself, and what is inside
        assert tab.evaluate("document.activeElement.getAttribute('aria-expanded')") == "false"
        overlapping = tab.evaluate(
            """() => { const b = player.boxes(); return b.filter((p, i) => b.slice(0, i).some(q =>
                Math.abs(p.x - q.x) < (p.w + q.w) / 2 - 1 && Math.abs(p.y - q.y) < (p.h + q.h) / 2 - 1)).length; }"""
        )
        assert overlapping == 0
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
        tab.keyboard.press("Enter")
        assert folded.count() == 1
        tab.select_option("#view", label="modules folded (1)")
        assert folded.count() == 3
        folded.first.click()
        assert folded.count() == 2


def test_in_a_notebooks_frame_it_has_no_complaints(browser, tmp_path):
    path = tmp_path / "notebook.html"
    path.write_text(viz.player(twice, 2.0, -3.0)._repr_html_(), "utf-8")
    tab = browser.new_page()
    complaints = []
    tab.on("pageerror", lambda e: complaints.append(str(e)))
    tab.goto(f"file://{path}")
    frame = tab.frames[1]
    frame.click("#next")
    frame.click("#last")
    assert frame.evaluate("player.at() === player.steps.length")
    assert complaints == []
    tab.close()


def test_zoom_and_pan_by_wheel_keys_and_fingers(browser, tmp_path):
    with opened(browser, viz.player(network, *network_inputs()), tmp_path, has_touch=True) as tab:

        def seen():
            return [float(v) for v in tab.get_attribute("#graph", "viewBox").split()]

        tab.keyboard.press("0")
        x, y, w, _h = seen()
        tab.keyboard.press("Shift+ArrowRight")
        tab.keyboard.press("Shift+ArrowDown")
        assert seen()[0] > x
        assert seen()[1] > y
        assert at(tab) == 0
        tab.mouse.move(400, 400)
        tab.mouse.wheel(0, -100)
        until(tab, f"Number(document.getElementById('graph').getAttribute('viewBox').split(' ')[2]) < {w}")
        x, w = seen()[0], seen()[2]
        tab.mouse.wheel(100, 0)
        until(tab, f"Number(document.getElementById('graph').getAttribute('viewBox').split(' ')[0]) > {x}")
        assert seen()[2] == w
        tab.evaluate(
            """() => { const stage = document.getElementById('stage');
                const touch = (type, id, x) => stage.dispatchEvent(new PointerEvent(type,
                    { pointerId: id, clientX: x, clientY: 400, bubbles: true, pointerType: 'touch' }));
                touch('pointerdown', 1, 300); touch('pointerdown', 2, 400);
                for (let k = 0; k <= 10; k++) touch('pointermove', 2, 400 + 10 * k);
                touch('pointerup', 1, 300); touch('pointerup', 2, 500); }"""
        )
        assert abs(seen()[2] - w / 2) < 0.02 * w  # fingers twice as far apart: half as much is seen


def test_a_worksheet_on_paper_is_questions_with_room_for_answers(browser, tmp_path):
    page = viz.worksheet(lambda a, b, c: 3 * (a + b * c), 5.0, 3.0, 2.0)
    with opened(browser, page, tmp_path) as tab:
        tab.emulate_media(media="print")
        tab.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        assert tab.locator("#sheet form input").first.is_visible()
        for part in ("#sheet button", "#key", "#score", "#all", "#step"):
            assert not tab.locator(part).first.is_visible()


def test_a_worksheet_does_not_tell_its_answers(browser, tmp_path):
    page = viz.worksheet(lambda a, b: tg.sin(a * b) * a, 1.3, 0.7, blanks=["values"])
    answers = {q["shown"] for q in page.data["worksheet"]["questions"]}
    with opened(browser, page, tmp_path) as tab:
        assert text(tab, "#graph").count("?") == 3  # from the start
        words = tab.evaluate(
            """() => player.steps.map((_, k) => { player.go(k + 1);
                return document.getElementById('step').textContent + document.getElementById('scrub').getAttribute('aria-valuetext'); })"""
        )
        told = [(a, w) for a in answers for w in words if f"= {a}" in w or f"· {a}" in w or f"* {a}" in w]
        assert told == []


def test_a_wide_graph_is_printed_in_strips(browser, tmp_path):
    def deep(x):
        for _ in range(30):
            x = tg.tanh(x)
        return x

    with opened(browser, viz.player(deep, 0.5), tmp_path) as tab:
        wide = tab.evaluate("player.view().width")
        tab.emulate_media(media="print")
        tab.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        strips = tab.locator(".strip")
        assert strips.count() == -(-int(wide) // 1300)
        letters = tab.evaluate("document.querySelector('.strip').getBoundingClientRect().width / 1344 * 12")
        assert letters > 7  # on a page as wide as the window
        assert tab.pdf().startswith(b"%PDF")
        tab.evaluate("window.dispatchEvent(new Event('afterprint'))")
        assert strips.count() == 0


def test_of_a_long_path_the_end_is_kept(browser, tmp_path):
    inner = nn.Sequential(nn.Linear(2, 2))
    for _ in range(6):
        inner = nn.Sequential(nn.Sequential(inner))
    with opened(browser, viz.player(inner, np.ones((1, 2), dtype=np.float32)), tmp_path) as tab:
        titles = tab.locator(".box .title").all_text_contents()
        assert {"…weight", "…bias"} <= set(titles)
        assert "0.0.0" in tab.locator(".box", has_text="…weight").first.get_attribute("aria-label")


def test_a_film_keeps_its_colours_when_a_frame_is_folded(browser, tmp_path):
    h = tg.Tensor([0.5, -0.5], requires_grad=True, name="x")
    for _ in range(12):
        h = tg.tanh(h * 0.5) + 0.1
    film = viz.Film()
    film.record((h * h).sum())
    with opened(browser, film.page(), tmp_path) as tab:
        tab.select_option("#view", label="repetitions folded")
        fills = "[...document.querySelectorAll('.box > rect')].map(r => r.getAttribute('fill'))"
        before = tab.evaluate(fills)
        assert len(set(before)) > 1
        tab.locator(".fold").first.click()
        tab.locator(".box[aria-expanded=false]").click()
        assert tab.evaluate(fills) == before


FOLD_AT_RANDOM = """seed => {
  let state = seed; const bad = [], random = (n) => (state = (state * 1103515245 + 12345) % 2147483648) % n;
  const apart = (a, b) => Math.abs(a.x - b.x) >= (a.w + b.w) / 2 - 1 || Math.abs(a.y - b.y) >= (a.h + b.h) / 2 - 1;
  const middle = (f) => ({ x: f.x + f.w / 2, y: f.y + f.h / 2, w: f.w, h: f.h });
  player.data.views.forEach((view, which) => {
    player.draw(which);
    for (let n = 0; n < 12; n++) {
      const all = [...document.querySelectorAll('#graph [data-frame]')].map((e) => e.dataset.frame);
      if (!all.length) return;
      player.toggle(all[random(all.length)]);
      player.go(random(player.steps.length));
      const boxes = player.boxes(), members = boxes.flatMap((b) => b.members);
      boxes.forEach((a, i) => boxes.slice(0, i).forEach((b) => { if (!apart(a, b)) bad.push([view.label, a.title, b.title]); }));
      for (const f of player.view().frames) for (const b of boxes) {
        const within = b.path.slice(0, f.path.length).join('/') === f.id;
        if (within === apart(middle(f), b)) bad.push([view.label, f.label, b.title]);
      }
      if (new Set(members).size !== members.length || document.getElementById('graph').innerHTML.includes('NaN')) bad.push(view.label);
    }
  });
  return bad;
}"""


def test_whatever_is_folded_boxes_and_frames_keep_apart(browser, tmp_path):
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner, self.norm = nn.Linear(3, 3), nn.LayerNorm(3)

        def forward(self, x):
            return x + tg.tanh(self.inner(self.norm(x)))

    blocks = nn.Sequential(*[Block() for _ in range(4)])
    with opened(browser, viz.player(blocks, np.ones((2, 3), dtype=np.float32)), tmp_path) as tab:
        assert len(tab.locator("#view option").all()) >= 4
        for seed in (1, 2, 3):
            assert tab.evaluate(FOLD_AT_RANDOM, seed) == []
