"""Python numbers that are computed anew before each run: a learning rate, a count of steps, and what is made of them.

They are formulas of what is looked up, so that equal ones are one, and all of a program are one Python function.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import partialmethod
from typing import Any

import numpy as np

from ..arrays import weak

SIGNS = {
    "add": "+", "sub": "-", "mul": "*", "truediv": "/", "floordiv": "//", "mod": "%", "pow": "**",
}  # fmt: skip


class Host:
    """The numbers of one program: what they look up, and those that are inputs."""

    def __init__(self) -> None:
        self.looked: dict[Any, str] = {}  # names of what is looked up, by a key
        self.names: dict[str, Any] = {}
        self.inputs: dict[str, Any] = {}  # values of the program, by formula

    def look_up(self, key: Any, again: Callable[[Any], Any]) -> str:
        """The formula of what `again(arguments)` gives before each run."""
        if key not in self.looked:
            self.looked[key] = f"x{len(self.looked)}"
            self.names[f"look{len(self.looked) - 1}"] = again
        return self.looked[key]

    def function(self) -> Callable[[Any], tuple[Any, ...]]:
        """What computes all inputs, in their order."""
        lines = [f"    {name} = look{name[1:]}(arguments)" for name in self.looked.values()]
        source = "\n".join(
            ["def numbers(arguments):", *lines, f"    return ({''.join(f'{text}, ' for text in self.inputs)})"]
        )
        exec(source, names := dict(self.names))
        return names["numbers"]


@weak
class HostNumber:
    """One of them; `now` is what it is in this run. What is asked of it is asked again before each run."""

    __slots__ = ("now", "text", "writer")

    def __init__(self, now: Any, text: str, writer: Any) -> None:
        self.now, self.text, self.writer = now, text, writer

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        for x in inputs:
            if not isinstance(x, HostNumber) and hasattr(x, "writer"):
                return x.__array_ufunc__(ufunc, method, *inputs, **options)
        if any(isinstance(x, np.ndarray) for x in inputs):
            return self.writer.call(ufunc.__name__, inputs, options)
        name = f"{ufunc.__name__}_{len(self.writer.host.names)}"
        self.writer.host.names[name] = lambda *xs: float(ufunc(*xs))
        texts = [x.text if isinstance(x, HostNumber) else f"({x!r})" for x in inputs]
        now = float(ufunc(*[x.now if isinstance(x, HostNumber) else x for x in inputs]))
        return HostNumber(now, f"{name}({', '.join(texts)})", self.writer)

    def ask(self, question: Callable[[Any], Any]) -> Any:
        """The answer to a question about the number, which becomes part of what is compiled."""
        return self.writer.ask(self, question)

    __bool__ = partialmethod(ask, bool)
    __float__ = partialmethod(ask, float)
    __int__ = partialmethod(ask, int)
    __index__ = partialmethod(ask, operator.index)
    __complex__ = partialmethod(ask, complex)
    __hash__ = partialmethod(ask, hash)
    __repr__ = partialmethod(ask, repr)

    def __format__(self, spec: str) -> str:
        return format(self.ask(_itself), spec)

    def __neg__(self) -> HostNumber:
        return HostNumber(-self.now, f"(-{self.text})", self.writer)

    def __pos__(self) -> HostNumber:
        return self

    def __abs__(self) -> HostNumber:
        return HostNumber(abs(self.now), f"abs({self.text})", self.writer)


def _itself(x: Any) -> Any:
    return x


def _operator(f: Callable[..., Any], sign: str, reflected: bool) -> Any:
    def method(self: HostNumber, other: Any) -> Any:
        if type(other) not in (HostNumber, int, float, bool):
            return NotImplemented
        texts = [self.text, other.text if isinstance(other, HostNumber) else f"({other!r})"]
        values = [self.now, other.now if isinstance(other, HostNumber) else other]
        if reflected:
            texts, values = texts[::-1], values[::-1]
        return HostNumber(f(*values), f"({texts[0]} {sign} {texts[1]})", self.writer)

    return method


for _name, _sign in {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}.items():
    setattr(HostNumber, f"__{_name}__", _operator(getattr(operator, _name), _sign, False))
for _name, _sign in SIGNS.items():
    setattr(HostNumber, f"__{_name}__", _operator(getattr(operator, _name), _sign, False))
    setattr(HostNumber, f"__r{_name}__", _operator(getattr(operator, _name), _sign, True))
