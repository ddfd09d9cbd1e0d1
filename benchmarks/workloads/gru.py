"""A training step of a GRU over letters: vocabulary 64, hidden 128, 64 steps, batch 32, with Adam."""

from typing import Any

from .common import Job, jax, training
from .lstm import codes, letters

NAME = "GRU, 64 steps, batch 32, hidden 128, Adam"
GOAL = 1.5
PEERS = ("PyTorch", "torch.compile", "JAX")


def forward(p: Any, x: Any) -> Any:
    jx, jnp = jax()
    z = p["embedding.weight"][x.T] @ p["cell.weight_ih_l0"].T + p["cell.bias_ih_l0"]

    def step(h: Any, z: Any) -> Any:
        own = h @ p["cell.weight_hh_l0"].T + p["cell.bias_hh_l0"]
        (r, u, n), (hr, hu, hn) = jnp.split(z, 3, axis=1), jnp.split(own, 3, axis=1)
        u, n = jx.nn.sigmoid(u + hu), jnp.tanh(n + jx.nn.sigmoid(r + hr) * hn)
        h = (1 - u) * n + u * h
        return h, h

    _, h = jx.lax.scan(step, jnp.zeros((x.shape[0], 128), jnp.float32), z)
    return h.swapaxes(0, 1) @ p["head.weight"].T + p["head.bias"]


def job(peer: str) -> Job:
    return training(peer, letters("GRU"), codes(), codes(), forward=forward)
