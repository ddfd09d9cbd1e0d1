"""A deep network of L layers: lists of weights, caches left to the graph, in-place updates within no_grad."""

import itertools

import numpy as np

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F


class Deep:
    def __init__(self, sizes: list[int], seed: int = 0) -> None:
        rng = tg.random.default_rng(seed)
        self.weights = [
            tg.tensor(rng.normal(size=(n, entering)) * (2 / entering) ** 0.5, requires_grad=True)
            for entering, n in itertools.pairwise(sizes)
        ]
        self.biases = [tg.zeros((n, 1)).requires_grad_() for n in sizes[1:]]

    def __call__(self, X: tg.Tensor) -> tg.Tensor:
        a = X
        for k, (W, b) in enumerate(zip(self.weights, self.biases, strict=True)):
            Z = W @ a + b
            a = F.relu(Z) if k < len(self.weights) - 1 else Z
        return a

    def parameters(self) -> list[tg.Tensor]:
        return [*self.weights, *self.biases]


def train(model: Deep, X: tg.Tensor, Y: tg.Tensor, rate: float, steps: int) -> list[float]:
    costs: list[float] = []
    for step in range(steps):
        J = F.binary_cross_entropy_with_logits(model(X), Y)
        J.backward()
        with tg.no_grad():
            for p in model.parameters():
                if p.grad is not None:
                    p -= rate * p.grad
                p.grad = None
        if step % 100 == 0:
            costs.append(float(J))
    return costs


def main() -> None:
    rng = np.random.default_rng(0)
    X = tg.tensor(rng.normal(size=(4, 128)).astype(np.float32))
    Y = (X[0:1] * X[1:2] > 0).astype(tg.float32)
    model = Deep([4, 20, 7, 5, 1])
    costs = train(model, X, Y, 0.3, 1000)
    print([round(c, 3) for c in costs])
    predictions = tg.sigmoid(model(X)) > 0.5
    accuracy = (predictions.numpy() == Y.numpy()).mean()
    print("accuracy", accuracy)
    first = model.weights[0]
    print(first.grad, first.shape, first[0, :2].tolist(), tg.max(abs(first)).item())


if __name__ == "__main__":
    main()
