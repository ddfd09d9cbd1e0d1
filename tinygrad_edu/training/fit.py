"""`fit`: the loop that everybody writes, in one call, and short enough to copy out and change.

In a copy elsewhere, `from ..` is written `from tinygrad_edu.`, and `from .` is written `from tinygrad_edu.training.`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ..data.progress import progress
from ..functions.settings import Size, settings
from ..nn.module import Module
from ..optim.lr_scheduler import ReduceLROnPlateau
from ..optim.optimizer import Optimizer
from ..recording import no_grad
from .arguments import checked, counted, parted
from .callbacks import Callback


class Fit:
    """A run of `fit`, as callbacks see it and as it is returned.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn, optim
    >>> model, batch = nn.Linear(1, 1), (tg.Tensor([[1.0]]), tg.Tensor([[2.0]]))
    >>> run = tg.fit(model, [batch, batch], nn.MSELoss(), optim.SGD(model.parameters(), lr=0.1), epochs=3, bar=False)
    >>> run.epoch, run.step, len(run.history), run.stopped
    (3, 6, 3, '')
    """

    def __init__(self, model: Any, data: Any, optimizer: Any, epochs: int, schedule: Any, callbacks: Any) -> None:
        self.model, self.data, self.optimizer = model, data, optimizer
        self.epochs, self.schedule, self.callbacks = epochs, schedule, callbacks
        self.epoch = self.step = 0  # passes over the data and steps of the optimizer that have been made
        self.history: list[dict[str, float]] = []  # one row for each epoch
        self.means = Means()  # of the epoch that runs
        self.stopped = ""  # why, if it was stopped

    def stop(self, why: str = "asked to") -> None:
        """Let this epoch be the last."""
        self.stopped = why

    def __repr__(self) -> str:
        last = ", ".join(f"{name} {value:.4g}" for name, value in (self.history[-1:] or [{}])[0].items())
        return f"<Fit: {self.epoch} epochs, {self.step} steps; {last}{'; ' * bool(self.stopped)}{self.stopped}>"


class Means:
    """Means over the examples of batches."""

    def __init__(self) -> None:
        self.sums: dict[str, float] = {}
        self.count = 0

    def add(self, values: Mapping[str, Any], size: int) -> None:  # the means of a batch of `size` examples
        for name, value in values.items():
            self.sums[name] = self.sums.get(name, 0.0) + float(value) * size
        self.count += size

    def row(self, prefix: str = "") -> dict[str, float]:  # the means, under names with a prefix
        counted(self.count, prefix)
        return {prefix + name: total / self.count for name, total in self.sums.items()}


@settings
def fit(
    model: Module, data: Iterable[Any], loss: Callable[..., Any], optimizer: Optimizer, epochs: Size = 1,
    metrics: Any = (), callbacks: Sequence[Callback] = (), validation: Iterable[Any] | None = None,
    schedule: Any = None, bar: bool | None = None,
) -> Fit:  # fmt: skip
    """Train `model`: for each batch of each epoch, the loss, its gradients, one step of the optimizer.

    `data` and `validation` give batches `(*inputs, target)`, in each epoch anew: a `DataLoader`, a list. A batch's loss
    is `loss(model(*inputs), target)`. `metrics`, functions of the same two or a dict of them, are means over examples,
    as is the loss; those of `validation` are named `val_...`. `schedule` steps after each epoch. `bar` shows a progress
    bar; None shows one where tqdm is installed. Returns the run: `run.history` has a row for each epoch.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import data, nn, optim
    >>> rng = tg.random.default_rng(0)
    >>> x = rng.normal(size=(64, 2))
    >>> y = (x[:, 0] > x[:, 1]).astype("int64")
    >>> model = nn.Sequential(nn.Linear(2, 8, rng=rng), nn.Tanh(), nn.Linear(8, 2, rng=rng))
    >>> batches = data.DataLoader(data.TensorDataset(x, y), 16, shuffle=True, rng=rng)
    >>> adam = optim.Adam(model.parameters(), lr=0.05)
    >>> run = tg.fit(model, batches, nn.CrossEntropyLoss(), adam, epochs=10, metrics=[nn.metrics.accuracy], bar=False)
    >>> run.history[-1]["accuracy"] > 0.95
    True
    """
    functions, callbacks = checked(model, data, loss, optimizer, metrics, schedule, validation, callbacks)
    run = Fit(model, data, optimizer, epochs, schedule, sorted(callbacks, key=lambda callback: callback.last))
    try:
        for callback in run.callbacks:
            callback.begin(run)
        while run.epoch < run.epochs and not run.stopped:
            model.train()
            batches = shown(data, f"epoch {run.epoch + 1}/{run.epochs}", bar)
            for *inputs, target in map(parted, batches):
                prediction = model(*inputs)
                value = loss(prediction, target)
                optimizer.zero_grad()
                value.backward()
                optimizer.step()
                run.step += 1
                run.means.add(measured(value, prediction, target, functions), len(target))
                if hasattr(batches, "show"):
                    batches.show(**run.means.row())
                for callback in run.callbacks:
                    callback.batch(run)
            row = run.means.row() | evaluated(model, validation, loss, functions)
            if schedule is not None:
                watched = [row.get("val_loss", row["loss"])] if isinstance(schedule, ReduceLROnPlateau) else []
                schedule.step(*watched)
            run.epoch, run.means = run.epoch + 1, Means()
            run.history.append(row)
            for callback in run.callbacks:
                callback.epoch(run)
    finally:
        for callback in run.callbacks:
            callback.end(run)
    return run


def measured(value: Any, prediction: Any, target: Any, functions: Mapping[str, Any]) -> dict[str, float]:
    """The loss and the metrics of a batch, as numbers."""
    with no_grad():
        return {"loss": value.item(), **{name: float(f(prediction, target)) for name, f in functions.items()}}


def evaluated(model: Any, batches: Any, loss: Any, functions: Mapping[str, Any]) -> dict[str, float]:
    """The means of loss and metrics over other data, with the model in its mode for use."""
    means = Means()
    if batches is not None:
        model.eval()
        with no_grad():
            for *inputs, target in map(parted, batches):
                prediction = model(*inputs)
                means.add(measured(loss(prediction, target), prediction, target, functions), len(target))
    return {} if batches is None else means.row("val_")


def shown(batches: Any, text: str, bar: bool | None) -> Any:
    """The batches, with a progress bar if one is wanted."""
    try:
        return batches if bar is False else progress(batches, text, leave=False)
    except ImportError:
        if bar:
            raise
        return batches
