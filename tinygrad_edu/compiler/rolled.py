"""The calls of all kernels as one function: what repeats with other memory, as the steps of a recurrence do, is a loop.

Where the memory of a call stands in each round is looked up in a table, so that it may stand anywhere. The code, and
the time that LLVM takes for it, hardly grow with the number of rounds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

LEAST = 12  # calls that a loop must save
LONGEST = 1024  # calls of one round


class Call(NamedTuple):
    """A kernel with the memory that it is given: for each buffer the place of its pointer and bytes from there; and the
    places of its numbers. `copy n` copies n bytes."""

    name: str
    memory: tuple[tuple[int, int], ...]
    numbers: tuple[int, ...]


class Part(NamedTuple):
    """Calls from `start`, `rounds` times as many as `length` of equal kernels."""

    start: int
    length: int
    rounds: int


def parts(names: Sequence[object]) -> Iterator[Part]:
    """What repeats, and what stands between, in order."""
    codes: dict[object, int] = {}
    numbers = np.array([codes.setdefault(name, len(codes)) for name in names], np.int64)
    todo = [(0, len(numbers))]
    while todo:
        start, end = todo.pop()
        best = _best(numbers[start:end])
        if best is None:
            if start < end:
                yield Part(start, end - start, 1)
            continue
        first, length, rounds = start + best.start, best.length, best.rounds
        after = first + length * rounds
        if first > start:
            todo += [(after, end), (first, after)]
            todo.append((start, first))
        else:
            yield Part(first, length, rounds)
            todo.append((after, end))


def _best(numbers: np.ndarray) -> Part | None:
    """The repetition that saves most; of equal ones the shortest, and the first."""
    best, saved = None, LEAST - 1
    for length in range(1, min(LONGEST, len(numbers) // 2) + 1):
        if len(numbers) - length <= saved:
            break
        same = np.concatenate([[False], numbers[length:] == numbers[:-length], [False]])
        edges = np.flatnonzero(same[1:] != same[:-1]).reshape(-1, 2)
        runs = (edges[:, 1] - edges[:, 0]) // length * length  # whole rounds after the first
        if len(runs) and runs.max() > saved:
            k = int(runs.argmax())
            saved = int(runs[k])
            best = Part(int(edges[k, 0]), length, saved // length + 1)
    return best


class _Run:
    """The function, while its lines are written."""

    def __init__(self) -> None:
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
        name = f"@table{len(self.tables)}"
        entries = ", ".join(f"i64 {v}" for v in values)
        self.tables.append(f"{name} = internal constant [{len(values)} x i64] [{entries}]")
        return self.emit(f"load i64, ptr {self.emit(f'getelementptr inbounds i64, ptr {name}, i64 {i}')}")

    def call(self, rounds: Sequence[Call], i: str | None = None) -> None:
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

    def loop(self, calls: Sequence[Call], part: Part) -> None:
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


def rolled(calls: Sequence[Call]) -> str:
    """`run(pointers, numbers)`: these calls in their order."""
    run = _Run()
    for part in parts([(call.name, len(call.memory), len(call.numbers)) for call in calls]):
        if part.rounds == 1:
            for call in calls[part.start : part.start + part.length]:
                run.call([call])
        else:
            run.loop(calls, part)
    head = "define void @run(ptr %pointers, ptr %numbers) {"
    return "\n".join([*run.tables, *([""] if run.tables else []), head, *run.lines, "  ret void", "}"])


def single(calls: Sequence[Call]) -> str:
    """`one(k, pointers, numbers)`: the call number k alone, to see how long it takes; nothing for others."""
    run = _Run()
    cases = " ".join(f"i64 {k}, label %case{k}" for k in range(len(calls)))
    run.lines.append(f"  switch i64 %k, label %end [ {cases} ]")
    for k, call in enumerate(calls):
        run.lines.append(f"case{k}:")
        run.call([call])
        run.lines.append("  br label %end")
    head = "define void @one(i64 %k, ptr %pointers, ptr %numbers) {"
    return "\n".join([head, "entry:", *run.lines, "end:", "  ret void", "}"])
