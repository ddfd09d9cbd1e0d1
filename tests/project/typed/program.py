"""A network of one hidden layer and what one looks at while it learns."""

import sys

import numpy as np

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tinygrad_edu import data, nn, optim, testing


class Net(nn.Module):
    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.first = nn.Linear(2, hidden)
        self.second = nn.Linear(hidden, 1)

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        return self.second(tg.tanh(self.first(x)))


def loss_of(model: Net, x: tg.Tensor, y: tg.Tensor) -> tg.Tensor:
    return F.binary_cross_entropy_with_logits(model(x), y)


def train(model: Net, x: tg.Tensor, y: tg.Tensor, steps: int) -> list[float]:
    optimizer = optim.Adam(model.parameters(), lr=0.05)
    losses: list[float] = []
    for _ in range(steps):
        loss = loss_of(model, x, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.item()))
    return losses


def cubes(t: tg.Tensor) -> tg.Tensor:
    return (t**3).sum()


def main(folder: str) -> None:
    tg.manual_seed(0)
    rng = np.random.default_rng(0)
    points = rng.normal(size=(64, 2)).astype(np.float32)
    x = tg.Tensor(points)
    y = tg.Tensor((points[:, :1] * points[:, 1:] > 0).astype(np.float32))
    model = Net(8)
    losses = train(model, x, y, 50)
    print(losses[-1], model.first.weight.shape)
    for batch, target in data.DataLoader(data.TensorDataset(x, y), batch_size=16):
        print(loss_of(model, batch, target).item())
    w = tg.Tensor([1.0, 2.0], requires_grad=True)
    total = (w**2).sum() + tg.add(w, 1.0).mean() + 2 * w[0]
    total.backward()
    if w.grad is not None:
        print(w.grad.numpy().tolist(), w.grad.shape[0])
    slope = tg.grad(cubes)(tg.Tensor([1.0]))
    print(slope.tolist(), tg.zeros((2, 3)).T.shape, tg.linalg.norm(w).item())
    tg.draw(total, detail="values").save(f"{folder}/graph.svg")
    print(tg.explain(total), tg.why(w))
    tg.viz.player(total).save(f"{folder}/page.html")
    tg.save(f"{folder}/model.safetensors", model.state_dict())
    model.load_state_dict(tg.load(f"{folder}/model.safetensors"))
    report = testing.check_gradients(cubes, np.array([0.5]))
    print(report.verdict)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "out")
