"""Gradient checking of a backward pass by hand, one line of which is wrong; then mended."""

import numpy as np
import numpy.typing as npt

from tinygrad_edu import testing

Floats = npt.NDArray[np.float64]
Dict = dict[str, Floats]


def forward(W1: Floats, b1: Floats, W2: Floats, b2: Floats, X: Floats, Y: Floats) -> float:
    A1 = np.tanh(W1 @ X + b1)
    A2 = 1 / (1 + np.exp(-(W2 @ A1 + b2)))
    return float(-np.mean(Y * np.log(A2) + (1 - Y) * np.log(1 - A2)))


def backward(W1: Floats, b1: Floats, W2: Floats, b2: Floats, X: Floats, Y: Floats) -> Dict:
    m = X.shape[1]
    A1 = np.tanh(W1 @ X + b1)
    A2 = 1 / (1 + np.exp(-(W2 @ A1 + b2)))
    dZ2 = (A2 - Y) / m
    dZ1 = W2.T @ dZ2 * (1 - A1)
    return {
        "W1": dZ1 @ X.T,
        "b1": dZ1.sum(axis=1, keepdims=True),
        "W2": dZ2 @ A1.T,
        "b2": dZ2.sum(axis=1, keepdims=True),
    }


def mended(W1: Floats, b1: Floats, W2: Floats, b2: Floats, X: Floats, Y: Floats) -> Dict:
    m = X.shape[1]
    A1 = np.tanh(W1 @ X + b1)
    A2 = 1 / (1 + np.exp(-(W2 @ A1 + b2)))
    dZ2 = (A2 - Y) / m
    dZ1 = W2.T @ dZ2 * (1 - A1**2)
    return {
        "W1": dZ1 @ X.T,
        "b1": dZ1.sum(axis=1, keepdims=True),
        "W2": dZ2 @ A1.T,
        "b2": dZ2.sum(axis=1, keepdims=True),
    }


def by_differences(values: Dict, name: str, eps: float = 1e-6) -> Floats:
    found = np.zeros_like(values[name])
    for place in np.ndindex(found.shape):
        up, down = values[name].copy(), values[name].copy()
        up[place] += eps
        down[place] -= eps
        found[place] = (forward(**values | {name: up}) - forward(**values | {name: down})) / (2 * eps)
    return found


def main() -> None:
    rng = np.random.default_rng(0)
    values = {
        "W1": rng.normal(size=(4, 3)),
        "b1": rng.normal(size=(4, 1)),
        "W2": rng.normal(size=(1, 4)),
        "b2": rng.normal(size=(1, 1)),
        "X": rng.normal(size=(3, 5)),
        "Y": (rng.uniform(size=(1, 5)) > 0.5).astype(float),
    }
    slope = by_differences(values, "W1")
    given = backward(**values)["W1"]
    print(np.linalg.norm(slope - given) / (np.linalg.norm(slope) + np.linalg.norm(given)))
    report = testing.check_derivative(forward, backward, *values.values(), raises=False)
    print(report)
    assert report.verdict == "WRONG"
    print(report.blame, report.pattern)
    again = testing.check_derivative(forward, mended, *values.values())
    assert again.verdict == "RIGHT", again


if __name__ == "__main__":
    main()
