"""A function and its hand-written derivative, in any of the styles in which people write them."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from itertools import compress
from typing import Any

import numpy as np

from ..functions.common import Function
from .foreign import library_of, precision, to_numpy, wrapper
from .subjects import Argument, Mismatch, Subject, flatten, off_domain


class Pair(Subject):
    """Two plain callables. `f(*inputs)` is a value, or in course style a pair `(value, cache)`."""

    who = "check_derivative"

    def __init__(self, f: Function, df: Function, inputs: Sequence[Any]) -> None:
        if not callable(df):
            raise TypeError(f"{self.who}: df must be a function; got {type(df).__name__}; pass it without calling it")
        self.library = next((name for x in inputs if (name := library_of(x))), "")
        super().__init__(f, inputs)
        self.df = self.guarded("df", df)
        self.shape: tuple[int, ...] = ()  # of the value
        self.style = ""  # how df takes a cotangent
        self.first: Any = None  # where the derivative was first called
        self.unchecked: list[str] = []  # inputs of which df says nothing
        with np.errstate(all="ignore"):
            self.look()

    def as_array(self, name: str, x: Any) -> Any:
        return super().as_array(name, to_numpy(self.library, x))

    def wrap(self, a: Argument, part: Any) -> Any:
        foreign = library_of(a.of(self.inputs))
        return wrapper(foreign)(np.array(part)) if foreign else super().wrap(a, part)

    def value(self, flat: Any) -> Any:
        return flatten(self.who, self.call(flat)[0])

    def call(self, flat: Any, native: bool = False) -> tuple[Any, tuple[Any, ...]]:
        """The value, and what the derivative is called with."""
        with precision(self.library):
            inputs = self.rebuilt(flat, native)
            result = self.f(*inputs)
        if isinstance(result, tuple) and len(result) == 2:
            self.shape = np.shape(result[0])
            return to_numpy(self.library, result[0]), (result[1],)
        self.shape = np.shape(result)
        return to_numpy(self.library, result), tuple(
            self.rebuilt(flat, native)
        )  # the function may have written into its own

    def gradient(self, flat: Any, c: Any, native: bool = False) -> Any:
        value, given = self.call(flat, native)
        self.seen.append(flatten(self.who, value))
        dtype = np.asarray(value).dtype if native else np.float64
        cotangent = np.asarray(c, dtype=dtype).reshape(self.shape)
        return self.gather(self.named(self.differentiate(given, cotangent), cotangent))

    def differentiate(self, given: tuple[Any, ...], cotangent: Any) -> Any:
        with precision(self.library):
            found = self._called(given, wrapper(self.library)(np.array(cotangent)) if self.library else cotangent)
        if isinstance(found, dict):
            return {k: to_numpy(self.library, g) for k, g in found.items()}
        if isinstance(found, tuple | list):
            return type(found)(to_numpy(self.library, g) for g in found)
        return to_numpy(self.library, found)

    def _called(self, given: tuple[Any, ...], cotangent: Any) -> Any:
        try:
            return self._differentiate(given, cotangent)
        except (ArithmeticError, ValueError) as error:
            if not off_domain(error):
                raise
            return {f"d{a.name}": np.full(a.array.shape, np.nan) for a in self.arguments}  # 1 / 0, say: no number

    def _differentiate(self, given: tuple[Any, ...], cotangent: Any) -> Any:
        self.style = cotangent_style(self.df, len(given))
        if self.style == "keyword":
            return self.df(*given, cotangent=cotangent[()])
        if self.style == "first":
            return self.df(cotangent[()], *given)
        return self.df(*given)

    def named(self, found: Any, cotangent: Any) -> list[Any]:
        """The result of the derivative, as one array for each argument."""
        if isinstance(found, dict):
            return self._from_dict(found)
        tops = sorted({a.position for a in self.arguments})
        parts = list(found) if isinstance(found, tuple | list) and not self._is_one(found, tops) else [found]
        if len(parts) == len(self.inputs) != len(tops):  # None, say, for those that are not floats
            parts = [parts[i] for i in tops]
        if len(parts) != len(tops):
            names = ", ".join(a.name for a in self.arguments)
            raise TypeError(
                f"{self.who}: df must return one gradient for each of the inputs {names}; got {len(parts)}; "
                "return a tuple, or a dict with keys d<input name>"
            )
        out: list[Any] = []
        for position, part in zip(tops, parts, strict=True):
            mine = [a for a in self.arguments if a.position == position]
            if mine[0].key is not None:
                out += self._from_dict(part, mine) if isinstance(part, dict) else [part]
            else:
                out.append(self._contracted(mine[0], _floats(part), cotangent))
        return out

    def _is_one(self, found: Any, tops: list[int]) -> bool:
        """A list of numbers is one gradient, not a tuple of several."""
        shape = self.arguments[0].array.shape
        return isinstance(found, list) and len(tops) == 1 and _floats(found).shape == shape != (1,)

    def _contracted(self, a: Argument, g: Any, cotangent: Any) -> Any:
        """A Jacobian, or the derivatives of an elementwise function, times the cotangent."""
        if self.style or not self.shape:
            return g
        if g.shape == self.shape + a.array.shape:
            return np.tensordot(cotangent, g, axes=len(self.shape))
        if g.shape == a.array.shape == self.shape:
            return g * cotangent
        if g.shape == a.array.shape + self.shape:
            raise Mismatch(a, g, self.shape + a.array.shape)
        raise TypeError(
            f"{self.who}: f returns shape {self.shape}, not a scalar, and df returns shape {g.shape} for "
            f"{a.name}; give df a parameter `cotangent` of shape {self.shape}, or return the Jacobian of "
            f"shape {self.shape + a.array.shape}"
        )

    def _from_dict(self, found: dict[Any, Any], arguments: Sequence[Argument] = ()) -> list[Any]:
        return [_floats(found[_key(a, found)]) for a in arguments or self.arguments]

    def look(self) -> None:
        """Call both once, near the inputs: a derivative that keeps what it saw first will show it
        later; and data such as labels, of which a dictionary of gradients says nothing, are left out."""
        for flat in (self.x * (1 + 2.0**-9) + (self.x == 0) * 2.0**-9, self.x):
            try:
                value, given = self.call(flat)
            except (ArithmeticError, ValueError):
                continue  # outside its domain; the next one is the point itself, whose error is told
            found = self.differentiate(given, np.ones(np.shape(value)))
            self.first = flat
            break
        else:
            return
        kept = [self._tells(a, found) for a in self.arguments]
        if isinstance(found, dict) and not any(kept):
            raise TypeError(
                f"{self.who}: df must return a dict with keys d<input name>, for one of "
                f"{[a.name for a in self.arguments]}; got keys {sorted(map(str, found))}; name them like the "
                "parameters of f"
            )
        if any(kept):
            self.unchecked = [a.name for a, keep in zip(self.arguments, kept, strict=True) if not keep]
            parts = [p.ravel() for p, keep in zip(self.split(self.x), kept, strict=True) if keep]
            self.arguments, self.x = list(compress(self.arguments, kept)), np.concatenate(parts)

    def _tells(self, a: Argument, found: Any) -> bool:
        """Whether a result of df says something of the derivative by `a`: it may leave it out, or return None."""
        if isinstance(found, dict):
            return _key(a, found) is not None
        if isinstance(found, tuple | list) and len(found) == len(self.inputs):
            return found[a.position] is not None
        return True


def _key(a: Argument, found: dict[Any, Any]) -> Any:
    names = (f"d{a.name}", f"d_{a.name}", f"grad_{a.name}", a.key, a.name)
    return next((k for k in names if k is not None and found.get(k) is not None), None)


def _floats(part: Any) -> Any:
    """An array of floats as they are; of float64, for numbers of other kinds."""
    try:
        found = np.asarray(part)
    except ValueError:  # rows of different lengths
        found = np.asarray(None)
    if found.dtype.kind not in "biuf":
        got = "complex numbers" if found.dtype.kind == "c" else type(part).__name__
        raise TypeError(f"check_derivative: df must return real numbers; got {got}; return arrays of floats")
    return found if found.dtype.kind == "f" else found.astype(np.float64)


def cotangent_style(df: Function, given: int) -> str:
    """How `df` takes the gradient of its output: as `cotangent=`, as a first `d...`, or not at all."""
    try:
        parameters = list(inspect.signature(df).parameters.values())
    except (TypeError, ValueError):
        return ""
    if any(p.name == "cotangent" for p in parameters):
        return "keyword"
    required = [
        p for p in parameters if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    first = bool(required) and required[0].name.startswith(("d", "g", "upstream"))
    return "first" if first and len(required) == given + 1 else ""
