"""A function and its hand-written derivative, in any of the styles in which people write them."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np

from .foreign import library_of, precision, to_numpy, wrapper
from .subjects import Argument, Function, Subject, flatten


class Pair(Subject):
    """Two plain callables. `f(*inputs)` is a value, or in course style a pair `(value, cache)`."""

    who = "check_derivative"

    def __init__(self, f: Function, df: Function, inputs: Sequence[Any]) -> None:
        if not callable(df):
            raise TypeError(f"{self.who}: df must be a function; got {type(df).__name__}; pass it without calling it")
        self.library = next((name for x in inputs if (name := library_of(x))), "")
        super().__init__(f, inputs)
        self.df = df
        self.shape: tuple[int, ...] = ()  # of the value
        self.style = ""  # how df takes a cotangent
        self.first: Any = None  # where the derivative was first called
        self.unchecked: list[str] = []  # inputs of which df says nothing
        with np.errstate(all="ignore"):
            self.look()

    def as_array(self, name: str, x: Any) -> Any:
        return super().as_array(name, to_numpy(self.library, x) if library_of(x) else x)

    def wrap(self, a: Argument, part: Any) -> Any:
        foreign = self.library and a.key is None and library_of(self.inputs[a.position])
        return wrapper(self.library)(np.array(part)) if foreign else super().wrap(a, part)

    def value(self, flat: Any) -> Any:
        return flatten(self.who, self.call(flat)[0])

    def call(self, flat: Any, native: bool = False) -> tuple[Any, tuple[Any, ...]]:
        """The value, and what the derivative is called with."""
        with precision(self.library):
            inputs = self.rebuilt(flat, native)
            result = self.f(*inputs)
        if isinstance(result, tuple) and len(result) == 2:
            self.shape = np.shape(result[0])
            return to_numpy(self.library, result[0]) if self.library else result[0], (result[1],)
        self.shape = np.shape(result)
        if self.library:
            result = to_numpy(self.library, result)
        return result, tuple(self.rebuilt(flat, native))  # the function may have written into its own

    def gradient(self, flat: Any, c: Any, native: bool = False) -> Any:
        value, given = self.call(flat, native)
        self.seen.append(flatten(self.who, value))
        dtype = np.result_type(value).name if native else np.float64
        cotangent = np.asarray(c, dtype=dtype).reshape(self.shape)
        return self.gather(self.named(self.differentiate(given, cotangent), cotangent))

    def differentiate(self, given: tuple[Any, ...], cotangent: Any) -> Any:
        with precision(self.library):
            found = self._called(given, wrapper(self.library)(np.array(cotangent)) if self.library else cotangent)
        if not self.library:
            return found
        if isinstance(found, dict):
            return {k: to_numpy(self.library, g) for k, g in found.items()}
        return (
            tuple(to_numpy(self.library, g) for g in found)
            if isinstance(found, tuple | list)
            else to_numpy(self.library, found)
        )

    def _called(self, given: tuple[Any, ...], cotangent: Any) -> Any:
        try:
            return self._differentiate(given, cotangent)
        except ArithmeticError:  # 1 / 0, say: no number
            return {f"d{a.name}": np.full(a.array.shape, np.nan) for a in self.arguments}

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
                out.append(self._contracted(mine[0], np.asarray(part, dtype=_floats(part)), cotangent))
        return out

    def _is_one(self, found: Any, tops: list[int]) -> bool:
        """A list of numbers is one gradient, not a tuple of several."""
        return isinstance(found, list) and len(tops) == 1 and np.shape(found) == self.arguments[0].array.shape != (1,)

    def _contracted(self, a: Argument, g: Any, cotangent: Any) -> Any:
        """A Jacobian, or the derivatives of an elementwise function, times the cotangent."""
        if self.style or not self.shape:
            return g
        if g.shape == self.shape + a.array.shape:
            return np.tensordot(cotangent, g, axes=len(self.shape))
        if g.shape == a.array.shape == self.shape:
            return g * cotangent
        raise TypeError(
            f"{self.who}: f returns shape {self.shape}, not a scalar, and df returns shape {g.shape} for "
            f"{a.name}; give df a parameter `cotangent` of shape {self.shape}, or return the Jacobian of "
            f"shape {self.shape + a.array.shape}"
        )

    def _from_dict(self, found: dict[Any, Any], arguments: Sequence[Argument] = ()) -> list[Any]:
        return [
            np.asarray(found[k], dtype=_floats(found[k])) for a in arguments or self.arguments for k in [_key(a, found)]
        ]

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
        if isinstance(found, dict):
            kept = [a for a in self.arguments if _key(a, found) is not None]
            if not kept:
                raise TypeError(
                    f"{self.who}: df must return a dict with keys d<input name>, for one of "
                    f"{[a.name for a in self.arguments]}; got keys {sorted(map(str, found))}; name them like the "
                    "parameters of f"
                )
            self.unchecked = [a.name for a in self.arguments if not any(a is k for k in kept)]
            parts = [
                p.ravel() for a, p in zip(self.arguments, self.split(self.x), strict=True) if any(a is k for k in kept)
            ]
            self.arguments, self.x = kept, np.concatenate(parts)


def _key(a: Argument, found: dict[Any, Any]) -> Any:
    return next(
        (k for k in (f"d{a.name}", f"d_{a.name}", f"grad_{a.name}", a.key, a.name) if k is not None and k in found),
        None,
    )


def _floats(part: Any) -> Any:
    """Keep floats as they are; numbers of other kinds become float64."""
    dtype = np.asarray(part).dtype
    if dtype.kind == "O":
        raise TypeError(f"check_derivative: df must return numbers; got {type(part).__name__}; return arrays or floats")
    return dtype if dtype.kind in "fc" else np.float64


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
