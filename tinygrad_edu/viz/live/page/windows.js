"use strict";

// Convolution and pooling. Windows are a view: axes of windows, then axes of the places in each.

function padded(x, padding, value = 0) {
  const lead = x.ndim - padding.length, shape = x.shape.map((n, k) => (k < lead ? n : n + padding[k - lead][0] + padding[k - lead][1]));
  return setitem(full(shape, x.dtype, value), inside(x.shape, padding), x);
}

// The index of what was padded; `shape` is that before.
function inside(shape, padding) {
  return [ELLIPSIS, ...padding.map(([a], k) => new Slice(a, a + shape[shape.length - padding.length + k], 1))];
}

// The steps of windows and of places along the last axes.
function windowSteps(x, {stride, dilation}) {
  const steps = x.strides.slice(x.ndim - stride.length);
  return [steps.map((s, k) => s * stride[k]), steps.map((s, k) => s * dilation[k])];
}

// `(*lead, *out, *kernel)`: all windows of an array.
function windowsOf(x, out, kernel, options) {
  const lead = x.ndim - out.length, [far, near] = windowSteps(x, options);
  return x.view([...x.shape.slice(0, lead), ...out, ...kernel], [...x.strides.slice(0, lead), ...far, ...near]);
}

// What stands in each window of `wide` is `parts`; entries of several windows are added up.
function addInto(wide, parts, windows) {
  walk([windows, parts], (n, out, [to, from], [dt, df]) => {
    for (let k = 0; k < n; k++) wide.data[to + k * dt] += parts.data[from + k * df];
  });
  return wide;
}

// The lengths of axes over which there are `out` windows, and `extra` entries.
function reach(out, kernel, {stride, dilation, extra}) {
  return out.map((m, k) => (m - 1) * stride[k] + dilation[k] * (kernel[k] - 1) + 1 + extra[k]);
}

// The shape before padding.
function narrowed(size, padding) {
  return size.map((m, k) => m - padding[k][0] - padding[k][1]);
}

// f of a pair of inputs for each entry of further leading axes.
function examples(f) {
  return function call([a, b], options, [{shape, dtype}]) {
    if (a.ndim <= options.stride.length + 2) return f(a, b, options, shape, dtype);
    const parts = [...Array(a.shape[0]).keys()].map(i => call([getitem(a, i), getitem(b, i)], options, [{shape: shape.slice(1), dtype}]));
    return stack([parts, 0], {}, [{shape, dtype}]);
  };
}

// The product of two matrices, each packed.
function product(a, b, dtype) {
  return matmul([a, b], {}, [{shape: [a.shape[0], b.shape[1]], dtype}]);
}

// For each group, the windows of its channels as `(n, *out, c / groups, *kernel)`.
function columnsOf(x, out, kernel, options) {
  const [far, near] = windowSteps(x, options), c = x.shape[1] / options.groups;
  return [...Array(options.groups).keys()].map(g => x.view(
    [x.shape[0], ...out, c, ...kernel], [x.strides[0], ...far, x.strides[1], ...near], x.offset + g * c * x.strides[1],
  ));
}

// The channels of each group of `(n, o, *out)`, as a matrix `(n * windows, o / groups)`.
function channelsOf(y, groups) {
  const o = y.shape[1] / groups, rows = axisLast(y, 1), all = sizeOf(y.shape) / y.shape[1];
  return [...Array(groups).keys()].map(g => reshape(getitem(rows, [ELLIPSIS, new Slice(g * o, (g + 1) * o, 1)]), [all, o]));
}

function conv(x, w, options, shape, dtype) {
  const kernel = w.shape.slice(2), out = shape.slice(2), {groups} = options, o = shape[1] / groups;
  const parts = columnsOf(padded(x, options.padding), out, kernel, options).map((columns, g) => {
    const matrix = reshape(getitem(w, new Slice(g * o, (g + 1) * o, 1)), [o, sizeOf(w.shape.slice(1))]);
    return product(reshape(columns, [shape[0] * sizeOf(out), matrix.shape[1]]), transpose(matrix, [1, 0]), dtype);
  });
  const rows = concatenate([parts, 1], {}, [{shape: [shape[0] * sizeOf(out), shape[1]], dtype}]);
  return axisBack(reshape(rows, [shape[0], ...out, shape[1]]), 1);
}

function convWeight(x, g, options, shape, dtype) {
  const kernel = shape.slice(2), out = g.shape.slice(2), channels = channelsOf(g, options.groups);
  const parts = columnsOf(padded(x, options.padding), out, kernel, options).map((columns, k) => {
    const matrix = reshape(columns, [channels[k].shape[0], sizeOf(shape.slice(1))]);
    return product(transpose(channels[k], [1, 0]), matrix, dtype);
  });
  return reshape(concatenate([parts, 0], {}, [{shape: [shape[0], sizeOf(shape.slice(1))], dtype}]), shape);
}

function convInput(g, w, options, shape, dtype) {
  const kernel = w.shape.slice(2), out = g.shape.slice(2), {groups, padding} = options, o = g.shape[1] / groups;
  const wide = full([shape[0], shape[1], ...reach(out, kernel, options)], dtype, 0);
  columnsOf(wide, out, kernel, options).forEach((windows, k) => {
    const matrix = reshape(getitem(w, new Slice(k * o, (k + 1) * o, 1)), [o, sizeOf(w.shape.slice(1))]);
    addInto(wide, reshape(product(channelsOf(g, groups)[k], matrix, dtype), windows.shape), windows);
  });
  return getitem(wide, inside(shape, padding));
}

// For each window of x, where its largest entries stand: of `(*lead, *out, *kernel)`, 1 over their number, else 0.
function sharesOf(x, out, options) {
  const windows = windowsOf(padded(x, options.padding, -Infinity), out, options.kernel, options).packed();
  const n = sizeOf(options.kernel), y = empty(windows.shape, "<f8");
  for (let start = 0; start < windows.size; start += n) {
    let top = -Infinity, count = 0;
    for (let i = 0; i < n; i++) top = Math.max(top, windows.data[start + i]);
    for (let i = 0; i < n; i++) count += windows.data[start + i] === top ? 1 : 0;
    for (let i = 0; i < n; i++) y.data[start + i] = windows.data[start + i] === top ? 1 / count : 0;
  }
  return y;
}

// One number for each window.
function pooled(name, value) {
  return ([x], options, [result]) => {
    const out = result.shape.slice(-options.kernel.length);
    const windows = windowsOf(padded(x, options.padding, value), out, options.kernel, options);
    return reduced(windows, options.kernel.map((_, k) => k - options.kernel.length), FOLDS[name], result);
  };
}

// g times shares, in the places of its windows.
function spread(g, shares, size, {kernel, padding, ...options}, shape, dtype) {
  const lead = shape.slice(0, shape.length - kernel.length), wide = full([...lead, ...size], dtype, 0);
  const windows = windowsOf(wide, g.shape.slice(-kernel.length), kernel, options);
  const each = broadcastTo(reshape(g, [...g.shape, ...kernel.map(() => 1)]), windows.shape);
  const parts = shares ? map((a, b) => a * b, [each, shares], "<f8") : each;
  return getitem(addInto(wide, parts, windows), inside(shape, padding));
}

Object.assign(PRIMITIVES, {
  "op.conv": examples(conv),
  "op.conv_input": examples(convInput),
  "op.conv_weight": examples(convWeight),
  "op.window_sum": pooled("add", 0),
  "op.max_pool": pooled("maximum", -Infinity),
  "op.window_spread": ([g], options, [{shape, dtype}]) => {
    const size = reach(g.shape.slice(-options.kernel.length), options.kernel, options);
    return spread(g, null, size, options, shape, dtype);
  },
  "op.max_spread": ([g, x], options, [{shape, dtype}]) => {
    const {kernel, padding} = options, out = g.shape.slice(-kernel.length);
    const size = x.shape.slice(-kernel.length).map((n, k) => n + padding[k][0] + padding[k][1]);
    return spread(g, sharesOf(x, out, options), size, options, shape, dtype);
  },
  "op.max_gather": ([h, x], options, [result]) => {
    const {kernel, padding} = options, out = result.shape.slice(-kernel.length);
    const windows = windowsOf(padded(h, padding), out, kernel, options);
    const parts = map((a, b) => (b ? a * b : 0), [windows, sharesOf(x, out, options)], "<f8");
    return reduced(parts, kernel.map((_, k) => k - kernel.length), pairwise, result);
  },
});
