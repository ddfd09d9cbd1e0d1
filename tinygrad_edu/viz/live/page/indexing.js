"use strict";

// Indexing as NumPy has it: integers, slices, null for a new axis, "..." and arrays of integers or truth values.

class Slice {
  constructor(start, stop, step) {
    Object.assign(this, {start, stop, step: step ?? 1});
  }

  // The first index and the number of entries along an axis of n.
  range(n) {
    const down = this.step < 0;
    const inside = (k, otherwise) => {
      if (k === null || k === undefined) return otherwise;
      const at = k < 0 ? k + n : k;
      return down ? Math.min(Math.max(at, -1), n - 1) : Math.min(Math.max(at, 0), n);
    };
    const start = inside(this.start, down ? n - 1 : 0), stop = inside(this.stop, down ? -1 : n);
    return [start, Math.max(0, Math.ceil((stop - start) / this.step))];
  }
}

const ELLIPSIS = Symbol("...");

function checkedIndex(k, n) {
  const at = k < 0 ? k + n : k;
  if (!(at >= 0 && at < n)) throw new RangeError(`index ${k} is out of bounds for an axis of ${n}`);
  return at;
}

// The entries that a mask selects, as one array of indices for each axis of the mask.
function nonzero(mask) {
  const flat = mask.packed().data, strides = stridesOf(mask.shape), found = mask.shape.map(() => []);
  for (let i = 0; i < flat.length; i++) {
    if (flat[i]) strides.forEach((step, k) => found[k].push(Math.floor(i / step) % mask.shape[k]));
  }
  return found.map(list => new NDArray(Float64Array.from(list), [list.length], "<i8"));
}

function getitem(x, index) {
  let parts = Array.isArray(index) ? index : [index];
  parts = parts.flatMap(p => (p instanceof NDArray && p.dtype === "|b1" && p.ndim ? nonzero(p) : [p]));
  if (!parts.includes(ELLIPSIS)) parts.push(ELLIPSIS);
  const used = parts.filter(p => p !== null && p !== ELLIPSIS).length, at = parts.indexOf(ELLIPSIS);
  parts.splice(at, 1, ...Array(x.ndim - used).fill(new Slice(null, null, null)));
  const advanced = parts.some(p => p instanceof NDArray && p.ndim);
  const arrays = [], shape = [], strides = [];  // arrays: where their axis stands in the result, and its stride
  let axis = 0, offset = x.offset, place = null, apart = false, open = false;
  for (const p of parts) {
    if (p === null) {
      shape.push(1);
      strides.push(0);
      open = false;
      continue;
    }
    const n = x.shape[axis], step = x.strides[axis];
    axis++;
    if (p instanceof Slice) {
      const [start, count] = p.range(n);
      offset += count ? start * step : 0;
      shape.push(count);
      strides.push(step * p.step);
      open = false;
    } else if (advanced) {
      if (place === null) place = shape.length;
      else if (!open) apart = true;
      open = true;
      arrays.push({index: asArray(p, "<i8"), n, step});
    } else {
      offset += checkedIndex(p instanceof NDArray ? p.data[p.offset] : p, n) * step;
    }
  }
  const kept = x.view(shape, strides, offset);
  return advanced ? gathered(kept, arrays, apart ? 0 : place) : kept;
}

// The entries of `x` at all places that arrays of indices name, whose axes stand at `place` in the result.
function gathered(x, arrays, place) {
  const shape = broadcastShapes(arrays.map(a => a.index.shape));
  const starts = new Float64Array(sizeOf(shape));
  for (const {index, n, step} of arrays) {
    const ks = broadcastTo(index, shape).packed().data;
    for (let i = 0; i < starts.length; i++) starts[i] += checkedIndex(ks[i], n) * step;
  }
  const before = sizeOf(x.shape.slice(0, place)), rest = x.view(x.shape.slice(place), x.strides.slice(place));
  const y = empty([...x.shape.slice(0, place), ...shape, ...x.shape.slice(place)], x.dtype);
  const lead = positions(x.shape.slice(0, place)).data.map(i => {
    let at = 0;
    for (let k = place - 1; k >= 0; i = Math.floor(i / x.shape[k--])) at += (i % x.shape[k]) * x.strides[k];
    return at;
  });
  const inner = rest.size;
  for (let b = 0; b < before; b++) {
    for (let i = 0; i < starts.length; i++) {
      const from = x.offset + lead[b] + starts[i], to = (b * starts.length + i) * inner;
      walk([rest], (n, out, [start], [step]) => {
        for (let k = 0; k < n; k++) y.data[to + out + k] = x.data[start - rest.offset + from + k * step];
      });
    }
  }
  return y;
}

// `x` with `value` written at `index`; with `combine`, entries are combined with it, each as often as it is named.
function setitem(x, index, value, combine = null) {
  const y = x.copy(), at = getitem(positions(x.shape), index).packed();
  const v = broadcastTo(asArray(value, x.dtype), at.shape).packed().data, out = y.data, flat = at.data;
  for (let i = 0; i < flat.length; i++) out[flat[i]] = combine ? combine(out[flat[i]], v[i]) : cast(v[i], x.dtype);
  return stored(y);
}

// Indices along one axis, as an index for all axes.
function alongAxis(x, indices, axis) {
  const k = axisOf(axis, x.ndim);
  return x.shape.map((n, j) => (j === k ? indices : reshape(positions([n]), x.shape.map((_, i) => (i === j ? n : 1)))));
}
