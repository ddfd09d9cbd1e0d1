"""Making tensors, reading them, and NumPy's protocols."""

import copy
import operator
import pickle

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.errors import DTypeError, GraphError, ShapeError


class TestMaking:
    @pytest.mark.parametrize(
        ("data", "dtype"),
        [(1.0, "float32"), ([1.0, 2.0], "float32"), (1, "int64"), ([True], "bool"), (np.float64(1), "float64"),
         (np.ones(2, np.float16), "float16"), (np.arange(3), "int64"), ([[1, 2.5]], "float32")],
    )  # fmt: skip
    def test_dtypes(self, data, dtype):
        assert tg.Tensor(data).dtype == dtype
        assert tg.asarray(data).dtype == dtype

    def test_the_default_dtype(self):
        tg.set_default_dtype("float64")
        try:
            assert tg.Tensor(1.0).dtype == tg.zeros(2).dtype == tg.get_default_dtype() == np.float64
        finally:
            tg.set_default_dtype("float32")
        with pytest.raises(DTypeError, match="set_default_dtype: must be a floating-point dtype; got int64"):
            tg.set_default_dtype("int64")

    def test_a_tensor_copies_and_asarray_shares(self):
        a = np.ones(2)
        copied, shared = tg.Tensor(a), tg.asarray(a)
        a[0] = 5
        assert copied.data[0] == 1
        assert shared.data[0] == 5

    def test_a_tensor_of_a_tensor(self):
        x = tg.Tensor([1.0], requires_grad=True, name="x")
        y = tg.Tensor(x, dtype="float64")
        assert not y.requires_grad
        assert y.dtype == np.float64
        assert tg.asarray(x) is x

    @pytest.mark.parametrize("data", [["a"], object(), None, {"a": 1}])
    def test_what_is_not_numbers(self, data):
        with pytest.raises(DTypeError, match=r"Tensor: data must be numbers or truth values; got"):
            tg.Tensor(data)

    def test_only_floats_have_gradients(self):
        with pytest.raises(
            DTypeError, match=r"only floating-point and complex tensors can have a gradient; got int64; use floats"
        ):
            tg.Tensor([1, 2], requires_grad=True)
        with pytest.raises(DTypeError, match="got bool"):
            tg.Tensor([True]).requires_grad_()

    def test_requires_grad_of_a_result_stays(self):
        y = tg.Tensor([1.0], requires_grad=True) * 2
        with pytest.raises(GraphError, match="only a leaf can stop requiring a gradient"):
            y.requires_grad = False


class TestDtypes:
    @pytest.mark.parametrize("f", [tg.add, tg.multiply, tg.power, tg.maximum, tg.atan2, tg.hypot])
    def test_python_scalars_are_weak_beside_arrays(self, f):
        a = np.array([0.3, 0.7])
        x = tg.Tensor(a)
        for ours, beside in [(f(a, 0.1), f(x, 0.1)), (f(0.1, a), f(0.1, x)), (f(a[0], 0.1), f(x[0], 0.1))]:
            assert ours.dtype == np.float64
            np.testing.assert_array_equal(ours.data, beside.data)
        assert f(0.3, 0.1).dtype == np.float32

    def test_python_scalars_are_weak(self):
        for dtype in ("float16", "float32", "float64"):
            x = tg.ones(2, dtype=dtype)
            for y in (x + 1.0, 2 * x, x**2, x**0.5, 1 / x, 2.0**x, tg.maximum(x, 0), tg.where(x > 0, x, 0.0), x - 1):
                assert y.dtype == dtype

    def test_arrays_promote_as_in_numpy(self):
        assert (tg.ones(2) * np.ones(2)).dtype == np.float64
        assert (tg.ones(2) * np.float64(2)).dtype == np.float64
        assert (tg.arange(2) / 2).dtype == np.float64
        assert (tg.ones(2, dtype="float16") + tg.ones(2)).dtype == np.float32

    @pytest.mark.parametrize("other", ["float16", "float32", "float64"])
    def test_gradients_have_the_dtype_and_shape_of_their_tensor(self, other):
        x = tg.Tensor(np.ones((2, 1), np.float32), requires_grad=True)
        y = tg.Tensor(np.ones(3), dtype=other, requires_grad=True)
        tg.tanh(x * y + 1).sum().backward()
        assert (x.grad.dtype, x.grad.shape) == (np.float32, (2, 1))
        assert (y.grad.dtype, y.grad.shape) == (other, (3,))

    def test_astype_passes_the_gradient_between_floats_only(self):
        x = tg.Tensor([1.0, 2.0], requires_grad=True)
        x.astype("float64").sum().backward()
        assert x.grad.dtype == np.float32
        assert not x.astype("int64").requires_grad


class TestReading:
    def test_attributes(self):
        x = tg.zeros((2, 3))
        assert (x.shape, x.ndim, x.size, len(x), x.T.shape, x.mT.shape) == ((2, 3), 2, 6, 2, (3, 2), (3, 2))

    def test_scalars(self):
        x = tg.Tensor(2.5, requires_grad=True)
        assert (x.item(), float(x), int(x), bool(x), f"{x:.2f}") == (2.5, 2.5, 2, True, "2.50")
        assert [10, 20, 30][tg.asarray(1)] == 20
        assert isinstance(x.data, np.ndarray)
        assert isinstance((x * 2).data, np.ndarray)

    def test_iteration_and_membership(self):
        x = tg.asarray([1.0, 2.0])
        assert [v.item() for v in x] == [1, 2]
        assert 2.0 in x
        assert 3.0 not in x
        assert x.tolist() == [1, 2]

    @pytest.mark.parametrize(
        ("call", "error", "text"),
        [
            (lambda: bool(tg.ones(2)), ValueError, r"bool: the tensor must have one entry; got shape \(2,\); use .any"),
            (lambda: tg.ones(2).item(), ShapeError, r"item: the tensor must have one entry; got shape \(2,\)"),
            (lambda: len(tg.asarray(1.0)), TypeError, r"len: the tensor must have an axis; got a scalar"),
            (lambda: iter(tg.asarray(1.0)), TypeError, r"iter: the tensor must have an axis; got a scalar"),
            (lambda: [1][tg.asarray(0.0)], TypeError, r"index: needs an integer scalar; got shape \(\) of float32"),
        ],
    )
    def test_errors(self, call, error, text):
        with pytest.raises(error, match=text):
            call()

    def test_equality_is_elementwise_and_tensors_are_hashable(self):
        x = tg.asarray([1.0, 2.0])
        assert (x == x).data.tolist() == [True, True]
        assert (x != [1.0, 3.0]).data.tolist() == [False, True]
        assert x is not None
        assert len({x, x}) == 1
        assert (x == None) is False  # noqa: E711

    def test_repr(self):
        x = tg.Tensor([1.0, 2.0], requires_grad=True, name="x")
        assert repr(x) == "Tensor(shape=(2,), dtype=float32, name='x', requires_grad=True, [1., 2.])"
        assert repr(tg.tanh(x)) == "Tensor(shape=(2,), dtype=float32, op=tanh, [0.7616, 0.964 ])"
        assert len(repr(tg.zeros((1000, 1000)))) < 1000
        evil = tg.Tensor([1.0], name="<script>")
        assert "<script>" not in evil._repr_html_()

    def test_detach_and_clone(self):
        x = tg.Tensor([1.0, 2.0], requires_grad=True)
        assert not x.detach().requires_grad
        y = x.clone()
        y[0] = 5.0
        y.sum().backward()
        assert x.data.tolist() == [1, 2]
        assert x.grad.data.tolist() == [0, 1]

    def test_copies_and_pickles(self):
        x = tg.Tensor([1.0, 2.0], requires_grad=True, name="x")
        for y in (copy.deepcopy(x), pickle.loads(pickle.dumps(x)), copy.copy(x)):
            assert y.requires_grad
            assert y.name == "x"
            assert y.data.tolist() == [1, 2]
            assert not np.shares_memory(x.data, y.data)
        with pytest.raises(GraphError, match="copy: only a leaf can be copied or pickled"):
            copy.deepcopy(x * 2)

    @pytest.mark.parametrize("create_graph", [False, True])
    def test_copies_keep_the_gradient(self, create_graph):
        x = tg.Tensor([1.0, 2.0], requires_grad=True)
        (x * x).sum().backward(create_graph=create_graph)
        for y in (copy.deepcopy(x), pickle.loads(pickle.dumps(x)), copy.copy(x), copy.deepcopy([x, x])[1]):
            assert y.grad.data.tolist() == [2, 4]
            y.grad.data[:] = 0
        assert x.grad.data.tolist() == [2, 4]


class TestNumpy:
    """NumPy's functions on tensors record, and their gradients are those of our functions."""

    @pytest.mark.parametrize(
        "f",
        [
            lambda x: np.sin(x), lambda x: np.sum(x, axis=0), lambda x: np.mean(x, axis=1, keepdims=True),
            lambda x: np.concatenate([x, x], axis=1), lambda x: np.linalg.inv(x[:2, :2]), lambda x: np.exp(x) @ x.T,
            lambda x: np.arange(3.0) * x, lambda x: np.ones((3, 2)) @ x[:, :2].T, lambda x: np.std(x, ddof=1),
            lambda x: np.where(np.asarray(x) > 0, x, 2 * x), lambda x: np.dot(x, x.T), lambda x: np.einsum("ij,kj", x, x),
            lambda x: np.add.reduce(x), lambda x: np.multiply.accumulate(x, axis=1), lambda x: np.diag(x[0]),
            lambda x: np.vstack([x, x]), lambda x: np.hstack([x, x]), lambda x: np.clip(x, 0, 1), lambda x: np.max(x, axis=-1),
            lambda x: np.linalg.norm(x, axis=1), lambda x: np.power(2.0, x), lambda x: np.transpose(x),
            lambda x: np.reshape(x, (-1,)), lambda x: np.outer(x[0], x[1]), lambda x: np.trace(x), lambda x: np.cumsum(x, axis=0),
            lambda x: np.pad(x, ((1, 0), (0, 1))), lambda x: np.take_along_axis(x, np.argsort(np.asarray(x), axis=1), axis=1),
            lambda x: np.sort(x, axis=0), lambda x: np.split(x, 1)[0], lambda x: np.square(x, dtype=np.float64),
            lambda x: np.linalg.matrix_power(x[:2, :2], 2), lambda x: np.inner(x, x), lambda x: np.roll(x, 1, axis=0),
            lambda x: np.inner(x, 2.0), lambda x: np.atleast_3d(x), lambda x: np.atleast_3d(x[0]), lambda x: np.atleast_2d(x[0]),
            lambda x: np.atleast_1d(x[0, 0]), lambda x: np.atleast_2d(x[0], x[0, 0])[1], lambda x: np.dstack([x[0], x[1]]),
            lambda x: np.hstack([x[0], x[1], x[0, 0]]), lambda x: np.vstack([x[0], x[1]]), lambda x: np.column_stack([x[:, 0], x]),
            lambda x: np.append(x, x[0]), lambda x: np.append(x, x, axis=1), lambda x: np.array_split(x[0], 2)[0],
            lambda x: np.array_split(x, [1, 2], axis=1)[1], lambda x: np.hsplit(x, 3)[1], lambda x: np.vsplit(x, 2)[1],
            lambda x: np.dsplit(x[None], 3)[2], lambda x: np.fliplr(x), lambda x: np.flipud(x), lambda x: np.ptp(x),
            lambda x: np.ptp(x, axis=1), lambda x: np.trapezoid(x), lambda x: np.trapezoid(x, dx=0.5, axis=0),
            lambda x: np.trapezoid(x, x=np.array([0.0, 1.0, 3.0])), lambda x: np.trapezoid(x, x=x * x, axis=0),
            lambda x: np.median(x), lambda x: np.median(x, axis=1), lambda x: np.median(x, axis=0),
            lambda x: np.interp(x, np.array([-1.0, 0.0, 0.5]), np.array([3.0, 1.0, 2.0])),
            lambda x: np.interp(np.array([-2.0, 0.1, 0.3, 9.0]), np.sort(x[0]), x[1]),
            lambda x: np.average(x), lambda x: np.average(x, axis=0, weights=[1.0, 3.0]), lambda x: np.average(x, 1, x * x),
            lambda x: np.select([x > 1, x > 0], [x, x * x], 3 * x), lambda x: np.polyval([1.0, 2.0, 3.0], x),
            lambda x: np.polyval(x[0], x[1]), lambda x: np.vdot(x, x), lambda x: np.deg2rad(x), lambda x: np.degrees(x),
            lambda x: np.fmax(x, 0.1), lambda x: np.fmin(np.where(x > 0, np.nan, x), x), lambda x: np.divmod(x, 0.3)[1],
            lambda x: np.subtract.outer(x[0], x[1]), lambda x: np.multiply.outer(x, x[0]), lambda x: np.maximum.outer(x[0], np.array([0.1])),
            lambda x: np.linalg.svdvals(x), lambda x: np.linalg.multi_dot([x, x.T, x]), lambda x: np.astype(x, np.float64),
            lambda x: np.sum(x, initial=2.0), lambda x: np.sum(x, where=x > 0),
            lambda x: np.zeros(3).clip(x, 0.5), lambda x: np.zeros((2, 3)).clip(max=x), lambda x: np.full(3, 0.1).clip(min=x[0]),
        ],
    )  # fmt: skip
    def test_same_value_and_a_gradient(self, f):
        a = np.random.default_rng(0).normal(size=(2, 3))
        y = f(tg.Tensor(a, requires_grad=True))
        assert isinstance(y, tg.Tensor)
        np.testing.assert_allclose(y.data, f(a), rtol=1e-12, atol=1e-12)
        h = np.random.default_rng(1).normal(size=a.shape)
        gradient = tg.grad(lambda x: f(x).sum())(a)
        difference = (np.sum(f(a + 1e-6 * h)) - np.sum(f(a - 1e-6 * h))) / 2e-6
        np.testing.assert_allclose(np.sum(gradient.data * h), difference, rtol=1e-7, atol=1e-7)

    @pytest.mark.parametrize(
        "f",
        [
            lambda x: np.digitize(x, [0.0, 1.0]), lambda x: np.argpartition(x, 1),
            lambda x: np.union1d(x[0], x[1]), lambda x: np.trim_zeros(x[0]), lambda x: np.lexsort(x),
            lambda x: np.unique(x, return_counts=True), lambda x: np.spacing(x),
        ],
    )  # fmt: skip
    def test_any_function_where_there_is_no_gradient(self, f):
        a = np.random.default_rng(0).normal(size=(2, 3))
        x, w = tg.asarray(a), tg.Tensor(a, requires_grad=True)
        with tg.no_grad():
            found = [f(x), f(w)]
        for ours in found:
            parts, theirs = (v if isinstance(v, tuple) else (v,) for v in (ours, f(a)))
            for part, expected in zip(parts, theirs, strict=True):
                assert isinstance(part, tg.Tensor)
                np.testing.assert_allclose(part.data, expected)
        with pytest.raises(TypeError, match=r"^np\.\w+: must be "):
            f(w)
        with pytest.raises(TypeError, match=r"^np\.\w+: must be "):
            tg.vmap(tg.grad(lambda v: tg.sum(f(v)[0])))(np.stack([a, a]))

    def test_medians_of_nan(self):
        a = np.array([[1.0, np.nan, 2.0], [np.inf, 1.0, 3.0]])
        np.testing.assert_array_equal(np.median(tg.asarray(a), axis=1).data, np.median(a, axis=1))

    def test_a_function_of_each_example(self):
        a = np.random.default_rng(0).normal(size=(4, 2, 3))
        np.testing.assert_array_equal(tg.vmap(np.cov)(a).data, [np.cov(m) for m in a])
        np.testing.assert_array_equal(tg.vmap(np.signbit)(a).data, np.signbit(a))

    @pytest.mark.parametrize(
        "write",
        [
            lambda x: np.multiply.at(x, [0], 2.0), lambda x: np.copyto(x, 0.0),
            lambda x: np.place(x, [True, False], [9.0]), lambda x: np.putmask(x, [True, False], [9.0]),
        ],
    )  # fmt: skip
    def test_no_other_function_writes_into_a_tensor(self, write):
        x = tg.asarray(np.array([1.0, 2.0]))
        with pytest.raises((TypeError, ValueError)):
            write(x)
        assert x.data.tolist() == [1, 2]

    def test_entries_are_put_along_an_axis_in_place(self):
        x, a = tg.asarray(np.arange(6.0).reshape(2, 3)), np.arange(6.0).reshape(2, 3)
        for t in (x, a):
            assert np.put_along_axis(t, np.array([[2], [0]]), 9.0, 1) is None
        np.testing.assert_array_equal(x.data, a)

    def test_arrays_in_and_out(self):
        x = tg.Tensor([1.0, 2.0], requires_grad=True)
        assert np.asarray(x) is not None
        assert np.array(x).dtype == np.float32
        assert np.asarray(x, dtype=np.float64).dtype == np.float64
        assert np.allclose(x, [1, 2])
        assert np.array_equal(x * 2, [2, 4])
        assert (np.shape(x), np.ndim(x), np.size(x)) == ((2,), 1, 2)
        np.testing.assert_allclose(x, [1, 2])

    def test_dlpack_both_ways(self):
        x = tg.asarray(np.arange(3.0))
        assert np.from_dlpack(x).tolist() == [0, 1, 2]

        class Foreign:
            """An array of another library: DLPack, a dtype, and nothing else."""

            dtype = "float64"

            def __dlpack__(self, **options):
                return np.arange(2.0).__dlpack__(**options)

            def __dlpack_device__(self):
                return (1, 0)

        assert tg.asarray(Foreign()).data.tolist() == [0, 1]

    @pytest.mark.parametrize(
        ("call", "text"),
        [
            (lambda x: np.add(np.ones(2), x, out=np.ones(2)), r"np.add: cannot write into an array .*lose the graph"),
            (lambda x: np.trim_zeros(x), r"np.trim_zeros: must be a function that this package has"),
            (lambda x: np.spacing(x), r"np.spacing: must be a ufunc that this package has"),
            (
                lambda x: np.median(x, overwrite_input=True),
                r"np.median: must be called with arguments that this package takes; got \['overwrite_input'\]",
            ),
        ],
    )
    def test_what_cannot_be_recorded(self, call, text):
        with pytest.raises(TypeError, match=text):
            call(tg.Tensor([1.0, 2.0], requires_grad=True))

    def test_an_array_is_not_added_into_silently(self):
        a = np.ones(2)
        with pytest.raises(TypeError, match="write array = array"):
            a += tg.Tensor([1.0, 1.0], requires_grad=True)
        a += tg.ones(2)  # where there is no graph, nothing is lost
        assert a.tolist() == [2, 2]


@pytest.mark.parametrize("make", [
    lambda a: a, lambda a: np.asfortranarray(a), lambda a: np.repeat(a, 2, axis=0)[::2], lambda a: a[::-1][::-1],
])  # fmt: skip
def test_memory_layouts_do_not_matter(make):
    a = np.random.default_rng(0).normal(size=(3, 4))
    x = make(a)
    x.flags.writeable = False
    f = lambda x: (tg.tanh(x) @ x.T * tg.softplus(x).sum(axis=1)).sum()
    np.testing.assert_allclose(tg.grad(f)(x).data, tg.grad(f)(a).data)


def test_empty_tensors():
    x = tg.Tensor(np.zeros((0, 3)), requires_grad=True)
    y = (tg.exp(x) @ tg.ones((3, 2), dtype="float64")).sum() + tg.concat([x, x]).sum() + x[:, 1:].prod()
    y.backward()
    assert x.grad.shape == (0, 3)
    assert y.item() == 1


OPERATORS = ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "lshift", "rshift", "and", "or", "xor"]


class Marked(tg.Tensor):
    """A user's subclass: Python asks it first, also where it stands on the right."""


for _name in OPERATORS:
    setattr(Marked, f"__r{_name}__", lambda self, other, n=f"__r{_name}__": getattr(tg.Tensor, n)(self, other))


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("kind", [tg.Tensor, Marked])
def test_a_reflected_operator_keeps_the_graph_of_a_tensor_on_its_left(name, kind):
    whole = name in ("lshift", "rshift", "and", "or", "xor")
    a, b = ([4, 7], [2, 1]) if whole else ([4.0, 7.0], [2.0, 1.5])
    plain = getattr(operator, f"{name}_" if name in ("and", "or") else name)
    x, y = tg.Tensor(a, requires_grad=not whole), kind(b, requires_grad=not whole)
    results = [getattr(y, f"__r{name}__")(x), plain(x, y)]
    for result in results:
        np.testing.assert_array_equal(result.data, plain(np.array(a, result.dtype), np.array(b, result.dtype)))
    if not whole:
        want = tg.grad(lambda x, y: plain(x, y).sum(), argnums=(0, 1))(np.array(a, "f4"), np.array(b, "f4"))
        for result in results:
            x.grad = y.grad = None
            result.sum().backward()
            np.testing.assert_array_equal([x.grad.data, y.grad.data], [g.data for g in want])
