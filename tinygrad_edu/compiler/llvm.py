"""Kernels as LLVM IR: one function for each, and one that calls them in their order."""

from __future__ import annotations

from typing import Any

from ..program.program import Value
from . import mathematics
from .convolution import convolution
from .function import SHORT, IRFunction
from .kernels import Convolution, Loop, MatrixProduct, used
from .lowering import Lowering
from .memory import arena
from .nest import Nest
from .products import product
from .rolled import KernelCall, rolled
from .signature import signature
from .slices import sliced
from .views import Memory

# `RUN`, one of them, on the memory of objects: how many, for each the place of its pointer, and each object
AGAIN = f"""\
define void @again.RUN(ptr %pointers, ptr %objects, ptr %numbers) {{
entry:
  %n = load i64, ptr %objects
  %from = getelementptr inbounds i64, ptr %objects, i64 %n
  %some = icmp ne i64 %n, 0
  br i1 %some, label %one, label %all
one:
  %k = phi i64 [ 0, %entry ], [ %next, %one ]
  %next = add nuw nsw i64 %k, 1
  %a = getelementptr inbounds i64, ptr %objects, i64 %next
  %slot = load i64, ptr %a
  %b = getelementptr inbounds ptr, ptr %from, i64 %next
  %object = load ptr, ptr %b
  %c = getelementptr inbounds i8, ptr %object, i64 {object.__basicsize__}
  %memory = load ptr, ptr %c
  %d = getelementptr inbounds ptr, ptr %pointers, i64 %slot
  store ptr %memory, ptr %d
  %more = icmp ult i64 %next, %n
  br i1 %more, label %one, label %all
all:
  call void @RUN(ptr %pointers, ptr %numbers)
  ret void
}}"""


class IR:
    """The IR of a run of kernels: `run(pointers, numbers)`."""

    def __init__(self, lowering: Lowering, fast: bool = False) -> None:
        self.lowering, self.fast, self.registers = lowering, fast, lowering.registers
        self.lanes, self.whole = self.registers[0] // 4, False  # float32 in a register; loops that take them all
        self.flags = "contract" + (" nnan ninf nsz arcp reassoc" if fast else "")
        self.needs: set[tuple[str, str]] = set()
        self.masked: set[tuple[int, str]] = set()  # vectors of which some lanes are read or written, or all added up
        self.numbers = {v: k for k, v in enumerate(lowering.weak)}
        self.called: list[tuple[str, list[tuple[Memory, int]], list[int]]] = []
        self.calls: list[KernelCall] = []  # the same, by places of memory
        self.known: dict[str, str] = {}  # the names of functions by their text: equal kernels are one
        self.alike: dict[int, tuple[str, list[int]]] = {}  # the name, and which numbers it reads, by signature
        self.signatures: dict[Any, int] = {}
        self.signed = {kernel: self._signed(kernel) for kernel in lowering.kernels}
        kinds = {kernel: kind for kernel, (kind, _, _) in self.signed.items()}
        self.groups = sliced(lowering, kinds)  # kernels in slices, which threads may share out
        self.entries = ["run", "again.run", *(("shared", "again.shared", "help", "arm") if self.groups else ())]
        self.size = arena(lowering)
        for kernel in lowering.kernels:
            self._kernel(kernel)
        functions = [text.replace("@kernel(", f"@{name}(", 1) for text, name in self.known.items()]
        again = [AGAIN.replace("RUN", name) for name in (("run", "shared") if self.groups else ("run",))]
        width = f'!0 = distinct !{{!0, !1}}\n!1 = !{{!"llvm.loop.vectorize.width", i32 {self.lanes}}}'
        self.functions = [*self._declarations(), *functions, *([width] if self.whole else [])]
        self.text = "\n\n".join([*self.functions, self._run(), *again])

    def _signed(self, kernel: Loop | MatrixProduct | Convolution) -> tuple[int, dict[Memory, int], list[Value]]:
        """The number of a kernel's signature, its memory, and the Python numbers that it reads."""
        bases: dict[Memory, int] = {}
        for view in used(kernel):
            first = bases.get(view.buffer)
            bases[view.buffer] = view.offset if first is None or view.offset < first else first
        key, weak = signature(kernel, bases)
        return self.signatures.setdefault(key, len(self.signatures)), bases, weak

    def _kernel(self, kernel: Loop | MatrixProduct | Convolution) -> None:
        key, bases, weak = self.signed.get(kernel) or self._signed(kernel)
        if key not in self.alike:
            f = IRFunction(self, list(bases), bases)
            if isinstance(kernel, MatrixProduct):
                product(f, kernel)
            elif isinstance(kernel, Convolution):
                convolution(f, kernel)
            else:
                Nest(f, kernel).write()
            name = self.known.setdefault(f.text(), f"kernel{len(self.known)}")
            self.alike[key] = name, [next(i for i, v in enumerate(weak) if self.numbers[v] == k) for k in f.numbers]
        name, read = self.alike[key]
        self.called.append((name, list(bases.items()), [self.numbers[weak[i]] for i in read]))

    def _declarations(self) -> list[str]:
        todo, done = sorted(self.needs), []
        seen = set(todo)
        while todo:
            name, type = todo.pop()
            done.append(mathematics.definition(name, type))
            for other in mathematics.NEEDS.get(name, ()):
                if (other, type) not in seen:
                    seen.add((other, type))
                    todo.append((other, type))
        lines = []
        for type, short in SHORT.items():
            for name in ("fabs", "rint", "sqrt", "floor", "ceil", "trunc", "sin", "cos", "exp2", "log2", "log10"):
                lines.append(f"declare {type} @llvm.{name}.{short}({type})")
            for name in ("copysign", "maximum", "minimum", "pow"):
                lines.append(f"declare {type} @llvm.{name}.{short}({type}, {type})")
            lines.append(f"declare {type} @llvm.fma.{short}({type}, {type}, {type})")
        for lanes, type in sorted(self.masked):
            vector, name = f"<{lanes} x {type}>", f"v{lanes}{SHORT[type]}"
            mask = f"i32, <{lanes} x i1>"
            lines.append(f"declare {vector} @llvm.masked.load.{name}.p0(ptr, {mask}, {vector})")
            lines.append(f"declare void @llvm.masked.store.{name}.p0({vector}, ptr, {mask})")
            lines.append(f"declare {type} @llvm.vector.reduce.fadd.{name}({type}, {vector})")
        lines += [f"declare i64 @llvm.{name}.i64(i64, i64)" for name in ("smin", "smax")]
        lines.append("declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)")
        return ["\n".join(lines), *done]

    def _run(self) -> str:
        """All kernels in their order: what is called again and again with other memory as a loop."""
        slots = [*self.lowering.inputs.values(), *self.lowering.outputs.values()]
        place = {buffer.index: (k, 0) for k, buffer in enumerate(slots, 1)}
        for buffer in self.lowering.buffers:
            place.setdefault(buffer.index, (0, buffer.offset))

        def at(buffer: Memory, base: int) -> tuple[int, int]:
            slot, offset = place[buffer.index]
            return slot, offset + base * buffer.dtype.itemsize

        calls = [
            KernelCall(name, tuple(at(*b) for b in buffers), tuple(numbers)) for name, buffers, numbers in self.called
        ]  # fmt: skip
        for source, target in self.lowering.replaced:
            calls.append(KernelCall(f"copy {source.size * source.dtype.itemsize}", (at(target, 0), at(source, 0)), ()))
        self.calls = calls
        return rolled(calls, self.groups)
