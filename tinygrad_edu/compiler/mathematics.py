"""exp, log, tanh and their like as LLVM IR without branches and calls, which LLVM makes vector instructions of.

Polynomials and rational functions are those of Moshier's Cephes library (Methods and Programs for Mathematical
Functions, 1989); log1p takes back what 1 + x has rounded. Those of sin, cos and power are derived by
`benchmarks/polynomials.py`: these compute float32 in float64, and leave float64 itself to the system's library.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable
from fractions import Fraction
from functools import cache

# sin(x pi / 2) / x and cos(x pi / 2) by x**2, log2((1 + s) / (1 - s)) / s by s**2, and 2**x
SINE = [1.5819506758147197e-4, -4.681260624579409e-3, 7.96925818424633e-2, -0.6459640961023964, 1.5707963267877498]
COSINE = [9.033629786276601e-4, -2.0859936028884363e-2, 0.25366918259615207, -1.2337005395647547, 0.9999999999439357]
LOG2 = [
    0.2451116258729906, 0.2612475977121724, 0.32062291675406196, 0.41219830475045377, 0.5770780178632068,
    0.9617966939230939, 2.8853900817779277,
]  # fmt: skip
EXP2 = [
    1.5201915522361544e-5, 1.5469291031244836e-4, 1.3333922588222283e-3, 9.618027254034092e-3, 5.550410353420436e-2,
    0.24022651198155112, 0.6931471807284555, 0.9999999999616819,
]  # fmt: skip
TWO_OVER_PI = 0xA2F9836E4E441529FC2757D1F534DDC0DB6295993C439041FE5163ABDEBBC561B7246E3A424DD2E0  # * 2**-320
LEAST, DIGITS = 149, 23  # float32: the smallest is 2**-149, others are m * 2**n with m from 2**23 to 2**24

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

    def wide(self) -> Body:
        """The same function, which goes on in float64."""
        found = Body("double")
        found.lines = self.lines
        return found

    def bits(self, name: str, a: str, b: str | int) -> str:
        """An operation on whole numbers as wide as these."""
        return self.emit(f"{name} {self.int} {a}, {b}")

    def both(self, a: str, b: str) -> str:
        return self.emit(f"and i1 {a}, {b}")

    def no(self, a: str) -> str:
        return self.emit(f"xor i1 {a}, true")

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
    most = b.fma(n, b.c(-hi), x)  # exact
    r = b.fma(n, b.c(-lo), most)
    if single:
        tail = [1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1]
    else:
        tail = [1 / k for k in (6227020800, 479001600, 39916800, 3628800, 362880, 40320, 5040, 720, 120, 24, 6, 2)]
    square = b.mul(r, r)
    if not single:
        return n, b.fma(b.polynomial(r, tail), square, r)
    lost = b.fma(n, b.c(-lo), b.sub(most, r))  # when r was rounded
    return n, b.add(r, b.fma(b.polynomial(r, tail), square, lost))


def _power_of_two(b: Body, n: str) -> str:
    """2**n for a whole number that has such a power among normal numbers."""
    bias, bits = (127, 23) if b.type == "float" else (1023, 52)
    shifted = b.bits("shl", b.bits("add", n, bias), bits)
    return b.emit(f"bitcast {b.int} {shifted} to {b.type}")


def _exp(b: Body) -> str:
    n, less = _reduced(b, *((-104.0, 89.0) if b.type == "float" else (-746.0, 710.0)))
    y = b.add(less, b.c(1.0))
    k = b.emit(f"fptosi {b.type} {n} to {b.int}")
    half = b.bits("ashr", k, 1)
    for part in (half, b.bits("sub", k, half)):  # in two parts, as 2**n itself may be none
        y = b.mul(y, _power_of_two(b, part))
    return b.select(b.cmp("uno", "%x", "%x"), "%x", y)


def _log(b: Body) -> str:
    single = b.type == "float"
    bits, bias, scale = (23, 126, 2.0**25) if single else (52, 1022, 2.0**54)
    tiny = b.cmp("olt", "%x", b.c(2.0**-126 if single else 2.0**-1022))
    x = b.select(tiny, b.mul("%x", b.c(scale)), "%x")
    i = b.emit(f"bitcast {b.type} {x} to {b.int}")
    e = b.bits("sub", b.bits("lshr", i, bits), bias)
    mantissa = b.bits("or", b.bits("and", i, (1 << bits) - 1), bias << bits)
    m = b.emit(f"bitcast {b.int} {mantissa} to {b.type}")  # from 0.5 to 1
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


def _turns() -> str:
    """For each power of two of float32, how many quarter turns it is, but for whole turns: 29 bits, of which products
    with a float32 are exact in float64, and what these lack."""
    high, low = [], []
    for e in range(-LEAST - DIGITS, 128 - DIGITS):
        turns = Fraction(TWO_OVER_PI, 2**320) * Fraction(2) ** e % 4
        unit = Fraction(2) ** (math.frexp(float(turns))[1] - 29)
        high.append(turns // unit * unit)
        low.append(turns - high[-1])
    both = [", ".join(f"double {number(float(x), 'double')}" for x in part) for part in (high, low)]
    return "\n".join(f"@turns.{k} = internal constant [{len(high)} x double] [{x}]" for k, x in enumerate(both))


def _turned(b: Body) -> str:
    """sin(x + k pi / 2). x in quarter turns is m times those of 2**n, so that no x is too large.
    Source: M. Payne and R. Hanek, "Radian reduction for trigonometric functions" (1983)."""
    w = b.wide()
    i = w.emit(f"bitcast double {w.emit('fpext float %x to double')} to i64")
    e = w.bits("sub", w.bits("and", w.bits("lshr", i, 52), 2047), 1023 - LEAST)
    e = w.emit(f"call i64 @llvm.smax.i64(i64 {e}, i64 0)")
    e = w.emit(f"call i64 @llvm.smin.i64(i64 {e}, i64 {LEAST + 127})")
    mantissa = w.bits("or", w.bits("and", i, (1 << 52) - 1 - (1 << 63)), 1023 + DIGITS << 52)
    m = w.emit(f"bitcast i64 {mantissa} to double")
    places = [w.emit(f"getelementptr inbounds double, ptr @turns.{k}, i64 {e}") for k in (0, 1)]
    high, low = (w.emit(f"load double, ptr {place}") for place in places)
    all = w.mul(m, high)
    n = w.call("rint", all)
    r = w.fma(m, low, w.sub(all, n))
    z = w.mul(r, r)
    quarters = b.bits("add", w.emit(f"fptosi double {n} to i32"), "%k")
    odd, down = (b.emit(f"icmp ne i32 {b.bits('and', quarters, bit)}, 0") for bit in (1, 2))
    y = w.select(odd, w.polynomial(z, COSINE), w.mul(r, w.polynomial(z, SINE)))
    y = w.emit(f"fptrunc double {w.select(down, w.emit(f'fneg double {y}'), y)} to float")
    return b.select(b.cmp("one", b.call("fabs", "%x"), b.c(math.inf)), y, b.c(math.nan))


def _sin(b: Body) -> str:
    return b.select(b.cmp("oeq", "%x", b.c(0.0)), "%x", b.emit("call float @turned.float(float %x, i32 0)"))


def _cos(b: Body) -> str:
    return b.select(b.cmp("oeq", "%x", b.c(0.0)), b.c(1.0), b.emit("call float @turned.float(float %x, i32 1)"))


def _power(b: Body) -> str:
    """2**(y log2(x)), with the signs and exceptions of C."""
    w, size = b.wide(), b.call("fabs", "%x")
    x, y = w.emit(f"fpext float {size} to double"), w.emit("fpext float %y to double")
    i = w.emit(f"bitcast double {x} to i64")
    n = w.bits("ashr", w.bits("sub", i, 0x3FE6A09E667F3BCD), 52)  # x = m * 2**n, with m**2 from 1/2 to 2
    m = w.emit(f"bitcast i64 {w.bits('sub', i, w.bits('shl', n, 52))} to double")
    s = w.div(w.sub(m, w.c(1.0)), w.add(m, w.c(1.0)))
    log2 = w.fma(s, w.polynomial(w.mul(s, s), LOG2), w.emit(f"sitofp i64 {n} to double"))
    log2 = w.select(w.cmp("oeq", x, w.c(math.inf)), x, w.select(w.cmp("oeq", x, w.c(0.0)), w.c(-math.inf), log2))
    t = w.mul(y, log2)
    t = w.select(w.cmp("ult", t, w.c(-200.0)), w.c(-200.0), w.select(w.cmp("ogt", t, w.c(200.0)), w.c(200.0), t))
    whole = w.call("rint", t)
    scale = _power_of_two(w, w.emit(f"fptosi double {whole} to i64"))
    z = w.emit(f"fptrunc double {w.mul(w.polynomial(w.sub(t, whole), EXP2), scale)} to float")
    half = b.mul("%y", b.c(0.5))
    even, integer = (b.cmp("oeq", v, b.call("trunc", v)) for v in (half, "%y"))
    signed = b.emit(f"icmp slt i32 {b.emit('bitcast float %x to i32')}, 0")
    z = b.select(b.both(signed, b.both(integer, b.no(even))), b.emit(f"fneg float {z}"), z)
    negative = b.both(b.cmp("olt", "%x", b.c(0.0)), b.cmp("one", size, b.c(math.inf)))
    z = b.select(b.both(negative, b.no(integer)), b.c(math.nan), z)
    z = b.select(b.cmp("uno", "%x", "%y"), b.c(math.nan), z)
    endless = b.cmp("oeq", b.call("fabs", "%y"), b.c(math.inf))
    z = b.select(b.both(b.cmp("oeq", size, b.c(1.0)), endless), b.c(1.0), z)
    return b.select(b.cmp("oeq", "%x", b.c(1.0)), b.c(1.0), b.select(b.cmp("oeq", "%y", b.c(0.0)), b.c(1.0), z))


FUNCTIONS: dict[str, Callable[[Body], str]] = {
    "exp": _exp, "log": _log, "tanh": _tanh, "log1p": _log1p, "expm1": _expm1, "turned": _turned, "sin": _sin,
    "cos": _cos, "power": _power,
}  # fmt: skip
NEEDS = {"tanh": ("exp",), "log1p": ("log",), "expm1": ("exp",), "sin": ("turned",), "cos": ("turned",)}
SINGLE = {"turned", "sin", "cos", "power"}  # of float32 alone
OTHERS = {"turned": ", i32 %k", "power": ", float %y"}  # arguments besides x


def ours(name: str, type: str) -> bool:
    """Whether there is a function of our own."""
    return name in FUNCTIONS and (type == "float" or name not in SINGLE)


def definition(name: str, type: str) -> str:
    """The IR of one function for one type, without those that it calls (see `NEEDS`): to be written out where it is
    used, and to be called."""
    body = Body(type)
    result = FUNCTIONS[name](body)
    given = f"{type} %x{OTHERS.get(name, '')}"
    head = f"define internal {type} @{name}.{type}({given}) alwaysinline {{"
    once = f"define internal {type} @{name}.{type}.once({given}) noinline {{"
    called = f"  %z = call {type} @{name}.{type}({given})"
    lines = [head, *body.lines, f"  ret {type} {result}", "}", "", once, called, f"  ret {type} %z", "}"]
    return "\n".join([_turns(), *lines] if name == "turned" else lines)


@cache
def operations(name: str, type: str) -> int:
    """How many operations on real numbers a function is made of; a sum with a product counts as two."""
    body = Body(type)
    FUNCTIONS[name](body)
    count = sum(2 if "@llvm.fma." in line else 1 for line in body.lines if REAL.search(line))
    return count + sum(operations(other, type) for other in NEEDS.get(name, ()))
