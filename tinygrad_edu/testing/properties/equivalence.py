"""Which broken rules of an op compute what the right one does? No test can catch those."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings

from ...backward import fit, gradients
from ...engine import NEEDS, Variable, constant
from ...op import Op
from ...recording import Recording
from .calls import calls

QUICK = {
    "derandomize": True, "database": None, "deadline": None, "phases": [Phase.generate],
    "suppress_health_check": list(HealthCheck),
}  # fmt: skip
Call = tuple[list[Any], dict[str, Any]]


def sample(op: Op, count: int = 40) -> list[Call]:
    """Some calls of an op, always the same."""
    found: list[Call] = []

    @settings(max_examples=count, **QUICK)  # type: ignore[arg-type]
    @given(call=calls(op))
    def collect(call: Call) -> None:
        if _runs(op, *call):
            found.append(call)

    collect()
    return found


def _runs(op: Op, arrays: list[Any], attributes: dict[str, Any]) -> bool:
    try:
        op.forward(*arrays, **attributes)
    except Exception:  # a custom op may ask for more than its declaration says
        return False
    return True


def equivalent(op: Op, sampled: Sequence[Call], name: str, broken: object) -> bool:
    """Whether a mutant computes what the op does: the same numbers; or, frozen, a part that carries
    no derivative anyway."""
    if not sampled:
        return False
    i = int(name.split("input ")[1].split(":")[0])
    if "frozen" in name:
        which = 0 if name.endswith("output") else 1 + int(name.rsplit(" ", 1)[1])
        return not any(_depends(op, i, which, *call) for call in sampled[:8])
    with np.errstate(all="ignore"):
        return all(_same(op, i, broken, *call) for call in sampled)


def _same(op: Op, i: int, broken: Any, arrays: list[Any], attributes: dict[str, Any]) -> bool:
    y = op.forward(*arrays, **attributes)
    g = np.asarray(np.random.default_rng(0).standard_normal(np.shape(y)))
    x = constant(np.asarray(arrays[i]))
    a, b = (fit(op, np.asarray(rules[i](g, y, *arrays, **attributes)), x) for rules in (op.vjps, broken))
    return a.shape == b.shape and np.allclose(a, b, rtol=1e-9, atol=1e-12, equal_nan=True)


def _depends(op: Op, i: int, which: int, arrays: list[Any], attributes: dict[str, Any]) -> bool:
    """Whether the gradient's own derivative by the output (0) or an input (1, 2, ...) is anywhere not 0."""
    with Recording(), np.errstate(all="ignore"):
        given_ = [constant(np.asarray(op.forward(*arrays, **attributes))), *map(constant, arrays)]
        if which >= len(given_) or given_[which]._data.dtype.kind != "f":
            return False
        given_[which].flags = NEEDS
        g = constant(np.ones_like(given_[0]._data))
        gx = op.vjps[i](g, *given_, **attributes)
    if not isinstance(gx, Variable) or not gx.flags:
        return False
    weights = np.random.default_rng(1).standard_normal(gx._data.shape).astype(gx._data.dtype)
    return bool(np.any(gradients([(gx, weights[()])], [given_[which]])[0]))
