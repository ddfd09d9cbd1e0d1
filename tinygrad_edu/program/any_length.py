"""A program for any length of an axis, from the programs for three lengths: what differs is computed from the length.

A number that is a * n + b for two lengths n, and then for the third as well, is that for all of them; so are shares of
the length, as means have, arrays of one number, and arrays of whole numbers in their order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import GraphError
from .program import Program, Step, Value, key_of

NAMES = {"float32": np.float32, "float64": np.float64, "sqrt": math.sqrt}  # that formulas use


def lengths(n: int) -> tuple[int, int, int]:
    """Three lengths for an axis that has length n: multiples of it, as it may be cut into parts."""
    n = max(n, 2)
    return n, 3 * n, 4 * n


@dataclass(frozen=True)
class LengthFormula:
    """A number that follows from the length `n`, as Python."""

    text: str

    def __repr__(self) -> str:
        return self.text

    def at(self, n: int) -> Any:
        """The number for one length."""
        return eval(self.text, {"n": n, **NAMES})


@dataclass(frozen=True)
class FilledArray:
    """A constant array that follows from the length: all entries one number, or 0, 1, 2, and so on."""

    shape: tuple[Any, ...]
    dtype: np.dtype[Any]
    entry: Any  # a number or a formula; None for whole numbers in order

    def at(self, n: int) -> Any:
        """The array for one length."""
        shape = tuple(k.at(n) if isinstance(k, LengthFormula) else k for k in self.shape)
        if self.entry is None:
            return np.arange(int(np.prod(shape)), dtype=self.dtype).reshape(shape)
        return np.full(shape, self.entry.at(n) if isinstance(self.entry, LengthFormula) else self.entry, self.dtype)


class Merge:
    """One program from those for three lengths. `program` has formulas among the arguments of steps, and arrays that
    follow from the length among its constants; shapes of values are those for the first length."""

    def __init__(self, programs: Sequence[Program], sizes: Sequence[int]) -> None:
        self.sizes = sizes
        self.site: str | None = None
        if len({(len(p.steps), len(p.inputs), len(p.constants), tuple(p.names)) for p in programs}) > 1:
            raise self.refused("other operations for other lengths")
        self.places = [{v: k for k, v in enumerate(p.values())} for p in programs]
        first = programs[0]
        constants = {
            values[0]: self._constant([p.constants[v] for p, v in zip(programs, values, strict=True)])
            for values in zip(*[p.constants for p in programs], strict=True)
        }
        steps = [self._step(steps) for steps in zip(*[p.steps for p in programs], strict=True)]
        results = [self._of(values) for values in zip(*[p.results for p in programs], strict=True)]
        self.program = Program(first.inputs, first.names, constants, steps, results, first.outputs).with_steps(steps)
        self.axes = {  # of inputs
            values[0]: d
            for values in zip(*[p.inputs for p in programs], strict=True)
            for d, found in enumerate(zip(*[v.shape for v in values], strict=True))
            if list(found) == list(sizes)
        }
        if not self.axes:
            raise self.refused("no input that has this length")

    def refused(self, got: str) -> GraphError:
        """The error for what depends on the length in another way."""
        line = f" at {self.site}" if self.site else ""
        return GraphError(
            f"compile: with dynamic=, an axis must be used alike for all lengths; got {got}{line}; "
            "compile it without dynamic="
        )

    def _step(self, steps: Sequence[Step]) -> Step:
        first = steps[0]
        self.site = first.site
        if any(step.primitive != first.primitive for step in steps):
            raise self.refused("other operations for other lengths")
        for values in zip(*[step.results for step in steps], strict=True):
            if len({(len(v.shape), v.dtype, v.weak) for v in values}) > 1:
                raise self.refused("other axes or dtypes for other lengths")
        args, kwargs = (self._of([getattr(step, part) for step in steps]) for part in ("args", "kwargs"))
        return Step(first.primitive, args, kwargs, first.results, first.site)

    def _of(self, xs: Sequence[Any]) -> Any:
        """An argument, from those for each length."""
        first = xs[0]
        if any(type(x) is not type(first) for x in xs):
            raise self.refused("other kinds of arguments for other lengths")
        if isinstance(first, Value):
            if len({places[x] for places, x in zip(self.places, xs, strict=True)}) > 1:
                raise self.refused("other operations for other lengths")
            return first
        if isinstance(first, tuple | list):
            if len(set(map(len, xs))) > 1:
                raise self.refused("more arguments for other lengths")
            return type(first)([self._of(parts) for parts in zip(*xs, strict=True)])
        if isinstance(first, dict):
            if any(list(x) != list(first) for x in xs):
                raise self.refused("other settings for other lengths")
            return {k: self._of([x[k] for x in xs]) for k in first}
        if isinstance(first, slice):
            return slice(*(self._of([getattr(x, part) for x in xs]) for part in ("start", "stop", "step")))
        if isinstance(first, np.ndarray):
            return self._constant(xs)
        if all(key_of(x) == key_of(first) for x in xs):
            return first
        return self._number(xs)

    def _number(self, xs: Sequence[Any]) -> LengthFormula:
        """A number that follows from the length."""
        kind = type(xs[0])
        if kind is int:
            line = self._line(xs)
            if line is not None and all(c == round(c) for c in line):
                return LengthFormula(f"({round(line[0])} * n + {round(line[1])})")
        elif issubclass(kind, float | np.floating):
            name = kind.__name__ if issubclass(kind, np.floating) else ""
            line = self._line([float(x) for x in xs])
            text = None if line is None else f"{name}({line[0]!r} * n + {line[1]!r})"
            share = self._share(xs)
            found = next((t for t in (text, *(f"{name}({s})" for s in share)) if t and self._right(t, xs)), None)
            if found is not None:
                return LengthFormula(found)
        raise self.refused("a number that depends on it")

    def _right(self, text: str, xs: Sequence[Any]) -> bool:
        return all(LengthFormula(text).at(n) == x for n, x in zip(self.sizes, xs, strict=True))

    def _line(self, xs: Sequence[Any]) -> tuple[float, float] | None:
        """a and b of a * n + b, if these are the numbers for all lengths n."""
        n, m, k = self.sizes
        a = (xs[1] - xs[0]) / (m - n)
        b = xs[0] - a * n
        return (a, b) if np.isclose(a * k + b, xs[2], rtol=1e-12, atol=0) else None

    def _share(self, xs: Sequence[Any]) -> list[str]:
        """c / n, as means have; m / (m - 1) for m = a * n + b, as variances have; a root, as deviations have."""
        shares = [float(x) * n for x, n in zip(xs, self.sizes, strict=True)]
        found = []
        roots = self._line([float(x) ** 2 for x in xs])
        if roots is not None:
            found.append(f"sqrt({round(roots[0], 9)!r} * n + {round(roots[1], 9)!r})")
        if np.allclose(shares, shares[0], rtol=1e-6, atol=0):
            found += [f"{round(shares[0] * k) / k!r} / n" for k in range(1, 65)] + [f"{shares[0]!r} / n"]
            if round(1 / shares[0] if shares[0] else 0):  # 1 / (k * n)
                found.append(f"1.0 / ({round(1 / shares[0])} * n)")
        if min(map(float, xs)) > 1:
            counts = [round(x / (x - 1)) for x in map(float, xs)]
            line = self._line(counts) if min(counts) > 1 else None
            found += [] if line is None else [f"({line[0]!r} * n + {line[1]!r}) / ({line[0]!r} * n + {line[1] - 1!r})"]
        return found

    def _constant(self, arrays: Sequence[Any]) -> Any:
        """A constant array."""
        first = np.asarray(arrays[0])
        arrays = [np.asarray(a) for a in arrays]
        if all(a.dtype == first.dtype and a.shape == first.shape and a.tobytes() == first.tobytes() for a in arrays):
            return first
        if len({(a.dtype, a.ndim) for a in arrays}) > 1 or not all(a.size for a in arrays):
            raise self.refused("a constant array that depends on it")
        shape = tuple(self._of([int(a.shape[d]) for a in arrays]) for d in range(first.ndim))
        if all(a.tobytes() == a.flat[0].tobytes() * a.size for a in arrays):
            return FilledArray(shape, first.dtype, self._of([a.flat[0] for a in arrays]))
        if first.dtype.kind in "iu" and all(np.array_equal(a.reshape(-1), np.arange(a.size)) for a in arrays):
            return FilledArray(shape, first.dtype, None)
        raise self.refused("a constant array that depends on it")
