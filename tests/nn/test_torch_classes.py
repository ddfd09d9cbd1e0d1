"""Every class of `torch.nn` by its name: it is here and gives PyTorch's numbers, or its name answers with a sentence."""

import inspect
import re

import numpy as np
import pytest

import tinygrad_edu.nn.functional as F
from tinygrad_edu import nn, optim
from tinygrad_edu.interop.pytorch import NN, UTILS

from .parity import arrays, compare_modules

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:torch")

NAMES = [
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "AdaptiveAvgPool3d",
    "AdaptiveLogSoftmaxWithLoss",
    "AdaptiveMaxPool1d",
    "AdaptiveMaxPool2d",
    "AdaptiveMaxPool3d",
    "AlphaDropout",
    "AvgPool1d",
    "AvgPool2d",
    "AvgPool3d",
    "BCELoss",
    "BCEWithLogitsLoss",
    "BatchNorm1d",
    "BatchNorm2d",
    "BatchNorm3d",
    "Bilinear",
    "Buffer",
    "CELU",
    "CTCLoss",
    "ChannelShuffle",
    "CircularPad1d",
    "CircularPad2d",
    "CircularPad3d",
    "ConstantPad1d",
    "ConstantPad2d",
    "ConstantPad3d",
    "Container",
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "ConvTranspose3d",
    "CosineEmbeddingLoss",
    "CosineSimilarity",
    "CrossEntropyLoss",
    "CrossMapLRN2d",
    "DataParallel",
    "Dropout",
    "Dropout1d",
    "Dropout2d",
    "Dropout3d",
    "ELU",
    "Embedding",
    "EmbeddingBag",
    "FeatureAlphaDropout",
    "Flatten",
    "Fold",
    "FractionalMaxPool2d",
    "FractionalMaxPool3d",
    "GELU",
    "GLU",
    "GRU",
    "GRUCell",
    "GaussianNLLLoss",
    "GroupNorm",
    "Hardshrink",
    "Hardsigmoid",
    "Hardswish",
    "Hardtanh",
    "HingeEmbeddingLoss",
    "HuberLoss",
    "Identity",
    "InstanceNorm1d",
    "InstanceNorm2d",
    "InstanceNorm3d",
    "KLDivLoss",
    "L1Loss",
    "LPPool1d",
    "LPPool2d",
    "LPPool3d",
    "LSTM",
    "LSTMCell",
    "LayerNorm",
    "LazyBatchNorm1d",
    "LazyBatchNorm2d",
    "LazyBatchNorm3d",
    "LazyConv1d",
    "LazyConv2d",
    "LazyConv3d",
    "LazyConvTranspose1d",
    "LazyConvTranspose2d",
    "LazyConvTranspose3d",
    "LazyInstanceNorm1d",
    "LazyInstanceNorm2d",
    "LazyInstanceNorm3d",
    "LazyLinear",
    "LeakyReLU",
    "Linear",
    "LinearCrossEntropyLoss",
    "LinearCrossEntropyOptions",
    "LocalResponseNorm",
    "LogSigmoid",
    "LogSoftmax",
    "MSELoss",
    "MarginRankingLoss",
    "MaxPool1d",
    "MaxPool2d",
    "MaxPool3d",
    "MaxUnpool1d",
    "MaxUnpool2d",
    "MaxUnpool3d",
    "Mish",
    "Module",
    "ModuleDict",
    "ModuleList",
    "MultiLabelMarginLoss",
    "MultiLabelSoftMarginLoss",
    "MultiMarginLoss",
    "MultiheadAttention",
    "NLLLoss",
    "NLLLoss2d",
    "PReLU",
    "PairwiseDistance",
    "Parameter",
    "ParameterDict",
    "ParameterList",
    "PixelShuffle",
    "PixelUnshuffle",
    "PoissonNLLLoss",
    "RMSNorm",
    "RNN",
    "RNNBase",
    "RNNCell",
    "RNNCellBase",
    "RReLU",
    "ReLU",
    "ReLU6",
    "ReflectionPad1d",
    "ReflectionPad2d",
    "ReflectionPad3d",
    "ReplicationPad1d",
    "ReplicationPad2d",
    "ReplicationPad3d",
    "SELU",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "SmoothL1Loss",
    "SoftMarginLoss",
    "Softmax",
    "Softmax2d",
    "Softmin",
    "Softplus",
    "Softshrink",
    "Softsign",
    "SyncBatchNorm",
    "Tanh",
    "Tanhshrink",
    "Threshold",
    "Transformer",
    "TransformerDecoder",
    "TransformerDecoderLayer",
    "TransformerEncoder",
    "TransformerEncoderLayer",
    "TripletMarginLoss",
    "TripletMarginWithDistanceLoss",
    "Unflatten",
    "Unfold",
    "UninitializedBuffer",
    "UninitializedParameter",
    "Upsample",
    "UpsamplingBilinear2d",
    "UpsamplingNearest2d",
    "ZeroPad1d",
    "ZeroPad2d",
    "ZeroPad3d",
]

L, S, V = (2, 4, 7), (2, 4, 7, 6), (2, 4, 5, 6, 7)  # sequences, squares, volumes
SIGNS = np.array([[1, -1, 1], [-1, -1, 1], [1, 1, -1], [-1, 1, 1]])
LABELS, WEIGHTS = np.array([0, 2, 1, 2]), np.array([0.5, 2.0, 1.0])
SHARES = np.array([[0.2, 0.9, 0.5], [0.0, 0.1, 0.9], [0.3, 0.6, 0.1], [1.0, 0.4, 0.7]])
TEXTS, ENDS, LENGTHS = np.array([[1, 1, 2], [0, 0, 0], [3, 4, 1]]), np.array([9, 5, 7]), np.array([3, 0, 2])
LISTED = np.array([[0, 2, -1], [1, -1, 0], [2, 1, 0], [-1, 0, 1]])
ROWS = np.array([[0, 3, 1], [5, 5, 2]])
SAMPLES = {n: np.random.default_rng(0).random((2, 4, n)) for n in (2, 3)}


def like(m, x):
    """An array for the library `m`."""
    return torch.from_numpy(np.asarray(x)) if m is torch.nn else np.asarray(x)


def shares(*inputs):
    """Inputs that must be probabilities."""
    return [1 / (1 + np.exp(-x)) if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x for x in inputs]


def log_probs(module, x, *others):
    """A module that takes log-probabilities, called with scores."""
    normal = torch.log_softmax if isinstance(module, torch.nn.Module) else F.log_softmax
    return module(normal(x, -1), *others)


def positive(module, *xs):
    """A module of positive numbers."""
    return module(*[x * x + 0.5 for x in xs])


def pooled(n):
    """Unpooling of what was pooled; so the places fit."""

    def call(module, x):
        pool = getattr(torch.nn if isinstance(module, torch.nn.Module) else nn, f"MaxPool{n}d")(2, return_indices=True)
        y, places = pool(x)
        return module(y * y, places, x.shape)

    return call


def bags(module, x):
    return module(x.reshape(-1), like(torch.nn if isinstance(module, torch.nn.Module) else nn, np.array([0, 2, 2])))


def held(m, kind, values):
    """A module that holds parameters in a list or a dict, and adds them up."""

    class Holder(m.Module):
        def __init__(self):
            super().__init__()
            self.held = kind(values)

        def forward(self, x):
            for p in self.held.values() if hasattr(self.held, "values") else self.held:
                x = x * p
            return x

    return Holder()


def parameters(m):
    make = (lambda x: m.Parameter(torch.tensor(x))) if m is torch.nn else m.Parameter
    return [make([1.5, 2.0, 0.5]), make([[2.0], [3.0]])]


def with_buffer(m, persistent):
    class Shifted(m.Module):
        def __init__(self):
            super().__init__()
            self.shift = m.Buffer(
                torch.arange(3.0) if m is torch.nn else np.arange(3, dtype=np.float32), persistent=persistent
            )
            self.linear = m.Linear(3, 2)

        def forward(self, x):
            return self.linear(x - self.shift)

    module = Shifted()
    assert [name for name, _ in module.named_buffers()] == ["shift"]
    return module


class Case:
    """How to make a module from `nn` or `torch.nn`, what to call it with (shapes are drawn), and how."""

    def __init__(self, make, *inputs, call=None, train=True):
        self.make, self.inputs, self.call, self.train = make, inputs, call, train

    def drawn(self, dtype):
        given = [x if isinstance(x, np.ndarray) else arrays(k, x)[0] for k, x in enumerate(self.inputs)]
        return [x.astype(dtype) if x.dtype.kind == "f" else x for x in given]


M = (4, 3)
CASES = {
    **{name: [Case(lambda m, name=name: getattr(m, name)(), S)] for name in ["CELU", "ELU", "GELU", "GLU", "Hardshrink", "Hardsigmoid", "Hardswish", "Hardtanh", "Identity", "LeakyReLU", "LogSigmoid", "Mish", "PReLU", "ReLU", "ReLU6", "SELU", "SiLU", "Sigmoid", "Softmax2d", "Softplus", "Softshrink", "Softsign", "Tanh", "Tanhshrink", "Flatten"]},
    **{name: [Case(lambda m, name=name: getattr(m, name)(dim=1), S)] for name in ["LogSoftmax", "Softmax", "Softmin"]},
    **{name: [Case(lambda m, name=name: getattr(m, name)(0.4), S, train=False)] for name in ["AlphaDropout", "Dropout", "Dropout2d", "FeatureAlphaDropout"]},
    "Dropout1d": [Case(lambda m: m.Dropout1d(), L, train=False)], "Dropout3d": [Case(lambda m: m.Dropout3d(), V, train=False)],
    "RReLU": [Case(lambda m: m.RReLU(0.1, 0.5), S, train=False)], "Threshold": [Case(lambda m: m.Threshold(0.3, 7.0), S)],
    **{f"AdaptiveAvgPool{n}d": [Case(lambda m, n=n: getattr(m, f"AdaptiveAvgPool{n}d")(3), x)] for n, x in ((1, L), (2, S), (3, V))},
    **{f"AdaptiveMaxPool{n}d": [Case(lambda m, n=n, i=i: getattr(m, f"AdaptiveMaxPool{n}d")(3, i), x) for i in (False, True)]
       for n, x in ((1, L), (2, S), (3, V))},
    **{f"AvgPool{n}d": [Case(lambda m, n=n: getattr(m, f"AvgPool{n}d")(3, 2, 1, True), x)] for n, x in ((1, L), (2, S), (3, V))},
    **{f"MaxPool{n}d": [Case(lambda m, n=n, i=i: getattr(m, f"MaxPool{n}d")(3, 2, 1, 1, i, True), x) for i in (False, True)]
       for n, x in ((1, L), (2, S), (3, V))},
    **{f"MaxUnpool{n}d": [Case(lambda m, n=n: getattr(m, f"MaxUnpool{n}d")(2), x, call=pooled(n))] for n, x in ((1, L), (2, S), (3, V))},
    **{f"LPPool{n}d": [Case(lambda m, n=n, p=p: getattr(m, f"LPPool{n}d")(p, 2), x, call=positive) for p in (1, 2, 2.5)]
       for n, x in ((1, L), (2, S), (3, V))},
    **{f"FractionalMaxPool{n}d": [Case(lambda m, n=n, kw=kw: getattr(m, f"FractionalMaxPool{n}d")(
        2, **kw, return_indices=True, _random_samples=like(m, SAMPLES[n])), x) for kw in ({"output_size": 3}, {"output_ratio": 0.5})]
       for n, x in ((2, S), (3, V))},
    **{f"BatchNorm{n}d": [Case(lambda m, n=n: getattr(m, f"BatchNorm{n}d")(4), x)] for n, x in ((1, L), (2, S), (3, V))},
    **{f"InstanceNorm{n}d": [Case(lambda m, n=n, kw=kw: getattr(m, f"InstanceNorm{n}d")(4, **kw), y, train=train)
                            for kw in ({}, {"affine": True, "track_running_stats": True}) for y in (x, x[1:]) for train in (True, False)]
       for n, x in ((1, L), (2, S), (3, V))},
    **{f"Conv{n}d": [Case(lambda m, n=n, mode=mode: getattr(m, f"Conv{n}d")(4, 6, 3, 2, 1, groups=2, padding_mode=mode), x)
                    for mode in ("zeros", "reflect", "replicate", "circular")] for n, x in ((1, L), (2, S), (3, V))},
    **{f"ConvTranspose{n}d": [Case(lambda m, n=n: getattr(m, f"ConvTranspose{n}d")(4, 6, 3, 2, 1, 1, groups=2), x)]
       for n, x in ((1, L), (2, S), (3, V))},
    **{f"{kind}Pad{n}d": [Case(lambda m, n=n, kind=kind, p=p: getattr(m, f"{kind}Pad{n}d")(p, *([1.5] if kind == "Constant" else [])), x)
                         for p in (2, tuple(range(2 * n)) if n < 3 else (1, 2, 3, 0, 1, 2))]
       for n, x in ((1, L), (2, S), (3, V)) for kind in ("Zero", "Constant", "Reflection", "Replication", "Circular")},
    **{f"LazyConv{n}d": [Case(lambda m, n=n: getattr(m, f"LazyConv{n}d")(6, 3), x)] for n, x in ((1, L), (2, S), (3, V))},
    **{f"LazyConvTranspose{n}d": [Case(lambda m, n=n: getattr(m, f"LazyConvTranspose{n}d")(6, 3), x)] for n, x in ((1, L), (2, S), (3, V))},
    **{f"Lazy{kind}{n}d": [Case(lambda m, n=n, kind=kind: getattr(m, f"Lazy{kind}{n}d")(), x)]
       for kind in ("BatchNorm", "InstanceNorm") for n, x in ((1, L), (2, S), (3, V))},
    "LazyLinear": [Case(lambda m: m.LazyLinear(3), L)],
    "Linear": [Case(lambda m: m.Linear(7, 3), L)], "Bilinear": [Case(lambda m: m.Bilinear(3, 2, 5), M, (4, 2))],
    "Embedding": [Case(lambda m, kw=kw: m.Embedding(6, 3, 2, **kw), ROWS) for kw in ({}, {"max_norm": 1.0}, {"max_norm": 0.5, "norm_type": 1.0})],
    "EmbeddingBag": [Case(lambda m, mode=mode, p=p: m.EmbeddingBag(6, 3, 1.0, mode=mode, padding_idx=p), ROWS, call=call)
                     for mode in ("sum", "mean", "max") for p in (None, 5) for call in (None, bags)],
    "CosineSimilarity": [Case(lambda m: m.CosineSimilarity(dim=1), M, M)],
    "PairwiseDistance": [Case(lambda m, p=p: m.PairwiseDistance(p, keepdim=True), M, M) for p in (1.0, 2.0, 3.0)],
    "ChannelShuffle": [Case(lambda m: m.ChannelShuffle(2), S)], "Unflatten": [Case(lambda m: m.Unflatten(dim=1, unflattened_size=(2, -1)), S)],
    "PixelShuffle": [Case(lambda m: m.PixelShuffle(2), S)], "PixelUnshuffle": [Case(lambda m: m.PixelUnshuffle(2), (3, 4, 6))],
    "Unfold": [Case(lambda m: m.Unfold((2, 3), 1, (1, 0), 2), S)],
    "Fold": [Case(lambda m: m.Fold((5, 6), (2, 3), 1, (1, 0), 2), (2, 12, 6))],
    "Upsample": [Case(lambda m, mode=mode: m.Upsample((4, 9, 5), mode=mode), V) for mode in ("nearest", "trilinear")],
    "UpsamplingBilinear2d": [Case(lambda m: m.UpsamplingBilinear2d(scale_factor=2), S)],
    "UpsamplingNearest2d": [Case(lambda m: m.UpsamplingNearest2d((9, 4)), S)],
    "GroupNorm": [Case(lambda m: m.GroupNorm(2, 4), S)], "LayerNorm": [Case(lambda m: m.LayerNorm((7, 6)), S)],
    "RMSNorm": [Case(lambda m: m.RMSNorm(6), S)],
    "LocalResponseNorm": [Case(lambda m, n=n: m.LocalResponseNorm(n, 0.3), x) for n in (2, 3, 5) for x in (L, S)],
    **{name: [Case(lambda m, name=name: getattr(m, name)(5, 3, 2, bidirectional=True), (6, 2, 5))] for name in ("RNN", "LSTM", "GRU")},
    **{name: [Case(lambda m, name=name: getattr(m, name)(5, 3), (2, 5))] for name in ("RNNCell", "LSTMCell", "GRUCell")},
    "MultiheadAttention": [Case(lambda m: m.MultiheadAttention(4, 2), (3, 2, 4), (5, 2, 4), (5, 2, 4))],
    "TransformerEncoderLayer": [Case(lambda m: m.TransformerEncoderLayer(4, 2, 8, 0.0), (3, 2, 4))],
    "TransformerDecoderLayer": [Case(lambda m: m.TransformerDecoderLayer(4, 2, 8, 0.0), (3, 2, 4), (5, 2, 4))],
    "TransformerEncoder": [Case(lambda m: m.TransformerEncoder(m.TransformerEncoderLayer(4, 2, 8, 0.0, batch_first=True), 2, m.LayerNorm(4)), (3, 2, 4))],
    "TransformerDecoder": [Case(lambda m: m.TransformerDecoder(m.TransformerDecoderLayer(4, 2, 8, 0.0), 2), (3, 2, 4), (5, 2, 4))],
    "Transformer": [Case(lambda m: m.Transformer(4, 2, 2, 1, 8, 0.0, batch_first=True), (2, 3, 4), (2, 5, 4))],
    "ModuleList": [Case(lambda m: m.Sequential(*m.ModuleList([m.Linear(3, 2), m.ReLU()])), M)],
    "ModuleDict": [Case(lambda m: m.Sequential(*m.ModuleDict({"a": m.Linear(3, 2), "b": m.ReLU()}).values()), M)],
    "Sequential": [Case(lambda m: m.Sequential(m.Linear(3, 2), m.Tanh(), m.Linear(2, 2)), M)],
    "Module": [Case(lambda m: held(m, m.ModuleList, [m.Linear(3, 2)]).held[0], M)],
    "Buffer": [Case(lambda m, p=p: with_buffer(m, p), M) for p in (True, False)],
    "Parameter": [Case(lambda m: held(m, m.ParameterList, parameters(m)[:1]), (2, 3))],
    "ParameterList": [Case(lambda m: held(m, m.ParameterList, parameters(m)), (2, 3))],
    "ParameterDict": [Case(lambda m: held(m, m.ParameterDict, dict(zip("ab", parameters(m)))), (2, 3))],
    **{name: [Case(lambda m, name=name, r=r: getattr(m, name)(reduction=r), M, M) for r in ("mean", "sum", "none")]
       for name in ("MSELoss", "L1Loss", "SmoothL1Loss", "HuberLoss")},
    "BCELoss": [Case(lambda m: m.BCELoss(), *shares(np.linspace(-3, 3, 12).reshape(4, 3), SHARES))],
    "BCEWithLogitsLoss": [Case(lambda m: m.BCEWithLogitsLoss(), M, SHARES)],
    "CrossEntropyLoss": [Case(lambda m: m.CrossEntropyLoss(), M, LABELS)], "NLLLoss": [Case(lambda m: m.NLLLoss(), M, LABELS, call=log_probs)],
    "KLDivLoss": [Case(lambda m: m.KLDivLoss(reduction="batchmean"), M, SHARES + 0.1)],
    "CosineEmbeddingLoss": [Case(lambda m: m.CosineEmbeddingLoss(0.2), M, M, SIGNS[:, 0])],
    "MarginRankingLoss": [Case(lambda m: m.MarginRankingLoss(0.3), M, M, SIGNS)],
    "HingeEmbeddingLoss": [Case(lambda m: m.HingeEmbeddingLoss(0.7), M, SIGNS)], "SoftMarginLoss": [Case(lambda m: m.SoftMarginLoss(), M, SIGNS)],
    "MultiMarginLoss": [Case(lambda m, p=p: m.MultiMarginLoss(p, 0.8, like(m, WEIGHTS.astype("f4"))), M, LABELS) for p in (1, 2)],
    "MultiLabelMarginLoss": [Case(lambda m, r=r: m.MultiLabelMarginLoss(reduction=r), M, LISTED) for r in ("mean", "none")],
    "MultiLabelSoftMarginLoss": [Case(lambda m: m.MultiLabelSoftMarginLoss(), M, (SIGNS > 0).astype(float))],
    "TripletMarginLoss": [Case(lambda m: m.TripletMarginLoss(swap=True), M, M, M)],
    "TripletMarginWithDistanceLoss": [Case(lambda m, s=s: m.TripletMarginWithDistanceLoss(
        distance_function=lambda a, b: ((a - b) ** 2).sum(-1), margin=0.5, swap=s), M, M, M) for s in (False, True)],
    "PoissonNLLLoss": [Case(lambda m, log=log, full=full: m.PoissonNLLLoss(log, full), M, M, call=positive) for log in (False, True) for full in (False, True)],
    "GaussianNLLLoss": [Case(lambda m, full=full: m.GaussianNLLLoss(full=full), M, M, x, call=positive)
                        for full in (False, True) for x in (M, (4, 1), (4,))],
    "CTCLoss": [Case(lambda m, r=r: m.CTCLoss(reduction=r), (9, 3, 5), TEXTS, ENDS, LENGTHS, call=log_probs) for r in ("mean", "sum", "none")],
    "AdaptiveLogSoftmaxWithLoss": [Case(lambda m: m.AdaptiveLogSoftmaxWithLoss(8, 12, [4, 9], 2.0), (5, 8), np.array([0, 11, 5, 3, 9]))],
}  # fmt: skip
FLOAT32_THERE = {"Hardsigmoid", "Hardswish"}  # PyTorch's 1 / 6 is of float32 whatever the input


def test_the_list_is_pytorchs():
    theirs = {n for n, x in vars(torch.nn).items() if inspect.isclass(x) and n[0] != "_"}
    assert theirs - set(NAMES) == set()


def test_each_name_is_built_or_answered():
    assert sorted({*CASES, *NN} - set(NAMES) - set(dir(torch.nn)) - {"DistributedDataParallel"}) == []
    assert [n for n in NAMES if (n in CASES) == (n in NN)] == []
    assert [n for n in CASES if not hasattr(nn, n)] == []


@pytest.mark.parametrize("name", sorted(NN))
def test_a_name_that_is_not_here_says_what_to_use(name):
    with pytest.raises(AttributeError) as error:
        getattr(nn, name)
    assert str(error.value) == f"nn: has no attribute {name!r}; {NN[name]}"
    assert [n for n in re.findall(r"nn\.(\w+)", NN[name]) if not hasattr(nn, n)] == []


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("name", "k"), [(name, k) for name in CASES for k in range(len(CASES[name]))])
def test_a_class_gives_pytorchs_numbers(name, k, dtype):
    case = CASES[name][k]
    if name in FLOAT32_THERE:
        dtype = "float32"
    ours, theirs, xs = case.make(nn), case.make(torch.nn).to(getattr(torch, dtype)), case.drawn(dtype)
    if name.startswith("Lazy"):
        ours(xs[0])
        theirs(torch.from_numpy(xs[0]))
    compare_modules(ours, theirs, xs, dtype, call=case.call, train=case.train)


def test_a_lazy_layer_has_its_parameters_from_the_first_input_on():
    model = nn.Sequential(nn.LazyConv2d(3, 2), nn.ReLU(), nn.Flatten(), nn.LazyLinear(5)).eval()
    assert list(model.parameters()) == []
    assert model(np.ones((2, 4, 3, 3))).shape == (2, 5)
    assert [p.shape for p in model.parameters()] == [(3, 4, 2, 2), (3,), (5, 12), (5,)]
    assert not any(part.training for part in model.modules())
    optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(TypeError, match="LazyLinear: needs out_features; got nothing"):
        nn.LazyLinear()
    with pytest.raises(ValueError, match="LazyLinear: the input must have features as axis -1"):
        nn.LazyLinear(2)(1.0)


@pytest.mark.parametrize("name", sorted(UTILS))
def test_a_tool_that_is_not_here_says_what_to_use(name):
    with pytest.raises(AttributeError) as error:
        getattr(nn.utils, name)
    assert str(error.value) == f"nn.utils: has no attribute {name!r}; {UTILS[name]}"
    assert [n for n in re.findall(r"nn\.utils\.(\w+)", UTILS[name]) if not hasattr(nn.utils, n)] == []


def test_each_tool_is_here_or_answered():
    parts = {"clip_grad", "convert_parameters", "fusion", "init", "memory_format"}  # PyTorch's own files
    theirs = {n for n in dir(torch.nn.utils) if n[0] != "_"} - parts
    assert sorted(n for n in theirs if hasattr(nn.utils, n) == (n in UTILS)) == []


def test_other_methods_of_adaptive_softmax():
    theirs = torch.nn.AdaptiveLogSoftmaxWithLoss(8, 12, [4, 9]).double()
    ours = nn.AdaptiveLogSoftmaxWithLoss(8, 12, [4, 9], dtype="float64")
    ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    (x,) = arrays(0, (5, 8))
    np.testing.assert_allclose(ours.log_prob(x).data, theirs.log_prob(torch.from_numpy(x)).detach().numpy(), atol=1e-12)
    assert ours.predict(x).tolist() == theirs.predict(torch.from_numpy(x)).tolist()
