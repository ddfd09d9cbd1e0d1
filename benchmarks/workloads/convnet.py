"""A training step of a network of two convolutions on 64 images of 28 x 28, with SGD."""

from typing import Any

from .common import Job, jax, normal, rng, training

NAME = "ConvNet 1-16-32 on 64 images of 28x28, SGD"
GOAL = 1.0
PEERS = ("PyTorch", "torch.compile", "JAX")


def build(nn: Any) -> Any:
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(32 * 49, 10),
    )  # fmt: skip


def forward(p: Any, x: Any) -> Any:
    jx, _ = jax()
    for k in ("0", "3"):
        x = jx.lax.conv(x, p[f"{k}.weight"], (1, 1), "SAME") + p[f"{k}.bias"][:, None, None]
        x = jx.nn.relu(x)
        x = jx.lax.reduce_window(x, -float("inf"), jx.lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")
    return x.reshape(len(x), -1) @ p["7.weight"].T + p["7.bias"]


def job(peer: str) -> Job:
    return training(peer, build, normal(64, 1, 28, 28), rng().integers(10, size=64), "SGD", forward)
