"""Mistakes that autograd engines make, each tried here: silent wrong gradients above all."""

import pickle

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn, optim
from tinygrad_edu.backward import history
from tinygrad_edu.errors import DTypeError, GraphError


def leaf(*values, dtype=np.float64):
    return tg.Tensor(np.array(values, dtype=dtype), requires_grad=True)


class TestComplexNumbers:
    """Where they have no gradient here, that is said; see tests/functions/test_complex.py for where they have."""

    @pytest.mark.parametrize(
        "f", [lambda x: tg.max((x * 1j).real + (x * 1j)), lambda x: tg.sign(x * 1j + 1).real.sum() + tg.relu(x * 1j)]
    )
    def test_no_gradient_passes(self, f):
        with pytest.raises((DTypeError, TypeError), match="complex"):
            tg.grad(f)(np.array([1.0, 2.0]))

    def test_constants_may_be_complex(self):
        z = tg.asarray(np.array([3 + 4j]))
        assert tg.abs(z).data.tolist() == [5]
        assert np.fft.ifft(np.fft.fft(z)).data.tolist() == [3 + 4j]
        with pytest.raises(DTypeError, match="complex numbers must stay complex"):
            z.astype("float64")


class TestListsOfTensors:
    def test_they_are_stacked(self):
        x = leaf(2.0, 3.0)
        for f in (lambda: tg.asarray([x[0] * 2, x[1]]).sum(), lambda: tg.sum([x[0], x[0], x[1]])):
            x.grad = None
            f().backward()
            np.testing.assert_array_equal(x.grad.data, [2, 1])
        y = tg.zeros(2, dtype="float64")
        y[:] = [x[1], x[0] * 5]
        x.grad = None
        y.sum().backward()
        np.testing.assert_array_equal(x.grad.data, [5, 1])

    def test_or_refused(self):
        x = leaf(2.0, 3.0)
        with pytest.raises(GraphError, match="a list must hold numbers; got tensors that need a gradient"):
            tg.Tensor([x[0], x[1]])
        with pytest.raises(GraphError, match=r"multiply: a list must hold numbers.*use tg.stack"):
            tg.ones(2) * [x[0], x[1]]

    def test_a_filled_tensor_and_settings(self):
        x = leaf(2.0)
        tg.full((3,), x[0]).sum().backward()
        assert x.grad.data == 3
        with pytest.raises(
            DTypeError, match="pad: constant_values must be a number; got a tensor that needs a gradient"
        ):
            tg.pad(x, 1, constant_values=x[0])
        with pytest.raises(DTypeError, match="vector_norm: ord must be a number"):
            tg.linalg.vector_norm(x, x[0])

    def test_functions_that_return_lists(self):
        f = lambda x: [x[0] * x[1], x[0] ** 2]
        ja, jb = tg.jacobian(f)(np.array([2.0, 3.0]))
        np.testing.assert_array_equal(ja.data, [3, 2])
        np.testing.assert_array_equal(jb.data, [4, 0])
        assert tg.grad(lambda x: [x.sum()])(np.ones(2)).data.tolist() == [1, 1]


class TestOrders:
    def test_mixed_derivatives_of_a_power_at_exponent_zero(self):
        h = tg.hessian(lambda a, b: a**b, (0, 1))(np.float64(2), np.float64(0))
        np.testing.assert_allclose([[v.item() for v in row] for row in h], [[0, 0.5], [0.5, np.log(2) ** 2]])

    def test_norms_at_zero_to_second_order(self):
        np.testing.assert_array_equal(tg.hessian(tg.linalg.norm)(np.zeros(2)).data, np.zeros((2, 2)))
        np.testing.assert_array_equal(tg.hessian(tg.std)(np.ones(2)).data, np.zeros((2, 2)))

    @pytest.mark.parametrize("compiled", [False, True])
    @pytest.mark.parametrize(
        ("f", "x", "slopes"), [(np.log, [0.0, 2.0], [0, 0.5]), (np.exp, [1.0, 2.0], np.exp([1, 2]))]
    )
    def test_a_gradient_of_zero_behind_a_mask_has_a_slope(self, f, x, slopes, compiled):
        """The gradient is w * f'(x): its derivative by w is f'(x) also where w is 0, and 0 where a mask lets nothing by."""

        def gradient(w):
            return tg.grad(lambda x: (tg.where(x > 0, f(x), 0) * w).sum())(tg.Tensor(x)).sum()

        by_w = tg.grad(gradient)
        by_w = tg.compile(by_w) if compiled else by_w
        with np.errstate(all="ignore"):
            for w in ([1.0, 1.0], [1.0, 0.0], [0.0, 0.0]):
                np.testing.assert_allclose(by_w(tg.Tensor(w)).numpy(), slopes, rtol=4 * np.finfo("f4").eps)

    def test_a_maximum_that_is_nan_has_a_gradient_that_is_nan(self):
        assert np.isnan(tg.grad(tg.max)(np.array([np.nan, 1.0])).data).all()

    @pytest.mark.parametrize(
        "f", [lambda x: x + 1.0, lambda x: 1.0 - x, lambda x: 2**x, lambda x: tg.where(x > 0, x, 0.0)]
    )
    @pytest.mark.parametrize("dtype", [np.float16, np.float32])
    def test_tangents_keep_their_dtype(self, f, dtype):
        x = np.ones(2, dtype)
        y, dy = tg.jvp(f, (x,), (x,))
        assert y.dtype == dy.dtype == dtype

    def test_steps_have_a_gradient_of_zero(self):
        x = leaf(1.2, -0.7)
        tg.floor(x).sum().backward()
        np.testing.assert_array_equal(x.grad.data, [0, 0])


class TestFirstMinutes:
    """What newcomers from elsewhere type."""

    def test_a_graph_can_be_drawn_after_a_step(self):
        w = tg.Tensor([1.0, 2.0], requires_grad=True, name="w")
        loss = (w * w).sum()
        loss.backward()
        with tg.no_grad():
            w -= 0.1
        assert "w" in tg.draw(loss, detail="ops").source
        assert [t.op.name for t in history(loss) if t.op] == ["sum", "multiply"]

    @pytest.mark.parametrize("name", ["outer", "cross", "matmul", "tensordot", "vecdot"])
    def test_numpys_linalg_names_of_two_arrays(self, name):
        a = np.arange(1.0, 10).reshape(3, 3)
        a = a[0] if name == "outer" else a
        np.testing.assert_allclose(getattr(np.linalg, name)(tg.asarray(a), a).data, getattr(np.linalg, name)(a, a))

    @pytest.mark.parametrize(
        ("call", "error", "text"),
        [
            (lambda: tg.ones(2).view(-1), AttributeError, r"Tensor: has no attribute 'view'; use x.reshape\(...\)"),
            (lambda: tg.ones(2).cumsum(), AttributeError, "'cumsum'; use cumulative_sum$"),
            (lambda: tg.ones(2).nonsense, AttributeError, r"has no attribute 'nonsense'; see dir\(Tensor\)"),
            (lambda: tg.cat([tg.ones(2)]), AttributeError, "tg: has no attribute 'cat'; use tg.concat"),
            (lambda: tg.arctan2(1.0, 2.0), AttributeError, "'arctan2'; use atan2$"),
            (lambda: tg.diag(tg.ones(2)), AttributeError, "'diag'; use np.diag$"),
            (lambda: tg.linalg.lstsq(tg.ones((2, 2))), AttributeError, "'lstsq'; use np.linalg.lstsq$"),
            (lambda: tg.vstack([tg.ones(2)]), AttributeError, "'vstack'; use np.vstack$"),
            (lambda: tg.ones(2).copy(), AttributeError, "'copy'; use clone$"),
            (lambda: tg.norm(tg.ones(2)), AttributeError, r"'norm'; did you mean tg.linalg.norm\?$"),
            (lambda: tg.random.normal(size=3), AttributeError, r"'normal'; did you mean tg.random.default_rng\(seed\).normal\?$"),
            (lambda: tg.random.randn(3), AttributeError, r"'randn'; use tg.random.default_rng\(seed\).normal"),
            (lambda: tg.roll(tg.ones(2), 0.5), DTypeError, "^roll: shift must be an integer; got 0.5; round it"),
            (lambda: tg.linalg.vector_norm(tg.ones(2), "fro"), DTypeError, "^vector_norm: ord must be a number; got 'fro'; use"),
            (lambda: tg.sort(tg.ones(2), axis=1), IndexError, "^sort: axis must be from -1 to 0; got 1"),
            (lambda: tg.linalg.trace(tg.ones(2)), IndexError, "^trace: axis must be from -1 to 0; got -2"),
            (lambda: tg.ones(2).astype("foo"), DTypeError, "^astype: dtype must be one of NumPy's; got 'foo'; use"),
            (lambda: tg.Tensor([1.0], dtype="foo"), DTypeError, "^Tensor: dtype must be one of NumPy's; got 'foo'; use"),
            (lambda: tg.arange(0, 1, 0), ZeroDivisionError, r"^arange: arguments must make an array; got \(0, 1, 0\) .*; check"),
            (lambda: tg.linspace(0, 1, -1), ValueError, "^linspace: arguments must make an array; got .*; check"),
            (lambda: tg.eye(2.5), TypeError, "^eye: n_rows must be an integer; got 2.5; use e.g. n_rows=1"),
            (lambda: tg.zeros(2, dtype="foo"), TypeError, "^zeros: arguments must make an array; got .*'foo'.*; check"),
            (lambda: tg.grad(tg.sum, "x")(1.0), DTypeError, "^grad: argnums must be integers; got 'x'; count"),
            (lambda: tg.vmap(lambda a: a[a > 1])(np.ones((2, 2))), DTypeError, "^vmap: an index must pick as many.*tg.where"),
            (lambda: optim.SGD(nn.Linear(2, 2), 0.1), TypeError, r"got a Linear; pass model.parameters\(\)"),
            (lambda: np.unique(leaf(1.0), return_counts=True), TypeError, r"np.unique: must be called with arguments.*return_counts"),
        ],
    )  # fmt: skip
    def test_errors_name_the_counterpart(self, call, error, text):
        with pytest.raises(error, match=text):
            call()

    def test_functions_can_be_pickled(self):
        for function in (tg.sum, tg.exp, tg.add, tg.linalg.norm, tg.grad, nn.functional.softmax, tg.clip):
            assert pickle.loads(pickle.dumps(function)) is function


class TestSmallThings:
    def test_descending_sorts_of_all_dtypes(self):
        for dtype in (np.uint8, np.int64, np.float32, np.bool_):
            x = np.array([0, 1, 1, 0], dtype)
            assert tg.argsort(x, descending=True).data.tolist() == [1, 2, 0, 3]
        assert tg.topk(np.array([0, 255, 7], np.uint8), 2)[0].data.tolist() == [255, 7]
        assert tg.sort(np.array([np.iinfo(np.int64).min, 3]), descending=True).data[0] == 3

    def test_bits_and_truth(self):
        x, mask = tg.asarray([1, 2, 3]), tg.asarray([True, False, True])
        assert (x & 1).data.tolist() == [1, 0, 1]
        assert (~x).data.tolist() == [-2, -3, -4]
        assert (mask & ~mask).data.tolist() == [False] * 3
        assert (mask ^ True).data.tolist() == [False, True, False]
        assert (mask | mask).dtype == bool

    def test_spread_of_too_few_numbers(self):
        with np.errstate(all="ignore"):
            assert np.isinf(tg.std(np.array([1.0, 2.0]), correction=3).item())
            assert np.isinf(tg.var(np.array([1.0, 2.0]), correction=2).item())

    def test_erf_of_float16(self):
        assert np.isfinite(tg.erf(np.arange(-8, 8, 0.125, dtype=np.float16)).data).all()

    def test_rounding_keeps_integers(self):
        assert tg.round(tg.arange(3)).dtype == np.int64

    def test_uniform_numbers_stay_below_the_end(self):
        x = tg.random.default_rng(0).uniform(size=200_000, dtype="float16")
        assert x.data.max() < 1

    def test_random_numbers_with_tensors_as_parameters(self):
        loc = leaf(1.0, 2.0)
        x = tg.random.default_rng(0).normal(loc, 2.0)
        assert x.shape == (2,)
        x.sum().backward()
        np.testing.assert_array_equal(loc.grad.data, [1, 1])
        with pytest.raises(ValueError, match="normal: scale must not be negative"):
            tg.random.default_rng(0).normal(0.0, -1.0)

    def test_products_that_broadcast(self):
        a, b = leaf(2.0, 0.0, 0.0, 2.0).reshape(2, 2), np.ones((3, 2, 1))
        g = tg.grad(lambda a: tg.linalg.solve(a, b).sum())(a.data)
        assert g.shape == (2, 2)
        x, y = np.ones((2, 3)), np.full((1, 3), 2.0)
        np.testing.assert_array_equal(tg.grad(lambda y: tg.einsum("ij,ij->j", x, y).sum())(y).data, [[2, 2, 2]])

    def test_gradients_are_checked_when_set(self):
        x = leaf(1.0, 2.0)
        x.grad = np.ones(2, np.float32)
        assert x.grad.dtype == np.float64
        with pytest.raises(tg.errors.ShapeError, match=r"grad: must have the tensor's shape \(2,\); got \(3,\)"):
            x.grad = np.ones(3)

    def test_no_grad_without_brackets(self):
        @tg.no_grad
        def f(x):
            return x * 2

        assert not f(leaf(1.0)).requires_grad

    @pytest.mark.parametrize(
        ("make", "text"),
        [
            (
                lambda: tg.custom_op("bad", lambda x: [1.0], lambda g, y, x: g),
                "bad: forward must return one array; got list",
            ),
            (
                lambda: tg.custom_op("bad", lambda x: x + 1, lambda g, y, x: None),
                "bad: a rule must return a gradient; got None",
            ),
        ],
    )
    def test_custom_ops_that_are_wrong(self, make, text):
        with pytest.raises((DTypeError, GraphError), match=text):
            tg.grad(lambda x: make()(x).sum())(np.ones(2))

    def test_a_custom_op_with_too_few_rules_or_a_number_for_a_gradient(self):
        two = tg.custom_op("two", lambda a, b: a + b, (lambda g, y, a, b: g,))
        with pytest.raises(GraphError, match="two: needs a rule for each input; got 1 rules and an input 1"):
            tg.grad(lambda a, b: two(a, b).sum(), (0, 1))(np.ones(2), np.ones(2))
        one = tg.custom_op("one", lambda x: x + 1, lambda g, y, x: 1.0)
        np.testing.assert_array_equal(tg.grad(lambda x: one(x).sum())(np.ones(2)).data, [1, 1])

    def test_integers_to_negative_powers(self):
        with pytest.raises(ValueError, match=r"power: Integers to negative integer powers are not allowed.*astype"):
            tg.arange(3) ** -1

    def test_an_error_in_a_rule_names_the_op(self):
        q = tg.linalg.qr(tg.Tensor(np.zeros((3, 2)), requires_grad=True)).Q
        with pytest.raises(np.linalg.LinAlgError) as caught:
            q.sum().backward()
        assert any("while computing the gradient of input" in note for note in caught.value.__notes__)


def test_losses_may_be_added_up_while_their_parameters_change():
    w = tg.Tensor([1.0], requires_grad=True)
    total = 0.0
    for _ in range(3):
        loss = (w * 2).sum()
        with tg.no_grad():
            w += 1
        total += loss
    assert total.item() == 12.0
