"""Layers and losses against PyTorch: the same names, the same numbers, the same gradients."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tinygrad_edu import nn

from .parity import arrays, compare_functions, compare_modules, same

torch = pytest.importorskip("torch")
TF = torch.nn.functional
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:torch")
dtypes = st.sampled_from(["float32", "float64"])
flags = st.booleans()
seeds = st.integers(0, 2**31)


@given(seeds, dtypes, flags, st.sampled_from([(3,), (4, 3), (2, 4, 3)]))
def test_linear(seed, dtype, bias, shape):
    compare_modules(nn.Linear(3, 5, bias), torch.nn.Linear(3, 5, bias), arrays(seed, shape, dtype=dtype), dtype)


@given(seeds, dtypes, flags, st.sampled_from([(), (4,), (2, 3)]))
def test_bilinear(seed, dtype, bias, lead):
    xs = arrays(seed, (*lead, 2), (*lead, 3), dtype=dtype)
    compare_modules(nn.Bilinear(2, 3, 4, bias), torch.nn.Bilinear(2, 3, 4, bias), xs, dtype)


@given(seeds, st.sampled_from([None, 0, 2, -1]))
def test_embedding(seed, padding_idx):
    index = np.random.default_rng(seed).integers(0, 5, (3, 4))
    ours, theirs = nn.Embedding(5, 3, padding_idx), torch.nn.Embedding(5, 3, padding_idx)
    compare_modules(ours, theirs, [index])
    if padding_idx is not None:
        assert not np.any(nn.Embedding(5, 3, padding_idx).weight.data[padding_idx])


ACTIVATIONS = [
    ("Sigmoid", ()),
    ("Tanh", ()),
    ("ReLU", ()),
    ("LeakyReLU", ()),
    ("LeakyReLU", (0.2,)),
    ("ELU", ()),
    ("ELU", (0.5,)),
    ("SELU", ()),
    ("GELU", ()),
    ("GELU", ("tanh",)),
    ("SiLU", ()),
    ("Softplus", ()),
    ("Softplus", (2.0, 1.0)),
    ("Softmax", (-1,)),
    ("Softmax", (0,)),
    ("LogSoftmax", (1,)),
    ("Hardtanh", ()),
    ("Hardtanh", (-0.3, 0.7)),
    ("PReLU", ()),
    ("PReLU", (3,)),
    ("Identity", ()),
    ("Flatten", ()),
    ("Flatten", (0, 1)),
]


@pytest.mark.parametrize(("name", "args"), ACTIVATIONS, ids=lambda v: str(v))
@given(seed=seeds, dtype=dtypes)
def test_activations(name, args, seed, dtype):
    theirs = getattr(torch.nn, name)
    theirs = theirs(approximate=args[0]) if name == "GELU" and args else theirs(*args)
    compare_modules(getattr(nn, name)(*args), theirs, [x * 3 for x in arrays(seed, (4, 3, 2), dtype=dtype)], dtype)


def test_functions_of_activations():
    (x,) = arrays(0, (4, 3))
    for name in (
        "relu",
        "tanh",
        "sigmoid",
        "logsigmoid",
        "silu",
        "gelu",
        "elu",
        "selu",
        "leaky_relu",
        "softplus",
        "hardtanh",
    ):
        compare_functions(getattr(F, name), getattr(TF, name), [x], "float64")


@st.composite
def convolutions(draw, n):
    groups = draw(st.sampled_from([1, 2, 3]))
    c, o = groups * draw(st.integers(1, 2)), groups * draw(st.integers(1, 2))
    axis = {
        "kernel_size": st.integers(1, 3),
        "stride": st.integers(1, 3),
        "dilation": st.integers(1, 2),
        "padding": st.integers(0, 2),
    }
    kw = {k: draw(st.one_of(v, st.tuples(*[v] * n))) for k, v in axis.items()}
    size = [draw(st.integers(5, 8)) for _ in range(n)]
    lead = draw(st.sampled_from([(), (1,), (3,)]))
    return c, o, {**kw, "groups": groups, "bias": draw(flags)}, (*lead, c, *size)


@pytest.mark.parametrize("n", [1, 2])
@given(
    data=st.data(),
    seed=seeds,
    dtype=dtypes,
    mode=st.sampled_from(["zeros", "zeros", "reflect", "replicate", "circular"]),
)
def test_convolution(n, data, seed, dtype, mode):
    c, o, kw, shape = data.draw(convolutions(n))
    if data.draw(st.integers(0, 4)) == 0:
        kw |= {"padding": data.draw(st.sampled_from(["same", "valid"])), "stride": 1}
    if mode != "zeros":
        kw["padding_mode"] = mode
    ours, theirs = getattr(nn, f"Conv{n}d"), getattr(torch.nn, f"Conv{n}d")
    compare_modules(ours(c, o, **kw), theirs(c, o, **kw), arrays(seed, shape, dtype=dtype), dtype)


@given(data=st.data(), seed=seeds, dtype=dtypes)
def test_transposed_convolution(data, seed, dtype):
    c, o, kw, shape = data.draw(convolutions(2))
    kw |= {"output_padding": data.draw(st.integers(0, 1)), "kernel_size": 3}
    stride, dilation = ((v,) * 2 if isinstance(v, int) else v for v in (kw["stride"], kw["dilation"]))
    if any(kw["output_padding"] >= max(s, d) for s, d in zip(stride, dilation)):
        kw["output_padding"] = 0
    ours, theirs = nn.ConvTranspose2d(c, o, **kw), torch.nn.ConvTranspose2d(c, o, **kw)
    compare_modules(ours, theirs, arrays(seed, shape, dtype=dtype), dtype)


@given(data=st.data(), seed=seeds)
def test_convolution_to_second_order(data, seed):
    c, o, kw, shape = data.draw(convolutions(2))
    kw.pop("bias")
    theirs = torch.nn.Conv2d(c, o, bias=False, **kw).double()
    x, w = arrays(seed, shape)[0], theirs.weight.detach().numpy()
    settings = {k: v for k, v in kw.items() if k != "kernel_size"}

    def penalty(x, w):  # the squared size of gradients: its gradient needs second derivatives
        gx, gw = tg.grad(lambda x, w: (F.conv2d(x, w, **settings) ** 3).sum(), (0, 1))(x, w)
        return (gx * gx).sum() + (gw * gw).sum()

    found = tg.grad(penalty, (0, 1))(x, w)
    X, W = torch.from_numpy(x).requires_grad_(), torch.from_numpy(w).requires_grad_()
    gs = torch.autograd.grad((TF.conv2d(X, W, **settings) ** 3).sum(), (X, W), create_graph=True)
    expected = torch.autograd.grad(sum((g * g).sum() for g in gs), (X, W))
    for a, b in zip(found, expected):
        same(a.data, b.numpy(), "float64", "second order")


@st.composite
def poolings(draw, n):
    kernel = [draw(st.integers(1, 4)) for _ in range(n)]
    kw = {"kernel_size": tuple(kernel), "padding": tuple(draw(st.integers(0, k // 2)) for k in kernel)}
    kw["stride"] = draw(st.one_of(st.none(), st.integers(1, 3), st.tuples(*[st.integers(1, 3)] * n)))
    kw["ceil_mode"] = draw(flags)
    shape = (draw(st.integers(1, 2)), 2, *(draw(st.integers(5, 8)) for _ in range(n)))
    return kw, shape[1:] if draw(flags) else shape


@pytest.mark.parametrize("n", [1, 2])
@given(data=st.data(), seed=seeds, dtype=dtypes)
def test_max_pooling(n, data, seed, dtype):
    kw, shape = data.draw(poolings(n))
    if max(kw["kernel_size"]) < 3:
        kw["dilation"] = data.draw(st.integers(1, 2))
    ours, theirs = getattr(nn, f"MaxPool{n}d"), getattr(torch.nn, f"MaxPool{n}d")
    compare_modules(ours(**kw), theirs(**kw), arrays(seed, shape, dtype=dtype), dtype)


@pytest.mark.parametrize("n", [1, 2])
@given(data=st.data(), seed=seeds, dtype=dtypes, count=flags)
def test_average_pooling(n, data, seed, dtype, count):
    kw, shape = data.draw(poolings(n))
    kw["count_include_pad"] = count
    ours, theirs = getattr(nn, f"AvgPool{n}d"), getattr(torch.nn, f"AvgPool{n}d")
    compare_modules(ours(**kw), theirs(**kw), arrays(seed, shape, dtype=dtype), dtype)


@given(seeds, dtypes, st.sampled_from([1, 3, (2, 5), (None, 2), (4, 4)]), st.integers(4, 9), st.integers(4, 9))
def test_adaptive_average_pooling(seed, dtype, size, h, w):
    ours, theirs = nn.AdaptiveAvgPool2d(size), torch.nn.AdaptiveAvgPool2d(size)
    compare_modules(ours, theirs, arrays(seed, (2, 3, h, w), dtype=dtype), dtype)


@given(
    seeds, dtypes, flags, flags, st.one_of(st.integers(2, 11), st.sampled_from([1.5, 2.0, 0.7, 3.0])), st.integers(1, 2)
)
def test_upsampling(seed, dtype, smooth, corners, to, n):
    mode = {1: "linear", 2: "bilinear"}[n] if smooth else "nearest"
    kw = {"size": to} if isinstance(to, int) else {"scale_factor": to}
    kw |= {"align_corners": corners} if smooth else {}
    (x,) = arrays(seed, (2, 3, *(6, 5)[:n]), dtype=dtype)
    compare_modules(nn.Upsample(mode=mode, **kw), torch.nn.Upsample(mode=mode, **kw), [x], dtype)


@given(
    seeds,
    dtypes,
    st.lists(st.integers(0, 3), min_size=2, max_size=4),
    st.sampled_from(["constant", "reflect", "replicate", "circular"]),
    st.integers(-1, 1),
)
def test_padding(seed, dtype, widths, mode, cut):
    widths = widths[: len(widths) // 2 * 2]
    (x,) = arrays(seed, (2, 3, 5, 6)[: 2 + len(widths) // 2], dtype=dtype)
    if mode == "constant":
        widths[0] = cut
    value = 1.5 if mode == "constant" else None
    compare_functions(lambda x: F.pad(x, widths, mode, value), lambda x: TF.pad(x, widths, mode, value), [x], dtype)


@given(
    seeds,
    dtypes,
    flags,
    st.sampled_from([0.1, 0.7, None]),
    flags,
    flags,
    st.sampled_from([(4, 3), (4, 3, 2), (4, 3, 2, 2)]),
)
def test_batch_norm(seed, dtype, affine, momentum, tracked, train, shape):
    n = max(len(shape) - 2, 1)
    kw = {"affine": affine, "momentum": momentum, "track_running_stats": tracked}
    ours, theirs = getattr(nn, f"BatchNorm{n}d")(3, **kw), getattr(torch.nn, f"BatchNorm{n}d")(3, **kw)

    def twice(module, x, y):
        module(y)
        return module(x)

    compare_modules(ours, theirs, arrays(seed, shape, shape, dtype=dtype), dtype, call=twice, train=train)


@given(seeds, dtypes, st.sampled_from([3, (3,), (4, 3)]), flags, flags)
def test_layer_norm(seed, dtype, shape, affine, bias):
    kw = {"elementwise_affine": affine, "bias": bias}
    ours, theirs = nn.LayerNorm(shape, **kw), torch.nn.LayerNorm(shape, **kw)
    compare_modules(ours, theirs, arrays(seed, (2, 4, 3), dtype=dtype), dtype)


@given(seeds, dtypes, st.sampled_from([3, (4, 3)]), flags, st.sampled_from([None, 1e-3]))
def test_rms_norm(seed, dtype, shape, affine, eps):
    ours, theirs = nn.RMSNorm(shape, eps, affine), torch.nn.RMSNorm(shape, eps, affine)
    compare_modules(ours, theirs, arrays(seed, (2, 4, 3), dtype=dtype), dtype)


@given(seeds, dtypes, st.sampled_from([1, 2, 3, 6]), flags, st.sampled_from([(2, 6), (2, 6, 4), (2, 6, 3, 2)]))
def test_group_norm(seed, dtype, groups, affine, shape):
    if shape == (2, 6):
        groups = min(groups, 2)  # the variance of one or two numbers is ill-conditioned
    ours, theirs = nn.GroupNorm(groups, 6, affine=affine), torch.nn.GroupNorm(groups, 6, affine=affine)
    compare_modules(ours, theirs, arrays(seed, shape, dtype=dtype), dtype)


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
@settings(max_examples=10)
@given(data=st.data(), seed=seeds, dtype=dtypes)
def test_recurrent_layers(kind, data, seed, dtype):
    layers, both, first, bias = data.draw(st.integers(1, 2)), data.draw(flags), data.draw(flags), data.draw(flags)
    kw = {"num_layers": layers, "bidirectional": both, "batch_first": first, "bias": bias}
    if kind == "RNN":
        kw["nonlinearity"] = data.draw(st.sampled_from(["tanh", "relu"]))
    ours, theirs = getattr(nn, kind)(3, 4, **kw), getattr(torch.nn, kind)(3, 4, **kw)
    length, batch = data.draw(st.integers(1, 5)), data.draw(st.sampled_from([None, 1, 2]))
    x = (length, 3) if batch is None else (batch, length, 3) if first else (length, batch, 3)
    state = (layers * (1 + both), *([] if batch is None else [batch]), 4)
    given_states = data.draw(flags) * (2 if kind == "LSTM" else 1)
    xs = arrays(seed, x, *[state] * given_states, dtype=dtype)

    def call(module, x, *states):
        return module(x, (states if kind == "LSTM" else states[0]) if states else None)

    compare_modules(ours, theirs, xs, dtype, call=call)


@pytest.mark.parametrize("kind", ["RNNCell", "LSTMCell", "GRUCell"])
@given(seed=seeds, dtype=dtypes, bias=flags, states=flags, single=flags)
def test_recurrent_cells(kind, seed, dtype, bias, states, single):
    lead = () if single else (2,)
    n = states * (2 if kind == "LSTMCell" else 1)
    xs = arrays(seed, (*lead, 3), *[(*lead, 4)] * n, dtype=dtype)

    def call(module, x, *states):
        return module(x, (states if kind == "LSTMCell" else states[0]) if states else None)

    compare_modules(getattr(nn, kind)(3, 4, bias), getattr(torch.nn, kind)(3, 4, bias), xs, dtype, call=call)


@settings(max_examples=20)
@given(data=st.data(), seed=seeds, dtype=dtypes)
def test_attention(data, seed, dtype):
    draw = lambda s: data.draw(s)
    kdim, vdim = draw(st.sampled_from([(None, None), (4, 4), (3, 5)]))
    kw = {k: draw(flags) for k in ("bias", "add_bias_kv", "add_zero_attn", "batch_first")}
    ours, theirs = (m.MultiheadAttention(4, 2, kdim=kdim, vdim=vdim, **kw) for m in (nn, torch.nn))
    batch, m, s = draw(st.sampled_from([None, 1, 2])), draw(st.integers(1, 3)), draw(st.integers(1, 3))
    shapes = [(m, 4), (s, kdim or 4), (s, vdim or 4)]
    if batch is not None:
        shapes = [(batch, n, d) if kw["batch_first"] else (n, batch, d) for n, d in shapes]
    rng = np.random.default_rng(seed)
    mask = padding = None
    if draw(flags):
        shape = (m, s) if draw(flags) else ((batch or 1) * 2, m, s)
        mask = rng.random(shape) < 0.4 if draw(flags) else rng.normal(size=shape)
        if mask.dtype == bool:
            mask[..., 0] = False  # every query may look somewhere
    if draw(flags):
        padding = rng.random((s,) if batch is None else (batch, s)) < 0.3
        padding[..., 0] = False
        if mask is not None and mask.dtype != bool:
            mask = None  # PyTorch wants masks of one kind
    average = draw(flags)

    def call(module, q, k, v):
        own = module is theirs
        masks = [
            None
            if m is None
            else torch.from_numpy(m).to(dtype=None if m.dtype == bool else getattr(torch, dtype))
            if own
            else m
            for m in (padding, mask)
        ]
        return module(q, k, v, key_padding_mask=masks[0], attn_mask=masks[1], average_attn_weights=average)

    compare_modules(ours, theirs, arrays(seed, *shapes, dtype=dtype), dtype, call=call)


@given(
    seeds,
    dtypes,
    st.sampled_from(["none", "causal", "bool", "numbers"]),
    st.sampled_from([None, 0.3]),
    st.sampled_from([(), (2,), (2, 3)]),
)
def test_scaled_dot_product_attention(seed, dtype, kind, scale, lead):
    xs = arrays(seed, (*lead, 3, 4), (*lead, 5, 4), (*lead, 5, 2), dtype=dtype)
    rng = np.random.default_rng(seed)
    mask = {"bool": rng.random((3, 5)) < 0.6, "numbers": rng.normal(size=(3, 5)).astype(dtype)}.get(kind)
    if kind == "bool":
        mask[:, 0] = True
    kw = {"is_causal": kind == "causal", "scale": scale}
    compare_functions(
        lambda *xs: F.scaled_dot_product_attention(*xs, attn_mask=mask, **kw),
        lambda *xs: TF.scaled_dot_product_attention(
            *xs, attn_mask=None if mask is None else torch.from_numpy(mask), **kw
        ),
        xs,
        dtype,
    )


@settings(max_examples=10)
@given(data=st.data(), seed=seeds, dtype=dtypes)
def test_transformer_layers(data, seed, dtype):
    kw = {k: data.draw(flags) for k in ("batch_first", "norm_first", "bias")}
    kw |= {"activation": data.draw(st.sampled_from(["relu", "gelu"])), "dim_feedforward": 6, "dropout": 0.0}
    x = (2, 3, 4)
    ours, theirs = (m.TransformerEncoderLayer(4, 2, **kw) for m in (nn, torch.nn))
    length = 3 if kw["batch_first"] else 2
    mask = np.triu(np.ones((length, length), bool), 1)
    compare_modules(
        ours,
        theirs,
        arrays(seed, x, dtype=dtype),
        dtype,
        call=lambda m, x: m(x, torch.from_numpy(mask) if m is theirs else mask),
    )
    ours, theirs = (m.TransformerDecoderLayer(4, 2, **kw) for m in (nn, torch.nn))
    compare_modules(
        ours,
        theirs,
        arrays(seed, x, x, dtype=dtype),
        dtype,
        call=lambda m, x, y: m(x, y, torch.from_numpy(mask) if m is theirs else mask),
    )


reductions = st.sampled_from(["mean", "sum", "none"])


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("MSELoss", {}),
        ("L1Loss", {}),
        ("SmoothL1Loss", {}),
        ("SmoothL1Loss", {"beta": 0.4}),
        ("SmoothL1Loss", {"beta": 0.0}),
        ("HuberLoss", {}),
        ("HuberLoss", {"delta": 0.3}),
    ],
    ids=str,
)
@given(seed=seeds, dtype=dtypes, reduction=reductions)
def test_regression_losses(name, settings, seed, dtype, reduction):
    kw = {**settings, "reduction": reduction}
    compare_modules(
        getattr(nn, name)(**kw), getattr(torch.nn, name)(**kw), arrays(seed, (4, 3), (4, 3), dtype=dtype), dtype
    )


@given(seeds, dtypes, reductions, flags, flags, flags)
def test_binary_losses(seed, dtype, reduction, weighted, positive, edge):
    rng = np.random.default_rng(seed)
    x, w, pos = (
        rng.normal(size=(4, 3)).astype(dtype) * 5,
        rng.random((4, 3)).astype(dtype),
        rng.random(3).astype(dtype) * 3,
    )
    y = rng.random((4, 3)).astype(dtype)
    p = (1 / (1 + np.exp(-x))).astype(dtype)
    if edge:
        p[0], y[0] = [0, 1, 0.5], [0, 1, 1]

    def make(module, name, **kw):
        kw = {k: torch.from_numpy(v) if module is torch.nn else v for k, v in kw.items() if v is not None}
        return getattr(module, name)(reduction=reduction, **kw)

    weight = w if weighted else None
    pair = [make(m, "BCEWithLogitsLoss", weight=weight, pos_weight=pos if positive else None) for m in (nn, torch.nn)]
    compare_functions(lambda x: pair[0](x, y), lambda x: pair[1](x, torch.from_numpy(y)), [x], dtype)
    pair = [make(m, "BCELoss", weight=weight) for m in (nn, torch.nn)]
    if edge:  # PyTorch's gradient there is that of a formula which is 0/0
        same(pair[0](p, y).data, pair[1](torch.from_numpy(p), torch.from_numpy(y)).numpy(), dtype, "edge")
    else:
        compare_functions(lambda x: pair[0](x, y), lambda x: pair[1](x, torch.from_numpy(y)), [p], dtype)


@pytest.mark.parametrize("weight", [None, np.ones(3)])
def test_no_class_that_counts(weight):
    """As PyTorch has it: nan, without a warning, and gradients of 0."""
    x, y = np.ones((2, 3)), np.full(2, -100)
    loss, pullback = tg.vjp(lambda x: F.cross_entropy(x, y, weight=weight), x)
    theirs = torch.tensor(x, requires_grad=True)
    w = None if weight is None else torch.from_numpy(weight)
    expected = TF.cross_entropy(theirs, torch.from_numpy(y), weight=w)
    expected.backward()
    np.testing.assert_array_equal(loss.data, expected.detach().numpy())
    np.testing.assert_array_equal(pullback(1.0)[0].data, theirs.grad.numpy())


@settings(max_examples=30)
@given(
    seed=seeds,
    dtype=dtypes,
    reduction=reductions,
    weighted=flags,
    ignored=st.sampled_from([None, -100, 1]),
    smoothing=st.sampled_from([0.0, 0.1]),
    shape=st.sampled_from([(3,), (4, 3), (4, 3, 2), (2, 3, 2, 2)]),
    soft=flags,
)
def test_class_losses(seed, dtype, reduction, weighted, ignored, smoothing, shape, soft):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=shape).astype(dtype) * 3
    rows = (shape[0], *shape[2:]) if len(shape) > 1 else ()
    y = np.asarray(rng.integers(0, 3, rows))
    weight = (rng.random(3) + 0.1).astype(dtype) if weighted else None
    kw = {"reduction": reduction} | ({} if ignored is None else {"ignore_index": ignored})
    if ignored is not None and rows:
        y.flat[0] = ignored
        y.flat[1] = 0  # at least one counts
    if ignored == 1 and not rows:
        y = np.asarray(0)
    if soft:
        target = rng.random(shape).astype(dtype)
        kw.pop("ignore_index", None)
    else:
        target = y
    both = F.cross_entropy, TF.cross_entropy
    w = None if weight is None else torch.from_numpy(weight)
    compare_functions(
        lambda x: both[0](x, target, weight=weight, label_smoothing=smoothing, **kw),
        lambda x: both[1](x, torch.from_numpy(target), weight=w, label_smoothing=smoothing, **kw),
        [x],
        dtype,
    )
    if not soft:
        compare_functions(
            lambda x: nn.NLLLoss(weight, **kw)(x, y),
            lambda x: torch.nn.NLLLoss(w, **kw)(x, torch.from_numpy(y)),
            [x],
            dtype,
        )
        ours = nn.CrossEntropyLoss(weight, label_smoothing=smoothing, **kw)
        compare_functions(
            lambda x: ours(x, target),
            lambda x: both[1](x, torch.from_numpy(target), weight=w, label_smoothing=smoothing, **kw),
            [x],
            dtype,
        )


@given(seeds, dtypes, st.sampled_from(["mean", "sum", "none", "batchmean"]), flags)
def test_kl_divergence(seed, dtype, reduction, logs):
    x, y = arrays(seed, (4, 3), (4, 3), dtype=dtype)
    target = y if logs else np.abs(y)
    if not logs:
        target[0, 0] = 0
    kw = {"reduction": reduction, "log_target": logs}
    compare_functions(
        lambda x: nn.KLDivLoss(**kw)(x, target),
        lambda x: torch.nn.KLDivLoss(**kw)(x, torch.from_numpy(target)),
        [x],
        dtype,
    )


@given(seeds, dtypes, reductions, st.sampled_from([0.0, 0.4]))
def test_cosine_embedding(seed, dtype, reduction, margin):
    x, y = arrays(seed, (4, 3), (4, 3), dtype=dtype)
    t = np.array([1, -1, 1, -1])
    kw = {"margin": margin, "reduction": reduction}
    ours, theirs = nn.CosineEmbeddingLoss(**kw), torch.nn.CosineEmbeddingLoss(**kw)
    compare_functions(lambda x, y: ours(x, y, t), lambda x, y: theirs(x, y, torch.from_numpy(t)), [x, y], dtype)
    compare_functions(F.cosine_similarity, TF.cosine_similarity, [x, y], dtype)


@given(seeds, dtypes, reductions, st.sampled_from([1.0, 3.0]), st.sampled_from([1.0, 2.0, 3.0]), flags)
def test_triplet_margin(seed, dtype, reduction, margin, p, swap):
    kw = {"margin": margin, "p": p, "swap": swap, "reduction": reduction}
    ours, theirs = nn.TripletMarginLoss(**kw), torch.nn.TripletMarginLoss(**kw)
    compare_modules(ours, theirs, arrays(seed, (4, 3), (4, 3), (4, 3), dtype=dtype), dtype)


@given(seeds, dtypes, st.sampled_from([1.0, 2.0, 3.0]), st.integers(0, 2))
def test_normalize(seed, dtype, p, axis):
    xs = arrays(seed, (2, 3, 4), dtype=dtype)
    compare_functions(lambda x: F.normalize(x, p, axis), lambda x: TF.normalize(x, p, axis), xs, dtype)


@given(st.lists(st.integers(0, 4), min_size=1), st.sampled_from([-1, 5, 7]))
def test_one_hot(index, n):
    expected = TF.one_hot(torch.tensor(index), n).numpy()
    np.testing.assert_array_equal(F.one_hot(index, n).data, expected)


@pytest.mark.parametrize("norm", [1.0, 2.0, float("inf")])
@given(seed=seeds, dtype=dtypes, limit=st.sampled_from([0.1, 1.0, 100.0]))
def test_clipping(norm, seed, dtype, limit):
    xs = arrays(seed, (4, 3), (5,), dtype=dtype)
    ours, theirs = [nn.Parameter(x) for x in xs], [torch.nn.Parameter(torch.from_numpy(x.copy())) for x in xs]
    for p, q, g in zip(ours, theirs, arrays(seed + 1, (4, 3), (5,), dtype=dtype)):
        p.grad, q.grad = tg.Tensor(g), torch.from_numpy(g.copy())
    total = nn.utils.clip_grad_norm_(ours, limit, norm)
    same(total.data, torch.nn.utils.clip_grad_norm_(theirs, limit, norm).numpy(), dtype, "norm")
    nn.utils.clip_grad_value_(ours, 0.05)
    torch.nn.utils.clip_grad_value_(theirs, 0.05)
    for p, q in zip(ours, theirs):
        same(p.grad.data, q.grad.numpy(), dtype, "gradient")
