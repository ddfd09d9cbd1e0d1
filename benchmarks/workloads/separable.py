"""A training step of a depthwise separable block, as of MobileNet, on 32 images of 32 x 32, with SGD."""

from typing import Any

from .common import Job, jax, normal, rng, training

NAME = "depthwise separable block, 16-32 channels on 32 images of 32x32, SGD"
GOAL = None
PEERS = ("PyTorch", "torch.compile", "JAX")


def build(nn: Any) -> Any:
    class Mean(nn.Module):  # type: ignore[name-defined, misc]
        def forward(self, x: Any) -> Any:
            return x.mean((2, 3))

    return nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(),
        nn.Conv2d(16, 16, 3, padding=1, groups=16, bias=False), nn.BatchNorm2d(16), nn.ReLU(),
        nn.Conv2d(16, 32, 1, bias=False), nn.BatchNorm2d(32), nn.ReLU(), Mean(), nn.Linear(32, 10),
    )  # fmt: skip


def forward(p: Any, x: Any) -> Any:
    jx, jnp = jax()

    def norm(x: Any, k: str) -> Any:
        mean, var = x.mean((0, 2, 3), keepdims=True), x.var((0, 2, 3), keepdims=True)
        gain, shift = (p[f"{k}.{name}"][:, None, None] for name in ("weight", "bias"))
        return (x - mean) / jnp.sqrt(var + 1e-5) * gain + shift

    x = jx.nn.relu(jx.lax.conv(x, p["0.weight"], (1, 1), "SAME") + p["0.bias"][:, None, None])
    x = jx.lax.conv_general_dilated(x, p["2.weight"], (1, 1), "SAME", feature_group_count=16)
    x = jx.nn.relu(norm(x, "3"))
    x = jx.nn.relu(norm(jx.lax.conv(x, p["5.weight"], (1, 1), "SAME"), "6"))
    return x.mean((2, 3)) @ p["9.weight"].T + p["9.bias"]


def job(peer: str) -> Job:
    return training(peer, build, normal(32, 3, 32, 32), rng().integers(10, size=32), "SGD", forward)
