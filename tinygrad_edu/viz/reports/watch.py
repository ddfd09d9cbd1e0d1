"""`watch`: how a training goes, layer by layer: activations, gradients, dead units, the size of updates."""

from __future__ import annotations

import html
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ...engine import Variable
from ...errors import GraphError
from ...functions.settings import Positive, settings
from ...hooks import Handle
from ...tensor import Tensor
from ..graph.values import one, shown, wide
from ..graph.watch import is_module
from ..pictures.palette import BACKWARD, BLUE
from .charts import histogram, lines
from .sheet import Sheet

if TYPE_CHECKING:
    from ...nn.module import Module

BINS = 30
LARGE, TINY = 1e-1, 1e-5  # of an update beside its weight: above, training jumps; below, it stands still
DEAD, FULL = 0.5, 0.5  # shares of dead or saturated units that are worth a word
NORMAL = 1e-3  # what an update is beside its weight in a training that goes well
PAUSE = 1.0  # seconds between two pictures of a live view


@dataclass
class Spread:
    """An array in a few numbers: its mean, deviation and range, and how often which value is met."""

    mean: float
    deviation: float
    low: float
    high: float
    counts: list[int]
    bad: int  # entries that are inf or nan


def spread(v: Any) -> Spread:
    """The numbers of an array; those that are not finite are counted apart."""
    a = wide(v).real.ravel()
    finite = a[np.isfinite(a)]
    if not finite.size:
        return Spread(np.nan, np.nan, np.nan, np.nan, [0] * BINS, int(a.size))
    low, high = float(finite.min()), float(finite.max())
    counts, _ = np.histogram(finite, BINS, (low, high) if high > low else (low - 0.5, low + 0.5))
    return Spread(float(finite.mean()), float(finite.std()), low, high, counts.tolist(), int(a.size - finite.size))


@dataclass
class Moment:
    """What a layer showed in one step."""

    step: int
    values: Spread
    gradient: Spread | None = None
    dead: float = 0.0  # the share of units that are 0 for every example
    full: float = 0.0  # the share of entries at the end of a sigmoid or tanh


@dataclass
class Layer:
    """A module of the model, over the steps."""

    name: str
    kind: str
    moments: list[Moment] = field(default_factory=list)


@dataclass
class Weight:
    """A parameter, over the steps: its size, that of its gradient, and of its updates beside it."""

    name: str
    sizes: list[float] = field(default_factory=list)
    gradients: list[float] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)


class Training:
    """What `watch` sees; call `.step(loss)` after each `optimizer.step()`, then print it, or `.save("report.html")`."""

    def __init__(self, model: Any, every: int) -> None:
        self.every, self.count = every, 0
        self.steps: list[int] = []
        self.losses: list[float] = []
        self.layers: dict[str, Layer] = {}
        self.weights = {name: Weight(name) for name, _ in model.named_parameters()}
        self._parameters = dict(model.named_parameters())
        self._before: dict[str, np.ndarray] = {}
        self._handles: list[Handle] = []
        self._display: Any = None
        self._shown = -PAUSE
        for name, module in model.named_modules():
            if sum(1 for _ in module.named_modules()) == 1:
                self._handles.append(module.register_forward_hook(self._seen(name or type(model).__name__)))
        self._keep()

    def _seen(self, name: str) -> Any:
        """The hook of a module: looks at what it gives, and at the gradient of that when it is known."""

        def hook(module: Module, args: object, output: object) -> None:
            first = next((x for x in (output if isinstance(output, tuple | list) else [output])), None)
            if self.count % self.every or not isinstance(first, Variable) or not np.size(first._data):
                return
            kind = type(module).__name__
            moment = Moment(self.count, spread(first._data), dead=_dead(first._data), full=_full(kind, first._data))
            self.layers.setdefault(name, Layer(name, kind)).moments.append(moment)
            if isinstance(first, Tensor) and first.requires_grad:

                def back(g: object) -> None:
                    moment.gradient = spread(g._data if isinstance(g, Variable) else g)

                first.register_hook(back)

        return hook

    def _keep(self) -> None:
        if self.count % self.every == 0:
            self._before = {name: np.array(p._data) for name, p in self._parameters.items()}

    def step(self, loss: object = None) -> None:
        """Note the step that was made: its loss, and how far each parameter moved."""
        if self.count % self.every == 0:
            self.steps.append(self.count)
            self.losses.append(
                np.nan if loss is None else float(wide(loss._data if isinstance(loss, Variable) else loss))
            )
            for name, p in self._parameters.items():
                before, weight = self._before[name], self.weights[name]
                size = _size(before)
                weight.sizes.append(size)
                weight.ratios.append(_size(wide(p._data) - wide(before)) / size if size else np.nan)
                weight.gradients.append(_size(p._grad._data) if p._grad is not None else 0.0)
            self._show()
        self.count += 1
        self._keep()

    def close(self) -> None:
        """Stop watching: the model is as it was."""
        for handle in self._handles:
            handle.remove()

    def __enter__(self) -> Training:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @property
    def findings(self) -> list[str]:
        """What deserves a look, in words, with what to do."""
        found = []
        bad = [s for s, loss in zip(self.steps, self.losses, strict=True) if np.isinf(loss) or self._lost(loss)]
        if bad:
            found.append(f"the loss is not finite since step {bad[0]}; lower the learning rate, or tg.detect_anomaly()")
        for layer in self.layers.values():
            found += _of_layer(layer)
        for weight in self.weights.values():
            ratio = np.median(weight.ratios[-20:]) if weight.ratios else np.nan
            if ratio > LARGE:
                found.append(
                    f"{weight.name}: updates are {one(ratio, 2)} of the weight, a good size is about {NORMAL}; lower "
                    "the learning rate"
                )
            elif ratio == 0:
                why = (
                    "is it in the optimizer?"
                    if weight.gradients[-1]
                    else f"its gradient is 0; ask tg.why({weight.name})"
                )
                found.append(f"{weight.name} does not move: {why}")
            elif ratio < TINY:
                found.append(
                    f"{weight.name}: updates are {one(ratio, 2)} of the weight, a good size is about {NORMAL}; raise "
                    "the learning rate, or look for a vanishing gradient"
                )
        return found

    def _lost(self, loss: float) -> bool:
        return bool(np.isnan(loss)) and not all(np.isnan(v) for v in self.losses)

    def __str__(self) -> str:
        rows = [f"{len(self.steps)} steps watched, {len(self.layers)} layers, {len(self.weights)} parameters"]
        if self.losses and np.isfinite(self.losses[-1]):
            rows.append(f"loss {one(self.losses[0])} to {one(self.losses[-1])}")
        for layer in self.layers.values():
            last = layer.moments[-1]
            grad = f", gradient ± {one(last.gradient.deviation, 2)}" if last.gradient else ""
            dead = f", {last.dead:.0%} dead" if last.dead else ""
            values = f"{one(last.values.mean, 2)} ± {one(last.values.deviation, 2)}"
            rows.append(f"  {layer.name} ({layer.kind}): {values}{grad}{dead}")
        return "\n".join([*rows, *(self.findings or ["nothing that deserves a look"])])

    __repr__ = __str__

    def sheet(self) -> Sheet:
        """The report as a page."""
        found = "".join(f"<li>{html.escape(words)}</li>" for words in self.findings)
        parts = [f'<ul class="answer">{found or "<li>nothing that deserves a look</li>"}</ul>', '<div class="charts">']
        if np.isfinite(self.losses).any():
            parts.append(lines("loss", {"loss": self.losses}))
        ratios = {w.name: w.ratios for w in self.weights.values()}
        parts += [
            lines("update beside weight", dict(part), logarithmic=True)
            for part in (list(ratios.items())[k : k + 6] for k in range(0, len(ratios), 6))
        ]
        parts.append("</div>")
        for layer in self.layers.values():
            parts.append(f"<h2>{html.escape(shown(layer.name))}: {html.escape(layer.kind)}</h2>")
            parts.append(f'<div class="charts">{"".join(_charts(layer))}</div>')
        return Sheet(f"Training, {len(self.steps)} steps", "\n".join(parts), height=720)

    def save(self, path: object) -> str:
        """Write the report as one HTML file."""
        return self.sheet().save(path)

    def _repr_html_(self) -> str:
        return self.sheet()._repr_html_()

    def _show(self) -> None:
        """In a notebook, the report as it stands, in one place that is drawn anew."""
        shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
        if shell is None or not hasattr(shell, "kernel") or time.monotonic() - self._shown < PAUSE:
            return
        self._shown = time.monotonic()
        if self._display is None:
            from IPython.display import display  # type: ignore[import-not-found,unused-ignore]

            self._display = display(self, display_id=True)
        else:
            self._display.update(self)


def _size(v: object) -> float:
    a = wide(v)
    with np.errstate(all="ignore"):
        return float(np.sqrt(np.mean(np.abs(a) ** 2))) if a.size else 0.0


def _dead(v: object) -> float:
    """The share of units that are 0 for every example; a unit is a channel of images, an entry of rows."""
    a = wide(v)
    if a.ndim < 2:
        return 0.0
    axis = 1 if a.ndim > 3 else a.ndim - 1
    return float(np.mean(~np.any(a != 0, axis=tuple(k for k in range(a.ndim) if k != axis))))


def _full(kind: str, v: Any) -> float:
    """The share of entries where a sigmoid or tanh is flat."""
    a = wide(v).real
    return float(np.mean(np.abs(a if kind == "Tanh" else 2 * a - 1) > 0.98)) if kind in ("Tanh", "Sigmoid") else 0.0


def _of_layer(layer: Layer) -> list[str]:
    last, words = layer.moments[-1], []
    if last.dead >= DEAD:
        since = next(m.step for m in layer.moments if m.dead >= DEAD)
        words.append(
            f"{layer.name}: {last.dead:.0%} of its units are 0 for every example since step {since}; lower the "
            "learning rate, or use leaky_relu"
        )
    if last.full >= FULL:
        words.append(
            f"{layer.name}: {last.full:.0%} of its entries are where {layer.kind} is flat; use smaller weights, or "
            "normalise its input"
        )
    if last.values.bad:
        words.append(
            f"{layer.name} gives {last.values.bad} numbers that are not finite; run inside tg.detect_anomaly()"
        )
    return words


def _charts(layer: Layer) -> list[str]:
    last = layer.moments[-1]
    charts = [
        histogram("activations, last step", last.values.counts, last.values.low, last.values.high, BLUE.line),
        lines("deviation of activations", {"deviation": [m.values.deviation for m in layer.moments]}),
    ]
    grads = [m.gradient for m in layer.moments if m.gradient is not None]
    if grads:
        charts.append(histogram("gradients, last step", grads[-1].counts, grads[-1].low, grads[-1].high, BACKWARD))
        charts.append(lines("deviation of gradients", {"deviation": [g.deviation for g in grads]}, logarithmic=True))
    for title, shares in (("dead units", [m.dead for m in layer.moments]), ("flat", [m.full for m in layer.moments])):
        if any(shares):
            charts.append(lines(f"share that is {title}" if title == "flat" else f"share of {title}", {title: shares}))
    return charts


@settings
def watch(model: Module, every: Positive = 1) -> Training:
    """Look at each layer of a model while it trains; in a notebook the report is drawn anew as it goes.

    Noted are, for the outputs of each module without modules inside and their gradients, mean, deviation and a
    histogram, the share of units that are 0 for every example (dead), of entries where a sigmoid or tanh is flat; for
    each parameter, its size and the size of its last update beside it. `every` looks at one step of so many.
    Errors: a GraphError for what is no Module.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn, optim
    >>> model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    >>> optimizer = optim.SGD(model.parameters(), lr=0.01)
    >>> with watch(model) as training:
    ...     for _ in range(3):
    ...         loss = (model(tg.ones((4, 2))) ** 2).mean()
    ...         optimizer.zero_grad()
    ...         loss.backward()
    ...         optimizer.step()
    ...         training.step(loss)
    >>> training.steps, list(training.layers)
    ([0, 1, 2], ['0', '1', '2'])
    """
    if not is_module(model) or not hasattr(model, "register_forward_hook"):
        raise GraphError(f"watch: needs a model; got {type(model).__name__}; pass an nn.Module")
    return Training(model, every)
