"""Formulas as mathematics and as LaTeX, read again by a parser that knows only how a reader takes them."""

import re

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tinygrad_edu import ops
from tinygrad_edu.ops.indexing import ARRAY
from tinygrad_edu.viz.formulas.formula import Formula
from tinygrad_edu.viz.formulas.mathematics import mathematics
from tinygrad_edu.viz.formulas.notation import latex, plain

VALUES = {name: np.random.default_rng(k).uniform(0.5, 1.5, (2, 2)) for k, name in enumerate("ABC")}
TOKEN = re.compile(
    r"\s*(\d+\.?\d*|[ABC]|u_?\{?\d+\}?|if|else|⊙|·|/|\+|−|-|=|<|Σ[₀₁]?|√|\||\(|\)|\{|\}|²|³|ᵀ|\\top|\^|"
    r"\\cdot|\\odot|\\,|\\frac|\\sqrt|\\sum_\{\\text\{axis \} \d\}|\\left\||\\right\||;|,\\quad)"
)
SAME = {"⊙": "*", "·": "*", r"\cdot": "*", r"\odot": "*", "−": "-"}


def tokens(text):
    found, at = [], 0
    while at < len(text):
        match = TOKEN.match(text, at)
        assert match, text[at:]
        found.append(SAME.get(match[1], match[1]))
        at = match.end()
    return [token for token in found if token != r"\,"]


class Reader:
    """`x if c else y`, then comparisons, sums of terms, a Σ or a sign in front of a product, factors side by side."""

    def __init__(self, text):
        self.left, self.values = tokens(text), dict(VALUES)

    def take(self, *wanted):
        return self.left.pop(0) if self.left and self.left[0] in wanted else None

    def whole(self):
        while len(self.left) > 1 and self.left[0].startswith("u") and self.left[1] == "=":
            name = self.left.pop(0)
            self.left.pop(0)
            self.values[name] = self.choice()
            assert self.take(";", r",\quad")
        value = self.choice()
        assert not self.left, self.left
        return value

    def choice(self):
        value = self.comparison()
        if self.take("if"):
            condition = self.comparison()
            assert self.take("else")
            return np.where(condition, value, self.choice())
        return value

    def comparison(self):
        value = self.terms()
        sign = self.take("=", "<")
        return value if sign is None else (value == self.terms() if sign == "=" else value < self.terms())

    def terms(self):
        value = self.term()
        while sign := self.take("+", "-"):
            value = value + self.term() if sign == "+" else value - self.term()
        return value

    def term(self):
        if self.take("-"):
            return -self.term()
        if self.left[0].startswith(("Σ", r"\sum")):
            axis = {"₀": 0, "₁": 1, "0": 0, "1": 1}.get(self.left.pop(0).rstrip("}")[-1])
            return self.term().sum(axis=axis, keepdims=True)
        value = self.product()
        while sign := self.take("*", "/"):
            other = -self.product() if self.take("-") else self.product()
            value = value * other if sign == "*" else value / other
        return value

    def product(self):
        """`2AB`: a number times what stands behind it, matrices as a product of matrices."""
        value = self.power()
        while self.left and re.fullmatch(r"[ABC(√|]|u.*|\\frac|\\sqrt", self.left[0]) and not self.ends:
            other = self.power()
            value = value * other if not np.ndim(value) else value @ other
        return value

    ends = False

    def power(self):
        if self.take("-"):  # of a negative of a negative
            return -self.power()
        value = self.atom()
        while mark := self.take("²", "³", "ᵀ", "^"):
            if mark == "^":
                grouped = self.take("{")
                top = self.take(r"\top")
                value = value.T if top else value ** float(self.left.pop(0))
                assert not grouped or self.take("}")
            else:
                value = value.T if mark == "ᵀ" else value ** (2 if mark == "²" else 3)
        return value

    def group(self, opening, closing):
        assert self.take(opening), self.left
        before, self.ends = self.ends, closing == "|"
        value = self.choice()
        self.ends = before
        assert self.take(closing), self.left
        return value

    def atom(self):
        if self.left[0] == "(":
            return self.group("(", ")")
        if self.left[0] == "|":
            return abs(self.group("|", "|"))
        if self.take("√"):
            return np.sqrt(self.atom())
        if self.take(r"\sqrt"):
            return np.sqrt(self.group("{", "}"))
        if self.take(r"\frac"):
            return self.group("{", "}") / self.group("{", "}")
        token = self.left.pop(0)
        return self.values[token] if token in self.values else float(token)


def made(op, *args, **attributes):
    with np.errstate(all="ignore"):
        return Formula("", op, args, attributes, op.forward(*[a.value for a in args], **attributes))


BINARY = [ops.add, ops.subtract, ops.multiply, ops.divide]


def random_formula(rng, depth, cases):
    if depth == 0 or rng.random() < 0.1:
        name = "ABC"[rng.integers(3)]
        return Formula(name, value=VALUES[name])
    a = random_formula(rng, depth - 1, cases)
    b = random_formula(rng, depth - 1, cases)
    kind = rng.integers(9 + cases)
    square = a.shape == b.shape == (2, 2)
    if kind < 4:
        return made(BINARY[kind], a, b)
    if kind == 4 and square:
        return made(ops.matmul, a, b)
    if kind == 5:
        return made(ops.negative, a)
    if kind == 6:
        return made(ops.power_n, a, n=int(rng.integers(2, 4)))
    if kind == 7 and a.shape == (2, 2):
        return made(ops.sum, a, axis=(int(rng.integers(2)),), keepdims=True)
    if kind == 8 and a.shape == (2, 2):
        return made(ops.permute_dims, a, axes=(1, 0))
    if kind > 8:
        c = random_formula(rng, depth - 1, cases)
        return made(
            ops.where, made(ops.less, a, b) if rng.random() < 0.7 else made(ops.where, made(ops.less, a, b), b, c), b, c
        )
    return made(ops.multiply, Formula(value=2.0), a)


def formulas(seed, depth, cases):
    return [random_formula(np.random.default_rng((seed, k)), depth, cases) for k in range(8)]


def check(text, f):
    with np.errstate(all="ignore"):
        found = Reader(text).whole()
    np.testing.assert_allclose(np.broadcast_to(found, f.shape), f.value, rtol=1e-6, err_msg=text)


@given(st.integers(0, 10**6), st.integers(1, 5))
@example(592, 4)
def test_mathematics_says_what_is_computed(seed, depth):
    for f in formulas(seed, depth, 2):
        check(mathematics(f), f)
        check(mathematics(f, 40), f)


@given(st.integers(0, 10**6), st.integers(1, 5))
def test_latex_says_what_is_computed(seed, depth):
    for f in formulas(seed, depth, 0):
        check(latex(f), f)


A, B, C = (Formula(name, value=value) for name, value in VALUES.items())


@pytest.mark.parametrize(
    ("f", "text", "tex"),
    [
        (made(ops.matmul, made(ops.multiply, A, B), C), "(A ⊙ B) C", r"(A \odot B) \, C"),
        (made(ops.multiply, made(ops.matmul, A, B), C), "AB ⊙ C", r"A \, B \odot C"),
        (made(ops.multiply, made(ops.sum, A, axis=(1,), keepdims=True), B), "(Σ₁ A) ⊙ B", r"(\sum_{\text{axis } 1} A) \odot B"),
        (made(ops.sum, made(ops.multiply, A, B), axis=(1,), keepdims=True), "Σ₁ A ⊙ B", r"\sum_{\text{axis } 1} A \odot B"),
        (made(ops.subtract, A, made(ops.sum, B, axis=(0,), keepdims=True)), "A − Σ₀ B", r"A - \sum_{\text{axis } 0} B"),
    ],
)  # fmt: skip
def test_what_a_product_and_a_sum_take_in(f, text, tex):
    assert (mathematics(f), latex(f)) == (text, tex)


def test_arrays_stand_in_their_index_in_every_notation():
    g, c = Formula("g", value=np.ones((2, 3))), Formula("c1", value=np.array([0, 1]))
    f = made(ops.put, g, c, shape=(3, 4), index=(ARRAY, slice(1, None)))
    assert plain(f) == "put(g, (3, 4), index=s_[c1, 1:])"
    assert mathematics(f) == "put(g, (3, 4), index=s_[c₁, 1:])"
    assert latex(f) == r"\operatorname{put}(g, \text{(3, 4)}, \text{index=}[c_{1}, \text{1:}])"
