"""Programs of other libraries that take any array of the standard: tensors pass through them."""

import os
import subprocess
import sys

import pytest

EINOPS = """
import numpy as np, tinygrad_edu as tg
from einops.array_api import rearrange, reduce, repeat
x = tg.Tensor(np.arange(24.0).reshape(2, 3, 4), requires_grad=True)
y = rearrange(x, "a b c -> c (a b)")
assert isinstance(y, tg.Tensor) and y.shape == (4, 6)
np.testing.assert_array_equal(reduce(x, "a b c -> b", "mean").detach().data, x.detach().data.mean((0, 2)))
(repeat(y, "i j -> i j k", k=2) ** 2).sum().backward()
np.testing.assert_array_equal(x.grad.data, 4 * np.arange(24.0).reshape(2, 3, 4))
"""
SCIPY = """
import numpy as np, scipy.special, scipy.stats, scipy.integrate, scipy.signal, tinygrad_edu as tg
x = np.array([0.25, 0.5, 2.0])
for f in (scipy.special.logsumexp, scipy.stats.zscore, scipy.stats.skew, lambda v: scipy.stats.pmean(v, 2), scipy.special.softmax):
    y = f(tg.asarray(x))
    assert isinstance(y, tg.Tensor), f
    np.testing.assert_allclose(np.asarray(y), f(x), rtol=1e-12)
"""
SKLEARN = """
import numpy as np, sklearn, tinygrad_edu as tg
from sklearn.preprocessing import MinMaxScaler
from sklearn.metrics import mean_squared_error, r2_score
x = np.random.default_rng(0).normal(size=(20, 3))
with sklearn.config_context(array_api_dispatch=True):
    y = MinMaxScaler().fit_transform(tg.asarray(x))
    assert isinstance(y, tg.Tensor)
    np.testing.assert_allclose(np.asarray(y), MinMaxScaler().fit_transform(x))
    error = mean_squared_error(tg.asarray(x), tg.asarray(2 * x))
np.testing.assert_allclose(float(error), mean_squared_error(x, 2 * x))
"""


@pytest.mark.parametrize(("library", "program"), [("einops", EINOPS), ("scipy", SCIPY), ("sklearn", SKLEARN)])
def test_consumers_take_tensors(library, program):
    pytest.importorskip(library)
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"SCIPY_ARRAY_API": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
