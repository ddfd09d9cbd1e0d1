"""Layer norm of (4096, 1024): the value of the sum of squares over rows of weights, and its gradient."""

import importlib
from typing import Any

from .common import OURS, TORCH, Job, gradient, jax, normal

NAME = "layer norm of (4096, 1024), value and gradient"
GOAL = 1.2
PEERS = ("PyTorch", "torch.compile", "JAX")


def job(peer: str) -> Job:
    def loss(lib: Any, x: Any) -> Any:
        if peer in OURS + TORCH:
            y = lib.nn.functional.layer_norm(x, (1024,))
        else:
            y = (x - x.mean(1, keepdims=True)) / lib.sqrt(x.var(1, keepdims=True) + 1e-5)
        return (y * weight).sum()

    weight: Any = normal(1024)
    if peer in TORCH:
        weight = importlib.import_module("torch").tensor(weight)
    elif peer == "JAX":
        weight = jax()[1].asarray(weight)
    return gradient(peer, loss, normal(4096, 1024))
