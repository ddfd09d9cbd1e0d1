"""Parameters that are computed from others whenever they are used: of a fixed norm, symmetric, positive ..."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from ...annotations import ArrayLike
from ...arrays import to_array
from ...changes import at_once, become, draft
from ...engine import Variable
from ...errors import ShapeError, StateDictError, few
from ...functions.settings import settings
from ...interop.names import guide as _guide
from ...writing import publish
from ..containers import ModuleDict, ModuleList
from ..module import Module
from ..parameter import Parameter

if TYPE_CHECKING:
    from ...tensor import Tensor


class ParametrizationList(ModuleList):
    """What a parameter is computed from, `original` (or `original0`, `original1` ...), and the modules that do it.

    Errors: a StateDictError where the tensor is set, and a module has no `right_inverse`.

    >>> from tinygrad_edu import nn
    >>> from tinygrad_edu.nn.utils import parametrize
    >>> net = nn.Linear(2, 2)
    >>> _ = parametrize.register_parametrization(net, "weight", nn.Tanh(), unsafe=True)
    >>> made = net.parametrizations["weight"]
    >>> type(made).__name__, made.original.shape, type(made[0]).__name__
    ('ParametrizationList', (2, 2), 'Tanh')
    """

    def __init__(self, modules: Iterable[Module], value: Tensor) -> None:
        super().__init__(modules)
        given = _inverse(list(self), value)
        self.sources = tuple(f"original{i}" for i in range(len(given))) if isinstance(given, tuple) else ("original",)
        for name, x in zip(self.sources, given if isinstance(given, tuple) else (given,), strict=True):
            setattr(self, name, x if isinstance(x, Parameter) else Parameter(x.detach(), value.requires_grad))

    def forward(self) -> Any:
        """The parameter."""
        first, *rest = self
        x = first(*[getattr(self, name) for name in self.sources])
        for module in rest:
            x = module(x)
        return x

    def assign(self, value: Tensor) -> None:
        """Set what it is computed from, so that it has a value; each module must have a `right_inverse`."""
        publish(*self._new(value))

    def _new(self, value: Any) -> tuple[list[Any], list[Any]]:
        """What it is computed from, and the arrays with which it has a value."""
        if not all(hasattr(module, "right_inverse") for module in self):
            kinds = few([type(module).__name__ for module in self])
            raise StateDictError(
                f"parametrize: a parametrized tensor can be set if there is a right_inverse; got none in {kinds}; set "
                "what it is computed from: module.parametrizations.weight.original.data"
            )
        given, own = _inverse(list(self), value), [getattr(self, name) for name in self.sources]
        pairs = zip(own, given if isinstance(given, tuple) else (given,), strict=True)
        arrays = [(x._data if isinstance(x, Variable) else x, t.dtype) for t, x in pairs]
        return own, [to_array(array, dtype, copy=True, who="parametrize") for array, dtype in arrays]


def _inverse(modules: list[Any], value: ArrayLike) -> Any:
    """What the modules, one after the other, compute `value` from."""
    for module in reversed(modules):
        if hasattr(module, "right_inverse"):
            value = module.right_inverse(value)
    return tuple(value) if isinstance(value, list) else value


@settings
def register_parametrization(
    module: Any, tensor_name: str, parametrization: Any, *, unsafe: bool = False
) -> Any:  # fmt: skip
    """Compute a parameter of `module` by another module, `parametrization(original)`, whenever it is used.

    The parameter becomes `module.parametrizations.NAME.original`, which is learned. A `right_inverse(value)` of the
    parametrization, if there is one, says what to begin with; it may give several tensors. With `unsafe`, shape and
    dtype may change. A second parametrization is applied to the result of the first.

    Errors: a TypeError for what is no module, a StateDictError for a name that is no parameter's, a ShapeError where
    shape or dtype change without `unsafe`.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> class Symmetric(nn.Module):
    ...     def forward(self, x):
    ...         return (x + x.mT) / 2
    >>> layer = nn.utils.parametrize.register_parametrization(nn.Linear(3, 3), "weight", Symmetric())
    >>> bool((layer.weight == layer.weight.mT).all()), list(layer.state_dict())
    (True, ['bias', 'parametrizations.weight.original'])
    """
    who = "register_parametrization"
    for x in (module, parametrization):
        if not isinstance(x, Module):
            raise TypeError(f"{who}: takes a module, a name and a module; got {type(x).__name__}; write one")
    if is_parametrized(module, tensor_name):
        before = module.parametrizations[tensor_name]
        inverse = getattr(parametrization, "right_inverse", None)
        own, arrays = before._new(inverse(getattr(module, tensor_name))) if inverse is not None else ([], [])
        publish(own, arrays, become(before, draft(before).append(parametrization)))
        return module
    value = vars(module).get(tensor_name)
    if not isinstance(value, Parameter):
        names = few([name for name, _ in module.named_parameters(recurse=False)])
        raise StateDictError(f"{who}: the name must be of a parameter; got {tensor_name!r}; use one of {names}")
    made = ParametrizationList([parametrization], value)
    result = made()
    if not unsafe and (result.shape != value.shape or result.dtype != value.dtype):
        raise ShapeError(
            f"{who}: the result must have the parameter's shape and dtype, {value.shape} and {value.dtype}; got "
            f"{result.shape} and {result.dtype}; pass unsafe=True if that is meant"
        )
    new = draft(module)
    delattr(new, tensor_name)
    new.parametrizations = _together({**_of(module), tensor_name: made})
    at_once(become(module, new))
    return module


def _of(module: Any) -> dict[str, Any]:
    """What the computed parameters of a module are computed by."""
    return dict(vars(module)["parametrizations"].items()) if "parametrizations" in vars(module) else {}


def _together(parts: dict[str, Any]) -> ModuleDict:
    held = ModuleDict()
    for name, made in parts.items():
        held.add_module(name, made)
    return held


@settings
def is_parametrized(module: object, tensor_name: str | None = None) -> bool:
    """Whether a parameter of `module`, or any, is computed from others.

    Errors: a TypeError where `module` is none.

    >>> from tinygrad_edu import nn
    >>> from tinygrad_edu.nn.utils import parametrize
    >>> net = nn.Linear(2, 2)
    >>> _ = parametrize.register_parametrization(net, "weight", nn.Tanh(), unsafe=True)
    >>> parametrize.is_parametrized(net), parametrize.is_parametrized(net, "bias")
    (True, False)
    """
    if not isinstance(module, Module):
        raise TypeError(f"is_parametrized: takes a module; got {type(module).__name__}; pass one")
    made = vars(module).get("parametrizations")
    return made is not None and (tensor_name is None or tensor_name in made)


@settings
def remove_parametrizations(module: Any, tensor_name: str, leave_parametrized: bool = True) -> Any:
    """Make a computed parameter a plain one again: with the value it has, or with its original one.

    Errors: a StateDictError where the parameter is not computed, or has several originals to go back to.

    >>> from tinygrad_edu import nn
    >>> from tinygrad_edu.nn.utils import parametrize
    >>> net = nn.Linear(2, 2)
    >>> _ = parametrize.register_parametrization(net, "weight", nn.Tanh(), unsafe=True)
    >>> _ = parametrize.remove_parametrizations(net, "weight")
    >>> parametrize.is_parametrized(net), sorted(name for name, _ in net.named_parameters())
    (False, ['bias', 'weight'])
    """
    who = "remove_parametrizations"
    if not is_parametrized(module, tensor_name):
        raise StateDictError(f"{who}: the tensor must be parametrized; got {tensor_name!r}; leave it as it is")
    made = module.parametrizations[tensor_name]
    if not leave_parametrized and made.sources != ("original",):
        raise StateDictError(
            f"{who}: one original is needed to go back to; got {len(made.sources)}; use leave_parametrized=True"
        )
    kept: Any = getattr(made, made.sources[0])
    own, arrays = [], []
    if leave_parametrized:
        value = getattr(module, tensor_name).detach()
        if made.sources == ("original",) and kept.shape == value.shape:
            own, arrays = [kept], [np.array(value._data, kept.dtype)]
        else:
            kept = Parameter(value, kept.requires_grad)
    new = draft(module)
    new.parametrizations = _together({name: part for name, part in _of(module).items() if name != tensor_name})
    if not len(new.parametrizations):
        del new.parametrizations
    setattr(new, tensor_name, kept)
    publish(own, arrays, become(module, new))
    return module


__all__ = ["ParametrizationList", "is_parametrized", "register_parametrization", "remove_parametrizations"]
_guide(__name__, "nn.utils.parametrize")
