# ruff: noqa: SIM905, RUF024
"""Odd values for every argument of every public name, and a good call of each to put them into.

A good call is worked out from the signature: a parameter's name says what fits it. What a name does not say stands
in CALLS. A new public name is found by itself; one whose good call fails is a failure of the test.
"""

import datetime
import decimal
import fractions
import inspect
import pathlib
import struct
import tempfile
import types

import numpy as np

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tinygrad_edu import data, nn, optim


def matrix():
    return np.array([[1.0, 2.0, 0.5], [0.25, 3.0, 1.5], [2.0, 1.0, 4.0]])


def loop():
    x = []
    x.append(x)
    return x


def read_only():
    x = matrix()
    x.flags.writeable = False
    return x


# by name, a maker: an odd value is made anew for each call
ODD = {
    "None": lambda: None, "a text": lambda: "abc", "a number as text": lambda: "2", "no text": lambda: "", "bytes": lambda: b"x", "True": lambda: True,
    "np.True": lambda: np.True_, "3": lambda: 3, "-1": lambda: -1, "-7": lambda: -7, "0": lambda: 0, "2.5": lambda: 2.5, "-0.5": lambda: -0.5, "1.0": lambda: 1.0,
    "nan": lambda: float("nan"), "inf": lambda: float("inf"), "-inf": lambda: -float("inf"), "10**30": lambda: 10**30,
    "10**400": lambda: 10**400, "2**62": lambda: 2**62, "1j": lambda: 1j, "[]": lambda: [], "[[]]": lambda: [[]], "()": lambda: (), "[1, 2, 3]": lambda: [1, 2, 3],
    "(1, -1)": lambda: (1, -1), "(0, 0)": lambda: (0, 0), "(1.5, 2)": lambda: (1.5, 2), "[9, 9]": lambda: [9, 9], "[True]": lambda: [True],
    "texts": lambda: ["a", "b"], "[None]": lambda: [None], "ragged": lambda: [[1.0], [2.0, 3.0]], "a loop": loop, "{}": dict, "a dict": lambda: {"a": 1.0},
    "a set": lambda: {1, 2}, "an object": object, "a function": lambda: len, "a class": lambda: int, "a module": lambda: nn.ReLU(), "a slice": lambda: slice(None),
    "...": lambda: ..., "a range": lambda: range(3), "a generator": lambda: (i for i in range(3)), "Fraction": lambda: fractions.Fraction(1, 2), "Decimal": lambda: decimal.Decimal("0.5"),
    "date": lambda: datetime.date(2000, 1, 1), "bytearray": lambda: bytearray(b"ab"), "np.float64": lambda: np.float64(0.5), "np.int8": lambda: np.int8(1),
    "np.str": lambda: np.str_("a"), "datetime64": lambda: np.datetime64("2000-01-01"), "np.void": lambda: np.void(b"abc"), "0-d": lambda: np.array(1.0), "0-d int": lambda: np.array(1),
    "(0,)": lambda: np.zeros(0), "(0, 3)": lambda: np.zeros((0, 3)), "(3, 0)": lambda: np.zeros((3, 0)), "(7,)": lambda: np.ones(7), "(2, 2, 2, 2, 2)": lambda: np.ones((2,) * 5),
    "ints": lambda: np.arange(9).reshape(3, 3), "bools": lambda: np.eye(3, dtype=bool), "uint8": lambda: np.arange(9, dtype="u1").reshape(3, 3), "complex": lambda: matrix() + 1j,
    "objects": lambda: matrix().astype(object), "Nones": lambda: np.array([None, None]), "np texts": lambda: np.array(["a", "b"]), "dates": lambda: np.array(["2000-01-01"] * 2, "M8[D]"),
    "times": lambda: np.array([1, 2], "m8[s]"), "structured": lambda: np.zeros(2, [("a", "f8"), ("b", "i4")]), "float16": lambda: matrix().astype("f2"), "longdouble": lambda: matrix().astype("g"),
    "byte-swapped": lambda: matrix().astype(">f8"), "masked": lambda: np.ma.masked_greater(matrix(), 2), "unmasked": lambda: np.ma.array(matrix()), "np.matrix": lambda: matrix().view(np.matrix),
    "read-only": read_only, "0-stride": lambda: np.broadcast_to(np.float64(2), (3, 3)), "Fortran": lambda: np.asfortranarray(matrix()), "reversed": lambda: matrix()[::-1, ::-1],
    "nans": lambda: np.full((3, 3), np.nan), "infs": lambda: np.full((3, 3), np.inf), "negative": lambda: -matrix(), "tiny": lambda: np.full((3, 3), 5e-324), "singular": lambda: np.ones((3, 3)),
    "a constant": lambda: tg.Tensor(matrix()), "a leaf": lambda: tg.Tensor(matrix(), requires_grad=True), "a result": lambda: tg.Tensor(matrix(), requires_grad=True) * 2,
    "a scalar tensor": lambda: tg.Tensor(2.0), "an integer tensor": lambda: tg.Tensor([0, 1, 2]), "a boolean tensor": lambda: tg.Tensor([True, False, True]),
}  # fmt: skip


def square(x):
    return (x * x).sum()


LEAF = tg.Tensor(matrix(), requires_grad=True)
SUM = LEAF.sum()


PLANNED = optim.SGD([nn.Parameter(matrix())], lr=0.1)


def one_of(function):
    """A maker of this function."""
    return lambda: function


def squares(*xs):
    """Of whatever comes, trees included."""
    return sum(square(x) for x in tg.tree.leaves(xs))


def layer():
    return nn.Linear(3, 3)


def optimizer():
    return optim.SGD([nn.Parameter(matrix())], lr=0.1, momentum=0.9)


def trained():
    p = nn.Parameter(matrix())
    (p * p).sum().backward()
    return p


def image():
    return np.arange(32.0, dtype="f4").reshape(1, 2, 4, 4)


def sequence():
    return np.arange(12.0, dtype="f4").reshape(2, 2, 3)


def signal():
    return np.arange(16.0, dtype="f4").reshape(1, 2, 8)


def share():
    return np.array([[0.2, 0.5, 0.75]] * 3)


def labels():
    return np.array([0, 2, 1])


def values(*given):
    """A maker of constants."""
    return lambda: given[0] if len(given) == 1 else given


# what fits a parameter, by its name; a maker, as the odd ones. What has a default fits by itself.
GOOD = {
    **dict.fromkeys(["x", "a", "b", "x1", "input", "data", "fill_value", "anchor", "positive", "negative", "input1", "input2", "query", "key", "value", "src"], matrix),
    **dict.fromkeys(["tgt", "memory", "weight", "embeddings", "primals", "tangents", "target", "prediction", "operands", "xs", "tensors"], matrix),
    **dict.fromkeys(["f", "function"], lambda: squares),
    **dict.fromkeys(["axis1", "offset", "k", "start", "source", "low", "val"], values(0)),
    **dict.fromkeys(["axis2", "destination", "n", "repeats", "shift", "pad_width", "d_model", "num_heads", "nhead", "num_groups", "gamma"], values(1)),
    **dict.fromkeys(["in_features", "out_features", "in1_features", "in2_features", "num_features", "embed_dim", "hidden_size", "input_size"], values(3)),
    **dict.fromkeys(["in_channels", "out_channels", "kernel_size", "output_size", "reps", "num_embeddings", "embedding_dim", "num_channels"], values(2)),
    **dict.fromkeys(["stop", "n_rows", "high", "step_size", "T_max", "normalized_shape", "indices_or_sections", "pad"], values(3)),
    "tensor": lambda: nn.Parameter(matrix()), "shape": values((3, 3)), "dims": values(3), "dtype": values("float32"), "max_lr": values(0.5), "milestones": values([1, 2]),
    "indices": lambda: np.array([[0, 1, 2]] * 3), "condition": lambda: matrix() > 1, "x2": values(1.5), "axes": values(1, 0), "subscripts": values("ij,jk"),
    "params": lambda: [nn.Parameter(matrix())], "parameters": lambda: [trained()], "max_norm": values(1.0), "clip_value": values(1.0), "optimizer": optimizer,
    "xs...": matrix, "nonlinearity": values("tanh"), "dataset": lambda: range(5), "examples": lambda: [1.0, 2.0], "running_mean": lambda: None, "running_var": lambda: None,
    "module": layer, "modules...": nn.ReLU, "more...": nn.ReLU, "tensors...": matrix, "operands...": matrix, "primals...": matrix, "dims...": values(3), "axes...": values(1),
}  # fmt: skip

# what the names of parameters do not say, for each name
CALLS = {
    "split": {"axis": 0}, "transpose": {"axes...": [1, 0]}, "reshape": {"dims...": [9]}, "einsum": {"operands...": [matrix, matrix]},
    "meshgrid": {"xs...": [labels, labels]}, "cross": {"axis": -1}, "tensordot": {"axes": 1}, "permute_dims": {"axes": (1, 0)}, "pad": {"pad_width": 1, "pad": (1, 1)},
    "linspace": {"start": 0.0, "stop": 1.0}, "cholesky": {"x": lambda: np.eye(3)}, "arange": {"start": 4}, "full": {"fill_value": 2.0}, "searchsorted": {"x1": labels},
    "adaptive_avg_pool2d": {"input": image}, "avg_pool1d": {"input": signal}, "max_pool1d": {"input": signal}, "avg_pool2d": {"input": image}, "max_pool2d": {"input": image},
    "bilinear": {"weight": lambda: np.ones((2, 3, 3))}, "conv1d": {"input": signal, "weight": lambda: np.ones((2, 2, 3))}, "conv2d": {"input": image, "weight": lambda: np.ones((2, 2, 3, 3))},
    "conv_transpose2d": {"input": image, "weight": lambda: np.ones((2, 2, 3, 3))}, "binary_cross_entropy": {"input": share, "target": share}, "interpolate": {"input": image, "size": 2},
    "cross_entropy": {"target": labels}, "nll_loss": {"target": labels}, "cosine_embedding_loss": {"target": lambda: np.array([1, -1, 1])}, "embedding": {"input": labels},
    "one_hot": {"tensor": labels}, "prelu": {"weight": lambda: np.ones(1)}, "group_norm": {"num_groups": 3}, "cosine_similarity": {"x2": matrix}, "MultiheadAttention": {"embed_dim": 4, "num_heads": 2},
    "TransformerEncoderLayer": {"d_model": 4, "nhead": 2}, "TransformerDecoderLayer": {"d_model": 4, "nhead": 2}, "GroupNorm": {"num_channels": 3}, "Upsample": {"size": 2},
    "OneCycleLR": {"total_steps": 9}, "ExponentialLR": {"gamma": 0.5}, "BatchNorm2d": {"num_features": 2}, "accuracy": {"prediction": labels, "target": labels}, "confusion_matrix": {"prediction": labels, "target": labels},
    "precision_recall_f1": {"prediction": labels, "target": labels}, "zeros": {"dims...": [3, 3]}, "empty": {"dims...": [3, 3]}, "ones": {"dims...": [3, 3]}, "random.integers": {"low": 5},
    "random.permutation": {"x": 5}, "ModuleDict": {"modules": lambda: {"a": nn.ReLU()}}, "ModuleList": {"modules": lambda: [nn.ReLU()]}, "calculate_gain": {}, "Generator": {}, "topk": {"k": 2},
    "bincount": {"x": labels}, "index_add": {"axis": 0, "index": labels, "source": matrix}, "scatter_add": {"axis": 0, "index": lambda: np.array([[0, 1, 2]] * 3), "src": matrix},
    "tree.map": {"f": lambda: repr, "tree": ODD["a constant"], "rest...": []}, "tree.flatten": {"tree": ODD["a constant"]}, "tree.leaves": {"tree": ODD["a constant"]}, "tree.structure": {"tree": ODD["a constant"]},
    "unflatten": {"structure": lambda: tg.tree.structure([1]), "leaves": lambda: [2]}, "autograd.grad": {"outputs": lambda: SUM, "inputs": lambda: LEAF},
    "gather": {"axis": 0, "index": lambda: np.array([[0, 1, 2]])}, "multinomial": {"p": share, "num_samples": 2}, "categorical": {"logits": matrix}, "cholesky_solve": {"L": matrix}, "polygamma": {"n": 1},
    "can_cast": {"from_": np.dtype("f4"), "to": np.dtype("f8")}, "isdtype": {"kind": "numeric"}, "result_type": {"arrays_and_dtypes...": [np.dtype("f4")]},
    "finfo": {"type": np.dtype("f4")}, "iinfo": {"type": np.dtype("i4")}, "broadcast_arrays": {"arrays...": [matrix]}, "nextafter": {}, "copysign": {},
    **dict.fromkeys(["bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_left_shift", "bitwise_right_shift"], {"x1": labels, "x2": 1}), "bitwise_invert": {"x": labels},
    "fftfreq": {"n": 8}, "rfftfreq": {"n": 8}, "from_dlpack": {"x": matrix},
    "kl_div": {}, "solve": {}, "matrix_power": {"n": 3}, "Flatten": {}, "Conv1d": {}, "collate": {}, "trace": {},
}  # fmt: skip

# what a layer is called with, where a matrix does not do
INPUTS = {
    **{name: [image] for name in "AdaptiveAvgPool2d AvgPool2d BatchNorm2d Conv2d ConvTranspose2d MaxPool2d Upsample".split()},
    **{name: [signal] for name in "AvgPool1d Conv1d MaxPool1d".split()}, **{name: [sequence] for name in "GRU LSTM RNN".split()},
    "BCELoss": [share, share], "CrossEntropyLoss": [matrix, labels], "NLLLoss": [matrix, labels], "CosineEmbeddingLoss": [matrix, matrix, lambda: np.array([1, -1, 1])],
    "Embedding": [lambda: np.array([0, 1])], "MultiheadAttention": [lambda: np.ones((2, 1, 4))] * 3, "TransformerEncoderLayer": [lambda: np.ones((2, 1, 4))],
    "TransformerDecoderLayer": [lambda: np.ones((2, 1, 4))] * 2,
}  # fmt: skip


def volume():
    return np.arange(54.0, dtype="f4").reshape(1, 2, 3, 3, 3)


def words():
    return np.ones((2, 1, 4))


def places(maker, window):
    """The places of the first entries of each window, and that many entries."""
    x = maker()
    cut = (..., *(slice(0, n - window + 1, window) for n in x.shape[2:]))
    return np.broadcast_to(np.arange(np.prod(x.shape[2:])).reshape(x.shape[2:]), x.shape)[cut], x[cut]


def packed():
    return nn.utils.rnn.pack_sequence([matrix(), matrix()[:2]])


IMAGES = {1: signal, 2: image, 3: volume}
SIGNS = values(np.array([[1, -1, 1], [-1, -1, 1], [1, 1, -1]]))
CTC = [
    lambda: np.log(np.full((4, 1, 3), 1 / 3)),
    lambda: np.array([[1, 2]]),
    lambda: np.array([4]),
    lambda: np.array([2]),
]
GOOD.update(
    {
        "upscale_factor": values(1),
        "downscale_factor": values(1),
        "groups": values(1),
        "size": values(2),
        "norm_type": values(2.0),
        "threshold": values(0.5),
        "padding": values(1),
        "in_features": values(3),
        "n_classes": values(6),
        "cutoffs": values([2, 4]),
        "num_layers": values(2),
        "logits": matrix,
        "var": matrix,
        "sequences": lambda: [matrix(), matrix()[:2]],
        "lengths": values([3, 2, 1]),
        "log_probs": CTC[0],
        "targets": CTC[1],
        "input_lengths": CTC[2],
        "target_lengths": CTC[3],
        "tensor_name": values("weight"),
        "T_0": values(3),
        "swa_lr": values(0.1),
        "schedulers": lambda: [optim.StepLR(optimizer(), 3)],
        "parametrization": nn.Identity,
        "vec": lambda: np.ones(9),
        "theta": lambda: np.array([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]]),
        "grid": lambda: np.zeros((1, 2, 2, 2)),
        "padded_sequences": lambda: np.ones((3, 2, 2)),
    }
)
CALLS.update(
    {
        **{f"conv{n}d": {"input": IMAGES[n], "weight": lambda n=n: np.ones((2, 2, *(2,) * n))} for n in (1, 2, 3)},
        **{
            f"conv_transpose{n}d": {"input": IMAGES[n], "weight": lambda n=n: np.ones((2, 2, *(2,) * n))}
            for n in (1, 2, 3)
        },
        **{
            f"{name}{n}d": {"input": IMAGES[n]}
            for n in (1, 2, 3)
            for name in ("max_pool", "avg_pool", "adaptive_avg_pool", "adaptive_max_pool", "lp_pool", "dropout")
        },
        **{
            f"max_unpool{n}d": {
                "input": lambda n=n: places(IMAGES[n], 2)[1],
                "indices": lambda n=n: places(IMAGES[n], 2)[0],
            }
            for n in (1, 2, 3)
        },
        **{f"fractional_max_pool{n}d": {"input": IMAGES[n], "output_size": 2} for n in (2, 3)},
        **{f"FractionalMaxPool{n}d": {"output_size": 2} for n in (2, 3)},
        **{
            name: {"input": image}
            for name in (
                "instance_norm",
                "local_response_norm",
                "pixel_shuffle",
                "pixel_unshuffle",
                "channel_shuffle",
                "unfold",
                "feature_alpha_dropout",
            )
        },
        "glu": {"axis": 0, "input": lambda: matrix()[:2]},
        "GLU": {"axis": 0},
        "fold": {"input": lambda: np.ones((1, 4, 9)), "output_size": 4},
        "Fold": {"output_size": 4},
        "grid_sample": {"input": image},
        "affine_grid": {"size": (1, 1, 2, 2)},
        "embedding_bag": {"input": lambda: np.array([[0, 1], [2, 2]])},
        "x2": {},
        "margin_ranking_loss": {"target": SIGNS},
        "hinge_embedding_loss": {"target": SIGNS},
        "soft_margin_loss": {"target": SIGNS},
        "multi_margin_loss": {"target": labels},
        "multilabel_margin_loss": {"target": lambda: np.array([[0, 2, -1]] * 3)},
        "cdist": {"x2": matrix},
        "pairwise_distance": {"x2": matrix},
        "Transformer": {"d_model": 4, "nhead": 2, "dim_feedforward": 4},
        "TransformerEncoder": {"encoder_layer": lambda: nn.TransformerEncoderLayer(4, 2, 4)},
        "TransformerDecoder": {"decoder_layer": lambda: nn.TransformerDecoderLayer(4, 2, 4)},
        "InstanceNorm2d": {"num_features": 2},
        "BatchNorm1d": {"num_features": 2},
        "InstanceNorm1d": {"num_features": 2},
        "InstanceNorm3d": {"num_features": 2},
        "BatchNorm3d": {"num_features": 2},
        "ParameterDict": {"parameters": lambda: {"a": matrix()}},
        "ParameterList": {"values": lambda: [matrix()]},
        "Unflatten": {"unflattened_size": (3, 1)},
        "Threshold": {"value": 0.0},
        "threshold": {"value": 0.0},
        **{f"ConstantPad{n}d": {"value": 0.0} for n in (1, 2, 3)},
        "pack_padded_sequence": {"input": lambda: np.ones((3, 3, 2))},
        **{key: {"sequence": packed, "packed_sequences": packed} for key in ["pad_packed_sequence", "unpack_sequence"]},
        "unpad_sequence": {"lengths": values([3, 2])},
        "remove_parametrizations": {"module": lambda: nn.utils.weight_norm(layer())},
        "ParametrizationList": {"modules": lambda: [nn.Identity()], "value": lambda: nn.Parameter(matrix())},
        "UpsamplingNearest2d": {"size": 3},
        "UpsamplingBilinear2d": {"size": 3},
        "BatchSampler": {"sampler": lambda: [0, 1, 2], "batch_size": 2, "drop_last": False},
        "ConcatDataset": {"datasets": lambda: [matrix(), matrix()]},
        **dict.fromkeys(["RandomSampler", "SequentialSampler"], {"data_source": matrix}),
        **dict.fromkeys(["Subset", "SubsetRandomSampler"], {"dataset": matrix, "indices": lambda: [0, 2]}),
        "random_split": {"dataset": matrix, "lengths": lambda: [2, 1]},
        "WeightedRandomSampler": {"weights": values([0.5, 0.25]), "num_samples": 2},
    }
)
INPUTS.update(
    {
        **{
            f"{name}{n}d": [IMAGES[n]]
            for n in (1, 2, 3)
            for name in """AdaptiveAvgPool AdaptiveMaxPool AvgPool MaxPool LPPool FractionalMaxPool BatchNorm Conv ConvTranspose Dropout
       InstanceNorm LazyConv LazyConvTranspose LazyBatchNorm LazyInstanceNorm ZeroPad ConstantPad ReflectionPad ReplicationPad CircularPad""".split()
        },
        **{
            f"MaxUnpool{n}d": [lambda n=n: places(IMAGES[n], 2)[1], lambda n=n: places(IMAGES[n], 2)[0]]
            for n in (1, 2, 3)
        },
        **{
            key: [image]
            for key in "ChannelShuffle FeatureAlphaDropout LocalResponseNorm PixelShuffle PixelUnshuffle Softmax2d Unfold Upsample UpsamplingBilinear2d UpsamplingNearest2d".split()
        },
        **{key: [matrix, matrix] for key in "CosineSimilarity PairwiseDistance".split()},
        **{key: [matrix, SIGNS] for key in "HingeEmbeddingLoss SoftMarginLoss".split()},
        **dict.fromkeys("TripletMarginLoss TripletMarginWithDistanceLoss GaussianNLLLoss".split(), [matrix] * 3),
        "MarginRankingLoss": [matrix, matrix, SIGNS],
        "MultiMarginLoss": [matrix, labels],
        "MultiLabelMarginLoss": [matrix, lambda: np.array([[0, 2, -1]] * 3)],
        "CTCLoss": CTC,
        "Fold": [lambda: np.ones((1, 4, 9))],
        "EmbeddingBag": [lambda: np.array([[0, 1], [1, 1]])],
        "AdaptiveLogSoftmaxWithLoss": [matrix, labels],
        "GLU": [lambda: matrix()[:2]],
        "TransformerEncoder": [words],
        "TransformerDecoder": [words, words],
        "Transformer": [words, words],
    }
)


# what runs, reads, draws, saves or trains: settings and files beside functions and graphs
FILES = tempfile.TemporaryDirectory()
FOLDER = pathlib.Path(FILES.name)


def files():
    """Good files of each kind, made once."""
    if not (FOLDER / "good.st").exists():
        (FOLDER / "table.csv").write_text("a,b\n1,2\n")
        for name in ("train", "t10k"):
            images, classes = np.zeros((3, 2, 2), "u1"), np.zeros(3, "u1")
            (FOLDER / f"{name}-images-idx3-ubyte").write_bytes(
                struct.pack(">4I", 2051, *images.shape) + images.tobytes()
            )
            (FOLDER / f"{name}-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 2049, 3) + classes.tobytes())
        (FOLDER / "classes" / "one").mkdir(parents=True)
        (FOLDER / "classes" / "one" / "1.pgm").write_bytes(b"P5 2 2 255 " + bytes(4))
        tg.save(FOLDER / "good.st", {"w": matrix()})
    return FOLDER


def path(name):
    return lambda: files() / name


def result():
    """Of a graph of one operation."""
    return tg.Tensor(1.5, requires_grad=True) ** 2


def one():
    return lambda *inputs: result()


def unchanged():
    return lambda *xs: xs


def exponential(*xs):
    return tg.exp(LEAF)


def column():
    return matrix()[0]


GOOD |= {"module": layer, "model": layer, "rtol": values(1e-6), "seed": values(0)}
CALLS |= {
    "draw": {"x": result, "inputs...": []}, "explain": {"x": result, "inputs...": []}, "why": {"x": lambda: LEAF},
    "player": {"x": result, "inputs...": []}, "worksheet": {"x": result, "inputs...": []}, "lecture": {"x": result, "inputs...": []},
    "to_json": {"x": result, "inputs...": []}, "to_networkx": {"x": result, "inputs...": []}, "viz.diff": {"a": result, "b": result},
    "intervene": {"x": one, "inputs...": [matrix], "change": dict}, "compare": {"runs...": [result, result]},
    "custom_op": {"name": values("odd_own"), "forward": lambda: np.sin, "vjps": lambda: (lambda g, y, x: g,)},
    "save": {"path": path("new.st"), "state": lambda: {"w": matrix()}}, "load": {"path": path("good.st")},
    "export": {"f": lambda: exponential, "inputs": matrix, "path": path("new.onnx")}, "import_onnx": {"model": lambda: tg.export(tg.exp, matrix())},
    "load_csv": {"path": path("table.csv")}, "load_mnist": {"path": path("")}, "ImageFolder": {"root": path("classes")},
    "compile": {"f": unchanged}, "scan": {"f": lambda: lambda carry, x: (carry, carry), "init": matrix, "xs": matrix},
    "while_loop": {"cond": lambda: lambda *x: False, "body": unchanged, "init": matrix},
    "fit": {"data": lambda: [(matrix(), matrix())], "loss": nn.MSELoss, "optimizer": optimizer, "bar": False},
    "sparse_": {"sparsity": 0.5}, "dirac_": {"tensor": lambda: nn.Parameter(np.zeros((2, 2, 3)))}, "find_lr": {"closure": lambda: lambda: 1.0, "steps": 2}, "minimize": {"f": lambda: squares, "x0": column, "max_steps": 2},
    "LambdaLR": {"lr_lambda": lambda: lambda epoch: 1.0}, "MultiplicativeLR": {"lr_lambda": lambda: lambda epoch: 1.0},
    "CyclicLR": {"base_lr": 0.1, "max_lr": 0.2}, "update_bn": {"loader": lambda: [matrix()], "model": lambda: nn.BatchNorm1d(3)},
    "SequentialLR": {"optimizer": lambda: PLANNED, "schedulers": lambda: [optim.StepLR(PLANNED, 3)], "milestones": lambda: []},
    "functional_call": {"params": lambda: {"weight": matrix()}, "args...": [matrix]}, "Sequential": {"modules...": [nn.ReLU]},
    "check_derivative": {"f": one_of(lambda x: np.sum(np.asarray(x, float) ** 2)), "df": one_of(lambda x: 2 * np.asarray(x, float)), "inputs...": [column]},
    "check_gradients": {"f": lambda: squares, "inputs...": [column]}, "numerical_jacobian": {"f": one_of(lambda x: x), "inputs...": [column]},
    "check_hessian": {"f": one_of(lambda x, *a: np.sum(x * x)), "hess": one_of(lambda x, *a: 2 * np.eye(np.size(x))), "x": column, "args...": []},
    "check_hvp": {"f": one_of(lambda x, *a: np.sum(x * x)), "hvp": one_of(lambda x, v, *a: 2 * v), "x": column, "args...": []},
    "check_jvp": {"f": one_of(lambda x, *a: np.sum(x * x)), "jvp": one_of(lambda x, v, *a: np.sum(2 * x * v)), "x": column, "args...": []},
    "check_jacobian_sparsity": {"f": one_of(lambda x, *a: x * x), "sparsity": lambda: np.eye(3), "x": column, "args...": []},
    "check_kernel": {"forward": one_of(lambda x: np.multiply(x, x)), "backward": one_of(lambda g, x: 2 * np.multiply(x, g)), "inputs": lambda: [column()], "lengths": (1,)},
    "check_op": {"op": lambda: tg.op.REGISTRY["tanh"], "arrays": lambda: [column()], "attributes": dict},
    "mutation_score": {"target": lambda: np.cos, "test": lambda: lambda f: None}, "suggest": {"module": lambda: F.softsign},
    "derivative_property": {"inputs...": [lambda: tg.testing.strategies.arrays()]},
    "CSVLog": {"path": path("log.csv")}, "Checkpoint": {"path": path("run.st")}, "TensorBoardLog": {"folder": path("logs")},
    "progress": {"batches": lambda: [1], "text": "a"},
}  # fmt: skip

# these take no arguments, only other names' results, or are for subclasses and decorators
LEFT_OUT = set(
    "Module LRScheduler Optimizer Callback IterableDataset Identity LivePlot get_default_dtype load_digits shared detect_anomaly "
    "op_table built_in_ops set_default_dtype no_grad register Structure ParametrizationList Scores MNIST Table Minimum Curve "
    "Progress Fit Entry Report KernelReport GradientError Formula triplet_margin_with_distance_loss".split()
)


def public():
    """Every public function and class: (name, object)."""
    spaces = [
        ("", tg),
        ("linalg.", tg.linalg),
        ("special.", tg.special),
        ("fft.", tg.fft),
        ("tree.", tg.tree),
        ("amp.", tg.amp),
        ("autograd.", tg.autograd),
        ("F.", F),
        ("nn.", nn),
        ("init.", nn.init),
        ("utils.", nn.utils),
        ("rnn.", nn.utils.rnn),
        ("parametrize.", nn.utils.parametrize),
        ("metrics.", nn.metrics),
        ("optim.", optim),
        ("swa.", optim.swa_utils),
        ("data.", data),
        ("testing.", tg.testing),
        ("viz.", tg.viz),
        ("training.", tg.training),
        ("random.", tg.random),
    ]
    seen = set()
    for prefix, space in spaces:
        for name in getattr(space, "__all__", None) or dir(space):
            thing = getattr(space, name)
            known = (
                callable(thing)
                and not isinstance(thing, types.ModuleType)
                and getattr(thing, "__module__", "").startswith(
                    space.__name__
                    if prefix in ("init.", "utils.", "rnn.", "parametrize.", "swa.", "metrics.")
                    else "tinygrad_edu"
                )
            )
            error = isinstance(thing, type) and issubclass(thing, BaseException | Warning)
            if (
                name[0] != "_"
                and name not in LEFT_OUT
                and known
                and not error
                and id(thing) not in seen
                and not hasattr(thing, "_fields")
            ):
                seen.add(id(thing))
                yield prefix + name, thing
    generator = tg.random.default_rng(0)
    for name in ("normal", "uniform", "integers", "permutation", "bernoulli", "multinomial", "categorical"):
        yield f"random.{name}", getattr(generator, name)


def subjects():
    """Everything to be called: (name, function, makers of its good arguments by name)."""
    for name, thing in public():
        short = name.rpartition(".")[2]
        chosen = {**CALLS.get(short, {}), **CALLS.get(name, {})}
        yield name, thing, arguments(thing, chosen)
        if (
            isinstance(thing, type)
            and issubclass(thing, nn.Module)
            and hasattr(thing, "forward")
            and thing.forward is not nn.Module.forward
        ):
            makers = arguments(thing, chosen)
            many = INPUTS.get(short, [matrix] * (2 if short.endswith("Loss") else 1))
            many = many * 2 if short == "Bilinear" else many
            yield f"{name}()", calling(thing, makers), {f"input{i}": maker for i, maker in enumerate(many)}


def calling(cls, makers):
    def run(*inputs):
        return call(cls, makers)(*inputs)

    return run


def arguments(thing, chosen):
    """Makers of good arguments: each parameter has one, several stand under `name...`."""
    found = {}
    for p in inspect.signature(thing).parameters.values():
        name = f"{p.name}..." if p.kind is p.VAR_POSITIONAL else p.name
        if p.kind is p.VAR_KEYWORD:
            continue
        if name in chosen:
            value = chosen[name]
        elif p.kind is p.VAR_POSITIONAL:
            value = [GOOD[name]] * 2 if name in ("xs...", "tensors...") else [GOOD[name]]
            value = value * 3 if getattr(thing, "__name__", "") == "clip" else value
        elif p.default is not p.empty:
            value = values(p.default)
        else:
            value = GOOD[p.name]
        makers = value if isinstance(value, list) else [value]
        for i, maker in enumerate(makers):
            place = f"{name}{i}" if name.endswith("...") else name
            found[place] = maker if isinstance(maker, types.FunctionType | type) else values(maker)
    return found


def call(function, makers, odd=None):
    """Call with good arguments, but for those that `odd` makes."""
    made = {name: ((odd or {}).get(name) or maker)() for name, maker in makers.items()}
    plain = [v for name, v in made.items() if "..." in name]
    parameters = inspect.signature(function).parameters.values()
    if name_only := [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]:
        keywords = {n: made.pop(n) for n in name_only if n in made}
    else:
        keywords = {}
    if plain:
        order = [p.name for p in parameters]
        several = next(i for i, p in enumerate(parameters) if p.kind is p.VAR_POSITIONAL)
        first = [v for n, v in made.items() if "..." not in n and order.index(n) < several]
        after = {n: v for n, v in made.items() if "..." not in n and order.index(n) > several}
        return function(*first, *plain, **keywords, **after)
    return function(*made.values(), **keywords)
