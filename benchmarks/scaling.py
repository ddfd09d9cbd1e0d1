"""How time and memory grow with the length of a chain, the batch, the width, and the steps of a recurrent network.

    python benchmarks/scaling.py                  # some minutes
    python benchmarks/scaling.py --write          # and write the table of docs/benchmarks.md

Each size has a process of its own. An exponent p is the slope of a line through the logarithms: twice the size takes
2**p times as long. That of memory is of what three steps add to the peak of the process, beyond the smallest size's.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from page import PAGE, processor, write_rows
from worker import memory, timed

CASES: dict[str, tuple[int, ...]] = {
    "length of a chain of operations": (1000, 2000, 4000, 8000, 16000),
    "batch, MLP 64-256-256-10": (64, 256, 1024, 4096),
    "width, MLP of three layers, batch 64": (128, 256, 512, 1024),
    "steps, LSTM 32 to 64, batch 16": (16, 32, 64, 128, 256),
}
HEAD = [
    "| what grows | from | to | time, eager | time, compiled | memory, eager | memory, compiled |",
    "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
]


def work(name: str, size: int) -> tuple[Callable[..., Any], list[Any]]:
    """A function, and its arguments."""
    import tinygrad_edu as tg
    from tinygrad_edu import nn, optim

    rng = np.random.default_rng(0)
    if name.startswith("length"):

        def chain(x: Any) -> Any:
            y = x
            for _ in range(size // 2):
                y = y * 0.999 + 0.001
            return y

        return tg.value_and_grad(chain), [tg.Tensor(1.0)]
    if name.startswith("steps"):
        model: Any = nn.LSTM(32, 64)
        x = tg.Tensor(rng.normal(size=(size, 16, 32)).astype(np.float32))
    else:
        wide, batch = (256, size) if name.startswith("batch") else (size, 64)
        model = nn.Sequential(nn.Linear(64, wide), nn.ReLU(), nn.Linear(wide, wide), nn.ReLU(), nn.Linear(wide, 10))
        x = tg.Tensor(rng.normal(size=(batch, 64)).astype(np.float32))
    optimizer = optim.SGD(model.parameters(), lr=0.01)

    def step(x: Any) -> Any:
        optimizer.zero_grad()
        y = model(x)
        loss = ((y[0] if isinstance(y, tuple) else y) ** 2).mean()
        loss.backward()
        optimizer.step()
        return loss

    return step, [x]


def child(name: str, size: int, compiled: bool) -> None:
    f, arguments = work(name, size)
    if compiled:
        import tinygrad_edu as tg

        f = tg.compile(f)
        f(*arguments)
    before = memory("VmRSS")
    for _ in range(3):
        result = f(*arguments)  # the last one's graph lives, as in a training loop
    added = memory("VmHWM") - before
    del result
    calls = max(1, int(0.1 / timed(lambda: f(*arguments), 2)))
    print(json.dumps([min(timed(lambda: f(*arguments), calls) for _ in range(5)), added]))


def measured(name: str, size: int, compiled: bool) -> tuple[float, int]:
    command = [sys.executable, __file__, "--child", name, str(size), str(int(compiled))]
    settings = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(PAGE.parent.parent)}
    settings |= {"TINYGRAD_EDU_CACHE": "off"}
    found = subprocess.run(command, env={**os.environ, **settings}, capture_output=True, text=True)
    if found.returncode:
        raise RuntimeError(f"{name}, {size}: {found.stderr}")
    seconds, added = json.loads(found.stdout)
    return seconds, added


def exponent(sizes: tuple[int, ...], found: list[float]) -> str:
    """The slope of log(found) over log(size); nothing where it does not grow."""
    grown = [(n, v) for n, v in zip(sizes, found, strict=True) if v > 0]
    if len(grown) < 3:
        return "-"
    slope = np.polyfit(*np.log(np.array(grown, float).T), 1)[0]
    return f"{slope:.2f}"


def row(name: str, sizes: tuple[int, ...]) -> str:
    cells: list[list[str]] = [[], []]
    for compiled in (False, True):
        times, sizes_added = zip(*(measured(name, size, compiled) for size in sizes), strict=True)
        least = sizes_added[0]
        cells[0].append(exponent(sizes, list(times)))
        cells[1].append(exponent(sizes[1:], [added - least for added in sizes_added[1:]]))
    return f"| {name} | {sizes[0]} | {sizes[-1]} | {' | '.join(cells[0] + cells[1])} |"


def main() -> None:
    if sys.argv[1:2] == ["--child"]:
        name, size, compiled = sys.argv[2:]
        child(name, int(size), compiled == "1")
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="parts of what grows; all, if none is given")
    parser.add_argument("--write", action="store_true", help="write the table into docs/benchmarks.md")
    options = parser.parse_args()
    made = f"Exponents, {processor()}; Python {platform.python_version()}, NumPy {np.__version__}."
    print("\n".join(HEAD))
    for name, sizes in CASES.items():
        if not options.names or any(part in name for part in options.names):
            line = row(name, sizes)
            print(line, flush=True)
            if options.write:
                write_rows("scaling", HEAD, {name: line}, list(CASES), made)


if __name__ == "__main__":
    main()
