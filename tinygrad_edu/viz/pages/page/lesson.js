// The mathematics of a step: the rule, the same with numbers, and the sum where a tensor is used twice.
const lesson = (() => {
  const box = $("step");
  let whole = false;  // whether the chain rule of the whole path is shown

  // A step in one line of text.
  function plain(s) {
    const { result, factor } = state.hidden(s), name = s.phase === "forward" ? nodes.get(s.node).title : s.text.split(" = ")[0];
    if (result) return name + " = ?";
    if (state.live() && s.phase === "forward") return name + " = " + state.text(s.node, 0);
    if (state.live() && s.phase === "backward") return name + " = " + state.contribution(s).text;
    return factor ? name + " = " + s.after : s.text;
  }

  const scalar = (key) => !nodes.get(key).shape.length;
  const { name, row, operator, partial, build } = formula;
  const equals = () => operator("=");
  const unknown = () => math("mi", {}, "?");
  const digits = (text, hide) => (hide ? unknown() : numeral(text));
  const numeral = (text, bracket = false) => (/^-?[\d.]+(e[-+]\d+)?$/.test(text) ? formula.number(Number(text), bracket) : math("mtext", {}, text));
  const dname = (key) => (scalar(key) ? partial(data.result, nodes.get(key).name) : name(nodes.get(key).name, true));
  // A name's number, where it has one; a blank is a question mark.
  const number = (key, gradient) => {
    if (state.blank(key, gradient)) return unknown();
    if (!scalar(key)) return null;
    const text = gradient ? state.gradient(key)?.text ?? "" : state.text(key, 0);
    return numeral(text, true);
  };
  let part = box;  // parts of a step stand side by side, where there is room
  const begun = () => (part = make("div", { class: "part" }, null, box));
  const head = (text) => make("h3", {}, text, part);
  const line = (...parts) => formula.line(part, ...parts);

  // A formula that is too long to be typeset: its steps, one below the other.
  function written(text) {
    const e = make("div", { class: "written" }, null, part);
    for (const step of text.split("; ")) make("div", {}, step, e);
  }

  // An array beside its name, as the graph shows it.
  function figure(parent, caption, figure, text, { shape, batch }, dtype, cls, hide = false) {
    const e = make("figure", { class: cls }, null, parent);
    make("figcaption", {}, caption + (shape.length ? "  " + numbers.shape(shape, batch) : ""), e);
    if (!figure || !shape.length) { make("span", {}, hide ? "?" : text, e); return; }
    const svg = draw("svg", { role: "img", "aria-label": caption + ": " + (hide ? "?" : text) }, null, e), picture = tiles.picture(draw("g", { class: cls }, null, svg), shape, figure);
    filled(svg, { width: (picture.w + 2) / 16 + "rem", height: (picture.h + 2) / 16 + "rem", viewBox: `-1 -1 ${picture.w + 2} ${picture.h + 2}` }, null, null);
    picture.show(figure.values, dtype, hide);
  }
  const value = (parent, key) => figure(parent, nodes.get(key).name, state.figure(key, 0), state.text(key, 0), nodes.get(key), nodes.get(key).dtype, "value", state.blank(key, 0));
  function gradient(parent, key) {
    const g = state.gradient(key);
    figure(parent, "d" + nodes.get(key).name, g?.figure, g?.text ?? "", nodes.get(key), "float64", "grad", state.blank(key, 1));
  }
  const figures = () => make("div", { class: "figures" }, null, part);
  const sign = (parent, text) => make("span", { class: "sign" }, text, parent);
  // The names in a formula, each once.
  function named(tree, found = new Map()) {
    if (!Array.isArray(tree)) return found;
    const [tag, , key, gradient] = tree;
    if (tag === "n" && key !== undefined) found.set(key + gradient, [key, gradient]);
    else tree.forEach((part) => named(part, found));
    return found;
  }

  function forward(s) {
    begun();
    const n = nodes.get(s.node), { result } = state.hidden(s), plain = n.inputs.every(scalar) && scalar(s.node), written_as = n.swapped ? null : mathematics.of(s);
    if (written_as) line(name(n.name), equals(), build(written_as));
    else written(n.title);
    if (plain) {
      const substituted = written_as && n.inputs.length ? [equals(), build(written_as, number)] : [];
      line(...substituted, equals(), result ? unknown() : numeral(state.text(s.node, 0)));
      return;
    }
    const row = figures();
    for (const k of new Set(n.inputs)) if (nodes.get(k).shape.length) value(row, k);
    sign(row, "→");
    value(row, s.node);
  }

  function backward(s) {
    const n = nodes.get(s.node), user = nodes.get(s.user), blank = state.hidden(s), one = scalar(s.node) && scalar(s.user) && s.derivative !== null, tree = mathematics.of(s), own = mathematics.of(s, "derivative");
    begun();
    const d = () => partial(user.name, n.name), factor = () => (own && !user.swapped ? build(own) : math("mtext", {}, s.derivative_formula));
    const plus = s.uses > 1 || s.before !== null ? operator("+=") : equals();
    if (one) line(partial(data.result, n.name), plus, partial(data.result, user.name), operator("·"), d());
    else if (user.swapped) line(dname(s.node), plus, dname(s.user), operator("⊙"), d());
    else if (tree) line(dname(s.node), plus, build(tree));
    else written(s.formula);
    if (s.derivative !== null && !(s.derivative === s.derivative_formula && !one) && !(user.swapped && !one)) {
      head("local derivative");
      const same = s.derivative === s.derivative_formula, told = blank.factor ? unknown() : derivative(s);
      const parts = blank.factor && !blank.formula ? [equals(), told] : same && !state.live() ? [equals(), told] : user.swapped ? [equals(), told] : scalar(s.user) ? [equals(), factor(), equals(), told] : [equals(), factor()];
      line(d(), ...parts);
    }
    begun();
    head("with numbers");
    if (one) line(equals(), number(s.user, 1), operator("·"), blank.factor ? unknown() : derivative(s, true), equals(), digits(state.contribution(s).text, blank.result));
    else {
      const row = figures(), given = named(tree), local = s.derivative === null ? {} : state.derivative(s);
      if (local.figure && user.shape.length && s.derivative !== s.derivative_formula) {
        gradient(row, s.user);
        sign(row, "⊙");
        figure(row, "d" + user.name + "/d" + n.name, local.figure, local.text, user, "float64", "value", blank.factor);
      } else for (const [k, g] of given.size ? given.values() : [[s.user, 1]]) if (nodes.get(k).shape.length || g) (g ? gradient : value)(row, k);
      sign(row, "→");
      const p = state.contribution(s);
      figure(row, s.uses > 1 ? "contribution" : "d" + n.name, p.figure, p.text, n, "float64", "grad", blank.result);
    }
    if (s.before !== null) {
      begun();
      head("sum so far");
      if (scalar(s.node)) line(equals(), digits(before(s), blank.result), operator("+"), blank.result ? unknown() : numeral(state.contribution(s).text, true), equals(), digits(state.sum(s).text, blank.result));
      else { const row = figures(), p = state.sum(s); figure(row, "d" + n.name, p.figure, p.text, n, "float64", "grad", blank.result); }
    }
    if (s.note) make("p", { class: "why" }, s.note + ".", box);
    if (s.uses > 1) make("p", { class: "why" }, n.name + " is used " + s.uses + " times; this is contribution " + s.use + ". A change of " + n.name + " reaches the result along every use, so the gradients add" + (s.use < s.uses ? ", and " + n.name + " has to wait for the others before it may pass its own gradient on." : ": now the sum is complete, and " + n.name + " may pass it on."), box);
    chain(s);
  }
  // The sum before a step: what the step before it on the same node left.
  function before(s) {
    const all = nodes.get(s.node).sums.map((k) => steps[k - 1]), one = all[all.indexOf(s) - 1];
    return one ? state.sum(one).text : s.before;
  }
  const derivative = (s, bracket = false) => numeral(state.derivative(s).text, bracket);

  // The chain rule of the whole path, on request: a product for each path, and their sum.
  function chain(s) {
    const open = make("details", {}, null, box);
    open.open = whole;
    make("summary", {}, "The chain rule of the whole path", open);
    open.addEventListener("toggle", () => { whole = open.open; if (whole && open.children.length === 1) paths(open, s); formula.fit(open); });
    if (whole) paths(open, s);
  }
  const MOST = 8, LONG = 40;  // paths, and factors of each, that are written down
  function paths(parent, s) {
    const found = [], todo = [{ key: s.node, length: 0, rest: null }];
    let longest = 0;
    while (todo.length && found.length <= MOST && longest <= LONG) {
      const path = todo.pop();
      longest = Math.max(longest, path.length);
      if (data.outputs.includes(path.key)) { const factors = []; for (let p = path; p.rest; p = p.rest) factors.push(p.step); found.push(factors); }
      const uses = nodes.get(path.key).sums.map((k) => steps[k - 1]).filter((t) => t.phase === "backward");
      for (const t of uses.reverse()) todo.push({ key: t.user, step: t, length: path.length + 1, rest: path });
    }
    if (longest > LONG) { make("p", { class: "why" }, "The path to the result has more than " + LONG + " factors.", parent); return; }
    const some = found.slice(0, MOST), left = formula.line(parent, dname(s.node), equals());
    left.parentElement.classList.add("small");
    some.forEach((path, k) => {
      if (k) left.append(operator("+"));
      left.append(row(...path.flatMap((t, j) => [...(j ? [operator("·")] : []), partial(nodes.get(t.user).name, nodes.get(t.node).name)])));
    });
    if (found.length > MOST) left.append(operator("+"), operator("⋯"));
    if (!state.blanks.size && some.every((path) => path.every((t) => t.derivative !== null && scalar(t.node) && scalar(t.user))) && found.length <= MOST) {
      const right = formula.line(parent, equals());
      right.parentElement.classList.add("small");
      some.forEach((path, k) => {
        if (k) right.append(operator("+"));
        right.append(row(...path.flatMap((t, j) => [...(j ? [operator("·")] : []), derivative(t, true)])));
      });
      right.append(equals(), numeral(state.text(s.node, 1)));
    } else for (const t of some[0] ?? []) make("p", { class: "why" }, t.formula + (t.shapes ? "   " + t.shapes : ""), parent);
  }

  function show() {
    const s = state.step(), forwards = s?.phase === "forward", n = s && nodes.get(s.node);
    box.replaceChildren();
    formula.forget();
    box.className = s ? (forwards ? "forward" : "backward") : "";
    if (!s) {
      write($("phase"), state.still() ? "Training, step by step" : "Press Play");
      if (state.still()) return;
      const p = make("p", {}, "The inputs are given. ", box);
      make("b", { class: "value-words" }, "Left to right", p);
      p.append(" each box computes its value. Then ");
      make("b", { class: "grad-words" }, "right to left", p);
      p.append(" each arrow carries a gradient back: the chain rule, one factor at a time.");
      if (live) make("p", { class: "why" }, "Drag a number of an input or a parameter, sideways: everything follows.", box);
      return;
    }
    write($("phase"), forwards ? "Forward: the value of " + n.name : s.phase === "seed" ? "Backward: the start" : "Backward: the gradient of " + n.name + ", through " + nodes.get(s.user).name);
    if (forwards) forward(s);
    else if (s.phase === "backward") backward(s);
    else {
      begun();
      line(dname(s.node), equals(), numeral(s.after));
      make("p", { class: "why" }, "The result changes by exactly as much as it changes: the way back starts with 1.", box);
    }
    const told = make("p", { class: "sum why" }, plain(s), box);
    told.hidden = !s.text.includes(";") && Boolean(mathematics.of(s));
    formula.fit(box);
  }
  state.watchers.push(show);
  let wide = 0;  // a scroll bar that comes and goes is no other width
  new ResizeObserver(() => { if (Math.abs(box.clientWidth - wide) > 20) { wide = box.clientWidth; formula.fit(box); } }).observe(box);
  return { plain };
})();
