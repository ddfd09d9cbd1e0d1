"""Write the generated parts of the docs: `python docs/generate.py` (or `--check`, which changes nothing)."""

from __future__ import annotations

import pathlib
import re
import sys

from tinygrad_edu.viz import op_table

DOCS = pathlib.Path(__file__).parent

HEAD = """# Operations

Made from the declarations by `make docs`; nothing here is written by hand. In a gradient, `g` is the gradient of
the output and `y` the output; the domain is where the operation is defined and smooth.

| operation | kind | value | gradient | domain |
| --- | --- | --- | --- | --- |
"""


def operations() -> str:
    """The table of all built-in operations."""
    rows = []
    for row in op_table():
        gradients = "<br>".join(f"`{g}`" for g in row.gradients) or "none"
        cells = (row.name, row.kind, f"`{row.value}`", gradients, row.domain)
        rows.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return HEAD + "\n".join(rows) + "\n"


COURSES = (
    "Neural networks and deep learning",
    "Improving networks",
    "Structuring projects",
    "Convolutional networks",
    "Sequence models",
)


def course() -> str:
    """Which example shows what, by the five parts of the course."""
    text = "# The course, example by example\n\nMade from the first lines of the files in `examples/` by `make docs`.\n"
    text += "Run one with `python examples/FOLDER/FILE.py`; `QUICK=1` takes a smaller setting, `OUT=dir` says where\n"
    text += "pictures go. Each opens in Jupyter as a notebook (percent cells).\n"
    found = []
    for path in sorted((DOCS.parent / "examples").glob("[0-9]*/*.py")):
        title, place = re.search(r"# # (.+)\n#\n((?:# .+\n)+)", path.read_text()).groups()  # type: ignore[union-attr]
        line = " ".join(part.removeprefix("# ") for part in place.strip().split("\n"))
        where, _, what = line.partition(": ")
        number, _, rows = where.removeprefix("Course ").partition(", ")
        link = f"[{title}](../examples/{path.parent.name}/{path.name})"
        what = what.replace("|", "\\|")
        found.append((int(number), rows.replace("rows ", "").replace("row ", ""), link, what))
    for number, name in enumerate(COURSES, 1):
        text += f"\n## {number}. {name}\n\n| row | example | what it shows |\n| --- | --- | --- |\n"
        part = [f for f in found if f[0] == number]
        text += "".join(f"| {rows} | {link} | {what} |\n" for _, rows, link, what in part)
    return text


PAGES = {"operations.md": operations, "course.md": course}


def main() -> int:
    stale = [name for name, make in PAGES.items() if not (DOCS / name).exists() or (DOCS / name).read_text() != make()]
    if "--check" in sys.argv:
        print("\n".join(f"{name} is not what the code says; run make docs" for name in stale))
        return bool(stale)
    for name in stale:
        (DOCS / name).write_text(PAGES[name]())
    return 0


if __name__ == "__main__":
    sys.exit(main())
