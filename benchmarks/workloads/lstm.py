"""A training step of an LSTM over letters: vocabulary 64, hidden 128, 64 steps, batch 32, with Adam."""

from typing import Any

from .common import Array, Job, jax, rng, training

NAME = "LSTM, 64 steps, batch 32, hidden 128, Adam"
GOAL = 1.5
PEERS = ("PyTorch", "torch.compile", "JAX")


def letters(cell: str) -> Any:
    def build(nn: Any) -> Any:
        class Letters(nn.Module):  # type: ignore[name-defined, misc]
            def __init__(self) -> None:
                super().__init__()
                self.embedding = nn.Embedding(64, 128)
                self.cell = getattr(nn, cell)(128, 128, batch_first=True)
                self.head = nn.Linear(128, 64)

            def forward(self, x: Any) -> Any:
                return self.head(self.cell(self.embedding(x))[0])

        return Letters()

    return build


def codes() -> Array:
    return rng().integers(64, size=(32, 64))


def forward(p: Any, x: Any) -> Any:
    jx, jnp = jax()
    z = p["embedding.weight"][x.T] @ p["cell.weight_ih_l0"].T + p["cell.bias_ih_l0"] + p["cell.bias_hh_l0"]

    def step(state: Any, z: Any) -> Any:
        h, c = state
        i, f, g, o = jnp.split(z + h @ p["cell.weight_hh_l0"].T, 4, axis=1)
        c = jx.nn.sigmoid(f) * c + jx.nn.sigmoid(i) * jnp.tanh(g)
        h = jx.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    zero = jnp.zeros((x.shape[0], 128), jnp.float32)
    _, h = jx.lax.scan(step, (zero, zero), z)
    return h.swapaxes(0, 1) @ p["head.weight"].T + p["head.bias"]


def job(peer: str) -> Job:
    return training(peer, letters("LSTM"), codes(), codes(), forward=forward)
