"""`with` blocks that change how this thread or task computes, and that decorate functions of every kind."""

from __future__ import annotations

import contextlib
import functools
import gc
import inspect
import sys
import types
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any, TypeVar, cast

import numpy as np


class NumPyErrors:
    """NumPy's handling of floating-point errors, read and set like a context variable."""

    get = staticmethod(np.geterr)

    @staticmethod
    def set(handling: dict[str, Any]) -> None:
        np.seterr(**handling)


# The blocks that are open in this thread or task, in order, each with the states from before it.
opened: ContextVar[tuple[tuple[Block, list[tuple[Any, Any]]], ...]] = ContextVar("opened", default=())

Body = TypeVar("Body", bound="Callable[..., Any] | classmethod[Any, Any, Any]")  # what a block decorates

STATES: list[Any] = [opened, NumPyErrors]  # all that a block may change


class Block:
    """A `with` block that sets some states of this thread or task, and sets them back at its end.

    A kind of block says which `states` it changes, what they are `inside()`, and gives one like itself `again()`.
    One block may be entered several times, and by several threads.
    """

    states: tuple[Any, ...] = ()

    def inside(self) -> tuple[Any, ...]:
        """The states inside the block."""
        raise NotImplementedError

    def again(self) -> Block:
        """A block like this one, for one call of a decorated function."""
        raise NotImplementedError

    def __enter__(self) -> Any:
        outer, before = opened.get(), [(state, state.get()) for state in self.states]
        try:
            opened.set((*outer, (self, before)))
            for state, value in zip(self.states, self.inside(), strict=True):
                state.set(value)
            return self
        except BaseException:  # an interrupt
            opened.set(outer)
            for state, value in before:
                state.set(value)
            raise

    def __exit__(self, *exception: Any) -> None:
        try:
            self._leave()
        except BaseException:  # an interrupt
            self._leave()
            raise

    def _leave(self) -> None:
        blocks = opened.get()
        place = len(blocks) - 1
        while place >= 0 and blocks[place][0] is not self:  # a generator may leave blocks open
            place -= 1
        if place >= 0:  # else it was entered in another thread or task, where it is open still
            for state, value in blocks[place][1]:
                state.set(value)
            opened.set(blocks[:place] + blocks[place + 1 :])

    def __call__(self, function: Body) -> Body:
        """`function`, running in a block like this one, whatever kind of function it is."""
        f: Any = function
        if isinstance(f, classmethod | staticmethod):
            return cast(Body, type(f)(self(f.__func__)))
        if isinstance(f, type) or not callable(f):
            what = f"the class {f.__name__}" if isinstance(f, type) else type(f).__name__
            raise TypeError(
                f"{type(self).__name__}: only functions and methods can be decorated; got {what}; decorate its "
                "methods, or use a with block"
            )
        kinds = (inspect.isgeneratorfunction, generator), (inspect.iscoroutinefunction, coroutine), \
            (inspect.isasyncgenfunction, async_generator)  # fmt: skip
        for is_kind, decorated in kinds:
            if is_kind(f) or is_kind(getattr(f, "__call__", None)):  # noqa: B004 (the method itself)
                return cast(Body, decorated(self, f))
        return cast(Body, plain(self, f))


def _set(states: Any, values: Any) -> None:
    for state, value in zip(states, values, strict=True):
        state.set(value)


class Apart:
    """The states of a body that runs in steps: set while it runs, and set back while its caller does."""

    def __init__(self) -> None:
        self.own = self._now()

    def _now(self) -> tuple[Any, ...]:
        return tuple(state.get() for state in STATES)

    def run(self, step: Callable[..., Any], *args: object) -> Any:
        """Make one step."""
        callers = self._now()
        try:
            _set(STATES, self.own)
            return step(*args)
        finally:
            self.own = self._now()
            _set(STATES, callers)

    @types.coroutine
    def drive(self, steps: Any) -> Any:
        """All steps of a generator, or of what can be awaited, as `yield from` makes them."""
        step, value = steps.send, None
        while True:
            try:
                result = self.run(step, value)
            except StopIteration as end:
                return end.value
            try:
                step, value = steps.send, (yield result)
            except GeneratorExit:
                self.run(steps.close)
                raise
            except BaseException as error:
                step, value = steps.throw, error


def plain(block: Block, function: Callable[..., Any]) -> Any:
    @functools.wraps(function)
    def wrapped(*args: object, **kwargs: object) -> Any:
        with block.again():
            return function(*args, **kwargs)

    return wrapped


def generator(block: Block, function: Callable[..., Any]) -> Any:
    def body(*args: object, **kwargs: object) -> Any:
        with block.again():
            return (yield from function(*args, **kwargs))

    @functools.wraps(function)
    def wrapped(*args: object, **kwargs: object) -> Any:
        return (yield from Apart().drive(body(*args, **kwargs)))

    return wrapped


def coroutine(block: Block, function: Callable[..., Any]) -> Any:
    async def body(*args: object, **kwargs: object) -> Any:
        with block.again():
            return await function(*args, **kwargs)

    @functools.wraps(function)
    async def wrapped(*args: object, **kwargs: object) -> Any:
        return await Apart().drive(body(*args, **kwargs))

    return wrapped


def async_generator(block: Block, function: Callable[..., Any]) -> Any:
    @functools.wraps(function)
    async def wrapped(*args: object, **kwargs: object) -> Any:
        apart, own, body = Apart(), block.again(), function(*args, **kwargs)
        apart.run(own.__enter__)
        step, value = body.asend, None
        try:
            while True:
                try:
                    result = await apart.drive(step(value))
                except StopAsyncIteration:
                    break
                try:
                    step, value = body.asend, (yield result)
                except GeneratorExit:
                    await apart.drive(body.aclose())
                    raise
                except BaseException as error:
                    step, value = body.athrow, error
        except BaseException:
            apart.run(own.__exit__, *sys.exc_info())
            raise
        apart.run(own.__exit__, None, None, None)

    return wrapped


@contextlib.contextmanager
def no_collection() -> Iterator[None]:
    """In a `with` block Python's collector waits, in the whole process: it would look again and again through all that
    is made there and stays, as the steps of a long program; and finalizers, and what is called when it runs, may do
    what a function that is read must not."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()
