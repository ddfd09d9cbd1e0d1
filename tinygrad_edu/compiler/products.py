"""Products of matrices as LLVM IR: small ones in blocks that stay in registers, large ones by BLAS."""

from __future__ import annotations

import math

from . import blas
from .function import LLVM, Function
from .kernels import Product
from .mathematics import number
from .views import View

OWN = 40_000  # multiplications up to which own loops are quicker than BLAS


def product(f: Function, kernel: Product) -> None:
    """A product over leading axes as well."""
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
    type, integer = LLVM[out.buffer.dtype], blas.INTEGER
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
    type = LLVM[out.buffer.dtype]
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
