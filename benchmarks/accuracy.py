"""How far elementary functions of machine code are from the exact values: all of float32, and samples of float64.

    python benchmarks/accuracy.py                 # all 2**32 inputs of each function, some minutes for each
    python benchmarks/accuracy.py exp tanh --every 4096
    python benchmarks/accuracy.py --write         # and write the lines of the table in docs/benchmarks.md

For float32 the exact value is that of float64, by NumPy and SciPy; for float64 it is mpmath's, with 40 digits. The
error is counted in units in the last place (ulp) of the exact value rounded to the dtype; infinities, nan and signed
zeros must be the same.
"""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from page import processor, write_rows

from tinygrad_edu.compiler.execute import Executor
from tinygrad_edu.op import REGISTRY
from tinygrad_edu.program.reading import ProgramReading

FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    **{name: getattr(np, name) for name in ("exp", "log", "log1p", "expm1", "tanh", "sin", "cos")},
    **{name: lambda x, name=name: REGISTRY[name](x) for name in ("sigmoid", "erf")},
    **{name: getattr(np, name) for name in ("sqrt", "exp2", "log2", "log10")},
    "pow": lambda x: x**EXPONENT,
}
EXPONENT = 2.7109375  # of which float32 has all digits
PIECE = 1 << 18


def exact(name: str, x: Any) -> Any:
    """The values in float64."""
    if name == "erf":
        from scipy.special import erf

        return erf(x)
    return 1 / (1 + np.exp(-x)) if name == "sigmoid" else FUNCTIONS[name](x)


def compiled(f: Callable[[Any], Any], like: Any) -> Callable[[Any], Any]:
    """A function of arrays like this one in machine code."""
    with ProgramReading() as reading:
        y = f(reading.argument(like, 0))
        written, _ = reading.end([y])
    run = Executor(written.program)
    return lambda x: run([x])[0]


def inputs(every: int) -> Iterator[Any]:
    """All float32 numbers, or some at equal distances, in pieces of one length."""
    for start in range(0, 1 << 32, PIECE * every):
        numbers = np.arange(start, start + PIECE * every, every, dtype=np.uint64) & 0xFFFFFFFF
        yield numbers.astype(np.uint32).view(np.float32)


def error(found: Any, exact: Any) -> Any:
    """In ulp; infinite where what must be the same is not."""
    rounded = exact.astype(np.float32)
    unit = (rounded.view(np.uint32) & 0x7F800000).view(np.float32).astype(np.float64) * 2.0**-23
    ulps = np.abs(found - exact)
    ulps /= np.maximum(unit, 2.0**-149, out=unit)
    odd = np.flatnonzero(~np.isfinite(rounded) | ~np.isfinite(found) | (exact == 0))
    a, b = found[odd], rounded[odd]
    same = (a == b) & (np.signbit(a) == np.signbit(b)) | np.isnan(a) & np.isnan(b)
    ulps[odd] = np.where(same, 0, np.where(np.isfinite(a) & np.isfinite(b) & (a != 0), ulps[odd], np.inf))
    return ulps


def worst(name: str, every: int = 1) -> tuple[float, float]:
    """The largest error of a function of float32, and where."""
    run = compiled(FUNCTIONS[name], np.ones(PIECE, np.float32))
    most, place = 0.0, 0.0
    with np.errstate(all="ignore"):
        for x in inputs(every):
            errors = error(run(x), exact(name, x.astype(np.float64)))
            k = int(np.argmax(errors))
            if errors[k] > most:
                most, place = float(errors[k]), float(x[k])
    return most, place


def worst_sample(name: str, count: int) -> tuple[float, float]:
    """The largest error of a function of float64 at samples of all magnitudes, and where."""
    import mpmath

    rng = np.random.default_rng(0)
    x = rng.uniform(1, 2, count) * 2.0 ** rng.uniform(-40, 10, count).round() * rng.choice([-1, 1], count)
    if name.startswith("log") or name in ("sqrt", "pow"):
        x = np.maximum(x, -x * 2.0**-11) if name == "log1p" else np.abs(x)
    with np.errstate(all="ignore"):
        found = compiled(FUNCTIONS[name], np.ones(count))(x)
    of = {
        "exp2": lambda v: mpmath.mpf(2) ** v,
        "log2": lambda v: mpmath.log(v, 2),
        "pow": lambda v: v**EXPONENT,
        "sigmoid": lambda v: 1 / (1 + mpmath.exp(-v)),
    }.get(name) or getattr(mpmath, name)
    most, place = 0.0, 0.0
    with mpmath.workdps(40):
        for v, y in zip(x.tolist(), found.tolist(), strict=True):
            value = of(mpmath.mpf(v))
            if float(value) in (float("inf"), 0.0) or abs(float(value)) < sys.float_info.min:
                continue  # no room for the digits of a float64
            ulps = float(abs(mpmath.mpf(y) - value) / float(np.spacing(abs(float(value)))))
            if not ulps <= most:
                most, place = ulps, v
    return most, place


HEAD = ["| function | float32, all inputs | at | float64, samples | at |", "| --- | ---: | ---: | ---: | ---: |"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", default=list(FUNCTIONS))
    parser.add_argument("--every", type=int, default=1, help="one input of so many")
    parser.add_argument("--samples", type=int, default=20_000, help="float64 numbers")
    parser.add_argument("--write", action="store_true", help="write the table into docs/benchmarks.md")
    options = parser.parse_args()
    if options.write and options.every != 1:
        parser.error(f"--write is for all inputs; got --every {options.every}; leave one away")
    import llvmlite

    made = f"Largest errors in ulp, on {processor()}; Python {platform.python_version()}, "
    made += f"NumPy {np.__version__}, llvmlite {llvmlite.__version__}."
    print("\n".join(HEAD))
    for name in options.names or FUNCTIONS:
        (most, place), (double, there) = worst(name, options.every), worst_sample(name, options.samples)
        row = f"| {name} | {most:.3f} | {place:.9g} | {double:.3f} | {there:.6g} |"
        print(row, flush=True)
        if options.write:
            write_rows("accuracy", HEAD, {name: row}, list(FUNCTIONS), made)


if __name__ == "__main__":
    main()
