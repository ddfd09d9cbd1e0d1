"""Which lines of a hand-written derivative are wrong? Two kinds of evidence are weighed: true values that make it right
in place of those that a line computed (`source`), and small changes of a line that make it right (`edits`)."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from types import FunctionType
from typing import Any, NamedTuple

import numpy as np

from ..report import Blame
from . import runs
from .edits import NAMED, SCALED, Edit, edits
from .mending import Mendable
from .source import Culprit, Search
from .text import parsed, site_of, text_of
from .truth import Truth

Place = tuple[FunctionType, int]  # a function, and a line of its file
NEAR = 1e-6  # of the largest entry: gradients that are known by numbers alone
SEVERAL = 4  # lines that a note lists
FEW = 60  # changes of a line that is known to be wrong


class Found(NamedTuple):
    """Wrong lines, the one that explains most first, and what is said beside them."""

    culprits: list[Culprit]
    notes: list[str]


class NumericalGradients:
    """The gradients that numbers alone tell, within error bars."""

    def __init__(self, arguments: list[Any], bars: list[Any]) -> None:
        self.arguments, self.bars = arguments, bars

    def agrees(self, k: int, found: Any) -> bool:
        """Whether a gradient by argument `k` is right."""
        true, bars = self.arguments[k], self.bars[k]
        near = 3 * bars + NEAR * np.max(np.abs(true), initial=0)
        return found.shape == true.shape and bool(np.all(np.abs(found - true) <= near))


def wrong_lines(pair: Any, c: Any, sizes: Sequence[int], slopes: NumericalGradients | None) -> Found:
    """The wrong lines of the derivative of a `Pair`; `slopes` are its gradients by numbers, if each is known."""
    here = pair.call(pair.x)
    try:
        copy = Mendable(pair.functions[0] if pair.own else pair.df, here[1])
    except TypeError:  # no source, as of a built-in function: there is no line to name
        return Found([], [])
    try:
        truth = Truth(pair, c)
    except Exception as error:  # the function may refuse Tensors in any way
        why = f"no line is named, as f does not run on Tensors: {type(error).__name__}: {str(error)[:100]}"
        return by_changes(runs.Runs(pair, c, copy, slopes, here), why) if slopes is not None else Found([], [why])
    search = Search(pair, c, copy, truth, here, sizes)
    culprits = search.culprits()
    if not culprits:
        return by_changes(search, f"no line is named: no single one, mended, makes a gradient right ({search.told()})")
    places = in_question(search, culprits)
    most = runs.MOST if len(places) > len(culprits) else FEW
    found = edits(copy, places, lambda: is_right(search), most)
    if not found and (numbers := _numbers_read(search, culprits)):
        found = edits(copy, numbers, lambda: is_right(search), most)
    if not found and (place := _common(search, culprits)):
        return Found([Culprit(blamed(place), None)], [])
    return weighed(search, culprits, found)


def is_right(search: runs.Runs) -> bool:
    """Whether the derivative, as it is now, gives the right gradients."""
    return all(search.right(runs.Runs.run(search, lambda k, value: value)))


def by_changes(search: runs.Runs, why: str) -> Found:
    """The one line of which some change makes all gradients right; or a note with the few."""
    found = edits(search.copy, None, lambda: is_right(search), runs.MOST)
    best = [e for e in found if e.rank == min(e.rank for e in found)]
    places = list(dict.fromkeys((e.function, e.line) for e in best))
    if len(places) == 1:
        return Found([Culprit(blamed(places[0]), None)], [told(best[0])])
    sites = [site_of(f, line) for f, line in places[:SEVERAL]]
    return Found(
        [], [why, *([f"a small change of one of these lines makes it right: {', '.join(sites)}"] if sites else [])]
    )


def blamed(place: Place) -> Blame:
    """A line, with what it assigns."""
    f, line = place
    statement = statements(f).get(line)
    names = (
        [n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
        if statement
        else []
    )
    return Blame(names[0] if names else "return", site_of(f, line), text_of(f, line))


def told(edit: Edit) -> str:
    """The sentence for a change that makes a derivative right."""
    return f"line {edit.line} would be right as: {edit.text}"


def statements(f: FunctionType) -> dict[int, ast.stmt]:
    """The statements of a function that are no blocks, by the lines of its file."""
    try:
        tree, first = parsed(f)
    except (OSError, TypeError, SyntaxError):
        return {}
    simple = ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Return | ast.Expr | ast.For
    return {n.lineno + first - 1: n for n in ast.walk(tree) if isinstance(n, simple)}


def assigned(statement: ast.stmt) -> list[str]:
    """The variables that a statement gives their values; those that a loop runs through."""
    top = statement.target if isinstance(statement, ast.For) else statement
    changed = [n.value for n in ast.walk(top) if isinstance(n, ast.Subscript) and isinstance(n.ctx, ast.Store)]
    names = [n for n in ast.walk(top) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
    return [n.id for n in (*names, *changed) if isinstance(n, ast.Name)]


def in_question(search: Search, culprits: Sequence[Culprit]) -> list[Place]:
    """The lines that were found wrong, and those that these read helper values from with which nothing tells whether
    they are right."""
    waiting = _places(search, culprits)
    first, *rest = culprits
    after = bool(rest) or first.handed or not first.named or not all(search.before)
    if any(_mixed(search, place) for place in waiting):  # it was right before something else went wrong
        waiting += [p for place in waiting for p in _helpers(search, place) if not _clear(search, p)]
        waiting += [(f, n) for f in search.copy.copies for n in statements(f) if not _clear(search, (f, n))]
    found: dict[Place, None] = {}
    while waiting:
        place = waiting.pop(0)
        if place not in found:
            found[place] = None
            waiting += [p for p in _helpers(search, place, after) if not _clear(search, p)]
    return list(found)


def _helpers(search: Search, place: Place, after: bool = False) -> Iterator[Place]:
    """The lines that give a line its helper values, those of functions that it calls, too; and what is returned, which
    all that come `after` it lead to."""
    f, line = place
    texts = statements(f)
    here: Any = texts[line].iter if isinstance(texts[line], ast.For) else texts[line]  # type: ignore[attr-defined]
    used = {n.id for n in ast.walk(here) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    called = {getattr(n.func, "attr", getattr(n.func, "id", "")) for n in ast.walk(here) if isinstance(n, ast.Call)}
    for other, statement in texts.items():
        if used & {*assigned(statement)} or (after and isinstance(statement, ast.Return)):
            yield f, other
    for g in search.copy.copies:
        if (g.__name__ in called or "" in called) and g is not f:  # "": taken from a table
            yield from ((g, other) for other in statements(g))


def _mixed(search: Search, place: Place) -> bool:
    """Whether a line computed something that is explained first, and then something that is not."""
    doubts = [search.at_first[k] for k in _sites(search, place)]
    return any(d[0] > 1 > min(d) for d in doubts)


def _sites(search: Search, place: Place) -> list[int]:
    return [k for k in search.at_first if (search.copy.sites[k].function, search.copy.sites[k].line) == place]


def _clear(search: Search, place: Place) -> bool:
    """Whether a line computed nothing but what is explained."""
    known = _sites(search, place)
    return bool(known) and all(min(search.at_first[k]) > 1 and not search.copy.sites[k].handed for k in known)


def _places(search: Search, culprits: Sequence[Culprit]) -> list[Place]:
    """Where culprits stand."""
    known = {site_of(f, line): (f, line) for f in search.copy.copies for line in statements(f)}
    return [known[str(c.blame.site)] for c in culprits if str(c.blame.site) in known]


def _common(search: Search, culprits: Sequence[Culprit]) -> Place | None:
    """The one line that all of several culprits read something from which is not explained, while what it reads is: one
    mistake is likelier than several."""
    doubtful = [{p for p in _helpers(search, q) if not _clear(search, p)} for q in _places(search, culprits)]
    shared = set.intersection(*doubtful) - {*_places(search, culprits)} if len(culprits) > 1 and doubtful else set()
    strange = [p for p in shared if any(0 in search.at_first[k] for k in _sites(search, p))]
    first = [p for p in strange if all(_clear(search, q) for q in _helpers(search, p))]
    return first[0] if len(shared) == len(first) == 1 else None


def _numbers_read(search: Search, culprits: Sequence[Culprit]) -> list[Place]:
    """The lines that give culprits numbers of the function, which may be others than are needed."""
    found = {p: None for place in _places(search, culprits) for p in _helpers(search, place)}
    return [p for p in found if any(3 in search.at_first[k] for k in _sites(search, p))]


def weighed(search: Search, culprits: list[Culprit], found: Sequence[Edit]) -> Found:
    """The culprits; or one other line, if a change of it explains the mistake better than any change of theirs."""
    if not found:
        return Found(culprits, [])
    mine = {str(c.blame.site) for c in culprits}
    ours = [e for e in found if site_of(e.function, e.line) in mine] if len(culprits) == 1 else []
    best = min(found, key=lambda e: e.rank)
    hands_on = len(culprits) == 1 and culprits[0].handed
    if ours and min(ours[0].rank, NAMED) <= min(best.rank, NAMED):
        return Found(culprits, [told(ours[0])])
    if best.rank == SCALED and len(culprits) == 1 and all(search.before) and not hands_on:
        return Found(culprits, [])
    pattern = culprits[0].pattern if len(culprits) == 1 else None
    return Found([Culprit(blamed((best.function, best.line)), pattern)], [told(best)])
