"""exp, log, tanh and their like as LLVM IR without branches and calls, which LLVM makes vector instructions of.

Polynomials and rational functions are those of Moshier's Cephes library (Methods and Programs for Mathematical
Functions, 1989); log1p takes back what 1 + x has rounded.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from functools import cache

REAL = re.compile(r"= (fadd|fsub|fmul|fdiv|fcmp|call (float|double) @llvm)")


def number(x: float, type: str) -> str:
    """A floating-point constant as LLVM writes it: exactly."""
    rounded = struct.unpack("<f", struct.pack("<f", x))[0] if type == "float" and abs(x) < 3.5e38 else x
    return f"0x{struct.unpack('<Q', struct.pack('<d', rounded))[0]:016X}"


class Body:
    """The instructions of one function that computes with one floating-point type."""

    def __init__(self, type: str) -> None:
        self.type = type
        self.int = "i32" if type == "float" else "i64"
        self.lines: list[str] = []

    def emit(self, text: str) -> str:
        name = f"%t{len(self.lines)}"
        self.lines.append(f"  {name} = {text}")
        return name

    def c(self, x: float) -> str:
        return number(x, self.type)

    def op(self, name: str, a: str, b: str) -> str:
        return self.emit(f"{name} {self.type} {a}, {b}")

    def add(self, a: str, b: str) -> str:
        return self.op("fadd", a, b)

    def sub(self, a: str, b: str) -> str:
        return self.op("fsub", a, b)

    def mul(self, a: str, b: str) -> str:
        return self.op("fmul", a, b)

    def div(self, a: str, b: str) -> str:
        return self.op("fdiv", a, b)

    def fma(self, a: str, b: str, c: str) -> str:
        short = {"float": "f32", "double": "f64"}[self.type]
        return self.emit(f"call {self.type} @llvm.fma.{short}({self.type} {a}, {self.type} {b}, {self.type} {c})")

    def call(self, name: str, a: str) -> str:
        short = {"float": "f32", "double": "f64"}[self.type]
        return self.emit(f"call {self.type} @llvm.{name}.{short}({self.type} {a})")

    def ours(self, name: str, a: str) -> str:
        return self.emit(f"call {self.type} @{name}.{self.type}({self.type} {a})")

    def cmp(self, how: str, a: str, b: str) -> str:
        return self.emit(f"fcmp {how} {self.type} {a}, {b}")

    def select(self, c: str, a: str, b: str) -> str:
        return self.emit(f"select i1 {c}, {self.type} {a}, {self.type} {b}")

    def polynomial(self, x: str, coefficients: list[float]) -> str:
        """The highest power first."""
        y = self.c(coefficients[0])
        for k in coefficients[1:]:
            y = self.fma(y, x, self.c(k))
        return y


def _reduced(b: Body, low: float, high: float) -> tuple[str, str]:
    """For x as n log(2) + r, between these bounds: n, and exp(r) - 1."""
    single = b.type == "float"
    x = b.select(b.cmp("olt", "%x", b.c(low)), b.c(low), "%x")
    x = b.select(b.cmp("ogt", x, b.c(high)), b.c(high), x)
    x = b.select(b.cmp("uno", "%x", "%x"), b.c(0.0), x)
    n = b.call("rint", b.mul(x, b.c(1.4426950408889634)))
    hi, lo = (0.693359375, -2.12194440e-4) if single else (6.93145751953125e-1, 1.42860682030941723212e-6)
    r = b.fma(n, b.c(-hi), x)
    r = b.fma(n, b.c(-lo), r)
    if single:
        tail = [1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1]
    else:
        tail = [1 / k for k in (6227020800, 479001600, 39916800, 3628800, 362880, 40320, 5040, 720, 120, 24, 6, 2)]
    return n, b.fma(b.polynomial(r, tail), b.mul(r, r), r)


def _power_of_two(b: Body, n: str) -> str:
    """2**n for a whole number that has such a power among normal numbers."""
    bias, bits = (127, 23) if b.type == "float" else (1023, 52)
    shifted = b.emit(f"shl {b.int} {b.emit(f'add {b.int} {n}, {bias}')}, {bits}")
    return b.emit(f"bitcast {b.int} {shifted} to {b.type}")


def _exp(b: Body) -> str:
    n, less = _reduced(b, *((-104.0, 89.0) if b.type == "float" else (-746.0, 710.0)))
    y = b.add(less, b.c(1.0))
    k = b.emit(f"fptosi {b.type} {n} to {b.int}")
    half = b.emit(f"ashr {b.int} {k}, 1")
    for part in (half, b.emit(f"sub {b.int} {k}, {half}")):  # in two parts, as 2**n itself may be none
        y = b.mul(y, _power_of_two(b, part))
    return b.select(b.cmp("uno", "%x", "%x"), "%x", y)


def _log(b: Body) -> str:
    single = b.type == "float"
    bits, bias, scale = (23, 126, 2.0**25) if single else (52, 1022, 2.0**54)
    tiny = b.cmp("olt", "%x", b.c(2.0**-126 if single else 2.0**-1022))
    x = b.select(tiny, b.mul("%x", b.c(scale)), "%x")
    i = b.emit(f"bitcast {b.type} {x} to {b.int}")
    e = b.emit(f"sub {b.int} {b.emit(f'lshr {b.int} {i}, {bits}')}, {bias}")
    mantissa = b.emit(f"and {b.int} {i}, {(1 << bits) - 1}")
    m = b.emit(f"bitcast {b.int} {b.emit(f'or {b.int} {mantissa}, {bias << bits}')} to {b.type}")  # from 0.5 to 1
    e = b.sub(b.emit(f"sitofp {b.int} {e} to {b.type}"), b.select(tiny, b.c(25.0 if single else 54.0), b.c(0.0)))
    small = b.cmp("olt", m, b.c(0.70710678118654752440))
    e = b.sub(e, b.select(small, b.c(1.0), b.c(0.0)))
    f = b.sub(b.select(small, b.add(m, m), m), b.c(1.0))
    z = b.mul(f, f)
    if single:
        p = b.polynomial(f, [
            7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
            2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
        ])  # fmt: skip
        y = b.mul(b.mul(f, z), p)
        hi, lo = 0.693359375, -2.12194440e-4
    else:
        p = b.polynomial(f, [
            1.01875663804580931796e-4, 4.97494994976747001425e-1, 4.70579119878881725854e0, 1.44989225341610930846e1,
            1.79368678507819816313e1, 7.70838733755885391666e0,
        ])  # fmt: skip
        q = b.polynomial(f, [
            1.0, 1.12873587189167450590e1, 4.52279145837532221105e1, 8.29875266912776603211e1, 7.11544750618563894466e1,
            2.31251620126765340583e1,
        ])  # fmt: skip
        y = b.mul(f, b.div(b.mul(z, p), q))
        hi, lo = 0.693359375, -2.121944400546905827679e-4
    y = b.fma(e, b.c(lo), y)
    y = b.fma(z, b.c(-0.5), y)
    y = b.fma(e, b.c(hi), b.add(f, y))
    infinite = b.c(float("inf"))
    y = b.select(b.cmp("oeq", "%x", infinite), infinite, y)
    y = b.select(b.cmp("oeq", "%x", b.c(0.0)), b.c(float("-inf")), y)
    return b.select(b.cmp("ult", "%x", b.c(0.0)), b.c(float("nan")), y)


def _tanh(b: Body) -> str:
    size = b.call("fabs", "%x")
    z = b.mul("%x", "%x")
    if b.type == "float":
        near = b.fma(b.mul(b.polynomial(z, [
            -5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1,
        ]), z), "%x", "%x")  # fmt: skip
    else:
        p = b.polynomial(z, [-9.64399179425052238628e-1, -9.92877231001918586564e1, -1.61468768441708447952e3])
        q = b.polynomial(z, [
            1.0, 1.12811678491632931402e2, 2.23548839060100448583e3, 4.84406305325125486048e3,
        ])  # fmt: skip
        near = b.fma(b.mul("%x", z), b.div(p, q), "%x")
    e = b.ours("exp", b.add(size, size))
    far = b.sub(b.c(1.0), b.div(b.c(2.0), b.add(e, b.c(1.0))))
    y = b.select(b.cmp("olt", size, b.c(0.625)), near, far)
    short = {"float": "f32", "double": "f64"}[b.type]
    return b.emit(f"call {b.type} @llvm.copysign.{short}({b.type} {y}, {b.type} %x)")


def _log1p(b: Body) -> str:
    """log(u) + (x - (u - 1)) / u for u = 1 + x, which adds what the sum has rounded away."""
    u = b.add("%x", b.c(1.0))
    exact = b.sub(u, b.c(1.0))
    y = b.add(b.ours("log", u), b.div(b.sub("%x", exact), u))
    y = b.select(b.cmp("oeq", exact, b.c(0.0)), "%x", y)
    return b.select(b.cmp("oeq", u, b.c(float("inf"))), u, b.select(b.cmp("oeq", u, b.c(0.0)), b.c(float("-inf")), y))


def _expm1(b: Body) -> str:
    """2**n (exp(r) - 1) + (2**n - 1) for x as n log(2) + r; exp(x) where 1 is nothing beside it."""
    large = 30.0 if b.type == "float" else 60.0
    n, less = _reduced(b, -large, large)
    scale = _power_of_two(b, b.emit(f"fptosi {b.type} {n} to {b.int}"))
    y = b.fma(less, scale, b.sub(scale, b.c(1.0)))
    y = b.select(b.cmp("ogt", "%x", b.c(large)), b.ours("exp", "%x"), y)
    y = b.select(b.cmp("oeq", "%x", b.c(0.0)), "%x", y)
    return b.select(b.cmp("uno", "%x", "%x"), "%x", y)


FUNCTIONS: dict[str, Callable[[Body], str]] = {
    "exp": _exp, "log": _log, "tanh": _tanh, "log1p": _log1p, "expm1": _expm1,
}  # fmt: skip
NEEDS = {"tanh": ("exp",), "log1p": ("log",), "expm1": ("exp",)}


def definition(name: str, type: str) -> str:
    """The IR of one function for one type, without those that it calls (see `NEEDS`): to be written out where it is
    used, and to be called."""
    body = Body(type)
    result = FUNCTIONS[name](body)
    head = f"define internal {type} @{name}.{type}({type} %x) alwaysinline {{"
    once = f"define internal {type} @{name}.{type}.once({type} %x) noinline {{"
    called = f"  %y = call {type} @{name}.{type}({type} %x)"
    return "\n".join([head, *body.lines, f"  ret {type} {result}", "}", "", once, called, f"  ret {type} %y", "}"])


@cache
def operations(name: str, type: str) -> int:
    """How many operations on real numbers a function is made of; a sum with a product counts as two."""
    body = Body(type)
    FUNCTIONS[name](body)
    count = sum(2 if "@llvm.fma." in line else 1 for line in body.lines if REAL.search(line))
    return count + sum(operations(other, type) for other in NEEDS.get(name, ()))
