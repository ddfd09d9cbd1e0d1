"""Every layer and every loss, compiled: values, gradients and running statistics are those that they have as they stand."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn
from tinygrad_edu.errors import GraphError

from .twins import alike, same

rng = np.random.default_rng(0)


def n(*shape):
    return lambda: rng.normal(size=shape)


def pos(*shape):
    return lambda: rng.uniform(0.1, 0.9, shape)


def ints(high, *shape):
    return lambda: rng.integers(0, high, shape)


LAYERS = {
 "Linear": (lambda: nn.Linear(3, 4), n(5, 3)), "Bilinear": (lambda: nn.Bilinear(3, 2, 4), n(5, 3), n(5, 2)),
 "Embedding": (lambda: nn.Embedding(7, 3, padding_idx=0), ints(7, 4, 2)), "EmbeddingBag": (lambda: nn.EmbeddingBag(7, 3), ints(7, 4, 2)),
 "Conv1d": (lambda: nn.Conv1d(2, 4, 3, padding=1, stride=2), n(2, 2, 9)), "Conv2d": (lambda: nn.Conv2d(2, 4, 3, padding=1, groups=2), n(2, 2, 6, 6)),
 "Conv2d same": (lambda: nn.Conv2d(2, 4, 3, padding="same", padding_mode="reflect"), n(2, 2, 6, 6)),
 "Conv3d": (lambda: nn.Conv3d(1, 2, 2), n(1, 1, 4, 4, 4)), "ConvTranspose1d": (lambda: nn.ConvTranspose1d(2, 3, 3, stride=2), n(2, 2, 5)),
 "ConvTranspose2d": (lambda: nn.ConvTranspose2d(2, 3, 3, stride=2, output_padding=1), n(2, 2, 4, 4)),
 "MaxPool1d": (lambda: nn.MaxPool1d(2), n(2, 2, 8)), "MaxPool2d": (lambda: nn.MaxPool2d(3, stride=2, padding=1), n(2, 2, 7, 7)), "MaxPool3d": (lambda: nn.MaxPool3d(2), n(1, 1, 4, 4, 4)),
 "AvgPool1d": (lambda: nn.AvgPool1d(2), n(2, 2, 8)), "AvgPool2d": (lambda: nn.AvgPool2d(3, padding=1), n(2, 2, 7, 7)), "LPPool2d": (lambda: nn.LPPool2d(2, 2), pos(2, 2, 6, 6)),
 "AdaptiveAvgPool2d": (lambda: nn.AdaptiveAvgPool2d((3, 2)), n(2, 2, 7, 5)), "AdaptiveMaxPool2d": (lambda: nn.AdaptiveMaxPool2d(2), n(2, 2, 7, 5)), "AdaptiveAvgPool1d": (lambda: nn.AdaptiveAvgPool1d(2), n(2, 2, 7)),
 "BatchNorm1d": (lambda: nn.BatchNorm1d(3), n(6, 3)), "BatchNorm2d": (lambda: nn.BatchNorm2d(3), n(4, 3, 2, 2)), "BatchNorm no track": (lambda: nn.BatchNorm1d(3, track_running_stats=False), n(6, 3)),
 "InstanceNorm2d": (lambda: nn.InstanceNorm2d(3, affine=True, track_running_stats=True), n(2, 3, 4, 4)), "LayerNorm": (lambda: nn.LayerNorm((3, 4)), n(2, 3, 4)), "RMSNorm": (lambda: nn.RMSNorm(4), n(2, 3, 4)), "GroupNorm": (lambda: nn.GroupNorm(2, 4), n(2, 4, 3)),
 "LocalResponseNorm": (lambda: nn.LocalResponseNorm(2), n(2, 4, 3, 3)),
 "Dropout": (lambda: nn.Dropout(0.3), n(5, 4)), "Dropout1d": (lambda: nn.Dropout1d(0.3), n(5, 4, 3)), "Dropout2d": (lambda: nn.Dropout2d(0.3), n(5, 4, 2, 2)), "AlphaDropout": (lambda: nn.AlphaDropout(0.3), n(5, 4)), "FeatureAlphaDropout": (lambda: nn.FeatureAlphaDropout(0.3), n(5, 4, 2)),
 "RNN": (lambda: nn.RNN(3, 4, num_layers=2, bidirectional=True, dropout=0.2), n(5, 2, 3)), "LSTM": (lambda: nn.LSTM(3, 4, batch_first=True, num_layers=2), n(2, 5, 3)), "LSTM proj": (lambda: nn.LSTM(3, 4, proj_size=2), n(5, 2, 3)), "GRU": (lambda: nn.GRU(3, 4), n(5, 2, 3)),
 "RNNCell": (lambda: nn.RNNCell(3, 4), n(2, 3)), "LSTMCell": (lambda: nn.LSTMCell(3, 4), n(2, 3)), "GRUCell": (lambda: nn.GRUCell(3, 4), n(2, 3)),
 "MultiheadAttention": (lambda: nn.MultiheadAttention(4, 2), n(5, 2, 4), n(6, 2, 4), n(6, 2, 4)), "TransformerEncoderLayer": (lambda: nn.TransformerEncoderLayer(4, 2, 8), n(5, 2, 4)), "TransformerDecoderLayer": (lambda: nn.TransformerDecoderLayer(4, 2, 8), n(5, 2, 4), n(6, 2, 4)), "Transformer": (lambda: nn.Transformer(4, 2, 1, 1, 8), n(5, 2, 4), n(6, 2, 4)),
 "TransformerEncoder": (lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 8), 2), n(5, 2, 4)),
 "Upsample": (lambda: nn.Upsample(scale_factor=2, mode="bilinear"), n(1, 2, 3, 3)), "Upsample n": (lambda: nn.Upsample(scale_factor=2), n(1, 2, 3, 3)), "PixelShuffle": (lambda: nn.PixelShuffle(2), n(1, 4, 3, 3)), "PixelUnshuffle": (lambda: nn.PixelUnshuffle(2), n(1, 1, 4, 4)), "ChannelShuffle": (lambda: nn.ChannelShuffle(2), n(1, 4, 3, 3)),
 "Fold": (lambda: nn.Fold((4, 4), 2), n(1, 4, 9)), "Unfold": (lambda: nn.Unfold(2), n(1, 1, 4, 4)), "Flatten": (lambda: nn.Flatten(), n(2, 3, 2)), "Unflatten": (lambda: nn.Unflatten(1, (2, 2)), n(2, 4)),
 "CosineSimilarity": (lambda: nn.CosineSimilarity(), n(3, 4), n(3, 4)), "PairwiseDistance": (lambda: nn.PairwiseDistance(), n(3, 4), n(3, 4)),
 "ReflectionPad2d": (lambda: nn.ReflectionPad2d(1), n(1, 2, 3, 3)), "ReplicationPad1d": (lambda: nn.ReplicationPad1d(1), n(1, 2, 3)), "ZeroPad2d": (lambda: nn.ZeroPad2d(1), n(1, 2, 3, 3)), "CircularPad1d": (lambda: nn.CircularPad1d(1), n(1, 2, 3)), "ConstantPad1d": (lambda: nn.ConstantPad1d(1, 2.0), n(1, 2, 3)),
 "PReLU": (lambda: nn.PReLU(), n(3, 4)), "RReLU": (lambda: nn.RReLU(), n(3, 4)), "Softmax": (lambda: nn.Softmax(axis=1), n(3, 4)), "GLU": (lambda: nn.GLU(), n(3, 4)), "Softmax2d": (lambda: nn.Softmax2d(), n(2, 3, 2, 2)), "Threshold": (lambda: nn.Threshold(0.1, 2.0), n(3, 4)),
 "CrossEntropyLoss": (lambda: nn.CrossEntropyLoss(label_smoothing=0.1), n(4, 3), ints(3, 4)), "CE weight": (lambda: nn.CrossEntropyLoss(weight=tg.Tensor([0.2, 0.5, 1.0], dtype="float64"), ignore_index=1), n(4, 3), ints(3, 4)), "CE probs": (lambda: nn.CrossEntropyLoss(), n(4, 3), pos(4, 3)),
 "NLLLoss": (lambda: nn.NLLLoss(), n(4, 3), ints(3, 4)), "MSELoss": (lambda: nn.MSELoss(), n(4, 3), n(4, 3)), "L1Loss": (lambda: nn.L1Loss(), n(4, 3), n(4, 3)), "SmoothL1Loss": (lambda: nn.SmoothL1Loss(), n(4, 3), n(4, 3)), "HuberLoss": (lambda: nn.HuberLoss(), n(4, 3), n(4, 3)),
 "BCELoss": (lambda: nn.BCELoss(), pos(4, 3), pos(4, 3)), "BCEWithLogitsLoss": (lambda: nn.BCEWithLogitsLoss(pos_weight=tg.Tensor([2.0, 1.0, 3.0], dtype="float64")), n(4, 3), pos(4, 3)), "KLDivLoss": (lambda: nn.KLDivLoss(reduction="batchmean"), n(4, 3), pos(4, 3)), "PoissonNLLLoss": (lambda: nn.PoissonNLLLoss(full=True), n(4, 3), pos(4, 3)), "GaussianNLLLoss": (lambda: nn.GaussianNLLLoss(), n(4, 3), n(4, 3), pos(4, 3)),
 "HingeEmbeddingLoss": (lambda: nn.HingeEmbeddingLoss(), n(4), lambda: rng.integers(0, 2, 4) * 2.0 - 1), "MarginRankingLoss": (lambda: nn.MarginRankingLoss(0.1), n(4), n(4), lambda: rng.integers(0, 2, 4) * 2.0 - 1), "SoftMarginLoss": (lambda: nn.SoftMarginLoss(), n(4), lambda: rng.integers(0, 2, 4) * 2.0 - 1), "CosineEmbeddingLoss": (lambda: nn.CosineEmbeddingLoss(), n(4, 3), n(4, 3), lambda: rng.integers(0, 2, 4) * 2 - 1),
 "TripletMarginLoss": (lambda: nn.TripletMarginLoss(), n(4, 3), n(4, 3), n(4, 3)), "TripletMarginLoss swap": (lambda: nn.TripletMarginLoss(swap=True), n(4, 3), n(4, 3), n(4, 3)), "MultiMarginLoss": (lambda: nn.MultiMarginLoss(), n(4, 3), ints(3, 4)), "MultiLabelMarginLoss": (lambda: nn.MultiLabelMarginLoss(), n(2, 3), lambda: np.array([[0, -1, 1], [2, 1, -1]])), "MultiLabelSoftMarginLoss": (lambda: nn.MultiLabelSoftMarginLoss(), n(4, 3), lambda: rng.integers(0, 2, (4, 3)) * 1.0),
}  # fmt: skip
ACTIVATIONS = ["ReLU", "ReLU6", "LeakyReLU", "ELU", "SELU", "CELU", "GELU", "SiLU", "Mish", "Softplus", "Softsign", "Tanh", "Sigmoid", "LogSigmoid", "Hardtanh", "Hardswish", "Hardsigmoid", "Hardshrink", "Softshrink", "Tanhshrink", "Identity", "LogSoftmax", "Softmin"]  # fmt: skip
LAYERS |= {name: (getattr(nn, name), n(3, 4)) for name in ACTIVATIONS}
MODES = [name for name in LAYERS if "Norm" in name or "Drop" in name or name in ("RNN", "RReLU", "Transformer")]


def loss_of(ys, weights):
    """A scalar of all results that need a gradient, with weights that give each entry a gradient of its own."""
    found = [y for y in tg.tree.leaves(ys) if isinstance(y, tg.Tensor) and y.requires_grad]
    return sum((y * np.resize(weights, y.shape)).sum() for y in found)


WEIGHTS = np.sin(np.arange(1, 200.0))


@pytest.mark.parametrize(("name", "train"), [(k, True) for k in LAYERS] + [(k, False) for k in MODES])
@pytest.mark.filterwarnings("ignore")
def test_each_layer(name, train):
    make, *inputs = LAYERS[name]

    def made():
        tg.random.manual_seed(3)
        module = make().astype("float64")
        module.train(train)

        def f(*xs):
            for p in module.parameters():
                p.grad = None
            xs = [x.detach().requires_grad_() if x.dtype.kind == "f" else x for x in xs]
            ys = module(*xs)
            loss = loss_of(ys, WEIGHTS)
            loss.backward()
            return tg.tree.map(lambda y: y.detach() if isinstance(y, tg.Tensor) else y, ys), [x.grad for x in xs]

        return f, module

    alike(made, [tuple(g() for g in inputs) for _ in range(3)], tolerance=5000, programs=1)


@pytest.mark.parametrize(
    "name", ["Linear", "Conv2d", "LayerNorm", "LSTM", "MultiheadAttention", "MSELoss", "BatchNorm1d"]
)
def test_the_layer_itself_is_compiled_and_its_results_have_a_graph(name):
    make, *inputs = LAYERS[name]
    tg.random.manual_seed(3)
    module = make().astype("float64")
    compiled = tg.compile(module)
    for _ in range(3):
        found, xs = [], [g() for g in inputs]
        for f in (module, compiled):
            module.zero_grad()
            state = module.state_dict()
            tensors = [tg.Tensor(x, requires_grad=x.dtype.kind == "f") for x in xs]
            ys = f(*tensors)
            loss_of(ys, WEIGHTS).backward()
            found.append(
                (tg.tree.map(lambda y: y.data, ys), [t.grad for t in tensors], [p.grad for p in module.parameters()])
            )
            if f is module:
                module.load_state_dict(state)
        same(found[1], found[0], 5000)


REFUSED = {
    "CTCLoss": (nn.CTCLoss, lambda: np.log(rng.dirichlet(np.ones(4), (6, 2))), ints(3, 2, 3), lambda: np.array([6, 5]), lambda: np.array([3, 2])),
    "AdaptiveLogSoftmaxWithLoss": (lambda: nn.AdaptiveLogSoftmaxWithLoss(4, 6, [2, 4]), n(5, 4), ints(6, 5)),
    "plain mean": (lambda: nn.BatchNorm1d(3, momentum=None), n(6, 3)),
    "LazyLinear": (lambda: nn.LazyLinear(3), n(3, 4)),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_layers_that_branch_on_values_say_so(name):
    make, *inputs = REFUSED[name]
    module = make().astype("float64")
    with pytest.raises(GraphError, match=r"same operations for all values; got .* at .*test_layers\.py:\d+; "):
        tg.compile(module)(*[tg.Tensor(g()) for g in inputs])
