"use strict";

// Arrays as NumPy has them: a typed array, a shape, strides and an offset, all counted in entries.
//
// 64-bit integers are kept as doubles, which hold every whole number up to 2**53; half precision is kept in single
// precision and rounded when it is stored.
const STORES = {
  "<f8": Float64Array, "<f4": Float32Array, "<f2": Float32Array, "|b1": Uint8Array,
  "<i8": Float64Array, "<i4": Int32Array, "<i2": Int16Array, "|i1": Int8Array,
  "<u8": Float64Array, "<u4": Uint32Array, "<u2": Uint16Array, "|u1": Uint8Array,
};

class NDArray {
  constructor(data, shape, dtype, strides = stridesOf(shape), offset = 0) {
    Object.assign(this, {data, shape, dtype, strides, offset});
  }

  get size() {
    return sizeOf(this.shape);
  }

  get ndim() {
    return this.shape.length;
  }

  // Whether the entries lie one after another, in C order.
  get dense() {
    let step = 1;
    for (let k = this.shape.length - 1; k >= 0; k--) {
      if (this.shape[k] !== 1 && this.strides[k] !== step) return false;
      step *= this.shape[k];
    }
    return true;
  }

  // The same entries in C order, from the start of their own memory; itself where it is so already.
  packed() {
    return this.dense && this.offset === 0 && this.data.length === this.size ? this : this.copy();
  }

  copy() {
    const y = empty(this.shape, this.dtype);
    if (this.dense) y.data.set(this.data.subarray(this.offset, this.offset + this.size));
    else walk([this], (n, out, [start], [step]) => {
      for (let i = 0; i < n; i++) y.data[out + i] = this.data[start + i * step];
    });
    return y;
  }

  view(shape, strides, offset = this.offset) {
    return new NDArray(this.data, shape, this.dtype, strides, offset);
  }
}

function sizeOf(shape) {
  return shape.reduce((n, k) => n * k, 1);
}

function stridesOf(shape) {
  const strides = new Array(shape.length);
  for (let k = shape.length - 1, step = 1; k >= 0; step *= shape[k--]) strides[k] = step;
  return strides;
}

function empty(shape, dtype) {
  const Store = STORES[dtype];
  if (!Store) throw new TypeError(`arrays: dtype must be of real numbers or truth values; got ${dtype}`);
  return new NDArray(new Store(sizeOf(shape)), shape, dtype);
}

function full(shape, dtype, number) {
  const y = empty(shape, dtype);
  y.data.fill(number);
  return stored(y);
}

// An array, or a number as an array without axes.
function asArray(x, dtype = "<f8") {
  return x instanceof NDArray ? x : full([], dtype, Number(x));
}

// What has just been written, rounded as its dtype asks: half precision, and truth values from numbers.
function stored(y) {
  if (y.dtype === "<f2") for (let i = 0; i < y.data.length; i++) y.data[i] = half(y.data[i]);
  return y;
}

// The nearest number of half precision, ties to even.
function half(x) {
  const size = Math.abs(x);
  if (!(size > 0) || size === Infinity) return x;
  const unit = 2 ** Math.max(Math.floor(Math.log2(size)) - 10, -24);
  const count = size / unit, whole = Math.floor(count), rest = count - whole;
  const rounded = (rest > 0.5 || (rest === 0.5 && whole % 2)) ? whole + 1 : whole;
  return Math.sign(x) * (rounded * unit > 65504 ? Infinity : rounded * unit);
}

function isFloat(dtype) {
  return dtype[1] === "f";
}

// A number as a dtype holds it.
function cast(number, dtype) {
  if (dtype === "<f4") return Math.fround(number);
  if (dtype === "<f2") return half(number);
  if (dtype === "|b1") return number ? 1 : 0;
  return isFloat(dtype) ? number : Math.trunc(number);
}

function broadcastShapes(shapes) {
  const ndim = Math.max(0, ...shapes.map(s => s.length));
  const shape = new Array(ndim).fill(1);
  for (const s of shapes) {
    for (let k = 0; k < s.length; k++) {
      const at = k + ndim - s.length;
      if (s[k] !== 1 && shape[at] !== 1 && shape[at] !== s[k]) {
        throw new RangeError(`arrays: shapes must broadcast; got ${shapes.map(t => `(${t})`).join(" and ")}`);
      }
      if (s[k] !== 1) shape[at] = s[k];
    }
  }
  return shape;
}

function broadcastTo(x, shape) {
  const lead = shape.length - x.ndim;
  return x.view(shape, shape.map((n, k) => (k < lead || x.shape[k - lead] !== n ? 0 : x.strides[k - lead])));
}

// Calls `run(n, out, starts, steps)` for each row of arrays of one shape: n entries, the first of which is `out` of the
// result in C order, and `starts[a]` of array a, the next one `steps[a]` further.
function walk(arrays, run) {
  const shape = arrays[0].shape, ndim = shape.length;
  if (arrays[0].size === 0) return;
  if (arrays.every(a => a.dense)) {
    run(arrays[0].size, 0, arrays.map(a => a.offset), arrays.map(() => 1));
    return;
  }
  const n = ndim ? shape[ndim - 1] : 1, starts = arrays.map(a => a.offset);
  const steps = arrays.map(a => (ndim ? a.strides[ndim - 1] : 1));
  const at = new Array(Math.max(ndim - 1, 0)).fill(0);
  for (let out = 0; ; out += n) {
    run(n, out, starts, steps);
    let k = ndim - 2;
    for (; k >= 0; k--) {
      if (++at[k] < shape[k]) {
        arrays.forEach((a, j) => { starts[j] += a.strides[k]; });
        break;
      }
      arrays.forEach((a, j) => { starts[j] -= a.strides[k] * (shape[k] - 1); });
      at[k] = 0;
    }
    if (k < 0) return;
  }
}

// f of each entry of one, two or more arrays, which broadcast.
function map(f, arrays, dtype) {
  const shape = broadcastShapes(arrays.map(a => a.shape));
  const y = empty(shape, dtype), out = y.data;
  const xs = arrays.map(a => (sameList(a.shape, shape) ? a : broadcastTo(a, shape)));
  const [a, b] = xs.map(x => x.data);
  if (xs.length === 1) {
    walk(xs, (n, o, [i], [di]) => {
      for (let k = 0; k < n; k++, i += di) out[o + k] = f(a[i]);
    });
  } else if (xs.length === 2) {
    walk(xs, (n, o, [i, j], [di, dj]) => {
      for (let k = 0; k < n; k++, i += di, j += dj) out[o + k] = f(a[i], b[j]);
    });
  } else {
    walk(xs, (n, o, starts, steps) => {
      for (let k = 0; k < n; k++) out[o + k] = f(...xs.map((x, j) => x.data[starts[j] + k * steps[j]]));
    });
  }
  return stored(y);
}

function astype(x, dtype) {
  return x.dtype === dtype ? x : map(dtype === "|b1" ? v => v !== 0 : isFloat(dtype) ? v => v : Math.trunc, [x], dtype);
}

function sameList(a, b) {
  return a.length === b.length && a.every((v, k) => v === b[k]);
}

function reshape(x, shape) {
  const known = shape.reduce((n, k) => (k < 0 ? n : n * k), 1);
  const whole = shape.map(k => (k < 0 ? x.size / known : k));
  if (sizeOf(whole) !== x.size) throw new RangeError(`reshape: (${x.shape}) has no shape (${shape})`);
  return x.dense ? x.view(whole, stridesOf(whole)) : x.packed().view(whole, stridesOf(whole), 0);
}

function transpose(x, order) {
  return x.view(order.map(k => x.shape[k]), order.map(k => x.strides[k]));
}

function axisOf(k, ndim) {
  return k < 0 ? k + ndim : k;
}

// The axes in the order that puts `axis` last.
function axisLast(x, axis) {
  const k = axisOf(axis, x.ndim);
  return transpose(x, [...Array(x.ndim).keys()].filter(j => j !== k).concat([k]));
}

// Back from `axisLast`.
function axisBack(x, axis) {
  const k = axisOf(axis, x.ndim), order = [...Array(x.ndim - 1).keys()];
  order.splice(k, 0, x.ndim - 1);
  return transpose(x, order);
}

function flip(x, axes) {
  let offset = x.offset;
  const strides = x.strides.slice();
  for (const k of axes) {
    offset += strides[k] * (x.shape[k] - 1);
    strides[k] = -strides[k];
  }
  return x.size ? x.view(x.shape, strides, offset) : x;
}

// The numbers 0, 1, 2, ... in a shape: where each entry stands in memory.
function positions(shape) {
  const y = empty(shape, "<i8");
  for (let i = 0; i < y.data.length; i++) y.data[i] = i;
  return y;
}
