"""PyTorch's modules and functions, as `torch.export` reads them: each ATen operation by the operation of this package
that gives the same numbers; what has none is a box."""

from __future__ import annotations

import operator
import re
import warnings
from collections.abc import Sequence
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np

from ...engine import NEEDS, TRACED, Variable, births, constant
from ...recording import Recording
from ..graph.watch import ModuleCall, Watch, argument_names, installed
from .aten import DRAWN, FILLED, counterpart
from .box import ForeignCall, boxed
from .translation import LineKeeper, translated

MEMORY = {"device", "layout", "pin_memory", "memory_format", "non_blocking", "copy", "implicit"}  # of no meaning here
FRAME = re.compile(r'File "(.+?)", line (\d+)')


def run(f: Any, inputs: tuple[Any, ...]) -> tuple[Any, Watch]:
    """A module or function on inputs: its result in operations of this package, and what belongs to which module."""
    torch: Any = import_module("torch")

    module = f if isinstance(f, torch.nn.Module) else _as_module(torch, f)
    given = tuple(_tensor(torch, x) for x in inputs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what PyTorch calls within itself
        exported = torch.export.export(module, given, strict=False).run_decompositions({})
    names = [] if module is f else argument_names(f, len(given))  # a module's are those of its forward
    return _TorchRerun(torch, module, exported, given, names).result()


def _as_module(torch: Any, f: Any) -> Any:
    class Function(torch.nn.Module):  # type: ignore[misc]
        def forward(self, *args: Any) -> Any:
            return f(*args)

    return Function()


def _tensor(torch: Any, x: Any) -> Any:
    if isinstance(x, Variable):
        x = x._data
    return x if isinstance(x, torch.Tensor) else torch.as_tensor(np.asarray(x))


class _TorchRerun:
    """An exported program that runs again, in both libraries side by side."""

    def __init__(self, torch: Any, module: Any, exported: Any, given: Sequence[Any], names: Sequence[str]) -> None:
        self.torch, self.module, self.exported = torch, module, exported
        self.watch = Watch()
        self.open: list[tuple[str, int]] = []  # modules that are being run, and the births at which they began
        self.theirs: dict[Any, Any] = {}
        self.ours: dict[Any, Any] = {}
        self.given, self.names = iter(given), iter(names)
        self.asked = not names or any(x.requires_grad for x in given)

    def result(self) -> tuple[Any, Watch]:
        specs = iter(self.exported.graph_signature.input_specs)
        for node in self.exported.graph.nodes:
            if node.op == "placeholder":
                self.leaf(node, next(specs))
            elif node.op == "call_function":
                self.enter(list((node.meta.get("nn_module_stack") or {}).values()))
                self.call(node)
        self.enter([])
        names = self.exported.graph_signature.user_outputs
        found = [self.ours[node] for name in names for node in self.ours if node.name == name]
        return found[0] if len(found) == 1 else found, self.watch

    def leaf(self, node: Any, spec: Any) -> None:
        """A parameter, a buffer, a constant or an input."""
        kind, target = spec.kind.name, spec.target
        stored = {**self.exported.state_dict, **self.exported.constants}
        x = next(self.given) if kind == "USER_INPUT" else stored[target]
        t: Variable = constant(self.array(x))
        t.name = target or next(self.names, node.name)
        floats = t._data.dtype.kind == "f"
        if kind == "USER_INPUT":
            t.flags = TRACED | (NEEDS if floats and (x.requires_grad or not self.asked) else 0)
            self.watch.given |= {t.born}
        elif kind == "PARAMETER" and x.requires_grad:
            t.flags = NEEDS | TRACED
        self.theirs[node], self.ours[node] = x.detach(), t
        self.watch.names[t.born] = t.name

    def array(self, x: Any) -> Any:
        return x.detach().cpu().resolve_conj().numpy().copy()

    def enter(self, stack: Sequence[tuple[str, Any]]) -> None:
        """Note which modules are run from here on."""
        paths = [path for path, _ in stack if path]
        while [path for path, _ in self.open] != paths[: len(self.open)]:
            path, start = self.open.pop()
            self.watch.calls.append(ModuleCall(start, births(), self.module.get_submodule(path)))
        self.open += [(path, births()) for path in paths[len(self.open) :]]

    def call(self, node: Any) -> None:
        if node.target is operator.getitem:
            source, k = node.args
            self.theirs[node], self.ours[node] = self.theirs[source][k], self.ours[source][k]
            return
        args, options = self.arguments(self.theirs, node)
        state = self.torch.get_rng_state()
        with self.torch.no_grad():
            theirs = node.target(*args, **options)
        self.theirs[node] = theirs
        if not isinstance(theirs, self.torch.Tensor | tuple | list):
            self.ours[node] = theirs
            return
        mine, settings = self.arguments(self.ours, node)
        settings = {k: v for k, v in settings.items() if k not in MEMORY}
        name = getattr(node.target, "_opname", getattr(node.target, "__name__", str(node.target)))
        with Recording(LineKeeper(_line(node.stack_trace or ""))):
            expected = self.arrays(theirs)
            ours = partial(DRAWN[name], drawn=expected) if name in DRAWN else counterpart(name)
            found = translated(ours, mine, settings, expected)
            self.ours[node] = self.boxes(node, name, theirs, state) if found is None else found

    def arrays(self, x: Any) -> Any:
        return tuple(map(self.arrays, x)) if isinstance(x, tuple | list) else self.array(x)

    def arguments(self, env: dict[Any, Any], node: Any) -> tuple[list[Any], dict[str, Any]]:
        """The arguments of a call with the values of one library."""
        fx: Any = import_module("torch.fx")
        args, options = fx.map_arg((list(node.args), dict(node.kwargs)), lambda n: env[n])
        if env is self.ours:
            options = {k: _dtype(v) if isinstance(v, self.torch.dtype) else v for k, v in options.items()}
            args = [_dtype(v) if isinstance(v, self.torch.dtype) else v for v in args]
        return list(args), dict(options)

    def boxes(self, node: Any, name: str, theirs: Any, state: Any) -> Any:
        """An operation that has no counterpart, a node for each of its results; `state` is that of chance before it."""
        sources = [n for n in node.all_input_nodes if isinstance(self.ours[n], Variable) and name not in FILLED]
        xs = [self.ours[n] for n in sources]

        def computed(arrays: Sequence[Any]) -> tuple[Any, list[Any]]:
            leaves = [self.torch.from_numpy(np.array(a)) for a in arrays]
            for leaf, x in zip(leaves, xs, strict=True):
                leaf.requires_grad_(leaf.is_floating_point() and bool(x.flags & NEEDS))
            args, options = self.arguments({**self.theirs, **dict(zip(sources, leaves, strict=True))}, node)
            with self.torch.random.fork_rng(devices=[]), self.torch.enable_grad():
                self.torch.set_rng_state(state)
                return node.target(*args, **options), leaves

        def box(k: int | None) -> Any:
            def part(y: Any) -> Any:
                return y if k is None else y[k]

            def pulled(g: Any, arrays: Sequence[Any]) -> list[Any]:
                y, leaves = computed(arrays)
                wanted = [x for x in leaves if x.requires_grad]
                if not wanted or not part(y).requires_grad:
                    return [None for _ in leaves]
                given = self.torch.from_numpy(np.array(g))
                found = iter(self.torch.autograd.grad(part(y), wanted, given, allow_unused=True))
                return [next(found) if x.requires_grad else None for x in leaves]

            value = self.array(part(theirs))
            again = ForeignCall(
                [x._data for x in xs], value, lambda arrays: self.array(part(computed(arrays)[0])), pulled
            )
            return boxed(f"torch.{name}", xs, again) if xs else constant(value)

        return tuple(map(box, range(len(theirs)))) if isinstance(theirs, tuple | list) else box(None)


def _dtype(dtype: Any) -> Any:
    return np.dtype(str(dtype).removeprefix("torch."))


def _line(trace: str) -> str | None:
    """The last line of a stack that is the user's."""
    frames = [frame for frame in FRAME.findall(trace) if not frame[0].startswith(installed())]
    return ":".join(frames[-1]) if frames else None
