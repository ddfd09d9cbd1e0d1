"""Would this test have caught it? Break a derivative in the ways in which people do, and see."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from ...engine import Variable, constant
from ...errors import MissingLibraryError
from ...functions import elementwise, layout
from ...functions.arguments import lift
from ...functions.settings import settings
from ...op import REGISTRY, Each, Op
from ..subjects.trees import Path, leaves, mapped


class Score(NamedTuple):
    """How many mutants a test caught, and which survived. `equivalent` ones change nothing."""

    caught: int
    survivors: list[str]
    equivalent: list[str]

    @property
    def share(self) -> float:
        """The share of mutants that were caught."""
        total = self.caught + len(self.survivors)
        return self.caught / total if total else 0.0

    def __str__(self) -> str:
        total = self.caught + len(self.survivors)
        rest = "".join(f"\n  survived: {name}" for name in self.survivors)
        return f"caught {self.caught} of {total} mutants ({100 * self.share:.1f} %){rest}"


def _each(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A change of one gradient, made to every gradient of a result."""

    def changed(found: object) -> Any:
        if isinstance(found, dict):
            return {k: change(g) for k, g in found.items()}
        return type(found)(map(change, found)) if isinstance(found, tuple) else change(found)

    return changed


def _transposed(g: Any) -> Any:
    if isinstance(g, Variable):
        t = lift(g)
        square = t.ndim >= 2 and t.shape[-1] == t.shape[-2]
        return layout.matrix_transpose(t) if square else layout.flip(t) if t.ndim else g
    g = np.asarray(g)
    return np.swapaxes(g, -1, -2) if g.ndim >= 2 and g.shape[-1] == g.shape[-2] else np.flip(g)


def _masked(first: Callable[[int], int]) -> Callable[[Any], Any]:
    """Without the first entries: as of `=` for `+=` (half of them), or of a dropped term (one)."""

    def change(g: Any) -> Any:
        shape = np.shape(g._data if isinstance(g, Variable) else g)
        size = int(np.prod(shape, dtype=int))
        mask = (np.arange(size) >= first(size)).reshape(shape)
        return elementwise.where(mask, lift(g), 0.0) if isinstance(g, Variable) else np.where(mask, g, 0.0)

    return change


CHANGES: dict[str, Callable[[Any], Any]] = {
    "sign": lambda g: -g,
    "factor 2": lambda g: g * 2,
    "factor 1.001": lambda g: g * 1.001,
    "zero": lambda g: g * 0,
    "transposed or reversed": _transposed,
    "= for +=": _masked(lambda size: (size + 1) // 2),
    "dropped term": _masked(lambda size: 1),
}


def mutants(op: Op) -> Iterator[tuple[str, Any]]:
    """Names of broken versions of an op's rules, with the rules."""
    arity = len(op.domain or ()) or 1
    for i in range(arity):
        rule = op.vjps[i]
        if rule is None:
            continue
        for name, change in CHANGES.items():
            yield f"{op}, input {i}: {name}", _replaced(op, i, _after(rule, change))
        yield f"{op}, input {i}: frozen output", _replaced(op, i, _frozen(rule, 0))
        for k in range(arity):
            yield f"{op}, input {i}: frozen input {k}", _replaced(op, i, _frozen(rule, 1 + k))
        if op.broadcasts and arity > 1:
            yield f"{op}, input {i}: missing unbroadcast", _replaced(op, i, _unsummed(rule, i))


def _replaced(op: Op, i: int, rule: Any) -> Any:
    old = op.vjps
    if isinstance(old, tuple):
        return (*old[:i], rule, *old[i + 1 :])
    return Each(lambda k: rule if k == i else old[k])


def _after(rule: Any, change: Callable[[Any], Any]) -> Any:
    return lambda g, y, *xs, **attributes: change(rule(g, y, *xs, **attributes))


def _frozen(rule: Any, which: int) -> Any:
    """The rule with the output (0) or an input as a constant: right at order 1 only."""

    def broken(g: Any, *yxs: Any, **attributes: Any) -> Any:
        given = [constant(v._data) if k == which and isinstance(v, Variable) else v for k, v in enumerate(yxs)]
        return rule(g, *given, **attributes)

    return broken


def _unsummed(rule: Any, i: int) -> Any:
    """Where broadcasting repeated the input, the gradient of its first copy only."""

    def broken(g: Any, y: Any, *xs: Any, **attributes: Any) -> Any:
        gx, x = rule(g, y, *xs, **attributes), xs[i]
        lead = len(gx.shape) - len(x.shape)
        index = (0,) * lead + tuple(
            slice(0, 1) if n == 1 != m else slice(None) for n, m in zip(x.shape, gx.shape[lead:], strict=True)
        )
        return gx[index] if lead >= 0 and tuple(gx.shape) != tuple(x.shape) else gx

    return broken


@settings
def mutation_score(target: Any, test: Callable[..., Any]) -> Score:
    """Break the derivative of `target` in many ways, and report the share that `test` notices.

    `target` is an op, and `test()` uses it; or it is a derivative, a plain function, and `test(broken)`
    is called with broken versions of it. A test notices by raising an exception. Broken versions of an op
    that compute the same (a frozen input on which nothing depends) are set apart as `equivalent`.
    Errors: a TypeError for what is no function or op; a ValueError where `test` raises as long as nothing is broken.

    >>> import numpy as np
    >>> from tinygrad_edu import testing
    >>> weak = lambda df: np.testing.assert_allclose(df(0.0), 1.0, rtol=0.1)
    >>> print(testing.mutation_score(np.cos, weak).survivors)
    ['factor 1.001']
    """
    if str(getattr(target, "__module__", "")).startswith("tinygrad_edu.functions"):
        target = REGISTRY.get(target.__name__, target)  # tg.tanh stands for its op
    for name, given in (("target", target), ("test", test)):
        if not (callable(given) or isinstance(given, Op)):
            got = f"{type(given).__name__} {given!r}"
            raise TypeError(
                f"mutation_score: {name} must be a function{' or an op' * (name == 'target')}; got {got}; pass one"
            )
    keys: dict[Path, None] = {}  # where the gradients are that the derivative was seen to return
    watched = target if isinstance(target, Op) else _broken(target, functools.partial(_noting, keys))
    if (objection := _objection(watched, test, None)) is not None:
        raise ValueError(
            f"mutation_score: test must pass as long as nothing is broken; it raised {type(objection).__name__}: "
            f"{objection}; mend the test first"
        )
    same = _equivalent(target) if isinstance(target, Op) else lambda name, broken: False
    score = Score(0, [], [])
    for name, broken in mutants(target) if isinstance(target, Op) else _broken_versions(target, keys):
        if same(name, broken):
            score.equivalent.append(name)
        elif _objection(target, test, broken) is not None:
            score = score._replace(caught=score.caught + 1)
        else:
            score.survivors.append(name)
    return score


def _noting(keys: dict[Path, None], found: Any) -> Any:
    keys.update(dict.fromkeys(_places(found)))
    return found


def _places(found: object) -> Iterator[Path]:
    """Where the gradients are in a result: each part of a tuple is one, though a list of numbers is an array."""
    if type(found) is tuple:
        yield from ((k, *path) for k, g in enumerate(found) for path in _places(g))
    else:
        yield from (path for path, g in leaves(found) if g is not None)


def _broken_versions(df: Callable[..., Any], keys: dict[Path, None]) -> Iterator[tuple[str, Any]]:
    return broken_gradients(df, list(keys)) if len(keys) > 1 else broken_functions(df)


def _equivalent(op: Op) -> Callable[[str, Any], bool]:
    try:
        from .equivalence import equivalent, sample
    except ModuleNotFoundError as error:
        raise MissingLibraryError("testing.mutation_score of an op", "hypothesis", "testing") from error
    return functools.partial(equivalent, op, sample(op))


def broken_functions(df: Callable[..., Any]) -> Iterator[tuple[str, Any]]:
    """Broken versions of a plain derivative; of one that returns several gradients, see `mutation_score`."""
    for name, change in CHANGES.items():
        if name != "transposed or reversed":
            yield name, _broken(df, _each(change))


def broken_gradients(df: Callable[..., Any], keys: Sequence[Path]) -> Iterator[tuple[str, Any]]:
    """Broken versions of a derivative in which one of its gradients is wrong, and the others are right."""
    for key in keys:
        for name, change in CHANGES.items():
            if name != "transposed or reversed":
                yield (
                    f"gradient {'.'.join(map(str, key))}: {name}",
                    _broken(df, functools.partial(_change_one, key, change)),
                )


def _change_one(key: Path, change: Callable[[Any], Any], found: Any) -> Any:
    if type(found) is tuple and key:
        return tuple(_change_one(key[1:], change, g) if k == key[0] else g for k, g in enumerate(found))
    return mapped(lambda path, g: _each(change)(g) if path == key and g is not None else g, found)


def _broken(df: Callable[..., Any], change: Callable[[Any], Any]) -> Callable[..., Any]:
    @functools.wraps(df)
    def broken(*args: object, **kwargs: object) -> Any:
        return change(df(*args, **kwargs))

    return broken


def _objection(target: object, test: Callable[..., Any], broken: object) -> Exception | None:
    """What the test says to a broken version of the target (None: to the target as it is)."""
    rules = target.vjps if isinstance(target, Op) else None
    try:
        if isinstance(target, Op):
            target.vjps = target.vjps if broken is None else broken
            test()
        else:
            test(target if broken is None else broken)
    except Exception as error:  # in whatever way a test objects, it objects
        return error
    finally:
        if isinstance(target, Op):
            target.vjps = rules
    return None
