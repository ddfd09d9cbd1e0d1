"""Example by example: what any function gives for a batch, when nothing more is known of it.

What an example shares memory with is told from what was computed anew: writes into arrays that belong
to each example alone reach them; a view of one cannot be given back, and an array that all examples
share cannot be written into, so these are refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import levels
from .levels import Batch, at, batches, is_array, leading, of_all, read_only, refusal, writeable

SIMPLE = (bool, int, float, complex, str, bytes, np.dtype, type, type(None))  # results that are compared, not stacked


def by_example(function: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> Any:
    """`function(*args, **kwargs)` for each example in turn, the results stacked."""
    lead = leading((args, kwargs))
    seen: list[tuple[Any, Any]] = []
    results = []
    for i in range(lead.examples):
        xs, options = _example((list(args), kwargs), lead.level, i, seen if i == 0 else None)
        try:
            results.append(function(*xs, **options))
        except ValueError as error:
            if any(words in str(error) for words in ("read-only", "read only", "output array is not acceptable")):
                raise shared(function) from error
            raise
    return _collected(results, lead, seen, function)


def shared(function: Any) -> Exception:
    """The error for a write into an array that is not each example's own."""
    return refusal(
        "an array must be each example's own to be written into", f"{_name(function)} that writes into an input of "
        "the function, or into an array that all examples share", "copy it first, or make it with np.zeros_like(x)",
    )  # fmt: skip


def view(function: Any) -> Exception:
    """The error for a result that shares memory with an array, if what is here would be a copy."""
    return refusal(
        "a function for which NumPy gives a view must be one that is known here",
        f"{_name(function)} of an array that may be written into", "copy the array first",
    )  # fmt: skip


def _name(function: Any) -> str:
    module = getattr(function, "__module__", None) or ""
    return f"{'np.' * module.startswith('numpy')}{getattr(function, '__name__', 'a function')}"


def _example(x: Any, level: int, i: int, seen: list[tuple[Any, Any]] | None) -> Any:
    """The part of an argument that belongs to example `i`; what all share is made read-only. `seen` gets both."""
    if is_array(x):
        if not at(x, level):
            own = read_only(x)
        else:
            own = x.values[i] if x.scalar else x.values[i, ...]
        if seen is not None and is_array(own):
            seen.append((own, x))
        return own
    if isinstance(x, tuple | list):
        parts = [_example(v, level, i, seen) for v in x]
        return type(x)(*parts) if hasattr(x, "_fields") else type(x)(parts)
    if isinstance(x, dict):
        return {k: _example(v, level, i, seen) for k, v in x.items()}
    if isinstance(x, slice):
        return slice(*(_example(v, level, i, seen) for v in (x.start, x.stop, x.step)))
    return x


def _collected(results: list[Any], lead: Batch, seen: list[tuple[Any, Any]], function: Any) -> Any:
    first = results[0]
    if isinstance(first, tuple | list):
        if len({(type(r), len(r)) for r in results}) > 1:
            raise _differ(function, [f"{len(r)} parts" for r in results])
        parts = [_collected(list(part), lead, seen, function) for part in zip(*results, strict=True)]
        return type(first)(*parts) if hasattr(first, "_fields") else type(first)(parts)
    if isinstance(first, np.ndarray | np.generic | Batch) or hasattr(first, "__array_ufunc__"):
        return _stacked(results, lead, seen, function)
    if not isinstance(first, SIMPLE) or any(type(r) is not type(first) or r != first for r in results):
        raise _differ(function, [repr(r) for r in results])
    return first


def _stacked(results: list[Any], lead: Batch, seen: list[tuple[Any, Any]], function: Any) -> Any:
    first = results[0]
    if any(np.shape(r) != np.shape(first) for r in results):
        raise _differ(function, [f"shape {tuple(np.shape(r))}" for r in results])
    for own, x in seen:
        if own is first:  # it was written into, or given back as it is
            return x
    stack = lead.like(np.stack(results))
    if isinstance(first, np.ndarray) and not first.flags.c_contiguous and first.flags.f_contiguous:  # stays so
        stack = lead.like(np.transpose(np.stack([r.T for r in results]), (0, *range(first.ndim, 0, -1))))
    if not is_array(first) or getattr(first, "scalar", False):
        return lead.result(stack.values)
    sources = [x for own, x in seen if _share_memory(of_all(first), of_all(own))]
    if any(at(x, lead.level) and writeable(x) for x in sources):
        raise view(function)
    return read_only(stack) if sources else stack


def _share_memory(a: Any, b: Any) -> bool:
    """Whether two arrays may; those of a program have none."""
    return isinstance(a, np.ndarray) and isinstance(b, np.ndarray) and np.may_share_memory(a, b)


def _differ(function: Any, found: list[str]) -> Exception:
    return refusal(
        "a result must be alike for all examples: of one shape, and equal where it is no array",
        f"{' and '.join(list(dict.fromkeys(found))[:2])} from {_name(function)}",
        "use functions whose results' shapes do not depend on values",
    )


def batched_or_each(function: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> Any:
    """`function` of a user, who wrote it for one example: on the batch, or, where anything in it cannot be carried
    along, on a copy of each example."""
    if not any(True for _ in batches((args, kwargs))):
        return function(*args, **kwargs)
    before = levels.refused
    try:
        result = function(*map(_own, args), **kwargs)
    except Exception:
        return _each(function, args, kwargs)
    return result if levels.refused == before else _each(function, args, kwargs)


def _each(function: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> Any:
    def alone(*xs: Any, **options: Any) -> Any:
        return batched_or_each(function, list(map(_own, xs)), options)

    alone.__name__ = getattr(function, "__name__", "a function")
    return by_example(alone, args, kwargs)


def _own(x: Any) -> Any:
    """What a function may not write into, or may, as it is a copy; `ufunc.at` ignores that an array is read-only."""
    return np.copy(x) if isinstance(x, np.ndarray) else read_only(x)
