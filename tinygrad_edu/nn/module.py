"""The Module: a part of a model, with parameters and parts of its own, as plain attributes."""

from __future__ import annotations

import html
import weakref
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from ..arrays import to_array
from ..engine import Variable, constant
from ..errors import ShapeError
from ..tensor import Tensor
from .summary import Summary, summary

PLAIN = (int, float, str, tuple, type(None))  # attributes that a repr shows


PARAMETERS: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()  # all that are alive


class Parameter(Tensor):
    """A tensor that is learned: it requires a gradient, and a Module that holds it lists it.

    >>> from tinygrad_edu import nn
    >>> nn.Parameter([1.0, 2.0]).requires_grad
    True
    """

    __slots__ = ()

    def __init__(self, data: Any, requires_grad: bool = True, dtype: Any = None, name: str | None = None) -> None:
        super().__init__(data, requires_grad, dtype, name)
        PARAMETERS[id(self)] = self


class Module:
    """A part of a model. Write `__init__` to make parameters and parts, and `forward` to use them.

    An attribute that is a Parameter is a parameter; one that is a Module is a part. Their names,
    joined by dots, are the keys of `state_dict()`.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import nn
    >>> class Scale(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.factor = nn.Parameter([2.0])
    ...     def forward(self, x):
    ...         return x * self.factor
    >>> scale = Scale()
    >>> scale(tg.Tensor([1.0, 3.0])).data
    array([2., 6.], dtype=float32)
    >>> list(scale.state_dict())
    ['factor']
    """

    training: bool = True
    _buffers: tuple[str, ...] = ()  # names of attributes that are saved though not learned

    def __init__(self) -> None:
        self.training = True

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the output; each module writes its own."""
        raise NotImplementedError(
            f"{type(self).__name__}: must define forward(self, x); got a module without it; write one"
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.forward(*args, **kwargs)

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Parameter):
            if value.name is None:
                value.name = name
        elif isinstance(self.__dict__.get(name), Parameter) and value is not None:
            raise TypeError(
                f"{type(self).__name__}.{name}: a parameter can only be replaced by a Parameter or None; "
                f"got {type(value).__name__}; write nn.Parameter(value), or set {name}.data"
            )
        object.__setattr__(self, name, value)

    def register_buffer(self, name: str, value: Any) -> None:
        """An attribute that `state_dict()` holds though it is not learned, such as a running mean."""
        self._buffers = (*self._buffers, name)
        setattr(self, name, value if value is None or isinstance(value, Variable) else Tensor(value))

    def register_parameter(self, name: str, value: Parameter | None) -> None:
        """A parameter by name; None says that there is none."""
        setattr(self, name, value)

    def children(self) -> Iterator[Module]:
        """The modules that are attributes of this one."""
        return (part for _, part in self.named_children())

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules that are attributes of this one, and their names."""
        return ((name, v) for name, v in vars(self).items() if isinstance(v, Module))

    def modules(self) -> Iterator[Module]:
        """This module and all inside it, each once."""
        return (module for _, module in self.named_modules())

    def named_modules(self, prefix: str = "", seen: set[int] | None = None) -> Iterator[tuple[str, Module]]:
        """This module and all inside it, each once, and their names; its own is ""."""
        seen = set() if seen is None else seen
        if id(self) not in seen:
            seen.add(id(self))
            yield prefix, self
            for name, part in self.named_children():
                yield from part.named_modules(f"{prefix}.{name}" if prefix else name, seen)

    def _named(self, wanted: Callable[[Module], Iterator[tuple[str, Any]]], once: bool) -> Iterator[tuple[str, Any]]:
        """What `wanted` finds in every module, under its full name; a shared one under its first name
        only, if `once`."""
        seen: set[int] = set()
        for path, module in self.named_modules() if once else self._paths(""):
            for name, value in wanted(module):
                if not once or id(value) not in seen:
                    seen.add(id(value))
                    yield f"{path}.{name}" if path else name, value

    def _paths(self, prefix: str) -> Iterator[tuple[str, Module]]:
        """Every path to a module inside this one, shared ones again."""
        yield prefix, self
        for name, part in self.named_children():
            yield from part._paths(f"{prefix}.{name}" if prefix else name)

    def _own_parameters(self) -> Iterator[tuple[str, Parameter]]:
        return ((name, v) for name, v in vars(self).items() if isinstance(v, Parameter))

    def _own_buffers(self) -> Iterator[tuple[str, Tensor]]:
        return ((n, getattr(self, n)) for n in self._buffers if getattr(self, n) is not None)

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """All parameters and their names; one that is shared, once."""
        return self._named(Module._own_parameters, True)

    def parameters(self) -> Iterator[Parameter]:
        """All parameters, each once."""
        return (p for _, p in self.named_parameters())

    def named_buffers(self) -> Iterator[tuple[str, Tensor]]:
        """All buffers and their names."""
        return self._named(Module._own_buffers, True)

    def buffers(self) -> Iterator[Tensor]:
        """All buffers."""
        return (b for _, b in self.named_buffers())

    def _state(self) -> dict[str, Tensor]:
        """The tensors themselves; a shared one under each of its names."""
        found = self._named(lambda m: iter((*m._own_parameters(), *m._own_buffers())), False)
        return dict(found)

    def state_dict(self) -> dict[str, Tensor]:
        """A copy of all parameters and buffers by name: later training does not change it."""
        return {name: constant(np.array(t._data)) for name, t in self._state().items()}

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True) -> None:
        """Copy values into parameters and buffers, by name; dtypes stay.

        With `strict`, names must be the same. If anything does not fit, nothing is changed and a
        KeyError or a ShapeError says what.
        """
        own = self._state()
        missing = [name for name in own if name not in state]
        unknown = [name for name in state if name not in own]
        if strict and (missing or unknown):
            raise KeyError(
                f"load_state_dict: names must be those of {type(self).__name__}; missing {_few(missing)}, "
                f"unknown {_few(unknown)}; rename them, or pass strict=False"
            )
        new = {}
        for name in own:
            if name in state:
                value = state[name]
                array = value._data if isinstance(value, Variable) else to_array(value, who="load_state_dict")
                if np.shape(array) != own[name].shape:
                    raise ShapeError(
                        f"load_state_dict: {name} must have shape {own[name].shape}; got {np.shape(array)}; "
                        "load into a model of the same sizes"
                    )
                new[name] = array
        for name, array in new.items():
            own[name].data = array

    def train(self, mode: bool = True) -> Any:
        """Training mode for this module and all inside it: dropout drops, batch norm uses the batch."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Any:
        """Evaluation mode: dropout passes everything, batch norm uses its running statistics."""
        return self.train(False)

    def apply(self, f: Callable[[Module], Any]) -> Any:
        """Call `f` on every module inside this one, then on itself."""
        for part in self.children():
            part.apply(f)
        f(self)
        return self

    def requires_grad_(self, requires_grad: bool = True) -> Any:
        """Learn all parameters, or freeze them."""
        for p in self.parameters():
            p.requires_grad = requires_grad
        return self

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for p in self.parameters():
            p.grad = None

    def astype(self, dtype: Any) -> Any:
        """All floating-point parameters and buffers in another dtype, in place: `net.astype("float64")`."""
        for module in self.modules():
            for p in (*module._own_parameters(), *module._own_buffers()):
                if p[1].dtype.kind == "f":
                    p[1]._data = p[1]._data.astype(dtype)
                    p[1].grad = None
                    p[1].reborn()
        return self

    def summary(self, *inputs: Any) -> Summary:
        """A table of layers, output shapes and parameters, for example inputs or the shape of one.

        >>> from tinygrad_edu import nn
        >>> nn.Sequential(nn.Linear(2, 3), nn.ReLU()).summary((5, 2))
        layer  kind        output shape  parameters
        -------------------------------------------
        model  Sequential  (5, 3)
        0      Linear      (5, 3)                 9
        1      ReLU        (5, 3)
        -------------------------------------------
        9 parameters, 0.0 KiB
        """
        return summary(self, *inputs)

    def extra_repr(self) -> str:
        """What the repr says of this module: its plain settings."""
        return ", ".join(
            f"{k}={v!r}" for k, v in vars(self).items() if isinstance(v, PLAIN) and k[0] != "_" and k != "training"
        )

    def __repr__(self) -> str:
        """A tree of modules, each with the number of parameters inside it."""
        return "\n".join(self._tree(""))

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(repr(self))}</pre>"

    def _tree(self, name: str) -> list[str]:
        count = sum(p.size for p in self.parameters())
        facts = f"{type(self).__name__}({self.extra_repr()})"
        lines = [f"{name}{facts}" + (f"  {count:,} parameters" if count else "")]
        for key, part in self.named_children():
            lines += ["  " + line for line in part._tree(f"{key}: ")]
        return lines


def _few(names: list[str]) -> str:
    """A list of names, shortened."""
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "") or "none"
