"""The Module: a part of a model, with parameters and parts of its own, as plain attributes."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ..annotations import ArrayLike, DTypeLike
from ..arrays import held, normal_dtype
from ..changes import at_once, become, draft
from ..engine import CLEARED, NEEDS, Variable, constant
from ..errors import DTypeError, StateDictError
from ..functions.calls import own_keywords, refitted
from ..functions.settings import settings
from ..interop.names import Named
from ..recording import tracer
from ..tensor import Tensor
from . import guards
from .hooks import Given, HasForward, Hooked, Output
from .parameter import Buffer, Parameter
from .state import Keys, load
from .summary import Summary, summary

PLAIN = (int, float, str, tuple, type(None))  # attributes that a repr shows


class Module(Hooked, Named):
    """A part of a model. Write `__init__` to make parameters and parts, and `forward` to use them.

    An attribute that is a Parameter is a parameter; one that is a Module is a part. Their names,
    joined by dots, are the keys of `state_dict()`. Errors: a TypeError where a parameter, buffer or part is replaced by
    something else; a StateDictError for a name that cannot be one, or is taken; a DTypeError for numbers that are no
    floats, in `astype`; a NotImplementedError without `forward`.

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
    _replaced: frozenset[str] = frozenset()  # parameters of which this copy has other tensors (see stateless.py)
    _without_forward = "write one"  # what to do about a module that cannot be called
    _buffers: Mapping[str, bool] = {}  # attributes that are not learned: whether `state_dict()` holds them

    @own_keywords
    def __init__(self) -> None:
        self.training = True

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the output; each module writes its own."""
        raise NotImplementedError(
            f"{type(self).__name__}: must define forward(self, x); got a module without it; {self._without_forward}"
        )

    if TYPE_CHECKING:

        def __call__(self: HasForward[Given, Output], *args: Given.args, **kwargs: Given.kwargs) -> Output: ...

    else:

        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            try:
                return self._called(args, kwargs) if self._hooks else self.forward(*args, **kwargs)
            except TypeError as error:
                fit = refitted(error, self.forward, args, kwargs, owner=self)
                if fit is None:
                    raise
            return self.forward(*args, **fit)

        # a type checker would take every name for one that there is
        def __getattr__(self, name: str) -> Any:
            made = self.__dict__.get("parametrizations")  # see utils/parametrize.py
            return made[name]() if made is not None and name in made else super().__getattr__(name)

    def __setattr__(self, name: str, value: Any) -> None:
        buffers = self._buffers
        if isinstance(value, Parameter):
            if value.name is None:
                value.name = name
        elif isinstance(value, Buffer) and name not in buffers:
            self._must_be_free(name, getattr(self, name, None) is None)
            buffers = {**buffers, name: value.persistent}
        elif isinstance(self.__dict__.get(name), Parameter) and value is not None:
            raise TypeError(
                f"{type(self).__name__}.{name}: a parameter can only be replaced by a Parameter or None; "
                f"got {type(value).__name__}; write nn.Parameter(value), or set {name}.data; to run the module with a "
                "tensor that has a history, use nn.functional_call"
            )
        elif isinstance(value, Variable) and value.flags & NEEDS and value.op is None and name not in self._buffers:
            guards.check_attribute(f"{type(self).__name__}.{name}")
        elif name in self._buffers and value is not None and not isinstance(value, Variable):
            raise TypeError(
                f"{type(self).__name__}.{name}: a buffer can only be replaced by a tensor or None; "
                f"got {type(value).__name__}; write tg.asarray(value), or set {name}.data"
            )
        made = self.__dict__.get("parametrizations")
        if made is not None and name in made:
            made[name].assign(value)
        else:
            more = [(object.__setattr__, self, "_buffers", buffers)] if buffers is not self._buffers else []
            at_once(*more, (object.__setattr__, self, name, value))

    def __delattr__(self, name: str) -> None:
        buffers = {k: v for k, v in self._buffers.items() if k != name}
        at_once((object.__delattr__, self, name), (object.__setattr__, self, "_buffers", buffers))

    @settings
    def register_buffer(self, name: str, tensor: ArrayLike | None, persistent: bool = True) -> None:
        """An attribute that is not learned, such as a running mean; `state_dict()` holds it if it is persistent."""
        self._must_be_free(name, name in self._buffers)
        new = draft(self)
        new._buffers = {**self._buffers, name: persistent}
        setattr(new, name, tensor if tensor is None or isinstance(tensor, Variable) else Tensor(tensor))
        at_once(become(self, new))

    @settings
    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """A parameter by name; None says that there is none."""
        self._must_be_free(name, getattr(self, name, None) is None or isinstance(getattr(self, name), Parameter))
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(
                f"register_parameter: {name} must be a Parameter or None; got {type(param).__name__}; "
                "write nn.Parameter(value)"
            )
        setattr(self, name, param)

    @settings
    def add_module(self, name: str, module: Module | None) -> None:
        """A part by name; None says that there is none."""
        self._must_be_free(name, getattr(self, name, None) is None or isinstance(getattr(self, name), Module))
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"add_module: {name} must be a Module or None; got {type(module).__name__}; wrap it in one")
        setattr(self, name, module)

    def _must_be_free(self, name: str, mine: bool) -> None:
        if not name or "." in name or (hasattr(self, name) and not mine):
            raise StateDictError(
                f"{type(self).__name__}: a name must hold no dot, and not be that of something else; got {name!r}; "
                "choose another"
            )

    def children(self) -> Iterator[Module]:
        """The modules that are attributes of this one, each once."""
        return (part for _, part in self.named_children())

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules that are attributes of this one, each once, and their names."""
        seen: set[int] = set()
        for name, part in self._parts():
            if id(part) not in seen:
                seen.add(id(part))
                yield name, part

    def _parts(self) -> Iterator[tuple[str, Module]]:
        """The modules that are attributes of this one, under each of their names."""
        return ((name, v) for name, v in vars(self).items() if isinstance(v, Module))

    def modules(self) -> Iterator[Module]:
        """This module and all inside it, each once."""
        return (module for _, module in self.named_modules())

    @settings
    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """This module and all inside it, each once, and their names; its own is `prefix`."""
        return self._inside(prefix, set())

    def _inside(self, prefix: str, seen: set[int]) -> Iterator[tuple[str, Module]]:
        if id(self) not in seen:
            seen.add(id(self))
            yield prefix, self
            for name, part in self.named_children():
                yield from part._inside(f"{prefix}.{name}" if prefix else name, seen)

    def _named(
        self, wanted: Callable[[Module], Iterator[tuple[str, Any]]], prefix: str, recurse: bool, once: bool
    ) -> Iterator[tuple[str, Any]]:
        """What `wanted` finds in this module, or in every one, under its full name; a shared one under its
        first name only, if `once`."""
        seen: set[int] = set()
        modules = self.named_modules(prefix) if once else self._paths(prefix)
        for path, module in modules if recurse else [(prefix, self)]:
            for name, value in wanted(module):
                if not once or id(value) not in seen:
                    seen.add(id(value))
                    yield f"{path}.{name}" if path else name, value

    def _paths(self, prefix: str) -> Iterator[tuple[str, Module]]:
        """Every path to a module inside this one, shared ones again."""
        yield prefix, self
        for name, part in self._parts():
            yield from part._paths(f"{prefix}.{name}" if prefix else name)

    def _own_parameters(self) -> Iterator[tuple[str, Parameter]]:
        return ((name, v) for name, v in vars(self).items() if isinstance(v, Parameter) or name in self._replaced)

    def _own_buffers(self) -> Iterator[tuple[str, Tensor]]:
        return ((n, getattr(self, n)) for n in self._buffers if getattr(self, n) is not None)

    def _saved(self) -> Iterator[tuple[str, Tensor]]:
        yield from self._own_parameters()
        yield from ((n, b) for n, b in self._own_buffers() if self._buffers[n])

    @settings
    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """All parameters and their names, after `prefix`; one that is shared, once. Without `recurse`, this
        module's own."""
        return self._named(Module._own_parameters, prefix, recurse, remove_duplicate)

    @settings
    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """All parameters, each once; without `recurse`, this module's own."""
        return (p for _, p in self.named_parameters(recurse=recurse))

    @settings
    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """All buffers and their names, as in `named_parameters`."""
        return self._named(Module._own_buffers, prefix, recurse, remove_duplicate)

    @settings
    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """All buffers, each once; without `recurse`, this module's own."""
        return (b for _, b in self.named_buffers(recurse=recurse))

    def _state(self) -> dict[str, Tensor]:
        """The tensors themselves; a shared one under each of its names."""
        return dict(self._named(Module._saved, "", True, False))

    @settings
    def state_dict(self, prefix: str = "") -> dict[str, Tensor]:
        """A copy of all parameters and buffers by name, after `prefix`: later training does not change it."""
        return {prefix + name: constant(np.array(t._data)) for name, t in self._state().items()}

    @settings
    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True) -> Keys:
        """Copy values into parameters and buffers, by name; dtypes stay.

        With `strict`, names must be the same; without, those that are missing or unexpected are given back.
        If anything does not fit, nothing is changed and a StateDictError, ShapeError or DTypeError says what.
        """
        return load(type(self).__name__, self._state(), state, strict)

    @settings
    def train(self, mode: bool = True) -> Self:
        """Training mode for this module and all inside it: dropout drops, batch norm uses the batch."""
        at_once(*[(object.__setattr__, module, "training", bool(mode)) for module in self.modules()])
        return self

    def eval(self) -> Self:
        """Evaluation mode: dropout passes everything, batch norm uses its running statistics."""
        return self.train(False)

    @settings
    def apply(self, f: Callable[[Module], Any]) -> Self:
        """Call `f` on every module inside this one, then on itself."""
        for part in self.children():
            part.apply(f)
        f(self)
        return self

    @settings
    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Learn all parameters, or freeze them."""
        at_once(*[(setattr, p, "flags", p._needing(requires_grad)) for p in self.parameters()])
        return self

    @settings
    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget all gradients, or set them to 0."""
        clear(self.parameters(), set_to_none)

    def astype(self, dtype: DTypeLike) -> Self:
        """All floating-point parameters and buffers in another dtype, in place: `net.astype("float64")`.

        A number that the dtype cannot hold, or a dtype that is not of floating-point numbers, is refused, and
        nothing is changed.
        """
        wanted = normal_dtype("astype", dtype)
        if wanted.kind != "f":
            raise DTypeError(f"astype: must be a floating-point dtype; got {wanted}; use 'float32'")
        found = {id(t): t for t in (*self.parameters(), *self.buffers()) if t.dtype.kind == "f"}
        new = [held(f"astype: {t.name or 'a buffer'}", np.asarray(t._data), wanted) for t in found.values()]
        for t in found.values():
            t.reborn()
        at_once(
            *[(setattr, t, "_data", array) for t, array in zip(found.values(), new, strict=True)],
            *[(setattr, t, "_grad", None) for t in found.values()],
        )
        for module in self.modules():
            module._made_in(wanted)
        return self

    def _made_in(self, dtype: Any) -> None:
        """Told of a new dtype; a layer that has no parameters yet makes them in it."""

    def summary(self, *inputs: object) -> Summary:
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
        for key, part in self._parts():
            lines += ["  " + line for line in part._tree(f"{key}: ")]
        return lines


def clear(params: Iterable[Any], set_to_none: bool) -> None:
    """Forget gradients, or set those there are to 0."""
    params = list(params)
    if (by := tracer()) is not None:
        by.cleared(params, set_to_none)
        return
    had = [p for p in params if p._grad is not None]
    new = [None if set_to_none else constant(np.zeros_like(p._grad._data)) for p in had]
    changes = [(setattr, p, "_grad", g) for p, g in zip(had, new, strict=True)]
    at_once(*changes, *[(setattr, p, "flags", p.flags | CLEARED) for p in had if set_to_none])
