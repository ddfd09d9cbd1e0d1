"""What is checked, seen in one way: a function of flat float64 numbers, and its gradient by them.

A `Subject` takes apart the inputs a user gives (arrays, numbers, tensors, and containers of these) and
puts them together again around other numbers, real or complex, in float64 whatever the dtype: the
numerical derivative should not suffer from float16.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any, NamedTuple

import numpy as np

from ...annotations import Array, Function
from ...backward import gradients, history
from ...engine import NEEDS, Variable, constant
from ...recording import Recording
from ..slopes.analytic import watched
from .trees import Path, at, called, leaves, mapped


class Argument(NamedTuple):
    """One array that is differentiated by: where it stands among the inputs, and what it was."""

    name: str
    position: int
    path: Path  # within a container of arrays, else ()
    array: Any
    scalar: bool  # a Python float, to be handed over as one

    @property
    def size(self) -> int:
        return int(self.array.size)

    def of(self, inputs: Sequence[Any]) -> Any:
        """What stands in its place among inputs."""
        return at(inputs[self.position], self.path)


class Mismatch(Exception):  # noqa: N818  (a finding, not an error of this program)
    """The derivative has not the shape that its input asks for."""

    def __init__(self, argument: Argument, got: Any, wanted: tuple[int, ...]) -> None:
        super().__init__(argument.name)
        self.argument, self.got, self.wanted = argument, got, wanted


class Uncomputable(ValueError):  # noqa: N818  (a ValueError by name and nature)
    """A function of the user raised an error."""

    def __init__(self, subject: Subject, name: str, error: Exception) -> None:
        given = ", ".join(f"{a.name} of shape {a.array.shape}" for a in subject.arguments)
        advice = "check its parameters, and their shapes and dtypes"
        if name == "f" and isinstance(error, TypeError):
            advice = _other_call(subject.inputs) or advice
        super().__init__(
            f"{subject.who}: {name} must be computable at the inputs; with {given} it raised {type(error).__name__}: "
            f"{error}; {advice}"
        )


def _other_call(inputs: Sequence[Any]) -> str:
    """The call that was meant, where inputs came in one tuple, or a derivative among the inputs."""
    if any(isinstance(x, FunctionType) for x in inputs):
        return "if one of the inputs is its derivative, written by hand, use check_derivative(f, df, *inputs)"
    together = len(inputs) == 1 and isinstance(inputs[0], tuple | list) and len(inputs[0]) > 1
    return "give the inputs one by one: *inputs in place of inputs" if together else ""


# what functions of `math` say, before Python 3.14 and since
OFF_DOMAIN = re.compile(
    "math domain|expected (a (positive|nonnegative|finite) input|a number in range|a number between|argument value|"
    "a noninteger or positive integer).*, got "
)


def off_domain(error: Exception) -> bool:
    """Whether an error says that a function has no value there, rather than that it is broken."""
    return isinstance(error, ArithmeticError | np.linalg.LinAlgError) or OFF_DOMAIN.match(str(error)) is not None


def _of_hypothesis(error: Exception) -> bool:
    """Whether an error is no error, but the way in which `assume()` asks for other inputs."""
    return type(error).__module__.partition(".")[0] == "hypothesis"


class Accuracy(NamedTuple):
    """How exact the values of a function and its derivative are, relatively; 0 for as exact as their numbers."""

    f: float = 0.0
    df: float = 0.0

    @property
    def given(self) -> bool:
        """Whether either is known to be inexact."""
        return self != (0.0, 0.0)


def accuracy_of(who: str, given: object) -> Accuracy:
    """The argument `accuracy` of a check: a number for both, or a pair."""
    pair = given if isinstance(given, tuple) else (given, given)
    if given is None:
        return Accuracy()
    real = len(pair) == 2 and all(isinstance(v, int | float) and 0 <= v < 1 for v in pair)
    if not real:
        raise ValueError(
            f"{who}: accuracy must be a relative error below 1, or a pair of these for f and df; got {given!r}; write "
            "accuracy=1e-6"
        )
    return Accuracy(*map(float, pair))


class Subject:
    """A function and its derivative. Subclasses say how each is called."""

    who = "check_gradients"
    dtype: Any = None  # in which the function computes, if it cannot in float64
    traced = False  # whether the last value was computed from watched complex numbers, from beginning to end
    through_function = False  # whether each call of the derivative takes one of the function, for what it computes
    complex = True  # whether the complex step may be tried
    accuracy = Accuracy()
    coarse = 0.0  # the unit in the last place of gradients, relatively, if they come in less than float64
    functions: Sequence[Any] = ()  # whose text may tell that they are inexact; what is differentiated as it runs is not

    def __init__(self, f: Function, inputs: Sequence[Any]) -> None:
        if not callable(f):
            raise TypeError(f"{self.who}: f must be a function; got {type(f).__name__}; pass it without calling it")
        self.calls = 0  # how often f was called
        self.seen: list[Any] = []  # its values beside its gradients

        guarded = self.guarded("f", f)

        @functools.wraps(f)
        def counted(*xs: object) -> Any:
            self.calls += 1
            return guarded(*xs)

        self.f, self.inputs = counted, list(inputs)
        names = parameter_names(f, len(inputs))
        found = [a for i, x in enumerate(self.inputs) for a in self.take_apart(names[i], i, x)]
        twice = {a.name for a in found if sum(b.name == a.name for b in found) > 1}
        self.arguments = [
            a._replace(name=f"{names[a.position]}.{a.name}") if a.path and a.name in twice else a for a in found
        ]
        if not self.arguments:
            got = ", ".join(f"{n} ({_kind(x)})" for n, x in zip(names, inputs, strict=False)) or "no inputs"
            raise TypeError(
                f"{self.who}: needs an input of floats to differentiate by; got {got}; write 3.0 for 3, "
                "or use .astype(float)"
            )
        parts = [np.asarray(a.array, dtype=np.float64).ravel() for a in self.arguments]
        self.x = np.concatenate(parts)

    def inexact(self, accuracy: object) -> Any:
        """The subject, told how exact its function and its derivative are."""
        self.accuracy = accuracy_of(self.who, accuracy)
        self.complex = self.complex and not self.accuracy.f  # an inexact function is no formula
        return self

    def slack(self, g: Array) -> Any:
        """How far each entry of a gradient may be off, by the accuracy given: a share of the largest of its array."""
        if not self.accuracy.df:
            return 0.0
        most = [np.full(p.size, np.max(np.abs(p), initial=0)) for p in self.split(g)]
        return self.accuracy.df * np.concatenate(most)

    def guarded(self, name: str, f: Function) -> Callable[..., Any]:
        """The user's function, whose errors are told in a sentence that names it."""

        @functools.wraps(f)
        def guarded(*xs: object, **more: object) -> Any:
            try:
                return f(*xs, **more)
            except Exception as error:
                if off_domain(error) or _of_hypothesis(error):
                    raise
                raise Uncomputable(self, name, error) from error

        return guarded

    def take_apart(self, name: str, position: int, x: object) -> list[Argument]:
        """The arrays of floats in an input, each with its name and place."""
        found = [(path, leaf, self.as_array(called(name, x, path), leaf)) for path, leaf in leaves(x)]
        return [
            Argument(called(name, x, path), position, path, a, isinstance(leaf, float))
            for path, leaf, a in found
            if a is not None
        ]

    def as_array(self, name: str, x: Any) -> Any:
        """The numbers of an input, or None if it is nothing to differentiate by."""
        x = x._data if isinstance(x, Variable) else x.to_numpy() if is_table(x) else x
        if not isinstance(x, float | int | np.ndarray | np.generic | list | tuple):
            return None
        try:
            array = np.asarray(x)
        except ValueError as error:
            raise ValueError(
                f"{self.who}: input {name} must be a rectangular nest of numbers; {error}; make all rows equally long"
            ) from None
        if array.dtype.kind == "c":
            raise TypeError(
                f"{self.who}: input {name} must be real; got {array.dtype}; check real and imaginary part apart"
            )
        return np.array(array) if is_floating(array.dtype) else None

    def rebuilt(self, flat: object, native: bool = False) -> list[Any]:
        """The inputs, with these numbers in place of their own; in their own dtype if `native`."""
        parts = [p.astype(a.array.dtype) if native else p.copy() for a, p in self.paired(flat)]
        return self.placed([self.wrap(a, p) for a, p in zip(self.arguments, parts, strict=True)])

    def placed(self, values: Sequence[Any]) -> list[Any]:
        """The inputs, with a value for each argument in its place; containers are new ones."""
        places = {(a.position, a.path): v for a, v in zip(self.arguments, values, strict=True)}
        return [
            mapped(lambda path, leaf, i=i: places.get((i, path), leaf), x)  # type: ignore[misc]
            for i, x in enumerate(self.inputs)
        ]

    def wrap(self, a: Argument, part: Any) -> Any:
        """An array as what stood in this argument's place: a tensor, a float, a table."""
        old = a.of(self.inputs)
        if part.dtype.kind == "c" and not isinstance(old, Variable):
            return watched(part)
        part = part[()] if part.ndim == 0 else part
        if is_table(old):
            labels = {k: getattr(old, k) for k in ("index", "columns", "name") if hasattr(old, k)}
            return type(old)(part, **({k: v for k, v in labels.items() if k != "name" or "columns" not in labels}))
        return constant(part) if isinstance(old, Variable) else part.item() if a.scalar else part

    def paired(self, flat: object) -> list[tuple[Argument, Any]]:
        """Each argument with its part of a flat vector."""
        return list(zip(self.arguments, self.split(flat), strict=True))

    def split(self, flat: Any) -> list[Any]:
        """A flat vector as one array for each argument."""
        ends = np.cumsum([a.size for a in self.arguments])[:-1]
        return [p.reshape(a.array.shape) for a, p in zip(self.arguments, np.split(flat, ends), strict=True)]

    def gather(self, found: Sequence[Any]) -> Any:
        """Gradients, one for each argument, as a flat vector; refuses other shapes."""
        parts = []
        for a, g in zip(self.arguments, found, strict=True):
            g = np.asarray(g)
            if g.shape != a.array.shape and not (g.size == a.size == 1):
                raise Mismatch(a, g, a.array.shape)
            if g.dtype.kind == "f" and g.dtype.itemsize < 8:
                self.coarse = max(self.coarse, float(np.finfo(g.dtype).eps))
            parts.append(g.astype(np.promote_types(g.dtype, np.float64) if g.dtype.kind == "f" else np.float64).ravel())
        return np.concatenate(parts)

    def place(self, k: int) -> tuple[str, tuple[int, ...]]:
        """The argument and index of flat entry `k`."""
        for a in self.arguments:
            if k < a.size:
                return a.name, tuple(int(i) for i in np.unravel_index(k, a.array.shape))
            k -= a.size
        raise IndexError(k)

    @property
    def narrow(self) -> bool:
        """Whether some input has less precision than float64."""
        return any(a.array.dtype.itemsize < 8 for a in self.arguments)

    @property
    def unit(self) -> float:
        """The unit in the last place of the inputs, relatively: of the finest of them; 0 if one is of float64."""
        known = [float(np.finfo(a.array.dtype).eps) for a in self.arguments if a.array.dtype.kind == "f"]
        return min(known) if len(known) == len(self.arguments) and min(known) > 1e-12 else 0.0

    def value(self, flat: Any) -> Any:
        """All outputs, as one flat array."""
        raise NotImplementedError

    def gradient(self, flat: object, c: object, native: bool = False) -> Any:
        """The gradient of <c, outputs>, flat."""
        raise NotImplementedError

    def nearby(self, flat: object, c: object) -> Any:
        """The gradient at a point that nobody asked for: nan where it cannot be computed."""
        try:
            return self.gradient(flat, c)
        except Exception:  # outside its domain, it may refuse in any way
            return np.full(self.x.size, np.nan)


def is_floating(dtype: np.dtype[Any]) -> bool:
    """Whether it is a dtype of floats; those of `ml_dtypes`, such as bfloat16, are of no kind that NumPy knows."""
    return dtype.kind == "f" or (dtype.kind == "V" and dtype.type.__module__.partition(".")[0] == "ml_dtypes")


def is_table(x: object) -> bool:
    """Whether it is a Series or a DataFrame of pandas."""
    return type(x).__module__.partition(".")[0] == "pandas" and hasattr(x, "to_numpy")


def _kind(x: object) -> str:
    return f"{type(x).__name__} of {x.dtype}" if hasattr(x, "dtype") else type(x).__name__


def parameter_names(f: Function, n: int) -> list[str]:
    """What the inputs are called in the function's own text, else x0, x1, ..."""
    try:
        kinds = inspect.Parameter
        parameters = list(inspect.signature(f).parameters.values())
        names = [p.name for p in parameters if p.kind in (kinds.POSITIONAL_ONLY, kinds.POSITIONAL_OR_KEYWORD)]
    except (TypeError, ValueError):
        names = []
    return names[:n] + [f"x{i}" if n > 1 else "x" for i in range(len(names), n)]


def flatten(who: str, result: object, name: str = "f") -> Any:
    """One array, or a tuple of arrays, as one flat array of floats: what the function called `name` returned."""
    parts = [np.asarray(p._data if isinstance(p, Variable) else p) for p in _parts(result)]
    for p in parts:
        if p.dtype.kind not in "biufc" and not is_floating(p.dtype):
            got = "None (is a return missing?)" if result is None else type(result).__name__
            raise TypeError(f"{who}: {name} must return numbers; got {got}; return an array or a float")
    flat = [p.astype(np.float64).ravel() if p.dtype.kind not in "fc" else p.ravel() for p in parts]
    return np.concatenate(flat) if flat else np.zeros(0)


def _parts(result: object) -> Sequence[Any]:
    return result if isinstance(result, tuple | list) and result and not np.isscalar(result[0]) else (result,)


class TensorSubject(Subject):
    """A function of Tensors, and the engine's own gradient of it."""

    def wrap(self, a: Argument, part: Any) -> Any:
        return constant(part[()] if part.ndim == 0 else part)

    def run(self, flat: Any, native: bool = False) -> tuple[list[Variable], list[Any]]:
        """The function on fresh variables: these, and its outputs."""
        tensors = self.rebuilt(flat, native)
        with Recording():
            wrt = [a.of(tensors) for a in self.arguments]
            for t, a in zip(wrt, self.arguments, strict=True):
                t.flags, t.name = NEEDS, a.name
            return wrt, list(_parts(self.f(*tensors)))

    def others(self) -> list[str]:
        """The tensors that need a gradient and that the function uses besides its inputs."""
        wrt, outputs = self.run(self.x)
        leaves = [
            t for t in history(*(y for y in outputs if isinstance(y, Variable))) if t.op is None and t.flags & NEEDS
        ]
        own = {id(t) for t in wrt}
        return [t.name or f"one of shape {np.shape(t._data)}" for t in reversed(leaves) if id(t) not in own]

    def value(self, flat: object) -> Any:
        with Recording(on=False):
            return flatten(self.who, self.f(*self.rebuilt(flat)))

    def seeds(self, outputs: Sequence[Any], c: Any) -> list[tuple[Variable, Any]]:
        """Each output that depends on an input, with its part of the cotangent."""
        pairs, start = [], 0
        for y in outputs:
            size = int(np.size(getattr(y, "_data", y)))
            part, start = c[start : start + size], start + size
            if isinstance(y, Variable) and y.flags & NEEDS:
                dtype = y._data.dtype if y._data.dtype.kind in "fc" else np.float64
                pairs.append((y, part.reshape(np.shape(y._data)).astype(dtype)[()]))
        return pairs

    def gradient(self, flat: object, c: object, native: bool = False) -> Any:
        wrt, outputs = self.run(flat, native)
        self.seen.append(flatten(self.who, tuple(outputs)))
        return self.gather(gradients(self.seeds(outputs, c), wrt))


class SecondOrder(TensorSubject):
    """The function `<gradient of <c, f>, w>`, so that its gradient is a second derivative."""

    def __init__(self, first: TensorSubject, c: Array, w: Array) -> None:
        self.first, self.c, self.w = first, c, first.split(w)
        super().__init__(first.f, first.inputs)

    def value(self, flat: object) -> Any:
        wrt, outputs = self.run(flat)
        found = gradients(self.seeds(outputs, self.c), wrt)
        return np.array([sum(np.sum(g * w) for g, w in zip(found, self.w, strict=True))])

    def gradient(self, flat: Any, c: Any, native: bool = False) -> Any:
        wrt, outputs = self.run(flat, native)
        seeds = [(y, constant(g)) for y, g in self.seeds(outputs, self.c)]
        found = gradients(seeds, wrt, create_graph=True)
        self.seen.append(np.array([sum(np.sum(g._data * w) for g, w in zip(found, self.w, strict=True))]))
        pairs = [(g, (w * c[0]).astype(g._data.dtype)[()]) for g, w in zip(found, self.w, strict=True)]
        return self.gather(gradients([p for p in pairs if p[0].flags & NEEDS], wrt))
