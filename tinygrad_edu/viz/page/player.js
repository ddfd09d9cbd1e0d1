"use strict";
// The backprop player. Every name that comes from a program is put in as text, never as markup.
const player = (() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const $ = (id) => document.getElementById(id);
  const nodes = new Map(data.nodes.map((n) => [n.key, n]));
  const steps = data.steps;
  const SVG = "http://www.w3.org/2000/svg";
  let still = false;  // a film shows the graph as a whole, not a step of it
  let at = 0, view = null, boxes = [], arrows = [], place = new Map(), timer = null, chosen = null;
  const watchers = [];

  function make(tag, attributes = {}, text = null, parent = null) {
    const svg = ["svg", "g", "rect", "text", "path", "polygon", "line", "title", "circle"].includes(tag);
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
  const oneLine = (text, most) => text.length > most ? text.slice(0, most - 1) + "…" : text;
  const shown = (key, what, text) => (blanks.has(key + "." + what) ? "?" : text);

  function draw(which) {
    view = data.views[which];
    const svg = $("graph");
    svg.replaceChildren();
    place = new Map();
    const frames = make("g", {}, null, svg), lines = make("g", {}, null, svg), all = make("g", {}, null, svg);
    for (const f of view.frames) {
      const g = make("g", { class: "frame" }, null, frames);
      make("rect", { x: f.x, y: f.y, width: f.w, height: f.h, rx: 8 }, null, g);
      make("text", { x: f.x + 8, y: f.y + 14 }, f.label, g);
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
      const rect = make("rect", { x: b.x - b.w / 2, y: b.y - b.h / 2, width: b.w, height: b.h, rx: b.leaf ? 9 : 2, fill: b.fill, stroke: b.line }, null, g);
      const top = b.y - b.h / 2;
      make("text", { x: b.x, y: top + 17, class: "title" }, b.title, g);
      const value = make("text", { x: b.x, y: top + 34 }, "", g), grad = make("text", { x: b.x, y: top + 51, class: "grad" }, "", g);
      const box = { ...b, g, rect, value, grad };
      b.members.forEach((k) => place.set(k, box));
      const open = () => { choose(current(box)); };
      g.addEventListener("click", () => { if (!moved) open(); });
      g.addEventListener("keydown", (e) => { if (e.key === "Enter") open(); });
      return box;
    });
    for (const b of boxes) b.arrows = [];
    for (const a of arrows) for (const k of new Set([a.source, a.user])) place.get(k).arrows.push(a);
    readable();
    render();
  }

  // Of the nodes that a box stands for, the one that the step is about; else the newest one computed.
  function current(box) {
    const s = at && !still ? steps[at - 1] : null;
    if (s && box.members.includes(s.node)) return s.node;
    if (still || box.members.length === 1) return box.members[box.members.length - 1];
    let best = box.members[box.members.length - 1];
    if (!s || s.phase === "forward") for (const k of box.members) if (nodes.get(k).from <= at) best = k;
    return best;
  }

  function set(element, text) { if (element.textContent !== text) element.textContent = text; }

  // From one step to the next only the boxes of these two steps change; otherwise all are looked at.
  let drawn = null;
  function changed() {
    if (drawn === null || Math.abs(at - drawn) !== 1) return [boxes, arrows];
    const two = [steps[drawn - 1], steps[at - 1]].filter(Boolean);
    const few = new Set(two.flatMap((s) => [s.node, s.user]).map((k) => place.get(k)).filter(Boolean));
    return [few, new Set([...few].flatMap((b) => b.arrows))];
  }

  function render(step = false) {
    const s = at && !still ? steps[at - 1] : null;
    if (!step) drawn = null;
    const [some, lines] = changed();
    drawn = at;
    for (const b of some) {
      const n = nodes.get(current(b)), now = state(n, at);
      set(b.value, now.value === null ? "" : oneLine(shown(n.key, "value", now.value), b.wide));
      set(b.grad, now.grad === null ? "" : oneLine("d" + n.name + " = " + shown(n.key, "grad", now.grad), b.wide));
      const names = ["box"];
      if (now.value === null) names.push("waiting");
      if (s && b.members.includes(s.node)) names.push(s.phase === "forward" ? "now" : "gets");
      else if (s && s.user && b.members.includes(s.user)) names.push("now");
      if (chosen && b.members.includes(chosen)) names.push("found");
      const cls = names.join(" ");
      if (b.cls !== cls) { b.g.setAttribute("class", cls); b.cls = cls; }
      const label = b.title + (now.value === null ? ", not computed yet" : ", value " + shown(n.key, "value", now.value)) + (now.grad === null ? "" : ", gradient " + shown(n.key, "grad", now.grad));
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

  function hidden(s) {
    if (!s) return "";
    if (s.phase === "forward") return shown(s.node, "value", s.after) !== s.after ? "value" : "";
    return ["grad", "derivative"].filter((w) => blanks.has(s.node + "." + w) || blanks.has((s.user || "") + ":" + s.position + "." + w))[0] || "";
  }
  function plain(s) { return hidden(s) ? s.text.split(" = ")[0] + " = ?" : s.text; }

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
    if (s.derivative !== null) row("local derivative", s.derivative_name + " = " + (blank === "derivative" ? "?" : (s.derivative_formula === s.derivative ? "" : s.derivative_formula + " = ") + s.derivative));
    else row("rule", s.formula + (s.shapes ? "   " + s.shapes : ""));
    row(s.derivative !== null ? "their product" : "it gives", blank ? "?" : s.product);
    if (s.before !== null) { row("sum before", blank ? "?" : s.before); row("running sum", blank ? "?" : s.after, "total"); }
    if (s.note) make("p", { class: "why" }, s.note + ".", box);
    if (s.uses > 1) make("p", { class: "why" }, name + " is used " + s.uses + " times; this is contribution " + s.use + ". A change of " + name + " reaches the result along every use, so the gradients add" + (s.use < s.uses ? ", and " + name + " has to wait for the others before it may pass its own gradient on." : ": now the sum is complete, and " + name + " may pass it on."), box);
  }

  function go(step, keep = false) {
    at = Math.max(0, Math.min(steps.length, step));
    render(true);
    follow();
    if (!keep) history.replaceState(null, "", "#step=" + at);
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
    const b = place.get(n.key);
    if (b) { frame.x = b.x - frame.w / 2; frame.y = b.y - frame.h / 2; look(); }
  }

  // Zoom and pan by the view box.
  const frame = { x: 0, y: 0, w: 1, h: 1 };
  let moved = false;
  function look() { $("graph").setAttribute("viewBox", [frame.x, frame.y, frame.w, frame.h].join(" ")); }
  const pad = 22;
  function fit(smallest = 0) {
    const room = $("stage").getBoundingClientRect(), width = Math.max(room.width, 1), height = Math.max(room.height, 1);
    const w = view.width + 2 * pad, h = view.height + 2 * pad;
    const scale = Math.min(Math.max(w / width, h / height, 1 / 1.6), smallest || Infinity);
    frame.w = width * scale; frame.h = height * scale;
    frame.x = w > frame.w + 1 ? -pad : -pad - (frame.w - w) / 2;
    frame.y = -pad - (frame.h - h) / 2;
    look();
  }
  function readable() { fit(1.1); follow(); }  // letters stay readable; a wide graph is followed from step to step
  function follow() {
    const s = at ? steps[at - 1] : null;
    const wanted = (s ? [s.node, s.user] : [data.nodes[0].key]).map((k) => place.get(k)).filter(Boolean);
    if (!wanted.length) return;
    const left = Math.min(...wanted.map((b) => b.x - b.w / 2)), right = Math.max(...wanted.map((b) => b.x + b.w / 2));
    const top = Math.min(...wanted.map((b) => b.y - b.h / 2)), low = Math.max(...wanted.map((b) => b.y + b.h / 2));
    const inside = (a, b, from, size) => a >= from && b <= from + size;
    if (!inside(left, right, frame.x, frame.w)) frame.x = right - left > frame.w ? left - pad : (left + right - frame.w) / 2;
    if (!inside(top, low, frame.y, frame.h)) frame.y = low - top > frame.h ? top - pad : (top + low - frame.h) / 2;
    look();
  }
  function zoom(by, cx = frame.x + frame.w / 2, cy = frame.y + frame.h / 2) {
    frame.x = cx - (cx - frame.x) * by; frame.y = cy - (cy - frame.y) * by; frame.w *= by; frame.h *= by;
    look();
  }
  const stage = $("stage");
  stage.addEventListener("wheel", (e) => {
    e.preventDefault();
    const room = stage.getBoundingClientRect();
    zoom(e.deltaY > 0 ? 1.15 : 1 / 1.15, frame.x + frame.w * (e.clientX - room.left) / room.width, frame.y + frame.h * (e.clientY - room.top) / room.height);
  }, { passive: false });
  let drag = null;
  stage.addEventListener("pointerdown", (e) => { drag = { x: e.clientX, y: e.clientY, fx: frame.x, fy: frame.y }; moved = false; });
  window.addEventListener("pointermove", (e) => {
    if (!drag) return;
    const scale = frame.w / stage.getBoundingClientRect().width;
    if (Math.abs(e.clientX - drag.x) + Math.abs(e.clientY - drag.y) > 4) moved = true;
    if (moved) { frame.x = drag.fx - (e.clientX - drag.x) * scale; frame.y = drag.fy - (e.clientY - drag.y) * scale; look(); }
  });
  window.addEventListener("pointerup", () => { drag = null; });

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
  const toggle = () => playing(timer === null);
  const keys = {
    ArrowRight: () => go(at + 1), ArrowLeft: () => go(at - 1), Home: () => go(0), End: () => go(steps.length), " ": toggle,
    "+": () => zoom(1 / 1.25), "=": () => zoom(1 / 1.25), "-": () => zoom(1.25), 0: () => fit(), "/": () => $("search").focus(),
  };
  document.addEventListener("keydown", (e) => {
    const tag = e.target.tagName, type = e.target.type;
    if (e.ctrlKey || e.metaKey || e.altKey || !keys[e.key]) return;
    if (tag === "SELECT" || (tag === "INPUT" && type !== "range" && type !== "checkbox")) return;
    if (type === "range" && e.key !== " ") return;
    if ((tag === "BUTTON" || tag === "SUMMARY" || type === "checkbox") && e.key === " ") return;
    e.preventDefault();
    keys[e.key]();
  });
  const on = (id, event, f) => $(id).addEventListener(event, f);
  on("first", "click", () => go(0)); on("last", "click", () => go(steps.length));
  on("back", "click", () => go(at - 1)); on("next", "click", () => go(at + 1)); on("play", "click", toggle);
  on("scrub", "input", (e) => { playing(false); go(Number(e.target.value)); });
  on("view", "change", (e) => { draw(Number(e.target.value)); });
  on("search", "change", (e) => find(e.target.value));
  on("search", "keydown", (e) => { if (e.key === "Enter") find(e.target.value); });
  on("in", "click", () => zoom(1 / 1.25)); on("out", "click", () => zoom(1.25)); on("fit", "click", () => fit());
  const dark = (yes) => { document.documentElement.classList.toggle("dark", yes); $("dark").setAttribute("aria-pressed", String(yes)); };
  on("dark", "click", () => dark(!document.documentElement.classList.contains("dark")));
  dark(matchMedia("(prefers-color-scheme: dark)").matches);
  on("all", "toggle", list);
  window.addEventListener("resize", readable);
  window.addEventListener("beforeprint", () => { $("all").open = true; list(); fit(); });
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
  function start() { draw(0); go(Math.min(linked(), steps.length), true); }
  return { rest, fit, data, nodes, steps, blanks, make, $, go, draw, render, start, choose, boxes: () => boxes, at: () => at };
})();
