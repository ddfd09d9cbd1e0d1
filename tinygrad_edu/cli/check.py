"""`tinygrad-edu check mymodule:forward mymodule:backward`: a derivative checked without writing a test."""

from __future__ import annotations

import argparse
import ast
import inspect
import re
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from ..testing.checking import check_derivative, check_gradients
from ..testing.report import VERDICTS, GradientError, Report, conclude

STATUS = {"OUT_OF_DOMAIN": 3, "NOT_REPEATABLE": 4}  # neither right nor wrong, and no check at all
COLOURS = {"RIGHT": 32, "WRONG": 31}  # green, red; the others yellow
EPILOG = """\
The inputs are those of INPUTS, a tuple or list, or a function that returns one; else each --input, a Python
literal such as 0.5 or '[[1.0, 2.0]]'; else a random array for each --shape, such as 3,4 (or '' for
a number); else the default values of the function's parameters.

Exit status: 0 if the derivative is not wrong, 1 if it is (or a --strict verdict), 2 if it could not be checked,
3 if the inputs are out of the function's domain, 4 if the function is not repeatable.
"""


class Unusable(Exception):  # noqa: N818
    """Something on the command line that cannot be used; the message says what and why."""


def main(argv: Sequence[str] | None = None) -> int:
    """Check the derivative that a command line names; return the exit status."""
    args = _parser().parse_args(argv)
    try:
        if args.seed < 0:
            raise Unusable(f"--seed must be a whole number from 0; got {args.seed}; write --seed 0")
        with redirect_stdout(sys.stderr):  # what modules and functions print is no part of the report
            f, df = _function(args.function), _function(args.derivative) if args.derivative else None
            inputs = _inputs(args, f)
            report = _report(f, df, inputs, args)
        failed = False
        try:
            strict = [v.upper() for text in args.strict for v in text.split(",")]
            conclude(report, True, True if strict == ["ALL"] else strict)
        except GradientError:
            failed = True
    except Unusable as error:
        return _refuse(str(error))
    except SystemExit as error:  # of the user's own functions
        return _refuse(f"the function called sys.exit({error.code!r}); let it return a value")
    except Exception as error:  # of the user's own functions: told in a line, not in a traceback
        told = str(error).startswith("check")
        return _refuse(str(error) if told else f"{type(error).__name__}: {error}")
    print(report.to_json() if args.json else styled(report, sys.stdout.isatty()))
    return 1 if failed else STATUS.get(report.verdict, 0)


def _report(f: Callable[..., Any], df: object, inputs: Sequence[Any], args: argparse.Namespace) -> Report:
    if df is None:
        return check_gradients(f, *inputs, order=args.order, raises=False, seed=args.seed)
    if args.order != 1:
        raise Unusable("--order 2 is for functions of Tensors; got a derivative, too; leave one of them out")
    return check_derivative(f, df, *inputs, raises=False, seed=args.seed)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tinygrad-edu check",
        description="Check a derivative against its function.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("function", help="mymodule:forward, or path/to/file.py:forward")
    parser.add_argument("derivative", nargs="?", help="mymodule:backward; without it, a function of Tensors is checked")
    parser.add_argument("inputs", nargs="?", help="mymodule:inputs")
    parser.add_argument("--input", action="append", default=[], metavar="LITERAL")
    parser.add_argument("--shape", action="append", default=[], metavar="N,M")
    parser.add_argument("--order", type=int, choices=(1, 2), default=1, help="2: second derivatives, too (of Tensors)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--strict", action="append", default=[], metavar="VERDICT", help="fail on this, too; or: all")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    return parser


def _refuse(text: str) -> int:
    print(f"tinygrad-edu check: {text}", file=sys.stderr)
    return 2


def named(text: str) -> Any:
    """What `module:name` or `file.py:name` names."""
    place, colon, name = text.rpartition(":")
    if not colon or not place or not name:
        raise Unusable(f"a function is named mymodule:function; got {text!r}; put a colon before its name")
    if place.endswith(".py"):
        if not Path(place).is_file():
            raise Unusable(f"there is no file {place!r}; check the path before the colon")
        sys.path.insert(0, str(Path(place).resolve().parent))
        place = Path(place).stem
    else:
        sys.path.insert(0, str(Path.cwd()))
    try:
        found: Any = import_module(place)
        for part in name.split("."):
            found = getattr(found, part)
    except ImportError as error:
        if isinstance(error, ModuleNotFoundError) and error.name != place.partition(".")[0]:
            raise Unusable(f"{place!r} imports {error.name!r}, which is not installed; install it") from None
        raise Unusable(f"cannot import {place!r}: {error}; run from the folder that it is in") from None
    except AttributeError as error:
        raise Unusable(f"{error}; check the name after the colon") from None
    finally:
        del sys.path[0]
    return found


def _function(text: str) -> Any:
    found = named(text)
    if not callable(found):
        raise Unusable(f"a function must be named; {text!r} is of type {type(found).__name__}; name what computes")
    return found


def _inputs(args: argparse.Namespace, f: Callable[..., Any]) -> tuple[Any, ...]:
    if sum(map(bool, (args.inputs, args.input, args.shape))) > 1:
        raise Unusable("inputs come from INPUTS, --input or --shape; got more than one of these; leave the others out")
    if args.inputs:
        found = named(args.inputs)
        try:
            found = found() if callable(found) else found
        except TypeError as error:
            raise Unusable(f"a function that gives inputs must take none; got {args.inputs!r} ({error})") from None
        return tuple(found) if isinstance(found, tuple | list) else (found,)
    if args.input:
        return tuple(_literal(text) for text in args.input)
    if args.shape:
        rng = np.random.default_rng(args.seed)
        return tuple(rng.standard_normal(_shape(text)) for text in args.shape)
    defaults = [p.default for p in inspect.signature(f).parameters.values()]
    if not defaults or any(d is inspect.Parameter.empty for d in defaults):
        names = ", ".join(inspect.signature(f).parameters)
        raise Unusable(f"needs inputs for {names}; got none; add --shape 3,4 or --input 0.5 for each, in this order")
    return tuple(defaults)


def _literal(text: str) -> Any:
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        raise Unusable(f"--input must be a Python literal; got {text!r}; write 0.5 or '[1.0, 2.0]'") from None
    try:
        return np.array(value) if isinstance(value, list) else value
    except ValueError:
        raise Unusable(
            f"--input must have rows of one length; got {text!r}; write '[[1.0, 2.0], [3.0, 4.0]]'"
        ) from None


def _shape(text: str) -> tuple[int, ...]:
    if not re.fullmatch(r"(\d+(\s*[,x]\s*\d+)*\s*,?)?", text.strip("()[] ")):
        raise Unusable(f"--shape must be lengths joined by commas; got {text!r}; write 3,4")
    return tuple(map(int, re.findall(r"\d+", text)))


def styled(report: Report, colour: bool) -> str:
    """The report as text; for a terminal, with its verdict in bold and colour."""
    text = str(report)
    word = report.verdict.replace("_", " ")
    assert report.verdict in VERDICTS
    return text.replace(word, f"\x1b[1;{COLOURS.get(report.verdict, 33)}m{word}\x1b[0m", 1) if colour else text


if __name__ == "__main__":
    raise SystemExit(main())
