"""JAX's functions, as `jax.make_jaxpr` reads them: each primitive by the operation of this package that gives the same
numbers; what has none is a box."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from ...engine import NEEDS, TRACED, Variable, constant
from ...recording import Recording, recorder
from ..graph.watch import Watch, argument_names, installed
from .box import ForeignCall, boxed
from .lax import CALLS, counterpart
from .translation import LineKeeper, translated

INLINED = ("jit", "pjit", "closed_call", "core_call", "remat", "checkpoint", "custom_jvp_call", "custom_vjp_call")


def run(f: Any, inputs: tuple[Any, ...]) -> tuple[Any, Watch]:
    """A function on inputs, which may be trees of arrays: its result in operations of this package."""
    jax: Any = import_module("jax")

    given = tuple(x._data if isinstance(x, Variable) else x for x in inputs)
    program = jax.make_jaxpr(f)(*given)
    leaves = [(path, jax.numpy.asarray(x)) for path, x in jax.tree_util.tree_flatten_with_path(given)[0]]
    rerun = _JaxRerun(jax)
    tensors = [rerun.leaf(x, _name(f, path)) for path, x in leaves]
    theirs = jax.jit(lambda *xs: rerun.computed(program, xs))(*[x for _, x in leaves])
    found = rerun.results(program, tensors, theirs)
    return found[0] if len(found) == 1 else found, rerun.watch


def _name(f: Callable[..., Any], path: Sequence[Any]) -> str:
    """What a leaf is called: its argument, and its place in it: `p['w']`."""
    k = path[0].idx
    return argument_names(getattr(f, "__wrapped__", f), k + 1)[k] + "".join(map(str, path[1:]))


class _JaxRerun:
    """A program of primitives that runs again: first in JAX, which keeps all results, then here."""

    def __init__(self, jax: Any) -> None:
        self.jax, self.watch = jax, Watch()

    def leaf(self, x: object, name: str) -> Variable:
        t: Variable = constant(np.array(x))
        t.name, t.flags = name, TRACED | (NEEDS if t._data.dtype.kind == "f" else 0)
        self.watch.names[t.born] = name
        self.watch.given |= {t.born}
        return t

    def computed(self, program: Any, inputs: Sequence[Any]) -> list[tuple[Any, Any]]:
        """JAX's results of each equation, and those within it where it is a call."""
        env = {**dict(zip(program.jaxpr.invars, inputs)), **dict(zip(program.jaxpr.constvars, program.consts))}
        found = []
        for equation in program.jaxpr.eqns:
            xs = [v.val if hasattr(v, "val") else env[v] for v in equation.invars]
            ys, inner = _bound(equation, xs), _inner(equation)
            ys = list(ys) if equation.primitive.multiple_results else [ys]
            env |= zip(equation.outvars, ys, strict=True)
            found.append((ys, None if inner is None else self.computed(inner, xs)))
        return found

    def results(self, program: Any, inputs: Sequence[Any], theirs: Sequence[Any]) -> list[Any]:
        """What a program gives: tensors, or numbers that stand in it."""
        env: dict[Any, Any] = dict(zip(program.jaxpr.invars, inputs, strict=True))
        env |= {v: constant(np.array(c)) for v, c in zip(program.jaxpr.constvars, program.consts, strict=True)}

        def read(v: Any) -> Any:
            if not hasattr(v, "val"):
                return env[v]
            value = np.asarray(v.val, v.aval.dtype)
            return constant(value) if value.ndim else value.item()

        for equation, (values, within) in zip(program.jaxpr.eqns, theirs, strict=True):
            with Recording(LineKeeper(self.line(equation))):
                xs, arrays = list(map(read, equation.invars)), list(map(np.asarray, values))
                env |= zip(equation.outvars, self.called(equation, xs, arrays, within), strict=True)
        return list(map(read, program.jaxpr.outvars))

    def line(self, equation: Any) -> str | None:
        """The user's line, where JAX knows it; else that of the call in which it is."""
        traceback = equation.source_info.traceback
        frames = [f for f in (traceback.frames if traceback else ()) if not f.file_name.startswith(installed())]
        return f"{frames[0].file_name}:{frames[0].line_num}" if frames else getattr(recorder.get(), "line", None)

    def called(self, equation: Any, xs: list[Any], values: list[Any], within: Any) -> list[Any]:
        """The results of one equation."""
        name, inner = equation.primitive.name, _inner(equation)
        if inner is None:
            many = equation.primitive.multiple_results
            found = translated(counterpart(name), xs, equation.params, tuple(values) if many else values[0])
            return self.boxes(equation, name, xs, values) if found is None else list(found) if many else [found]
        title = equation.params.get("name", "") or _name_of(inner) or name
        if title in CALLS and len(values) == 1:
            found = translated(CALLS[title], xs[:1], {}, values[0])
            if found is not None:
                return [found]
        if name.startswith("custom"):  # it has a derivative of its own
            return self.boxes(equation, title, xs, values)
        return self.results(inner, xs, within)

    def boxes(self, equation: Any, name: str, xs: list[Any], values: list[Any]) -> list[Any]:
        """An operation that has no counterpart, one node for each of its results."""
        tensors = [x for x in xs if isinstance(x, Variable)]

        def part(arrays: Sequence[Any], k: int) -> Any:
            new = iter(arrays)
            found = _bound(equation, [self.jax.numpy.asarray(next(new) if isinstance(x, Variable) else x) for x in xs])
            return found[k] if equation.primitive.multiple_results else found

        def box(k: int, value: object) -> Any:
            def pulled(g: Any, arrays: Sequence[Any]) -> list[Any]:
                floats = [i for i, a in enumerate(arrays) if a.dtype.kind == "f"]

                def of_floats(*new: object) -> Any:
                    changed = dict(zip(floats, new, strict=True))
                    return part([changed.get(i, a) for i, a in enumerate(arrays)], k)

                _, pullback = self.jax.vjp(of_floats, *[self.jax.numpy.asarray(arrays[i]) for i in floats])
                found = dict(zip(floats, pullback(self.jax.numpy.asarray(g)), strict=True))
                return [found.get(i) for i in range(len(arrays))]

            call = ForeignCall([t._data for t in tensors], value, lambda arrays: np.asarray(part(arrays, k)), pulled)
            return boxed(f"jax.{name}", tensors, call) if tensors else constant(value)

        return [box(k, value) for k, value in enumerate(values)]


def _bound(equation: Any, xs: Sequence[Any]) -> Any:
    """An equation on other inputs, in JAX."""
    given = equation.primitive.get_bind_params(equation.params)
    functions, settings = given if isinstance(given, tuple) else ((), given)  # as older and newer versions have it
    return equation.primitive.bind(*functions, *xs, **settings)


def _inner(equation: Any) -> Any:
    """The program that an equation calls, if it is nothing but a call."""
    found = equation.params.get("jaxpr", equation.params.get("call_jaxpr"))
    return found if equation.primitive.name in INLINED else None


def _name_of(inner: Any) -> str:
    """What the function that a program was made from is called, where JAX keeps it."""
    info = getattr(inner.jaxpr, "debug_info", None)
    return str(getattr(info, "func_name", "")).partition(" ")[0].rpartition(".")[2]
