"""Products of matrices as LLVM IR: blocks of the result whose sums stay in registers.

A block is some rows by some vectors along the last axis. Columns of `b` are copied together where they do not lie
together, or where many rows will use them; so are rows of a transposed `a`. (Goto and van de Geijn, Anatomy of
high-performance matrix multiplication, 2008.)
"""

from __future__ import annotations

from .dividing import Blocks
from .function import IRFunction
from .kernels import MatrixProduct
from .mathematics import number
from .vectors import Vectors
from .views import Memory, View


def product(f: IRFunction, kernel: MatrixProduct) -> None:
    """A product over leading axes as well."""
    lead = kernel.out.shape[:-2]

    def body(i: list[str]) -> None:
        if len(i) < len(lead):
            f.loop(lead[len(i)], lambda k: body([*i, k]))
        else:
            _Own(f, kernel, i).write()

    body([])


def _own_axes(view: View, lead: list[str]) -> list[str]:
    """The leading indices of an operand that may have fewer axes."""
    return lead[-(len(view.shape) - 2) :] if len(view.shape) > 2 else []


class _Own(Vectors):
    """One product of matrices by loops of our own."""

    def __init__(self, f: IRFunction, kernel: MatrixProduct, lead: list[str]) -> None:
        assert kernel.room is not None
        self.blocks_: Blocks = kernel.room
        super().__init__(f, kernel.out.buffer.dtype, self.blocks_.lanes)
        self.a, self.b, self.out, self.lead = kernel.a, kernel.b, kernel.out, lead
        self.at_a, self.at_b = _own_axes(kernel.a, lead), _own_axes(kernel.b, lead)
        self.copy_a, self.copy_b = kernel.copy_a, kernel.copy_b
        (self.m, self.k), self.n = kernel.a.shape[-2:], kernel.b.shape[-1]

    def write(self) -> None:
        f, made = self.f, self.blocks_
        several = made.inner < self.k
        if several:
            zero = number(0.0, self.type)
            f.loop(
                self.m,
                lambda i: f.loop(
                    self.n, lambda j: f.do(f"store {self.type} {zero}, ptr {f.address(self.out, [*self.lead, i, j])}")
                ),
            )
        self.blocks(self.k, made.inner, lambda k, deep: self._sums(k, deep, several))

    def _sums(self, k: str, deep: int, added: bool) -> None:
        """What some entries along the summed axis give."""
        made = self.blocks_
        if made.copies_a:
            self._copy_rows(k, deep)
        wide = made.vectors * made.lanes

        def columns(j: str, n: int) -> None:
            if made.copies_b:
                self._copy_columns(k, deep, j, n)
            self.blocks(self.m, made.rows, lambda i, rows: self._block(k, deep, i, rows, j, n, added))

        self.blocks(self.n, wide, columns)

    def _pieces(self, n: int) -> list[tuple[int, int]]:
        return [(c, min(self.lanes, n - c)) for c in range(0, n, self.lanes)]

    def _room(self, buffer: Memory, place: str) -> str:
        return self.f.element(buffer, place)

    def _copy_columns(self, k: str, deep: int, j: str, n: int) -> None:
        """Some columns of `b`, row by row; the lanes beyond them are never stored."""
        f, b, room = self.f, self.b, self.copy_b
        assert room is not None
        wide = self.blocks_.vectors * self.lanes
        if b.strides[-1] == 1 or self.n == 1:

            def row(r: str) -> None:
                for c, m in self._pieces(n):
                    x = self.load(b, [*self.at_b, self.scaled(r, 1, k), self.scaled(j, 1, c)], m)
                    place = self._room(room, self.scaled(r, wide, c))
                    f.do(f"store {self.vector} {x}, ptr {place}, align {self.align}")

            f.loop(deep, row)
            return

        def column(c: str) -> None:
            def entry(r: str) -> None:
                x = f.load(b.buffer, f.address(b, [*self.at_b, self.scaled(r, 1, k), self.scaled(c, 1, j)]))
                f.store(room, self._room(room, self.scaled(r, wide, c)), x)

            f.loop(deep, entry)

        f.loop(n, column)

    def _copy_rows(self, k: str, deep: int) -> None:
        """Rows of a transposed `a`, block by block, so that a block's entries of one column lie together."""
        f, a, room = self.f, self.a, self.copy_a
        assert room is not None

        def some(i: str, rows: int) -> None:
            def column(r: str) -> None:
                for q in range(rows):
                    x = f.load(a.buffer, f.address(a, [*self.at_a, self.scaled(i, 1, q), self.scaled(r, 1, k)]))
                    place = self.scaled(i, deep, self.scaled(r, rows, q))
                    f.store(room, self._room(room, place), x)

            f.loop(deep, column)

        self.blocks(self.m, self.blocks_.rows, some)

    def _block(self, k: str, deep: int, i: str, rows: int, j: str, n: int, added: bool) -> None:
        """Some rows and vectors of the result."""
        f, made = self.f, self.blocks_
        pieces = self._pieces(n)
        sums = [[f.alloca(self.vector) for _ in pieces] for _ in range(rows)]
        for place in (p for line in sums for p in line):
            f.do(f"store {self.vector} zeroinitializer, ptr {place}")

        def entry(r: str) -> None:
            bs = [self._of_b(k, r, j, c, m) for c, m in pieces]
            for q, line in enumerate(sums):
                if made.copies_a:
                    assert self.copy_a is not None
                    place = self._room(self.copy_a, self.scaled(i, deep, self.scaled(r, rows, q)))
                else:
                    place = f.address(self.a, [*self.at_a, self.scaled(i, 1, q), self.scaled(r, 1, k)])
                x = self.splat(f.load(self.a.buffer, place))
                for place, y in zip(line, bs, strict=True):
                    self.add_product(place, x, y)

        f.loop(deep, entry)
        for q, line in enumerate(sums):
            for (c, m), place in zip(pieces, line, strict=True):
                at = [*self.lead, self.scaled(i, 1, q), self.scaled(j, 1, c)]
                x = f.emit(f"load {self.vector}, ptr {place}")
                x = f.emit(f"fadd {self.vector} {x}, {self.load(self.out, at, m)}") if added else x
                self.store(self.out, at, m, x)

    def _of_b(self, k: str, r: str, j: str, c: int, m: int) -> str:
        if self.blocks_.copies_b:
            assert self.copy_b is not None
            place = self._room(self.copy_b, self.scaled(r, self.blocks_.vectors * self.lanes, c))
            return self.f.emit(f"load {self.vector}, ptr {place}, align {self.align}")
        return self.load(self.b, [*self.at_b, self.scaled(r, 1, k), self.scaled(j, 1, c)], m)
