"""Softmax regression on digits: softmax by hand, one-hot targets, cross entropy, a confusion table."""

import numpy as np

import tinygrad_edu as tg
from tinygrad_edu import data, nn, optim
from tinygrad_edu.nn import functional as F


def softmax(z: tg.Tensor) -> tg.Tensor:
    e = tg.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def main() -> None:
    tg.manual_seed(1)
    images, labels = data.load_digits()
    x, y, x_test, y_test = images[:1500], labels[:1500], images[1500:], labels[1500:]
    x, x_test = x.flatten(1), x_test.flatten(1)
    model = nn.Linear(x.shape[1], 10)
    optimizer = optim.Adam(model.parameters(), lr=0.02)
    for epoch in range(60):
        optimizer.zero_grad()
        z = model(x)
        loss = F.cross_entropy(z, y)
        loss.backward()
        optimizer.step()
        if epoch % 20 == 0:
            print(epoch, loss.item())

    z = model(x_test)
    by_hand = -(F.one_hot(y_test, num_classes=10) * tg.log(softmax(z))).sum(axis=1).mean()
    assert np.isclose(by_hand.item(), F.cross_entropy(z, y_test).item(), rtol=1e-4)
    assert np.allclose(softmax(z).detach().numpy(), F.softmax(z, dim=1).detach().numpy(), atol=1e-6)

    guess = z.argmax(axis=1)
    confusion = np.zeros((10, 10), dtype=int)
    for t, p in zip(y_test.tolist(), guess.tolist(), strict=True):
        confusion[t, p] += 1
    print(confusion, (guess == y_test).astype(tg.float32).mean().item())
    probability, label = softmax(z[:1]).max().item(), int(guess[0])
    print(f"{label} with {probability:.1%}")
    top = tg.topk(z[0], 3)
    print(top)


if __name__ == "__main__":
    main()
