"use strict";
// One selection for the table, the details and every picture.
const rows = [...document.querySelectorAll("tr[data-row]")];
const pictures = [...document.querySelectorAll(".picture")].map((element) => {
  const boxes = new Map();
  for (const group of element.querySelectorAll("g.node")) {
    boxes.set(group.querySelector("title").textContent.trim(), group);
  }
  return { element, boxes };
});
let at = -1;

function keyIn(row, run) {
  return row.dataset.boxes.split(",")[run];
}

function centred(outer, inner) {
  const a = outer.getBoundingClientRect();
  const b = inner.getBoundingClientRect();
  outer.scrollLeft += b.left - a.left - (a.width - b.width) / 2;
  outer.scrollTop += b.top - a.top - (a.height - b.height) / 2;
}

function select(index, focus) {
  if (index < 0 || index >= rows.length) return;
  at = index;
  rows.forEach((row, k) => {
    row.classList.toggle("chosen", k === at);
    row.querySelector("button").setAttribute("aria-pressed", String(k === at));
  });
  for (const detail of document.querySelectorAll(".detail")) {
    detail.hidden = detail.dataset.row !== rows[at].dataset.row;
  }
  pictures.forEach(({ element, boxes }, run) => {
    for (const group of boxes.values()) group.classList.remove("chosen");
    const group = boxes.get(keyIn(rows[at], run));
    if (group) {
      group.classList.add("chosen");
      centred(element, group);
    }
  });
  centred(document.querySelector(".scroll"), rows[at]);
  if (focus) rows[at].querySelector("button").focus({ preventScroll: true });
}

rows.forEach((row, k) => row.querySelector("button").addEventListener("click", () => select(k, false)));
pictures.forEach(({ boxes }, run) => {
  for (const [key, group] of boxes) {
    group.addEventListener("click", () => select(rows.findIndex((row) => keyIn(row, run) === key), false));
  }
});
document.addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step && document.activeElement.closest("tr[data-row]")) {
    event.preventDefault();
    select(at + step, true);
  }
});
select(Math.max(0, rows.findIndex((row) => row.hasAttribute("data-first"))), false);
