"""The graph of a loss of one's own: focal loss, drawn, explained, played, asked why a gradient is None."""

import pathlib
import sys

import numpy as np

import tinygrad_edu as tg
from tinygrad_edu import nn


def focal_loss(z: tg.Tensor, y: tg.Tensor, gamma: float = 2.0) -> tg.Tensor:
    p = tg.sigmoid(z)
    pt = tg.where(y > 0.5, p, 1 - p)
    return -((1 - pt) ** gamma * tg.log(tg.clip(pt, 1e-7, 1.0))).mean()


class Huber(nn.Module):
    def __init__(self, delta: float = 1.0) -> None:
        super().__init__()
        self.delta = delta

    def forward(self, prediction: tg.Tensor, target: tg.Tensor) -> tg.Tensor:
        e = tg.abs(prediction - target)
        small = tg.minimum(e, self.delta)
        return (0.5 * small**2 + self.delta * (e - small)).mean()


softplus = tg.custom_op("own_softplus", lambda x: np.log1p(np.exp(x)), lambda g, y, x: g / (1 + tg.exp(-x)))


def main(folder: pathlib.Path) -> None:
    x = tg.tensor([[0.5, -1.0], [2.0, 0.3]], name="x")
    y = tg.tensor([1.0, 0.0], name="y")
    w = tg.tensor([0.1, -0.2], requires_grad=True, name="w")
    b = tg.tensor(0.0, requires_grad=True, name="b")
    unused = tg.tensor(1.0, requires_grad=True, name="unused")
    z = x @ w + b
    z.name = "z"
    loss = focal_loss(z, y)
    loss.backward()
    picture = tg.draw(loss, detail="values", backward=True, direction="down")
    picture.save(folder / "focal.svg")
    tg.viz.player(loss).save(folder / "focal.html")
    print(tg.explain(loss))
    print(tg.why(unused))
    print(w.grad, None if b.grad is None else b.grad.item())

    huber = Huber(0.5)
    value, dp = tg.value_and_grad(lambda p: huber(p, y))(z.detach())
    print(value, dp)
    H = tg.hessian(lambda w: focal_loss(x @ w, y))(w)
    print(H.shape, np.allclose(H, H.T))
    assert tg.testing.check_gradients(lambda w: focal_loss(x @ w, y), w).verdict == "RIGHT"
    assert tg.testing.check_gradients(softplus, [0.5, -1.0], order=2).verdict == "RIGHT"
    with tg.viz.detect_anomaly():
        focal_loss(x @ w, y).backward()


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "."))
