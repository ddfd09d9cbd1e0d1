"""What the documentation says and the examples do: every block and every program is run."""

import base64
import doctest
import re
import runpy
import sys
import zlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples" / "seeing").glob("*.py"))
QUICK = [p for p in EXAMPLES if p.stem != "course_pictures"]


def test_the_page(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "docs" / "seeing.md").read_text("utf-8")
    blocks = [part.partition("```")[0] for part in text.split("```python\n")[1:]]
    test = doctest.DocTestParser().get_doctest("".join(blocks), {"__name__": "docs"}, "seeing.md", None, 0)
    messages = []
    doctest.DocTestRunner().run(test, out=messages.append, clear_globs=False)
    assert "".join(messages) == ""
    assert (tmp_path / "out" / "backprop.html").exists()


def test_the_pictures_and_links_of_the_page_are_there():
    text = (ROOT / "docs" / "seeing.md").read_text("utf-8")
    links = re.findall(r"\]\((seeing/[^)]+)\)", text)
    assert len(links) >= 9
    for link in links:
        assert (ROOT / "docs" / link).stat().st_size > 1000


@pytest.mark.parametrize("path", QUICK, ids=lambda p: p.stem)
def test_examples_run(path, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(path)])
    runpy.run_path(str(path), run_name="__main__")
    said = capsys.readouterr().out
    assert said
    for word in said.split():
        if word.startswith("out/") and "." in word:
            assert (tmp_path / word).stat().st_size > 500


def test_the_course_pictures_are_those_of_the_docs(tmp_path, monkeypatch):
    pytest.importorskip("matplotlib", reason="plots of the course need matplotlib")
    monkeypatch.setattr(sys, "argv", ["course_pictures", str(tmp_path)])
    runpy.run_path(str(ROOT / "examples" / "seeing" / "course_pictures.py"), run_name="__main__")
    made = {p.name for p in tmp_path.iterdir()}
    kept = {p.name for p in (ROOT / "docs" / "seeing").iterdir() if p.name.startswith("row")}
    assert kept <= made
    graphs = [name for name in kept if "graphviz" in (ROOT / "docs" / "seeing" / name).read_text("utf-8")]
    assert len(graphs) >= 4
    for name in graphs:
        assert words(tmp_path / name) == words(ROOT / "docs" / "seeing" / name)
    assert unpacked(tmp_path / "backprop.html") == unpacked(ROOT / "docs" / "seeing" / "backprop.html")


def words(path):
    """What a picture says: one version of Graphviz places it otherwise than the next."""
    return sorted(" ".join(found.split()) for found in re.findall("<text[^>]*>([^<]*)<", path.read_text("utf-8")))


def unpacked(path):
    """A page with what it holds packed: one compressor writes other letters than the next."""
    before, _, rest = path.read_text("utf-8").partition('id="packed">')
    packed, _, after = rest.partition("<")
    return before, zlib.decompress(base64.b64decode(packed)), after
