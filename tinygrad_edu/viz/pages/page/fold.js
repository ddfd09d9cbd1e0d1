// Folding: a closed frame becomes one box; arrows end where their tensors now are.
const fold = (() => {
  const SHARED = 3;  // a parameter of more frames than that is drawn in each of them
  const id = (path) => path.join("/");

  // What of a view does not depend on which frames are folded: where each box stands, with the ids of the frames around
  // it; and what the frames are called.
  const prepared = new Map();
  function prepare(view) {
    if (!prepared.has(view)) {
      const frames = new Map(view.frames.map((f) => [id(f.path), { ...f, id: id(f.path) }])), all = housed(view);
      const path = new Map(view.boxes.map((b) => [b.key, id(b.path)])), order = new Map(view.boxes.map((b, k) => [b.key, k]));
      for (const b of all) { let at = ""; b.within = b.path.map((name, k) => (at = k ? at + "/" + name : name)); }
      prepared.set(view, { frames, all, path, order });
    }
    return prepared.get(view);
  }

  // The boxes, arrows and frames that are left of a view when the frames whose ids are in `closed` are folded.
  function scene(view, closed) {
    const { frames, all, order, path } = prepare(view), boxes = [], groups = new Map(), owner = new Map(), place = new Map(), open = new Set();
    for (const b of all) {
      const end = b.within.findIndex((frame) => closed.has(frame));
      if (end < 0) {
        const box = { ...b, members: b.rounds.flat() };
        boxes.push(box);
        owner.set(b, box);
        for (const frame of b.within) open.add(frame);
        continue;
      }
      const group = groups.get(b.within[end]);
      if (group) group.push(b); else groups.set(b.within[end], [b]);
      for (let k = 0; k < end; k++) open.add(b.within[k]);
    }
    for (const [frame, inside] of groups) {
      const box = folded(frames.get(frame), inside);
      boxes.push(box);
      for (const b of inside) owner.set(b, box);
    }
    boxes.sort((a, b) => order.get(a.node) - order.get(b.node));
    for (const b of boxes) for (const k of b.members) { const at = place.get(k); if (at) at.push(b); else place.set(k, [b]); }
    return { boxes, place, arrows: arrows(view, path, all, owner), frames: [...frames.values()].filter((f) => open.has(f.id)).map((f) => ({ ...f })) };
  }

  // A parameter or a constant stands in the innermost frame that holds all its uses; one that many frames share, in each.
  function housed(view) {
    const path = new Map(view.boxes.map((b) => [b.key, b.path])), users = new Map();
    for (const a of view.arrows) if (!a.loop) { const at = users.get(a.source); if (at) at.push(path.get(a.user)); else users.set(a.source, [path.get(a.user)]); }
    const shared = (a, b) => { let k = 0; while (k < a.length && k < b.length && a[k] === b[k]) k++; return a.slice(0, k); };
    return view.boxes.flatMap((b) => {
      const all = b.own && !b.path.length ? users.get(b.key) ?? [] : [], homes = new Map(all.map((p) => [id(p), p]));
      if (homes.size > SHARED && all.every((p) => p.length)) return [...homes].map(([at, p]) => ({ ...b, key: b.key + "@" + at, node: b.key, path: p, at }));
      return [{ ...b, node: b.key, path: all.length ? all.reduce(shared) : b.path }];
    });
  }

  function folded(f, inside) {
    const outer = f.path.slice(0, -1), core = inside.filter((b) => !b.own), last = core.at(-1) ?? inside.at(-1), count = last.rounds.length;
    const ordered = (keys) => keys.sort((a, b) => a.slice(1) - b.slice(1));
    const members = ordered(inside.flatMap((b) => b.rounds.flat()));
    const repeated = count > 1 && core.every((b) => b.rounds.length === count && b.runs.every((run) => outer.includes(run)));
    const rounds = repeated ? last.rounds.map((_, k) => ordered(inside.flatMap((b) => b.rounds[k] ?? []))) : [members];
    const { runs, counts, turns } = repeated ? last : { runs: [], counts: [], turns: [[]] };
    const operations = rounds[0].filter((k) => nodes.get(k).op).length, node = core.length ? ordered(core.map((b) => b.key)).at(-1) : members.at(-1);
    return {
      key: node + "/" + f.id, node, title: f.label, operations, rounds, members, runs, counts, turns, leaf: false, own: false, folded: true, opens: f.id, path: outer,
    };
  }

  function arrows(view, path, all, owner) {
    const found = new Map(), home = new Map();
    for (const b of all) home.set(b.at === undefined ? b.node : b.node + "@" + b.at, owner.get(b));
    for (const a of view.arrows) {
      const from = home.get(a.source) ?? home.get(a.source + "@" + path.get(a.user)), to = home.get(a.user);
      if (from === to && from.opens) continue;
      const whole = !from.opens && !to.opens, key = whole ? a : from.key + " " + to.key;
      if (found.has(key)) continue;
      found.set(key, { ...a, from, to, position: whole ? a.position : null, text: whole ? a.text : from.title + " → " + to.title });
    }
    return [...found.values()];
  }
  return { scene, id, renew: () => prepared.clear() };
})();
