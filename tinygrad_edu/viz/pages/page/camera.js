// What part of the graph is seen: zoom and pan by the view box, with mouse, fingers and keys.
const camera = (() => {
  const stage = $("stage"), seen = { x: 0, y: 0, w: 1, h: 1 }, pad = 14;
  const FAR = 0.5, NEAR = 0.55;  // scales: below the first numbers are not drawn, from the second on they are read on a phone
  const RESTS = 150;  // milliseconds without a turn of the wheel, after which a moved graph is drawn anew
  let drawn = seen, slides = null;  // what the drawing was made for; it is moved as a picture until it rests, or is let go
  let size = { width: 1, height: 1 }, whole = true, asked = false, came = false;  // whole: until the reader zooms or moves, all of it is kept in view; asked: as the reader wished; came: boxes came near
  const room = () => stage.getBoundingClientRect();

  function look() {
    clearTimeout(slides);
    drawn = { ...seen };
    $("moved").classList.remove("slides");
    $("moved").style.transform = "";
    const scale = room().width / seen.w;
    $("graph").setAttribute("viewBox", [seen.x, seen.y, seen.w, seen.h].join(" "));
    $("graph").classList.toggle("far", scale < FAR);  // letters too small to be read are not laid out
    $("graph").classList.toggle("farther", scale < 0.25);
  }
  // The scale at which a drawing of this size fits into a place of that size.
  const scale = (drawing, place) => Math.min(place.width / (drawing.width + 2 * pad), place.height / (drawing.height + 2 * pad), 1.7 * letters());

  function fit(drawing = size) {
    size = drawing;
    whole = true;
    const { width, height, right, bottom } = room(), zoom = $("zoom").getBoundingClientRect();
    const [w, h] = zoom.width ? [right - zoom.left, bottom - zoom.top] : [0, 0];  // the corner that the buttons are in
    const within = (width, height) => {
      const s = Math.max(scale(size, { width, height }), 1e-3);
      return { s, x: (size.width - width / s) / 2, y: (size.height - height / s) / 2 };
    };
    let best = within(width, height);
    if ((size.boxes ?? []).some((b) => b.x + b.w > best.x + (width - w) / best.s && b.y + b.h > best.y + (height - h) / best.s)) {
      best = [within(width, height - h), within(width - w, height)].reduce((a, b) => (a.s >= b.s ? a : b));
    }
    Object.assign(seen, { x: best.x, y: best.y, w: Math.max(width, 1) / best.s, h: Math.max(height, 1) / best.s });
    look();
  }
  function show(boxes) {
    if (whole || !boxes.length) return;
    const left = Math.min(...boxes.map((b) => b.x)), right = Math.max(...boxes.map((b) => b.x + b.w));
    const top = Math.min(...boxes.map((b) => b.y)), low = Math.max(...boxes.map((b) => b.y + b.h));
    if (left < seen.x || right > seen.x + seen.w) seen.x = right - left > seen.w ? left - pad : (left + right - seen.w) / 2;
    if (top < seen.y || low > seen.y + seen.h) seen.y = low - top > seen.h ? top - pad : (top + low - seen.h) / 2;
    look();
  }
  // Boxes whose numbers are too small to be read come near, all of them or the first; Fit leads back to the whole.
  function near(boxes, small = FAR) {
    if (seen.w * small <= room().width) return;
    const { width, height } = room(), place = (some) => {
      const left = Math.min(...some.map((b) => b.x)), right = Math.max(...some.map((b) => b.x + b.w)), top = Math.min(...some.map((b) => b.y)), low = Math.max(...some.map((b) => b.y + b.h));
      const s = Math.min(1, width / (right - left + 2 * pad), height / (low - top + 2 * pad));
      return { s, x: (left + right - width / s) / 2, y: (top + low - height / s) / 2 };
    };
    const all = place(boxes), best = all.s < NEAR ? place(boxes.slice(0, 1)) : all;
    Object.assign(seen, { x: best.x, y: best.y, w: width / best.s, h: height / best.s });
    whole = false;
    look();
  }
  // The boxes of a step stay in view; on a phone they come near, until the reader asks for the whole.
  function follow(boxes) {
    if (!boxes.length && came) fit();
    came &&= boxes.length > 0;
    if (whole && !asked && boxes.length && matchMedia("(max-width: 60rem)").matches ) { near(boxes, NEAR); came = !whole; }
    show(boxes);
  }
  // A frame of a move draws nothing: the browser moves the picture of the last drawing, as far as that reaches.
  function pan(dx, dy) {
    whole = false;
    seen.x += dx; seen.y += dy;
    const [x, y] = [drawn.x - seen.x, drawn.y - seen.y], scale = room().width / seen.w;
    if (Math.abs(x) > seen.w / 2 || Math.abs(y) > seen.h / 2) return look();
    clearTimeout(slides);
    if (!fingers.size) slides = setTimeout(look, RESTS);
    $("moved").classList.add("slides");
    $("moved").style.transform = `translate(${x * scale}px, ${y * scale}px)`;
  }
  function jump(dx, dy) { pan(dx, dy); look(); }
  function zoom(by, cx = seen.x + seen.w / 2, cy = seen.y + seen.h / 2) {
    const widest = 3 * Math.max(size.width, size.height, room().width);
    by = Math.min(Math.max(by, 60 / seen.w), widest / seen.w);  // neither lost in a letter nor in the distance
    whole = false;
    seen.x = cx - (cx - seen.x) * by; seen.y = cy - (cy - seen.y) * by; seen.w *= by; seen.h *= by;
    look();
  }
  const at = (x, y) => [seen.x + seen.w * (x - room().left) / room().width, seen.y + seen.h * (y - room().top) / room().height];

  stage.addEventListener("wheel", (e) => {
    e.preventDefault();
    const s = seen.w / room().width;
    if (Math.abs(e.deltaX) > Math.abs(e.deltaY)) pan(e.deltaX * s, 0);
    else zoom(e.deltaY > 0 ? 1.15 : 1 / 1.15, ...at(e.clientX, e.clientY));
  }, { passive: false });

  // One finger or the mouse moves; two fingers move and zoom.
  const fingers = new Map();
  const middle = () => { const all = [...fingers.values()]; return [0, 1].map((k) => all.reduce((sum, p) => sum + p[k], 0) / all.length); };
  const span = () => { const [a, b] = [...fingers.values()]; return b ? Math.hypot(a[0] - b[0], a[1] - b[1]) : 0; };
  let travel = 0;
  stage.addEventListener("pointerdown", (e) => { if (!fingers.size) travel = 0; fingers.set(e.pointerId, [e.clientX, e.clientY]); });
  window.addEventListener("pointermove", (e) => {
    if (e.pointerType === "mouse" && !e.buttons) fingers.clear();  // let go of outside the window
    if (!fingers.has(e.pointerId)) return;
    const [mx, my] = middle(), wide = span(), s = seen.w / room().width;
    fingers.set(e.pointerId, [e.clientX, e.clientY]);
    const [nx, ny] = middle();
    travel += Math.abs(nx - mx) + Math.abs(ny - my) + Math.abs(span() - wide);
    if (travel <= 4) return;
    pan((mx - nx) * s, (my - ny) * s);
    if (wide && span()) zoom(wide / span(), ...at(nx, ny));
  });
  for (const end of ["pointerup", "pointercancel"]) window.addEventListener(end, (e) => { if (fingers.delete(e.pointerId) && !fingers.size && travel > 4) look(); });

  const step = () => seen.w / 8;
  const shifted = { ArrowRight: () => jump(step(), 0), ArrowLeft: () => jump(-step(), 0), ArrowDown: () => jump(0, step()), ArrowUp: () => jump(0, -step()) };
  const keys = { "+": () => zoom(1 / 1.25), "=": () => zoom(1 / 1.25), "-": () => zoom(1.25), 0: back };
  function back() { asked = true; fit(); }
  return { fit, back, scale, show, near, follow, jump, zoom, keys, shifted, room, whole: () => whole, moved: () => travel > 4 };
})();
