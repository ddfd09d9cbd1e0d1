"""A PyTorch module and a JAX function as live pages: their graphs, with their libraries' values and gradients."""

import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import torch

from tinygrad_edu import viz

FOLDER = Path(sys.argv[1] if len(sys.argv) > 1 else "out")


class Classifier(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = torch.nn.Linear(2, 4)
        self.out = torch.nn.Linear(4, 2)

    def forward(self, x, labels):
        h = torch.tanh(self.hidden(x))
        return torch.nn.functional.cross_entropy(self.out(h), labels)


def regression(params, x, y):
    h = jnp.tanh(x @ params["w"] + params["b"])
    return jnp.mean((h @ params["v"] - y) ** 2)


def pages():
    torch.manual_seed(0)
    x = torch.tensor([[0.5, 1.0], [-1.0, 0.3], [1.5, -0.7], [-0.2, -1.2]])
    yield "torch_module", "A PyTorch module", Classifier(), [x, torch.tensor([0, 1, 0, 1])]
    key = jax.random.key(0)
    params = {"w": jax.random.normal(key, (2, 3)), "b": jnp.zeros(3), "v": jnp.array([0.5, -1.0, 0.25])}
    yield "jax_function", "A JAX function", regression, [params, x.numpy(), np.array([1.0, -1.0, 0.5, 0.0], np.float32)]


if __name__ == "__main__":
    for name, title, f, inputs in pages():
        print(viz.player(f, *inputs, title=title).save(FOLDER / f"{name}.html"))
