"""A table of a model's layers: what each gives out, and how much it has to learn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine import Variable
from ..functions.creation import zeros
from ..recording import no_grad

if TYPE_CHECKING:
    from ..nn.module import Module
    from ..tensor import Tensor


class Summary:
    """The rows `(name, kind, output shape, parameters)` of a model's layers; printed as a table."""

    def __init__(self, rows: list[tuple[str, str, str, int]], total: int, learned: int, size: int) -> None:
        self.rows, self.total, self.learned, self.size = rows, total, learned, size

    def __repr__(self) -> str:
        cells = [("layer", "kind", "output shape", "parameters")]
        cells += [(name, kind, shape, f"{count:,}" if count else "") for name, kind, shape, count in self.rows]
        widths = [max(len(row[k]) for row in cells) for k in range(4)]
        lines = [
            "  ".join([*(c.ljust(w) for c, w in zip(row[:3], widths, strict=False)), row[3].rjust(widths[3])]).rstrip()
            for row in cells
        ]
        lines.insert(1, "-" * max(map(len, lines)))
        lines.append(lines[1])
        frozen = f", {self.total - self.learned:,} of them frozen" if self.total > self.learned else ""
        lines.append(f"{self.total:,} parameters{frozen}, {self.size / 1024:,.1f} KiB")
        return "\n".join(lines)


def example_inputs(inputs: Sequence[Any]) -> Sequence[Any]:
    """Example inputs of a model; one tuple of whole numbers is the shape of one, of zeros."""
    shape_given = len(inputs) == 1 and isinstance(inputs[0], tuple) and all(isinstance(n, int) for n in inputs[0])
    return (zeros(inputs[0]),) if shape_given else inputs


def summary(model: Module, *inputs: object) -> Summary:
    """Run `model` on an example, in eval mode, and note what each layer gives out; see `Module.summary`."""
    examples = example_inputs(inputs)
    if not examples:
        raise TypeError("summary: needs an example input, or its shape; got none; write model.summary((32, 784)), say")
    modules = dict(model.named_modules())
    shapes: dict[str, str] = {}
    modes = {name: module.training for name, module in modules.items()}
    try:
        for name, module in modules.items():
            object.__setattr__(module, "forward", _watched(module.forward, name, shapes))
        model.eval()
        with no_grad():
            model(*examples)
    except ValueError as error:
        given = ", ".join(str(x.shape) if hasattr(x, "shape") else type(x).__name__ for x in examples)
        error.add_note(f"summary ran the model on {given}: the first axis counts examples")
        raise
    finally:
        for name, module in modules.items():
            module.training = modes[name]
            module.__dict__.pop("forward", None)
    rows = [
        ("  " * name.count(".") + (name.rpartition(".")[2] or "model"), type(module).__name__,
         shapes.get(name, "not used"), sum(p.size for p in module.parameters(recurse=False)))
        for name, module in modules.items()
    ]  # fmt: skip
    params = list(model.parameters())
    learned = sum(p.size for p in params if p.requires_grad)
    return Summary(rows, sum(p.size for p in params), learned, sum(np.asarray(p._data).nbytes for p in params))


def _watched(forward: Callable[..., Any], name: str, shapes: dict[str, str]) -> Callable[..., Any]:
    def run(*args: Any, **kwargs: Any) -> Any:
        y = forward(*args, **kwargs)
        shapes[name] = _shape(y)
        return y

    return run


def _shape(y: Tensor) -> str:
    if isinstance(y, tuple | list):
        return ", ".join(_shape(part) for part in y)
    return str(np.shape(y._data)) if isinstance(y, Variable) else type(y).__name__
