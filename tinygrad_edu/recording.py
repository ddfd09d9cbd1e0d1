"""What is being recorded just now, in this thread or task, and where the user's program stands."""

from __future__ import annotations

import os
import sys
from contextlib import ContextDecorator
from contextvars import ContextVar, Token
from types import FrameType
from typing import Any

PACKAGE = os.path.dirname(__file__) + os.sep

# "" records nothing; "graph" records operations; "sites" also the user's line of each
recording: ContextVar[str] = ContextVar("recording", default="graph")


class Mode(ContextDecorator):
    """Set what is recorded for a block of code, or for a function, in this thread or task only."""

    def __init__(self, mode: str) -> None:
        self.mode = mode
        self.tokens: list[Token[str]] = []

    def __enter__(self) -> Mode:
        self.tokens.append(recording.set(self.mode))
        return self

    def __exit__(self, *exception: object) -> None:
        recording.reset(self.tokens.pop())

    def _recreate_cm(self) -> Mode:  # as a decorator: a fresh one for each call, in any thread
        return Mode(self.mode)


def no_grad(function: Any = None) -> Any:
    """Record nothing in a `with` block, or in a function decorated with it.

    >>> import tinygrad_edu as tg
    >>> w = tg.Tensor([1.0, 2.0], requires_grad=True)
    >>> with tg.no_grad():
    ...     w -= 0.1
    >>> w.data
    array([0.9, 1.9], dtype=float32)
    """
    return Mode("") if function is None else Mode("")(function)


class Site:
    """A line of the user's program, read as "file.py:12"; cheap to take, worked out when shown."""

    __slots__ = ("code", "place")

    def __init__(self, frame: FrameType) -> None:
        self.code, self.place = frame.f_code, frame.f_lasti

    def __str__(self) -> str:
        lines = list(self.code.co_positions())
        return f"{self.code.co_filename}:{lines[self.place // 2][0]}"


def site() -> Site | None:
    """The line of the user's program that is running: the nearest one outside this package."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(PACKAGE):
        frame = frame.f_back
    return frame and Site(frame)
