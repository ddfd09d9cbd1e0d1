"""ATen's operations by those of this package: the ones whose names or arguments differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ...engine import Variable, constant
from ...functions import contract, elementwise, indexing, joining, layout, linalg, norms, reduce
from ...functions.arguments import Axis
from ...nn import functional
from ...nn.recurrent import GRU, LSTM, gru_step, lstm_step
from ...nn.stateless import functional_call
from ...random import default_rng

REDUCTIONS = ("none", "mean", "sum")  # by the numbers that ATen has for them


def _same(x: Any, *args: object) -> Any:
    return x


def _sliced(x: Any, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1) -> Any:
    return x[_at(x, dim, slice(start, None if end is None or end >= x.shape[dim] else end, step))]


def _at(x: Any, dim: int, index: Any) -> tuple[Any, ...]:
    return (*[slice(None)] * (dim % x.ndim), index)


def _expanded(x: Any, sizes: Sequence[int]) -> Any:
    lead = len(sizes) - x.ndim
    return layout.broadcast_to(x, tuple(x.shape[k - lead] if n == -1 else n for k, n in enumerate(sizes)))


def _split(x: Any, size: Any, dim: int = 0) -> Any:
    n = x.shape[dim]
    cuts = list(np.cumsum(size))[:-1] if isinstance(size, Sequence) else list(range(size, n, size))
    return tuple(joining.split(x, [int(c) for c in cuts], dim))


def _chunk(x: Any, chunks: int, dim: int = 0) -> Any:
    return _split(x, -(-x.shape[dim] // chunks), dim)


def _unbound(x: Any, dim: int = 0) -> Any:
    return tuple(x[_at(x, dim, k)] for k in range(x.shape[dim]))


def _swapped(x: Any, a: int, b: int) -> Any:
    return layout.swapaxes(x, a, b)


def _indexed(x: Any, indices: Sequence[Any]) -> Any:
    return x[tuple(slice(None) if k is None else k for k in indices)]


def _normal(x: object, w: object, b: object, mean: object, var: object, momentum: float, eps: float) -> Any:
    """Batch normalisation by running statistics, and the two empty results that ATen adds."""
    return functional.batch_norm(x, mean, var, w, b, False, momentum, eps), None, None


def _extreme(find: Callable[..., Any], where: Callable[..., Any]) -> Callable[..., Any]:
    def found(x: object, *args: object) -> Any:
        return find(x, *args) if not args or isinstance(args[0], Variable) else (find(x, *args), where(x, *args))

    return found


def _pooled(pool: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, kernel, stride=None, *rest: pool(
        x, _ints(kernel), _ints(stride) or _ints(kernel), *map(_ints, rest)
    )


def _ints(x: object) -> Any:
    return tuple(x) if isinstance(x, list) else x


def _loss(loss: Callable[..., Any], extra: int) -> Callable[..., Any]:
    """A loss whose reduction is a number, after `extra` further arguments."""

    def call(x: Any, target: Any, *args: Any) -> Any:
        given = [*args, *[None, 1, -100, 0.0][len(args) :]] if extra else [*args, 1][:1]
        if not extra:
            return loss(x, target, reduction=REDUCTIONS[given[0]])
        weight, reduction, ignored, *rest = given
        smoothing = {"label_smoothing": rest[0]} if rest and rest[0] else {}
        return loss(x, target, weight=weight, reduction=REDUCTIONS[reduction], ignore_index=ignored, **smoothing)

    return call


def _recurrent(layer: Any) -> Callable[..., Any]:
    """All layers of a recurrent network, over all steps."""

    def call(
        x: Any, states: Any, weights: Any, biases: bool, layers: int, p: float, train: bool, both: bool, first: bool
    ) -> Any:
        if train and p:
            return None
        module = layer(x.shape[-1], weights[1].shape[1], layers, bias=biases, batch_first=first, bidirectional=both,
                       rng=default_rng(0))  # fmt: skip
        names = [name for name, _ in module.named_parameters()]
        begin = tuple(states) if isinstance(states, list) else states
        y, end = functional_call(module, dict(zip(names, weights, strict=True)), x, begin)
        return (y, *end) if isinstance(end, tuple | list) else (y, end)

    return call


def _masked(x: Any, p: float, train: bool, *, drawn: Any) -> Any:
    """Dropout with the mask that was drawn."""
    mask = np.asarray(drawn[1])
    return x * (mask / (1 - p)).astype(x.dtype), constant(mask)


def _spread(f: Callable[..., Any]) -> Callable[..., Any]:
    """A variance or a deviation, whose divisor is one less than the number of entries unless something is said."""

    def call(x: Any, axis: Axis | None = None, *args: Any, correction: Any = None, keepdim: bool = False) -> Any:
        given = args[0] if args else correction
        return f(x, _ints(axis), args[1] if len(args) > 1 else keepdim, 1 if given is None else int(given))

    return call


def _norm(x: Any, order: float = 2, axis: int | None = None, keep: bool = False) -> Any:
    return norms.vector_norm(x, ord=order, axis=_ints(axis), keepdims=keep)


def _normal_batch(
    x: Any, w: Any, b: Any, mean: Any, var: Any, train: bool, momentum: float, eps: float, *, drawn: Any
) -> Any:
    """Batch normalisation by the batch's own statistics, and what ATen gives of these and of the running ones."""
    y = functional.batch_norm(x, None, None, w, b, True, momentum, eps) if train else None
    return (y, *map(constant, drawn[1:]))


def _cell(step: Callable[..., Any]) -> Callable[..., Any]:
    def call(x: object, state: Mapping[str, Any], *weights: object) -> Any:
        found = step(x, tuple(state) if isinstance(state, list) else (state,), weights)
        return found if len(found) > 1 else found[0]

    return call


def _resized(mode: str) -> Callable[..., Any]:
    def call(x: Any, size: object = None, *rest: object) -> Any:
        scale = next((tuple(v) for v in rest if isinstance(v, list)), None)
        corners = {"align_corners": True} if True in rest else {}
        return functional.interpolate(x, size=_ints(size), scale_factor=scale, mode=mode, **corners)

    return call


def _broadcast(xs: Sequence[Any]) -> Any:
    shape = np.broadcast_shapes(*[x.shape for x in xs])
    return tuple(layout.broadcast_to(x, shape) for x in xs)


def _sorted(x: Any, dim: int = -1, descending: bool = False) -> Any:
    return indexing.sort(x, dim, descending), indexing.argsort(x, dim, descending)


def _dropped(x: object, p: float, train: bool) -> Any:
    return x if not train or p == 0 else None


COUNTERPARTS: dict[str, Callable[..., Any]] = {
    **dict.fromkeys(("alias", "clone", "contiguous", "detach_", "lift_fresh_copy"), _same),
    **dict.fromkeys(("view", "reshape", "_unsafe_view"), lambda x, shape: layout.reshape(x, tuple(shape))),
    "flatten": lambda x, start=0, end=-1: layout.flatten(x, start, end),
    "transpose": _swapped, "t": lambda x: layout.matrix_transpose(x) if x.ndim > 1 else x,
    "permute": lambda x, axes: layout.permute_dims(x, tuple(axes)), "expand": _expanded,
    "unsqueeze": layout.expand_dims, "squeeze": lambda x, axis=None: layout.squeeze(x, _ints(axis)),
    "cat": joining.concat, "slice": _sliced, "select": lambda x, dim, k: x[_at(x, dim, k)], "index": _indexed,
    "split": _split, "split_with_sizes": _split, "chunk": _chunk, "unbind": _unbound,
    "index_select": lambda x, dim, k: indexing.take(x, k, axis=dim),
    "gather": lambda x, dim, k, *rest: indexing.gather(x, dim, k),
    "add": lambda a, b, alpha=1: a + (b if alpha == 1 else alpha * b),
    "sub": lambda a, b, alpha=1: a - (b if alpha == 1 else alpha * b), "rsub": lambda a, b, alpha=1: b - alpha * a,
    "mul": lambda a, b: a * b, "div": lambda a, b: a / b, "neg": lambda a: -a, "pow": lambda a, b: a**b,
    "rsqrt": lambda a: 1 / elementwise.sqrt(a), "clamp": elementwise.clip, "sgn": elementwise.sign,
    "eq": lambda a, b: a == b, "ne": lambda a, b: a != b, "lt": lambda a, b: a < b, "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b, "ge": lambda a, b: a >= b,
    "masked_fill": lambda x, mask, value: elementwise.where(mask, value, x),
    "mm": contract.matmul, "bmm": contract.matmul, "mv": contract.matmul, "dot": contract.matmul,
    "addmm": lambda c, a, b: c + a @ b, "baddbmm": lambda c, a, b: c + a @ b,
    "einsum": lambda text, xs: contract.einsum(text, *xs),
    "sum": lambda x, axis=None, keep=False: reduce.sum(x, _ints(axis), keep),
    "mean": lambda x, axis=None, keep=False: reduce.mean(x, _ints(axis), keep),
    "amax": lambda x, axis=(), keep=False: reduce.max(x, _ints(axis) or None, keep),
    "amin": lambda x, axis=(), keep=False: reduce.min(x, _ints(axis) or None, keep),
    "std": _spread(reduce.std), "var": _spread(reduce.var),
    "max": _extreme(reduce.max, reduce.argmax), "min": _extreme(reduce.min, reduce.argmin),
    "cumsum": reduce.cumulative_sum, "cumprod": reduce.cumulative_prod,
    "gelu": lambda x, approximate="none": functional.gelu(x, approximate),
    "embedding": lambda w, k, *rest: functional.embedding(k, w), "dropout": _dropped,
    "layer_norm": lambda x, shape, w=None, b=None, eps=1e-5, *rest: functional.layer_norm(x, tuple(shape), w, b, eps),
    "group_norm": lambda x, n, w=None, b=None, eps=1e-5, *rest: functional.group_norm(x, n, w, b, eps),
    "rms_norm": lambda x, shape, w=None, eps=None: functional.rms_norm(x, tuple(shape), w, eps),
    "_native_batch_norm_legit_no_training": _normal,
    "max_pool2d": _pooled(functional.max_pool2d), "avg_pool2d": _pooled(functional.avg_pool2d),
    "max_pool1d": _pooled(functional.max_pool1d), "avg_pool1d": _pooled(functional.avg_pool1d),
    "adaptive_avg_pool2d": lambda x, size: functional.adaptive_avg_pool2d(x, tuple(size)),
    "mse_loss": _loss(functional.mse_loss, 0), "l1_loss": _loss(functional.l1_loss, 0),
    "cross_entropy_loss": _loss(functional.cross_entropy, 4), "nll_loss_nd": _loss(functional.nll_loss, 3),
    "nll_loss": _loss(functional.nll_loss, 3),
    "lstm_cell": _cell(lstm_step), "gru_cell": _cell(gru_step), "log_sigmoid": functional.logsigmoid,
    "special_expit": functional.sigmoid, "clamp_min": lambda x, low: elementwise.clip(x, low),
    "clamp_max": lambda x, high: elementwise.clip(x, None, high), "outer": linalg.outer, "sort": _sorted,
    "broadcast_tensors": _broadcast,
    "linalg_inv": linalg.inv, "linalg_solve": linalg.solve, "det": linalg.det, "linalg_det": linalg.det,
    "linalg_eigvalsh": lambda x, *rest: linalg.eigvalsh(x), "linalg_cholesky": lambda x, *rest: linalg.cholesky(x),
    "repeat": lambda x, times: joining.tile(x, tuple(times)), "lerp": lambda a, b, w: a + w * (b - a),
    "addcmul": lambda x, a, b, value=1: x + value * a * b, "addcdiv": lambda x, a, b, value=1: x + value * a / b,
    "upsample_nearest2d": _resized("nearest"), "upsample_bilinear2d": _resized("bilinear"),
    "im2col": lambda x, *args: functional.unfold(x, *map(_ints, args)),
    "instance_norm": lambda x, w, b, mean, var, own, momentum, eps, *rest: functional.instance_norm(
        x, mean, var, w, b, own, momentum, eps),
    "lstm": _recurrent(LSTM), "gru": _recurrent(GRU),
    "linalg_vector_norm": _norm,
}  # fmt: skip

FILLED = {"zeros_like", "ones_like", "full_like", "new_zeros", "new_ones", "new_full"}  # by no tensor's values
# by chance, or beside results that are not needed: they are given what ATen gave
DRAWN: dict[str, Callable[..., Any]] = {
    "native_dropout": _masked, "_native_batch_norm_legit_functional": _normal_batch,
}  # fmt: skip


def counterpart(name: str) -> Callable[..., Any] | None:
    """The operation of this package that ATen's is likely to be; whether it is, its numbers tell."""
    if name in COUNTERPARTS:
        return COUNTERPARTS[name]
    modules = (functional, elementwise, reduce, layout, joining, contract, indexing)
    return next((getattr(m, name) for m in modules if callable(getattr(m, name, None))), None)
