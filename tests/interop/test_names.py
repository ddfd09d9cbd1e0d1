"""Names that are not here: the answer says what to write instead."""

import importlib
import inspect
import re
import sys

import numpy as np
import pytest

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tinygrad_edu import data, nn, optim, viz
from tinygrad_edu.interop import names
from tinygrad_edu.viz.pictures import picture

ELSEWHERE = [
    (tg, "conv2d", "F.conv2d"), (tg, "leaky_relu", "F.leaky_relu"), (tg, "one_hot", "F.one_hot"),
    (tg, "player", "tg.viz.player"), (tg, "Linear", "nn.Linear"), (tg, "Adam", "optim.Adam"),
    (tg, "DataLoader", "data.DataLoader"), (tg, "check_gradients", "tg.testing.check_gradients"),
    (tg, "svd", "tg.linalg.svd"), (tg, "xavier_uniform_", "nn.init.xavier_uniform_"), (nn, "conv2d", "F.conv2d"),
    (nn, "Adam", "optim.Adam"), (nn, "player", "tg.viz.player"), (F, "Linear", "nn.Linear"),
    (F, "sum", "tg.sum"), (optim, "Linear", "nn.Linear"), (data, "save", "tg.save"), (viz, "relu", "tg.relu"),
    (tg.ones(1), "conv2d", "F.conv2d"), (tg.ones(1), "where", "tg.where"), (tg.testing, "draw", "tg.draw"),
    (tg, "sigmod", "sigmoid"), (nn, "Linaer", "nn.Linear"), (tg.ones(1), "reshpe", "reshape"),
]  # fmt: skip


@pytest.mark.parametrize(("place", "name", "meant"), ELSEWHERE, ids=lambda v: v if isinstance(v, str) else "")
def test_a_name_at_the_wrong_place_says_the_right_one(place, name, meant):
    assert not hasattr(place, name)
    with pytest.raises(AttributeError, match=rf"has no attribute '{name}'; did you mean {meant}\?"):
        getattr(place, name)


@pytest.mark.parametrize("place", [tg, tg.ones(1)], ids=["tg", "Tensor"])
@pytest.mark.parametrize("name", ["clamp", "clamp_"])
def test_a_name_of_another_library_says_ours(place, name):
    with pytest.raises(AttributeError, match=rf"'{name}'; (use|write) .*\bclip\b"):
        getattr(place, name)


OBJECTS = {
    "module": nn.Sequential(nn.Linear(2, 2)), "optimizer": optim.SGD([tg.ones(1)], lr=0.1),
    "generator": tg.random.default_rng(0), "schedule": optim.StepLR(optim.SGD([tg.ones(1)], lr=0.1), 2),
    "loader": data.DataLoader(range(3)), "nn.init": nn.init, "nn.utils": nn.utils, "tensor": tg.ones(1),
    "linear": nn.Linear(1, 1), "norm": nn.LayerNorm(2), "attention": nn.MultiheadAttention(2, 1),
}  # fmt: skip
MEMBERS = [
    ("module", "to", "the module as it is"), ("module", "fit", "tg.fit(model, data"), ("module", "layers", "module[0]"),
    ("module", "save", "tg.save(path, module.state_dict())"), ("module", "train_", "train"),
    ("module", "paramters", "did you mean parameters?"), ("optimizer", "lr", "param_groups[0]['lr']"),
    ("optimizer", "zero_grads", "zero_grad()"), ("generator", "randn", "normal(size=shape)"),
    ("generator", "choice", "integers"), ("schedule", "get_lr", "get_last_lr()"), ("loader", "batchsize", "batch_size"),
    ("nn.init", "xavier_uniform", "xavier_uniform_"), ("nn.init", "he_normal_", "kaiming_normal_"),
    ("nn.utils", "clip_grad_norm", "clip_grad_norm_"), ("tensor", "add_", "x += y, within tg.no_grad()"),
    ("nn.init", "normal", "nn.init.normal_"), ("nn.init", "xavier", "xavier_uniform_"), ("schedule", "lr", "get_last_lr()"),
    ("linear", "compile", "optim.Adam(module.parameters())"), ("module", "add", "append(layer)"),
    ("linear", "W", "use weight"), ("norm", "gamma", "use weight"), ("norm", "beta", "use bias"),
    ("linear", "grad", "weight.grad"), ("attention", "weight", "see dir() of the MultiheadAttention"),
    ("tensor", "mul_", "x *= y"), ("tensor", "fill_", "x[...] = value"), ("tensor", "Reshape", "did you mean reshape?"),
]  # fmt: skip


@pytest.mark.parametrize(("who", "name", "said"), MEMBERS, ids=lambda v: str(v)[:12])
def test_names_that_objects_do_not_have(who, name, said):
    assert not hasattr(OBJECTS[who], name)
    with pytest.raises(AttributeError, match=rf"has no attribute '{name}'") as caught:
        getattr(OBJECTS[who], name)
    assert said in str(caught.value)


def test_no_answer_is_kept_for_a_name_that_is_there():
    assert [name for name in names.NAMES if name in tg.__all__ and hasattr(tg.Tensor, name)] == []
    homes = nn, optim, tg.random, tg.amp, tg.data, picture
    classes = {kind: next(getattr(home, kind) for home in homes if hasattr(home, kind)) for kind in names.ELSEWHERE}
    assert {kind: [n for n in answers if hasattr(classes[kind], n)] for kind, answers in names.ELSEWHERE.items()} == {
        kind: [] for kind in names.ELSEWHERE
    }


OWNERS = {
    "tg": tg,
    "Tensor": tg.ones((2, 2)),
    "tg.linalg": tg.linalg,
    "tg.special": tg.special,
    "tg.autograd": tg.autograd,
    "tg.fft": tg.fft,
    "tg.amp": tg.amp,
    "tg.random": tg.random,
    "tg.tree": tg.tree,
    "nn": nn,
    "optim": optim,
    "optim.swa_utils": optim.swa_utils,
    "nn.utils.parametrize": nn.utils.parametrize,
    "nn.utils.parametrizations": nn.utils.parametrizations,
}


@pytest.mark.parametrize(("place", "who"), OWNERS.items(), ids=list(OWNERS))
def test_every_sentence_is_of_a_name_that_is_not_here_and_names_what_is(place, who):
    for name, said in names.SENTENCES[place].items():
        if who is tg and f"tinygrad_edu.{name}" in sys.modules:  # a folder that another test has loaded
            continue
        assert not hasattr(who, name), name
        with pytest.raises(AttributeError) as caught:
            getattr(who, name)
        assert str(caught.value).endswith(said)
        for part in re.findall(r"\b((?:tg|np|nn|F)(?:\.[A-Za-z_]\w*)+)", said):
            found = {"tg": tg, "np": np, "nn": nn, "F": F}[part.partition(".")[0]]
            for attribute in part.split(".")[1:]:
                found = getattr(found, attribute)
        for part in re.findall(r"\bx\.([a-z_]+)", said):
            assert hasattr(tg.ones(1), part), said


PUBLIC = {
    "nn": nn, "nn.functional": F, "nn.init": nn.init, "nn.utils": nn.utils, "nn.utils.rnn": nn.utils.rnn,
    "nn.utils.parametrize": nn.utils.parametrize, "nn.utils.parametrizations": nn.utils.parametrizations,
    "optim": optim, "optim.lr_scheduler": optim.lr_scheduler, "optim.swa_utils": optim.swa_utils, "utils.data": data,
    "linalg": tg.linalg, "fft": tg.fft, "special": tg.special, "amp": tg.amp,
}  # fmt: skip


@pytest.mark.parametrize(("place", "here"), PUBLIC.items(), ids=list(PUBLIC))
def test_no_name_that_pytorch_documents_is_answered_vaguely(place, here):
    """Those that a module of PyTorch lists, and its classes and functions that have a docstring."""
    torch = pytest.importorskip("torch")
    theirs = importlib.import_module(f"torch.{place}")
    own = f"torch.{place}", f"torch._C._{place}"
    asked = set(getattr(theirs, "__all__", ())) | {
        name
        for name, x in vars(theirs).items()
        if name[0] != "_" and callable(x) and inspect.getdoc(x) and str(getattr(x, "__module__", "")).startswith(own)
    }
    vague = set()
    for name in asked - {"swap_in_optimizer_params_and_state"}:
        try:
            getattr(here, name)
        except AttributeError as error:
            vague |= {name} if "see dir(" in str(error) else set()
    assert torch.__version__
    assert vague == set()


INSIDE = "guard rng_ prng _context freeze ffi ad api_util core lib interpreters stages memory monitoring typing version"
INSIDE += (
    " threefry_partitionable make_array_from allow_f16 _rank_promotion _checks _key_reuse jax2tf ds auto_pcast host_ids"
)
INSIDE += (
    " process_indices no_execution remove_size_one fwd_and_bwd print_env legacy softmax_custom key_dtype random_gamma_p"
)


@pytest.mark.parametrize("place", ["", "random"])
def test_names_of_jax_have_a_sentence(place):
    """All but switches, and parts that JAX keeps for itself."""
    theirs = pytest.importorskip(f"jax.{place}".rstrip("."), reason="JAX is not installed: pip install jax")
    here = getattr(tg, place) if place else tg
    silent = []
    for name in (name for name in dir(theirs) if name[0] != "_" and not hasattr(here, name)):
        with pytest.raises(AttributeError) as caught:
            getattr(here, name)
        if "see dir(" in str(caught.value):
            silent.append(name)
    assert [name for name in silent if not any(part in name for part in INSIDE.split())] == []
