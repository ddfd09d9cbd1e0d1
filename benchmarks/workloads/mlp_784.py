"""A training step of an MLP 784-256-128-10 on 128 images, with Adam."""

from .common import Job, mlp_training

NAME = "MLP 784-256-128-10, batch 128, Adam"
GOAL = 1.1
PEERS = ("PyTorch", "torch.compile", "JAX")


def job(peer: str) -> Job:
    return mlp_training(peer, (784, 256, 128, 10), 128)
