"""What users of torchviz, torchview, torchvista, Keras and graphviz type: what runs, and what the answers say."""

import inspect
import sys

import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn
from tinygrad_edu.functions.calls import KEYWORDS
from tinygrad_edu.interop import pictures
from tinygrad_edu.interop.names import NotAFunction

from ..project.test_editors import public_names


@pytest.fixture
def result():
    x = tg.Tensor([1.0, 2.0], requires_grad=True, name="x")
    return (x**2).sum()


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ({"direction": "LR"}, {"direction": "right"}),
        ({"direction": "TB"}, {"direction": "down"}),
        ({"direction": "UD"}, {"direction": "down"}),
        ({"rankdir": "TB"}, {"direction": "down"}),
        ({"graph_dir": "TB"}, {"direction": "down"}),
        ({"collapse_modules_after_depth": 0}, {"depth": 0}),
        ({"max_module_expansion_depth": 1}, {"depth": 1}),
        ({"max_nodes": 3}, {"budget": 3}),
    ],
    ids=str,
)
def test_a_keyword_of_one_meaning_is_taken(theirs, ours):
    def model(x):
        return nn.Sequential(nn.Linear(2, 2, rng=tg.random.default_rng(0)), nn.ReLU())(x).sum()

    assert tg.draw(model, tg.ones((1, 2)), **theirs).source == tg.draw(model, tg.ones((1, 2)), **ours).source


@pytest.mark.parametrize("name", sorted(pictures.KEYWORDS))
def test_another_keyword_is_answered_by_what_to_do(name, result):
    if name in inspect.signature(tg.draw).parameters:
        pytest.skip("it is one of draw's own")
    with pytest.raises(TypeError, match=rf"; got {name}; ") as caught:
        tg.draw(result, **{name: True})
    assert str(caught.value).endswith(pictures.KEYWORDS[name])
    if name not in KEYWORDS:
        with pytest.raises(TypeError, match="keywords must be among|takes no keywords") as caught:
            tg.sum(result, **{name: True})
        assert pictures.KEYWORDS[name] not in str(caught.value)  # there it means something else, if anything


@pytest.mark.parametrize("name", sorted(pictures.NAMES))
def test_a_name_of_theirs_is_answered_by_ours(name):
    with pytest.raises(AttributeError, match=r"use tg\.draw$") as caught:
        getattr(tg.viz, name)
    assert name in str(caught.value)


def test_a_picture_says_how_it_is_saved_and_shown(result):
    picture = tg.draw(result)
    for name, use in pictures.PICTURE.items():
        with pytest.raises(AttributeError, match=f"^Picture: has no attribute '{name}'; use ") as caught:
            getattr(picture, name)
        assert str(caught.value).endswith(use)
    with pytest.raises(AttributeError, match="did you mean render"):
        picture.rendr  # noqa: B018


def test_every_module_says_what_to_call(result):
    """`tg.viz(x)` and its like, of all that is imported."""
    public = {x.__name__ for name in public_names() if inspect.ismodule(x := _found(name))}
    ours = [name for name in sys.modules if f"{name}.".startswith("tinygrad_edu.")]
    loaded = {name for name in ours if type(sys.modules[name]) is NotAFunction}
    assert public - loaded == {"tinygrad_edu.testing"}
    loaded = {name for name in loaded - {"tinygrad_edu"} if getattr(*_owner(name), None) is sys.modules[name]}
    assert len(loaded) > 200
    for name in loaded:
        with pytest.raises(
            TypeError, match=r"^[\w.]+: must not be called, being a module; got a call; use \S+"
        ) as caught:
            sys.modules[name](result)
        said, use = str(caught.value).partition(":")[0], str(caught.value).partition("; use ")[2]
        assert said not in use.split(" or "), name


def _owner(name):
    package, _, last = name.rpartition(".")
    return sys.modules[package], last


def _found(name):
    found = tg
    for part in name.split(".")[1:]:
        found = getattr(found, part)
    return found


@pytest.mark.parametrize(
    ("module", "use"),
    [
        ("viz", "tg.draw(x)"),
        ("testing.report", "check_gradients"),
        ("tree", "tg.tree.map"),
    ],
)
def test_the_module_that_is_called_names_its_functions(module, use, result):
    with pytest.raises(TypeError, match=rf"^tg\.{module}: must not be called") as caught:
        _found(f"tg.{module}")(result)
    assert use in str(caught.value)


def test_a_custom_op_without_a_name_says_how_to_write_it():
    with pytest.raises(
        TypeError,
        match=r"^custom_op: name must be a text, .*; got the function double alone; write double = tg\.custom_op\('double', double, lambda g, y, x: ",
    ):

        @tg.custom_op
        def double(x):
            return 2 * x


def test_pytest_does_not_take_the_module_for_a_test():
    assert not callable(tg.testing)
