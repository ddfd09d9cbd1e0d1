"use strict";

// A program that runs in the page: values and gradients of every node of a graph, computed anew from what was changed.
//
//   const machine = new Machine(description);
//   machine.set("n3", 0, 1.5);                    // entry 0 of leaf n3, in C order
//   machine.value("n7").data, machine.gradient("n7")  // computed now, as far as they depend on what was changed
//   machine.run();                                // computes all: keys of the nodes whose value or gradient changed
class Machine {
  constructor(description) {
    const {program} = description;
    this.nodes = description.nodes;
    this.outputs = description.outputs;
    this.types = program.values.map(([shape, dtype]) => ({shape, dtype}));
    this.results = program.results;
    this.inputs = program.inputs.map(([id]) => id);
    this.known = new Array(this.types.length);
    for (const [id, array] of program.constants) this.known[id] = decoded(array);
    this.initial = description.data.map(decoded);
    const byStep = found => new Map(Object.entries(found).map(([k, parts]) => [Number(k), parts.map(decoded)]));
    this.fixed = byStep(description.fixed);
    this.near = byStep(description.near);
    this.routines = description.routines.map(told => new Routine(told));
    this.steps = program.steps.map(stepOf);
    for (const {options} of this.steps) if (options.routines) options.routines = options.routines.map(k => this.routines[k]);
    this.users = this.types.map(() => []);
    this.maker = new Int32Array(this.types.length).fill(-1);
    this.steps.forEach((step, k) => {
      step.uses.forEach(id => this.users[id].push(k));
      step.results.forEach(id => { this.maker[id] = k; });
    });
    this.reset();
  }

  // Every leaf as it was at the start, and every activation the graph's own.
  reset() {
    this.inputs.forEach((id, k) => { this.known[id] = this.initial[k]; });
    this.stale = new Uint8Array(this.steps.length).fill(1);
    this.seen = new Map();  // what the fixed steps were given in the run that they are from
    this.fresh = new Set();  // inputs whose memory nothing that was computed has seen
    this.edited = new Set();  // inputs that were changed since the last run of all
    if (this.fixed.size) this.run();  // these need to see what they were given
  }

  // Sets one entry of a leaf, rounded to its dtype; returns the number that it is now.
  set(key, index, number) {
    const id = this.leaf(key), array = this.own(id);
    if (!(index >= 0 && index < array.data.length)) throw new RangeError(`set: ${key} has no entry ${index}`);
    array.data[index] = cast(number, array.dtype);
    this.touch(id);
    return array.data[index];
  }

  // The value of a node; null where it is unknown: it depends on an operation that has no JavaScript, and whose inputs
  // were changed.
  value(key) {
    return this.asked(this.nodes[key].value);
  }

  // The gradient of the result with respect to a node; null where it has none.
  gradient(key) {
    return this.asked(this.nodes[key].gradient);
  }

  // What node `key` gives back to its input at `position`, and the local derivative where that is a factor.
  contribution(key, position) {
    return this.asked(this.nodes[key].edges[position]?.contribution);
  }

  derivative(key, position) {
    return this.asked(this.nodes[key].edges[position]?.derivative);
  }

  asked(at) {
    if (at === null || at === undefined) return null;
    this.compute([this.results[at]]);
    return this.known[this.results[at]];
  }

  // Puts another activation in the place of a node's; the names are those of `choices(key)`.
  swap(key, name) {
    const k = this.choices(key).indexOf(name);
    if (k < 0) throw new RangeError(`swap: ${key} can be ${this.choices(key).join(", ") || "nothing else"}; got ${name}`);
    const id = this.inputs[this.nodes[key].choice.input];
    this.own(id).data[0] = k;
    this.touch(id);
  }

  choices(key) {
    return this.nodes[key].choice?.names ?? [];
  }

  chosen(key) {
    const {choice} = this.nodes[key];
    return choice ? choice.names[this.known[this.inputs[choice.input]].data[0]] : null;
  }

  // Computes what is out of date, and returns the keys of the nodes whose value or gradient changed.
  run() {
    const wanted = Object.values(this.nodes).flatMap(n => (n.gradient === null ? [n.value] : [n.value, n.gradient]));
    const changed = this.compute(wanted.map(at => this.results[at]));
    this.edited.forEach(id => changed.add(id));
    this.edited.clear();
    return Object.keys(this.nodes).filter(key => {
      const {value, gradient} = this.nodes[key];
      return changed.has(this.results[value]) || (gradient !== null && changed.has(this.results[gradient]));
    });
  }

  // The slope of the result by one entry of a leaf, from values on both sides of it; and these.
  finite_difference(key, index, h = 1e-4) {
    const id = this.leaf(key), before = this.known[id].packed().data[index];
    const [high, low] = [before + h, before - h].map(number => [this.set(key, index, number), this.total()]);
    this.set(key, index, before);
    return {difference: (high[1] - low[1]) / (high[0] - low[0]), plus: high[1], minus: low[1], total: this.total()};
  }

  // The number whose gradients these are: the sum of the outputs, each entry times the gradient that it starts with. It
  // is NaN where an output is unknown, or complex.
  total() {
    const ids = this.outputs.map(({key}) => this.results[this.nodes[key].value]);
    this.compute(ids);
    if (ids.some(id => !this.known[id]?.packed)) return NaN;
    return this.outputs.reduce((sum, {seed}, k) => {
      const y = this.known[ids[k]].packed().data, g = seed === null ? null : this.known[this.results[seed]].packed().data;
      return y.reduce((s, v, i) => s + (g ? g[i] * v : 0), sum);
    }, 0);
  }

  // One step of gradient descent on all parameters; returns the total after it. Nothing moves, and it is NaN, where a
  // gradient is unknown.
  descend(rate) {
    const moving = Object.keys(this.nodes).filter(key => this.nodes[key].parameter && this.nodes[key].leaf !== null && this.nodes[key].gradient !== null);
    const gradients = moving.map(key => this.gradient(key));  // all of them before any parameter moves
    if (gradients.includes(null)) return NaN;
    for (const [k, key] of moving.entries()) {
      const id = this.leaf(key), g = gradients[k].packed().data, {data, dtype} = this.own(id);
      for (let i = 0; i < data.length; i++) data[i] = cast(data[i] - cast(rate * g[i], dtype), dtype);
      this.touch(id);
    }
    return this.total();
  }

  leaf(key) {
    const at = this.nodes[key]?.leaf ?? null;
    if (at === null) throw new RangeError(`set: ${key} cannot be edited`);
    return this.inputs[at];
  }

  // An input in memory of its own, which nothing that was computed before shares.
  own(id) {
    if (!this.fresh.has(id)) this.known[id] = this.known[id].copy();
    this.fresh.add(id);
    this.edited.add(id);
    return this.known[id];
  }

  // Marks the steps that depend on a value as out of date.
  touch(id) {
    const waiting = [id];
    while (waiting.length) {
      for (const k of this.users[waiting.pop()]) {
        if (this.stale[k]) continue;
        this.stale[k] = 1;
        waiting.push(...this.steps[k].results);
      }
    }
  }

  // Runs the steps that these values need and that are out of date; returns the values that changed.
  compute(ids) {
    const needed = new Set(), waiting = [...ids], changed = new Set();
    while (waiting.length) {
      const k = this.maker[waiting.pop()];
      if (k < 0 || !this.stale[k] || needed.has(k)) continue;
      needed.add(k);
      waiting.push(...this.steps[k].uses);
    }
    if (needed.size) this.fresh.clear();
    for (const k of Int32Array.from(needed).sort()) {
      const step = this.steps[k];
      this.stale[k] = 0;
      this.outcome(step, k).forEach((y, j) => {
        const id = step.results[j];
        if (this.known[id] === undefined || !sameNumbers(this.known[id], y)) changed.add(id);
        this.known[id] = y;
      });
    }
    return changed;
  }

  // The results of a step. One that has no JavaScript has those of the run that was recorded, as long as it is given what
  // it was given then; else they are unknown, which is null, as is all that is made of them.
  outcome(step, k) {
    const given = step.uses.map(id => this.known[id]), fixed = this.fixed.get(k);
    if (fixed) {
      if (!this.seen.has(k)) this.seen.set(k, given);
      return this.seen.get(k).every((x, i) => x === given[i] || sameNumbers(x, given[i])) ? fixed : fixed.map(() => null);
    }
    if (given.includes(null)) return step.results.map(() => null);
    return performed(step, this.known, step.results.map(id => this.types[id]), this.near.get(k));
  }
}

// A program that computes entry by entry, and so for arrays of any shape: it was written down for arrays of one entry.
class Routine {
  constructor({values, inputs, constants, steps, results}) {
    this.types = values.map(([shape, dtype]) => ({shape, dtype}));
    this.inputs = inputs.map(([id]) => id);
    this.constants = constants.map(([id, array]) => [id, decoded(array)]);
    this.steps = steps.map(stepOf);
    [this.result] = results;
  }

  run(arrays) {
    const known = new Array(this.types.length), shape = broadcastShapes(arrays.map(a => a.shape));
    for (const [id, array] of this.constants) known[id] = array;
    this.inputs.forEach((id, k) => { known[id] = arrays[k]; });
    for (const step of this.steps) {
      const types = step.results.map(id => ({shape: this.types[id].shape.length ? shape : [], dtype: this.types[id].dtype}));
      performed(step, known, types).forEach((y, j) => { known[step.results[j]] = y; });
    }
    return broadcastTo(known[this.result], shape);
  }
}

// Number `which` of some activations, or of their rules.
Object.assign(PRIMITIVES, {
  activation: ([which, ...arrays], {routines}) => routines[which.data[0]].run(arrays),
});

function stepOf([primitive, args, options, results]) {
  const step = {primitive, args: decoded(args), options: decoded(options), results};
  step.uses = usedBy([step.args, step.options]);
  return step;
}

// The results of a step, as a list.
function performed(step, known, types, near) {
  const complex = COMPLEX && (types.some(t => isComplex(t.dtype)) || step.uses.some(id => known[id] instanceof Complex));
  const found = (complex ? COMPLEX : PRIMITIVES)[step.primitive](given(step.args, known), given(step.options, known), types, near);
  return Array.isArray(found) ? found : [found];
}

// Arguments with the arrays that stand for values now.
function given(x, known) {
  if (x instanceof Reference) return known[x.value];
  if (Array.isArray(x)) return x.map(part => given(part, known));
  if (x === null || typeof x !== "object" || x instanceof NDArray || x instanceof Slice || x instanceof Routine || (COMPLEX && x instanceof Complex)) return x;
  return Object.fromEntries(Object.entries(x).map(([k, part]) => [k, given(part, known)]));
}

// A value of the program within the arguments of a step.
class Reference {
  constructor(value) {
    this.value = value;
  }
}

function usedBy(x) {
  if (x instanceof Reference) return [x.value];
  if (Array.isArray(x)) return x.flatMap(usedBy);
  return x && Object.getPrototypeOf(x) === Object.prototype ? Object.values(x).flatMap(usedBy) : [];
}

function sameNumbers(a, b) {
  if (!a || !b) return a === b;
  if (a.re) return sameNumbers(a.re, b.re) && sameNumbers(a.im, b.im);
  const x = a.packed().data, y = b.packed().data;
  return x.length === y.length && x.every((v, i) => v === y[i] || (v !== v && y[i] !== y[i]));
}

// Arguments from the forms that JSON has: see tinygrad_edu/program/coding.py. Where the page has no complex numbers, they are unknown: null.
function decoded(x) {
  if (Array.isArray(x)) return x.map(decoded);
  if (x === null || typeof x !== "object") return x;
  const [kind] = Object.keys(x), part = x[kind];
  switch (kind) {
    case "v": return new Reference(part);
    case "array": return x.dtype in STORES ? fromHex(part, x.shape, x.dtype) : COMPLEX && complexFrom(part, x.shape, x.dtype);
    case "complex": return COMPLEX && new Complex(...part.map(p => full([], "<f8", fromHexFloat(p))));
    case "scalar": return decoded(part);
    case "float": return fromHexFloat(part);
    case "tuple": return part.map(decoded);
    case "dict": return Object.fromEntries(part.map(([k, v]) => [k, decoded(v)]));
    case "slice": return new Slice(...part.map(decoded));
    case "ellipsis": return ELLIPSIS;
    case "dtype": return part;
    default: throw new TypeError(`program: an argument of an unknown kind, ${kind}`);
  }
}

// A float as Python's float.hex() writes it: 0x1.8p+1.
function fromHexFloat(text) {
  const found = /^(-?)0x([01])\.?([0-9a-f]*)p([+-]\d+)$/.exec(text);
  if (!found) return {inf: Infinity, "-inf": -Infinity}[text] ?? NaN;
  const [, sign, lead, digits, power] = found;
  const size = Number(BigInt(`0x${lead}${digits}`)) * 2 ** (-4 * digits.length);
  const exponent = Number(power), half = Math.trunc(exponent / 2);
  return (sign ? -1 : 1) * size * 2 ** half * 2 ** (exponent - half);
}

function fromHex(text, shape, dtype) {
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = parseInt(text.substr(2 * i, 2), 16);
  const y = empty(shape, dtype), view = new DataView(bytes.buffer);
  if (dtype === "<i8" || dtype === "<u8") {
    for (let i = 0; i < y.data.length; i++) {
      y.data[i] = Number(dtype === "<i8" ? view.getBigInt64(8 * i, true) : view.getBigUint64(8 * i, true));
    }
  } else if (dtype === "<f2") {
    for (let i = 0; i < y.data.length; i++) y.data[i] = fromHalf(view.getUint16(2 * i, true));
  } else {
    y.data.set(new STORES[dtype](bytes.buffer));
  }
  return y;
}

function fromHalf(bits) {
  const sign = bits & 0x8000 ? -1 : 1, power = (bits >> 10) & 31, rest = bits & 1023;
  if (power === 31) return rest ? NaN : sign * Infinity;
  return sign * (power ? (1 + rest / 1024) * 2 ** (power - 15) : rest * 2 ** -24);
}
