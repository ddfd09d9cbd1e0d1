"""Convolutions as LLVM IR: blocks of the result whose sums stay in registers, vectors along the last axis.

A block is some channels by some rows by some vectors. For each entry of the kernels, its number is multiplied with
vectors of the input: no windows are copied. The gradient by the kernels keeps a vector of sums for each entry of some
kernels, and adds up its lanes at the end.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from .function import IRFunction
from .kernels import Convolution
from .mathematics import number
from .vectors import Vectors

KERNELS = 1 << 18  # bytes of kernels from which some of them are read for all examples, before the next
IMAGES = 1600  # windows of which the sums of a kernel's gradient are made in one go, as they stay in the cache


def convolution(f: IRFunction, kernel: Convolution) -> None:
    """The function of one convolution, or of the gradient by its kernels."""
    (_Weight if kernel.weight else _Forward)(f, kernel).write()


class _Windows(Vectors):
    """What both have in common. Views have the axes (n, groups, channels, ...), kernels (groups, out, in, ...)."""

    def __init__(self, f: IRFunction, kernel: Convolution) -> None:
        self.kernel = kernel
        self.x, self.w, self.y = kernel.x, kernel.w, kernel.y
        self.taps = self.w.shape[3:]
        size = self.y.shape[3:]
        self.rows, self.width = size[:-1], size[-1]
        bytes, self.sums = f.module.registers
        full = bytes // kernel.y.buffer.dtype.itemsize
        lanes = min((n for n in (full, full // 2, full // 4) if n > 1), key=lambda n: (-(-self.width // n) * n, -n))
        super().__init__(f, kernel.y.buffer.dtype, lanes)

    def spans(self, most: int) -> list[tuple[int, int, int]]:
        """The last axis in pieces of up to `most` vectors: where they begin, how many there are, the width of one."""
        piece = most * self.lanes
        whole, rest = divmod(self.width, piece)
        return [(0, whole, piece)] * bool(whole) + [(whole * piece, 1, rest)] * bool(rest)

    def place(self, row: list[str], tap: list[str], column: str, last: int) -> list[str]:
        """The entry of the input that stands at a tap of the window of a row and a column."""
        stride, dilation = self.kernel.stride, self.kernel.dilation
        found = [
            self.scaled(r, s, self.scaled(t, d))
            for r, t, s, d in zip(row, tap, stride[:-1], dilation[:-1], strict=True)
        ]
        return [*found, self.scaled(column, stride[-1], last * dilation[-1])]

    def nested(self, lengths: Any, body: Callable[[list[str]], None], at: tuple[str, ...] = ()) -> None:
        """Loops over several axes."""
        if len(at) == len(lengths):
            body(list(at))
        else:
            self.f.loop(lengths[len(at)], lambda i: self.nested(lengths, body, (*at, i)))


class _Forward(_Windows):
    """The convolution."""

    def write(self) -> None:
        n, groups, channels = self.y.shape[:3]
        vectors = min(3, -(-self.width // self.lanes))
        tall = self.rows[-1] if self.rows else 1
        together = max((r for r in range(1, min(tall, 4) + 1) if r * vectors <= 4), key=lambda r: (tall % r == 0, r))
        some = max(1, min(channels, self.sums // (together * vectors)))
        some = -(-channels // -(-channels // some))  # blocks of about one size

        def of_channels(at: list[str], o: str, count: int) -> None:
            self.nested(self.rows[:-1], lambda row: of_rows(at, o, count, row))

        def of_rows(at: list[str], o: str, count: int, row: list[str]) -> None:
            if not self.rows:
                self.columns(at, o, count, row, 0, vectors)
                return
            self.blocks(tall, together, lambda r, high: self.columns(at, o, count, [*row, r], high, vectors))

        if self.w.size * self.align > KERNELS:
            f = self.f
            f.loop(
                groups,
                lambda g: self.blocks(
                    channels, some, lambda o, count: f.loop(n, lambda i: of_channels([i, g], o, count))
                ),
            )
        else:
            self.nested((n, groups), lambda at: self.blocks(channels, some, lambda o, count: of_channels(at, o, count)))

    def columns(self, at: list[str], o: str, count: int, row: list[str], high: int, vectors: int) -> None:
        for start, times, width in self.spans(vectors):
            self.f.loop(times, lambda j, s=start, w=width: self.block(at, o, count, row, high, self.scaled(j, w, s), w))

    def block(self, at: list[str], o: str, count: int, row: list[str], high: int, column: str, width: int) -> None:
        """Some channels, rows and vectors of the result."""
        f, (n, group) = self.f, at
        pieces = [(k, min(self.lanes, width - k)) for k in range(0, width, self.lanes)]
        rows = [[*row[:-1], self.scaled(row[-1], 1, k)] for k in range(high)] if high else [row]
        sums = [[[f.alloca(self.vector) for _ in pieces] for _ in rows] for _ in range(count)]
        for place in (p for channel in sums for line in channel for p in line):
            f.do(f"store {self.vector} zeroinitializer, ptr {place}")

        def tap(i: list[str]) -> None:
            c, *outer = i
            for last in range(self.taps[-1]):
                xs = [
                    [
                        self.load(
                            self.x, [n, group, c, *self.place(r, outer, self.scaled(column, 1, k), last)], m,
                            self.kernel.stride[-1],
                        )
                        for k, m in pieces
                    ]
                    for r in rows
                ]  # fmt: skip
                for k, channel in enumerate(sums):
                    w = f.load(self.w.buffer, f.address(self.w, [group, self.scaled(o, 1, k), c, *outer, str(last)]))
                    w = self.splat(w)
                    for line, vectors in zip(channel, xs, strict=True):
                        for place, x in zip(line, vectors, strict=True):
                            self.add_product(place, x, w)

        self.nested((self.x.shape[2], *self.taps[:-1]), tap)
        for k, channel in enumerate(sums):
            for r, line in zip(rows, channel, strict=True):
                for (j, m), place in zip(pieces, line, strict=True):
                    x = f.emit(f"load {self.vector}, ptr {place}")
                    self.store(self.y, [n, group, self.scaled(o, 1, k), *r, self.scaled(column, 1, j)], m, x)


class _Weight(_Windows):
    """The gradient by the kernels: `y` is the gradient of the result, `w` is written."""

    def write(self) -> None:
        n, groups, channels = self.y.shape[:3]
        inner = self.x.shape[2]
        beside = max(1, min(inner, 3 // self.taps[-1]))  # input channels
        some = max(1, min(channels, self.sums // (beside * self.taps[-1]), 8))
        some = -(-channels // -(-channels // some))
        pixels = math.prod(self.rows) * self.width
        most = max(1, IMAGES // pixels)
        images = max(k for k in range(1, min(n, most) + 1) if n % k == 0)
        f = self.f
        size = self.w.buffer.size
        zero = number(0.0, self.type)
        f.loop(size, lambda i: f.do(f"store {self.type} {zero}, ptr {f.element(self.w.buffer, i)}"))

        def block(at: list[str]) -> None:
            first, group = at
            self.blocks(
                channels, some,
                lambda o, count: self.blocks(
                    inner, beside,
                    lambda c, wide: self.nested(
                        self.taps[:-1],
                        lambda outer: self.block(self.scaled(first, images), images, group, o, count, c, wide, outer),
                    ),
                ),
            )  # fmt: skip

        self.nested((n // images, groups), block)

    def block(
        self, first: str, images: int, group: str, o: str, count: int, c: str, wide: int, outer: list[str]
    ) -> None:  # fmt: skip
        """The gradients of some kernels along their last axis, from some images."""
        f = self.f
        places = [(k, last) for k in range(wide) for last in range(self.taps[-1])]
        sums = [[f.alloca(self.vector) for _ in places] for _ in range(count)]
        for place in (p for line in sums for p in line):
            f.do(f"store {self.vector} zeroinitializer, ptr {place}")

        def piece(n: str, row: list[str], column: str, m: int) -> None:
            xs = [
                self.load(
                    self.x, [n, group, self.scaled(c, 1, k), *self.place(row, outer, column, last)], m,
                    self.kernel.stride[-1],
                )
                for k, last in places
            ]  # fmt: skip
            for k, line in enumerate(sums):
                g = self.load(self.y, [n, group, self.scaled(o, 1, k), *row, column], m)
                for place, x in zip(line, xs, strict=True):
                    self.add_product(place, x, g)

        def rows(at: list[str]) -> None:
            i, *row = at
            n = self.scaled(i, 1, first)
            for start, times, width in self.spans(1):
                f.loop(times, lambda j, s=start, w=width: piece(n, row, self.scaled(j, w, s), w))

        self.nested((images, *self.rows), rows)
        f.module.masked.add((self.lanes, self.type))
        for k, line in enumerate(sums):
            for (d, last), place in zip(places, line, strict=True):
                x = f.emit(f"load {self.vector}, ptr {place}")
                x = f.emit(
                    f"call reassoc {self.type} @llvm.vector.reduce.fadd.v{self.lanes}{self.short}({self.type} "
                    f"{number(-0.0, self.type)}, {self.vector} {x})"
                )
                at = [group, self.scaled(o, 1, k), self.scaled(c, 1, d), *outer, str(last)]
                address = f.address(self.w, at)
                before = f.load(self.w.buffer, address)
                f.store(self.w.buffer, address, f.emit(f"fadd {self.type} {before}, {x}"))
