"use strict";

// Linear algebra by the plain algorithms, in double precision, on the last two axes. A matrix is a list of rows.

// f of each matrix (and of each pair, triple, ... where leading axes broadcast), whose results are matrices, vectors or
// numbers of these shapes and dtypes.
function eachMatrix(f, arrays, results) {
  const lead = broadcastShapes(arrays.map(a => a.shape.slice(0, -2))), count = sizeOf(lead);
  const wide = arrays.map(a => broadcastTo(a, [...lead, ...a.shape.slice(-2)]).packed());
  const ys = results.map(({shape, dtype}) => empty(shape, dtype));
  for (let i = 0; i < count; i++) {
    const found = f(...wide.map(a => rowsOf(a, i)));
    ys.forEach((y, k) => y.data.set([found[k]].flat(2), (i * y.data.length) / count));
  }
  return ys.map(stored);
}

function rowsOf(a, i) {
  const [m, n] = a.shape.slice(-2);
  return Array.from({length: m}, (_, r) => Array.from(a.data.subarray((i * m + r) * n, (i * m + r + 1) * n)));
}

function identity(n) {
  return Array.from({length: n}, (_, i) => Array.from({length: n}, (__, j) => (i === j ? 1 : 0)));
}

function turned(a) {
  return a.length ? a[0].map((_, j) => a.map(row => row[j])) : [];
}

function dot(a, b) {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += a[i] * b[i];
  return total;
}

// Elimination with the largest pivot of each column: the solution of a x = b, the sign of the permutation and the pivots.
function eliminated(a, b) {
  const n = a.length, rows = a.map((row, i) => [...row, ...(b ? b[i] : [])]), pivots = [];
  let sign = 1;
  for (let k = 0; k < n; k++) {
    let p = k;
    for (let i = k + 1; i < n; i++) if (Math.abs(rows[i][k]) > Math.abs(rows[p][k])) p = i;
    if (p !== k) {
      [rows[p], rows[k]] = [rows[k], rows[p]];
      sign = -sign;
    }
    pivots.push(rows[k][k]);
    for (let i = k + 1; i < n && rows[k][k] !== 0; i++) {
      const factor = rows[i][k] / rows[k][k];
      for (let j = k; j < rows[i].length; j++) rows[i][j] -= factor * rows[k][j];
    }
  }
  for (let k = n - 1; b && k >= 0; k--) {
    for (let j = n; j < rows[k].length; j++) {
      for (let i = k + 1; i < n; i++) rows[k][j] -= rows[k][i] * rows[i][j];
      rows[k][j] /= rows[k][k];
    }
  }
  return {solution: rows.map(row => row.slice(n)), sign, pivots};
}

function determinant(a) {
  const {sign, pivots} = eliminated(a);
  return pivots.reduce((product, p) => product * p, sign);
}

function cholesky(a) {
  const y = a.map(row => row.map(() => 0));
  for (let i = 0; i < a.length; i++) {
    for (let j = 0; j <= i; j++) {
      const rest = a[i][j] - dot(y[i].slice(0, j), y[j].slice(0, j));
      y[i][j] = i === j ? Math.sqrt(rest) : rest / y[j][j];
    }
  }
  return y;
}

// By reflections, with LAPACK's signs: q has as many columns as a (or rows, if these are fewer).
function qr(a) {
  const m = a.length, n = a[0].length, k = Math.min(m, n), columns = turned(a), reflections = [];
  for (let j = 0; j < k; j++) {
    const x = columns[j].slice(j), rest = Math.hypot(...x.slice(1));
    const beta = rest === 0 ? x[0] : -copysign(Math.hypot(...x), x[0]);
    const scale = rest === 0 ? 0 : (beta - x[0]) / beta;
    const v = [1, ...x.slice(1).map(e => e / (x[0] - beta || 1))];
    reflections.push([v, scale]);
    for (let c = j; c < n; c++) reflect(columns[c], v, scale, j);
  }
  const q = identity(m).slice(0, k);
  q.forEach(column => {
    for (let j = k - 1; j >= 0; j--) reflect(column, ...reflections[j], j);
  });
  const r = turned(columns).slice(0, k).map((row, i) => row.map((e, j) => (j < i ? 0 : e)));
  return [turned(q), r];
}

function reflect(column, v, scale, start) {
  const share = scale * dot(v, column.slice(start));
  for (let i = 0; i < v.length; i++) column[start + i] -= share * v[i];
}

// By turns in planes (Jacobi): the eigenvalues of a symmetric matrix, ascending, and its eigenvectors as columns.
function eigh(symmetric) {
  const n = symmetric.length, a = symmetric.map((row, i) => row.map((e, j) => (j <= i ? e : symmetric[j][i]))), v = identity(n);
  for (let sweep = 0; sweep < 60; sweep++) {
    let turnedAny = false;
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        if (Math.abs(a[p][q]) <= 1e-300 || Math.abs(a[p][q]) < 2 ** -54 * Math.sqrt(Math.abs(a[p][p] * a[q][q]))) continue;
        turnedAny = true;
        const [c, s] = turn((a[q][q] - a[p][p]) / (2 * a[p][q]));
        for (let k = 0; k < n; k++) rotate(a[k], p, q, c, s);
        for (let k = 0; k < n; k++) [a[p][k], a[q][k]] = [c * a[p][k] - s * a[q][k], s * a[p][k] + c * a[q][k]];
        a[p][q] = a[q][p] = 0;
        for (let k = 0; k < n; k++) rotate(v[k], p, q, c, s);
      }
    }
    if (!turnedAny) break;
  }
  const order = [...Array(n).keys()].sort((i, j) => a[i][i] - a[j][j]);
  return [order.map(i => a[i][i]), v.map(row => order.map(i => row[i]))];
}

// Cosine and sine of the smaller angle whose double has the cotangent `z`.
function turn(z) {
  const t = (z < 0 ? -1 : 1) / (Math.abs(z) + Math.hypot(1, z)), c = 1 / Math.hypot(1, t);
  return [c, t * c];
}

function rotate(row, p, q, c, s) {
  [row[p], row[q]] = [c * row[p] - s * row[q], s * row[p] + c * row[q]];
}

// By turns that make the columns orthogonal (Hestenes): a = u s v, for at least as many rows as columns.
function svd(a, square) {
  if (a.length < a[0].length) {
    const [u, s, vt] = svd(turned(a), square);
    return [turned(vt), s, turned(u)];
  }
  const n = a[0].length, columns = turned(a), v = identity(n);
  for (let sweep = 0, turnedAny = true; sweep < 60 && turnedAny; sweep++) {
    turnedAny = false;
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        const [x, y] = [columns[p], columns[q]], both = dot(x, y), [xx, yy] = [dot(x, x), dot(y, y)];
        if (Math.abs(both) <= 2 ** -53 * Math.sqrt(xx * yy)) continue;
        turnedAny = true;
        const [c, s] = turn((yy - xx) / (2 * both));
        for (const [one, other] of [[x, y], [v[p], v[q]]]) {
          for (let k = 0; k < one.length; k++) [one[k], other[k]] = [c * one[k] - s * other[k], s * one[k] + c * other[k]];
        }
      }
    }
  }
  const sizes = columns.map(column => Math.hypot(...column));
  const order = [...Array(n).keys()].sort((i, j) => sizes[j] - sizes[i]), top = sizes[order[0]] ?? 0;
  const u = completed(order.map(i => (sizes[i] > 1e-300 + 2 ** -60 * top ? columns[i].map(e => e / sizes[i]) : null)), a.length, square);
  return [turned(u), order.map(i => sizes[i]), order.map(i => v[i])];
}

// Orthonormal vectors in the places of null, and further ones up to m if all of a basis are wanted.
function completed(vectors, m, all) {
  const found = all ? [...vectors, ...Array(m - vectors.length).fill(null)] : vectors.slice();
  found.forEach((vector, k) => {
    for (let j = 0; !found[k] && j < m; j++) {
      let rest = identity(m)[j];
      for (const other of [...found, ...found].filter(Boolean)) {
        const share = dot(rest, other);
        rest = rest.map((e, i) => e - share * other[i]);
      }
      const size = Math.hypot(...rest);
      if (size > 0.5 / Math.sqrt(m)) found[k] = rest.map(e => e / size);
    }
  });
  return found;
}

// The gradient of a determinant, or with directions that of its derivatives along them: a direction stands in for one
// column at a time.
function cofactors(a, ...along) {
  const n = a.length, y = a.map(row => row.map(() => 0));
  const visit = (matrix, left, taken) => {
    if (left.length) {
      for (let j = 0; j < n; j++) {
        if (!taken.includes(j)) visit(matrix.map((row, i) => row.map((e, c) => (c === j ? left[0][i][j] : e))), left.slice(1), [...taken, j]);
      }
      return;
    }
    for (let j = 0; j < n; j++) {
      for (let i = 0; i < n && !taken.includes(j); i++) {
        y[i][j] += determinant(matrix.map((row, r) => (r === i ? row.map((_, c) => (c === j ? 1 : 0)) : row)));
      }
    }
  };
  visit(a, along, []);
  return y;
}

// Columns of `y` with the signs of those of `near`, and rows of `other` turned along with them.
function aligned(y, near, other = null) {
  const signs = turned(y).map((column, j) => (dot(column, near.map(row => row[j])) < 0 ? -1 : 1));
  return [y.map(row => row.map((e, j) => e * signs[j])), other && other.map((row, j) => row.map(e => e * (signs[j] ?? 1)))];
}

Object.assign(PRIMITIVES, {
  "linalg.inv": ([a], options, results) => eachMatrix(x => [eliminated(x, identity(x.length)).solution], [a], results),
  "linalg.solve": ([a, b], options, results) => eachMatrix((x, y) => [eliminated(x, y).solution], [a, b], results),
  "linalg.det": ([a], options, results) => eachMatrix(x => [determinant(x)], [a], results),
  "linalg.slogdet": ([a], options, results) => eachMatrix(x => {
    const {sign, pivots} = eliminated(x);
    const turns = pivots.reduce((s, p) => s * Math.sign(p), sign);
    return [turns, pivots.reduce((sum, p) => sum + Math.log(Math.abs(p)), 0)];
  }, [a], results),
  "linalg.cholesky": ([a], options, results) => eachMatrix(x => [cholesky(x)], [a], results),
  "linalg.qr": ([a], options, results) => eachMatrix(qr, [a], results),
  "linalg.eigh": ([a], options, results, near) => eachMatrix((x, signs) => {
    const [values, vectors] = eigh(x);
    return [values, signs ? aligned(vectors, signs)[0] : vectors];
  }, near ? [a, near[1]] : [a], results),
  "linalg.svd": ([a], {full_matrices = true, compute_uv = true}, results, near) => eachMatrix((x, signs) => {
    const [u, s, v] = svd(x, full_matrices);
    if (!compute_uv) return [s];
    const [left, right] = signs ? aligned(u, signs, v) : [u, v];
    return [left, s, right];
  }, near && compute_uv ? [a, near[0]] : [a], results),
  "op.cofactors": (xs, options, results) => eachMatrix((...ms) => [cofactors(...ms)], xs, results),
  "op.tied": (xs, options, [{shape, dtype}]) => full(shape, dtype, 0),
});
