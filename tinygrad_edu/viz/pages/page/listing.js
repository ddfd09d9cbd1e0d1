// The code: the user's lines, the one of the step marked; a line leads to its step, a step to its line.
const listing = (() => {
  const PART = 200, LINE = 24;  // lines that are made at once, and the height of one before it is made
  const rows = new Map(), parts = new Map(), made = new Map();  // "block:line": its element, what makes it, the nodes that it made
  const TOKENS = /(#.*$)|("[^"]*"|'[^']*')|\b(def|return|for|in|if|else|elif|while|with|lambda|import|from|as|class|not|and|or|None|True|False)\b|\b(\d[\d.e]*)\b/gm;
  const KINDS = [null, "note", "string", "word", "digits"];

  for (const n of nodes.values()) if (n.line) made.set(n.line.join(":"), [...(made.get(n.line.join(":")) ?? []), n.key]);
  data.code.forEach((block, b) => {
    if (block.name) make("div", { class: "file" }, block.name, $("code"));
    for (let from = 0; from < block.lines.length; from += PART) part(block.lines.slice(from, from + PART), b, block.lines.length <= 2 * PART);
  });
  // Lines of a block, made now, or when they are first seen.
  function part(lines, b, now) {
    const list = make("ol", {}, null, $("code")), fill = () => { if (!list.children.length) filled_with(lines, b, list); };
    if (now) { fill(); return; }
    list.style.minHeight = lines.length * LINE + "px";
    for (const [number] of lines) parts.set(b + ":" + number, fill);
    new IntersectionObserver((seen) => { if (seen.some((e) => e.isIntersecting)) fill(); }, { root: $("code") }).observe(list);
  }
  const row = (place) => { parts.get(place)?.(); return rows.get(place); };
  function filled_with(lines, b, list) {
    let before = null;
    for (const [number, text] of lines) {
      const place = b + ":" + number, li = make("li", before !== null && number > before + 1 ? { class: "gap" } : {}, null, list);
      make("span", { class: "number", "aria-hidden": "true" }, String(number), li);
      const line = make(made.has(place) ? "button" : "span", {}, null, li);
      coloured(text, line);
      if (made.has(place)) line.addEventListener("click", () => reach(made.get(place)));
      rows.set(place, li);
      before = number;
    }
  }
  function coloured(text, parent) {
    let end = 0;
    for (const match of text.matchAll(TOKENS)) {
      parent.append(text.slice(end, match.index));
      make("span", { class: KINDS[match.findIndex((m, k) => k && m !== undefined)] }, match[0], parent);
      end = match.index + match[0].length;
    }
    parent.append(text.slice(end));
  }
  // To the step of a line, in the pass that is shown: its last value, or the first gradient that goes through it.
  function reach(keys) {
    const back = ["seed", "backward"].includes(state.step()?.phase);
    const k = back ? steps.findIndex((s) => keys.includes(s.user)) : steps.findLastIndex((s) => s.phase === "forward" && keys.includes(s.node));
    state.go(k + 1 || state.at());
    graph.mark(keys);
  }
  let marked = null;
  function follow() {
    const s = state.step(), line = s && nodes.get(s.user ?? s.node).line, li = line ? row(line.join(":")) : null;
    const moved = marked !== li;
    if (marked && moved) { marked.classList.remove("forward", "backward"); marked.removeAttribute("aria-current"); }
    marked = li;
    if (!li) return;
    li.classList.toggle("forward", s.phase === "forward");
    li.classList.toggle("backward", s.phase !== "forward");
    li.setAttribute("aria-current", "step");
    if (moved) visible(li, $("code"));
  }
  // Scroll the pane, not the page.
  function visible(element, pane) {
    const e = element.getBoundingClientRect(), p = pane.getBoundingClientRect();
    if (e.top < p.top || e.bottom > p.bottom) pane.scrollTop += e.top - p.top - p.height / 3;
  }
  // The line of what is looked at.
  function show(key) {
    const line = nodes.get(key).line, li = line && row(line.join(":"));
    for (const other of rows.values()) other.classList.toggle("looked", other === li);
    if (li) visible(li, $("code"));
  }
  state.watchers.push(follow);
  graph.chosen.push(show);
  return { visible };
})();
