"""Every example gives compiled what it gives as it stands: its training steps, derivatives and graphs."""

import pathlib

import numpy as np
import pytest

from .example_sites import run
from .twins import same

pytestmark = pytest.mark.slow
ROOT = pathlib.Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*/*.py"))
# more than five seconds each
LONG = (
    "course_pictures", "06_music", "large_graphs", "13_character_language_model", "04_logistic_regression",
    "10_dates_with_attention", "11_trigger_word",
)  # fmt: skip


@pytest.mark.parametrize(
    "path",
    [pytest.param(p, marks=[pytest.mark.long] * (p.stem in LONG)) for p in EXAMPLES],
    ids=lambda p: f"{p.parent.name}/{p.stem}",
)
@pytest.mark.filterwarnings("ignore")
def test_each_example(path, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    for name, value in {"QUICK": "1", "OUT": str(tmp_path), "MPLBACKEND": "Agg"}.items():
        monkeypatch.setenv(name, value)
    if (found := ROOT.parent / "shared" / "data").exists():
        monkeypatch.setenv("TINYGRAD_EDU_DATA", str(found))
    monkeypatch.chdir(tmp_path)
    expected, found = (run(path, compiled, monkeypatch)[0] for compiled in (False, True))
    assert len(expected.finished) == len(found.finished) == expected.places > 0
    try:
        same(found.given, expected.given, 500)
    except AssertionError:  # a network that multiplies what is rounded: no more than a rounding of its parameters does
        nudged, _ = run(path, False, monkeypatch, nudged=True)
        for a, b, moved in zip(*map(numbers, (found.given, expected.given, nudged.given)), strict=True):
            assert a.shape == b.shape == moved.shape
            assert np.abs(a - b).max(initial=0) <= np.abs(moved - b).max(initial=0)


def numbers(x):
    """All arrays of numbers within."""
    if isinstance(x, dict):
        x = list(x.values())
    if isinstance(x, list | tuple):
        return [array for part in x for array in numbers(part)]
    return [np.asarray(x)] if np.asarray(x).dtype.kind == "f" else []
