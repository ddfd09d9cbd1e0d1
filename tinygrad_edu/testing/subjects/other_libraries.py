"""Functions of PyTorch, JAX and MyGrad arrays: their own gradients, checked by the same call.

A library is imported here only when one of its arrays was passed, so it is there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from ...annotations import Function
from .subjects import Argument, Subject, flatten, is_table
from .trees import fields_of, leaves


def library_of(x: Any) -> str:
    """`torch`, `jax` or `mygrad` for their arrays, or a container of them; else an empty text."""
    homes = {"jaxlib": "jax", "jax": "jax", "torch": "torch", "mygrad": "mygrad"}
    found = (homes.get(type(leaf).__module__.partition(".")[0], "") for _, leaf in leaves(x))
    return next(filter(None, found), "")


def plain(y: Any) -> Any:
    """A result of another library as an array; anything else as it is."""
    library = library_of(y)
    if not library or fields_of(y) is not None:
        return y.to_numpy() if is_table(y) else y
    if library == "torch" and hasattr(y, "detach"):
        y = y.numpy(force=True)
    return np.asarray(y.data if library == "mygrad" else y)


class ForeignSubject(Subject):
    """A function of another library's arrays, differentiated by that library."""

    backward: Any = None  # the user's own function in it, as of a torch.autograd.Function or a custom_vjp

    def __init__(self, library: str, f: Function, inputs: Sequence[Any]) -> None:
        self.library = library
        self.complex = library != "mygrad"
        super().__init__(f, inputs)
        with np.errstate(all="ignore"):
            self.choose_precision()

    def choose_precision(self) -> None:
        """Float64, unless the function takes its inputs in their own dtype only, as a float32 model does."""
        if not self.narrow:
            return
        try:
            self.value(self.x)
        except Exception:
            self.dtype = np.result_type(*[a.array.dtype for a in self.arguments])
            self.complex = False
            try:
                self.value(self.x)
            except Exception:  # not that, then: its error is told when it is checked
                self.dtype = None

    def as_array(self, name: str, x: object) -> Any:
        return super().as_array(name, plain(x))

    def wrap(self, a: Argument, part: Any) -> Any:
        if not library_of(a.of(self.inputs)):
            return super().wrap(a, part)
        part = part.astype(self.dtype) if self.dtype is not None and part.dtype.kind == "f" else part
        made = wrapper(self.library)(np.array(part))
        return made.requires_grad_() if self.library == "torch" else made  # the function may differentiate inside

    def run(self, flat: Any) -> tuple[Any, ...]:
        result = self.f(*self.rebuilt(flat))
        return tuple(result) if isinstance(result, tuple | list) else (result,)

    def value(self, flat: Any) -> Any:
        with precision(self.library):
            return flatten(self.who, tuple(plain(y) for y in self.run(flat)))

    def gradient(self, flat: object, c: object, native: bool = False) -> Any:
        with precision(self.library):
            return self.gather(GRADIENTS[self.library](self, flat, c))


class precision:  # noqa: N801  (a context manager)
    """JAX computes in float32 unless told otherwise; a derivative by numbers wants float64."""

    def __init__(self, library: str) -> None:
        self.library = library

    def __enter__(self) -> None:
        if self.library == "jax":
            jax: Any = import_module("jax")

            self.before = jax.config.jax_enable_x64
            jax.config.update("jax_enable_x64", True)

    def __exit__(self, *exception: object) -> None:
        if self.library == "jax":
            jax: Any = import_module("jax")

            jax.config.update("jax_enable_x64", self.before)


def wrapper(library: str) -> Callable[[Any], Any]:
    """How the library makes an array of its own from a NumPy array."""
    if library == "torch":
        torch: Any = import_module("torch")

        return torch.from_numpy
    if library == "jax":
        jax: Any = import_module("jax")

        return jax.numpy.asarray
    mygrad: Any = import_module("mygrad")

    return mygrad.tensor


def _parts(c: Any, outputs: Sequence[Any]) -> list[Any]:
    """The cotangent, cut into the shapes of the outputs."""
    parts, start = [], 0
    for y in outputs:
        size = int(np.prod(np.shape(y), dtype=int))
        parts.append(np.asarray(c[start : start + size]).reshape(np.shape(y)))
        start += size
    return parts


def _by_torch(subject: ForeignSubject, flat: object, c: object) -> list[Any]:
    torch: Any = import_module("torch")

    inputs = subject.rebuilt(flat)
    leaves = [a.of(inputs).requires_grad_() for a in subject.arguments]
    result = subject.f(*inputs)
    outputs = list(result) if isinstance(result, tuple | list) else [result]
    subject.seen.append(flatten(subject.who, tuple(plain(y) for y in outputs)))
    total = sum((y * torch.from_numpy(np.array(p))).sum() for y, p in zip(outputs, _parts(c, outputs), strict=True))
    if not getattr(total, "requires_grad", False):
        return [np.zeros(a.array.shape) for a in subject.arguments]
    found = torch.autograd.grad(total, leaves, allow_unused=True)
    return [np.zeros(a.array.shape) if g is None else plain(g) for a, g in zip(subject.arguments, found, strict=True)]


def _by_jax(subject: ForeignSubject, flat: object, c: object) -> list[Any]:
    jax: Any = import_module("jax")

    inputs = subject.rebuilt(flat)

    def run(*parts: Any) -> Any:
        result = subject.f(*subject.placed(parts))
        return tuple(result) if isinstance(result, tuple | list) else (result,)

    outputs, pullback = jax.vjp(run, *[a.of(inputs) for a in subject.arguments])
    subject.seen.append(flatten(subject.who, tuple(np.asarray(y) for y in outputs)))
    cotangents = tuple(jax.numpy.asarray(p, dtype=y.dtype) for p, y in zip(_parts(c, outputs), outputs, strict=True))
    return [np.asarray(g) for g in pullback(cotangents)]


def _by_mygrad(subject: ForeignSubject, flat: object, c: object) -> list[Any]:
    inputs = subject.rebuilt(flat)
    outputs = subject.f(*inputs)
    outputs = list(outputs) if isinstance(outputs, tuple | list) else [outputs]
    subject.seen.append(flatten(subject.who, tuple(np.asarray(y.data) for y in outputs)))
    total = sum((y * p).sum() for y, p in zip(outputs, _parts(c, outputs), strict=True))
    total.backward()
    found = [a.of(inputs).grad for a in subject.arguments]
    return [
        np.zeros(a.array.shape) if g is None else np.asarray(g) for a, g in zip(subject.arguments, found, strict=True)
    ]


GRADIENTS = {"torch": _by_torch, "jax": _by_jax, "mygrad": _by_mygrad}
