"""A drawn graph: DOT text that shows itself in notebooks and saves itself as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import graphviz  # type: ignore[import-untyped]

from .render import render

if TYPE_CHECKING:
    from .graph import Graph


class Picture(graphviz.Digraph):  # type: ignore[misc]
    """A `graphviz.Digraph` that shows itself in notebooks and saves itself without a `dot` program."""

    graph: Graph

    def save(self, filename: Any = None, directory: Any = None, *, skip_existing: bool | None = False) -> str:
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

    def svg(self) -> str:
        """The picture as SVG text, to stand inside a page."""
        text = render(self.source, "svg").decode()
        return text[text.index("<svg") :]

    def _repr_svg_(self) -> str:
        return self.svg()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None, **options: Any) -> dict[str, str]:
        return {"image/svg+xml": self.svg(), "text/plain": repr(self)}

    def __repr__(self) -> str:
        return f"<Picture of {len(self.graph.nodes)} nodes>"


def page(svg: str) -> str:
    """A page that holds one picture, in light and in dark."""
    return (
        '<!DOCTYPE html>\n<html lang="en"><meta charset="utf-8"><title>Computation graph</title>\n'
        "<style>:root{color-scheme:light dark}body{margin:1rem}main{overflow-x:auto}</style>\n"
        f'<main role="img" aria-label="Computation graph">{svg}</main></html>\n'
    )
