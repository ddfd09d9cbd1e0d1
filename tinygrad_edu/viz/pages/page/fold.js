"use strict";
// Folding: a closed frame becomes one box, the rest closes up, arrows end where their tensors now are.
const folding = (() => {
  const LETTER = 7.6, HIGH = 60, GAP = { x: 44, y: 22 }, PAD = 7, HEAD = 18;
  const id = (path) => path.join("/");

  // The boxes, arrows and frames that are left of a view when the frames whose ids are in `closed` are folded.
  function fold(view, closed, look, count) {
    const groups = new Map(), owner = new Map(), boxes = [];
    const outermost = (b) => b.path.findIndex((_, k) => closed.has(id(b.path.slice(0, k + 1)))) + 1;
    for (const b of view.boxes) if (outermost(b)) owner.set(b.key, id(b.path.slice(0, outermost(b))));
    const users = new Map();
    for (const a of view.arrows) users.set(a.source, (users.get(a.source) || new Set()).add(owner.get(a.user)));
    for (const b of view.boxes) {  // a parameter goes with the only module that uses it
      const [only] = users.get(b.key) || [], alone = b.own && !b.path.length && !owner.has(b.key) && users.get(b.key)?.size === 1;
      if (alone && only) owner.set(b.key, only);
      if (!owner.has(b.key)) { boxes.push({ ...b, room: b.w }); continue; }
      const o = owner.get(b.key);
      groups.set(o, [...(groups.get(o) || []), b]);
    }
    for (const [o, inside] of groups) boxes.push(box(view, o, inside, look, count));
    const frames = view.frames.filter((f) => !f.path.some((_, k) => closed.has(id(f.path.slice(0, k + 1)))));
    const place = new Map(boxes.flatMap((b) => b.members.map((k) => [k, b])));
    if (groups.size) close_up(boxes, frames);
    const rects = around(frames, boxes), corner = (r) => ({ x: r.x - r.w / 2, y: r.y - r.h / 2, w: r.w, h: r.h });
    return {
      ...view, boxes, frames: frames.filter((f) => rects.has(id(f.path))).map((f) => ({ ...f, id: id(f.path), ...corner(rects.get(id(f.path))) })),
      arrows: arrows(view, place, boxes), width: boxes.moved ? boxes.moved.x(view.width) : view.width, height: boxes.moved ? boxes.moved.y(view.height) : view.height,
    };
  }

  function box(view, o, inside, look, count) {
    const f = view.frames.find((f) => id(f.path) === o), core = inside.filter((b) => b.path.length >= f.path.length);
    const members = inside.flatMap((b) => b.members).sort((a, b) => a.slice(1) - b.slice(1));
    const operations = count(members), title = `${f.label}: ${operations} operation${operations === 1 ? "" : "s"}`;
    const same = core.every((b) => b.rounds.length === core[0].rounds.length && b.runs.every((run) => f.path.slice(0, -1).includes(run)));
    const rounds = same && core[0].rounds.length > 1 ? core[0].rounds.map((_, k) => inside.flatMap((b) => b.rounds[k] || []).sort((a, b) => a.slice(1) - b.slice(1))) : [members];
    const { runs, counts, turns } = rounds.length > 1 ? core[0] : { runs: [], counts: [], turns: [[]] };
    const r = extent(core), wide = Math.max(9, Math.min(30, title.length + 3)), w = wide * LETTER + 14;
    return {
      key: members[members.length - 1], title, wide, members, rounds, runs, counts, turns, leaf: false, own: false, opens: o, path: f.path.slice(0, -1),
      x: (r.left + r.right) / 2, y: (r.top + r.low) / 2, w, h: HIGH, room: Math.min(w, r.right - r.left), fill: look.fill, line: look.line,
    };
  }

  function extent(boxes) {
    return {
      left: Math.min(...boxes.map((b) => b.x - b.w / 2)), right: Math.max(...boxes.map((b) => b.x + b.w / 2)),
      top: Math.min(...boxes.map((b) => b.y - b.h / 2)), low: Math.max(...boxes.map((b) => b.y + b.h / 2)),
    };
  }

  // The rectangle of each frame that has something in it, from the inside to the outside; above is a line for its name.
  function around(frames, boxes) {
    const found = new Map(), inner = (path) => [...found.values()].filter((r) => r.parent === id(path));
    for (const f of [...frames].sort((a, b) => b.path.length - a.path.length)) {
      const inside = [...boxes.filter((b) => id(b.path) === id(f.path)), ...inner(f.path)];
      if (!inside.length) continue;
      const r = extent(inside), w = r.right - r.left + 2 * PAD, h = r.low - r.top + 2 * PAD + HEAD;
      found.set(id(f.path), { x: r.left - PAD + w / 2, y: r.top - PAD - HEAD + h / 2, w, h, parent: id(f.path.slice(0, -1)) });
    }
    return found;
  }

  // Empty stretches shrink, a box that needs more room than it has gets it; nothing changes its order.
  function close_up(boxes, frames) {
    const rects = [...around(frames, boxes.map((b) => ({ ...b, w: b.room }))).values()];
    const band = (middle, size) => [[middle - size / 2, middle - size / 2 + PAD, 1], [middle + size / 2 - PAD, middle + size / 2, 1]];
    const x = axis([...boxes.map((b) => [b.x - b.room / 2, b.x + b.room / 2, b.w / b.room]), ...rects.flatMap((r) => band(r.x, r.w))], GAP.x);
    const y = axis([...boxes.map((b) => [b.y - b.h / 2, b.y + b.h / 2, 1]), ...rects.flatMap((r) => [[r.y - r.h / 2, r.y - r.h / 2 + HEAD, 1], ...band(r.y, r.h)])], GAP.y);
    for (const b of boxes) { b.x = x(b.x); b.y = y(b.y); }
    boxes.moved = { x, y };
  }

  function axis(intervals, gap) {
    const cuts = [...new Set(intervals.flatMap(([a, b]) => [a, b]))].sort((a, b) => a - b), to = [cuts[0]];
    for (let k = 1; k < cuts.length; k++) {
      const a = cuts[k - 1], b = cuts[k], over = intervals.filter(([p, q]) => p <= a && q >= b).map((i) => i[2]);
      to.push(to[k - 1] + (over.length ? (b - a) * Math.max(...over) : Math.min(b - a, gap)));
    }
    const last = cuts.length - 1;
    return (v) => {
      if (v <= cuts[0]) return v;
      if (v >= cuts[last]) return to[last] + Math.min(v - cuts[last], gap);
      let low = 0, high = last;
      while (high - low > 1) { const m = (low + high) >> 1; if (cuts[m] <= v) low = m; else high = m; }
      return to[low] + (to[high] - to[low]) * (v - cuts[low]) / (cuts[high] - cuts[low]);
    };
  }

  function arrows(view, place, boxes) {
    const found = new Map();
    for (const a of view.arrows) {
      const from = place.get(a.source), to = place.get(a.user);
      if (from === to && from.opens) continue;
      const whole = !from.opens && !to.opens;
      const arrow = boxes.moved ? { ...a, ...shifted(a, boxes.moved) } : a;
      if (!whole) Object.assign(arrow, { position: null, text: from.title + " → " + to.title }, rerouted(arrow, from, to));
      const key = from.key + " " + to.key + " " + arrow.position;
      if (whole || !found.has(key)) found.set(whole ? a : key, arrow);
    }
    return [...found.values()];
  }

  const points = (text) => text.match(/-?[\d.]+/g).map(Number);
  function shifted(a, { x, y }) {
    let k = 0;
    const d = a.d.replace(/-?[\d.]+/g, (v) => (k++ % 2 ? y : x)(Number(v)).toFixed(1));
    const carried = (polygon) => {
      const p = points(polygon), dx = x(p[0]) - p[0], dy = y(p[1]) - p[1];
      return p.map((v, i) => (v + (i % 2 ? dy : dx)).toFixed(1)).join(" ");
    };
    return { d, head: carried(a.head), tail: carried(a.tail) };
  }

  // The same line without what is now inside a box; a new one where nothing is left of it.
  function rerouted(a, from, to) {
    const p = points(a.d), right = from.x + from.w / 2, left = to.x - to.w / 2 - 9;
    if (a.loop || right >= left) return straight(from, to);
    if (from.opens) {
      while (p.length > 2 && p[6] < right + 12) p.splice(0, 6);
      p.splice(0, 4, right, from.y, right + 12, from.y);
    }
    if (to.opens && p.length > 2) {
      while (p.length > 2 && p[p.length - 8] > left - 12) p.splice(-6);
      p.splice(-4, 4, left - 12, to.y, left, to.y);
    }
    if (p.length < 8) return straight(from, to);
    const ends = straight(from, to), curve = p.slice(2).map((v) => v.toFixed(1)).join(" ");
    return { d: `M${p[0]} ${p[1]}C${curve}`, head: to.opens ? ends.head : a.head, tail: from.opens ? ends.tail : a.tail };
  }

  // A new line between two boxes: from side to side, or over the top where it goes back.
  function straight(from, to) {
    const sx = from.x + from.w / 2, ex = to.x - to.w / 2 - 9;
    if (ex > sx) {
      const bend = Math.max(12, (ex - sx) / 2);
      return {
        d: `M${sx} ${from.y}C${sx + bend} ${from.y} ${ex - bend} ${to.y} ${ex} ${to.y}`,
        head: `${ex + 9} ${to.y} ${ex - 1} ${to.y - 4.5} ${ex - 1} ${to.y + 4.5}`, tail: `${sx} ${from.y} ${sx + 10} ${from.y - 4.5} ${sx + 10} ${from.y + 4.5}`,
      };
    }
    const sy = from.y - from.h / 2, ey = to.y - to.h / 2 - 9, over = Math.min(sy, ey) - 40;
    return {
      d: `M${from.x} ${sy}C${from.x} ${over} ${to.x} ${over} ${to.x} ${ey}`,
      head: `${to.x} ${ey + 9} ${to.x - 4.5} ${ey - 1} ${to.x + 4.5} ${ey - 1}`, tail: `${from.x} ${sy} ${from.x - 4.5} ${sy - 10} ${from.x + 4.5} ${sy - 10}`,
    };
  }
  return { fold, id };
})();
