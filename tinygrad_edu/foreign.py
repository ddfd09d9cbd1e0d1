"""What other libraries call it: names of NumPy and PyTorch, and the ones to use here.

Nothing here makes a foreign name work. It makes the error say which one does.
"""

from __future__ import annotations

import sys
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

from .functions import linalg
from .numpy_functions import FUNCTIONS, UFUNCS

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


def unknown(who: str, name: str, known: str) -> str:
    """The error text for a name that `who` does not have."""
    return f"{who}: must be asked for names that it has; got {name!r}; use {ours(name) or known}"


class NotAFunction(ModuleType):
    """A module under the name of a function of PyTorch's."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError(f"{self.__name__}: must not be called, being a module; got arguments; use tg.Tensor")
