"""Logistic regression by hand: cost, its derivatives in vector form, gradient descent; then the same by autograd."""

import numpy as np
import numpy.typing as npt

import tinygrad_edu as tg

Floats = npt.NDArray[np.float64]


def sigmoid(z: Floats) -> Floats:
    return 1 / (1 + np.exp(-z))


def propagate(w: Floats, b: float, X: Floats, Y: Floats) -> tuple[float, Floats, float]:
    m = X.shape[1]
    A = sigmoid(w.T @ X + b)
    cost = float(-np.mean(Y * np.log(A) + (1 - Y) * np.log(1 - A)))
    return cost, X @ (A - Y).T / m, float(np.sum(A - Y) / m)


def cost_of(w: tg.Tensor, b: tg.Tensor, X: tg.Tensor, Y: tg.Tensor) -> tg.Tensor:
    A = tg.sigmoid(w.T @ X + b)
    return -(Y * tg.log(A) + (1 - Y) * tg.log(1 - A)).mean()


def main() -> None:
    rng = np.random.default_rng(1)
    X = rng.normal(size=(3, 100))
    Y = (X[0:1] + 0.5 * X[1:2] > 0).astype(np.float64)
    w, b = np.zeros((3, 1)), 0.0
    for step in range(200):
        cost, dw, db = propagate(w, b, X, Y)
        w, b = w - 0.5 * dw, b - 0.5 * db
        if step % 50 == 0:
            print(f"{step:4} {cost:.4f}")

    tw = tg.tensor(w, requires_grad=True)
    tb = tg.tensor(b, dtype=tg.float64, requires_grad=True)
    J = cost_of(tw, tb, tg.tensor(X), tg.tensor(Y))
    J.backward()
    _, dw, db = propagate(w, b, X, Y)
    assert tw.grad is not None
    assert tb.grad is not None
    assert np.allclose(tw.grad, dw)
    assert np.isclose(tb.grad.item(), db)
    with tg.no_grad():
        predicted = tg.sigmoid(tw.T @ X + tb) > 0.5
    accuracy = (predicted == tg.tensor(Y > 0.5)).astype(tg.float64).mean()
    print("accuracy", accuracy.item())
    print(tg.testing.check_gradients(lambda w: cost_of(w, tb.detach(), tg.tensor(X), tg.tensor(Y)), w).verdict)


if __name__ == "__main__":
    main()
