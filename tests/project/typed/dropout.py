"""Inverted dropout: a mask of one's own beside nn.Dropout, training and evaluation mode."""

import numpy as np

import tinygrad_edu as tg
from tinygrad_edu import nn, optim
from tinygrad_edu.nn import functional as F


class Inverted(nn.Module):
    def __init__(self, keep: float, rng: tg.random.Generator) -> None:
        super().__init__()
        self.keep = keep
        self.rng = rng

    def forward(self, a: tg.Tensor) -> tg.Tensor:
        if not self.training:
            return a
        mask = self.rng.uniform(size=a.shape) < self.keep
        return a * mask / self.keep


class Net(nn.Module):
    def __init__(self, keep: float) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(2, 20),
            nn.ReLU(),
            Inverted(keep, tg.random.default_rng(4)),
            nn.Linear(20, 10),
            nn.ReLU(),
            nn.Dropout(p=1 - keep),
        )
        self.head = nn.Linear(10, 1)

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        return self.head(self.body(x)).squeeze(-1)


def main() -> None:
    tg.manual_seed(2)
    rng = np.random.default_rng(2)
    x = rng.normal(size=(256, 2)).astype(np.float32)
    y = (np.hypot(x[:, 0], x[:, 1]) < 1).astype(np.float32)
    model = Net(keep=0.86)
    optimizer = optim.SGD(model.parameters(), lr=0.3, momentum=0.9)
    losses: list[float] = []
    for _ in range(200):
        optimizer.zero_grad()
        loss = F.binary_cross_entropy_with_logits(model(tg.tensor(x)), tg.tensor(y))
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    model.eval()
    with tg.no_grad():
        a, b = model(tg.tensor(x)), model(tg.tensor(x))
    assert (a == b).all()
    accuracy = ((a > 0).numpy() == (y > 0.5)).mean()
    model.train()
    print(losses[-1], accuracy, model.training, len(list(model.parameters())))
    for layer in model.body:
        print(layer)


if __name__ == "__main__":
    main()
