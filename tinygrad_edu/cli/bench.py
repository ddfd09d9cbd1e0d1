"""Speed against PyTorch and micrograd, as ratios of one interleaved run: `tinygrad-edu bench`.

Peers run in this process, in turn with ours, round after round, so that what slows the machine slows
all. Each figure is the median over rounds; the ratio is the median of the rounds' ratios. `--write`
puts the table into README.md and docs/benchmarks.md of the folder it is given.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import importlib.util
import os
import pathlib
import platform
import re
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from .. import nn, optim
from ..errors import MissingLibraryError
from ..functions.creation import asarray
from ..nn.functional import cross_entropy
from ..tensor import Tensor

CHAIN = 20_000
Job = Callable[[], object]


def chain(make: Callable[[float], Any]) -> Job:
    """y = y * w + b, over and over: 20,000 scalar operations, then backward."""

    def run() -> None:
        y, w, b = make(1.0), make(0.999), make(0.001)
        for _ in range(CHAIN // 2):
            y = y * w + b
        y.backward()

    return run


def our_chain() -> Job:
    return chain(lambda v: Tensor(v, requires_grad=True))


def torch_chain() -> Job:
    torch: Any = importlib.import_module("torch")
    return chain(lambda v: torch.tensor(v, requires_grad=True))


def micrograd_chain() -> Job:
    Value = importlib.import_module("micrograd.engine").Value

    sys.setrecursionlimit(10 * CHAIN)  # micrograd sorts its graph by recursion
    return chain(Value)


def sizes_of(sizes: tuple[int, ...], batch: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(batch, sizes[0])).astype(np.float32), rng.integers(sizes[-1], size=batch)


def layers(module: Any, sizes: tuple[int, ...]) -> list[Any]:
    """Linear and ReLU layers of either library."""
    made = [layer for a, b in pairwise(sizes) for layer in (module.Linear(a, b), module.ReLU())]
    return made[:-1]


def our_step(sizes: tuple[int, ...], batch: int) -> Job:
    x, y = map(asarray, sizes_of(sizes, batch))
    net = nn.Sequential(*layers(nn, sizes))
    adam = optim.Adam(net.parameters())

    def run() -> None:
        adam.zero_grad()
        cross_entropy(net(x), y).backward()
        adam.step()

    return run


def torch_step(sizes: tuple[int, ...], batch: int) -> Job:
    torch: Any = importlib.import_module("torch")

    x, y = map(torch.from_numpy, sizes_of(sizes, batch))
    net = torch.nn.Sequential(*layers(torch.nn, sizes))
    adam = torch.optim.Adam(net.parameters())

    def run() -> None:
        adam.zero_grad()
        torch.nn.functional.cross_entropy(net(x), y).backward()
        adam.step()

    return run


def sequence(module: Any, tensor: Callable[[np.ndarray], Any]) -> Job:
    """An LSTM from 32 to 64 features over 50 steps, batch 32: forward, and backward from the sum."""
    net = module.LSTM(32, 64)
    x = tensor(np.random.default_rng(0).normal(size=(50, 32, 32)).astype(np.float32))
    return lambda: net(x)[0].sum().backward()


def image(module: Any, tensor: Callable[[np.ndarray], Any]) -> Job:
    """Two convolutions with pooling between them on 32 images of 28 x 28: forward, and backward from the sum."""
    net = module.Sequential(module.Conv2d(1, 8, 5), module.ReLU(), module.MaxPool2d(2), module.Conv2d(8, 16, 5))
    x = tensor(np.random.default_rng(0).normal(size=(32, 1, 28, 28)).astype(np.float32))
    return lambda: net(x).sum().backward()


def once(job: Job, repeats: int) -> float:
    start = time.perf_counter()
    for _ in range(repeats):
        job()
    return (time.perf_counter() - start) / repeats


def interleaved(jobs: dict[str, Job], repeats: int, rounds: int) -> dict[str, tuple[float, float]]:
    """For each job: its median time, and the median ratio of the first job's time to it."""
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for job in jobs.values():
        once(job, repeats)  # warm up
    for _ in range(rounds):
        for name, job in jobs.items():
            gc.collect()
            times[name].append(once(job, repeats))
    ours = next(iter(times.values()))
    return {
        name: (statistics.median(t), statistics.median(a / b for a, b in zip(ours, t, strict=True)))
        for name, t in times.items()
    }


def compare(rounds: int) -> list[str]:
    rows = ["| task | tinygrad_edu | peer | ratio | goal |", "| --- | ---: | ---: | ---: | ---: |"]

    def add(task: str, jobs: dict[str, Job], repeats: int, goals: Mapping[str, float | None]) -> None:
        found = interleaved(jobs, repeats, rounds)
        ours = found["ours"][0]
        for peer, goal in goals.items():
            t, ratio = found[peer]
            rows.append(f"| {task} | {show(ours)} | {peer} {show(t)} | {ratio:.2f} | {goal or 'none'} |")
            print(rows[-1], flush=True)

    name = f"chain of {CHAIN:,} scalar operations, forward and backward"
    jobs = {"ours": our_chain(), "PyTorch": torch_chain(), "micrograd": micrograd_chain()}
    add(name, jobs, 1, {"PyTorch": 0.5, "micrograd": 1.5})
    for sizes, batch, repeats, goal in (((2, 16, 16, 2), 32, 100, 0.4), ((784, 256, 128, 10), 128, 10, 1.05)):
        task = f"training step of an MLP {'-'.join(map(str, sizes))}, batch {batch}, with Adam"
        add(task, {"ours": our_step(sizes, batch), "PyTorch": torch_step(sizes, batch)}, repeats, {"PyTorch": goal})
    torch: Any = importlib.import_module("torch")
    for task, work in (("LSTM over 50 steps", sequence), ("two convolutions on 32 images", image)):
        jobs = {"ours": work(nn, asarray), "PyTorch": work(torch.nn, torch.from_numpy)}
        add(f"{task}, forward and backward", jobs, 2, {"PyTorch": None})
    return rows


def lengths() -> list[str]:
    """CPU time of chains of 1e4, 1e5 and 1e6 operations: linear if that of one operation stays the same.

    Measured without Python's collector, which has nothing to find here, and once more with it: looking
    through ever more objects again and again, it makes long chains slower.
    """
    rows = [
        "| operations | build | backward | free | each operation | with Python's collector |",
        "| ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for n in (10_000, 100_000, 1_000_000):
        gc.collect()
        gc.disable()
        parts = long_chain(n)
        gc.enable()
        each, collected = sum(parts) / n, sum(long_chain(n)) / n
        rows.append(f"| {n:,} | {' | '.join(map(show, parts))} | {show(each)} | {show(collected)} |")
        print(rows[-1], flush=True)
    return rows


def long_chain(n: int) -> list[float]:
    """CPU seconds to build a chain of `n` additions, to differentiate it, and to free it."""
    x = Tensor(1.0, requires_grad=True)
    marks = [time.process_time()]
    y = x
    for _ in range(n):
        y = y + 1.0
    marks.append(time.process_time())
    y.backward()
    marks.append(time.process_time())
    del y
    marks.append(time.process_time())
    return [b - a for a, b in pairwise(marks)]


def show(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def machine() -> str:
    torch: Any = importlib.import_module("torch")

    cpu = platform.processor() or platform.machine()
    info = pathlib.Path("/proc/cpuinfo")
    if info.exists() and (found := re.search(r"model name\s*: (.*)", info.read_text())):
        cpu = found[1]
    return (
        f"{cpu}, PyTorch using {torch.get_num_threads()} threads; Python {platform.python_version()}, "
        f"NumPy {np.__version__}, PyTorch {torch.__version__.partition('+')[0]}"
    )


def replace(page: pathlib.Path, mark: str, text: str) -> None:
    """Put text between the lines `<!-- mark -->` and `<!-- end -->` of a page."""
    begin, end = f"<!-- {mark} -->\n", "<!-- end -->"
    head, _, rest = page.read_text().partition(begin)
    if not rest:
        raise SystemExit(f"{page.name}: needs a line {begin.strip()!r}; found none; add it with {end!r} after it")
    page.write_text(head + begin + text + "\n" + end + rest.partition(end)[2])


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, and write if asked to."""
    parser = argparse.ArgumentParser(prog="tinygrad-edu bench", description="Speed against PyTorch and micrograd.")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument(
        "--write", type=pathlib.Path, metavar="DIR", help="update README.md and docs/benchmarks.md there"
    )
    options = parser.parse_args(argv)
    if options.rounds < 1:
        parser.error(f"--rounds must be 1 or more; got {options.rounds}; use e.g. 15")
    pages = [options.write / name for name in ("README.md", "docs/benchmarks.md")] if options.write else []
    for page in pages:
        if not os.access(page, os.R_OK | os.W_OK):
            parser.error(f"--write must name a checkout; got {str(options.write)!r} without {page.name}; go there")
    for library in ("torch", "micrograd"):
        if importlib.util.find_spec(library) is None:
            raise MissingLibraryError("bench: the comparison", library, "bench")
    print(machine())
    table = "\n".join(compare(options.rounds))
    growth = "\n".join(lengths())
    if options.write:
        replace(options.write / "README.md", "speed", f"{table}\n\nMeasured on {machine()}.")
        replace(options.write / "docs" / "benchmarks.md", "speed", f"{table}\n\n{growth}\n\nMeasured on {machine()}.")
    return 0
