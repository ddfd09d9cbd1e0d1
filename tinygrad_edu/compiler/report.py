"""What a compiled function does and how long it takes: kernel by kernel, beside what this machine can do."""

from __future__ import annotations

import ctypes
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from ..program.primitives import function_of
from ..program.program import Step
from . import costs, native, rolled
from .roofline import Roofline

ROUNDS = 5  # of which the quickest counts
COPIED = 1 << 26  # bytes that are copied to find how fast memory is: more than caches hold
SIDE = 1024  # rows of the matrices whose product is timed


@dataclass(frozen=True)
class KernelRow:
    """Equal kernels, or one step on NumPy."""

    name: str
    what: str
    lines: tuple[str, ...]
    calls: int
    bytes: int  # of all calls, as are operations and seconds
    flops: int
    seconds: float


class Timing(str):
    """The text, which prints as it is; `rows` are its numbers, `roofline()` is its picture."""

    __slots__ = ("bandwidth", "peak", "rows")
    rows: list[KernelRow]
    bandwidth: float  # bytes per second
    peak: float  # operations per second

    def __new__(cls, head: str, rows: list[KernelRow]) -> Timing:
        bandwidth, peak = limits()
        self = super().__new__(cls, "\n".join([head, *_table(rows, bandwidth, peak)]))
        self.rows, self.bandwidth, self.peak = rows, bandwidth, peak
        return self

    def __repr__(self) -> str:
        return str(self)

    def roofline(self) -> Roofline:
        """Kernels by their operations for each byte and their speed, under what memory and products allow."""
        return Roofline(
            [row for row in self.rows if row.flops and row.bytes and row.seconds], self.bandwidth, self.peak
        )


@cache
def limits() -> tuple[float, float]:
    """Bytes per second of a copy in memory, and operations per second of a product of float32 matrices in BLAS."""
    x = np.ones(COPIED // 8)
    y = np.empty_like(x)
    a = np.ones((SIDE, SIDE), np.float32)
    b = np.empty_like(a)
    return 2 * COPIED / _quickest(lambda: np.copyto(y, x)), 2 * SIDE**3 / _quickest(lambda: np.matmul(a, a, out=b))


def _quickest(f: Callable[[], Any]) -> float:
    found = []
    for _ in range(ROUNDS + 1):  # the first one meets new memory
        start = time.thread_time()
        f()
        found.append(time.thread_time() - start)
    return min(found[1:])


def report(head: str, executor: Any, arrays: Sequence[Any]) -> Timing:
    """Run a program on copies of these inputs, part by part, and see how long each takes."""
    known = {**executor.program.constants, **dict(zip(executor.program.inputs, arrays, strict=True))}
    sites = {v: step.site for step in executor.program.steps for v in step.results}
    rows: list[KernelRow] = []
    with np.errstate(all="ignore"):
        for part in executor.parts:
            if isinstance(part, Step):
                rows.append(_on_numpy(part, known))
            else:
                known.update(_natively(part, known, sites, rows))
    return Timing(head, rows)


def _on_numpy(step: Step, known: dict[Any, Any]) -> KernelRow:
    """A step for which there is no kernel."""
    now, function = step.on(known.__getitem__), function_of(step.primitive)
    found = function(*now.args, **now.kwargs)
    parts = found if len(step.results) > 1 or isinstance(found, tuple | list) else (found,)
    known.update(zip(step.results, parts, strict=True))
    moved = sum(np.asarray(known[v]).nbytes for v in dict.fromkeys((*step.uses, *step.results)) if not v.weak)
    lines = (step.site,) if step.site else ()
    seconds = _quickest(lambda: function(*now.args, **now.kwargs))
    return KernelRow("NumPy", f"{step.primitive} over {step.results[0].shape}", lines, 1, moved, 0, seconds)


def _natively(part: Any, known: dict[Any, Any], sites: Any, rows: list[KernelRow]) -> dict[Any, Any]:
    """The kernels of one native function, each called alone, in their order."""
    module = part.module
    text = "\n\n".join([*module.functions, rolled.single(module.calls)])
    engine, functions = native.compiled(text, ("one",))
    one = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p)(functions["one"])
    outputs, pointers, numbers, kept = part.given([known[v] for v in (*part.inputs, *part.numbers)], copied=True)
    calls, clock = len(module.calls), time.thread_time
    found = np.empty((ROUNDS, calls))
    for k in range(ROUNDS):
        for i in range(calls):
            start = clock()
            one(i, pointers, numbers)
            found[k, i] = clock() - start
    nothing = statistics.median(_quickest(lambda: one(-1, pointers, numbers)) for _ in range(ROUNDS))
    times = np.maximum(found.min(0) - nothing, 0)
    alike: dict[str, list[int]] = {}
    for i, call in enumerate(module.calls):
        alike.setdefault(call.name, []).append(i)
    for name, places in alike.items():
        seconds = float(times[places].sum())
        kernel = part.lowering.kernels[places[0]] if places[0] < len(part.lowering.kernels) else None
        if kernel is None:
            size = int(name.split()[1])
            rows.append(KernelRow("copy", f"copy of {size} bytes", (), len(places), 2 * size * len(places), 0, seconds))
            continue
        lines = dict.fromkeys(line for i in places for line in costs.lines(part.lowering.kernels[i], sites))
        n = len(places)
        rows.append(
            KernelRow(
                name,
                costs.described(kernel),
                tuple(lines),
                n,
                n * costs.traffic(kernel),
                n * costs.flops(kernel),
                seconds,
            )
        )
    del engine, kept
    return dict(zip(part.outputs, outputs, strict=True))


def _table(rows: Sequence[KernelRow], bandwidth: float, peak: float) -> list[str]:
    """The rows as text, those that take longest first."""
    total = sum(row.seconds for row in rows)
    text = [
        f"{sum(row.calls for row in rows)} calls in {_time(total)}; this machine copies {bandwidth / 1e9:.3g} GB/s, "
        f"its BLAS makes {peak / 1e9:.3g} GFLOP/s; `limit` is the least time by these, as a share of the time",
        f"{'time':>8} {'share':>6} {'calls':>6} {'bytes':>8} {'flops':>8} {'GB/s':>7} {'GFLOP/s':>8} {'limit':>6} what",
    ]
    for row in sorted(rows, key=lambda row: -row.seconds):
        seconds = row.seconds or 1e-12
        least = max(row.bytes / bandwidth, row.flops / peak)
        text.append(
            f"{_time(row.seconds):>8} {row.seconds / (total or 1):>6.1%} {row.calls:>6} {_count(row.bytes):>8} "
            f"{_count(row.flops):>8} {row.bytes / seconds / 1e9:>7.3g} {row.flops / seconds / 1e9:>8.3g} "
            f"{min(least / seconds, 9.99):>6.0%} {row.name}: {row.what}"
        )
        text += [f"{'':>66}{line}" for line in row.lines]
    return text


def _time(seconds: float) -> str:
    return next(
        (f"{seconds / unit:.3g} {name}" for unit, name in ((1, "s"), (1e-3, "ms")) if seconds >= unit),
        f"{seconds * 1e6:.3g} µs",
    )


def _count(n: float) -> str:
    for unit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if n >= unit:
            return f"{n / unit:.3g}{name}"
    return str(int(n))
