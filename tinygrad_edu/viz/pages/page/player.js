"use strict";
// The backprop player. Every name that comes from a program is put in as text, never as markup.
const player = (() => {
  const table = (v) => v.rows.map((row) => Object.fromEntries(row.map((cell, k) => [v.$columns[k], cell])));
  const data = JSON.parse(document.getElementById("data").textContent, (_, v) => (v?.$columns ? table(v) : v?.$tables ? v.$tables.flat() : v));
  const $ = (id) => document.getElementById(id);
  const nodes = new Map(data.nodes.map((n) => [n.key, n]));
  const steps = data.steps;
  const SVG = "http://www.w3.org/2000/svg";
  let still = false;  // a film shows the graph as a whole, not a step of it
  let at = 0, base = null, view = null, boxes = [], arrows = [], place = new Map(), timer = null, chosen = null;
  const closed = new Set();  // the frames that are folded
  const watchers = [];

  function make(tag, attributes = {}, text = null, parent = null) {
    const svg = ["svg", "g", "rect", "text", "path", "polygon", "line", "title", "circle", "use"].includes(tag);
    const e = svg ? document.createElementNS(SVG, tag) : document.createElement(tag);
    for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
    if (text !== null) e.textContent = text;
    if (parent) parent.append(e);
    return e;
  }

  // What a node shows at a step: its value once computed, and the gradient summed so far.
  for (const n of nodes.values()) { n.from = 0; n.sums = []; }
  steps.forEach((s, k) => {
    if (s.phase === "forward") nodes.get(s.node).from = k + 1;
    else nodes.get(s.node).sums.push([k + 1, s.after]);
  });
  function state(n, step) {
    const value = step >= n.from ? n.summary : null;
    let grad = null;
    for (const [k, text] of n.sums) if (k <= step) grad = text;
    return { value, grad };
  }
  const blanks = new Set();  // "n3.value": hidden in a worksheet
  const oneLine = (text, most) => {  // the mean goes first, then where a parameter is, then letters
    let less = text.length > most ? text.split("; mean")[0] : text;
    if (less.length > most) less = less.replace(/(?:\w+\.)+([A-Za-z_]\w*)/g, "…$1");
    return less.length > most ? less.slice(0, most - 1) + "…" : less;
  };
  const shown = (key, what, text) => (blanks.has(key + "." + what) ? "?" : text);

  function draw(which) {
    const wanted = data.views[which];
    base = wanted.of ? data.views.find((v) => v.label === wanted.of) : wanted;
    closed.clear();
    for (const f of base.frames) if (f.path.length === wanted.depth + 1) closed.add(folding.id(f.path));
    lay();
    player.camera.readable();
  }
  const count = (members) => members.filter((k) => nodes.get(k).op).length;

  function lay() {
    view = folding.fold(base, closed, data.folded, count);
    const svg = $("graph");
    svg.replaceChildren();
    place = new Map();
    const drawing = make("g", { id: "drawing" }, null, svg), [frames, lines, titles, all] = [1, 2, 3, 4].map(() => make("g", {}, null, drawing));
    for (const f of view.frames) {
      make("rect", { class: "frame", x: f.x, y: f.y, width: f.w, height: f.h, rx: 8 }, null, frames);
      const g = make("g", { class: "fold", tabindex: 0, role: "button", "aria-expanded": "true", "aria-label": "fold " + f.label, "data-frame": f.id }, null, titles);
      make("rect", { x: f.x, y: f.y, width: Math.min(f.w, 7.6 * f.label.length + 34), height: 20, rx: 8 }, null, g);
      make("text", { x: f.x + 8, y: f.y + 15 }, "▾ " + f.label, g);
      pressed(g, () => toggle(f.id));
    }
    arrows = view.arrows.map((a) => {
      const g = make("g", { class: "edge" + (a.loop ? " loop" : "") }, null, lines);
      make("path", { d: a.d, class: "line" }, null, g);
      make("polygon", { points: a.head, class: "head" }, null, g);
      make("polygon", { points: a.tail, class: "tail" }, null, g);
      const hit = make("path", { d: a.d, class: "hit" }, null, g);
      make("title", {}, a.text, hit);
      hit.addEventListener("mouseenter", () => { $("hover").textContent = a.text; });
      hit.addEventListener("mouseleave", () => { $("hover").textContent = ""; });
      return { ...a, g };
    });
    boxes = view.boxes.map((b) => {
      const g = make("g", { class: "box", tabindex: 0, role: "button" }, null, all);
      if (b.opens) { g.setAttribute("aria-expanded", "false"); g.dataset.frame = b.opens; }
      const rect = make("rect", { x: b.x - b.w / 2, y: b.y - b.h / 2, width: b.w, height: b.h, rx: b.leaf ? 9 : 2, fill: b.fill, stroke: b.line }, null, g);
      const top = b.y - b.h / 2;
      const head = make("text", { x: b.x, y: top + 17, class: "title" }, "", g), hint = make("title", {}, "", g);
      const value = make("text", { x: b.x, y: top + 34 }, "", g), grad = make("text", { x: b.x, y: top + 51, class: "grad" }, "", g);
      const box = { ...b, g, rect, head, hint, value, grad };
      b.members.forEach((k) => place.set(k, box));
      pressed(g, () => (b.opens ? toggle(b.opens) : choose(current(box))));
      return box;
    });
    for (const b of boxes) b.arrows = [];
    for (const a of arrows) for (const k of new Set([a.source, a.user])) place.get(k).arrows.push(a);
    render();
  }

  function pressed(g, act) {
    g.addEventListener("click", () => { if (!player.camera.moved()) act(); });
    g.addEventListener("keydown", (e) => { if (e.key === "Enter") act(); });
  }

  // Fold a frame, or unfold it; what was pressed stays under the finger, and keeps the focus.
  function toggle(frame) {
    const spot = () => { const b = boxes.find((b) => b.opens === frame), f = view.frames.find((f) => f.id === frame); return b ? [b.x - b.w / 2, b.y - b.h / 2] : [f.x, f.y]; };
    const [x, y] = spot();
    if (!closed.delete(frame)) closed.add(frame);
    lay();
    player.camera.pan(spot()[0] - x, spot()[1] - y);
    document.querySelector(`#graph [data-frame="${frame}"]`).focus();
  }

  // Which round of a repeated part a box shows: that of the step, for all boxes of the part; else the newest computed.
  function round(box) {
    const s = at && !still ? steps[at - 1] : null, last = box.rounds.length - 1;
    if (!last || !s) return last;
    const part = boxes.filter((b) => b.runs.join() === box.runs.join()), beside = (r) => part.flatMap((b) => b.rounds[r] || []);
    for (const k of [s.node, s.user]) {
      const own = box.rounds.findIndex((keys) => keys.includes(k));
      if (own >= 0) return own;
    }
    for (const other of [s.user, s.node].map((k) => place.get(k)).filter(Boolean)) {
      const shared = box.runs.filter((run) => other.runs.includes(run));
      if (!shared.length) continue;
      const k = other.members.includes(s.user) ? s.user : s.node, turn = other.turns[other.rounds.findIndex((keys) => keys.includes(k))];
      const fits = box.turns.map((t, r) => r).filter((r) => shared.every((run) => box.turns[r][box.runs.indexOf(run)] === turn[other.runs.indexOf(run)]));
      if (fits.length) return newest(fits, beside, s);
    }
    return newest(box.rounds.map((_, r) => r), beside, s);
  }
  const computed = (k) => nodes.get(k).op && nodes.get(k).from <= at;
  function newest(rounds, keys, s) {  // of several rounds: the last one begun, on the way there, and else the last
    const begun = s.phase === "forward" ? rounds.filter((r) => keys(r).some(computed)) : rounds;
    return begun.length ? begun[begun.length - 1] : rounds[0];
  }

  // Of the nodes that a box stands for in a round, the one that the step is about; else the newest one computed.
  function current(box) {
    const s = at && !still ? steps[at - 1] : null, members = box.rounds[round(box)];
    for (const k of s ? [s.node, s.user] : []) if (members.includes(k)) return k;
    let best = members[members.length - 1];
    if (!still && (!s || s.phase === "forward")) for (const k of members) if (computed(k)) best = k;
    return best;
  }
  function title(box, n) {
    if (box.rounds.length < 2) return box.title;
    return n.name + ", " + box.turns[round(box)].map((t, k) => "round " + (t + 1) + " of " + box.counts[k]).join(", ");
  }

  function set(element, text) { if (element.textContent !== text) element.textContent = text; }

  // From one step to the next only the boxes of these two steps change; otherwise all are looked at.
  let drawn = null;
  function changed() {
    if (drawn === null || Math.abs(at - drawn) !== 1) return [boxes, arrows];
    const two = [steps[drawn - 1], steps[at - 1]].filter(Boolean);
    const few = new Set([...two.flatMap((s) => [s.node, s.user]).map((k) => place.get(k)).filter(Boolean), ...boxes.filter((b) => b.rounds.length > 1)]);
    return [few, new Set([...few].flatMap((b) => b.arrows))];
  }

  function render(step = false) {
    const s = at && !still ? steps[at - 1] : null;
    if (!step) drawn = null;
    const [some, lines] = changed();
    drawn = at;
    for (const b of some) {
      const n = nodes.get(current(b)), now = state(n, at);
      const several = b.members.length > 1 && b.rounds.length === 1, words = title(b, n);  // whose value it is
      set(b.head, b.opens ? "▸ " + oneLine(words, b.wide - 2) : oneLine(words, b.wide));
      set(b.hint, b.rounds.length > 1 ? n.title : b.title.length > b.wide ? b.title : "");
      set(b.value, now.value === null ? "" : oneLine((several && b.opens ? n.name + " = " : "") + shown(n.key, "value", now.value), b.wide));
      set(b.grad, now.grad === null ? "" : oneLine("d" + n.name + " = " + shown(n.key, "grad", now.grad), b.wide));
      const names = ["box"];
      if (now.value === null) names.push("waiting");
      if (s && b.members.includes(s.node)) names.push(s.phase === "forward" ? "now" : "gets");
      else if (s && s.user && b.members.includes(s.user)) names.push("now");
      if (chosen && b.members.includes(chosen)) names.push("found");
      const cls = names.join(" ");
      if (b.cls !== cls) { b.g.setAttribute("class", cls); b.cls = cls; }
      const label = words + (now.value === null ? ", not computed yet" : ", value " + shown(n.key, "value", now.value)) + (now.grad === null ? "" : ", gradient " + shown(n.key, "grad", now.grad));
      if (b.label !== label) { b.g.setAttribute("aria-label", label); b.label = label; }
    }
    for (const a of lines) {
      const from = place.get(a.source), to = place.get(a.user);
      let cls = "edge" + (a.loop ? " loop" : "");
      if (s && s.phase === "forward" && to === place.get(s.node) && nodes.get(s.node).inputs.some((k) => place.get(k) === from)) cls += " now";
      if (s && s.phase === "backward" && to === place.get(s.user) && from === place.get(s.node) && (a.position === null || a.position === s.position)) cls += " back";
      if (a.cls !== cls) { a.g.setAttribute("class", cls); a.cls = cls; }
    }
    words(s);
    $("scrub").value = at;
    $("scrub").setAttribute("aria-valuetext", s ? plain(s) : "Start");
    $("count").textContent = at + " of " + steps.length;
    watchers.forEach((f) => f(at));
  }

  // What of a step would tell the answer to a blank: its result, or a number that goes into it.
  function hidden(s) {
    const blank = (key, what) => blanks.has(key + "." + what), input = (k) => blank(k, "value");
    if (!s || s.phase === "seed") return {};
    if (s.phase === "forward") return { result: blank(s.node, "value"), factor: nodes.get(s.node).inputs.some(input) };
    const factor = blank(s.user + ":" + s.position, "derivative") || (s.derivative !== s.derivative_formula && [s.user, ...nodes.get(s.user).inputs].some(input));
    return { factor, formula: !blanks.has(s.user + ":" + s.position + ".derivative"), result: factor || blank(s.node, "grad") || blank(s.user, "grad") };
  }
  function plain(s) {
    const { result, factor } = hidden(s);
    const name = s.phase === "forward" ? nodes.get(s.node).title : s.text.split(" = ")[0];
    return result ? name + " = ?" : factor ? name + " = " + s.after : s.text;
  }

  function words(s) {
    const box = $("step");
    box.replaceChildren();
    if (!s) {
      $("phase").textContent = "Start";
      make("p", {}, "The inputs are given. Next goes left to right: each box computes its value. Then right to left: each arrow carries a gradient back.", box);
      return;
    }
    const forward = s.phase === "forward";
    $("phase").textContent = forward ? "Left to right: a value" : "Right to left: the chain rule";
    make("p", { class: "sum" }, plain(s), box);
    if (forward) return;
    if (s.phase === "seed") {
      make("p", { class: "why" }, "The result changes by exactly as much as it changes: the way back starts with 1.", box);
      return;
    }
    const blank = hidden(s), table = make("table", {}, null, box), name = nodes.get(s.node).name;
    const row = (head, text, cls) => { const tr = make("tr", cls ? { class: cls } : {}, null, table); make("th", { scope: "row" }, head, tr); make("td", {}, text, tr); };
    row("incoming gradient", s.incoming_name + " = " + shown(s.user, "grad", s.incoming));
    if (s.derivative !== null) row("local derivative", s.derivative_name + " = " + (blank.factor ? (blank.formula ? s.derivative_formula + " = ?" : "?") : (s.derivative_formula === s.derivative ? "" : s.derivative_formula + " = ") + s.derivative));
    else row("rule", s.formula + (s.shapes ? "   " + s.shapes : ""));
    row(s.derivative !== null ? "their product" : "it gives", blank.result ? "?" : s.product);
    if (s.before !== null) { row("sum before", blank.result ? "?" : s.before); row("running sum", blank.result ? "?" : s.after, "total"); }
    if (s.note) make("p", { class: "why" }, s.note + ".", box);
    if (s.uses > 1) make("p", { class: "why" }, name + " is used " + s.uses + " times; this is contribution " + s.use + ". A change of " + name + " reaches the result along every use, so the gradients add" + (s.use < s.uses ? ", and " + name + " has to wait for the others before it may pass its own gradient on." : ": now the sum is complete, and " + name + " may pass it on."), box);
  }

  function go(step, keep = false) {
    at = Math.max(0, Math.min(steps.length, step));
    render(true);
    follow();
    if (!keep) address("#step=" + at);
  }

  function address(place) {
    try { history.replaceState(null, "", place); } catch { /* a page inside a notebook's cell has no address */ }
  }

  function choose(key) {
    chosen = key;
    const n = nodes.get(key), box = $("details");
    box.hidden = false;
    box.replaceChildren();
    make("h2", {}, n.title, box);
    const table = make("table", {}, null, box);
    const row = (head, text) => { if (text === null || text === "") return; const tr = make("tr", {}, null, table); make("th", { scope: "row" }, head, tr); make("td", {}, text, tr); };
    const full = (v, text) => (v === null ? text : JSON.stringify(v).replace(/"/g, "").replace(/,/g, ", "));
    row("operation", n.op || n.kind);
    row("shape", n.shape.length ? "(" + n.shape.join(", ") + ")" : "scalar");
    row("dtype", n.dtype);
    row("value", shown(key, "value", full(n.value, n.summary)));
    row("gradient", n.grad_summary === null ? "none" : shown(key, "grad", full(n.grad, n.grad_summary)));
    row("module", n.module.join("."));
    row("line", n.site);
    for (const s of steps) if (s.phase === "backward" && s.user === key) row("to " + nodes.get(s.node).name, s.formula + "  " + s.shapes);
    render();
  }

  function find(text) {
    const wanted = text.trim().toLowerCase();
    if (!wanted) { chosen = null; render(); return; }
    const n = data.nodes.find((n) => n.name.toLowerCase() === wanted) || data.nodes.find((n) => n.title.toLowerCase().includes(wanted));
    $("hover").textContent = n ? "" : "No box is called " + text;
    if (!n) return;
    choose(n.key);
    if (place.has(n.key)) player.camera.centre(place.get(n.key));
  }

  function follow() {
    const s = at ? steps[at - 1] : null;
    player.camera.show((s ? [s.node, s.user] : [data.nodes[0].key]).map((k) => place.get(k)).filter(Boolean));
  }

  function playing(on) {
    if (timer !== null) cancelAnimationFrame(timer);
    timer = null;
    $("play").textContent = on ? "Pause" : "Play";
    $("play").setAttribute("aria-pressed", String(on));
    if (!on) return;
    if (at === steps.length) go(0);
    let last = performance.now();
    const tick = (now) => {
      if (now - last >= 1000 / Number($("speed").value) - 4) { last = now; go(at + 1, true); }
      if (at === steps.length) { playing(false); go(at); return; }
      timer = requestAnimationFrame(tick);
    };
    timer = requestAnimationFrame(tick);
  }
  const play = () => playing(timer === null);
  const keys = {
    ArrowRight: () => go(at + 1), ArrowLeft: () => go(at - 1), Home: () => go(0), End: () => go(steps.length), " ": play,
    "/": () => $("search").focus(),
  };
  const shifted = {};  // with the shift key
  document.addEventListener("keydown", (e) => {
    const tag = e.target.tagName, type = e.target.type, act = (e.shiftKey && shifted[e.key]) || keys[e.key];
    if (e.ctrlKey || e.metaKey || e.altKey || !act) return;
    if (tag === "SELECT" || (tag === "INPUT" && type !== "range" && type !== "checkbox")) return;
    if (type === "range" && e.key !== " ") return;
    if ((tag === "BUTTON" || tag === "SUMMARY" || type === "checkbox") && e.key === " ") return;
    e.preventDefault();
    act();
  });
  const on = (id, event, f) => $(id).addEventListener(event, f);
  on("first", "click", () => go(0)); on("last", "click", () => go(steps.length));
  on("back", "click", () => go(at - 1)); on("next", "click", () => go(at + 1)); on("play", "click", play);
  on("scrub", "input", (e) => { playing(false); go(Number(e.target.value)); });
  on("view", "change", (e) => { draw(Number(e.target.value)); });
  on("search", "change", (e) => find(e.target.value));
  on("search", "keydown", (e) => { if (e.key === "Enter") find(e.target.value); });
  const dark = (yes) => { document.documentElement.classList.toggle("dark", yes); $("dark").setAttribute("aria-pressed", String(yes)); };
  on("dark", "click", () => dark(!document.documentElement.classList.contains("dark")));
  dark(matchMedia("(prefers-color-scheme: dark)").matches);
  on("all", "toggle", list);
  window.addEventListener("beforeprint", () => { $("all").open = true; list(); });
  const linked = () => { const m = /step=(\d+)/.exec(location.hash); return m ? Number(m[1]) : 0; };
  window.addEventListener("hashchange", () => go(linked(), true));

  function list() {
    if ($("list").children.length || !$("all").open) return;
    steps.forEach((s, k) => {
      const li = make("li", {}, null, $("list"));
      make("button", { type: "button" }, plain(s), li).addEventListener("click", () => go(k + 1));
    });
    watchers.push((step) => [...$("list").children].forEach((li, k) => { if (k + 1 === step) li.setAttribute("aria-current", "step"); else li.removeAttribute("aria-current"); }));
    render();
  }

  $("notice").textContent = data.notices.join(" ");
  $("scrub").max = steps.length;
  data.views.forEach((v, k) => make("option", { value: k }, v.label, $("view")));
  $("view").parentElement.hidden = data.views.length < 2;
  for (const n of data.nodes) if (n.named || n.op) make("option", { value: n.name }, null, $("names"));
  for (const c of data.legend) {
    const li = make("li", {}, null, $("legend"));
    make("span", {}, null, li).style.cssText = "background:" + c.fill + ";border-color:" + c.line;
    li.append(c.kind);
  }
  function rest() { still = true; document.body.classList.add("film"); go(steps.length, true); }
  function start() { draw(0); go(linked(), true); }
  return { watchers, rest, data, nodes, steps, blanks, make, $, go, draw, toggle, follow, render, start, choose, keys, shifted, boxes: () => boxes, view: () => view, at: () => at };
})();
