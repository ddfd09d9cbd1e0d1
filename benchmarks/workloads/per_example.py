"""The gradient of each example's loss by itself, of an MLP 64-64-10 on 128 examples, by `vmap`."""

from typing import Any

import numpy as np

from .common import OURS, TORCH, Array, Job, compiled, jax, library, normal, rng, weights

NAME = "gradients for each of 128 examples, MLP 64-64-10"
GOAL = None
PEERS = ("PyTorch", "torch.compile", "JAX")
SHAPES = {"W1": (64, 64), "b1": (64,), "W2": (64, 10), "b2": (10,)}


def job(peer: str) -> Job:
    data: tuple[Any, Any] = normal(128, 64), np.eye(10, dtype=np.float32)[rng().integers(10, size=128)]
    params: list[Any] = list(weights(SHAPES).values())
    last: list[Any] = []

    def loss(lib: Any, params: Any, x: Any, hot: Any) -> Any:
        W1, b1, W2, b2 = params
        z = lib.matmul(lib.tanh(lib.matmul(x, W1) + b1), W2) + b2
        return lib.log(lib.exp(z).sum()) - (hot * z).sum()

    if peer in OURS + TORCH:
        lib, tensor = library(peer)
        params, data = [tensor(p) for p in params], tuple(map(tensor, data))
        transforms = lib if peer in OURS else lib.func
        axes = {"in_axes" if peer in OURS else "in_dims": (None, 0, 0)}
        do = compiled(peer, transforms.vmap(transforms.grad(lambda p, x, hot: loss(lib, p, x, hot)), **axes))
        given = lambda: do(params, *data)
    else:
        jx, jnp = jax()
        params, data = [jnp.asarray(p) for p in params], tuple(map(jnp.asarray, data))
        jitted = jx.jit(jx.vmap(jx.grad(lambda p, x, hot: loss(jnp, p, x, hot)), (None, 0, 0)))
        given = lambda: jx.block_until_ready(jitted(params, *data))

    def run() -> Any:
        last[:] = [given()]

    def found() -> list[Array]:
        return [v.numpy() if hasattr(v, "numpy") else np.asarray(v) for v in last[0]]

    return Job(run, found)
