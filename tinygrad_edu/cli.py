"""The command line: `tinygrad-edu demo`, also as `python -m tinygrad_edu`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from .errors import MissingLibraryError


def parser() -> argparse.ArgumentParser:
    main = argparse.ArgumentParser(prog="tinygrad-edu", description="An autograd engine to read, see and trust.")
    commands = main.add_subparsers(dest="command", required=True, metavar="command")
    demo = commands.add_parser(
        "demo",
        help="train on handwritten digits, check the derivatives, draw the graph",
        description="Train a small network, written from tensor operations, on 1,797 handwritten digits; check its "
        "derivatives; draw its computation graph and its loss curve. The same seed gives the same numbers.",
    )
    demo.add_argument("--seed", type=int, default=0, help="of all chance in the run (default: 0)")
    demo.add_argument(
        "--out", type=Path, default=Path("out"), metavar="DIR", help="where to put pictures (default: out)"
    )
    return main


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; the exit status is 0 if all went well."""
    options = parser().parse_args(argv)
    try:
        from . import demo  # imported here, so that --help is quick

        return demo.run(options.seed, options.out)
    except MissingLibraryError as error:
        print(error, file=sys.stderr)
        return 2
