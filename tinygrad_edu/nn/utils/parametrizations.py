"""Weights of a known norm: computed from a direction and a length, or divided by their largest singular value."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import ops
from ...annotations import Array, ArrayLike
from ...engine import constant
from ...errors import AxisError
from ...functions.arguments import normal_axis
from ...functions.contract import matmul, vecdot
from ...functions.norms import vector_norm
from ...functions.settings import Positive, settings
from ...interop.names import guide as _guide
from ...random import or_shared
from ...writing import publish
from .. import functional as F
from ..module import Module
from .parametrize import register_parametrization


class WeightNorm(Module):
    """g * v / norm(v), with a norm over all axes but `axis`."""

    def __init__(self, axis: int | None) -> None:
        super().__init__()
        self.axis = axis

    def _norm(self, w: Any) -> Any:
        others = None if self.axis is None else tuple(k for k in range(w.ndim) if k != self.axis % w.ndim)
        return vector_norm(w, 2, others, keepdims=self.axis is not None)

    def forward(self, g: Any, v: object) -> Any:
        return v * (g / self._norm(v))

    def right_inverse(self, weight: ArrayLike) -> tuple[Any, Any]:
        """The norm and the direction."""
        return self._norm(weight), weight


class SpectralNorm(Module):
    """w / sigma, where sigma estimates the largest singular value of w as a matrix with the rows of `axis`."""

    _u: Any
    _v: Any

    def __init__(self, weight: Any, n_power_iterations: int, eps: float, axis: int) -> None:
        super().__init__()
        self.axis, self.n_power_iterations, self.eps = axis, n_power_iterations, eps
        if weight.ndim > 1:
            matrix = np.asarray(self._matrix(weight)._data)
            for name, n in zip(("_u", "_v"), matrix.shape, strict=True):
                self.register_buffer(name, self._unit(or_shared(None).draw("standard_normal", n).astype(matrix.dtype)))
            self._iterate(matrix, 15)

    def _matrix(self, weight: Any) -> Any:
        order = (self.axis, *(k for k in range(weight.ndim) if k != self.axis))
        return ops.permute_dims(weight, axes=order).reshape(weight.shape[self.axis], -1)

    def _unit(self, x: Array) -> Any:
        return x / max(np.linalg.norm(x), self.eps)

    def _iterate(self, matrix: Array, times: int) -> None:
        """Bring `_u` and `_v` nearer to the singular vectors. Source: von Mises's power iteration."""
        u, v = np.asarray(self._u._data), np.asarray(self._v._data)
        for _ in range(times):
            u = self._unit(matrix @ v)
            v = self._unit(matrix.T @ u)
        publish([self._u, self._v], [u, v])

    def forward(self, weight: Any) -> Any:
        if weight.ndim == 1:
            return F.normalize(weight, axis=0, eps=self.eps)
        matrix = self._matrix(weight)
        if self.training:
            self._iterate(np.asarray(matrix._data), self.n_power_iterations)
        u, v = (constant(np.array(x._data)) for x in (self._u, self._v))
        return weight / vecdot(u, matmul(matrix, v))

    def right_inverse(self, value: ArrayLike) -> Any:
        """The value itself: to be divided by its norm."""
        return value


def _axis(who: str, module: object, name: str, dim: int | None) -> int | None:
    weight: Any = getattr(module, name, None) if name else None
    if not hasattr(weight, "ndim"):
        raise TypeError(f"{who}: takes a module with a parameter {name!r}; got {type(module).__name__}; pass a layer")
    if dim is not None and not weight.ndim:
        raise AxisError(f"{who}: dim must be None for a scalar; got {dim}; leave it out")
    return None if dim is None else normal_axis(who, dim, weight.ndim)


@settings
def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Any:
    """Learn the length of a weight apart from its direction: g * v / norm(v), for each index of axis `dim`, or for None
    or -1 of the whole.

    Source: Salimans and Kingma, "Weight normalization" (2016). The names of the state are those of PyTorch's
    `nn.utils.parametrizations`.

    >>> from tinygrad_edu import nn
    >>> list(nn.utils.weight_norm(nn.Linear(3, 2)).state_dict())
    ['bias', 'parametrizations.weight.original0', 'parametrizations.weight.original1']
    """
    return register_parametrization(
        module, name, WeightNorm(_axis("weight_norm", module, name, None if dim == -1 else dim))
    )


@settings
def spectral_norm(
    module: Module, name: str = "weight", n_power_iterations: Positive = 1, eps: float = 1e-12, dim: int | None = None
) -> Any:  # fmt: skip
    """Divide a weight by its largest singular value, estimated by `n_power_iterations` steps in each training call.

    `dim` says which axis has the rows: 0, or 1 for transposed convolutions. Source: Miyato et al., "Spectral
    normalization for generative adversarial networks" (2018).

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> layer = nn.Linear(2, 2)
    >>> layer.weight.data = [[4.0, 0.0], [0.0, 1.0]]
    >>> nn.utils.spectral_norm(layer).weight.round(4).tolist()
    [[1.0, 0.0], [0.0, 0.25]]
    """
    turned = any(kind.__name__.startswith("ConvTranspose") for kind in type(module).__mro__)
    axis = _axis("spectral_norm", module, name, int(turned) if dim is None else dim)
    weight = getattr(module, name)
    return register_parametrization(module, name, SpectralNorm(weight, n_power_iterations, eps, axis or 0))


__all__ = ["spectral_norm", "weight_norm"]
_guide(__name__, "nn.utils.parametrizations")
