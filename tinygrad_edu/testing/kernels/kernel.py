"""A forward and its backward, called with the very arrays that a probe hands over: no copies, no casts."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from ..layouts import LAYOUTS
from ..subjects.other_libraries import ForeignSubject, plain, precision, wrapper
from ..subjects.pairs import Pair
from ..subjects.subjects import Argument, Subject

Pull = Callable[[Sequence[Any]], list[Any]]  # from the gradient of each output to that of each argument


class Kernel:
    """Runs forward and backward apart, so that something may happen between them. Subclasses say how each is called."""

    layouts: Sequence[str] = tuple(LAYOUTS)  # that its arrays may have
    shares = True  # whether its arrays are memory, which can be written to and seen from elsewhere
    cotangent = True  # whether the backward is told the gradient of the output

    def __init__(self, subject: Any) -> None:
        self.subject: Any = subject
        self.arguments: list[Argument] = subject.arguments

    def run(self, arrays: Sequence[Any]) -> tuple[list[Any], Pull]:
        """The outputs at these arrays, one for each argument, and the backward pass."""
        raise NotImplementedError

    def gradients(self, arrays: Sequence[Any], cotangents: Sequence[Any]) -> list[Any]:
        """Forward and backward."""
        with np.errstate(all="ignore"):
            return self.run(arrays)[1](cotangents)


class PairKernel(Kernel):
    """Two functions of the user."""

    def __init__(self, pair: Pair) -> None:
        super().__init__(pair)
        self.cotangent = pair.convention.takes_cotangent
        if pair.library:
            self.layouts, self.shares = FOREIGN[pair.library]

    def run(self, arrays: Sequence[Any]) -> tuple[list[Any], Pull]:
        pair = self.subject
        given = [x.item() if a.scalar else x for a, x in zip(self.arguments, arrays, strict=True)]
        inputs = pair.placed([foreign(pair.library, x) for x in given] if pair.library else given)
        with precision(pair.library):
            value, cache = pair.apart(pair.f(*inputs))
        shape = np.shape(value)

        def pull(cotangents: Sequence[Any]) -> list[Any]:
            (c,) = cotangents
            c = c if np.ndim(c) else np.asarray(c)[()]
            with precision(pair.library):
                told = foreign(pair.library, c) if pair.library else c
                found = pair.convention.call(pair.df, inputs, value, cache, told)
            pair.shape = shape
            return pair.named(pair.as_arrays(found), c)

        return [plain(value)], pull


class TorchKernel(Kernel):
    """A function of PyTorch tensors, with the backward pass that PyTorch finds for it."""

    def __init__(self, subject: ForeignSubject) -> None:
        super().__init__(subject)
        self.layouts, self.shares = FOREIGN["torch"]

    def run(self, arrays: Sequence[Any]) -> tuple[list[Any], Pull]:
        torch: Any = import_module("torch")
        leaves = [foreign("torch", x).requires_grad_() for x in arrays]
        outputs = _outputs(self.subject.f(*self.subject.placed(leaves)))

        def pull(cotangents: Sequence[Any]) -> list[Any]:
            told = [foreign("torch", c) for c in cotangents]
            alive = [(y, c) for y, c in zip(outputs, told, strict=True) if y.requires_grad]
            if not alive:
                return [np.zeros(x.shape, dtype=x.dtype) for x in arrays]
            ys, cs = zip(*alive, strict=True)
            found = torch.autograd.grad(ys, leaves, cs, retain_graph=True, allow_unused=True)
            return [np.zeros_like(x) if g is None else plain(g) for x, g in zip(arrays, found, strict=True)]

        return [plain(y) for y in outputs], pull


class JaxKernel(Kernel):
    """A function of JAX arrays, with the backward pass that JAX finds for it."""

    layouts, shares = ("plain",), False

    def run(self, arrays: Sequence[Any]) -> tuple[list[Any], Pull]:
        jax: Any = import_module("jax")
        with precision("jax"):

            def function(*parts: Any) -> tuple[Any, ...]:
                return tuple(_outputs(self.subject.f(*self.subject.placed(parts))))

            outputs, back = jax.vjp(function, *[jax.numpy.asarray(x) for x in arrays])

        def pull(cotangents: Sequence[Any]) -> list[Any]:
            with precision("jax"):
                return [np.asarray(g) for g in back(tuple(jax.numpy.asarray(c) for c in cotangents))]

        return [np.asarray(y) for y in outputs], pull


FOREIGN = {
    "torch": (("plain", "fortran", "narrow", "strided", "repeated"), True),
    "jax": (("plain",), False),
    "mygrad": (("plain",), False),
}


def kernel_of(subject: Subject) -> Kernel:
    """The forward and the backward of a subject."""
    if isinstance(subject, Pair):
        return PairKernel(subject)
    assert isinstance(subject, ForeignSubject)
    return {"torch": TorchKernel, "jax": JaxKernel}[subject.library](subject)


def foreign(library: str, x: object) -> Any:
    """A NumPy array as one of another library, in the same memory if that library allows."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch warns of memory that must not be written to
        return wrapper(library)(np.asarray(x))


def _outputs(result: Any) -> list[Any]:
    return list(result) if isinstance(result, tuple | list) else [result]
