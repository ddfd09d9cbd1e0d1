"""The networks of the examples as ONNX files: onnxruntime gives their values and gradients, and they are read back."""

import contextlib
import pathlib
import re
import runpy
import sys

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn, optim

onnxruntime = pytest.importorskip("onnxruntime")
EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples"
PATHS = [p for p in sorted(EXAMPLES.glob("[1-5]*/*.py")) if re.search(r"nn\.(Module|Sequential|Linear)", p.read_text())]
STEPS = 2


class Enough(BaseException):
    """The example has made its network and used it."""


def networks(path, monkeypatch, tmp_path):
    """The modules that an example calls in its first steps of training, with what it calls them with."""
    found, inside, steps = {}, [0], [0]
    call, step = nn.Module.__call__, optim.Optimizer.step

    def called(module, *args, **kwargs):
        inside[0] += 1
        try:
            y = call(module, *args, **kwargs)
        finally:
            inside[0] -= 1
        if not inside[0] and not kwargs:
            found[id(module)] = module, tg.tree.map(lambda x: np.array(getattr(x, "data", x)), args)
        return y

    def stepped(optimizer, *args):
        steps[0] += 1
        if steps[0] > STEPS:
            raise Enough
        return step(optimizer, *args)

    monkeypatch.setenv("QUICK", "1")
    monkeypatch.setenv("OUT", str(tmp_path))
    monkeypatch.setenv("MPLBACKEND", "Agg")
    monkeypatch.setattr(nn.Module, "__call__", called)
    monkeypatch.setattr(optim.Optimizer, "step", stepped)
    monkeypatch.setattr(sys, "argv", [str(path)])
    monkeypatch.syspath_prepend(str(path.parent))
    with contextlib.suppress(Enough):
        runpy.run_path(str(path), run_name="__main__")
    monkeypatch.undo()
    return list(found.values())


def numbers(tree):
    return [np.asarray(x.data) for x in tg.tree.leaves(tree)]


@pytest.mark.long
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", PATHS, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_values_and_gradients_of_its_networks(path, monkeypatch, tmp_path):
    for module, args in networks(path, monkeypatch, tmp_path):
        module.eval()
        params = {name: tg.Tensor(p.data) for name, p in module.named_parameters()}
        xs = tg.tree.map(tg.Tensor, args)

        def loss(params, xs, module=module):
            y = nn.functional_call(module, params, *xs)
            return sum((part**2).mean() for part in tg.tree.leaves(y))

        value = lambda params, xs, module=module: nn.functional_call(module, params, *xs)
        for f in (value, tg.value_and_grad(loss)) if params else (value,):
            model = tg.export(f, (params, xs))
            expected = numbers(f(params, xs))
            run = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
            feed = dict(zip([i.name for i in run.get_inputs()], numbers((params, xs)), strict=True))
            for found in (run.run(None, feed), numbers(tg.import_onnx(model)(*feed.values()))):
                for y, z in zip(found, expected, strict=True):
                    scale = 1 + np.abs(z).max(initial=0)
                    np.testing.assert_allclose(y, z, rtol=0, atol=2e-5 * scale)
