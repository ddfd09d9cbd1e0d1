// Where boxes, frames and arrows lie. A layered drawing (Sugiyama, Tagawa and Toda, 1981): each box stands one layer after
// what it uses; the layers' order is chosen so that few arrows cross. A frame is laid out first, and is then one box.
// `u` goes along the flow, `v` across it: x and y from left to right, y and x from the top down.
const layout = (() => {
  const NEAR = 46, SIDE = 18, THIN = 8, PAD = 12, HEAD = 24, BEND = 44, BETWEEN = 56, ROWS = 40, READABLE = 0.75, SWEEPS = 8, LEAF = 0.1, STRIDE = 4, ABREAST = 12, MOST = 20000;  // dummies: places where long arrows pass a layer

  let flow = NEAR;  // between layers: room for an arrow, and for the shape that is written on it

  // Gives boxes x, y (the top left corner) and arrows `points`; the frames with their rectangles, and the whole size.
  // What is too long from left to right for the room is broken into rows, like text.
  function place(scene, down, label, room) {
    flow = Math.max(NEAR, down ? 0 : label);
    const levels = new Map(), boxes = new Map(scene.boxes.map((b) => [b.key, b]));
    const level = (path) => {
      const key = fold.id(path);
      if (!levels.has(key)) {
        levels.set(key, { path, items: new Map(), edges: new Map() });
        if (path.length) item(level(path.slice(0, -1)), "f:" + key, { frame: key });
      }
      return levels.get(key);
    };
    const item = (where, key, more) => { if (!where.items.has(key)) where.items.set(key, { key, u: 0, v: 0, ...more }); };
    for (const b of scene.boxes) item(level(b.path), "b:" + b.key, { box: b, u: down ? b.h : b.w, v: down ? b.w : b.h });
    const chains = scene.arrows.map((a) => (a.loop || a.from === a.to ? null : chain(level, item, a)));
    const deepest = [...levels.values()].sort((a, b) => b.path.length - a.path.length);
    for (const l of deepest) {
      for (const i of l.items.values()) if (i.frame !== undefined) {
        const inner = levels.get(i.frame);
        Object.assign(i, { inner, u: inner.u + 2 * PAD + (down ? HEAD : 0), v: inner.v + 2 * PAD + (down ? 0 : HEAD), shift: down ? 0 : HEAD / 2 });
      }
      solve(l);
    }
    if (!down) wrap(levels.get(""), room);
    const frames = settle_frames(levels.get(""), down);
    const flip = (p) => (down ? [p[1], p[0]] : p);
    for (const l of levels.values()) for (const i of l.items.values()) if (i.box) {
      const [x, y] = flip([l.u0 + i.at, l.v0 + i.centre - i.v / 2]);
      Object.assign(boxes.get(i.box.key), { x, y });
    }
    scene.arrows.forEach((a, k) => { a.points = (chains[k] ? route(chains[k]) : around(a.from, a.to, down)).map(flip); a.down = down; });
    for (const f of scene.frames) Object.assign(f, frames.get(f.id));
    const root = levels.get("");
    const rows = root.rows?.map((r) => ({ top: r.top - BETWEEN / 2, bottom: r.bottom + BETWEEN / 2 })) ?? [];
    return down ? { width: root.v, height: root.u, rows } : { width: root.u, height: root.v, rows };
  }

  // The edges, level by level, of which an arrow consists: out of the frames of its source, and into those of its user.
  function chain(level, item, a) {
    const from = a.from.path, to = a.to.path, source = a.from.key, found = [];
    let common = 0, at = "b:" + source;
    while (common < from.length && common < to.length && from[common] === to[common]) common++;
    const step = (l, end, last) => {
      const key = at + ">" + end + "|" + source, edge = l.edges.get(key) ?? { from: l.items.get(at), to: l.items.get(end), source, ends: 0 };
      l.edges.set(key, edge);
      found.push({ level: l, edge, slot: last ? edge.ends++ : 0 });
    };
    for (let k = from.length; k > common; k--) {
      const l = level(from.slice(0, k));
      item(l, "out:" + source, { port: "out" });
      step(l, "out:" + source);
      at = "f:" + fold.id(from.slice(0, k));
    }
    for (let k = common; k <= to.length; k++) {
      const l = level(to.slice(0, k)), last = k === to.length;
      if (k > common) { at = "in:" + source; item(l, at, { port: "in" }); }
      step(l, last ? "b:" + a.to.key : "f:" + fold.id(to.slice(0, k + 1)), last);
    }
    return found;
  }

  function solve(l) {
    const items = [...l.items.values()], edges = [...l.edges.values()];
    rank(items, edges);
    const layers = [];
    const put = (node, r) => { node.rank = r; (layers[r] ??= []).push(node); };
    for (const i of items) { i.before = []; i.after = []; put(i, i.rank); }
    const dummies = new Map(), total = edges.reduce((sum, e) => sum + e.to.rank - e.from.rank - 1, 0);
    const longest = total > MOST ? Math.max(1, Math.floor(MOST / edges.length)) : Infinity;  // a longer one goes straight
    for (const e of edges) {
      let last = e.from;
      e.path = [];
      if (e.to.rank - e.from.rank > longest) continue;
      for (let r = e.from.rank + 1; r < e.to.rank; r++) {
        const key = e.from.key + "|" + e.source + "@" + r;
        if (!dummies.has(key)) {
          const d = { u: 0, v: 0, thin: true, before: [], after: [] };
          dummies.set(key, d);
          put(d, r);
          join(last, d, e);
        }
        last = dummies.get(key);
        e.path.push(last);
      }
      join(last, e.to, e);
    }
    order(layers);
    across(layers);
    along(l, layers);
    for (const e of edges) e.to.arrivals = (e.to.arrivals ?? []).concat(Array.from({ length: Math.max(1, e.ends) }, (_, slot) => ({ e, slot })));
    for (const i of items) if (i.arrivals) i.arrivals.sort((a, b) => height(a.e) - height(b.e) || a.slot - b.slot);
  }
  const height = (e) => (e.path.length ? e.path.at(-1).centre : e.from.centre + offset(e.from, "out:" + e.source));

  // Where an arrow of `source` meets the side of an item: at its port, if the item is a frame.
  function offset(i, port) {
    const p = i.inner?.items.get(port);
    return p ? p.centre - i.inner.v / 2 + i.shift : 0;
  }
  function join(a, b, e) {
    a.after.push({ other: b, e });
    b.before.push({ other: a, e });
  }

  // Longest paths; a leaf, and what is made of leaves alone, stands just before its first user.
  function rank(items, edges) {
    const ins = new Map(items.map((i) => [i, []])), outs = new Map(items.map((i) => [i, []]));
    for (const e of edges) { ins.get(e.to).push(e.from); outs.get(e.from).push(e.to); }
    const first = items.some((i) => i.port === "in") ? 1 : 0, wait = new Map(items.map((i) => [i, ins.get(i).length])), ready = items.filter((i) => !wait.get(i));
    for (const i of items) i.rank = i.port === "in" ? 0 : first;
    let last = first;
    for (let k = 0; k < items.length; k++) {
      if (k >= ready.length) { const stuck = items.find((i) => wait.get(i) > 0); wait.set(stuck, 0); ready.push(stuck); }
      const i = ready[k];
      last = Math.max(last, i.port === "out" ? 0 : i.rank);
      for (const o of outs.get(i)) {
        if (wait.get(o) > 0) o.rank = Math.max(o.rank, i.rank + 1);
        wait.set(o, wait.get(o) - 1);
        if (wait.get(o) === 0) ready.push(o);
      }
    }
    for (const i of items) if (i.port === "out") i.rank = last + 1;
    for (const i of ready.reverse()) {
      const next = outs.get(i).map((o) => o.rank).filter((r) => r > i.rank), light = ins.get(i).every((p) => !ins.get(p).length && !p.port);
      if (!i.port && light && next.length) i.rank = Math.min(...next) - 1;
    }
    abreast(items, ins, outs, first);
  }
  // Very many leaves of one user stand in several layers, about as wide as high.
  function abreast(items, ins, outs, first) {
    for (const i of items) {
      const leaves = [...new Set(ins.get(i))].filter((p) => p.box && !ins.get(p).length && p.rank === i.rank - 1 && new Set(outs.get(p)).size === 1);
      if (leaves.length <= ABREAST) continue;
      const long = leaves.reduce((sum, p) => sum + p.v + SIDE, 0), count = Math.ceil(Math.sqrt(long / (Math.max(...leaves.map((p) => p.u)) + flow))), each = Math.ceil(leaves.length / count);
      leaves.forEach((p, k) => { p.rank -= count - 1 - Math.floor(k / each); });
    }
    const low = Math.min(first, ...items.filter((i) => i.port !== "in").map((i) => i.rank));
    for (const i of items) if (i.port !== "in") i.rank += first - low;
  }

  // Barycentres, there and back: each node stands at the mean place of its neighbours in the layer before.
  function order(layers) {
    const index = () => layers.forEach((layer) => layer.forEach((n, k) => { n.index = k + (n.offset ?? 0); }));
    index();
    for (let sweep = 0; sweep < SWEEPS; sweep++) {
      const there = sweep % 2 === 0, side = there ? "before" : "after";
      for (const layer of there ? layers : [...layers].reverse()) {
        for (const n of layer) n.mean = n[side].length ? n[side].reduce((sum, { other }) => sum + other.index, 0) / n[side].length : n.index;
        layer.sort((a, b) => a.mean - b.mean);
        layer.forEach((n, k) => { n.index = k; });
      }
    }
  }

  // Positions across the flow: as near to the neighbours as the order and the sizes allow.
  function across(layers) {
    const gap = (a, b) => (a.v + b.v) / 2 + (a.thin || b.thin || a.port || b.port ? THIN + (a.thin && b.thin ? 0 : 6) : SIDE);
    for (const layer of layers) {
      let v = 0;
      layer.forEach((n, k) => { v += k ? gap(layer[k - 1], n) : 0; n.centre = v; });
      for (const n of layer) n.centre -= v / 2;
    }
    for (let sweep = 0; sweep < 12; sweep++) {
      const sides = sweep > 9 ? ["before", "after"] : [sweep % 2 ? "after" : "before"];
      for (const layer of sweep % 2 ? [...layers].reverse() : layers) {
        const wants = layer.map((n) => {
          const links = sides.flatMap((s) => n[s].map((link) => [s, link])), some = links.length ? links : ["before", "after"].flatMap((s) => n[s].map((link) => [s, link]));
          if (!some.length) return n.centre;
          let sum = 0, weight = 0;
          for (const [s, { other, e }] of some) {
            const [out, back] = ["out:" + e.source, "in:" + e.source], w = other.box && !other.before.length ? LEAF : 1;
            sum += w * (other.centre + offset(other, s === "before" ? out : back) - offset(n, s === "before" ? back : out));
            weight += w;
          }
          return sum / weight;
        });
        spread(layer, wants, gap);
      }
    }
    let low = Infinity;
    for (const layer of layers) for (const n of layer) low = Math.min(low, n.centre - n.v / 2);
    for (const layer of layers) for (const n of layer) n.centre -= low;
  }

  // The positions nearest to those wanted that keep the order and the gaps (pool adjacent violators).
  function spread(layer, wants, gap) {
    const starts = [0];
    for (let k = 1; k < layer.length; k++) starts.push(starts[k - 1] + gap(layer[k - 1], layer[k]));
    const blocks = [];
    wants.forEach((want, k) => {
      const weight = layer[k].thin ? 3 : layer[k].box && !layer[k].before.length ? LEAF : 1;  // leaves make way
      let block = { sum: weight * (want - starts[k]), weight, count: 1 };
      while (blocks.length && blocks.at(-1).sum / blocks.at(-1).weight >= block.sum / block.weight) {
        const b = blocks.pop();
        block = { sum: block.sum + b.sum, weight: block.weight + b.weight, count: block.count + b.count };
      }
      blocks.push(block);
    });
    let k = 0;
    for (const b of blocks) for (let j = 0; j < b.count; j++, k++) layer[k].centre = b.sum / b.weight + starts[k];
  }

  function along(l, layers) {
    let u = 0;
    l.layers = layers.map((layer, r) => {
      const thick = Math.max(...layer.map((n) => n.u)), port = (q) => layers[q]?.every((n) => n.port || n.thin);
      const start = u;
      for (const n of layer) n.at = start + (thick - n.u) / 2;
      u += thick + (r + 1 < layers.length ? (port(r) || port(r + 1) ? flow / 2 : flow) : 0);
      return [start, start + thick];
    });
    l.u = u;
    l.v = layers.flat().reduce((most, n) => Math.max(most, n.centre + n.v / 2), 0);
    l.nodes = layers;
  }

  // As many rows as make the letters largest, up to a scale of `most`; one, where they can be read, from `least` on.
  function wrap(l, { width: wide, height: high, least = READABLE * letters(), most = 1.7 * letters() }) {
    const whole = Math.min(wide / l.u, high / l.v);
    let best = { scale: whole * 1.2 };
    if (whole > least) return;
    for (let count = 2; count <= ROWS && l.nodes.length >= 2 * count; count++) {
      const rows = broken(l, l.u / count), scale = Math.min(most, wide / (Math.max(...rows.map((r) => r.u)) + 2 * BEND), high / rows.reduce((sum, r) => sum + r.v + BETWEEN, -BETWEEN));
      if (scale > best.scale) best = { scale, rows };
    }
    if (!best.rows) return;
    l.row = l.nodes.map(() => 0);
    let top = 0;
    best.rows.forEach((row, k) => {
      for (let r = row.first; r <= row.last; r++) {
        l.row[r] = k;
        for (const n of l.nodes[r]) { n.at += BEND - row.start; n.centre += top - row.low; }
        l.layers[r] = l.layers[r].map((u) => u + BEND - row.start);
      }
      Object.assign(row, { top, bottom: top + row.v });
      top = row.bottom + BETWEEN;
    });
    Object.assign(l, { rows: best.rows, lanes: new Map(), u: Math.max(...best.rows.map((r) => r.u)) + 2 * BEND, v: top - BETWEEN });
  }
  // Layers in rows of about this length, with the room that each needs.
  function broken(l, length) {
    const rows = [];
    l.layers.forEach(([start, end], r) => {
      if (!rows.length || end - rows.at(-1).start > length * 1.05) rows.push({ first: r, start, low: Infinity, high: -Infinity });
      const row = rows.at(-1);
      Object.assign(row, { last: r, u: end - row.start });
      for (const n of l.nodes[r]) { row.low = Math.min(row.low, n.centre - n.v / 2); row.high = Math.max(row.high, n.centre + n.v / 2); }
    });
    for (const row of rows) row.v = row.high - row.low;
    return rows;
  }
  // The way from the end of a row to the begin of the next: between the rows, each tensor in a lane of its own.
  function turn(l, row, source, from, to) {
    const key = row + "|" + source;
    if (!l.lanes.has(key)) l.lanes.set(key, [...l.lanes.keys()].filter((k) => k.startsWith(row + "|")).length);
    const lane = (l.lanes.get(key) % 6) * 6, v = l.rows[row].bottom + BETWEEN / 3 + lane, right = BEND + l.rows[row].u + 8 + lane, left = BEND - 8 - lane;
    return [[right, from], [right, v], [left, v], [left, to]];
  }

  // Absolute places, from the outside in.
  function settle_frames(root, down) {
    const frames = new Map();
    Object.assign(root, { u0: 0, v0: 0 });
    const todo = [root];
    while (todo.length) {
      const l = todo.pop();
      for (const i of l.items.values()) if (i.inner) {
        const u = l.u0 + i.at, v = l.v0 + i.centre - i.v / 2;
        frames.set(i.frame, down ? { x: v, y: u, w: i.v, h: i.u } : { x: u, y: v, w: i.u, h: i.v });
        Object.assign(i.inner, { u0: u + PAD + (down ? HEAD : 0), v0: v + PAD + (down ? 0 : HEAD) });
        todo.push(i.inner);
      }
    }
    return frames;
  }

  function route(parts) {
    const points = [];
    for (const { level: l, edge: e, slot } of parts) {
      const put = (u, v) => points.push([l.u0 + u, l.v0 + v]), start = e.from.centre + offset(e.from, "out:" + e.source);
      let [rank, v] = [e.from.rank, start];
      const next = (r, to) => {
        if (l.row && l.row[r] !== l.row[rank]) for (let k = l.row[rank]; k < l.row[r]; k++) turn(l, k, e.source, v, to).forEach(([a, b]) => put(a, b));
        put(l.layers[r][0], to);
        [rank, v] = [r, to];
      };
      put(e.from.at + e.from.u, start);
      put(l.layers[e.from.rank][1], start);
      for (const d of e.path) { next(d.rank, d.centre); put(l.layers[d.rank][1], d.centre); }
      const end = e.to.centre + (e.to.inner ? offset(e.to, "in:" + e.source) : e.to.port ? 0 : arrival(e, slot));
      next(e.to.rank, end);
      put(e.to.at, end);
    }
    return points;
  }
  function arrival(e, slot) {
    const all = e.to.arrivals, k = all.findIndex((a) => a.e === e && a.slot === slot);
    return (k - (all.length - 1) / 2) * Math.min(18, e.to.v / (all.length + 1));
  }

  // Back to the next round of a repeated part: around the boxes, on the far side.
  function around(from, to, down) {
    const [u, v, w, h] = down ? ["y", "x", "h", "w"] : ["x", "y", "w", "h"], over = Math.min(from[v], to[v]) - 16;
    const a = from[u] + from[w] * 0.75, b = to[u] + to[w] * 0.25;
    return [[a, from[v]], [a, over], [b, over], [b, to[v]]];
  }

  // The line through the points: straight within layers, bent between them.
  function path(points, down) {
    let d = "M" + points[0].map(round).join(" ");
    for (let k = 1; k < points.length; k++) {
      const [ax, ay] = points[k - 1], [bx, by] = points[k];
      if (ax === bx && ay === by) continue;
      const straight = ax === bx || ay === by, m = down ? (ay + by) / 2 : (ax + bx) / 2;
      const bend = down ? [ax, m, bx, m] : [m, ay, m, by];
      d += straight ? "L" + [bx, by].map(round).join(" ") : "C" + [...bend, bx, by].map(round).join(" ");
    }
    return d;
  }
  const round = (v) => Math.round(v * 10) / 10;
  // Places along that line, a few units from each other.
  function traced(points, down) {
    const found = [];
    for (let k = 1; k < points.length; k++) {
      const [[ax, ay], [bx, by]] = [points[k - 1], points[k]], straight = ax === bx || ay === by, count = Math.ceil(Math.hypot(bx - ax, by - ay) / STRIDE);
      for (let j = 0; j <= count; j++) {
        const t = j / count || 0, along = straight ? t : 1.5 * t * (1 - t) + t ** 3, across = straight ? t : t * t * (3 - 2 * t), [s, r] = down ? [across, along] : [along, across];
        found.push([ax + (bx - ax) * s, ay + (by - ay) * r]);
      }
    }
    return found;
  }

  // An arrow head with its tip at `tip`, pointing away from `before`.
  function head(before, tip, size = 8) {
    let [dx, dy] = [tip[0] - before[0], tip[1] - before[1]];
    const length = Math.hypot(dx, dy) || 1;
    [dx, dy] = [dx / length, dy / length];
    const [x, y] = [tip[0] - size * dx, tip[1] - size * dy], half = size / 2.1;
    return [tip, [x - half * dy, y + half * dx], [x + half * dy, y - half * dx]].map((p) => p.map(round).join(",")).join(" ");
  }
  return { place, path, traced, head };
})();
