"""Threads that help a native function: how many, and what they do.

One thread makes a call. Where kernels are long, their slices are taken one by one by whoever is free: the caller, and
threads of Python that run a native function meanwhile, for which they need no lock of Python's. Should no thread come
to help, the caller makes all slices itself.
"""

from __future__ import annotations

import ctypes
import os
import queue
import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

IDLE = 20_000  # looks for work in vain, after which a helper goes
_number: list[int] = []  # the setting, once it was looked at


def set_num_threads(n: int) -> None:
    """How many threads a compiled function may use; at first as `OMP_NUM_THREADS` says, else as many as there are
    processors. Results do not depend on it.

    Errors: a ValueError unless `n` is an integer, 1 or more.

    >>> import tinygrad_edu as tg
    >>> tg.set_num_threads(2)
    >>> tg.get_num_threads()
    2
    """
    if not isinstance(n, int | np.integer) or isinstance(n, bool) or n < 1:
        raise ValueError(f"set_num_threads: n must be a whole number from 1; got {n!r}; write set_num_threads(1)")
    _number[:] = [int(n)]


def get_num_threads() -> int:
    """How many threads a compiled function may use.

    >>> import tinygrad_edu as tg
    >>> tg.set_num_threads(1)
    >>> tg.get_num_threads()
    1
    """
    if not _number:
        said = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
        _number.append(int(said) if said.isdigit() and int(said) else _processors())
    return _number[0]


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def yielding() -> int:
    """The address of the system's function that lets other threads run."""
    library: Any = ctypes.WinDLL("kernel32") if sys.platform == "win32" else ctypes.CDLL(None)  # type: ignore[attr-defined]
    found = library.SwitchToThread if sys.platform == "win32" else library.sched_yield
    return ctypes.cast(found, ctypes.c_void_p).value or 0


class _Pool:
    """Threads that wait for functions of C to call."""

    def __init__(self) -> None:
        self.process = os.getpid()
        self.tasks: queue.SimpleQueue[Callable[[], Any]] = queue.SimpleQueue()
        self.threads = 0

    def call(self, function: Callable[[], Any], times: int) -> None:
        """Have this many threads call it."""
        while self.threads < times:
            self.threads += 1
            threading.Thread(target=self._work, name=f"tinygrad_edu-{self.threads}", daemon=True).start()
        for _ in range(times):
            self.tasks.put(function)

    def _work(self) -> None:
        while True:
            self.tasks.get()()


_pool: list[_Pool] = []
_lock = threading.Lock()


def helped(arm: Callable[[], Any], help: Callable[[], Any]) -> bool:
    """Send all threads but the caller's to help, if there are others; whether there are."""
    others = get_num_threads() - 1
    if not others:
        return False
    with _lock:
        if not _pool or _pool[0].process != os.getpid():  # threads do not survive a fork
            _pool[:] = [_Pool()]
        arm()
        _pool[0].call(help, others)
    return True
