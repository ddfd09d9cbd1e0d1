"""One function of LLVM IR, while its lines are written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .views import Memory, View

LLVM = {
    np.dtype(name): type
    for name, type in (("f4", "float"), ("f8", "double"), ("i8", "i64"), ("i4", "i32"), ("?", "i8"))
}
SHORT = {"float": "f32", "double": "f64"}


class IRFunction:
    """One kernel's function, while its lines are written."""

    def __init__(self, module: Any, buffers: list[Memory], bases: dict[Memory, int]) -> None:
        self.module, self.buffers = module, buffers
        self.names = {buffer: f"%b{k}" for k, buffer in enumerate(buffers)}
        self.bases = bases  # where the first of its views begins: kernels that differ in that alone are one
        self.numbers: list[int] = []  # the Python numbers that it reads
        self.lines: list[str] = []
        self.kept: list[str] = []  # memory of the function's own, which LLVM keeps in registers where it can
        self.count = 0
        self.block = "entry"

    def emit(self, text: str) -> str:
        self.count += 1
        name = f"%t{self.count}"
        self.lines.append(f"  {name} = {text}")
        return name

    def alloca(self, type: str) -> str:
        self.count += 1
        self.kept.append(f"  %t{self.count} = alloca {type}")
        return f"%t{self.count}"

    def do(self, text: str) -> None:
        self.lines.append(f"  {text}")

    def label(self, name: str) -> None:
        self.lines.append(f"{name}:")
        self.block = name

    def loop(self, n: int, body: Callable[..., Any], whole: bool = False) -> None:
        """`for i in range(n): body(i)`; `whole`: with as many float32 at once as a register holds, where LLVM would
        take as many as fit of the widest type in it."""
        if n <= 1:
            for _ in range(n):
                body("0")
            return
        self.count += 1
        k = self.count
        before = self.block
        self.do(f"br label %head{k}")
        self.label(f"head{k}")
        i = f"%i{k}"
        place = len(self.lines)
        self.lines.append("")
        body(i)
        after = self.emit(f"add nuw nsw i64 {i}, 1")
        end = self.block
        self.lines[place] = f"  {i} = phi i64 [ 0, %{before} ], [ {after}, %{end} ]"
        more = self.emit(f"icmp ult i64 {after}, {n}")
        whole = whole and n >= self.module.lanes
        self.module.whole |= whole
        self.do(f"br i1 {more}, label %head{k}, label %end{k}" + ", !llvm.loop !0" * whole)
        self.label(f"end{k}")

    def address(self, view: View, at: list[str], strides: tuple[int, ...] | None = None) -> str:
        """The address of the entry of a view at these indices."""
        total = str(view.offset - self.bases[view.buffer])
        for i, stride in zip(at, view.strides if strides is None else strides, strict=True):
            if stride and i != "0":
                part = i if stride == 1 else self.emit(f"mul nsw i64 {i}, {stride}")
                total = part if total == "0" else self.emit(f"add nsw i64 {total}, {part}")
        return self.element(view.buffer, total)

    def element(self, buffer: Memory, place: str) -> str:
        type = LLVM[buffer.dtype]
        return self.emit(f"getelementptr inbounds {type}, ptr {self.names[buffer]}, i64 {place}")

    def load(self, buffer: Memory, address: str) -> str:
        type = LLVM[buffer.dtype]
        x = self.emit(f"load {type}, ptr {address}")
        return self.emit(f"trunc i8 {x} to i1") if type == "i8" else x

    def store(self, buffer: Memory, address: str, x: str) -> None:
        type = LLVM[buffer.dtype]
        x = self.emit(f"zext i1 {x} to i8") if type == "i8" else x
        self.do(f"store {type} {x}, ptr {address}")

    def text(self) -> str:
        params = [f"ptr noalias nocapture align 8 {self.names[b]}" for b in self.buffers]
        params += [f"ptr noalias nocapture readonly %n{k}" for k in range(len(self.numbers))]
        head = f"define internal void @kernel({', '.join(params)}) noinline {{"
        return "\n".join([head, "entry:", *self.kept, *self.lines, "  ret void", "}"])


def register(dtype: Any) -> str:
    """The type of an entry in a register."""
    type = LLVM[dtype]
    return "i1" if type == "i8" else type
