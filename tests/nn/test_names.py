"""The public names of models, optimizers, data and io: documented, on the page, with PyTorch's arguments."""

import inspect
import re
from pathlib import Path

import pytest

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tinygrad_edu import data, io, nn, optim
from tinygrad_edu.interop.names import NotAFunction, public

PLACES = [nn, F, nn.init, nn.utils, nn.utils.rnn, nn.utils.parametrize, nn.metrics, optim, optim.swa_utils, data, io]
METHODS = [
    (nn.Module, "parameters named_parameters buffers state_dict load_state_dict train eval apply zero_grad summary "
                "register_forward_pre_hook register_forward_hook register_full_backward_pre_hook register_full_backward_hook"),
    (tg.Tensor, "register_hook retain_grad backward"),
    (optim.SGD, "step zero_grad state_dict load_state_dict add_param_group"),
    (optim.StepLR, "step state_dict load_state_dict"), (optim.ReduceLROnPlateau, "step state_dict load_state_dict"),
]  # fmt: skip
PAGE = Path(__file__).resolve().parents[2] / "docs" / "api.md"


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
def test_names_are_documented(place):
    assert [name for name in public(place) if not inspect.getdoc(getattr(place, name))] == []


@pytest.mark.parametrize(("owner", "names"), METHODS, ids=str)
def test_methods_are_there_and_documented(owner, names):
    assert [name for name in names.split() if not inspect.getdoc(getattr(owner, name, None))] == []


def test_every_name_of_the_page_is_there():
    text = PAGE.read_text()
    part = text[text.index("## 4.") : text.index("## 6.")]
    part = re.sub(r"\([^)]*\)", " ", part)  # remarks and arguments
    part = re.sub(r"(\w+)1d/2d/3d", r"\g<1>1d \g<1>2d \g<1>3d", re.sub(r"(\w+)2d/3d", r"\g<1>2d \g<1>3d", part))
    words = set(re.findall(r"\b(?:[A-Z][A-Za-z]*\d?[A-Za-z]*|[a-z]+(?:_[a-z\d]+)+_?|conv\dd)\b", part))
    known = {name for place in PLACES for name in (*dir(place), *vars(place))} | {
        name for _, names in METHODS for name in names.split()
    }
    prose = {"F", "PyTorch", "Dataset", "Cells", "None", "param_groups"}
    assert words - known - prose == set()


# PyTorch's arguments that are not here: for devices, deprecated, private, or of how it computes
LEFT_OUT = [
    "device",
    "legacy",
    "size_average",
    "reduce",
    "min_value",
    "max_value",
    "_weight",
    "_freeze",
    "args",
    "kwargs",
    "layer",
    "dim",
    "keepdim",
    "foreach",
    "capturable",
    "differentiable",
    "fused",
    "decoupled_weight_decay",
    "scale_grad_by_freq",
    "sparse",
    "modules",
    "input_size",
    "hidden_size",
    "_stacklevel",
]
OTHER_DEFAULTS = {"activation", "align_corners"}  # functions there, None there
RENAMED = {"start_dim": "start_axis", "end_dim": "end_axis"}


def pairs():
    torch = pytest.importorskip("torch")
    for ours, theirs in ((nn, (torch.nn,)), (optim, (torch.optim, torch.optim.lr_scheduler))):
        for name in public(ours):
            found = [getattr(module, name) for module in theirs if hasattr(module, name)]
            if (
                found
                and inspect.isclass(found[0])
                and name not in ("Module", "Parameter", "Buffer", "ModuleList", "Sequential")
            ):
                yield name, inspect.signature(getattr(ours, name)).parameters, inspect.signature(found[0]).parameters


def test_arguments_and_defaults_are_pytorchs():
    for name, have, want in pairs():
        for key, parameter in want.items():
            key = RENAMED.get(key, key)
            if key in LEFT_OUT:
                continue
            assert key in have, f"{name}: {key}"
            if key not in OTHER_DEFAULTS and parameter.default is not inspect.Parameter.empty:
                assert have[key].default == pytest.approx(parameter.default), f"{name}: {key}"


OF_THE_CORE = {"relu", "sigmoid", "tanh"}  # functions of part 2, too, whose first argument is x
LATER = {"normalize.out"}


def test_functions_take_pytorchs_arguments():
    torch = pytest.importorskip("torch")
    compared = 0
    for name in set(public(F)) - OF_THE_CORE:
        try:
            want = inspect.signature(getattr(torch.nn.functional, name)).parameters
        except (AttributeError, ValueError):  # not there, or built in, and says nothing
            continue
        have, compared = inspect.signature(getattr(F, name)).parameters, compared + 1
        for key, parameter in want.items():
            if (key in LEFT_OUT and key != "dim") or f"{name}.{key}" in LATER:
                continue
            key = "axis" if key == "dim" else key
            assert key in have, f"{name}: {key}"
            if key not in (*OTHER_DEFAULTS, "axis") and parameter.default is not inspect.Parameter.empty:
                assert have[key].default == pytest.approx(parameter.default), f"{name}: {key}"
    assert compared > 20


CLASSES = [name for name in public(nn) if inspect.isclass(getattr(nn, name))]
ANY_NUMBER = {"Identity", "ModuleList", "Sequential"}


@pytest.mark.parametrize("name", [name for name in CLASSES if name not in ANY_NUMBER])
def test_an_argument_too_many_is_one_too_many_of_the_class(name):
    places = [p for p in inspect.signature(getattr(nn, name)).parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    given = [2 if p.default is p.empty else p.default for p in places]
    count = f"{len(places)} argument{'s' * (len(places) != 1)}"
    with pytest.raises(
        TypeError, match=rf"\A{name}: takes at most {count} by place; got {len(places) + 1}; write {name}\("
    ):
        getattr(nn, name)(*given, None)


def test_arguments_that_do_not_fit_a_base_are_said_to_be_those_of_the_base():
    class Mine(nn.Linear):
        def __init__(self, *args):
            super().__init__(*args)

    class Plain(nn.Module):
        def __init__(self, *args):
            super().__init__(*args)

    class Inherits(Plain):
        pass

    class Named(nn.Linear):
        pass

    for made, message in (
        (lambda: Mine(2), "Linear: needs out_features; got 1 argument; write Linear("),
        (lambda: Plain(2), "Module: takes at most 0 arguments by place; got 1; write Module()"),
        (lambda: Inherits(2), "Module: takes at most 0 arguments"),
        (lambda: Named(2), "Named: needs out_features; got 1 argument; write Named("),
        (lambda: nn.LazyLinear(), "LazyLinear: needs out_features; got nothing"),
        (lambda: nn.LazyLinear(2, biass=True), "LazyLinear: keywords must be among"),
    ):
        with pytest.raises(TypeError) as caught:
            made()
        assert str(caught.value).startswith(message)


@pytest.mark.parametrize("args", [(), (0,), (0, 1, 2)])
def test_size_is_no_method_however_it_is_called(args):
    x = tg.ones((2, 3))
    with pytest.raises(TypeError, match=r"\Asize: must not be called: .* 6; got a call of it; write x\.shape"):
        x.size(*args)
    with pytest.raises(TypeError, match=r"write x\.shape\[1\]"):
        x.size(dim=1)


@pytest.mark.parametrize("package", ["nn", "optim", "data"])
def test_a_module_that_is_called_names_what_stands_in_it(package):
    """`data.digits()` is a guess at `data.load_digits()`: the answer names what can be called."""
    place = getattr(tg, package)
    modules = {x.__name__: x for x in vars(place).values() if type(x) is NotAFunction}
    named = {name: {n for n in dir(place) if getattr(getattr(place, n), "__module__", "") == name} for name in modules}
    assert sum(map(bool, named.values())) > 5
    for name, theirs in named.items():
        if theirs:
            with pytest.raises(TypeError, match=r"must not be called, being a module; got a call; use ") as found:
                modules[name]()
            advised = str(found.value).partition("; use ")[2].split(" or ")
            assert {where.rpartition(".")[2] for where in advised} <= theirs
