"""Mixed precision, under the names of `torch.amp`: `autocast`, and `GradScaler` for gradients in float16."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .annotations import DTypeLike
from .changes import at_once
from .errors import GraphError
from .functions.calls import own_keywords
from .functions.settings import refused, settings
from .interop.names import Named
from .interop.names import guide as _guide
from .precision import Autocast
from .sums import HALF
from .tensor import Tensor
from .transforms.tree import map as tree_map

__all__ = ["GradScaler", "autocast"]
_guide(__name__, "tg.amp")


def must_be_optimizer(who: str, optimizer: object) -> None:
    """Refuse what has no groups of parameters."""
    if not hasattr(optimizer, "param_groups"):
        raise refused(who, "optimizer", "an optimizer", optimizer, f"scaler.{who}(optimizer)")


def _positive(who: str, what: str, scale: float) -> Any:
    """A scale, in float32."""
    if not 0 < scale <= np.finfo(np.float32).max:
        raise refused(who, what, "a number above 0 that float32 can hold", scale, f"{what}=1024.0", ValueError)
    return np.float32(scale)


class autocast(Autocast):  # noqa: N801, PyTorch's name
    """In a `with` block, or a function decorated with it: products from numbers in half precision, sums in float32.

    `matmul`, `einsum`, `tensordot`, `linear`, convolutions, the recurrent layers and attention round their inputs and
    their result to `dtype`, "bfloat16" or "float16", and so the gradients of both; they add up in float32. Losses,
    `cdist` and `grid_sample` are computed in float32 from whatever comes, and all else in the dtype that comes. Inputs
    of float64 stay as they are. Parameters and their gradients stay in float32. NumPy has no bfloat16, so such
    numbers stand in arrays of float32 (the rounding is that of `ml_dtypes`). Leave the block before `backward()`, as
    with PyTorch. On a CPU this is no faster: it shows what training in half precision does.

    >>> import tinygrad_edu as tg
    >>> w = tg.Tensor([[1.0, 0.001]], requires_grad=True)
    >>> with tg.autocast("bfloat16"):
    ...     y = w @ w.T
    >>> y.item(), (w @ w.T).item() > 1
    (1.0, True)

    Source: P. Micikevicius et al., "Mixed precision training" (2018); the lists of `torch.autocast` on a CPU.
    """

    @own_keywords
    def __init__(self, dtype: DTypeLike = "bfloat16", enabled: bool = True) -> None:
        super().__init__(dtype, enabled)


class GradScaler(Named):
    """Multiplies a loss, so that small gradients do not vanish in float16, and divides the gradients again.

    A step whose gradients hold inf or nan is left out, and the scale multiplied by `backoff_factor`; after
    `growth_interval` steps without any it is multiplied by `growth_factor`. Without `enabled`, nothing is done.
    Errors: a ValueError for factors out of their range, and a state of another kind; a TypeError for a loss that is no
    tensor, and a closure; a GraphError for gradients of float16, and for calls out of turn.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import optim
    >>> w = tg.Tensor([1.0], requires_grad=True)
    >>> optimizer, scaler = optim.SGD([w], lr=0.5), tg.amp.GradScaler(init_scale=1024.0)
    >>> with tg.autocast("float16"):
    ...     loss = (w @ w) / 2
    >>> scaler.scale(loss).backward()
    >>> scaler.step(optimizer)
    >>> scaler.update()
    >>> w.tolist()
    [0.5]

    Source: P. Micikevicius et al., "Mixed precision training" (2018); `torch.amp.GradScaler`.
    """

    @settings
    def __init__(
        self,
        init_scale: float = 65536.0,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        if enabled and not growth_factor > 1:
            raise ValueError(f"GradScaler: growth_factor must be above 1; got {growth_factor}; use 2.0")
        if enabled and not 0 < backoff_factor < 1:
            raise ValueError(f"GradScaler: backoff_factor must be between 0 and 1; got {backoff_factor}; use 0.5")
        self._scale, self._steps, self._enabled = _positive("GradScaler", "init_scale", init_scale), 0, enabled
        self._growth_factor, self._backoff_factor, self._growth_interval = (
            growth_factor,
            backoff_factor,
            growth_interval,
        )
        self._bad: dict[int, bool] = {}  # by optimizer: whether its gradients, unscaled, held inf or nan
        self._stepped: set[int] = set()

    def scale(self, outputs: object) -> Any:
        """A loss, or a list, tuple or dict of them, times the scale."""
        if not self._enabled:
            return outputs
        if isinstance(outputs, Tensor):
            with np.errstate(over="ignore"):  # inf, which lowers the scale
                return outputs * float(self._scale)
        if isinstance(outputs, dict | list | tuple):
            return tree_map(self.scale, outputs)
        raise TypeError(f"scale: outputs must be tensors; got {type(outputs).__name__}; pass the loss")

    def unscale_(self, optimizer: Any) -> None:
        """Divide the gradients of an optimizer's parameters by the scale, for clipping before `step`."""
        must_be_optimizer("unscale_", optimizer)
        if not self._enabled:
            return
        if id(optimizer) in self._bad:
            done = "after step()" if id(optimizer) in self._stepped else "twice"
            raise GraphError(f"unscale_: must be called once between two update(); got it {done}; call update() first")
        grads = {id(p.grad): p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None}
        if any(g.dtype == HALF for g in grads.values()):
            raise GraphError(
                "unscale_: parameters must be of float32; got gradients of float16; leave the model as it is, and "
                "compute within tg.autocast('float16')"
            )
        share, found = np.float32(1) / self._scale, {}
        with np.errstate(all="ignore"):
            for key, g in grads.items():
                found[key] = g.detach() * float(share)
        bad = any(not np.isfinite(g.data).all() for g in found.values())
        params = [p for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        at_once((self._bad.update, {id(optimizer): bad}), *[(setattr, p, "_grad", found[id(p.grad)]) for p in params])

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        """`optimizer.step(*args, **kwargs)` on gradients without the scale; nothing where they hold inf or nan."""
        must_be_optimizer("step", optimizer)
        if not self._enabled:
            return optimizer.step(*args, **kwargs)
        if "closure" in kwargs:
            raise TypeError(
                "step: a closure computes gradients anew; got one; call backward() of the scaled loss first"
            )
        if id(optimizer) in self._stepped:
            raise GraphError("step: must be called once between two update(); got it twice; call update() first")
        if id(optimizer) not in self._bad:
            self.unscale_(optimizer)
        try:
            self._stepped.add(id(optimizer))
            return None if self._bad[id(optimizer)] else optimizer.step(*args, **kwargs)
        except BaseException:  # a step that was refused, or interrupted, was not made
            self._stepped.discard(id(optimizer))
            raise

    @settings
    def update(self, new_scale: float | None = None) -> None:
        """Raise or lower the scale after the steps of this round, or set it to `new_scale`."""
        if not self._enabled:
            return
        scale, steps = self._scale, self._steps
        if new_scale is not None:
            scale = _positive("update", "new_scale", new_scale)
        elif not self._bad:
            raise GraphError("update: needs a step() or unscale_() before it; got none; call step(optimizer) first")
        elif any(self._bad.values()):
            scale, steps = np.float32(scale * np.float32(self._backoff_factor)), 0
        else:
            steps += 1
            if steps == self._growth_interval:
                with np.errstate(over="ignore"):
                    larger = np.float32(scale * np.float32(self._growth_factor))
                scale, steps = larger if np.isfinite(larger) else scale, 0
        at_once((vars(self).update, {"_scale": scale, "_steps": steps, "_bad": {}, "_stepped": set()}))

    def get_scale(self) -> float:
        """What losses are multiplied by; 1 without `enabled`."""
        return float(self._scale) if self._enabled else 1.0

    def is_enabled(self) -> bool:
        """Whether anything is scaled."""
        return self._enabled

    def state_dict(self) -> dict[str, Any]:
        """The scale, its settings, and how many good steps came since it changed; empty without `enabled`."""
        if not self._enabled:
            return {}
        return {
            "scale": self.get_scale(), "growth_factor": self._growth_factor, "backoff_factor": self._backoff_factor,
            "growth_interval": self._growth_interval, "_growth_tracker": self._steps,
        }  # fmt: skip

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on where `state_dict()` was taken."""
        if not self._enabled:
            return
        names = list(self.state_dict())
        if not isinstance(state_dict, dict) or set(state_dict) != set(names):
            given = list(state_dict) if isinstance(state_dict, dict) else type(state_dict).__name__
            raise ValueError(
                f"load_state_dict: the state must have {', '.join(names)}; got {given}; take it from state_dict() of a "
                "scaler that is enabled"
            )
        new = {"_scale": np.float32(state_dict["scale"]), "_steps": state_dict["_growth_tracker"]}
        new |= {f"_{name}": state_dict[name] for name in ("growth_factor", "backoff_factor", "growth_interval")}
        at_once((vars(self).update, new))
