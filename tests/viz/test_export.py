"""JSON and networkx: the documented form, the same numbers, golden text."""

import copy
import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import viz
from tinygrad_edu.viz.pictures import render

GOLDEN = Path(__file__).parent / "golden" / "course.json"
FIELDS = {
    "key", "name", "title", "named", "op", "kind", "inputs", "shape", "dtype", "summary", "value", "grad",
    "grad_summary", "attributes", "module", "site",
}  # fmt: skip


def course(a, b, c):
    u = b * c
    v = a + u
    return 3 * v


def test_golden_json():
    text = viz.to_json(course, 5.0, 3.0, 2.0)
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text()


def test_the_documented_fields_and_no_others():
    data = json.loads(viz.to_json(course, 5.0, 3.0, 2.0))
    assert data["schema"] == "tinygrad_edu.graph/1"
    keys = [n["key"] for n in data["nodes"]]
    for n in data["nodes"]:
        assert n.keys() == FIELDS
        assert all(keys.index(k) < keys.index(n["key"]) for k in n["inputs"])
    assert {n["name"]: n["grad"] for n in data["nodes"] if n["grad"] is not None} == {
        "a": 3, "b": 6, "c": 9, "u": 3, "v": 3, "out": 1,
    }  # fmt: skip


def test_numbers_that_json_cannot_hold_and_large_arrays():
    x = tg.Tensor(np.array([np.nan, np.inf, -np.inf, 1.0]), requires_grad=True)
    big = tg.Tensor(np.zeros(100), requires_grad=True)
    data = json.loads(viz.to_json([x * 1.0, big * 1.0], grads=False))
    by_name = {n["name"]: n for n in data["nodes"]}
    assert by_name["x"]["value"] == ["nan", "inf", "-inf", 1.0]
    assert by_name["big"]["value"] is None
    assert by_name["big"]["summary"] == "all 0"


def test_networkx_keeps_both_uses_of_a_tensor():
    networkx = pytest.importorskip("networkx")
    graph = viz.to_networkx(lambda x: x * x, 3.0)
    assert networkx.is_directed_acyclic_graph(graph)
    assert graph.number_of_edges("n0", "n1") == 2
    assert graph.nodes["n1"]["title"] == "out = x * x"


def test_a_picture_keeps_what_graphviz_promises_without_its_program(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    x = tg.Tensor([1.0, 2.0], requires_grad=True)
    picture = tg.draw((x * x).sum())
    assert picture.pipe().startswith(b"%PDF")
    assert picture.pipe("png").startswith(b"\x89PNG")
    assert "<svg" in picture.pipe(format="svg", encoding="utf-8")
    path = picture.render("a", tmp_path / "new", format="svg")
    assert path == str(tmp_path / "new" / "a.svg")
    assert (tmp_path / "new" / "a").read_text() == picture.source
    assert picture.render(outfile=tmp_path / "b.png", cleanup=True, filename="b", directory=tmp_path) == str(
        tmp_path / "b.png"
    )
    assert not (tmp_path / "b").exists()
    for other in (picture.copy(), copy.deepcopy(picture), pickle.loads(pickle.dumps(picture))):
        assert other.source == picture.source
        assert repr(other).startswith("<Picture")
        other.node("one more")
        assert "one more" in other.source
        assert "one more" not in picture.source
    picture.format = "svg"
    assert picture.view("c", tmp_path) == str(tmp_path / "c.svg")
    picture.show()
    assert [address.rpartition(".")[2] for address in opened] == ["svg", "svg"]


def test_a_report_at_a_prompt_is_the_short_one():
    report = tg.testing.check_gradients(lambda x: (x * x).sum(), [1.0, 2.0])
    assert repr(report) == str(report)
    assert repr(report).startswith("RIGHT: ")


def test_only_fontconfigs_noise_is_left_out(capfd):
    with render._without_noise():
        os.write(2, b'Fontconfig warning: "a.conf", line 6: unknown element\nError: a real one\n')
    assert capfd.readouterr().err == "Error: a real one\n"
    tg.draw(tg.ones(2) * tg.Tensor([1.0, 2.0], requires_grad=True)).pipe("png")
    assert capfd.readouterr().err == ""
