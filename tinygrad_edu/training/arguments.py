"""What is given to `fit`, looked at before anything is trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..errors import DTypeError
from ..functions.settings import refused, several
from .callbacks import Callback


def named(metrics: Any) -> Mapping[str, Any]:
    """Metrics by their names."""
    given = metrics if isinstance(metrics, Mapping) else several("fit", "metrics", metrics)
    try:
        functions = dict(given) if isinstance(metrics, Mapping) else {f.__name__: f for f in given}
    except AttributeError:
        functions = {"": None}
    if not all(map(callable, functions.values())):
        raise refused("fit", "metrics", "functions, or a dict of them", metrics, "[nn.metrics.accuracy]")
    return functions


def checked(
    model: object,
    data: object,
    loss: Callable[..., Any],
    optimizer: object,
    metrics: object,
    schedule: object,
    validation: object,
    callbacks: object,
) -> tuple[Mapping[str, Any], list[Callback]]:
    """Refuse what cannot be trained, or trained with; gives the metrics by their names, and the callbacks."""
    given = validation is not None
    rows = (
        ("model", model, "a Module", ("train", "eval", "parameters"), "nn.Linear(2, 1)"),
        ("data", data, "batches that can be gone through", ("__iter__",), "a DataLoader"),
        ("validation", validation, "batches to go through", ("__iter__",) * given, "a DataLoader"),
        ("loss", loss, "a function of prediction and target", ("__call__",), "nn.MSELoss()"),
        ("optimizer", optimizer, "an optimizer", ("zero_grad", "step"), "optim.Adam(model.parameters())"),
        ("schedule", schedule, "a schedule", () if schedule is None else ("step",), "optim.StepLR(optimizer, 10)"),
    )
    for name, x, must, methods, example in rows:
        if isinstance(x, type):
            raise refused("fit", name, f"{must}, not a class", x, f"{x.__name__}(...)")
        if not all(callable(getattr(x, method, None)) for method in methods) or getattr(x, "shape", None) == ():
            raise refused("fit", name, must, x, example)
    watching = several("fit", "callbacks", callbacks)
    if not all(isinstance(callback, Callback) for callback in watching):
        raise refused("fit", "callbacks", "several training.Callbacks", callbacks, "[training.EarlyStopping()]")
    return named(metrics), watching


def counted(examples: int, prefix: str) -> None:
    """Refuse a pass over nothing: data that is empty, or can be gone through once only, as a generator."""
    if not examples:
        raise ValueError(
            f"fit: {'validation' if prefix else 'data'} must give batches, in each epoch anew; got none; pass a list "
            "or a data.DataLoader"
        )


def parted(batch: Any) -> Sequence[Any]:
    """A batch of inputs and target."""
    if not isinstance(batch, tuple | list) or len(batch) < 2:
        raise DTypeError(
            f"fit: data must give batches (inputs, target); got {type(batch).__name__}; use "
            "data.DataLoader(data.TensorDataset(x, y), batch_size=32)"
        )
    return batch
