"""Parameters of several shapes, and gradients for them."""

import numpy as np

import tinygrad_edu as tg
from tinygrad_edu import nn

SHAPES = [(3, 4), (), (5,), (2, 1, 3), (33,), (7, 20)]  # in bundles, alone, and in blocks


def parameters(dtype="float64", seed=0):
    rng = np.random.default_rng(seed)
    return [nn.Parameter(rng.normal(size=shape).astype(dtype)) for shape in SHAPES]


def gradients(step, dtype="float64", skip=None):
    rng = np.random.default_rng(step)
    return [None if i == skip else rng.normal(size=shape).astype(dtype) for i, shape in enumerate(SHAPES)]


def apply(optimizer, params, grads):
    for p, g in zip(params, grads):
        p.grad = None if g is None else tg.asarray(g)
    optimizer.step()
