"""A character model: a cell by hand, unrolled and clipped, then nn.RNN; names are sampled from it."""

import numpy as np

import tinygrad_edu as tg
from tinygrad_edu import nn, optim
from tinygrad_edu.nn import functional as F

NAMES = ["aachenosaurus", "abelisaurus", "achelousaurus", "acrotholus", "aegyptosaurus", "aerosteon", "alamosaurus"]
CHARACTERS = ["\n", *sorted(set("".join(NAMES)))]
INDEX = {c: i for i, c in enumerate(CHARACTERS)}


def cell(
    x: tg.Tensor, a: tg.Tensor, Wax: tg.Tensor, Waa: tg.Tensor, ba: tg.Tensor, Wya: tg.Tensor, by: tg.Tensor
) -> tuple[tg.Tensor, tg.Tensor]:
    a = tg.tanh(Wax @ x + Waa @ a + ba)
    return a, Wya @ a + by


def by_hand(steps: int, hidden: int = 16) -> list[float]:
    rng = np.random.default_rng(0)
    n = len(CHARACTERS)
    shapes: list[tuple[int, ...]] = [(hidden, n), (hidden, hidden), (hidden,), (n, hidden), (n,)]
    parameters = [tg.tensor(0.1 * rng.normal(size=s), requires_grad=True) for s in shapes]
    losses: list[float] = []
    for step in range(steps):
        name = NAMES[step % len(NAMES)]
        inputs = [None, *(INDEX[c] for c in name)]
        targets = [*(INDEX[c] for c in name), INDEX["\n"]]
        a = tg.zeros(hidden, dtype=tg.float64)
        loss = tg.zeros((), dtype=tg.float64)
        for i, t in zip(inputs, targets, strict=True):
            x = tg.zeros(n, dtype=tg.float64) if i is None else F.one_hot(i, n).astype(tg.float64)
            a, z = cell(x, a, *parameters)
            loss = loss - F.log_softmax(z, axis=-1)[t]
        gradients = tg.autograd.grad(loss, parameters)
        parameters = [
            tg.tensor(p.detach() - 0.05 * tg.clip(g, -5, 5), requires_grad=True)
            for p, g in zip(parameters, gradients, strict=True)
        ]
        losses.append(loss.item() / len(targets))
    return losses


class Model(nn.Module):
    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(len(CHARACTERS), 8)
        self.rnn = nn.RNN(8, hidden, batch_first=True)
        self.out = nn.Linear(hidden, len(CHARACTERS))

    def forward(self, x: tg.Tensor, h: tg.Tensor | None = None) -> tuple[tg.Tensor, tg.Tensor]:
        y, h = self.rnn(self.embed(x), h)
        return self.out(y), h

    def sample(self, rng: np.random.Generator, longest: int = 20) -> str:
        letters: list[str] = []
        h: tg.Tensor | None = None
        i = 0
        with tg.no_grad():
            while len(letters) < longest:
                z, h = self(tg.tensor([[i]]), h)
                p = F.softmax(z[0, -1].astype(tg.float64), axis=-1).numpy()
                i = int(rng.choice(len(p), p=p))
                if CHARACTERS[i] == "\n":
                    break
                letters.append(CHARACTERS[i])
        return "".join(letters)


def main() -> None:
    first, *_, last = by_hand(40)
    print(first, last)
    tg.manual_seed(0)
    model = Model(24)
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    losses: list[float] = []
    for _ in range(10):
        for name in NAMES:
            x = tg.tensor([[0, *(INDEX[c] for c in name)]])
            y = tg.tensor([*(INDEX[c] for c in name), 0])
            z, _ = model(x)
            loss = F.cross_entropy(z[0], y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    print(losses[-1], model.sample(np.random.default_rng(1)))


if __name__ == "__main__":
    main()
