// The top bar: play, step, scrub, speed, detail, search, looks; the keyboard; links to a step; paper.
const bar = (() => {
  const on = (id, event, f) => $(id).addEventListener(event, f);
  const LISTED = 2000;
  let timer = null;
  // What is played: the steps of both passes; in a film, the steps of training.
  let reel = { last: steps.length, at: state.at, go: state.go, told: () => (state.step() ? lesson.plain(state.step()) : "Start") };

  function go(step, keep = false) {
    reel.go(step);
    if (!keep) address("#step=" + reel.at());
  }
  function address(place) {
    try { history.replaceState(null, "", place); } catch { /* a page inside a notebook's cell has no address */ }
  }
  function playing(yes) {
    if (timer !== null) cancelAnimationFrame(timer);
    timer = null;
    write($("play"), yes ? "❚❚ Pause" : "▶ Play");
    $("play").setAttribute("aria-pressed", String(yes));
    if (!yes) return;
    if (reel.at() === reel.last) go(0);
    let last = performance.now();
    const tick = (now) => {
      if (now - last >= 1000 / Number($("speed").value) - 4) { last = now; go(reel.at() + 1, true); }
      if (reel.at() === reel.last) { playing(false); go(reel.at()); return; }
      timer = requestAnimationFrame(tick);
    };
    timer = requestAnimationFrame(tick);
    if (!reel.at()) go(1, true);
  }
  const play = () => playing(timer === null);
  function show() {
    $("scrub").value = reel.at();
    $("scrub").setAttribute("aria-valuetext", reel.told());
    write($("count"), reel.at() + " of " + reel.last);
    for (const [k, li] of [...$("list").children].entries()) if (k + $("list").start === state.at()) li.setAttribute("aria-current", "step"); else li.removeAttribute("aria-current");
  }
  state.watchers.push(show);

  const keys = {
    ArrowRight: () => go(reel.at() + 1), ArrowLeft: () => go(reel.at() - 1), Home: () => go(0), End: () => go(reel.last), " ": play,
    "/": () => $("search").focus(), ...camera.keys,
  };
  document.addEventListener("keydown", (e) => {
    const tag = e.target.tagName, type = e.target.type, act = (e.shiftKey && camera.shifted[e.key]) || keys[e.key];
    if (e.ctrlKey || e.metaKey || e.altKey || !act) return;
    if (tag === "SELECT" || (tag === "INPUT" && type !== "range" && type !== "checkbox")) return;
    if (type === "range" && (e.target.id !== "scrub" || e.key !== " ")) return;
    const pressable = e.target.closest("#graph [tabindex]") === e.target;
    if ((tag === "BUTTON" || tag === "SUMMARY" || type === "checkbox" || pressable) && e.key === " ") { if (pressable) { e.preventDefault(); e.target.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true })); } return; }
    e.preventDefault();
    act();
  });
  on("back", "click", () => go(reel.at() - 1));
  on("next", "click", () => go(reel.at() + 1));
  on("play", "click", play);
  on("scrub", "input", (e) => { playing(false); go(Number(e.target.value)); });
  on("view", "change", (e) => { picked = true; detail(Number(e.target.value)); });
  on("in", "click", () => camera.zoom(1 / 1.25));
  on("out", "click", () => camera.zoom(1.25));
  on("fit", "click", camera.back);

  // Every node whose name, title or module has the words in it is marked; Enter goes from one to the next.
  let hits = [], hit = -1;
  function find(text) {
    const wanted = text.trim().toLowerCase(), told = (n) => [n.name, n.title, n.module.join("."), n.op ?? ""].join(" ").toLowerCase();
    const exact = data.nodes.filter((n) => n.name.toLowerCase() === wanted), all = data.nodes.filter((n) => told(n).includes(wanted));
    hits = wanted ? [...new Set([...exact, ...all])].map((n) => n.key) : [];
    hit = -1;
    const boxes = graph.mark(hits);
    graph.hover(!wanted ? "" : hits.length ? hits.length + " found, in " + boxes + (boxes === 1 ? " box" : " boxes") : "Nothing is called " + text);
  }
  function next() {
    if (!hits.length) return;
    hit = (hit + 1) % hits.length;
    graph.choose(hits[hit]);
    camera.show([graph.place(hits[hit])].filter(Boolean));
  }
  on("search", "input", (e) => find(e.target.value));
  on("search", "keydown", (e) => { if (e.key === "Enter") next(); if (e.key === "Escape") { e.target.value = ""; find(""); e.target.blur(); } });

  const switched = (id, yes) => $(id).setAttribute("aria-pressed", String(yes));
  function dark(yes) {
    document.documentElement.classList.toggle("dark", yes);
    switched("dark", yes);
    repaint();
  }
  // Colours of arrays are computed: they are drawn anew where the page's are others.
  function repaint() { if (graph.size()) { arrange(); state.changed(); } }
  on("dark", "click", () => dark(!document.documentElement.classList.contains("dark")));
  on("projector", "click", () => {
    switched("projector", document.documentElement.classList.toggle("large"));
    if (picked) arrange(); else show_level(first());
  });
  on("help", "click", () => { $("keys").hidden = !$("keys").hidden; $("help").setAttribute("aria-expanded", String(!$("keys").hidden)); arrange(); });
  on("more", "click", () => $("more").setAttribute("aria-expanded", String($("tools").classList.toggle("open"))));
  for (const pane of document.querySelectorAll(".pane")) {
    const button = pane.querySelector("h2 button");
    button.addEventListener("click", () => { button.setAttribute("aria-expanded", String(!pane.classList.toggle("shut"))); arrange(); });
  }

  // The level of detail, the direction, the shape of the boxes and the arrangement of the panes in which the letters are largest.
  const SMALL = 0.8, LARGEST = 150, NAMES = 300;
  let which = null, picked = false;  // picked: by the reader
  const narrow = () => matchMedia("(max-width: 60rem)").matches;
  function fitting(k) {
    const { base, shut } = graph.level(k), places = narrow() ? [["across", camera.room()]] : ["across", "beside"].map((name) => [name, place(name)]);
    let best = null;
    for (const down of [false, true]) {
      for (const [name, room] of places) {
        for (const abreast of down || base.boxes.length > LARGEST ? [false] : [false, true]) {
          const drawing = graph.planned(base, shut, down, room, abreast);
          const scale = camera.scale(drawing, room) * (name === "across" ? 1.05 : 1);
          if (!best || scale > best.scale) best = { k, base, shut, down, abreast, name, scale };
        }
      }
    }
    return best;
  }
  function place(name) {
    $("main").className = name;
    return camera.room();
  }
  function first() {
    const levels = data.views.map((_, k) => k), size = (k) => (graph.level(k).base.large ? 0 : graph.level(k).base.boxes.length);
    let best = null;
    for (const k of levels) {
      if (best && size(k) > LARGEST && !data.views[k].of) continue;
      const found = fitting(k);
      if (found.scale >= SMALL * letters()) return found;
      if (!best || found.scale > best.scale) best = found;
    }
    return best ?? fitting(levels.at(-1));
  }
  function detail(k) { show_level(fitting(k)); }
  function show_level(found) {
    which = found;
    $("view").value = found.k;
    $("main").className = found.name;
    graph.open(found.base, found.shut, found.down, found.abreast);
  }
  // The same level of detail, in a window of another size.
  function arrange() { if (which) detail(which.k); }
  let waiting = null;
  window.addEventListener("resize", () => { cancelAnimationFrame(waiting); waiting = requestAnimationFrame(() => { if (camera.whole()) arrange(); }); });

  const screen = () => document.querySelectorAll(".strip").forEach((svg) => svg.remove());
  // On paper a long graph stands in rows, each of which is kept on one page.
  function rows() {
    const pad = 14;
    screen();
    for (const { top, bottom } of graph.paper(1300)) {
      const width = graph.size().width + 2 * pad, svg = draw("svg", { class: "strip", viewBox: [-pad, top, width, bottom - top].join(" ") }, null, $("stage"));
      svg.style.maxWidth = width + "px";  // letters are at most as large as on the screen
      draw("use", { href: "#drawing" }, null, svg);
    }
    camera.fit(graph.size());
  }
  let night = false;  // paper is light
  window.addEventListener("beforeprint", () => {
    night ||= document.documentElement.classList.contains("dark");
    if (night) dark(false);
    $("all").open = true;
    list();
    rows();
  });
  window.addEventListener("afterprint", () => {
    screen();
    if (night) dark(true); else arrange();
    night = false;
  });

  const linked = () => { const m = /step=(\d+)/.exec(location.hash); return m ? Number(m[1]) : 0; };
  window.addEventListener("hashchange", () => go(linked(), true));
  on("all", "toggle", list);
  function list() {
    if (!$("all").open || (steps.length <= LISTED && $("list").children.length)) return;
    $("list").replaceChildren();
    const from = Math.max(0, Math.min(state.at() - LISTED / 2, steps.length - LISTED));  // of very many, those around the present one
    $("list").start = from + 1;
    steps.slice(from, from + LISTED).forEach((s, k) => make("button", { type: "button" }, lesson.plain(s), make("li", {}, null, $("list"))).addEventListener("click", () => go(from + k + 1)));
    show();
  }

  function start() {
    write($("notice"), data.notices.join(" "));
    $("scrub").max = steps.length;
    $("scrub").style.setProperty("--turn", 100 * steps.filter((s) => s.phase === "forward").length / Math.max(1, steps.length) + "%");
    data.views.forEach((v, k) => make("option", { value: k }, v.label, $("view")));
    $("view").parentElement.hidden = data.views.length < 2;
    for (const n of data.nodes.filter((n) => n.named).slice(0, NAMES)) make("option", { value: n.name }, null, $("names"));
    legend();
    document.documentElement.classList.toggle("dark", matchMedia("(prefers-color-scheme: dark)").matches);
    switched("dark", document.documentElement.classList.contains("dark"));
    show_level(first());
    go(linked(), true);
  }
  function legend() {
    const entry = (text, fill) => { const li = make("li", {}, null, $("legend")), svg = draw("svg", { viewBox: "0 0 24 16", "aria-hidden": "true" }, null, li); fill(svg); li.append(text); };
    const body = (cls, rx) => (svg) => draw("rect", { x: 1, y: 1, width: 22, height: 14, rx, class: "body " + cls }, null, draw("g", { class: "sample" }, null, svg));
    for (const kind of ["input", "parameter", "constant"]) if (data.nodes.some((n) => n.kind === kind)) entry(kind, body(kind, 7));
    entry("operation", body("operation", 3));
    const rim = (cls) => (svg) => draw("rect", { x: 2, y: 2, width: 20, height: 12, class: "rim" }, null, draw("g", { class: cls }, null, svg));
    entry("value", rim("value"));
    entry("gradient", rim("grad"));
    entry("an array's numbers, from less than 0 to more", (svg) => [-1, -0.5, 0, 0.5, 1].forEach((v, k) => draw("rect", { x: 4.8 * k, y: 2, width: 4.8, height: 12, fill: `rgb(${tiles.colour(v)})` }, null, svg)));
  }
  function play_through(other) {
    reel = other;
    $("scrub").max = reel.last;
    $("scrub").style.setProperty("--turn", "100%");
    $("speed").value = "10";
    show();
  }
  return { go, start, show, detail, play_through };
})();
