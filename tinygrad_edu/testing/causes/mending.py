"""A copy of a hand-written function, and of the user's functions that it calls, whose assignments can be given other
values."""

from __future__ import annotations

import ast
import copy
import functools
from collections.abc import Callable, Sequence
from threading import RLock, get_ident
from types import CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any, NamedTuple

import numpy as np

from ...changes import at_once
from ..subjects.functions import codes, functions_of, functions_within, kinds_of, plain_function, reached
from .text import is_empty, name_of, parsed

Hook = Callable[[int, Any], Any]
TURN = RLock()  # held while methods of classes are replaced


class Naming(NamedTuple):
    """A place in the source where a value gets its name."""

    line: int  # of the file
    name: str
    function: Any  # a FunctionType
    given: bool = False  # a parameter: what it is given is told, and cannot be replaced
    handed: bool = False  # computed elsewhere: a returned variable, a call's result, a variable kept as an entry
    empty: bool = False  # zero, or an array to be filled


class Mendable:
    """A copy of `f`, made from its source, that hands each value it assigns to a hook, and goes on with what the hook
    returns. The user's functions that it names are copied with it. Raises TypeError where there is no source at all."""

    def __init__(self, f: Callable[..., Any], *beside: object) -> None:
        self.sites: list[Naming] = []
        self.hook: Hook = lambda k, value: value
        self.copies: dict[FunctionType, FunctionType] = {}
        self.marked: dict[CodeType, tuple[CodeType, Any]] = {}  # what closures of the same source share
        self.modules: dict[int, ModuleType] = {}  # with copied functions, by their ids
        self.spaces: list[dict[str, Any]] = []
        functions = reached(f, *beside)
        self.called = {g.__name__ for g in functions}
        for g in functions:
            closed = dict(zip(g.__code__.co_freevars, g.__closure__ or (), strict=True))
            space = {**g.__globals__, **{name: c.cell_contents for name, c in closed.items() if _bound(c)}}
            self.copies[g] = self._from_source(g, space) or self._as_it_is(g, space)
            self.spaces.append(space)
        if not self.sites:
            raise TypeError("there are no lines")
        for g, space in zip(self.copies, self.spaces, strict=True):
            used = {n for code in codes(g.__code__) for n in (*code.co_names, *code.co_freevars)} & space.keys()
            space.update({name: self.made(space[name]) for name in used})
            space.update(_mend=self._mend, _mends=self._mends, _given=self._given, _partly=self._partly, _at=_At())
        for g, made in self.copies.items():
            for cell, old in zip(made.__closure__ or (), g.__closure__ or (), strict=False):
                if _bound(old):
                    cell.cell_contents = self.made(old.cell_contents)
        self.thread = 0  # in which it runs
        methods = [
            (kind, name, given, self._method(given, plain))
            for kind in kinds_of(f, *beside)
            for name, given in vars(kind).items()
            if (plain := plain_function(getattr(given, "__func__", given))) in self.copies
        ]
        self.replacing = [(type.__setattr__, kind, name, method) for kind, name, _, method in methods]
        self.restoring = [(type.__setattr__, kind, name, given) for kind, name, given, _ in methods]
        self.f = self.made(f)

    def __call__(self, *given: object, **named: object) -> Any:
        """The copy, the methods of the user's classes being copies meanwhile, in this thread."""
        with TURN:
            before, self.thread = self.thread, get_ident()
            try:
                at_once(*self.replacing)
                return self.f(*given, **named)
            finally:
                self.thread = before
                at_once(*self.restoring)

    def _from_source(self, g: FunctionType, space: dict[str, Any]) -> FunctionType | None:
        if g.__code__ not in self.marked:
            if (found := self._compiled(g, space)) is None:
                return None
            self.marked[g.__code__] = found
        code, closure = self.marked[g.__code__]
        made = FunctionType(code, space, g.__name__, g.__defaults__, closure)
        made.__kwdefaults__ = g.__kwdefaults__
        return made

    def _compiled(self, g: FunctionType, space: dict[str, Any]) -> tuple[CodeType, Any] | None:
        try:
            tree, first = parsed(g)
            definition = tree.body[0]
            if not isinstance(definition, ast.FunctionDef) or definition.name != g.__name__:
                return None  # a lambda
            if "__class__" in g.__code__.co_freevars:
                return None  # `super()` works in its class only
            definition.decorator_list = []
            definition.args.defaults = [ast.Constant(None) for _ in definition.args.defaults]  # they are copied below
            definition.args.kw_defaults = [d and ast.Constant(None) for d in definition.args.kw_defaults]
            ast.increment_lineno(tree, first - 1)
            marks = _Marks(g, len(self.sites), self.called)
            code = compile(ast.fix_missing_locations(marks.visit(tree)), g.__code__.co_filename, "exec")
        except (OSError, TypeError, SyntaxError):  # there is no source, or it cannot stand alone
            return None
        home = dict(space)
        exec(code, home)
        made: FunctionType = home[definition.name]
        self.sites += marks.sites
        return made.__code__, made.__closure__

    def _as_it_is(self, g: FunctionType, space: dict[str, Any]) -> FunctionType:
        cells = tuple(CellType() for _ in g.__code__.co_freevars)
        made = FunctionType(g.__code__, space, g.__name__, g.__defaults__, cells)
        made.__kwdefaults__ = g.__kwdefaults__
        return made

    def made(self, f: Callable[..., Any]) -> Any:
        """A function of the user's as its copy, bound and partially applied as it is; a module or a container of such,
        likewise."""
        if isinstance(f, dict | list | tuple):
            return self._container(f)
        if isinstance(f, MethodType):
            return MethodType(self.made(f.__func__), f.__self__)
        if isinstance(f, functools.partial):
            return functools.partial(self.made(f.func), *f.args, **f.keywords)
        if isinstance(f, ModuleType):
            return self._module(f)
        if isinstance(f, type):
            return f
        if hasattr(f, "__wrapped__"):
            return self.made(f.__wrapped__)
        plain = plain_function(f)
        return self.copies[plain] if plain is not None and plain in self.copies else f

    def _module(self, module: ModuleType) -> ModuleType:
        if id(module) not in self.modules:
            mine = {n: self.copies[f] for n, f in functions_of(module).items() if f in self.copies}
            made = ModuleType(module.__name__) if mine else module
            if mine:
                made.__dict__.update({**vars(module), **mine})
            self.modules[id(module)] = made
        return self.modules[id(module)]

    def _container(self, given: Any) -> Any:
        if not any(f in self.copies for f in functions_within([given])):
            return given
        if isinstance(given, dict):
            return {k: self.made(v) for k, v in given.items()}
        parts = map(self.made, given)
        return type(given)(*parts) if hasattr(given, "_fields") else type(given)(parts)

    def _method(self, given: object, plain: Any) -> Any:
        """A method that is the copy while this runs, and what it was before in any other thread."""
        mine = self.copies[plain]

        @functools.wraps(plain)
        def method(*args: object, **named: object) -> Any:
            return (mine if self.thread == get_ident() else plain)(*args, **named)

        return type(given)(method) if isinstance(given, staticmethod | classmethod) else method

    def with_hook(self, hook: Hook) -> Callable[..., Any]:
        """The function, with this hook from now on."""
        self.hook = hook
        return self

    def _mend(self, k: int, value: object) -> Any:
        return self.hook(k, value)

    def _mends(self, k: int, values: Any) -> tuple[Any, ...]:
        return tuple(self.hook(k + i, v) for i, v in enumerate(values))

    def _partly(self, k: int, value: Any, index: Any) -> Any:
        """An array of which a line wrote a part: what the hook makes of the whole counts there only."""
        other = self.hook(k, value)
        if other is not value and isinstance(value, np.ndarray):
            value[index] = other[index]
        return value

    def _given(self, k: int, *values: Any) -> None:
        for i, v in enumerate(values):
            self.hook(k + i, v)


class _At:
    """An index as an object."""

    def __getitem__(self, index: Any) -> Any:
        return index


def _bound(cell: CellType) -> bool:
    try:
        cell.cell_contents  # noqa: B018  (it raises if nothing was assigned yet)
    except ValueError:
        return False
    return True


class _Marks(ast.NodeTransformer):
    """Wraps assigned and returned values in calls of the hook, and tells it what parameters are given."""

    def __init__(self, function: FunctionType, first: int, called: set[str]) -> None:
        self.function, self.first, self.called = function, first, called
        self.sites: list[Naming] = []
        self.loops = 0  # around the statement

    def mark(
        self, value: ast.expr, line: int, names: Sequence[str], hook: str = "_mend", handed: bool = False
    ) -> ast.expr:
        called = value.func if isinstance(value, ast.Call) else None
        passed = getattr(called, "attr", getattr(called, "id", "")) in self.called
        parts = value.elts if isinstance(value, ast.Tuple) and len(value.elts) == len(names) else [value] * len(names)
        k = self._noted(line, names, handed=handed or passed, empty=[is_empty(part) for part in parts])
        return ast.Call(ast.Name(hook, ast.Load()), [ast.Constant(k), value], [])

    def _noted(
        self, line: int, names: Sequence[str], given: bool = False, handed: bool = False, empty: Sequence[bool] = ()
    ) -> int:
        k = self.first + len(self.sites)
        marks = empty or [False] * len(names)
        self.sites += [Naming(line, n, self.function, given, handed, e) for n, e in zip(names, marks, strict=True)]
        return k

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        names = [a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
        k = self._noted(node.lineno, names, given=True)
        self.generic_visit(node)
        arguments = [ast.Constant(k), *[ast.Name(n, ast.Load()) for n in names]]
        told = ast.Expr(ast.Call(ast.Name("_given", ast.Load()), arguments, []))
        node.body.insert(ast.get_docstring(node) is not None, ast.copy_location(told, node))
        return node

    def visit_Assign(self, node: ast.Assign) -> ast.Assign | list[ast.stmt]:
        target = node.targets[-1]
        if isinstance(target, ast.Tuple):
            if not any(isinstance(t, ast.Starred) for t in target.elts):
                node.value = self.mark(node.value, node.lineno, [name_of(t) for t in target.elts], "_mends")
            return node
        kept = isinstance(target, ast.Subscript) and isinstance(node.value, ast.Name)  # grads["dW"] = dW
        node.value = self.mark(node.value, node.lineno, [name_of(target)], handed=kept)
        if isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name):
            return [node, self._part_again(target, node) if self._plain(target) else self._again(target.value, node)]
        return node

    def visit_For(self, node: ast.For) -> ast.AST:
        return self._loop(node)

    def visit_While(self, node: ast.While) -> ast.AST:
        return self._loop(node)

    def _loop(self, node: ast.AST) -> ast.AST:
        self.loops += 1
        node = self.generic_visit(node)
        self.loops -= 1
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AnnAssign:
        if node.value is not None:
            node.value = self.mark(node.value, node.lineno, [name_of(node.target)])
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> list[ast.stmt]:
        target = node.target
        if isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name) and not self.loops:
            return [node, self._part_again(target, node) if self._plain(target) else self._again(target.value, node)]
        base = target.value if isinstance(target, ast.Subscript) else None
        whole = [self._again(base, node)] if isinstance(base, ast.Name) else []
        return [node, self._again(target, node), *whole]

    def _plain(self, target: ast.Subscript) -> bool:
        """Whether it is written once, and an index of numbers says where, which is hardly wrong itself."""
        names = [n for n in ast.walk(target.slice) if isinstance(n, ast.Name | ast.Compare)]
        return not self.loops and not names

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | list[ast.stmt]:
        """`np.add.at(dW, rows, dy)` changes its first argument."""
        call = node.value
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "at":
            changed = next(iter(call.args), None)
            if isinstance(changed, ast.Name | ast.Subscript):
                return [node, self._again(changed, node)]
        return node

    def _again(self, target: ast.Name | ast.Attribute | ast.Subscript, node: ast.stmt) -> ast.stmt:
        """The statement that hands a variable that was changed to the hook."""
        now, then = copy.deepcopy(target), copy.deepcopy(target)
        now.ctx, then.ctx = ast.Load(), ast.Store()
        return ast.copy_location(ast.Assign([then], self.mark(now, node.lineno, [name_of(target)])), node)

    def _part_again(self, target: ast.Subscript, node: ast.stmt) -> ast.stmt:
        """The same of an array of which a part was written."""
        whole: Any = target.value
        k = self._noted(node.lineno, [name_of(whole)])
        index = ast.Subscript(ast.Name("_at", ast.Load()), copy.deepcopy(target.slice), ast.Load())
        call = ast.Call(ast.Name("_partly", ast.Load()), [ast.Constant(k), ast.Name(whole.id, ast.Load()), index], [])
        return ast.copy_location(ast.Assign([ast.Name(whole.id, ast.Store())], call), node)

    def visit_Return(self, node: ast.Return) -> ast.Return:
        if isinstance(node.value, ast.Dict):
            keys = [k.value if isinstance(k, ast.Constant) else "" for k in node.value.keys]
            node.value.values = [self._part(v, str(k)) for k, v in zip(keys, node.value.values, strict=True)]
        elif isinstance(node.value, ast.Tuple):
            node.value.elts = [self._part(v, "") for v in node.value.elts]
        elif node.value is not None:
            node.value = self._part(node.value, "")
        return node

    def _part(self, value: ast.expr, name: str) -> ast.expr:
        if isinstance(value, ast.Starred):
            return value
        return self.mark(value, value.lineno, [name or ast.unparse(value)], handed=isinstance(value, ast.Name))
