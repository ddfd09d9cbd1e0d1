// What is known at a step: values once they are computed, gradients as far as they are summed up.
const state = (() => {
  const watchers = [], blanks = new Set();  // "n3.value": hidden in a worksheet
  let at = 0, still = false, live = null;  // a film shows the graph as a whole, not a step of it; `live` computes anew

  for (const n of nodes.values()) {
    n.from = 0; n.sums = [];
    for (const what of ["value", "grad"]) if (n[what]) n[what].values = numbers.flat(n[what].values);
  }
  steps.forEach((s, k) => {
    if (s.phase === "forward") nodes.get(s.node).from = k + 1;
    else nodes.get(s.node).sums.push(k + 1);
    for (const what of ["contribution", "sum", "factor"]) if (s[what]) s[what].values = numbers.flat(s[what].values);
  });

  // The array behind a value (0) or a whole gradient (1): `values`, and which rows and columns, where some are left out.
  function figure(key, gradient) {
    const n = nodes.get(key), recorded = gradient ? n.grad : n.value;
    return live && recorded ? live.figure(key, gradient) : recorded;
  }
  function text(key, gradient) {
    const n = nodes.get(key);
    return live && (!gradient || n.grad_summary !== null) && numbers.size(n.shape) ? live.text(key, gradient) : gradient ? n.grad_summary : n.summary;
  }

  // Whether a number is not to be told: it is asked for, or it is a gradient, not asked for, that would tell of such a number.
  const asked = new Set((data.worksheet?.questions ?? []).map((q) => q.blank));
  let known = new Map();
  function blank(key, gradient) {
    if (!blanks.size) return false;
    const id = key + (gradient ? ".grad" : ".value");
    if (!known.has(id)) {
      known.set(id, blanks.has(id));
      if (gradient && !asked.has(id)) known.set(id, nodes.get(key).sums.some((k) => steps[k - 1].phase === "backward" && hidden(steps[k - 1]).result));
    }
    return known.get(id);
  }
  // What of a step would tell the answer to a blank: its result, or a number that goes into it.
  function hidden(s) {
    if (!blanks.size || s.phase === "seed") return {};
    const inputs = (key) => nodes.get(key).inputs.some((k) => blank(k, 0));
    if (s.phase === "forward") return { result: blank(s.node, 0), factor: inputs(s.node) };
    const own = blanks.has(s.user + ":" + s.position + ".derivative"), factor = own || (s.derivative !== s.derivative_formula && (blank(s.user, 0) || inputs(s.user)));
    return { factor, formula: !own, result: factor || blanks.has(s.node + ".grad") || blank(s.user, 1) };
  }

  // Whether a value has been computed; of a gradient, the last step that has added to it, or 0.
  const computed = (key, step = at) => still || step >= nodes.get(key).from;
  const added = (key, step) => nodes.get(key).sums.filter((k) => k <= step).at(-1) ?? 0;
  // The gradient of a node at a step, as `text` and `figure`: whole, or what has been summed up so far; or null.
  function gradient(key, step = at) {
    if (still) return nodes.get(key).grad_summary === null ? null : whole(key);
    const k = added(key, step);
    return k ? sum(steps[k - 1]) : null;
  }
  const whole = (key) => ({ text: text(key, 1), figure: figure(key, 1) });
  // What a backward step adds, and the sum after it.
  function contribution(s) {
    if (live) return live.contribution(s);
    return { text: s.product, figure: s.contribution ?? figure(s.node, 1) };
  }
  function sum(s) {
    if (s.phase === "seed" ? nodes.get(s.node).sums.length === 1 : s.use === s.uses) return whole(s.node);
    if (live) return live.sum(s);
    return { text: s.after, figure: s.phase === "seed" ? null : s.sum };
  }
  // The local derivative of a step: its text, and an array where it is one.
  const derivative = (s) => (live ? live.derivative(s) : { text: s.derivative, figure: s.factor });

  function go(step) {
    at = Math.max(0, Math.min(steps.length, step));
    changed();
  }
  function changed() { known = new Map(); watchers.forEach((f) => f()); }
  return {
    watchers, blanks, blank, hidden, figure, text, computed, gradient, contribution, sum, derivative, go, changed,
    step: () => (at && !still ? steps[at - 1] : null), at: () => at, still: () => still, live: () => live,
    rest() { still = true; at = steps.length; changed(); },
    compute(by) { live = by; },
  };
})();
