"""Adam by hand, with bias correction, beside optim.Adam: the same path."""

import numpy as np

import tinygrad_edu as tg
from tinygrad_edu import nn, optim


class Adam:
    def __init__(
        self, parameters: list[nn.Parameter], lr: float, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8
    ) -> None:
        self.parameters = parameters
        self.lr, self.betas, self.eps = lr, betas, eps
        self.v = [tg.zeros_like(p) for p in parameters]
        self.s = [tg.zeros_like(p) for p in parameters]
        self.t = 0

    def step(self) -> None:
        self.t += 1
        b1, b2 = self.betas
        with tg.no_grad():
            for k, p in enumerate(self.parameters):
                g = p.grad
                if g is None:
                    continue
                self.v[k] = b1 * self.v[k] + (1 - b1) * g
                self.s[k] = b2 * self.s[k] + (1 - b2) * g**2
                v = self.v[k] / (1 - b1**self.t)
                s = self.s[k] / (1 - b2**self.t)
                p -= self.lr * v / (s.sqrt() + self.eps)

    def zero_grad(self) -> None:
        for p in self.parameters:
            p.grad = None


def bowl(w: tg.Tensor) -> tg.Tensor:
    return (tg.tensor([1.0, 30.0]) * (w - 1) ** 2).sum()


def main() -> None:
    a = nn.Parameter(tg.tensor([3.0, -2.0]))
    b = nn.Parameter(a.detach().clone())
    mine, theirs = Adam([a], lr=0.1), optim.Adam([b], lr=0.1)
    schedule = optim.lr_scheduler.ExponentialLR(theirs, gamma=0.99)
    path: list[list[float]] = []
    for _ in range(150):
        mine.zero_grad()
        theirs.zero_grad()
        la, lb = bowl(a), bowl(b)
        la.backward()
        lb.backward()
        mine.lr = theirs.param_groups[0]["lr"]
        mine.step()
        theirs.step()
        schedule.step()
        path.append(a.detach().tolist())
    assert np.allclose(a.detach().numpy(), b.detach().numpy(), atol=1e-4)
    print(path[-1], schedule.get_last_lr()[0])


if __name__ == "__main__":
    main()
