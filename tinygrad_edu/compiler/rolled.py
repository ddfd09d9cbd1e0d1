"""The calls of all kernels as one function: what repeats with other memory, as the steps of a recurrence do, is a loop.

Where the memory of a call stands in each round is looked up in a table, so that it may stand anywhere. The code, and
the time that LLVM takes for it, hardly grow with the number of rounds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from .shared import shared
from .slices import Group

LEAST = 48  # calls and pointers that a loop must save
LONGEST = 1024  # calls of one round


class KernelCall(NamedTuple):
    """A kernel with the memory that it is given: for each buffer the place of its pointer and bytes from there; and the
    places of its numbers. `copy n` copies n bytes."""

    name: str
    memory: tuple[tuple[int, int], ...]
    numbers: tuple[int, ...]


class Repeat(NamedTuple):
    """Calls from `start`, `rounds` times as many as `length` of equal kernels."""

    start: int
    length: int
    rounds: int


def parts(names: Sequence[object], sizes: Sequence[int]) -> Iterator[Repeat]:
    """What repeats, and what stands between, in order. `sizes` are how long each call is, as code."""
    codes: dict[object, int] = {}
    numbers = np.array([codes.setdefault(name, len(codes)) for name in names], np.int64)
    before = np.concatenate([[0], np.cumsum(np.array(sizes, np.int64))])  # the sizes of all calls before one
    todo = [(0, len(numbers))]
    while todo:
        start, end = todo.pop()
        best = _best(numbers[start:end], before[start : end + 1])
        if best is None:
            if start < end:
                yield Repeat(start, end - start, 1)
            continue
        first, length, rounds = start + best.start, best.length, best.rounds
        after = first + length * rounds
        if first > start:
            todo += [(after, end), (first, after)]
            todo.append((start, first))
        else:
            yield Repeat(first, length, rounds)
            todo.append((after, end))


def _best(numbers: np.ndarray, before: np.ndarray) -> Repeat | None:
    """The repetition that saves most; of equal ones the shortest, and the first."""
    best, saved = None, LEAST - 1
    for length in range(1, min(LONGEST, len(numbers) // 2) + 1):
        if before[-1] - before[0] - length <= saved:
            break
        same = np.concatenate([[False], numbers[length:] == numbers[:-length], [False]])
        starts, ends = np.flatnonzero(same[1:] != same[:-1]).reshape(-1, 2).T
        again = (ends - starts) // length  # whole rounds after the first
        saves = before[starts + again * length] - before[starts]
        if len(saves) and saves.max() > saved:
            k = int(saves.argmax())
            saved = int(saves[k])
            best = Repeat(int(starts[k]), length, int(again[k]) + 1)
    return best


class _Run:
    """The function, while its lines are written."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.lines: list[str] = []
        self.tables: list[str] = []
        self.count = 0

    def emit(self, text: str) -> str:
        self.count += 1
        self.lines.append(f"  %r{self.count} = {text}")
        return f"%r{self.count}"

    def read(self, values: Sequence[int], i: str | None) -> str:
        """A number of each round."""
        if len(set(values)) == 1:
            return str(values[0])
        name = f"@table.{self.name}.{len(self.tables)}"
        entries = ", ".join(f"i64 {v}" for v in values)
        self.tables.append(f"{name} = internal constant [{len(values)} x i64] [{entries}]")
        return self.emit(f"load i64, ptr {self.emit(f'getelementptr inbounds i64, ptr {name}, i64 {i}')}")

    def call(self, rounds: Sequence[KernelCall], i: str | None = None) -> None:
        """The same call in each round."""
        pointers = []
        for places in zip(*(call.memory for call in rounds), strict=True):
            slots, offsets = zip(*places, strict=True)
            slot = self.emit(f"getelementptr inbounds ptr, ptr %pointers, i64 {self.read(slots, i)}")
            pointer, offset = self.emit(f"load ptr, ptr {slot}"), self.read(offsets, i)
            pointers.append(pointer if offset == "0" else self.emit(f"getelementptr i8, ptr {pointer}, i64 {offset}"))
        for places in zip(*(call.numbers for call in rounds), strict=True):
            pointers.append(self.emit(f"getelementptr inbounds double, ptr %numbers, i64 {self.read(places, i)}"))
        args = ", ".join(f"ptr {pointer}" for pointer in pointers)
        name = rounds[0].name
        if name.startswith("copy "):
            self.lines.append(f"  call void @llvm.memcpy.p0.p0.i64({args}, i64 {name[5:]}, i1 false)")
        else:
            self.lines.append(f"  call void @{name}({args})")

    def loop(self, calls: Sequence[KernelCall], part: Repeat) -> None:
        k = self.count = self.count + 1
        i, after, more = f"%i{k}", f"%next{k}", f"%more{k}"
        self.lines += [f"  br label %head{k}", f"head{k}:", f"  {i} = phi i64 [ 0, %from{k} ], [ {after}, %head{k} ]"]
        self.lines[-3:-3] = [f"  br label %from{k}", f"from{k}:"]
        for at in range(part.length):
            self.call(calls[part.start + at :: part.length][: part.rounds], i)
        self.lines += [
            f"  {after} = add nuw nsw i64 {i}, 1",
            f"  {more} = icmp ult i64 {after}, {part.rounds}",
            f"  br i1 {more}, label %head{k}, label %end{k}",
            f"end{k}:",
        ]


def rolled(calls: Sequence[KernelCall], groups: Sequence[Group] = ()) -> str:
    """`run(pointers, numbers)`: these calls in their order. The slices of groups may be shared out among threads:
    `shared(pointers, numbers)` does the same."""
    if not groups:
        return _segment("run", calls, "define void")
    text, order, at = [], [], 0
    for k, (first, count, depth) in enumerate((*groups, Group(len(calls), 0))):
        if first > at:
            text.append(_segment(f"part{k}", calls[at:first], "define internal void"))
            order.append((f"part{k}", 0))
        if count:
            text.append(_job(f"slices{k}", calls[first : first + count * depth], depth))
            order.append((f"slices{k}", count))
        at = first + count * depth
    return "\n\n".join([*text, _one_thread(order), shared(order)])


def _segment(name: str, calls: Sequence[KernelCall], define: str) -> str:
    """A function that makes calls in their order."""
    run = _Run(name)
    names = [(call.name, len(call.memory), len(call.numbers)) for call in calls]
    for part in parts(names, [1 + memory + numbers for _, memory, numbers in names]):
        if part.rounds == 1:
            for call in calls[part.start : part.start + part.length]:
                run.call([call])
        else:
            run.loop(calls, part)
    head = f"{define} @{name}(ptr %pointers, ptr %numbers) {{"
    return "\n".join([*run.tables, *([""] if run.tables else []), head, *run.lines, "  ret void", "}"])


def _job(name: str, calls: Sequence[KernelCall], depth: int) -> str:
    """A function that makes one slice, `depth` of these calls: equal kernels, but for the last slice, which may be a
    shorter one; or others."""
    run = _Run(name)
    rows = [calls[k : k + depth] for k in range(0, len(calls), depth)]
    names = [[call.name for call in row] for row in rows]
    same = rows if names[-1] == names[0] else rows[:-1]
    if any(other != names[0] for other in names[: len(same)]):
        return _chosen("define internal void", name, rows)
    if same is not rows:
        run.lines += [f"  %last = icmp eq i64 %k, {len(same)}", "  br i1 %last, label %end, label %begin", "end:"]
        for call in rows[-1]:
            run.call([call])
        run.lines += ["  ret void", "begin:"]
    for rounds in zip(*same, strict=True):
        run.call(rounds, "%k")
    head = f"define internal void @{name}(i64 %k, ptr %pointers, ptr %numbers) {{"
    return "\n".join([*run.tables, head, *run.lines, "  ret void", "}"])


def _one_thread(order: Sequence[tuple[str, int]]) -> str:
    lines = ["define void @run(ptr %pointers, ptr %numbers) {", "  br label %begin", "begin:"]
    at = "begin"
    for k, (name, count) in enumerate(order):
        if not count:
            lines.append(f"  call void @{name}(ptr %pointers, ptr %numbers)")
            continue
        lines += [
            f"  br label %slices{k}",
            f"slices{k}:",
            f"  %i{k} = phi i64 [ 0, %{at} ], [ %next{k}, %slices{k} ]",
            f"  call void @{name}(i64 %i{k}, ptr %pointers, ptr %numbers)",
            f"  %next{k} = add nuw nsw i64 %i{k}, 1",
            f"  %more{k} = icmp ult i64 %next{k}, {count}",
            f"  br i1 %more{k}, label %slices{k}, label %after{k}",
            f"after{k}:",
        ]
        at = f"after{k}"
    return "\n".join([*lines, "  ret void", "}"])


def single(calls: Sequence[KernelCall]) -> str:
    """`one(k, pointers, numbers)`: the call number k alone, to see how long it takes; nothing for others."""
    return _chosen("define void", "one", [[call] for call in calls])


def _chosen(define: str, name: str, rows: Sequence[Sequence[KernelCall]]) -> str:
    run = _Run(name)
    cases = " ".join(f"i64 {k}, label %case{k}" for k in range(len(rows)))
    run.lines.append(f"  switch i64 %k, label %end [ {cases} ]")
    for k, row in enumerate(rows):
        run.lines.append(f"case{k}:")
        for call in row:
            run.call([call])
        run.lines.append("  br label %end")
    head = f"{define} @{name}(i64 %k, ptr %pointers, ptr %numbers) {{"
    return "\n".join([head, "entry:", *run.lines, "end:", "  ret void", "}"])
