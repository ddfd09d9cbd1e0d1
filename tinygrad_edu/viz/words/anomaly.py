"""`detect_anomaly`: the first inf or nan of the forward or the backward pass, and the line that made it.

While a `with detect_anomaly()` block runs, the recorder is one that looks at every number; when off, it
costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ...backward import history, parents
from ...blocks import Block, NumPyErrors
from ...domain import BOOLEAN
from ...engine import Variable
from ...op import Op
from ...recording import PLAIN, Recording, Sites, recorder, recording
from ..formulas.formula import Formula, input_names, of_rule, of_value
from ..formulas.notation import plain
from ..graph.values import one, shown, whole
from ..graph.watch import caller, names_in
from .reasons import WHERE, advice

if TYPE_CHECKING:
    from ..pictures.picture import Picture


class AnomalyError(FloatingPointError):
    """The first number that is not finite: which operation made it, from what, in which line.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import viz
    >>> try:
    ...     with viz.detect_anomaly():
    ...         loss = tg.log(tg.Tensor([1.0, 0.0], requires_grad=True)).sum()
    ... except viz.AnomalyError as error:
    ...     print(error.phase, error.op)
    forward log
    """

    def __init__(self, message: str, phase: str, op: Op | None, site: object, tensor: Variable, root: Variable):
        super().__init__(message)
        self.phase, self.op, self.tensor, self.root = phase, op, tensor, root
        self.site = None if site is None else str(site)

    def draw(self) -> Picture:
        """The graph with the path of the bad numbers in red."""
        from ..pictures.draw import draw

        return draw(self.root, overlay="nonfinite")


class Watcher(Sites):
    """What was seen in one `with` block."""

    def __init__(self) -> None:
        self.suspects: dict[int, AnomalyError] = {}
        self.forgiven: set[int] = set()
        self.last: Variable | None = None
        self.in_rule = False  # what a rule computes is looked at as a gradient, when it is complete

    def recorded(self, t: Variable) -> None:
        """Look at a new result. A bad number is reported when it is used, unless a `where` leaves it out."""
        super().recorded(t)
        if self.in_rule:
            return
        bad = not _finite(t._data)
        self.last = t
        for x in t.inputs:
            if x.born in self.suspects:
                if not bad and _may_leave_out(t):
                    self.forgiven.add(x.born)
                else:
                    self.suspects[x.born].root = t
                    raise self.suspects[x.born]
        if bad and _made_here(t):
            self.suspects[t.born] = _forward_anomaly(t)

    def finish(self) -> None:
        """At the end, or before the way back: report what nobody has left out."""
        for born, anomaly in self.suspects.items():
            if born not in self.forgiven:
                raise anomaly
        if self.last is not None and _useless(self.last):
            raise _outside_anomaly(self.last)

    def pulled(self, steps: Iterator[tuple[Variable, Any]]) -> Iterator[tuple[Variable, Any]]:
        """Look at every gradient as it becomes complete."""
        self.finish()
        seen: list[tuple[Variable, Any]] = []
        while (step := self._next(steps)) is not None:
            t, g = step
            value = g._data if isinstance(g, Variable) else g
            if not seen and _useless(t):
                raise _outside_anomaly(t)
            if not _finite(value):
                raise _backward_anomaly(t, value, seen)
            seen.append((t, value))
            yield t, g

    def _next(self, steps: Iterator[tuple[Variable, Any]]) -> tuple[Variable, Any] | None:
        outer, self.in_rule = self.in_rule, True
        try:
            return next(steps, None)
        finally:
            self.in_rule = outer


def _finite(v: object) -> bool:
    a = whole(v)
    return a.dtype.kind not in "fc" or bool(np.isfinite(a).all())


def _made_here(t: Variable) -> bool:
    """Whether the bad number is new: not merely passed on from an input."""
    if all(_finite(x._data) for x in t.inputs):
        return True
    return _has_nan(t._data) and not any(_has_nan(x._data) for x in t.inputs)


def _useless(t: Variable) -> bool:
    """Whether a result is lost: a nan in it, or a loss that is inf. An inf among others may be meant, as in a mask."""
    return _has_nan(t._data) or (np.size(t._data) == 1 and not _finite(t._data))


def _may_leave_out(t: Variable) -> bool:
    """Whether a result is a condition, or chosen by one: bad numbers may go in."""
    return whole(t._data).dtype == bool or (t.op is not None and BOOLEAN in (t.op.domain or ()))


def _has_nan(v: object) -> bool:
    a = whole(v)
    return a.dtype.kind in "fc" and bool(np.isnan(a).any())


def _count(v: Any) -> str:
    a = whole(v)
    bad = a[~np.isfinite(a)]
    kind = "nan" if np.isnan(bad).all() else "inf" if not np.isnan(bad).any() else "inf and nan"
    sign = "-" if kind == "inf" and (bad < 0).all() else ""
    return f"{sign}{kind}" if a.ndim == 0 else f"{sign}{kind} at {bad.size} of {a.size} entries"


def _names(t: Variable) -> list[str]:
    assert t.op is not None
    own = names_in(caller())
    letters = input_names(t.op, len(t.inputs))
    return [x.name or own.get(x.born, letter) for x, letter in zip(t.inputs, letters, strict=True)]


def _at(t: Variable, bad: Any) -> str:
    """The inputs at the first bad entry, where the operation works entry by entry."""
    assert t.op is not None
    bad, shape = whole(bad), whole(bad).shape
    index = tuple(int(k) for k in np.argwhere(~np.isfinite(bad))[0]) if shape else ()
    words = []
    for x, name in zip(t.inputs, _names(t), strict=True):
        if t.op.kind.entrywise:
            words.append(f"{name} = {one(np.broadcast_to(whole(x._data), shape)[index])}")
        else:
            words.append(f"{name} of shape {whole(x._data).shape}")
    return (f"at entry {index} " if index else "") + ", ".join(dict.fromkeys(words))


def _call(t: Variable) -> str:
    assert t.op is not None
    return shown(plain(of_value(t.op, _names(t), [x._data for x in t.inputs], t.attributes or {}), "T"), 100)


def _outside_anomaly(root: Variable) -> AnomalyError:
    """The number was bad before the graph began: find where it came in."""
    users = [t for t in history(root) if t.op is not None and any(not _finite(x._data) for x in t.inputs)]
    t = users[-1]
    k = next(k for k, x in enumerate(t.inputs) if not _finite(x._data))
    message = (
        f"forward: every value must be finite; {_names(t)[k]} came into {_call(t)} with {_count(t.inputs[k]._data)}, "
        f"at {t.site or 'an unknown line'}; look at the data, or at what computed it without being recorded"
    )
    return AnomalyError(message, "forward", t.op, t.site, t, root)


def _forward_anomaly(t: Variable) -> AnomalyError:
    assert t.op is not None
    message = (
        f"forward: every value must be finite; {_call(t)} gave {_count(t._data)} ({_at(t, t._data)}), "
        f"at {t.site or 'an unknown line'}; {advice(t.op)}. If the entry is left out later by where: {WHERE}"
    )
    return AnomalyError(message, "forward", t.op, t.site, t, t)


def _backward_anomaly(t: Variable, g: object, seen: list[tuple[Variable, Any]]) -> AnomalyError:
    """Find the use whose rule made a bad contribution; every gradient before it was finite."""
    root = seen[0][0] if seen else t
    for user, gy in seen:
        for i, x in enumerate(parents(user) if user.op is not None else ()):
            formula = _contribution(user, i, gy) if x.born == t.born else None
            if formula is not None and not _finite(formula.value):
                return _rule_anomaly(user, gy, formula, root)
    message = (
        f"backward: every gradient must be finite; a sum of finite contributions gave {_count(g)}; scale the loss down"
    )
    return AnomalyError(message, "backward", None, t.site, t, root)


def _contribution(user: Variable, i: int, gy: object) -> Formula | None:
    assert user.op is not None
    arrays = [x._data for x in user.inputs]
    with Recording(PLAIN):  # the rule is only read again
        return of_rule(user.op, i, arrays, user.attributes or {}, _names(user), ("g", gy), ("y", user._data))


def _rule_anomaly(user: Variable, gy: object, formula: Formula, root: Variable) -> AnomalyError:
    assert user.op is not None
    bad = formula.value
    numbers = f"{_at(user, bad)}, y = {_entry(user._data, bad)}, g = {_entry(gy, bad)}"
    message = (
        f"backward: every gradient must be finite; the rule of {user.op}, {shown(plain(formula, 'T'), 100)}, gave "
        f"{_count(bad)} ({numbers}), for {user.op} at {user.site or 'an unknown line'}; {advice(user.op)}. "
        f"If a where is meant to leave the entry out: {WHERE}"
    )
    return AnomalyError(message, "backward", user.op, user.site, user, root)


def _entry(v: Any, bad: Any) -> str:
    v, bad = whole(v), whole(bad)
    if v.shape != bad.shape:
        return f"shape {v.shape}"
    return one(v[tuple(np.argwhere(~np.isfinite(bad))[0])])


class detect_anomaly(Block):  # noqa: N801 (used like a function)
    """In a `with` block: raise `AnomalyError` for the first inf or nan that a computation or a gradient makes.

    A number that a `where` leaves out is not reported. Nor is an inf that came in from outside, as a mask does; a nan
    that did is, and a loss that ends as inf.

    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([1.0, 0.0], requires_grad=True)
    >>> with detect_anomaly():  # doctest: +ELLIPSIS
    ...     loss = tg.log(x).sum()
    Traceback (most recent call last):
    tinygrad_edu.viz.words.anomaly.AnomalyError: forward: every value must be finite; log(x) gave -inf at ...
    """

    states = (recorder, recording, NumPyErrors)

    def inside(self) -> tuple[Any, ...]:
        watcher = Watcher()
        return watcher, watcher, dict.fromkeys(np.geterr(), "ignore")

    def again(self) -> detect_anomaly:
        return detect_anomaly()

    def __exit__(self, kind: Any, *exception: Any) -> None:
        watcher = recorder.get()
        super().__exit__(kind, *exception)
        if kind is None and isinstance(watcher, Watcher):
            watcher.finish()
