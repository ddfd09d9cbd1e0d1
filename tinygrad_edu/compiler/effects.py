"""What a function does besides computing, while it is read: refused, as later calls would not do it.

Prints are met in `sys.stdout`. Clocks, files, sockets and the system's random numbers are met where Python calls their
functions, by the hook that is there for profilers; while somebody else has that hook, they are not seen.
"""

from __future__ import annotations

import datetime
import io
import os
import random
import socket
import sys
import threading
import time
from types import FrameType
from typing import Any

from ..errors import GraphError
from ..program.array import EffectError, refusal
from ..program.writer import Writer
from ..recording import LIBRARIES, Site

CLOCK = "a clock", "read it outside, and pass it as an argument"
OUTSIDE = "which reads or writes what stands outside", "do that outside, and pass what was read as an argument"
CHANCE = "random numbers of Python or NumPy", "draw them from a generator of tg.random"
NAMES = {
    CLOCK: (time, "time time_ns perf_counter perf_counter_ns monotonic monotonic_ns process_time process_time_ns "
            "thread_time thread_time_ns localtime gmtime ctime"),
    OUTSIDE: (os, "open read write listdir scandir stat lstat remove unlink rename replace mkdir rmdir getcwd chdir "
              "system posix_spawn fork popen access truncate"),
    CHANCE: (os, "urandom getrandom"),
}  # fmt: skip
REFUSED = {
    open: OUTSIDE, input: OUTSIDE,
    **{getattr(module, name): kind for kind, (module, names) in NAMES.items() for name in names.split()
       if hasattr(module, name)},
}  # fmt: skip
STREAM = {"read", "readline", "readlines", "readinto", "read1", "write", "writelines", "truncate"}
SOCKET = {"connect", "connect_ex", "send", "sendall", "sendto", "recv", "recv_into", "recvfrom", "accept", "bind"}
NOW = {"now", "utcnow", "today"}
PASSED = (os.path.dirname(os.__file__) + os.sep, "<frozen", *LIBRARIES)
READER = os.path.join(os.path.dirname(__file__), "compile.py")  # which calls the function
OWN = ("linecache.py", "warnings.py", "importlib._bootstrap>", "importlib._bootstrap_external>", "traceback.py")


class NoEffects:
    """In a `with` block: refuse what this thread does besides computing; other threads do what they did before.

    Where the function catches such an error, or that a value was asked for, it is raised at the end of the block.
    """

    def __init__(self, writer: Writer) -> None:
        self.writer = writer

    def __enter__(self) -> NoEffects:
        self.thread, self.stream = threading.get_ident(), sys.stdout
        sys.stdout = self
        if sys.getprofile() is None:
            self.writer.watch = self._called
            sys.setprofile(self.writer.watch)
        return self

    def __exit__(self, kind: Any, error: Any, *where: object) -> None:
        if self.writer.watch is not None and sys.getprofile() is self.writer.watch:
            sys.setprofile(None)
        self.writer.watch = None
        if sys.stdout is self:  # unless the function has put another one there
            sys.stdout = self.stream
        refused = self.writer.refused
        if refused is not None and error is not refused and (kind is None or issubclass(kind, Exception)):
            raise refused

    def write(self, text: str) -> int:
        """Refuse it, with the user's line."""
        if threading.get_ident() == self.thread:
            raise self._refusal("print, or another write to sys.stdout", "print outside, what the function returns")
        return int(self.stream.write(text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def _called(self, frame: FrameType, event: str, function: Any) -> None:
        """Look at a call of a function that is written in C."""
        if event == "c_call" and (kind := REFUSED.get(function) or _of_object(function.__self__, function.__name__)):
            caller = _caller(frame)
            if caller is not None:
                name = f"{(function.__module__ or type(function.__self__).__name__).strip('_')}.{function.__name__}"
                raise self._refusal(f"{name}, {kind[0]}" if kind is not CHANCE else kind[0], kind[1], Site(caller))

    def _refusal(self, got: str, do: str, at: object = None) -> GraphError:
        self.writer.refused = error = self.writer.refused or refusal(got, do, EffectError, at)
        return error


def _of_object(owner: object, name: str) -> tuple[str, str] | None:
    """Why a method is refused, if it is."""
    if name in STREAM and isinstance(owner, io.IOBase) and not isinstance(owner, io.StringIO | io.BytesIO):
        return OUTSIDE
    if name in SOCKET and isinstance(owner, socket.socket):
        return OUTSIDE
    if name in NOW and isinstance(owner, type) and issubclass(owner, datetime.date):
        return CLOCK
    return CHANCE if name in ("random", "getrandbits") and isinstance(owner, random.Random) else None


def _caller(frame: FrameType | None) -> FrameType | None:
    """The nearest frame outside of Python's library, NumPy and this package; None where that library reads a file for
    itself: to import, to warn, to name a line."""
    found = None
    while frame is not None and (name := frame.f_code.co_filename) != READER:
        if name.endswith(OWN):
            return None
        found = found or (None if name.startswith(PASSED) else frame)
        frame = frame.f_back
    return found
