"""Averages of a model over training: stochastic weight averaging, and running means.

Source: Izmailov et al., "Averaging weights leads to wider optima" (2018).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ..changes import TURN
from ..errors import StateDictError
from ..functions.settings import Probability, refused, settings
from ..interop.names import guide as _guide
from ..nn.module import Module
from ..nn.normalization import Running
from ..recording import no_grad
from ..tensor import Tensor
from ..writing import publish
from .lr_scheduler.cycles import cosine, linear
from .lr_scheduler.schedule import LRScheduler, demand, each
from .optimizer import Optimizer


def get_swa_avg_fn() -> Callable[[Any, Any, Any], Any]:
    """The plain mean: average + (value - average) / (number of those before + 1).

    >>> from tinygrad_edu.optim import swa_utils
    >>> swa_utils.get_swa_avg_fn()(1.0, 4.0, 2)
    2.0
    """
    return lambda average, value, n: average + (value - average) / (float(n) + 1)


@settings
def get_ema_avg_fn(decay: Probability = 0.999) -> Callable[[Any, Any, Any], Any]:
    """The running mean: decay * average + (1 - decay) * value.

    >>> from tinygrad_edu.optim import swa_utils
    >>> swa_utils.get_ema_avg_fn(0.75)(1.0, 5.0, 2)
    2.0
    """
    return lambda average, value, n: decay * average + (1 - decay) * value


class AveragedModel(Module):
    """A copy of a model whose parameters are averages of those that the model had at each `update_parameters(model)`.

    `avg_fn(average, value, number of those before)` says of which kind: the plain mean, or `get_ema_avg_fn(0.999)`.
    Buffers are copied, or with `use_buffers` averaged. `state_dict()` has PyTorch's names.
    Source: Izmailov et al. (2018).
    Errors: a TypeError for what is no Module, a StateDictError for a model with other names.

    >>> from tinygrad_edu import nn, optim
    >>> net = nn.Linear(1, 1, bias=False)
    >>> mean = optim.swa_utils.AveragedModel(net)
    >>> for value in (1.0, 2.0, 6.0):
    ...     net.weight.data[...] = value
    ...     mean.update_parameters(net)
    >>> mean.module.weight.tolist(), list(mean.state_dict())
    ([[3.0]], ['n_averaged', 'module.weight'])
    """

    module: Any
    n_averaged: Any

    @settings
    def __init__(
        self, model: Any, avg_fn: Callable[[Any, Any, Any], Any] | None = None, use_buffers: bool = False
    ) -> None:
        super().__init__()
        if not isinstance(model, Module):
            raise TypeError(f"AveragedModel: takes a Module; got {type(model).__name__}; pass the model")
        self.module, self.avg_fn, self.use_buffers = copy.deepcopy(model), avg_fn or get_swa_avg_fn(), use_buffers
        self.register_buffer("n_averaged", np.array(0, np.int64))

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.module(*args, **kwargs)

    @no_grad
    def update_parameters(self, model: Module) -> None:
        """Take the parameters that `model` has now into the averages."""
        if not isinstance(model, Module):
            raise refused("update_parameters", "model", "a module like the one copied", model, "update_parameters(net)")
        own, given = self.module._state(), model._state()
        if list(own) != list(given):
            raise StateDictError("update_parameters: the model must be like the one copied; got other names; pass that")
        with TURN:
            n, learned = int(self.n_averaged.item()), {id(p) for p in self.module.parameters()}
            new = []
            for name, average in own.items():
                averaged = (id(average) in learned or self.use_buffers) and average.dtype.kind == "f"
                value = given[name].detach()
                mean = self.avg_fn(average.detach(), value, n) if n and averaged else value
                new.append(np.array(mean._data if isinstance(mean, Tensor) else mean, average.dtype))
            publish([*own.values(), self.n_averaged], [*new, np.array(n + 1, np.int64)])


@no_grad
def update_bn(loader: Iterable[Any], model: Module) -> None:
    """Compute the running statistics of batch norm anew, as plain means over the inputs of `loader` (or the first of
    each tuple): those of an averaged model are nobody's otherwise.

    Errors: a TypeError for what is no Module.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> from tinygrad_edu.optim import swa_utils
    >>> model = nn.BatchNorm1d(1)
    >>> swa_utils.update_bn([tg.Tensor([[1.0], [3.0]]), tg.Tensor([[5.0], [7.0]])], model)
    >>> model.running_mean.tolist()
    [4.0]
    """
    if not isinstance(model, Module):
        raise TypeError(f"update_bn: takes data and a Module; got {type(model).__name__}; pass the model")
    if not hasattr(loader, "__iter__") or getattr(loader, "shape", None) == ():
        raise refused("update_bn", "loader", "batches that can be gone through", loader, "a DataLoader")
    layers = [m for m in model.modules() if isinstance(m, Running) and m.track_running_stats]
    modes, momenta = [(m, m.training) for m in model.modules()], [m.momentum for m in layers]
    kept = [(t, np.array(t._data)) for m in layers for t in (m.running_mean, m.running_var, m.num_batches_tracked)]
    try:
        model.train()
        for layer in layers:
            layer.momentum = None
            layer.running_mean.data = layer.running_mean._data * 0
            layer.running_var.data = layer.running_var._data * 0 + 1
            layer.num_batches_tracked.data = layer.num_batches_tracked._data * 0
        for batch in loader if layers else ():
            model(batch[0] if isinstance(batch, tuple | list) and batch else batch)
    except BaseException:  # an interrupt, or a batch that does not fit: as it was
        publish([t for t, _ in kept], [values for _, values in kept])
        raise
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
        for module, training in modes:
            module.training = training


class SWALR(LRScheduler):
    """From the rate of now to `swa_lr` in `anneal_epochs` steps, along a cosine or a line, and then that.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import optim
    >>> w = tg.Tensor([1.0], requires_grad=True)
    >>> sgd = optim.SGD([w], lr=1.0)
    >>> schedule, rates = optim.swa_utils.SWALR(sgd, swa_lr=0.5, anneal_epochs=2, anneal_strategy="linear"), []
    >>> for _ in range(3):
    ...     sgd.step()
    ...     schedule.step()
    ...     rates.append(schedule.get_last_lr()[0])
    >>> rates
    [0.75, 0.5, 0.5]

    Source: P. Izmailov et al., "Averaging weights leads to wider optima and better generalization" (2018).
    """

    chains = grows = False

    @settings
    def __init__(
        self, optimizer: Optimizer, swa_lr: float | list[float], anneal_epochs: int = 10, anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ) -> None:  # fmt: skip
        self.must_have(optimizer)
        demand("SWALR", anneal_strategy in ("cos", "linear"), "anneal_strategy must be cos or linear", anneal_strategy)
        demand("SWALR", anneal_epochs >= 0, "anneal_epochs must be 0 or more", anneal_epochs)
        self.swa_lrs = each("SWALR", "swa_lr", swa_lr, optimizer.param_groups)
        self.anneal_epochs, self.anneal_strategy = anneal_epochs, anneal_strategy
        super().__init__(optimizer, last_epoch)

    def _bases(self) -> list[float]:
        return [
            float(group["lr"] if self.last_epoch == 0 else group["initial_lr"]) for group in self.optimizer.param_groups
        ]

    def rates(self, bases: list[float], t: int) -> list[float]:
        share = min(t / self.anneal_epochs, 1.0) if self.anneal_epochs else float(t > 0)
        between = cosine if self.anneal_strategy == "cos" else linear
        return [between(lr, last, share) for lr, last in zip(bases, self.swa_lrs, strict=True)]


__all__ = ["SWALR", "AveragedModel", "get_ema_avg_fn", "get_swa_avg_fn", "update_bn"]
_guide(__name__, "optim.swa_utils")
