"""The benchmark: each workload is the same work for all libraries, and its tables are written where they stand."""

import importlib
import pathlib
import sys

import numpy as np
import pytest

FOLDER = pathlib.Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def made(monkeypatch):
    """Modules of the folder, by name; they are forgotten afterwards."""
    monkeypatch.syspath_prepend(str(FOLDER))
    before = set(sys.modules)
    yield importlib.import_module
    for name in set(sys.modules) - before:
        if str(FOLDER) in str(getattr(sys.modules[name], "__file__", None)):
            del sys.modules[name]


def test_each_file_is_a_workload(made):
    bench = made("bench")
    files = {p.stem for p in (FOLDER / "workloads").glob("*.py")} - {"__init__", "common"}
    assert files == set(bench.WORKLOADS)
    modules = [made(f"workloads.{name}") for name in bench.WORKLOADS]
    assert len({module.NAME for module in modules}) == len(modules)
    assert all({"PyTorch"} <= set(module.PEERS) <= set(bench.PACKAGES) for module in modules)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["moons", "mlp_small", "per_example", "jacobian"])
@pytest.mark.parametrize("peer", ["compiled", "PyTorch", "JAX", "autograd", "MyGrad", "micrograd"])
@pytest.mark.filterwarnings("ignore")
def test_all_libraries_do_the_same(made, name, peer):
    bench, module = made("bench"), made(f"workloads.{name}")
    if peer != "compiled":
        if peer not in module.PEERS:
            return
        pytest.importorskip(bench.PACKAGES[peer])
    found = {}
    for by in ("eager", peer):
        job = module.job(by)
        for _ in range(3):
            job.run()
        found[by] = [values.tolist() for values in job.found()]
    bench.agree(name, found)
    found[peer][0] = (np.array(found[peer][0]) * 1.01 + 1e-3).tolist()
    with pytest.raises(AssertionError, match=f"result 0 of {peer} and of the eager engine differ by"):
        bench.agree(name, found)


def test_rows_take_their_places_and_the_chart_reads_them(made, tmp_path, monkeypatch):
    page, bench, chart = made("page"), made("bench"), made("chart")
    text = "before\n<!-- compiled -->\nold\n<!-- end -->\nafter\n"
    monkeypatch.setattr(page, "PAGE", tmp_path / "page.md")
    monkeypatch.setattr(chart, "PAGE", tmp_path / "page.md")
    page.PAGE.write_text(text)
    row = {"compiled": 2e-3, "eager": 4e-3, "PyTorch": 3.5, "ratio": 2.0, "goal": None, "peak": "90 MB, +5"}
    for name in ("b", "a"):
        page.write_rows("compiled", bench.HEAD, {name: bench.line(name, row)}, ["a", "b"], "made here")
    lines = page.PAGE.read_text().splitlines()
    assert [line[:4] for line in lines[4:6]] == ["| a ", "| b "]
    assert (lines[0], lines[7], lines[-1]) == ("before", "made here", "after")
    assert chart.table() == {name: {"compiled": 2e-3, "eager": 4e-3, "PyTorch": 3.5} for name in "ab"}
    chart.draw()
    assert (tmp_path / "benchmarks.svg").read_text().count("<svg") == 1
