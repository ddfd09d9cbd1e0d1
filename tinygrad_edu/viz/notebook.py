"""How tensors, modules and operations show themselves in a notebook.

Importing `tinygrad_edu.viz` inside one is enough; elsewhere `%load_ext tinygrad_edu.viz.notebook`.
"""

from __future__ import annotations

import html
import sys
from typing import TYPE_CHECKING, Any

from ..op import Op
from .formulas.table import row
from .graph.values import facts_text, markup, short

if TYPE_CHECKING:
    from ..nn.module import Module


def tensor_html(x: Any) -> str:
    """Name, shape, dtype, what made it; value and gradient, shortened."""
    rows = [("tensor", x.name or "without a name"), ("shape and dtype", facts_text(x._data))]
    rows.append(("made by", x.op.name if x.op else "you" + (", needs a gradient" if x.flags else "")))
    rows.append(("value", short(x._data)))
    if x._grad is not None:
        rows.append(("gradient", short(x._grad._data)))
    return _table(rows)


def op_html(op: Op) -> str:
    """The op's row of the table of operations."""
    found = row(op)
    rows = [("operation", found.name), ("kind", found.kind), ("value", found.value)]
    rows += [("gradient", text) for text in found.gradients]
    return _table([*rows, ("domain", found.domain), *([("", found.doc)] if found.doc else [])])


def module_html(module: Module) -> str:
    """Its repr, and a line for each parameter."""
    parameters = list(module.named_parameters())
    rows = [(name, facts_text(p._data)) for name, p in parameters[:40]]
    if len(parameters) > 40:
        rows.append(("...", f"{len(parameters) - 40} more"))
    return f"<pre>{html.escape(repr(module))}</pre>{_table(rows)}"


def _table(rows: list[tuple[str, str]]) -> str:
    cells = "".join(
        f'<tr><th style="text-align:left">{markup(head)}</th>'
        f'<td style="text-align:left"><code>{markup(text, 200)}</code></td></tr>'
        for head, text in rows
    )
    return f"<table>{cells}</table>"


def load_ipython_extension(shell: Any) -> None:
    """Tell a notebook how to show these three."""
    formatter = shell.display_formatter.formatters["text/html"]
    formatter.for_type(Op, op_html)
    formatter.for_type_by_name("tinygrad_edu.tensor", "Tensor", tensor_html)
    formatter.for_type_by_name("tinygrad_edu.nn.module", "Parameter", tensor_html)
    formatter.for_type_by_name("tinygrad_edu.nn.module", "Module", module_html)


def in_notebook() -> None:
    """Called when `viz` is imported: nothing happens outside of IPython.

    >>> from tinygrad_edu.viz.notebook import in_notebook
    >>> in_notebook()  # here, nothing
    """
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None and hasattr(ipython, "get_ipython") else None
    if shell is not None:
        load_ipython_extension(shell)
