"""All derivatives of all outputs, by numbers alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..engine import Variable
from ..functions.settings import settings
from .slopes.numerical import Line
from .slopes.probe import Probe, sizes
from .subjects.subjects import Subject, TensorSubject, flatten


class Values(Subject):
    """A function of arrays, without a derivative."""

    who = "numerical_jacobian"

    def value(self, flat: Any) -> Any:
        return flatten(self.who, self.f(*self.rebuilt(flat)))


@settings
def numerical_jacobian(f: Callable[..., Any], *inputs: object, with_error: bool = False) -> Any:
    """`J[i..., j...] = d f[i...] / d x[j...]` by extrapolated differences; a tuple for several inputs.

    `f` is a function of arrays, or of Tensors if one is given. `with_error` returns pairs `(J, error)`
    with the error bar of each entry.

    >>> import numpy as np
    >>> from tinygrad_edu import testing
    >>> testing.numerical_jacobian(lambda x: x**2, np.array([1.0, 2.0])).round(6)
    array([[2., 0.],
           [0., 4.]])
    """
    kind = TensorSubject if any(isinstance(x, Variable) for x in inputs) else Values
    subject = kind(f, inputs)
    known: dict[bytes, Any] = {}

    def remembered(x: Any) -> Any:
        if (key := x.tobytes()) not in known:
            known[key] = subject.value(x)
        return known[key]

    with np.errstate(all="ignore"):
        shape = np.shape(subject.f(*subject.rebuilt(subject.x)))
        probe = Probe(remembered, subject.x)
        probe.measure_noise(np.random.default_rng(0), 2)
        value, error = (np.zeros((probe.y.size, probe.x.size)) for _ in range(2))
        scales = sizes(subject.split(probe.x))
        outputs, entries = np.eye(probe.y.size), np.eye(probe.x.size)
        for i in range(probe.y.size):
            for j in range(probe.x.size):
                s = Line(probe, entries[j], outputs[i], float(scales[j])).slope()
                value[i, j], error[i, j] = s.value, s.error
    ends = np.cumsum([a.size for a in subject.arguments])[:-1]
    parts = [
        tuple(np.split(m, ends, axis=1)[k].reshape(shape + a.array.shape) for m in (value, error))
        for k, a in enumerate(subject.arguments)
    ]
    found = tuple(p if with_error else p[0] for p in parts)
    return found[0] if len(inputs) == 1 else found
