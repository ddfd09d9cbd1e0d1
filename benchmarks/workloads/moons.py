"""micrograd's own demonstration: a step of gradient descent of an MLP 2-16-16-1 on 100 points of two moons, with the
hinge loss and a small penalty; parameters are arrays here, and single numbers in micrograd."""

import importlib
from typing import Any

import numpy as np

from .common import Array, Job, gradient, weights

NAME = "moons, MLP 2-16-16-1, 100 points, value and gradient"
GOAL = None
PEERS = ("PyTorch", "torch.compile", "JAX", "autograd", "MyGrad", "micrograd")
SHAPES = {"W1": (2, 16), "b1": (16,), "W2": (16, 16), "b2": (16,), "W3": (16, 1), "b3": (1,)}


def moons() -> tuple[Array, Array]:
    angle = np.linspace(0, np.pi, 50)
    outer, inner = np.stack([np.cos(angle), np.sin(angle)], 1), np.stack([1 - np.cos(angle), 0.5 - np.sin(angle)], 1)
    x = np.concatenate([outer, inner]) + np.random.default_rng(0).normal(size=(100, 2)) * 0.1
    return x.astype(np.float32), np.repeat(np.float32([-1, 1]), 50)


def job(peer: str) -> Job:
    x, y = moons()
    values = list(weights(SHAPES).values())
    if peer == "micrograd":
        return micrograd(x, y, values)
    if peer in ("PyTorch", "torch.compile"):
        torch: Any = importlib.import_module("torch")
        x, y = torch.tensor(x), torch.tensor(y)

    def loss(lib: Any, W1: Any, b1: Any, W2: Any, b2: Any, W3: Any, b3: Any) -> Any:
        h = lib.maximum(lib.matmul(x, W1) + b1, 0 * b1)
        h = lib.maximum(lib.matmul(h, W2) + b2, 0 * b2)
        score = (lib.matmul(h, W3) + b3)[:, 0]
        margin = 1 - score * y
        penalty = sum((p * p).sum() for p in (W1, b1, W2, b2, W3, b3))
        return lib.maximum(margin, 0 * margin).mean() + 1e-4 * penalty

    return gradient(peer, loss, *values)


def micrograd(x: Array, y: Array, values: list[Array]) -> Job:
    MLP: Any = importlib.import_module("micrograd.nn").MLP
    model, last = MLP(2, [16, 16, 1]), []
    for layer, W, b in zip(model.layers, values[::2], values[1::2], strict=True):
        for k, neuron in enumerate(layer.neurons):
            neuron.b.data = float(b[k])
            for w, value in zip(neuron.w, W[:, k], strict=True):
                w.data = float(value)

    def run() -> None:
        model.zero_grad()
        scores = [model(row) for row in x.tolist()]
        losses = [(1 + -label * score).relu() for score, label in zip(scores, y.tolist(), strict=True)]
        loss = sum(losses) * (1.0 / len(losses)) + 1e-4 * sum(p * p for p in model.parameters())
        loss.backward()
        last[:] = [loss.data]

    def found() -> list[Array]:
        gradients = []
        for layer in model.layers:
            gradients.append(np.array([[w.grad for w in neuron.w] for neuron in layer.neurons]).T)
            gradients.append(np.array([neuron.b.grad for neuron in layer.neurons]))
        return [np.array(last[0]), *gradients]

    return Job(run, found)
