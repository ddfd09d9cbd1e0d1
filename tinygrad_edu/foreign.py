"""What other libraries call it: names and arguments of NumPy and PyTorch, and the ones to use here.

Nothing here makes a foreign name work. It makes the error say which one does.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from functools import cache, wraps
from types import FunctionType, ModuleType
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

ARGUMENTS = {
    "dim": "axis", "dims": "axis", "keepdim": "keepdims", "unbiased": "correction", "ddof": "correction",
    "a_min": "min", "a_max": "max", "in_dims": "in_axes", "out_dims": "out_axes", "argnum": "argnums",
    "retain_graph": "no argument: the graph stays while its output does", "dtypes": "dtype", "input": "x, by position",
    "requires_grad": ".requires_grad_() on the result", "device": "no argument: there is only the CPU",
    "out": "the result", "has_aux": "a tuple of results with vjp", "p": "ord", "diagonal": "k",
    "inplace": "no argument: operations make new tensors", "start_dim": "start_axis", "end_dim": "end_axis",
    "foreach": "no argument: all parameters are updated at once", "fused": "no argument: updates are fused",
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


@cache
def answering(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, which answers arguments that do not fit with what does."""
    parameters = list(inspect.signature(function).parameters.values())
    made = function.__name__ == "__init__"
    if not made and all(p.default is p.empty for p in parameters):
        return function  # nothing can be given by name
    plain = inspect.Signature([p.replace(annotation=p.empty) for p in parameters if p.name != "self"])

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except TypeError as error:
            if error.__traceback__ is None or error.__traceback__.tb_next is not None:
                raise  # from inside the function
            name = type(args[0]).__name__ if made else function.__name__
            hints = [ARGUMENTS[k] for k in kwargs if k not in plain.parameters and k in ARGUMENTS]
            use = ", ".join(hint for hint in hints if not hint.isidentifier() or hint in plain.parameters)
            got = str(error).partition("() ")[2]
            raise TypeError(f"{name}: arguments must fit {name}{plain}; {got}; use {use or 'these'}") from None

    return call


def answer(place: Any) -> None:
    """Let the public functions of a class or a module answer, and a module's classes when they are called."""
    for name, value in list(vars(place).items()):
        if name.startswith("_") or not getattr(value, "__module__", "").startswith(PACKAGE):
            continue
        if isinstance(value, type) and isinstance(vars(value).get("__init__"), FunctionType):
            setattr(value, "__init__", answering(vars(value)["__init__"]))  # noqa: B010
        elif isinstance(value, FunctionType) and (function := answering(value)) is not value:
            setattr(place, name, function)
            if isinstance(place, ModuleType):
                function.__module__ = place.__name__  # where pickle will find it


class NotAFunction(ModuleType):
    """A module under the name of a function of PyTorch's."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError(f"{self.__name__}: must not be called, being a module; got arguments; use tg.Tensor")
