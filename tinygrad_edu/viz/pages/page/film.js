// Training film: the same graph at many steps of training, beside the loss curve.
(() => {
  const { data, make, $, nodes } = player, film = data.film;
  if (!film) return;
  const section = $("film");
  section.hidden = false;
  make("h2", {}, "Training, step by step", section);
  const W = 340, H = 130, L = 56, last = film.frames.length - 1;
  const svg = make("svg", { class: "curve", viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": "Loss curve" }, null, section);
  const losses = film.frames.map((f) => f.loss).filter((v) => Number.isFinite(v));
  const low = losses.length ? Math.min(...losses) : 0, high = losses.length ? Math.max(...losses) : 0, spread = high - low || 1;
  const x = (k) => L + (W - L - 8) * (last ? k / last : 0), y = (v) => 10 + (H - 34) * (1 - (v - low) / spread);
  let pen = "M";  // lifted where the loss is no number
  const curve = film.frames.map((f, k) => { const here = Number.isFinite(f.loss) ? pen + x(k) + " " + y(f.loss) : ""; pen = here ? "L" : "M"; return here; });
  make("path", { d: curve.join("") }, null, svg);
  make("text", { x: 2, y: 16 }, high.toPrecision(3), svg);
  make("text", { x: 2, y: H - 22 }, low.toPrecision(3), svg);
  make("text", { x: L, y: H - 6 }, "step " + film.frames[0].step, svg);
  make("text", { x: W - 8, y: H - 6, "text-anchor": "end" }, "step " + film.frames[last].step, svg);
  const mark = make("line", { y1: 6, y2: H - 22 }, null, svg);
  const slider = make("input", { type: "range", id: "frame", min: 0, max: last, value: 0, "aria-label": "Training step" }, null, section);
  const words = make("p", { role: "status", id: "framewords" }, "", section);
  const run = make("button", { type: "button", id: "run" }, "Play training", section);
  make("p", { class: "why" }, "Colour: the size of each gradient. Blue: ten thousand times smaller than the largest of the film, or less; orange: near the largest.", section);
  const shades = ["#4a90c8", "#a6cbe5", "#f6f6f6", "#f3b48c", "#dd6f2e"];
  function paint() {
    for (const b of player.boxes()) {
      const size = frame.sizes[b.members[b.members.length - 1]];
      const step = size === null || size === undefined ? null : size === 0 ? 0 : Math.max(0, Math.min(4, Math.round(4 + Math.log10(size / film.largest))));
      b.rect.setAttribute("fill", step === null ? b.fill : shades[step]);
    }
  }
  let frame = film.frames[0], timer = null;
  function show(k) {
    frame = film.frames[k];
    slider.value = k;
    for (const [key, text] of Object.entries(frame.values)) { nodes.get(key).summary = text; nodes.get(key).value = null; }
    for (const n of nodes.values()) {  // none where this step has none
      const text = frame.grads[n.key] ?? null;
      Object.assign(n, { grad_summary: text, grad: null, sums: text === null ? [] : [[0, text]] });
    }
    words.textContent = "Step " + frame.step + ", loss " + frame.loss_text + (frame.notice ? ". " + frame.notice : "");
    mark.setAttribute("x1", x(k)); mark.setAttribute("x2", x(k));
    player.render();
  }
  const stop = () => { clearInterval(timer); timer = null; run.textContent = "Play training"; };
  slider.addEventListener("input", () => { stop(); show(Number(slider.value)); });
  run.addEventListener("click", () => {
    if (timer !== null) { stop(); return; }
    run.textContent = "Pause training";
    let k = Number(slider.value) === last ? 0 : Number(slider.value);
    timer = setInterval(() => { show(k); if (k++ >= last) stop(); }, 120);
  });
  player.begin = () => { player.rest(); show(0); player.camera.fit(); };
  player.watchers.push(paint);  // whenever boxes are drawn: another step, another view, a frame folded
})();
