"""What is being recorded just now, in this thread or task, and where the user's program stands."""

from __future__ import annotations

import sys
from contextlib import ContextDecorator
from contextvars import ContextVar, Token
from types import FrameType

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


def no_grad() -> Mode:
    """Record nothing in a `with` block, or in a function decorated with it.

    >>> import tinygrad_edu as tg
    >>> w = tg.Tensor([1.0, 2.0], requires_grad=True)
    >>> with tg.no_grad():
    ...     w -= 0.1
    >>> w.data
    array([0.9, 1.9], dtype=float32)
    """
    return Mode("")


def site() -> str:
    """The line of the user's program that is running: the nearest one outside this package."""
    frame: FrameType | None = sys._getframe(1)
    package = __name__.partition(".")[0]
    while frame and frame.f_globals.get("__name__", "").partition(".")[0] == package:
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame else "an unknown line"
