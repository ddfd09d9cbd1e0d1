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
from typing import Any

import numpy as np

from ..functions import linalg
from .pytorch import SENTENCES
from .table import FUNCTIONS, UFUNCS

PACKAGE = __name__.partition(".")[0]

# Names of PyTorch's, and those of NumPy's that are methods there; its functions are read off numpy_functions.
NAMES = {
    "view": "reshape", "permute": "permute_dims", "unsqueeze": "expand_dims", "dim": "ndim", "numel": "size",
    "to": "astype", "type": "astype", "float": "astype('float32')", "double": "astype('float64')",
    "half": "astype('float16')", "long": "astype('int64')", "int": "astype('int32')", "bool": "astype('bool')",
    "zero_": "t.grad = None", "retain_grad": "tg.grad, or tg.explain for inner gradients", "cpu": "the tensor as it is",
    "cuda": "the tensor as it is", "device": "the CPU: there is no other", "contiguous": "the tensor as it is",
    "mm": "@", "bmm": "@", "dot": "@", "matmul_": "@", "t": "T", "grad_fn": "op and inputs, or tg.explain",
    "mul": "multiply", "div": "divide", "sub": "subtract", "pow": "power", "neg": "negative", "cat": "concat",
    "softmax": "nn.functional.softmax", "cross_entropy": "nn.functional.cross_entropy", "expand": "broadcast_to",
    "index_select": "take", "gather": "take_along_axis", "masked_fill": "where", "chunk": "split", "unbind": "unstack",
    "array": "Tensor", "from_numpy": "asarray", "as_tensor": "asarray", "randn": "random.default_rng().normal",
    "rand": "random.default_rng().uniform", "randint": "random.default_rng().integers", "astype": "Tensor.astype",
    "manual_seed_all": "manual_seed", "set_grad_enabled": "no_grad", "enable_grad": "no_grad around less",
    "jacrev": "jacobian", "jacfwd": "jacobian", "jit": "the function as it is",
    "clamp": "clip", "clamp_": "clip", "clamp_min": "clip", "clamp_max": "clip", "no_grad_": "no_grad",
    "view_as": "reshape", "ravel": "flatten", "squeeze_": "squeeze", "norm_": "linalg.norm", "save_model": "tg.save",
    "Tensor_": "Tensor", "backprop": "backward", "gradient": "grad", "value": "data", "values": "data",
}  # fmt: skip


@cache
def ours(name: str) -> str:
    """What to use for another library's name; "" if it is none."""
    if name in NAMES or name.startswith("_"):
        return NAMES.get(name, "")
    if name in linalg.__all__:
        return f"linalg.{name}"
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
    "testing": "tg.testing", "linalg": "tg.linalg", "nn.init": "nn.init", "nn.utils": "nn.utils",
    "nn.metrics": "nn.metrics", "random": "tg.random", "io": "tg.io",
}  # fmt: skip


def public(module: ModuleType) -> list[str]:
    """The names that a part of the package gives to users: its functions and classes."""
    found = getattr(module, "__all__", None) or [
        name for name, x in vars(module).items() if getattr(x, "__module__", "").startswith(PACKAGE)
    ]
    return [name for name in found if name[0] != "_"]


@cache
def elsewhere() -> dict[str, str]:
    """Every public name, with its place before it: `conv2d: F.conv2d`."""
    found: dict[str, str] = {}
    for part, written in PLACES.items():
        module = import_module(f"{PACKAGE}.{part}") if part not in ("", "linalg") else sys.modules[PACKAGE]
        for name in public(getattr(module, part) if part == "linalg" else module):
            found.setdefault(name, f"{written}.{name}")
    tensor, generator = sys.modules[PACKAGE].Tensor, sys.modules[f"{PACKAGE}.random"].Generator
    for owner, written in ((tensor, "Tensor"), (generator, "tg.random.default_rng(seed)")):
        for name in vars(owner):
            if name[0] != "_":
                found.setdefault(name, f"{written}.{name}")
    return found


def advice(who: str, name: str, near: Iterable[str] = ()) -> str:
    """What to write instead of a name that `who` does not have."""
    if found := SENTENCES.get(who, {}).get(name):
        return found
    if found := elsewhere().get(name):
        where = {"F": " (import tinygrad_edu.nn.functional as F)"}.get(found.partition(".")[0], "")
        return f"did you mean {found}?{where}"
    if found := ours(name):
        return f"use {found}"
    if close := get_close_matches(name, {*near, *elsewhere()}, 1, 0.7):
        return f"did you mean {close[0] if close[0] in near else elsewhere()[close[0]]}?"
    return f"see dir({who})"


class UnknownNameError(AttributeError):
    """A name that a tensor or a module does not have; what to use instead is looked up when the error is shown."""

    def __init__(self, who: str, name: str, near: Iterable[str] = ()) -> None:
        super().__init__(who, name, near)

    def __str__(self) -> str:
        who, name, near = self.args
        return f"{who}: has no attribute {name!r}; {advice(who, name, near)}"


def unknown(who: str, near: Iterable[str] = ()) -> Any:
    """A module's `__getattr__`: it has no such name, and says which one to use."""

    def fail(name: str) -> Any:
        raise UnknownNameError(who, name, tuple(near))

    return fail


class NotAFunction(ModuleType):
    """A module under the name of a function of PyTorch's."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError(f"{self.__name__}: must not be called, being a module; got arguments; use tg.Tensor")
