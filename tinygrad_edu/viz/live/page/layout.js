"use strict";

// Shapes, joins, indices and products of matrices.

function pad([x, width], options, [{shape, dtype}]) {
  const each = asWidths(options.pad_width ?? width, x.ndim), mode = options.mode ?? "constant";
  if (mode === "constant") {
    const y = full(shape, dtype, typeof options.constant_values === "number" ? options.constant_values : 0);
    return setitem(y, x.shape.map((n, k) => new Slice(each[k][0], each[k][0] + n, 1)), x);
  }
  return getitem(x, x.shape.map((n, k) => {
    const ks = positions([shape[k]]).data.map(i => source(i - each[k][0], n, mode));
    return new NDArray(ks, x.shape.map((_, j) => (j === k ? ks.length : 1)), "<i8");
  }));
}

function asWidths(width, ndim) {
  if (typeof width === "number") return Array(ndim).fill([width, width]);
  return typeof width[0] === "number" ? Array(ndim).fill([width[0], width[width.length - 1]]) : width;
}

// Which entry of an axis of n stands at index i beyond its border.
function source(i, n, mode) {
  if (mode === "edge") return Math.min(Math.max(i, 0), n - 1);
  if (mode === "wrap") return ((i % n) + n) % n;
  const mirror = mode === "reflect" ? 0 : 1, period = Math.max(2 * (n - 1 + mirror), 1), at = ((i % period) + period) % period;
  return at < n ? at : period - at - mirror;
}

function concatenate([parts, at = 0], options, [{shape, dtype}]) {
  const axis = axisOf(options.axis ?? at, shape.length), y = empty(shape, dtype);
  const after = sizeOf(shape.slice(axis + 1)), row = shape[axis] * after;
  let start = 0;
  for (const part of parts.map(p => p.packed())) {
    const width = part.shape[axis] * after;
    for (let r = 0; r * width < part.size; r++) y.data.set(part.data.subarray(r * width, (r + 1) * width), r * row + start);
    start += width;
  }
  return y;
}

function stack([parts, at = 0], options, [result]) {
  const axis = axisOf(options.axis ?? at, result.shape.length);
  const wide = p => reshape(p, [...p.shape.slice(0, axis), 1, ...p.shape.slice(axis)]);
  return concatenate([parts.map(p => wide(asArray(p, result.dtype))), axis], {}, [result]);
}

function moveaxis(x, from, to) {
  const sources = [from].flat().map(k => axisOf(k, x.ndim)), targets = [to].flat().map(k => axisOf(k, x.ndim));
  const order = [...x.shape.keys()].filter(k => !sources.includes(k));
  targets.map((t, i) => [t, sources[i]]).sort((a, b) => a[0] - b[0]).forEach(([t, s]) => order.splice(t, 0, s));
  return transpose(x, order);
}

function swapaxes(x, i, j) {
  const order = [...x.shape.keys()], a = axisOf(i, x.ndim), b = axisOf(j, x.ndim);
  [order[a], order[b]] = [order[b], order[a]];
  return transpose(x, order);
}

// out[i, :] = sum over k of a[i, k] * b[k, :], four rows of b at a time; sums are in double precision.
function multiplyInto(out, at, a, b, m, inner, n) {
  const row = new Float64Array(n);
  for (let i = 0; i < m; i++) {
    row.fill(0);
    let k = 0;
    for (; k + 3 < inner; k += 4) {
      const p = a.start + i * inner + k, q = b.start + k * n;
      const a0 = a.data[p], a1 = a.data[p + 1], a2 = a.data[p + 2], a3 = a.data[p + 3], B = b.data;
      for (let j = 0; j < n; j++) row[j] += a0 * B[q + j] + a1 * B[q + n + j] + a2 * B[q + 2 * n + j] + a3 * B[q + 3 * n + j];
    }
    for (; k < inner; k++) {
      const a0 = a.data[a.start + i * inner + k], q = b.start + k * n;
      for (let j = 0; j < n; j++) row[j] += a0 * b.data[q + j];
    }
    out.set(row, at + i * n);
  }
}

function matmul([x, y], options, [{shape, dtype}]) {
  const a = x.ndim > 1 ? x : reshape(x, [1, ...x.shape]), b = y.ndim > 1 ? y : reshape(y, [y.size, 1]);
  const [m, inner] = a.shape.slice(-2), n = b.shape[b.ndim - 1];
  const lead = broadcastShapes([a.shape.slice(0, -2), b.shape.slice(0, -2)]), out = empty([...lead, m, n], dtype);
  const left = broadcastTo(a, [...lead, m, inner]).packed(), right = broadcastTo(b, [...lead, inner, n]).packed();
  for (let k = 0; k < sizeOf(lead); k++) {
    const [p, q] = [{data: left.data, start: k * m * inner}, {data: right.data, start: k * inner * n}];
    multiplyInto(out.data, k * m * n, p, q, m, inner, n);
  }
  return reshape(stored(out), shape);
}

// The sum over the letters that the result has not, of the products of the entries that the others name.
function einsum([text, ...xs], options, [{dtype}]) {
  const [inputs, output] = text.replace(/ /g, "").split("->"), terms = inputs.split(",");
  const sizes = {};
  terms.forEach((term, k) => [...term].forEach((c, j) => { sizes[c] = Math.max(sizes[c] ?? 1, xs[k].shape[j]); }));
  const letters = [...output, ...Object.keys(sizes).filter(c => !output.includes(c))];
  const wide = xs.map((x, k) => {
    const strides = letters.map(c => [...terms[k]].reduce((s, d, j) => s + (d === c && x.shape[j] !== 1 ? x.strides[j] : 0), 0));
    return x.view(letters.map(c => sizes[c]), strides);
  });
  const y = empty([...output].map(c => sizes[c]), dtype), total = new Float64Array(y.size);
  const inner = sizeOf(letters.slice(output.length).map(c => sizes[c]));
  walk(wide, (n, out, starts, steps) => {
    for (let i = 0; i < n; i++) {
      let product = 1;
      for (let k = 0; k < wide.length; k++) product *= wide[k].data[starts[k] + i * steps[k]];
      total[Math.floor((out + i) / inner)] += product;
    }
  });
  y.data.set(total);
  return stored(y);
}

const along = (x, indices, axis) => alongAxis(x, indices, axis);

Object.assign(PRIMITIVES, {
  "reshape": ([x, ...rest], options, [{shape}]) => {
    if (options.order !== "F") return reshape(x, shape);
    const turned = a => transpose(a, [...a.shape.keys()].reverse());
    return turned(reshape(turned(x), shape.slice().reverse()));
  },
  "expand_dims": ([x], options, [{shape}]) => reshape(x, shape),
  "squeeze": ([x], options, [{shape}]) => reshape(x, shape),
  "broadcast_to": ([x], options, [{shape, dtype}]) => broadcastTo(asArray(x, dtype), shape),
  "broadcast_arrays": (xs, options, results) => xs.map((x, k) => broadcastTo(x, results[k].shape)),
  "transpose": ([x, axes], options) => transpose(x, (options.axes ?? axes ?? [...x.shape.keys()].reverse()).map(k => axisOf(k, x.ndim))),
  "swapaxes": ([x, i, j]) => swapaxes(x, i, j),
  "moveaxis": ([x, from, to]) => moveaxis(x, from, to),
  "flip": ([x, axis], options) => {
    const axes = options.axis ?? axis ?? [...x.shape.keys()];
    return flip(x, [axes].flat().map(k => axisOf(k, x.ndim)));
  },
  "concatenate": concatenate,
  "stack": stack,
  "pad": pad,
  "getitem": ([x, index]) => getitem(x, index),
  "setitem": ([x, index, value]) => setitem(x, index, value),
  "add.at": ([x, index, value]) => setitem(x, index, value, (a, b) => a + b),
  "take_along_axis": ([x, indices, at], options) => getitem(x, along(x, indices, options.axis ?? at)),
  "matmul": matmul,
  "einsum": einsum,
});
