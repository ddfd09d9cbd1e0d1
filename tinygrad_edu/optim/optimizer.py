"""The Optimizer: parameters, in groups with settings of their own, and how a step changes them."""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from ..annotations import Array, ArrayLike, DTypeLike
from ..arrays import held, to_array
from ..changes import TURN, at_once
from ..engine import Variable, constant, describe
from ..errors import DTypeError, GraphError, ShapeError
from ..functions.settings import refused, settings, several, truth
from ..interop.names import Named
from ..nn import guards
from ..nn.module import clear
from ..recording import tracer
from ..sums import HALF, worked_in
from ..tensor import Tensor
from .bundle import Bundle, Rule, bundles, step, workspace

TRUTHS = ("nesterov", "maximize", "amsgrad", "centered")  # settings that are True or False


class Optimizer(Named):
    """What all optimizers share. A kind of optimizer defines `update`, and `initial_state` if it keeps arrays.

    `params` are parameters, or dicts `{"params": [...], "lr": 0.1}`: groups with their own settings.
    A parameter whose `grad` is None is left as it is. The settings are given by name, or in a dict as in PyTorch.
    Errors: a TypeError for parameters or a closure of another kind; a DTypeError for a parameter that is no leaf of
    floats; a ValueError for none, for one given twice, for a setting that is unknown or out of its range, and for a
    state that does not fit; an AttributeError where a setting is set as an attribute; a NotImplementedError for a kind
    without `update`; a GraphError for a step that depends on values, in a compiled function.

    >>> from tinygrad_edu import nn, optim
    >>> class Heavy(optim.Optimizer):
    ...     def __init__(self, params, lr=0.25):
    ...         super().__init__(params, lr=lr)
    ...     def initial_state(self, group):
    ...         return {"speed": 0.0}
    ...     def update(self, group, step, p, g, state, a, b):
    ...         state["speed"] += g
    ...         p -= group["lr"] * state["speed"]
    >>> w = nn.Parameter([1.0, 2.0])
    >>> (w**2).sum().backward()
    >>> Heavy([w]).step()
    >>> w.tolist()
    [0.5, 1.0]

    A kind that defines `step` itself, over `param_groups`, keeps what it likes in the dict `state[p]`.
    """

    def __init__(self, params: Iterable[Any], defaults: Mapping[str, Any] | None = None, **settings: object) -> None:
        if not isinstance(defaults, Mapping | None):
            raise TypeError(
                f"optimizer: settings must have names; got {defaults!r}; write super().__init__(params, lr=lr), or "
                "pass a dict of them"
            )
        self.defaults = {**(defaults or {}), **settings}
        self._kept: defaultdict[Any, dict[str, Any]] = defaultdict(dict)  # by a `step` of its own
        self.param_groups: list[dict[str, Any]] = []
        self._bundles: list[list[Bundle]] = []
        self._started = False
        self._scratch: dict[Any, tuple[Any, Any]] = {}
        if isinstance(params, Variable):
            raise TypeError(
                "optimizer: takes an iterable of parameters; got one tensor; pass model.parameters(), or [tensor]"
            )
        if hasattr(params, "parameters"):
            raise TypeError(
                f"optimizer: takes an iterable of parameters; got a {type(params).__name__}; pass model.parameters()"
            )
        if callable(params):
            raise TypeError("optimizer: takes an iterable of parameters; got a function; call it: model.parameters()")
        given = several("optimizer", "params", params)
        if not given:
            raise ValueError(
                "optimizer: needs one parameter or more; got none; pass model.parameters(), afresh if it is a generator"
                " (a layer in a plain list is not found: hold it in an nn.ModuleList; nor is a tg.Tensor: make it an "
                "nn.Parameter)"
            )
        for group in given if isinstance(given[0], Mapping) else [{"params": given}]:
            self.add_param_group(dict(group))
        guards.note_optimizer(self)

    def __setattr__(self, name: str, value: object) -> None:
        if name in self.__dict__.get("defaults", ()) or name == "learning_rate":
            raise AttributeError(
                f"{type(self).__name__}: settings stand in param_groups; got {name}={value!r}, which no step would "
                "read; write optimizer.param_groups[0]['lr'] = value, for each group, or use a schedule as optim.StepLR"
            )
        object.__setattr__(self, name, value)

    def __setstate__(self, kept: dict[str, Any]) -> None:
        self.__dict__.update(kept)
        guards.note_optimizer(self)

    def initial_state(self, group: Mapping[str, Any]) -> dict[str, float]:
        """The names of the arrays that are kept for each parameter, and what they are filled with at first."""
        return {}

    def _bundled(self, params: list[Any], group: Mapping[str, Any]) -> list[Bundle]:
        """The parameters of a group with their state."""
        return bundles(params, self.initial_state(group))

    def _kept_for(self, group: Mapping[str, Any], p: Any) -> dict[str, tuple[int, ...]]:
        """The arrays that are kept for a parameter, by their names, and their shapes."""
        return dict.fromkeys(self.initial_state(group), p.shape)

    def traced(
        self, group: Mapping[str, Any], step: Any, row: Any, g: Any, state: Mapping[str, Any], shape: tuple[int, ...]
    ) -> None:
        """A step that is read as a program: `row`, the values of a parameter of that shape, changes in place."""
        self.update(group, step, row, g, state, *(np.zeros_like(row) for _ in range(2)))

    def update(
        self, group: object, step: int, p: Array, g: Array, state: Mapping[str, Any], a: ArrayLike, b: ArrayLike
    ) -> None:
        """Change `p` in place, given its gradient `g`; all are rows, `a` and `b` are there to work in. For parameters
        of float16, all are of float32, and `p` is rounded afterwards."""
        raise NotImplementedError(
            f"{type(self).__name__}: must define update(self, group, step, p, g, state, a, b), or step(self); got "
            "neither; write one"
        )

    def add_param_group(self, group: dict[str, Any]) -> None:
        """Add parameters, with settings of their own where the group names them."""
        if not isinstance(group, Mapping) or "params" not in group:
            raise TypeError(
                f"optimizer: a group must be a dict with params; got {type(group).__name__}; write {{'params': [p]}}"
            )
        params = group["params"]
        params = [params] if isinstance(params, Variable) else several("optimizer", "params", params)
        known = {id(p) for other in self.param_groups for p in other["params"]}
        for p in params:
            if not isinstance(p, Tensor):
                raise TypeError(
                    f"optimizer: takes tensors; got {type(p).__name__}; pass model.parameters(), "
                    "or nn.Parameter(values)"
                )
            if p.op is not None or p._data.dtype.kind != "f":
                raise DTypeError(
                    f"optimizer: a parameter must be a leaf of floating-point numbers; got {describe(p)} of {p.dtype}; "
                    "use nn.Parameter"
                )
            if id(p) in known:
                raise ValueError(
                    f"optimizer: a parameter must be given once; got {p.name or 'one'} of shape {p.shape} twice; "
                    "drop one"
                )
            known.add(id(p))
        unknown = set(group) - set(self.defaults) - {"params", "name", "initial_lr"}
        if unknown:
            raise ValueError(
                f"optimizer: settings must be among {sorted(self.defaults)}; got {sorted(unknown)}; check the spelling"
            )
        full = {"params": params, **self.defaults, **{k: v for k, v in group.items() if k != "params"}}
        self.check(full)
        parts = self._bundled(params, full)
        at_once((self.param_groups.append, full), (self._bundles.append, parts))

    def check(self, group: Mapping[str, Any]) -> None:
        """Refuse settings that make no sense."""
        for name, default in self.defaults.items():
            if isinstance(default, bool) or name in TRUTHS:
                truth("optimizer", name, group[name])
            elif name == "betas" and not _two_numbers(group[name]):
                raise refused("optimizer", name, "two numbers", group[name], "(0.9, 0.999)", ValueError)
        for name in ("lr", "weight_decay", "momentum", "eps", "alpha", "lr_decay", "initial_accumulator_value"):
            value = group.get(name, 0.0)
            value = value.item() if isinstance(value, np.generic) else value
            if not isinstance(value, int | float) or not 0 <= value < 1e300:
                raise ValueError(f"optimizer: {name} must be a number, 0 or more; got {value!r}; use a positive one")

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change every parameter that has a gradient, in place. `closure`, if given, is called first: it
        computes the loss and its gradients; the loss is given back."""
        loss = self._begun(closure)
        if (by := tracer()) is not None:
            by.stepped(self)
            return loss
        with np.errstate(all="ignore"), TURN:  # threads may share the optimizer, or parameters
            parts = []
            for group, group_bundles in zip(self.param_groups, self._bundles, strict=True):
                guards.check_gradients(group["params"])
                kept = self.initial_state(group)
                for bundle in group_bundles:
                    if len(kept) > len(bundle.state):  # settings have changed
                        bundle.keep(kept)
                    parts += bundle.parts(self._rule(group, bundle.dtype))
            step(parts)
        guards.after_step(self)
        return loss

    def _begun(self, closure: Callable[[], Any] | None) -> Any:
        """The loss that `closure` computes with its gradients, at which the guards look before the first step."""
        if closure is not None and not callable(closure):
            raise TypeError(
                f"step: closure must be a function that computes the loss; got {type(closure).__name__}; call "
                "loss.backward() first, then step() without arguments"
            )
        loss = None if closure is None else closure()
        if not self._started:
            self._started = True
            guards.first_step(self)
        return loss

    def not_compiled(self) -> None:
        """Refuse a step that `compile` and `export` cannot read, as its operations depend on values."""
        if tracer() is not None:
            raise GraphError(
                f"{type(self).__name__}: step must be called outside of a function that is compiled or exported, as "
                "its operations depend on values; got a call inside; compile or export the loss and its gradients alone"
            )

    def _rule(self, group: dict[str, Any], dtype: DTypeLike) -> Rule:
        """`update` with a group's settings, for rows of one dtype."""
        if dtype not in self._scratch:
            self._scratch[dtype] = workspace(dtype)
        a, b = self._scratch[dtype]
        half = dtype == HALF

        def rule(step: int, p: Array, g: Array, state: dict[str, Any]) -> None:
            n = p.shape[0]
            values, g = (p.astype(a.dtype), g.astype(a.dtype)) if half else (p, g)
            self.update(group, step, values, -g if group.get("maximize") else g, state, a[:n], b[:n])
            if half:
                p[...] = values

        return rule

    @settings
    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget all gradients, or set them to 0."""
        clear(self._all(), set_to_none)

    def _places(self) -> dict[int, tuple[Bundle, int]]:
        """Where the state of each parameter is kept."""
        parts = [bundle for group in self._bundles for bundle in group]
        return {id(p): (bundle, i) for bundle in parts for i, p in enumerate(bundle.params)}

    @property
    def state(self) -> dict[Any, dict[str, Any]]:
        """For each parameter that has made a step: how many, and its arrays, to look at; or what a `step` of its own
        keeps there."""
        if self._steps_itself():
            return self._kept
        found = {}
        places = self._places()
        for group in self.param_groups:
            for p in group["params"]:
                bundle, i = places[id(p)]
                if bundle.steps[i]:
                    found[p] = {"step": bundle.steps[i], **{name: bundle.part(name, i) for name in bundle.state}}
        return found

    def state_dict(self) -> dict[str, Any]:
        """A copy of settings and state, in PyTorch's form: parameters are numbered in the order given."""
        order = {id(p): i for i, p in enumerate(self._all())}
        state = {
            order.get(id(p), p): {k: _copied(v) for k, v in kept.items()} if isinstance(kept, Mapping) else kept
            for p, kept in self.state.items()
        }
        groups = [
            {k: [order[id(p)] for p in v] if k == "params" else _copied(v) for k, v in group.items()}
            for group in self.param_groups
        ]
        return {"state": state, "param_groups": groups}

    def _steps_itself(self) -> bool:
        return type(self).step is not Optimizer.step and type(self).update is Optimizer.update

    def _all(self) -> list[Any]:
        return [p for group in self.param_groups for p in group["params"]]

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continue where `state_dict()` was taken; if it does not fit, nothing is changed."""
        own_step = self._steps_itself()
        groups, sizes, saved = _parts(state_dict, own_step)
        own = [len(group["params"]) for group in self.param_groups]
        if sizes != own or not all(0 <= i < sum(own) for i in saved if isinstance(i, int) or not own_step):
            raise ValueError(
                f"load_state_dict: groups must have as many parameters as this optimizer's, {own}; got {sizes}; "
                "build it as it was built when it was saved"
            )
        names = {*self.defaults, "name", "initial_lr"}
        merged = [
            group | {k: v for k, v in given.items() if k in names}
            for group, given in zip(self.param_groups, groups, strict=True)
        ]
        for group in merged:
            self.check(group)
        params = [(p, group) for group in merged for p in group["params"]]
        rows = {
            id(p): {name: _row(i, name, saved[i][1], p, shape) for name, shape in self._kept_for(group, p).items()}
            if i in saved and not own_step
            else {}
            for i, (p, group) in enumerate(params)
        }
        kept: defaultdict[Any, Any] = defaultdict(dict)
        if own_step:
            every = self._all()
            for i, (_, own_state) in saved.items():
                copied = {k: _copied(v) for k, v in own_state.items()} if isinstance(own_state, Mapping) else own_state
                kept[every[i] if isinstance(i, int) else i] = copied
        steps = {id(p): saved[i][0] if i in saved and not own_step else 0 for i, (p, _) in enumerate(params)}
        parts = [
            (bundle, bundle.loaded(self.initial_state(group), steps, rows))
            for group, bundles in zip(merged, self._bundles, strict=True)
            for bundle in bundles
        ]
        at_once(
            *[(group.update, given) for group, given in zip(self.param_groups, merged, strict=True)],
            *[(vars(bundle).update, new) for bundle, new in parts],
            *([(setattr, self, "_kept", kept)] if own_step else []),
        )

    def __repr__(self) -> str:
        rows = [
            ", ".join([f"{len(g['params'])} parameters", *(f"{k}={v}" for k, v in g.items() if k != "params")])
            for g in self.param_groups
        ]
        return f"{type(self).__name__}({'; '.join(rows)})"


def decayed(g: Any, p: Any, weight_decay: float, room: Any) -> Any:
    """g + weight_decay * p, in `room`; g itself without decay."""
    return np.add(g, np.multiply(p, weight_decay, out=room), out=room) if weight_decay else g


def _two_numbers(x: object) -> bool:
    try:
        pair = several("optimizer", "betas", x)
    except DTypeError:
        return False
    return len(pair) == 2 and all(isinstance(beta, int | float | np.number) for beta in pair)


def _copied(value: ArrayLike) -> Any:
    """A part of a state, which later steps do not change."""
    if isinstance(value, Variable):
        return constant(np.array(value._data)[()])
    if isinstance(value, np.generic):
        return value.item()
    return copy.deepcopy(value)


def _parts(
    state_dict: Mapping[str, Any], own_step: bool
) -> tuple[list[dict[str, Any]], list[int], dict[Any, tuple[int, Any]]]:
    """What a saved state holds: settings of groups, how many parameters each has, and by a parameter's number
    its steps and arrays, or what a step of the optimizer's own kept."""
    try:
        groups = [dict(group) for group in state_dict["param_groups"]]
        sizes = [len(group["params"]) for group in groups]
        if own_step:
            return groups, sizes, {i: (0, kept) for i, kept in state_dict["state"].items()}
        return groups, sizes, {int(i): (int(kept["step"]), kept) for i, kept in state_dict["state"].items()}
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise ValueError(
            "load_state_dict: the state must be what an optimizer's state_dict() gave; got another "
            f"({type(error).__name__}: {error}); save that"
        ) from None


def _row(i: int, name: str, kept: Mapping[str, Any], p: Tensor, shape: tuple[int, ...]) -> Any:
    """The state `name` that was kept for parameter `i`, as an array of that shape."""
    if name not in kept:
        raise ValueError(
            f"load_state_dict: parameter {i} must have {name}; got {', '.join(kept)}; build the optimizer with the "
            "settings it had"
        )
    value = kept[name]
    value = value._data if isinstance(value, Variable) else to_array(value, who=f"load_state_dict: {name} of {i}")
    if np.shape(value) != shape:
        raise ShapeError(
            f"load_state_dict: {name} of parameter {i} must have shape {shape}; got {np.shape(value)}; load into an "
            "optimizer of the same model"
        )
    return held(f"load_state_dict: {name} of parameter {i}", value, worked_in(p.dtype))
