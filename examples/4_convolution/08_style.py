# %% [markdown]
# # Style by optimising the input
#
# Course 4: the weights stay, the *image* is trained: the content of one picture in the style of another.

# %%
import os
import pathlib
from functools import partial
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tinygrad_edu import nn, optim, testing

QUICK = "QUICK" in os.environ
OUT = pathlib.Path(os.environ.get("OUT", "out"))
OUT.mkdir(parents=True, exist_ok=True)
SIZE = 48 if QUICK else 80

# %% [markdown]
# The style of a layer is its Gram matrix: how much each two channels answer together, wherever in the image. With
# the activations unrolled to `A (n_C, n_H n_W)` it is `A A.T`. The cost of style is
# `J_S = sum((G(S) - G(G))^2) / (2 n_C n_H n_W)^2`, its derivative by hand `dA = A (G(G) - G(S)) 4 / (2 n_C n_H n_W)^2`.


# %%
def style_cost(A: Any, gram_style: Any) -> Any:
    gram = A @ A.T
    return ((gram - gram_style) ** 2).sum() / (2 * A.shape[0] * A.shape[1]) ** 2


def style_cost_backward(A: np.ndarray, gram_style: np.ndarray) -> Any:
    return 4 * (A @ A.T - gram_style) @ A / (2 * A.shape[0] * A.shape[1]) ** 2


S, A = np.random.default_rng(0).normal(size=(2, 3, 20))
gram_style = S @ S.T
report = testing.check_derivative(
    partial(style_cost, gram_style=gram_style), partial(style_cost_backward, gram_style=gram_style), A
)
print("derivative of the style cost by hand:", report.verdict)

# %% [markdown]
# Two generated pictures, colours first: `(3, height, width)`. Content: a house under the sun. Style: a weave of waves.

# %%
y, x = np.mgrid[:SIZE, :SIZE] / SIZE
content = np.stack([0.55 + 0 * x, 0.75 + 0 * x, 0.95 - 0.2 * y])
for mask, color in (
    (y > 0.75, (0.35, 0.6, 0.3)),
    ((x - 0.8) ** 2 + (y - 0.2) ** 2 < 0.012, (1, 0.9, 0.3)),
    ((abs(x - 0.4) < 0.22) & (y > 0.5) & (y < 0.82), (0.85, 0.8, 0.7)),
    ((abs(x - 0.4) < (y - 0.25) * 1.1) & (y > 0.25) & (y < 0.5), (0.7, 0.25, 0.2)),
    ((abs(x - 0.4) < 0.05) & (y > 0.62) & (y < 0.82), (0.3, 0.2, 0.15)),
):
    content[:, mask] = np.array(color)[:, None]
wave = np.sin(2 * np.pi * (7 * x + 0.6 * np.sin(9 * y))), np.sin(2 * np.pi * (6 * y + 0.5 * np.sin(8 * x)))
style = np.stack([0.5 + 0.45 * wave[0], 0.35 + 0.3 * wave[0] * wave[1], 0.55 + 0.4 * wave[1]])

# %% [markdown]
# The course takes a large trained network (VGG). Here no weights are downloaded: filters as they are drawn at random,
# of several sizes, already tell edges, colours and textures apart. They stay as they are: `requires_grad_(False)`.

# %%
rng = tg.random.default_rng(0)
layers = [nn.Conv2d(3, 32, f, bias=False, rng=rng) for f in (3, 5, 7, 11)]
for layer in layers:
    nn.init.kaiming_normal_(layer.weight, rng=rng)
    layer.requires_grad_(False)


def activations(image: tg.Tensor) -> list[tg.Tensor]:
    return [F.relu(layer(image - 0.5)).reshape(layer.out_channels, -1) for layer in layers]  # (n_C, n_H n_W)


with tg.no_grad():
    content_found = activations(tg.asarray(content, dtype="float32"))
    style_grams = [A @ A.T for A in activations(tg.asarray(style, dtype="float32"))]


def costs(image: tg.Tensor) -> tuple[Any, Any]:
    found = activations(image)
    J_style = sum(style_cost(A, gram) for A, gram in zip(found, style_grams, strict=True))
    J_content = sum(((A - C) ** 2).mean() for A, C in zip(found, content_found, strict=True))
    return J_content, J_style


# %% [markdown]
# Gradient descent on the pixels: the optimizer is given the image, and nothing else. It begins as noise.


# %%
def paint(share: float, steps: int) -> tuple[np.ndarray, list[float]]:
    """`share` is how much the style counts, from 0 to 1; costs are in proportion to those of the noise."""
    image = nn.Parameter(np.random.default_rng(1).uniform(0, 1, content.shape), dtype="float32")
    optimizer = optim.Adam([image], lr=0.05)
    schedule = optim.CosineAnnealingLR(optimizer, steps)
    first = [J.item() for J in costs(image)]
    for _ in range(steps):
        J_content, J_style = costs(image)
        optimizer.zero_grad()
        ((1 - share) * J_content / first[0] + share * J_style / first[1]).backward()
        optimizer.step()
        schedule.step()
        image.data[:] = image.data.clip(0, 1)  # colours stay colours
    return image.data.copy(), [J.item() / start for J, start in zip(costs(image), first, strict=True)]


pictures = {"content C": content, "style S": style}
ends: dict[str, list[float]] = {}
for name, share in (("content only", 0), ("G: some style", 0.2), ("G: more style", 0.6), ("style only", 1)):
    pictures[name], ends[name] = paint(share, 80 if QUICK else 250)
    print(f"{name}: content cost {ends[name][0]:.2%}, style cost {ends[name][1]:.2%} of those of the noise")

# %%
figure, axes = plt.subplots(1, 6, figsize=(14, 2.8), layout="constrained")
for axis, (name, picture) in zip(axes, pictures.items(), strict=True):
    axis.imshow(picture.transpose(1, 2, 0))
    axis.set_title(name)
    axis.axis("off")
figure.savefig(OUT / "08_style.png", dpi=110)
print("picture:", OUT / "08_style.png")

# %%
assert report.verdict == "RIGHT"
shares_of_content, shares_of_style = np.array(list(ends.values())).T.tolist()
assert list(shares_of_content) == sorted(shares_of_content)  # more style, less content
assert list(shares_of_style) == sorted(shares_of_style, reverse=True)
assert shares_of_style[2] < 0.3  # and both at once in one image
assert shares_of_content[2] < 0.7
