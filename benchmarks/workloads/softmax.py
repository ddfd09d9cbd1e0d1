"""Softmax over the rows of (4096, 1024): the value of a sum of its squares, and its gradient."""

from typing import Any

from .common import OURS, TORCH, Job, gradient, jax, normal

NAME = "softmax of (4096, 1024), value and gradient"
GOAL = 1.2
PEERS = ("PyTorch", "torch.compile", "JAX")


def job(peer: str) -> Job:
    def loss(lib: Any, x: Any) -> Any:
        softmax = lib.nn.functional.softmax if peer in OURS + TORCH else jax()[0].nn.softmax
        return ((softmax(x, 1) * x) ** 2).sum()

    return gradient(peer, loss, normal(4096, 1024))
