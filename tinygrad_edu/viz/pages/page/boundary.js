// The decision boundary: what the network says at each point of the plane, where its input has two features.
const boundary = (() => {
  const SIDE = 28, found = training && subject();
  if (!found) return null;
  const { input, answer, label, count, rowwise } = found, canvas = make("canvas", { id: "boundary", width: 2 * SIDE * 4, height: 2 * SIDE * 4, role: "img", "aria-label": "What " + nodes.get(answer).name + " is, for each point of the plane of " + nodes.get(input).name }, null, $("shown"));
  const probe = new Machine(data.live), pen = canvas.getContext("2d"), at = (k, j) => (rowwise ? 2 * k + j : j * count + k);
  let waiting = null;

  // The input of two features; and what the network answers: a result that has a number for each example and depends on
  // no other data, named by the user, or compared with the labels.
  function subject() {
    const leaves = data.nodes.filter((n) => !n.op && n.kind !== "parameter" && n.shape.length === 2 && n.shape.includes(2) && live.editable(n.key));
    for (const n of leaves) {
      const rowwise = n.shape[1] === 2, count = rowwise ? n.shape[0] : n.shape[1];
      const pure = new Set([n.key]);  // depends on this input, and else on parameters and single numbers
      const free = (k) => pure.has(k) || nodes.get(k).kind === "parameter" || (!nodes.get(k).op && !nodes.get(k).shape.length) || constant.has(k), constant = new Set();
      for (const m of data.nodes) if (m.op && m.inputs.every(free)) (m.inputs.some((k) => pure.has(k)) ? pure : constant).add(m.key);
      const label = data.nodes.find((m) => !m.op && m !== n && numbers.size(m.shape) === count && m.value?.values.every((v) => v === 0 || v === 1));
      const answers = data.nodes.filter((m) => m.op && pure.has(m.key) && numbers.size(m.shape) === count);
      const beside = (m) => label && data.nodes.some((u) => u.inputs.includes(m.key) && u.inputs.includes(label.key));
      const answer = answers.filter((m) => m.named).at(-1) ?? answers.filter(beside).at(-1) ?? answers.at(-1);
      if (count < 3 || !answer) continue;
      return { input: n.key, answer: answer.key, label: label?.key, count, rowwise };
    }
    return null;
  }
  const ask = () => Array.from(probe.asked(probe.nodes[answer].value).packed().data);

  function show() {
    waiting = null;
    const points = state.figure(input, 0).values, xs = [0, 1].map((j) => Array.from({ length: count }, (_, k) => points[at(k, j)]));
    const [[x0, x1], [y0, y1]] = xs.map((v) => { const low = Math.min(...v), high = Math.max(...v), m = (high - low || 1) * 0.2; return [low - m, high + m]; });
    for (const n of data.nodes) if (n.kind === "parameter" && live.editable(n.key)) numbers_of(n.key).forEach((v, k) => probe.set(n.key, k, v));
    const cell = canvas.width / SIDE, grid = [];
    for (let j = 0; j < SIDE; j++) for (let i = 0; i < SIDE; i++) grid.push([x0 + (x1 - x0) * (i + 0.5) / SIDE, y1 - (y1 - y0) * (j + 0.5) / SIDE]);
    const values = [];
    for (let from = 0; from < grid.length; from += count) {
      for (let k = 0; k < count; k++) for (let j = 0; j < 2; j++) probe.set(input, at(k, j), grid[Math.min(from + k, grid.length - 1)][j]);
      values.push(...ask());
    }
    const level = values.every((v) => v >= 0 && v <= 1) ? 0.5 : 0, top = Math.max(...values.map((v) => Math.abs(v - level))) || 1;
    grid.forEach((_, k) => {
      pen.fillStyle = `rgb(${tiles.colour((values[k] - level) / top)})`;
      pen.fillRect((k % SIDE) * cell, Math.floor(k / SIDE) * cell, cell + 1, cell + 1);
    });
    const classes = label ? state.figure(label, 0).values : null;
    for (let k = 0; k < count; k++) {
      pen.beginPath();
      pen.arc((xs[0][k] - x0) / (x1 - x0) * canvas.width, (y1 - xs[1][k]) / (y1 - y0) * canvas.height, 5, 0, 7);
      pen.fillStyle = classes ? `rgb(${tiles.colour(classes[k] ? 1 : -1)})` : "#888888";
      pen.fill();
      pen.lineWidth = 2;
      pen.strokeStyle = "#ffffff";
      pen.stroke();
    }
  }
  const numbers_of = (key) => { const f = state.figure(key, 0); return f.rows ? [] : f.values; };
  const later = () => { waiting ??= setTimeout(show, 30); };
  live.watchers.push(later);
  later();
  return { show };
})();
