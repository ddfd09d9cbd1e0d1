"""Inputs as Python text."""

from __future__ import annotations

from typing import Any

import numpy as np


def written(x: Any) -> str:
    """An input as Python text that makes it again."""
    if isinstance(x, dict):
        return "{" + ", ".join(f"{k!r}: {written(v)}" for k, v in x.items()) + "}"
    if isinstance(x, tuple):
        return "(" + "".join(f"{written(v)}, " for v in x) + ")"
    if isinstance(x, float) and not np.isfinite(x):
        return f'float("{x}")'
    if not isinstance(x, np.ndarray):
        return repr(x)
    if not x.size:
        return f"np.zeros({x.shape}, dtype=np.{x.dtype})"
    values = repr(x.tolist()).replace("nan", "np.nan").replace("inf", "np.inf")
    return f"np.array({values}, dtype=np.{x.dtype})"
