"""`Op`: one operation, declared once; everything that is known of it stands here.

`forward` computes the value of arrays, `vjps` hold the rules that take a gradient from the output to each input. A call
is read as its arguments ask: a `Variable` records it, a formula writes it down, plain arrays just compute.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from typing import Any

from .engine import LEFT, NEEDS, TRACED, Reading, Variable, constant, lost, note, traced
from .errors import rescued
from .kinds import kind_of
from .precision import lowered, rounds
from .recording import TRACERS, recording

REGISTRY: dict[str, Op] = {}


class Op:
    """One operation, declared once.

    `forward(*arrays, **attributes)` computes it; `vjps[i](g, y, *arrays, **attributes)` takes the
    gradient `g` of the output to that of input `i` (None: no gradient). The rest says where and how
    to try it, for tests, docs and pictures.
    """

    def __init__(
        self,
        name: str,
        forward: Callable[..., Any],
        vjps: Any = (),
        *,
        kind: str = "elementwise",
        domain: tuple[Any, ...] | None = None,
        signature: str | None = None,
        attributes: Callable[..., Any] | None = None,
        special: tuple[float, ...] = (),
        linear: bool = False,
        analytic: bool = True,
        complex: bool | None = None,
        masks: bool = False,
        align: Callable[..., Any] | None = None,
        broadcasts: bool | None = None,
        must: str = "",
        formula: str | None = None,
        latex: str | None = None,
        neutral: tuple[float | None, ...] = (),
        advice: str = "",
        blocks: tuple[str, str] = ("", ""),
        view: bool = False,
        add: Callable[..., None] | None = None,
        mirror: Callable[[Any], Any] | None = None,
        flops: Callable[..., float] | None = None,
        parts: tuple[str, ...] = (),
        doc: str = "",
        said: str = "",
    ) -> None:
        self.name = name
        self.said = said or name  # what its errors call it: the name by which users know it
        self.forward = forward
        self.vjps = vjps  # a tuple, or anything that gives input i's rule at [i]
        self.kind = kind_of(name, kind)  # what it has in common with others: kinds.py
        self.domain = domain  # one interval per array: where it is defined and smooth
        self.signature = signature  # "(i,k),(k,j)->(i,j)" where shapes are tied
        self.attributes = attributes  # draw(rng, shape) -> attributes that fit such an input
        self.special = special  # points at which value and gradient must be right, too
        self.linear = linear  # in its differentiable inputs together: forward mode is itself
        self.complex = analytic if complex is None else complex  # its rules hold for complex numbers of their own
        self.analytic = analytic  # takes complex numbers, so the complex step may test it
        self.masks = masks  # its rule can turn a gradient into exact zeros
        self.align = align  # (y, near, *arrays): of equally right outputs, the one nearest to `near`
        self.broadcasts = self.kind.broadcasts if broadcasts is None else broadcasts
        self.add = add  # (total, g, *arrays, **attributes): adds the gradient of input 0 into an array, in place
        self.view = view  # its result is NumPy's view of its first input: a write goes through to that
        self.fresh = self.kind.entrywise  # its result never shares memory with an input
        self.needs_values = self.kind.needs_values  # its rules read more of its inputs than their shapes
        self.must = must  # what its inputs must satisfy, in words
        self.formula = formula  # how to write it: "{} + {}", an attribute by its name: "{} ** {n}"
        self.latex = latex  # likewise for a typesetter: r"\frac{#1}{#2}", "#1^{#n}", or a function's name: r"\exp"
        self.neutral = neutral  # for each input, the number that leaves the other as it is
        self.advice = advice  # what to do where it made inf or nan
        self.blocks = blocks  # where no gradient passes it: the reason, and what to do
        self.mirror = mirror  # op(-x) in terms of y = op(x), which formulas show where they can
        self.flops = flops  # (output's shape, *inputs' shapes, **attributes), where it is not one for each entry
        self.parts = parts  # what the equal parts of its last axis are called, where it gives several in one array
        self.doc = doc
        self.custom = False  # declared by a user
        self.differentiable = not isinstance(vjps, tuple) or any(vjps)
        self.tracks = NEEDS | TRACED if self.differentiable else TRACED  # which inputs it records
        REGISTRY[name] = self

    def __repr__(self) -> str:
        return self.name

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(f'{self.name} ({self.kind}) {self.doc}'.strip())}</pre>"

    def __call__(self, *xs: Any, **attributes: Any) -> Any:
        """Read the op as its arguments ask; plain arrays just compute."""
        for x in xs:
            if isinstance(x, Reading):
                return x.read(self, xs, attributes)
        try:
            return traced(self, xs, attributes) if TRACERS else self.forward(*xs, **attributes)
        except RuntimeWarning as error:
            return rescued(self, error, xs, attributes)

    def unary(self, x: Any) -> Any:
        """`self(x)` for a Variable, without the general path's loops."""
        try:
            data = traced(self, (x,), {}) if TRACERS else self.forward(x._data)
        except Exception as error:
            data = rescued(self, error, [x._data])
        if (flags := x.flags) and (by := recording.get()):
            if flags & LEFT:
                return lost(self, data, (x,), None, 0, by)
            if flags := flags & self.tracks:
                return note(data, flags, self, (x,), None, by)
        return constant(data)

    def binary(self, a: Any, b: Any) -> Any:
        """`self(a, b)` for a Variable `a` and a Variable or scalar `b`, likewise."""
        if b.__class__ is float or b.__class__ is int:
            b = constant(b)  # a Python scalar stays one: it never widens the other side
        elif not isinstance(b, Variable):
            return self(a, b)
        try:
            data = traced(self, (a, b), {}) if TRACERS else self.forward(a._data, b._data)
        except Exception as error:
            data = rescued(self, error, [a._data, b._data])
        if (flags := a.flags | b.flags) and (by := recording.get()):
            if flags & LEFT:
                return lost(self, data, (a, b), None, flags & self.tracks, by)
            if flags := flags & self.tracks:
                return note(data, flags, self, (a, b), None, by)
        return constant(data)


class Product(Op):
    """An op that adds up products: within `amp.autocast`, of numbers in half precision, with sums in float32."""

    def __call__(self, *xs: Any, **attributes: Any) -> Any:
        if (dtype := lowered.get()) is None or not any(isinstance(x, Variable) for x in xs):
            return Op.__call__(self, *xs, **attributes)
        return self._rounded(dtype, xs, attributes)

    def binary(self, a: Any, b: Any) -> Any:
        return Op.binary(self, a, b) if (dtype := lowered.get()) is None else self._rounded(dtype, (a, b), {})

    def _rounded(self, dtype: Any, xs: Any, attributes: dict[str, Any]) -> Any:
        """The op on numbers of a small dtype; of float64, of complex numbers and of integers it stays as it is."""
        found = [getattr(x, "dtype", None) for x in xs]
        if not {*map(str, found)} <= {"float16", "float32"}:
            return Op.__call__(self, *xs, **attributes)
        cast = REGISTRY["astype"]
        y = Op.__call__(self, *[cast(x, dtype=dtype) for x in xs], **attributes)
        return cast(y, dtype=dtype) if rounds(dtype) else y


class Each:
    """The rules of an op with any number of inputs: `Each(f)[i]` is `f(i)`."""

    def __init__(self, rule: Callable[[int], Any]) -> None:
        self.rule = rule

    def __getitem__(self, i: int) -> Any:
        return self.rule(i)


class Together:
    """The rules of an op whose gradients come out of one computation: `rule(g, y, *xs)` gives them all.

    `once(xs)` are its rules for one step of a walk back, in which that computation is made once, of these arrays.
    """

    def __init__(self, rule: Callable[..., Sequence[Any]], given: Sequence[Any] | None = None) -> None:
        self.rule, self.given = rule, given
        self.kept: Sequence[Any] | None = None

    def __getitem__(self, i: int) -> Any:
        def gradient(g: Any, y: Any, *xs: Any, **attributes: Any) -> Any:
            if self.given is None:
                return self.rule(g, y, *xs, **attributes)[i]
            if self.kept is None:
                self.kept = self.rule(g, y, *self.given, **attributes)
            return self.kept[i]

        return gradient

    def once(self, xs: Sequence[Any]) -> Together:
        return Together(self.rule, xs)


class Parts(Sequence[Any]):
    """What `Together` gives where each gradient is cheap by itself: number `i` is `part(i)`, computed when it is asked
    for."""

    def __init__(self, part: Callable[[int], Any], length: int) -> None:
        self.part, self.length = part, length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, i: Any) -> Any:
        return self.part(i)
