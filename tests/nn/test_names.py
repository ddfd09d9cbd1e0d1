"""The public names of models, optimizers, data and io: a promise that is kept here, word by word."""

import inspect
import re
from pathlib import Path

import pytest

import tinygrad_edu.nn.functional as F
from tinygrad_edu import data, io, nn, optim

NN = """
Module Parameter Sequential ModuleList ModuleDict Linear Bilinear Embedding Flatten Identity Dropout Conv1d Conv2d
ConvTranspose2d MaxPool1d MaxPool2d AvgPool1d AvgPool2d AdaptiveAvgPool2d Upsample BatchNorm1d BatchNorm2d LayerNorm
GroupNorm RMSNorm RNN LSTM GRU RNNCell LSTMCell GRUCell MultiheadAttention TransformerEncoderLayer
TransformerDecoderLayer Sigmoid Tanh ReLU LeakyReLU ELU SELU GELU SiLU Softplus Softmax LogSoftmax Hardtanh PReLU functional_call
MSELoss L1Loss SmoothL1Loss HuberLoss BCELoss BCEWithLogitsLoss CrossEntropyLoss NLLLoss KLDivLoss
CosineEmbeddingLoss TripletMarginLoss init utils guards metrics functional
"""
FUNCTIONS = """
linear conv1d conv2d conv_transpose2d max_pool1d max_pool2d avg_pool1d avg_pool2d adaptive_avg_pool2d batch_norm
layer_norm group_norm rms_norm embedding one_hot softmax log_softmax scaled_dot_product_attention dropout normalize
cosine_similarity pad interpolate bilinear sigmoid tanh relu leaky_relu elu selu gelu silu softplus hardtanh prelu
logsigmoid mse_loss l1_loss smooth_l1_loss huber_loss binary_cross_entropy binary_cross_entropy_with_logits
cross_entropy nll_loss kl_div cosine_embedding_loss triplet_margin_loss
"""
INIT = """
zeros_ ones_ constant_ normal_ uniform_ xavier_uniform_ xavier_normal_ kaiming_uniform_ kaiming_normal_ orthogonal_
trunc_normal_
"""
OPTIM = """
SGD Adagrad RMSprop Adam AdamW StepLR MultiStepLR ExponentialLR CosineAnnealingLR LinearLR OneCycleLR
ReduceLROnPlateau
"""
NAMES = [
    (nn, NN), (F, FUNCTIONS), (nn.init, INIT), (nn.utils, "clip_grad_norm_ clip_grad_value_"), (optim, OPTIM),
    (data, "TensorDataset DataLoader load_digits load_mnist progress"), (io, "save load"),
    (nn.metrics, "accuracy confusion_matrix precision_recall_f1"),
    (nn.Module, "parameters named_parameters buffers state_dict load_state_dict train eval apply zero_grad summary"),
    (optim.SGD, "step zero_grad state_dict load_state_dict add_param_group"),
    (optim.StepLR, "step state_dict load_state_dict"), (optim.ReduceLROnPlateau, "step state_dict load_state_dict"),
]  # fmt: skip
DOCUMENTED = [
    (module.__name__, name)
    for module, names in NAMES
    for name in names.split()
    if inspect.isclass(getattr(module, name)) or inspect.isfunction(getattr(module, name))
]


@pytest.mark.parametrize(("module", "names"), NAMES, ids=lambda v: getattr(v, "__name__", None))
def test_names_are_there(module, names):
    assert [name for name in names.split() if not hasattr(module, name)] == []


@pytest.mark.parametrize(("module", "name"), DOCUMENTED, ids=str)
def test_names_are_documented(module, name):
    owner = next(owner for owner, _ in NAMES if owner.__name__ == module)
    assert inspect.getdoc(getattr(owner, name)), f"{module}.{name}"


def test_there_are_no_other_layers():
    own = {n for n, v in vars(nn).items() if inspect.isclass(v) and issubclass(v, nn.Module)}
    assert own - set(NN.split()) == set()
    functions = {n for n, v in vars(F).items() if inspect.isfunction(v) and n[0] != "_"}
    assert functions - set(FUNCTIONS.split()) == set()


# PyTorch's arguments that are not here: for devices, deprecated, private, or of how it computes
LEFT_OUT = """
device inplace legacy size_average reduce min_value max_value _weight _freeze args kwargs layer dim
foreach capturable differentiable fused decoupled_weight_decay recompute_scale_factor return_indices
max_norm norm_type scale_grad_by_freq sparse proj_size modules input_size hidden_size
"""
OTHER_DEFAULTS = {"dtype", "activation", "align_corners"}  # None here, functions there, None there
RENAMED = {"start_dim": "start_axis", "end_dim": "end_axis"}


def pairs():
    torch = pytest.importorskip("torch")
    for ours, theirs, names in ((nn, (torch.nn,), NN), (optim, (torch.optim, torch.optim.lr_scheduler), OPTIM)):
        for name in names.split():
            found = [getattr(module, name) for module in theirs if hasattr(module, name)]
            if found and inspect.isclass(found[0]) and name not in ("Module", "Parameter", "ModuleList", "Sequential"):
                yield name, inspect.signature(getattr(ours, name)).parameters, inspect.signature(found[0]).parameters


def test_arguments_and_defaults_are_pytorchs():
    for name, have, want in pairs():
        if name == "ConvTranspose2d":
            want = {key: value for key, value in want.items() if key != "padding_mode"}  # only "zeros" there
        for key, parameter in want.items():
            key = RENAMED.get(key, key)
            if key in LEFT_OUT.split():
                continue
            assert key in have, f"{name}: {key}"
            if key not in OTHER_DEFAULTS and parameter.default is not inspect.Parameter.empty:
                assert have[key].default == pytest.approx(parameter.default), f"{name}: {key}"


OF_THE_CORE = {"relu", "sigmoid", "tanh"}  # functions of part 2, too, whose first argument is x
LATER = {"mse_loss.weight", "l1_loss.weight", "huber_loss.weight", "normalize.out", "interpolate.antialias"}


def test_functions_take_pytorchs_arguments():
    torch = pytest.importorskip("torch")
    compared = 0
    for name in set(FUNCTIONS.split()) - OF_THE_CORE:
        try:
            want = inspect.signature(getattr(torch.nn.functional, name)).parameters
        except ValueError:  # built in, and says nothing
            continue
        have, compared = inspect.signature(getattr(F, name)).parameters, compared + 1
        for key, parameter in want.items():
            if (key in (*LEFT_OUT.split(), "dtype", "_stacklevel") and key != "dim") or f"{name}.{key}" in LATER:
                continue
            key = "axis" if key == "dim" else key
            assert key in have, f"{name}: {key}"
            if key not in (*OTHER_DEFAULTS, "axis") and parameter.default is not inspect.Parameter.empty:
                assert have[key].default == pytest.approx(parameter.default), f"{name}: {key}"
    assert compared > 20


def test_the_lists_here_have_every_name_of_the_page():
    text = (Path(__file__).resolve().parents[2] / "docs" / "api.md").read_text()
    part = text[text.index("## 4.") : text.index("## 6.")]
    part = re.sub(r"\([^)]*\)", " ", part)  # remarks and arguments
    part = re.sub(r"(\w+)1d/2d", r"\g<1>1d \g<1>2d", part)
    words = set(re.findall(r"\b(?:[A-Z][A-Za-z]*\d?[A-Za-z]*|[a-z]+(?:_[a-z\d]+)+_?|conv\dd)\b", part))
    known = {name for _, names in NAMES for name in names.split()}
    prose = {"F", "PyTorch", "Dataset", "Cells", "None", "param_groups"}
    assert words - known - prose == set()
