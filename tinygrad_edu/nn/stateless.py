"""A module as a function of its parameters: `functional_call`, and Modules as trees of their parameters."""

from __future__ import annotations

import contextlib
import types
import weakref
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from ..engine import constant
from ..errors import StateDictError, few
from ..functions.arguments import lift
from ..ops.layout import alias
from ..transforms import tree
from .module import Module


def functional_call(module: Module, params: Any, *args: Any, **kwargs: Any) -> Any:
    """`module(*args, **kwargs)` with other tensors in place of its parameters and buffers.

    `params` is a dict of tensors by name, as in `named_parameters()` and `named_buffers()`, or a tuple of such dicts;
    what it does not name, the module has. A tensor that the module uses under several names is replaced under all by
    any of them. The arguments may also come as PyTorch has them, in one tuple, with a dict of keywords after it: a
    module whose only argument is a tuple gets that as `((a, b),)`. Gradients go to the tensors given, which may have a
    history. What runs is a copy: parameters, running statistics and attributes of the module stay as they are; buffers
    that are given are written into. Errors: a TypeError for what is no Module; a StateDictError for a name that it does
    not have; a ValueError where one tensor gets two values.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> net = nn.Linear(2, 1)
    >>> loss = lambda w, x: nn.functional_call(net, {"weight": w}, x).sum()
    >>> tg.vmap(tg.grad(loss), in_axes=(None, 0))(net.weight, tg.Tensor([[[1.0, 2.0]], [[3.0, 4.0]]])).tolist()
    [[[1.0, 2.0]], [[3.0, 4.0]]]
    """
    if not isinstance(module, Module):
        raise TypeError(f"functional_call: takes a Module; got {type(module).__name__}; call it with your arguments")
    if args and type(args[0]) is tuple and (len(args) == 1 or (len(args) == 2 and isinstance(args[1], dict))):
        args, kwargs = args[0], {**kwargs, **(args[1] if len(args) == 2 else {})}
    own: dict[str, Any] = {
        **dict(module.named_parameters(remove_duplicate=False)), **dict(module.named_buffers(remove_duplicate=False))
    }  # fmt: skip
    new = {id(b): constant(np.array(b._data)[()]) for b in module.buffers() if not b.flags}
    given: dict[int, tuple[str, Any]] = {}
    for name, value in _by_name(params).items():
        if name not in own:
            raise StateDictError(
                f"functional_call: names must be of parameters or buffers of {type(module).__name__}; got {name!r}; "
                f"use those of named_parameters() and named_buffers(): {few(list(own))}"
            )
        key = id(own[name])
        if key in given and given[key][1] is not value:
            raise ValueError(
                f"functional_call: one tensor must get one value; got different ones for {given[key][0]!r} and "
                f"{name!r}, which are one in {type(module).__name__}; pass one of them"
            )
        given[key] = name, value
        new[key] = lift(value, f"functional_call: {name}")
    return Copy(module, new).of(module)(*args, **kwargs)


def _by_name(params: Any) -> dict[str, Any]:
    """One dict of all that is given."""
    found: dict[str, Any] = {}
    for part in params if isinstance(params, tuple | list) else (params,):
        if not isinstance(part, Mapping):
            raise TypeError(
                f"functional_call: takes tensors by name; got {type(part).__name__}; pass e.g. "
                "dict(net.named_parameters()), or a tuple of dicts"
            )
        if twice := sorted(found.keys() & part.keys()):
            raise ValueError(f"functional_call: names must be given once; got {few(twice)} twice; drop one")
        found |= part
    return found


class Copy:
    """Copies of the modules inside one, and of what leads from one to the next, with some tensors replaced.

    Lists, methods and closures that a module holds may lead to its parts and parameters; all else is shared.
    """

    def __init__(self, module: Module, tensors: dict[int, Any]) -> None:
        self.inside = {id(part) for part in module.modules()}
        self.new = tensors  # what stands in place of an object, by its id

    def of(self, x: Any) -> Any:
        """What stands in place of `x`: `x` itself, if nothing in it is replaced."""
        if id(x) not in self.new:
            copied = COPIED.get(type(x)) or (Copy._module if id(x) in self.inside else None)
            if copied is None:
                return x
            self.new[id(x)] = x  # meanwhile, if it leads to itself
            self.new[id(x)] = copied(self, x)
        return self.new[id(x)]

    def _module(self, module: Module) -> Module:
        copy = self.new[id(module)] = object.__new__(type(module))
        copy.__dict__.update({name: self.of(value) for name, value in vars(module).items()})
        copy._replaced = frozenset(name for name, _ in module._own_parameters())
        return copy

    def _sequence(self, x: Any) -> Any:
        parts = [self.of(part) for part in x]
        return x if _same(parts, x) else type(x)(parts)

    def _dict(self, x: dict[Any, Any]) -> Any:
        values = [self.of(value) for value in x.values()]
        return x if _same(values, x.values()) else dict(zip(x, values, strict=True))

    def _method(self, x: types.MethodType) -> Any:
        owner = self.of(x.__self__)
        return x if owner is x.__self__ else types.MethodType(x.__func__, owner)

    def _partial(self, x: Any) -> Any:
        f, args, keywords = (self.of(part) for part in (x.func, x.args, x.keywords))
        return x if _same((f, args, keywords), (x.func, x.args, x.keywords)) else partial(f, *args, **keywords)

    def _reference(self, x: weakref.ref[Any]) -> Any:
        target = x()
        new = self.of(target)
        return x if new is target else weakref.ref(new)

    def _function(self, f: Callable[..., Any]) -> Any:
        """A function like `f` that sees copies where `f` sees modules and tensors, as in `lambda x: x @ self.w`."""
        if not f.__closure__:
            return f
        cells = tuple(types.CellType() for _ in f.__closure__)
        copy = self.new[id(f)] = types.FunctionType(f.__code__, f.__globals__, f.__name__, f.__defaults__, cells)
        copy.__kwdefaults__ = f.__kwdefaults__
        copy.__dict__.update(f.__dict__)
        for cell, before in zip(cells, f.__closure__, strict=True):
            with contextlib.suppress(ValueError):  # nothing in it yet
                cell.cell_contents = self.of(before.cell_contents)
        return copy


COPIED: dict[type, Any] = {
    list: Copy._sequence,
    tuple: Copy._sequence,
    dict: Copy._dict,
    types.MethodType: Copy._method,
    partial: Copy._partial,
    weakref.ref: Copy._reference,
    types.FunctionType: Copy._function,
}


def _same(parts: Any, others: Any) -> bool:
    return all(a is b for a, b in zip(parts, others, strict=True))


def _with_parameters(module: Module, parts: list[Any]) -> Any:
    """A copy of a module with other tensors for its parameters; its buffers are the module's own.

    Parts that are no tensors, such as the rows of a Hessian, stand in a dict by the parameters' names.
    """
    if any(isinstance(part, Module | dict | list | tuple) for part in parts):
        return {name: part for (name, _), part in zip(module.named_parameters(), parts, strict=True)}
    new = {id(p): alias(lift(v, "tree")) for p, v in zip(module.parameters(), parts, strict=True)}
    return Copy(module, new).of(module)


tree.register(Module, lambda module: dict(module.named_parameters()), _with_parameters)
