"""Logistic regression as in the course: 209 images of 64 x 64 x 3, the cost and its gradients."""

from typing import Any

import numpy as np

from .common import OURS, TORCH, Job, gradient, library, normal

NAME = "logistic regression, 12288 x 209, value and gradient"
GOAL = None
PEERS = ("PyTorch", "torch.compile", "JAX", "autograd", "MyGrad")


def job(peer: str) -> Job:
    X, Y = normal(12288, 209) / 100, (np.arange(209) % 2 == 0).astype(np.float32)[None]
    if peer in (*OURS, *TORCH):
        X, Y = map(library(peer)[1], (X, Y))

    def cost(lib: Any, w: Any, b: Any) -> Any:
        A = 1 / (1 + lib.exp(-(lib.matmul(w, X) + b)))
        return -(Y * lib.log(A) + (1 - Y) * lib.log(1 - A)).mean()

    return gradient(peer, cost, normal(1, 12288) / 100, np.zeros((1, 1), np.float32))
