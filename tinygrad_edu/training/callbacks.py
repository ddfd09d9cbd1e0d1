"""What may watch a run of `fit`, and stop it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import StateDictError
from ..functions.settings import Positive, settings

if TYPE_CHECKING:
    from .fit import Fit


class Callback:
    """Called by `fit` at these points, with the run; a subclass defines those that it needs.

    What `state()` returns goes into checkpoints, and `load_state` is given it again. Those that are `last` are called
    after the others.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn, optim, training
    >>> class Count(training.Callback):
    ...     steps = 0
    ...     def batch(self, run):
    ...         self.steps += 1
    >>> model, batch = nn.Linear(1, 1), (tg.Tensor([[1.0]]), tg.Tensor([[2.0]]))
    >>> count, sgd = Count(), optim.SGD(model.parameters(), lr=0.1)
    >>> _ = tg.fit(model, [batch, batch], nn.MSELoss(), sgd, epochs=3, callbacks=[count], bar=False)
    >>> count.steps
    6
    """

    last = False

    def begin(self, run: Fit) -> None:
        """Before the first batch."""

    def batch(self, run: Fit) -> None:
        """After each step of the optimizer; `run.step` have been made."""

    def epoch(self, run: Fit) -> None:
        """After each pass over the data; `run.history[-1]` is its row."""

    def end(self, run: Fit) -> None:
        """When training ends, in whatever way: also by an error or by Ctrl-C."""

    def state(self) -> Any:
        """What a run that resumes needs to know: numbers, texts, tensors, in lists and dicts."""
        return None

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state()` returned."""


class EarlyStopping(Callback):
    """Stop when a number has not become better for `patience` epochs; the model is then as it was at its best.

    `monitor` names a column of the history; "val_loss" by default, or "loss" where there is no validation data.
    Better is smaller by more than `min_delta`, or with `mode="max"`, larger.
    Errors: a ValueError for another `mode`, a StateDictError where `monitor` is no column.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn, optim, training
    >>> model = nn.Linear(1, 1, rng=tg.random.default_rng(0))
    >>> batch = (tg.Tensor([[1.0]]), tg.Tensor([[2.0]]))
    >>> stop = training.EarlyStopping(patience=2)
    >>> run = tg.fit(model, [batch], nn.MSELoss(), optim.SGD(model.parameters(), lr=2.0), epochs=9, callbacks=[stop])
    >>> len(run.history), stop.best_epoch
    (3, 1)
    """

    @settings
    def __init__(
        self, monitor: str | None = None, patience: Positive = 5, min_delta: float = 0.0, mode: str = "min"
    ) -> None:
        if mode not in ("min", "max"):
            raise ValueError(f"EarlyStopping: mode must be 'min' or 'max'; got {mode!r}; say which is better")
        self.monitor, self.patience, self.min_delta, self.mode = monitor, int(patience), float(min_delta), mode
        self.best: float | None = None
        self.best_epoch = 0
        self.kept: dict[str, Any] = {}

    def epoch(self, run: Fit) -> None:
        row = run.history[-1]
        name = self.monitor or ("val_loss" if "val_loss" in row else "loss")
        if name not in row:
            raise StateDictError(
                f"EarlyStopping: monitor must be a column of the history; got {name!r}; use one of {list(row)}"
            )
        sign = 1 if self.mode == "min" else -1
        if self.best is None or sign * (self.best - row[name]) > self.min_delta:
            self.best, self.best_epoch = row[name], run.epoch
            self.kept = {key: np.array(t._data) for key, t in run.model.state_dict().items()}
        elif run.epoch - self.best_epoch >= self.patience:
            run.stop(f"{name} has not become better than {self.best:.6g} for {self.patience} epochs")

    def end(self, run: Fit) -> None:
        if self.kept:
            run.model.load_state_dict(self.kept)

    def state(self) -> Any:
        return {"best": self.best, "best_epoch": self.best_epoch, "kept": self.kept}

    def load_state(self, state: Mapping[str, Any]) -> None:
        self.best, self.best_epoch = state["best"], state["best_epoch"]
        self.kept = {key: np.array(getattr(t, "data", t)) for key, t in state["kept"].items()}
