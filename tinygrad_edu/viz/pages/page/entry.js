// What a box is: its facts; and, where the page computes, an entry of it to change, to nudge, and an activation to swap.
const entry = (() => {
  const box = $("details");
  const ROUNDING = { float16: 2 ** -10, float32: 2 ** -23 };
  let key = null, index = 0, h = 1e-3;

  function show() {
    const typing = box.contains(document.activeElement) ? document.activeElement.id : "";
    box.replaceChildren();
    if (key === null) {
      make("p", { class: "why" }, "Press a box or a number to look at it.", box);
      return;
    }
    const n = nodes.get(key);
    make("h3", {}, n.title, box);
    if (live && live.choices(key).length) swap(n);
    if (live && live.editable(key) && !state.blanks.size) edit(n);
    const table = make("table", {}, null, box), blank = (g) => state.blank(key, g);
    const fact = (head, text) => { if (!text) return; const tr = make("tr", {}, null, table); make("th", { scope: "row" }, head, tr); make("td", {}, text, tr); };
    const full = (g) => { const f = state.figure(key, g); return f && !f.rows && f.values.length <= 64 ? whole(f.values, n.shape, g ? "float64" : n.dtype) : state.text(key, g); };
    fact("value", blank(0) ? "?" : full(0));
    fact("gradient", n.grad_summary === null ? "none" : blank(1) ? "?" : full(1));
    fact("what", (n.op ?? n.kind) + ", " + (n.shape.length > n.batch ? "(" + n.shape.slice(n.batch).join(", ") + ") " : "") + n.dtype + (n.batch ? ", for each of " + n.shape.slice(0, n.batch).join("×") + " examples" : ""));
    fact("module", n.module.join("."));
    fact("line", n.site);
    for (const s of steps) if (s.phase === "backward" && s.user === key && !n.swapped) fact("gives", s.formula + "  " + s.shapes);
    if (typing) $(typing)?.focus({ preventScroll: true });
  }
  function whole(values, shape, dtype) {
    if (!shape.length) return numbers.one(values[0], dtype, 6);
    const rows = (from, s) => (s.length ? "[" + Array.from({ length: s[0] }, (_, k) => rows(from + k * numbers.size(s.slice(1)), s.slice(1))).join(", ") + "]" : numbers.one(values[from], dtype, 6));
    return rows(0, shape);
  }

  const row = () => make("div", { class: "row" }, null, box);
  function field(parent, text, id, attributes, act) {
    const label = make("label", {}, text + " ", parent), input = make("input", { id, autocomplete: "off", ...attributes }, null, label);
    input.addEventListener("change", () => act(input.value));
    return input;
  }
  // The entry: which one, its number, and a slider around it.
  function edit(n) {
    const size = numbers.size(n.shape), v = live.number(key, index), first = row();
    if (n.shape.length) field(first, "entry", "index", { type: "text", class: "brief", value: numbers.place(index, n.shape) }, (text) => {
      const places = (text.match(/\d+/g) ?? []).map(Number), k = places.reduce((sum, p, d) => sum * n.shape[d] + p, 0);
      if (places.length === n.shape.length && places.every((p, d) => p < n.shape[d]) && k < size) index = k;
      show();
    });
    field(first, n.shape.length ? "is" : n.name + " is", "number", { type: "number", step: "any", value: Number(numbers.general(v, 6)) }, (text) => { if (text !== "" && Number.isFinite(Number(text))) live.set(key, index, Number(text)); });
    const reach = Math.max(2, 2 * Math.abs(v)), slider = make("input", { type: "range", id: "slider", min: -reach, max: reach, step: reach / 500, value: v, "aria-label": "Number" }, null, first);
    slider.addEventListener("input", () => { sliding = true; live.set(key, index, Number(slider.value)); $("number").value = slider.value; });
    slider.addEventListener("change", () => { sliding = false; show(); });
    if (n.grad_summary !== null) nudge(n);
  }
  let sliding = false;
  // The derivative, beside what the result changes by when the entry is moved a little to both sides.
  function nudge(n) {
    const line = row(), choice = make("select", { id: "nudge" }, null, make("label", {}, "nudge by h = ", line));
    for (const size of [0.1, 0.01, 1e-3, 1e-4, 1e-6]) make("option", { value: size }, String(size), choice);
    choice.value = String(h);
    choice.addEventListener("change", () => { h = Number(choice.value); show(); });
    const { difference } = live.slope(key, index, h), g = state.figure(key, 1), derivative = g.rows ? NaN : g.values[index];
    const text = make("span", { id: "slopes" }, null, line), off = Math.abs(difference - derivative), near = off <= 0.01 * Math.abs(derivative) + 1e-6;
    const rounding = (2 * (ROUNDING[nodes.get(data.outputs[0]).dtype] ?? 2 ** -52) * Math.abs(live.total())) / h;  // of the difference, as the result is rounded
    text.append("difference " + numbers.general(difference, 6));
    if (Number.isFinite(derivative)) make("span", { class: near ? "agree" : off <= rounding ? "" : "differ" }, ", derivative " + numbers.general(derivative, 6), text);
    if (!near && off <= rounding) text.append(": h is too small for " + nodes.get(data.outputs[0]).dtype + ", rounding alone may make " + numbers.general(rounding, 2));
  }
  function swap(n) {
    const choice = make("select", { id: "swap" }, null, make("label", {}, "activation ", row()));
    for (const name of live.choices(key)) make("option", { value: name }, name === "positive" ? "none" : name, choice);
    choice.value = live.chosen(key);
    choice.addEventListener("change", () => { live.swap(key, choice.value); graph.renew(); });
  }

  // A number in the graph: pressed, it is looked at; dragged sideways, it changes.
  graph.press = (rect, node, k) => {
    if (!live || !live.editable(node)) { rect.classList.remove("live"); return; }
    let moved = false;
    rect.addEventListener("pointerdown", (e) => {
      if (state.blanks.size) return;
      e.stopPropagation();
      rect.setPointerCapture(e.pointerId);
      const start = e.clientX, before = live.number(node, k), unit = Math.max(0.01, Math.abs(before) / 100);
      moved = false;
      const move = (m) => { if (moved || Math.abs(m.clientX - start) > 3) { moved = true; live.set(node, k, Number((before + (m.clientX - start) * unit).toPrecision(4))); } };
      rect.addEventListener("pointermove", move);
      rect.addEventListener("lostpointercapture", () => rect.removeEventListener("pointermove", move), { once: true });
      index = k;
      graph.choose(node);
    });
    rect.addEventListener("click", (e) => { e.stopPropagation(); if (!moved) camera.near([graph.place(node)]); });
  };
  graph.chosen.push((k) => { if (k !== key && numbers.size(nodes.get(k).shape) <= index) index = 0; key = k; show(); });
  state.watchers.push(() => { if (!sliding) show(); });
  return { show };
})();
