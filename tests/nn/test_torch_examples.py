"""PyTorch's own examples of its layers (`module_db`) and optimizers (`optim_db`): with the same state, the same outputs,
gradients, buffers and steps; or a row of `DIFFERENT` says in a sentence why not."""

import zlib

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn, optim

from ..torch_lists import listed

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore")

module_db, optim_db = listed("common_modules", "module_db"), listed("common_optimizers", "optim_db")

MODULES = {info.name.removeprefix("nn."): info for info in module_db}
DIFFERENT = {
    "LinearCrossEntropyLoss": "its name answers with a sentence: nn.Linear, and nn.CrossEntropyLoss of its output",
    "FractionalMaxPool3d": "without a batch, the samples are those of one example, not of several",
    "TransformerEncoder": "the example hands over a layer of PyTorch's own",
}
ROUGH = {
    "NAdam": 1e-6,
    "ASGD": 1e-6,
    "Muon": 1e-3,
}  # PyTorch keeps factors in float32, and of Muon matrices in bfloat16
ACTIVATIONS = {torch.nn.functional.gelu: nn.functional.gelu, torch.nn.functional.relu: nn.functional.relu}


def mirrored(x, leaves):
    if isinstance(x, torch.Tensor):
        t = tg.Tensor(x.detach().numpy(), requires_grad=x.requires_grad)
        if x.requires_grad:
            leaves.append((t, x))
        return t
    if isinstance(x, dict):
        return {k: mirrored(v, leaves) for k, v in x.items()}
    if isinstance(x, tuple | list):
        return type(x)([mirrored(y, leaves) for y in x])
    if callable(x):
        return ACTIVATIONS.get(x, x)
    return str(x).removeprefix("torch.") if isinstance(x, torch.dtype) else x


def flat(y):
    return [z for part in y for z in flat(part)] if isinstance(y, tuple | list) else [] if y is None else [y]


def close(a, b, what):
    a, b = np.asarray(a.data), b.detach().numpy()
    assert (a.shape, a.dtype) == (b.shape, b.dtype), what
    np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9 * (1 + np.max(np.abs(b), initial=0, where=np.isfinite(b))), err_msg=what)  # fmt: skip


def examples(name, training):
    info = MODULES[name]
    torch.manual_seed(0)
    return info.module_inputs_func(info, "cpu", torch.float64, True, training)


def compared(name, example, training):
    made = example.constructor_input
    theirs = MODULES[name].module_cls(*made.args, **made.kwargs).double().train(training)
    constructor = mirrored((made.args, made.kwargs), [])
    ours = getattr(nn, name)(*constructor[0], **constructor[1]).astype("float64").train(training)
    leaves = []
    given = example.forward_input
    args, kwargs = mirrored(given.args, leaves), mirrored(given.kwargs, leaves)
    with torch.no_grad(), tg.no_grad():  # lazy layers are made by the first input
        if name.startswith("Lazy"):
            theirs(*given.args, **given.kwargs), ours(*args, **kwargs)
    ours.load_state_dict({k: v.detach().numpy() for k, v in theirs.state_dict().items()})
    got, want = flat(ours(*args, **kwargs)), flat(theirs(*given.args, **given.kwargs))
    assert len(got) == len(want)
    for k, (a, b) in enumerate(zip(got, want, strict=True)):
        close(a, b, f"output {k}")
    pairs = [(a, b) for a, b in zip(got, want, strict=True) if b.requires_grad]
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    weights = [rng.normal(size=a.shape) for a, _ in pairs]
    if pairs:
        sum((a * w).sum() for (a, _), w in zip(pairs, weights)).backward()
        sum((b * torch.tensor(w)).sum() for (_, b), w in zip(pairs, weights)).backward()
    named = dict(theirs.named_parameters())
    for what, a, b in [("an input", a, b) for a, b in leaves] + [(k, p, named[k]) for k, p in ours.named_parameters()]:
        assert (a.grad is None) <= (b.grad is None or not b.grad.abs().sum()), what
        if a.grad is not None and b.grad is not None:
            close(a.grad, b.grad, f"the gradient of {what}")
    for k, b in theirs.state_dict().items():
        if k == "num_batches_tracked" and not given.args[0].numel():  # an empty batch is not counted here
            b = b - int(training)
        close(ours.state_dict()[k], b, k)
    for leaf in (b for _, b in leaves):
        leaf.grad = None


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@pytest.mark.parametrize("name", MODULES)
def test_examples_of_layers(name, training):
    wrong = []
    for example in examples(name, training):
        try:
            compared(name, example, training)
        except Exception as error:
            wrong.append(f"{example.desc} {example.constructor_input.args} {example.constructor_input.kwargs}: {type(error).__name__} {error}")  # fmt: skip
    assert bool(wrong) == (name in DIFFERENT), "\n".join(wrong[:5])


OPTIMIZERS = {info.optim_cls.__name__: info for info in optim_db if hasattr(optim, info.optim_cls.__name__)}
OURS = {"foreach", "fused", "capturable", "differentiable"}  # how PyTorch computes, which has no meaning here


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_examples_of_optimizers(name):
    """Five steps with each set of options, of a matrix and, but for Muon, a vector, in float64."""
    rng = np.random.default_rng(0)
    start = [rng.normal(size=(3, 2))] + ([] if name == "Muon" else [rng.normal(size=4)])
    for example in OPTIMIZERS[name].optim_inputs_func(device="cpu", dtype=torch.float64):
        kw = {k: v for k, v in example.kwargs.items() if k not in OURS}
        ours, theirs = [nn.Parameter(p) for p in start], [torch.nn.Parameter(torch.tensor(p)) for p in start]
        plain = {k: v.item() if isinstance(v, torch.Tensor) else v for k, v in kw.items()}
        a, b = getattr(optim, name)(ours, **plain), getattr(torch.optim, name)(theirs, **kw)
        for _ in range(5):
            for params, optimizer in ((ours, a), (theirs, b)):

                def closure(params=params, optimizer=optimizer):
                    optimizer.zero_grad()
                    loss = sum((p**4).sum() / 4 + (p * p).sum() for p in params)
                    loss.backward()
                    return loss

                if name == "LBFGS":
                    optimizer.step(closure)
                else:
                    closure()
                    optimizer.step()
        for p, q in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(
                p.data, q.detach().numpy(), rtol=ROUGH.get(name, 1e-9), atol=1e-12, err_msg=example.desc
            )
