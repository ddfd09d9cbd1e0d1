"""The loops of one kernel as LLVM IR: loads, operations of entries in registers, sums, stores."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..program.program import Step, Value
from . import mathematics
from .function import LLVM, SHORT, IRFunction, register
from .kernels import Loop
from .mathematics import number
from .steps import REDUCTIONS
from .views import View, dense, spread

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


class Nest:
    """The loops of one kernel."""

    def __init__(self, f: IRFunction, kernel: Loop) -> None:
        self.f, self.kernel = f, kernel
        self.values: dict[Any, str] = {}
        self.sums: dict[Any, Any] = {}  # of each reduction: where it is added up
        self.accumulators: list[Any] = []
        self.finishes: list[Any] = []

    def write(self) -> None:
        self.shape, self.views, self.where = collapsed(self.kernel)
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
            widened = any(wide != type for _, wide, type, *_ in self.sums.values())  # float32, added up in float64
            last = depth == len(self.shape) - 1
            self.f.loop(self.shape[depth], lambda i: self._loops([*at, i]), whole=widened and last)
        for _, done in here:
            done(at)

    def _begin(self, step: Step, out: View) -> None:
        """A sum in a register where its axes are the innermost, else in memory."""
        f = self.f
        name = REDUCTIONS[step.primitive]
        strides, kept = self.views[("reduced", step)]
        reduced = [d for d in range(len(self.shape)) if not kept[d]]
        type, own = LLVM[step.uses[0].dtype], LLVM[out.buffer.dtype]
        wide = "double" if name == "add" else type
        first = number({"add": 0.0, "maximum": float("-inf"), "minimum": float("inf")}[name], wide)
        inner = len(self.shape) - len(reduced)
        if reduced == list(range(inner, len(self.shape))):
            place = f.alloca(wide)

            def start() -> None:
                f.do(f"store {wide} {first}, ptr {place}")

            def done(at: list[str]) -> None:
                x = f.emit(f"load {wide}, ptr {place}")
                x = f.emit(f"fptrunc double {x} to float") if wide != own else x
                full = [*at, *["0"] * (len(self.shape) - len(at))]
                f.store(out.buffer, f.address(out, full, strides), x)

            self.accumulators.append((start, done, inner))
            self.sums[step] = (place, wide, type, name, None)
            return
        size = math.prod(n for n, k in zip(self.shape, kept, strict=True) if k)
        base = "%sum" + str(len(self.accumulators) + len(self.finishes))
        if wide != own:
            base = f.alloca(f"double, i64 {size}, align 64")
        else:
            base = f.names[out.buffer]
        f.loop(
            size,
            lambda i: f.do(
                f"store {wide} {first}, ptr {f.emit(f'getelementptr inbounds {wide}, ptr {base}, i64 {i}')}"
            ),
        )
        self.sums[step] = (base, wide, type, name, strides)
        if wide != own:

            def finish() -> None:
                def one(i: str) -> None:
                    x = f.emit(f"load double, ptr {f.emit(f'getelementptr inbounds double, ptr {base}, i64 {i}')}")
                    x = f.emit(f"fptrunc double {x} to float")
                    f.store(out.buffer, f.element(out.buffer, i), x)

                f.loop(size, one)

            self.finishes.append(finish)

    def _entry(self, at: list[str]) -> None:
        f, kernel = self.f, self.kernel
        self.at = at
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
        for view, index, value, added in kernel.scatters:
            x, place = self._operand(value, view.buffer.dtype), self._place(view, index)
            if added:
                type = register(view.buffer.dtype)
                plus = "fadd" if type in SHORT else "add"
                x = f.emit(f"{plus} {type} {f.load(view.buffer, place)}, {x}")
            f.store(view.buffer, place, x)

    def _place(self, view: View, index: tuple[Any, ...]) -> str:
        """The address of an entry whose indices are values; negative ones count from the end."""
        f, total = self.f, str(view.offset - self.f.bases[view.buffer])
        for k, n, stride in zip(index, view.shape, view.strides, strict=True):
            if isinstance(k, int):
                i = self.at[self.where[k]] if k in self.where else "0"
                total = f.emit(f"add i64 {total}, {f.emit(f'mul i64 {i}, {stride}')}")
                continue
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

    def _cast(self, x: str, source: np.dtype[Any], target: object) -> str:
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
        if name in ("positive", "conjugate", "copy"):
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
        if name == "power" and (found := self._simple_power(step.args[1], xs, type)):
            return found
        if mathematics.ours(name, type):
            f.module.needs.add((name, type))
            once = ".once" if math.prod(self.shape) == 1 else ""  # where nothing is gained by writing it out
            return f.emit(f"call {type} @{name}.{type}{once}({', '.join(f'{type} {x}' for x in xs)})")
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
            return f.emit(f"call {type} @llvm.pow.{SHORT[type]}({type} {xs[0]}, {type} {xs[1]})")
        if name == "invert":
            return f.emit(f"xor i1 {xs[0]}, true")
        return f.emit(f"{name.removeprefix('bitwise_')} i1 {xs[0]}, {xs[1]}")

    def _simple_power(self, exponent: Any, xs: list[str], type: str) -> str | None:
        """Square roots, a division or some products, if a power is that."""
        f, e = self.f, math.nan if isinstance(exponent, Value) else float(exponent)
        if e == 0.5:
            y = f.emit(f"call {type} @llvm.sqrt.{SHORT[type]}({type} {xs[0]})")
            c = f.emit(f"fcmp oeq {type} {xs[0]}, {number(float('-inf'), type)}")
            return f.emit(f"select i1 {c}, {type} {number(float('inf'), type)}, {type} {y}")
        if e == -1.0:
            return f.emit(f"fdiv {type} {number(1.0, type)}, {xs[0]}")
        if e not in (1.0, 2.0, 3.0):
            return None
        y = xs[0]
        for _ in range(int(e) - 1):
            y = f.emit(f"fmul {type} {y}, {xs[0]}")
        return y

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


def collapsed(kernel: Loop) -> tuple[tuple[int, ...], dict[Any, Any], dict[int, int]]:
    """The loops' lengths, with axes that lie together everywhere as one; the strides of each view along them; the loop
    of each axis."""
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
        return (1,), {key: ((0,), (True,)) if key in kept else (0,) for key in rows}, {}
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
    return lengths, views, {d: k for k, group in enumerate(groups) for d in group}
