"""The command line and the demo, as a user runs them."""

import subprocess
import sys

import pytest

from tinygrad_edu.cli import demo
from tinygrad_edu.cli import main as cli


def run(*arguments):
    return subprocess.run([sys.executable, "-m", "tinygrad_edu", *arguments], capture_output=True, text=True)


def test_help_names_the_options():
    text = " ".join(run("demo", "--help").stdout.split())
    assert "--seed" in text
    assert "--out DIR" in text
    assert "1,797 handwritten digits" in text


def test_a_wrong_command_is_refused():
    result = run("dmeo")
    assert result.returncode == 2
    assert "invalid choice: 'dmeo'" in result.stderr


@pytest.fixture(scope="module")
def two_runs(tmp_path_factory):
    out = [tmp_path_factory.mktemp("demo") for _ in range(2)]
    return out, [run("demo", "--seed", "3", "--out", str(path)) for path in out]


@pytest.mark.slow
def test_the_demo_does_what_it_says(two_runs):
    (out, _), (result, _) = two_runs
    assert result.returncode == 0, result.stdout + result.stderr
    share = float(result.stdout.partition("test accuracy: ")[2].partition("%")[0])
    assert share >= 97
    assert "derivatives:   RIGHT" in result.stdout
    for name in ("graph.svg", "graph.png", "loss.png"):
        assert str(out / name) in result.stdout
    assert (out / "graph.svg").read_text().count("<polygon") > 5
    for name in ("graph.png", "loss.png"):
        assert (out / name).read_bytes().startswith(b"\x89PNG")
        assert (out / name).stat().st_size > 5_000
    assert "training" in result.stderr  # the progress bar
    assert "100%" in result.stderr


def test_the_same_seed_gives_the_same_numbers(two_runs):
    out, results = two_runs
    first, second = (r.stdout.replace(str(o), "").splitlines()[:-1] for r, o in zip(results, out, strict=True))
    assert first == second  # all but the seconds it took
    assert (out[0] / "graph.svg").read_bytes() == (out[1] / "graph.svg").read_bytes()


def test_a_missing_library_is_one_clear_sentence(monkeypatch, capsys, tmp_path):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    assert cli.main(["demo", "--out", str(tmp_path)]) == 2
    assert "needs tqdm; it is not installed; pip install 'tinygrad_edu[demo]'" in capsys.readouterr().err


def test_an_accuracy_too_low_is_a_failure(monkeypatch, tmp_path):
    monkeypatch.setattr(demo, "EPOCHS", 1)
    monkeypatch.setattr(demo, "LEARNING_RATE", 1e-6)
    assert cli.main(["demo", "--out", str(tmp_path)]) == 1
