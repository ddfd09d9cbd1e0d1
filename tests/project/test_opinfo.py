"""PyTorch's own examples of its functions (`op_db`), run here: values, dtypes, shapes, gradients and gradients of
gradients are those of PyTorch, or a row of `DIFFERENT` says in a sentence why not."""

import itertools
import zlib
from collections import Counter

import numpy as np
import pytest

import tinygrad_edu as tg

from ..torch_lists import listed
from .torch_names import ABSENT, named

torch = pytest.importorskip("torch")
pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

op_db = listed("common_methods_invocations", "op_db")

EXACT, SMOOTH = ("float64", "complex128"), ("float64", "complex128", "float32")
DTYPES = ("float64", "float32", "complex128", "float16", "int64")


def title(op):
    return op.name + (f"[{op.variant_test_name}]" if op.variant_test_name else "")


OPS = {title(op): op for op in op_db}


def spread(samples, n):
    """`n` of the samples, or all for None: of the first fifty, the first and the last among them."""
    samples = list(samples if n is None else itertools.islice(samples, 50))
    if n is None or len(samples) <= n:
        return samples
    return [samples[round(i * (len(samples) - 1) / max(n - 1, 1))] for i in range(n)]


class Mirror:
    """Arguments of PyTorch's as those of this package; `leaves` are the tensors that need a gradient."""

    def __init__(self):
        self.leaves, self.theirs = [], []

    def __call__(self, x):
        if isinstance(x, torch.Tensor):
            t = tg.Tensor(array(x))
            if x.requires_grad:
                t.requires_grad_()
                self.leaves.append(t)
                self.theirs.append(x)
            return t
        if isinstance(x, torch.dtype):
            return str(x).removeprefix("torch.")
        if isinstance(x, dict):
            return {k: self(v) for k, v in x.items()}
        if isinstance(x, tuple | list):
            parts = [self(y) for y in x]
            return parts if type(x) is list else tuple(parts)
        return x


def results(y):
    """The tensors, arrays and numbers in a result."""
    if isinstance(y, dict):
        y = tuple(y.values())
    if isinstance(y, tuple | list):
        return [r for part in y for r in results(part)]
    return [] if y is None else [y]


def array(y):
    if isinstance(y, torch.Tensor):
        return y.detach().resolve_conj().resolve_neg().numpy(force=True)
    return np.asarray(getattr(y, "data", y)) if isinstance(y, tg.Tensor) else np.asarray(y)


def near(a, b, factor=1.0):
    """Whether two arrays are equal but for rounding, that of some operations in the dtype of the second."""
    if b.dtype.kind not in "fc":
        return np.array_equal(a, b)
    if not b.size:
        return True
    eps = np.finfo(b.dtype).eps
    size = np.max(np.abs(b), initial=0, where=np.isfinite(b))
    tolerance = factor * eps * (20 + b.size**0.5) * 8
    with np.errstate(all="ignore"):
        return np.allclose(a, b, rtol=tolerance, atol=tolerance * max(size, 1.0), equal_nan=True)


def worst(a, b):
    """Where two arrays are furthest apart."""
    if not np.issubdtype(b.dtype, np.inexact):
        a, b = a.astype(float), b.astype(float)
    with np.errstate(all="ignore"):
        k = np.argmax(np.nan_to_num(np.abs(a - b), nan=np.inf))
    return f"{np.ravel(a)[k]} for {np.ravel(b)[k]}"


def paired(ys, weights):
    """The real part of sum(y * conj(weight)): its gradient is what PyTorch pulls back for these cotangents."""
    return sum(tg.real(y * np.conj(w)).sum() if w.dtype.kind == "c" else (y * w).sum() for y, w in zip(ys, weights))


def filled(gradients, like):
    return [torch.zeros_like(x) if g is None else g for g, x in zip(gradients, like)]


def judged(op, f, sample, twice, wider=False):
    """What is different in one sample: `(kind, what)`, or None."""
    try:
        want = op(sample.input, *sample.args, **sample.kwargs)
    except Exception:
        return None  # what PyTorch itself refuses
    mirror = Mirror()
    args, kwargs = mirror((sample.input, *sample.args)), mirror(sample.kwargs)
    try:
        got = f(*args, **kwargs)
    except Exception as error:
        return "error", f"{type(error).__name__}: {error}"
    if sample.output_process_fn_grad is not None:
        want, got = sample.output_process_fn_grad(want), sample.output_process_fn_grad(got)
    want, got = results(want), results(got)
    if len(want) != len(got):
        return "count", f"{len(got)} results for {len(want)}"
    for a, b in zip(map(array, got), map(array, want)):
        if a.shape != b.shape:
            return "shape", f"{a.shape} for {b.shape}"
        if not near(a.astype(b.dtype) if wider and b.dtype.kind == "f" else a, b):
            return "value", worst(a, b)
        if a.dtype != b.dtype and not (wider and (b.dtype.name, a.dtype.name) in WIDER):
            return "dtype", f"{a.dtype} for {b.dtype}"
    pairs = [(t, m) for t, m in zip(want, got) if isinstance(t, torch.Tensor) and t.requires_grad]
    if not pairs or not mirror.leaves:
        return None
    rng = np.random.default_rng(zlib.crc32(op.name.encode()))
    cotangents = [array(torch.zeros_like(t)) + rng.normal(size=t.shape).astype(array(t).real.dtype) for t, _ in pairs]
    want = torch.autograd.grad([t for t, _ in pairs], mirror.theirs, [torch.tensor(w) for w in cotangents], create_graph=twice, allow_unused=True)  # fmt: skip
    got = paired([m for _, m in pairs], cotangents)
    try:
        if not got.requires_grad:
            found = [tg.zeros_like(x) for x in mirror.leaves]
        else:
            found = [
                tg.zeros_like(x) if g is None else g
                for g, x in zip(
                    tg.autograd.grad(got, mirror.leaves, create_graph=twice, allow_unused=True), mirror.leaves
                )
            ]
    except Exception as error:
        return "gradient", f"{type(error).__name__}: {error}"
    want = filled(want, mirror.theirs)
    for a, b in zip(map(array, found), map(array, want)):
        if not near(a, b, 30):
            return "gradient", worst(a, b)
    if not twice or not any(g.requires_grad for g in want):
        return None
    cotangents = [array(torch.zeros_like(t)) + rng.normal(size=t.shape).astype(array(t).real.dtype) for t in want]
    total = sum((g * torch.tensor(np.conj(w))).sum().real for g, w in zip(want, cotangents))
    try:
        want = filled(torch.autograd.grad(total, mirror.theirs, allow_unused=True), mirror.theirs)
    except RuntimeError:
        return None  # a derivative that PyTorch does not have
    try:
        got = paired(found, cotangents)
        found = (
            [
                tg.zeros_like(x) if g is None else g
                for g, x in zip(tg.autograd.grad(got, mirror.leaves, allow_unused=True), mirror.leaves)
            ]
            if got.requires_grad
            else [tg.zeros_like(x) for x in mirror.leaves]
        )
    except Exception as error:
        return "second", f"{type(error).__name__}: {error}"
    for a, b in zip(map(array, found), map(array, want)):
        if not near(a, b, 1000):
            return "second", worst(a, b)
    return None


# What is different and why: a sentence, the kind of difference, the dtypes (all if none are named), and the functions.
DIFFERENT = [
    ("NumPy refuses the axis of a number, and so do functions that it has too", "error", "", "cumsum cumprod max[reduction_with_dim] min[reduction_with_dim] quantile nanquantile aminmax squeeze squeeze[multiple] transpose norm all any amax amin argmax argmin count_nonzero mean nanmean prod sum nansum linalg.vector_norm sort argsort nonzero"),
    ("As in NumPy, squeeze refuses an axis that is longer than 1", "error", "", "squeeze squeeze[multiple]"),
    ("Lengths summed over must be equal: 1 does not broadcast", "error", "", "tensordot"),
    ("As in NumPy 2, only a vector is one column", "error", "", "linalg.solve"),
    ("As in NumPy 2, only a vector is one column", "shape", "", "linalg.solve"),
    ("As in NumPy, sorted numbers have one axis, and places are int64", "error", "", "searchsorted"),
    ("As in NumPy, the reciprocal of an integer is one", "dtype", "int64", "reciprocal"),
    ("Places are int64", "dtype", "", "bucketize"),
    ("An index without entries must have the axes of the input all the same", "error", "", "gather"),
    ("Tensors have as many axes as each other, also one without entries", "error", "", "cat"),
    ("A prediction and a target that broadcast are refused, as they are paired by mistake", "error", "", "nn.functional.gaussian_nll_loss"),
    ("An empty tuple is no stride", "error", "", "nn.functional.avg_pool2d"),
    ("A batch has two axes", "error", "", "nn.functional.batch_norm"),
    ("Gradients are dense: sparse=True answers with a sentence", "error", "", "nn.functional.embedding nn.functional.embedding_bag"),
    ("The samples are numbers below 1; of PyTorch's own some are not", "error", "", "nn.functional.fractional_max_pool2d nn.functional.fractional_max_pool3d"),
    ("Complex numbers become real by .real or abs() only, never by a cast", "error", "complex128", "softmax[with_dtype] nn.functional.softmin[with_dtype] log_softmax[with_dtype] nn.functional.l1_loss byte char double float half int long short"),
    ("As in NumPy, an integer has no negative integer power", "error", "int64", "__rpow__"),
    ("Chance: each library has its own numbers", "value", "", "nn.functional.fractional_max_pool2d nn.functional.fractional_max_pool3d nn.functional.rrelu nn.functional.scaled_dot_product_attention nn.functional.dropout nn.functional.dropout2d nn.functional.dropout3d nn.functional.alpha_dropout nn.functional.feature_alpha_dropout[with_train] empty empty_like"),
    ("Eigenvalues come in the order of LAPACK, which here is another build", "value", "", "linalg.eig linalg.eigvals"),
    ("PyTorch's trigamma is exact to 1e-9", "value", "float64", "polygamma[polygamma_n_0] polygamma[polygamma_n_1] polygamma[polygamma_n_2] polygamma[polygamma_n_3] polygamma[polygamma_n_4] special.polygamma[special_polygamma_n_0]"),
    ("PyTorch adds up weights of float32 in float32", "value", "float64 complex128", "cov"),
    ("PyTorch adds up weights of float32 in float32", "second", "float64 complex128", "cov"),
    ("PyTorch's loss overflows", "value", "float16", "nn.functional.soft_margin_loss"),
    ("0 times inf is nan, also for beta = 0", "value", "float16", "addr"),
    ("Equal entries keep their order; in PyTorch, they may have any", "value", "", "topk sort argsort"),
    ("Computed as for floats, where PyTorch cuts factors, bounds or means down to integers", "value", "int64", "addmv addbmm baddbmm nn.functional.avg_pool1d nn.functional.avg_pool2d nn.functional.avg_pool3d nn.functional.hardtanh linspace linspace[tensor_overload] reciprocal arange"),
    ("The length is that of the floats, as in NumPy; PyTorch first makes integers of them", "shape", "int64", "arange"),
    ("NumPy's covariances are float64", "dtype", "float32 float16", "cov corrcoef"),
    ("The derivative of what is read: of one triangle, or of the Hermitian part", "gradient", "", "cholesky linalg.cholesky cholesky_solve linalg.eigh linalg.eigvalsh linalg.pinv[hermitian]"),
    ("The share of a quantile is a setting, which has no gradient", "gradient", "", "quantile nanquantile"),
    ("An entry that another one overwrote has gradient 0", "gradient", "", "nn.functional.max_unpool1d nn.functional.max_unpool2d nn.functional.max_unpool3d"),
    ("PyTorch's gradient is right for normalised scores only", "gradient", "", "nn.functional.ctc_loss"),
    ("PyTorch multiplies by 1/6 of float32", "gradient", "float64", "nn.functional.hardsigmoid"),
    ("PyTorch's sine of a phase of a million is exact to 1e-10", "gradient", "complex128", "logsumexp"),
    ("The gradient of the nuclear norm at 0 is 0, where PyTorch has one of many subgradients", "gradient", "", "linalg.norm[subgradients_at_zero]"),
    ("The derivative of a norm at 0 is 0, and so is its derivative; PyTorch's second one is nan", "second", "", "linalg.norm[subgradients_at_zero]"),
    ("PyTorch adds 1e-12 to the variance of a probability", "second", "", "nn.functional.binary_cross_entropy"),
]  # fmt: skip
# Of integers, and where NumPy has float64 and PyTorch its default dtype, the result has the wider one.
WIDER = {("float32", "float64"), ("complex64", "complex128"), ("int64", "float64")}


def rows(name, dtype):
    return [row for row in DIFFERENT if name in row[3].split() and (not row[2] or dtype in row[2].split())]


def compared(name, n):
    """The differences of a function that no row explains, and the rows that explained one."""
    op, f, unexplained, used = OPS[name], named(name), [], set()
    for dtype in DTYPES:
        if getattr(torch, dtype) not in op.dtypes or (name, dtype) == ("complex", "float16"):
            continue
        smooth = dtype in SMOOTH and op.supports_autograd
        count = n if n is None or dtype == "float64" else n // 2
        for sample in spread(op.sample_inputs("cpu", getattr(torch, dtype), requires_grad=smooth), count):
            found = judged(op, f, sample, smooth and dtype in EXACT and op.supports_gradgrad, dtype == "int64")
            why = [row for row in rows(name, dtype) if found is not None and row[1] == found[0]]
            used |= {row[0] for row in why}
            if found is not None and not why:
                unexplained.append(f"{dtype} {found[0]}: {found[1][:300]} for {shown(sample)}")
    return unexplained, used


def shown(sample):
    def short(x):
        if isinstance(x, torch.Tensor):
            return f"tensor{tuple(x.shape)}"
        return f"[{', '.join(map(short, x))}]" if isinstance(x, tuple | list) else repr(x)

    return f"({', '.join(map(short, (sample.input, *sample.args)))}, {', '.join(f'{k}={short(v)}' for k, v in sample.kwargs.items())})"


HAVE = [name for name in OPS if named(name) is not None]


def test_every_function_of_pytorchs_list_is_here_or_a_sentence_says_why_not():
    absent = [name for names in ABSENT.values() for name in names.split()]
    assert Counter(absent).most_common(1)[0][1] == 1
    assert set(OPS) - set(HAVE) == set(absent) & set(OPS)
    assert {name for row in DIFFERENT for name in row[3].split()} <= set(HAVE)


@pytest.mark.slow
@pytest.mark.parametrize("name", HAVE)
def test_examples_of_pytorch(name):
    unexplained, _ = compared(name, 4)
    assert not unexplained, "\n".join(unexplained[:10])


@pytest.mark.long
@pytest.mark.parametrize("name", HAVE)
def test_all_examples_of_pytorch_and_that_each_difference_is_still_there(name):
    unexplained, used = compared(name, None)
    assert not unexplained, "\n".join(unexplained[:10])
    assert {row[0] for row in DIFFERENT if name in row[3].split()} == used
