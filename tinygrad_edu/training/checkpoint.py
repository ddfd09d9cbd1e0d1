"""Checkpoints from which a run of `fit` resumes as if it had never been interrupted, bit for bit."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import StateDictError
from ..files import as_path
from ..functions.settings import Size, settings
from ..io import load, save
from ..random import Generator, shared
from .callbacks import Callback

if TYPE_CHECKING:
    from .fit import Fit


class Checkpoint(Callback):
    """Write all of the run to `path` after each epoch, and after every `every` steps; `fit` resumes from a file there.

    It holds parameters, buffers, the optimizer's and the schedule's state, where the data loader's pass stands, the
    states of the shared generator and of those that layers and the loader own, the history, and what other callbacks
    keep. A run that resumes gives the same numbers as one that was never interrupted, bit for bit.
    Errors: a StateDictError for the file of a run with other parts.

    >>> import os, tempfile
    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn, optim, training
    >>> path = os.path.join(tempfile.mkdtemp(), "run.st")
    >>> def trained(epochs):
    ...     model = nn.Linear(1, 1, rng=tg.random.default_rng(0))
    ...     batch = (tg.Tensor([[1.0]]), tg.Tensor([[2.0]]))
    ...     adam = optim.Adam(model.parameters())
    ...     return tg.fit(model, [batch], nn.MSELoss(), adam, epochs, callbacks=[training.Checkpoint(path)], bar=False)
    >>> trained(2).step, trained(5).step
    (2, 5)
    """

    last = True

    @settings
    def __init__(self, path: str | PathLike[str], every: Size = 0) -> None:
        self.path, self.every = as_path("Checkpoint", path), int(every)

    def begin(self, run: Fit) -> None:
        if Path(self.path).exists():
            self._resume(run, load(self.path))

    def batch(self, run: Fit) -> None:
        if self.every and run.step % self.every == 0:
            self._write(run)

    def epoch(self, run: Fit) -> None:
        self._write(run)

    def _write(self, run: Fit) -> None:
        state = {name: part.state_dict() for name, part in _parts(run).items()}
        state |= {name: generator.state() for name, generator in _generators(run).items()}
        state["callbacks"] = [callback.state() for callback in _keeping(run)]
        state["run"] = {
            "epoch": run.epoch, "step": run.step, "history": run.history, "stopped": run.stopped,
            "sums": run.means.sums, "count": run.means.count,
        }  # fmt: skip
        save(self.path, state)

    def _resume(self, run: Fit, state: Any) -> None:
        parts, generators = _parts(run), _generators(run)
        differs = sorted({*parts, *generators, "run", "callbacks"} ^ {*state})
        if not differs and len(state["callbacks"]) != len(_keeping(run)):
            differs = ["the number of callbacks that keep a state"]
        if differs:
            raise StateDictError(
                f"Checkpoint: the file must be of a run with the same parts; got {str(self.path)!r}, which differs in "
                f"{', '.join(differs)}; name another file"
            )
        for name, part in parts.items():
            part.load_state_dict(state[name])
        for name, generator in generators.items():
            generator.set_state(state[name])
        for callback, kept in zip(_keeping(run), state["callbacks"], strict=True):
            callback.load_state(kept)
        known = state["run"]
        run.epoch, run.step, run.history, run.stopped = (known[k] for k in ("epoch", "step", "history", "stopped"))
        run.means.sums, run.means.count = known["sums"], known["count"]


def _parts(run: Fit) -> dict[str, Any]:
    """What has a state of its own."""
    parts = {"model": run.model, "optimizer": run.optimizer, "schedule": run.schedule, "data": run.data}
    return {name: part for name, part in parts.items() if hasattr(part, "state_dict")}


def _keeping(run: Fit) -> list[Callback]:
    """The callbacks that keep something; others may come and go between runs."""
    return [callback for callback in run.callbacks if type(callback).state is not Callback.state]


def _generators(run: Fit) -> dict[str, Generator]:
    """The shared generator, and those that layers own."""
    found = {"chance": shared()}
    for path, module in run.model.named_modules():
        own = [(name, x) for name, x in vars(module).items() if isinstance(x, Generator)]
        found |= {f"chance of {path}.{name}": x for name, x in own}
    return found
