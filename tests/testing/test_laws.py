"""Derivatives whose formula is right, and that break a law besides: each is found, and told in a sentence of its own."""

import numpy as np
import pytest

from tinygrad_edu.testing import check_derivative, check_kernel

X = np.arange(12.0).reshape(3, 4) / 7 + 0.1
ROWS = (4 * 8, 8)  # the strides of a contiguous array of this shape


def sine(x):
    return np.sin(x)


def contiguous(a):
    """What code reads that takes the memory of an array for rows without gaps."""
    return np.lib.stride_tricks.as_strided(a, X.shape, ROWS)


def reads_cotangent(x, cotangent):
    g = contiguous(cotangent)
    return g * np.cos(x)


def reads_input(x, cotangent):
    inner = contiguous(x)
    return cotangent * np.cos(inner)


def found(f, df, *inputs, **settings):
    return check_derivative(f, df, *inputs, raises=False, **settings)


@pytest.mark.parametrize(
    ("df", "what", "line"),
    [
        (reads_cotangent, "the gradient of the output", "return np.lib.stride_tricks.as_strided(a, X.shape, ROWS)"),
        (reads_input, "the input x", None),
    ],
)
def test_memory_that_is_read_as_if_it_were_contiguous(df, what, line):
    report = found(sine, df, X)
    assert report.verdict == "WRONG"
    assert report.pattern == "reads memory as if it were contiguous"
    assert report.diagnosis == f"the gradient of x is wrong when {what} is in Fortran order"
    assert line is None or report.blame.detail == line
    assert "the formula is right: it agrees with the function at the inputs" in report.notes


@pytest.mark.parametrize("layout", ["one number with stride 0", "every second number", "stored backwards"])
def test_each_layout_is_named(layout):
    """It takes what is not contiguous only in the layout in question."""
    of = {
        "one number with stride 0": lambda g: 0 in g.strides,
        "every second number": lambda g: g.strides == (64, 16),
        "stored backwards": lambda g: min(g.strides) < 0,
    }[layout]

    def df(x, cotangent):
        return (2 if of(cotangent) else 1) * cotangent * np.cos(x)

    assert layout in found(sine, df, X).diagnosis


def test_what_is_not_linear_in_the_cotangent():
    df = lambda x, cotangent: np.where(np.abs(cotangent) > 2, 0, cotangent) * np.cos(x)
    report = found(sine, df, X)
    assert (report.verdict, report.pattern) == ("WRONG", "not linear in the gradient of the output")
    report = found(lambda x: np.sin(x).sum(), lambda x, cotangent: cotangent**2 * np.cos(x), X)
    assert (report.verdict, report.pattern) == ("WRONG", "not linear in the gradient of the output")


def test_a_single_numbers_cotangent_may_be_left_out():
    report = found(lambda x: np.sin(x).sum(), lambda x, cotangent: np.cos(x), X)
    assert (report.verdict, report.notes) == ("RIGHT", [])


def test_a_cache_that_another_forward_overwrites():
    kept = {}

    def forward(x):
        kept["x"] = x
        return np.sin(x), "cache"

    def backward(dY, cache):
        return dY * np.cos(kept["x"])

    report = found(forward, backward, X)
    assert (report.verdict, report.pattern) == ("WRONG", "stale cache")
    text = "the gradient of x changes when another forward runs between the forward and its backward"
    assert report.diagnosis == text


def test_a_forward_that_writes_into_its_input():
    def forward(a, b):
        a *= 2
        return a * b, (a, b)

    def backward(dY, cache):
        a, b = cache
        return 2 * dY * b, dY * a

    report = found(forward, backward, X, X + 1.0)
    assert (report.verdict, report.notes) == ("RIGHT", ["the forward writes into its input a"])


def adds_up(cache):
    cache["dx"] += np.cos(cache["x"])
    return {"dx": cache["dx"]}


def writes_cotangent(x, cotangent):
    cotangent *= np.cos(x)
    return cotangent


def writes_input(x, cotangent):
    g = cotangent * np.cos(x)
    x *= 0
    return g


def rounds(x, cotangent):
    return np.round(cotangent * np.cos(x)).astype(int)


@pytest.mark.parametrize(
    ("f", "df", "note"),
    [
        (
            lambda x: (np.sin(x).sum(), {"x": x, "dx": np.zeros_like(x)}),
            adds_up,
            "a second call of the backward gives another gradient of x: it adds up, and nothing sets it to zero",
        ),
        (sine, writes_cotangent, "the backward writes into the gradient of the output, which others read, too"),
        (sine, writes_input, "the backward writes into the input x"),
    ],
)
def test_what_disturbs_others_is_a_note(f, df, note):
    report = found(f, df, X)
    assert report.verdict == "RIGHT"
    assert note in report.notes


def test_the_dtype_of_a_gradient_is_noted():
    df = lambda x: np.full(x.shape, 2, dtype=np.float16 if x.dtype == np.float32 else float)
    report = found(lambda x: (2 * x).sum(), df, X.astype(np.float32))
    assert report.verdict == "RIGHT"
    assert "the gradient of x is float16, where x is float32" in report.notes


def test_right_derivatives_have_nothing_to_tell():
    cases = [
        (lambda a, b: a @ b, lambda a, b, cotangent: (cotangent @ b.T, a.T @ cotangent), (X, X.T)),
        (lambda a, b: a * b, lambda a, b, cotangent: (cotangent * b, cotangent * a), (X, X + 1)),
        (lambda x: (np.sin(x), x), lambda dY, cache: dY * np.cos(cache), (X,)),
        (sine, lambda x: np.cos(x), (X,)),
    ]
    for f, df, inputs in cases:
        report = found(f, df, *inputs, strict=True)
        assert (report.verdict, report.notes) == ("RIGHT", [])
        assert report.evaluations <= 20 * sum(map(np.size, inputs))


def test_probes_stop_where_the_function_was_called_often_enough():
    report = found(lambda x: (np.sin(x), x), lambda dY, cache: dY * np.cos(cache), np.array([0.5, 1.0]))
    assert report.verdict == "RIGHT"
    assert report.evaluations <= 40


def test_gradients_in_the_memory_of_others_are_noted():
    report = check_derivative(
        lambda a, b: a + b, lambda a, b, cotangent: (cotangent, cotangent), np.ones(3), np.ones(3)
    )
    assert report.verdict == "RIGHT"
    assert report.notes == [
        "the gradient of a is returned in the memory of the gradient of the output, not in its own",
        "the gradient of b is returned in the memory of the gradient of the output, not in its own",
        "the gradient of b is returned in the memory of the gradient of a, not in its own",
    ]
    kernel = check_kernel(lambda x: x * x / 2, lambda dy, x: x * dy, inputs=(np.ones(3),))
    assert not kernel.notes
