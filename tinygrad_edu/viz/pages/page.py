"""One offline HTML file: its parts put together, its data embedded, and a policy that allows nothing else."""

from __future__ import annotations

import base64
import hashlib
import html
import itertools
import json
import zlib
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from ..graph.values import shown
from ..live.javascript import source

SCRIPTS = {  # in the order of loading; with the part of the data that a script is for, where it is for one
    "dom": "", "numbers": "", "tiles": "", "formula": "", "mathematics": "", "fold": "", "layout": "", "state": "",
    "live": "live", "camera": "", "graph": "", "listing": "", "lesson": "", "entry": "", "bar": "", "curve": "",
    "training": "live", "boundary": "live", "worksheet": "worksheet", "film": "film", "start": "",
}  # fmt: skip
STYLES = ("page", "graph", "print")
NESTED, TABLE = (list, dict), 60  # what may hold objects; letters that a table takes


class Page:
    """An HTML file that needs nothing else: `.save("backprop.html")`, or shown in a notebook."""

    def __init__(self, title: str, data: dict[str, Any]) -> None:
        self.title, self.data = title, data

    def html(self) -> str:
        """The whole file as text."""
        contents, load = self.contents(), _lean(_text("load.js"))
        style = _lean("\n".join(_text(f"{name}.css") for name in STYLES))
        allowed = f"style-src {_digest(style)}; script-src {_digest(load)} {_digest(contents.partition(chr(0))[0])}"
        parts = {
            "title": html.escape(shown(self.title, 120)), "style": style, "load": load,
            "policy": f"default-src 'none'; img-src data:; {allowed}",
            "packed": _packed(contents),
        }  # fmt: skip
        pieces = _text("page.html").split("{{")
        rest = [piece.partition("}}") for piece in pieces[1:]]
        return pieces[0] + "".join(parts[name] + after for name, _, after in rest)

    def contents(self) -> str:
        """What the file holds packed: its script, and after a zero the data, as JSON."""
        told = {name: part if name == "live" else _tables(part) for name, part in self.data.items()}
        data = json.dumps(told, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return f"{_lean(self._script())}\0{data}"

    def _script(self) -> str:
        """The scripts that this page needs; what it does not have is null to the others."""
        used = {name: not part or self.data[part] for name, part in SCRIPTS.items()}
        parts = [_text(f"{name}.js") if used[name] else f"const {name} = null;" for name in SCRIPTS]
        if self.data["live"]:
            parts.insert(0, f"const Machine = (() => {{\n{source(self.data['live'])}\nreturn Machine;\n}})();")
        return "\n".join(parts)

    def save(self, path: Any) -> str:
        """Write the file."""
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(self.html(), "utf-8")
        return str(target)

    def _repr_html_(self) -> str:
        return (
            f'<iframe title="{html.escape(shown(self.title))}" srcdoc="{html.escape(self.html())}" '
            'style="width:100%;box-sizing:border-box;height:640px;border:1px solid #888"></iframe>'
        )

    def __repr__(self) -> str:
        return f"<Page {self.title!r}: {len(self.data['nodes'])} nodes, {len(self.data['steps'])} steps>"


@cache
def _text(name: str) -> str:
    return (files(__package__) / "page" / name).read_text("utf-8")


def _lean(text: str) -> str:
    """The same program without its comments and indentation."""
    lines = (line.strip() for line in text.split("\n"))
    return "\n".join(line for line in lines if line and not line.startswith("//"))


def _digest(text: str) -> str:
    """The one script, or style, that the policy allows."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _packed(text: str) -> str:
    """A text in a third of its size, as letters and digits, which end no element."""
    return base64.b64encode(zlib.compress(text.encode(), 6)).decode()


def _tables(data: object) -> Any:
    """The same data, lists of alike objects as tables, which name each key once, where that is shorter."""
    if isinstance(data, dict):
        return {k: _tables(v) for k, v in data.items()}
    if not isinstance(data, list) or not data or data[0].__class__ not in NESTED:
        return data
    if not all(isinstance(v, dict) for v in data) or len(data) * sum(len(k) + 3 for k in data[0]) < TABLE:
        return [_tables(v) for v in data]
    tables = [
        {"$columns": keys, "rows": [[_tables(v) for v in row.values()] for row in rows]}
        for keys, rows in itertools.groupby(data, key=tuple)
    ]
    return {"$tables": tables}
