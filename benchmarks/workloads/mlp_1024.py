"""A training step of an MLP of four layers of 1024 units on 256 points, with Adam."""

from .common import Job, mlp_training

NAME = "MLP 1024x4-10, batch 256, Adam"
GOAL = 1.1
PEERS = ("PyTorch", "torch.compile", "JAX")


def job(peer: str) -> Job:
    return mlp_training(peer, (1024, 1024, 1024, 1024, 10), 256)
