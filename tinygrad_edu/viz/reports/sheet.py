"""A report as one HTML file that needs nothing else, and whose policy allows nothing else."""

from __future__ import annotations

import base64
import hashlib
import html
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from ..graph.values import shown


class Sheet:
    """A page of a title and a body of safe HTML: `.save("report.html")`, or shown in a notebook."""

    def __init__(self, title: str, body: str, script: str = "", height: int = 640) -> None:
        self.title, self.body, self.script, self.height = title, body, script, height

    def html(self) -> str:
        """The whole file as text."""
        style, script = _text("sheet.css"), _text(self.script) if self.script else ""
        policy = f"default-src 'none'; style-src {_digest(style)}"
        policy += f"; script-src {_digest(script)}" if script else ""
        title = html.escape(shown(self.title, 120))
        return (
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
            f"<title>{title}</title>\n<style>{style}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n{self.body}\n"
            f"</main>\n{f'<script>{script}</script>' if script else ''}\n</body>\n</html>\n"
        )

    def save(self, path: Any) -> str:
        """Write the file."""
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(self.html(), "utf-8")
        return str(target)

    def _repr_html_(self) -> str:
        return (
            f'<iframe title="{html.escape(shown(self.title))}" srcdoc="{html.escape(self.html())}" '
            f'style="width:100%;box-sizing:border-box;height:{self.height}px;border:1px solid #888"></iframe>'
        )

    def __repr__(self) -> str:
        return f"<Sheet {self.title!r}>"


@cache
def _text(name: str) -> str:
    return (files(__package__) / name).read_text("utf-8")


def _digest(text: str) -> str:
    """The one script, or style, that the policy allows."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
