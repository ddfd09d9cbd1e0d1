"""The graph behind a result, or of a run of a function or module: its nodes in order, with their names.

What a tensor is called is looked up in this order: its own `name`, the user's variable, its path in a module; a result
without any is called `t1`, `t2`, ...
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ... import ops
from ...backward import history, pull, shown_inputs
from ...engine import NEEDS, Variable
from ...errors import DTypeError, GraphError
from ...nn.summary import example_inputs
from ...op import REGISTRY
from ..foreign.libraries import library_of, runner
from .graph import Graph, Node, is_number, title
from .values import shown
from .watch import ModuleCall, caller, data_in, is_module, named, run

LONGEST = 60  # letters of a name

Source = Variable | Callable[..., Any] | Sequence[Variable] | Mapping[str, Variable]


def read(
    x: Any,
    inputs: tuple[Any, ...] = (),
    *,
    who: str = "draw",
    grads: bool = False,
    gradient: Any = None,
    scopes: Sequence[Mapping[str, Any]] = (),
) -> Graph:
    """The graph behind a tensor (or several), or of a module or function run on example inputs.

    Tensors are called as in the scopes, the first of which knows best; by default, as in the function that asks.
    """
    scopes, calls, inner = scopes or [caller()], list[ModuleCall](), dict[int, str]()
    root, given = None, frozenset[int]()
    if is_module(x) or (callable(x) and not isinstance(x, Variable)):
        if not inputs:
            raise TypeError(f"{who}: a function or a module needs example inputs; got none; write {who}(f, x, ...)")
        root = x if is_module(x) else None
        library = library_of(x, inputs)
        if library:
            x, watch = runner(library)(x, inputs)
        else:
            given_inputs = tuple(example_inputs(inputs)) if root is not None else inputs
            x, watch = run(x, given_inputs, [v for scope in scopes for v in scope.values()])
        calls, given = watch.calls, watch.given
        inner = watch.names
    elif inputs:
        path = isinstance(inputs[0], str | Path)
        raise TypeError(
            f"{who}: only a function or a module takes example inputs; got a tensor and {len(inputs)} more; "
            + (f"write {who}(x).save(path)" if path else f"write {who}(x), or {who}((x, y)) for several")
        )
    outputs, extra = _outputs(x, who)
    changed = _changed(outputs)
    names = named(scopes) | inner
    if given and isinstance(x, Variable) and x.op is not None:
        names.setdefault(x.born, "out")
    names |= extra
    unnamed = (t for t in history(*outputs) if t.op is None and not t.flags and not t.name and t.born not in names)
    graph = _build(outputs, names | data_in(scopes[0], unnamed), root, calls)
    if late := [shown(n.name) for n in graph.nodes.values() if n.tensor is not None and n.tensor.born in changed]:
        graph.notices.append(
            f"{', '.join(late[:3])}{', ...' * (len(late) > 3)} changed after the result was computed, and is shown as "
            "it is now; gradients are left out: look before the change"
        )
    if all(t.op is None and not t.flags for t in outputs):
        graph.notices.append("nothing needs a gradient, so that nothing was recorded: no input has requires_grad=True")
    graph.given = frozenset(n.key for n in graph.nodes.values() if n.tensor is not None and n.tensor.born in given)
    if grads and not graph.notices:
        add_gradients(graph, gradient)
    return graph


def _outputs(x: object, who: str) -> tuple[list[Variable], dict[int, str]]:
    """The tensors of a result: itself, or those in a tuple, list or dict, however nested; None and numbers are none."""
    found: dict[int, tuple[Variable, str]] = {}
    todo, seen = [("", x)], dict[int, Any]()
    while todo:
        name, part = todo.pop()
        if isinstance(part, Variable):
            found.setdefault(part.born, (part, name))
        elif id(part) in seen:  # a list in itself
            continue
        elif isinstance(part, Mapping):
            seen[id(part)] = part
            todo += [(str(k), v) for k, v in part.items()][::-1]
        elif isinstance(part, list | tuple):
            seen[id(part)] = part
            todo += [("", v) for v in part[::-1]]
        elif part is x or not (part is None or isinstance(part, int | float | str)):
            raise DTypeError(
                f"{who}: needs a tensor, or a function or module with example inputs; got "
                f"{type(part).__name__}; wrap it with tg.Tensor"
            )
    if not found:
        raise DTypeError(f"{who}: needs at least one tensor; got {type(x).__name__} without any; return one")
    return [t for t, _ in found.values()], {t.born: name for t, name in found.values() if name}


def _made_in(tensors: Sequence[Variable], root: object, calls: list[ModuleCall]) -> list[tuple[tuple[int, str], ...]]:
    """For each tensor, oldest first, the module calls that were open when it was made; `root`'s own is left out.

    Calls are numbered in their order: births would differ from one run of a program to the next.
    """
    numbers = {start: k for k, start in enumerate(sorted(c.start for c in calls))}
    waiting = sorted(calls, key=lambda c: c.start)[::-1]
    stack: list[tuple[ModuleCall, str]] = []
    found = []
    for t in tensors:
        while (stack and stack[-1][0].end < t.born) or (waiting and waiting[-1].start < t.born):
            if stack and (not waiting or stack[-1][0].end < waiting[-1].start):
                stack.pop()
            else:
                call = waiting.pop()
                stack.append((call, _child_name(stack[-1][0].module if stack else root, call.module)))
        found.append(tuple((numbers[c.start], name) for c, name in stack if c.module is not root))
    return found


def _child_name(parent: Any, module: Any) -> str:
    """What a module is called inside its parent: its path, or its place in a list; else its class."""
    if hasattr(type(parent), "named_modules"):
        for path, held in parent.named_modules():
            if held is module and path:
                return str(path)
    for name, child in vars(parent).items() if parent is not None else ():
        if child is module:
            return name
        many = child.items() if isinstance(child, dict) else enumerate(child) if isinstance(child, list | tuple) else ()
        for key, item in many:
            if item is module:
                return str(key) if name.startswith("_") else f"{name}[{key}]"
    return type(module).__name__


def _with_complements(graph: Graph) -> Graph:
    """The graph in which a constant that is 1 - Y, for a leaf Y, is computed from it.

    Nothing is recorded of what is computed from constants alone: `1 - Y`, for the labels Y of a loss, is an array of
    which nothing else is known. What it is can be seen, and is shown, as a formula of Y is worth more than `c1`.
    """
    leaves = [n for n in graph.nodes.values() if n.op is None and n.shape]
    found = {}
    for n in leaves:
        if n.kind == "constant" and not n.named and n.tensor is not None:
            for y in leaves:
                older = y.named or (y.tensor is not None and y.tensor.born < n.tensor.born)
                if older and y.key not in found and y.shape == n.shape and _complements(n.value, y.value):
                    found[n.key] = y.key
                    break
    if not found:
        return graph
    subtract, nodes, most = REGISTRY["subtract"], dict[str, Node](), len(graph.nodes)
    later = {n for n, y in found.items() if list(graph.nodes).index(y) > list(graph.nodes).index(n)}
    order = [k for k in graph.nodes if k not in later]
    for key in later:
        order.insert(order.index(found[key]) + 1, key)
    for k in order:
        node = graph.nodes[k]
        if k in found:
            one = Node(f"n{most}", "", None, value=1)
            nodes[one.key] = one
            node = replace(node, op=subtract, inputs=(one.key, found[k]))
            most += 1
        nodes[k] = node
    graph = replace(graph, nodes=nodes)
    for k in found:
        nodes[k].title = title(graph, nodes[k])
        nodes[nodes[k].inputs[0]].title = "1"
    return graph


def _complements(a: object, b: object) -> bool:
    """Whether `a` is 1 - b, and neither is of equal numbers only, as that may be by chance."""
    if not (isinstance(a, np.ndarray) and isinstance(b, np.ndarray)) or a.dtype.kind not in "iuf" or not a.size:
        return False
    return b.dtype.kind in "iuf" and np.array_equal(a, 1 - b) and bool((a != a.flat[0]).any())


def _build(outputs: list[Variable], names: Mapping[int, str], root: object, calls: list[ModuleCall]) -> Graph:
    tensors = _in_order(list(history(*outputs))[::-1], names)
    made_in = _made_in(tensors, root, calls)
    keys = {t.born: f"n{k}" for k, t in enumerate(tensors)}
    graph, taken = Graph({}, tuple(keys[t.born] for t in outputs)), set[str]()
    graph.modules = {k: c.module for k, c in enumerate(sorted(calls, key=lambda c: c.start))}
    counts: dict[str, int] = {}
    for t, modules in zip(tensors, made_in, strict=True):
        path = names.get(t.born, "")
        given = (t.name or "").strip()
        name = path if path.endswith(f".{given}") and given else given or path
        stem = name or _part_name(t) or ("t" if t.op is not None else "x" if t.flags else "c")
        node = Node(
            keys[t.born], name, t, t.op, tuple(keys[x.born] for x in shown_inputs(t)), t._data, named=bool(name)
        )
        if not is_number(node):
            node.name = _new_name(stem, bool(name), taken, counts)
        node.calls = modules
        graph.nodes[node.key] = node
        node.title = title(graph, node)
    return _with_complements(graph)


def _part_name(t: Variable) -> str:
    """What a slice of the last axis is called where it is a part of a result that gives several, as an LSTM's gates."""
    made = t.inputs[0].op if t.op is ops.getitem else None
    last = (t.attributes or {})["index"][-1] if made is not None and made.parts else None
    if made is None or not isinstance(last, slice) or None in (last.start, last.stop):
        return ""
    size = np.shape(t.inputs[0]._data)[-1] // len(made.parts)
    whole_part = last.stop - last.start == size and last.start % size == 0
    return made.parts[last.start // size] if whole_part else ""


def _in_order(tensors: list[Variable], names: Mapping[int, str]) -> list[Variable]:
    """Operations in the order in which they ran, after the leaves that were there before.

    Those that the program has a name for stand in the program's order, not in that of their births: an optimizer's
    step, a load or `w.data = ...` gives a parameter a new birth, and changes nothing of what it is. A leaf that was
    made between two operations, as the data of a time step, stays where it was made.
    """
    rank = {born: k for k, born in enumerate(names)}
    begin = next((t.born for t in tensors if t.op is not None), 0)
    used = {x.born: t.born for t in reversed(tensors) for x in shown_inputs(t)}  # by which operation first
    places = {
        t.born: (0, rank.get(t.born, len(rank)), used.get(t.born, 0) > t.born)
        for t in tensors
        if t.op is None and (
            t.born < begin or used.get(t.born, t.born) < t.born or (t.flags & NEEDS and t.born in rank)
        )
    }  # fmt: skip
    return sorted(tensors, key=lambda t: (*places.get(t.born, (1, 0, True)), t.born))


def _changed(outputs: Sequence[Variable]) -> set[int]:
    """The births of what got other numbers since a result was computed from it, and did not keep the old ones."""
    for t in list(history(*outputs)):
        for x in t.inputs:
            x.notice()
    return {x.born for t in history(*outputs) for x in shown_inputs(t) if x.born > t.born}


def _new_name(stem: str, named: bool, taken: set[str], counts: dict[str, int]) -> str:
    """The user's name once, then with a number; `t1`, `t2`, ... where there is none."""
    stem = stem if len(stem) <= LONGEST else stem[: LONGEST - 1] + "…"
    name = stem if named else ""
    while not name or name in taken:
        counts[stem] = counts.get(stem, 0) + 1
        name = f"{stem}_{counts[stem] + 1}" if named else f"{stem}{counts[stem]}"
    taken.add(name)
    return name


def add_gradients(graph: Graph, gradient: object = None) -> None:
    """Pull a gradient (ones, if none is given) from the outputs, and keep each node's. `.grad` is not touched."""
    seeds = []
    for key in graph.outputs:
        t = graph.nodes[key].tensor
        if t is not None and t.flags & NEEDS:
            g = np.ones_like(t._data) if gradient is None else np.asarray(gradient, dtype=t._data.dtype)
            if np.shape(g) != np.shape(t._data):
                raise GraphError(
                    f"draw: the gradient must have the output's shape {np.shape(t._data)}; got "
                    f"{np.shape(g)}; reshape it"
                )
            graph.seeds[key] = g[()]
            seeds.append((t, g[()]))
    by_birth = {n.tensor.born: n for n in graph.nodes.values() if n.tensor is not None}
    found = {}
    try:
        with np.errstate(all="ignore"):
            found = {t.born: g for t, g in pull(seeds) if t.born in by_birth}
    except np.linalg.LinAlgError as error:  # the values can be looked at all the same
        where = "; ".join(getattr(error, "__notes__", ()))
        graph.notices.append(f"gradients are left out: {error} ({where})")
        graph.seeds.clear()
    for born, g in found.items():
        by_birth[born].grad = g
