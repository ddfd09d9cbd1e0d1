"""Functions and inputs as the text of a test that stands alone: imported where they can be, else with their source."""

from __future__ import annotations

import ast
import builtins
import functools
import inspect
import sys
import textwrap
from collections.abc import Iterator
from types import FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from .subjects.functions import is_lambda, lambda_of, methods_of, plain_function
from .subjects.other_libraries import library_of, plain
from .subjects.trees import leaves

MOST = 2_000  # numbers in a text
MAKERS = {"torch": "torch.from_numpy", "jax": "jax.numpy.asarray", "mygrad": "mygrad.tensor"}  # of libraries' arrays
PLAIN = (bool, int, float, complex, str, bytes, np.generic)


def written(x: Any) -> str:
    """An input as Python text that makes it again."""
    if isinstance(x, dict):
        return "{" + ", ".join(f"{k!r}: {written(v)}" for k, v in x.items()) + "}"
    if type(x) in (tuple, list):
        inner = "".join(f"{written(v)}, " for v in x)
        return f"({inner})" if isinstance(x, tuple) else f"[{inner.removesuffix(', ')}]"
    if isinstance(x, float) and not np.isfinite(x):
        return f'float("{x}")'
    if maker := MAKERS.get(library_of(x)):
        return f"{maker}({written(plain(x))})"
    if not isinstance(x, np.ndarray):
        return repr(x)
    if not x.size:
        return f"np.zeros({x.shape}, dtype=np.{x.dtype})"
    values = repr(x.tolist()).replace("nan", "np.nan").replace("inf", "np.inf")
    return f"np.array({values}, dtype=np.{x.dtype})"


def tells(x: Any) -> bool:
    """Whether `written` makes it again."""
    if isinstance(x, dict):
        return all(map(tells, x.values()))
    if type(x) in (tuple, list):
        return all(map(tells, x))
    array = isinstance(x, np.ndarray) or library_of(x) in MAKERS
    return x is None or isinstance(x, PLAIN) or (array and int(np.prod(x.shape, dtype=int)) <= MOST)


class Pasted:
    """What comes before a test, so that it can call some functions: imports, and definitions."""

    def __init__(self) -> None:
        self.modules: dict[str, None] = {"import numpy as np": None}
        self.imports: dict[str, None] = {"from tinygrad_edu import testing": None}
        self.texts: dict[str, str] = {}  # definitions by the names that they give, in their order
        self.lacking: dict[str, str] = {}  # what no text can tell

    def function(self, f: Any, name: str, bare: bool = False) -> str:
        """The text by which a test calls a function, which is called `name` if it has no name of its own; `bare` is
        without decorators and `self`."""
        if not bare and (spelled := self.imported(f)):
            return spelled
        if isinstance(f, functools.partial):
            given = [*map(self.input, f.args), *(f"{k}={self.input(v)}" for k, v in f.keywords.items())]
            self.imports["from functools import partial"] = None
            return f"partial({', '.join([self.function(f.func, name), *given])})"
        if isinstance(f, MethodType) and not bare:
            return f"{self.owner(f.__self__)}.{f.__name__}"
        return self.defined(f, name, bare)

    def input(self, x: Any) -> str:
        """An input as text."""
        self.modules |= {f"import {library}": None for _, v in leaves(x) if (library := library_of(v))}
        return written(x)

    def imported(self, f: Any) -> str:
        """The name under which a function, or a class, can be imported; nothing if it cannot."""
        module = "numpy" if isinstance(f, np.ufunc) else getattr(f, "__module__", None)
        path = getattr(f, "__qualname__", getattr(f, "__name__", ""))
        found: Any = sys.modules.get(str(module)) if module != "__main__" else None
        for part in path.split("."):
            found = getattr(found, part, None)
        if found is None or found != f:
            return ""
        self.imports[f"from {module} import {path.partition('.')[0]}"] = None
        return str(path)

    def owner(self, x: Any) -> str:
        """The name of an object: imported from the module of its class, or made again with its attributes."""
        module, kind = type(x).__module__, type(x).__name__
        names = (n for n, v in vars(sys.modules[module]).items() if v is x) if module != "__main__" else iter(())
        name = next(names, "")
        if name:
            self.imports[f"from {module} import {name}"] = None
            return name
        name = f"{kind.lower()}_object"
        if not tells(vars(x) if hasattr(x, "__dict__") else x):
            self.lacking[name] = kind
        elif name not in self.texts:
            kind = self.function(type(x), kind)
            self.texts[name] = f"{name} = {kind}.__new__({kind})\n{name}.__dict__.update({self.input(vars(x))})"
        return name

    def defined(self, f: Any, name: str, bare: bool) -> str:
        """The name of a function, or a class, that is defined by its source."""
        home = f if isinstance(f, type) else plain_function(f)
        node, text = source_of(home) if home is not None else (None, "")
        if node is None:
            self.lacking[name] = f"{type(f).__name__} {getattr(f, '__name__', '')}".strip()
            return name
        given = getattr(node, "name", name)
        if bare and isinstance(node, ast.FunctionDef):
            node.decorator_list, node.args.args = [], [a for a in node.args.args if a.arg != "self"]
            text = ast.unparse(node)
        if given not in self.texts:
            self.texts[given] = ""  # it may name itself
            self.needs(home, node)
            del self.texts[given]
            self.texts[given] = f"{given} = {text}" if isinstance(node, ast.Lambda) else text
        return str(given)

    def needs(self, home: Any, node: ast.AST) -> None:
        """Bring what a definition names."""
        used = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and not hasattr(builtins, n.id)}
        self.modules |= {f"import {name}": None for name in _decorating(node) if name in sys.modules}
        members = [home] if isinstance(home, FunctionType) else vars(home).values()
        for f in filter(None, map(plain_function, members)):
            around, here = dict(closed(f)), f.__globals__
            for name in sorted((used & (around.keys() | here.keys())) - self.texts.keys()):
                self.value(name, around[name] if name in around else here[name], f.__module__, name in around)

    def value(self, name: str, x: Any, module: str, local: bool) -> None:
        """Bring what a definition calls by a name."""
        kind: Any = type(x)
        if isinstance(x, ModuleType):
            self.modules[f"import {x.__name__}" + f" as {name}" * (name != x.__name__)] = None
        elif not local and module != "__main__" and getattr(sys.modules.get(module), name, None) is x:
            self.imports[f"from {module} import {name}"] = None
        elif callable(x):
            spelled = self.function(x, name)
            if spelled != name:
                self.texts[name] = f"{name} = {spelled}"
        elif tells(x):
            self.texts[name] = f"{name} = {self.input(x)}"
        elif methods_of(kind):
            self.texts[name] = f"{name} = {self.owner(x)}"
        else:
            self.lacking[name] = kind.__name__

    def lines(self) -> list[str]:
        """The lines before the test."""
        known = [*self.modules, "", *self.imports]
        known += ["", *(f"# {n}: to be put here, a {what}" for n, what in self.lacking.items())] if self.lacking else []
        return known + [line for text in self.texts.values() for line in ("", "", text)]


def _decorating(node: ast.AST) -> set[str]:
    """The names in the decorators of a definition, which may be imported where it stands."""
    parts = (p for d in getattr(node, "decorator_list", []) for p in ast.walk(d))
    return {p.id for p in parts if isinstance(p, ast.Name)}


def closed(f: FunctionType) -> Iterator[tuple[str, Any]]:
    """The variables of the functions around one, as far as they are bound."""
    for name, cell in zip(f.__code__.co_freevars, f.__closure__ or (), strict=True):
        try:
            yield name, cell.cell_contents
        except ValueError:  # not bound yet
            continue


def source_of(f: Any) -> tuple[Any, str]:
    """The syntax and the text of a function, a lambda or a class; nothing, if it has no source."""
    try:
        if is_lambda(f):
            node, text = lambda_of(f)
            return node, f"({text})" if "\n" in text else text
        text = textwrap.dedent(inspect.getsource(f)).strip()
        return ast.parse(text).body[0], text
    except (OSError, TypeError, SyntaxError):
        return None, ""
