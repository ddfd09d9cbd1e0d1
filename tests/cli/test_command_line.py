"""Whatever is typed after `tinygrad-edu`: an answer, or one sentence and a status that is not 0; never a traceback."""

import math
import os
import re
import signal
import subprocess
import sys
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_edu.cli import demo
from tinygrad_edu.cli import explain as command
from tinygrad_edu.cli import main as cli

SENTENCE = re.compile(r"\Atinygrad-edu \w+: error: (.+)\Z", re.DOTALL)
FORM = re.compile(r"\A[\w -]+: .+; .+; .+\Z", re.DOTALL)
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


class TooSlow(BaseException):
    """Not to be caught by the program."""


@pytest.fixture(autouse=True)
def _in_time():
    """A command that does not end is a failure, and not the end of the tests."""
    if not hasattr(signal, "SIGALRM"):
        yield
        return

    def stop(number, frame):
        raise TooSlow

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def said(capsys, *arguments):
    """The status, the output, and the error after the usage."""
    try:
        status = cli.main(list(arguments))
    except SystemExit as error:
        status = error.code
    out, err = capsys.readouterr()
    return status, out, err[err.find("tinygrad-edu", err.find("usage:") + 20) :] if "usage:" in err else err


REFUSED = [
    ["a*9**9**9", "a=1"], ["a**9**9**9", "a=2"], ["9**9**9*a", "a=1"], ["a*(9**9**9)%7", "a=1"], ["a*2**100000", "a=1"],
    ["a*-9**9**9", "a=1"], ["a*9.5**9**9", "a=1"], ["9**9**9"], ["exp(9**9**9)*a", "a=1"],
    ["a*" + "9" * 400, "a=1"], ["a*" + "9" * 5000, "a=1"], ["a+1/0", "a=1"], ["a+1//0", "a=1"], ["a+1%0", "a=1"],
    ["a*(-8)**0.5", "a=1"], ["a*0**-1", "a=1"], ["a@b", "a=1", "b=2"], ["2@3*a", "a=1"], ["a^2", "a=1"], ["~a", "a=1"],
    ["a|b", "a=1", "b=1"], ["a<<2", "a=1"], ["1<<9999999999", "a=1"], ["not a", "a=1"], ["a and b", "a=1", "b=2"],
    ["a<b", "a=1", "b=2"], ["a if b else c", "a=1", "b=1", "c=1"], ["", "a=1"], ["  ", "a=1"], ["3"], ["(", "a=1"],
    ["a b", "a=1"], ["a;b", "a=1"], ["a=1"], ["a==1", "a=1"], ["lambda x: x", "x=1"], ["[a]", "a=1"], ["{a}", "a=1"],
    ["f'{a}'", "a=1"], ["'a'*3", "a=1"], ["a*'x'", "a=1"], ["a*True", "a=1"], ["a*None", "a=1"], ["a*1j", "a=1"],
    ["a.real", "a=1"], ["a.__class__", "a=1"], ["a[0]", "a=1"], ["__import__('os').system('touch evil')", "a=1"],
    ["exp(a, a)", "a=1"], ["exp()", "a=1"], ["exp(a=a)", "a=1"], ["exp(*a)", "a=1"], ["nosuch(a)", "a=1"],
    ["sum(a)", "a=1"], ["power_n(a,2)", "a=2"], ["bitwise_and(a,a)", "a=1"], ["bitwise_invert(a)", "a=1"],
    ["cast(a)", "a=1"], ["(lambda: a)()", "a=1"], ["a()", "a=1"], ["a*\N{ARABIC-INDIC DIGIT THREE}", "a=1"],
    ["a\N{RIGHT-TO-LEFT OVERRIDE}b", "a=1"], ["a\0b", "a=1"], ["a\nb", "a=1"], ["\udcff*a", "a=1"], ["a*\\", "a=1"],
    ["-" * 5000 + "a", "a=1"], ["(" * 5000 + "a" + ")" * 5000, "a=1"], ["+".join(["a"] * 5000), "a=1"],
    ["*".join(["a"] * 2000), "a=1"], ["exp(" * 150 + "-" * 160 + "a" + ")" * 150, "a=1"], ["z*2", "a=1"],
    ["a*2", "a=1", "z=4"], ["a*2", "z=4"], ["a*2"], ["a*2", "a"], ["a*2", "a="], ["a*2", "=2"], ["a*2", "a=b"],
    ["a*2", "a=1j"], ["a*2", "a=0x10"], ["a*2", "a=1", "a=2"], ["a*2", "a==2"], ["a*2", "1a=2"], ["a*2", "a b=2"],
    ["a*2", "a=1", "lambda=2"], ["None*2", "None=1"], ["a*2", "a=[1,2]"], ["(b:=a)*2", "a=1"], ["yield a", "a=1"],
    ["[x for x in a]", "a=1"], ["1if a else 2", "a=1"], ["a*0777", "a=1"], ["a*1.2.3", "a=1"],
    ["a*2", "a=1", "--svg", "/proc/x.svg"], ["a*2", "a=1", "--svg", "x.xyz"], ["a*2", "a=1", "--svg", ""],
    ["a*2", "a=1", "--svg", "."], ["a*2", "a=1", "--html", "/proc/x"], ["a*2", "a=1", "--html", "."],
    ["a*2", "a=1", "--html", ""], ["a*2", "a=1", "--svg", "a\0.svg"],
]  # fmt: skip


@pytest.mark.parametrize("arguments", REFUSED, ids=lambda a: " ".join(a)[:40].encode("unicode_escape").decode())
def test_an_expression_that_makes_no_sense_is_refused_in_a_sentence(arguments, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, _, err = said(capsys, "explain", *arguments)
    assert status == 2
    assert SENTENCE.match(err), err
    assert FORM.match(SENTENCE.match(err)[1].strip()), err
    assert len(err) < 600
    assert os.listdir() == []


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (["a*2**1000", "a=1"], 2.0**1000), (["a*10**30", "a=2"], 2e30), (["a*1e999", "a=1"], math.inf), (["1/a", "a=0"], math.inf),
        (["a%0", "a=1"], math.nan), (["log(a)", "a=-1"], math.nan), (["a**b", "a=0", "b=-1"], math.inf), (["round(a)", "a=2.6"], 3.0),
        (["exp(a)", "a=1000"], math.inf), (["a*7//2*3", "a=1"], 9.0), (["a*(7//2)*2**-1", "a=1"], 1.5), (["a*(5/5)", "a=3"], 3.0),
        (["\N{LATIN SMALL LIGATURE FI}*2", "\N{LATIN SMALL LIGATURE FI}=1"], 2.0), (["--1*a", "a=4"], 4.0),
        (["(" * 150 + "a" + ")" * 150, "a=5"], 5.0), (["+".join(["a"] * 300), "a=1"], 300.0), (["power(2, a)", "a=3"], 8.0),
        (["a*2", "a=nan"], math.nan), (["a*2", "a=1_0"], 20.0), (["where(a, a, b)", "a=0", "b=3"], 3.0),
    ],
)  # fmt: skip
def test_what_can_be_computed_is(arguments, answer, capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        status, out, err = said(capsys, "explain", *arguments)
    assert (status, err) == (0, "")
    assert float(out.partition("=")[2].split()[0]) == pytest.approx(answer, rel=1e-3, nan_ok=True)


tokens = st.sampled_from(
    ["a", "b", "z", "1", "0", "2.5", "9", "1e308", "+", "-", "*", "/", "//", "%", "**", "@", "^", "(", ")", ",", "exp(", "log(",
     "where(", "sum(", "[", "]", ".", "=", "'", "lambda ", "if", " ", "\N{GREEK SMALL LETTER ALPHA}", "\0", "==", "9**9**9"]
)  # fmt: skip


@given(st.lists(tokens, max_size=12).map("".join), st.sampled_from(["1", "0", "-2.5", "1e308", "nan"]))
def test_no_expression_ends_in_a_traceback(text, value):
    """The graph of an expression, or a refusal of the promised form."""
    try:
        with command.np.errstate(all="ignore"):
            command.expression_graph(text, {"a": float(value), "b": 2.0})
    except (ValueError, TypeError) as error:
        words = str(error)
        assert FORM.match(words), words


def test_numbers_keep_their_value_and_their_kind():
    """Arithmetic of numbers is Python's, as long as it is exact."""
    for text in ("7//2", "-7//2", "-7%3", "2**10", "7/7", "3-5", "2**-1", "2**53-1", "0.1+0.2", "-(2**31)", "+3"):
        node = command._parsed(text)
        value, expected = command._value(node, {}), eval(text)
        assert value == expected
        assert type(value) is type(expected)


def test_commands_without_input_or_with_a_wrong_one(capsys, tmp_path):
    for arguments, words in [
        ([], "the following arguments are required: command"), (["dmeo"], "invalid choice: 'dmeo'"),
        (["explain"], "the following arguments are required: expression"), (["explain", "a", "--nosuch"], "unrecognized"),
        (["demo", "--seed", "-1"], "--seed: must be a whole number, 0 or more; got '-1'; use e.g. 0"),
        (["demo", "--seed", "1.5"], "--seed: must be a whole number"), (["demo", "--seed", ""], "--seed: must be a whole"),
        (["demo", "--seed"], "expected one argument"), (["demo", "--nosuch"], "unrecognized arguments"),
        (["bench", "--rounds", "0"], "--rounds must be 1 or more; got 0; use e.g. 15"),
        (["bench", "--rounds", "x"], "invalid int value: 'x'"),
        (["bench", "--write", str(tmp_path)], "--write must name a checkout; got"),
    ]:  # fmt: skip
        status, _, err = said(capsys, *arguments)
        assert status == 2
        assert words in err


@pytest.mark.parametrize("wrong", ["file", "file/deeper", "\0", "/proc/nowhere", "taken"])
def test_the_demo_looks_for_its_place_before_it_trains(wrong, capsys, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(demo, "train", lambda *args: pytest.fail("trained first"))
    (tmp_path / "file").touch()
    (tmp_path / "taken" / "graph.png").mkdir(parents=True)
    status, _, err = said(capsys, "demo", "--out", str(tmp_path / wrong))
    assert status == 2
    assert re.search(r"--out:? must be a folder to write to; got .*; name another", err)


@pytest.mark.parametrize("library", ["tqdm", "matplotlib.figure"])
def test_the_demo_looks_for_its_extras_before_it_trains(library, capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "train", lambda *args: pytest.fail("trained first"))
    monkeypatch.setitem(sys.modules, library, None)
    status, _, err = said(capsys, "demo", "--out", str(tmp_path))
    assert status == 2
    assert re.search(r"demo: .*: needs (matplotlib|tqdm); it is not installed; pip install 'tinygrad_edu\[demo\]'", err)
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX")
def test_who_stops_reading_and_who_cannot_read_every_letter():
    command = [sys.executable, "-m", "tinygrad_edu", "explain"]
    long = [*command, "+".join(["a"] * 300), "a=1"]
    run = subprocess.Popen(long, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT)
    run.stdout.close()
    assert run.stderr.read() == b""
    run.stderr.close()
    assert run.wait() == 1
    plain = {**ENVIRONMENT, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    run = subprocess.run(
        [*command, "\N{GREEK SMALL LETTER ALPHA}*2", "\N{GREEK SMALL LETTER ALPHA}=3"], capture_output=True, env=plain
    )
    assert run.returncode == 0, run.stderr
    assert rb"\u03b1 * 2" in run.stdout


def test_an_interrupt_is_no_traceback(capsys, monkeypatch):
    def stopped(argv):
        raise KeyboardInterrupt

    monkeypatch.setitem(cli.COMMANDS, "bench", ("", stopped))
    assert said(capsys, "bench") == (130, "", "tinygrad-edu bench: stopped\n")
