"""Modules that hold modules: in a row, in a list, by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .module import Module


class ModuleList(Module):
    """A list of modules, so that their parameters are found.

    >>> from tinygrad_edu import nn
    >>> parts = nn.ModuleList([nn.Linear(2, 3), nn.Linear(3, 1)])
    >>> len(parts), list(parts.state_dict())
    (2, ['0.weight', '0.bias', '1.weight', '1.bias'])
    """

    def __init__(self, modules: Iterable[Module] = ()) -> None:
        super().__init__()
        for module in modules:
            self.append(module)

    def append(self, module: Module) -> Any:
        """Add a module at the end."""
        if not isinstance(module, Module):
            raise TypeError(
                f"{type(self).__name__}: holds modules; got {type(module).__name__}; wrap functions in a Module"
            )
        setattr(self, str(len(self)), module)
        return self

    def extend(self, modules: Iterable[Module]) -> Any:
        """Add modules at the end."""
        for module in modules:
            self.append(module)
        return self

    def __len__(self) -> int:
        return len(list(self.named_children()))

    def __iter__(self) -> Iterator[Module]:
        return iter([part for _, part in self.named_children()])

    def __getitem__(self, i: Any) -> Any:
        parts = list(self)
        return type(self)(parts[i]) if isinstance(i, slice) else parts[i]

    def __setitem__(self, i: int, module: Module) -> None:
        setattr(self, list(self.named_children())[i][0], module)


class Sequential(ModuleList):
    """Modules one after the other: each takes the output of the one before.

    Takes modules, or one dict that names them.

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
                setattr(self, name, module)

    def forward(self, x: Any) -> Any:
        for part in list(vars(self).values()):
            if isinstance(part, Module):
                x = part(x)
        return x


class ModuleDict(Module):
    """Modules by name, so that their parameters are found."""

    def __init__(self, modules: Mapping[str, Module] | None = None) -> None:
        super().__init__()
        self.update(modules or {})

    def update(self, modules: Mapping[str, Module]) -> None:
        """Add modules, or replace those of the same names."""
        for name, module in modules.items():
            self[name] = module

    def __setitem__(self, name: str, module: Module) -> None:
        if hasattr(Module, name) or name.startswith("_") or "." in name or not name:
            raise KeyError(
                f"ModuleDict: a name must not be one of Module's own, nor hold a dot; got {name!r}; choose another"
            )
        setattr(self, name, module)

    def __getitem__(self, name: str) -> Module:
        return dict(self.named_children())[name]

    def __delitem__(self, name: str) -> None:
        delattr(self, name)

    def __len__(self) -> int:
        return len(list(self.named_children()))

    def __iter__(self) -> Iterator[str]:
        return iter([name for name, _ in self.named_children()])

    def __contains__(self, name: object) -> bool:
        return name in dict(self.named_children())

    def keys(self) -> list[str]:
        """The names."""
        return list(self)

    def values(self) -> list[Module]:
        """The modules."""
        return list(self.children())

    def items(self) -> list[tuple[str, Module]]:
        """The names and the modules."""
        return list(self.named_children())
