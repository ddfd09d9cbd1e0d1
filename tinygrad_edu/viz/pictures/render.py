"""DOT text to pictures: by a `dot` on the PATH, or else by the Graphviz that pygraphviz carries."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

from ...errors import GraphError, MissingLibraryError

FORMATS = ("svg", "png", "pdf")
SHARP, LARGEST = "144", "110,110"  # dots per inch of a PNG, and its most inches: a larger one is scaled down
QUIET = Lock()  # the standard error belongs to the whole process


def render(dot: str, form: str) -> bytes:
    """The picture as the bytes of a file of that format."""
    if form not in FORMATS:
        raise ValueError(
            f"save: the format must be one of {', '.join(FORMATS)}, dot or html; got {form!r}; write such as graph.svg"
        )
    program = shutil.which("dot")
    return _by_program(program, dot, form) if program else _by_library(dot, form)


def _by_program(program: str, dot: str, form: str) -> bytes:
    options = [f"-T{form}", *([f"-Gdpi={SHARP}", f"-Gsize={LARGEST}"] if form == "png" else [])]
    done = subprocess.run([program, *options], input=dot.encode(), capture_output=True, check=False)
    if done.returncode:
        raise GraphError(
            f"save: dot must accept the graph; it said {done.stderr.decode(errors='replace').strip()!r}; "
            "check the installation of Graphviz"
        )
    return done.stdout


@contextmanager
def _without_noise() -> Iterator[None]:
    """What Fontconfig says of the system's own files on the standard error is left out; the rest is passed on."""
    with QUIET, tempfile.TemporaryFile() as said:
        try:
            kept = os.dup(2)
        except OSError:  # there is no standard error
            yield
            return
        os.dup2(said.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            said.seek(0)
            rest = [line for line in said if not line.startswith(b"Fontconfig ")]
            if rest:
                os.write(2, b"".join(rest))


def _by_library(dot: str, form: str) -> bytes:
    try:
        import pygraphviz  # type: ignore[import-untyped]
    except ImportError as error:
        raise MissingLibraryError("draw: a picture without a dot program", "pygraphviz", "all") from error
    graph: Any = pygraphviz.AGraph(string=dot)
    try:
        if form == "png":
            graph.graph_attr.update(dpi=SHARP, size=LARGEST)
        with _without_noise():
            return bytes(graph.draw(format=form, prog="dot"))
    finally:
        graph.close()
