"""What other libraries call it: names of NumPy and PyTorch, and the ones to use here.

Nothing here makes a foreign name work. It makes the error say which one does.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine import Variable
from . import jax, pictures, pytorch
from .table import FUNCTIONS, UFUNCS

PACKAGE = __name__.partition(".")[0]

# What each place here says of names of theirs; where two libraries share one, what PyTorch means by it.
SENTENCES = {
    place: jax.SENTENCES.get(place, {}) | pytorch.SENTENCES.get(place, {})
    for place in {**jax.SENTENCES, **pytorch.SENTENCES}
}

# Names of PyTorch's and Keras's, and those of NumPy's that are methods there; NumPy's functions are read off table.py.
NAMES = {
    "zero_grad": "t.grad = None, or optimizer.zero_grad()", "neg": "negative", "array": "tg.Tensor(values)",
    **dict.fromkeys(("seed", "set_seed", "random_seed", "manual_seed_all"), "manual_seed"),
    **pictures.NAMES, "summary": "model.summary(x)",
    "train_test_split": "order = rng.permutation(len(x)), then x[order[:n]] and x[order[n:]]",
    "clamp_": "clip", "clamp_min": "clip",
    "clamp_max": "clip", "no_grad_": "no_grad", "ravel": "flatten", "norm_": "linalg.norm", "save_model": "tg.save",
    "Tensor_": "Tensor", "Variable": "tg.Tensor(values, requires_grad=True)", "backprop": "backward",
    "gradient": "grad", "value": "data", "values": "data; or, for the places of the largest values, argmax(axis=)",
    "indices": "argmax(axis=) for the places of the largest values", "fill": "t[...] = value",
    "apply": "an operation, or tg.custom_op", "map": "an operation, or tg.custom_op", "Function": "tg.custom_op",
    **dict.fromkeys(
        ("gradcheck", "gradient_check", "grad_check", "check_grads", "check_grad"), "tg.testing.check_gradients"
    ),
    "hooks": "register_hook",
    "bce_loss": "F.binary_cross_entropy", "bce_with_logits": "F.binary_cross_entropy_with_logits",
    "MSE": "nn.MSELoss", "mse": "F.mse_loss", "BCE": "nn.BCELoss", "BinaryCrossEntropy": "nn.BCELoss",
    "bce": "F.binary_cross_entropy", "GradientDescent": "optim.SGD", "xavier": "nn.init.xavier_uniform_",
    "glorot": "nn.init.xavier_uniform_", "he": "nn.init.kaiming_uniform_", "kaiming": "nn.init.kaiming_uniform_",
    "BatchNormalization": "nn.BatchNorm1d or nn.BatchNorm2d", "LayerNormalization": "nn.LayerNorm",
    "GlobalAveragePooling2D": "nn.AdaptiveAvgPool2d(1)", "GlobalMaxPooling2D": "nn.AdaptiveMaxPool2d(1)",
    "show": "tg.draw(x).show()", "he_normal_": "nn.init.kaiming_normal_", "he_uniform_": "nn.init.kaiming_uniform_",
    "glorot_normal_": "nn.init.xavier_normal_", "glorot_uniform_": "nn.init.xavier_uniform_", "Dense": "nn.Linear",
    "BatchNorm": "nn.BatchNorm1d or nn.BatchNorm2d", "Conv": "nn.Conv1d or nn.Conv2d",
    "Momentum": "optim.SGD(params, lr, momentum=0.9)",
    "MNIST": "data.load_mnist(path)", "metrics": "nn.metrics",
}  # fmt: skip

# Names that objects of a class do not have, and what to write instead.
ELSEWHERE = {
    "Module": {
        "to": "the module as it is; for another dtype, module.astype('float64')",
        **dict.fromkeys(("cuda", "cpu"), "the module as it is: there is the CPU only"),
        "compile": "tg.compile(module) for machine code, and optim.Adam(module.parameters()) for an optimizer",
        "add": "append(layer), of nn.Sequential",
        "float": "module.astype('float32')", "double": "module.astype('float64')", "half": "module.astype('float16')",
        "fit": "tg.fit(model, data, loss, optimizer, epochs=10)",
        "predict": "module(x) within tg.no_grad()", "save": "tg.save(path, module.state_dict())",
        "load": "module.load_state_dict(tg.load(path))", "layers": "module[0], or module.children()",
        "weights": "module.parameters()", "params": "module.parameters()", "count_params": "module.summary(x)",
        **dict.fromkeys(("freeze", "trainable"), "module.requires_grad_(False)"),
        **dict.fromkeys(("grad", "data", "shape", "T"), "those of its parameters, as model[0].weight.grad"),
        **dict.fromkeys(("output", "outputs", "activation", "activations"), "what the call gives, y = module(x)"),
        **dict.fromkeys(("lr", "learning_rate"), "optimizer.param_groups[0]['lr']"),
        "register_backward_hook": "register_full_backward_hook",
        "get_submodule": "dict(module.named_modules())[name]", "get_parameter": "dict(module.named_parameters())[name]",
        "get_buffer": "dict(module.named_buffers())[name]",
        "share_memory": "the module as it is: threads share it",
        "to_empty": "the module as it is: there is the CPU only",
        "type": "module.astype('float64')",
    },
    "Optimizer": {
        **dict.fromkeys(("lr", "learning_rate"), "optimizer.param_groups[0]['lr']"),
        "zero_grads": "zero_grad()", "minimize": "loss.backward(), then step()",
        "update_lr": "a schedule, as optim.StepLR",
        "params": "optimizer.param_groups[0]['params']", "apply_gradients": "step()",
    },
    "GradScaler": {
        f"{way}_{name}": f"{use}" if way == "set" else f"scaler.state_dict()[{name!r}]"
        for name in ("growth_factor", "backoff_factor", "growth_interval")
        for way, use in (("get", ""), ("set", f"a new tg.amp.GradScaler({name}=...)"))
    },
    "Picture": pictures.PICTURE,
    "ConcatDataset": {"cumulative_sizes": "ends"},
    "ImageFolder": {"imgs": "samples", "loader": "transform, which is called with each image"},
    "LRScheduler": dict.fromkeys(("get_lr", "lr", "last_lr"), "get_last_lr()"),
    "Generator": {
        "randn": "normal(size=shape)", "standard_normal": "normal(size=shape)", "rand": "uniform(size=shape)",
        "random": "uniform(size=shape)", "randint": "integers(low, high, shape)", "shuffle": "x = permutation(x)",
        "choice": "integers(n, size=k), permutation(n)[:k], or numpy.choice, which gives arrays",
        "binomial": "bernoulli(p, shape)", "seed": "a new generator: tg.random.default_rng(seed)",
    },
}  # fmt: skip

# What a parameter is called in formulas and in Keras.
PARAMETERS = {**dict.fromkeys(("W", "w", "kernel", "gamma"), "weight"), **dict.fromkeys(("b", "beta"), "bias")}


@cache
def ours(name: str) -> str:
    """What to use for another library's name; "" if it is none."""
    if name in NAMES or name.startswith("_"):
        return NAMES.get(name, "")
    if name in sys.modules[PACKAGE].linalg.__all__:
        return f"linalg.{name}"
    if getattr(np.linalg, name, None) in FUNCTIONS:
        return f"np.linalg.{name}"
    theirs = getattr(np, name, None)
    if not callable(theirs):
        return f"np.{name}" if isinstance(theirs, float) or name == "newaxis" else ""
    here = UFUNCS.get(theirs) or FUNCTIONS.get(theirs)
    called = str(getattr(here, "name", "") or getattr(here, "__name__", ""))
    package = sys.modules[PACKAGE]
    return called if called in vars(package) or hasattr(package.Tensor, called) else f"np.{name}"


# Where a name may stand that was asked for elsewhere, and how users write that place.
PLACES = {
    "": "tg", "nn.functional": "F", "nn": "nn", "optim": "optim", "data": "data", "viz": "tg.viz",
    "testing": "tg.testing", "training": "training", "linalg": "tg.linalg", "special": "tg.special", "fft": "tg.fft",
    "nn.init": "nn.init", "nn.utils": "nn.utils",
    "nn.utils.rnn": "nn.utils.rnn", "nn.utils.parametrize": "nn.utils.parametrize",
    "optim.swa_utils": "optim.swa_utils",
    "nn.metrics": "nn.metrics", "amp": "tg.amp", "random": "tg.random", "io": "tg.io",
}  # fmt: skip


PARTS = {
    "nn": ("functional", "guards", "init", "metrics", "utils"),
    "nn.utils": ("parametrizations", "parametrize", "rnn"),
    "optim": ("lr_scheduler", "swa_utils"),
}


def public(module: ModuleType) -> list[str]:
    """The names that a part of the package gives to users: the functions and classes that stand in it or below."""
    own = module.__name__
    found = getattr(module, "__all__", None) or [
        name for name, x in vars(module).items() if f"{getattr(x, '__module__', '')}.".startswith(f"{own}.")
    ]
    return [name for name in found if name[0] != "_"]


@cache
def elsewhere() -> dict[str, str]:
    """Every public name, with its place before it: `conv2d: F.conv2d`."""
    found: dict[str, str] = {}
    for part, written in PLACES.items():
        module = (
            import_module(f"{PACKAGE}.{part}") if part not in ("", "linalg", "special", "fft") else sys.modules[PACKAGE]
        )
        for name in public(getattr(module, part) if part in ("linalg", "special", "fft") else module):
            found.setdefault(name, f"{written}.{name}")
    tensor, generator = sys.modules[PACKAGE].Tensor, sys.modules[f"{PACKAGE}.random"].Generator
    for owner, written in ((tensor, "Tensor"), (generator, "tg.random.default_rng(seed)")):
        for name in dir(owner):
            if name[0] != "_" and not hasattr(Variable, name):
                found.setdefault(name, f"{written}.{name}")
    return found


def layer_of(name: str) -> str:
    """The layer that computes a function, such as nn.LeakyReLU for leaky_relu, or that a class is; "" if none does."""
    layers = {n.lower(): place for n, place in elsewhere().items() if place == f"nn.{n}"}
    return layers.get(name.replace("_", "").lower(), "")


def advice(who: str, name: str, near: Iterable[str] = (), kinds: Iterable[str] = (), yet: str = "") -> str:
    """What to write instead of a name that `who`, an object of the classes `kinds`, does not have; `yet` tells what
    must happen before it has all its names.
    """
    if found := SENTENCES.get(who, {}).get(name):
        return found
    place = who.removeprefix("tg.")
    if place in ("linalg", "fft") and getattr(getattr(np, place), name, None) in FUNCTIONS:
        return f"use np.{place}.{name}"
    for kind in kinds:
        if found := ELSEWHERE.get(kind, {}).get(name):
            return f"use {found}"
    if yet:
        return yet
    if kinds and PARAMETERS.get(name, "") in near:
        return f"use {PARAMETERS[name]}"
    if (found := elsewhere().get(f"{name}_", "")).startswith(f"{who}."):
        return f"did you mean {found}?"
    if found := elsewhere().get(name):
        where = {"F": " (import tinygrad_edu.nn.functional as F)"}.get(found.partition(".")[0], "")
        return f"did you mean {found}?{where}"
    for other in ("tg", "Tensor"):
        if found := SENTENCES[other].get(name):
            return found
    if found := ours(name):
        return f"use {found}"
    if name[-1:] == "_" and (found := name[:-1] if name[:-1] in near else ours(name[:-1])):
        return f"use {found}, which gives a new tensor; t += v and t[...] = v write into t"
    own = {near: near for near in near if near[0] != "_"}
    known = {**elsewhere(), **own}
    alike = {known_name.lower(): known_name for known_name in known}
    if name.lower() in alike:
        return f"did you mean {known[alike[name.lower()]]}?"
    close = get_close_matches(name, own, 1, 0.7) or get_close_matches(name, known, 1, 0.85 if kinds else 0.7)
    return f"did you mean {known[close[0]]}?" if close else f"see dir() of the {who}" if kinds else f"see dir({who})"


class UnknownNameError(AttributeError):
    """A name that an object or a module does not have; what to use instead is looked up when the error is shown."""

    def __init__(self, who: str, name: str, near: Iterable[str] = (), kinds: Iterable[str] = (), yet: str = "") -> None:
        super().__init__(who, name, near, kinds, yet)

    def __str__(self) -> str:
        who, name, near, kinds, yet = self.args
        return f"{who}: has no attribute {name!r}{' yet' if yet else ''}; {advice(who, name, near, kinds, yet)}"


class Named:
    """A class whose objects say, of a name that they do not have, which one to use.

    One that gets more names later has `_yet`, a sentence that tells when.
    """

    if not TYPE_CHECKING:  # a type checker would take every name for one that there is

        def __getattr__(self, name: str) -> Any:
            kind = type(self)
            if hasattr(kind, name):  # a property, whose own error is the one to show
                return object.__getattribute__(self, name)
            near = () if name[:1] == "_" else (*vars(self), *dir(kind))
            yet = vars(self).get("_yet", "")
            raise UnknownNameError(kind.__name__, name, near, [c.__name__ for c in kind.__mro__], yet)


def guide(name: str, who: str, near: Iterable[str] = ()) -> None:
    """Have a module list what users need, which is what editors complete, and say, of a name that it does not have,
    which one to use. (A `__getattr__` in its text would let type checkers take every name for one that there is.)
    """
    module = sys.modules[name]

    def fail(asked: str) -> Any:
        raise UnknownNameError(who, asked, tuple(near))

    def listed() -> list[str]:
        parts = [part for part in PARTS.get(name.partition(".")[2], ()) if hasattr(module, part)]
        return sorted([*public(module), *parts, *(n for n in vars(module) if n.startswith("__"))])

    vars(module).update(__getattr__=fail, __dir__=listed)
    not_functions(name)


# What to call in place of a module.
CALLS = {
    "": "tg.Tensor(values)", "viz": "tg.draw(x), tg.explain(x) or tg.viz.player(x)",
    "testing.report": "tg.testing.check_gradients(f, x), which gives a report",
    "nn": "a layer such as nn.Linear(2, 3)", "nn.functional": "a function in it, such as F.relu(x)",
    "nn.init": "a function in it, such as nn.init.xavier_uniform_(w)",
    "nn.utils": "a function in it, such as nn.utils.clip_grad_norm_(parameters, 1.0)",
    "nn.metrics": "a function in it, such as nn.metrics.accuracy(scores, labels)",
    "optim": "an optimizer such as optim.Adam(parameters)",
    "optim.lr_scheduler": "a schedule such as optim.StepLR(optimizer, 10)",
    "data": "data.DataLoader(dataset, batch_size=32)", "training": "tg.fit(model, data, loss, optimizer)",
    "io": "tg.save(path, state) or tg.load(path)", "random": "tg.random.default_rng(seed), whose methods draw numbers",
    "linalg": "a function in it, such as tg.linalg.norm(x)", "fft": "a function in it, such as tg.fft.fft(x)",
    "special": "a function in it, such as tg.special.erf(x)", "autograd": "tg.autograd.grad(y, x), or y.backward()",
    "amp": "tg.autocast()", "errors": "a class in it, as in `except tg.errors.ShapeError`",
    "transforms.tree": "a function in it, such as tg.tree.map(f, tree)",
    "testing.properties.strategies": "a strategy in it, such as tg.testing.strategies.arrays()",
}  # fmt: skip
WRITTEN = {"transforms.tree": "tg.tree", "testing.properties.strategies": "tg.testing.strategies"}  # as users do


class NotAFunction(ModuleType):
    """A module, which may have almost the name of a class, such as `optim.adam`: calling it says what to call."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        path = self.__name__.removeprefix(PACKAGE).strip(".")
        place, _, name = path.rpartition(".")
        where = PLACES.get(place, f"tg.{place}")
        alike = {found for known, found in elsewhere().items() if known.lower() == name.replace("_", "")}
        near = sorted(found for found in alike - {f"{where}.{name}"} if found.startswith(f"{where}."))
        use = [CALLS[path]] if path in CALLS else near or _defined_in(self.__name__)[:3] or sorted(alike)[:1]
        advice = f"use {' or '.join(use or [CALLS.get(place, CALLS[''])])}"
        written = WRITTEN.get(path) or (f"{where}.{name}" if name else "tg")
        raise TypeError(f"{written}: must not be called, being a module; got a call; {advice}")


def _defined_in(module: str) -> list[str]:
    """The public names whose functions and classes stand in a module or below."""
    own = f"{module}."
    given = {id(x) for name, part in sys.modules.items() if f"{name}.".startswith(own) for x in vars(part).values()
             if f"{getattr(x, '__module__', '')}.".startswith(own)}  # fmt: skip
    found = []
    for name, written in elsewhere().items():
        owner = next((p for p, w in PLACES.items() if written == f"{w}.{name}"), None)
        home = sys.modules.get(f"{PACKAGE}.{owner}".rstrip(".")) if owner is not None else None
        if home is not None and id(getattr(home, name) if not owner else vars(home).get(name)) in given:
            found.append(written)
    return found


def not_functions(package: str) -> None:
    """Have the modules of a package, and itself, say so when they are called.

    But for `testing`: what can be called and has a name in test... is a test to pytest, in a file that imports it.
    """
    for name, x in list(sys.modules.items()):
        if type(x) is ModuleType and f"{name}.".startswith(f"{package}.") and ".test" not in name[name.rfind(".") :]:
            x.__class__ = NotAFunction
