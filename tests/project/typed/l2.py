"""L2 regularisation: the term in the cost beside weight_decay of the optimizer; both give the same step."""

import copy

import numpy as np

import tinygrad_edu as tg
from tinygrad_edu import nn, optim
from tinygrad_edu.nn import functional as F


def penalty(model: nn.Module, lambd: float) -> tg.Tensor:
    total = tg.tensor(0.0)
    for name, p in model.named_parameters():
        if name.endswith("weight"):
            total = total + (p**2).sum()
    return lambd / 2 * total


def squares(model: nn.Module) -> tg.Tensor:
    return sum(((p**2).sum() for p in model.parameters()), start=tg.tensor(0.0)) / 2


def main() -> None:
    tg.manual_seed(0)
    rng = np.random.default_rng(0)
    x = tg.tensor(rng.normal(size=(40, 3)).astype(np.float32))
    y = tg.tensor(rng.integers(0, 2, size=40))
    model = nn.Sequential(nn.Linear(3, 8, bias=False), nn.Tanh(), nn.Linear(8, 2, bias=False))
    other = copy.deepcopy(model)

    lambd = 0.1
    one = optim.SGD(model.parameters(), lr=0.1)
    two = optim.SGD(other.parameters(), lr=0.1, weight_decay=lambd)
    for _ in range(20):
        one.zero_grad()
        loss = F.cross_entropy(model(x), y) + penalty(model, lambd)
        loss.backward()
        one.step()
        two.zero_grad()
        F.cross_entropy(other(x), y).backward()
        two.step()
    for p, q in zip(model.parameters(), other.parameters(), strict=True):
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=1e-4, atol=1e-6)

    groups = [
        {"params": [p for n, p in model.named_parameters() if n == "0.weight"], "weight_decay": 0.01},
        {"params": [p for n, p in model.named_parameters() if n != "0.weight"]},
    ]
    three = optim.AdamW(groups, lr=1e-3)
    three.step()
    print(squares(model).item(), penalty(model, lambd).item(), len(three.param_groups))


if __name__ == "__main__":
    main()
