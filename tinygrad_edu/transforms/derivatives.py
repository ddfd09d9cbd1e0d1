"""Functions of functions: gradients, tangents, Jacobians. They nest, to any order.

Each runs the function on fresh variables, so that one transform inside another differentiates with
respect to its own, and no two are confused. A result can itself be differentiated whenever it
depends on something that is being differentiated outside.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import engine
from ..annotations import Function
from ..errors import DTypeError, ShapeError
from ..functions.arguments import as_tuple
from ..functions.creation import zeros, zeros_like
from ..functions.layout import reshape
from ..functions.settings import settings
from . import tree
from .trace import Trace
from .vmap import vmap

if TYPE_CHECKING:
    from ..tensor import Tensor


def _numbers(who: str, argnums: int | Sequence[int]) -> tuple[int, ...]:
    try:
        numbers = tuple(map(operator.index, as_tuple(argnums)))
    except TypeError:
        raise DTypeError(f"{who}: argnums must be integers; got {argnums!r}; count arguments from 0") from None
    if len(set(numbers)) != len(numbers):
        raise ValueError(f"{who}: argnums must differ; got {argnums}; name each argument once")
    return numbers


def _as_asked(argnums: int | Sequence[int], parts: tuple[Any, ...]) -> Any:
    """One result for a number, a tuple for several."""
    return parts if isinstance(argnums, tuple | list) else parts[0]


@settings
def value_and_grad(f: Function, argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Callable[..., Any]:
    """A function that returns `(f(*args), gradient)`; see `grad`. With `has_aux`, `f` returns `(value, anything)`,
    and this function `((value, anything), gradient)`.

    >>> import tinygrad_edu as tg
    >>> f = lambda x: ((x**2).sum(), {"largest": x.max()})
    >>> (value, seen), g = tg.value_and_grad(f, has_aux=True)(tg.Tensor([1.0, 3.0]))
    >>> value.item(), seen["largest"].item(), g.tolist()
    (10.0, 3.0, [2.0, 6.0])
    """
    return _value_and_grad("value_and_grad", f, argnums, has_aux)


def _value_and_grad(who: str, f: Function, argnums: int | Sequence[int], has_aux: bool = False) -> Callable[..., Any]:
    numbers = _numbers(who, argnums)

    @functools.wraps(f)
    def wrapped(*args: object, **kwargs: object) -> Any:
        trace = Trace(who, f, args, numbers, kwargs, has_aux)
        if len(trace.outputs) != 1 or trace.outputs[0].size != 1:
            got = f"{len(trace.outputs)} values" if len(trace.outputs) != 1 else f"shape {trace.outputs[0].shape}"
            raise ShapeError(
                f"{who}: the function must return one scalar; got {got}; use .sum(), vjp or jacobian, or has_aux=True"
            )
        if trace.outputs[0].dtype.kind == "c":
            raise DTypeError(
                f"{who}: the function must return a real number; got {trace.outputs[0].dtype}; take .real or abs(), or "
                "use vjp or jvp"
            )
        found = trace.pull([engine.constant(np.ones_like(trace.outputs[0]._data)[()])])
        value = trace.values()
        return (value, trace.kept(trace.aux)) if has_aux else value, _as_asked(argnums, trace.by_argument(found))

    return wrapped


@settings
def grad(f: Function, argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Callable[..., Any]:
    """The gradient of a scalar function by argument `argnums`; a tuple of them for a tuple.

    An argument may be a tree (see `tg.tree`): a dict, list, tuple, dataclass or Module of tensors, and its gradient is
    one like it. With `has_aux`, `f` returns `(value, anything)`, and this function `(gradient, anything)`.

    >>> import tinygrad_edu as tg
    >>> tg.grad(lambda x: x**3)(2.0).item()
    12.0
    >>> tg.grad(tg.grad(lambda x: x**3))(2.0).item()
    12.0
    >>> loss = lambda p, x: (p["w"] * x + p["b"]).sum()
    >>> {k: g.item() for k, g in tg.grad(loss)({"w": 1.0, "b": 0.0}, tg.Tensor([1.0, 4.0])).items()}
    {'w': 5.0, 'b': 2.0}
    """
    return _grad("grad", f, argnums, has_aux)


def _grad(who: str, f: Function, argnums: int | Sequence[int], has_aux: bool = False) -> Callable[..., Any]:
    both = _value_and_grad(who, f, argnums, has_aux)

    @functools.wraps(f)
    def wrapped(*args: object, **kwargs: object) -> Any:
        value, found = both(*args, **kwargs)
        return (found, value[1]) if has_aux else found

    return wrapped


@settings
def vjp(f: Function, *primals: object, has_aux: bool = False) -> Any:
    """`f(*primals)`, and the pullback: from a cotangent of the output to a tuple of gradients.

    Primals and the output may be trees. With `has_aux`, `f` returns `(output, anything)`, which comes third.

    >>> import tinygrad_edu as tg
    >>> y, pullback = tg.vjp(lambda a, b: a * b, 2.0, 5.0)
    >>> [g.item() for g in pullback(1.0)]
    [5.0, 2.0]
    """
    trace = Trace("vjp", f, primals, range(len(primals)), aux=has_aux)

    def pullback(cotangent: object) -> tuple[Any, ...]:
        return trace.by_argument(trace.pull(tree.leaves_like("vjp", trace.form, cotangent)))

    return (trace.values(), pullback, trace.kept(trace.aux)) if has_aux else (trace.values(), pullback)


@settings
def linearize(f: Function, *primals: object, has_aux: bool = False) -> Any:
    """`f(*primals)`, and its linear part there: a function from a tangent of each primal to one of the output.

    The function runs once, however many tangents follow. With `has_aux`, `f` returns `(output, anything)`, which comes
    third. Source: `jax.linearize`.

    >>> import tinygrad_edu as tg
    >>> y, df = tg.linearize(lambda x: x**3, 2.0)
    >>> y.item(), df(1.0).item(), df(0.5).item()
    (8.0, 12.0, 6.0)
    """
    y, moved, aux = _linearized("linearize", f, primals, has_aux)
    return (y, moved, aux) if has_aux else (y, moved)


def _linearized(who: str, f: Function, primals: Sequence[Any], has_aux: bool = False) -> tuple[Any, Function, Any]:
    trace = Trace(who, f, primals, range(len(primals)), aux=has_aux)

    def moved(*tangents: Any) -> Any:
        if len(tangents) != len(primals):
            raise ShapeError(
                f"{who}: needs a tangent for each primal; got {len(tangents)} for {len(primals)}; pass as many"
            )
        pairs = zip(trace.arguments, tangents, strict=True)
        leaves = [t for structure, tangent in pairs for t in tree.leaves_like(who, structure, tangent)]
        return trace.shaped(trace.push(list(zip(trace.inputs, leaves, strict=True))))

    return trace.values(), moved, trace.kept(trace.aux)


@settings
def jvp(f: Function, primals: Any, tangents: Any, has_aux: bool = False) -> Any:
    """`f(*primals)`, and its directional derivative along `tangents`, in forward mode.

    With `has_aux`, `f` returns `(output, anything)`, which comes third.

    >>> import tinygrad_edu as tg
    >>> y, dy = tg.jvp(lambda x: x**3, (2.0,), (1.0,))
    >>> y.item(), dy.item()
    (8.0, 12.0)
    """
    y, moved, aux = _linearized("jvp", f, _several(primals), has_aux)
    moves = moved(*_several(tangents))
    return (y, moves, aux) if has_aux else (y, moves)


def _several(x: Any) -> tuple[Any, ...]:
    """Primals or tangents, given as a tuple or list; anything else is the only one."""
    return tuple(x) if type(x) in (tuple, list) else (x,)


@settings
def jacobian(f: Function, argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Callable[..., Any]:
    """All derivatives of all outputs: `J[i..., j...] = d f[i...] / d x[j...]`, by reverse mode.

    The shape is the output's followed by the input's; of trees, each leaf of the output becomes a tree like the
    input. All rows are pulled back at once. With `has_aux`, `f` returns `(output, anything)`, and this function
    `(derivatives, anything)`. JAX calls it `jacrev`.

    >>> import tinygrad_edu as tg
    >>> tg.jacobian(lambda x: x**2)(tg.Tensor([1.0, 2.0])).data
    array([[2., 0.],
           [0., 4.]], dtype=float32)
    """
    return _jacobian("jacobian", f, argnums, has_aux)


def _jacobian(who: str, f: Function, argnums: int | Sequence[int], has_aux: bool) -> Callable[..., Any]:
    numbers = _numbers(who, argnums)

    @functools.wraps(f)
    def wrapped(*args: object, **kwargs: object) -> Any:
        trace = Trace(who, f, args, numbers, kwargs, has_aux)
        nought = list(map(zeros_like, trace.outputs))

        def rows(k: int, y: Tensor) -> Any:
            found = _along(y, lambda g: trace.pull([*nought[:k], g, *nought[k + 1 :]]), trace.inputs, 0)
            parts = [reshape(j, y.shape + x.shape) for j, x in zip(found, trace.inputs, strict=True)]
            return _as_asked(argnums, trace.by_argument(parts))

        found = trace.shaped([rows(k, y) for k, y in enumerate(trace.outputs)])
        return (found, trace.kept(trace.aux)) if has_aux else found

    return wrapped


@settings
def jacrev(f: Function, argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Callable[..., Any]:
    """`jacobian`, as JAX calls it: all derivatives of all outputs, by reverse mode.

    >>> import tinygrad_edu as tg
    >>> tg.jacrev(lambda x: x**2)(tg.Tensor([1.0, 2.0])).data
    array([[2., 0.],
           [0., 4.]], dtype=float32)
    """
    return _jacobian("jacrev", f, argnums, has_aux)


@settings
def jacfwd(f: Function, argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Callable[..., Any]:
    """The same as `jacobian`, by forward mode: quicker where there are more outputs than inputs. Source: `jax.jacfwd`.

    >>> import tinygrad_edu as tg
    >>> tg.jacfwd(lambda t: tg.stack([t**2, t**3]))(2.0).tolist()
    [4.0, 12.0]
    """
    numbers = _numbers("jacfwd", argnums)

    @functools.wraps(f)
    def wrapped(*args: object, **kwargs: object) -> Any:
        trace = Trace("jacfwd", f, args, numbers, kwargs, has_aux)
        columns = [_along(x, lambda t, x=x: trace.push([(x, t)]), trace.outputs, -1) for x in trace.inputs]

        def rows(k: int, y: Tensor) -> Any:
            parts = [reshape(found[k], y.shape + x.shape) for found, x in zip(columns, trace.inputs, strict=True)]
            return _as_asked(argnums, trace.by_argument(parts))

        found = trace.shaped([rows(k, y) for k, y in enumerate(trace.outputs)])
        return (found, trace.kept(trace.aux)) if has_aux else found

    return wrapped


def _along(x: Tensor, f: Function, like: Sequence[Any], axis: int) -> list[Any]:
    """What a linear `f` gives, with shapes as those of `like`, for each unit vector in place of `x`, along `axis`."""
    if not x.size or not like:
        return [zeros((0, *y.shape) if axis == 0 else (*y.shape, 0), dtype=y.dtype) for y in like]
    return vmap(f, out_axes=axis)(np.eye(x.size, dtype=x.dtype).reshape(x.size, *x.shape))


@settings
def hessian(f: Function, argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Callable[..., Any]:
    """All second derivatives of a scalar function: the Jacobian of its gradient.

    With `has_aux`, `f` returns `(value, anything)`, and this function `(derivatives, anything)`.

    >>> import tinygrad_edu as tg
    >>> tg.hessian(lambda x: (x**3).sum())(tg.Tensor([1.0, 2.0])).data
    array([[ 6.,  0.],
           [ 0., 12.]], dtype=float32)
    """
    return _jacobian("hessian", _grad("hessian", f, argnums, has_aux), argnums, has_aux)


@settings
def hvp(f: Function, primals: object, tangents: object) -> Any:
    """The Hessian of a scalar function times a vector, without the Hessian: `jvp` of `grad`.

    >>> import tinygrad_edu as tg
    >>> tg.hvp(lambda x: (x**3).sum(), (tg.Tensor([1.0, 2.0]),), (tg.Tensor([1.0, 0.0]),)).tolist()
    [6.0, 0.0]
    """
    numbers = tuple(range(len(_several(primals))))
    moves = _linearized("hvp", _grad("hvp", f, numbers), _several(primals))[1](*_several(tangents))
    return moves[0] if len(numbers) == 1 else moves
