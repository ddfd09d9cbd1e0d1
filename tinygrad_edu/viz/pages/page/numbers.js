// Numbers as a reader sees them: short; of an array all that fit, or its range.
const numbers = (() => {
  const SMALL = 9, WIDE = 28, ROWS = 4;

  // A number with some significant digits, as C's "%g" writes it; a zero has no sign.
  function general(v, digits = 4) {
    if (!Number.isFinite(v)) return Number.isNaN(v) ? "nan" : v > 0 ? "inf" : "-inf";
    if (v === 0) return "0";
    const [mantissa, exponent] = even(v, digits).toExponential(digits - 1).split("e"), power = Number(exponent);
    const trimmed = (text) => (text.includes(".") ? text.replace(/\.?0+$/, "") : text);
    if (power < -4 || power >= digits) return trimmed(mantissa) + "e" + (power < 0 ? "-" : "+") + String(Math.abs(power)).padStart(2, "0");
    return trimmed(Number(mantissa + "e" + exponent).toFixed(Math.max(0, digits - 1 - power)));
  }
  // A number half way between two of so many digits goes to the even one; JavaScript would take the larger.
  function even(v, digits) {
    const all = v.toExponential(60).replace(/[-.]|e.*/g, "");
    return /^50*$/.test(all.slice(digits)) && all[digits - 1] % 2 === 0 ? v * (1 - 2 ** -50) : v;
  }

  const exact = (dtype) => /^u?int/.test(dtype);
  function one(v, dtype = "float64", digits = 4) {
    if (Array.isArray(v)) return general(v[0], digits) + (v[1] < 0 ? "" : "+") + general(v[1], digits) + "j";
    if (dtype === "bool") return v ? "True" : "False";
    return exact(dtype) ? String(v) : general(v, digits);
  }

  function nested(values, shape, dtype, from = 0) {
    if (!shape.length) return one(values[from], dtype);
    const stride = shape.slice(1).reduce((a, b) => a * b, 1);
    return "[" + Array.from({ length: shape[0] }, (_, k) => nested(values, shape.slice(1), dtype, from + k * stride)).join(" ") + "]";
  }

  // A number; a small array in full; a large one in summary.
  function short(values, shape, dtype) {
    if (!shape.length) return one(values[0], dtype);
    if (values.length <= SMALL) {
      const text = nested(values, shape, dtype);
      if (text.length <= WIDE) return text;
      const rows = shape.length === 2 && shape[0] <= ROWS ? Array.from({ length: shape[0] }, (_, k) => nested(values, shape.slice(1), dtype, k * shape[1])) : [""];
      if (rows.every((row) => row && row.length <= WIDE)) return rows.join("; ");
    }
    if (dtype === "bool") return values.reduce((a, b) => a + b, 0) + " of " + values.length + " true";
    if (Array.isArray(values[0])) return spread(values);
    let low = Infinity, high = -Infinity, sum = 0, finite = 0;
    for (const v of values) if (Number.isFinite(v)) { low = Math.min(low, v); high = Math.max(high, v); sum += v; finite++; }
    if (!finite) return values.length + " entries, none finite";
    if (low === high && finite === values.length) return "all " + one(low, dtype);
    const show = (v) => one(v, exact(dtype) && Number.isInteger(v) ? dtype : "float64", 3);
    return show(low) + " to " + show(high) + "; mean " + general(sum / finite, 3) + (finite < values.length ? ", " + (values.length - finite) + " not finite" : "");
  }

  // Complex numbers have no order: their sizes, and their mean.
  function spread(values) {
    const finite = values.filter((v) => v.every(Number.isFinite)), sizes = finite.map((v) => Math.hypot(...v));
    if (!finite.length) return values.length + " entries, none finite";
    if (finite.length === values.length && values.every((v) => v[0] === values[0][0] && v[1] === values[0][1])) return "all " + one(values[0]);
    const mean = [0, 1].map((k) => finite.reduce((sum, v) => sum + v[k], 0) / finite.length);
    return "sizes " + general(Math.min(...sizes), 3) + " to " + general(Math.max(...sizes), 3) + "; mean " + one(mean, "", 3) + (finite.length < values.length ? ", " + (values.length - finite.length) + " not finite" : "");
  }

  const size = (shape) => shape.reduce((a, b) => a * b, 1);
  // "3×2"; of a batch, what each of its examples is.
  const shape = (s, batch = 0) => (batch ? s.slice(0, batch).join("×") + " of " + (s.slice(batch).join("×") || "1") : s.join("×"));
  const told = (n) => shape(n.shape, n.batch);

  // "[1, 2]": the place of a flat index in an array.
  function place(k, s) {
    const found = [];
    for (let d = s.length - 1; d >= 0; d--) { found.unshift(k % s[d]); k = Math.floor(k / s[d]); }
    return found.length ? "[" + found.join(", ") + "]" : "";
  }
  const flat = (v) => v && v.map((x) => (typeof x === "string" ? Number(x.replace("inf", "Infinity")) : x));
  const unpacked = (figure) => (figure ? { ...figure, values: flat(figure.values) } : null);
  return { general, one, short, size, shape, told, place, flat, unpacked };
})();
