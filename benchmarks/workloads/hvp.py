"""The product of the Hessian of an MLP 784-256-128-10 with a vector, for the loss on 128 images."""

import importlib
from itertools import pairwise
from typing import Any

import numpy as np

from .common import OURS, Array, Job, compiled, jax, jax_mlp, library, normal, rng, weights

NAME = "Hessian-vector product of MLP 784-256-128-10, batch 128"
GOAL = None
PEERS = ("PyTorch", "JAX", "autograd")
SIZES = (784, 256, 128, 10)
SHAPES = {
    name: shape
    for k, (n, m) in enumerate(pairwise(SIZES))
    for name, shape in ((f"{2 * k}.weight", (m, n)), (f"{2 * k}.bias", (m,)))
}


def job(peer: str) -> Job:
    x: Any = normal(128, 784)
    hot: Any = np.eye(10, dtype=np.float32)[rng().integers(10, size=128)]
    params = list(weights(SHAPES).values())
    vectors = [np.cos(np.arange(p.size, dtype=np.float32)).reshape(p.shape) for p in params]
    last: list[Any] = []

    def loss(lib: Any, *ws: Any) -> Any:
        z = jax_mlp(dict(zip(SHAPES, ws, strict=True)), x)
        z = z - lib.log(lib.exp(z).sum(1))[:, None]
        return -(hot * z).sum() / 128

    if peer in OURS:
        tg, tensor = library(peer)
        ws, vs = ([tensor(p) for p in ps] for ps in (params, vectors))
        whole = compiled(peer, lambda ws, vs: tg.hvp(lambda *own: loss(tg, *own), tuple(ws), tuple(vs)))
        given = lambda: whole(ws, vs)
    elif peer == "PyTorch":
        torch, tensor = library(peer)
        x, hot = tensor(x), tensor(hot)
        ws, vs = (tuple(tensor(p) for p in ps) for ps in (params, vectors))
        given = lambda: torch.autograd.functional.hvp(lambda *own: loss(torch, *own), ws, vs)[1]
    elif peer == "JAX":
        jx, jnp = jax()
        ws, vs = (tuple(map(jnp.asarray, ps)) for ps in (params, vectors))
        slope = jx.grad(lambda ws: loss(jnp, *ws))
        jitted = jx.jit(lambda ws, vs: jx.jvp(slope, (ws,), (vs,))[1])
        given = lambda: jx.block_until_ready(jitted(ws, vs))
    else:
        own: Any = importlib.import_module("autograd.numpy")
        grad = importlib.import_module("autograd").grad
        slope = grad(lambda ws: loss(own, *ws))
        along = grad(lambda ws: sum((g * v).sum() for g, v in zip(slope(ws), vectors, strict=True)))
        given = lambda: along(tuple(params))

    def run() -> Any:
        last[:] = [given()]

    return Job(run, lambda: arrays(last[0]))


def arrays(found: Any) -> list[Array]:
    return [v.numpy() if hasattr(v, "numpy") else np.asarray(v) for v in found]
