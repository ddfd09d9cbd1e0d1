"use strict";
// The page's data, and elements. Every name that comes from a program is put in as text, never as markup.
const SVG = "http://www.w3.org/2000/svg", MATHML = "http://www.w3.org/1998/Math/MathML";

// Long lists of alike objects are stored as tables, which name each key once; arrays of numbers and texts stay as they are.
const data = (() => {
  const row = (columns, cells) => { const found = {}; columns.forEach((name, k) => { found[name] = whole(cells[k]); }); return found; };
  const whole = (v) => {
    if (v === null || typeof v !== "object") return v;
    if (Array.isArray(v)) return typeof v[0] === "object" ? v.map(whole) : v;
    if (v.$tables) return v.$tables.flatMap((table) => table.rows.map((cells) => row(table.$columns, cells)));
    for (const k of Object.keys(v)) v[k] = whole(v[k]);
    return v;
  };
  const { live, ...found } = JSON.parse(globalThis.packed);
  delete globalThis.packed;
  return { ...whole(found), live };
})();
const nodes = new Map(data.nodes.map((n) => [n.key, n])), steps = data.steps;

const $ = (id) => document.getElementById(id);

function filled(element, attributes, text, parent) {
  for (const [k, v] of Object.entries(attributes)) element.setAttribute(k, v);
  if (text !== null) element.textContent = text;
  if (parent) parent.append(element);
  return element;
}
const make = (tag, attributes = {}, text = null, parent = null) => filled(document.createElement(tag), attributes, text, parent);
const draw = (tag, attributes = {}, text = null, parent = null) => filled(document.createElementNS(SVG, tag), attributes, text, parent);
const math = (tag, attributes = {}, text = null, parent = null) => filled(document.createElementNS(MATHML, tag), attributes, text, parent);

// How large letters are beside the usual: more on a wide screen, and for a projector.
const letters = () => parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;

function write(element, text) { if (element.textContent !== text) element.textContent = text; }

// Something that is pressed like a button, by mouse, finger or key.
function pressed(element, act) {
  element.addEventListener("click", act);
  element.addEventListener("keydown", (e) => { if (e.key === "Enter" && e.target === element) act(e); });
}
