// The graph on the stage: boxes with their arrays, frames, arrows; what changes from step to step.
const graph = (() => {
  const HEAD = 20, LINE = 15, PAD = 8, WIDEST = 190, LINES = 3, LETTER = 6.7, AT_ONCE = 60, TALL = 26;
  const closed = new Set();  // the frames that are folded
  let view = null, scene = null, size = null, down = false, abreast = false, chosen = null, found = new Set();
  const pen = make("canvas").getContext("2d");
  const width = (text, font) => { pen.font = font; return pen.measureText(text).width; };
  const BOLD = "600 13px system-ui, sans-serif", PLAIN = "12px system-ui, sans-serif";

  // A view by its place among the levels of detail: its boxes, and which frames are folded at first.
  function level(which) {
    const wanted = data.views[which], base = wanted.of ? data.views.find((v) => v.label === wanted.of) : wanted;
    const modules = (f) => f.path.filter((name) => !name.startsWith("stretch")).length;
    if (base.large) return { base, shut: shut(base, wanted.of ? (f) => modules(f) > wanted.depth : () => false) };
    return { base, shut: wanted.of ? base.frames.filter((f) => modules(f) === wanted.depth + 1).map((f) => fold.id(f.path)) : [] };
  }
  // Of a large graph all frames are folded, but for the outermost, as long as what is in them can be seen at once.
  function shut(base, always) {
    const inside = new Map(), depths = new Map();
    for (const path of [...base.frames.map((f) => f.path), ...base.boxes.filter((b) => !b.own).map((b) => [...b.path, b.key])]) {
      const outer = fold.id(path.slice(0, -1));
      inside.set(outer, (inside.get(outer) ?? 0) + 1);
    }
    for (const f of base.frames) depths.set(f.path.length, [...(depths.get(f.path.length) ?? []), f]);
    let count = inside.get("") ?? 0;
    const open = new Set();
    for (let depth = 1; depths.has(depth); depth++) {
      const level = depths.get(depth).filter((f) => !always(f) && (depth === 1 || open.has(fold.id(f.path.slice(0, -1)))));
      count += level.reduce((sum, f) => sum + (inside.get(fold.id(f.path)) ?? 0) - 1, 0);
      if (count > AT_ONCE) break;
      level.forEach((f) => open.add(fold.id(f.path)));
    }
    return base.frames.map((f) => fold.id(f.path)).filter((f) => !open.has(f));
  }
  // The drawing of a level, for a direction, with values and gradients abreast or one below the other: what it would be,
  // without showing it.
  function planned(base, shut, across, room, abreast) {
    const planned = fold.scene(base, new Set(shut));
    planned.boxes.forEach((b) => measure(b, across, abreast));
    const label = Math.max(0, ...planned.arrows.map((a) => 6 * numbers.told(nodes.get(a.source)).length + 18));
    return { ...planned, ...layout.place(planned, across, label, room) };
  }

  const several = (b) => b.rounds[0].length > 1 && b.folded;
  // Title, formula and arrays: how much room a box needs.
  function measure(b, across, abreast) {
    const n = nodes.get(b.node), value = n.value ? tiles.plan(n.shape, n.value) : null;
    [b.name, ...b.lines] = words(b, n);
    const turns = b.rounds.length > 1 ? longest(b.members.map((k) => nodes.get(k).name)) + b.counts.map((c) => ", round " + c + " of " + c).join("") : "";
    const text = Math.max(width(turns || b.name, BOLD) + (b.opens ? 16 : 0), ...b.lines.map((line) => width(line, font(b, n))));
    b.number = !n.shape.length;
    if (b.number) [b.tile, b.grads] = [{ w: 0, h: LINE }, n.grad_summary === null ? null : { w: 0, h: LINE }];
    else {
      const written = { w: Math.min(WIDEST, Math.max(...numerals(n).map((text) => width(text, PLAIN) + 6))), h: LINE };  // of what has no colours
      [b.tile, b.grads] = [value ?? written, n.grad_summary === null ? null : value ?? written];
    }
    b.beside = b.grads !== null && !b.number && (across || abreast ? b.tile.h > 40 && b.tile.w < WIDEST : b.tile.h > b.tile.w);
    const [w, h] = [b.tile.w, b.tile.h], room = b.number ? Math.max(80, numeral(n)) : w, head = HEAD + LINE * b.lines.length;
    b.w = Math.ceil(Math.max(58, Math.min(WIDEST, text), b.beside ? 2 * room + 10 : room) + 2 * PAD);
    b.h = Math.ceil(head + 4 + h + (b.grads && !b.beside ? h + 5 : 0) + PAD);
    b.head = head;
  }
  const numeral = (n) => 14 + LETTER * (9 + (n.grad_summary === null ? 0 : n.name.length + 4));  // "dv = -0.001234"

  const numerals = (n) => [n.summary, n.grad_summary === null ? "" : "d" + n.name + " = " + n.grad_summary].map((text) => text.split("; mean")[0]);
  const longest = (texts) => texts.reduce((a, b) => (b.length > a.length ? b : a), "");

  // "A1" and "tanh(t2)", in lines that a box holds; of what has no name of its own, the formula alone.
  function words(b, n) {
    if (b.opens) return [b.title, counted(b)];
    const title = b.rounds.length > 1 ? n.title : b.title, cut = title.indexOf(" = ");
    if (b.leaf || cut < 0) return [title];
    const rule = wrapped(title.slice(cut + 3), font(b, n));
    return n.named ? [title.slice(0, cut), ...rule] : rule;
  }
  const font = (b, n) => (n.named || b.opens ? PLAIN : BOLD);  // of what stands below the first line
  const counted = (b) => b.operations + " operation" + (b.operations === 1 ? "" : "s");
  function wrapped(text, letters) {
    const lines = [""];
    for (const word of text.split(/(?= [-+*\/@] )|(?<=,)(?= \D)/)) {
      if (lines.length < LINES && lines.at(-1) && width(lines.at(-1) + word, letters) > WIDEST) lines.push("");
      lines[lines.length - 1] += lines.at(-1) ? word : word.trimStart();
    }
    return lines;
  }
  const cut = (text, room, font) => {
    if (width(text, font) <= room) return text;
    text = text.replace(/(?:\w+\.)+([A-Za-z_]\w*)/g, "…$1");
    if (width(text, font) <= room) return text;
    while (text.length > 1 && width(text + "…", font) > room) text = text.slice(0, -1);
    return text + "…";
  };

  function open(base, shut, across, sideways) {
    view = base;
    [down, abreast] = [across, sideways];
    closed.clear();
    shut.forEach((f) => closed.add(f));
    lay();
    camera.fit(size);
  }
  function lay(room = camera.room()) {
    const before = new Map((scene?.boxes ?? []).map((b) => [b.key, b]));
    scene = planned(view, closed, down, room, abreast);
    size = { width: scene.width, height: scene.height, boxes: scene.boxes };
    const svg = $("graph");
    svg.replaceChildren();
    const drawing = draw("g", { id: "drawing" }, null, svg), [frames, lines, chips, folds, all] = [0, 1, 2, 3, 4].map(() => draw("g", {}, null, drawing));
    for (const f of scene.frames) frame(f, frames, folds);
    scene.arrows.forEach((a) => arrow(a, lines));
    labels(chips);
    for (const b of scene.boxes) { b.arrows = []; box(b, all, before.get(b.key)); }
    for (const a of scene.arrows) { a.from.arrows.push(a); if (a.to !== a.from) a.to.arrows.push(a); }
    drawn = null;
    render();
  }

  // In rows that fit on paper; where each of them stands.
  function paper(width) {
    down = abreast = false;
    still = true;  // a picture of boxes on their way is no page
    lay({ width, height: 1e9, least: 0.9, most: 1 });
    still = false;
    return scene.rows;
  }

  function frame(f, under, over) {
    draw("rect", { class: "frame", x: f.x, y: f.y, width: f.w, height: f.h, rx: 10 }, null, under);
    const g = draw("g", { class: "fold", tabindex: 0, role: "button", "aria-expanded": "true", "aria-label": "fold " + f.label, "data-frame": f.id }, null, over);
    const label = cut(f.label, f.w - 30, PLAIN);
    draw("rect", { x: f.x, y: f.y, width: Math.min(f.w, width(label, BOLD) + 34), height: 24, rx: 8 }, null, g);
    draw("text", { x: f.x + 9, y: f.y + 16 }, "▾ " + label, g);
    pressed(g, () => { if (!camera.moved()) toggle(f.id); });
  }

  function arrow(a, parent) {
    const p = a.points, n = p.length, d = layout.path(p, a.down);
    const g = a.g = draw("g", { class: "edge" + (a.loop ? " loop" : "") }, null, parent);
    draw("path", { d, class: "line" }, null, g);
    draw("path", { d, class: "flow" }, null, g);
    const from = [p[0][0] + (a.down ? 0 : 1), p[0][1] + (a.down ? 1 : 0)], straight = a.loop ? p[n - 2] : [p[n - 1][0] - (a.down ? 0 : 1), p[n - 1][1] - (a.down ? 1 : 0)];
    draw("polygon", { points: layout.head(straight, p[n - 1]), class: "head" }, null, g);
    draw("polygon", { points: layout.head(a.loop ? p[1] : from, p[0]), class: "tail" }, null, g);
    const hit = draw("path", { d, class: "hit" }, null, g);
    hit.addEventListener("mouseenter", () => hover(told(a)));
    hit.addEventListener("mouseleave", () => hover(""));
  }
  function told(a) {
    if (a.text) return a.text;
    const s = steps.find((s) => s.phase === "backward" && s.user === a.user && s.position === a.position);
    return s ? [s.formula, s.shapes, s.note].filter(Boolean).join("   ") : nodes.get(a.source).name + " → " + nodes.get(a.user).name;
  }
  const hover = (text) => write($("hover"), text);

  // The shape of what flows, once for each tensor, where its arrow begins: above it, or wherever fewest arrows cross it.
  function labels(parent) {
    const seen = new Set(), near = (x, y) => (x >> 2) * 2 ** 20 + (y >> 2), lines = new Set(scene.arrows.flatMap((a) => layout.traced(a.points, a.down).map((p) => near(...p))));
    const cells = ([left, base], w) => { const all = []; for (let x = left; x < left + w; x += 4) for (let y = base - 8; y <= base; y += 4) all.push(near(x, y)); return all; };
    for (const a of scene.arrows) {
      const text = numbers.told(nodes.get(a.source)), w = 6 * text.length, [x, y] = a.points[0];
      if (!text || seen.has(a.source) || a.loop) continue;
      seen.add(a.source);
      const places = a.down ? [0, 10, 20].flatMap((v) => [[x + 5, y + 13 + v], [x - w - 5, y + 13 + v]]) : [4, 12].flatMap((u) => [-5, 14, -14, 23, -23, 32].map((v) => [x + u, y + v]));
      const crossed = places.map((place) => cells(place, w).filter((cell) => lines.has(cell)).length), best = places[crossed.indexOf(Math.min(...crossed))];
      for (const cell of cells(best, w)) lines.add(cell);  // nor does another label stand there
      draw("text", { x: best[0], y: best[1], class: "shape" }, text, parent);
    }
  }

  function box(b, parent, before) {
    const n = nodes.get(b.node), g = b.g = draw("g", { class: "box", tabindex: 0, role: "graphics-symbol", "aria-roledescription": b.opens ? "folded part" : "box" }, null, parent);
    g.style.transform = `translate(${b.x}px, ${b.y}px)`;
    if (b.opens) g.dataset.frame = b.opens;
    if (b.opens) draw("rect", { x: 4, y: -4, width: b.w - 8, height: 12, rx: 6, class: "behind" }, null, g);
    b.rect = draw("rect", { width: b.w, height: b.h, rx: b.leaf ? 12 : 5, class: "body " + (b.opens ? "folded" : n.op ? "operation" : n.kind) }, null, g);
    b.hint = draw("title", {}, b.title, g);
    b.heading = draw("text", { x: b.w / 2, y: 16, class: "name" }, "", g);
    b.texts = b.lines.map((line, k) => draw("text", { x: b.w / 2, y: 31 + LINE * k, class: font(b, n) === PLAIN ? "rule" : "name" }, cut(line, b.w - 10, font(b, n)), g));
    b.value = slot(b, n, b.tile, 0, "value");
    b.grad = b.grads ? slot(b, n, b.grads, 1, "grad") : null;
    pressed(g, () => { if (camera.moved()) return; if (b.opens) toggle(b.opens); else { choose(current(b)); camera.near([b]); } });
    g.addEventListener("focus", () => { if (g.matches(":focus-visible")) camera.show([b]); });  // a box that is pressed is seen already
    if (before && Math.hypot(before.x - b.x, before.y - b.y) > 1) g.animate?.([{ transform: `translate(${before.x}px, ${before.y}px)` }, { transform: g.style.transform }], { duration: calm() ? 0 : 260, easing: "ease-out" });
  }
  let still = false;
  const calm = () => still || matchMedia("(prefers-reduced-motion: reduce)").matches;

  // Where a box shows a value or a gradient: an array, or a number.
  function slot(b, n, plan, gradient, cls) {
    const width = b.beside ? (b.w - 10) / 2 : b.w, x = b.beside && gradient ? width + 10 : 0;
    const y = b.head + 4 + (gradient && !b.beside ? plan.h + 5 : 0), g = draw("g", { class: cls, transform: `translate(${x}, ${y})` }, null, b.g);
    const text = draw("text", { x: width / 2, y: 11, class: "numeral" }, "", g);
    if (b.number && b.leaf && !gradient && n.value) { text.classList.add("live"); graph.press(text, n.key, 0); }
    const slot = { g, text, room: width - 6, middle: width / 2, high: plan.h, small: null };
    if (b.number || !n.value) return slot;
    const left = b.beside ? (gradient ? 0 : width - plan.w) : (width - plan.w) / 2;  // side by side, the two stand close together
    const inner = draw("g", { transform: `translate(${left}, 0)` }, null, g), press = gradient || !b.leaf ? null : (rect, k) => graph.press(rect, n.key, k);
    const picture = tiles.picture(inner, n.shape, n.value, press);
    draw("rect", { x: -1.5, y: -1.5, width: plan.w + 3, height: plan.h + 3, rx: 2, class: "rim" }, null, inner);
    pointed(inner, plan, n, gradient);
    return Object.assign(slot, { picture, shape: n.shape.join(), sampled: Boolean(n.value.rows) });
  }
  function pointed(g, plan, n, gradient) {
    g.addEventListener("pointermove", (e) => hover(under(e, g, plan, n, gradient)));
    g.addEventListener("pointerleave", () => hover(""));
  }
  // The number under the pointer.
  function under(e, g, plan, n, gradient) {
    const f = gradient ? state.gradient(n.key)?.figure : state.figure(n.key, 0);
    if (!f || (!gradient && !state.computed(n.key)) || state.blank(n.key, gradient)) return "";
    const r = g.getBoundingClientRect(), x = (e.clientX - r.left) / r.width * plan.w, y = (e.clientY - r.top) / r.height * plan.h;
    const [tw, th] = [plan.columns * plan.cell.w + tiles.GAP, plan.rows * plan.cell.h + tiles.GAP];
    const tile = Math.floor(y / th) * plan.across + Math.floor(x / tw), row = Math.floor((y % th) / plan.cell.h), column = Math.floor((x % tw) / plan.cell.w);
    const k = (tile * plan.rows + row) * plan.columns + column;
    if (row >= plan.rows || column >= plan.columns || !(k in f.values)) return "";
    const place = f.rows ? ` [${tile}, ${f.rows[row]}, ${f.columns[column]}]` : numbers.place(k, n.shape);
    return (gradient ? "d" : "") + n.name + place + " = " + numbers.one(f.values[k], n.dtype, 6);
  }

  // Fold a frame, or unfold it; what was pressed stays under the finger, and keeps the focus.
  function toggle(id) {
    const spot = () => scene.boxes.find((b) => b.opens === id) ?? scene.frames.find((f) => f.id === id), before = spot();
    if (!closed.delete(id)) closed.add(id);
    lay();
    if (camera.whole()) camera.fit(size);
    else camera.jump(spot().x - before.x, spot().y - before.y);
    document.querySelector(`#graph [data-frame="${CSS.escape(id)}"]`).focus({ preventScroll: true });
  }

  // Which round of a repeated part a box shows: that of the step, for all boxes of the part; else the newest computed.
  function round(b) {
    const s = state.step(), last = b.rounds.length - 1;
    if (!last || !s) return last;
    const part = scene.boxes.filter((o) => o.runs.join() === b.runs.join()), beside = (r) => part.flatMap((o) => o.rounds[r] ?? []);
    for (const k of [s.node, s.user]) {
      const own = b.rounds.findIndex((keys) => keys.includes(k));
      if (own >= 0) return own;
    }
    for (const other of [s.user, s.node].flatMap((k) => scene.place.get(k) ?? [])) {
      const shared = b.runs.filter((run) => other.runs.includes(run));
      if (!shared.length) continue;
      const k = other.members.includes(s.user) ? s.user : s.node, turn = other.turns[other.rounds.findIndex((keys) => keys.includes(k))];
      const fits = b.turns.map((_, r) => r).filter((r) => shared.every((run) => b.turns[r][b.runs.indexOf(run)] === turn[other.runs.indexOf(run)]));
      if (fits.length) return newest(fits, beside, s);
    }
    return newest(b.rounds.map((_, r) => r), beside, s);
  }
  const made = (k) => nodes.get(k).op && state.computed(k);
  function newest(rounds, keys, s) {  // of several rounds: the last one begun, on the way there, and else the last
    const begun = s.phase === "forward" ? rounds.filter((r) => keys(r).some(made)) : rounds;
    return begun.length ? begun.at(-1) : rounds[0];
  }
  // Of the nodes that a box stands for in a round, the one that the step is about; else the newest one computed.
  function current(b) {
    const s = state.step(), members = b.rounds[round(b)];
    for (const k of s ? [s.node, s.user] : []) if (members.includes(k)) return k;
    let best = members.at(-1);
    if (!state.still() && (!s || s.phase === "forward")) for (const k of members) if (made(k)) best = k;
    return best;
  }

  // From one step to the next only the boxes of these two steps change; otherwise all are looked at.
  let drawn = null;
  function changed() {
    if (drawn === null || Math.abs(state.at() - drawn) !== 1) return [scene.boxes, scene.arrows];
    const two = [steps[drawn - 1], steps[state.at() - 1]].filter(Boolean);
    const few = new Set([...two.flatMap((s) => [s.node, s.user]).flatMap((k) => scene.place.get(k) ?? []), ...scene.boxes.filter((b) => b.rounds.length > 1)]);
    return [few, new Set([...few].flatMap((b) => b.arrows))];
  }
  function render(everything = false) {
    if (everything) drawn = null;
    const [boxes, arrows] = changed(), s = state.step();
    drawn = state.at();
    for (const b of boxes) refresh(b, s);
    for (const a of arrows) {
      let cls = "edge" + (a.loop ? " loop" : "");
      if (s?.phase === "forward" && a.to.members.includes(s.node) && nodes.get(s.node).inputs.some((k) => a.from.members.includes(k))) cls += " now";
      if (s?.phase === "backward" && a.to.members.includes(s.user) && a.from.members.includes(s.node) && (a.position === null || a.position === s.position || a.from.rounds.length > 1)) cls += " back";
      if (a.cls !== cls) a.g.setAttribute("class", a.cls = cls);
    }
  }
  function refresh(b, s) {
    const key = current(b), n = nodes.get(key), ready = state.computed(key), grad = state.gradient(key);
    const within = !b.opens && key !== b.rounds[round(b)].at(-1) ? " in " + nodes.get(b.node).name : "";
    const words = b.opens ? b.title : b.rounds.length > 1 ? n.name + turn(b) : within ? n.name + within : b.name;
    write(b.heading, (b.opens ? "▸ " : "") + cut(words, b.w - 10 - (b.opens ? 14 : 0), BOLD));
    const instead = !b.opens && words !== b.name && font(b, nodes.get(b.node)) === BOLD;  // of a formula on several lines
    for (const text of b.texts) text.setAttribute("visibility", instead ? "hidden" : "inherit");
    write(b.hint, b.rounds.length > 1 ? n.title : b.title);
    const name = b.opens && n.name.startsWith(b.title + ".") ? n.name.slice(b.title.length + 1) : n.name;  // conv.weight in conv
    fill(b.value, n, key, ready ? state.figure(key, 0) : null, ready ? state.text(key, 0) : "", 0, several(b) && b.opens ? name + " = " : "");
    if (b.grad) fill(b.grad, n, key, grad?.figure ?? null, grad?.text ?? "", 1, "d" + name + " = ");
    const names = ["box"];
    if (!ready) names.push("waiting");
    if (s && b.members.includes(s.node)) names.push(s.phase === "forward" ? "now" : "gets");
    else if (s?.user && b.members.includes(s.user)) names.push("gives");
    if (found.size && b.members.some((k) => found.has(k))) names.push("found");
    if (chosen && b.members.includes(chosen)) names.push("chosen");
    const cls = names.join(" "), shown = (what, text) => (state.blank(key, what) ? "?" : text);
    if (b.cls !== cls) b.g.setAttribute("class", b.cls = cls);
    const label = (b.opens ? b.title + ": " + counted(b) : b.rounds.length > 1 ? words : b.title) + (ready ? ", value " + shown(0, state.text(key, 0)) : ", not computed yet") + (grad ? ", gradient " + shown(1, grad.text) : "");
    if (b.label !== label) b.g.setAttribute("aria-label", b.label = label);
  }
  const turn = (b) => ", " + b.turns[round(b)].map((t, k) => "round " + (t + 1) + " of " + b.counts[k]).join(", ");

  // A picture where the box was measured for this array. Of another one its name, with a picture as large as there is
  // room for, or its numbers where they fit into a line.
  function fill(slot, n, key, figure, text, gradient, before) {
    const hidden = state.blank(key, gradient), said = hidden ? "?" : text.split("; mean")[0], fits = slot.picture && figure && n.shape.join() === slot.shape && !figure.rows === !slot.sampled;
    slot.g.classList.toggle("empty", !text || (slot.picture && !fits));
    const drawn = !fits && text && figure && n.shape.length && !hidden && (slot.high >= TALL || width(before + said, PLAIN) > slot.room);
    if (slot.small && (!drawn || slot.small.key !== key)) { slot.small.g.remove(); slot.small = null; }
    if (fits) {
      write(slot.text, "");
      if (slot.last !== figure || slot.hidden !== hidden) slot.picture.show(figure.values, gradient ? "float64" : n.dtype, hidden);
      [slot.last, slot.hidden] = [figure, hidden];
    } else if (drawn) {
      slot.small ??= small(slot, n, key, figure, gradient, before.replace(" = ", ""));
      if (slot.small.last !== figure) slot.small.show(figure.values, gradient ? "float64" : n.dtype);
      slot.small.last = figure;
    } else {
      slot.text.setAttribute("x", slot.middle);
      const long = n.shape.length && width(before + said, PLAIN) > slot.room;  // no number is cut
      write(slot.text, text && cut(before + (long ? numbers.told(n) + " numbers" : said), slot.room, PLAIN));
    }
  }
  // The name above the picture where the box is tall, and else before it.
  function small(slot, n, key, figure, gradient, name) {
    const inside = slot.room - PAD, above = name && slot.high >= TALL, caption = name && cut(name, above ? inside : inside - 30, PLAIN), long = name && !above ? width(caption, PLAIN) + 5 : 0;
    const room = { w: inside - long, h: slot.high - (above ? LINE : 0) }, g = draw("g", { class: "small" }, null, slot.g), picture = tiles.picture(g, n.shape, figure, null, room);
    const left = slot.middle - (long + picture.w) / 2;
    slot.text.setAttribute("x", long ? left + (long - 5) / 2 : slot.middle);
    write(slot.text, caption);
    g.setAttribute("transform", `translate(${left + long}, ${slot.high - room.h + (room.h - picture.h) / 2})`);
    pointed(g, picture.plan, n, gradient);
    return { g, key, show: picture.show };
  }

  function choose(key) {
    chosen = key;
    render(true);
    graph.chosen.forEach((f) => f(key));
  }
  function mark(keys) {
    found = new Set(keys);
    render(true);
    const boxes = [...new Set(keys.flatMap((k) => scene.place.get(k) ?? []))];
    if (boxes.length) camera.show(boxes.slice(0, 1));
    return boxes.length;
  }
  function follow() {
    const s = state.step();
    camera.follow((s ? [s.node, s.user] : []).flatMap((k) => (scene.place.get(k) ?? []).slice(0, 1)));
  }
  state.watchers.push(() => { if (scene) { render(Boolean(state.live() || data.worksheet)); follow(); } });
  return {
    level, planned, open, paper, toggle, renew: () => lay(), choose, mark, render, hover, chosen: [], press: () => {},
    boxes: () => scene.boxes, frames: () => scene.frames, size: () => size, place: (key) => scene.place.get(key)?.[0], selected: () => chosen,
  };
})();
