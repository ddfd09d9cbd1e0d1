"""Vectors of entries along an axis of memory, and sums of them in registers, as LLVM IR."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .function import LLVM, SHORT, IRFunction
from .views import View


class Vectors:
    """What kernels that are written in vectors have in common: `lanes` entries of one type."""

    def __init__(self, f: IRFunction, dtype: Any, lanes: int) -> None:
        self.f, self.lanes, self.align = f, lanes, dtype.itemsize
        self.type, self.short = LLVM[dtype], SHORT[LLVM[dtype]]
        self.vector = f"<{lanes} x {self.type}>"

    def load(self, view: View, at: list[str], n: int, step: int = 1) -> str:
        """`n` entries along the last axis as a vector, `step` from one to the next; the other lanes are 0."""
        f, lanes = self.f, self.lanes * step
        vector = f"<{lanes} x {self.type}>"
        address = f.address(view, at)
        reach = (n - 1) * step + 1
        if reach >= lanes:
            x = f.emit(f"load {vector}, ptr {address}, align {self.align}")
        else:
            f.module.masked.add((lanes, self.type))
            x = f.emit(
                f"call {vector} @llvm.masked.load.v{lanes}{self.short}.p0(ptr {address}, i32 {self.align}, "
                f"<{lanes} x i1> {_mask(reach, lanes)}, {vector} zeroinitializer)"
            )
        if step == 1:
            return x
        picked = ", ".join(f"i32 {k * step if k < n else lanes}" for k in range(self.lanes))
        return f.emit(f"shufflevector {vector} {x}, {vector} zeroinitializer, <{self.lanes} x i32> <{picked}>")

    def store(self, view: View, at: list[str], n: int, x: str) -> None:
        """The first `n` lanes, along the last axis."""
        f, address = self.f, self.f.address(view, at)
        if n == self.lanes:
            f.do(f"store {self.vector} {x}, ptr {address}, align {self.align}")
            return
        f.module.masked.add((self.lanes, self.type))
        f.do(
            f"call void @llvm.masked.store.v{self.lanes}{self.short}.p0({self.vector} {x}, ptr {address}, "
            f"i32 {self.align}, <{self.lanes} x i1> {_mask(n, self.lanes)})"
        )

    def splat(self, x: str) -> str:
        """A number in all lanes."""
        one = self.f.emit(f"insertelement {self.vector} undef, {self.type} {x}, i32 0")
        return self.f.emit(
            f"shufflevector {self.vector} {one}, {self.vector} undef, <{self.lanes} x i32> zeroinitializer"
        )

    def add_product(self, place: str, a: str, b: str) -> None:
        """Add a product to a sum."""
        f = self.f
        before = f.emit(f"load {self.vector}, ptr {place}")
        product = f.emit(f"fmul contract {self.vector} {a}, {b}")
        f.do(f"store {self.vector} {f.emit(f'fadd contract {self.vector} {before}, {product}')}, ptr {place}")

    def scaled(self, i: str, n: int, plus: int | str = 0) -> str:
        """`i * n + plus`."""
        f = self.f
        part = i if n == 1 or i == "0" else f.emit(f"mul nsw i64 {i}, {n}")
        if plus in (0, "0"):
            return part
        return str(plus) if part == "0" else f.emit(f"add nsw i64 {part}, {plus}")

    def blocks(self, n: int, size: int, body: Callable[[str, int], None]) -> None:
        """`body(start, length)` for blocks of an axis, of which the last may be shorter."""
        whole, rest = divmod(n, size)
        if whole:
            self.f.loop(whole, lambda i: body(self.scaled(i, size), size))
        if rest:
            body(str(whole * size), rest)


def _mask(n: int, lanes: int) -> str:
    return f"<{', '.join(f'i1 {int(k < n)}' for k in range(lanes))}>"
