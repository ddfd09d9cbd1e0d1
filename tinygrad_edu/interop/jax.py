"""What JAX calls it: names that modules here do not have, and what to write instead."""

from __future__ import annotations

ONE = "leave it out: there is one process, on the CPU"
AT_ONCE = "leave it out: a function runs as it is written, and results are there at once"
TREES = "use tg.tree: tg.tree.map(f, tree), tg.tree.leaves(tree), tg.tree.flatten(tree)"
DRAWS = "use rng = tg.random.default_rng(seed), whose methods draw, as rng.normal(size=shape); it goes on by itself"
OF_NUMPY = "draw with NumPy: tg.random.default_rng(seed).numpy() has its distributions"
PRECISION = "use tg.set_default_dtype('float64') for double precision, as numbers and lists have it then"

JAX = {
    "numpy": "its functions stand in tg itself, as tg.exp and tg.sum; NumPy's own take tensors, too",
    "scipy": "use tg.special, tg.linalg and tg.fft",
    "lax": "loops stand in tg itself, tg.scan and tg.while_loop; for cond write an if, or tg.where",
    "fori_loop": "write a for loop, or use tg.scan",
    "switch": "write an if, or take a function from a list",
    "stop_gradient": "use x.detach()",
    "tree_util": TREES,
    **{
        f"tree_{name}": f"use tg.tree.{name}(...)"
        for name in ("map", "leaves", "flatten", "unflatten", "structure")
    },
    "tree_reduce": "use functools.reduce(f, tg.tree.leaves(t))",
    **dict.fromkeys(
        ("flatten_util", "ravel_pytree"), "use tg.tree.leaves, and tg.concat([x.flatten() for x in leaves])"
    ),
    "remat": "use tg.checkpoint(f)",
    **dict.fromkeys(("checkpoint_policies", "linear_transpose", "closure_convert"), "use tg.checkpoint(f), or tg.vjp"),
    **dict.fromkeys(("custom_gradient", "custom_derivatives"), "use tg.custom_vjp, or tg.custom_op"),
    **dict.fromkeys(("custom_batching", "smap"), "use tg.vmap(f)"),
    **dict.fromkeys(
        ("make_jaxpr", "xla_computation"), "call g = tg.compile(f), and print g.program; tg.draw(f, x) draws the graph"
    ),
    **dict.fromkeys(("eval_shape", "ShapeDtypeStruct"), "call f on tg.zeros(shape), and look at .shape and .dtype"),
    "typeof": "use x.shape and x.dtype",
    **dict.fromkeys(("disable_jit", "log_compiles", "clear_caches", "explain_cache_misses", "no_tracing"), AT_ONCE),
    **dict.fromkeys(
        ("block_until_ready", "effects_barrier", "pure_callback", "io_callback", "named_call", "named_scope",
         "ensure_compile_time_eval", "checking_leaks", "check_tracer_leaks", "copy_to_host_async"), AT_ONCE,
    ),
    "debug": "use print, or a debugger: a function runs as it is written",
    **dict.fromkeys(("debug_nans", "debug_infs"), "use with tg.detect_anomaly():"),
    **dict.fromkeys(("config", "enable_x64", "numpy_dtype_promotion", "default_matmul_precision"), PRECISION),
    **dict.fromkeys(
        ("device_put", "device_get", "devices", "device_count", "local_devices", "local_device_count", "pmap", "Device",
         "default_device", "default_backend", "process_count", "process_index", "host_count", "host_id", "make_mesh",
         "set_mesh", "sharding", "NamedSharding", "P", "shard_map", "reshard", "live_arrays", "Shard"), ONE,
    ),
    "Array": "use tg.Tensor",
    "dlpack": "use tg.from_dlpack(x)",
    "dtypes": "use tg.float32 and its like, tg.result_type, tg.finfo",
    "float0": "integers have no gradient here: it is None",
    "image": "use F.interpolate",
    "profiler": "use tg.compile(f).explain() after a call, or cProfile",
    "test_util": "use tg.testing.check_gradients(f, x)",
    **dict.fromkeys(("optax", "example_libraries", "experimental"), "optimizers stand in tg.optim, layers in tg.nn"),
    **dict.fromkeys(("flax", "linen", "haiku", "equinox", "stax"), "layers stand in tg.nn"),
    **dict.fromkeys(("new_ref", "empty_ref", "free_ref", "ref", "Ref"), "write t[i] = v, which is differentiated"),
}  # fmt: skip

RANDOM = {
    **dict.fromkeys(("PRNGKey", "key", "split", "fold_in", "clone", "wrap_key_data", "key_data", "key_impl"), DRAWS),
    "choice": "use rng = tg.random.default_rng(seed): rng.integers(n, size=k), or rng.permutation(n)[:k]",
    "truncated_normal": "use nn.init.trunc_normal_(tensor)",
    "orthogonal": "use nn.init.orthogonal_(tensor)",
    "shuffle": "use x = tg.random.default_rng(seed).permutation(x)",
    "rademacher": "use 2 * tg.random.default_rng(seed).bernoulli(0.5, shape) - 1",
    **dict.fromkeys(
        ("ball", "beta", "binomial", "bits", "cauchy", "chisquare", "dirichlet", "double_sided_maxwell", "exponential",
         "f", "gamma", "generalized_normal", "geometric", "gumbel", "laplace", "loggamma", "logistic", "lognormal",
         "maxwell", "multivariate_normal", "pareto", "poisson", "rayleigh", "t", "triangular", "wald",
         "weibull_min"), OF_NUMPY,
    ),
}  # fmt: skip

TREE = {
    **dict.fromkeys(
        ("tree_reduce", "tree_all", "tree_transpose", "tree_map_with_path", "tree_leaves_with_path",
         "tree_flatten_with_path"), "leave out tree_",
    ),
    **dict.fromkeys(
        ("register_pytree_node", "register_pytree_node_class", "register_dataclass", "register_static",
         "register_pytree_with_keys"), "use tg.tree.register; dataclasses and named tuples are trees as they are",
    ),
    "Partial": "use functools.partial",
    **dict.fromkeys(("DictKey", "GetAttrKey", "SequenceKey", "keystr", "PyTreeDef"), "use tg.tree.structure(t)"),
}  # fmt: skip

NN = {
    "initializers": "use nn.init, as nn.init.xavier_uniform_(w)",
    "compact": "make the layers in __init__, and call them in forward",
    "Dense": "use nn.Linear(in_features, out_features)",
    "dot_product_attention": "use F.scaled_dot_product_attention",
    "standardize": "use F.layer_norm(x, x.shape[-1:])",
    "swish": "use F.silu",
    "log1mexp": "use tg.log(-tg.expm1(-x))",
    "logmeanexp": "use tg.logsumexp(x) - math.log(x.size)",
}

OPTIM = {
    "apply_updates": "call optimizer.step(): an optimizer holds its parameters, and changes them",
    "chain": "call nn.utils.clip_grad_norm_ before optimizer.step(), and schedule.step() after it",
    "clip_by_global_norm": "use nn.utils.clip_grad_norm_(parameters, max_norm)",
    "cosine_decay_schedule": "use optim.CosineAnnealingLR(optimizer, T_max)",
    "exponential_decay": "use optim.ExponentialLR(optimizer, gamma)",
}

TENSOR = {
    "at": "write y = x.clone(), then y[i] = v for .at[i].set(v), y[i] += v for .at[i].add(v): both are differentiated",
    "block_until_ready": AT_ONCE,
}

SENTENCES = {"tg": JAX, "tg.random": RANDOM, "tg.tree": TREE, "nn": NN, "optim": OPTIM, "Tensor": TENSOR}
