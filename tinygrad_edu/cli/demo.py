"""The demo: from handwritten digits to a trained, checked and drawn network, in a few seconds."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from .. import data, optim, random, testing
from ..errors import MissingLibraryError
from ..functions.arguments import lift
from ..functions.contract import matmul
from ..functions.elementwise import relu
from ..nn.functional import cross_entropy
from ..nn.parameter import Parameter
from ..recording import no_grad
from ..viz import draw

HIDDEN, BATCH, EPOCHS, FOLDS = 128, 32, 30, 5
PICTURES = ("graph.svg", "graph.png", "loss.png")
LEARNING_RATE, WEIGHT_DECAY, NOISE = 7e-3, 0.1, 0.2


class Network:
    """Two layers, written from tensor operations: logits = relu(x @ W1 + b1) @ W2 + b2.

    Shapes: `(batch, 64) -> (batch, 10)`. Initial values: W normal with scale sqrt(2 / inputs), b zero.
    """

    def __init__(self, rng: random.Generator) -> None:
        self.parameters = {
            "W1": Parameter(rng.normal(0.0, (2 / 64) ** 0.5, (64, HIDDEN)), name="W1"),
            "b1": Parameter(np.zeros(HIDDEN), dtype="float32", name="b1"),
            "W2": Parameter(rng.normal(0.0, (2 / HIDDEN) ** 0.5, (HIDDEN, 10)), name="W2"),
            "b2": Parameter(np.zeros(10), dtype="float32", name="b2"),
        }

    def __call__(self, x: Any, W1: Any = None, b1: Any = None, W2: Any = None, b2: Any = None) -> Any:
        own = self.parameters
        W1, b1 = own["W1"] if W1 is None else W1, own["b1"] if b1 is None else b1
        W2, b2 = own["W2"] if W2 is None else W2, own["b2"] if b2 is None else b2
        return matmul(relu(matmul(x, W1) + b1), W2) + b2


def splits(rng: random.Generator) -> Iterator[tuple[Any, Any, Any, Any]]:
    """The digits as rows of 64 numbers, in five ways: each fifth once to test with, the rest to train."""
    images, labels = data.load_digits()
    order = rng.permutation(len(images)).data
    x = images.reshape(-1, 64)
    for fold in range(FOLDS):
        test = order[fold::FOLDS]
        rest = np.setdiff1d(order, test)
        yield x[rest], labels[rest], x[test], labels[test]


def accuracy(network: Network, x: object, y: object) -> float:
    """The share of images whose largest logit is the right digit's."""
    with no_grad():
        return float((network(x).argmax(axis=1) == y).astype("float32").mean())


def train(network: Network, x: Any, y: Any, rng: random.Generator, bar: Any) -> list[float]:
    """AdamW on noisy batches of 32, with a learning rate that falls to 0; the loss of every step."""
    adam = optim.AdamW(network.parameters.values(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    losses: list[float] = []
    for epoch in range(EPOCHS):
        adam.param_groups[0]["lr"] = LEARNING_RATE * (1 - epoch / EPOCHS)
        order = rng.permutation(len(x))
        for start in range(0, len(x), BATCH):
            batch = order[start : start + BATCH]
            noisy = x[batch] + rng.normal(0.0, NOISE, (len(batch), 64))
            loss = cross_entropy(network(noisy), y[batch])
            adam.zero_grad()
            loss.backward()
            adam.step()
            losses.append(loss.item())
        bar.update()
        bar.set_postfix(loss=f"{losses[-1]:.4f}")
    return losses


def extras() -> tuple[Any, Any]:
    """What the demo needs and other parts do not: a progress bar and a figure."""
    try:
        from tqdm import tqdm
    except ImportError as error:
        raise MissingLibraryError("demo: the progress bar", "tqdm", "demo") from error
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingLibraryError("demo: the loss curve", "matplotlib", "demo") from error
    return tqdm, Figure


def place(out: Path) -> None:
    """The folder, made where there is none: one that cannot be written to is refused now, not after training."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=out):
        pass
    for path in (out / name for name in PICTURES):
        if path.exists():
            open(path, "ab").close()


def check(network: Network, x: Any, y: Any) -> Any:
    """The derivatives of the trained network's loss by all its parameters, in float64."""
    values = {name: np.float64(p.data) for name, p in network.parameters.items()}
    x64 = lift(x).astype("float64")

    def loss(W1: object, b1: object, W2: object, b2: object) -> Any:
        return cross_entropy(network(x64, W1, b1, W2, b2), y)

    return testing.check_gradients(loss, *values.values(), raises=False)


def plot(histories: list[list[float]], path: Path, Figure: Any) -> None:
    """The loss of each step, and its mean over epochs, for every split."""
    figure = Figure(figsize=(6, 3.5), layout="constrained")
    axes = figure.subplots()
    for fold, losses in enumerate(histories):
        each = len(losses) // EPOCHS
        means = np.reshape(losses, (EPOCHS, each)).mean(axis=1)
        label = ("each step", "mean of an epoch") if fold == 0 else (None, None)
        axes.semilogy(losses, color="#9ec5e8", linewidth=0.5, label=label[0])
        axes.semilogy(np.arange(EPOCHS) * each + each / 2, means, color="#1f5fa8", label=label[1], zorder=3)
    axes.set(xlabel="step", ylabel="cross-entropy", title=f"Training on handwritten digits, {len(histories)} splits")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)


def run(seed: int, out: Path) -> int:
    """Train, test, check, draw and plot; 0 if all is well."""
    start = time.perf_counter()
    tqdm, figure = extras()
    place(out)
    rng = random.default_rng(seed)
    shares, histories = [], []
    print(f"1,797 handwritten digits, split {FOLDS} ways into training and test sets; seed {seed}")
    with tqdm(total=FOLDS * EPOCHS, desc="training", unit="epoch") as bar:
        for x, y, x_test, y_test in splits(rng):
            network = Network(rng)
            histories.append(train(network, x, y, rng, bar))
            shares.append(accuracy(network, x_test, y_test))
    mean = sum(shares) / FOLDS
    print(f"test accuracy: {mean:.2%} (each split: {', '.join(f'{share:.2%}' for share in shares)})")
    report = check(network, x_test[:8], y_test[:8])
    print(f"derivatives:   {report.verdict}: {report.diagnosis}")
    loss = cross_entropy(network(x_test[:4]), y_test[:4])
    loss.name = "loss"
    picture = draw(loss, detail="ops")
    for name in PICTURES[:2]:
        print(f"graph:         {picture.save(out / name)}")
    plot(histories, out / PICTURES[2], figure)
    print(f"loss curve:    {out / PICTURES[2]}")
    print(f"done in {time.perf_counter() - start:.1f} s")
    return 0 if mean >= 0.97 and report.verdict == "RIGHT" else 1
