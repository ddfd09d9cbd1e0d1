// Training film: the same graph at many steps of training, beside the loss curve.
const film = (() => {
  const reel = data.film;
  const section = $("film"), last = reel.frames.length - 1;
  section.hidden = false;
  document.body.classList.add("film");
  const curve = plot(section, reel.frames.map((f) => [f.step, f.loss]));
  const words = make("p", { role: "status", id: "framewords" }, "", section);
  make("p", { class: "why" }, "Frame of a box: the size of its gradient. Thin and blue: ten thousand times smaller than the largest of the film, or less; thick and orange: near the largest.", section);
  const shades = ["#4a90c8", "#a6cbe5", "#9a9a9a", "#f3b48c", "#dd6f2e"];
  let at = 0, frame = reel.frames[0];

  function paint() {
    for (const b of graph.boxes()) {
      const size = frame.sizes[b.members.at(-1)];
      const step = size === null || size === undefined ? null : size === 0 ? 0 : Math.max(0, Math.min(4, Math.round(4 + Math.log10(size / reel.largest))));
      b.rect.style.stroke = step === null ? "" : shades[step];
      b.rect.style.strokeWidth = step === null ? "" : 1.5 + step;
    }
  }
  function show(k) {
    at = Math.max(0, Math.min(last, k));
    frame = reel.frames[at];
    for (const n of nodes.values()) {  // none where this step has none
      if (n.key in frame.values) Object.assign(n, { summary: frame.values[n.key], value: numbers.unpacked(frame.arrays[n.key]) });
      const text = frame.grads[n.key] ?? null;
      Object.assign(n, { grad_summary: text, grad: numbers.unpacked(frame.slopes[n.key]) });
    }
    write(words, told() + (frame.notice ? ". " + frame.notice : ""));
    curve.mark(at);
    graph.render(true);
    paint();
    bar.show();
    entry.show();
  }
  const told = () => "Step " + frame.step + ", loss " + frame.loss_text;
  state.watchers.push(paint);  // whenever boxes are drawn: another view, a frame folded
  return {
    begin() {
      state.rest();
      bar.play_through({ last, at: () => at, go: show, told });
      show(0);
    },
  };
})();
