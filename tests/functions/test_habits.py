"""What users of PyTorch and NumPy type from habit: it works, or a sentence says what to type instead."""

import warnings

import numpy as np
import pytest

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tinygrad_edu import data, nn, optim, viz

ELSEWHERE = [
    (tg, "conv2d", "F.conv2d"), (tg, "leaky_relu", "F.leaky_relu"), (tg, "one_hot", "F.one_hot"),
    (tg, "player", "tg.viz.player"), (tg, "Linear", "nn.Linear"), (tg, "Adam", "optim.Adam"),
    (tg, "DataLoader", "data.DataLoader"), (tg, "check_gradients", "tg.testing.check_gradients"),
    (tg, "svd", "tg.linalg.svd"), (tg, "xavier_uniform_", "nn.init.xavier_uniform_"), (nn, "conv2d", "F.conv2d"),
    (nn, "Adam", "optim.Adam"), (nn, "player", "tg.viz.player"), (F, "Linear", "nn.Linear"),
    (F, "sum", "tg.sum"), (optim, "Linear", "nn.Linear"), (data, "save", "tg.save"), (viz, "relu", "tg.relu"),
    (tg.ones(1), "conv2d", "F.conv2d"), (tg.ones(1), "where", "tg.where"), (tg.testing, "draw", "tg.draw"),
    (tg, "sigmod", "sigmoid"), (nn, "Linaer", "nn.Linear"), (tg.ones(1), "reshpe", "reshape"),
]  # fmt: skip


@pytest.mark.parametrize(("place", "name", "meant"), ELSEWHERE, ids=lambda v: v if isinstance(v, str) else "")
def test_a_name_at_the_wrong_place_says_the_right_one(place, name, meant):
    assert not hasattr(place, name)
    with pytest.raises(AttributeError, match=rf"has no attribute '{name}'; did you mean {meant}\?"):
        getattr(place, name)


@pytest.mark.parametrize("place", [tg, tg.ones(1)], ids=["tg", "Tensor"])
@pytest.mark.parametrize("name", ["clamp", "clamp_"])
def test_a_name_of_another_library_says_ours(place, name):
    with pytest.raises(AttributeError, match=f"'{name}'; use clip$"):
        getattr(place, name)


MAKERS = {
    "zeros": (2,), "ones": (2,), "empty": (2,), "full": ((2,), 1.0), "arange": (3.0,), "linspace": (0.0, 1.0),
    "eye": (2,), "zeros_like": (tg.ones(1),), "ones_like": (tg.ones(1),), "full_like": (tg.ones(1), 1.0),
    "asarray": ([1.0],),
}  # fmt: skip


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize(
    ("keyword", "advice"),
    [("requires_grad", r"requires_grad_\(\)"), ("device", "leave it out"), ("shpae", "check the spelling")],
)
def test_keywords_that_are_not_taken(name, keyword, advice):
    with pytest.raises(TypeError, match=rf"^{name}: keywords must be among .*; got {keyword}; .*{advice}"):
        getattr(tg, name)(*MAKERS[name], **{keyword: True})


@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (2, 3, 4), (2, 0, 4), (1, 2, 3, 4)])
@pytest.mark.parametrize("start", range(-4, 4))
@pytest.mark.parametrize("end", range(-4, 4))
def test_flatten_is_pytorchs(shape, start, end):
    torch = pytest.importorskip("torch")
    x = np.arange(np.prod(shape), dtype=np.float64).reshape(shape)
    try:
        want = torch.tensor(x).flatten(start, end)
    except (IndexError, RuntimeError):
        with pytest.raises(IndexError):
            tg.Tensor(x).flatten(start, end)
        return
    np.testing.assert_array_equal(tg.Tensor(x).flatten(start, end).numpy(), want.numpy(), strict=True)


def test_flatten_passes_gradients():
    x = tg.Tensor(np.ones((2, 3, 4)), requires_grad=True)
    (x.flatten(1) * np.arange(12.0)).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), np.arange(24.0).reshape(2, 3, 4) % 12)


def test_save_with_its_arguments_exchanged(tmp_path):
    with pytest.raises(TypeError, match="got dict; write such as .*the path first"):
        tg.save({"w": tg.ones(2)}, str(tmp_path / "w.st"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("look", [tg.draw, tg.explain, viz.player, nn.Module.summary])
def test_a_shape_stands_for_an_example(look):
    model = nn.Sequential(nn.Linear(64, 3), nn.ReLU())
    shown = look(model, (5, 64))
    text = getattr(shown, "source", None) or (shown.html() if hasattr(shown, "html") else str(shown))
    assert "(5,3)" in text.replace(" ", "")


def test_layers_in_a_plain_list():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = [nn.Linear(2, 2)]

    with pytest.raises(ValueError, match=r"plain list.*nn\.ModuleList"):
        optim.SGD(Net().parameters(), lr=0.1)


def test_a_step_that_makes_a_new_tensor_is_noticed():
    w = tg.Tensor([1.0], requires_grad=True)
    (w * w).sum().backward()
    w = w - 0.1 * w.grad
    (w * w).sum().backward()
    with pytest.warns(UserWarning, match=r"only a leaf gets a gradient; got the output of subtract.*w -= lr") as caught:
        assert w.grad is None
    assert caught[0].filename == __file__


def test_looking_at_a_leafs_gradient_says_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert tg.Tensor([1.0], requires_grad=True).grad is None
        assert tg.ones(2).grad is None
        assert (tg.ones(2) * 2).grad is None
