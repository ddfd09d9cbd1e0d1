"""The Jacobian of a function from 100 numbers to 100: two layers of tanh."""

import importlib
from typing import Any

import numpy as np

from .common import OURS, Job, compiled, jax, library, normal

NAME = "Jacobian of a function from 100 to 100 numbers"
GOAL = None
PEERS = ("PyTorch", "JAX", "autograd")


def job(peer: str) -> Job:
    weight: Any = normal(100, 100) / 10
    start, last = normal(100), []

    def f(lib: Any, x: Any) -> Any:
        return lib.tanh(lib.matmul(weight, lib.tanh(lib.matmul(weight, x))))

    if peer in OURS:
        tg, tensor = library(peer)
        x, do = tensor(start), compiled(peer, tg.jacobian(lambda x: f(tg, x)))
        given = lambda: do(x)
    elif peer == "PyTorch":
        torch, tensor = library(peer)
        x, weight = tensor(start), tensor(weight)
        given = lambda: torch.autograd.functional.jacobian(lambda x: f(torch, x), x, vectorize=True)
    elif peer == "JAX":
        jx, jnp = jax()
        x, jitted = jnp.asarray(start), jx.jit(jx.jacrev(lambda x: f(jnp, x)))
        given = lambda: jx.block_until_ready(jitted(x))
    else:
        own: Any = importlib.import_module("autograd.numpy")
        jacobian = importlib.import_module("autograd").jacobian(lambda x: f(own, x))
        given = lambda: jacobian(start)

    def run() -> Any:
        last[:] = [given()]

    return Job(run, lambda: [last[0].numpy() if hasattr(last[0], "numpy") else np.asarray(last[0])])
