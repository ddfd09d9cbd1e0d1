"""What a function of PyTorch's is here, for each name in its own list of functions (`op_db`): the one of the same name,
or one of those below; or a sentence why it is not here."""

import numpy as np

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F

L, S = tg.linalg, tg.special


def cut(x, k, dim):
    """`x[..., k, ...]`, with `k` at axis `dim`."""
    return x[(slice(None),) * (dim % x.ndim) + (k,)]


def spread(f):
    """`var` and `std`, which divide by n - 1 in PyTorch."""

    def call(x, dim=None, unbiased=None, correction=None, keepdim=False):
        given = {"correction": correction} if unbiased is None else {"unbiased": unbiased}
        return f(x, dim=dim, keepdim=keepdim, **given)

    return lambda x, *args, **kw: call(x, None, *args) if args and args[0] in (True, False) else call(x, *args, **kw)


def written(x, key, values, accumulate=False):
    x, key = x + 0, tuple(k.data for k in key)
    if accumulate:
        np.add.at(x, key, values)
    else:
        x[key] = values
    return x


def copied(x, dim, index, source):
    y = tg.reshape(x + 0, x.shape or (1,))
    y[(slice(None),) * (dim % y.ndim) + (index.data,)] = source
    return y.reshape(x.shape)


def torch_norm(x, p="fro", dim=None, keepdim=False, dtype=None):
    x = x if dtype is None else x.astype(dtype)
    if p == "nuc":
        return L.matrix_norm(x, "nuc", (-2, -1) if dim is None else dim, keepdim)
    return L.vector_norm(x, 2 if p in ("fro", None) else p, None if dim in ((), []) else dim, keepdim)


def pieces(x, parts, dim=0):
    """`tensor_split`, `chunk` and `split` by the places to cut at."""
    n, parts = x.shape[dim], parts.tolist() if isinstance(parts, tg.Tensor) else parts
    if not isinstance(parts, int):
        return tg.split(x, [int(k) for k in parts], dim)
    sizes = [n // parts + (i < n % parts) for i in range(parts)]
    return tg.split(x, np.cumsum(sizes)[:-1].tolist(), dim)


def of_length(x, n, dim=0):
    return tg.split(x, list(range(n, x.shape[dim], n)) if n else [], dim)


def of_lengths(x, sizes, dim=0):
    return tg.split(x, np.cumsum(sizes)[:-1].tolist(), dim)


def by_size(x, parts, dim=0):
    return of_length(x, -(-x.shape[dim] // parts), dim)


def axis_of_nan(f):
    return lambda x, dim=None, keepdim=False, dtype=None: f(x if dtype is None else x.astype(dtype), axis=dim, keepdims=keepdim)  # fmt: skip


def fourier(name):
    return lambda x, s=None, dim=(-2, -1), norm=None: getattr(np.fft, name)(x, s, dim, norm)


def at_quantile(f):
    return lambda x, q, dim=None, keepdim=False, interpolation="linear": f(x, q, dim, keepdims=keepdim, method=interpolation)  # fmt: skip


DTYPES = {
    "bool": "bool", "byte": "uint8", "char": "int8", "double": "float64", "float": "float32", "half": "float16", "int": "int32",
    "long": "int64", "short": "int16", "cdouble": "complex128", "cfloat": "complex64",
}  # fmt: skip
NUMPY = [
    "deg2rad",
    "rad2deg",
    "heaviside",
    "ldexp",
    "frexp",
    "logaddexp2",
    "float_power",
    "gcd",
    "lcm",
    "fmax",
    "fmin",
    "sinc",
    "angle",
    "kron",
    "inner",
    "vdot",
    "hstack",
    "vstack",
    "dstack",
    "column_stack",
    "fliplr",
    "flipud",
    "corrcoef",
    "isreal",
    "isneginf",
    "isposinf",
    "allclose",
    "isclose",
    "nan_to_num",
    "argwhere",
]
HERE = {
    # other names
    "mul": tg.multiply, "sub": tg.subtract, "neg": tg.negative, "true_divide": tg.divide, "eq": tg.equal, "ne": tg.not_equal, "lt": tg.less,
    "le": tg.less_equal, "gt": tg.greater, "ge": tg.greater_equal, "cat": tg.concat, "movedim": tg.moveaxis, "unsqueeze": tg.expand_dims,
    "unbind": tg.unstack, "transpose": tg.swapaxes, "cumsum": tg.cumulative_sum, "cumprod": tg.cumulative_prod, "clamp": tg.clip,
    "bitwise_not": tg.bitwise_invert, "take_along_dim": lambda x, i, dim=None: tg.take_along_axis(x, i, dim) if dim is not None else tg.take(x, tg.flatten(i)), "broadcast_tensors": lambda *xs: tg.broadcast_arrays(*xs),
    "conj_physical": tg.conj, "resolve_conj": tg.positive, "resolve_neg": tg.positive, "contiguous": tg.positive, "sgn": tg.sign, "pinverse": L.pinv,
    "bmm": tg.matmul, "mm": tg.matmul, "mv": tg.matmul, "dot": tg.matmul, "lgamma": S.gammaln, "trace": L.trace, "diagonal_copy": tg.diagonal,
    "special.polygamma[special_polygamma_n_0]": lambda x, n: S.polygamma(n, x), "linalg.diagonal": tg.diagonal,
    **{f"polygamma[polygamma_n_{n}]": lambda x, n: S.polygamma(n, x) for n in range(5)},
    **{name: lambda x, d=d, **_: x.astype(d) for name, d in DTYPES.items()},
    # NumPy's functions, of tensors
    **{name: getattr(np, name) for name in NUMPY},
    **{n: lambda *xs, n=n: getattr(np, n)(*(xs[0] if isinstance(xs[0], list | tuple) else xs)) for n in ("atleast_1d", "atleast_2d", "atleast_3d")},
    "nanmean": axis_of_nan(np.nanmean), "nansum": axis_of_nan(np.nansum), "quantile": at_quantile(np.quantile), "nanquantile": at_quantile(np.nanquantile),
    "rot90": lambda x, k=1, dims=(0, 1): np.rot90(x, k, dims), "trapezoid": lambda y, x=None, dx=1.0, dim=-1: np.trapezoid(y, x, dx, dim),
    "trapz": lambda y, x=None, dx=1.0, dim=-1: np.trapezoid(y, x, dx, dim), "linalg.multi_dot": lambda xs: np.linalg.multi_dot(xs),
    "cov": lambda x, correction=1, fweights=None, aweights=None: np.cov(x, ddof=correction, fweights=fweights, aweights=aweights),
    "gradient": lambda x, spacing=None, dim=None, edge_order=1: np.gradient(x, *([] if spacing is None else spacing if isinstance(spacing, list | tuple) else [spacing]), axis=dim, edge_order=edge_order),
    "linalg.tensorinv": np.linalg.tensorinv, "linalg.tensorsolve": lambda a, b, dims=None: np.linalg.tensorsolve(a, b, dims),
    **{f"fft.{name}": fourier(name) for name in ("fft2", "ifft2", "rfft2", "irfft2")},
    "einsum": lambda xs, text: tg.einsum(text, xs), "equal": lambda a, b: np.array_equal(a, b),
    # methods and properties
    "T": lambda x: x.T, "mT": lambda x: x.mT, "t": lambda x: x.T, "H": lambda x: tg.conj(x.T), "mH": lambda x: tg.conj(x.mT), "ravel": tg.flatten,
    "view": tg.reshape, "reshape_as": lambda x, y: x.reshape(y.shape), "view_as": lambda x, y: x.reshape(y.shape), "clone": lambda x, **_: x.clone(),
    "expand_as": lambda x, y: tg.broadcast_to(x, y.shape), "permute": lambda x, *d: tg.permute_dims(x, d[0] if len(d) == 1 and isinstance(d[0], tuple | list) else d),
    "__getitem__": lambda x, k: x[k], "masked_select": lambda x, m: (lambda a, b: a[b])(*tg.broadcast_arrays(x, m)), "item": lambda x: x.item(),
    "__radd__": lambda x, y: y + x, "__rmul__": lambda x, y: y * x, "__rsub__": lambda x, y: y - x, "__rdiv__": lambda x, y: y / x, "__rpow__": lambda x, y: y**x,
    "__rmod__": lambda x, y: y % x, "__rmatmul__": lambda x, y: y @ x, "__rand__": lambda x, y: y & x, "__ror__": lambda x, y: y | x, "__rxor__": lambda x, y: y ^ x,
    # one line of others
    "rsub": lambda x, y, alpha=1: y - alpha * x, "rsqrt": lambda x: x**-0.5, "frac": lambda x: x - tg.trunc(x), "lerp": lambda x, y, w: x + w * (y - x),
    "div[no_rounding_mode]": lambda x, y, rounding_mode=None: x / y, "div[trunc_rounding]": lambda x, y, rounding_mode: tg.trunc(x / y),
    "div[floor_rounding]": lambda x, y, rounding_mode: tg.floor_divide(x, y), "clamp_min": lambda x, a: tg.maximum(x, a), "clamp_max": lambda x, a: tg.minimum(x, a),
    "addmm": lambda x, a, b, beta=1, alpha=1: beta * x + alpha * (a @ b), "addmv": lambda x, a, b, beta=1, alpha=1: beta * x + alpha * (a @ b),
    "baddbmm": lambda x, a, b, beta=1, alpha=1: beta * x + alpha * (a @ b), "addbmm": lambda x, a, b, beta=1, alpha=1: beta * x + alpha * (a @ b).sum(0),
    "addr": lambda x, a, b, beta=1, alpha=1: beta * x + alpha * tg.linalg.outer(a, b), "addcmul": lambda x, a, b, value=1: x + value * a * b,
    "addcdiv": lambda x, a, b, value=1: x + value * a / b, "dist": lambda x, y, p=2: L.vector_norm(x - y, p), "logdet": lambda x: tg.log(L.det(x)),
    "where": lambda x, c, y: tg.where(c, x, y), "masked_fill": lambda x, m, v: tg.where(m, v, x), "index_select": lambda x, d, i: tg.take(x, i, d) if x.ndim else x,
    "select": lambda x, d, i: cut(x, i, d), "narrow": lambda x, d, a, n: cut(x, slice(int(a) % (x.shape[d] + 1), int(a) % (x.shape[d] + 1) + n), d), "diag": lambda x, k=0: np.diag(x, k),
    "index_copy": copied, "index_put": written, "tensor_split": pieces, "chunk": by_size, "split": of_length, "split[list_args]": of_lengths,
    "split_with_sizes": of_lengths, "hsplit": lambda x, n: pieces(x, n, 1 if x.ndim > 1 else 0), "vsplit": pieces, "dsplit": lambda x, n: pieces(x, n, 2),
    "amax": lambda x, dim=None, keepdim=False: tg.max(x, axis=None if dim == () else dim, keepdims=keepdim), "msort": lambda x: tg.sort(x, axis=0),
    "amin": lambda x, dim=None, keepdim=False: tg.min(x, axis=None if dim == () else dim, keepdims=keepdim),
    "aminmax": lambda x, dim=None, keepdim=False: (tg.min(x, axis=dim, keepdims=keepdim), tg.max(x, axis=dim, keepdims=keepdim)),
    "max[reduction_with_dim]": lambda x, d, keepdim=False: (tg.max(x, axis=d, keepdims=keepdim), tg.argmax(x, axis=d, keepdims=keepdim)),
    "min[reduction_with_dim]": lambda x, d, keepdim=False: (tg.min(x, axis=d, keepdims=keepdim), tg.argmin(x, axis=d, keepdims=keepdim)),
    "max[binary]": tg.maximum, "min[binary]": tg.minimum, "norm": torch_norm, "norm[nuc]": torch_norm, "norm[fro]": torch_norm, "norm[inf]": torch_norm,
    "sort": lambda x, dim=-1, descending=False, stable=False: (tg.sort(x, dim, descending), tg.argsort(x, dim, descending)),
    "var": spread(tg.var), "std": spread(tg.std), "var[unbiased]": spread(tg.var), "std[unbiased]": spread(tg.std),
    "var_mean": lambda x, *a, **k: (spread(tg.var)(x, *a, **k), tg.mean(x, dim=k.get("dim", a[0] if a and a[0] not in (True, False) else None), keepdim=k.get("keepdim", False))),
    "repeat": lambda x, *r: tg.tile(x, r[0] if len(r) == 1 and isinstance(r[0], tuple | list) else r), "nonzero": lambda x, as_tuple=False: tg.nonzero(x, as_tuple=as_tuple),
    "bucketize": lambda x, edges, out_int32=False, right=False: tg.searchsorted(edges, x, right=right), "complex": lambda a, b: a + 1j * b,
    "polar": lambda r, a: r * tg.cos(a) + 1j * (r * tg.sin(a)), "svd": lambda x, some=True, compute_uv=True: (lambda u, s, v: (u, s, tg.conj(v.mT)))(*L.svd(x, not some)),
    "linalg.pinv[singular]": lambda a, b: L.pinv(a @ b.mT), "nn.functional.embedding": lambda w, i, **k: F.embedding(i, w, **k), "nn.functional.embedding_bag": lambda w, i, **k: F.embedding_bag(i, w, **k),
    "nn.functional.silu[complex]": F.silu, "nn.functional.triplet_margin_with_distance_loss": lambda *xs, distance_function=None, **k: F.triplet_margin_with_distance_loss(*xs, distance_function=distance_function and F.pairwise_distance, **k),
    "linalg.norm[subgradients_at_zero]": L.norm, "constant_pad_nd": lambda x, pad, value=0: F.pad(x, pad, "constant", value), "nn.functional.batch_norm[without_cudnn]": F.batch_norm,
    "expand": lambda x, *s: tg.broadcast_to(x, tuple(m if n == -1 else n for n, m in zip(s[0] if len(s) == 1 and isinstance(s[0], tuple | list) else s, ((1,) * 9 + x.shape)[-len(s[0] if len(s) == 1 and isinstance(s[0], tuple | list) else s):]))),
}  # fmt: skip

# Why a name is not here.
ABSENT = {
    "A tensor is drawn by a generator, whose numbers are its own": "cauchy exponential geometric log_normal normal[in_place] uniform randn randn_like rand_like randint randint_like multinomial normal normal[number_mean] bernoulli svd_lowrank pca_lowrank",
    "Nothing is written in place but by t[...] = v and t += v": "fill resize_ resize_as_ zero_ put masked_scatter index_fill scatter diagonal_scatter select_scatter slice_scatter as_strided_scatter",
    "A part of PyTorch's machinery": "_softmax_backward_data native_group_norm native_layer_norm native_batch_norm _native_batch_norm_legit _batch_norm_with_update max_pool2d_with_indices_backward torch._scaled_mm_v2 torch._scaled_mm torch.ops.aten._safe_softmax.default torch.ops.aten._flash_attention_forward torch.ops.aten._efficient_attention_forward jiterator_unary jiterator_binary jiterator_4inputs_with_extra_args jiterator_binary_return_by_ref jiterator_2inputs_2outputs hash_tensor _segment_reduce[lengths] _segment_reduce[offsets] _unsafe_masked_index _unsafe_masked_index_put_accumulate _upsample_bilinear2d_aa _chunk_cat native_dropout_backward nn.functional.multi_head_attention_forward grid_sampler_2d grid_sampler_3d addmm[decomposed] bmm[triton_optimized] nn.functional.linear_cross_entropy nn.functional.linear_cross_entropy[chunked] nn.functional.linear_cross_entropy[chunked_none] nonzero_static empty_permuted empty_strided new_empty_strided scalar_tensor to bfloat16 chalf",
    "The same function without a view, or with a check less": "expand_copy alias_copy as_strided_copy narrow_copy view_copy permute_copy split_with_sizes_copy unbind_copy unfold_copy squeeze_copy transpose_copy t_copy unsqueeze_copy unsafe_chunk unsafe_split",
    "Sparse or masked tensors": "sparse.sampled_addmm sparse.mm[reduce] to_sparse masked.sum masked.prod masked.cumsum masked.cumprod masked.amax masked.amin masked.argmax masked.argmin masked.mean masked.median masked.norm masked.var masked.std masked.softmax masked.log_softmax masked.softmin masked.normalize masked.logaddexp masked.logsumexp",
    "Its name answers with a sentence in F or tg": "nn.functional.upsample_bilinear nn.functional.upsample_nearest renorm histc unfold as_strided as_strided[partial_views] view_as_real view_as_complex slice new_zeros new_ones new_full new_empty broadcast_shapes unflatten",
    "Functions that neither NumPy nor SciPy's special functions here have, or that are a line of others": "block_diag combinations cartesian_prod cholesky_inverse sum_to_size cummax cummin diag_embed diagflat stft istft geqrf kthvalue lu_unpack lu lu_solve matrix_exp median nanmedian var_mean[unbiased] std_mean std_mean[unbiased] igamma igammac mode logspace unique mvlgamma[mvlgamma_p_1] mvlgamma[mvlgamma_p_3] mvlgamma[mvlgamma_p_5] ormqr triangular_solve unravel_index index_reduce[mean] index_reduce[prod] index_reduce[amin] index_reduce[amax] unique_consecutive histogram histogramdd cumulative_trapezoid triu_indices tril_indices logcumsumexp scatter_reduce[sum] scatter_reduce[prod] scatter_reduce[mean] scatter_reduce[amin] scatter_reduce[amax] fft.hfft2 fft.hfftn fft.ihfft2 fft.ihfftn linalg.cholesky_ex linalg.householder_product linalg.ldl_factor linalg.ldl_factor_ex linalg.ldl_solve linalg.lstsq linalg.lstsq[grad_oriented] linalg.vander linalg.lu_factor linalg.lu_factor_ex linalg.lu linalg.lu_solve linalg.inv_ex linalg.solve_ex logspace[tensor_overload] signal.windows.hamming signal.windows.hann signal.windows.bartlett signal.windows.blackman signal.windows.cosine signal.windows.exponential signal.windows.gaussian signal.windows.kaiser signal.windows.general_cosine signal.windows.general_hamming signal.windows.nuttall special.zeta special.entr special.ndtri special.airy_ai special.bessel_j0 special.bessel_j1 special.bessel_y0 special.bessel_y1 special.chebyshev_polynomial_t special.chebyshev_polynomial_u special.chebyshev_polynomial_v special.chebyshev_polynomial_w special.hermite_polynomial_h special.hermite_polynomial_he special.laguerre_polynomial_l special.legendre_polynomial_p special.modified_bessel_i0 special.modified_bessel_i1 special.modified_bessel_k0 special.modified_bessel_k1 special.scaled_modified_bessel_k0 special.scaled_modified_bessel_k1 special.shifted_chebyshev_polynomial_t special.shifted_chebyshev_polynomial_u special.shifted_chebyshev_polynomial_v special.shifted_chebyshev_polynomial_w special.spherical_bessel_j0",
}  # fmt: skip


def named(full):
    """The function here for a name such as `max[binary]` or `nn.functional.pad[reflect]`; None if there is none."""
    if full in HERE:
        return HERE[full]
    name = full.partition("[")[0]
    if any(full in names.split() for names in ABSENT.values()):
        return None
    place, _, last = name.rpartition(".")
    owner = {"": tg, "linalg": L, "fft": tg.fft, "special": S, "nn.functional": F}.get(place)
    found = next(
        (getattr(o, last) for o in ((owner, S, L, F) if not place else (owner,)) if o is not None and last in dir(o)),
        None,
    )
    return found if callable(found) else None
