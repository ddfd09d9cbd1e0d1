"""A chain of 20,000 operations on single numbers: its value and its slope."""

import importlib
import sys
from typing import Any

import numpy as np

from .common import Array, Job, gradient

NAME = "chain of 20,000 scalar operations, value and gradient"
GOAL = 5
PEERS = ("PyTorch", "autograd", "MyGrad", "micrograd")
STEPS = 5000


def chain(lib: Any, x: Any) -> Any:
    y = x
    for _ in range(STEPS):
        y = lib.tanh((y * 1.0001 + x) * 0.5)
    return y


def job(peer: str) -> Job:
    x = np.asarray(0.3)
    return micrograd(x) if peer == "micrograd" else gradient(peer, chain, x)


def micrograd(x: Array) -> Job:
    """Its backward sorts the graph by recursion, and it has no tanh: (e - 1) / (e + 1) for e = exp(2 x) would be five
    operations more, so tanh is given here as micrograd gives its others."""
    Value: Any = importlib.import_module("micrograd.engine").Value
    sys.setrecursionlimit(100 * STEPS)
    last: list[Any] = []

    class Library:
        @staticmethod
        def tanh(v: Any) -> Any:
            y = Value(np.tanh(v.data), (v,), "tanh")

            def back() -> None:
                v.grad += (1 - y.data**2) * y.grad

            y._backward = back
            return y

    def run() -> None:
        leaf = Value(float(x))
        y = chain(Library, leaf)
        y.backward()
        last[:] = [y.data, leaf.grad]

    return Job(run, lambda: [np.array(v) for v in last])
