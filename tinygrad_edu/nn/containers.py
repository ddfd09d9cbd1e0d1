"""Modules that hold modules, or parameters: in a row, in a list, by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from ..changes import at_once, become, draft
from ..errors import StateDictError, few
from ..functions.calls import own_keywords
from ..functions.settings import integer, several
from ..interop.names import layer_of
from .module import Module
from .parameter import Parameter

if TYPE_CHECKING:
    from ..tensor import Tensor


def must_be_module(holder: object, part: object) -> Module:
    """Refuse what is no module."""
    if not isinstance(part, Module):
        name = getattr(part, "__name__", "")
        layer = layer_of(name)
        advice = f"write {layer}()" if layer else "wrap functions in a Module"
        got = f"{type(part).__name__} {name}".rstrip()
        raise TypeError(f"{type(holder).__name__}: holds modules; got {got}; {advice}")
    return part


def as_parameter(holder: object, part: Any) -> Parameter:
    """A parameter, made of what is none."""
    return part if isinstance(part, Parameter) else Parameter(part)


class _List(Module):
    """What the lists share; a kind says what it holds, how that is found among the attributes, and checked."""

    holds = ""
    _held: Any = None
    _checked: Any = None

    def append(self, part: Any) -> Self:
        """Add one at the end."""
        n = len(self)
        while str(n) in vars(self):  # after parts[2:], which keeps its names
            n += 1
        setattr(self, str(n), self._checked(part))
        return self

    def extend(self, parts: Iterable[Any]) -> Self:
        """Add several at the end."""
        given = list(parts) if isinstance(parts, _List) else several(type(self).__name__, self.holds, parts)
        new = draft(self)
        for part in given:
            new.append(part)
        at_once(become(self, new))
        return self

    def insert(self, i: int, part: Module) -> Self:
        """Put one before place `i`."""
        parts = list(self._held())
        parts.insert(integer("insert", "i", i), ("0", self._checked(part)))
        return self._hold(parts)

    def pop(self, i: int = -1) -> Any:
        """Take out the one at place `i`, and give it back."""
        part = self[i]
        del self[i]
        return part

    def _hold(self, parts: list[tuple[str, Any]]) -> Self:
        """Hold these in place of those held now; names that are numbers are counted anew."""
        new = draft(self)
        for name, _ in list(self._held()):
            delattr(new, name)
        for i, (name, part) in enumerate(parts):
            setattr(new, str(i) if name.isdigit() else name, part)
        at_once(become(self, new))
        return self

    def __len__(self) -> int:
        return len(list(self._held()))

    def __iter__(self) -> Iterator[Any]:
        return iter([part for _, part in self._held()])

    def _place(self, i: object) -> Any:
        """A place, or a slice of places, among those that there are."""
        if isinstance(i, slice):
            return i
        n, who = len(self), type(self).__name__
        place = integer(who, "a place", i)
        if not -n <= place < n:
            raise IndexError(f"{who}: a place must be from {-n} to {n - 1}; got {place}; it holds {n} {self.holds}")
        return place

    def __getitem__(self, i: Any) -> Any:
        parts = list(self)[self._place(i)]
        return self._like(parts) if isinstance(i, slice) else parts

    def __setitem__(self, i: int, part: Module) -> None:
        place = self._place(i)
        if isinstance(i, slice):
            raise TypeError(f"{type(self).__name__}: one place must be set at a time; got a slice; set them in a loop")
        setattr(self, list(self._held())[place][0], self._checked(part))

    def __delitem__(self, i: object) -> None:
        parts = list(self._held())
        del parts[self._place(i)]
        self._hold(parts)

    def __add__(self, others: Iterable[Any]) -> Any:
        return self._like([*self, *others])

    def _like(self, parts: object) -> Any:
        kind: Any = type(self)
        return kind(parts)

    def __iadd__(self, others: Iterable[Any]) -> Any:
        return self.extend(others)


class ModuleList(_List):
    """A list of modules, so that their parameters are found.

    >>> from tinygrad_edu import nn
    >>> parts = nn.ModuleList([nn.Linear(2, 3), nn.Linear(3, 1)])
    >>> len(parts), list(parts.state_dict())
    (2, ['0.weight', '0.bias', '1.weight', '1.bias'])
    """

    holds, _held, _checked = "modules", Module._parts, must_be_module
    _without_forward = "go through it, as in `for layer in layers: x = layer(x)`, or use nn.Sequential"

    @own_keywords
    def __init__(self, modules: Iterable[Module] | Module | None = None, *more: Module) -> None:
        super().__init__()
        self.extend(() if modules is None else (modules, *more) if isinstance(modules, Module) else modules)


class ParameterList(_List):
    """A list of parameters, so that they are found; what is no Parameter is made one.

    >>> from tinygrad_edu import nn
    >>> weights = nn.ParameterList([[1.0, 2.0], [3.0]])
    >>> len(weights), list(weights.state_dict())
    (2, ['0', '1'])
    """

    holds, _held, _checked = "values", Module._own_parameters, as_parameter

    @own_keywords
    def __init__(self, values: Iterable[Any] | None = None) -> None:
        super().__init__()
        self.extend(() if values is None else values)


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

    @own_keywords
    def __init__(self, *modules: Module | Sequence[Module] | Mapping[str, Module]) -> None:
        given: Any = modules[0] if len(modules) == 1 and isinstance(modules[0], list | tuple | Mapping) else modules
        named = given if isinstance(given, Mapping) else {}
        super().__init__(() if named else given)
        for name, module in named.items():
            self.add_module(name, self._checked(module))

    def forward(self, x: Any) -> Tensor:  # an LSTM at the end gives a tuple
        for part in list(vars(self).values()):
            if isinstance(part, Module):
                x = part(x)
        return x

    def __getitem__(self, i: Any) -> Any:
        return type(self)(dict(list(self._parts())[i])) if isinstance(i, slice) else super().__getitem__(i)


class _Dict(Module):
    """What the dicts share; see _List."""

    holds = ""
    _held: Any = None
    _checked: Any = None

    def update(self, parts: Any) -> None:
        """Add several, from a dict or from pairs, or replace those of the same names."""
        named = (
            list(parts.items())
            if isinstance(parts, Mapping | _Dict)
            else several(type(self).__name__, self.holds, parts)
        )
        if not all(isinstance(pair, tuple | list) and len(pair) == 2 for pair in named):
            raise TypeError(
                f"{type(self).__name__}: {self.holds} must be a dict, or pairs of a name and a value; got others; "
                "pair them"
            )
        new = draft(self)
        for name, part in named:
            new[name] = part
        at_once(become(self, new))

    def __setitem__(self, name: str, part: object) -> None:
        who = type(self).__name__
        if not isinstance(name, str):
            raise TypeError(f"{who}: holds {self.holds} by text; got a name that is {type(name).__name__}; use a text")
        if hasattr(type(self), name) or name.startswith("_") or "." in name or not name:
            raise StateDictError(
                f"{who}: a name must not be one of Module's own, nor hold a dot; got {name!r}; choose another"
            )
        setattr(self, name, self._checked(part))

    def __getitem__(self, name: str) -> Any:
        if name not in self:
            given = repr(name) if isinstance(name, str) else type(name).__name__
            raise StateDictError(
                f"{type(self).__name__}: a name must be one of those held; got {given}; it holds {few(list(self))}"
            )
        return dict(self._held())[name]

    def __delitem__(self, name: str) -> None:
        self.pop(name)

    def pop(self, name: str) -> Any:
        """Take out what has a name, and give it back."""
        part = self[name]
        delattr(self, name)
        return part

    def clear(self) -> None:
        """Take out all."""
        new = draft(self)
        for name in self:
            delattr(new, name)
        at_once(become(self, new))

    def __len__(self) -> int:
        return len(list(self._held()))

    def __iter__(self) -> Iterator[str]:
        return iter([name for name, _ in self._held()])

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name in dict(self._held())

    def keys(self) -> list[str]:
        """The names."""
        return list(self)

    def values(self) -> list[Any]:
        """What the names stand for."""
        return [part for _, part in self._held()]

    def items(self) -> list[tuple[str, Any]]:
        """The names, and what they stand for."""
        return list(self._held())


class ModuleDict(_Dict):
    """Modules by name, so that their parameters are found.

    A name with a dot, or of Module's own such as "train", raises StateDictError.

    >>> from tinygrad_edu import nn
    >>> heads = nn.ModuleDict({"kind": nn.Linear(2, 3), "size": nn.Linear(2, 1)})
    >>> heads["size"]([[1.0, 2.0]]).shape, list(heads.state_dict())
    ((1, 1), ['kind.weight', 'kind.bias', 'size.weight', 'size.bias'])
    """

    holds, _held, _checked = "modules", Module._parts, must_be_module

    @own_keywords
    def __init__(self, modules: Any = None) -> None:
        super().__init__()
        self.update({} if modules is None else modules)


class ParameterDict(_Dict):
    """Parameters by name, so that they are found; what is no Parameter is made one.

    >>> from tinygrad_edu import nn
    >>> weights = nn.ParameterDict({"scale": [1.0, 2.0], "shift": [3.0]})
    >>> weights["scale"].tolist(), list(weights.state_dict())
    ([1.0, 2.0], ['scale', 'shift'])
    """

    holds, _held, _checked = "parameters", Module._own_parameters, as_parameter

    @own_keywords
    def __init__(self, parameters: Any = None) -> None:
        super().__init__()
        self.update({} if parameters is None else parameters)
