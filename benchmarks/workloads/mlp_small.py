"""A training step of an MLP 2-16-16-2 on 32 points, with Adam."""

from .common import Job, mlp_training

NAME = "MLP 2-16-16-2, batch 32, Adam"
GOAL = 4
PEERS = ("PyTorch", "torch.compile", "JAX")


def job(peer: str) -> Job:
    return mlp_training(peer, (2, 16, 16, 2), 32)
