"""Names of PyTorch's layers and functions that are not here, and a sentence for each that says what to use."""

from __future__ import annotations

ACTIVATIONS = ["celu", "elu", "hardtanh", "leaky_relu", "relu", "rrelu", "selu"]
INSIDE = "it is a part of PyTorch's own machinery; leave it out"
IN_PLACE = "nothing is written in place here; write x = F.{}(x)"
WITH_PLACES = "use F.{}(..., return_indices=True)"

NN = {
    "Container": "use nn.Module, as PyTorch does since 2017",
    "CrossMapLRN2d": "use nn.LocalResponseNorm, which is the same",
    "DataParallel": "there is one process and no GPU; call the module itself",
    "LinearCrossEntropyLoss": "use nn.Linear, and nn.CrossEntropyLoss of its output",
    "LinearCrossEntropyOptions": "use nn.Linear, and nn.CrossEntropyLoss of its output",
    "NLLLoss2d": "use nn.NLLLoss, which takes any number of axes",
    "RNNBase": "use nn.RNN, nn.LSTM or nn.GRU",
    "RNNCellBase": "use nn.RNNCell, nn.LSTMCell or nn.GRUCell",
    "SyncBatchNorm": "there is one process; use nn.BatchNorm1d, nn.BatchNorm2d or nn.BatchNorm3d",
    "UninitializedBuffer": "the lazy layers make their buffers at the first input; use e.g. nn.LazyBatchNorm2d",
    "UninitializedParameter": "the lazy layers make their parameters at the first input; use e.g. nn.LazyLinear",
    "quantized": "there are no quantised layers; use the layer itself, in float32",
    "qat": "there are no quantised layers; use the layer itself, in float32",
    "quantizable": "there are no quantised layers; use the layer itself, in float32",
    "intrinsic": "layers are not fused by hand; use them one after the other",
    "parallel": "there is one process and no GPU; call the module itself",
    "DistributedDataParallel": "there is one process; call the module itself",
    "modules": "the layers stand in nn itself",
    "factory_kwargs": INSIDE,
}

FUNCTIONAL = {
    **{f"{name}_": IN_PLACE.format(name) for name in ACTIVATIONS},
    "threshold_": "nothing is written in place here; write x = F.threshold(x, threshold, value)",
    **{
        f"{name}_with_indices": WITH_PLACES.format(name)
        for name in (
            *(f"max_pool{n}d" for n in (1, 2, 3)), *(f"adaptive_max_pool{n}d" for n in (1, 2, 3)),
            "fractional_max_pool2d", "fractional_max_pool3d",
        )
    },
    "conv_tbc": "use F.conv1d of tg.permute_dims(x, (1, 2, 0))",
    "grouped_mm": "use tg.matmul of each group",
    "linear_cross_entropy": "use F.cross_entropy(F.linear(x, weight), target)",
    "multi_head_attention_forward": "use nn.MultiheadAttention, or F.scaled_dot_product_attention",
    "native_channel_shuffle": "use F.channel_shuffle",
    **dict.fromkeys(
        ("scaled_grouped_mm", "scaled_mm", "ScalingType", "SwizzleType"), "there are no 8-bit products; use tg.matmul"
    ),
    "upsample": "use F.interpolate, as PyTorch says",
    "upsample_bilinear": "use F.interpolate(x, size, mode='bilinear', align_corners=True)",
    "upsample_nearest": "use F.interpolate(x, size)",
    **dict.fromkeys(
        (
            "assert_int_or_pair", "boolean_dispatch", "handle_torch_function", "has_torch_function",
            "has_torch_function_unary", "has_torch_function_variadic",
        ),
        INSIDE,
    ),
}  # fmt: skip

OPTIM = {"SparseAdam": "gradients are dense here; use optim.Adam"}

UTILS = {
    "clip_grad_norm": "use nn.utils.clip_grad_norm_, as PyTorch says",
    "clip_grads_with_norm_": "use nn.utils.clip_grad_norm_, which finds the norm itself",
    "get_total_norm": "use what nn.utils.clip_grad_norm_(parameters, float('inf')) gives",
    "convert_conv2d_weight_memory_format": "arrays are in C order; leave it out",
    "convert_conv3d_weight_memory_format": "arrays are in C order; leave it out",
    "fuse_conv_bn_eval": "layers are not fused by hand; use tg.compile",
    "fuse_conv_bn_weights": "layers are not fused by hand; use tg.compile",
    "fuse_linear_bn_eval": "layers are not fused by hand; use tg.compile",
    "fuse_linear_bn_weights": "layers are not fused by hand; use tg.compile",
    "prune": "there is no pruning; multiply by a mask in nn.utils.parametrize.register_parametrization",
    "remove_spectral_norm": "use nn.utils.parametrize.remove_parametrizations(module, 'weight')",
    "remove_weight_norm": "use nn.utils.parametrize.remove_parametrizations(module, 'weight')",
    "skip_init": "make the layer as it is, and set its parameters",
    "stateless": "use nn.functional_call",
}

FILED = "use tg.autocast('bfloat16') to compute so, and tg.save(path, state, dtype='{}') to store so"
CPU = "there is the CPU only; leave it out"
DTYPE = "use x.astype('{}')"
COMPARED = "write x {} y"

# methods of tensors
TENSOR = {
    **dict.fromkeys(
        ("layout", "is_sparse", "is_sparse_csr", "to_dense", "to_sparse", "to_sparse_csr", "coalesce", "sparse_dim"),
        "tensors are dense; leave it out",
    ),
    **dict.fromkeys(("nbytes", "itemsize", "storage_offset"), "use x.data, the NumPy array, which has it"),
    **dict.fromkeys(("H", "adjoint"), "use tg.conj(tg.matrix_transpose(x))"),
    "ger": "use tg.linalg.outer(x, y)", "char": DTYPE.format("int8"),
    "ndimension": "use x.ndim", "is_cpu": CPU, "is_same_size": "write x.shape == y.shape",
    "narrow": "use x[start : start + length], with the axis by its place among the slices",
    "split_with_sizes": "use tg.split(x, np.cumsum(sizes)[:-1])",
    "pinverse": "use tg.linalg.pinv(x)", "lstsq": "use np.linalg.lstsq(a, b)",
    "retains_grad": "call x.retain_grad() before backward()",
    "register_post_accumulate_grad_hook": "use x.register_hook(f), which is called with the gradient",
    **dict.fromkeys(("resolve_conj", "resolve_neg"), "leave it out: values are computed at once"),
    "aminmax": "use tg.min(x) and tg.max(x)",
    "addbmm": "write x + (a @ b).sum(0)",
    **{name: DTYPE.format(dtype) for name, dtype in {
        "float": "float32", "double": "float64", "half": "float16", "long": "int64", "int": "int32", "short": "int16",
        "byte": "uint8", "bool": "bool", "cfloat": "complex64", "cdouble": "complex128",
    }.items()},
    **{name: COMPARED.format(sign) for name, sign in {
        "eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "mul": "*", "sub": "-", "div": "/",
        "mm": "@", "mv": "@", "bmm": "@", "dot": "@",
    }.items()},
    **dict.fromkeys(("cpu", "cuda", "is_cuda", "pin_memory", "is_pinned", "get_device", "mps"), CPU),
    "bfloat16": FILED.format("bfloat16"),
    "to": "use x.astype(dtype) for another dtype; there is the CPU only",
    "type": "use x.astype(dtype); x.dtype says which it is",
    "type_as": "use x.astype(y.dtype)",
    "dim": "use x.ndim",
    "nelement": "use x.size, which is a number here, as in NumPy",
    "numel": "use x.size, which is a number here, as in NumPy",
    "view": "use x.reshape(...), which shares memory where it can",
    "view_as": "use x.reshape(y.shape)",
    "reshape_as": "use x.reshape(y.shape)",
    "expand": "use tg.broadcast_to(x, shape)",
    "expand_as": "use tg.broadcast_to(x, y.shape)",
    "movedim": "use tg.moveaxis(x, source, destination)",
    "unsqueeze": "use tg.expand_dims(x, axis), or x[None]",
    "t": "use x.T",
    "masked_fill": "use tg.where(mask, value, x)",
    "masked_select": "use x[mask]",
    "index_select": "use tg.take(x, indices, axis)",
    "scatter": "use tg.scatter_add(tg.zeros_like(x), axis, index, values), which adds where places repeat",
    "chunk": "use tg.split(x, parts, axis)",
    "unbind": "use tg.unstack(x, axis)",
    "clamp": "use x.clip(low, high)",
    "clamp_": "write x[...] = x.clip(low, high), within tg.no_grad() for a parameter",
    "rsqrt": "write x ** -0.5",
    "addmm": "write x + a @ b",
    "argwhere": "use np.argwhere(x)",
    "unfold": "use F.unfold for images, or slices and tg.stack",
    "grad_fn": "x.op and x.inputs say what made it; tg.explain(x) tells the rest",
    "zero_": "write x[...] = 0; of a gradient, x.grad = None",
    "fill_": "write x[...] = value",
    "copy_": "write x[...] = y",
    "normal_": "use nn.init.normal_(x)",
    "uniform_": "use nn.init.uniform_(x)",
    "add_": "write x += y, within tg.no_grad() for a parameter",
    "sub_": "write x -= y, within tg.no_grad() for a parameter",
    "mul_": "write x *= y, within tg.no_grad() for a parameter",
    "div_": "write x /= y, within tg.no_grad() for a parameter",
    "scatter_": "write x[rows, index] = values",
    "storage": "use x.data, the NumPy array",
    "untyped_storage": "use x.data, the NumPy array",
    "data_ptr": "use x.data.ctypes.data",
    "stride": "use x.data.strides, in bytes",
    "element_size": "use x.data.itemsize",
    "is_contiguous": "use x.data.flags.c_contiguous",
    "contiguous": "leave it out: any layout will do",
    "new_zeros": "use tg.zeros(shape, dtype=x.dtype)",
    "new_ones": "use tg.ones(shape, dtype=x.dtype)",
    "new_tensor": "use tg.Tensor(values, dtype=x.dtype)",
    "new_full": "use tg.full(shape, value, dtype=x.dtype)",
    "new_empty": "use tg.empty(shape, dtype=x.dtype)",
    "share_memory_": "there is one process; leave it out",
}  # fmt: skip

# functions of torch that are a line of others, and methods of its tensors too
LINES = {
    "addmv": "write x + a @ b",
    "addr": "write x + tg.linalg.outer(a, b)",
    "bucketize": "use tg.searchsorted(edges, x)",
    "cartesian_prod": "use tg.stack([part.flatten() for part in tg.meshgrid(a, b, indexing='ij')], 1)",
    "combinations": "use itertools.combinations of places, and tg.take",
    "block_diag": "use np.block with zeros between the blocks",
    "cummax": "use np.maximum.accumulate(x)",
    "cummin": "use np.minimum.accumulate(x)",
    "cumulative_trapezoid": "use tg.cumulative_sum((y[1:] + y[:-1]) / 2 * dx)",
    "diag_embed": "write x[..., None] * tg.eye(n)",
    "dist": "use tg.linalg.vector_norm(x - y, p)",
    "frac": "write x - tg.trunc(x)",
    "igamma": "tensors have no incomplete gamma function; scipy.special.gammainc takes arrays",
    "igammac": "tensors have no incomplete gamma function; scipy.special.gammaincc takes arrays",
    "index_fill": "write x[:, index] = value, of x.clone()",
    "is_complex": "use tg.isdtype(x.dtype, 'complex floating')",
    "is_nonzero": "use bool(x)",
    "kthvalue": "use tg.sort(x, axis)[..., k - 1]",
    "lgamma": "use tg.special.gammaln(x)",
    "logcumsumexp": "write tg.log(tg.cumulative_sum(tg.exp(x - m))) + m, where m = tg.max(x)",
    "logdet": "use tg.linalg.slogdet(x)[1]",
    "matrix_exp": "use scipy.linalg.expm for values; with gradients, a sum of powers",
    "mode": "use tg.unique_counts(x): the value whose count is the largest",
    "msort": "use tg.sort(x, axis=0)",
    "mvlgamma": "write it as a sum of tg.special.gammaln",
    "new": "use tg.Tensor(values, dtype=x.dtype)",
    "scatter_reduce": "use tg.scatter_add for sums; for means, divide by tg.scatter_add of ones",
    "sgn": "use tg.sign(x), of complex numbers too",
    "sum_to_size": "use tg.sum(x, axis, keepdims=True)",
    "swapdims": "use tg.swapaxes(x, axis1, axis2)",
    "tensor_split": "use tg.split(x, parts, axis)",
    "unflatten": "use x.reshape(...), or nn.Unflatten",
    "unique_consecutive": "use x[np.append(True, np.diff(x.data) != 0)]",
    "as_strided": "use slices, x.reshape or np.lib.stride_tricks.as_strided(x.data, ...)",
}

# functions and parts of torch
TORCH = {
    **LINES,
    "complex": "write a + 1j * b",
    "polar": "write r * tg.exp(1j * angle)",
    "view_as_real": "use tg.stack([z.real, z.imag], -1)",
    "view_as_complex": "write x[..., 0] + 1j * x[..., 1]",
    "range": "use tg.arange, whose end is left out",
    "cond": "write an if outside of the graph, or tg.where",
    "broadcast_tensors": "use tg.broadcast_arrays(x, y)",
    "binomial": "use tg.random.default_rng(seed).bernoulli, and add up",
    "normal": "use tg.random.default_rng(seed).normal(mean, std, shape)",
    "Generator": "use tg.random.default_rng(seed)",
    "constant_pad_nd": "use nn.functional.pad(x, pad, value=value)",
    "onnx": "use tg.export(f, inputs, path)",
    "dtype": "dtypes are NumPy's: np.dtype, or texts such as 'float32'",
    "set_default_tensor_type": "use tg.set_default_dtype",
    "get_default_device": CPU,
    "lu": "use tg.linalg.solve(a, b) for equations, tg.linalg.det(a) for a determinant",
    "lu_solve": "use tg.linalg.solve(a, b)",
    "cholesky_inverse": "use tg.linalg.cholesky_solve(tg.eye(n), c)",
    **{name: f"use {dtype!r}, as in x.astype({dtype!r})" for name, dtype in {
        "float": "float32", "double": "float64", "half": "float16", "long": "int64", "int": "int32", "short": "int16",
    }.items()},
    **{name: COMPARED.format(sign) for name, sign in {
        "mul": "*", "sub": "-", "div": "/", "mm": "@", "bmm": "@", "mv": "@", "dot": "@", "eq": "==", "ne": "!=",
        "lt": "<", "le": "<=", "gt": ">", "ge": ">=",
    }.items()},
    **{f"{name}Tensor": f"use tg.Tensor(values, dtype={dtype!r})" for name, dtype in {
        "Float": "float32", "Double": "float64", "Long": "int64", "Int": "int32", "Bool": "bool", "Half": "float16",
        "Byte": "uint8",
    }.items()},
    **dict.fromkeys(("cuda", "device", "backends", "mps", "get_device", "set_default_device"), CPU),
    **{name: FILED.format(name) for name in ("bfloat16", "float8_e4m3fn", "float8_e5m2")},
    **dict.fromkeys(
        ("is_autocast_enabled", "get_autocast_dtype", "set_autocast_enabled"),
        "with tg.autocast(...) switches it on for a block",
    ),
    "rand": "use tg.random.default_rng(seed).uniform(size=shape)",
    "randn": "use tg.random.default_rng(seed).normal(size=shape)",
    "randint": "use tg.random.default_rng(seed).integers(low, high, shape)",
    "randperm": "use tg.random.default_rng(seed).permutation(n)",
    "rand_like": "use tg.random.default_rng(seed).uniform(size=x.shape)",
    "randn_like": "use tg.random.default_rng(seed).normal(size=x.shape)",
    "from_numpy": "use tg.asarray(array), which shares its memory, or tg.Tensor(array)",
    "as_tensor": "use tg.asarray(values)",
    "cat": "use tg.concat(tensors, axis)",
    "chunk": "use tg.split(x, parts, axis)",
    "unbind": "use tg.unstack(x, axis)",
    "unsqueeze": "use tg.expand_dims(x, axis), or x[None]",
    "permute": "use tg.permute_dims(x, axes)",
    "movedim": "use tg.moveaxis(x, source, destination)",
    "index_select": "use tg.take(x, indices, axis)",
    "masked_select": "use x[mask]",
    "masked_fill": "use tg.where(mask, value, x)",
    "take_along_dim": "use tg.take_along_axis(x, indices, axis)",
    "clamp": "use tg.clip(x, low, high)",
    "rsqrt": "write x ** -0.5",
    "lerp": "write x + weight * (y - x)",
    "addmm": "write x + a @ b",
    "baddbmm": "write x + a @ b",
    "addcmul": "write x + value * a * b",
    "addcdiv": "write x + value * a / b",
    "inverse": "use tg.linalg.inv(x)",
    "logit": "use tg.special.logit(p)",
    "renorm": "divide by tg.linalg.vector_norm(x, axis=..., keepdims=True) where it is too large",
    "histc": "use np.histogram(x.data)",
    "unique": "use tg.unique_values(x), or tg.unique_all(x) for places and counts too",
    "numel": "use x.size, which is a number here, as in NumPy",
    "is_tensor": "use isinstance(x, tg.Tensor)",
    "is_floating_point": "use tg.isdtype(x.dtype, 'real floating')",
    "is_grad_enabled": "with tg.no_grad() switches recording off; outside of it, it is on",
    "set_grad_enabled": "use with tg.no_grad(), or @tg.no_grad",
    "enable_grad": "use tg.no_grad() around less",
    "inference_mode": "use tg.no_grad()",
    "func": "the transforms stand in tg itself: tg.grad, tg.vmap, tg.vjp, tg.jvp, tg.hessian",
    "utils": "data sets and loaders stand in tg.data; nn.utils is tg.nn.utils",
    "jit": "use tg.compile(f)",
    "distributions": "draw from tg.random.default_rng(seed); write the log density as a formula",
    "multiprocessing": "there is one process; leave it out",
    "distributed": "there is one process; leave it out",
    "get_rng_state": "use rng.state() of a generator of tg.random",
    "set_rng_state": "use rng.set_state(state) of a generator of tg.random",
}  # fmt: skip

# torch.utils.data
DATA = {
    "StackDataset": "use data.TensorDataset(x, y), or list(zip(a, b)), which is a data set too",
    "ChainDataset": "write an IterableDataset whose __iter__ gives itertools.chain(a, b)",
    "default_collate": "use data.collate",
    "default_convert": "use tg.asarray",
    "get_worker_info": "workers are threads that share one data set; worker_init_fn is called with their numbers",
    "DistributedSampler": "there is one process; use data.RandomSampler",
    "Sampler": "a sampler is any class with __iter__, which gives places, and __len__",
    **dict.fromkeys(
        (
            "DFIterDataPipe", "DataChunk", "IterDataPipe", "MapDataPipe", "argument_validation", "functional_datapipe",
            "guaranteed_datapipes_determinism", "non_deterministic", "runtime_validation",
            "runtime_validation_disabled",
        ),
        "there are no data pipes; write a generator function in an IterableDataset",
    ),
}  # fmt: skip

# of JAX's and PyTorch's trees
TREE = {
    "reduce": "use functools.reduce(f, tg.tree.leaves(t))",
    "all": "use all(tg.tree.leaves(t))",
    "any": "use any(tg.tree.leaves(t))",
    "transpose": "use tg.tree.map(lambda *xs: [*xs], *trees), of a list of trees",
    **dict.fromkeys(("tree_map", "tree_flatten", "tree_unflatten", "tree_leaves", "tree_structure"), "leave out tree_"),
    **dict.fromkeys(
        ("flatten_with_path", "leaves_with_path", "map_with_path"),
        "use tg.tree.structure(t), which prints where each leaf stands, and tg.tree.leaves(t)",
    ),
}

SPECIAL = {
    "entr": "write -tg.special.xlogy(x, x)",
    "ndtri": "write tg.special.erfinv(2 * p - 1) * 2**0.5",
    "psi": "use tg.special.digamma",
    **{f"modified_bessel_i{n}": f"use tg.special.i{n}" for n in (0, 1)},
    "multigammaln": LINES["mvlgamma"],
    "log_softmax": "use nn.functional.log_softmax", "softmax": "use nn.functional.softmax",
    **dict.fromkeys(
        (
            "gammainc", "gammaincc", "zeta", "airy_ai", "spherical_bessel_j0",
            *(f"bessel_{kind}{n}" for kind in "jy" for n in (0, 1)),
            *(f"{way}modified_bessel_k{n}" for way in ("", "scaled_") for n in (0, 1)),
            *(f"{way}chebyshev_polynomial_{kind}" for way in ("", "shifted_") for kind in "tuvw"),
            "hermite_polynomial_h", "hermite_polynomial_he", "laguerre_polynomial_l", "legendre_polynomial_p",
        ),
        "scipy.special has it, for arrays; declare a tg.custom_op of that function and its derivative",
    ),
}  # fmt: skip

AUTOGRAD = {
    "no_grad": "use tg.no_grad()",
    "gradgradcheck": "use tg.testing.check_gradients(f, x, order=2)",
    "functional": "the transforms stand in tg itself: tg.jacobian, tg.hessian, tg.hvp, tg.vjp, tg.jvp",
    "forward_ad": "use tg.jvp(f, primals, tangents)",
    "graph": "use tg.draw(x), tg.explain(x), or x.op and x.inputs",
    "profiler": "use tg.compile(f).report(), or cProfile",
    **dict.fromkeys(("set_detect_anomaly", "detect_anomaly"), "use with tg.detect_anomaly():"),
    "backward": "use loss.backward()",
    "set_multithreading_enabled": "backward() runs in the thread that calls it; leave it out",
}

# torch.linalg
LINALG = {
    "ldl_factor": "use tg.linalg.cholesky, or tg.linalg.solve",
    **dict.fromkeys(("lu", "lu_factor", "lu_solve"), "use tg.linalg.solve(a, b)"),
    **{
        f"{name}_ex": f"use tg.linalg.{name}, which raises an error where it fails"
        for name in ("inv", "solve", "cholesky")
    },
    "matrix_exp": LINES["matrix_exp"],
    "vander": "use np.vander(x, increasing=True)",
    "LinAlgError": "use np.linalg.LinAlgError",
    "householder_product": "use tg.linalg.qr, which gives Q",
    **dict.fromkeys(("ldl_factor_ex", "ldl_solve", "lu_factor_ex"), "use tg.linalg.solve(a, b)"),
}
FFT = {
    name: f"write {'tg.conj(tg.fft.r' if way else 'tg.fft.ir'}fftn({'x' if way else 'tg.conj(x)'}, "
    f"axes={axes}, norm='forward'){')' * bool(way)}"
    for way in ("", "i")
    for name, axes in ((f"{way}hfft2", "(-2, -1)"), (f"{way}hfftn", "None"))
}
PARAMETRIZE = {
    "cached": "keep the parameter in a variable: w = layer.weight; or use tg.compile, which computes it once",
    "transfer_parametrizations_and_params": "use copy.deepcopy(module)",
    "type_before_parametrizations": "use type(module), which stays as it was",
}
PARAMETRIZATIONS = {
    "orthogonal": "use parametrize.register_parametrization with a module whose forward(x) gives tg.linalg.qr(x).Q",
}
AMP = {
    **dict.fromkeys(("custom_fwd", "custom_bwd"), "use tg.custom_vjp"),
    "is_autocast_available": "it is; leave it out",
}
SWA = {f"get_{kind}_multi_avg_fn": f"use optim.swa_utils.get_{kind}_avg_fn" for kind in ("ema", "swa")}

# by how users write the place
SENTENCES = {
    "tg.special": SPECIAL, "tg.autograd": AUTOGRAD, "tg.linalg": LINALG, "tg.tree": TREE, "tg.fft": FFT, "tg.amp": AMP,
    "optim": OPTIM, "optim.swa_utils": SWA, "data": DATA, "nn": NN, "F": FUNCTIONAL, "nn.utils": UTILS,
    "nn.utils.parametrize": PARAMETRIZE, "nn.utils.parametrizations": PARAMETRIZATIONS,
    "Tensor": LINES | TENSOR, "tg": TORCH,
}  # fmt: skip
