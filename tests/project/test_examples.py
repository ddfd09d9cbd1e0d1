"""Every example runs, with its smaller setting, keeps its own assertions, and draws its picture."""

import os
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]
EXAMPLES = sorted(p for p in (ROOT / "examples").glob("[0-9]*/*.py"))


# More than ten seconds each, even with the smaller setting.
LONG = (
    "04_logistic_regression",
    "13_character_language_model",
    "17_data_and_size",
    "18_fast_gradient_sign",
    "19_generative_adversarial_pair",
)
# More than two.
SLOW = (
    "01_one_number",
    "02_l2_regularisation",
    "03_inverted_dropout",
    "04_residual",
    "04_transfer",
    "05_bounding_box",
    "05_names",
    "06_music",
    "06_triplet_loss",
    "07_image_folder",
    "08_normalising_inputs",
    "08_style",
    "09_one_hidden_layer",
    "10_dates_with_attention",
    "11_trigger_word",
    "12_initialisation",
    "12_random_search",
    "13_deep_network",
    "15_parity_learned",
)


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(p, marks=[pytest.mark.long] * (p.stem in LONG) + [pytest.mark.slow] * (p.stem in SLOW))
        for p in EXAMPLES
    ],
    ids=lambda p: f"{p.parent.name}/{p.stem}",
)
def test_it_runs(path, tmp_path):
    data = {"TINYGRAD_EDU_DATA": str(found)} if (found := ROOT.parent / "shared" / "data").exists() else {}
    settings = {"QUICK": "1", "OUT": str(tmp_path), "MPLBACKEND": "Agg", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, str(path)], env=os.environ | data | settings, cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout
    pictures = [p for p in tmp_path.rglob("*") if p.suffix in (".png", ".svg", ".html")]
    assert pictures
    assert [p.name for p in pictures if p.name in done.stdout], "it must say where its picture went"
    assert all(p.stat().st_size > 500 for p in pictures)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_it_reads_like_a_notebook_and_names_its_place(path):
    text = path.read_text()
    assert re.match(r"# %% \[markdown\]\n# # .+\n#\n# Course \d(, rows? [\d, ]+)?: ", text)
    assert text.count("# %%") >= 3
    assert len(text.splitlines()) <= 145


def test_every_row_of_the_first_course_has_an_example():
    found = set()
    for path in EXAMPLES:
        if match := re.search(r"^# Course 1, rows? ([\d, ]+):", path.read_text(), re.M):
            found |= {int(n) for n in match[1].split(",")}
    assert found == set(range(1, 18))
