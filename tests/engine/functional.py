"""A second engine, to compare with: forward mode, dense Jacobians, and arrays that nobody shares.

A `Value` is an array together with its Jacobian by each `Leaf`. Operations copy. Nothing is ever written into: a
write makes a new value. So no question of who holds what can come up, and the numbers are those of the mathematics.
"""

from __future__ import annotations

import numpy as np


class Leaf:
    """What one differentiates by: its gradient so far."""

    def __init__(self):
        self.grad = None


class Value:
    """An array and its Jacobians `{leaf: array of shape (*shape, leaf's size)}`; a constant has none."""

    def __init__(self, array, jacobians=()):
        self.array = np.array(array, dtype=np.float64)
        self.jacobians = {leaf: np.array(j) for leaf, j in dict(jacobians).items()}

    @classmethod
    def of_leaf(cls, array, leaf):
        n = np.size(array)
        return cls(array, {leaf: np.eye(n).reshape(*np.shape(array), n)})

    def constant(self):
        return Value(self.array)

    def map(self, f):
        """A linear function, which NumPy applies to the leading axes of Jacobians just as to the array."""
        return Value(f(self.array), {leaf: f(j) for leaf, j in self.jacobians.items()})

    def _with(self, other, f, by_self, by_other):
        other = other if isinstance(other, Value) else Value(other)
        y = f(self.array, other.array)
        total = {}
        for x, slope in ((self, by_self(self.array, other.array)), (other, by_other(self.array, other.array))):
            for leaf, j in x.jacobians.items():
                lead = (1,) * (y.ndim - x.array.ndim)
                term = np.broadcast_to(slope, y.shape)[..., None] * j.reshape(*lead, *j.shape)
                total[leaf] = total[leaf] + term if leaf in total else term
        return Value(y, total)

    def __add__(self, other):
        return self._with(other, np.add, lambda a, b: 1.0, lambda a, b: 1.0)

    def __sub__(self, other):
        return self._with(other, np.subtract, lambda a, b: 1.0, lambda a, b: -1.0)

    def __mul__(self, other):
        return self._with(other, np.multiply, lambda a, b: b, lambda a, b: a)

    def sum(self):
        n = self.array.ndim
        return self.map(lambda x: x.sum(axis=tuple(range(n))))

    def flat(self):
        """As one axis."""
        n = self.array.ndim
        return self.map(lambda x: x.reshape(-1, *x.shape[n:]))

    def entries(self, places):
        """The entries at `places` of the flattened array, in the shape of `places`."""
        return self.flat().map(lambda x: x[places])

    def with_entries(self, places, value):
        """A copy in which the entries at `places` are those of `value`."""
        shape, flat = self.array.shape, self.flat()
        size = flat.array.size
        new = flat.array.copy()
        new[places] = value.array
        jacobians = {}
        for leaf in {**self.jacobians, **value.jacobians}:
            n = (self.jacobians.get(leaf) if leaf in self.jacobians else value.jacobians[leaf]).shape[-1]
            j = flat.jacobians[leaf].copy() if leaf in flat.jacobians else np.zeros((size, n))
            j[places] = value.jacobians.get(leaf, 0.0)
            jacobians[leaf] = j.reshape(*shape, n)
        return Value(new.reshape(shape), jacobians)

    def __getitem__(self, key):
        return self.entries(np.arange(self.array.size).reshape(self.array.shape)[key])

    def backward(self):
        """Add the gradients of the sum into those of the leaves."""
        for leaf, g in self.gradients().items():
            leaf.grad = g if leaf.grad is None else leaf.grad + g

    def gradients(self):
        """Of the sum, by each leaf, flattened."""
        return dict(self.sum().jacobians)

    def largest(self):
        return max(np.max(np.abs(x), initial=0) for x in (self.array, *self.jacobians.values()))
