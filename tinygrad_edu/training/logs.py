"""Logs of a run of `fit`: a CSV file, TensorBoard, a curve that grows in a notebook."""

from __future__ import annotations

import csv
import importlib
import sys
from os import PathLike
from typing import TYPE_CHECKING, Any

from ..errors import MissingLibraryError
from ..files import as_path, told
from .callbacks import Callback

if TYPE_CHECKING:
    from .fit import Fit


class CSVLog(Callback):
    """A table of the history, one line for each epoch; a run that resumes writes the lines before it again.

    >>> import os, pathlib, tempfile
    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn, optim, training
    >>> model, batch = nn.Linear(1, 1), (tg.Tensor([[1.0]]), tg.Tensor([[2.0]]))
    >>> sgd = optim.SGD(model.parameters(), lr=0.1)
    >>> path = os.path.join(tempfile.mkdtemp(), "history.csv")
    >>> _ = tg.fit(model, [batch], nn.MSELoss(), sgd, 3, callbacks=[training.CSVLog(path)], bar=False)
    >>> lines = pathlib.Path(path).read_text().splitlines()
    >>> lines[0], len(lines)
    ('epoch,loss', 4)
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        self.path = as_path("CSVLog", path)

    def epoch(self, run: Fit) -> None:
        names = list(dict.fromkeys(name for row in run.history for name in row))
        with open(self.path, "w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(["epoch", *names])
            table.writerows([[k, *(row.get(name, "") for name in names)] for k, row in enumerate(run.history, 1)])


class TensorBoardLog(Callback):
    """The history for TensorBoard, in `folder` (needs tensorboardX).

    Errors: a MissingLibraryError without it.

    >>> import os, tempfile
    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn, optim, training
    >>> model, batch, folder = nn.Linear(1, 1), (tg.Tensor([[1.0]]), tg.Tensor([[2.0]])), tempfile.mkdtemp()
    >>> sgd = optim.SGD(model.parameters(), lr=0.1)
    >>> _ = tg.fit(model, [batch], nn.MSELoss(), sgd, callbacks=[training.TensorBoardLog(folder)], bar=False)
    >>> [name.startswith("events.out") for name in os.listdir(folder)]
    [True]
    """

    def __init__(self, folder: str | PathLike[str]) -> None:
        try:
            writer = importlib.import_module("tensorboardX").SummaryWriter
        except ImportError:
            raise MissingLibraryError("TensorBoardLog", "tensorboardX", "training") from None
        path = as_path("TensorBoardLog", folder)
        with told("TensorBoardLog", path, "be a folder to write into"):
            path.mkdir(parents=True, exist_ok=True)
            self.writer = writer(str(path))

    def epoch(self, run: Fit) -> None:
        for name, value in run.history[-1].items():
            self.writer.add_scalar(name, value, run.epoch)
        self.writer.flush()

    def end(self, run: Fit) -> None:
        self.writer.close()


class LivePlot(Callback):
    """The loss of each epoch as a curve that grows, in a notebook (needs matplotlib). `figure` is the last one.

    Errors: a MissingLibraryError without it.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn, optim, training
    >>> model, batch = nn.Linear(1, 1), (tg.Tensor([[1.0]]), tg.Tensor([[2.0]]))
    >>> plot, sgd = training.LivePlot(), optim.SGD(model.parameters(), lr=0.1)
    >>> _ = tg.fit(model, [batch], nn.MSELoss(), sgd, epochs=2, callbacks=[plot], bar=False)
    >>> len(plot.figure.axes[0].lines[0].get_xdata())
    2
    """

    def __init__(self) -> None:
        try:
            self.make = importlib.import_module("matplotlib.figure").Figure
        except ImportError:
            raise MissingLibraryError("LivePlot", "matplotlib", "demo") from None
        self.figure: Any = None
        self.place: Any = None

    def epoch(self, run: Fit) -> None:
        self.figure = self.make(figsize=(6, 3.5), layout="constrained")
        axes = self.figure.subplots()
        for name in [name for name in run.history[-1] if name.endswith("loss")]:
            rows = [(k, row[name]) for k, row in enumerate(run.history, 1) if name in row]
            axes.plot(*zip(*rows, strict=True), marker="o", markersize=3, label=name)
        axes.set(xlabel="epoch", ylabel="loss")
        axes.legend(frameon=False)
        display = sys.modules.get("IPython.display")
        if display is not None and self.place is None:
            self.place = display.display(self.figure, display_id=True)
        elif self.place is not None:
            self.place.update(self.figure)
