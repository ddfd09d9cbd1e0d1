// The page computes by itself: what was changed, and the values and gradients that follow from it.
const live = (() => {
  const figures = new Map(), watchers = [];
  let machine = null;
  // The machine starts with the first change; until then the page shows what was recorded.
  function start() {
    machine ??= new Machine(data.live);
    state.compute({ figure, text, contribution, sum, derivative });
    return machine;
  }
  const entries = (array) => (array.pairs ? array.pairs() : Array.from(array.packed().data, Number));

  function figure(key, gradient) {
    const id = key + gradient, n = nodes.get(key), recorded = gradient ? n.grad : n.value, array = gradient ? machine.gradient(key) : machine.value(key);
    if (!figures.has(id)) figures.set(id, array ? sampled(entries(array), recorded, n.shape) : { ...recorded, values: recorded.values.map(() => NaN) });
    return figures.get(id);
  }
  function sampled(values, { tiles, rows, columns }, shape) {
    if (!rows) return { values };
    const wide = shape.at(-1), high = shape.length > 1 ? shape.at(-2) : 1;
    return { tiles, rows, columns, values: tiles.flatMap((t) => rows.flatMap((r) => columns.map((c) => values[(t * high + r) * wide + c]))) };
  }
  function text(key, gradient) {
    const n = nodes.get(key), array = gradient ? machine.gradient(key) : machine.value(key);
    return array ? numbers.short(entries(array), n.shape, gradient ? "float64" : n.dtype) : "unknown";
  }
  const told = (values, shape) => ({ values, text: numbers.short(values, shape, "float64"), figure: values.length <= 1024 && !Array.isArray(values[0]) ? { values } : null });
  function contribution(s) {
    const array = machine.contribution(s.user, s.position);
    return array ? told(entries(array), nodes.get(s.node).shape) : { text: "unknown", figure: null };
  }
  const plus = (v, w) => (Array.isArray(v) || Array.isArray(w) ? [0, 1].map((k) => ([v].flat()[k] ?? 0) + ([w].flat()[k] ?? 0)) : v + w);
  // What the steps up to this one have added to a gradient.
  function sum(s) {
    const shape = nodes.get(s.node).shape, all = nodes.get(s.node).sums.map((k) => steps[k - 1]), before = all.slice(0, all.indexOf(s) + 1);
    const parts = before.map((t) => (t.phase === "seed" ? Array(numbers.size(shape)).fill(1) : contribution(t).values));
    return told(parts.reduce((a, b) => a.map((v, k) => plus(v, b[k]))), shape);
  }
  function derivative(s) {
    const array = machine.derivative(s.user, s.position), shape = nodes.get(s.user).shape;
    if (!array) return { text: s.derivative, figure: null };
    const values = entries(array);
    return values.length === numbers.size(shape) ? told(values, shape) : { text: numbers.short(values, values.length > 1 ? [values.length] : [], "float64"), figure: null };
  }

  function changed() {
    figures.clear();  // what is looked at is computed when it is asked for
    state.changed();
    watchers.forEach((f) => f());
  }
  const editable = (key) => data.live.nodes[key].leaf !== null && numbers.size(nodes.get(key).shape) > 0;
  // The number of an entry as it is now.
  const number = (key, k) => (machine ? Number(machine.value(key).packed().data[k]) : nodes.get(key).value?.values[k] ?? NaN);
  function set(key, k, v) {
    start().set(key, k, v);
    changed();
  }
  function swap(key, name) {
    const m = start(), n = nodes.get(key), { names, titles } = data.live.nodes[key].choice, before = m.chosen(key);
    m.swap(key, name);
    n.swapped = name !== names[0];
    n.title = titles[names.indexOf(name)];
    for (const view of data.views) for (const b of view.boxes ?? []) if (b.rounds.some((keys) => keys.includes(key))) b.title = b.key === key && b.rounds.flat().length === 1 ? n.title : b.title.replace(before + "(", name + "(");
    fold.renew();
    changed();
  }
  const choices = (key) => data.live.nodes[key].choice?.names ?? [];
  function descend(rate) {
    const total = start().descend(rate);
    changed();
    return total;
  }
  function reset() {
    if (!machine) return;
    for (const key of nodes.keys()) if (choices(key).length && machine.chosen(key) !== choices(key)[0]) swap(key, choices(key)[0]);
    machine.reset();
    figures.clear();
    state.compute(null);
    state.changed();
    watchers.forEach((f) => f());
  }
  return { watchers, editable, number, set, swap, choices, chosen: (key) => (machine ? machine.chosen(key) : choices(key)[0]), descend, reset, total: () => start().total(), slope: (key, k, h) => start().finite_difference(key, k, h) };
})();
