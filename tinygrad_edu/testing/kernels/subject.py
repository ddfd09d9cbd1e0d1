"""Kernels as subjects of a check, and the inputs that they are checked at."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...annotations import Function
from ..subjects.conventions import Convention, kernel_conventions
from ..subjects.other_libraries import ForeignSubject, library_of, plain, wrapper
from ..subjects.pairs import Pair
from ..subjects.subjects import flatten
from ..subjects.trees import mapped

WHO = "check_kernel"
Inputs = tuple[Any, ...]


class KernelPair(Pair):
    """A forward and a backward that may take one dtype only, and a reference that computes in float64."""

    who, called, valued = WHO, "backward", "forward"

    def __init__(self, f: Function, df: Function, inputs: Sequence[Any], reference: Function | None = None) -> None:
        self.reference = reference
        super().__init__(f, df, inputs)

    def ways(self, cache: object) -> list[Convention]:
        return kernel_conventions(self.df, self.names, cache is not None, cache)

    def look(self) -> None:
        if self.narrow:
            try:
                self.call(self.x)
            except Exception:  # then in the dtype of the inputs; what is wrong besides is told by the next call
                self.dtype = np.result_type(*[a.array.dtype for a in self.arguments])
        self.complex = self.dtype is None or self.reference is not None
        super().look()

    def rebuilt(self, flat: Any, native: bool = False) -> list[Any]:
        return super().rebuilt(flat, native or (self.dtype is not None and np.asarray(flat).dtype.kind == "f"))

    def value(self, flat: Any) -> Any:
        if self.reference is None:
            return super().value(flat)
        found = flatten(self.who, plain(self.apart(self.reference(*super().rebuilt(flat)))[0]), "reference")
        wanted = int(np.prod(self.shape))
        if found.size != wanted:
            raise TypeError(
                f"{WHO}: reference must return as many numbers as forward, {wanted} here; got {found.size}; compute "
                "the same in it"
            )
        return found

    def differentiate(self, flat: object, value: object, cache: object, cotangent: object, native: bool = False) -> Any:
        cotangent = cotangent if self.dtype is None else np.asarray(cotangent, dtype=self.dtype)
        return super().differentiate(flat, value, cache, cotangent, native)

    def gradient(self, flat: object, c: object, native: bool = False) -> Any:
        known = len(self.seen)
        found = super().gradient(flat, c, native or self.dtype is not None)
        if self.reference is not None:
            self.seen[known:] = [self.value(flat)]  # the values that are looked at
        return found

    def nearby(self, flat: Any, c: Any) -> Any:
        if self.dtype is None:
            return super().nearby(flat, c)
        try:
            return self.gradient(flat, c)
        except Exception:  # outside its domain, it may refuse in any way
            return np.full(self.x.size, np.nan)


def applied(forward: Any) -> Callable[..., Any]:
    """The function that a `torch.autograd.Function` is, with the parameters of its forward but the context."""

    def call(*xs: Any) -> Any:
        return forward.apply(*xs)

    _, *given = inspect.signature(forward.forward).parameters.values()
    call.__signature__ = inspect.Signature(given)  # type: ignore[attr-defined]
    return call


class KernelFunctions:
    """What the user calls a kernel: a forward with a backward, or one that carries its own."""

    def __init__(self, forward: Any, backward: Function | None, reference: Function | None) -> None:
        for name, f in (("forward", forward), ("backward", backward), ("reference", reference)):
            if not callable(f) and not (f is None and name != "forward"):
                raise TypeError(f"{WHO}: {name} must be a function; got {type(f).__name__}; pass it without calling it")
        self.forward, self.backward, self.reference = forward, backward, reference
        self.own = isinstance(forward, type) and hasattr(forward, "apply")  # a torch.autograd.Function
        self.call: Any = applied(forward) if self.own else forward

    def library(self, inputs: Inputs) -> str:
        """The library whose arrays these are; none for NumPy's."""
        return next((name for x in inputs if (name := library_of(x))), "")

    def subject(self, inputs: Inputs) -> Any:
        """The kernel at these inputs."""
        if self.backward is not None:
            return KernelPair(self.call, self.backward, inputs, self.reference)
        if (library := self.library(inputs)) not in ("torch", "jax"):
            raise TypeError(
                f"{WHO}: needs a backward for a forward of {library or 'NumPy'} arrays; got None; give the function "
                "that computes the gradients"
            )
        subject = ForeignSubject(library, self.call, inputs)
        subject.backward = getattr(self.forward, "backward", None) or getattr(self.forward, "bwd", None)
        return subject

    def texts(self) -> list[Any]:
        """The functions whose source the user wrote."""
        return [f for f in (self.backward, getattr(self.forward, "backward", None), self.call) if f is not None]

    def cases(self, inputs: object, seed: int) -> list[Inputs]:
        """Each set of inputs as a tuple: of a tuple, a list of tuples, or of strategies of hypothesis."""
        if not isinstance(inputs, list | tuple) or not inputs:
            got = type(inputs).__name__
            raise TypeError(f"{WHO}: inputs must be a tuple with what the forward takes; got {got}; write (x,) for one")
        if all(hasattr(s, "validate") and hasattr(s, "example") for s in inputs):
            return [self.prepared(case) for case in drawn(tuple(inputs), seed)]
        if isinstance(inputs, list) and all(isinstance(case, tuple) for case in inputs):
            return [self.prepared(case) for case in inputs]
        return [self.prepared(tuple(inputs))]

    def prepared(self, inputs: Inputs) -> Inputs:
        """Arrays as the kernel takes them: PyTorch's for a `torch.autograd.Function`."""
        if not self.own:
            return inputs
        tensor = lambda path, x: wrapper("torch")(x.copy()) if isinstance(x, np.ndarray) else x
        return tuple(mapped(tensor, list(inputs)))


def drawn(strategies: Inputs, seed: int, most: int = 25) -> list[Inputs]:
    """Inputs from strategies of hypothesis, the smallest first."""
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis import seed as seeded
    from hypothesis import strategies as st

    found: list[Inputs] = []

    @seeded(seed)
    @settings(
        max_examples=most,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.tuples(*strategies))
    def draw(inputs: Inputs) -> None:
        found.append(inputs)

    draw()
    return sorted(found, key=lambda case: sum(np.size(x) for x in case))
