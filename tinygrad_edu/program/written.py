"""What a reading has written down: a program, where its inputs come from, and where its outputs go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .program import Program, Value


@dataclass(frozen=True)
class Place:
    """Where a program's input comes from before a run, or an output goes to after it."""

    kind: str  # argument, argument grad, value, grad, state, drawn, number; result, check
    owner: Any = None
    key: Any = None


@dataclass
class Written:
    """What was written down: the program, where its inputs come from and its outputs go, what must stay as it was."""

    program: Program
    sources: list[Place]
    targets: list[Place]
    numbers: Callable[[Any], tuple[Any, ...]]  # the inputs that the host computes before each run, from the arguments
    result: Any = None  # puts the function's result together from its parts
    effects: list[Callable[[], list[Any]]] = field(default_factory=list)  # counts of steps and the like, after each run
    guards: list[tuple[Callable[[], Any], Any]] = field(default_factory=list)
    inputs: list[Any] = field(
        default_factory=list
    )  # to be differentiated with respect to: numbers of arguments, or tensors
    questions: list[tuple[int, Callable[[Any], Any], Any]] = field(default_factory=list)  # about inputs, before a run
    checks: list[tuple[int, Callable[[Any], None]]] = field(default_factory=list)  # of inputs, before a run
    ended: list[int] = field(default_factory=list)  # results that have a history, which was used up
    after: list[Callable[[], None]] = field(default_factory=list)  # what to call when all is written


SAVED = ("_data", "_grad", "flags", "born", "past", "site", "store", "source")


class Taken:
    """A tensor that existed before: as it was, and what its value and gradient became as inputs."""

    def __init__(self, x: Any) -> None:
        self.x, self.before = x, {slot: getattr(x, slot) for slot in SAVED}
        self.value: Value | None = None
        self.gradient: Any = None

    def give_back(self) -> dict[str, Any]:
        """Let it be as it was; returns what it was now."""
        now = {slot: getattr(self.x, slot) for slot in SAVED}
        for slot, value in self.before.items():
            setattr(self.x, slot, value)
        return now
