"""Kernels as LLVM IR: one function for each, and one that calls them in their order."""

from __future__ import annotations

from . import blas, mathematics
from .convolution import convolution
from .function import LLVM, SHORT, Function
from .kernels import Convolution, Loop, Product, used
from .lowering import Lowering
from .nest import Nest
from .products import product
from .views import Buffer

# `run` on the memory of objects: how many, for each the place of its pointer, and each object
AGAIN = f"""\
define void @again(ptr %pointers, ptr %objects, ptr %numbers) {{
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
  call void @run(ptr %pointers, ptr %numbers)
  ret void
}}"""


class Module:
    """The IR of a run of kernels: `run(pointers, numbers)`."""

    def __init__(self, lowering: Lowering, fast: bool = False) -> None:
        self.lowering, self.fast, self.registers = lowering, fast, lowering.registers
        self.flags = "contract" + (" nnan ninf nsz arcp reassoc" if fast else "")
        self.needs: set[tuple[str, str]] = set()
        self.masked: set[tuple[int, str]] = set()  # vectors of which some lanes are read or written, or all added up
        self.numbers = {v: k for k, v in enumerate(lowering.weak)}
        self.called: list[tuple[str, list[tuple[Buffer, int]], list[int]]] = []
        self.known: dict[str, str] = {}  # the names of functions by their text: equal kernels are one
        self.size = arena(lowering)
        for kernel in lowering.kernels:
            self._kernel(kernel)
        functions = [text.replace("@kernel(", f"@{name}(", 1) for text, name in self.known.items()]
        self.text = "\n\n".join([*self._declarations(), *functions, self._run(), AGAIN])

    def _kernel(self, kernel: Loop | Product | Convolution) -> None:
        bases: dict[Buffer, int] = {}
        for view in used(kernel):
            bases[view.buffer] = min(view.offset, bases.get(view.buffer, view.offset))
        buffers = list(bases)
        f = Function(self, buffers, bases)
        if isinstance(kernel, Product):
            product(f, kernel)
        elif isinstance(kernel, Convolution):
            convolution(f, kernel)
        else:
            Nest(f, kernel).write()
        name = self.known.setdefault(f.text(), f"kernel{len(self.known)}")
        self.called.append((name, list(bases.items()), f.numbers))

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
        lines.append("declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)")
        for name, type in (("cblas_sgemm", "float"), ("cblas_dgemm", "double")):
            n = blas.INTEGER
            lines.append(
                f"declare void @{name}(i32, i32, i32, {n}, {n}, {n}, {type}, ptr, {n}, ptr, {n}, {type}, ptr, {n})"
            )
        return ["\n".join(lines), *done]

    def _run(self) -> str:
        f = ["define void @run(ptr %pointers, ptr %numbers) {"]
        pointers = {}
        own = "%own"
        slots = list(self.lowering.inputs.values()) + list(self.lowering.outputs.values())
        f.append("  %own = load ptr, ptr %pointers")
        for k, buffer in enumerate(slots):
            f.append(f"  %a{buffer.index} = getelementptr inbounds ptr, ptr %pointers, i64 {k + 1}")
            f.append(f"  %p{buffer.index} = load ptr, ptr %a{buffer.index}")
            pointers[buffer.index] = f"%p{buffer.index}"
        for buffer in self.lowering.buffers:
            if buffer.index not in pointers:
                f.append(f"  %p{buffer.index} = getelementptr inbounds i8, ptr {own}, i64 {buffer.offset}")
                pointers[buffer.index] = f"%p{buffer.index}"
        for k in range(len(self.numbers)):
            f.append(f"  %n{k} = getelementptr inbounds double, ptr %numbers, i64 {k}")
        for k, (name, buffers, numbers) in enumerate(self.called):
            args = []
            for b, base in buffers:
                place = pointers[b.index]
                if base:
                    place = f"%c{k}_{b.index}"
                    type = LLVM[b.dtype]
                    f.append(f"  {place} = getelementptr inbounds {type}, ptr {pointers[b.index]}, i64 {base}")
                args.append(f"ptr {place}")
            args += [f"ptr %n{k}" for k in numbers]
            f.append(f"  call void @{name}({', '.join(args)})")
        for source, target in self.lowering.replaced:
            size = source.size * source.dtype.itemsize
            f.append(
                f"  call void @llvm.memcpy.p0.p0.i64(ptr {pointers[target.index]}, ptr {pointers[source.index]}, "
                f"i64 {size}, i1 false)"
            )
        return "\n".join([*f, "  ret void", "}"])


def arena(lowering: Lowering) -> int:
    """Places for buffers of the run's own; those that are not needed at one time share memory. The size in bytes."""
    taken: list[tuple[int, int, Buffer]] = []
    top = 0
    for buffer in sorted((b for b in lowering.buffers if b.kind == "own"), key=lambda b: b.first):
        size = -(-buffer.size * buffer.dtype.itemsize // 64) * 64
        busy = sorted((o, o + n) for o, n, b in taken if b.last >= buffer.first)
        place = 0
        for start, end in busy:
            if place + size <= start:
                break
            place = max(place, end)
        buffer.offset = place
        taken.append((place, size, buffer))
        top = max(top, place + size)
    return top
