"""The functions that a function of the user's calls, as far as they have a source of the user's own."""

from __future__ import annotations

import ast
import dis
import inspect
import linecache
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, partial
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

OURS = __name__.partition(".")[0]


@cache
def libraries() -> tuple[str, ...]:
    """Where the standard library and installed packages lie."""
    import sysconfig

    return tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")})


def plain_function(f: object) -> FunctionType | None:
    """The function under wrappers, partial applications and methods; None for what is no Python function."""
    while True:
        if isinstance(f, MethodType):
            f = f.__func__
        elif hasattr(f, "__wrapped__"):
            f = f.__wrapped__
        elif hasattr(f, "func") and callable(f.func) and not isinstance(f, FunctionType):
            f = f.func
        else:
            return f if isinstance(f, FunctionType) else None


def is_lambda(f: Any) -> bool:
    """Whether a function has no name of its own."""
    return isinstance(f, FunctionType) and f.__name__ == "<lambda>"


def lambda_of(f: FunctionType) -> tuple[ast.Lambda, str]:
    """The syntax, with its lines in the file, and the text of a lambda, which may stand anywhere in a line, beside
    others: that whose body its code comes from. OSError, if there is no source."""
    whole = "".join(linecache.getlines(f.__code__.co_filename, f.__globals__))
    places = [(a, b, c, d) for a, b, c, d in f.__code__.co_positions() if a and b and c is not None and d]
    start, end = min((a, c) for a, _, c, _ in places), max((b, d) for _, b, _, d in places)
    for node in ast.walk(ast.parse(whole)):
        if isinstance(node, ast.Lambda):
            body: Any = node.body
            if (body.lineno, body.col_offset) == start and (body.end_lineno, body.end_col_offset) == end:
                return node, ast.get_source_segment(whole, node) or ""
    raise OSError(f"no source of the lambda in line {f.__code__.co_firstlineno} of {f.__code__.co_filename}")


def is_own(f: FunctionType) -> bool:
    """Whether a function is the user's, not of the standard library, an installed package, or this one."""
    package = str(f.__module__).partition(".")[0]
    return not f.__code__.co_filename.startswith((*libraries(), "<frozen")) and package not in (OURS, "numpy")


def reached(f: object, *beside: object) -> list[FunctionType]:
    """The function and the user's functions that it names, directly or through each other. `beside` are further objects
    of which it may call methods, such as those in a cache."""
    found: list[FunctionType] = []
    more = list(held(beside))
    waiting = [*map(plain_function, functions_within(beside)), plain_function(f)]
    while waiting:
        here = waiting.pop()
        if here is None or here in found or not (is_own(here) or not found):
            continue
        found.append(here)
        waiting += [plain_function(v) for v in _named(here, more) if callable(v)]
        if isinstance(f, MethodType) and len(found) == 1:  # its class may be local
            names = {n for code in codes(here.__code__) for n in code.co_names}
            waiting += [g for n, g in functions_of(f.__self__).items() if n in names]
    return found


def _named(f: FunctionType, beside: Sequence[object] = ()) -> Iterator[Any]:
    """What the names in a function's code stand for: globals and closed-over variables, and those attributes of
    modules, objects and classes among them that are named as well; in a method, those of its class."""
    names = {n for code in codes(f.__code__) for n in code.co_names}
    home = f.__globals__.get(f.__qualname__.partition(".")[0])  # a method's class
    found = _values_in(f, names)
    yield from found
    yield from functions_within(found)
    for owner in [*found, *held(found), *beside, *([home] if isinstance(home, type) else [])]:
        yield from (a for n, a in functions_of(owner).items() if n in names or n in ("__init__", "__call__"))


def _values_in(f: FunctionType, names: set[str]) -> list[Any]:
    """The closed-over variables of a function, and the globals that it names."""
    return [*_closed(f).values(), *(f.__globals__[n] for n in sorted(names) if n in f.__globals__)]


def _closed(f: FunctionType) -> dict[str, Any]:
    """The closed-over variables of a function."""
    closed = {}
    for name, cell in zip(f.__code__.co_freevars, f.__closure__ or (), strict=True):
        try:
            closed[name] = cell.cell_contents
        except ValueError:  # not bound yet
            continue
    return closed


def functions_within(things: Iterable[Any], depth: int = 3) -> Iterator[FunctionType]:
    """The functions in containers among things, as in a table of activations."""
    for thing in things:
        if isinstance(thing, Mapping | list | tuple) and depth:
            inner = [*(thing.values() if isinstance(thing, Mapping) else thing)]
            yield from (v for v in inner if isinstance(v, FunctionType))
            yield from functions_within(inner, depth - 1)


def held(things: Iterable[Any], depth: int = 3) -> Iterator[Any]:
    """The objects of the user's classes among things, in their attributes and in containers, as layers are."""
    for thing in things:
        if isinstance(thing, Mapping | list | tuple):
            yield from held(thing.values() if isinstance(thing, Mapping) else thing, depth - 1) if depth else ()
            continue
        kind: type = type(thing)
        if not isinstance(thing, type | ModuleType | FunctionType | MethodType) and methods_of(kind):
            yield thing
            yield from held(getattr(thing, "__dict__", {}).values(), depth - 1) if depth else ()


def kinds_of(f: object, *beside: object) -> list[type]:
    """The user's classes whose methods a function may call: those that it names, and those of objects within reach."""
    found: dict[type, None] = {}
    for g in reached(f, *beside):
        values = _values_in(g, {n for code in codes(g.__code__) for n in code.co_names})
        home = g.__globals__.get(g.__qualname__.partition(".")[0])
        kinds = [v for v in (*values, home) if isinstance(v, type)] + [type(v) for v in held([*values, *beside])]
        found |= dict.fromkeys(base for kind in kinds for base in kind.__mro__ if methods_of(base))
    if isinstance(f, MethodType):
        found |= dict.fromkeys(base for base in type(f.__self__).__mro__ if methods_of(base))
    return list(found)


def functions_of(owner: Any) -> dict[str, Any]:
    """The functions of a module of the user's, or the methods of a class or object of one of the user's classes."""
    if isinstance(owner, ModuleType):
        ours = owner.__name__.partition(".")[0] in (OURS, "numpy")
        path = getattr(owner, "__file__", None) or "<frozen"
        return {} if ours or path.startswith((*libraries(), "<frozen")) else _plain_ones(vars(owner))
    if isinstance(owner, FunctionType | MethodType):
        return {}
    return methods_of(owner if isinstance(owner, type) else type(owner))


@cache
def methods_of(kind: type) -> dict[str, Any]:
    """The functions that the user defined in a class, or in those that it is made of."""
    found: dict[str, Any] = {}
    for base in reversed(kind.__mro__):
        found |= _plain_ones(vars(base))
    return found


def _plain_ones(members: Mapping[str, Any]) -> dict[str, FunctionType]:
    """The user's own functions among members, static ones and those of classes, too."""
    known = {n: getattr(v, "__func__", v) for n, v in members.items()}
    return {n: f for n, v in known.items() if isinstance(f := plain_function(v), FunctionType) and is_own(f)}


def codes(code: CodeType) -> Iterator[CodeType]:
    """A code object, and those of the functions defined within it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from codes(constant)


def names_in(f: Callable[..., Any]) -> set[str]:
    """The local variables of a function and of the user's functions that it calls."""
    return {name for g in reached(inspect.unwrap(f)) for code in codes(g.__code__) for name in code.co_varnames}


RAW = {"as_strided", "frombuffer", "from_buffer", "__array_interface__", "ctypes"}  # they read memory by its address
SAFE = ("numpy", "math", "cmath", "builtins")  # modules that look at the lengths of what they are given


def takes_any_length(f: Callable[..., Any], length: int) -> bool:
    """Whether a function may be tried with other lengths in place of one: it is the user's own Python and NumPy all the
    way down (compiled code may read beyond the end of an array), and holds nothing of that length itself."""
    if isinstance(f, np.ufunc):
        return True
    root = plain_function(f)
    if not isinstance(f, FunctionType | MethodType | partial) or root is None or not is_own(root):
        return False
    held = (
        [f.__self__] if isinstance(f, MethodType) else [*f.args, *f.keywords.values()] if isinstance(f, partial) else []
    )
    for g in reached(f):
        if {n for code in codes(g.__code__) for n in code.co_names} & RAW or _imports(g):
            return False
        held += [*_named(g), *(g.__defaults__ or ())]
    return all(_harmless(v, length) for v in held)


def _imports(f: FunctionType) -> bool:
    """Whether a function imports something when it is called."""
    return any(step.opname == "IMPORT_NAME" for code in codes(f.__code__) for step in dis.get_instructions(code))


def _harmless(v: object, length: int, depth: int = 3) -> bool:
    """Whether what a function holds has not that length, and is no compiled code."""
    if isinstance(v, np.ndarray):
        return length not in v.shape
    if isinstance(v, bool | int | float | complex | str | np.generic | np.dtype | np.ufunc | None):
        return not isinstance(v, int) or v != length
    if isinstance(v, ModuleType):
        return v.__name__.partition(".")[0] in SAFE or bool(functions_of(v))
    if isinstance(v, FunctionType):
        return is_own(v) or str(v.__module__).startswith("numpy")
    if isinstance(v, type):
        return v.__module__.partition(".")[0] in SAFE or bool(methods_of(v))
    if callable(v) and not hasattr(v, "__dict__"):  # built in
        return str(getattr(v, "__module__", None)).partition(".")[0] in SAFE
    if isinstance(v, Mapping | list | tuple | set):
        parts = v.values() if isinstance(v, Mapping) else v
        return depth > 0 and len(v) != length and all(_harmless(x, length, depth - 1) for x in parts)
    kind: type = type(v)
    own = bool(methods_of(kind))  # an object of the user's
    return own and depth > 0 and all(_harmless(x, length, depth - 1) for x in vars(v).values())


SOLVERS = {  # what computes to a tolerance or in low precision, by the name under which it is called
    "fsolve", "root", "root_scalar", "brentq", "newton", "bisect", "fixed_point", "minimize", "minimize_scalar",
    "least_squares", "quad", "dblquad", "tplquad", "quad_vec", "fixed_quad", "nquad", "odeint", "solve_ivp",
    "solve_bvp",
    "cg", "gmres", "bicgstab", "minres", "lsqr", "lsmr", "eigsh", "svds", "float32", "float16", "half", "bfloat16",
}  # fmt: skip


def inexact(*functions: object) -> str | None:
    """What makes values inexact in functions and those of the user's that they call: a solver, or a loop that ends by
    a test."""
    for g in (g for f in functions for g in reached(f)):
        names = {name for code in codes(g.__code__) for name in (*code.co_names, *code.co_freevars, *code.co_consts)}
        known = {**g.__globals__, **_closed(g)}
        own = {n for n in names if (f := plain_function(known.get(str(n)))) is not None and is_own(f)}
        if solver := next((n for n in sorted(SOLVERS) if n in names - own), None):
            return f"`{solver}` in {g.__name__}"
        if (line := _line_of_search(g)) is not None:
            return f"the loop in line {line}"
    return None


def _line_of_search(g: FunctionType) -> int | None:
    """The line of a loop that ends when something is small enough, if there is one."""
    try:
        source, first = inspect.getsourcelines(g)
        tree = ast.parse(textwrap.dedent("".join(source)))
    except (OSError, SyntaxError):  # no source, or a lambda in the middle of a line
        return None
    if not tree.body or getattr(tree.body[0], "name", "") != g.__name__:
        return None
    for loop in (n for n in ast.walk(tree) if isinstance(n, ast.For | ast.While)):
        tests = [n.test for n in ast.walk(loop) if isinstance(n, ast.If) and any(map(_leaves, n.body))]
        tests += [loop.test] if isinstance(loop, ast.While) else []
        if any(_small_enough(n) for test in tests for n in ast.walk(test)):
            return first + loop.lineno - 1
    return None


def _small_enough(node: ast.AST) -> bool:
    """Whether it compares a size, or something with a tolerance; not a counter with its end."""
    if not isinstance(node, ast.Compare) or not isinstance(node.ops[0], ast.Lt | ast.LtE | ast.Gt | ast.GtE):
        return False
    names = [getattr(n, "attr", getattr(n, "id", "")).lower() for n in ast.walk(node)]
    numbers = [n.value for n in ast.walk(node) if isinstance(n, ast.Constant) and isinstance(n.value, float)]
    return any(part in name for name in names for part in ("abs", "norm", "tol", "eps")) or any(
        0 < v < 0.1 for v in numbers
    )


def _leaves(node: ast.stmt) -> bool:
    return isinstance(node, ast.Break | ast.Return)
