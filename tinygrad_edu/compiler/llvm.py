"""Kernels as LLVM IR: one function for each, and one that calls them in their order."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..program.program import Step, Value
from . import blas, mathematics
from .kernels import REDUCTIONS, Buffer, Loop, Lowering, Product, View, dense, used
from .mathematics import number

LLVM = {"float32": "float", "float64": "double", "int64": "i64", "int32": "i32", "bool": "i8"}
COMPARED = {
    "greater": "ogt",
    "greater_equal": "oge",
    "less": "olt",
    "less_equal": "ole",
    "equal": "oeq",
    "not_equal": "une",
}
SIGNED = {
    "greater": "sgt",
    "greater_equal": "sge",
    "less": "slt",
    "less_equal": "sle",
    "equal": "eq",
    "not_equal": "ne",
}
INTRINSIC = {
    "sqrt": "sqrt",
    "absolute": "fabs",
    "fabs": "fabs",
    "floor": "floor",
    "ceil": "ceil",
    "rint": "rint",
    "trunc": "trunc",
    "sin": "sin",
    "cos": "cos",
    "exp2": "exp2",
    "log2": "log2",
    "log10": "log10",
}
OWN = 40_000  # multiplications up to which own loops are quicker than BLAS
SHORT = {"float": "f32", "double": "f64"}


class Function:
    """One kernel's function, while its lines are written."""

    def __init__(self, module: Module, buffers: list[Buffer]) -> None:
        self.module, self.buffers = module, buffers
        self.names = {buffer: f"%b{k}" for k, buffer in enumerate(buffers)}
        self.numbers: list[int] = []  # the Python numbers that it reads
        self.lines: list[str] = []
        self.count = 0
        self.block = "entry"

    def emit(self, text: str) -> str:
        self.count += 1
        name = f"%t{self.count}"
        self.lines.append(f"  {name} = {text}")
        return name

    def do(self, text: str) -> None:
        self.lines.append(f"  {text}")

    def label(self, name: str) -> None:
        self.lines.append(f"{name}:")
        self.block = name

    def loop(self, n: int, body: Any) -> None:
        """`for i in range(n): body(i)`."""
        if n == 1:
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
        self.do(f"br i1 {more}, label %head{k}, label %end{k}")
        self.label(f"end{k}")

    def address(self, view: View, at: list[str], strides: tuple[int, ...] | None = None) -> str:
        """The address of the entry of a view at these indices."""
        total = str(view.offset)
        for i, stride in zip(at, view.strides if strides is None else strides, strict=True):
            if stride and i != "0":
                part = i if stride == 1 else self.emit(f"mul nsw i64 {i}, {stride}")
                total = part if total == "0" else self.emit(f"add nsw i64 {total}, {part}")
        return self.element(view.buffer, total)

    def element(self, buffer: Buffer, place: str) -> str:
        type = LLVM[str(buffer.dtype)]
        return self.emit(f"getelementptr inbounds {type}, ptr {self.names[buffer]}, i64 {place}")

    def load(self, buffer: Buffer, address: str) -> str:
        type = LLVM[str(buffer.dtype)]
        x = self.emit(f"load {type}, ptr {address}")
        return self.emit(f"trunc i8 {x} to i1") if type == "i8" else x

    def store(self, buffer: Buffer, address: str, x: str) -> None:
        type = LLVM[str(buffer.dtype)]
        x = self.emit(f"zext i1 {x} to i8") if type == "i8" else x
        self.do(f"store {type} {x}, ptr {address}")

    def text(self) -> str:
        params = [f"ptr noalias nocapture align 8 {self.names[b]}" for b in self.buffers]
        params += [f"ptr noalias nocapture readonly %n{k}" for k in range(len(self.numbers))]
        head = f"define internal void @kernel({', '.join(params)}) noinline {{"
        return "\n".join([head, "entry:", *self.lines, "  ret void", "}"])


def register(dtype: Any) -> str:
    """The type of an entry in a register."""
    type = LLVM[str(dtype)]
    return "i1" if type == "i8" else type


class Module:
    """The IR of a run of kernels: `run(pointers, numbers)`."""

    def __init__(self, lowering: Lowering, fast: bool = False) -> None:
        self.lowering, self.fast = lowering, fast
        self.flags = "contract" + (" nnan ninf nsz arcp reassoc" if fast else "")
        self.needs: set[tuple[str, str]] = set()
        self.numbers = {v: k for k, v in enumerate(lowering.weak)}
        self.called: list[tuple[str, list[Buffer], list[int]]] = []
        self.known: dict[str, str] = {}  # the names of functions by their text: equal kernels are one
        self.size = arena(lowering)
        for kernel in lowering.kernels:
            self._kernel(kernel)
        functions = [text.replace("@kernel(", f"@{name}(", 1) for text, name in self.known.items()]
        self.text = "\n\n".join([*self._declarations(), *functions, self._run()])

    def _kernel(self, kernel: Loop | Product) -> None:
        buffers = list(dict.fromkeys(view.buffer for view in used(kernel)))
        f = Function(self, buffers)
        if isinstance(kernel, Product):
            self._product(f, kernel)
        else:
            Nest(f, kernel).write()
        name = self.known.setdefault(f.text(), f"kernel{len(self.known)}")
        self.called.append((name, buffers, f.numbers))

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
        for name, buffers, numbers in self.called:
            args = [f"ptr {pointers[b.index]}" for b in buffers] + [f"ptr %n{k}" for k in numbers]
            f.append(f"  call void @{name}({', '.join(args)})")
        for source, target in self.lowering.replaced:
            size = source.size * source.dtype.itemsize
            f.append(
                f"  call void @llvm.memcpy.p0.p0.i64(ptr {pointers[target.index]}, ptr {pointers[source.index]}, "
                f"i64 {size}, i1 false)"
            )
        return "\n".join([*f, "  ret void", "}"])

    def _product(self, f: Function, kernel: Product) -> None:
        a, b, out = kernel.a, kernel.b, kernel.out
        lead = out.shape[:-2]

        (m, k), n = a.shape[-2:], b.shape[-1]
        multiply = _by_blas if blas.found() and m * k * n > OWN else _multiply

        def body(i: list[str]) -> None:
            if len(i) < len(lead):
                f.loop(lead[len(i)], lambda k: body([*i, k]))
                return
            multiply(f, a, b, out, i)

        body([])


def _by_blas(f: Function, a: View, b: View, out: View, lead: list[str]) -> None:
    """One product of matrices by the library that NumPy uses."""
    (m, k), n = a.shape[-2:], b.shape[-1]
    type, integer = LLVM[str(out.buffer.dtype)], blas.INTEGER
    places, orders = [], []
    for view in (a, b):
        own = lead[-(len(view.shape) - 2) :] if len(view.shape) > 2 else []
        places.append(f.address(view, [*own, "0", "0"]))
        rows, columns = view.strides[-2:]
        turned = columns != 1 and view.shape[-1] != 1
        orders.append((112 if turned else 111, max(columns if turned else rows, view.shape[-2 if turned else -1], 1)))
    c = f.address(out, [*lead, "0", "0"])
    (ta, la), (tb, lb) = orders
    f.do(
        f"call void @cblas_{'s' if type == 'float' else 'd'}gemm(i32 101, i32 {ta}, i32 {tb}, {integer} {m}, "
        f"{integer} {n}, {integer} {k}, {type} {number(1.0, type)}, ptr {places[0]}, {integer} {la}, "
        f"ptr {places[1]}, {integer} {lb}, {type} {number(0.0, type)}, ptr {c}, {integer} {n})"
    )


def _multiply(f: Function, a: View, b: View, out: View, lead: list[str]) -> None:
    """One product of matrices: rows of the result in blocks whose sums stay in registers."""
    (m, k), n = a.shape[-2:], b.shape[-1]
    type = LLVM[str(out.buffer.dtype)]
    flags = "contract"
    lanes = 16 if type == "float" else 8
    width = min(lanes, 1 << max(0, int(math.log2(n)))) if n >= 2 else 1
    la, lb = (["0"] * 0 + lead[-(len(v.shape) - 2) :] if len(v.shape) > 2 else [] for v in (a, b))

    def tile(rows: int, i: str, j: str, wide: int, bcontig: bool) -> None:
        vec = f"<{wide} x {type}>" if wide > 1 else type
        zero = "zeroinitializer" if wide > 1 else number(0.0, type)
        f.count += 1
        c = f.count
        before = f.block
        f.do(f"br label %head{c}")
        f.label(f"head{c}")
        place = len(f.lines)
        f.lines += [""] * (rows + 1)
        kk = f"%k{c}"
        if bcontig or wide == 1:
            bx = f.emit(f"load {vec}, ptr {f.address(b, [*lb, kk, j])}, align {4 if type == 'float' else 8}")
        else:
            bx = "undef"
            for w in range(wide):
                jw = f.emit(f"add nsw i64 {j}, {w}") if j != "0" else str(w)
                x = f.emit(f"load {type}, ptr {f.address(b, [*lb, kk, jw])}")
                bx = f.emit(f"insertelement {vec} {bx}, {type} {x}, i32 {w}")
        sums = []
        for r in range(rows):
            ir = f.emit(f"add nsw i64 {i}, {r}") if i != "0" else str(r)
            ax = f.emit(f"load {type}, ptr {f.address(a, [*la, ir, kk])}")
            if wide > 1:
                one = f.emit(f"insertelement {vec} undef, {type} {ax}, i32 0")
                ax = f.emit(f"shufflevector {vec} {one}, {vec} undef, <{wide} x i32> zeroinitializer")
            product = f.emit(f"fmul {flags} {vec} {ax}, {bx}")
            sums.append(f.emit(f"fadd {flags} {vec} %s{c}_{r}, {product}"))
        nextk = f.emit(f"add nuw nsw i64 {kk}, 1")
        end = f.block
        f.lines[place] = f"  {kk} = phi i64 [ 0, %{before} ], [ {nextk}, %{end} ]"
        for r in range(rows):
            f.lines[place + 1 + r] = f"  %s{c}_{r} = phi {vec} [ {zero}, %{before} ], [ {sums[r]}, %{end} ]"
        more = f.emit(f"icmp ult i64 {nextk}, {k}")
        f.do(f"br i1 {more}, label %head{c}, label %end{c}")
        f.label(f"end{c}")
        for r in range(rows):
            ir = f.emit(f"add nsw i64 {i}, {r}") if i != "0" else str(r)
            f.do(f"store {vec} {sums[r]}, ptr {f.address(out, [*lead, ir, j])}, align {4 if type == 'float' else 8}")

    bcontig = b.strides[-1] == 1

    def columns(rows: int, i: str) -> None:
        done, wide = 0, width
        while done < n:
            count = (n - done) // wide
            if count:
                start = done

                def block(q: str, wide: int = wide, start: int = start) -> None:
                    j = f.emit(f"mul nsw i64 {q}, {wide}") if q != "0" else "0"
                    j = f.emit(f"add nsw i64 {j}, {start}") if start else j
                    tile(rows, i, j, wide, bcontig)

                f.loop(count, block)
                done += count * wide
            wide //= 2

    rows = 4
    if m >= rows:
        f.loop(m // rows, lambda q: columns(rows, f.emit(f"mul nsw i64 {q}, {rows}") if q != "0" else "0"))
    for rest in range(m // rows * rows, m):
        columns(1, str(rest))


class Nest:
    """The loops of one kernel."""

    def __init__(self, f: Function, kernel: Loop) -> None:
        self.f, self.kernel = f, kernel
        self.values: dict[Any, str] = {}
        self.sums: dict[Any, Any] = {}  # of each reduction: where it is added up
        self.accumulators: list[Any] = []
        self.finishes: list[Any] = []

    def write(self) -> None:
        self.shape, self.views = collapsed(self.kernel)
        for step, out in self.kernel.reductions:
            self._begin(step, out)
        self._loops([])
        for finish in self.finishes:
            finish()

    def _loops(self, at: list[str]) -> None:
        depth = len(at)
        here = [(start, done) for start, done, d in self.accumulators if d == depth]
        for start, _ in here:
            start()
        if depth == len(self.shape):
            self._entry(at)
        else:
            self.f.loop(self.shape[depth], lambda i: self._loops([*at, i]))
        for _, done in here:
            done(at)

    def _begin(self, step: Step, out: View) -> None:
        """A sum in a register where its axes are the innermost, else in memory."""
        f = self.f
        name = REDUCTIONS[step.primitive]
        strides, kept = self.views[("reduced", step)]
        dtype = out.buffer.dtype
        reduced = [d for d in range(len(self.shape)) if not kept[d]]
        type = LLVM[str(dtype)]
        wide = "double" if name == "add" else type
        first = number({"add": 0.0, "maximum": float("-inf"), "minimum": float("inf")}[name], wide)
        inner = len(self.shape) - len(reduced)
        if reduced == list(range(inner, len(self.shape))):
            place = f.emit(f"alloca {wide}")
            f.lines.insert(0, f.lines.pop())

            def start() -> None:
                f.do(f"store {wide} {first}, ptr {place}")

            def done(at: list[str]) -> None:
                x = f.emit(f"load {wide}, ptr {place}")
                x = f.emit(f"fptrunc double {x} to float") if wide != type else x
                full = [*at, *["0"] * (len(self.shape) - len(at))]
                f.store(out.buffer, f.address(out, full, strides), x)

            self.accumulators.append((start, done, inner))
            self.sums[step] = (place, wide, type, name, None)
            return
        size = max(out.buffer.size, 1)
        base = "%sum" + str(len(self.accumulators) + len(self.finishes))
        if wide != type:
            raw = f.emit(f"alloca double, i64 {size}, align 64")
            f.lines.insert(0, f.lines.pop())
            base = raw
        else:
            base = f.names[out.buffer]
        f.loop(
            size,
            lambda i: f.do(
                f"store {wide} {first}, ptr {f.emit(f'getelementptr inbounds {wide}, ptr {base}, i64 {i}')}"
            ),
        )
        self.sums[step] = (base, wide, type, name, strides)
        if wide != type:

            def finish() -> None:
                def one(i: str) -> None:
                    x = f.emit(f"load double, ptr {f.emit(f'getelementptr inbounds double, ptr {base}, i64 {i}')}")
                    x = f.emit(f"fptrunc double {x} to float")
                    f.store(out.buffer, f.element(out.buffer, i), x)

                f.loop(size, one)

            self.finishes.append(finish)

    def _entry(self, at: list[str]) -> None:
        f, kernel = self.f, self.kernel
        for value, view in kernel.loads.items():
            self.values[value] = f.load(view.buffer, f.address(view, at, self.views[("load", value)]))
        for step in kernel.steps:
            if step.result in kernel.gathers:
                view, index = kernel.gathers[step.result]
                self.values[step.result] = f.load(view.buffer, self._place(view, index))
            else:
                self.values[step.result] = self._compute(step)
        for value, view in kernel.stores.items():
            f.store(view.buffer, f.address(view, at, self.views[("store", value)]), self.values[value])
        for step, _ in kernel.reductions:
            place, wide, type, name, strides = self.sums[step]
            x = self.values[step.uses[0]]
            x = f.emit(f"fpext float {x} to double") if wide != type else x
            if strides is not None:
                total = "0"
                for i, s in zip(at, strides, strict=True):
                    if s and i != "0":
                        part = i if s == 1 else f.emit(f"mul nsw i64 {i}, {s}")
                        total = part if total == "0" else f.emit(f"add nsw i64 {total}, {part}")
                place = f.emit(f"getelementptr inbounds {wide}, ptr {place}, i64 {total}")
            before = f.emit(f"load {wide}, ptr {place}")
            if name == "add":
                y = f.emit(f"fadd reassoc {wide} {before}, {x}")
            else:
                y = f.emit(f"call {wide} @llvm.{name}.{SHORT[wide]}({wide} {before}, {wide} {x})")
            f.do(f"store {wide} {y}, ptr {place}")
        for view, index, value in kernel.scatters:
            x = self._operand(value, view.buffer.dtype)
            f.store(view.buffer, self._place(view, index), x)

    def _place(self, view: View, index: tuple[Any, ...]) -> str:
        """The address of an entry whose indices are values; negative ones count from the end."""
        f, total = self.f, str(view.offset)
        for k, n, stride in zip(index, view.shape, view.strides, strict=True):
            i = self.values[k]
            i = f.emit(f"sext i32 {i} to i64") if str(k.dtype) == "int32" else i
            negative = f.emit(f"icmp slt i64 {i}, 0")
            i = f.emit(f"select i1 {negative}, i64 {f.emit(f'add i64 {i}, {n}')}, i64 {i}")
            total = f.emit(f"add i64 {total}, {f.emit(f'mul i64 {i}, {stride}')}")
        return f.element(view.buffer, total)

    def _operand(self, x: Any, dtype: Any) -> str:
        """A value or number in the type that is computed in."""
        f, type = self.f, register(dtype)
        if isinstance(x, Value):
            if x.weak:
                k = f.module.numbers[x]
                if k not in f.numbers:
                    f.numbers.append(k)
                y = f.emit(f"load double, ptr %n{f.numbers.index(k)}")
                return f.emit(f"fptrunc double {y} to float") if type == "float" else y
            return self._cast(self.values[x], x.dtype, dtype)
        if isinstance(x, np.generic | np.ndarray):
            x = x.item()
        if type == "i1":
            return "true" if x else "false"
        return number(float(x), type) if type in SHORT else str(int(x))

    def _cast(self, x: str, source: Any, target: Any) -> str:
        f, a, b = self.f, register(source), register(target)
        if a == b:
            return x
        if b == "i1":
            return f.emit(f"fcmp une {a} {x}, {number(0.0, a)}" if a in SHORT else f"icmp ne {a} {x}, 0")
        if a == "i1":
            return f.emit(f"uitofp i1 {x} to {b}" if b in SHORT else f"zext i1 {x} to {b}")
        if a in SHORT and b in SHORT:
            return f.emit(f"{'fpext' if b == 'double' else 'fptrunc'} {a} {x} to {b}")
        if a in SHORT:
            return f.emit(f"fptosi {a} {x} to {b}")
        if b in SHORT:
            return f.emit(f"sitofp {a} {x} to {b}")
        return f.emit(f"{'sext' if b == 'i64' else 'trunc'} {a} {x} to {b}")

    def _compute(self, step: Step) -> str:
        f, name, out = self.f, step.primitive, step.result
        flags = f.module.flags
        if name in COMPARED or name in ("logical_and", "logical_or", "logical_not", "isfinite", "isnan", "signbit"):
            return self._truth(step)
        dtype = out.dtype
        type = register(dtype)
        if name in ("zeros_like", "ones_like"):
            return self._operand(float(name == "ones_like"), dtype)
        if name == "where":
            c, a, b = step.args
            condition = self._operand(c, np.dtype(bool))
            return f.emit(f"select i1 {condition}, {type} {self._operand(a, dtype)}, {type} {self._operand(b, dtype)}")
        if name == "astype":
            return self._cast(self.values[step.args[0]], step.args[0].dtype, dtype)
        xs = [self._operand(x, dtype) for x in step.args]
        real = type in SHORT
        if name in ("add", "subtract", "multiply", "divide"):
            letter = {"add": "add", "subtract": "sub", "multiply": "mul", "divide": "div"}[name]
            return f.emit(f"f{letter} {flags} {type} {xs[0]}, {xs[1]}" if real else f"{letter} {type} {xs[0]}, {xs[1]}")
        if name in ("positive", "conjugate"):
            return xs[0]
        if name == "negative":
            return f.emit(f"fneg {type} {xs[0]}" if real else f"sub {type} 0, {xs[0]}")
        if name == "square":
            return f.emit(f"fmul {flags} {type} {xs[0]}, {xs[0]}" if real else f"mul {type} {xs[0]}, {xs[0]}")
        if name == "reciprocal":
            return f.emit(f"fdiv {flags} {type} {number(1.0, type)}, {xs[0]}")
        if name in ("maximum", "minimum"):
            if not real:
                c = f.emit(f"icmp {'sgt' if name == 'maximum' else 'slt'} {type} {xs[0]}, {xs[1]}")
                return f.emit(f"select i1 {c}, {type} {xs[0]}, {type} {xs[1]}")
            how = "oge" if name == "maximum" else "ole"
            c = f.emit(
                f"or i1 {f.emit(f'fcmp {how} {type} {xs[0]}, {xs[1]}')}, {f.emit(f'fcmp uno {type} {xs[0]}, {xs[0]}')}"
            )
            return f.emit(f"select i1 {c}, {type} {xs[0]}, {type} {xs[1]}")
        if name in mathematics.FUNCTIONS:
            f.module.needs.add((name, type))
            return f.emit(f"call {type} @{name}.{type}({type} {xs[0]})")
        if name == "absolute" and not real:
            c = f.emit(f"icmp slt {type} {xs[0]}, 0")
            return f.emit(f"select i1 {c}, {type} {f.emit(f'sub {type} 0, {xs[0]}')}, {type} {xs[0]}")
        if name in INTRINSIC:
            return f.emit(f"call {type} @llvm.{INTRINSIC[name]}.{SHORT[type]}({type} {xs[0]})")
        if name == "copysign":
            return f.emit(f"call {type} @llvm.copysign.{SHORT[type]}({type} {xs[0]}, {type} {xs[1]})")
        if name == "sign":
            up, down, zero = (
                f.emit(f"fcmp {how} {type} {xs[0]}, {number(0.0, type)}") for how in ("ogt", "olt", "oeq")
            )
            y = f.emit(f"select i1 {down}, {type} {number(-1.0, type)}, {type} {xs[0]}")
            y = f.emit(f"select i1 {up}, {type} {number(1.0, type)}, {type} {y}")
            return f.emit(f"select i1 {zero}, {type} {number(0.0, type)}, {type} {y}")
        if name == "power":
            return self._power(step.args[1], xs, type)
        if name == "invert":
            return f.emit(f"xor i1 {xs[0]}, true")
        return f.emit(f"{name.removeprefix('bitwise_')} i1 {xs[0]}, {xs[1]}")

    def _power(self, exponent: Any, xs: list[str], type: str) -> str:
        f = self.f
        if not isinstance(exponent, Value) and float(exponent) in (0.5, 1.0, 2.0, 3.0, -1.0):
            e = float(exponent)
            if e == 0.5:
                y = f.emit(f"call {type} @llvm.sqrt.{SHORT[type]}({type} {xs[0]})")
                c = f.emit(f"fcmp oeq {type} {xs[0]}, {number(float('-inf'), type)}")
                return f.emit(f"select i1 {c}, {type} {number(float('inf'), type)}, {type} {y}")
            if e == -1.0:
                return f.emit(f"fdiv {type} {number(1.0, type)}, {xs[0]}")
            y = xs[0]
            for _ in range(int(e) - 1):
                y = f.emit(f"fmul {type} {y}, {xs[0]}")
            return y
        return f.emit(f"call {type} @llvm.pow.{SHORT[type]}({type} {xs[0]}, {type} {xs[1]})")

    def _truth(self, step: Step) -> str:
        f, name = self.f, step.primitive
        if name in ("logical_and", "logical_or", "logical_not"):
            xs = [self._operand(x, np.dtype(bool)) for x in step.args]
            if name == "logical_not":
                return f.emit(f"xor i1 {xs[0]}, true")
            return f.emit(f"{name.removeprefix('logical_')} i1 {xs[0]}, {xs[1]}")
        plain = [
            np.empty((), x.dtype)[()] if isinstance(x, Value) and not x.weak else 0.0 if isinstance(x, Value) else x
            for x in step.args
        ]
        dtype = np.result_type(*plain)
        type = register(dtype)
        xs = [self._operand(x, dtype) for x in step.args]
        if name in ("isfinite", "isnan", "signbit"):
            if type not in SHORT:
                return "true" if name == "isfinite" else "false"
            if name == "isnan":
                return f.emit(f"fcmp uno {type} {xs[0]}, {xs[0]}")
            if name == "signbit":
                wide = "i32" if type == "float" else "i64"
                return f.emit(f"icmp slt {wide} {f.emit(f'bitcast {type} {xs[0]} to {wide}')}, 0")
            size = f.emit(f"call {type} @llvm.fabs.{SHORT[type]}({type} {xs[0]})")
            return f.emit(f"fcmp olt {type} {size}, {number(float('inf'), type)}")
        if type in SHORT:
            return f.emit(f"fcmp {COMPARED[name]} {type} {xs[0]}, {xs[1]}")
        how = SIGNED[name] if type != "i1" else SIGNED[name].replace("s", "u", 1)
        return f.emit(f"icmp {how} {type} {xs[0]}, {xs[1]}")


def collapsed(kernel: Loop) -> tuple[tuple[int, ...], dict[Any, Any]]:
    """The loops' lengths, with axes that lie together everywhere as one, and the strides of each view along them."""
    shape = kernel.shape
    rows: dict[Any, tuple[int, ...]] = {}
    for value, view in kernel.loads.items():
        rows[("load", value)] = spread(view, shape)
    for value, view in kernel.stores.items():
        rows[("store", value)] = spread(view, shape)
    kept: dict[Any, tuple[bool, ...]] = {}
    for step, _ in kernel.reductions:
        axes = step.kwargs["axis"]
        keep = tuple(d not in axes for d in range(len(shape)))
        steps = iter(dense(tuple(n for n, k in zip(shape, keep, strict=True) if k)))
        rows[("reduced", step)] = tuple(next(steps) if k else 0 for k in keep)
        kept[("reduced", step)] = keep
    dims = [d for d in range(len(shape)) if shape[d] != 1] or list(range(min(1, len(shape))))
    if not dims:
        return (1,), {key: ((0,), (True,)) if key in kept else (0,) for key in rows}
    groups = [[dims[0]]]
    for d in dims[1:]:
        last = groups[-1][-1]
        together = (
            all(
                row[last] == row[d] * shape[d] and (key not in kept or kept[key][last] == kept[key][d])
                for key, row in rows.items()
            )
            and not kernel.gathers
            and not kernel.scatters
        )
        if together:
            groups[-1].append(d)
        else:
            groups.append([d])
    lengths = tuple(math.prod(shape[d] for d in group) for group in groups)
    views: dict[Any, Any] = {}
    for key, row in rows.items():
        strides = tuple(row[group[-1]] for group in groups)
        views[key] = (strides, tuple(kept[key][group[-1]] for group in groups)) if key in kept else strides
    return lengths, views


def spread(view: View, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The strides of a view that is broadcast to a shape."""
    lead = len(shape) - len(view.shape)
    return (0,) * lead + tuple(
        s if n == m else 0 for s, n, m in zip(view.strides, view.shape, shape[lead:], strict=True)
    )


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
