"""Tests to paste: of functions of every kind, they stand alone, run, and fail as the check did."""

import functools

import numpy as np
import pytest

from tinygrad_edu import testing
from tinygrad_edu.testing import check_kernel, strategies
from tinygrad_edu.testing.pasting import Pasted, written

X = np.array([[0.5, -1.0, 2.0]])
SCALE = np.array([1.0, 2.0, 3.0])


class Layer:
    def __init__(self, k):
        self.k = k

    def forward(self, x):
        return self.k * x**3

    def backward(self, dy, x):
        return self.k * 2 * x**2 * dy


LAYER = Layer(2.0)


def scaled(k, x):
    return k * x**2


def d_scaled(k, dy, x):
    return k * x * dy


def helper(x):
    return SCALE * x


def of_lambdas():
    return np.sin, lambda dy, x: dy * -np.cos(x)


def of_closures():
    k, rows = 3.0, [SCALE, 2.0]

    def inner(x):
        return k * helper(x)

    def square(x):
        return inner(x) * x * rows[1]

    return square, lambda dy, x: inner(x) * dy * rows[1]


def of_partials():
    return functools.partial(scaled, 2.0), functools.partial(d_scaled, 2.0)


def of_an_object():
    layer = Layer(3.0)
    return layer.forward, layer.backward


def of_an_object_of_the_module():
    return LAYER.forward, LAYER.backward


def of_a_local_class():
    class Local:
        rows = SCALE

        def forward(self, x):
            return self.rows * x

        def backward(self, dy):
            return 2 * self.rows * dy

    layer = Local()
    return layer.forward, lambda dy, x: layer.backward(dy)


def of_numba():
    numba = pytest.importorskip("numba")

    @numba.njit
    def square(x):
        return x * x

    @numba.njit
    def d_square(dy, x):
        return dy * x

    return square, d_square


@pytest.mark.parametrize(
    "make",
    [of_lambdas, of_closures, of_partials, of_an_object, of_an_object_of_the_module, of_a_local_class, of_numba],
)
def test_the_test_of_a_kernel_fails_alike(make):
    report = check_kernel(*make(), inputs=(X,), raises=False)
    assert report.verdict == "WRONG"
    fails_alike(report.test)


def fails_alike(text):
    space = {}
    exec(text, space)
    (again,) = [v for k, v in space.items() if k.endswith("_again")]
    with pytest.raises(testing.GradientError):
        again()


def test_the_test_of_a_kernel_of_torch_fails_alike():
    torch = pytest.importorskip("torch")

    class Cube(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, shift):
            ctx.save_for_backward(x)
            return x**3 + shift

        @staticmethod
        def backward(ctx, g):
            return 2 * ctx.saved_tensors[0] ** 2 * g, g

    report = check_kernel(Cube, inputs=(X, SCALE), raises=False)
    assert report.wrong[0].argument == "x"
    fails_alike(report.test)


def test_the_test_of_a_kernel_of_jax_fails_alike():
    jax = pytest.importorskip("jax")

    @jax.custom_vjp
    def cube(x):
        return x**3

    cube.defvjp(lambda x: (cube(x), x), lambda x, g: (2 * x**2 * g,))
    report = check_kernel(cube, inputs=(jax.numpy.asarray(X),), raises=False)
    assert report.verdict == "WRONG"
    assert "jax.numpy.asarray(np.array(" in report.test


PAIR = (lambda x: x**2, lambda x: 3 * x), (lambda x: x**3, lambda x: 2 * x)  # fmt: skip


@pytest.mark.parametrize("k", [0, 1])
def test_of_several_lambdas_in_a_line_the_right_one_is_pasted(k):
    f, df = PAIR[k]
    text = Pasted()
    assert (text.function(f, "f"), text.function(df, "df")) == ("f", "df")
    assert text.texts == {"f": f"f = lambda x: x**{k + 2}", "df": f"df = lambda x: {3 - k} * x"}


@pytest.mark.slow
@pytest.mark.parametrize("order", [1, 2])
def test_the_test_of_a_property_of_a_lambda_fails_alike(order):
    kept = 0.5
    made = testing.derivative_property(strategies.arrays(shape=2), df=lambda x, cotangent: cotangent * x**order * kept)
    with pytest.raises(testing.GradientError) as caught:
        made(lambda x: x ** (order + 1) * kept)()
    (note,) = [n for n in caught.value.__notes__ if "Paste" in n]
    fails_alike(note.partition("\n")[2])


def test_what_no_text_can_tell_is_said():
    stream = open(__file__)  # noqa: SIM115

    def forward(x):
        return x * 2 + 0 * stream.fileno()

    with stream:
        report = check_kernel(forward, lambda dy, x: dy, inputs=(X,), raises=False)
    assert "# stream: to be put here, a TextIOWrapper" in report.test


def test_containers_are_written_as_they_are():
    x = {"a": [np.ones(2), (1.0, np.zeros(0))], "b": float("inf")}
    again = eval(written(x), {"np": np})
    assert (again["b"], type(again["a"]), type(again["a"][1])) == (x["b"], list, tuple)
    np.testing.assert_array_equal(again["a"][0], np.ones(2))
