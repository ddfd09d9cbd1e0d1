"""Mini-batches: shuffled by hand, then by DataLoader; a training and a dev set."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

import tinygrad_edu as tg
from tinygrad_edu import nn, optim
from tinygrad_edu.data import DataLoader, Dataset, TensorDataset, random_split
from tinygrad_edu.nn import functional as F

Floats = npt.NDArray[np.float32]


def mini_batches(X: Floats, y: Floats, size: int, rng: np.random.Generator) -> Iterator[tuple[Floats, Floats]]:
    order = rng.permutation(len(X))
    for start in range(0, len(X), size):
        chosen = order[start : start + size]
        yield X[chosen], y[chosen]


class Waves(Dataset[tuple[tg.Tensor, tg.Tensor]]):
    def __init__(self, n: int) -> None:
        self.x = tg.linspace(-2, 2, n).reshape(-1, 1)
        self.y = tg.sin(3 * self.x)

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int) -> tuple[tg.Tensor, tg.Tensor]:
        return self.x[index], self.y[index]


def evaluate(model: nn.Module, loader: DataLoader) -> float:
    model.eval()
    total, count = 0.0, 0
    with tg.no_grad():
        for x, y in loader:
            total += F.mse_loss(model(x), y, reduction="sum").item()
            count += len(x)
    model.train()
    return total / count


def main() -> None:
    tg.manual_seed(0)
    rng = np.random.default_rng(0)
    X = np.linspace(-1, 1, 100, dtype=np.float32)[:, None]
    w = tg.zeros(1).requires_grad_()
    for xb, yb in mini_batches(X, 2 * X[:, 0], 16, rng):
        loss = ((tg.tensor(xb) @ w - tg.tensor(yb)) ** 2).mean()
        loss.backward()
        assert w.grad is not None
        w.data -= 0.1 * w.grad.data
        w.grad = None
    print(w.item())

    train, dev = random_split(Waves(200), [160, 40])
    loader = DataLoader(train, batch_size=32, shuffle=True, drop_last=False)
    dev_loader = DataLoader(dev, batch_size=40)
    model = nn.Sequential(nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 1))
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    for epoch in range(30):
        for x, y in loader:
            loss = F.mse_loss(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        if epoch % 10 == 9:
            print(epoch, f"{evaluate(model, dev_loader):.4f}")
    print(len(loader), len(TensorDataset(tg.tensor(X), tg.tensor(X))))


if __name__ == "__main__":
    main()
