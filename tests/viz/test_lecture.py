"""A lecture: steps of one size, an SVG that plays by itself, pages of a PDF; what is shown when is the order of the passes."""

import re
import struct
import xml.etree.ElementTree as ElementTree
from itertools import pairwise

import numpy as np
import pytest
from pypdf import PdfReader

from tinygrad_edu import nn, viz

from .layout import layout


def squeezed(text):
    """Letters and digits alone, as a reader of PDF files sets spaces by its own measure."""
    return re.sub(r"\W", "", text)


def course(a, b, c):
    u = b * c
    v = a + u
    J = 3 * v
    return J


@pytest.fixture(scope="module")
def lecture():
    return viz.lecture(course, 5.0, 3.0, 2.0)


def test_the_captions_are_the_two_passes(lecture):
    assert lecture.captions == [
        "given: a, b, c", "u = b · c = 6", "v = a + u = 11", "J = 3v = 33",
        "dJ = 1", "dv += dJ · 3", "da += dv,  du += dv", "db += du · c,  dc += du · b",
    ]  # fmt: skip


def seen(svg):
    """The words that stand in boxes and can be seen there."""
    found = set()
    for group in re.findall(r'<g id="[^"]*" class="node">.*?(?=<!--|</svg>)', svg, flags=re.S):
        fill = re.search(r'fill="(#\w+)"', group)[1]
        found |= {
            text
            for colour, text in re.findall(r'<text [^>]*?(?: fill="(#\w+)")?>([^<]*)</text>', group)
            if colour != fill
        }
    return {word.strip() for word in found}


def test_a_step_shows_what_is_known_and_nothing_else(lecture):
    shown = [seen(step.svg()) for step in lecture.steps]
    assert {"a", "5", "b", "3", "c", "2"} == shown[0]
    assert "u = b · c" in shown[1] - shown[0]
    assert not any("d" in word and "=" in word for word in shown[3])
    assert "dv = 3" in shown[5] - shown[4]
    assert {"db = 6", "dc = 9"} <= shown[7] - shown[6]
    assert all(before <= after for before, after in pairwise(shown))


def test_nothing_moves_from_step_to_step(lecture):
    def places(step):
        rows = [line.split() for line in layout(step.source).splitlines() if line.startswith("node ")]
        return {row[1]: row[2:6] for row in rows}

    first = places(lecture.steps[0])
    assert len(first) == 11
    assert all(places(step) == first for step in lecture.steps)


def test_the_animation_is_one_file_without_a_script(lecture, tmp_path):
    text = lecture.svg()
    assert lecture.save(tmp_path / "x.svg") == str(tmp_path / "x.svg")
    root = ElementTree.fromstring(text.replace("xlink:", ""))
    assert not [e for e in root.iter() if e.tag.endswith(("script", "image"))]
    assert len(text) < 3 * len(lecture.steps[-1].svg())
    assert "@media (prefers-reduced-motion: reduce)" in text
    times = {m[1]: m[0] for m in re.findall(r"(@keyframes (s[\d-]+)\{)", text)}
    assert {f"s{k}-{k + 1}" for k in range(8)} <= set(times)  # a caption for each step
    assert text.count('class="s5-8"') >= 2  # what flows back to v, and its gradient
    assert lecture.svg() == text


def test_slides_are_pictures_of_one_size_and_pages_of_one_file(lecture, tmp_path):
    sizes = set()
    for path in lecture.slides(tmp_path / "slides"):
        with open(path, "rb") as file:
            sizes.add(struct.unpack(">II", file.read(24)[16:]))
    assert len(sizes) == 1
    lecture.save(tmp_path / "x.pdf")
    pages = PdfReader(tmp_path / "x.pdf").pages
    assert len({(page.mediabox.width, page.mediabox.height) for page in pages}) == 1
    texts = [page.extract_text() for page in pages]
    assert len(texts) == len(lecture) == 8
    for k, words in enumerate(lecture.captions):
        assert squeezed(words) in squeezed(texts[k])
    with pytest.raises(ValueError, match="save: a lecture is written as svg or pdf; got 'gif'"):
        lecture.save("x.gif")


def test_a_model_whose_layers_are_boxes_is_shown_too():
    found = viz.lecture(nn.Sequential(nn.LayerNorm(3), nn.Linear(3, 2)), np.ones((4, 5, 3), np.float32))
    assert any("LayerNorm" in words for words in found.captions)
    assert found.steps[-1].source.count("style=invis") == 0
    hidden = [step.source.count("invis") for step in found.steps]
    assert hidden == sorted(hidden, reverse=True)
