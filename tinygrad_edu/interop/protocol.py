"""NumPy's protocols: `np.sin(t)`, `np.sum(t, axis=0)`, `np.linalg.inv(t)` record in the graph.

interop/table.py says what each is here. What has no derivative runs on the arrays, and so does any
other function where there is no gradient to lose.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

from .. import ops
from ..annotations import ArrayLike
from ..batched import BatchedArray, read_only
from ..engine import LEFT, Variable, constant
from ..errors import DTypeError, ShapeError
from ..functions.creation import asarray
from ..functions.indexing import split_index
from ..functions.layout import broadcast_to, reshape
from ..holders import share
from ..recording import recording
from ..writing import update
from .names import PACKAGE, ours
from .table import ACCUMULATIONS, FUNCTIONS, REDUCTIONS, STEPS, UFUNCS, WITHOUT_GRADIENT, tensor


def _plain(x: ArrayLike, array: Callable[[Variable], Any] = lambda x: x._data) -> Any:
    """Arrays in place of tensors, in nested arguments."""
    if isinstance(x, Variable):
        return array(x)
    if isinstance(x, tuple | list):
        return type(x)(_plain(v, array) for v in x)
    return x


def _doubles(x: object) -> Any:
    """Lists of numbers, and floats, as NumPy reads them beside arrays of float64: with all their digits."""
    if isinstance(x, float):
        return np.float64(x)
    if isinstance(x, dict):
        return {k: _doubles(v) for k, v in x.items()}
    if not isinstance(x, tuple | list) or not x:
        return x
    if all(isinstance(v, float | int) and not isinstance(v, bool) for v in x):
        return np.asarray(x, np.float64) if any(isinstance(v, float) for v in x) else x
    return type(x)(map(_doubles, x)) if type(x) in (tuple, list) else x


def _double(arguments: Sequence[Any]) -> bool:
    return any(x._data.dtype in (np.float64, np.complex128) for x in _tensors(arguments))


def _tracked(*arguments: object) -> bool:
    """Whether a tensor among the arguments is to be recorded."""
    if not recording.get():
        return False
    return any(
        _tracked(*x) if isinstance(x, tuple | list) else isinstance(x, Variable) and x.flags & ~LEFT for x in arguments
    )


def _locked(x: Variable) -> Any:
    return read_only(x._data)


def _on_arrays(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """NumPy's own function where nothing is to be recorded: constants in, constants out."""
    tensors = list(_tensors([args, kwargs]))
    try:
        result = function(*_plain(args, _locked), **{k: _plain(v, _locked) for k, v in kwargs.items()})
    except ValueError as error:
        if "read-only" not in str(error):
            raise
        raise DTypeError(
            f"np.{function.__name__}: cannot write into a tensor, which others may need as it was; got one to write "
            "into; write t[...] = values, or use the tensor's .data"
        ) from error
    return _constants(result, tensors)


def _tensors(x: object) -> Iterator[Variable]:
    if isinstance(x, Variable):
        yield x
    elif isinstance(x, tuple | list | dict):
        for part in x.values() if isinstance(x, dict) else x:
            yield from _tensors(part)


def _constants(result: object, made_of: list[Variable]) -> Any:
    if isinstance(result, tuple | list):
        return tuple(_constants(part, made_of) for part in result)
    if not isinstance(result, np.ndarray | np.generic | BatchedArray):
        return result
    t = constant(result) if isinstance(result, BatchedArray) else asarray(result)
    t.store = None
    share(t, made_of)
    for x in made_of:
        if x.flags & LEFT:
            t.flags, t.site = LEFT, x.site
    return t


def _written(function: Any, out: Any, result: Any) -> Any:
    """`out=` a tensor: the result is written into it, as `out[...] = result` would, under NumPy's conditions."""
    result = tensor(result)
    if result.shape != out.shape or not np.can_cast(result.dtype, out.dtype, "same_kind"):
        raise (ShapeError if result.shape != out.shape else DTypeError)(
            f"np.{function.__name__}: out must have the shape and the kind of dtype of the result, {result.shape} of "
            f"{result.dtype}; got {out.shape} of {out.dtype}; leave it out, and assign the result"
        )
    out[...] = result
    return out


def call_ufunc(ufunc: Any, method: str, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """What `Tensor.__array_ufunc__` does."""
    out = options.pop("out", None)
    if out is not None and len(out) == 1 and isinstance(out[0], Variable):
        return _written(ufunc, out[0], call_ufunc(ufunc, method, inputs, options))
    if out is not None and isinstance(out[0], np.ndarray) and not _tracked(*inputs):
        return getattr(ufunc, method)(*_plain(inputs), out=out, **options)  # no graph to lose
    if out is not None:
        raise TypeError(
            f"np.{ufunc.__name__}: cannot write into an array (out=, or array += tensor), which "
            "would lose the graph; got out; write array = array + tensor, or use the tensor's .data"
        )
    if method == "reduce" and ufunc in REDUCTIONS:
        return REDUCTIONS[ufunc](*inputs, **{"axis": 0} | options)
    if method == "accumulate" and ufunc in ACCUMULATIONS and set(options) <= {"axis"}:
        return ACCUMULATIONS[ufunc](*inputs, **{"axis": 0} | options)
    if method == "outer" and ufunc in UFUNCS and not options:
        a, b = map(tensor, inputs)
        return UFUNCS[ufunc](reshape(a, a.shape + (1,) * b.ndim), b)
    if method == "at":
        if isinstance(inputs[0], np.ndarray) and not _tracked(*inputs):
            return ufunc.at(*_plain(inputs))
        return _write_at(ufunc, *inputs)
    known = _signature(UFUNCS[ufunc]) if ufunc in UFUNCS and options else None
    more = {k: v for k, v in options.items() if k != "dtype"}
    if method != "__call__" or ufunc not in UFUNCS or (more and not (known and set(more) <= set(known.parameters))):
        if not _tracked(*inputs):
            return _on_arrays(getattr(ufunc, method), inputs, options)
        raise TypeError(
            f"np.{ufunc.__name__}: must be a ufunc that this package has, called plainly; got "
            f"{method} with {sorted(options)}; use np.asarray(t) for a value without a gradient"
        )
    if any(isinstance(x, list) for x in inputs) and _double(inputs):
        inputs = tuple(_doubles(x) if isinstance(x, list) else x for x in inputs)
    result = UFUNCS[ufunc](*inputs, **more)
    return result.astype(options["dtype"]) if options.get("dtype") is not None else result


def _write_at(ufunc: Any, t: Any, key: Any = (), value: Any = 0) -> None:
    """`np.add.at(t, key, value)`: t[key] += value, where an entry that is named twice receives twice."""
    op = {np.add: ops.add, np.subtract: ops.subtract}.get(ufunc)
    if op is None or isinstance(t, np.ndarray):
        raise TypeError(
            f"np.{ufunc.__name__}.at: must add to or subtract from a tensor; got {ufunc.__name__} on a "
            f"{type(t).__name__}, which would lose the graph; use np.add.at on a tensor, or tg.index_add"
        )
    index, arrays = split_index(key)
    places = ops.getitem(constant(np.broadcast_to(np.int8(0), t.shape)), *arrays, index=index)
    value = broadcast_to(tensor(value), places.shape)
    update(t, op, op.binary(t, ops.put(value, *arrays, shape=t.shape, index=index)))


@cache
def _signature(function: Callable[..., Any]) -> inspect.Signature | None:
    try:
        return inspect.signature(function)
    except ValueError:  # written in C, and silent about its arguments in some versions of NumPy
        return None


def _named(function: object, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """The call's arguments by NumPy's names, without those at their defaults; the first, and those of
    a list of any length, by position."""
    signature = _signature(function)
    if signature is None:
        return list(args), kwargs
    bound = signature.bind(*args, **kwargs)
    lead: list[Any] = []
    rest: dict[str, Any] = {}
    for name, value in bound.arguments.items():
        parameter = signature.parameters[name]
        if parameter.kind is parameter.VAR_POSITIONAL:
            lead += value
        elif parameter.kind is parameter.VAR_KEYWORD:
            rest |= value
        elif not lead and not rest:
            lead.append(value)
        elif not (value is parameter.default or (value is None and parameter.default is np._NoValue)):
            rest[name] = value
    return lead, {k: v for k, v in rest.items() if v is not np._NoValue}


def _way_out(name: str, unknown: list[str]) -> str:
    """What to do instead of calling NumPy's function with arguments that only NumPy takes."""
    here = ours(name)
    found: Any = sys.modules[PACKAGE]
    for part in here.split("."):
        found = vars(found).get(part) if isinstance(found, ModuleType) else None
    known = _signature(found) if callable(found) else None
    if known and set(unknown) <= set(known.parameters):
        return f"use tg.{here}, which takes it"
    return "leave it out, or use np.asarray(t) for a value without a gradient"


def call_function(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What `Tensor.__array_function__` does."""
    if function in WITHOUT_GRADIENT:
        return function(*_plain(args), **{k: _plain(v) for k, v in kwargs.items()})
    name = f"{function.__module__.replace('numpy', 'np')}.{function.__name__}"
    tracked = _tracked(*args, *kwargs.values())
    if function not in FUNCTIONS:
        if not tracked or function in STEPS:
            return _on_arrays(function, args, kwargs)
        raise TypeError(
            f"{name}: must be a function that this package has; got a tensor that needs a gradient; "
            "use np.asarray(t) for a value without one, or compose it from others"
        )
    if function is not np.block and _double([args, kwargs]):  # whose lists say where the parts stand
        args, kwargs = tuple(map(_doubles, args)), _doubles(kwargs)
    lead, rest = _named(function, args, kwargs)
    if isinstance(rest.get("out"), Variable):  # as the course clips: np.clip(g, -5, 5, out=g)
        return _written(function, rest.pop("out"), function(*lead, **rest))
    target = FUNCTIONS[function]
    known = _signature(target)
    free = known is None or any(p.kind is p.VAR_KEYWORD for p in known.parameters.values())
    unknown = [] if free or known is None else [k for k in rest if k not in known.parameters]
    if unknown and not tracked:
        return _on_arrays(function, args, kwargs)
    if unknown:
        raise TypeError(
            f"{name}: must be called with arguments that this package takes; got {unknown}; "
            f"{_way_out(function.__name__, unknown)}"
        )
    return target(*lead, **rest)
