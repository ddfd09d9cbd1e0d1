"""What kernels cost by their form: the bytes that they read and write, and their operations on real numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from ..program.program import Step, Value
from . import mathematics
from .kernels import Convolution, Loop, MatrixProduct
from .views import View

NOTHING = {"positive", "copy", "astype", "zeros_like", "ones_like", "conjugate", "getitem", "take_along_axis", "where"}
ROOTS = 8  # operations that a processor's square root, and what LLVM calls a library for, count as
LIBRARY = {"sqrt", "power", "sin", "cos", "exp2", "log2", "log10"}


def flops(kernel: Loop | MatrixProduct | Convolution) -> int:
    """Additions, multiplications, divisions, comparisons; a function counts as those of which it is made."""
    if isinstance(kernel, MatrixProduct):
        return 2 * kernel.out.size * kernel.a.shape[-1]
    if isinstance(kernel, Convolution):
        return 2 * kernel.y.size * kernel.x.shape[2] * math.prod(kernel.w.shape[3:])
    entries = math.prod(kernel.shape)
    once = sum(_cost(step) for step in kernel.steps) + len(kernel.reductions)
    return entries * (once + sum(added for *_, added in kernel.scatters))


def _cost(step: Step) -> int:
    name, dtype = step.primitive, step.results[0].dtype
    if name in NOTHING or dtype.kind not in "fb":
        return 0
    type = "double" if dtype == np.float64 else "float"
    if mathematics.ours(name, type):
        return mathematics.operations(name, type)
    return ROOTS if name in LIBRARY else 1


def traffic(kernel: Loop | MatrixProduct | Convolution) -> int:
    """Bytes of memory that it reads and writes, each entry of a view once."""
    return sum(_entries(view) * view.buffer.dtype.itemsize for view in views(kernel))


def views(kernel: Loop | MatrixProduct | Convolution) -> Iterator[View]:
    """What it reads and writes; of what is picked by indices, as much as is picked."""
    if isinstance(kernel, Convolution):
        yield from (kernel.x, kernel.w, kernel.y)
    elif isinstance(kernel, MatrixProduct):
        yield from (kernel.a, kernel.b, kernel.out)
    else:
        yield from (*kernel.loads.values(), *kernel.stores.values(), *(view for _, view in kernel.reductions))
        picked = [view for view, _ in kernel.gathers.values()]
        for view in (*picked, *(view for view, _, _, added in kernel.scatters for _ in range(1 + added))):
            yield View(view.buffer, 0, (1,), (math.prod(kernel.shape),))


def _entries(view: View) -> int:
    return math.prod(n for n, s in zip(view.shape, view.strides, strict=True) if s)


def described(kernel: Loop | MatrixProduct | Convolution) -> str:
    """The operations that it joins, over which shape."""
    if isinstance(kernel, MatrixProduct):
        (m, k), n = kernel.a.shape[-2:], kernel.b.shape[-1]
        lead = "".join(f"{size} x " for size in kernel.out.shape[:-2])
        return f"matmul {lead}({m}, {k}) @ ({k}, {n})"
    if isinstance(kernel, Convolution):
        what = "gradient of kernels" if kernel.weight else "convolution"
        return f"{what}, {math.prod(kernel.w.shape[3:])} taps, {kernel.y.size} entries"
    steps = list(kernel.steps)
    names = [step.primitive for step in steps if step.primitive != "positive"]
    names += [step.primitive for step, _ in kernel.reductions]
    names += ["add at indices" if added else "write at indices" for *_, added in kernel.scatters]
    counted = {name: names.count(name) for name in names} or {"copy": 1}
    text = " ".join(name + (f" x{n}" if n > 1 else "") for name, n in counted.items())
    return f"{text} over {kernel.shape}"


def lines(kernel: Loop | MatrixProduct | Convolution, sites: dict[Value, str | None]) -> list[str]:
    """The user's lines that it computes."""
    if isinstance(kernel, Loop):
        steps = [*kernel.steps, *(step for step, _ in kernel.reductions)]
        found = [site for step in steps for site in (step.site or sites.get(step.results[0]),)]
    else:
        found = [kernel.site]
    return [site for site in dict.fromkeys(found) if site is not None]
