"""How a hand-written derivative is called: with the inputs, a cache, the gradient of the output, by name or place."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

Source = int | str  # the position of an input; or one of these:
CACHE, COTANGENT, VALUE, SPREAD = "cache", "cotangent", "value", "each part of the cache"
UPSTREAM = ("d", "g", "upstream", "cotangent")  # how names of a gradient begin
CACHES = ("cache", "caches", "ctx", "context", "memory", "saved", "state", "tape")


class Convention(NamedTuple):
    """What each positional parameter of a derivative is given, and whether it takes `cotangent=` as well."""

    sources: tuple[Source, ...]
    keyword: bool = False

    @property
    def takes_cotangent(self) -> bool:
        """Whether the derivative is told the gradient of the output."""
        return self.keyword or COTANGENT in self.sources

    @property
    def needs_function(self) -> bool:
        """Whether the derivative is told something that the function computed."""
        return bool({CACHE, VALUE, SPREAD} & set(self.sources))

    def call(self, df: Callable[..., Any], inputs: Sequence[Any], value: Any, cache: Any, cotangent: Any) -> Any:
        """Call the derivative in this way."""
        named = {CACHE: cache, COTANGENT: cotangent, VALUE: value}
        if self.sources == (SPREAD,):
            given = list(cache)
        else:
            given = [inputs[s] if isinstance(s, int) else named[s] for s in self.sources]
        return df(*given, cotangent=cotangent) if self.keyword else df(*given)


def conventions(df: Callable[..., Any], names: Sequence[str], pair: bool, cache: object = None) -> list[Convention]:
    """The ways in which `df` may want to be called, the likeliest first.

    `names` are those of the inputs of `f`; `pair` says whether `f` returns two things, `(value, cache)`.
    """
    required, keyword = _parameters(df)
    inputs: tuple[Source, ...] = tuple(range(len(names)))
    if required is None:
        return [Convention((CACHE,), keyword), Convention(inputs, keyword)] if pair else [Convention(inputs, keyword)]
    found = _of_pair(required, names, cache) if pair else _of_value(required, names)
    return [Convention(sources, keyword) for sources in found]


def kernel_conventions(
    df: Callable[..., Any], names: Sequence[str], pair: bool, cache: object = None
) -> list[Convention]:
    """The ways in which the backward of a kernel may want to be called: first with the gradient of the output, if its
    first parameter is named like one, then with inputs by their names or places, or the cache."""
    required, keyword = _parameters(df)
    ways = conventions(df, names, pair, cache)
    if keyword or not required or not required[0].startswith(UPSTREAM) or required[0] in names:
        return ways
    rest = required[1:]
    if set(rest) <= set(names):
        found: tuple[Source, ...] = tuple(names.index(r) for r in rest)
    elif pair and len(rest) == 1:
        found = (CACHE,)
    elif not pair and len(rest) == len(names):
        found = tuple(range(len(names)))
    else:
        return ways
    return [Convention((COTANGENT, *found)), *ways]


def _parameters(df: Callable[..., Any]) -> tuple[list[str] | None, bool]:
    """The names of the required parameters, None if they are not known; and whether there is `cotangent`."""
    try:
        parameters = list(inspect.signature(df).parameters.values())
    except (TypeError, ValueError):
        return None, False
    places = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    required = [p.name for p in places if p.default is p.empty and p.name != COTANGENT]
    keyword = any(p.name == COTANGENT for p in parameters)
    unknown = any(p.kind is p.VAR_POSITIONAL for p in parameters) or (places and not required and not keyword)
    return (None if unknown and not required else required), keyword


def _of_value(required: Sequence[str], names: Sequence[str]) -> list[tuple[Source, ...]]:
    inputs: tuple[Source, ...] = tuple(range(len(names)))
    if len(required) == len(names) + 1:
        if required[0].startswith(UPSTREAM) and required[0] not in names:
            return [(COTANGENT, *inputs)]
        if required[-1].startswith(UPSTREAM) and required[-1] not in names:
            return [(*inputs, COTANGENT)]
    if len(required) < len(names) and required and set(required) <= set(names):
        return [tuple(names.index(r) for r in required)]  # only those that it needs
    return [inputs]


def _of_pair(required: Sequence[str], names: Sequence[str], cache: object) -> list[tuple[Source, ...]]:
    inputs: tuple[Source, ...] = tuple(range(len(names)))
    known = set(required) & set(names)
    if len(required) == 1:
        if not known or required[0] in CACHES:
            return [(CACHE,), inputs] if len(names) == 1 and required[0] not in CACHES else [(CACHE,)]
        return [(names.index(required[0]),), (CACHE,)]
    if not known and len(required) == 2 and required[0].startswith(UPSTREAM):
        return [(COTANGENT, CACHE)]
    if not known:
        whole = isinstance(cache, tuple | list) and len(cache) == len(required)
        return [*[(SPREAD,)] * whole, *[inputs] * (len(required) == len(names)), *[_by_name(required, names)]]
    return [_by_name(required, names)]


def _by_name(required: Sequence[str], names: Sequence[str]) -> tuple[Source, ...]:
    """Inputs by their names; of what is left, a cache comes last, and the gradient of the output or the value first."""
    left = [r for r in required if r not in names]
    roles: dict[str, Source] = dict.fromkeys(left[-1:], CACHE)
    for r in left[:-1]:
        roles[r] = COTANGENT if r.startswith(UPSTREAM) and COTANGENT not in roles.values() else VALUE
    return tuple(names.index(r) if r in names else roles[r] for r in required)
