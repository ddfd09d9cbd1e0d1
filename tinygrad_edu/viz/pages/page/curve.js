// A loss curve: points `[step, loss]`, more of which may come; `mark(k)` shows which one is meant.
function plot(parent, points = []) {
  const W = 340, H = 120, L = 52;
  const svg = draw("svg", { class: "curve", viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": "Loss curve" }, null, parent);
  const line = draw("path", {}, null, svg), top = draw("text", { x: 2, y: 16 }, "", svg), low = draw("text", { x: 2, y: H - 20 }, "", svg);
  const begin = draw("text", { x: L, y: H - 5 }, "", svg), end = draw("text", { x: W - 6, y: H - 5, "text-anchor": "end" }, "", svg);
  const mark = draw("line", { y1: 6, y2: H - 20, visibility: "hidden" }, null, svg);
  let x = () => L;
  function show() {
    const losses = points.map((p) => p[1]).filter(Number.isFinite), last = points.length - 1;
    const least = losses.reduce((a, b) => Math.min(a, b), Infinity), most = losses.reduce((a, b) => Math.max(a, b), -Infinity), spread = most - least || 1;
    x = (k) => L + (W - L - 8) * (last > 0 ? k / last : 0);
    const y = (v) => 8 + (H - 30) * (1 - (v - least) / spread);
    let pen = "M";  // lifted where the loss is no number
    line.setAttribute("d", points.map(([, v], k) => { const here = Number.isFinite(v) ? pen + x(k).toFixed(1) + " " + y(v).toFixed(1) : ""; pen = here ? "L" : "M"; return here; }).join(""));
    write(top, losses.length ? numbers.general(most, 3) : "");
    write(low, losses.length > 1 ? numbers.general(least, 3) : "");
    write(begin, points.length ? "step " + points[0][0] : "");
    write(end, last > 0 ? "step " + points[last][0] : "");
  }
  show();
  return {
    hide(yes) { svg.classList.toggle("gone", yes); },
    add(step, loss) { points.push([step, loss]); show(); },
    clear() { points.length = 0; show(); },
    mark(k) { filled(mark, { x1: x(k), x2: x(k), visibility: "visible" }, null, null); },
  };
}
