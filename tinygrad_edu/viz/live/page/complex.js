"use strict";

// Complex arrays: a pair of real ones, so that what moves or adds entries is done to both.
class Complex {
  constructor(re, im, dtype = `<c${2 * Number(re.dtype.slice(2))}`) {
    Object.assign(this, {re, im, dtype});
  }

  get shape() {
    return this.re.shape;
  }

  get ndim() {
    return this.re.ndim;
  }

  get size() {
    return this.re.size;
  }

  copy() {
    return new Complex(this.re.copy(), this.im.copy(), this.dtype);
  }

  // The entries as pairs, in C order.
  pairs() {
    const [a, b] = [this.re.packed().data, this.im.packed().data];
    return Array.from(a, (v, k) => [v, b[k]]);
  }
}

const isComplex = dtype => dtype[1] === "c";
const realOf = dtype => (isComplex(dtype) ? `<f${Number(dtype.slice(2)) / 2}` : dtype);
const realTypes = types => types.map(({shape, dtype}) => ({shape, dtype: realOf(dtype)}));
const nought = x => (x instanceof NDArray ? full(x.shape, x.dtype, 0) : 0);
const partsOf = x => (x instanceof Complex ? [x.re, x.im] : [x, nought(x)]);

// From hexadecimal digits in which real and imaginary parts take turns.
function complexFrom(text, shape, dtype) {
  const both = fromHex(text, [...shape, 2], realOf(dtype)), part = k => getitem(both, [ELLIPSIS, k]).copy();
  return new Complex(part(0), part(1), dtype);
}

// What is linear in some of its arguments: the same of the real and of the imaginary parts.
function linear(name, places) {
  return (args, options, types) => {
    const half = k => {
      const part = x => (Array.isArray(x) ? x.map(part) : partsOf(x)[k]);
      const found = PRIMITIVES[name](args.map((x, j) => (places.includes(j) ? part(x) : x)), options, realTypes(types));
      return Array.isArray(found) ? found : [found];
    };
    const [re, im] = [half(0), half(1)];
    return re.map((x, j) => (isComplex(types[j].dtype) ? new Complex(x, im[j], types[j].dtype) : x));
  };
}

// What is linear in each of two arguments, which stand at `first` and after it.
function bilinear(name, first = 0) {
  return (args, options, types) => {
    const [[a, b], [c, d]] = [args[first], args[first + 1]].map(partsOf), half = realTypes(types);
    const product = (x, y) => PRIMITIVES[name]([...args.slice(0, first), x, y, ...args.slice(first + 2)], options, half);
    const join = (f, x, y) => map(f, [x, y], half[0].dtype);
    const re = join((x, y) => x - y, product(a, c), product(b, d));
    return isComplex(types[0].dtype) ? new Complex(re, join((x, y) => x + y, product(a, d), product(b, c)), types[0].dtype) : re;
  };
}

// A function of the real and imaginary parts of each entry, which gives a pair, or a number.
function entrywise(f) {
  return (args, options, [{dtype}]) => {
    const parts = args.flatMap(x => partsOf(x).map(p => asArray(p, realOf(dtype)))), shape = broadcastShapes(parts.map(p => p.shape));
    const wide = parts.map(p => broadcastTo(p, shape).packed().data);
    const re = empty(shape, realOf(dtype)), im = isComplex(dtype) ? empty(shape, realOf(dtype)) : null;
    for (let i = 0; i < re.data.length; i++) {
      const found = f(...wide.map(data => data[i]));
      if (im) [re.data[i], im.data[i]] = found;
      else re.data[i] = found;
    }
    return im ? new Complex(re, im, dtype) : re;
  };
}

// The quotient by Smith's way, which overflows no sooner than its result.
function divided_by(a, b, c, d) {
  if (Math.abs(c) >= Math.abs(d)) {
    const r = d / c, s = c + d * r;
    return c === 0 && d === 0 ? [a / 0, b / 0] : [(a + b * r) / s, (b - a * r) / s];
  }
  const r = c / d, s = c * r + d;
  return [(a * r + b) / s, (b * r - a) / s];
}

function root(a, b) {
  if (a === 0 && b === 0) return [0, b];
  const size = Math.sqrt((Math.abs(a) + Math.hypot(a, b)) / 2), other = Math.abs(b) / (2 * size);
  return a >= 0 ? [size, copysign(other, b)] : [other, copysign(size, b)];
}

const exponential = (a, b) => [Math.exp(a) * Math.cos(b), b === 0 ? 0 : Math.exp(a) * Math.sin(b)];
const logarithm = (a, b) => {
  const size = Math.hypot(a, b), near = size > 0.5 && size < 2;  // near 1, where the logarithm is small
  const [x, y] = [Math.max(Math.abs(a), Math.abs(b)), Math.min(Math.abs(a), Math.abs(b))];
  return [near ? Math.log1p((x - 1) * (x + 1) + y * y) / 2 : Math.log(size), Math.atan2(b, a)];
};
const times = (a, b, c, d) => [a * c - b * d, a * d + b * c];

// Powers: whole ones by products, others by the logarithm.
function raised(a, b, c, d) {
  if (d === 0 && Number.isInteger(c) && Math.abs(c) <= 100) {
    let found = [1, 0], square = [a, b];
    for (let n = Math.abs(c); n; n = Math.floor(n / 2)) {
      if (n % 2) found = times(...found, ...square);
      square = times(...square, ...square);
    }
    return c < 0 ? divided_by(1, 0, ...found) : found;
  }
  return a === 0 && b === 0 ? [0, 0] : exponential(...times(c, d, ...logarithm(a, b)));
}

function hyperbolic(a, b) {  // sinh and cosh of a + bi, from which come the others
  return [[Math.sinh(a) * Math.cos(b), Math.cosh(a) * Math.sin(b)], [Math.cosh(a) * Math.cos(b), Math.sinh(a) * Math.sin(b)]];
}

function tangent(a, b) {  // tanh
  if (Math.abs(a) > 20) return [Math.sign(a), 4 * Math.sin(b) * Math.cos(b) * Math.exp(-2 * Math.abs(a))];
  const t = Math.tan(b), s = Math.sinh(a), c = Math.cosh(a), down = 1 + s * s * (1 + t * t);
  return [s * c * (1 + t * t) / down, t / down];
}

// The discrete Fourier transform of rows of n numbers: split by the factors of n, and summed up for each prime one.
function transformed(re, im, sign) {
  const n = re.length;
  if (n === 1) return [re, im];
  let p = 2;
  while (p * p <= n && n % p) p++;
  if (n % p) p = n;
  const m = n / p, parts = Array.from({length: p}, (_, r) => {
    const pick = data => Float64Array.from({length: m}, (__, k) => data[k * p + r]);
    return transformed(pick(re), pick(im), sign);
  });
  const [outRe, outIm] = [new Float64Array(n), new Float64Array(n)];
  for (let k = 0; k < n; k++) {
    for (let r = 0; r < p; r++) {
      const [c, s] = onCircle((k * r) % n, n), [a, b] = [parts[r][0][k % m], parts[r][1][k % m]];
      outRe[k] += a * c - sign * b * s;
      outIm[k] += b * c + sign * a * s;
    }
  }
  return [outRe, outIm];
}

// Cosine and sine of a part of the circle: exact at its quarters, and small angles for the others.
function onCircle(k, n) {
  const quarter = Math.round(4 * k / n), angle = 2 * Math.PI * (4 * k - quarter * n) / (4 * n), [c, s] = [Math.cos(angle), Math.sin(angle)];
  return [[c, s], [-s, c], [-c, -s], [s, -c]][quarter % 4];
}

function fourier(sign) {
  return ([x], {axis = -1}, [{shape, dtype}]) => {
    const rows = partsOf(x).map(p => axisLast(asArray(p), axis).packed()), n = shape[axisOf(axis, shape.length)];
    const [re, im] = [0, 1].map(() => empty(rows[0].shape, realOf(dtype)));
    for (let start = 0; start < re.data.length; start += n) {
      const found = transformed(...rows.map(r => Float64Array.from(r.data.subarray(start, start + n))), sign);
      re.data.set(found[0], start);
      im.data.set(found[1], start);
    }
    return new Complex(axisBack(re, axis), axisBack(im, axis), dtype);
  };
}

// A complex system of equations, as a real one of twice the size.
function solved([a, b], options, [{shape, dtype}]) {
  const [[p, q], [r, s]] = [partsOf(a), partsOf(b)], half = realOf(dtype), join = (xs, axis) => {
    const size = xs[0].shape.slice();
    size[size.length + axis] *= 2;
    return concatenate([xs, axis], {}, [{shape: size, dtype: half}]);
  };
  const minus = map(v => -v, [q], half), whole = join([join([p, minus], -1), join([q, p], -1)], -2);
  const x = PRIMITIVES["linalg.solve"]([whole, join([r, s], -2)], {}, [{shape: [...shape.slice(0, -2), 2 * shape.at(-2), shape.at(-1)], dtype: half}]);
  const [found] = Array.isArray(x) ? x : [x], n = shape.at(-2), part = k => getitem(found, [ELLIPSIS, new Slice(k * n, (k + 1) * n, 1), new Slice(null, null, 1)]);
  return new Complex(part(0), part(1), dtype);
}

// The primitives of complex numbers.
const COMPLEX = {
  "reshape": linear("reshape", [0]),
  "expand_dims": linear("expand_dims", [0]),
  "squeeze": linear("squeeze", [0]),
  "broadcast_to": linear("broadcast_to", [0]),
  "transpose": linear("transpose", [0]),
  "swapaxes": linear("swapaxes", [0]),
  "moveaxis": linear("moveaxis", [0]),
  "flip": linear("flip", [0]),
  "concatenate": linear("concatenate", [0]),
  "stack": linear("stack", [0]),
  "pad": linear("pad", [0]),
  "getitem": linear("getitem", [0]),
  "setitem": linear("setitem", [0, 2]),
  "add.at": linear("add.at", [0, 2]),
  "take_along_axis": linear("take_along_axis", [0]),
  "sum": linear("sum", [0]),
  "add.reduce": linear("add.reduce", [0]),
  "add.accumulate": linear("add.accumulate", [0]),
  "add": linear("add", [0, 1]),
  "subtract": linear("subtract", [0, 1]),
  "negative": linear("negative", [0]),
  "positive": linear("positive", [0]),
  "astype": linear("astype", [0]),
  "copy": linear("copy", [0]),
  "zeros_like": linear("zeros_like", [0]),
  "empty_like": linear("empty_like", [0]),
  "where": linear("where", [1, 2]),
  "op.window_sum": linear("op.window_sum", [0]),
  "op.window_spread": linear("op.window_spread", [0]),
  "op.tied": linear("op.tied", [0]),
  "broadcast_arrays": linear("broadcast_arrays", [0, 1, 2, 3]),
  "matmul": bilinear("matmul"),
  "op.conv": bilinear("op.conv"),
  "op.conv_input": bilinear("op.conv_input"),
  "op.conv_weight": bilinear("op.conv_weight"),
  "multiply": entrywise(times),
  "einsum": (args, options, types) => (args.length === 3 ? bilinear("einsum", 1) : linear("einsum", [1]))(args, options, types),
  "divide": entrywise(divided_by),
  "power": entrywise(raised),
  "square": entrywise((a, b) => times(a, b, a, b)),
  "reciprocal": entrywise((a, b) => divided_by(1, 0, a, b)),
  "conjugate": entrywise((a, b) => [a, -b]),
  "real": ([x]) => partsOf(x)[0],
  "imag": ([x]) => partsOf(x)[1],
  "absolute": entrywise((a, b) => Math.hypot(a, b)),
  "ones_like": (args, options, [{shape, dtype}]) => new Complex(full(shape, realOf(dtype), 1), full(shape, realOf(dtype), 0), dtype),
  "exp": entrywise(exponential),
  "log": entrywise(logarithm),
  "sqrt": entrywise(root),
  "sinh": entrywise((a, b) => hyperbolic(a, b)[0]),
  "cosh": entrywise((a, b) => hyperbolic(a, b)[1]),
  "sin": entrywise((a, b) => { const [p, q] = hyperbolic(-b, a)[0]; return [q, -p]; }),
  "cos": entrywise((a, b) => hyperbolic(-b, a)[1]),
  "tanh": entrywise(tangent),
  "equal": entrywise((a, b, c, d) => (a === c && b === d ? 1 : 0)),
  "not_equal": entrywise((a, b, c, d) => (a === c && b === d ? 0 : 1)),
  "isnan": entrywise((a, b) => (a !== a || b !== b ? 1 : 0)),
  "isinf": entrywise((a, b) => (Math.abs(a) === Infinity || Math.abs(b) === Infinity ? 1 : 0)),
  "isfinite": entrywise((a, b) => (Number.isFinite(a) && Number.isFinite(b) ? 1 : 0)),
  "fft.fft": fourier(-1),
  "fft.ifft": fourier(1),
  "linalg.solve": solved,
};
