"""Products of tensors that are summed over shared axes."""

from __future__ import annotations

import builtins
import math
import operator
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import ops
from ..annotations import ArrayLike
from ..errors import DTypeError, ShapeError
from ..sums import HALF
from .arguments import lift, normal_axis, spelled, unpacked
from .calls import own_keywords
from .layout import diagonal, expand_dims, reshape
from .reduce import sum
from .settings import settings, several

if TYPE_CHECKING:
    from ..tensor import Tensor


def matmul(a: ArrayLike, b: ArrayLike) -> Tensor:
    """Matrix product `(..., i, k), (..., k, j) -> (..., i, j)`; a 1-D tensor is a row or a column.

    Errors: a ShapeError for numbers, and where the two lengths k differ.

    >>> import tinygrad_edu as tg
    >>> (tg.ones((2, 3)) @ tg.ones((3, 4))).shape
    (2, 4)
    """
    a, b = lift(a, "matmul"), lift(b, "matmul")
    if not (a.ndim and b.ndim):
        raise ShapeError(f"matmul: needs tensors of one axis or more; got {a.shape} and {b.shape}; use * for scalars")
    if a.ndim > 1 and b.ndim > 1:
        return ops.matmul.binary(a, b)
    row, column = a.ndim == 1, b.ndim == 1
    if a.shape[-1] != b.shape[0 if column else -2]:
        raise ShapeError(f"matmul: {ops.matmul.must}; got {a.shape} and {b.shape}; transpose one of them")
    y = ops.matmul(expand_dims(a, 0) if row else a, expand_dims(b, 1) if column else b)
    shape = y.shape[:-2] + y.shape[-2 + row : y.ndim - column]
    return reshape(y, shape)


@settings
def vecdot(a: ArrayLike, b: ArrayLike, axis: int = -1, *, dim: int | None = None) -> Tensor:
    """sum(conj(a) * b) over `axis`, after broadcasting, in their common dtype; float16 is added up in float32.

    >>> import tinygrad_edu as tg
    >>> tg.vecdot([[1, 2], [3, 4]], [1, 10]).tolist(), tg.vecdot([1j], [1j]).item()
    ([21, 43], (1+0j))
    """
    axis = axis if dim is None else spelled("vecdot", axis, -1, dim)
    a, b = lift(a, "vecdot"), lift(b, "vecdot")
    if a.dtype == b.dtype == HALF:
        return vecdot(a.astype(np.float32), b.astype(np.float32), axis).astype(HALF)
    products = ops.multiply(ops.conj(a) if a.dtype.kind == "c" else a, b)
    return sum(products, axis).astype(products.dtype)


@own_keywords
def tensordot(a: ArrayLike, b: ArrayLike, axes: Any = 2, *, dims: Any = None) -> Tensor:
    """Sum over pairs of axes: the last `n` of `a` with the first `n` of `b`, or two lists. PyTorch calls them `dims`.

    Errors: a ShapeError where axes that are summed over together differ in length.

    >>> import tinygrad_edu as tg
    >>> tg.tensordot(tg.ones((2, 3)), tg.ones((3, 4)), 1).shape
    (2, 4)
    """
    axes = axes if dims is None else spelled("tensordot", axes, 2, dims)
    a, b = lift(a, "tensordot"), lift(b, "tensordot")
    left, right = _summed_over(axes, a, b)
    if [a.shape[i] for i in left] != [b.shape[i] for i in right]:
        raise ShapeError(
            f"tensordot: the axes summed over must have equal lengths; got {a.shape} over {left} and "
            f"{b.shape} over {right}; check axes"
        )
    kept_a = [i for i in range(a.ndim) if i not in left]
    kept_b = [i for i in range(b.ndim) if i not in right]
    rows, columns = [a.shape[i] for i in kept_a], [b.shape[i] for i in kept_b]
    n = math.prod(a.shape[i] for i in left)
    y = ops.matmul(
        reshape(ops.permute_dims(a, axes=(*kept_a, *left)), (math.prod(rows), n)),
        reshape(ops.permute_dims(b, axes=(*right, *kept_b)), (n, math.prod(columns))),
    )
    return reshape(y, rows + columns)


def _summed_over(axes: object, a: Tensor, b: Tensor) -> tuple[list[int], list[int]]:
    """The axes of `a`, and those of `b`, that `tensordot` pairs."""
    if not isinstance(axes, int) or isinstance(axes, bool):
        axes = several("tensordot", "axes", axes)
        if len(axes) != 2:
            raise ShapeError(f"tensordot: axes must be a number or two lists; got {len(axes)} lists; give two")
        left, right = (k if isinstance(k, tuple | list) else (k,) for k in axes)
        return [normal_axis("tensordot", k, a.ndim) for k in left], [normal_axis("tensordot", k, b.ndim) for k in right]
    if not 0 <= axes <= builtins.min(a.ndim, b.ndim):
        raise ShapeError(
            f"tensordot: axes must be from 0 to {builtins.min(a.ndim, b.ndim)} for {a.shape} and {b.shape}; "
            f"got {axes}; check the shapes"
        )
    return list(range(a.ndim - axes, a.ndim)), list(range(axes))


@own_keywords
def einsum(subscripts: str | ArrayLike, *operands: object) -> Tensor:
    """Einstein summation, as `numpy.einsum` writes it: `einsum("bik,bkj->bij", a, b)`.

    Errors: a ShapeError unless the subscripts name each axis, and the output uses each index once.

    The operands may stand in a list of tensors. Axes may be numbered as well: a list after each operand, then one for
    the output, with `...` for any others:

    >>> import tinygrad_edu as tg
    >>> tg.einsum(tg.ones((2, 3)), [0, 1], tg.ones((3, 4)), [1, 2], [0, 2]).shape
    (2, 4)
    """
    if not isinstance(subscripts, str):
        subscripts, operands = _lettered((subscripts, *operands))
    xs = [lift(x, "einsum") for x in unpacked(operands)]
    names, output = _parsed(subscripts, xs)
    for i, name in enumerate(names):
        if len(name) != xs[i].ndim or set(name) & set("->,."):
            raise ShapeError(
                f"einsum: subscripts must name each axis; got {name!r} for shape {xs[i].shape}; write one "
                "letter for each"
            )
        names[i], xs[i] = _distinct(name, xs[i])
    if len(set(output)) != len(output) or set(output) - set("".join(names)):
        raise ShapeError(
            f"einsum: the output must use each index once, from the inputs; got {subscripts!r}; correct "
            "the part after ->"
        )
    lengths = {c: n for name, x in zip(names, xs, strict=True) for c, n in zip(name, x.shape, strict=True) if n != 1}
    for i, name in enumerate(names):
        shape = tuple(lengths.get(c, 1) for c in name)
        if 1 in xs[i].shape and shape != xs[i].shape:
            xs[i] = ops.broadcast_to(xs[i], shape=shape)
        alone = [k for k, c in enumerate(name) if c not in output and "".join(names).count(c) == 1]
        if alone:
            xs[i] = sum(xs[i], tuple(alone))
            names[i] = "".join(c for k, c in enumerate(name) if k not in alone)
    return ops.einsum(*xs, subscripts=",".join(names) + "->" + output)


LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"  # in the order of their numbers, for implicit outputs


def _lettered(arguments: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]]:
    """Subscripts with letters in place of numbers, and the operands."""

    def word(axes: Any) -> str:
        try:
            return "".join("..." if k is Ellipsis else LETTERS[range(len(LETTERS))[operator.index(k)]] for k in axes)
        except (TypeError, IndexError):
            raise DTypeError(
                "einsum: needs subscripts as text, or a list of numbers from 0 to 51 after each operand; got "
                f"{axes if isinstance(axes, list | tuple) else type(axes).__name__} for a list; write "
                "einsum('ij,jk', a, b) or einsum(a, [0, 1], b, [1, 2])"
            ) from None

    n = len(arguments) // 2 * 2
    text = ",".join(word(axes) for axes in arguments[1:n:2])
    return text + "".join("->" + word(axes) for axes in arguments[n:]), arguments[0:n:2]


def _parsed(subscripts: str, xs: list[Any]) -> tuple[list[str], str]:
    """The letters of each operand's axes and of the output's, which need not be given."""
    left, arrow, output = subscripts.replace(" ", "").partition("->")
    names = left.split(",")
    if len(names) != len(xs):
        raise ShapeError(f"einsum: needs one operand for each of {names}; got {len(xs)}; separate subscripts by commas")
    if "..." in subscripts:
        names, output = _spelled_out(names, output, arrow, xs)
    if not arrow:  # then what stood for "...", and each letter that is used once
        flat = "".join(names)
        output += "".join(sorted(c for c in set(flat) if flat.count(c) == 1 and c not in output))
    return names, output


def _spelled_out(names: list[str], output: str, arrow: str, xs: list[Any]) -> tuple[list[str], str]:
    """Subscripts with letters in place of `...`; axes of length 1 there are not yet broadcast."""
    free = [c for c in LETTERS if c not in "".join([*names, output])]
    lengths = [x.ndim - len(n.replace("...", "")) if "..." in n else 0 for n, x in zip(names, xs, strict=True)]
    letters = "".join(free[: builtins.max(lengths)])
    shapes = [
        x.shape[n.index("...") : n.index("...") + k] for n, x, k in zip(names, xs, lengths, strict=True) if "..." in n
    ]
    try:
        common = np.broadcast_shapes(*shapes)
    except ValueError:
        given = " and ".join(str(x.shape) for x in xs)
        raise ShapeError(f"einsum: the axes of ... must broadcast; got {given}; use expand_dims") from None
    full = []
    for i, (name, k) in enumerate(zip(names, lengths, strict=True)):
        if "..." in name:
            at = name.index("...")
            shape = xs[i].shape[:at] + common[len(common) - k :] + xs[i].shape[at + k :]
            xs[i] = ops.broadcast_to(xs[i], shape=shape) if shape != xs[i].shape else xs[i]
            name = name.replace("...", letters[len(letters) - k :])
        full.append(name)
    return full, output.replace("...", letters) if arrow else letters


def _distinct(name: str, x: Tensor) -> tuple[str, Any]:
    """A repeated index, as in "ii", taken as the diagonal."""
    for c in dict.fromkeys(name):
        while name.count(c) > 1:
            i = name.index(c)
            j = name.index(c, i + 1)
            if x.shape[i] != x.shape[j]:
                raise ShapeError(
                    f"einsum: a repeated index must have one length; got {x.shape} for {name!r}; check the operand"
                )
            x = diagonal(x, 0, i, j)
            name = "".join(s for k, s in enumerate(name) if k not in (i, j)) + c
    return name, x
