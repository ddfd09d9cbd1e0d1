"""Tables of docs/benchmarks.md that are written row by row, and the machine that made them."""

from __future__ import annotations

import platform
import re
from collections.abc import Sequence
from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"


def write_rows(mark: str, head: list[str], found: dict[str, str], order: Sequence[str], made: str) -> None:
    """Put rows, by the text of their first cells, between `<!-- mark -->` and `<!-- end -->`; others stay where the
    columns are the same."""
    before, begin, rest = PAGE.read_text().partition(f"<!-- {mark} -->\n")
    if not begin:
        raise SystemExit(
            f"{PAGE.name}: needs a line '<!-- {mark} -->'; found none; add it with '<!-- end -->' after it"
        )
    table, end, rest = rest.partition("<!-- end -->")
    rows = {line.split(" | ")[0].removeprefix("| "): line for line in table.splitlines()} if head[0] in table else {}
    rows |= found
    lines = [*head, *(rows[name] for name in order if name in rows), "", made]
    PAGE.write_text(before + begin + "\n".join(lines) + "\n" + end + rest)


def processor() -> str:
    """The processor's name, as far as the machine tells it."""
    try:
        found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    except OSError:
        found = None
    return found[1] if found else platform.machine()
