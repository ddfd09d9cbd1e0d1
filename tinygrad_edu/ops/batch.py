"""Into a batch and out of it, for `vmap`: see batched/. Two pairs, each the other's derivative."""

from __future__ import annotations

from typing import Any

from .. import batched
from ..op import Op

__all__ = ["enter_batch", "leave_batch", "repeat_batch", "total_batch"]


def _op(name: str, forward: Any, rule: Any, doc: str) -> Op:
    return Op(name, forward, (rule,), kind="batch", linear=True, doc=doc)


enter_batch: Op = _op(
    "enter_batch",
    lambda x, *, level, axis, size: batched.enter(x, level, axis),
    lambda g, y, x, **kw: leave_batch(g, **kw),
    "Hide `axis`: each entry along it becomes an example.",
)
leave_batch: Op = _op(
    "leave_batch",
    lambda x, *, level, axis, size: batched.leave(x, level, axis, size),
    lambda g, y, x, **kw: enter_batch(g, **kw),
    "Show the examples along a new `axis`.",
)
repeat_batch: Op = _op(
    "repeat_batch",
    lambda x, *, level, size: batched.repeat(x, level, size),
    lambda g, y, x, **kw: total_batch(g, **kw),
    "The same value for each of `size` examples.",
)
total_batch: Op = _op(
    "total_batch",
    lambda x, *, level, size: batched.total(x, level, size),
    lambda g, y, x, **kw: repeat_batch(g, **kw),
    "The sum over all examples.",
)
