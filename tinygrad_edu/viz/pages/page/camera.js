// What part of the graph is seen: zoom and pan by the view box, with mouse, fingers and keys.
(() => {
  const { $ } = player, stage = $("stage"), seen = { x: 0, y: 0, w: 1, h: 1 }, pad = 22;
  const room = () => stage.getBoundingClientRect();
  const look = () => $("graph").setAttribute("viewBox", [seen.x, seen.y, seen.w, seen.h].join(" "));

  function fit(smallest = 0) {
    const width = Math.max(room().width, 1), height = Math.max(room().height, 1), view = player.view();
    const w = view.width + 2 * pad, h = view.height + 2 * pad;
    const whole = Math.max(w / width, h / height, 1 / 1.6);
    const scale = smallest && whole > 1.2 * smallest ? smallest : whole;  // rather a little smaller than cut at the rim
    seen.w = width * scale; seen.h = height * scale;
    seen.x = w > seen.w + 1 ? -pad : -pad - (seen.w - w) / 2;
    seen.y = -pad - (seen.h - h) / 2;
    look();
  }
  function readable() { fit(1.1); player.follow(); }  // letters stay readable; a wide graph is followed from step to step
  function show(boxes) {
    if (!boxes.length) return;
    const left = Math.min(...boxes.map((b) => b.x - b.w / 2)), right = Math.max(...boxes.map((b) => b.x + b.w / 2));
    const top = Math.min(...boxes.map((b) => b.y - b.h / 2)), low = Math.max(...boxes.map((b) => b.y + b.h / 2));
    const inside = (a, b, from, size) => a >= from && b <= from + size;
    if (!inside(left, right, seen.x, seen.w)) seen.x = right - left > seen.w ? left - pad : (left + right - seen.w) / 2;
    if (!inside(top, low, seen.y, seen.h)) seen.y = low - top > seen.h ? top - pad : (top + low - seen.h) / 2;
    look();
  }
  const centre = (b) => { seen.x = b.x - seen.w / 2; seen.y = b.y - seen.h / 2; look(); };
  const pan = (dx, dy) => { seen.x += dx; seen.y += dy; look(); };
  function zoom(by, cx = seen.x + seen.w / 2, cy = seen.y + seen.h / 2) {
    const view = player.view(), widest = 4 * Math.max(view.width, view.height, room().width);
    by = Math.min(Math.max(by, 60 / seen.w), widest / seen.w);  // neither lost in a letter nor in the distance
    seen.x = cx - (cx - seen.x) * by; seen.y = cy - (cy - seen.y) * by; seen.w *= by; seen.h *= by;
    look();
  }
  const at = (x, y) => [seen.x + seen.w * (x - room().left) / room().width, seen.y + seen.h * (y - room().top) / room().height];

  stage.addEventListener("wheel", (e) => {
    e.preventDefault();
    const scale = seen.w / room().width;
    if (Math.abs(e.deltaX) > Math.abs(e.deltaY)) pan(e.deltaX * scale, 0);
    else zoom(e.deltaY > 0 ? 1.15 : 1 / 1.15, ...at(e.clientX, e.clientY));
  }, { passive: false });

  // One finger or the mouse moves; two fingers move and zoom.
  const fingers = new Map();
  const middle = () => { const all = [...fingers.values()]; return [0, 1].map((k) => all.reduce((sum, p) => sum + p[k], 0) / all.length); };
  const spread = () => { const [a, b] = [...fingers.values()]; return b ? Math.hypot(a[0] - b[0], a[1] - b[1]) : 0; };
  let travel = 0;
  stage.addEventListener("pointerdown", (e) => { if (!fingers.size) travel = 0; fingers.set(e.pointerId, [e.clientX, e.clientY]); });
  window.addEventListener("pointermove", (e) => {
    if (e.pointerType === "mouse" && !e.buttons) fingers.clear();  // let go of outside the window
    if (!fingers.has(e.pointerId)) return;
    const [mx, my] = middle(), wide = spread(), scale = seen.w / room().width;
    fingers.set(e.pointerId, [e.clientX, e.clientY]);
    const [nx, ny] = middle();
    travel += Math.abs(nx - mx) + Math.abs(ny - my) + Math.abs(spread() - wide);
    if (travel <= 4) return;
    pan((mx - nx) * scale, (my - ny) * scale);
    if (wide && spread()) zoom(wide / spread(), ...at(nx, ny));
  });
  for (const end of ["pointerup", "pointercancel"]) window.addEventListener(end, (e) => fingers.delete(e.pointerId));

  const step = () => seen.w / 8;
  Object.assign(player.shifted, {
    ArrowRight: () => pan(step(), 0), ArrowLeft: () => pan(-step(), 0), ArrowDown: () => pan(0, step()), ArrowUp: () => pan(0, -step()),
  });
  Object.assign(player.keys, { "+": () => zoom(1 / 1.25), "=": () => zoom(1 / 1.25), "-": () => zoom(1.25), 0: () => fit() });
  $("in").addEventListener("click", () => zoom(1 / 1.25));
  $("out").addEventListener("click", () => zoom(1.25));
  $("fit").addEventListener("click", () => fit());
  window.addEventListener("resize", readable);
  // On paper a wide graph is cut into strips, one below the other, so that its letters can be read.
  function strips() {
    const view = player.view(), wide = 1300, count = Math.ceil(view.width / wide);
    fit();
    for (let k = 0; k < count && count > 1; k++) {
      const svg = player.make("svg", { class: "strip", viewBox: [k * wide - pad, -pad, wide + 2 * pad, view.height + 2 * pad].join(" ") }, null, stage);
      player.make("use", { href: "#drawing" }, null, svg);
    }
  }
  window.addEventListener("beforeprint", strips);
  window.addEventListener("afterprint", () => document.querySelectorAll(".strip").forEach((svg) => svg.remove()));
  player.camera = { fit, readable, show, centre, pan, moved: () => travel > 4 };
})();
