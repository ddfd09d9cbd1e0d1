"""Modules that hold modules: in a row, in a list, by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import StateDictError
from ..functions.settings import several
from ..interop.names import layer_of
from .module import Module

if TYPE_CHECKING:
    from ..tensor import Tensor


class ModuleList(Module):
    """A list of modules, so that their parameters are found.

    >>> from tinygrad_edu import nn
    >>> parts = nn.ModuleList([nn.Linear(2, 3), nn.Linear(3, 1)])
    >>> len(parts), list(parts.state_dict())
    (2, ['0.weight', '0.bias', '1.weight', '1.bias'])
    """

    _without_forward = "go through it, as in `for layer in layers: x = layer(x)`, or use nn.Sequential"

    def __init__(self, modules: Iterable[Module] | Module | None = None, *more: Module) -> None:
        super().__init__()
        self.extend(() if modules is None else (modules, *more) if isinstance(modules, Module) else modules)

    def append(self, module: Module) -> Any:
        """Add a module at the end."""
        n = len(self)
        while str(n) in vars(self):  # after parts[2:], which keeps its names
            n += 1
        setattr(self, str(n), self._checked(module))
        return self

    def extend(self, modules: Iterable[Module]) -> Any:
        """Add modules at the end."""
        given = list(modules) if isinstance(modules, ModuleList) else several(type(self).__name__, "modules", modules)
        for module in given:
            self.append(module)
        return self

    def insert(self, i: int, module: Module) -> Any:
        """Put a module before place `i`."""
        parts = list(self._parts())
        parts.insert(i, ("0", self._checked(module)))
        return self._hold(parts)

    def pop(self, i: int = -1) -> Any:
        """Take out the module at place `i`, and give it back."""
        module = self[i]
        del self[i]
        return module

    def _checked(self, module: Any) -> Module:
        if not isinstance(module, Module):
            name = getattr(module, "__name__", "")
            layer = layer_of(name)
            advice = f"write {layer}()" if layer else "wrap functions in a Module"
            got = f"{type(module).__name__} {name}".rstrip()
            raise TypeError(f"{type(self).__name__}: holds modules; got {got}; {advice}")
        return module

    def _hold(self, parts: list[tuple[str, Module]]) -> Any:
        """Hold these modules in place of those held now; names that are numbers are counted anew."""
        for name, _ in list(self._parts()):
            delattr(self, name)
        for i, (name, module) in enumerate(parts):
            setattr(self, str(i) if name.isdigit() else name, module)
        return self

    def __len__(self) -> int:
        return len(list(self._parts()))

    def __iter__(self) -> Iterator[Module]:
        return iter([part for _, part in self._parts()])

    def __getitem__(self, i: Any) -> Any:
        parts = list(self)
        return type(self)(parts[i]) if isinstance(i, slice) else parts[i]

    def __setitem__(self, i: int, module: Module) -> None:
        setattr(self, list(self._parts())[i][0], self._checked(module))

    def __delitem__(self, i: Any) -> None:
        parts = list(self._parts())
        del parts[i]
        self._hold(parts)

    def __add__(self, others: Iterable[Module]) -> Any:
        return type(self)([*self, *others])

    def __iadd__(self, others: Iterable[Module]) -> Any:
        return self.extend(others)


class Sequential(ModuleList):
    """Modules one after the other: each takes the output of the one before.

    Takes modules, or one dict that names them. A slice shares its modules, and keeps their names.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> net = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    >>> net(tg.ones((5, 2))).shape
    (5, 1)
    >>> net
    Sequential()  13 parameters
      0: Linear(in_features=2, out_features=3)  9 parameters
      1: Tanh()
      2: Linear(in_features=3, out_features=1)  4 parameters
    """

    def __init__(self, *modules: Any) -> None:
        named = len(modules) == 1 and isinstance(modules[0], Mapping)
        given = modules[0] if len(modules) == 1 and isinstance(modules[0], list | tuple) else modules
        super().__init__(() if named else given)
        if named:
            for name, module in modules[0].items():
                self.add_module(name, self._checked(module))

    if TYPE_CHECKING:  # what a last layer returns; an LSTM at the end would give a tuple

        def __call__(self, *args: Any, **kwargs: Any) -> Tensor: ...

    def forward(self, x: Any) -> Any:
        for part in list(vars(self).values()):
            if isinstance(part, Module):
                x = part(x)
        return x

    def __getitem__(self, i: Any) -> Any:
        return type(self)(dict(list(self._parts())[i])) if isinstance(i, slice) else super().__getitem__(i)


class ModuleDict(Module):
    """Modules by name, so that their parameters are found."""

    def __init__(self, modules: Any = None) -> None:
        super().__init__()
        self.update({} if modules is None else modules)

    def update(self, modules: Any) -> None:
        """Add modules, from a dict or from pairs, or replace those of the same names."""
        named = (
            list(modules.items())
            if isinstance(modules, Mapping | ModuleDict)
            else several("ModuleDict", "modules", modules)
        )
        if not all(isinstance(pair, tuple | list) and len(pair) == 2 for pair in named):
            raise TypeError("ModuleDict: modules must be a dict, or pairs of a name and a module; got others; pair")
        for name, module in named:
            self[name] = module

    def __setitem__(self, name: str, module: Module) -> None:
        if not isinstance(name, str) or not isinstance(module, Module):
            raise TypeError(
                f"ModuleDict: holds modules by text; got {type(module).__name__} by {type(name).__name__}; "
                "wrap functions in a Module"
            )
        if hasattr(type(self), name) or name.startswith("_") or "." in name or not name:
            raise StateDictError(
                f"ModuleDict: a name must not be one of Module's own, nor hold a dot; got {name!r}; choose another"
            )
        setattr(self, name, module)

    def __getitem__(self, name: str) -> Module:
        return dict(self._parts())[name]

    def __delitem__(self, name: str) -> None:
        self.pop(name)

    def pop(self, name: str) -> Module:
        """Take out the module of a name, and give it back."""
        module = self[name]
        delattr(self, name)
        return module

    def clear(self) -> None:
        """Take out all modules."""
        for name in self:
            delattr(self, name)

    def __len__(self) -> int:
        return len(list(self._parts()))

    def __iter__(self) -> Iterator[str]:
        return iter([name for name, _ in self._parts()])

    def __contains__(self, name: object) -> bool:
        return name in dict(self._parts())

    def keys(self) -> list[str]:
        """The names."""
        return list(self)

    def values(self) -> list[Module]:
        """The modules."""
        return [part for _, part in self._parts()]

    def items(self) -> list[tuple[str, Module]]:
        """The names and the modules."""
        return list(self._parts())
