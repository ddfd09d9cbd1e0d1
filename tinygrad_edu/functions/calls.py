"""Calls whose arguments do not fit: a sentence that says what to write, in place of Python's own."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from difflib import get_close_matches
from typing import Any, TypeVar, cast

from ..errors import DTypeError
from ..interop import pictures
from ..op import REGISTRY

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

FUNCTIONS = {"asarray"}  # the names that errors begin with
THEIRS = {
    "dim": ("axis", "axes"), "dims": ("axis", "axes", "reps"), "keepdim": ("keepdims",), "dim1": ("axis1",),
    "dim2": ("axis2",), "start_dim": ("start_axis",), "end_dim": ("end_axis",), "end": ("stop",), "steps": ("num",),
    "size": ("shape",), "diagonal": ("k",), "shifts": ("shift",), "unitriangular": ("unit_diagonal",),
    "rankdir": ("direction",), "graph_dir": ("direction",), "collapse_modules_after_depth": ("depth",),
    "max_module_expansion_depth": ("depth",), "max_nodes": ("budget",),
    "input": ("x", "a"), "other": ("b", "x2"), "A": ("x", "a"), "tensors": ("xs",),
}  # fmt: skip  # PyTorch's keywords, and what means the same where a function has it and not theirs
IDLE = {
    "requires_grad": (False,), "pin_memory": (False,), "sparse": (False,), "scale_grad_by_freq": (False,),
    "out_int32": (False,), "foreach": (None, False), "fused": (None, False), "out": (None,), "size_average": (None,),
    "reduce": (None,), "driver": (None,), "memory_format": (None,), "persistent_workers": (False,), "timeout": (0,),
    "prefetch_factor": (None, 2), "generator": (None,), "multiprocessing_context": (None,), "device_type": ("cpu",),
    "capturable": (False,), "differentiable": (False,),
}  # fmt: skip  # keywords, and with what values they change nothing, so that they are left out where they are not taken
KEYWORDS = {
    "requires_grad": "call .requires_grad_() on the result, or write tg.Tensor(values, requires_grad=True)",
    "out": "assign the result, or write t[...] = result",
    "order": "leave it out: entries are in C order",
    "like": "use zeros_like, ones_like or full_like",
    "ndmin": "reshape the result",
    "pin_memory": "leave it out: there is the CPU only",
    "layout": "leave it out: tensors are dense",
    "some": "give full_matrices, its opposite; Vh stands in place of V",
    "atol": "give rtol, that is atol over the largest singular value",
    "sparse": "leave it out: gradients are dense",
    "out_int32": "leave it out: places are int64",
    "scale_grad_by_freq": "leave it out, and divide the gradient by np.bincount(indices.reshape(-1)) before step()",
    "activation": "put a layer such as nn.ReLU() after it",
    "keep_prob": "give p, the probability to drop: 1 - keep_prob",
    "beta1": "give betas=(0.9, 0.999)",
    "beta2": "give betas=(0.9, 0.999)",
    **dict.fromkeys(
        ("regularizer", "kernel_regularizer", "weight_regularizer", "bias_regularizer"),
        "give weight_decay to the optimizer, or add lambda * (w**2).sum() to the loss",
    ),
    **dict.fromkeys(("kernel_initializer", "weight_init", "bias_initializer"), "use nn.init on the layer's weight"),
    "batch_size": "give batches: data.DataLoader(dataset, batch_size=32)",
    "df": "use tg.testing.check_derivative(f, df, *inputs)",
    "input_shape": "give the shape of an example first: (batch, features)",
    "return_X_y": "leave it out: both are returned",
    "fused": "leave it out",
    "foreach": "leave it out",
}  # of PyTorch, NumPy and Keras, which these functions do not take: what to do instead
SAME = {
    "learning_rate": "lr", "rate": "p", "prob": "p", "rho": "alpha", "alpha": "negative_slope", "decay": "weight_decay",
    "l2": "weight_decay", "epsilon": "eps", "units": "out_features", "filters": "out_channels",
    "strides": "stride", "reduce": "reduction",
    "n_classes": "num_classes", "axes": "axis", "batchsize": "batch_size",
    "ddof": "correction", "nesterov_momentum": "nesterov", "generator": "rng", "seed": "rng",
    "beta": "momentum", "step": "step_size", "input_dim": "in_features", "output_dim": "out_features",
    "bias_attr": "bias", "use_bias": "bias", "dim": "axis", "axis": "dim", "p": "ord", "mode": "detail",
    "gradients": "detail",
}  # fmt: skip  # keywords elsewhere, and what means about the same where it is taken


def at_device(who: str, device: object) -> None:
    """Where there is one device, naming it changes nothing; another is refused."""
    if device is not None and str(device) != "cpu":
        raise DTypeError(
            f"{who}: device must be 'cpu'; got {str(device)[:40]!r}; leave it out: there is the CPU only"
        ) from None


def own_keywords(f: Decorated) -> Decorated:
    """`f`, which says in a sentence what to do about arguments that do not fit it."""

    own = spoken(f)

    @functools.wraps(f)
    def checked(*args: Any, **kwargs: Any) -> Any:
        try:
            return f(*args, **kwargs)
        except (TypeError, ValueError, IndexError) as error:
            fit = refitted(error, f, args, kwargs) if isinstance(error, TypeError) else None
            if fit is None:
                rename(error, own)
                raise
        return f(*args, **fit)

    return cast(Decorated, checked)


def spoken(f: Callable[..., Any]) -> str:
    """The name by which a user calls a function of arrays, which its errors say; "" of a method, and of all that may
    call functions and modules of the user's, whose errors are theirs."""
    parameters = inspect.signature(f).parameters.values()
    of_arrays = any(f"{place}." in f.__module__ for place in (".functions", ".interop", ".nn.functional"))
    if not of_arrays or any(p.name == "self" or "Function" in str(p.annotation) for p in parameters):
        return ""
    FUNCTIONS.add(f.__name__)
    return f.__name__


def rename(error: Any, own: str) -> None:
    """Have an error that names a function which the one called `own` calls say that name."""
    who, colon, rest = str(error).partition(":")
    if own and colon and who != own and (who in FUNCTIONS or who in REGISTRY):
        error.args = (f"{own}:{rest}", *error.args[1:])
        if hasattr(error, "_msg"):  # where NumPy's AxisError keeps its words
            error._msg = error.args[0]


def refitted(
    error: TypeError, f: Callable[..., Any], args: object, kwargs: dict[str, Any], owner: object = None
) -> dict[str, Any] | None:
    """Where a call never entered `f`: the keywords that it takes, or the error of what does not fit. Else None."""
    code, trace = getattr(inspect.unwrap(f), "__code__", None), error.__traceback__
    while trace is not None and code is not None and trace.tb_frame.f_code is not code:
        trace = trace.tb_next
    new = kwargs if trace is not None else fitting(f, args, kwargs, owner)
    return None if new is kwargs else new


def fitting(f: Callable[..., Any], args: Any, kwargs: dict[str, Any], owner: Any = None) -> dict[str, Any]:
    """The keywords for `f`: PyTorch's under the names here, without those that change nothing, such as a `device`; or
    the error of what does not fit its parameters.

    `owner` is the object that is called where `f` is its method.
    """
    parameters = list(inspect.signature(f).parameters.values())
    who = f.__name__ if owner is None else type(owner).__name__
    if parameters and parameters[0].name == "self":  # a method, of which nobody writes the first
        who = _maker(f, type(args[0])) if who == "__init__" else who
        parameters, args = parameters[1:], args[1:]
    known = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    if "device" in kwargs and "device" not in known:
        at_device(who, kwargs["device"])
        kwargs = {k: v for k, v in kwargs.items() if k != "device"}
    kwargs = _spelled(kwargs, known, {p.name for p in parameters[: len(args)]})
    call = f"{who}{'' if owner is None else '(...)'}({_written(parameters)})"
    placed = [p.name for p in parameters if p.kind is p.POSITIONAL_ONLY]
    if len(args) < len(placed) and (named := [name for name in kwargs if name not in known]):
        raise TypeError(
            f"{who}: {' and '.join(placed)} must be given by place; got {named[0]}=; write {call}"
        ) from None
    if not any(p.kind is p.VAR_KEYWORD for p in parameters):
        for name in kwargs:
            if name not in known:
                of_pictures = pictures.KEYWORDS if ".viz." in f.__module__ else {}
                _refuse_keyword(who, name, sorted(known), of_pictures.get(name) or KEYWORDS.get(name))
    places = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    missing = [p.name for p in places[len(args) :] if p.default is p.empty and p.name not in kwargs]
    if missing:
        given = [counted(len(args))] * bool(args) + list(kwargs)
        raise TypeError(
            f"{who}: needs {' and '.join(missing)}; got {', '.join(given) or 'nothing'}; write {call}"
        ) from None
    if len(args) > len(places) and not any(p.kind is p.VAR_POSITIONAL for p in parameters):
        raise TypeError(
            f"{who}: takes at most {counted(len(places))} by place; got {len(args)}; write {call}"
        ) from None
    if twice := [p.name for p in places[: len(args)] if p.name in kwargs]:
        raise TypeError(f"{who}: each argument must be given once; got {twice[0]} twice; write {call}") from None
    return kwargs


def _maker(f: Callable[..., Any], kind: type) -> str:
    """The class whose `__init__` was called: that of the object, or a public base whose `__init__` its own calls."""
    base = f.__qualname__.rpartition(".")[0].rpartition(".")[2]
    own = inspect.unwrap(getattr(kind, "__init__", f)) is inspect.unwrap(f)
    return kind.__name__ if own or base[:1] == "_" else base


def _spelled(kwargs: dict[str, Any], known: list[str], given: set[str]) -> dict[str, Any]:
    """PyTorch's keywords under the names here; itself if there are none."""
    strange = [name for name in kwargs if name not in known]
    new = {
        name: next((ours for ours in THEIRS.get(name, ()) if ours in known and ours not in {*kwargs, *given}), name)
        for name in strange
    }
    idle = [name for name in strange if any(kwargs[name] is value for value in IDLE.get(name, ()))]
    if not idle and all(name == ours for name, ours in new.items()):
        return kwargs
    return {new.get(name, name): value for name, value in kwargs.items() if name not in idle}


def counted(n: int) -> str:
    """`2 arguments`"""
    return f"{n} argument{'s' * (n != 1)}"


def _refuse_keyword(who: str, name: str, known: list[str], instead: str | None) -> None:
    close = [SAME[name]] if SAME.get(name) in known else get_close_matches(name, known, 1, 0.7)
    advice = instead or (f"did you mean {close[0]}?" if close else "check the spelling")
    must = f"keywords must be among {', '.join(known)}" if known else "takes no keywords"
    raise TypeError(f"{who}: {must}; got {name}; {advice}") from None


def _written(parameters: list[inspect.Parameter]) -> str:
    """Parameters as a reader would write them, the first six."""
    shown = []
    for p in parameters:
        stars = "*" * (p.kind is p.VAR_POSITIONAL)
        theirs = p.kind is p.KEYWORD_ONLY and p.name in ("dim", "keepdim", "alpha")  # for those who know PyTorch
        if not theirs and p.kind is not p.VAR_KEYWORD:
            shown.append(f"{stars}{p.name}" if p.default is p.empty else f"{p.name}={p.default!r}")
    return ", ".join(shown[:6] + ["..."] * (len(shown) > 6))
