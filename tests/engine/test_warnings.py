"""NumPy's warnings of numbers that leave the range: at the user's line, with what to do, as the user's filters ask."""

import subprocess
import sys
import warnings

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.errors import ShapeError

PROGRAM = """import numpy as np, tinygrad_edu as tg
x = tg.Tensor([0.0, 1.0], requires_grad=True)
def f(x):
    return tg.log(x)
for _ in range(3):
    f(x)
1 / x
tg.exp(x * 1000)
tg.sum(tg.Tensor([3e38, 3e38]))
tg.vmap(tg.log)(x)
np.log(x)
tg.log(0.0)
tg.Tensor([1e30]) @ tg.Tensor([1e30])
tg.Tensor([1e30]).astype("float16")
tg.grad(lambda x: tg.log(x).sum())(x)
tg.Tensor([-1.0]).sqrt()
tg.custom_op("inverse", lambda x: 1 / x, lambda g, y, x: -g * y * y)(x)
with np.errstate(all="ignore"):
    tg.log(x)
np.float32(3e38) * np.float32(10)
"""


def test_each_names_a_line_of_the_program_once(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    done = subprocess.run([sys.executable, program], capture_output=True, text=True)
    told = [line for line in done.stderr.splitlines() if "RuntimeWarning" in line]
    assert [int(line.split(":")[1]) for line in told] == [4, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 20]
    assert all(line.startswith(f"{program}:") for line in told)
    ours = told[:-2]  # the last two are NumPy's own, of the user's own computations
    assert all("tg.detect_anomaly()" in line and "results must be finite; got " in line for line in ours)
    assert "divide by zero encountered in log" in told[0]
    assert done.returncode == 0


def caught_of(compute):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.filterwarnings("error", category=RuntimeWarning, module="tinygrad_edu")
        result = compute()
    return caught, result


@pytest.mark.parametrize("values", [[0.0, 2.0], [-1.0, 0.0], [0.0]])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_values_and_gradients_are_as_without_the_warning(values, dtype):
    def run():
        x = tg.Tensor(values, requires_grad=True, dtype=dtype)
        y = tg.log(x) + x.sum()
        y.sum().backward()
        return y.numpy(), x.grad.numpy()

    caught, told = caught_of(run)
    assert [w.filename for w in caught] == [__file__]
    with np.errstate(all="ignore"):
        silent = run()
        expected = np.log(np.array(values, dtype)) + np.sum(np.array(values, dtype))
    for a, b in zip(told, silent, strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_allclose(told[0], expected, rtol=1e-3)


def test_the_users_filters_decide():
    x = tg.Tensor([0.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(RuntimeWarning, match="divide by zero.*detect_anomaly"):
            tg.log(x)
        warnings.simplefilter("ignore")
        assert tg.log(x).tolist() == [-np.inf]
    with np.errstate(divide="raise"), pytest.raises(FloatingPointError):
        tg.log(x)


def test_an_error_of_shapes_is_one_traceback():
    with pytest.raises(ShapeError) as caught:
        tg.ones((2, 3)) @ tg.ones((2, 3))
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_an_error_in_a_users_own_op_keeps_its_traceback():
    def forward(x):
        raise ValueError("of one's own")

    op = tg.custom_op("failing", forward, lambda g, y, x: g)
    with pytest.raises(ValueError, match="of one's own") as caught:
        op(tg.ones(2))
    assert isinstance(caught.value.__cause__, ValueError)
