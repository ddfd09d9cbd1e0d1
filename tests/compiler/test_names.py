"""One tensor by several names, views, and hooks: compiled functions do what they do as they stand, or refuse."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.errors import GraphError


def tensor(*x, **options):
    return tg.Tensor(np.array(x, np.float32), **options)


@pytest.mark.parametrize("order", [0, 1, 2, 3])
def test_a_tensor_that_is_given_twice_has_one_gradient(order):
    x, z = tensor(1, 2, requires_grad=True), tensor(3, 4, requires_grad=True)
    calls = [(x, z), (x, x), (z, x), (z, z)]
    calls = calls[order:] + calls[:order]

    def f(a, b):
        return (a * b * b).sum()

    compiled = tg.compile(f)
    for a, b in calls * 2:
        found = []
        for one in (f, compiled):
            x.grad = z.grad = None
            one(a, b).backward()
            found.append([None if t.grad is None else t.grad.data.tolist() for t in (x, z)])
        assert found[0] == found[1]


def written(a, b):
    a[0] = 5
    return b * 1


def test_a_write_that_another_name_would_see_is_refused():
    closed, base = tensor(1, 2), tensor(1, 2)
    view = base[:1]

    def outside(a):
        closed[0] = 5
        return a * 1

    def within(a):
        a[0] = 5
        return closed * 1

    array = np.ones(2, np.float32)
    refused = "known by one name"
    for f, good, bad in [
        (written, (np.ones(2), np.ones(2)), (array, array[:1])),
        (outside, (tensor(1, 2),), (closed,)),
        (within, (tensor(1, 2),), (closed,)),
        (lambda a: written(a, a), (tensor(1, 2),), (base[:1],)),
        (lambda a: written(view, a), None, (tensor(1, 2),)),
    ]:
        compiled = tg.compile(f)
        with pytest.raises(GraphError, match=refused):
            compiled(*bad)
        if good is not None:
            compiled(*good)
            with pytest.raises(GraphError, match=refused):
                compiled(*bad)
    assert base.data.tolist() == [1, 2]
    assert array.tolist() == [1, 1]
    x = tensor(1, 2)
    assert tg.compile(written)(x, x).data.tolist() == [5, 2]
    assert x.data.tolist() == [5, 2]


def test_a_value_that_is_asked_for_is_refused_where_the_function_catches_the_error():
    @tg.compile
    def f(x):
        try:
            return x * float(x.sum())
        except Exception:
            return x

    with pytest.raises(GraphError, match="the value of a tensor"):
        f(tensor(1, 2))


def ten(g):
    return g * 10


def with_backward(w, x):
    w.grad = x.grad = None
    (w * x * x).sum().backward()


def without(w, x):
    return (w * x * x).sum()


@pytest.mark.parametrize("steps", [True, False])
@pytest.mark.parametrize("closed", [True, False])
def test_hooks_that_come_and_go(steps, closed):
    w, x = tensor(1, 2, requires_grad=True), tensor(3, 4, requires_grad=True)
    f = with_backward if steps else without
    compiled = tg.compile((lambda x: f(w, x)) if closed else f)

    def call():
        w.grad = x.grad = None
        result = compiled(x) if closed else compiled(w, x)
        if not steps:
            result.backward()
        return w.grad.data.tolist(), x.grad.data.tolist()

    for times in (1, 10, 10, 1):
        handles = [t.register_hook(ten) for t in (w, x)] if times == 10 else []
        for _ in range(3):
            assert call() == ([9 * times, 16 * times], [6 * times, 16 * times])
        for handle in handles:
            handle.remove()


def test_what_a_hook_changes_outside_is_refused():
    w, seen = tensor(1, 2, requires_grad=True), []
    w.register_hook(lambda g: seen.append(1))
    with pytest.raises(GraphError, match="changed, which stands outside of it"):
        tg.compile(lambda x: with_backward(w, x))(tensor(3, 4))
