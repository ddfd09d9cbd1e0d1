"use strict";

// Reductions, running totals and what is found by comparing: along axes that are put last, row by row.

// The sum of n entries from `start`, pairwise, as NumPy adds them: its error hardly grows with n.
function pairwise(data, start, n) {
  if (n > 128) {
    const part = (n >> 1) - ((n >> 1) % 8);
    return pairwise(data, start, part) + pairwise(data, start + part, n - part);
  }
  let total = 0;
  if (n < 8) {
    for (let i = 0; i < n; i++) total += data[start + i];
    return n ? total : 0;
  }
  const sums = [0, 1, 2, 3, 4, 5, 6, 7].map(k => data[start + k]);
  let i = 8;
  for (; i < n - (n % 8); i += 8) for (let k = 0; k < 8; k++) sums[k] += data[start + i + k];
  total = ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
  for (; i < n; i++) total += data[start + i];
  return total;
}

function fold(f, first) {
  return (data, start, n, initial = first) => {
    let total = initial, i = 0;
    if (total === undefined) total = data[start + i++];
    for (; i < n; i++) total = f(total, data[start + i]);
    return total;
  };
}

const FOLDS = {
  add: pairwise,
  multiply: fold((a, b) => a * b, 1),
  maximum: fold((a, b) => Math.max(a, b)),
  minimum: fold((a, b) => Math.min(a, b)),
  logical_and: fold((a, b) => (a && b ? 1 : 0), 1),
  logical_or: fold((a, b) => (a || b ? 1 : 0), 0),
};

// One number, `row(data, start, n)`, of each row that the axes make.
function reduced(x, axis, row, {shape, dtype}) {
  const axes = (axis === null || axis === undefined ? [...x.shape.keys()] : [axis].flat()).map(k => axisOf(k, x.ndim));
  const kept = [...x.shape.keys()].filter(k => !axes.includes(k));
  const rows = transpose(x, [...kept, ...axes]).packed(), y = empty(shape, dtype);
  const n = sizeOf(axes.map(k => x.shape[k]));
  for (let i = 0; i < y.data.length; i++) y.data[i] = row(rows.data, i * n, n);
  return stored(y);
}

function reduction(name) {
  return ([x], {axis, initial}, [result]) => {
    const start = initial === null ? undefined : initial;
    const row = name === "add" ? (d, i, n) => pairwise(d, i, n) + (start ?? 0) : (d, i, n) => FOLDS[name](d, i, n, start);
    return reduced(asArray(x), axis === undefined ? 0 : axis, row, result);
  };
}

// The index of the first entry that no other one is better than; of a nan, where there is one.
function best(better) {
  return ([x], {axis}, [result]) => reduced(x, axis, (data, start, n) => {
    let at = 0;
    for (let i = 1; i < n && data[start + at] === data[start + at]; i++) {
      const v = data[start + i];
      if (v !== v || better(v, data[start + at])) at = i;
    }
    return at;
  }, result);
}

// A function of each row along an axis, which writes a row of the result.
function alongRows(x, axis, shape, dtype, write) {
  const rows = axisLast(x, axis).packed(), n = rows.shape[rows.ndim - 1], m = shape[axisOf(axis, shape.length)];
  const y = empty([...rows.shape.slice(0, -1), m], dtype);
  for (let r = 0; r * m < y.data.length; r++) write(rows.data, r * n, n, y.data, r * m);
  return axisBack(stored(y), axis);
}

function accumulation(f) {
  return ([x, axis = 0], options, [{shape, dtype}]) => alongRows(x, options.axis ?? axis, shape, dtype, (data, start, n, out, to) => {
    let total;
    for (let i = 0; i < n; i++) out[to + i] = total = i ? f(total, data[start + i]) : data[start];
  });
}

// Smaller first, nan last.
function order(a, b) {
  return a === b ? 0 : a !== a ? (b !== b ? 0 : 1) : b !== b ? -1 : a - b;
}

function searchsorted([table, values], {side = "left"}, [{dtype}]) {
  const rows = table.packed().data, right = side === "right";
  return map(v => {
    let low = 0, high = rows.length;
    while (low < high) {
      const middle = (low + high) >> 1, c = order(rows[middle], v);
      if (c < 0 || (right && c === 0)) low = middle + 1;
      else high = middle;
    }
    return low;
  }, [asArray(values)], dtype);
}

// Powers of two near the roots of the products of all entries up to each; 1 where no product is very large or small.
function runningScale([x], {axis}, [{shape, dtype}]) {
  const largest = dtype === "<f4" ? 128 : dtype === "<f2" ? 16 : 1024, third = 2 ** Math.floor(largest / 3);
  const products = PRIMITIVES["multiply.accumulate"]([x], {axis}, [{shape, dtype}]).packed().data;
  if (products.every(p => Math.abs(p) < third && Math.abs(p) > 1 / third)) return full(shape, dtype, 1);
  return alongRows(x, axis, shape, dtype, (data, start, n, out, to) => {
    for (let i = 0, sum = 0; i < n; i++) {
      const size = Math.abs(data[start + i]);
      sum += size > 0 && size < Infinity ? Math.log2(size) : 0;
      out[to + i] = 2 ** Math.min(Math.max(rint(sum / 2), 2 - largest), largest - 2);
    }
  });
}

// The places of the k largest or smallest entries, sorted; equal ones keep their order.
function argtop([x], {axis, largest}, [{shape, dtype}]) {
  return alongRows(x, axis, shape, dtype, (data, start, n, out, to) => {
    const compare = (i, j) => (largest ? order(data[start + j], data[start + i]) : order(data[start + i], data[start + j]));
    const found = [...Array(n).keys()].sort(compare), k = shape[axisOf(axis, shape.length)];
    for (let i = 0; i < k; i++) out[to + i] = found[i];
  });
}

Object.assign(PRIMITIVES, {
  "sum": reduction("add"),
  "add.reduce": reduction("add"),
  "multiply.reduce": reduction("multiply"),
  "maximum.reduce": reduction("maximum"),
  "minimum.reduce": reduction("minimum"),
  "logical_and.reduce": reduction("logical_and"),
  "logical_or.reduce": reduction("logical_or"),
  "count_nonzero": ([x, axis], options, [result]) => reduced(x, options.axis ?? axis, (data, start, n) => {
    let count = 0;
    for (let i = 0; i < n; i++) count += data[start + i] ? 1 : 0;
    return count;
  }, result),
  "argmax": best((a, b) => a > b),
  "argmin": best((a, b) => a < b),
  "add.accumulate": accumulation((a, b) => a + b),
  "multiply.accumulate": accumulation((a, b) => a * b),
  "maximum.accumulate": accumulation((a, b) => Math.max(a, b)),
  "minimum.accumulate": accumulation((a, b) => Math.min(a, b)),
  "argsort": ([x], {axis = -1}, [{shape, dtype}]) => alongRows(x, axis, shape, dtype, (data, start, n, out, to) => {
    const found = [...Array(n).keys()].sort((i, j) => order(data[start + i], data[start + j]));
    for (let i = 0; i < n; i++) out[to + i] = found[i];
  }),
  "sort": ([x], {axis = -1}, [{shape, dtype}]) => alongRows(x, axis, shape, dtype, (data, start, n, out, to) => {
    Array.from(data.subarray(start, start + n)).sort(order).forEach((v, i) => { out[to + i] = v; });
  }),
  "searchsorted": searchsorted,
  "op.argtop": argtop,
  "op.running_scale": runningScale,
});
