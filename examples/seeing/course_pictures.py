"""The pictures of the course, rows 1, 2, 3, 9, 10, 11 and 13: `python examples/seeing/course_pictures.py [folder]`."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler

import tinygrad_edu as tg
from tinygrad_edu import viz

mpl.use("svg")
mpl.rcParams |= {"svg.hashsalt": "tinygrad_edu", "font.size": 11, "axes.grid": True, "grid.alpha": 0.3}
mpl.rcParams["axes.prop_cycle"] = cycler(color=["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#000000"])
FOLDER = Path(sys.argv[1] if len(sys.argv) > 1 else "out/course")


def save(figure: Any, name: str) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    figure.tight_layout()
    figure.savefig(FOLDER / f"{name}.svg", metadata={"Date": None})
    plt.close(figure)
    print(FOLDER / f"{name}.svg")


def perceptron_and_sigmoid() -> None:
    """Row 1: a step flips on a small change of weight; a sigmoid moves a little."""
    w = np.linspace(-2, 2, 801)
    step = tg.where(tg.asarray(w) > 0.5, 1.0, 0.0)
    outputs = {"perceptron: step(w x + b)": step, "sigmoid(w x + b)": tg.sigmoid(4 * w - 2)}
    figure, axes = plt.subplots(1, 2, figsize=(8, 3), sharey=True)
    for axis, (label, y) in zip(axes, outputs.items(), strict=True):
        axis.plot(w, y.data)
        for at, mark in ((0.48, "o"), (0.52, "s")):
            height = y.data[np.searchsorted(w, at)]
            axis.plot(at, height, mark, color="#d55e00", label=f"w = {at}: {height:.2f}")
        axis.set(title=label, xlabel="weight w")
        axis.legend(loc="upper left")
    axes[0].set_ylabel("output")
    save(figure, "row01_perceptron_sigmoid")


def nudges() -> None:
    """Row 2: a derivative is what a nudge does: a**2 at 2 goes to about 4.004 for a nudge of 0.001."""
    functions: dict[str, Callable[[Any], Any]] = {
        "3a": lambda a: 3 * a,
        "a²": lambda a: a**2,
        "a³": lambda a: a**3,
        "log a": tg.log,
    }
    figure, axes = plt.subplots(2, 2, figsize=(8.5, 6))
    for axis, (name, f) in zip(axes.flat, functions.items(), strict=True):
        a, nudge = np.float64(2.0), 0.5
        y, slope = tg.value_and_grad(f)(a)
        x = np.linspace(0.8, 3.2, 100)
        axis.plot(x, f(tg.asarray(x)).data, label=f"f(a) = {name}")
        axis.plot(x, y.item() + slope.item() * (x - a), "--", label=f"slope {slope.item():.3g}")
        axis.plot([a, a + nudge], [y.item()] * 2, color="#555555")
        axis.plot([a + nudge] * 2, [y.item(), y.item() + nudge * slope.item()], color="#555555")
        moved = f(tg.asarray(a + 0.001)).item()
        axis.set(title=f"a: 2 → 2.001,  f: {y.item():.5g} → {moved:.5g}", xlabel="a")
        axis.legend(loc="upper left")
    save(figure, "row02_nudges")


def draw(name: str, picture: Any) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    print(picture.save(FOLDER / f"{name}.svg"))


def computation_graph() -> Any:
    """Row 3: values left to right, derivatives right to left; and the same as a page that plays it."""

    def course(a: tg.Tensor, b: tg.Tensor, c: tg.Tensor) -> tg.Tensor:
        u = b * c
        v = a + u
        J = 3 * v
        return J

    draw("row03_graph", viz.draw(course, 5.0, 3.0, 2.0, detail="formulas", backward=True))
    print(viz.player(course, 5.0, 3.0, 2.0, title="J = 3(a + bc), step by step").save(FOLDER / "backprop.html"))


def flower(m: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """Planar data with a boundary that no line is: two classes on a rose."""
    rng = np.random.default_rng(1)
    label = np.repeat([0.0, 1.0], m // 2)
    angle = np.linspace(0, 3.12, m // 2)[None, :] + np.array([[0.0], [3.12]]) + rng.normal(size=(2, m // 2)) * 0.2
    radius = 4 * np.sin(4 * angle) + rng.normal(size=angle.shape) * 0.2
    X = np.stack([(radius * np.sin(angle)).ravel(), (radius * np.cos(angle)).ravel()])
    return X, label[None, :]


def hidden_layer(
    X: tg.Tensor, Y: tg.Tensor, W1: tg.Tensor, b1: tg.Tensor, W2: tg.Tensor, b2: tg.Tensor
) -> tuple[tg.Tensor, tg.Tensor]:
    Z1 = W1 @ X + b1
    A1 = tg.tanh(Z1)
    Z2 = W2 @ A1 + b2
    A2 = tg.sigmoid(Z2)
    L = Y * tg.log(A2) + (1 - Y) * tg.log(1 - A2)
    J = -L.mean()
    return A2, J


def start(rng: np.random.Generator, *shapes: tuple[int, int]) -> list[tg.Tensor]:
    return [tg.Tensor(rng.normal(size=s) * 0.5 if s[1] > 1 else np.zeros(s), requires_grad=True) for s in shapes]


def planar_classifier() -> float:
    """Row 9: one hidden layer of tanh units learns a boundary that logistic regression cannot."""
    X, Y = flower()
    parameters = start(np.random.default_rng(3), (6, 2), (6, 1), (1, 6), (1, 1))
    losses: list[float] = []
    for _ in range(3000):
        _, J = hidden_layer(tg.Tensor(X), tg.Tensor(Y), *parameters)
        losses.append(J.item())
        J.backward()
        for p in parameters:
            p.data, p.grad = p.data - 1.2 * p.grad.data, None
    x, y = np.meshgrid(np.linspace(-5, 5, 120), np.linspace(-5, 5, 120))
    grid = np.stack([x.ravel(), y.ravel()])
    with tg.no_grad():
        A2, _ = hidden_layer(tg.Tensor(grid), tg.zeros((1, grid.shape[1])), *parameters)
        right, _ = hidden_layer(tg.Tensor(X), tg.Tensor(Y), *parameters)
    accuracy = float(((right.data > 0.5) == (Y > 0.5)).mean())
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6))
    axes[0].contourf(x, y, A2.data.reshape(x.shape), levels=[0, 0.5, 1], colors=["#d5e8f5", "#fdebc8"])
    for k, (mark, colour) in enumerate([("o", "#0072b2"), ("^", "#b34700")]):
        axes[0].plot(*X[:, Y[0] == k], mark, color=colour, markersize=4, label=f"y = {k}")
    axes[0].set(title=f"{accuracy:.0%} of the training points are right", xlabel="x₁", ylabel="x₂")
    axes[0].legend(loc="upper right")
    axes[1].plot(losses)
    axes[1].set(title="cost J", xlabel="iteration")
    save(figure, "row09_boundary")
    return accuracy


def backward_equations() -> None:
    """Row 9's graph, and row 10: the six backward equations, read off the rules."""
    X = tg.Tensor(flower(10)[0], name="X")
    W1, b1, W2, b2 = start(np.random.default_rng(3), (4, 2), (4, 1), (1, 4), (1, 1))
    Z1 = W1 @ X + b1
    A1 = tg.tanh(Z1)
    Z2 = W2 @ A1 + b2
    A2 = tg.sigmoid(Z2)
    draw("row09_graph", viz.draw(A2, detail="ops", inline=True))
    draw("row10_equations", viz.draw(A2, detail="ops", inline=True, backward=True))


def activations() -> None:
    """Row 11: activations and their slopes, which are what the backward pass multiplies by."""
    z = np.linspace(-5, 5, 401)
    functions: dict[str, Callable[[Any], Any]] = {
        "sigmoid: a(1 - a)": tg.sigmoid, "tanh: 1 - a²": tg.tanh, "ReLU: 0 or 1": tg.relu,
        "leaky ReLU: 0.01 or 1": lambda v: tg.where(v > 0, v, 0.01 * v),
    }  # fmt: skip
    figure, axes = plt.subplots(2, 2, figsize=(8.5, 5), sharex=True)
    for axis, (name, f) in zip(axes.flat, functions.items(), strict=True):
        slope = tg.vmap(tg.grad(f))(z)
        axis.plot(z, f(tg.asarray(z)).data, label="g(z)")
        axis.plot(z, slope.data, "--", label="slope g'(z)")
        axis.set(title=name, ylim=(-1.2, 1.6))
        axis.legend(loc="lower right")
    for axis in axes[1]:
        axis.set_xlabel("z")
    save(figure, "row11_activations")


def deep_network() -> None:
    """Row 13: an L-layer network with the shapes of W, b, Z, A."""
    rng = np.random.default_rng(0)
    n = [3, 5, 4, 1]
    A = tg.Tensor(rng.normal(size=(n[0], 8)), name="X")
    for layer in range(1, len(n)):
        W = tg.Tensor(rng.normal(size=(n[layer], n[layer - 1])), requires_grad=True, name=f"W{layer}")
        b = tg.Tensor(np.zeros((n[layer], 1)), requires_grad=True, name=f"b{layer}")
        Z = W @ A + b
        Z.name = f"Z{layer}"
        A = tg.sigmoid(Z) if layer == len(n) - 1 else tg.relu(Z)
        A.name = f"A{layer}"
    draw("row13_layers", viz.draw(A, detail="ops", inline=True))


if __name__ == "__main__":
    perceptron_and_sigmoid()
    nudges()
    computation_graph()
    accuracy = planar_classifier()
    assert accuracy > 0.85, accuracy
    backward_equations()
    activations()
    deep_network()
