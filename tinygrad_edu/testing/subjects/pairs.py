"""A function and its hand-written derivative, in any of the styles in which people write them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import compress
from typing import Any

import numpy as np

from ...annotations import Function
from ..slopes.analytic import Analytic
from .conventions import CACHE, Convention, conventions
from .functions import names_in
from .other_libraries import library_of, plain, precision, wrapper
from .subjects import Argument, Mismatch, Subject, flatten, is_floating, is_table, off_domain, parameter_names
from .trees import fields_of, gradient_at, leaves, mapped, spelled

MOST = 8  # LinearOperators that are kept, to look at their adjoints


class Pair(Subject):
    """Two plain callables. `f(*inputs)` is a value, or a pair `(value, cache)`; see `conventions` for `df`.

    With `df=True`, the function returns `(value, gradient)`, as SciPy's `jac=True` has it.
    """

    who, called, valued = "check_derivative", "df", "f"

    def __init__(self, f: Function, df: object, inputs: Sequence[Any]) -> None:
        self.own = df is True  # the function returns its gradient, too
        df = _itself if df is True else df
        if not callable(df):
            raise TypeError(
                f"{self.who}: {self.called} must be a function; got {type(df).__name__}; pass it without calling it"
            )
        self.library = next((name for x in inputs if (name := library_of(x))), "")
        super().__init__(f, inputs)
        self.df = self.guarded(self.called, df)
        self.functions = (f, df)
        self.names = parameter_names(f, len(inputs))
        self.shape: tuple[int, ...] = ()  # of the value
        self.convention = Convention(())
        self.first: Any = None  # where the derivative was first called
        self.fresh: tuple[bytes, Any, Any] | None = None  # where the function was called last, for its value alone
        self.unchecked: list[str] = []  # inputs of which df says nothing
        self.notes: list[str] = []
        self.operators: list[Any] = []  # LinearOperators that the derivative returned last
        with np.errstate(all="ignore"):
            self.look()

    def as_array(self, name: str, x: object) -> Any:
        return super().as_array(name, plain(x))

    def wrap(self, a: Argument, part: object) -> Any:
        foreign = library_of(a.of(self.inputs))
        return wrapper(foreign)(np.array(part)) if foreign else super().wrap(a, part)

    def value(self, flat: Any) -> Any:
        result, cache = self.call(flat)
        self.fresh = (flat.tobytes(), result, cache) if self.convention.needs_function else None
        return flatten(self.who, result, self.valued)

    def call(self, flat: Any, native: bool = False) -> tuple[Any, Any]:
        """The value, and the cache if there is one."""
        self.fresh = None
        with precision(self.library):
            result, cache = self.apart(self.f(*self.rebuilt(flat, native)))
        self.traced = isinstance(result, Analytic)
        result = plain(result)
        self.shape = np.shape(result)
        return result, cache

    def apart(self, result: object) -> tuple[Any, Any]:
        """A result of the function as the value, and the cache or None."""
        if isinstance(result, tuple) and len(result) == 2:
            return result
        if self.own:
            raise TypeError(
                f"{self.who}: with jac=True, f must return (value, gradient); got {type(result).__name__}; return both"
            )
        return result, None

    @property
    def through_function(self) -> bool:  # type: ignore[override]
        """Whether the derivative is told something that the function computed."""
        return self.convention.needs_function

    def gradient(self, flat: Any, c: Any, native: bool = False) -> Any:
        if self.seen and not native and not self.convention.needs_function:
            return self.gather(self.without_function(flat, c))  # one call of the function for less
        known, self.fresh = self.fresh, None
        reused = known is not None and not native and known[0] == flat.tobytes()
        value, cache = known[1:] if known is not None and reused else self.call(flat, native)
        self.seen.append(flatten(self.who, value, self.valued))
        dtype = np.asarray(value).dtype if native else np.float64
        cotangent = np.array(c, dtype=dtype).reshape(self.shape)
        return self.gather(self.named(self.differentiate(flat, value, cache, cotangent, native), cotangent))

    def nearby(self, flat: Any, c: Any) -> Any:
        if self.convention.needs_function:
            return super().nearby(flat, c)
        try:
            return self.gather(self.without_function(flat, c))
        except Exception:  # outside its domain, it may refuse in any way
            return np.full(self.x.size, np.nan)

    def without_function(self, flat: object, c: object) -> list[Any]:
        """The gradients from a derivative that needs nothing that the function computed."""
        cotangent = np.array(c, dtype=np.float64).reshape(self.shape)
        return self.named(self.differentiate(flat, None, None, cotangent), cotangent)

    def differentiate(self, flat: object, value: object, cache: object, cotangent: object, native: bool = False) -> Any:
        """What df returns, its arrays being NumPy's."""
        given = wrapper(self.library)(np.array(cotangent)) if self.library else np.asarray(cotangent)[()]
        inputs = self.rebuilt(flat, native)  # new ones: the function may have written into its own
        with precision(self.library):
            try:
                found = self.convention.call(self.df, inputs, value, cache, given)
            except (ArithmeticError, ValueError) as error:
                if not off_domain(error):
                    raise
                found = self.placed([np.full(a.array.shape, np.nan) for a in self.arguments])  # 1 / 0: no number
                found = tuple(found[k] for k in sorted({a.position for a in self.arguments}))
            return self.as_arrays(found)

    def as_arrays(self, found: object) -> Any:
        """A result of the derivative with NumPy's arrays in it."""
        return mapped(lambda path, leaf: self.as_numbers(leaf), found)

    def as_numbers(self, leaf: object) -> Any:
        if is_table(leaf):
            return in_order_of(self.inputs, leaf)
        if hasattr(leaf, "rmatmat"):
            self.operators = [*self.operators[-MOST:], leaf]
        return dense(self.who, plain(leaf))

    def named(self, found: object, cotangent: object) -> list[Any]:
        """The result of the derivative, as one array for each argument."""
        return [self._contracted(a, self.floats(self.part(a, found)), cotangent) for a in self.arguments]

    def part(self, a: Argument, found: object) -> Any:
        """What a result of df says of the derivative by `a`; None if nothing."""
        if isinstance(found, Mapping):
            return self._from_dict(a, found)
        tops = sorted({b.position for b in self.arguments} | {b.position for b in self.left_out})
        parts = self._parts(found, tops)
        if len(parts) == len(self.inputs):
            part = parts[a.position]
        elif len(parts) == len(tops):
            part = parts[tops.index(a.position)]
        else:
            names = ", ".join(b.name for b in (*self.arguments, *self.left_out))
            raise TypeError(
                f"{self.who}: df must return one gradient for each of the inputs {names}; got {len(parts)}; "
                "return a tuple, with None for an input without one, or a dict with keys d<input name>"
            )
        return gradient_at(part, a.path) if a.path and part is not None else part

    def _parts(self, found: object, tops: list[int]) -> list[Any]:
        """A result as one part for each input. A sequence is one gradient if it is one of numbers, or mirrors a
        container."""
        if not isinstance(found, tuple | list) or hasattr(found, "_fields"):
            return [found]
        mine = [a for a in (*self.arguments, *self.left_out) if a.position == tops[0]]
        if len(tops) == 1 and mine[0].path:
            keys = fields_of(self.inputs[tops[0]]) or {}
            inner = len(found) == 1 and isinstance(found[0], tuple | list | Mapping)
            return [found] if len(found) == len(keys) and not inner else list(found)
        if isinstance(found, list) and len(tops) == 1 and self.floats(found).shape == mine[0].array.shape != (1,):
            return [found]
        return list(found)

    def _from_dict(self, a: Argument, found: Mapping[Any, Any]) -> Any:
        whole = next((found[k] for k in spelled(a.name) if found.get(k) is not None), None)
        if whole is not None or not a.path:
            return whole
        top = next((found[k] for k in spelled(self.names[a.position]) if found.get(k) is not None), None)
        return gradient_at(found if top is None else top, a.path)

    def _contracted(self, a: Argument, g: Any, cotangent: Any) -> Any:
        """A Jacobian, or the derivatives of an elementwise function, times the cotangent."""
        if self.convention.takes_cotangent or not self.shape:
            return g
        whole = self.shape + a.array.shape
        if g.shape == whole:
            return np.tensordot(cotangent, g, axes=len(self.shape))
        if g.shape == a.array.shape == self.shape:
            return g * cotangent
        if g.shape == (int(np.prod(self.shape)), a.size):  # a matrix, as sparse Jacobians are
            return np.tensordot(cotangent, g.reshape(whole), axes=len(self.shape))
        if g.shape == a.array.shape + self.shape:
            raise Mismatch(a, g, whole)
        raise self.misfit(a, g, whole)

    def misfit(self, a: Argument, g: Any, whole: tuple[int, ...]) -> Exception:
        """What is said of a result that is neither a gradient nor a Jacobian."""
        return TypeError(
            f"{self.who}: f returns shape {self.shape}, not a scalar, and df returns shape {g.shape} for "
            f"{a.name}; give df a parameter `cotangent` of shape {self.shape}, or return the Jacobian of "
            f"shape {whole}"
        )

    def floats(self, part: Any) -> Any:
        """An array of floats as they are; of float64, for numbers of other kinds."""
        try:
            found = np.asarray(part)
        except ValueError:  # rows of different lengths
            found = np.asarray(None)
        if found.dtype.kind not in "biuf" and not is_floating(found.dtype):
            kind = "complex numbers" if found.dtype.kind == "c" else type(part).__name__
            got = "None (is a return missing?)" if part is None else kind
            got = f"an array of {found.dtype}" if isinstance(part, np.ndarray) and kind == "ndarray" else got
            raise TypeError(f"{self.who}: {self.called} must return real numbers; got {got}; return arrays of floats")
        return found if found.dtype.kind == "f" else found.astype(np.float64)

    def look(self) -> None:
        """Call both once, near the inputs: a derivative that keeps what it saw first will show it
        later; and data such as labels, of which a dictionary of gradients says nothing, are left out."""
        self.left_out: list[Argument] = []
        step = 2.0**-9 * (self.x + (self.x == 0))
        for flat in (self.x + step, self.x - step, self.x + step / 2**20, self.x):
            try:
                value, cache = self.call(flat)
                if not np.all(np.isfinite(flatten(self.who, value, self.valued))) and flat is not self.x:
                    continue
                found = self.first_result(flat, value, cache)
            except Exception as error:
                if flat is self.x and not off_domain(error):
                    raise
                continue  # outside its domain; the last one is the point itself, whose error is told
            self.first = flat
            break
        else:
            return
        if _empty(found):
            raise self.nothing(found)
        kept = [self.part(a, found) is not None for a in self.arguments]
        if isinstance(found, Mapping):
            self.refuse_strangers(found, kept)
        if any(kept):
            left = [a for a, keep in zip(self.arguments, kept, strict=True) if not keep]
            self.unchecked = [a.name for a in left]
            parts = [p.ravel() for p, keep in zip(self.split(self.x), kept, strict=True) if keep]
            self.arguments, self.x = list(compress(self.arguments, kept)), np.concatenate(parts)
            self.left_out = left

    def ways(self, cache: object) -> list[Convention]:
        """How df may want to be called, the likeliest first."""
        return [Convention((CACHE,))] if self.own else conventions(self.df, self.names, cache is not None, cache)

    def first_result(self, flat: Any, value: Any, cache: Any) -> Any:
        """What df returns, called in the first of the likely ways that gives gradients of the right shapes."""
        ways = self.ways(cache)
        ones = np.ones(np.shape(value))
        for k, self.convention in enumerate(ways):
            try:
                found = self.differentiate(flat, value, cache, ones)
                if k < len(ways) - 1:
                    self.fits(found, ones)
                return found
            except Exception:
                if k == len(ways) - 1:
                    if k:
                        self.convention = ways[0]
                        return self.differentiate(flat, value, cache, ones)
                    raise
        raise AssertionError

    def fits(self, found: object, cotangent: object) -> None:
        """Raises an error unless a result of df holds gradients of the right shapes."""
        told = [(a, part) for a in self.arguments if (part := self.part(a, found)) is not None]
        if not told:
            raise TypeError("no gradient")
        for a, part in told:
            g = np.asarray(self._contracted(a, self.floats(part), cotangent))
            if g.shape != a.array.shape and not g.size == a.size == 1:
                raise Mismatch(a, g, a.array.shape)

    def nothing(self, found: object) -> Exception:
        """What is said where the derivative says nothing of any input."""
        names = ", ".join(a.name for a in self.arguments)
        got = "None (is a return missing?)" if found is None else f"a {type(found).__name__} with no gradient in it"
        return TypeError(
            f"{self.who}: {self.called} must return a gradient for at least one of the inputs ({names}); got {got}; "
            "return arrays of floats, and None only for an input that is not to be checked"
        )

    def refuse_strangers(self, found: Mapping[Any, Any], kept: Sequence[bool]) -> None:
        """Raises an error if a key of a gradient names no input, while an input has no gradient."""
        names = {n for a in self.arguments for n in (a.name, self.names[a.position], *map(str, a.path))}
        known = {k for n in names for k in spelled(n)}
        within = {n.rstrip("0123456789") for n in names_in(self.f)}
        strangers = [k for k in found if k not in known and _of(k).rstrip("0123456789") not in within]
        missing = [a.name for a, keep in zip(self.arguments, kept, strict=True) if not keep]
        if any(kept) and not (strangers and missing):
            return
        keys = sorted(map(str, found))
        if not any(kept):
            raise TypeError(
                f"{self.who}: df must return a dict with keys d<input name>, for one of {missing}; got keys {keys}; "
                "name them like the parameters of f"
            )
        raise TypeError(
            f"{self.who}: df must return a dict with keys d<input name>; got {', '.join(map(str, strangers))}, which "
            f"names no input, and nothing for {', '.join(missing)}; name the keys like the parameters of f, or return "
            "None for what is not to be checked"
        )


def _itself(gradient: Any) -> Any:
    return gradient


def _of(key: object) -> str:
    """The name in the key of a gradient: `W` of `dW`."""
    text = str(key)
    return next((text[len(start) :] for start in ("grad_", "d_", "d") if text.startswith(start)), text)


def dense(who: str, part: Any) -> Any:
    """A sparse matrix, or a LinearOperator, as an array; anything else as it is."""
    if hasattr(part, "toarray"):
        return part.toarray()
    if not hasattr(part, "matmat") or not hasattr(part, "shape"):
        return part
    rows, columns = part.shape
    return _columns(who, "matvec", part.matmat, columns, rows)


def _columns(who: str, name: str, product: Callable[[Any], Any], columns: int, rows: int) -> Any:
    """The matrix whose products with columns a LinearOperator gives."""
    try:
        found = np.asarray(product(np.eye(columns)))
        why = "" if found.dtype.kind in "biufc" and found.shape == (rows, columns) else f"an array of {found.dtype}"
    except NotImplementedError:  # it has none
        raise
    except Exception as error:  # what a user's function returns may fail in any way
        why = f"what raises {type(error).__name__}: {error}"
    if why:
        raise TypeError(
            f"{who}: {name} of a LinearOperator must return numbers of shape ({rows},); got {why} (is a return "
            "missing?); return an array of floats"
        )
    return found


def unlike_adjoint(who: str, operator: Any) -> str | None:
    """What is said of a LinearOperator whose two products are not those with one matrix; None if it has one only."""
    if not hasattr(operator, "rmatmat"):
        return None
    rows, columns = operator.shape
    forward = dense(who, operator)
    try:
        one_by_one = lambda units: np.stack([operator.rmatvec(e) for e in units], axis=1)
        back = _columns(who, "rmatvec", one_by_one, rows, columns).conj().T
    except NotImplementedError:  # without rmatvec
        return None
    except TypeError as error:
        return str(error).partition(": ")[2]
    if np.allclose(forward, back, rtol=1e-7, atol=1e-9 * np.max(np.abs(forward), initial=0)):
        return None
    i, j = (int(k) for k in np.unravel_index(np.argmax(np.abs(forward - back)), forward.shape))
    return (
        f"rmatvec of the LinearOperator is not the adjoint of matvec: entry [{i}, {j}] of the matrix is "
        f"{back[i, j]:.6g} by rmatvec, {forward[i, j]:.6g} by matvec"
    )


def in_order_of(inputs: Sequence[Any], table: Any) -> Any:
    """The numbers of a Series or DataFrame, in the order that its labels have in the input that has the same."""
    for _, x in (found for given in inputs for found in leaves(given)):
        if is_table(x) and [len(a) for a in x.axes] == [len(a) for a in table.axes]:
            pairs = list(zip(x.axes, table.axes, strict=True))
            if all(a.is_unique and b.is_unique and not len(a.difference(b)) for a, b in pairs):
                return table.reindex_like(x).to_numpy()
    return table.to_numpy()


def _empty(found: object) -> bool:
    """Whether a result holds nothing but None."""
    parts = found.values() if isinstance(found, Mapping) else found if isinstance(found, tuple | list) else None
    return found is None if parts is None else all(map(_empty, parts))
