"""A drawn graph: DOT text that shows itself in notebooks and saves itself as a picture."""

from __future__ import annotations

import sys
import tempfile
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import graphviz  # type: ignore[import-untyped]

from ...interop.names import Named
from .render import render

if TYPE_CHECKING:
    from ..graph.graph import Graph


class Picture(Named, graphviz.Digraph):  # type: ignore[misc]
    """A `graphviz.Digraph` that shows itself in notebooks and saves itself without a `dot` program."""

    # what it is a picture of; one that was pickled is of nothing any more
    graph: Graph = None  # type: ignore[assignment]

    def copy(self) -> Picture:
        """Another picture of the same, to be changed for itself."""
        made: Picture = super().copy()
        made.graph = self.graph
        return made

    def __deepcopy__(self, memo: object) -> Picture:
        return self.copy()

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k != "graph"}

    def save(self, filename: object = None, directory: Any = None, *, skip_existing: bool | None = False) -> str:
        """Write the picture: `.svg`, `.png`, `.pdf`, `.html`, or `.dot` (`.gv`) for the DOT text."""
        path = Path(directory or ".", str(filename or "graph.svg"))
        path.parent.mkdir(parents=True, exist_ok=True)
        if not (skip_existing and path.exists()):
            path.write_bytes(self._bytes(path.suffix[1:].lower()))
        return str(path)

    def _bytes(self, form: str) -> bytes:
        if form in ("dot", "gv"):
            return self.source.encode()
        if form == "html":
            return page(self.svg()).encode()
        return render(self.source, form)

    def pipe(
        self, format: str | None = None, *settings: object, encoding: str | None = None, **more: object
    ) -> bytes | str:
        """The picture as bytes, or as text in an encoding, in `format` (by default that of the picture)."""
        content = self._bytes((format or self.format).lower())
        return content if encoding is None else content.decode(encoding)

    def render(
        self, filename: Any = None, directory: Any = None, view: bool = False, cleanup: bool = False,
        format: str | None = None, *settings: Any, outfile: Any = None, **more: Any,
    ) -> str:  # fmt: skip
        """Write the DOT text to `filename` and the picture to `filename.format`, as graphviz does; gives its path.

        With `cleanup` the DOT text is not kept; `outfile` names the picture itself; `view` opens it.
        """
        form = (format or (outfile and Path(outfile).suffix[1:]) or self.format).lower()
        text = Path(directory or self.directory or ".", filename or self.filename)
        path = Path(outfile) if outfile else text.with_name(f"{text.name}.{form}")
        path.parent.mkdir(parents=True, exist_ok=True)
        if not cleanup:
            text.parent.mkdir(parents=True, exist_ok=True)
            text.write_text(self.source, "utf-8")
        path.write_bytes(self._bytes(form))
        if view:
            webbrowser.open(path.resolve().as_uri())
        return str(path)

    def view(self, filename: Any = None, directory: object = None, cleanup: bool = False, **settings: object) -> str:
        """Write the picture and open it; gives its path."""
        return self.render(filename, directory, view=True, cleanup=cleanup)

    def show(self) -> None:
        """Show the picture: in the notebook, or else in the program that opens such files."""
        if "IPython" in sys.modules and (shell := sys.modules["IPython"].get_ipython()) and hasattr(shell, "kernel"):
            sys.modules["IPython"].display.display(self)
        else:
            self.render(directory=tempfile.mkdtemp(), view=True, cleanup=True)

    def svg(self) -> str:
        """The picture as SVG text, to stand inside a page."""
        text = render(self.source, "svg").decode()
        return text[text.index("<svg") :]

    def _repr_svg_(self) -> str:
        """In a notebook: as wide as the cell at most; what would have to shrink to less than two thirds is scrolled."""
        svg = self.svg()
        width = float(svg.partition('width="')[2].partition("pt")[0])
        return svg.replace("<svg ", f'<svg style="max-width:100%;min-width:{width * 2 / 3:.0f}pt;height:auto" ', 1)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None, **options: object) -> dict[str, str]:
        return {"image/svg+xml": self._repr_svg_(), "text/plain": repr(self)}

    def __repr__(self) -> str:
        return f"<Picture of {len(self.graph.nodes)} nodes>" if self.graph is not None else "<Picture>"


def page(svg: str) -> str:
    """A page that holds one picture, in light and in dark."""
    return (
        '<!DOCTYPE html>\n<html lang="en"><meta charset="utf-8"><title>Computation graph</title>\n'
        "<style>:root{color-scheme:light dark}body{margin:1rem}main{overflow-x:auto}</style>\n"
        f'<main role="img" aria-label="Computation graph">{svg}</main></html>\n'
    )
