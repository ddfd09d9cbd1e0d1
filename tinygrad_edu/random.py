"""Chance, from explicit generators: `rng = tg.random.default_rng(seed)`, then `rng.normal(...)`.

`manual_seed` seeds the shared generator, which layers use when they are given none.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from typing import Any

import numpy as np

from . import engine
from .annotations import ArrayLike, DTypeLike
from .arrays import get_default_dtype, is_weak, normal_dtype, to_array
from .errors import DTypeError, GraphError, ShapeError
from .functions.arguments import lift, normal_shape
from .functions.indexing import take
from .functions.settings import Positive, integer, refused, settings
from .interop.names import Named
from .interop.names import guide as _guide
from .recording import tracer
from .tensor import Tensor

Shape = int | tuple[int, ...]


def _values(x: object, who: str = "random") -> Any:
    values = to_array(x._data if isinstance(x, engine.Variable) else x, who=who)
    if values.dtype.kind == "c":
        raise refused(who, "a setting", "a real number", x, "0.5")
    return values


def _seed(seed: Any) -> Any:
    """A seed that NumPy takes: None, whole numbers from 0, or its own sources of chance."""
    if seed is None or isinstance(seed, np.random.SeedSequence | np.random.BitGenerator | np.random.Generator):
        return seed
    if isinstance(seed, int) and not isinstance(seed, bool):
        return integer("default_rng", "seed", seed, 0) if seed < 0 else seed
    numbers = to_array(_values(seed) if isinstance(seed, engine.Variable) else seed, who="default_rng")
    numbers = numbers[()]
    if numbers.dtype.kind not in "iu" or numbers.ndim > 1 or numbers.min(initial=0) < 0:
        raise refused("default_rng", "seed", "a whole number, 0 or more, or several", seed, "seed=0", ValueError)
    return numbers


class Generator(Named):
    """A source of random tensors; the same seed gives the same numbers.

    Errors: a ValueError for parameters out of their range; a DTypeError for probabilities or weights out of theirs; a
    ShapeError for a `size` that does not fit them; a GraphError for NumPy's generator within a compiled function.

    >>> from tinygrad_edu import random
    >>> random.default_rng(0).integers(10, size=3).data
    array([8, 6, 5])
    """

    def __init__(self, seed: ArrayLike | None = None) -> None:
        self._numpy = np.random.default_rng(_seed(seed))
        self._lock = threading.Lock()
        if (by := tracer()) is not None:
            by.sowed(self, seed)

    def __getstate__(self) -> Any:
        return self._numpy

    def __setstate__(self, numpy: Any) -> None:
        self._numpy, self._lock = numpy, threading.Lock()

    @property
    def numpy(self) -> np.random.Generator:
        """NumPy's generator, to draw plain arrays from."""
        if tracer() is not None:
            raise GraphError(
                "random: within a compiled function only tensors are drawn; got NumPy's generator asked for; use "
                "methods of this generator, or draw outside and pass what was drawn"
            )
        return self._source()

    def _source(self) -> np.random.Generator:
        run = running.get()
        return self._numpy if run is None else run.source(self)

    def draw(self, method: str, *args: object, **kwargs: object) -> Any:
        """What a method of NumPy's generator gives, as a plain array; safe in threads."""
        if (by := tracer()) is not None:
            return by.drawn(self, method, args, kwargs, shared if self is shared() else None)
        return self.drawn(method, *args, **kwargs)

    def drawn(self, method: str, *args: object, **kwargs: object) -> Any:
        """The same, whoever writes down what is computed."""
        with self._lock:
            return getattr(self._source(), method)(*args, **kwargs)

    def repeats(self) -> bool:
        """Whether what is drawn now was drawn before, by an earlier run of the same."""
        run = running.get()
        return run is not None and run.earlier is not None

    def state(self) -> Any:
        """What `set_state` takes to draw the same once more."""
        return self._source().bit_generator.state

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Draw again what was drawn after `state()`."""
        try:
            self._source().bit_generator.state = state
        except (TypeError, ValueError, KeyError) as error:
            must = f"what state() gave ({error})"
            raise refused("set_state", "state", must, state, "rng.set_state(rng.state())", ValueError) from None

    def _new(self, array: ArrayLike, dtype: object) -> Tensor:
        dtype = get_default_dtype() if dtype is None else normal_dtype("random", dtype)
        return engine.constant(array.astype(dtype) if hasattr(array, "astype") else np.asarray(array, dtype))

    @settings
    def normal(
        self, loc: Any = 0.0, scale: Any = 1.0, size: Shape | None = None, dtype: object | None = None
    ) -> Tensor:
        """loc + scale * standard normal numbers; differentiable in `loc` and `scale`."""
        if np.min(_values(scale, "normal"), initial=0) < 0:
            raise ValueError(f"normal: scale must not be negative; got {scale}; use its size")
        loc = loc if is_weak(loc) or isinstance(loc, engine.Variable) else _values(loc, "normal")
        shape = _together("normal", loc, scale) if size is None else size
        noise = self._new(self.draw("standard_normal", normal_shape("normal", shape)), dtype)
        return noise * scale + loc

    @settings
    def uniform(
        self, low: Any = 0.0, high: Any = 1.0, size: Shape | None = None, dtype: object | None = None
    ) -> Tensor:
        """Numbers evenly spread from `low` to `high`; differentiable in both."""
        low, high = (x if is_weak(x) or isinstance(x, engine.Variable) else _values(x, "uniform") for x in (low, high))
        shape = _together("uniform", low, high) if size is None else size
        wanted = get_default_dtype() if dtype is None else normal_dtype("uniform", dtype)
        if wanted.kind != "f":
            raise refused("uniform", "dtype", "a floating-point dtype", str(wanted), "dtype='float32'")
        noise = self.draw("random", normal_shape("uniform", shape)).astype(wanted)
        noise = np.minimum(noise, np.nextafter(wanted.type(1), wanted.type(0)))  # below 1, rounded or not
        return self._new(noise, wanted) * (high - low) + low

    @settings
    def integers(self, low: int, high: int | None = None, size: Shape = (), dtype: DTypeLike = np.int64) -> Tensor:
        """Integers from `low` to below `high` (from 0 to below `low`, if `high` is None)."""
        if high is None:
            low, high = 0, low
        if not low < high:
            raise ValueError(f"integers: low must be below high; got {low} and {high}; use e.g. high=10")
        return self._new(self.draw("integers", low, high, normal_shape("integers", size)), dtype)

    @settings
    def permutation(self, x: ArrayLike) -> Tensor:
        """0 ... x-1 in random order, or the rows of a tensor in random order."""
        if isinstance(x, int | np.integer) and not isinstance(x, bool):
            if not 0 <= x < 2**40:
                raise ValueError(f"permutation: x must be a length or a tensor; got {x}; use e.g. 10")
            return self._new(self.draw("permutation", x), np.int64)
        x = lift(x, "permutation")
        if not x.ndim:
            raise refused("permutation", "x", "a length, or a tensor of rows", x, "10")
        return take(x, self.draw("permutation", x.shape[0]), 0)

    @settings
    def bernoulli(self, p: object = 0.5, size: Shape | None = None, dtype: DTypeLike | None = None) -> Tensor:
        """1 with probability `p`, else 0. It has no gradient."""
        chance = _values(p, "bernoulli")
        if chance.dtype.kind not in "fiub" or not np.all((chance >= 0) & (chance <= 1)):
            raise DTypeError(f"bernoulli: p must lie from 0 to 1; got {p}; use a probability")
        shape = chance.shape if size is None else normal_shape("bernoulli", size)
        return self._new(self.draw("random", shape) < chance, dtype)

    @settings
    def multinomial(self, p: object, num_samples: Positive, replacement: bool = False) -> Tensor:
        """`num_samples` indices, with probabilities proportional to the last axis of `p`: PyTorch's `multinomial`.

        Without `replacement`, no index twice (by Gumbel's trick). It has no gradient.

        >>> import tinygrad_edu as tg
        >>> sorted(tg.random.default_rng(0).multinomial([0.5, 0.0, 0.5], 2).tolist())
        [0, 2]
        """
        weights = _values(p, "multinomial")
        if weights.dtype.kind not in "fiub" or not weights.ndim or not np.all((weights >= 0) & np.isfinite(weights)):
            raise DTypeError("multinomial: p must be rows of weights, 0 or more; got others; use probabilities")
        most = weights.shape[-1] if replacement else int(np.min(np.count_nonzero(weights, -1), initial=2**62))
        if not np.all(np.any(weights > 0, -1)) or (num_samples > most and not replacement):
            raise ValueError(
                f"multinomial: a row must have a weight above 0 for each sample; got {most} for {num_samples}; draw "
                "with replacement=True, or fewer"
            )
        with np.errstate(divide="ignore"):
            scores = np.log(weights.astype(np.float64))
        if replacement:
            noise = self.draw("gumbel", 0.0, 1.0, (num_samples, *weights.shape))
            return self._new(np.moveaxis(np.argmax(scores + noise, -1), 0, -1), np.int64)
        order = np.argsort(-(scores + self.draw("gumbel", 0.0, 1.0, weights.shape)), -1, stable=True)
        return self._new(order[..., :num_samples], np.int64)

    @settings
    def categorical(self, logits: ArrayLike, size: Shape | None = None) -> Tensor:
        """Indices, drawn with probabilities softmax(logits) along the last axis: JAX's `categorical`.

        `size` is the shape of the result, which the shape of `logits` without its last axis ends. It has no gradient.

        >>> import tinygrad_edu as tg
        >>> tg.random.default_rng(0).categorical([0.0, 100.0], size=3).tolist()
        [1, 1, 1]
        """
        scores = _values(logits, "categorical")
        if scores.dtype.kind not in "fiub" or not scores.ndim or not scores.shape[-1]:
            raise DTypeError(f"categorical: logits must be rows of numbers; got shape {scores.shape}; use log(p)")
        shape = scores.shape[:-1] if size is None else normal_shape("categorical", size)
        if shape[len(shape) - scores.ndim + 1 :] != scores.shape[:-1] or len(shape) < scores.ndim - 1:
            raise ShapeError(
                f"categorical: size must end with the shape of the rows {scores.shape[:-1]}; got {shape}; put more "
                "axes before it"
            )
        noise = self.draw("gumbel", 0.0, 1.0, (*shape, scores.shape[-1]))
        return self._new(np.argmax(scores + noise, -1), np.int64)


def _together(who: str, a: object, b: object) -> tuple[int, ...]:
    try:
        return np.broadcast_shapes(_values(a, who).shape, _values(b, who).shape)
    except ValueError:
        raise ShapeError(
            f"{who}: settings must broadcast; got {_values(a).shape} and {_values(b).shape}; reshape one"
        ) from None


def default_rng(seed: ArrayLike | Generator | None = None) -> Generator:
    """A new generator; without a seed, a different one each time. A generator is handed back.

    >>> import tinygrad_edu as tg
    >>> a, b = tg.random.default_rng(0), tg.random.default_rng(0)
    >>> a.integers(10, size=3).tolist(), b.integers(10, size=3).tolist(), tg.random.default_rng(a) is a
    ([8, 6, 5], [8, 6, 5], True)
    """
    return seed if isinstance(seed, Generator) else Generator(seed)


class Draws:
    """A run of a function, in a `with` block, that notes what is drawn; or one that draws what an `earlier` run did.

    Each draw is noted as the state that its generator had. It is made again by a generator of this run's own, so that
    those of the earlier run, which other threads may use, are left alone.
    """

    def __init__(self, earlier: Draws | None = None) -> None:
        self.earlier, self.outer = earlier, running.get()
        self.start: Generator = shared() if earlier is None else earlier.start
        self.shared: Generator | None = None if earlier is None else earlier.start
        # `shared`: the shared generator, where it is this run's own; `states`: of each generator, before each draw
        self.states: dict[Generator, list[Any]] = {}
        self.repeated: dict[Generator, tuple[np.random.Generator, Iterator[Any]]] = {}

    def __enter__(self) -> Draws:
        running.set(self)
        return self

    def __exit__(self, *exception: object) -> None:
        running.set(self.outer)
        self.outer = None

    def source(self, generator: Generator) -> np.random.Generator:
        """NumPy's generator for the next draw of a generator."""
        if self.earlier is not None and generator in self.earlier.states:
            if generator not in self.repeated:
                own = np.random.Generator(type(generator._numpy.bit_generator)())
                self.repeated[generator] = own, iter(self.earlier.states[generator])
            own, states = self.repeated[generator]
            own.bit_generator.state = next(states, own.bit_generator.state)
            return own
        found = generator._numpy if self.outer is None else self.outer.source(generator)
        if self.earlier is None:
            self.states.setdefault(generator, []).append(found.bit_generator.state)
        return found


running: ContextVar[Draws | None] = ContextVar("running", default=None)

_shared = Generator()


def shared() -> Generator:
    """The generator that is used where none is given.

    >>> import tinygrad_edu as tg
    >>> tg.manual_seed(0) is tg.random.shared()
    True
    """
    run = running.get()
    while run is not None:
        if run.shared is not None:
            return run.shared
        run = run.outer
    return _shared


def or_shared(rng: Generator | None) -> Generator:
    """`rng`, or where none is given, the shared generator."""
    return shared() if rng is None else rng


def manual_seed(seed: int) -> Generator:
    """Seed the shared generator, and return it.

    Errors: a GraphError within a compiled function.

    >>> import tinygrad_edu as tg
    >>> tg.manual_seed(0).integers(10, size=3).tolist(), tg.manual_seed(0).integers(10, size=3).tolist()
    ([8, 6, 5], [8, 6, 5])
    """
    global _shared
    if tracer() is not None:
        raise GraphError(
            "manual_seed: a compiled function must not seed the shared generator; got a call within one; call it "
            "outside, or use default_rng(seed)"
        )
    new, run = Generator(seed), running.get()
    while run is not None:
        if run.shared is not None:  # a repeated run seeds its own
            run.shared = new
            return new
        run = run.outer
    _shared = new
    return new


__all__ = ["Generator", "default_rng", "manual_seed", "shared"]
_guide(__name__, "tg.random", __all__)
