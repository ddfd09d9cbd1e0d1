"""The guide to models, and every example in a docstring of what it describes, run as they are written."""

import doctest
import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytest

import tinygrad_edu
from tinygrad_edu import data, fft, io, nn, optim, special, training
from tinygrad_edu.nn import guards

MODULES = ["tinygrad_edu.io", "tinygrad_edu.nn.guards"] + [
    found.name
    for package in (nn, optim, data, training)
    for found in pkgutil.walk_packages(package.__path__, package.__name__ + ".")
]
DOCS = Path(__file__).resolve().parents[2] / "docs"
GUIDE = DOCS / "models.md"


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings(name):
    if name == io.__name__:
        pytest.importorskip("safetensors")
    failed, _ = doctest.testmod(importlib.import_module(name))
    assert not failed


@pytest.mark.parametrize("page", ["models.md", "coming-from.md"])
def test_the_guides(page):
    pytest.importorskip("safetensors")
    failed, tried = doctest.testfile(str(DOCS / page), module_relative=False)
    assert tried > 10
    assert not failed


def test_the_guide_names_every_guard_and_no_other():
    rows = [line.split("`")[1] for line in GUIDE.read_text().splitlines() if line.startswith("| `")]
    assert rows == list(guards.NAMES)
    assert all(name in guards.__doc__ for name in guards.NAMES)
    assert tinygrad_edu.nn.guards is guards


SPACES = {
    "nn": nn, "nn.functional": nn.functional, "nn.init": nn.init, "optim": optim, "optim.lr_scheduler": optim.lr_scheduler,
    "fft": fft, "special": special,
}  # fmt: skip
WITHOUT_SOURCE = {
    "parts of the language of models and optimizers, with nothing to compute": """
        nn.Module nn.Parameter nn.Buffer nn.Sequential nn.ModuleList nn.ModuleDict nn.ParameterList nn.ParameterDict
        nn.functional_call optim.Optimizer optim.Minimum optim.lr_scheduler.LRScheduler""",
    "entries moved, repeated or filled in, as the first sentence says": """
        nn.Identity nn.Flatten nn.Unflatten nn.functional.one_hot nn.functional.pad nn.ConstantPad1d nn.ConstantPad2d
        nn.ConstantPad3d nn.ZeroPad1d nn.ZeroPad2d nn.ZeroPad3d nn.ReflectionPad1d nn.ReflectionPad2d
        nn.ReflectionPad3d nn.ReplicationPad1d nn.ReplicationPad2d nn.ReplicationPad3d nn.CircularPad1d nn.CircularPad2d
        nn.CircularPad3d fft.fftfreq fft.rfftfreq fft.fftshift fft.ifftshift""",
    "by its formula": """
        nn.LogSigmoid nn.functional.logsigmoid nn.Tanhshrink nn.functional.tanhshrink nn.Threshold
        nn.functional.threshold nn.PairwiseDistance nn.functional.pairwise_distance nn.functional.cdist
        nn.functional.pdist nn.functional.normalize special.xlogy special.xlog1py special.expit""",
    "by its formula, PyTorch's": """
        nn.CosineEmbeddingLoss nn.functional.cosine_embedding_loss""",
    "a number, or draws from the distribution that it names": """
        nn.init.constant_ nn.init.zeros_ nn.init.ones_ nn.init.eye_ nn.init.dirac_ nn.init.uniform_ nn.init.normal_""",
    "a schedule by its formula, or made of others": """
        optim.lr_scheduler.StepLR optim.lr_scheduler.LambdaLR optim.lr_scheduler.MultiplicativeLR
        optim.lr_scheduler.SequentialLR optim.lr_scheduler.ChainedScheduler""",
}


def test_every_layer_loss_optimizer_schedule_and_function_has_an_example_and_a_source():
    """Or its name stands above, once, with the reason why there is none."""
    public = {
        f"{space}.{name}": value.__doc__ or ""
        for space, module in SPACES.items()
        for name in getattr(module, "__all__", dir(module))
        if not name.startswith("_") and callable(value := getattr(module, name)) and not inspect.ismodule(value)
        and not (space == "optim" and hasattr(optim.lr_scheduler, name))
    }  # fmt: skip
    assert len(public) > 330
    assert [name for name, doc in public.items() if ">>> " not in doc] == []
    cited = {name for name, doc in public.items() if re.search(r"\bSources?: [A-Z]", doc)}
    listed = " ".join(WITHOUT_SOURCE.values()).split()
    assert len(listed) == len(set(listed))
    assert sorted({*public} - cited) == sorted(listed)


def test_a_short_source_is_spelled_out_elsewhere():
    """Where "Bridle (1990)" stands, another docstring has the title of that work."""
    code = " ".join(path.read_text() for path in Path(tinygrad_edu.__file__).parent.rglob("*.py"))
    whole = re.sub(r"\s+", " ", re.sub(r'"\n\s+"', "", code).replace('\\"', '"'))
    short = set(re.findall(r"Source: ([A-Z][\w.-]*)[^\"();]*? \((\d{4})\)", whole))
    full = set(re.findall(r"([A-Z][\w-]+)(?:,? [\w., -]{0,60}?)?, \"[^\"]*\" \((\d{4})\)", whole))
    assert len(short) > 20
    assert sorted(short - full) == []
