"""What users of PyTorch and NumPy type from habit: it works, or a sentence says what to type instead."""

import enum
import importlib
import pickle
import warnings

import numpy as np
import pytest

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tinygrad_edu import data, nn, optim, viz
from tinygrad_edu.errors import LostGradientWarning

IMAGES = np.ones((7, 8, 8), "f4")
LOGITS = np.ones((5, 3))
GUESSES = {
    "two data sets for a loader": (lambda: data.DataLoader(IMAGES, np.ones(7)), r"write DataLoader\(data\.TensorDataset"),
    "a dict of parameters": (lambda: optim.Adam({"W": tg.ones(2)}), r"use e\.g\. list\(x\.values\(\)\)"),
    "arrays as parameters": (lambda: optim.Adam([np.ones(2)]), r"nn\.Parameter\(values\)"),
    "a gradient of 0": (lambda: setattr(tg.ones(2), "grad", 0), r"t\.grad = None"),
    "images without channels": (lambda: nn.Conv2d(1, 8, 3)(IMAGES), r"write x\[:, None\], if it is 7 inputs"),
    "channels last": (lambda: nn.Conv2d(8, 4, 3)(np.ones((2, 9, 9, 8), "f4")), r"write x\.transpose\(0, 3, 1, 2\)"),
    "channels last, transposed": (
        lambda: nn.ConvTranspose2d(8, 4, 3)(np.ones((2, 9, 9, 8), "f4")), r"write x\.transpose\(0, 3, 1, 2\)",
    ),
    "classes as rows": (lambda: F.cross_entropy(LOGITS.T, np.zeros(5, int)), r"write input\.T"),
    "labels as a column": (lambda: F.cross_entropy(LOGITS, np.zeros((5, 1), int)), r"write target\.reshape\(-1\)"),
    "classes last": (
        lambda: F.cross_entropy(np.ones((1, 4, 10)), np.zeros((1, 4), int)), r"write input\.reshape\(-1, 10\) and target",
    ),
    "whole one-hot numbers": (lambda: F.cross_entropy(LOGITS, np.zeros((5, 3), int)), "not one-hot vectors"),
    "no return": (lambda: F.cross_entropy(None, [1]), "end that with return"),
    "gradients=True": (lambda: tg.draw(tg.ones(1), gradients=True), r"did you mean detail\?"),
    "a path for draw": (lambda: tg.draw(tg.ones(1), "a.svg"), r"write draw\(x\)\.save\(path\)"),
    "a path for player": (lambda: viz.player(tg.ones(1), "a.html"), r"write player\(x\)\.save\(path\)"),
    "no suffix": (lambda: tg.draw(tg.ones(1)).save("graph"), r"write such as graph\.svg"),
    "saving a module": (lambda: tg.save("m.safetensors", nn.Linear(1, 1)), r"got Linear; save state_dict\(\)"),
}  # fmt: skip


@pytest.mark.parametrize("guess", GUESSES)
def test_a_wrong_guess_of_a_courses_program_says_what_to_write(guess):
    program, answer = GUESSES[guess]
    with pytest.raises((TypeError, ValueError), match=answer):
        program()


def test_what_those_answers_say_works():
    assert nn.Conv2d(1, 8, 3)(IMAGES[:, None]).shape == (7, 8, 6, 6)
    assert nn.Conv2d(8, 4, 3)(tg.ones((2, 9, 9, 8)).transpose(0, 3, 1, 2)).shape == (2, 4, 7, 7)
    loss = F.cross_entropy(np.ones((1, 4, 10)).reshape(-1, 10), np.zeros((1, 4), int).reshape(-1))
    assert loss.item() == pytest.approx(np.log(10))


CLIPPED = {
    "clip": (lambda g: np.clip(g, -5, 5, out=g), lambda g: np.clip(g, -5, 5)),
    "clip, by place": (lambda g: np.clip(g, -5, 5, g), lambda g: np.clip(g, -5, 5)),
    "multiply": (lambda g: np.multiply(g, 2.0, out=g), lambda g: 2 * g),
    "exp": (lambda g: np.exp(g, g), np.exp),
}


@pytest.mark.parametrize("name", CLIPPED)
def test_out_may_be_a_tensor_as_the_course_clips_its_gradients(name):
    there, plain = CLIPPED[name]
    values = np.array([-9.0, 0.5, 7.0])
    w = tg.Tensor(values, requires_grad=True)
    (w * w / 2).sum().backward()
    given = w.grad
    assert there(w.grad) is given is w.grad
    np.testing.assert_allclose(w.grad.numpy(), plain(values))
    x = w * 1.0  # and where it is recorded, it is differentiated
    there(x)
    w.grad = None
    x.sum().backward()
    assert_slopes = tg.grad(lambda v: plain(v).sum())(values)
    np.testing.assert_allclose(w.grad.numpy(), assert_slopes.numpy())


def test_out_must_fit():
    for out, error in ((tg.ones(2), ValueError), (tg.ones(3, dtype="int64"), TypeError)):
        with pytest.raises(
            error, match=r"^np\.(clip|add): out must have the shape and the kind of dtype of the result, \(3,\)"
        ):
            np.clip(tg.ones(3), 0, 1, out=out)
        with pytest.raises(error, match="out must have"):
            np.add(tg.ones(3), 1, out=out)
    with pytest.raises(ValueError, match="leaf that requires a gradient"):
        np.add(tg.ones(3), 1, out=tg.ones(3).requires_grad_())


@pytest.mark.parametrize(
    "keywords", [{}, {"requires_grad": True}, {"dtype": np.float64}, {"device": "cpu", "requires_grad": True}]
)
def test_a_tensor_may_be_made_as_pytorch_writes_it(keywords):
    made, want = tg.tensor([1.0, 2.0], **keywords), tg.Tensor([1.0, 2.0], **keywords)
    assert type(made) is tg.Tensor
    assert (made.tolist(), made.dtype, made.requires_grad) == (want.tolist(), want.dtype, want.requires_grad)


def test_the_module_of_the_tensor_is_still_a_module():
    assert importlib.import_module("tinygrad_edu.tensor").Tensor is tg.Tensor
    with pytest.raises(TypeError, match="requires_grad: only floating-point"):
        tg.tensor([1, 2], requires_grad=True)


@pytest.mark.parametrize("name", ["set_seed", "plot_graph", "visualize", "train_test_split"])
def test_names_of_tutorials_say_ours(name):
    with pytest.raises(AttributeError, match="; use (manual_seed|tg.draw|order = rng.permutation)"):
        getattr(tg, name)


@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0, 4)])
def test_size_is_a_number_and_says_so_where_it_is_called(shape):
    size = tg.zeros(shape).size
    assert isinstance(size, int)
    assert (size, repr(size), hash(size)) == (np.prod(shape, dtype=int), repr(int(size)), hash(int(size)))
    assert (type(size + 1), np.zeros(size).size, pickle.loads(pickle.dumps(size))) == (int, size, size)
    with pytest.raises(TypeError, match=rf"^size: must not be called: .* {size}; got a call of it; write x\.shape$"):
        tg.zeros(shape).size()
    with pytest.raises(TypeError, match=r"write x\.shape\[1\]$"):
        tg.zeros(shape).size(1)


def test_max_of_python_names_the_functions_that_choose_entry_by_entry():
    with pytest.raises(ValueError, match=r"^bool: .* tg\.maximum, tg\.minimum or tg\.where"):
        max(0, tg.ones(2))


MAKERS = {
    "zeros": (2,), "ones": (2,), "empty": (2,), "full": ((2,), 1.0), "arange": (3.0,), "linspace": (0.0, 1.0),
    "eye": (2,), "zeros_like": (tg.ones(1),), "ones_like": (tg.ones(1),), "full_like": (tg.ones(1), 1.0),
    "asarray": ([1.0],),
}  # fmt: skip


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize(
    ("keyword", "advice"),
    [("requires_grad", r"requires_grad_\(\)"), ("colour", "check the spelling")],
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
    text = getattr(shown, "source", None) or (shown.contents() if hasattr(shown, "contents") else str(shown))
    assert "(5,3)" in text.replace(" ", "")


def test_the_shape_of_one_example_for_a_summary():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(2 * 6 * 6, 3))
    with pytest.raises(tg.errors.ShapeError) as caught:
        model.summary((1, 8, 8))
    assert caught.value.__notes__ == ["summary ran the model on (1, 8, 8): the first axis counts examples"]


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


CALLS = [  # a call of habit, and what the answer must say
    (lambda: nn.Dropout(rate=0.2), "Dropout: keywords must be among inplace, p, rng; got rate; did you mean p?"),
    (lambda: nn.Dropout(keep_prob=0.8), "1 - keep_prob"), (lambda: nn.Linear(3, 5, activation="relu"), "nn.ReLU()"),
    (lambda: nn.LeakyReLU(alpha=0.1), "did you mean negative_slope?"), (lambda: nn.ReLU(tg.ones(2)), "ReLU(...)(x)"),
    (lambda: F.leaky_relu(tg.ones(2), alpha=0.1), "did you mean negative_slope?"),
    (lambda: F.mse_loss(tg.ones(2), tg.ones(2), reduce="mean"), "did you mean reduction?"),
    (lambda: nn.CrossEntropyLoss(tg.ones((2, 2)), np.array([0, 1])), "CrossEntropyLoss(...)(x)"),
    (lambda: tg.Tensor([1.0], device="cuda"), "Tensor: device must be 'cpu'"),
    (lambda: tg.Tensor([1.0], reqires_grad=True), "did you mean requires_grad?"),
    (lambda: tg.draw(tg.ones(1), format="png"), ".save("),
    (lambda: tg.draw(tg.ones(1), details="values"), "did you mean detail?"),
    (lambda: data.load_digits(return_X_y=True), "both are returned"),
    (lambda: optim.SGD([tg.ones(1)], learning_rate=0.1), "did you mean lr?"),
    (lambda: optim.SGD([tg.ones(1)], l2=0.1), "did you mean weight_decay?"),
    (lambda: optim.Adam([tg.ones(1)], beta1=0.9), "betas=(0.9, 0.999)"),
    (lambda: optim.RMSprop([tg.ones(1)], rho=0.9), "did you mean alpha?"),
    (lambda: optim.SGD(nn.Linear(2, 2).parameters, lr=0.1), "call it: model.parameters()"),
    (lambda: optim.SGD([tg.ones(1) * 2], lr=0.1).step(tg.ones(1)), "call loss.backward() first"),
    (lambda: nn.Sequential(nn.Linear(2, 2), F.leaky_relu), "write nn.LeakyReLU()"),
    (lambda: nn.Sequential(nn.Linear(2, 2), nn.ReLU), "write nn.ReLU()"),
    (lambda: nn.Sequential(len), "wrap functions in a Module"),
    (lambda: nn.ModuleList([nn.ReLU()])(tg.ones(1)), "or use nn.Sequential"),
    (lambda: nn.Linear(2, 2).summary(), "model.summary((32, 784))"),
    (lambda: float(tg.ones(3)), "float: the tensor must have one entry; got shape (3,); use tg.exp"),
    (lambda: f"{tg.ones(3):.2f}", "format: the tensor must have one entry"),
    (lambda: nn.Linear(2, 2)(np.ones((2, 3))), "examples are rows"),
    (lambda: tg.Tensor(2, 3), "write tg.Tensor([...]), or tg.zeros((2, 3)) for a shape"),
    (lambda: nn.Conv2d(1, 2), "Conv2d: needs kernel_size; got 2 arguments; write Conv2d(in_channels, out_channels, kernel_size, "),
    (lambda: nn.Linear(2, 2)(), "Linear: needs input; got nothing; write Linear(...)(input)"),
    (lambda: nn.Linear(2, 2)(1, 2), "Linear: takes at most 1 argument by place; got 2; write Linear(...)(input)"),
    (lambda: tg.sum(tg.ones(2), axes=0), "did you mean axis?"),
    (lambda: tg.sum(tg.ones(2), 0, axis=0), "sum: each argument must be given once; got axis twice; write sum(x, axis=None, "),
    (lambda: tg.exp(tg.ones(2), out=tg.ones(2)), "exp: takes no keywords; got out; assign the result"),
    (lambda: tg.add(tg.ones(2)), "add: needs x2; got 1 argument; write add(x1, x2)"),
    (lambda: tg.vmap(lambda x: x)(3.0), "vmap: a number has no axes; got axis 0; give an array, or None"),
    (lambda: nn.linear(2, 3), "use nn.Linear"), (lambda: optim.adam([tg.ones(1)]), "use optim.Adam"),
    (lambda: nn.convolution(1), "use nn.Conv1d or nn.Conv2d or nn.Conv3d"), (lambda: optim.Adam([tg.ones(1)], betas=0.9), "got 0.9; use e.g. (0.9, 0.999)"),
    (lambda: tg.ones((2, 1)) @ tg.ones((2, 5)), "a.mT @ b would fit"), (lambda: tg.ones((2, 1)) @ tg.ones((3, 1)), "a @ b.mT would"),
    (lambda: tg.ones((2, 1)) @ tg.ones((4, 2)), "b @ a would fit"), (lambda: tg.ones((2, 1)) @ tg.ones((4, 5)), "check the arg"),
    (lambda: tg.draw(tg.ones(1), detail=["values", "gradients"]), "got list; use e.g. 'gradients'"),
    (lambda: tg.fit(nn.Linear(1, 1), [], nn.MSELoss, optim.SGD([tg.ones(1)])), "not a class; got the class MSELoss; use e.g. MSELoss(...)"),
    (lambda: tg.fit(nn.Linear(1, 1), [], F.mse_loss, None, batch_size=32), "data.DataLoader(dataset, batch_size=32)"),
    (lambda: nn.Linear(2, 2, kernel_regularizer="l2"), "weight_decay to the optimizer"),
    (lambda: tg.grad(tg.ones(1).sum(), tg.ones(1)), "tg.autograd.grad(result, inputs)"),
    (lambda: data.TensorDataset(np.ones((2, 100)), np.ones((1, 100))), "examples are rows, so pass x.T"),
    (lambda: nn.RNN(27, 50)(np.array([1, 2, 3])), "use F.one_hot(x, n), or nn.Embedding"),
    (lambda: nn.Sequential(nn.RNN(3, 5), nn.Linear(5, 3))(tg.ones((2, 3))), "take one tensor of a layer that gives several"),
    (lambda: tg.explain(tg.ones(1), tg.ones(1)), "write explain(x), or explain((x, y)) for several"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "said"), CALLS, ids=[str(i) for i in range(len(CALLS))])
def test_calls_of_habit_are_answered(call, said):
    with pytest.raises((TypeError, ValueError, NotImplementedError)) as caught:
        call()
    assert said in str(caught.value)
    assert str(caught.value).count(";") >= 2


def test_an_error_inside_a_property_of_a_module_is_shown():
    class Net(nn.Module):
        @property
        def width(self):
            return tg.ones(2).widht

    with pytest.raises(AttributeError, match="Tensor: has no attribute 'widht'"):
        Net().width  # noqa: B018


def test_a_rate_that_no_step_would_read_is_refused():
    optimizer = optim.SGD([tg.Tensor([1.0], requires_grad=True)], lr=0.1)
    with pytest.raises(AttributeError, match=r"got lr=0\.5.*param_groups\[0\]\['lr'\] = value"):
        optimizer.lr = 0.5
    optimizer.note = "of one's own"
    assert optimizer.param_groups[0]["lr"] == 0.1


def test_a_learned_tensor_that_is_no_parameter_is_noticed():
    class Net(nn.Module):
        def __init__(self, values):
            super().__init__()
            self.w = values

    with pytest.warns(UserWarning, match=r"Net\.w: what is learned must be a Parameter.*write nn\.Parameter\(values\)"):
        Net(tg.Tensor([1.0], requires_grad=True))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Net(nn.Parameter([1.0]))
        Net(tg.ones(2))
        Net(tg.Tensor([1.0], requires_grad=True) * 2)


def test_a_list_of_modules_may_be_given_one_by_one():
    assert len(nn.ModuleList(nn.ReLU(), nn.ReLU())) == len(nn.ModuleList([nn.ReLU(), nn.ReLU()])) == 2


def test_numbers_of_classes_of_pythons_widen_nothing():
    """A tensor's `size`, an enumeration, a float of a class of one's own."""
    kinds = {
        "size": (tg.ones(3).size, 3),
        "enum": (enum.IntEnum("Kind", ["A"]).A, 1),
        "float": (type("Rate", (float,), {})(0.5), 0.5),
    }
    for name, (number, plain) in kinds.items():
        for x in (tg.ones(3), tg.ones(3).sum(), tg.Tensor(np.ones(3, np.float16))):
            for f in (lambda a, b: a / b, lambda a, b: b * a, lambda a, b: a - b, lambda a, b: b - a):
                found, expected = f(x, number), f(x, plain)
                assert (found.dtype, found.tolist()) == (x.dtype, expected.tolist()), name
    assert nn.MSELoss()(tg.ones(3), tg.zeros(3)).dtype == np.float32


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("take", [lambda x: x.size, lambda x: x.tolist()[0]], ids=["size", "tolist"])
def test_numbers_of_a_tensor_widen_no_array(take, dtype):
    number = take(tg.Tensor([2.0, 3.0], requires_grad=True))
    array = np.array([1.0, 4.0], dtype)
    for f in (
        np.add,
        np.divide,
        lambda a, b: a * b,
        lambda a, b: b - a,
        lambda a, b: a.sum() / b,
        lambda a, b: b * a[1],
    ):
        found, expected = np.asarray(f(array, number)), f(array, 2)
        assert (found.dtype, found.tolist()) == (np.dtype(dtype), expected.tolist())
    array /= number
    assert (array.dtype, array.tolist()) == (np.dtype(dtype), [0.5, 2.0])


def test_arrays_of_numbers_of_tolist_know_that_they_left_the_graph():
    w = tg.Tensor([2.0, 3.0], requires_grad=True)
    scaled = np.ones(2) * w.tolist()[0]
    with pytest.warns(LostGradientWarning, match="no gradient passes through plain arrays"):
        (w * scaled).sum()
