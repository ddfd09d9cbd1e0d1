"""Rows that are picked from a small table, as an embedding of a few characters gives them, and products with a matrix:
the product of the table is made once, and its rows are picked."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..program import Program, Step, Value
from .algebra import casts
from .common import with_common_steps_once, without_dead_steps
from .draft import Draft, rewritten
from .layout import LAYOUT, order_of

TIMES = 2  # as often are rows picked, at least, as the table has rows


def with_tables_first(program: Program) -> Program:
    """`table[i] @ w` is `(table @ w)[i]`; and where `s` has for each row of the table the sum of those rows of `g` that
    belong to it, `table[i].T @ g` is `table.T @ s`, and the sum of rows of `g @ w` is `s @ w`. Rounding differs, as
    sums are taken in another order; rows that nobody picks count for nothing, whatever stands in them."""
    names = {step.primitive for step in program.steps if step.primitive != "getitem" or len(step.uses) > 1}
    if "matmul" not in names or names.isdisjoint({"getitem", "add.at"}):  # no rows are picked by an array
        return program
    found = _Tables(program).end()
    return (
        program
        if found is None
        else rewritten(without_dead_steps(with_common_steps_once(found)), LAYOUT, {"astype": [casts]})
    )


class _Tables:
    """The program while it is written anew."""

    def __init__(self, program: Program) -> None:
        self.draft, self.changed = Draft(program), False
        shown = set(program.results)  # values that one step reads, but for their shape:
        self.once = {v for v, steps in program.users().items() if len(_readers(steps)) == 1 and v not in shown}
        for step in program.steps:
            new = self.draft.follow(step)
            self.draft.site = step.site
            found = self._simpler(new) if len(new.results) == 1 else None
            if found is None:
                self.draft.keep(new)
            else:
                self.draft.now[step.result] = found
                self.changed = True

    def end(self) -> Program | None:
        return self.draft.end() if self.changed else None

    def _simpler(self, step: Step) -> Value | None:
        if step.primitive == "matmul" and not step.kwargs and all(map(_matrix, step.args)):
            return self._of_rows(*step.args) or self._of_columns(*step.args)
        if step.primitive == "add.at" and len(step.args) == 3:
            return self._added(step)
        return None

    def _picked(self, x: Value) -> tuple[Value, Value] | None:
        """For a matrix whose rows are picked from a smaller one: that, and the numbers of its rows."""
        moves, step = self._moves(x, ())
        if step is None or step.primitive != "getitem":
            return None
        table, index = step.args
        i = index[0] if isinstance(index, tuple) and len(index) == 1 else index
        if not _matrix(table) or not _numbers(i) or i.size != x.shape[0] or table.shape[0] * TIMES > i.size:
            return None
        for move in reversed(moves):
            i = self._moved(i, move)
        return table, self._flat(i)

    def _moves(self, x: Any, also: tuple[str, ...]) -> tuple[list[Step], Step | None]:
        """The steps that only put rows in another order, which led to a value; and the one before them."""
        moves: list[Step] = []
        step = self.draft.made.get(x)
        while step is not None and (_keeps_rows(step) or step.primitive in also):
            moves.append(step)
            step = self.draft.made.get(step.args[0])
        return moves, step

    def _moved(self, i: Value, step: Step) -> Value:
        """The numbers of rows, in the order that a step gives these rows."""
        order = order_of(step)
        if order is None:
            return self._call("reshape", (i, step.result.shape[:-1]), step.result.shape[:-1], i.dtype)
        return self._call("transpose", (i, order[:-1]), tuple(i.shape[k] for k in order[:-1]), i.dtype)

    def _flat(self, i: Value) -> Value:
        return i if len(i.shape) == 1 else self._call("reshape", (i, (i.size,)), (i.size,), i.dtype)

    def _of_rows(self, a: Value, b: Value) -> Value | None:
        """table[i] @ b"""
        found = self._picked(a)
        if found is None:
            return None
        (table, i), n = found, b.shape[1]
        whole = self._call("matmul", (table, b), (table.shape[0], n), b.dtype)
        return self._call("getitem", (whole, (i,)), (i.size, n), b.dtype)

    def _of_columns(self, a: Value, b: Value) -> Value | None:
        """table[i].T @ g, or g.T @ table[i]"""
        turned = self.draft.of(a, "swapaxes", "transpose", "moveaxis")
        if turned is None or order_of(turned) != (1, 0):
            return None
        x = turned.args[0]
        for picked, g, first in ((x, b, True), (b, x, False)):
            found = self._picked(picked)
            if found is None:
                continue
            table, i = found
            sums, n, shape = self._sums(g, i, table.shape[0]), g.shape[1], table.shape
            table = self._of_those_picked(table, i)
            left, right = (table, sums) if first else (sums, table)
            left = self._call("swapaxes", (left, -1, -2), left.shape[::-1], left.dtype)
            return self._call("matmul", (left, right), (shape[1], n) if first else (n, shape[1]), b.dtype)
        return None

    def _added(self, step: Step) -> Value | None:
        """zeros, to which the rows of g @ w are added by their numbers"""
        zeros, index, value = step.args
        i = index[0] if isinstance(index, tuple) and len(index) == 1 else index
        if not _matrix(zeros) or not _numbers(i) or self.draft.of(zeros, "zeros_like") is None:
            return None
        moves, product = self._moves(value, ("astype",))
        if product is None or product.primitive != "matmul" or product.kwargs or not all(map(_matrix, product.args)):
            return None
        if i.size != product.result.shape[0] or zeros.shape[0] * TIMES > i.size:
            return None
        if not self.once.issuperset(v for made in (*moves, product) for v in made.results):
            return None
        if any(made.primitive == "astype" and made.result.dtype != step.result.dtype for made in moves):
            return None
        for move in moves:
            if move.primitive != "astype":
                i = self._moved_back(i, move)
        g, w = product.args
        sums = self._sums(g, self._flat(i), zeros.shape[0])
        y = self._call("matmul", (sums, w), step.result.shape, w.dtype)
        if y.dtype == step.result.dtype:
            return y
        return self._call("astype", (y,), y.shape, step.result.dtype, dtype=step.result.dtype)

    def _moved_back(self, i: Value, step: Step) -> Value:
        """The numbers of rows, in the order before a step."""
        order, shape = order_of(step), step.args[0].shape[:-1]
        if order is None:
            return self._call("reshape", (i, shape), shape, i.dtype)
        return self._call("transpose", (i, tuple(int(k) for k in np.argsort(order[:-1]))), shape, i.dtype)

    def _sums(self, g: Value, i: Value, rows: int) -> Value:
        """For each row of the table the sum of the rows of `g` that belong to it, added up in float64."""
        shape, wide = (rows, g.shape[1]), np.dtype("float64")
        zeros = self._call("zeros_like", (g,), shape, wide, shape=shape, dtype=wide)
        x = g if g.dtype == wide else self._call("astype", (g,), g.shape, wide, dtype=wide)
        y = self._call("add.at", (zeros, (i,), x), shape, wide)
        return y if g.dtype == wide else self._call("astype", (y,), shape, g.dtype, dtype=g.dtype)

    def _of_those_picked(self, table: Value, i: Value) -> Value:
        """The table with zeros in the rows that nobody picks: inf and nan there must not be multiplied by 0."""
        rows, wide = table.shape[0], np.dtype("float64")
        zeros = self._call("zeros_like", (table,), (rows,), wide, shape=(rows,), dtype=wide)
        count = self._call("add.at", (zeros, (i,), 1.0), (rows,), wide)
        some = self._call("greater", (count, 0.0), (rows,), np.dtype(bool))
        some = self._call("reshape", (some, (rows, 1)), (rows, 1), np.dtype(bool))
        return self._call("where", (some, table, 0.0), table.shape, table.dtype)

    def _call(
        self, primitive: str, args: tuple[Any, ...], shape: tuple[int, ...], dtype: Any, /, **kwargs: Any
    ) -> Value:
        return self.draft.call(primitive, args, shape, dtype, **kwargs)


def _readers(steps: list[Step]) -> list[Step]:
    return [step for step in steps if step.primitive not in ("zeros_like", "ones_like")]


def _matrix(x: Any) -> bool:
    return isinstance(x, Value) and len(x.shape) == 2 and x.dtype.kind == "f" and x.dtype.itemsize > 2 and x.size > 0


def _numbers(x: Any) -> bool:
    return isinstance(x, Value) and not x.weak and x.dtype.kind == "i"


def _keeps_rows(step: Step) -> bool:
    """Whether a step leaves the last axis, which rows lie along, as it is."""
    order = order_of(step)
    if order is not None:
        return order[-1] == len(order) - 1
    return (
        step.primitive == "reshape" and isinstance(step.args[0], Value) and step.kwargs.get("order", "C") == "C"
        and bool(step.result.shape) and bool(step.args[0].shape) and step.result.shape[-1] == step.args[0].shape[-1]
    )  # fmt: skip
