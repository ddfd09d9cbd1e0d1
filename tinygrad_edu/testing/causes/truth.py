"""What the engine knows of a function in which a derivative is to be mended: run once on Tensors, it tells the true
derivative of the result by every value in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from ...backward import fit, history, parents, pull
from ...departures import Departure, departures
from ...engine import NEEDS, Variable, constant
from ...functions.joining import stack
from ...recording import SITES, Recording
from ...transforms.forward import push
from ...transforms.trace import may_come_back
from .mending import Mendable

FEW = 12  # derivatives of one shape that are compared with each other
PUSHED = 8  # entries of an argument, at most, by which each value is differentiated from left to right


class Known:
    """Arrays, asked which of them are proportional to a given one."""

    def __init__(self, arrays: Iterable[Any]) -> None:
        groups: dict[tuple[int, ...], list[Any]] = {}
        for a in arrays:
            groups.setdefault(a.shape, []).append(a.ravel())
        self.stacks = {shape: np.stack(group) for shape, group in groups.items()}

    def factors(self, value: Any) -> Any:
        """The numbers `k`, with `value = k * a` for one of the arrays."""
        stack = self.stacks.get(value.shape)
        if stack is None or not value.size:
            return np.zeros(0)
        flat = value.ravel()
        if not flat.any():
            return np.ones(int(np.any(~stack.any(axis=1))))
        squares = np.sum(stack * stack, axis=1)
        k = stack @ flat / np.where(squares, squares, np.inf)
        near = np.all(np.abs(k[:, None] * stack - flat) <= bars(flat), axis=1)
        return k[near]


class Truth:
    """The derivatives of <c, value> by the arguments and by every value on the way, and these values."""

    def __init__(self, pair: Any, c: Any) -> None:
        tensors = [constant(a.array.astype(np.float64)[()]) for a in pair.arguments]
        for t in tensors:
            t.flags = NEEDS
        seen = [(a.name, t) for a, t in zip(pair.arguments, tensors, strict=True)]
        departed: list[Departure] = []
        token = departures.set(departed)
        try:
            with Recording(SITES), np.errstate(all="ignore"):
                result = noting(pair.f, seen)(*pair.placed(tensors))
        finally:
            departures.reset(token)
        value = result[0] if isinstance(result, tuple) else result
        if not hasattr(value, "born"):
            raise TypeError("what it returns is no Tensor, but an array")
        if departed and any(t.born > departed[0].when and may_come_back(t, True) for t in history(value)):
            raise TypeError(f"it takes plain numbers of them, at {departed[0].site}")
        with np.errstate(all="ignore"):
            pulled = list(pull([(value, np.asarray(c, dtype=np.float64).reshape(value.shape)[()])]))
        found = {t.born: np.asarray(g) for t, g in pulled}
        zero = [np.zeros(a.array.shape) for a in pair.arguments]
        self.arguments = [found.get(t.born, z) for t, z in zip(tensors, zero, strict=True)]
        shares = list(_shares(pulled))
        self.nodes = [*found.values(), *(g for _, _, g in shares)]  # by every value in the graph
        self.names: dict[str, list[list[Any]]] = {}  # by the values of each variable: first the whole, then its shares
        self.values: dict[str, list[Any]] = {}  # these values themselves
        self.series = _series([((str(t.op), str(t.site)), found[t.born]) for t, _ in pulled])
        self.series += _series([(use, g) for use, _, g in shares]) + self._layers(pair.arguments)
        births: dict[str, dict[int, None]] = {}  # of the values of each variable, in their order
        for name, v in seen:
            if isinstance(v, Variable) and v.born in found:
                births.setdefault(name, {})[v.born] = None
            elif isinstance(v, Variable) and v.flags & NEEDS:  # no part of the value: of the gradient beside it, say
                continue
            if (known := numbers(getattr(v, "_data", v))) is not None:
                self.values.setdefault(name, []).append(known)
        nodes = {t.born: t for t, _ in pulled}
        for name, born in births.items():
            some = _series([(use, g) for use, b, g in shares if b in born])
            whole, before = [found[b] for b in sorted(born)], [found[_inner(nodes[b]).born] for b in sorted(born)]
            self.names[name] = [whole, *some, *self._local(found, sorted(born), tensors, c), before]
        self.series += [series[0] for series in self.names.values()]
        self.tangents = list(_tangents(tensors, seen, value))
        self.pushed = Known(t for series in self.tangents for t in series)
        self.gradients = Known(self.nodes)
        self.shaped: dict[tuple[int, ...], list[Any]] = {}
        for g in {(g.shape, g.tobytes()): g for g in (*self.nodes, *self.arguments)}.values():
            self.shaped.setdefault(g.shape, []).append(g)
        forward = [numbers(t._data) for t, _ in pulled]
        known = [v for v in forward if v is not None] + [v for vs in self.values.values() for v in vs]
        self.data = Known([*known, *_slopes(self.shaped.values())])

    def _local(self, found: dict[int, Any], born: Sequence[int], tensors: Sequence[Any], c: Any) -> list[list[Any]]:
        """What elementwise code may call `du` as well: the slope of the result by u, and that of u by the input."""
        wholes = [found[b] for b in born]
        if len(tensors) != 1 or any(g.shape != found[tensors[0].born].shape or not g.all() for g in wholes):
            return []
        ratios = [[found[tensors[0].born] / g for g in wholes]]
        return [*([[g / np.reshape(c, g.shape) for g in wholes]] if np.size(c) == wholes[0].size else []), *ratios]

    def agrees(self, k: int, found: Any) -> bool:
        """Whether a gradient by argument `k` is right."""
        return equal(found, self.arguments[k])

    def fitting(self, shape: tuple[int, ...]) -> list[Any]:
        """The different derivatives of a shape; after them those by the arguments, which may need another shape."""
        return self.shaped.get(shape, []) + [g for g in self.arguments if g.shape != shape]

    def _layers(self, arguments: Sequence[Any]) -> list[list[Any]]:
        """The derivatives by arguments whose names differ in a number only, such as W1, W2 and W3."""
        layers: dict[str, list[Any]] = {}
        for a, g in zip(arguments, self.arguments, strict=True):
            layers.setdefault("".join(c for c in a.name if not c.isdigit()), []).append(g)
        return list(layers.values())


def _inner(t: Any) -> Any:
    """The value before the activation, as `dz` may be the derivative by what `z` is a function of, entry by entry."""
    while t.op is not None:
        inputs: list[Any] = [x for x in parents(t) if x.flags & NEEDS]
        if len(inputs) != 1 or inputs[0].shape != t.shape or not t.op.kind.entrywise:
            break
        (t,) = inputs
    return t


def _shares(pulled: Sequence[tuple[Variable, Any]]) -> Iterator[tuple[Any, int, Any]]:
    """What each use of a value that is used several times adds to the derivative by it, as a backward pass may compute
    these one by one: where it is used, its birth, and the share."""
    uses = Counter(x.born for t, _ in pulled if t.op is not None for x in parents(t))
    for t, g in pulled:
        inputs = parents(t) if t.op is not None else []
        for i, x in enumerate(inputs):
            if uses[x.born] > 1 and x.flags & NEEDS and t.op is not None and (rule := t.op.vjps[i]) is not None:
                share = rule(g, t._data, *[v._data for v in inputs], **(t.attributes or {}))
                yield (str(t.op), str(t.site), i), x.born, np.asarray(fit(t.op, share, x))


def _tangents(tensors: Sequence[Any], seen: Sequence[tuple[str, Any]], result: Variable) -> Iterator[list[Any]]:
    """From left to right, as recurrences may carry them along: the derivatives of the values of each variable by each
    small argument, of shape variable + argument; for elementwise code, of the shape of both; by all single numbers."""
    values: dict[int, Any] = {
        v.born: v for _, v in (*seen, ("", result)) if isinstance(v, Variable) and v.flags & NEEDS
    }
    names: dict[str, dict[int, None]] = {"": {result.born: None}}
    for name, v in seen:
        names.setdefault(name, {}).update({v.born: None} if isinstance(v, Variable) and v.born in values else {})
    apart: list[dict[int, Any]] = []  # by each single number
    for x in (x for x in tensors if 0 < x.size <= PUSHED):
        pushes = [push(list(values.values()), [(x, u)]) for u in np.eye(x.size).reshape(-1, *x.shape)]
        shaped = {
            born: np.stack([np.zeros(v.shape) if t is None else np.asarray(t) for t in ts], axis=-1)
            for (born, v), ts in zip(values.items(), zip(*pushes, strict=True), strict=True)
        }
        apart += [shaped] if x.size == 1 else []
        for born in names.values():
            yield [shaped[b].reshape((*values[b].shape, *x.shape)) for b in born]
            if x.shape:
                yield [shaped[b].sum(axis=-1) for b in born if values[b].size in (1, x.size)]
    if len(apart) > 1:
        yield from ([np.concatenate([s[b] for s in apart], axis=-1) for b in born] for born in names.values())


def _slopes(groups: Iterable[Sequence[Any]]) -> Iterator[Any]:
    """What derivatives of one shape may differ by: the slope of an activation, a mask."""
    for group in groups:
        known = [g for g in group[:FEW] if g.all()]
        yield from (g / h for h in known for g in group[:FEW] if g is not h)


def _series(pairs: Sequence[tuple[Any, Any]]) -> list[list[Any]]:
    """The derivatives that have the same key, by the birth of their values: one list for each line and op."""
    series: dict[Any, list[Any]] = {}
    for key, g in reversed(pairs):
        series.setdefault(key, []).append(g)
    return list(series.values())


def noting(f: Callable[..., Any], seen: list[tuple[str, Any]]) -> Any:
    """The function, which notes the values that it, and what it calls, give names to; as it is, if it has no source."""
    try:
        copy = Mendable(f)
    except TypeError:
        return f

    for space in copy.spaces:
        space.update({name: Creating() for name, v in space.items() if v is np})

    def note(k: int, value: Any) -> Any:
        seen.append((copy.sites[k].name, value))
        return value

    return copy.with_hook(note)


class Creating:
    """NumPy, but for arrays that are made to be filled, and those made of Tensors or lists of them: these are Tensors,
    which know what is written into them, and what they are made of."""

    def __getattr__(self, name: str) -> Any:
        found = getattr(np, name)
        if name in ("array", "asarray"):
            return lambda x, *args, **settings: _made_of(x) if _holds(x) else found(x, *args, **settings)
        if name.removesuffix("_like") not in ("zeros", "ones", "empty", "full"):
            return found

        def made(*args: object, **settings: object) -> Any:
            array = found(*args, **settings)
            return constant(array) if isinstance(array, np.ndarray) and array.dtype.kind == "f" else array

        return made


def _holds(x: Any) -> bool:
    """Whether it is a Tensor, or a list with one in it."""
    return isinstance(x, Variable) or (isinstance(x, list | tuple) and any(map(_holds, x)))


def _made_of(x: Any) -> Any:
    """An array of Tensors: a new one, which may be written to."""
    return stack([_made_of(v) if isinstance(v, list | tuple) else v for v in x]) if isinstance(x, list | tuple) else +x


def bars(true: Any) -> Any:
    """How far a number may be from the true one."""
    return 1e-8 * np.max(np.abs(true), initial=0) + 1e-12 * np.abs(true)


def equal(value: Any, true: Any) -> bool:
    """Whether two arrays are the same but for rounding."""
    return value.shape == true.shape and bool(np.all(np.abs(value - true) <= bars(true)))


def numbers(value: object, whole: bool = False) -> Any:
    """The floats in a value, or `whole` numbers as well; None for anything else."""
    kinds, types = ("fiu", float | int) if whole else ("f", float)
    if isinstance(value, np.ndarray | np.generic | types) and np.asarray(value).dtype.kind in kinds:
        return np.asarray(value, dtype=np.float64)
    return None
