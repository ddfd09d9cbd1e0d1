"""Inputs and gradients as people keep them: arrays in lists, tuples, named tuples, dictionaries, dataclasses and
Modules (see `tg.tree`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from ...transforms.tree import kind_of

Path = tuple[Any, ...]  # the keys, indices and names of fields that lead to a leaf


def fields_of(x: Any) -> dict[Any, Any] | None:
    """The parts of a container by key, index or name of field; None for a leaf.

    A list or tuple of plain numbers is one array, and so a leaf.
    """
    if hasattr(x, "toarray"):  # a sparse matrix, though that of keys is a dictionary as well
        return None
    if isinstance(x, Mapping):
        return dict(x)
    kind = kind_of(x)
    if x is None or kind is None or (type(x) in (list, tuple) and not any(map(_holds_arrays, x))):
        return None
    return kind.parts(x)


def _holds_arrays(x: object) -> bool:
    if isinstance(x, np.generic):
        return False
    return hasattr(x, "shape") or fields_of(x) is not None


def leaves(x: object) -> Iterator[tuple[Path, Any]]:
    """Each leaf with its path, in order."""
    try:
        yield from _leaves(x)
    except RecursionError:
        raise ValueError("check: an input must be a finite nest; got a container in itself; take it apart") from None


def _leaves(x: object) -> Iterator[tuple[Path, Any]]:
    parts = fields_of(x)
    if parts is None:
        yield (), x
        return
    for key, part in parts.items():
        for path, leaf in _leaves(part):
            yield (key, *path), leaf


def mapped(f: Callable[[Path, Any], Any], x: object, path: Path = ()) -> Any:
    """The same containers around `f(path, leaf)`."""
    parts = fields_of(x)
    if parts is None:
        return f(path, x)
    found = {key: mapped(f, part, (*path, key)) for key, part in parts.items()}
    if isinstance(x, Mapping):
        return found if type(x) is dict else type(x)(found)  # type: ignore[call-arg]
    return kind_of(x).around(x, list(found.values()))  # type: ignore[union-attr]


def at(x: Any, path: Path) -> Any:
    """The part at the end of a path."""
    for key in path:
        x = (fields_of(x) or {})[key]
    return x


def called(name: str, x: object, path: Path) -> str:
    """What a leaf of the input `name` is called: `W[0]`, `W1` of a dictionary, `layers[0].W`."""
    text = name if not path or (isinstance(x, list | tuple) and not hasattr(x, "_fields")) else ""
    for key in path:
        parts = "" if x is None else x
        indexed = isinstance(parts, list | tuple) and not hasattr(parts, "_fields")
        text += f"[{key}]" if indexed else f".{key}" if text else str(key)
        x = at(x, (key,))
    return text


def gradient_at(found: object, path: Path) -> Any:
    """The part of a gradient at the end of a path of the input: keys may be written `dW` for `W`; None if missing."""
    for key in path:
        parts = fields_of(found)
        if parts is None and isinstance(found, list | tuple):
            parts = dict(enumerate(found))
        names = spelled(key)
        known = next((k for k in names if parts is not None and parts.get(k) is not None), None)
        if known is None or parts is None:
            return None
        found = parts[known]
    return found


def spelled(name: object) -> tuple[Any, ...]:
    """The keys under which people return the derivative by `name`."""
    return (f"d{name}", f"d_{name}", f"grad_{name}", name) if isinstance(name, str) else (name,)
