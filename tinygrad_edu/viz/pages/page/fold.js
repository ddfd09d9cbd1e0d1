// Folding: a closed frame becomes one box; arrows end where their tensors now are.
const fold = (() => {
  const id = (path) => path.join("/");

  // The boxes, arrows and frames that are left of a view when the frames whose ids are in `closed` are folded.
  function scene(view, closed) {
    const shut = (path) => path.findIndex((_, k) => closed.has(id(path.slice(0, k + 1)))) + 1;
    const boxes = [], groups = new Map(), place = new Map();
    for (const b of housed(view)) {
      const end = shut(b.path);
      if (!end) { boxes.push({ ...b, members: b.rounds.flat() }); continue; }
      const frame = id(b.path.slice(0, end));
      groups.set(frame, [...(groups.get(frame) ?? []), b]);
    }
    for (const [frame, inside] of groups) boxes.push(folded(view, frame, inside));
    const order = new Map(view.boxes.map((b, k) => [b.key, k]));
    boxes.sort((a, b) => order.get(a.key) - order.get(b.key));
    for (const b of boxes) for (const k of b.members) place.set(k, b);
    const frames = view.frames.filter((f) => !shut(f.path) && boxes.some((b) => id(b.path.slice(0, f.path.length)) === id(f.path)));
    return { boxes, place, arrows: arrows(view, place), frames: frames.map((f) => ({ ...f, id: id(f.path) })) };
  }

  // A parameter or a constant stands in the innermost frame that holds all its uses.
  function housed(view) {
    const path = new Map(view.boxes.map((b) => [b.key, b.path])), users = new Map();
    for (const a of view.arrows) if (!a.loop) users.set(a.source, [...(users.get(a.source) ?? []), path.get(a.user)]);
    const shared = (a, b) => { let k = 0; while (k < a.length && k < b.length && a[k] === b[k]) k++; return a.slice(0, k); };
    return view.boxes.map((b) => (b.own && !b.path.length && users.has(b.key) ? { ...b, path: users.get(b.key).reduce(shared) } : b));
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
      key: members.at(-1), title: f.label, operations, rounds, members, runs, counts, turns, leaf: false, own: false, folded: true, opens: frame, path: outer,
    };
  }

  function arrows(view, place) {
    const found = new Map();
    for (const a of view.arrows) {
      const from = place.get(a.source), to = place.get(a.user);
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
