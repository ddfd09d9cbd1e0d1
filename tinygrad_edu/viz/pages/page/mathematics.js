// The formulas of the steps: written down once for all steps that are alike, with places for their names.
const mathematics = (() => {
  // The tree of a step's formula, or of its local derivative, with its names; null where it is text only.
  function of(s, what = "formula") {
    const tree = data.mathematics[s.told]?.[what];
    return tree ? named(tree, nodes.get(s.user ?? s.node)) : null;
  }
  function named(part, node) {
    if (!Array.isArray(part)) return part;
    if (part[0] !== "n") return part.map((p) => named(p, node));
    if (typeof part[1] === "string") return part;
    const key = part[1] < 0 ? node.key : node.inputs[part[1]];
    return ["n", nodes.get(key).name, key, part[1] === -2 ? 1 : 0];
  }
  return { of };
})();
