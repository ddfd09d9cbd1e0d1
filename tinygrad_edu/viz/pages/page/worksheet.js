// Worksheet: chosen numbers are blanks; an answer is checked, and a likely slip is explained.
const worksheet = (() => {
  const sheet = data.worksheet;
  const number = (text) => { const m = /^\s*([-+]?[\d.,]+(?:e[-+]?\d+)?)\s*(?:\/\s*([-+]?[\d.]+))?\s*$/i.exec(text.replace(",", ".").replace("−", "-")); return m ? Number(m[1]) / (m[2] ? Number(m[2]) : 1) : NaN; };
  const near = (a, b) => Math.abs(a - b) <= 0.005 * Math.abs(b) + 1e-9;
  const section = $("sheet");
  section.hidden = false;
  document.body.classList.add("worksheet");
  write($("sidehead").firstElementChild, "Worksheet");
  make("h3", {}, sheet.title, section);
  make("p", {}, sheet.intro, section);
  const key = make("label", {}, null, section), key_box = make("input", { type: "checkbox", id: "key" }, null, key);
  key.append(" Show the answers");
  const score = make("p", { id: "score", role: "status" }, "", section);
  const forms = sheet.questions.map((q, k) => {
    state.blanks.add(q.blank);
    const form = make("form", { "data-blank": q.blank }, null, section);
    make("label", { for: "q" + k }, q.text, form);
    const input = make("input", { type: "text", id: "q" + k, inputmode: "decimal", autocomplete: "off" }, null, form);
    make("button", { type: "submit" }, "Check", form);
    const verdict = make("p", { role: "status" }, "", form), item = { q, form, input, verdict, right: false };
    form.addEventListener("submit", (e) => { e.preventDefault(); grade(item); });
    input.addEventListener("focus", () => graph.choose(q.node));
    return item;
  });
  function grade(item) {
    const given = number(item.input.value), { q, verdict } = item;
    item.right = near(given, q.answer);
    verdict.className = item.right ? "right" : "wrong";
    if (item.right) { verdict.textContent = "Right. " + q.why; state.blanks.delete(q.blank); }
    else if (Number.isNaN(given)) verdict.textContent = "Write a number, such as -1.5 or 3/4.";
    else {
      const slip = q.slips.find((s) => near(given, s.value));
      verdict.textContent = "Not yet. " + (slip ? slip.text : "Look at the boxes before it once more.");
    }
    total();
    state.changed();
  }
  function total() { score.textContent = forms.filter((f) => f.right).length + " of " + forms.length + " right"; }
  key_box.addEventListener("change", () => {
    for (const f of forms) {
      if (key_box.checked) { f.verdict.className = "right"; f.verdict.textContent = "Answer: " + f.q.shown + ". " + f.q.why; state.blanks.delete(f.q.blank); }
      else { f.verdict.textContent = ""; if (!f.right) state.blanks.add(f.q.blank); }
    }
    state.changed();
  });
  // The question that the step is about: what did you expect?
  state.watchers.push(() => {
    const s = state.step(), about = s && [s.node + (s.phase === "forward" ? ".value" : ".grad"), s.user + ":" + s.position + ".derivative"];
    for (const f of forms) {
      const asked = Boolean(s) && about.includes(f.q.blank) && state.blanks.has(f.q.blank);
      f.form.classList.toggle("asked", asked);
      if (asked) listing.visible(f.form, $("side"));
    }
  });
  total();
  return { begin() { if (!location.hash) { camera.back(); bar.go(steps.length, true); } } };  // all boxes, all blanks
})();
