"""Rows: a picture that would be wider than a page goes on in the row below, as a text does.

Boxes keep their order of birth. What a row uses of an earlier one is drawn once more at its left, small, so no arrow
runs from row to row. Graphviz lays out all rows in one go, and its columns run through all of them: a row is full when
the columns together would be wider than the page.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from .fold import Arrow, DrawnGraph

GAP = 20.0  # between two columns, in points
COPY = 50.0  # the width of a tensor that is drawn once more
LEEWAY = 1.1  # by which a picture may be wider than the page, as a column is as wide in all rows
NARROWER = (0.55, 0.65, 0.75, 0.85, 1.0)  # widths that are tried, so that the last row is not a stump
ABREAST = 12  # leaves of one operation that stand in one column
SLIGHTLY, MOST = 25.0, 1.2  # nor does it matter if it grows by a little, up to so much

Columns = dict[int, float]


@dataclass
class RowPlan:
    """Which row each box stands in, and how many there are."""

    row: dict[str, int] = field(default_factory=dict)
    count: int = 1


def plan(
    seen: DrawnGraph, arrows: list[Arrow], widths: Mapping[str, float], chip: float, page: float | None
) -> RowPlan:
    """The rows of a view on a page of a width; `chip` is the width of a label on an arrow, 0 where there are none."""
    if page is None:
        return RowPlan(dict.fromkeys(seen.boxes, 0), 1)
    sources: dict[str, list[str]] = {key: [] for key in seen.boxes}
    for arrow in arrows:
        if not arrow.loop:
            sources[arrow.user].append(arrow.source)
    packed = _Packing(seen, sources, widths, chip)
    tried = [packed.rows(page, columns) for columns in ({}, packed.alike(page))]
    best = min(tried, key=lambda rows: max(rows.values(), default=0))
    count = max(best.values(), default=0) + 1
    for part in NARROWER if count > 1 else ():
        narrow = packed.rows(page * part, {})
        if max(narrow.values()) + 1 == count:
            best = narrow
            break
    return RowPlan(best, count)


def abreast(
    seen: DrawnGraph, arrows: list[Arrow], long: Mapping[str, float], wide: Mapping[str, float], chip: float,
    page: float | None,
) -> tuple[dict[str, str], dict[str, float]]:  # fmt: skip
    """Very many leaves of one operation stand in several columns: which leaf comes after which in the direction of the
    arrows, and how wide the columns are together, for each such leaf. `long` and `wide` are the sizes of boxes across
    that direction and along it."""
    users: dict[str, set[str]] = {}
    for arrow in arrows:
        users.setdefault(arrow.source, set()).add(arrow.user)
    groups: dict[str, list[str]] = {}
    for key, box in seen.boxes.items():
        if not box.title and not seen.node(box).inputs and len(users.get(key, ())) == 1 and not box.frames:
            groups.setdefault(next(iter(users[key])), []).append(key)
    after, widths = dict[str, str](), dict[str, float]()
    for leaves in groups.values():
        each = max(wide[k] for k in leaves) + (chip + 2 * GAP if chip else GAP)
        count = math.ceil(math.sqrt(sum(long[k] + GAP for k in leaves) / each))
        count = count if page is None else min(count, max(1, int(page // each)))
        if len(leaves) > ABREAST and count > 1:
            size = math.ceil(len(leaves) / count)
            after |= dict(zip(leaves, leaves[size:], strict=False))
            widths |= dict.fromkeys(leaves, count * each - GAP)
    return after, widths


class _Packing:
    """Boxes put into rows one after the other."""

    def __init__(
        self, seen: DrawnGraph, sources: Mapping[str, list[str]], widths: Mapping[str, float], chip: float
    ) -> None:
        self.seen, self.sources, self.widths, self.chip = seen, sources, widths, chip
        self.leaves = {k for k, box in seen.boxes.items() if not box.title and not seen.node(box).inputs}

    def alike(self, page: float) -> Columns:
        """Columns that are wide enough for most boxes, as many as a page has room for, or as there are boxes."""
        step, most = (2 if self.chip else 1), sorted(self.widths.values())[int(0.9 * (len(self.widths) - 1))]
        columns: Columns = {}
        while len(columns) < step * len(self.widths) and _total(columns) + most + self.chip <= page:
            at = max(columns, default=-step) + step
            columns[at] = most
            if self.chip and at:
                columns[at - 1] = self.chip
        return columns

    def rows(self, page: float, shared: Columns) -> dict[str, int]:
        """The row of each box; `shared` has the widths that columns have in all rows from the start."""
        row, count, now = dict[str, int](), 0, _Columns()
        for group in self._groups():
            for part in [group] if self._put(group, _Columns(), shared, page) else [[key] for key in group]:
                found = self._put(part, now, shared, page)
                if found is None:
                    count += bool(now.place)
                    found = self._put(part, _Columns(), shared, page) or self._put(part, _Columns(), shared, None)
                    assert found is not None
                now, shared = found
                row |= dict.fromkeys(part, count)
        users: dict[str, int] = {}
        for user, used in self.sources.items():
            for key in used:
                if key in self.leaves and user in row:
                    users[key] = min(users.get(key, row[user]), row[user])
        return {key: row.get(key, users.get(key, 0)) for key in self.seen.boxes}

    def _groups(self) -> Iterable[list[str]]:
        """The boxes of one outer frame together; what is in none, one by one."""
        group: list[str] = []
        frame: tuple[str, ...] = ()
        for key, box in self.seen.boxes.items():
            if key in self.leaves:
                continue
            if group and not (frame and box.frames[:1] == frame):
                yield group
                group = []
            frame = box.frames[:1]
            group.append(key)
        if group:
            yield group

    def _put(
        self, group: list[str], now: _Columns, shared: Columns, page: float | None
    ) -> tuple[_Columns, Columns] | None:
        """The row with the boxes after those that are in it; None where the page is too narrow."""
        place, own = dict(now.place), dict(now.columns)
        step = 2 if self.chip else 1
        for key in group:
            used = self.sources[key]
            at = max((place[k] + step for k in used if k in place), default=step if used else 0)
            place[key] = at
            _widen(own, at, self.widths[key])
            for k in used:
                if k not in place:
                    _widen(own, at - step, self.widths[k] if k in self.leaves else COPY)
                if self.chip:
                    _widen(own, at - 1, self.chip)
        both = {k: max(own.get(k, 0.0), shared.get(k, 0.0)) for k in own.keys() | shared.keys()}
        total, before = _total(both), _total(shared)
        fits = page is None or (
            _total(own) <= page and total <= max(LEEWAY * page, before + (SLIGHTLY if before < MOST * page else 0))
        )
        return (_Columns(place, own), both) if fits else None


@dataclass
class _Columns:
    """The column of each box of a row, and the widths of the columns."""

    place: dict[str, int] = field(default_factory=dict)
    columns: Columns = field(default_factory=dict)


def _widen(columns: Columns, at: int, width: float) -> None:
    columns[at] = max(columns.get(at, 0.0), width)


def _total(columns: Mapping[int, float]) -> float:
    return sum(columns.values()) + GAP * max(columns, default=0)
