"""A network with one hidden layer on data in a flower: parameters in a dict, updates by hand."""

import numpy as np
import numpy.typing as npt

import tinygrad_edu as tg

Parameters = dict[str, tg.Tensor]


def flower(m: int, rng: np.random.Generator) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    labels = np.arange(m) % 2
    t = rng.uniform(0, 3.12, m) + 3.12 * labels
    r = 4 * np.sin(4 * t) + 0.2 * rng.normal(size=m)
    return np.stack([r * np.sin(t), r * np.cos(t)]), labels[None, :].astype(np.float64)


def initialise(n_x: int, n_h: int, n_y: int, rng: np.random.Generator) -> Parameters:
    return {
        "W1": tg.tensor(rng.normal(size=(n_h, n_x)) * 0.5, requires_grad=True),
        "b1": tg.zeros((n_h, 1), dtype=tg.float64).requires_grad_(),
        "W2": tg.tensor(rng.normal(size=(n_y, n_h)) * 0.5, requires_grad=True),
        "b2": tg.zeros((n_y, 1), dtype=tg.float64).requires_grad_(),
    }


def forward(X: npt.NDArray[np.float64], p: Parameters) -> tg.Tensor:
    A1 = tg.tanh(p["W1"] @ X + p["b1"])
    return tg.sigmoid(p["W2"] @ A1 + p["b2"])


def cost_of(A2: tg.Tensor, Y: npt.NDArray[np.float64]) -> tg.Tensor:
    m: int = Y.shape[1]
    return -(tg.log(A2) * Y + tg.log(1 - A2) * (1 - Y)).sum() / m


def update(p: Parameters, rate: float) -> Parameters:
    new: Parameters = {}
    for name, value in p.items():
        assert value.grad is not None
        new[name] = tg.tensor(value.detach() - rate * value.grad, requires_grad=True)
    return new


def main() -> None:
    rng = np.random.default_rng(3)
    X, Y = flower(200, rng)
    p = initialise(2, 6, 1, rng)
    costs: list[float] = []
    for _ in range(800):
        J = cost_of(forward(X, p), Y)
        J.backward()
        p = update(p, 1.2)
        costs.append(J.item())
    right = (forward(X, p).numpy() > 0.5) == (Y > 0.5)
    print(f"cost {costs[0]:.3f} -> {costs[-1]:.3f}, accuracy {right.mean():.2f}")
    assert right.mean() > 0.8


if __name__ == "__main__":
    main()
