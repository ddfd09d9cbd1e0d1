"""How far the elementary functions of machine code are from the exact values, over all float32 numbers.

    python benchmarks/accuracy.py                 # all 2**32 inputs of each function, some minutes for each
    python benchmarks/accuracy.py exp tanh --every 4096

The exact value is NumPy's in float64. The error is counted in units in the last place (ulp) of the exact value rounded
to float32; infinities, nan and signed zeros must be the same.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tinygrad_edu.compiler.execute import Executor
from tinygrad_edu.program.reading import Reading

FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "exp": np.exp, "log": np.log, "log1p": np.log1p, "expm1": np.expm1, "tanh": np.tanh, "sin": np.sin, "cos": np.cos,
    "sqrt": np.sqrt, "exp2": np.exp2, "log2": np.log2, "log10": np.log10,
}  # fmt: skip
PIECE = 1 << 20


def compiled(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A function of `PIECE` float32 numbers in machine code."""
    with Reading() as reading:
        y = f(reading.argument(np.ones(PIECE, np.float32), 0))
        written, _ = reading.end([y])
    run = Executor(written.program)
    return lambda x: run([x])[0]


def inputs(every: int) -> Iterator[Any]:
    """All float32 numbers, or some at equal distances, in pieces of one length."""
    for start in range(0, 1 << 32, PIECE * every):
        numbers = np.arange(start, start + PIECE * every, every, dtype=np.uint64) & 0xFFFFFFFF
        yield numbers.astype(np.uint32).view(np.float32)


def error(x: Any, found: Any, exact: Any) -> Any:
    """In ulp; infinite where what must be the same is not."""
    rounded = exact.astype(np.float32)
    finite = np.isfinite(rounded)
    unit = np.spacing(np.abs(np.where(finite, rounded, 1))).astype(np.float64)
    ulps = np.where(finite, np.abs(found.astype(np.float64) - exact) / unit, 0.0)
    same = np.where(finite, np.isfinite(found), (found == rounded) | (np.isnan(found) & np.isnan(rounded)))
    same &= (exact != 0) | (np.signbit(found) == np.signbit(exact))
    return np.where(same, ulps, np.inf)


def worst(name: str, every: int = 1) -> tuple[float, float]:
    """The largest error of a function, and where."""
    f = FUNCTIONS[name]
    run = compiled(f)
    most, place = 0.0, 0.0
    with np.errstate(all="ignore"):
        for x in inputs(every):
            errors = error(x, run(x), f(x.astype(np.float64)))
            k = int(np.argmax(errors))
            if errors[k] > most:
                most, place = float(errors[k]), float(x[k])
    return most, place


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", default=list(FUNCTIONS))
    parser.add_argument("--every", type=int, default=1, help="one input of so many")
    options = parser.parse_args()
    for name in options.names or FUNCTIONS:
        most, place = worst(name, options.every)
        print(f"{name:6} {most:.3f} ulp at {place!r}", flush=True)


if __name__ == "__main__":
    main()
