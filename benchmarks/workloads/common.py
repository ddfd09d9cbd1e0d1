"""What workloads share: the same weights for all libraries, a training step for each, functions and gradients."""

from __future__ import annotations

import importlib
import zlib
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray
OURS, TORCH = ("eager", "compiled"), ("PyTorch", "torch.compile")


class Job(NamedTuple):
    """`run()` does the work once and ends when it is done; `found()` gives arrays in which all libraries must agree."""

    run: Callable[[], Any]
    found: Callable[[], list[Array]]


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def normal(*shape: int, dtype: str = "float32") -> Array:
    return rng().normal(size=shape).astype(dtype)


def weights(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Array]:
    """Initial values that depend on names and shapes only."""
    made = {}
    for name, shape in shapes.items():
        bound = max(1, int(np.prod(shape[1:]))) ** -0.5 if len(shape) > 1 else 0.1
        own = np.random.default_rng(zlib.crc32(name.encode()))
        made[name] = own.uniform(-bound, bound, shape).astype(np.float32) + (len(shape) == 1 and "norm" in name)
    return made


def compiled(peer: str, f: Callable[..., Any]) -> Callable[..., Any]:
    """A function as this peer runs it."""
    if peer == "compiled":
        return importlib.import_module("tinygrad_edu").compile(f)
    return importlib.import_module("torch").compile(f) if peer == "torch.compile" else f


def library(peer: str) -> tuple[Any, Callable[[Any], Any]]:
    """Ours or PyTorch, and what makes its tensors."""
    if peer in OURS:
        tg: Any = importlib.import_module("tinygrad_edu")
        importlib.import_module("tinygrad_edu.optim")
        return tg, tg.Tensor
    torch: Any = importlib.import_module("torch")
    return torch, torch.tensor


def jax() -> tuple[Any, Any]:
    return importlib.import_module("jax"), importlib.import_module("jax.numpy")


# steps of a classifier


def training(
    peer: str,
    build: Callable[[Any], Any],
    x: Array,
    y: Array,
    optimizer: str = "Adam",
    forward: Callable[[Any, Any], Any] | None = None,
) -> Job:
    """Steps of a classifier: `build(nn)` makes it for ours and PyTorch, `forward(parameters, x)` is that for JAX."""
    if peer == "JAX":
        assert forward is not None
        return jax_training(build, forward, x, y, optimizer)
    lib, tensor = library(peer)
    model = build(lib.nn)
    shapes = {name: tuple(p.shape) for name, p in model.named_parameters()}
    own = {name: tensor(w) for name, w in weights(shapes).items()}
    model.load_state_dict({**model.state_dict(), **own})
    opt = getattr(lib.optim, optimizer)(model.parameters(), lr=1e-3)
    cross_entropy = lib.nn.functional.cross_entropy
    if peer == "torch.compile":
        model = lib.compile(model)

    def step(x: Any, y: Any) -> Any:
        opt.zero_grad()
        z = model(x)
        loss = cross_entropy(z.reshape(-1, z.shape[-1]), y.reshape(-1))
        loss.backward()
        opt.step()
        return loss

    losses: list[Any] = []
    do = compiled(peer, step) if peer == "compiled" else step
    return Job(*kept(do, tensor(x), tensor(y), losses))


def kept(step: Callable[..., Any], x: Any, y: Any, losses: list[Any]) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """A run of a step that remembers the first losses, and what gives them."""

    def run() -> Any:
        loss = step(x, y)
        if len(losses) < 3:
            losses.append(float(loss))
        return loss

    return run, lambda: [np.array(losses)]


def jax_training(
    build: Callable[[Any], Any], forward: Callable[[Any, Any], Any], x: Array, y: Array, optimizer: str
) -> Job:
    jx, jnp = jax()
    tg: Any = importlib.import_module("tinygrad_edu")
    named = build(tg.nn).named_parameters()
    params = {name: jnp.asarray(w) for name, w in weights({n: tuple(p.shape) for n, p in named}).items()}

    def loss_of(params: Any, x: Any, y: Any) -> Any:
        z = forward(params, x)
        z = jx.nn.log_softmax(z.reshape(-1, z.shape[-1]))
        return -z[jnp.arange(y.size), y.reshape(-1)].mean()

    def adam(p: Any, g: Any, m: Any, v: Any, t: Any) -> tuple[Any, Any, Any]:
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        if optimizer == "AdamW":
            p = p * (1 - 1e-3 * 0.01)
        return p - 1e-3 * (m / (1 - 0.9**t)) / (jnp.sqrt(v / (1 - 0.999**t)) + 1e-8), m, v

    @jx.jit
    def step(state: Any, x: Any, y: Any) -> Any:
        params, m, v, t = state
        loss, grads = jx.value_and_grad(loss_of)(params, x, y)
        if optimizer == "SGD":
            return ({k: params[k] - 1e-3 * grads[k] for k in params}, m, v, t), loss
        new = {k: adam(params[k], grads[k], m[k], v[k], t + 1) for k in params}
        params, m, v = ({k: new[k][i] for k in new} for i in range(3))
        return (params, m, v, t + 1), loss

    zeros = {k: jnp.zeros_like(p) for k, p in params.items()}
    state: list[Any] = [(params, zeros, zeros, jnp.float32(0))]

    def run(x: Any, y: Any) -> Any:
        state[0], loss = step(state[0], x, y)
        return loss.block_until_ready()

    return Job(*kept(run, jnp.asarray(x), jnp.asarray(y), []))


def mlp(sizes: Sequence[int]) -> Callable[[Any], Any]:
    """Linear layers with ReLU between them."""

    def build(nn: Any) -> Any:
        parts: list[Any] = []
        for n, m in pairwise(sizes):
            parts += [nn.Linear(n, m), nn.ReLU()]
        return nn.Sequential(*parts[:-1])

    return build


def jax_mlp(params: Any, x: Any) -> Any:
    layers = len(params) // 2
    for k in range(layers):
        x = x @ params[f"{2 * k}.weight"].T + params[f"{2 * k}.bias"]
        x = x * (x > 0) if k + 1 < layers else x
    return x


def mlp_training(peer: str, sizes: Sequence[int], batch: int) -> Job:
    y = rng().integers(sizes[-1], size=batch)
    return training(peer, mlp(sizes), normal(batch, sizes[0]), y, forward=jax_mlp)


# functions and their derivatives


def gradient(peer: str, f: Callable[[Any, Any], Any], *inputs: Array) -> Job:
    """The value and the gradients of `f(library, *inputs)`, a number, with respect to all inputs; the library has
    NumPy's functions."""
    last: list[Any] = []
    places = tuple(range(len(inputs)))

    def given(run: Callable[[], Any], plain: Callable[[Any], Array] = np.asarray) -> Job:
        def keep() -> Any:
            last[:] = [run()]
            return last[0]

        return Job(keep, lambda: [plain(v) for v in (last[0][0], *last[0][1])])

    if peer in OURS:
        tg, tensor = library(peer)
        do = compiled(peer, tg.value_and_grad(lambda *xs: f(tg, *xs), argnums=places))
        xs = [tensor(x) for x in inputs]
        return given(lambda: do(*xs), lambda v: v.numpy())
    if peer in TORCH:
        torch, tensor = library(peer)
        forward = compiled(peer, lambda *xs: f(torch, *xs))

        def value_and_gradients() -> Any:
            leaves = [tensor(x).requires_grad_() for x in inputs]
            value = forward(*leaves)
            value.backward()
            return value.detach(), [x.grad for x in leaves]

        return given(value_and_gradients)
    if peer == "JAX":
        jx, jnp = jax()
        jitted = jx.jit(jx.value_and_grad(lambda *xs: f(jnp, *xs), argnums=places))
        xs = [jnp.asarray(x) for x in inputs]
        return given(lambda: jx.block_until_ready(jitted(*xs)))
    if peer == "autograd":
        own: Any = importlib.import_module("autograd.numpy")
        both = importlib.import_module("autograd").value_and_grad(lambda xs: f(own, *xs))
        return given(lambda: both(tuple(inputs)))
    assert peer == "MyGrad", peer
    mg: Any = importlib.import_module("mygrad")

    def mygrad() -> Any:
        leaves = [mg.tensor(x) for x in inputs]
        value = f(mg, *leaves)
        value.backward()
        return value.data, [x.grad for x in leaves]

    return given(mygrad)
