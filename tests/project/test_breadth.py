"""Every name that users of NumPy, PyTorch, JAX and SciPy were promised to find, asked for and compared: with an oracle,
its gradient by differences; or by the test of another file, in which it must stand. `torch.nn` has a list of its own, in
tests/nn/test_torch_classes.py, the array API standard in tests/interop/test_array_api.py.
"""

import copy
import dataclasses
import importlib
import inspect
import re
import typing

import numpy as np
import pytest
import scipy.linalg
import scipy.spatial
import scipy.special

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tinygrad_edu import data, nn, optim, training

R = np.random.default_rng(0)
V, U, A = R.normal(size=6), R.normal(size=4), R.normal(size=(4, 4))
B, P, HOLES = R.normal(size=(4, 3)), R.random(6) * 0.8 + 0.1, np.array([1.0, np.nan, 3.0, 0.5, -2.0, np.nan])
SYMMETRIC = A + A.T


def words(text):
    return text.split()


# item 1
def test_trees_and_transforms():
    Pair = typing.NamedTuple("Pair", [("a", typing.Any), ("b", typing.Any)])  # noqa: UP014
    Point = dataclasses.make_dataclass("Point", ["a", "b"])

    class Module(nn.Module):
        def __init__(self, a, b):
            super().__init__()
            self.a, self.b = nn.Parameter(a), nn.Parameter(b)

    trees = {
        "dict": {"a": V, "b": U}, "list": [V, U], "tuple": (V, U), "named tuple": Pair(V, U), "dataclass": Point(V, U),
        "module": Module(V, U), "nested": {"x": [Pair(V, (U,))]},
    }  # fmt: skip
    loss = lambda t: sum((tg.asarray(x) ** 3).sum() for x in tg.tree.leaves(t))
    slope = 3 * np.concatenate([V**2, U**2])
    flat = lambda t: np.concatenate([np.asarray(getattr(x, "data", x)).reshape(-1) for x in tg.tree.leaves(t)])
    for name, tree in trees.items():
        leaves, structure = tg.tree.flatten(tree)
        assert type(tg.tree.unflatten(structure, leaves)) is type(tree), name
        np.testing.assert_allclose(flat(tg.tree.map(lambda x: 2 * x, tree)), 2 * np.concatenate([V, U]))
        ones = tg.tree.map(lambda x: tg.ones_like(x), tree)
        found = {
            "grad": tg.grad(loss)(tree), "value_and_grad": tg.value_and_grad(lambda t: (loss(t), t), has_aux=True)(tree)[1],
            "vjp": tg.vjp(loss, tree)[1](tg.Tensor(1.0, dtype="float64"))[0],
            "checkpoint": tg.grad(tg.checkpoint(loss))(tree), "compile": tg.grad(tg.compile(loss))(tree),
            "jacobian": tg.jacobian(loss)(tree), "jacrev": tg.jacrev(loss)(tree), "jacfwd": tg.jacfwd(loss)(tree),
        }  # fmt: skip
        for kind, g in found.items():
            np.testing.assert_allclose(flat(g), slope, rtol=1e-12, err_msg=f"{kind} of {name}")
        for kind, y in (
            ("jvp", tg.jvp(loss, (tree,), (ones,))[1]), ("linearize", tg.linearize(loss, tree)[1](ones)),
            ("vmap", tg.vmap(lambda t: loss(t))(tg.tree.map(lambda x: tg.stack([tg.asarray(x), tg.asarray(x)]), tree))[1] * 0 + slope.sum()),
        ):  # fmt: skip
            np.testing.assert_allclose(y.data, slope.sum(), rtol=1e-12, err_msg=f"{kind} of {name}")
        bent = tg.hvp(loss, (tree,), (ones,))
        np.testing.assert_allclose(
            flat(bent[0] if isinstance(bent, tuple) and len(bent) == 1 else bent),
            6 * np.concatenate([V, U]),
            rtol=1e-12,
        )
        assert tg.testing.check_gradients(loss, tree).verdict == "RIGHT", name
        assert len(tg.tree.leaves(tg.hessian(loss)(tree))) == 4, name
    carry, ys = tg.scan(lambda c, x: ({"s": c["s"] + x["v"]}, c), {"s": tg.Tensor(0.0, dtype="float64")}, {"v": V})
    np.testing.assert_allclose(carry["s"].data, V.sum())
    assert ys["s"].shape == (6,)
    assert tg.while_loop(lambda s: s["x"] < 100, lambda s: {"x": 2 * s["x"]}, {"x": tg.Tensor(3.0)})["x"].item() == 192
    model = nn.Linear(3, 2, dtype="float64")
    given = {"weight": tg.Tensor(np.ones((2, 3))), "bias": tg.Tensor(np.zeros(2))}
    np.testing.assert_allclose(nn.functional_call(model, given, B).data, np.repeat(B.sum(1, keepdims=True), 2, 1))


def test_custom_rules_of_several_outputs_in_every_transform():
    @tg.custom_vjp
    def both(x, y):
        return {"p": x * y, "q": (x + y, tg.sin(x))}

    def forward(x, y):
        return {"p": x * y, "q": (x + y, tg.sin(x))}, (x, y)

    def backward(kept, g):
        x, y = kept
        return g["p"] * y + g["q"][0] + g["q"][1] * tg.cos(x), g["p"] * x + g["q"][0]

    both.defvjp(forward, backward)
    plain = lambda x, y: {"p": x * y, "q": (x + y, tg.sin(x))}
    one = lambda f: lambda x, y: (lambda d: (d["p"] ** 2 * d["q"][0] + d["q"][1] ** 3).sum())(f(x, y))
    xs = (tg.Tensor(V), tg.Tensor(P))
    for name, transform in {
        "grad": lambda f: tg.grad(f, (0, 1))(*xs), "twice": lambda f: tg.grad(lambda u: tg.grad(f)(u, xs[1]).sum())(xs[0]), "jvp": lambda f: tg.jvp(f, xs, xs),
        "vmap": lambda f: tg.vmap(tg.grad(f, (0, 1)))(*xs), "hessian": lambda f: tg.hessian(f)(*xs), "jacfwd": lambda f: tg.jacfwd(f)(*xs), "jacrev": lambda f: tg.jacrev(f)(*xs),
        "compile": lambda f: tg.compile(tg.grad(f, (0, 1)))(*xs), "checkpoint": lambda f: tg.grad(tg.checkpoint(f), (0, 1))(*xs), "hvp": lambda f: tg.hvp(f, xs, xs),
        "linearize": lambda f: tg.linearize(f, *xs)[1](*xs), "scan": lambda f: tg.grad(lambda u: tg.scan(lambda c, k: (c + f(u, k * tg.ones(6, dtype="float64")), c), tg.Tensor(0.0, dtype="float64"), xs[1])[0])(xs[0]),
    }.items():  # fmt: skip
        a, b = tg.tree.leaves(transform(one(both))), tg.tree.leaves(transform(one(plain)))
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            np.testing.assert_allclose(x.data, y.data, rtol=1e-10, atol=1e-12, err_msg=name)


# items 2, 3, 5, 7 and 11: values are the oracle's, gradients are right
AT, LOWER = np.array([[0, 2], [1, 1], [0, 0], [2, 1]]), np.tril(A) + 3 * np.eye(4)
ORACLES = {
    **{f"special.{n}": (getattr(tg.special, n), getattr(scipy.special, n), V) for n in words("erfc erfcx log_ndtr ndtr i0e i1")},
    **{f"special.{n}": (getattr(tg.special, n), getattr(scipy.special, n), P) for n in words("gammaln digamma erfinv logit")},
    **{f"special.{n}": (getattr(tg.special, n), getattr(scipy.special, n), P, P[::-1] + 1) for n in words("xlogy xlog1py")},
    "special.polygamma": (lambda x: tg.special.polygamma(2, x), lambda x: scipy.special.polygamma(2, x), P),
    "fft.hfft": (lambda x: tg.fft.hfft(x + 1j * x * x), lambda x: np.fft.hfft(x + 1j * x * x), V),
    **{f"fft.{n}": (lambda x, n=n: tg.abs(getattr(tg.fft, n)(x)), lambda x, n=n: np.abs(getattr(np.fft, n)(x)), V + 2) for n in words("fft ifft rfft irfft fftn")},
    "gather": (lambda x: tg.gather(x, 1, AT), lambda x: np.take_along_axis(x, AT, 1), B), "repeat_interleave": (lambda x: tg.repeat_interleave(x, 2, 0), lambda x: np.repeat(x, 2, 0), B),
    "scatter_add": (lambda x, v: tg.scatter_add(x, 1, AT, v), lambda x, v: x + np.einsum("ijk,ij->ik", np.eye(3)[AT], v), B, A[:, :2]),
    "index_add": (lambda x, v: tg.index_add(x, 0, [0, 2, 0], v), lambda x, v: x + np.eye(4)[[0, 2, 0]].T @ v, B, B[:3]),
    "linalg.solve_triangular": (lambda a, b: tg.linalg.solve_triangular(a, b, upper=False), lambda a, b: scipy.linalg.solve_triangular(a, b, lower=True), LOWER, B),
    "linalg.cholesky_solve": (lambda b: tg.linalg.cholesky_solve(b, LOWER), lambda b: scipy.linalg.cho_solve((LOWER, True), b), B),
    "nn.functional.pdist": (F.pdist, scipy.spatial.distance.pdist, B), "nn.functional.cdist": (F.cdist, scipy.spatial.distance.cdist, B, A[:, :3]),
    "linalg.eigvalsh": (lambda a: tg.linalg.eigvalsh(a + a.T), lambda a: np.linalg.eigvalsh(a + a.T), A), "linalg.svdvals": (tg.linalg.svdvals, lambda a: np.linalg.svd(a)[1], A),
    "conj": (lambda x: tg.abs(tg.conj(x + 1j * x) * 1j), lambda x: np.abs(np.conj(x + 1j * x) * 1j), P), "real": (lambda x: tg.real((x + 2j) ** 2), lambda x: np.real((x + 2j) ** 2), V),
    "imag": (lambda x: tg.imag((x + 2j) ** 2), lambda x: np.imag((x + 2j) ** 2), V), "pow": (lambda x: tg.pow(x, 2.5), lambda x: np.power(x, 2.5), P), "copysign": (lambda x: tg.copysign(x, -1), lambda x: np.copysign(x, -1), V),
    "diff": (tg.diff, np.diff, V), "trunc": (lambda x: tg.trunc(3 * x) * x, lambda x: np.trunc(3 * x) * x, V), "broadcast_arrays": (lambda x, y: tg.broadcast_arrays(x, y)[0] * y, lambda x, y: np.broadcast_arrays(x, y)[0] * y, V[:1], U),
    "astype": (lambda x: tg.astype(x, "float64") * 2, lambda x: x.astype("float64") * 2, V),
    "nn.utils.parameters_to_vector": (lambda a, b: nn.utils.parameters_to_vector([a, b]), lambda a, b: np.concatenate([a.ravel(), b.ravel()]), A, B),
    "nn.utils.rnn.pad_sequence": (lambda a, b: nn.utils.rnn.pad_sequence([a, b[:2]], batch_first=True), lambda a, b: np.stack([a, np.concatenate([b[:2], np.zeros((2, 3))])]), B, B * 2),
}  # fmt: skip


@pytest.mark.parametrize("name", ORACLES)
def test_values_of_an_oracle_and_gradients(name):
    f, oracle, *xs = ORACLES[name]
    asked(name)
    y = f(*[tg.Tensor(x, requires_grad=True) for x in xs])
    assert y.requires_grad
    np.testing.assert_allclose(y.detach().data, oracle(*xs), rtol=1e-9, atol=1e-12)
    w = np.random.default_rng(1).normal(size=y.shape)
    assert tg.testing.check_gradients(lambda *xs: (f(*xs) * w).sum(), *xs, raises=False).verdict == "RIGHT"


def asked(name):
    """What the name stands for."""
    thing = tg
    for part in name.split("."):
        thing = getattr(thing, part)
    return thing


# what has no gradient: what it gives, and what it must give
PAIRS = data.TensorDataset(np.arange(8.0), np.arange(8))
RNG = lambda: tg.random.default_rng(3)
M, N = np.array([5, 3, 12, 5]), np.array([3, 1, 2, 2])
RESULTS = {
    **{n: lambda n=n: (getattr(tg, n)(M, N), getattr(np, n)(M, N)) for n in words("bitwise_and bitwise_or bitwise_xor bitwise_left_shift bitwise_right_shift isin")},
    **{n: lambda n=n, parts=parts: (list(getattr(tg, n)(M)), [np.unique(M, True, True, True)[k] for k in parts]) for n, parts in {"unique_all": [0, 1, 2, 3], "unique_counts": [0, 3], "unique_inverse": [0, 2]}.items()},
    "autograd.grad": lambda: ((lambda x: tg.autograd.grad((x**2).sum(), [x]))(tg.Tensor(V, requires_grad=True))[0], 2 * V),
    "fft.fftfreq": lambda: (tg.fft.fftfreq(6), np.fft.fftfreq(6).astype("float32")), "bitwise_invert": lambda: (tg.bitwise_invert(M), ~M), "nextafter": lambda: (tg.nextafter(V, U[0]), np.nextafter(V, U[0])), "signbit": lambda: (tg.signbit(V), np.signbit(V)), "can_cast": lambda: ([tg.can_cast("int8", "float32"), tg.can_cast("float64", "float32")], [True, False]),
    "empty_like": lambda: ([tg.empty_like(B).shape, tg.empty_like(B).dtype], [B.shape, B.dtype]), "from_dlpack": lambda: (tg.from_dlpack(B), B), "result_type": lambda: (tg.result_type(tg.ones(2), "float64"), np.dtype("float64")),
    "isdtype": lambda: ([tg.isdtype("float32", "real floating"), tg.isdtype("int8", "real floating")], [True, False]),
    "finfo": lambda: ([tg.finfo("float32").eps, tg.finfo("complex64").bits], [np.finfo("float32").eps, 32]), "iinfo": lambda: ([tg.iinfo("int8").min, tg.iinfo("int8").max], [-128, 127]),
    "linalg.matrix_rank": lambda: (tg.linalg.matrix_rank(np.outer(V, V)), 1), "complex64": lambda: ((tg.Tensor([1 + 2j]) * 1j).dtype, tg.complex64), "complex128": lambda: (tg.asarray(B + 1j).dtype, tg.complex128),
    "data.Subset": lambda: ([data.Subset(PAIRS, [3, 1])[k][0].item() for k in (0, 1)], [3, 1]), "data.random_split": lambda: (sorted(x.item() for part in data.random_split(PAIRS, [5, 3], rng=RNG()) for x, _ in part), list(range(8))),
    "data.RandomSampler": lambda: (sorted(data.RandomSampler(PAIRS, rng=RNG())), list(range(8))), "data.SequentialSampler": lambda: (list(data.SequentialSampler(PAIRS)), list(range(8))),
    "data.SubsetRandomSampler": lambda: (sorted(data.SubsetRandomSampler([5, 2, 7], rng=RNG())), [2, 5, 7]), "data.WeightedRandomSampler": lambda: (set(data.WeightedRandomSampler([0, 1, 0], 9, rng=RNG())), {1}),
    "data.BatchSampler": lambda: (list(data.BatchSampler(range(5), 2)), [[0, 1], [2, 3], [4]]), "data.ConcatDataset": lambda: ([x.item() for x, _ in data.ConcatDataset([PAIRS, PAIRS])][7:10], [7, 0, 1]),
    "data.collate": lambda: (data.collate([{"a": 1.0, "b": V}, {"a": 2.0, "b": 2 * V}]), {"a": np.array([1.0, 2.0]), "b": np.stack([V, 2 * V])}), "data.progress": lambda: (list(data.progress([3, 1])), [3, 1]),
    "random.Generator.multinomial": lambda: (np.bincount(RNG().multinomial(np.array([0.0, 0.25, 0.75]), 4000, replacement=True).data) / 4000, Near([0, 0.25, 0.75])),
    "random.Generator.categorical": lambda: (np.bincount(RNG().categorical(np.log([1e-300, 0.25, 0.75]), size=4000).data) / 4000, Near([0, 0.25, 0.75])),
    "random.Generator.state": lambda: again(lambda rng, state: rng.set_state(state)), "random.Generator.set_state": lambda: again(lambda rng, state: rng.set_state(copy.deepcopy(state))),
    "nn.utils.vector_to_parameters": lambda: filled(), "nn.utils.rnn.pack_padded_sequence": lambda: (nn.utils.rnn.pack_padded_sequence(B[:, :, None], [4, 2, 1]).batch_sizes, [3, 2, 1, 1]),
    "optim.lr_scheduler.StepLR": lambda: (optim.lr_scheduler.StepLR is optim.StepLR, True),
}  # fmt: skip


class Near(list):
    """Shares of 4000 draws."""


def again(restore):
    """The numbers after a state was taken, and after it was put back."""
    rng = RNG()
    state = rng.state()
    first = rng.normal(size=4).data
    restore(rng, state)
    return rng.normal(size=4), first


def filled():
    layer = nn.Linear(2, 2)
    nn.utils.vector_to_parameters(np.arange(6.0), layer.parameters())
    return [layer.weight, layer.bias], [np.array([[0.0, 1], [2, 3]]), np.array([4.0, 5])]


@pytest.mark.parametrize("name", RESULTS)
def test_results_without_a_gradient(name):
    asked(name)
    found, right = RESULTS[name]()
    found = tg.tree.map(lambda x: x.data if isinstance(x, tg.Tensor) else x, found)
    if isinstance(right, Near):
        np.testing.assert_allclose(found, right, atol=5 * (0.25 / 4000) ** 0.5)
    else:
        np.testing.assert_equal(found, right)


# what a test of another file compares: where. The name must stand in that test, or in that table of its cases.
COMPARED = {
    "tests.optim.test_torch_optimizers:OPTIMIZERS": "optim.LBFGS optim.NAdam optim.RAdam optim.Adamax optim.Adadelta optim.Rprop optim.ASGD optim.Adafactor",
    "tests.nn.test_torch_examples:OPTIMIZERS": "optim.SGD optim.Adagrad optim.RMSprop optim.Adam optim.AdamW", "tests.optim.test_torch_optimizers:test_muon_steps_are_orthogonal_and_near_pytorchs": "optim.Muon",
    "tests.optim.test_torch_optimizers:test_lion_follows_its_formula": "optim.Lion", "tests.optim.test_minimize:test_rosenbrock": "optim.minimize",
    "tests.optim.test_torch_optimizers:SCHEDULES": "optim.SequentialLR optim.ChainedScheduler optim.LambdaLR optim.MultiplicativeLR optim.ConstantLR optim.PolynomialLR optim.CyclicLR optim.CosineAnnealingWarmRestarts",
    "tests.optim.test_schedules:SCHEDULES": "optim.StepLR optim.MultiStepLR optim.ExponentialLR optim.CosineAnnealingLR optim.LinearLR optim.OneCycleLR", "tests.optim.test_schedules:test_reduce_on_plateau_is_pytorchs": "optim.ReduceLROnPlateau",
    "tests.optim.test_averages:test_averaged_models_and_their_statistics": "optim.swa_utils.AveragedModel", "tests.optim.test_averages:test_the_rate_of_averaging": "optim.swa_utils.SWALR",
    "tests.optim.test_averages:test_the_rate_that_is_found_trains_and_nothing_is_changed": "optim.find_lr", "tests.test_amp:both": "amp.autocast autocast",
    "tests.test_amp:test_a_scaler_is_pytorchs_step_by_step": "amp.GradScaler", "tests.data.test_files:test_images_in_folders_are_a_data_set": "data.ImageFolder", "tests.data.test_files:test_tables_in_text_files": "data.load_csv",
    "tests.data.test_data:test_a_pass_resumes_on_the_next_batch": "data.DataLoader.state_dict data.IterableDataset", "tests.onnx.test_export:test_a_file_is_written": "export import_onnx", "tests.training.test_fit:test_it_is_the_loop_written_by_hand": "fit",
    "tests.training.test_fit:test_early_stopping_gives_the_best_model_back": "training.EarlyStopping", "tests.training.test_fit:test_a_run_that_resumes_is_the_same_bit_for_bit": "training.Checkpoint training.Callback",
    "tests.training.test_fit:test_logs_and_means": "training.CSVLog training.TensorBoardLog training.LivePlot", "tests.nn.test_parametrize:test_a_parametrization_of_ones_own": "nn.utils.parametrize.register_parametrization",
    "tests.nn.test_parametrize:test_weight_norm": "nn.utils.parametrizations.weight_norm nn.utils.weight_norm", "tests.nn.test_parametrize:test_spectral_norm": "nn.utils.parametrizations.spectral_norm nn.utils.spectral_norm",
    "tests.nn.test_hooks:test_a_hook_of_a_result_sees_its_whole_gradient_once": "Tensor.register_hook", "tests.nn.test_hooks:test_retained_gradients": "Tensor.retain_grad", "tests.nn.test_hooks:record": "nn.Module.register_forward_hook nn.Module.register_full_backward_hook",
    "tests.nn.test_torch_functions:test_grid_sample": "nn.functional.grid_sample", "tests.nn.test_torch_functions:test_affine_grid": "nn.functional.affine_grid", "tests.nn.test_torch_functions:test_gumbel_softmax_draws_as_softmax_says": "nn.functional.gumbel_softmax",
    "tests.project.test_breadth:test_custom_rules_of_several_outputs_in_every_transform": "custom_vjp", "tests.transforms.test_custom_rules:with_jvp": "custom_jvp",
    "tests.project.test_breadth:test_trees_and_transforms": "linearize jacfwd jacrev scan while_loop tree.map tree.flatten tree.unflatten nn.functional_call",
}  # fmt: skip


@pytest.mark.parametrize("place", COMPARED)
def test_what_another_test_compares(place):
    module, _, table = place.partition(":")
    pytest.importorskip("torch")
    held = getattr(importlib.import_module(module), table)
    if callable(held):
        entries = re.findall(r"\w+", inspect.getsource(held))
    else:
        entries = [case if isinstance(case, str) else case[0] for case in held]
    names = COMPARED[place].split()
    assert {name.rpartition(".")[2] for name in names} <= set(entries)
    assert all(asked(name) for name in names)


# item 4: values are NumPy's, and so is the gradient by differences; more of each in tests/interop/test_numpy_functions.py
NUMPY = {
    "kron": lambda: (np.kron, V, B), "convolve": lambda: (np.convolve, V, U), "correlate": lambda: (np.correlate, V, U), "cov": lambda: (np.cov, B), "corrcoef": lambda: (np.corrcoef, B),
    "quantile": lambda: (lambda x: np.quantile(x, 0.3), V), "percentile": lambda: (lambda x: np.percentile(x, [30, 60]), V), "median": lambda: (np.median, V),
    "nanmean": lambda: (holes(np.nanmean), V), "nansum": lambda: (holes(np.nansum), V), "nanvar": lambda: (holes(np.nanvar), V), "nanmax": lambda: (holes(np.nanmax), V),
    "gradient": lambda: (np.gradient, V), "sinc": lambda: (np.sinc, V), "cbrt": lambda: (np.cbrt, V), "nan_to_num": lambda: (holes(np.nan_to_num), V),
    "logspace": lambda: (lambda a: np.logspace(a[0], a[1], 5), V), "geomspace": lambda: (lambda a: np.geomspace(a[0], a[1], 5), P), "rot90": lambda: (np.rot90, B),
    "cummax": lambda: (np.maximum.accumulate, V), "heaviside": lambda: (np.heaviside, V, P), "fmod": lambda: (lambda x: np.fmod(x, 0.4), V), "modf": lambda: (lambda x: np.modf(3 * x)[0], V),
    "insert": lambda: (lambda x: np.insert(x, 2, 2 * x[0]), V), "delete": lambda: (lambda x: np.delete(x, 2), V), "append": lambda: (np.append, V, U),
    "block": lambda: (lambda a, b: np.block([[a, b], [a, 2 * b]]), A, B), "ediff1d": lambda: (np.ediff1d, V), "apply_along_axis": lambda: (lambda x: np.apply_along_axis(lambda r: (r * r).sum(), 0, x), B),
    "piecewise": lambda: (lambda x: np.piecewise(x, [x < 0, x >= 0], [lambda z: z * z, lambda z: 3 * z]), V), "partition": lambda: (lambda x: np.sort(np.partition(x, 2)[:3]), V),
    "put_along_axis": lambda: (put, B, U[:, None]), "select": lambda: (lambda x: np.select([x < 0, x > 0.5], [x * x, x], 0.0), V), "choose": lambda: (lambda a, b: np.choose([0, 1, 0, 1, 1, 0], [a, b]), V, P),
    "trapezoid": lambda: (np.trapezoid, V), "interp": lambda: (lambda x, f: np.interp(x, np.array([0.0, 0.5, 0.6, 1.0]), f), P, U), "unwrap": lambda: (lambda x: np.unwrap(9 * x), V), "i0": lambda: (np.i0, V),
    "logaddexp2": lambda: (np.logaddexp2, V, P), "ldexp": lambda: (lambda x: np.ldexp(x, 3), V), "frexp": lambda: (lambda x: np.frexp(x)[0], V), "float_power": lambda: (lambda x: np.float_power(x, 2.5), P),
    "vander": lambda: (np.vander, U), "polyval": lambda: (np.polyval, V, U), "linalg.eig": lambda: (lambda a: np.sort(np.linalg.eig(a @ a.T)[0].real), A), "linalg.eigh": lambda: (lambda a: np.linalg.eigh(a + a.T)[0], A),
    "linalg.lstsq": lambda: (lambda a, b: np.linalg.lstsq(a, b)[0], B, U), "linalg.cond": lambda: (np.linalg.cond, A), "linalg.tensorsolve": lambda: (np.linalg.tensorsolve, A, U),
    "linalg.tensorinv": lambda: (lambda a: np.linalg.tensorinv(a.reshape(2, 2, 4)), A), "linalg.multi_dot": lambda: (lambda a, b: np.linalg.multi_dot([a, a, b]), A, B),
    "dot": lambda: (lambda a, b: a.dot(b) if isinstance(a, np.ndarray) else a @ b, A, B), "fft": lambda: (lambda x: np.abs(np.fft.fft(x)), V),
}  # fmt: skip


def holes(f):
    return lambda x: f(np.where(np.isnan(HOLES), np.nan, x))


def put(x, v):
    x = x.clone() if isinstance(x, tg.Tensor) else x.copy()
    np.put_along_axis(x, np.array([[1], [0], [2], [1]]), v, 1)
    return x


@pytest.mark.parametrize("name", NUMPY)
def test_numpys_function_of_tensors_and_its_gradient(name):
    f, *xs = NUMPY[name]()
    y = f(*[tg.Tensor(x, requires_grad=True) for x in xs])
    assert isinstance(y, tg.Tensor)
    assert y.requires_grad
    np.testing.assert_allclose(y.detach().data, f(*xs), rtol=1e-9, atol=1e-12)
    assert tg.testing.check_gradients(lambda *xs: f(*xs).sum(), *xs, raises=False).verdict in ("RIGHT", "VACUOUS")


# item 5: what differed from PyTorch
CORNERS = {
    "softmax of a number": lambda m, f, t: f.softmax(t(1.5), 0), "log_softmax of a number": lambda m, f, t: f.log_softmax(t(1.5), 0), "normalize of a number": lambda m, f, t: f.normalize(t(-2.0), dim=0),
    "cosine_similarity of numbers": lambda m, f, t: f.cosine_similarity(t(1.5), t(-2.0), dim=0), "prelu of a number": lambda m, f, t: f.prelu(t(-2.0), t([0.25])),
    "kl_div of numbers": lambda m, f, t: f.kl_div(t(-0.5), t(0.25), reduction="batchmean"), "avg_pool2d by a tuple of one": lambda m, f, t: f.avg_pool2d(t(np.ones((1, 1, 4, 4))), (2,)),
    "norm of order 0": lambda m, f, t: m.linalg.vector_norm(t([0.0, 2.0, 3.0]), 0), "power of order 0": lambda m, f, t: m.linalg.matrix_power(t([[1.0, 2.0], [3.0, 4.0]]), 0),
    "clip by integers": lambda m, f, t: m.clip(t(np.float32([-3.0, 0.5, 9.0])), 0, 1), "group_norm of nothing": lambda m, f, t: f.group_norm(t(np.zeros((0, 4, 2))), 2),
    "batch_norm of nothing": lambda m, f, t: f.batch_norm(t(np.zeros((0, 4))), t(np.zeros(4)), t(np.ones(4)), training=False),
    "scatter_add": lambda m, f, t: m.scatter_add(t(np.zeros((2, 3))), 1, m.asarray([[0, 0, 2]]), t([[1.0, 2.0, 3.0]])), "index_add": lambda m, f, t: m.index_add(t(np.zeros((3, 2))), 0, m.asarray([0, 2, 0]), t(np.ones((3, 2)))),
}  # fmt: skip


@pytest.mark.parametrize("name", CORNERS)
def test_corners_are_pytorchs(name):
    torch = pytest.importorskip("torch")
    f = CORNERS[name]
    ours = f(tg, F, lambda x: tg.Tensor(np.asarray(x), requires_grad=True))
    theirs = f(torch, torch.nn.functional, lambda x: torch.tensor(np.asarray(x), requires_grad=True))
    assert (ours.shape, str(ours.dtype)) == (tuple(theirs.shape), str(theirs.dtype).rpartition(".")[2])
    np.testing.assert_allclose(ours.detach().data, theirs.detach().numpy(), rtol=1e-6)
    assert ours.requires_grad == theirs.requires_grad


# item 8: the next batch after a stop
def test_a_loader_goes_on():
    rows = data.TensorDataset(np.arange(20.0), np.arange(20))
    make = lambda: data.DataLoader(rows, 3, shuffle=True, rng=tg.random.default_rng(4), num_workers=2)
    whole = [x.tolist() for x, _ in make()]
    loader = make()
    steps = iter(loader)
    begun = [next(steps)[0].tolist() for _ in range(3)]
    state, again = copy.deepcopy(loader.state_dict()), make()
    again.load_state_dict(state)
    assert begun + [x.tolist() for x, _ in again] == whole
    parts = data.random_split(rows, [15, 5], rng=tg.random.default_rng(0))
    assert [len(part) for part in parts] == [15, 5]


# item 9 and 10 are asked for by name above; item 11
HABITS = {
    "dim and keepdim": lambda m, x: m.sum(x, dim=1, keepdim=True), "mean of a dim": lambda m, x: x.mean(dim=0), "softmax of a dim": lambda m, x: (F if m is tg else m.nn.functional).softmax(x, dim=-1),
    "inplace": lambda m, x: (F if m is tg else m.nn.functional).relu(x * 1, inplace=True), "einsum with lists": lambda m, x: m.einsum(x, [0, 1], x, [2, 1]),
    "gather": lambda m, x: m.gather(x, 1, m.asarray([[0, 2], [1, 1], [0, 0], [2, 1]])), "repeat_interleave": lambda m, x: m.repeat_interleave(x, 2, dim=0),
    "gradient of a result": lambda m, x: m.autograd.grad((x**3).sum(), x)[0], "integers divided": lambda m, x: m.asarray([1, 2]) / m.asarray([2, 4]) * x[0, 0],
}  # fmt: skip


@pytest.mark.parametrize("name", HABITS)
def test_habits_of_pytorch_run(name):
    torch = pytest.importorskip("torch")
    ours, theirs = (
        HABITS[name](m, x)
        for m, x in ((tg, tg.Tensor(B, requires_grad=True)), (torch, torch.tensor(B, requires_grad=True)))
    )
    np.testing.assert_allclose(ours.detach().data, theirs.detach().numpy(), rtol=1e-6)


# where PyTorch's method or argument is not here, the name answers with one sentence
@pytest.mark.parametrize(
    "name",
    words(
        "to cuda cpu view size unsqueeze permute masked_fill expand clamp index_select numel zero_ fill_ normal_ t float double long"
    ),
)
def test_names_of_pytorch_answer_or_work(name):
    x = tg.Tensor(B)
    if hasattr(x, name):
        assert inspect.getdoc(getattr(x, name)) or not callable(getattr(x, name))
        return
    with pytest.raises(AttributeError) as error:
        getattr(x, name)
    assert str(error.value).count("\n") == 0
    assert " use " in f" {error.value} " or "leave it out" in str(error.value) or "write" in str(error.value)


def test_an_optimizer_as_pytorch_people_write_one():
    class Descent(optim.Optimizer):
        def __init__(self, params, lr=0.1):
            super().__init__(params, dict(lr=lr))  # noqa: C408

        def step(self):
            for group in self.param_groups:
                for p in group["params"]:
                    state = self.state[p]
                    state["n"] = state.get("n", 0) + 1
                    p.data -= group["lr"] * p.grad.data / state["n"]

    w = tg.Tensor([1.0, 2.0], requires_grad=True)
    optimizer = Descent([w])
    for _ in range(2):
        optimizer.zero_grad()
        (w * w).sum().backward()
        optimizer.step()
    np.testing.assert_allclose(w.data, np.array([1.0, 2.0]) * 0.8 * 0.9, rtol=1e-6)


def test_batch_norm_in_a_vmap_names_the_layer_and_the_remedy():
    model = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    with pytest.raises(
        tg.errors.DTypeError, match=r"(?s)BatchNorm.*(eval\(\)|track_running_stats|GroupNorm|LayerNorm)"
    ):
        tg.vmap(lambda x: model(x))(np.ones((5, 4, 3), np.float32))


def test_every_part_can_be_imported_by_its_name():
    for part in words(
        "linalg fft special autograd amp random tree data io nn nn.functional nn.init nn.utils nn.utils.rnn nn.utils.parametrize optim optim.lr_scheduler optim.swa_utils training testing viz"
    ):
        assert importlib.import_module(
            f"tinygrad_edu.{part}" if part != "tree" else "tinygrad_edu.transforms.tree"
        ).__doc__, part
    assert training.fit is tg.fit
