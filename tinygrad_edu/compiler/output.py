"""What a function prints while it is read: refused, as later calls would print nothing."""

from __future__ import annotations

import sys
import threading
from typing import Any

from ..program.array import refusal


class NoOutput:
    """In a `with` block: what this thread writes to `sys.stdout` is refused; other threads write as before."""

    def __enter__(self) -> NoOutput:
        self.thread, self.stream = threading.get_ident(), sys.stdout
        sys.stdout = self
        return self

    def __exit__(self, *exception: object) -> None:
        if sys.stdout is self:  # unless the function has put another one there
            sys.stdout = self.stream

    def write(self, text: str) -> int:
        """Refuse it, with the user's line."""
        if threading.get_ident() == self.thread:
            raise refusal("print, or another write to sys.stdout", "print outside, what the function returns")
        return int(self.stream.write(text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)
