// Arrays as pictures: numbers in coloured cells; a vector as a strip; large ones, and images, as pixels.
const tiles = (() => {
  const CELL = { w: 36, h: 17 }, WRITTEN = 8, IMAGE = 6, MOST = 96, GAP = 4, FITS = 5;
  const PALETTES = {  // purple, through the page, to green: a diverging palette that colour-blind readers tell apart
    light: { less: [118, 42, 131], none: [247, 247, 247], more: [27, 120, 55], dark: 0 },
    dark: { less: [186, 140, 204], none: [44, 47, 52], more: [110, 190, 120], dark: 1 },
  };
  const palette = () => PALETTES[document.documentElement.classList.contains("dark") ? "dark" : "light"];

  function colour(share) {
    if (!Number.isFinite(share)) return [208, 0, 0];
    const p = palette(), end = share < 0 ? p.less : p.more, s = Math.min(1, Math.abs(share)) ** 0.8;
    return p.none.map((c, k) => Math.round(c + (end[k] - c) * s));
  }
  function luminance(rgb) {
    const [r, g, b] = rgb.map((v) => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  }
  const ink = (rgb) => (luminance(rgb) > 0.179 ? "#000000" : "#ffffff");

  // How an array of this shape is drawn: rows and columns of each tile, how many tiles, and the size of it all.
  function plan(shape, sampled = null) {
    const flat = shape.length > 1 ? shape : [1, shape[0] ?? 1];
    const rows = sampled?.rows?.length ?? flat[flat.length - 2], columns = sampled?.columns?.length ?? flat[flat.length - 1];
    const count = sampled?.tiles?.length ?? numbers.size(flat.slice(0, -2)), side = Math.sqrt(columns);
    const images = shape.length > 2 && rows >= IMAGE && columns >= IMAGE;
    if (!images && rows <= WRITTEN && columns <= WRITTEN && count * rows <= 2 * WRITTEN) {
      return { rows, columns, count, across: 1, cell: CELL, written: true, w: columns * CELL.w, h: count * (rows * CELL.h + GAP) - GAP };
    }
    if (rows === 1 && count === 1 && columns >= 64 && Number.isInteger(side)) return pixels(side, side, 1);  // an image, laid out in a row
    if (rows > 1 && rows <= 9 && columns >= 64 && Number.isInteger(side)) return pixels(side, side, rows);
    return pixels(rows, columns, Math.min(count, 9));
  }
  function pixels(rows, columns, count) {
    const across = Math.ceil(Math.sqrt(count)), down = Math.ceil(count / across), most = count > 1 ? MOST / across : MOST;
    const side = Math.max(Math.min(most / Math.max(rows, columns), 12), 1), cell = { w: side, h: side };
    if (rows * side < 8) cell.h = 8 / rows;
    if (columns * side < 8) cell.w = 8 / columns;
    return { rows, columns, count, across, cell, written: false, w: across * (columns * cell.w + GAP) - GAP, h: down * (rows * cell.h + GAP) - GAP };
  }

  // The same in a room that is too small for it: pixels, as large as fit.
  function within(p, room) {
    if (p.w <= room.w && p.h <= room.h) return p;
    let best = null;
    for (let across = 1; across <= p.count; across++) {
      const down = Math.ceil(p.count / across), side = Math.min((room.w - (across - 1) * GAP) / (across * p.columns), (room.h - (down - 1) * GAP) / (down * p.rows), 12);
      if (!best || side > best.side) best = { across, down, side };
    }
    const { across, down, side } = best, cell = { w: Math.max(side, 0.1), h: Math.max(side, 0.1) };
    return { ...p, across, cell, written: false, w: across * (p.columns * cell.w + GAP) - GAP, h: down * (p.rows * cell.h + GAP) - GAP };
  }

  // A picture in `parent`, as large as the room where there is one; `show(values, dtype)` fills it in. `press(rect, k)` is
  // given each cell, and which entry it is.
  function picture(parent, shape, sampled, press = null, room = null) {
    const p = room ? within(plan(shape, sampled), room) : plan(shape, sampled), g = draw("g", { class: "tile" }, null, parent);
    const show = p.written ? cells(g, p, press) : image(g, p);
    return { g, w: p.w, h: p.h, plan: p, show };
  }

  function cells(g, p, press) {
    const all = [];
    for (let k = 0; k < p.count * p.rows * p.columns; k++) {
      const tile = Math.floor(k / (p.rows * p.columns)), row = Math.floor(k / p.columns) % p.rows, column = k % p.columns;
      const x = column * p.cell.w, y = tile * (p.rows * p.cell.h + GAP) + row * p.cell.h;
      const rect = draw("rect", { x, y, width: p.cell.w, height: p.cell.h, class: press ? "cell live" : "cell" }, null, g);
      const text = draw("text", { x: x + p.cell.w / 2, y: y + p.cell.h / 2 + 3.6, class: "entry" }, "", g);
      if (press) press(rect, k);
      all.push([rect, text]);
    }
    return (values, dtype, hidden = false) => {
      const top = largest(values);
      all.forEach(([rect, text], k) => {
        const rgb = colour(hidden ? 0 : top ? values[k] / top : 0);
        rect.setAttribute("fill", `rgb(${rgb})`);
        text.setAttribute("fill", ink(rgb));
        write(text, hidden ? "?" : brief(values[k], dtype));
        if (text.textContent.length > FITS) filled(text, { textLength: p.cell.w - 2, lengthAdjust: "spacingAndGlyphs" }, null, null);  // "-1e-300"
        else text.removeAttribute("textLength");
      });
    };
  }

  function image(g, p) {
    const pictures = Array.from({ length: p.count }, (_, t) => draw("image", {
      x: (t % p.across) * (p.columns * p.cell.w + GAP), y: Math.floor(t / p.across) * (p.rows * p.cell.h + GAP),
      width: p.columns * p.cell.w, height: p.rows * p.cell.h, preserveAspectRatio: "none", class: "pixels",
    }, null, g));
    return (values, dtype, hidden = false) => {
      const top = hidden ? 0 : largest(values);
      pictures.forEach((picture, t) => {
        const canvas = make("canvas", { width: p.columns, height: p.rows }), pen = canvas.getContext("2d"), size = p.rows * p.columns;
        const shown = pen.createImageData(p.columns, p.rows);
        for (let k = 0; k < size; k++) shown.data.set([...colour(top ? values[t * size + k] / top : 0), 255], 4 * k);
        pen.putImageData(shown, 0, 0);
        picture.setAttribute("href", canvas.toDataURL());
      });
    };
  }

  const largest = (values) => { let top = 0; for (const v of values) if (Number.isFinite(v)) top = Math.max(top, Math.abs(v)); return top; };

  // At most five letters: "-0.73", "1e-5".
  function brief(v, dtype) {
    if (dtype === "bool") return v ? "1" : "0";
    const texts = [3, 2, 1].map((d) => numbers.general(v, d).replace(/^(-?)0\./, "$1.").replace(/e([+-])0?/, (_, s) => "e" + (s === "-" ? "-" : "")));
    const full = Number.isFinite(v) ? String(v) : numbers.general(v);
    return full.length <= 5 ? full : texts.find((t) => t.length <= 5) ?? texts[2];
  }
  return { plan, picture, colour, GAP };
})();
