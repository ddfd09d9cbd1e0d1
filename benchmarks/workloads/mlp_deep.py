"""A training step of an MLP of 24 layers of 64 units on 64 points, with Adam."""

from .common import Job, mlp_training

NAME = "MLP of 24 layers of 64, batch 64, Adam"
GOAL = 1.5
PEERS = ("PyTorch", "torch.compile", "JAX")


def job(peer: str) -> Job:
    return mlp_training(peer, (64,) * 25, 64)
