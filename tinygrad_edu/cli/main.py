"""The command line: `tinygrad-edu demo | explain | check | bench`, also as `python -m tinygrad_edu`."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

from ..errors import MissingLibraryError


def _demo(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="tinygrad-edu demo",
        description="Train a small network, written from tensor operations, on 1,797 handwritten digits; check its "
        "derivatives; draw its computation graph and its loss curve. The same seed gives the same numbers.",
    )
    parser.add_argument("--seed", type=_seed, default=0, help="of all chance in the run (default: 0)")
    parser.add_argument(
        "--out", type=_folder, default=Path("out"), metavar="DIR", help="for the pictures (default: out)"
    )
    options = parser.parse_args(argv)
    from .demo import run  # imported here, so that --help is quick

    try:
        return run(options.seed, options.out)
    except BrokenPipeError:
        raise
    except OSError as error:
        parser.error(f"--out must be a folder to write to; got {str(options.out)!r} ({error.strerror}); name another")


def _folder(text: str) -> Path:
    if not text or "\0" in text:
        raise argparse.ArgumentTypeError(f"must be a folder to write to; got {text!r}; name another")
    return Path(text)


def _seed(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"must be a whole number, 0 or more; got {text!r}; use e.g. 0")
    return int(text)


def _elsewhere(module: str) -> Callable[[Sequence[str]], int]:
    """A command that lives in a part of the package, imported when it is called."""
    return lambda argv: import_module(module, __package__).main(argv)


COMMANDS: dict[str, tuple[str, Callable[[Sequence[str]], int]]] = {
    "demo": ("train on handwritten digits, check the derivatives, draw the graph", _demo),
    "explain": ('the chain rule of an expression: explain "a*b + tanh(c)" a=2 b=-3 c=1', _elsewhere(".explain")),
    "bench": ("speed against PyTorch and micrograd", _elsewhere(".bench")),
    "check": ("is a derivative right? check module:forward module:backward", _elsewhere(".check")),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; the exit status is 0 if all went well."""
    width = max(map(len, COMMANDS))
    listing = "\n".join(f"  {name:<{width}}  {text}" for name, (text, _) in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="tinygrad-edu",
        usage="tinygrad-edu command ...",
        description="An autograd engine to read, see and trust.",
        epilog=f"commands (each has --help):\n{listing}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    version = import_module("tinygrad_edu").__version__
    parser.add_argument("--version", action="version", version=f"tinygrad-edu {version}")
    parser.add_argument("command", choices=COMMANDS, metavar="command")
    arguments = sys.argv[1:] if argv is None else list(argv)
    chosen = parser.parse_args(arguments[:1]).command
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that lacks a letter shows its number
            stream.reconfigure(errors="backslashreplace")
    try:
        status = COMMANDS[chosen][1](arguments[1:])
        sys.stdout.flush()
        return status
    except MissingLibraryError as error:
        print(error, file=sys.stderr)
        return 2
    except BrokenPipeError:  # who read the output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        print(f"tinygrad-edu {chosen}: stopped", file=sys.stderr)
        return 130
