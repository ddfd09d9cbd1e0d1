"""What a backward pass must keep to besides its formula, each law with its probe and its sentence.

A probe runs the kernel twice under conditions that must not matter (another layout of the same numbers, a second call,
another forward in between) and compares the gradients. So it needs no numerical derivative, no smooth function, and no
tolerance but that half the digits agree: a fault of this kind is never a matter of rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from ..layouts import laid_out
from .kernel import Kernel

WRITES = "writes into memory that is not its own"
ALIAS = "shares memory"
AGAIN = "a second call differs"
REUSED = "results share one buffer"
STALE = "stale cache"
LINEAR = "not linear in the gradient of the output"
ADJOINT = "rmatvec is not the adjoint of matvec"
PARTLY = "uses one entry of the gradient of the output for all"
LAYOUT = "reads memory as if it were contiguous"
SHARED = "the same array as two inputs"
DTYPE = "dtype of a gradient"
BATCH = "an axis of another length"
EMPTY = "an empty axis"
PRECISION = "another dtype of the inputs"
VALUE = "the forward differs from its reference"
SHAPE = "shape of a gradient"
COARSE = "low precision inside"
LOW = 2.0**-6  # of the largest gradient: rounding of bfloat16, which has 8 bits, leaves no more


Run = Callable[[], Any]


class Finding(NamedTuple):
    """A law that a kernel breaks: its name, the sentence, and how to see it again."""

    pattern: str
    text: str
    argument: str = ""
    pair: tuple[Callable[[], Run], Callable[[], Run]] | None = None  # what prepares two runs that should agree
    where: str = ""  # which layout or dtype showed it


class ProbePoint:
    """Inputs and gradients of the outputs at which a kernel is probed, and what it gives there, in plain arrays."""

    def __init__(self, kernel: Kernel, arrays: Sequence[Any], rng: Any) -> None:
        self.kernel, self.rng = kernel, rng
        self.arrays = [np.array(x, order="C") for x in arrays]
        with np.errstate(all="ignore"):
            self.outputs, pull = kernel.run(self.copies())
            self.outputs = [np.array(y) for y in self.outputs]
            self.cotangents = [self.cotangent(y) for y in self.outputs]
            self.gradients = [np.array(g) for g in pull(self.told())]

    def copies(self) -> list[Any]:
        return [x.copy() for x in self.arrays]

    def told(self) -> list[Any]:
        return [c.copy() for c in self.cotangents]

    def cotangent(self, y: Any) -> Any:
        """Numbers of both signs, each different; 1 for one number."""
        if not np.ndim(y):
            return np.ones_like(y)
        return (self.rng.uniform(0.5, 1.5, y.shape) * self.rng.choice([-1, 1], y.shape)).astype(y.dtype)

    def differs(self, found: Sequence[Any], wanted: Sequence[Any]) -> str | None:
        """The name of the first argument whose gradients differ."""
        pairs = zip(self.kernel.arguments, self.arrays, found, wanted, strict=True)
        return next((a.name for a, x, g, w in pairs if not alike(g, w, self.rounding(x))), None)

    def rounding(self, x: Any) -> float:
        """What rounding may leave of a gradient by `x` that is 0: some units in the last place of one of the size that
        values and inputs suggest."""
        size = sum(float(np.sum(np.abs(c * y))) for c, y in zip(self.cotangents, self.outputs, strict=True))
        return 1024 * float(np.finfo(x.dtype).eps) * size / float(np.max(np.abs(x), initial=0) or 1)


def alike(a: object, b: object, rounding: float = 0.0) -> bool:
    """Whether half the digits agree everywhere, as measured by the largest number of the array."""
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape:
        return False
    if not a.size:
        return True
    eps = max((float(np.finfo(x.dtype).eps) for x in (a, b) if x.dtype.kind == "f"), default=0.0)
    a, b = (x.astype(np.complex128 if x.dtype.kind == "c" else np.float64) for x in (a, b))
    size = np.max(np.abs(b), where=np.isfinite(b), initial=0)
    with np.errstate(all="ignore"):
        near = np.abs(a - b) <= np.sqrt(eps) * size + rounding
    return bool(np.all(near | (a == b) | (np.isnan(a) & np.isnan(b))))


Probe = Callable[[ProbePoint], Iterator[Finding]]


def writes(place: ProbePoint) -> Iterator[Finding]:
    """Inputs, outputs and the gradient of the output are left as they were."""
    kernel = place.kernel
    arrays, cotangents = place.copies(), place.told()
    outputs, pull = kernel.run(arrays)
    for a, x, old in zip(kernel.arguments, arrays, place.arrays, strict=True):
        if not alike_exactly(x, old):
            yield Finding(WRITES, f"the forward writes into its input {a.name}", a.name)
            return
    before = [np.array(y) for y in outputs]
    pull(cotangents)
    for a, x, old in zip(kernel.arguments, arrays, place.arrays, strict=True):
        if not alike_exactly(x, old):
            yield Finding(WRITES, f"the backward writes into the input {a.name}", a.name)
    if not all(map(alike_exactly, cotangents, place.cotangents)):
        yield Finding(WRITES, "the backward writes into the gradient of the output, which others read, too")
    if not all(map(alike_exactly, outputs, before)):
        yield Finding(WRITES, "the backward writes into the output of the forward, which others read, too")


def aliases(place: ProbePoint) -> Iterator[Finding]:
    """No gradient lies in the memory of an input, of the gradient of the output, or of another gradient."""
    if not place.kernel.shares:
        return
    arrays, cotangents = place.copies(), place.told()
    names = [a.name for a in place.kernel.arguments]
    found = place.kernel.run(arrays)[1](cotangents)
    known = [(f"the input {name}", x) for name, x in zip(names, arrays, strict=True)]
    known += [("the gradient of the output", c) for c in cotangents]
    for name, g in zip(names, found, strict=True):
        for what, x in known:
            if np.ndim(g) and np.may_share_memory(g, x):
                text = f"the gradient of {name} is returned in the memory of {what}, not in its own"
                yield Finding(ALIAS, text, name)
        known.append((f"the gradient of {name}", g))


def alike_exactly(a: Any, b: Any) -> bool:
    return np.array_equal(a, b, equal_nan=np.asarray(b).dtype.kind in "fc")


def repeats(place: ProbePoint) -> Iterator[Finding]:
    """A second backward gives the same, adds to nothing, and leaves the first one's result alone."""
    _, pull = place.kernel.run(place.copies())
    first = pull(place.told())
    kept = [np.array(g) for g in first]
    second = [np.array(g) for g in pull(place.told())]
    if name := place.differs(second, kept):
        k = [a.name for a in place.kernel.arguments].index(name)
        third = np.array(pull(place.told())[k])
        grows = third.shape == second[k].shape and alike(third - second[k], second[k] - kept[k])
        more = ": it adds up, and nothing sets it to zero" if grows else ""
        text = f"a second call of the backward gives another gradient of {name}{more}"
        yield Finding(AGAIN, text, name, (partial(_session, place, 1), partial(_session, place, 2)))
        return
    pull([np.asarray(3 * c).astype(c.dtype) for c in place.cotangents])
    if name := place.differs(first, kept):
        text = f"the gradient of {name} that was returned is changed by the next call of the backward"
        yield Finding(REUSED, text, name)


def _session(place: ProbePoint, times: int) -> Run:
    """The last of so many backwards of one forward."""
    _, pull = place.kernel.run(place.copies())
    for _ in range(times - 1):
        pull(place.told())
    return lambda: pull(place.told())


def remembers(place: ProbePoint) -> Iterator[Finding]:
    """Another forward between a forward and its backward changes nothing."""
    other = [moved(x, place.rng) for x in place.arrays]
    alone, between = partial(_interrupted, place, None), partial(_interrupted, place, other)
    try:
        found = between()()
    except Exception as error:
        yield Finding(STALE, f"after another forward, the backward raises {type(error).__name__}: {error}")
        return
    if name := place.differs(found, place.gradients):
        text = f"the gradient of {name} changes when another forward runs between the forward and its backward"
        yield Finding(STALE, text, name, (alone, between))


def _interrupted(place: ProbePoint, other: Sequence[Any] | None) -> Run:
    """A backward after its forward, and maybe another one."""
    _, pull = place.kernel.run(place.copies())
    if other is not None:
        place.kernel.run([x.copy() for x in other])
    return lambda: pull(place.told())


def moved(x: Any, rng: Any) -> Any:
    """Numbers of the same kind and sign, nearby."""
    return (x * rng.uniform(0.8, 0.95, x.shape)).astype(x.dtype) if x.dtype.kind == "f" else np.array(x)


def linear(place: ProbePoint) -> Iterator[Finding]:
    """The gradients are linear in the gradient of the output."""
    if not place.kernel.cotangent or not all(np.all(np.isfinite(g)) for g in place.gradients):
        return
    a, b, found = _mixed(place)
    for argument, x, y, g, old in zip(place.kernel.arguments, a, b, found, place.arrays, strict=True):
        eps = float(np.finfo(argument.array.dtype).eps)
        bar = np.sqrt(eps) * np.max(np.abs(2 * x) + np.abs(0.5 * y), initial=0) + place.rounding(old)
        if not np.all(np.abs(g - (2 * x - 0.5 * y)) <= bar) and not coarseness(place) > 0:
            silent = all(np.array_equal(v, w) for v, w in zip(a, b, strict=True))
            more = ": it is not used at all" if silent and np.any(x) else ""
            name = argument.name
            yield Finding(LINEAR, f"the gradient of {name} is not linear in the gradient of the output{more}", name)
            return


def _mixed(place: ProbePoint) -> tuple[list[Any], list[Any], list[Any]]:
    """The gradients for one gradient of the output, for another, and for twice the one less half of the other."""
    _, pull = place.kernel.run(place.copies())
    first = place.cotangents
    pairs = zip(place.outputs, first, strict=True)
    other = [place.cotangent(y) if np.ndim(y) else np.asarray(-0.75 * c) for y, c in pairs]
    mixed = [np.asarray(2 * a - 0.5 * b).astype(a.dtype) for a, b in zip(first, other, strict=True)]
    b = [np.array(g, dtype=np.float64) for g in pull([np.array(c) for c in other])]
    return (
        [np.array(g, dtype=np.float64) for g in place.gradients],
        b,
        [np.array(g, dtype=np.float64) for g in pull(mixed)],
    )


def coarseness(place: ProbePoint) -> float:
    """How far the gradients are from linear in that of the output, as a share of the largest, if rounding to fewer bits
    than those of the inputs makes it so: rounding leaves twice a number alone, and is small. Else 0."""
    if not place.kernel.cotangent or not all(np.all(np.isfinite(g)) for g in place.gradients):
        return 0.0
    _, pull = place.kernel.run(place.copies())
    twice = pull([np.asarray(2 * c).astype(c.dtype) for c in place.cotangents])
    if not all(map(alike_exactly, twice, [2 * g for g in place.gradients])):
        return 0.0
    off = [
        float(
            np.max(np.abs(g - (2 * x - 0.5 * y)), initial=0) / (np.max(np.abs(2 * x) + np.abs(0.5 * y), initial=0) or 1)
        )
        for x, y, g in zip(*_mixed(place), strict=True)
    ]
    return max(off, default=0.0) if max(off, default=0.0) <= LOW else 0.0


def whole(place: ProbePoint) -> Iterator[Finding]:
    """Every entry of the gradient of the output is used, not one for all."""
    if not place.kernel.cotangent or not any(c.size > 1 for c in place.cotangents):
        return
    other = [place.cotangent(y) for y in place.outputs]
    for c, old in zip(other, place.cotangents, strict=True):
        if c.size and c.ndim:
            c[(0,) * c.ndim] = old[(0,) * c.ndim]
    found = place.kernel.gradients(place.copies(), other)
    if any(map(np.any, place.gradients)) and all(map(np.array_equal, found, place.gradients)):
        yield Finding(PARTLY, "the gradients depend on the first entry of the gradient of the output only")


def cotangent_layouts(place: ProbePoint) -> Iterator[Finding]:
    """The layout of the gradient of the output does not matter."""
    if not place.kernel.cotangent:
        return
    for layout in place.kernel.layouts[1:]:
        told = partial(_laid_out, place.cotangents, layout)
        if any(_changes(t, c, layout) for t, c in zip(told(), place.cotangents, strict=True)):
            yield from _pulled(place, place.copies, told, layout, "the gradient of the output")


def input_layouts(place: ProbePoint) -> Iterator[Finding]:
    """The layout of an input does not matter."""
    for k, (a, x) in enumerate(zip(place.kernel.arguments, place.arrays, strict=True)):
        for layout in () if a.scalar else place.kernel.layouts[1:]:
            if _changes(laid_out(x, layout), x, layout):
                given = partial(_laid_out, place.arrays, layout, k)
                yield from _pulled(place, given, place.told, layout, f"the input {a.name}")


def _laid_out(arrays: Sequence[Any], layout: str, k: int | None = None) -> list[Any]:
    """Arrays in a layout; or only array number `k`, and the others plain."""
    return [laid_out(x, layout if k in (None, i) else "plain") for i, x in enumerate(arrays)]


def _changes(now: Any, before: Any, layout: str) -> bool:
    """Whether a layout is another one at all."""
    if layout == "read-only":
        return now.ndim > 0
    return now.size > 1 and (now.strides != np.array(before).strides or not now.flags.aligned)


def _pulled(
    place: ProbePoint, arrays: Callable[[], list[Any]], told: Callable[[], list[Any]], layout: str, what: str
) -> Iterator[Finding]:
    """Compare a run on arrays as they are with one on plain copies of them."""
    kernel, where = place.kernel, f"{what}: {layout}"
    plain: Run = lambda: kernel.gradients([x.copy() for x in arrays()], [c.copy() for c in told()])
    other: Run = lambda: kernel.gradients(arrays(), told())
    try:
        wanted = [np.array(g) for g in plain()]
        outputs, true = kernel.run(arrays())[0], kernel.run([x.copy() for x in arrays()])[0]
    except Exception:  # numbers like these, or inputs in this layout, are refused by the forward
        return
    if not all(map(alike, outputs, true)):
        yield Finding(LAYOUT, f"the forward gives another value when {what} is {SAID[layout]}", where=where)
        return
    try:
        found = other()
    except Exception as error:
        if layout == "read-only":
            text = f"the backward needs to write into {what}: {type(error).__name__}: {error}"
            yield Finding(WRITES, text, where=where)
        return  # refused, and not in silence
    if name := place.differs(found, wanted):
        text = f"the gradient of {name} is wrong when {what} is {SAID[layout]}"
        yield Finding(LAYOUT, text, name, (partial(_as_it_is, plain), partial(_as_it_is, other)), where)


SAID = {
    "fortran": "in Fortran order",
    "narrow": "a slice of wider rows, as the derivative of a concatenation is",
    "strided": "every second number of an array",
    "repeated": "one number with stride 0, as the derivative of a sum is",
    "reversed": "stored backwards",
    "misaligned": "not aligned",
    "read-only": "read-only",
}


def shared(place: ProbePoint) -> Iterator[Finding]:
    """One array may be passed for two inputs."""
    arguments, arrays = place.kernel.arguments, place.arrays
    pairs = [(i, j) for i in range(len(arrays)) for j in range(i)] if place.kernel.shares else []
    for i, j in pairs:
        if arrays[i].shape != arrays[j].shape or arrays[i].dtype != arrays[j].dtype or not arrays[i].ndim:
            continue
        two, one = partial(_sharing, place, i, j, False), partial(_sharing, place, i, j, True)
        try:
            wanted = two()
        except Exception:  # these must not be equal
            continue
        if name := place.differs(one(), wanted):
            names = f"{arguments[j].name} and {arguments[i].name}"
            text = f"the gradient of {name} is wrong when one array is passed for both {names}"
            yield Finding(SHARED, text, name, (partial(_as_it_is, two), partial(_as_it_is, one)))
            return


def _as_it_is(run: Run) -> Run:
    """A run that needs no preparation."""
    return run


def _sharing(place: ProbePoint, i: int, j: int, one: bool) -> list[Any]:
    """The gradients where input `i` equals input `j`, and is the same array if `one`."""
    given = place.copies()
    given[i] = given[j] if one else np.array(given[j])
    return place.kernel.gradients(given, place.told())


def dtypes(place: ProbePoint) -> Iterator[Finding]:
    """Each gradient has shape and kind of its input, and at least its precision."""
    for a, x, g in zip(place.kernel.arguments, place.arrays, place.gradients, strict=True):
        if g.shape != x.shape and not g.size == x.size == 1:
            yield Finding(SHAPE, f"the gradient of {a.name} has shape {g.shape}, where {a.name} has {x.shape}", a.name)
        elif g.dtype.kind != "f" or g.dtype.itemsize < x.dtype.itemsize:
            yield Finding(DTYPE, f"the gradient of {a.name} is {g.dtype}, where {a.name} is {x.dtype}", a.name)


PROBES: tuple[Probe, ...] = (
    dtypes, writes, repeats, remembers, linear, whole, cotangent_layouts, input_layouts, shared,
)  # fmt: skip


def probed(place: ProbePoint, probes: Sequence[Probe] = PROBES) -> Finding | None:
    """The first law that is broken at a place."""
    with np.errstate(all="ignore"):
        return next((finding for probe in probes for finding in probe(place)), None)
