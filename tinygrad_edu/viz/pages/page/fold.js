// Folding: a closed frame becomes one box; arrows end where their tensors now are.
const fold = (() => {
  const id = (path) => path.join("/");

  const SHARED = 3;  // a parameter of more frames than that is drawn in each of them

  // The boxes, arrows and frames that are left of a view when the frames whose ids are in `closed` are folded.
  function scene(view, closed) {
    const shut = (path) => path.findIndex((_, k) => closed.has(id(path.slice(0, k + 1)))) + 1;
    const boxes = [], groups = new Map(), all = housed(view), owner = new Map(), place = new Map();
    for (const b of all) {
      const end = shut(b.path), frame = id(b.path.slice(0, end));
      if (!end) { const box = { ...b, members: b.rounds.flat() }; boxes.push(box); owner.set(b, box); continue; }
      groups.set(frame, [...(groups.get(frame) ?? []), b]);
    }
    for (const [frame, inside] of groups) {
      const box = folded(view, frame, inside);
      boxes.push(box);
      for (const b of inside) owner.set(b, box);
    }
    const order = new Map(view.boxes.map((b, k) => [b.key, k]));
    boxes.sort((a, b) => order.get(a.node) - order.get(b.node));
    for (const b of boxes) for (const k of b.members) place.set(k, [...(place.get(k) ?? []), b]);
    const frames = view.frames.filter((f) => !shut(f.path) && boxes.some((b) => id(b.path.slice(0, f.path.length)) === id(f.path)));
    return { boxes, place, arrows: arrows(view, all, owner), frames: frames.map((f) => ({ ...f, id: id(f.path) })) };
  }

  // A parameter or a constant stands in the innermost frame that holds all its uses; one that many frames share, in each.
  function housed(view) {
    const path = new Map(view.boxes.map((b) => [b.key, b.path])), users = new Map();
    for (const a of view.arrows) if (!a.loop) users.set(a.source, [...(users.get(a.source) ?? []), path.get(a.user)]);
    const shared = (a, b) => { let k = 0; while (k < a.length && k < b.length && a[k] === b[k]) k++; return a.slice(0, k); };
    return view.boxes.flatMap((b) => {
      const all = b.own && !b.path.length ? users.get(b.key) ?? [] : [], homes = new Map(all.map((p) => [id(p), p]));
      if (homes.size > SHARED && all.every((p) => p.length)) return [...homes].map(([at, p]) => ({ ...b, key: b.key + "@" + at, node: b.key, path: p, at }));
      return [{ ...b, node: b.key, path: all.length ? all.reduce(shared) : b.path }];
    });
  }

  function folded(view, frame, inside) {
    const f = view.frames.find((f) => id(f.path) === frame), outer = f.path.slice(0, -1);
    const core = inside.filter((b) => !b.own), last = core.at(-1) ?? inside.at(-1), count = last.rounds.length;
    const ordered = (keys) => keys.sort((a, b) => a.slice(1) - b.slice(1));
    const members = ordered(inside.flatMap((b) => b.rounds.flat()));
    const repeated = count > 1 && core.every((b) => b.rounds.length === count && b.runs.every((run) => outer.includes(run)));
    const rounds = repeated ? last.rounds.map((_, k) => ordered(inside.flatMap((b) => b.rounds[k] ?? []))) : [members];
    const { runs, counts, turns } = repeated ? last : { runs: [], counts: [], turns: [[]] };
    const operations = rounds[0].filter((k) => nodes.get(k).op).length;
    return {
      key: members.at(-1) + "/" + frame, node: members.at(-1), title: f.label, operations, rounds, members, runs, counts, turns, leaf: false, own: false, folded: true, opens: frame, path: outer,
    };
  }

  function arrows(view, all, owner) {
    const found = new Map(), path = new Map(view.boxes.map((b) => [b.key, id(b.path)])), home = new Map();
    for (const b of all) home.set(b.at === undefined ? b.node : b.node + "@" + b.at, owner.get(b));
    for (const a of view.arrows) {
      const from = home.get(a.source) ?? home.get(a.source + "@" + path.get(a.user)), to = home.get(a.user);
      if (from === to && from.opens) continue;
      const whole = !from.opens && !to.opens;
      const arrow = { ...a, from, to, position: whole ? a.position : null, text: whole ? a.text : from.title + " → " + to.title };
      const key = whole ? a : from.key + " " + to.key;
      if (!found.has(key)) found.set(key, arrow);
    }
    return [...found.values()];
  }
  return { scene, id };
})();
