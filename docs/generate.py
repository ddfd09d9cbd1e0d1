"""Write the generated parts of the docs: `python docs/generate.py` (or `--check`, which changes nothing)."""

from __future__ import annotations

import pathlib
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
        rows.append(f"| {row.name} | {row.kind} | `{row.value}` | {gradients} | {row.domain} |".replace("||", "\\|\\|"))
    return HEAD + "\n".join(rows) + "\n"


PAGES = {"operations.md": operations}


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
