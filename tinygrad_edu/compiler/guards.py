"""What a compiled function depends on besides its arguments: what it can reach, and whether that is as it was.

Tensors are read anew in each run, so of them it matters only which ones they are. Plain values, of variables that the
function closes over, of globals that its code names, of attributes of objects, are part of what was compiled.
"""

from __future__ import annotations

import dis
import functools
import itertools
import os
import random
import sys
import types
from collections import deque
from collections.abc import Callable, Iterator
from operator import is_, itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..annotations import Array
from ..engine import Variable
from ..nn.module import Module
from ..optim.lr_scheduler import LRScheduler
from ..optim.optimizer import Optimizer
from ..random import Generator
from ..recording import PACKAGE

if TYPE_CHECKING:
    from ..tensor import Tensor

PLAIN = (int, float, complex, bool, str, bytes, type(None), np.dtype, np.generic)
CONTAINERS = (list, tuple, dict, set, frozenset, deque, np.ndarray, Variable)
MANY = 1000  # what is in a container of more is not looked into
ABSENT = object()
BITS = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}


class Look(NamedTuple):
    """What `read(owner)` gave; `text` is what is read, as Python, where that can be said part by part."""

    name: str
    read: Callable[[Any], tuple[Any, ...]]
    owner: Any
    then: tuple[Any, ...]
    text: tuple[str, ...] = ()

    def same(self) -> bool:
        """Whether it gives that still: the same objects, or equal plain values."""
        try:
            now, then = self.read(self.owner), self.then
        except KeyError:  # an attribute is gone
            return False
        return len(now) == len(then) and (all(map(is_, now, then)) or all(map(_equal, now, then)))


def _same_array(a: Array, b: Array) -> bool:
    """Whether two arrays are equal bit by bit: -0 is not 0, and nan is nan. Asked at every call, so without a copy."""
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    if bits := BITS.get(a.dtype.itemsize if a.dtype.kind in "biufmM" else 0):
        return bool(np.array_equal(a.view(bits), b.view(bits)))
    same: bool = a.tobytes() == b.tobytes()
    return same


def _equal(a: object, b: object) -> bool:
    return a is b or (type(a) is type(b) and isinstance(a, PLAIN) and bool(a == b))


class Outside:
    """All that `roots` can reach, as it is now; objects are kept alive, so that none takes the place of another."""

    def __init__(self, *roots: Any) -> None:
        self.looks: list[Look] = []
        self._same: Callable[[], bool] | None = None
        self.arrays: list[tuple[str, Any, Any]] = []
        self.advanced: list[tuple[str, Callable[[], Any], Any]] = []  # what moves on by itself: generators, iterators
        self.reached: dict[int, Any] = {}
        waiting = [("function", root) for root in roots]
        while waiting:
            name, x = waiting.pop()
            if not isinstance(x, PLAIN) and id(x) not in self.reached:
                self.reached[id(x)] = x
                waiting += self._within(name, x)

    def holds(self) -> bool:
        """Whether all is as it was."""
        if self._same is None:
            self._same = self._written()
        return self._same() and all(_same_array(a, then) for _, a, then in self.arrays)

    def _written(self) -> Callable[[], bool]:
        """All looks as one function, which compares objects one by one, and asks a look where they are others."""
        names: dict[str, Any] = {"ABSENT": ABSENT}
        lines = ["def same():", "    try:", "        pass"]
        for k, look in enumerate(self.looks):
            names |= {f"x{k}": look.owner, f"look{k}": look.same}
            parts = []
            for i, (text, then) in enumerate(zip(look.text, look.then, strict=True) if look.text else ()):
                names[f"y{k}_{i}"] = then
                parts.append(f"{text.replace('x', f'x{k}', 1)} {'==' if text == 'len(x)' else 'is'} y{k}_{i}")
            lines.append(f"        if not ({' and '.join(parts) or False}) and not look{k}(): return False")
        lines += [
            "    except (KeyError, ValueError):",
            "        return all(look.same() for look in looks)",
            "    return True",
        ]
        names["looks"] = self.looks
        exec("\n".join(lines), names)
        found: Callable[[], bool] = names["same"]
        return found

    def changed(self) -> str | None:
        """The name of something that has changed, if anything has."""
        for look in self.looks:
            if not look.same():
                return look.name
        for name, now, then in self.advanced:
            if now() != then:
                return name
        return next((name for name, a, then in self.arrays if not _same_array(a, then)), None)

    def _look(
        self, name: str, read: Callable[[Any], tuple[Any, ...]], owner: object, text: tuple[str, ...] = ()
    ) -> tuple[Any, ...]:
        self.looks.append(Look(name, read, owner, then := read(owner), text))
        return then

    def _within(self, name: str, x: object) -> Iterator[tuple[str, Any]]:
        """What `x` holds, by name; it will be looked at again."""
        if isinstance(x, Variable):
            yield from zip((f"hooks of {name}",), self._look(f"hooks of {name}", _hooks, x, ("x.hooks",)))
        if isinstance(x, Variable | Optimizer | LRScheduler | Generator):
            return
        if isinstance(x, np.ndarray):
            self.arrays.append((name, x, x.copy()))
        elif isinstance(x, list | tuple | dict | set | frozenset | deque):
            yield from self._parts(name, x)
        elif (state := _moving(x)) is not None:
            self.advanced.append((name, state, state()))
        elif isinstance(x, types.MethodType):
            yield name, x.__self__
            yield name, x.__func__
        elif isinstance(x, functools.partial):
            yield from ((name, part) for part in (x.func, x.args, x.keywords))
        elif hasattr(x, "cache_info") and hasattr(x, "__wrapped__"):  # what it kept is no state
            yield name, x.__wrapped__
        elif isinstance(x, types.FunctionType):
            if not _foreign(x.__module__):
                yield from self._of_function(x)
        elif isinstance(x, Module) or not _foreign(type(x).__module__):
            yield from self._of_object(name, x)

    def _parts(self, name: str, x: Any) -> Iterator[tuple[str, Any]]:
        if len(x) > MANY:
            self._look(name, tuple if not isinstance(x, dict) else lambda x: (*x, *x.values()), x)
        elif isinstance(x, dict):
            then = self._look(name, lambda x: (*x, *x.values()), x)
            yield from ((f"{name}[{key!r}]", part) for key, part in zip(then, then[len(x) :]))
        else:
            then = x if type(x) is tuple else self._look(name, tuple, x)
            yield from ((f"{name}[{i}]", part) for i, part in enumerate(then))

    def _of_function(self, f: types.FunctionType) -> Iterator[tuple[str, Any]]:
        """What its code names: cells, globals, attributes of its program's modules and classes; and its defaults."""
        cells = dict(zip(f.__code__.co_freevars, f.__closure__ or (), strict=True))
        for name, cell in cells.items():
            yield from zip((name,), self._look(name, _content, cell, ("x.cell_contents",)))
        names, attributes = _named(f.__code__)
        for name in names:
            if name in f.__globals__:
                yield from zip((name,), self._look(name, _at(name), f.__globals__, _gets(name)))
                yield from self._of_namespace(name, f.__globals__[name], attributes)
        yield "a default", f.__defaults__ or ()
        yield "a default", f.__kwdefaults__ or {}
        if vars(f):
            yield f.__name__, vars(f)
        else:  # until the function sets one
            self.advanced.append((f"an attribute of {f.__name__}", lambda: len(vars(f)), 0))
        if {"environ", "getenv"} & {*names, *attributes}:
            self._look("os.environ", lambda x: (*x, *x.values()), os.environ)

    def _of_namespace(self, name: str, x: object, attributes: set[str]) -> Iterator[tuple[str, Any]]:
        if isinstance(x, types.ModuleType | type) and not _foreign(getattr(x, "__module__", x.__name__)):
            for attribute in sorted(attributes & set(vars(x))):
                path = f"{name}.{attribute}"
                yield from zip((path,), self._look(path, _at(attribute), vars(x), _gets(attribute)))

    def _of_object(self, name: str, x: object) -> Iterator[tuple[str, Any]]:
        """Its attributes, and the functions of its class."""
        own = getattr(x, "__dict__", {})
        where = type(x).__name__ if isinstance(x, Module) else name
        if hasattr(x, "__dict__") and not isinstance(x, type | types.ModuleType):
            self._look(where, lambda x: (x.__dict__,), x, ("x.__dict__",))  # which may become another one
        if not own and not isinstance(x, type | types.ModuleType):
            self._look(name, lambda d: (len(d),), own, ("len(x)",))
        if own and not isinstance(x, type | types.ModuleType):
            keys = list(own)
            read = itemgetter(*keys) if len(keys) > 1 else _at(keys[0])
            text = ("len(x)", *(f"x[{key!r}]" for key in keys))
            then = self._look(where, lambda d: (len(d), *read(d)), own, text)
            yield from ((f"{where}.{key}", part) for key, part in zip(keys, then[1:], strict=True))
        if not isinstance(x, type | types.ModuleType):
            for kind in type(x).__mro__:
                if not _foreign(kind.__module__):
                    for key, value in list(vars(kind).items()):
                        path = f"{kind.__name__}.{key}"
                        if isinstance(value, types.FunctionType):
                            yield name, value
                        elif isinstance(value, types.MemberDescriptorType):  # of __slots__
                            slot = functools.partial(_slot, value)
                            yield from zip((f"{name}.{key}",), self._look(f"{name}.{key}", slot, x))
                        elif isinstance(value, (*PLAIN, *CONTAINERS)) and not key.startswith("__"):
                            yield from zip((path,), self._look(path, _at(key), vars(kind)))
        wrapped = getattr(x, "__wrapped__", None)
        if wrapped is not None:
            yield name, wrapped


def _hooks(x: Tensor) -> tuple[Any, ...]:
    return (x.hooks,)


def _content(cell: Any) -> tuple[Any, ...]:
    try:
        return (cell.cell_contents,)
    except ValueError:  # not yet assigned
        return (ABSENT,)


def _slot(descriptor: Any, x: Any) -> tuple[Any, ...]:
    try:
        return (descriptor.__get__(x),)
    except AttributeError:  # not yet assigned
        return (ABSENT,)


def _moving(x: object) -> Callable[[], Any] | None:
    """What shows how far a generator of random numbers, or an iterator, has come; None for anything else."""
    if isinstance(x, np.random.Generator):
        return lambda: repr(x.bit_generator.state)
    if isinstance(x, np.random.RandomState):
        return lambda: repr(x.get_state())
    if isinstance(x, random.Random):
        return x.getstate
    if isinstance(x, types.GeneratorType):
        return lambda: x.gi_frame and x.gi_frame.f_lasti
    if isinstance(x, itertools.count):
        return lambda: repr(x)
    if isinstance(x, Iterator) and type(x).__module__ == "builtins":
        return lambda: repr(x.__reduce__())
    return object if isinstance(x, Iterator) and type(x).__module__ == "itertools" else None  # it cannot be seen


def _at(key: str) -> Callable[[Any], tuple[Any, ...]]:
    return lambda d: (d.get(key, ABSENT),)


def _gets(key: str) -> tuple[str, ...]:
    return (f"x.get({key!r}, ABSENT)",)


def _named(code: types.CodeType) -> tuple[list[str], set[str]]:
    """The globals and the attributes that code names, functions within it included."""
    names: list[str] = []
    attributes: set[str] = set()
    waiting = [code]
    while waiting:
        code = waiting.pop()
        for step in dis.get_instructions(code):
            if step.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
                names.append(step.argval)
            elif step.opname in ("LOAD_ATTR", "LOAD_METHOD"):
                attributes.add(step.argval)
        waiting += [inner for inner in code.co_consts if isinstance(inner, types.CodeType)]
    return list(dict.fromkeys(names)), attributes


_OWN = PACKAGE.rstrip("/\\").replace("\\", "/").rpartition("/")[2]


def _foreign(module: str | None) -> bool:
    """Whether code is of this package, NumPy or Python's library: those hold nothing that users change."""
    top = (module or "").partition(".")[0]
    return top in (_OWN, "numpy") or (top in sys.stdlib_module_names and top != "__main__")
