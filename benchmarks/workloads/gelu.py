"""GELU by its formula with tanh on 4 million numbers of float32: the value of the sum, and its gradient."""

from typing import Any

from .common import Job, gradient, normal

NAME = "GELU by formula on 4M float32, value and gradient"
GOAL = 2
PEERS = ("PyTorch", "torch.compile", "JAX", "autograd", "MyGrad")


def gelu(lib: Any, x: Any) -> Any:
    return (0.5 * x * (1 + lib.tanh(0.7978845608 * (x + 0.044715 * x * x * x)))).sum()


def job(peer: str) -> Job:
    return gradient(peer, gelu, normal(2048, 2048))
