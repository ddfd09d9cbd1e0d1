"""Write the generated parts of the docs: `python docs/generate.py` (or `--check`, which changes nothing).

`python docs/generate.py pages` writes the live pages in `docs/pages/` and that of `docs/seeing/`, and the picture of
the first (by a Chromium, through Playwright).
"""

from __future__ import annotations

import inspect
import os
import pathlib
import re
import runpy
import shutil
import subprocess
import sys
import tempfile
from typing import Any

import tinygrad_edu.nn.functional as F
from tinygrad_edu import nn, optim
from tinygrad_edu.interop.names import public
from tinygrad_edu.interop.pytorch import SENTENCES
from tinygrad_edu.viz import op_table, player

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


LAYERS = """# Layers, losses, functions, optimizers

Made from the docstrings by `make docs`; `help(nn.Linear)` says more. Names and meanings are PyTorch's.
"""


def layers() -> str:
    """Tables of what `nn`, `nn.functional` and `optim` give, with the first words of each docstring."""
    text = LAYERS
    named = [(name, getattr(nn, name)) for name in public(nn)]
    losses = [(name, x) for name, x in named if name.endswith("Loss")]
    modules = [(name, x) for name, x in named if inspect.isclass(x) and not name.endswith("Loss")]
    functions = [(name, getattr(F, name)) for name in public(F)]
    tools = [(f"utils.{name}", getattr(nn.utils, name)) for name in public(nn.utils)]
    tools += [
        (f"utils.parametrize.{name}", getattr(nn.utils.parametrize, name)) for name in public(nn.utils.parametrize)
    ]
    tools += [(f"utils.rnn.{name}", getattr(nn.utils.rnn, name)) for name in public(nn.utils.rnn)]
    optimizers = named_in(optim) + [(f"swa_utils.{name}", x) for name, x in named_in(optim.swa_utils)]
    for title, place, rows in (
        ("Layers: `nn`", "nn", modules), ("Losses: `nn`", "nn", losses), ("Functions: `nn.functional`", "F", functions),
        ("Around models: `nn.utils`", "nn", tools), ("Optimizers and schedules: `optim`", "optim", optimizers),
    ):  # fmt: skip
        text += f"\n## {title}\n\n| name | what it is |\n| --- | --- |\n"
        text += "".join(f"| `{place}.{name}` | {first_words(x)} |\n" for name, x in sorted(rows))
    text += "\n## PyTorch's that are not here\n\n| name | what to use |\n| --- | --- |\n"
    for place, sentences in SENTENCES.items():
        text += "".join(f"| `{place}.{name}` | {sentence} |\n" for name, sentence in sentences.items())
    return text


def named_in(place: Any) -> list[tuple[str, Any]]:
    return [(name, getattr(place, name)) for name in public(place) if callable(getattr(place, name))]


def first_words(x: Any) -> str:
    """The first sentence of a docstring, on one line."""
    lines = (inspect.getdoc(x) or "").split("\n\n")[0].split()
    return re.split(r"(?<=[a-z)`0-9])\. ", " ".join(lines))[0].rstrip(".:").replace("|", "\\|")


def live_pages() -> None:
    """The pages of `examples/seeing/live_pages.py`, and of `other_libraries.py`, which needs PyTorch and JAX."""
    for script in (DOCS.parent / "examples" / "seeing" / "live_pages.py", DOCS / "other_libraries.py"):
        made = runpy.run_path(str(script))
        for name, title, f, inputs in made["pages"]():
            player(f, *inputs, title=title).save(DOCS / "pages" / f"{name}.html")
            print(name)
    with tempfile.TemporaryDirectory() as folder:
        script = DOCS.parent / "examples" / "seeing" / "course_pictures.py"
        # graphs by pygraphviz's Graphviz on every machine: without a `dot` on the PATH, which may be of another version
        subprocess.run([sys.executable, script, folder], check=True, env=os.environ | {"PATH": ""})
        for path in pathlib.Path(folder).iterdir():
            if path.suffix == ".html" or "graphviz" in path.read_text():
                shutil.copy(path, DOCS / "seeing")
    picture("one_hidden_layer")


def picture(name: str) -> None:
    """A page after 150 steps of training, in the middle of the way back."""
    from playwright.sync_api import sync_playwright

    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        tab = browser.new_page(
            viewport={"width": 1280, "height": 720}, reduced_motion="reduce", device_scale_factor=1.5
        )
        tab.goto(f"file://{(DOCS / 'pages' / name).resolve()}.html#step=16")
        tab.fill("#rate", "1")
        for _ in range(150):
            tab.click("#descend")
        tab.wait_for_timeout(200)
        tab.screenshot(path=DOCS / "pages" / f"{name}.png")
        browser.close()


PAGES = {"operations.md": operations, "course.md": course, "layers.md": layers}


def main() -> int:
    if "pages" in sys.argv:
        live_pages()
        return 0
    stale = [name for name, make in PAGES.items() if not (DOCS / name).exists() or (DOCS / name).read_text() != make()]
    if "--check" in sys.argv:
        print("\n".join(f"{name} is not what the code says; run make docs" for name in stale))
        return bool(stale)
    for name in stale:
        (DOCS / name).write_text(PAGES[name]())
    return 0


if __name__ == "__main__":
    sys.exit(main())
