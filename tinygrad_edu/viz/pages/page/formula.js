// Formulas as MathML elements, from the trees that the rules were read into.
const formula = (() => {
  const TAGS = { i: "mi", num: "mn", o: "mo", text: "mtext" };

  // W1 as a letter with an index; a name of several letters upright; dW1 as a gradient.
  function name(text, gradient = false) {
    if (gradient) return row(math("mi", { mathvariant: "normal" }, "d"), name(text));
    const index = /^(.*[A-Za-z])_?(\d{1,3})$/.exec(text);
    if (!index) return math("mi", {}, text);
    const e = math("msub");
    e.append(math("mi", {}, index[1]), math("mn", {}, index[2]));
    return e;
  }
  const row = (...parts) => { const e = math("mrow"); e.append(...parts); return e; };
  const operator = (text) => math("mo", {}, text);
  const partial = (top, bottom) => { const e = math("mfrac"); e.append(row(operator("∂"), name(top)), row(operator("∂"), name(bottom))); return e; };

  // The elements of a tree; `number(key, gradient)` may give what is written in place of a name.
  function build(part, number = null) {
    const [tag, ...rest] = part;
    if (tag === "n") {
      const [text, key, gradient] = rest, instead = number && key !== undefined ? number(key, gradient) : null;
      if (instead !== null) return instead;
      return name(key === undefined ? text : nodes.get(key).name, Boolean(gradient));
    }
    if (TAGS[tag]) return math(TAGS[tag], {}, rest[0] === "-" ? "−" : rest[0].replace(/ /g, "\u00a0"));
    if (tag === "break") return math("mspace", { width: "1em" });
    if (tag === "table") {
      const table = math("mtable");
      for (const cells of rest) { const tr = math("mtr", {}, null, table); for (const cell of cells) math("mtd", {}, null, tr).append(build(cell, number)); }
      return table;
    }
    const e = math({ frac: "mfrac", sqrt: "msqrt", sub: "msub", sup: "msup" }[tag] ?? "mrow");
    e.append(...rest.map((r) => build(r, number)));
    return e;
  }

  // A number; in brackets where it is negative and stands after an operator.
  function number(v, bracket = false) {
    const text = numbers.general(v), power = /^(-?[\d.]+)e([+-])0*(\d+)$/.exec(text);
    const unsigned = (t) => math("mn", {}, t), minus = () => math("mo", { form: "prefix" }, "−");
    const signed = (t) => (!t.startsWith("-") ? unsigned(t) : bracket ? row(operator("("), minus(), unsigned(t.slice(1)), operator(")")) : row(minus(), unsigned(t.slice(1))));
    if (!power) return signed(text);
    const sup = math("msup");
    sup.append(unsigned("10"), unsigned((power[2] === "-" ? "−" : "") + power[3]));
    return row(signed(power[1]), operator("·"), sup);
  }
  // A line of mathematics of its own.
  function line(parent, ...parts) {
    const e = math("math", { display: "block" }, null, make("div", { class: "formula", tabindex: 0, role: "group", "aria-label": "formula" }, null, parent));
    e.append(row(...parts));
    return e;
  }

  // A line that is wider than its place goes on below: it is broken before an operator or after a comma, in as few
  // brackets as can be. `broken` has the whole of each that was.
  const AROUND = /^(=|\+=|[-+−·⊙×/∧∨<>≤≥≠])$/, OPENS = /^[([{]$/, SHUTS = /^[)\]}]$/, SMALLEST = 0.75, broken = new Map();
  function fit(place) {
    if (broken.has(place)) { place.replaceChildren(broken.get(place)); broken.delete(place); }
    const whole = place.firstElementChild, room = place.clientWidth;
    if (!room || !whole || place.scrollWidth <= room + 1) return;
    const parts = atoms(whole, []), start = parts[0].getBoundingClientRect().left, ends = parts.map((e) => e.getBoundingClientRect().right - start), breaks = candidates(parts), lines = [];
    const indent = 2 * parseFloat(getComputedStyle(place).fontSize);
    for (let from = 0; from < parts.length;) {
      const begin = from ? ends[from - 1] : 0, width = room - (from ? indent : 0), fits = (k) => ends[k - 1] - begin <= width;
      const can = breaks.filter(([k]) => k > from && fits(k)), half = can.filter(([k]) => ends[k - 1] - begin > width / 3), among = half.length ? half : can;
      const depth = Math.min(...among.map(([, d]) => d)), last = among.findLast(([, d]) => d === depth)?.[0] ?? breaks.find(([k]) => k > from)?.[0] ?? parts.length;
      const to = fits(parts.length) ? parts.length : last;
      lines.push(parts.slice(from, to));
      from = to;
    }
    broken.set(place, whole);
    place.replaceChildren(...lines.map((part, k) => { const e = math("math", { display: "block", class: k ? "goes-on" : "" }); e.append(row(...part.map((x) => x.cloneNode(true)))); return e; }));
    for (const e of place.querySelectorAll("math > mrow > mo:first-child")) if (AROUND.test(e.textContent) && e.parentElement.parentElement !== place.firstElementChild) e.setAttribute("form", "infix");
    if (place.scrollWidth > room + 1) place.querySelectorAll("math").forEach((e) => { e.style.fontSize = Math.max(SMALLEST, room / place.scrollWidth) + "em"; });
  }
  // What no line is broken within, in its order.
  function atoms(e, found) {
    for (const part of e.children) if (part.tagName === "mrow") atoms(part, found); else found.push(part);
    return found;
  }
  // Before which atoms a line can be broken, and within how many brackets.
  function candidates(parts) {
    const found = [];
    let depth = 0;
    parts.forEach((e, k) => {
      const text = e.tagName === "mo" ? e.textContent : "";
      if (SHUTS.test(text)) depth--;
      if (AROUND.test(text) && e.getAttribute("form") !== "prefix") found.push([k, depth + (text === "=" || text === "+=" ? -0.5 : 0)]);
      if (OPENS.test(text)) depth++;
      if (text === "," || e.tagName === "mspace") found.push([k + 1, depth - (e.tagName === "mspace" ? 1 : 0)]);
    });
    return found.filter(([k]) => k > 0 && k < parts.length);
  }
  function fit_all(within) { within.querySelectorAll(".formula").forEach(fit); }
  return { name, row, operator, partial, build, number, line, fit: fit_all, forget: () => broken.clear(), whole: (place) => broken.get(place) ?? place.firstElementChild };
})();
