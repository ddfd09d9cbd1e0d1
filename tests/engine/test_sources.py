"""Whatever memory an operand has and whoever writes into it before `backward()`: the gradient is that without the
write, or the walk back is refused. Every source meets every way back, and one graph after another."""

import itertools

import numpy as np
import pytest

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tests.engine.sources import SOURCES, V
from tinygrad_edu.errors import GraphError
from tinygrad_edu.op import REGISTRY

X = V + 0.1


def written(x, c):
    y = x * x
    y[0] = tg.add(0.0, c)[0]
    y *= tg.add(1.0, c)
    return (y * y).sum()


def own(x, c):
    op = tg.custom_op("of_sources", lambda x, c: x * x * c, (lambda g, y, x, c: 2 * g * x * c, None))
    del REGISTRY["of_sources"]
    return op(x, tg.add(0.0, c)).sum()


GRAPHS = {
    "multiply": lambda x, c: tg.multiply(x * x, c).sum(), "multiply by x": lambda x, c: (tg.multiply(c, x) * x).sum(),
    "numpy": lambda x, c: np.sum(np.multiply(x, c) * x), "matmul": lambda x, c: (tg.matmul(x, c) ** 2).sum(),
    "power": lambda x, c: tg.power(x, c).sum(), "divide": lambda x, c: tg.divide(x * x, c).sum(),
    "maximum": lambda x, c: (tg.maximum(x, c) ** 2).sum(), "linear": lambda x, c: (F.linear(x, tg.add(0.0, c)) ** 2).sum(),
    "dot": lambda x, c: (np.dot(x, tg.add(0.0, c)) ** 2).sum(), "concat": lambda x, c: (tg.concat([x, tg.multiply(x, c)]) ** 3).sum(),
    "checkpoint": lambda x, c: tg.checkpoint(lambda x: tg.multiply(x * x, c).sum())(x),
    "vmap": lambda x, c: tg.vmap(lambda r: tg.multiply(r * r, c).sum())(x).sum(),
    "gradient": lambda x, c: (tg.grad(lambda z: tg.multiply(z * z * z, c).sum())(x) ** 2).sum(),
    "clip": lambda x, c: (tg.clip(x * 2, tg.multiply(c, 0.1), c) ** 2).sum(), "sort": lambda x, c: (tg.sort(tg.multiply(x, c)) ** 3).sum(),
    "logsumexp": lambda x, c: tg.logsumexp(tg.add(x, c)), "product": lambda x, c: tg.prod(tg.multiply(x, c), axis=0).sum(),
    "written": written, "own": own, "entries": lambda x, c: (x * tg.add(0.0, c)[..., np.array([2, 0, 1])] * x).sum(),
}  # fmt: skip


def backward(f, c, write):
    x = tg.Tensor(X, requires_grad=True)
    y = f(x, c)
    write()
    y.backward()
    return x.grad.numpy()


def pullback(f, c, write):
    _, pull = tg.vjp(lambda x: f(x, c), X)
    write()
    return pull(1.0)[0].numpy()


def second(f, c, write):
    x = tg.Tensor(X, requires_grad=True)
    (slope,) = tg.autograd.grad(f(x, c), [x], create_graph=True)
    write()
    return tg.autograd.grad((slope**2).sum(), [x])[0].numpy()


def linearized(f, c, write):
    _, forward = tg.linearize(lambda x: f(x, c), tg.Tensor(X))
    write()
    return forward(np.ones((3, 3))).numpy()


WAYS = [backward, pullback, second, linearized]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("name", "turn"), [(name, k) for k, name in enumerate(SOURCES)], ids=list(SOURCES))
def test_a_write_changes_no_gradient_or_is_told(name, turn, tmp_path):
    graphs = itertools.islice(itertools.cycle(GRAPHS.items()), turn, turn + 5)
    tried = 0
    for (graph, f), way in itertools.product(graphs, WAYS):
        c, _ = SOURCES[name](tmp_path)
        try:
            right = way(f, c, lambda: None)
        except (TypeError, ValueError):  # such an operand is refused there, or has no second derivative
            continue
        c, write = SOURCES[name](tmp_path)
        tried += 1
        try:
            found = way(f, c, write)
        except GraphError:  # it was noticed
            continue
        np.testing.assert_allclose(found, right, rtol=1e-12, err_msg=f"{graph}, {way.__name__}")
    assert tried >= 8
