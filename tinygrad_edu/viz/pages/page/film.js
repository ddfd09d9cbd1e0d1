// Training film: the same graph at many steps of training, beside the loss curve.
const film = (() => {
  const reel = data.film;
  const section = $("film"), last = reel.frames.length - 1;
  section.hidden = false;
  document.body.classList.add("film");
  make("h3", {}, "Training, step by step", section);
  const curve = plot(section, reel.frames.map((f) => [f.step, f.loss]));
  const slider = make("input", { type: "range", id: "frame", min: 0, max: last, value: 0, "aria-label": "Training step" }, null, section);
  const words = make("p", { role: "status", id: "framewords" }, "", section);
  const row = make("div", { class: "row" }, null, section), run = make("button", { type: "button", id: "run" }, "▶ Play training", row);
  const back = make("button", { type: "button", "aria-label": "One frame back" }, "◀", row), on = make("button", { type: "button", "aria-label": "One frame on" }, "▶", row);
  const label = make("label", {}, "Speed ", row), pace = make("select", { id: "pace" }, null, label);
  for (const [value, text] of [[2, "2 a second"], [8, "8 a second"], [30, "fastest"]]) make("option", { value }, text, pace);
  pace.value = "8";
  make("p", { class: "why" }, "Frame of a box: the size of its gradient. Thin and blue: ten thousand times smaller than the largest of the film, or less; thick and orange: near the largest.", section);
  const shades = ["#4a90c8", "#a6cbe5", "#9a9a9a", "#f3b48c", "#dd6f2e"];
  let frame = reel.frames[0], timer = null;

  function paint() {
    for (const b of graph.boxes()) {
      const size = frame.sizes[b.members.at(-1)];
      const step = size === null || size === undefined ? null : size === 0 ? 0 : Math.max(0, Math.min(4, Math.round(4 + Math.log10(size / reel.largest))));
      b.rect.style.stroke = step === null ? "" : shades[step];
      b.rect.style.strokeWidth = step === null ? "" : 1.5 + step;
    }
  }
  function show(k) {
    frame = reel.frames[k];
    slider.value = k;
    for (const n of nodes.values()) {  // none where this step has none
      if (n.key in frame.values) Object.assign(n, { summary: frame.values[n.key], value: numbers.unpacked(frame.arrays[n.key]) });
      const text = frame.grads[n.key] ?? null;
      Object.assign(n, { grad_summary: text, grad: numbers.unpacked(frame.slopes[n.key]), sums: text === null ? [] : [steps.length] });
    }
    write(words, "Step " + frame.step + ", loss " + frame.loss_text + (frame.notice ? ". " + frame.notice : ""));
    curve.mark(k);
    graph.render(true);
    paint();
  }
  const stop = () => { clearInterval(timer); timer = null; write(run, "▶ Play training"); };
  slider.addEventListener("input", () => { stop(); show(Number(slider.value)); });
  const jump = (by) => { stop(); show(Math.max(0, Math.min(last, Number(slider.value) + by))); };
  back.addEventListener("click", () => jump(-1));
  on.addEventListener("click", () => jump(1));
  run.addEventListener("click", () => {
    if (timer !== null) { stop(); return; }
    write(run, "❚❚ Pause training");
    let k = Number(slider.value) === last ? 0 : Number(slider.value);
    timer = setInterval(() => { show(k); if (k++ >= last) stop(); }, 1000 / Number(pace.value));
  });
  state.watchers.push(paint);  // whenever boxes are drawn: another view, a frame folded
  return { begin() { state.rest(); show(0); } };
})();
