// Gradient descent in the page: steps with a rate of the reader's choice, the loss curve, and the decision boundary.
const training = (() => {
  if (!data.nodes.some((n) => n.kind === "parameter" && n.grad_summary !== null)) return null;
  const section = $("training");
  section.hidden = false;
  make("h3", {}, "Gradient descent", section);
  const first = make("div", { class: "row" }, null, section), label = make("label", {}, "rate ", first);
  const rate = make("input", { type: "number", id: "rate", class: "brief", min: 0, step: "any", value: 0.1 }, null, label);
  const button = (id, text, act) => make("button", { type: "button", id }, text, first).addEventListener("click", act);
  button("descend", "Step", () => { stop(); descend(); });
  button("train", "▶ Train", () => (timer === null ? run() : stop()));
  button("reset", "Reset", () => { stop(); live.reset(); graph.renew(); });
  const words = make("p", { id: "loss", role: "status", class: "why" }, "", section), curve = plot(make("div", { id: "shown" }, null, section), []);
  curve.hide(true);
  let count = 0, timer = null;

  function descend() {
    if (!count) begin();
    const loss = live.descend(Number(rate.value));
    curve.add(++count, loss);
    write(words, "step " + count + ", " + data.result + " = " + numbers.general(loss, 5));
  }
  function begin() {
    curve.hide(false);
    curve.clear();
    curve.add(0, live.total());
  }
  function run() {
    write($("train"), "❚❚ Pause");
    timer = setInterval(descend, 40);
  }
  function stop() {
    clearInterval(timer);
    timer = null;
    write($("train"), "▶ Train");
  }
  live.watchers.push(() => { if (!state.live()) { count = 0; curve.clear(); curve.hide(true); write(words, ""); } });
  return { stop };
})();
