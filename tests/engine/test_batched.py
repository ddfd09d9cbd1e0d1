"""Other people's NumPy code on a batch: what one example after another gives, or an error; never something else."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.batched import enter, leave

A = np.arange(1.0, 10).reshape(3, 3) / 7
V = np.array([0.5, -1.0, 2.0])
K = np.array([2, 0, 0])
M = np.array([True, False, True])

# x is a vector of 3 numbers; the batch has 3 examples, so that no wrong axis goes unnoticed by its length
VECTORS = """
x @ x; x @ A; A @ x; x @ A @ x; np.matmul(x, x); np.matmul(x, A); np.dot(x, x); np.dot(A, x); np.dot(x, 2.0); np.dot(x, A)
np.inner(x, x); np.inner(A, x); np.inner(x, V); np.outer(x, x); np.outer(V, x); np.vdot(x, x); np.kron(x, x); np.kron(A, x)
np.cross(x, V); np.cross(V, x); np.tensordot(x, A, 1); np.tensordot(A, x, ([1], [0])); np.tensordot(x, x, 0)
np.vecdot(x, x); np.vecdot(A, x); np.vecdot(x, A); np.matvec(A, x); np.vecmat(x, A); np.linalg.vecdot(x, A)
np.vecdot(A, x, axis=0); np.matmul(A, x[:, None]); np.matmul(x[None], A); np.matmul(A[None], x); np.matmul(x, A[None, None])
np.matmul(A, x, axes=[(0, 1), (0,), (0,)]); np.linalg.multi_dot([x, A, x]); np.linalg.matmul(A, x[:, None])
np.einsum("i,i", x, x); np.einsum("i,i->", x, x); np.einsum("ij,j", A, x); np.einsum("ij,j->i", A, x); np.einsum("i->i", x)
np.einsum("...i,...i", A, x); np.einsum("i...,i->...", A, x); np.einsum(x, [0], A, [0, 1], [1]); np.einsum("i,j->ji", x, V)
np.einsum(" i , ij -> j ", x, A); np.einsum("i,i,i->i", x, x, V, optimize=True); np.einsum(x, [0], x, [0])
np.add.outer(x, x); np.subtract.outer(V, x); np.multiply.outer(x, A); np.power.outer(A, np.abs(x)); np.add.outer(x, 1)
np.add.reduce(x); np.add.reduce(x, 0); np.add.reduce(x, axis=0, keepdims=True); np.add.reduce(x, initial=10.0)
np.add.reduce(x, where=M); np.multiply.reduce(x, where=M, initial=2); np.maximum.reduce(x, where=x > 0, initial=-5)
np.add.reduce(x, dtype="float32"); np.subtract.reduce(x); np.add.reduce(x, out=np.zeros_like(x)[0, ...])
np.add.reduce(A * x, axis=1); np.add.reduce(A * x, axis=(0, 1)); np.add.reduce(A * x, axis=None); np.logical_and.reduce(x > -5)
np.add.reduce(A * x, axis=-1); np.add.reduce(A + x, axis=()); np.maximum.reduce(A * x, initial=0.5); np.divide.reduce(x)
np.add.accumulate(x); np.multiply.accumulate(A * x, axis=1); np.maximum.accumulate(A * x, axis=-1); np.subtract.accumulate(x)
np.add.accumulate(x, dtype="float32"); np.minimum.accumulate(A * x); np.add.accumulate(A * x, 1)
np.add.reduceat(x, [0, 2]); np.add.reduceat(A * x, [0, 1], axis=1); np.multiply.reduceat(A * x, [1, 0, 2]); np.add.reduceat(x, K)
np.add(x, 1, where=M, out=np.zeros_like(x)); np.sqrt(np.abs(x), out=np.ones_like(x), where=x > 0)
np.multiply(x, A, out=np.zeros_like(A * x)); np.add(x, x, np.zeros_like(x)); np.add(V, V, out=np.zeros_like(x)) + x
np.add(x, 1, out=np.zeros_like(A * x)); np.add(V, x, dtype="float32"); np.add(V, x, casting="unsafe", dtype="int64")
np.divmod(x, 2)[0]; np.modf(x)[1]; np.frexp(x)[0]; np.stack(np.divmod(x, V))
np.convolve(x, [1.0, 2.0]); np.convolve(V, x, "same"); np.correlate(x, x, "full"); np.interp(x, [0.0, 1.0, 2.0], V)
np.interp(0.3, np.sort(x), V); np.interp(V, [0.0, 1.0, 2.0], x); np.polyval(x, 2.0); np.polyval(V, x); np.polyfit(V, x, 1)
np.trace(A * x); np.diag(x); np.diag(A * x); np.diag(x, 1); np.diagonal(A + x, 1); np.diagflat(x); np.tril(A * x); np.triu(x + A, 1)
np.cumsum(x); np.cumsum(A * x); np.cumsum(A * x, 1); np.cumprod(x, axis=0); np.cumsum(A * x, axis=-1, dtype="float32"); np.nancumsum(x)
np.cumulative_sum(x); np.cumulative_sum(x, include_initial=True); np.diff(x); np.diff(A * x, axis=0); np.ediff1d(x); np.gradient(x)
np.gradient(A * x)[0]; np.gradient(A * x, axis=1); np.trapezoid(x); np.trapezoid(x, V); np.ptp(x); np.ptp(A * x, axis=0)
np.sum(x); np.sum(x, 0); np.sum(A * x, 1); np.sum(A * x, axis=(0, 1)); np.sum(A * x, (0,)); np.sum(a=x); np.sum(x, None, "float32")
np.sum(x, keepdims=True); np.sum(x, where=M); np.sum(x, initial=3.0); np.sum(A * x, 0, None, np.zeros_like(x)); np.sum([x, x])
np.mean(A * x, 0); np.mean(x, where=x > 0); np.std(x); np.std(A * x, 0, ddof=1); np.var(A * x, axis=1, correction=1); np.prod(A * x, axis=1)
np.max(A * x, axis=0); np.min(x); np.amax(A * x, 1); np.argmax(x); np.argmin(A * x); np.argmax(A * x, axis=1); np.argmax(A * x, 0, keepdims=True)
np.any(x > 0); np.all(A * x > 0, axis=0); np.count_nonzero(x > 0); np.count_nonzero(A * x > 0, axis=1, keepdims=True)
np.nansum(x); np.nanmax(A * x, axis=1); np.nanmean(x); np.nanstd(A * x, axis=0); np.nan_to_num(x); np.nanargmax(x); np.median(x)
np.median(A * x, axis=1); np.percentile(x, 30); np.quantile(A * x, [0.1, 0.5], axis=1); np.average(x, weights=V); np.average(V, weights=np.abs(x))
np.sort(x); np.sort(A * x, axis=0); np.sort(A * x, axis=None); np.argsort(x); np.argsort(-x, kind="stable"); np.partition(x, 1); np.argpartition(x, 1)[1]
np.lexsort((x,)); np.lexsort((V, x)); np.searchsorted(V, x); np.searchsorted(np.sort(x), V); np.digitize(x, [0.0, 1.0]); np.clip(x, 0, 1)
np.clip(V, x, 1.5); np.clip(x, None, V); np.where(x > 0, x, 0); np.where(M, x, A); np.where(x > 0, A, V); np.select([x > 1, x > 0], [x, -x], 9.0)
np.choose(K, [x, x * 2, V]); np.piecewise(x, [x < 0, x >= 0], [-1, 1]); np.take(x, K); np.take(A * x, K, axis=1); np.take(A * x, 4); np.take(V, K) * x
np.take_along_axis(x, K, 0); np.take_along_axis(A * x, np.argsort(A * x, axis=0), axis=0); np.take_along_axis(A * x, K[None], axis=0)
np.compress(M, x); np.compress(M, A * x, axis=1); np.extract(M, x); np.delete(x, 1); np.insert(x, 1, 9.0); np.append(x, V); np.append(x, 1.0)
np.concatenate([x, V]); np.concatenate([A * x, A], axis=1); np.concatenate([A * x, A], -1); np.concatenate([x, A * x], axis=None); np.concatenate((x, x), 0)
np.concatenate(A * x); np.stack([x, V]); np.stack([x, V], axis=1); np.stack([x, V], -1); np.vstack([x, V]); np.hstack([x, V]); np.dstack([x, V])
np.column_stack([x, V]); np.block([[x], [V]]); np.stack(A * x); np.hstack([A * x, A]); np.concatenate([x, V], dtype="float32")
np.reshape(x, (3, 1)); np.reshape(x, -1); np.reshape(A * x, (1, 9)); np.reshape(A * x, 9); np.reshape(A * x, (-1,), order="F"); np.reshape(x, (1, -1))
np.ravel(A * x); np.ravel(A * x, "F"); np.transpose(A * x); np.transpose(A * x, (-1, -2)); np.transpose(A * x, axes=[1, 0]); np.matrix_transpose(A * x)
np.swapaxes(A * x, 0, -1); np.moveaxis(A * x, 0, -1); np.moveaxis(A * x, source=-1, destination=0); np.moveaxis(np.ones((1, 2)) * x[0], [0, 1], [1, 0])
np.rollaxis(A * x, 1); np.roll(x, 1); np.roll(A * x, 1, axis=0); np.roll(A * x, 1); np.rot90(A * x); np.flip(x); np.flip(A * x, 0); np.flip(A * x, (0, 1))
np.fliplr(A * x); np.flipud(A * x); np.expand_dims(x, 0); np.expand_dims(x, -1); np.expand_dims(x, (0, 2)); np.squeeze(x[None]); np.squeeze(x[None], 0)
np.squeeze(x[None, :, None], axis=(0, -1)); np.atleast_2d(x); np.atleast_1d(x[0]); np.atleast_3d(x); np.broadcast_to(x, (2, 3)); np.broadcast_to(x[:1], 3)
np.broadcast_arrays(x, A)[0]; np.broadcast_arrays(x, A)[1] * x; np.tile(x, 2); np.tile(x, (2, 1)); np.repeat(x, 2); np.repeat(A * x, K, axis=1); np.repeat(x, K)
np.pad(x, 1); np.pad(x, (1, 2)); np.pad(A * x, ((1, 0), (0, 2))); np.pad(A * x, ((1, 2),)); np.pad(x, 2, mode="edge"); np.pad(x, 1, constant_values=4.0)
np.pad(x, 1, constant_values=(4.0, 5.0)); np.pad(A * x, 1, "reflect"); np.pad(x, 1, "mean"); np.pad(x, [2]); np.pad(A * x, [[1], [2]])
np.split(x, 3)[1]; np.split(A * x, [1], axis=1)[1]; np.array_split(x, 2)[0]; np.hsplit(A * x, 3)[0]; np.vsplit(A * x, [2])[1]; np.unstack(A * x)[1]
np.zeros_like(x) + x; np.zeros_like(x, shape=(2, 3)) + x; np.ones_like(x, dtype="int32"); np.full_like(x, 2.5); np.full_like(x, V); np.full_like(V, 2) * x
np.full_like(V, x[0]); np.zeros_like(x, shape=2) + x[:2]; np.copy(x); np.astype(x, "int32"); np.real(x); np.imag(x + 1j); np.conj(x + 1j * V)
np.angle(x + 1j); np.real_if_close(x + 0j); np.iscomplexobj(x) * x; np.isrealobj(x) * x; np.isclose(x, V); np.sinc(x); np.i0(x); np.unwrap(x); np.round(x, 1)
np.fix(x); np.heaviside(x, 0.5); np.hypot(x, V); np.cov(x); np.cov(A * x); np.corrcoef(A + np.diag(x)); np.histogram(x, bins=[-5.0, 0.0, 5.0])[0]
np.bincount(K, weights=x); np.bincount(K, x, 4); np.vander(x); np.fft.fft(x); np.fft.ifft(x); np.fft.rfft(x); np.fft.fft2(A * x); np.fft.fftshift(x)
np.apply_along_axis(np.sum, 0, A * x); np.apply_over_axes(np.sum, A * x, [0]); np.tri(3) * x
np.linalg.norm(x); np.linalg.norm(A * x, axis=0); np.linalg.norm(A * x, "fro"); np.linalg.norm(x, ord=1, keepdims=True); np.linalg.vector_norm(x); np.linalg.matrix_norm(A * x)
np.linalg.det(A + np.diag(x)); np.linalg.inv(A + np.diag(x)); np.linalg.solve(A + np.diag(x), x); np.linalg.solve(A + np.eye(3), x); np.linalg.solve(A + np.diag(x), V)
np.linalg.solve(A + np.diag(x), A); np.linalg.solve(A + np.eye(3), x[:, None]); np.linalg.pinv(A + np.diag(x)); np.linalg.matrix_power(A * x, 3); np.linalg.matrix_rank(A * x)
np.linalg.eigvalsh(A @ A.T + np.diag(x)); np.linalg.eigh(A @ A.T + np.diag(x)).eigenvalues; np.linalg.eigh(np.diag(x), "U")[0]; np.linalg.svd(A * x)[1]; np.linalg.svdvals(A * x)
np.linalg.svd(A * x, False, False); np.linalg.svd(A * x, compute_uv=False); np.abs(np.linalg.qr(A + np.diag(x)).R); np.abs(np.linalg.qr(A + np.diag(x), mode="r"))
np.linalg.cholesky(np.eye(3) * (1 + x * x)); np.linalg.cholesky(np.eye(3) * (1 + x * x), upper=True); np.linalg.slogdet(A + np.diag(x)).logabsdet; np.linalg.slogdet(A + np.diag(x))[0]
np.linalg.lstsq(A + np.diag(x), x)[0]; np.linalg.cond(A + np.diag(x)); np.linalg.trace(A * x); np.linalg.diagonal(A * x); np.linalg.tensorinv(A + np.diag(x), 1); np.linalg.outer(x, V)
np.linalg.cross(x, V); np.linalg.det(x); np.linalg.inv(x); np.linalg.svd(x); np.linalg.solve(x, x); np.linalg.eigvals(np.diag(x)); np.linalg.cholesky(x)
np.sum(x, 1); np.sum(x, axis=-2); np.argmax(x, 5); np.transpose(x, (0, 1)); np.moveaxis(x, 1, 0); np.swapaxes(x, 0, 1); np.flip(x, 1); np.squeeze(x, 0); np.sum(A * x, axis=(0, 0))
np.reshape(x, 4); np.reshape(x, (2, -1)); np.broadcast_to(x, (3, 2)); np.broadcast_to(A * x, (3,)); np.concatenate([x, A]); np.stack([x, A]); np.concatenate([x, x], 1); np.cumsum(x, 1)
np.expand_dims(x, 4); np.expand_dims(x, (0, 0)); np.sort(x, 1); np.take(x, 5); x[3]; x[0, 0]; x[[0, 5]]; x @ A[:2]; A[:, :2] @ x; np.matmul(x, 2.0); np.add(x, 1, out=np.zeros(3)); x.reshape(2, 2)
np.unique(x); np.nonzero(x); np.flatnonzero(x > 0); np.argwhere(x); np.trim_zeros(x); np.unique(K) * x; np.setdiff1d(x, V); np.isin(x, V); np.union1d(x, x); np.array_equal(x, x) * x
x.sum(); x.sum(0); x.sum(axis=-1, keepdims=True); (A * x).sum(1); (A * x).mean(0); x.prod(); x.std(ddof=1); x.var(); x.max(); (A * x).min(1); x.all(); (x > 0).any(); (x > 0).all()
x.argmax(); (A * x).argmin(1); x.argsort(); x.cumsum(); (A * x).cumsum(); (A * x).cumprod(axis=0); x.clip(0, 1); x.clip(min=0); x.round(1); x.dot(x); x.dot(A); (A * x).dot(x); x.conj(); x.conjugate()
x.copy(); x.copy(order="C"); x.flatten(); (A * x).flatten(); (A * x).flatten("F"); (A * x).ravel(); (A * x).T; x.T; (A * x).mT; x.mT; x.real; x.imag; (x + 1j).imag; (A * x).transpose(1, 0); (A * x).transpose((1, 0)); (A * x).transpose()
(A * x).transpose(None); x.reshape(3, 1); x.reshape((1, 3)); x.reshape([3]); x.reshape(-1); (A * x).reshape(-1, order="F"); (A * x).swapaxes(0, 1); (A * x).trace(); (A * x).diagonal(); (A * x).diagonal(1); x.repeat(2); x.take(K)
(A * x).take([0, 1], axis=1); x.compress(M); x[None].squeeze(); x[None].squeeze(0); x.astype("float32"); x.astype(int, copy=False); x.astype("float64", copy=False) + 1; x.nbytes * x; x.itemsize * x; x.size * x; x.ndim * x; len(x) * x
x.shape[0] * x; x.searchsorted(0.5); x.ptp(); x.nonzero()[0]; x.partition(1); x.view("int64"); x.item(); x.tolist(); x.tobytes(); float(x[0]); int(x[0]); bool(x[0]); x.flat[1]; x.choose([V, x]); list(x)[1]; sum(x); max(x); [v for v in x][0] + x
x[0]; x[-1]; x[1:]; x[::-1]; x[::2]; x[None]; x[:, None]; x[..., None]; x[None, :, None]; x[...]; x[()]; x[K]; x[[0, 2]]; x[M]; x[[True, False, True]]; x[np.int64(1)]; x[np.array(1)]; x[K[:, None]]; x[None, K]; x[K, None]; x[[]]; x[True]; x[np.True_, 1]
(A * x)[0]; (A * x)[0, 1]; (A * x)[:, 1]; (A * x)[..., 0]; (A * x)[:, None, 1:]; (A * x)[K]; (A * x)[:, K]; (A * x)[K, K]; (A * x)[K, 0]; (A * x)[0, K]; (A * x)[M]; (A * x)[:, M]; (A * x)[A > 0.5]; (A * x)[K[:, None], K]
(A * x)[..., K]; (A * x)[None, K]; (A * x)[M, 1]; (A * x)[M, K[:2]]; (A * x)[1:, K]; (A * x)[-1, ::2]; (A * x)[K, None]; (A * x)[K, None, K]; (A * x)[None, :, K]; (A * x)[np.ix_(M, M)]; (A * x)[np.array(1), K]; (A * x)[[0, 1], [1, 2]]
(A * x)[None, :, :, None][0, K, :, 0]; (A * x)[None, :, :, None][0, :, K]; (A * x)[None, :, :, None][:, K, :, [0]]; (A * x)[None][0, :, K]; (A * x)[None][:, K, K]; (A * x)[None][K * 0, :, K]; (A * x)[None][K * 0, ..., 1]; (A * x)[None][0, M]
x[np.argsort(x)]; x[np.argmax(x)]; (A * x)[np.argsort(x)]; (A * x)[np.argmax(x)]; (A * x)[:, np.argmax(x)]; (A * x)[np.argsort(x), K]; (A * x)[np.argsort(x), np.argsort(-x)]; A[np.argsort(x)]; x[x > 0]; x[x > -99]; V[np.argmax(x)]
(A * x)[np.argsort(x)[:, None], np.argsort(x)]; (A * x)[0, np.argsort(x)]; (A * x)[np.argsort(x), None]; (A * x)[np.argmax(x), None]; (A * x)[np.argmax(x), :2]; (A * x)[..., np.argsort(x)]; (A * x)[np.argsort(x), 1:]; (A * x)[:np.argmax(x)]
-x; +x; abs(x); x + V; V + x; x - A; 2 - x; x * 2; x / V; V / x; x // 2; x % 2; x**2; 2**x; x > 0; x == V; x != x; (x > 0) & M; ~(x > 0); (x > 0) | M; (x > 0) ^ M; divmod(x, 2)[1]; x + 1j; [1.0, 2.0, 3.0] + x; x + [1.0, 2.0, 3.0]; x < A; pow(x, 2)
np.float32(2) * x; x.astype("float32") * 2.5; x.astype("float32") * np.float64(2.5); x.astype("int64") + 1; x.astype("int8") * np.int64(3); (x > 0) + 1; (x > 0) * 2.0; x[0] * A; A * x[:, None]; x[0] + x[1] * V; np.isscalar(2) * x
np.array(x) * 2; np.asarray(x) * 2; np.asarray(x, "float32"); np.array([x, x]); np.array([x[0], 1.0]); np.random.default_rng(0).normal(size=3) + x; np.vectorize(lambda v: v * 2 if v > 0 else -v)(x); np.fromiter(x, float); np.zeros(3) + x
np.frompyfunc(lambda v: v * 2, 1, 1)(x).astype(float); np.result_type(x, 1) == x.dtype and x; np.can_cast(x.dtype, "complex128") * x; np.may_share_memory(x, V) + x
np.nan_to_num(x * 1, copy=False); np.lib.stride_tricks.sliding_window_view(x, 2); np.ndim(x) * x; np.shape(x)[0] * x; np.size(x) * x; np.size(A * x, 0) * x; np.mean(A * x, axis=(-1,)); np.linalg.norm(A * x, ord=2, axis=(0, 1)); np.sum(np.array([x]))
"""

# statements, which write; the result is y
WRITES = """
y = x.copy(); y += 1
y = x.copy(); z = y; z += A[0]
y = x.copy(); z = y; z *= x
y = x.copy(); y[0] = 5
y = x.copy(); y[1:] = x[:2]
y = x.copy(); y[:] = 3
y = x.copy(); y[...] = V
y = x.copy(); y[K] = V
y = x.copy(); y[K] = x
y = x.copy(); y[M] = 0
y = x.copy(); y[x > 0] = 0
y = x.copy(); y[x > 0] *= 2
y = x.copy(); y[x > 0] = y[x > 0] + 1
y = x.copy(); y[np.argsort(x)] = V
y = x.copy(); y[np.argmax(x)] = 0
y = x.copy(); y[0] += x[1]; y[-1] -= 2
y = x.copy(); y[[0, 2]] += x[[1, 1]]
y = x.copy(); s = y[0]; s += 10; y[1] += s
y = x.copy(); s = y[1:]; s += 10
y = x.copy(); s = y[::-1]; s[0] = 7
y = x.copy(); s = y[None]; s[0, 1] = 7
y = x.copy(); s = np.sum(y); t = s; s += 1; y = y * t + s
y = x.copy(); r = y.reshape(3, 1); r[0, 0] = 7
y = A * x; t = y.T; t[0] = x
y = A * x; y.T[0] += 1
y = A * x; t = y; y = y.ravel(); y[0] = 9; y = t
y = A * x; r = y[1]; y += 1; y = r
y = A * x; r = y.ravel(); y += 1; y = r
y = A * x; r = np.ravel(y, "F"); y += 1; y = r
y = A * x; r = y.T.ravel(); y += 1; y = r
y = A * x; d = np.diagonal(y); y += 1; y = d
y = A * x; a, b, c = np.split(y, 3); a += b; c[...] = 0
y = A * x; a, b = np.array_split(y, 2); a += 1
y = A * x; a, b, c = y; a += b
y = A * x; a = np.hsplit(y, 3)[0]; a[...] = 1
y = A * x; v = np.rot90(y); v[0] = 1
y = A * x; v = np.atleast_3d(y); v[0] = 1
y = A * x; v = np.atleast_2d(y); v[0] = 1
y = A * x; v = np.squeeze(y[None]); v[0] = 1
y = A * x; v = np.flip(y); v[0] = 1
y = A * x; v = np.swapaxes(y, 0, 1); v[0] = 1
y = A * x; v = np.moveaxis(y, 0, 1); v[0] = 1
y = A * x; v = np.expand_dims(y, 0); v[0, 0] = 1
y = A * x; v = np.broadcast_to(y, (2, 3, 3)); y[0] = 1; y = v + 0
y = A * x; v = np.einsum("ii->i", y); v[...] = 0
y = A * x; v = np.einsum("ii->i", y); v += x
y = A * x; v = np.lib.stride_tricks.sliding_window_view(y[0], 2); y += 1; y = v + 0
y = A * x; np.fill_diagonal(y, 0)
y = A * x; np.fill_diagonal(y, x)
y = A * x; np.put(y, [0, 4], [8.0, 9.0])
y = A * x; np.put(y, K, x)
y = A * x; np.place(y, y > 1, [0.5])
y = A * x; np.putmask(y, y > 1, 0.5)
y = A * x; np.copyto(y, x)
y = A * x; np.copyto(y, 0, where=y > 1)
y = A * x; np.put_along_axis(y, K[None], 5.0, 0)
y = A * x; np.clip(y, 0, 1, out=y)
y = A * x; np.cumsum(y, axis=0, out=y)
y = A * x; np.add(y, x, out=y)
y = A * x; np.add(y, x, out=y[0])
y = A * x; np.negative(y, y)
y = A * x; np.matmul(A, y.copy(), out=y)
y = A * x; np.dot(A, x, y[0])
y = A * x; np.exp(y, out=y, where=A > 0.5)
y = A * x; np.exp(x, out=y[1])
y = A * x; y.sort()
y = A * x; y.sort(axis=0)
y = A * x; y.fill(2.0)
y = A * x; y.fill(x[0])
y = A * x; y.partition(1)
y = A * x; y.put([0, 1], x[:2])
y = A * x; y.shape = (9,)
y = A * x; y.flat[1] = 7
y = A * x; y.flat = 7
y = A * x; y[1] = x; y[:, 2] = V; y[0, 0] = x[0]
y = A * x; y[K, K] = x
y = A * x; y[K, 0] = x
y = A * x; y[:, K] = x
y = A * x; y[:, K] = A
y = A * x; y[0, K] = x
y = A * x; y[M] = x
y = A * x; y[:, M] = 0
y = A * x; y[A > 0.5] = 0
y = A * x; y[y > 0.5] = 0
y = A * x; y[np.argsort(x)] = A
y = A * x; y[np.argsort(x), K] += 1
y = A * x; y[np.argmax(x)] = V
y = A * x; y[np.argmax(x)][0] = 5
y = A * x; r = y[np.argmax(x)]; r += 1
y = A * x; r = y[np.argmax(x)]; y += 1; y = r
y = A * x; r = y[:, np.argmax(x)]; y += 1; y = r
y = A * x; r = y[K]; y += 1; y = r
y = A * x; y[0] = A
y = x.copy(); y[:] = A
y = x.copy(); y[0] = x
y = x.copy(); y[0] = A[:1]
y = x.copy(); y[:] = x[None]
y = x.copy(); y[1:] = x
y = x.copy(); y += A
y = x.copy(); y[5] = 1
y = np.zeros_like(x); y[0] = x[1]
y = np.zeros_like(x); np.add.at(y, K, x)
y = np.zeros_like(x); np.add.at(y, [0, 0, 1], 1.0); y += x
y = np.ones_like(x); np.maximum.at(y, K, x)
y = np.ones_like(x); np.subtract.at(y, K, x)
y = np.ones_like(x); np.multiply.at(y, K, V); y = y * x
y = np.ones_like(x); np.divide.at(y, np.argsort(x), x)
y = np.ones_like(x); np.negative.at(y, K); y = y * x
y = np.zeros_like(x); np.add.at(y, 0, x[0])
y = np.zeros_like(x); np.add.at(y, M, x[:2])
y = A * x; np.add.at(y, (K, K), x)
y = A * x; np.add.at(y, (slice(None), K), x)
y = A * x; np.minimum.at(y, (slice(None), K), 0.0)
y = np.zeros(3); np.add.at(y, K, x)
y = np.zeros(3); np.add.at(y, np.argsort(x), 1.0); y = y + x
y = np.zeros(3); y[0] = x[1]
y = np.zeros(3); y[:] = x
y = np.zeros(3); y += x
y = np.zeros(3); y = y + x; y[0] = 1
y = np.zeros(3); z = y; y += x; y = z
y = np.zeros(3); np.add(y, x, out=y)
y = np.zeros(3); np.copyto(y, x)
y = np.zeros(3); np.put(y, K, x)
y = np.zeros(3); np.place(y, M, x)
y = np.zeros(3); np.putmask(y, M, x)
y = np.zeros((3, 3)); np.fill_diagonal(y, x)
y = np.zeros(3); np.sum(A * x, axis=0, out=y)
y = np.zeros(3); np.dot(A, x, y)
y = np.zeros(3); y[np.argmax(x)] = 1.0
y = np.zeros(3); y[x > 0] = 1.0; y = y + x
y = np.zeros((3, 3)); y[0] = x; y[:, 1] += x
y = np.zeros(x.shape); y[...] = x * 2
y = np.full_like(V, 0); y[0] = x[0]
y = [v * 2 for v in x]; y = np.array(y)
y = np.array([float(v) for v in x])
y = np.zeros(0); y = np.append(y, x)
y = x * 0; y = y + 1 if len(x) > 2 else y
y = x if x[0] > 0 else -x
y = x if (x > 0).all() else -x
y = x if np.all(x > -99) else -x
y = x if np.array_equal(x, np.sort(x)) else -x
y = x if np.allclose(x, V) else x * 3
y = 0.0; y += x[0]; y += x[1]; y = y * x
y = x[0]; y += 1; y = y * x
y = x[0]; y -= x[1]; y = x + y
y = x[0, ...]; y += 1; y = x * 2 + y
y = np.zeros_like(x[0]); y += x[0]; z = y; z += 1; y = x * y
y = np.copy(x[0]); z = y; z += 1; y = x * y
y = x.sum(); z = y; z += 1; y = x * y
y = x @ x; z = y; z += 1; y = x * y
y = x[0]; z = y.copy(); t = z; z += 1; y = t * x
y = np.exp(x[0]).copy(); y.ravel()[0] = 3; y = y * x
y = x.sum().reshape(1); z = y; z += 1; y = x * y
y = x.sum().reshape(()); z = y; z += 1; y = x * y
y = np.squeeze(x[:1]); z = y; z += 1; y = x * y
y = np.atleast_1d(x[0]); y[0] = 7; y = y * x
y = x.max().astype("float32"); z = y; z += 1; y = x * y
y = np.where(x[0] > 0, x[0], 1.0); z = y; z += 1; y = x * y
y = x.sum().real; z = y; z += 1; y = x * y
y = np.transpose(x[0]); z = y; z += 1; y = x * y
y = np.linalg.det(A + np.diag(x)); z = y; z += 1; y = x * y
y = np.einsum("i,i->", x, x); z = y; z += 1; y = x * y
y = np.linalg.norm(x); z = y; z += 1; y = x * y
y = x.argmax(); z = y; z += 1; y = x * y
y = x.mean().flatten(); y[0] += 1; y = x * y
y = np.zeros_like(x[0]); z = y; np.add(y, x[0], out=y); y = x * z
y = np.zeros_like(x[0]); z = y; y[...] = x[1]; y = x * z
y = np.zeros_like(x[0]); z = y; y[()] = x[1]; y = x * z
y = x[0]; y[()] = 1
y = x[0]; y[...] = 1
y = x.copy(); y.T[...] = 2 * x
y = (x + 1j); y.real[...] = 0
y = (x + 1j); y.imag = 0
y = (x + 1j); np.real(y)[0] = 9; y = y.imag + y.real
y = x.copy(); a, b, c = y; y = np.stack([c, b, a])
y = x.copy(); v = y.view(); v[0] = 9
y = x.copy(); v = np.asarray(y); v[0] = 9
y = x.copy(); v = y.astype(float, copy=False); v += 1
y = x.copy(); v = np.nan_to_num(y, copy=False); v += 1
y = x.copy(); v = np.require(y, requirements="W"); v += 1
x += 1; y = x
x[0] = 5; y = x
x -= x.max(); y = np.exp(x)
np.add(x, 1, out=x); y = x
x.sort(); y = x
v = x[1:]; v *= 0; y = x
v = x.reshape(3, 1); v += 1; y = x + v[:, 0]
"""

EXPRESSIONS = [e.strip() for e in VECTORS.replace("\n", ";").split(";") if e.strip()]
STATEMENTS = [e.strip() for e in WRITES.splitlines() if e.strip()]


def function(code):
    """The function of x that a line of one of the tables above stands for."""
    program = compile(code if code in STATEMENTS else f"y = {code}", "<a case>", "exec")

    def f(x):
        names = {"np": np, "A": A.copy(), "V": V.copy(), "K": K.copy(), "M": M.copy(), "x": x}
        with np.errstate(all="ignore"):
            exec(program, names)
        return names["y"]

    f.__name__ = code
    return f


def oracle(f, *Xs):
    """One example after another, or None where that fails, or gives no array."""
    try:
        found = [f(*(x.copy() for x in xs)) for xs in zip(*Xs, strict=True)]
        if not all(hasattr(y, "dtype") for y in found) or found[0].dtype.kind not in "biufc":
            return None
        return np.stack(found)
    except Exception:
        return None


def same(found, expected):
    assert isinstance(found, np.ndarray | np.generic), type(found)
    assert found.shape == expected.shape
    assert found.dtype == expected.dtype
    scale = np.max(np.abs(expected[np.isfinite(expected)]), initial=1e-300) if expected.dtype.kind in "fc" else 1
    eps = np.finfo(expected.dtype).eps if expected.dtype.kind in "fc" else 0
    np.testing.assert_allclose(found, expected, rtol=256 * eps, atol=256 * eps * scale)


X = np.random.default_rng(0).normal(size=(3, 3)) * 2
BATCHES = [X, X.T, X[:2], X[:1], X[:, ::-1], X.astype("float32"), (X * 3).astype("int64")]


def agrees(f, *Xs):
    """Whether `f` of batches, without the second chance that a custom op has, gives what one example after another
    gives: true; or refuses: false."""
    expected = oracle(f, *Xs)
    try:
        found = leave(f(*(enter(X.copy(), 10**12, 0) for X in Xs)), 10**12, 0, len(Xs[0]))
    except Exception as error:
        if expected is None or refused(error):
            return False
        raise
    assert expected is not None, found
    same(np.asarray(found), expected)
    return True


def refused(error):
    """Whether it is this package that says so, or Python for an attribute that cannot be set."""
    while not str(error).startswith("vmap: ") and error.__cause__ is not None:
        error = error.__cause__
    return str(error).startswith("vmap: ") or isinstance(error, AttributeError)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("code", EXPRESSIONS + STATEMENTS)
def test_a_batch_is_one_example_after_another_or_an_error(code):
    f = function(code)
    for X in BATCHES:
        agrees(f, X)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("code", EXPRESSIONS + STATEMENTS)
def test_a_custom_op_is_one_example_after_another(code):
    f = function(code)
    op = tg.custom_op("case", f, lambda g, y, x: 0 * x)
    for X in BATCHES:
        expected = oracle(f, X)
        if expected is None:
            with pytest.raises(Exception):  # noqa: B017, PT011
                tg.vmap(op)(X)
        else:
            same(tg.vmap(op)(X).data, expected)
            nested = np.stack([X, X[::-1], X + 1])
            expected = [oracle(f, x) for x in nested]
            if len({np.shape(e) for e in expected}) == 1:
                same(tg.vmap(tg.vmap(op))(nested).data, np.stack(expected))
                same(tg.vmap(tg.vmap(op, 1), 2)(np.moveaxis(nested, (0, 1, 2), (2, 1, 0))).data, np.stack(expected))
