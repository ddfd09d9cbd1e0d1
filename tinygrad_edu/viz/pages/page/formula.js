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
  return { name, row, operator, partial, build, number, line };
})();
