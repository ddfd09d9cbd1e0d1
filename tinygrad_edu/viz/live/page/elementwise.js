"use strict";

// The primitives of programs: `PRIMITIVES[name](args, options, results)` gives an array, or a list of them. Arguments are
// arrays, numbers, text and lists; `results` has the shapes and dtypes that NumPy's results had.
const PRIMITIVES = {};

// Python's numbers, as they meet arrays: a number never widens what it meets, so it is rounded as that is.
function operands(args) {
  const dtypes = args.filter(x => x instanceof NDArray && x.ndim + isFloat(x.dtype) > 0).map(x => x.dtype);
  const narrow = dtypes.includes("<f8") ? "<f8" : dtypes.find(isFloat) ?? "<f8";
  return args.map(x => asArray(x, narrow));
}

function ufunc(f) {
  return (args, options, [{dtype}]) => map(f, operands(args), dtype);
}

// Of whole numbers and of others.
function divided(whole, real) {
  return (args, options, [{dtype}]) => map(isFloat(dtype) ? real : whole, operands(args), dtype);
}

// Of truth values and of whole numbers: quick where both have 32 bits.
function bitwise(small, large) {
  const f = (a, b) => (a === (a | 0) && b === (b | 0) ? small(a, b) : Number(BigInt.asIntN(64, large(BigInt(a), BigInt(b)))));
  return ufunc(f);
}

function copysign(a, b) {
  return Math.abs(a) * (b < 0 || Object.is(b, -0) ? -1 : 1);
}

// The nearest whole number, ties to even.
function rint(x) {
  const y = Math.round(x);
  return y - x === 0.5 && y % 2 !== 0 ? y - 1 : y === 0 ? copysign(0, x) : y;
}

function floorDivide(a, b) {
  if (b === 0) return a / b;
  const rest = a % b, quotient = (a - rest) / b - (rest !== 0 && (b < 0) !== (rest < 0) ? 1 : 0);
  if (quotient === 0) return copysign(0, a / b);
  const whole = Math.floor(quotient);
  return quotient - whole > 0.5 ? whole + 1 : whole;
}

function remainder(a, b) {
  const rest = a % b;
  if (rest === 0) return copysign(0, b);
  return (b < 0) !== (rest < 0) ? rest + b : rest;
}

function logaddexp(a, b) {
  if (a === b) return a + Math.LN2;
  return a !== a || b !== b ? NaN : Math.max(a, b) + Math.log1p(Math.exp(-Math.abs(a - b)));
}

// The neighbour of a number in the direction of another, by its bits.
function nextafter(Store, Bits, one) {
  const number = new Store(1), bits = new Bits(number.buffer);
  return (a, b) => {
    if (a === b || a !== a || b !== b) return a === b ? b : NaN;
    number[0] = a;
    if (a === 0) bits[0] = one;
    else bits[0] += (b > a) === (a > 0) ? one : -one;
    return a === 0 ? copysign(number[0], b) : number[0];
  };
}

function frexp(x) {
  if (x === 0 || !Number.isFinite(x)) return [x, 0];
  let e = Math.max(-1023, Math.floor(Math.log2(Math.abs(x))) + 1), m = x * 2 ** -e;
  while (Math.abs(m) < 0.5) m *= 2, e--;
  while (Math.abs(m) >= 1) m /= 2, e++;
  return [m, e];
}

function power(a, b) {
  return a === 1 || (a === -1 && Math.abs(b) === Infinity) ? 1 : a ** b;
}

Object.assign(PRIMITIVES, {
  add: (args, options, [{dtype}]) => map(dtype === "|b1" ? (a, b) => a || b : (a, b) => a + b, operands(args), dtype),
  subtract: ufunc((a, b) => a - b),
  multiply: ufunc((a, b) => a * b),
  divide: ufunc((a, b) => a / b),
  floor_divide: divided((a, b) => (b ? Math.floor(a / b) : 0), floorDivide),
  remainder: divided((a, b) => (b ? a - b * Math.floor(a / b) : 0), remainder),
  fmod: divided((a, b) => (b ? a % b : 0), (a, b) => a % b),
  power: ufunc(power),
  negative: ufunc(x => -x),
  positive: ufunc(x => x),
  conjugate: ufunc(x => x),
  real: ufunc(x => x),
  imag: ufunc(() => 0),
  absolute: ufunc(Math.abs),
  sign: ufunc(Math.sign),
  square: ufunc(x => x * x),
  sqrt: ufunc(Math.sqrt),
  cbrt: ufunc(Math.cbrt),
  reciprocal: ufunc(x => 1 / x),
  exp: ufunc(Math.exp),
  exp2: ufunc(x => 2 ** x),
  expm1: ufunc(Math.expm1),
  log: ufunc(Math.log),
  log1p: ufunc(Math.log1p),
  log2: ufunc(Math.log2),
  log10: ufunc(Math.log10),
  logaddexp: ufunc(logaddexp),
  sin: ufunc(Math.sin),
  cos: ufunc(Math.cos),
  tan: ufunc(Math.tan),
  arcsin: ufunc(Math.asin),
  arccos: ufunc(Math.acos),
  arctan: ufunc(Math.atan),
  arctan2: ufunc(Math.atan2),
  sinh: ufunc(Math.sinh),
  cosh: ufunc(Math.cosh),
  tanh: ufunc(Math.tanh),
  arcsinh: ufunc(Math.asinh),
  arccosh: ufunc(Math.acosh),
  arctanh: ufunc(Math.atanh),
  hypot: ufunc((a, b) => Math.hypot(a, b)),
  floor: ufunc(Math.floor),
  ceil: ufunc(Math.ceil),
  trunc: ufunc(Math.trunc),
  rint: ufunc(rint),
  round: ([x, decimals = 0], options, [{dtype}]) => {
    const unit = 10 ** Math.abs(options.decimals ?? decimals), up = (options.decimals ?? decimals) >= 0;
    return map(v => (up ? rint(v * unit) / unit : rint(v / unit) * unit), [x], dtype);
  },
  maximum: ufunc((a, b) => Math.max(a, b)),
  minimum: ufunc((a, b) => Math.min(a, b)),
  copysign: ufunc(copysign),
  signbit: ufunc(x => x < 0 || Object.is(x, -0)),
  heaviside: ufunc((x, h) => (x !== x ? x : x < 0 ? 0 : x > 0 ? 1 : h)),
  nextafter: (args, options, [{dtype}]) => {
    const step = dtype === "<f4" ? nextafter(Float32Array, Uint32Array, 1) : nextafter(Float64Array, BigUint64Array, 1n);
    return map(step, operands(args), dtype);
  },
  frexp: ([x], options, [m, e]) => [map(v => frexp(v)[0], [x], m.dtype), map(v => frexp(v)[1], [x], e.dtype)],
  equal: ufunc((a, b) => a === b),
  not_equal: ufunc((a, b) => a !== b),
  less: ufunc((a, b) => a < b),
  less_equal: ufunc((a, b) => a <= b),
  greater: ufunc((a, b) => a > b),
  greater_equal: ufunc((a, b) => a >= b),
  isnan: ufunc(x => x !== x),
  isinf: ufunc(x => Math.abs(x) === Infinity),
  isfinite: ufunc(Number.isFinite),
  logical_and: ufunc((a, b) => a && b ? 1 : 0),
  logical_or: ufunc((a, b) => a || b ? 1 : 0),
  logical_xor: ufunc((a, b) => !a !== !b),
  logical_not: ufunc(x => !x),
  bitwise_and: bitwise((a, b) => a & b, (a, b) => a & b),
  bitwise_or: bitwise((a, b) => a | b, (a, b) => a | b),
  bitwise_xor: bitwise((a, b) => a ^ b, (a, b) => a ^ b),
  invert: ([x], options, [{dtype}]) => map(dtype === "|b1" ? v => !v : v => -v - 1, [x], dtype),
  left_shift: ufunc((a, b) => (b < 0 || b > 63 ? 0 : Number(BigInt.asIntN(64, BigInt(a) << BigInt(b))))),
  right_shift: ufunc((a, b) => (b < 0 || b > 63 ? Math.min(Math.sign(a), 0) : Math.floor(a / 2 ** b))),
  where: ([c, a, b], options, [{dtype}]) => {
    const [x, y] = operands([a, b]);
    return map((k, v, w) => (k ? v : w), [c, x, y], dtype);
  },
  astype: ([x], options, [{dtype}]) => astype(x, dtype),
  copy: ([x]) => asArray(x).copy(),
  zeros_like: (args, options, [{shape, dtype}]) => full(shape, dtype, 0),
  ones_like: (args, options, [{shape, dtype}]) => full(shape, dtype, 1),
  empty_like: (args, options, [{shape, dtype}]) => full(shape, dtype, 0),
});
