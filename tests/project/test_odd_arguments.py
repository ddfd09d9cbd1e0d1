"""Every argument of every public name, given odd values: an answer, or a refusal in the promised form.

*operation: what must hold; what was given; what to do*, in a ValueError, a TypeError or an IndexError (a MemoryError
where it is memory that lacks, a ZeroDivisionError where NumPy has one, an OSError where it is a file).
"""

import inspect
import re
import warnings

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.errors import DTypeError, GraphError
from tinygrad_edu.op import REGISTRY
from tinygrad_edu.testing import GradientError

from . import odd_arguments, odd_methods
from .odd_arguments import ODD, call, matrix

FORM = re.compile(r"\A[^:;]+: [^;]+; .+; .+\Z", re.DOTALL)
ALLOWED = (ValueError, TypeError, IndexError, MemoryError, ZeroDivisionError, OSError)
SUBJECTS = list(odd_arguments.subjects())
METHODS = list(odd_methods.subjects())
LONG = {what for what, odd in ODD.items() if isinstance(made := odd(), np.ndarray | tg.Tensor) and made.size > 3}


SPACES = tg, tg.linalg, tg.special, tg.fft, tg.nn.functional
FUNCTIONS = {n for space in SPACES for n in dir(space) if inspect.isfunction(getattr(space, n))} | set(REGISTRY)


def misnamed(name, function, text):
    """Whether the error of a function, which calls none of the user's, begins with the name of another one."""
    said, who = name.rpartition(".")[2], text.partition(":")[0]
    called = any("Function" in str(p.annotation) for p in inspect.signature(function).parameters.values())
    return said in FUNCTIONS and who in FUNCTIONS and said != who and not called


def refusal(name, function, makers, place, odd):
    """What is wrong with the refusal of an odd argument; None if all is well."""
    if callable(odd()) and (
        callable(makers[place]()) or place in ("scale_fn", "reference", "sparsity", "closure")
    ):  # what it raises is its own
        return None
    try:
        call(function, makers, {place: odd})
    except GradientError:  # a verdict
        return None
    except ALLOWED as error:
        right = FORM.match(str(error)) and not misnamed(name, function, str(error))
        return None if right else f"{type(error).__name__}: {error}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "function", "makers"), SUBJECTS + METHODS, ids=[name for name, *_ in SUBJECTS + METHODS]
)
def test_odd_arguments_are_answered_or_refused_in_the_promised_form(name, function, makers, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # a text may be a path
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        call(function, makers)  # the good call is one
        wrong = {
            (place, what): text
            for place in makers
            for what, odd in ODD.items()
            if not (name.startswith("testing.") and what in LONG)  # dozens of derivatives, each by extrapolation
            if (text := refusal(name, function, makers, place, odd)) is not None
        }
    assert wrong == {}


def test_the_table_holds_what_is_public():
    names = {name for name, *_ in SUBJECTS}
    assert len(names) > 250
    assert {
        "sum",
        "F.conv2d",
        "nn.LSTM",
        "nn.LSTM()",
        "optim.Adam",
        "linalg.svd",
        "random.normal",
        "data.DataLoader",
    } <= names
    names = {name for name, *_ in METHODS}
    assert len(names) > 130
    assert {
        "Tensor.data =",
        "Tensor iadd",
        "rshift Tensor",
        "Module.load_state_dict",
        "Sequential.insert",
        "Optimizer.step",
        "Loader.load_state_dict",
        "Generator.set_state",
        "Scaler.update",
        "custom_vjp.defvjp",
    } <= names


def _gradient(function, makers, at, spoil):
    """The gradient by argument `at`, of a call whose other arrays are written into before `backward()`; None if there
    is none, or if it is refused."""
    made = {name: maker() for name, maker in makers.items()}
    others = [a for name, a in made.items() if name != at and isinstance(a, np.ndarray) and a.ndim]
    made[at] = leaf = tg.Tensor(made[at], requires_grad=True)
    tg.manual_seed(0)
    found = call(function, {name: lambda v=v: v for name, v in made.items()})
    results = [t for t in tg.tree.leaves(found) if isinstance(t, tg.Tensor) and t.requires_grad]
    if not results or not others:
        return None
    for a in others if spoil else ():
        if a.flags.writeable:
            a[...] = a.flat[0] if a.dtype.kind in "iub" else 0.3
    try:
        sum((abs(t) ** 2).sum() for t in results).backward()
    except GraphError:  # what was written into is watched
        return None
    return leaf.grad.data


@pytest.mark.parametrize("letter", sorted({name.rpartition(".")[2][0].lower() for name, *_ in SUBJECTS}))
def test_arrays_that_are_written_into_after_a_call_change_no_gradient(letter):
    checked = []
    for name, function, makers in SUBJECTS:
        arrays = [at for at, maker in makers.items() if getattr(maker(), "dtype", None) == np.float64]
        if name.rpartition(".")[2][0].lower() != letter:
            continue
        for at in arrays:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                try:
                    right = _gradient(function, makers, at, spoil=False)
                except ALLOWED:  # this argument takes no tensor that needs a gradient
                    continue
                found = None if right is None else _gradient(function, makers, at, spoil=True)
            if found is not None:
                np.testing.assert_allclose(found, right, err_msg=f"{name}, by {at}")
                checked.append(name)
    assert letter != "c" or {"F.cross_entropy", "nn.CrossEntropyLoss()", "F.cosine_similarity"} <= set(checked)


# names that are NumPy's, with its meaning, and one array first
SAME = [
    "abs",
    "exp",
    "log1p",
    "sin",
    "tanh",
    "square",
    "negative",
    "floor",
    "sign",
    "isnan",
    "sum",
    "prod",
    "max",
    "min",
    "mean",
    "var",
    "std",
    "all",
    "any",
    "argmax",
    "argmin",
    "sort",
    "argsort",
    "count_nonzero",
    "cumulative_sum",
    "flip",
    "roll",
    "tril",
    "triu",
]
NUMPYS = {"cumulative_sum": lambda x: np.cumsum(x), "roll": lambda x: np.roll(x, 1), "sort": lambda x: np.sort(x)}
LAYOUTS = [
    "ints",
    "bools",
    "uint8",
    "float16",
    "longdouble",
    "byte-swapped",
    "unmasked",
    "read-only",
    "0-stride",
    "Fortran",
    "reversed",
    "nans",
    "infs",
    "negative",
    "singular",
]


@pytest.mark.parametrize("name", SAME)
def test_odd_arrays_give_what_numpy_gives(name):
    """Of what NumPy computes, in whatever layout and order of bytes; plain arrays are the oracle."""
    for what in LAYOUTS:
        x = ODD[what]()
        plain = np.array(np.asarray(x).tolist(), np.asarray(x).dtype.newbyteorder("="))
        arguments = (1,) if name == "roll" else ()
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                expected = NUMPYS.get(name, getattr(np, name, None))(plain)
            except TypeError:  # as negative of truth values
                continue
            ours = getattr(tg, name)(x, *arguments)
        assert ours.dtype.isnative, what
        tolerance = 1e-2 if what == "float16" else 1e-6
        np.testing.assert_allclose(
            np.asarray(ours.data, "g"), np.asarray(expected, "g"), rtol=tolerance, err_msg=f"{name} of {what}"
        )


@pytest.mark.parametrize("what", ["masked", "objects", "Nones", "np texts", "dates", "times", "structured"])
def test_what_would_lose_its_meaning_is_refused(what):
    x = tg.Tensor(matrix(), requires_grad=True)
    for act in (
        tg.Tensor,
        tg.asarray,
        tg.sum,
        tg.exp,
        lambda a: x * a,
        lambda a: tg.matmul(x, a),
        lambda a: [tg.sum([a, a])],
    ):
        with pytest.raises((TypeError, ValueError)) as caught:
            act(ODD[what]())
        assert FORM.match(str(caught.value)), str(caught.value)


def test_data_takes_what_a_tensor_can_be_made_of():
    """NumPy's own cast would make nan of None, a number of a text or a date, and drop masks and imaginary parts."""
    for what in ["None", "a number as text", "[None]", "Nones", "datetime64", "dates", "times", "masked", "complex"]:
        t = tg.Tensor(matrix())
        with pytest.raises((TypeError, ValueError), match=r"\Adata: data must (not )?be "):
            t.data = ODD[what]()
        np.testing.assert_array_equal(t.data, matrix())
    t.data = matrix().astype("f4")
    assert t.dtype == np.float64


def test_other_meanings_of_an_operator_are_not_guessed():
    x, m = tg.Tensor(matrix()), ODD["np.matrix"]()
    for act in (lambda: x * m, lambda: m * x, lambda: x**m):
        with pytest.raises(
            DTypeError, match=r"(multiply|power): must be entry by entry; got np\.matrix.*; use np\.asarray"
        ):
            act()
    np.testing.assert_array_equal((x @ m).data, matrix() @ matrix())
    np.testing.assert_array_equal(tg.matmul(m, x).data, matrix() @ matrix())


def test_imaginary_parts_and_orders_of_bytes():
    with pytest.raises(DTypeError, match=r"Tensor: data must be real for float32; got complex128; take \.real"):
        tg.Tensor(ODD["complex"](), dtype="float32")
    assert tg.Tensor(ODD["byte-swapped"]()).dtype == np.dtype("f8")
    assert tg.Tensor([1.0], dtype=">f4").dtype.isnative
    assert tg.Tensor(ODD["longdouble"]()).dtype == np.longdouble


def test_what_has_a_dtype_keeps_it_in_a_list():
    """Python floats alone become float32."""
    one, x = np.float64(0.1), np.full(2, 0.1)
    for data in ([one, 0.2], [x, x], (x[0], [x])[1], [[0.1], [np.array(0.1)]], [tg.Tensor(x)], memoryview(x)):
        for made in (tg.Tensor(data), tg.asarray(data), tg.sum(data), tg.ones(1, dtype="float32") * data):
            assert made.dtype == np.float64
    assert tg.Tensor([np.float32(0.1), 0.2]).dtype == tg.Tensor([[0.1]]).dtype == np.float32


def test_settings_may_be_any_number():
    """A rate from NumPy neither widens the result nor changes it."""
    import tinygrad_edu.nn.functional as F

    x = tg.Tensor(matrix() - 1, dtype="float32")
    for slope in (np.float64(0.5), np.float32(0.5), np.array(0.5), tg.Tensor(0.5)):
        y = F.leaky_relu(x, slope)
        assert y.dtype == np.float32
        np.testing.assert_array_equal(y.data, F.leaky_relu(x, 0.5).data)
    for axis in (np.int8(1), np.array(1)):
        np.testing.assert_array_equal(tg.sum(x, axis).data, tg.sum(x, 1).data)
    for axis in (True, 1.0, "1", np.True_):
        with pytest.raises(TypeError, match=r"\Asum: axis must be an integer; got .*; use e\.g\. axis=0"):
            tg.sum(x, axis)
    slope = tg.Tensor(0.5, requires_grad=True)
    (F.leaky_relu(x, slope).sum() + F.elu(x, slope).sum()).backward()
    negative = x.data[x.data < 0].astype(np.float64)
    assert slope.grad.item() == pytest.approx(np.sum(negative + np.expm1(negative)), rel=1e-6)
