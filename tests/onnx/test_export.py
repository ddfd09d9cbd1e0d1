"""What is exported gives the same numbers in onnxruntime: every primitive, layer, and whole training steps."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tests.compiler.test_layers import LAYERS, WEIGHTS, loss_of
from tests.program.test_reading import parts, read
from tinygrad_edu import nn, optim
from tinygrad_edu.errors import GraphError
from tinygrad_edu.onnx.writer import write
from tinygrad_edu.program.passes import simplified
from tinygrad_edu.testing.properties.calls import calls
from tinygrad_edu.testing.properties.op_checks import built_in_ops

from .runs import close, ran, session

# what ONNX has no operator for: factorisations, complex numbers, and the bits of numbers
WITHOUT = {
    "linalg.cholesky", "linalg.eigh", "linalg.inv", "linalg.qr", "linalg.slogdet", "linalg.solve", "linalg.svd",
    "op.cofactors", "op.tied", "fft.fft", "fft.ifft", "fft.fftn", "fft.ifftn", "frexp", "imag", "nextafter",
}  # fmt: skip


def single(x):
    return x.astype(np.float32) if x.dtype == np.float64 else x


@pytest.mark.parametrize("op", built_in_ops(), ids=str)
@given(st.data())
@settings(max_examples=2)
def test_each_op_and_rule(op, data):
    arrays, attributes = data.draw(calls(op))
    with np.errstate(all="ignore"):
        for f, xs in parts(op, list(map(single, arrays)), attributes):
            program = simplified(read(f, *xs))
            if {step.primitive for step in program.steps} & WITHOUT:
                continue
            values = [v for step in program.steps for v in (*step.uses, *step.results)]
            if any(v.dtype.kind == "c" for v in values):
                continue
            feed = {f"x{i}": x for i, x in enumerate(xs)}
            model = write(program, list(zip(program.inputs, feed, strict=True)), {}, ["y"])
            close(ran(model, **feed)["y"], program(*xs)[0])


def test_what_has_no_operator_is_refused_with_the_line():
    with pytest.raises(
        GraphError, match=r"export: .*; got linalg\.inv, for which .* at .*test_export\.py:\d+; leave it"
    ):
        tg.export(tg.linalg.inv, tg.ones((2, 2)) + tg.eye(2))
    with pytest.raises(GraphError, match=r"same operations for all values; got .*test_export\.py:\d+; use tg\.where"):
        tg.export(lambda x: x if x.sum() > 0 else -x, tg.ones(2))


UNSURE = {
    "RReLU",
    "TransformerEncoderLayer",
    "TransformerDecoderLayer",
    "Transformer",
    "TransformerEncoder",
}  # they draw


@pytest.mark.parametrize("name", [k for k in LAYERS if "Drop" not in k])
@pytest.mark.filterwarnings("ignore")
def test_each_layer_with_its_gradients(name):
    make, *inputs = LAYERS[name]
    tg.random.manual_seed(3)
    module = make().astype("float32")
    module.train(name not in UNSURE and name != "RNN")

    def f(*xs):
        for p in module.parameters():
            p.grad = None
        xs = [x.detach().requires_grad_() if x.dtype.kind == "f" else x for x in xs]
        ys = module(*xs)
        loss_of(ys, WEIGHTS.astype(np.float32)).backward()
        found = [y.detach() for y in tg.tree.leaves(ys) if isinstance(y, tg.Tensor)]
        gradients = [x.grad for x in (*xs, *module.parameters()) if x.grad is not None]
        return [t * 1 for t in (*found, *gradients)]

    xs = [single(make_input()) for make_input in inputs]
    tensors = list(map(tg.Tensor, xs))
    model = tg.export(f, tensors)
    given = [x.name for x in model.graph.input if x.name.startswith("input_")]
    found = ran(model, **dict(zip(given, xs, strict=True)))
    expected = f(*tensors)
    for k, y in enumerate(expected):
        close(found["output" if len(expected) == 1 else f"output_{k}"], y.data, 3000)


def step_of(model, optimizer):
    def step(x, target):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), target)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return loss

    return step


NETWORKS = {
    "MLP, Adam": (lambda: nn.Sequential(nn.Linear(4, 8, bias=False), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, 3)), (6, 4), lambda p: optim.Adam(p, lr=1e-2)),
    "ConvNet, SGD": (lambda: nn.Sequential(nn.Conv2d(1, 3, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(12, 3)), (6, 1, 4, 4), lambda p: optim.SGD(p, lr=0.1, momentum=0.9)),
    "attention, SGD": (lambda: nn.Sequential(nn.Linear(4, 8), nn.TransformerEncoderLayer(8, 2, 8, dropout=0.0), nn.LayerNorm(8), nn.Linear(8, 3)), (6, 4), lambda p: optim.SGD(p, lr=1e-1, nesterov=True, momentum=0.9)),
}  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_a_whole_training_step(name):
    """Steps in onnxruntime, whose outputs `new.NAME` are the next inputs, are the steps of the network itself."""
    build, shape, optimizer = NETWORKS[name]
    tg.random.manual_seed(0)
    network = build()
    step = step_of(network, optimizer(network.parameters()))
    rng = np.random.default_rng(0)
    x, target = rng.normal(size=shape).astype(np.float32), rng.integers(3, size=6)
    before = {k: v.data.copy() for k, v in network.state_dict().items()}
    model = tg.export(step, (tg.Tensor(x), tg.Tensor(target)))
    for k, v in network.state_dict().items():  # nothing has changed
        np.testing.assert_array_equal(v.data, before[k])
    run, names = session(model), [y.name for y in model.graph.output]
    state = {}
    for _ in range(4):
        found = dict(zip(names, run.run(None, {"x": x, "target": target, **state}), strict=True))
        state = {k.removeprefix("new."): v for k, v in found.items() if k.startswith("new.")}
        close(found["output"], step(tg.Tensor(x), tg.Tensor(target)).data, 500)
    assert state["step"] == 4
    for k, v in network.state_dict().items():
        close(state[f"model.{k}"], v.data, 3000)


BY_VALUE = {"LBFGS"}  # whose operations depend on values
ALL = [k for k, x in vars(optim).items() if isinstance(x, type) and issubclass(x, optim.Optimizer) and k != "Optimizer"]


@pytest.mark.parametrize("name", ALL)
def test_a_step_of_each_optimizer(name):
    """Four steps in onnxruntime are those of the optimizer itself; or it is refused by its name."""
    rng = np.random.default_rng(0)
    w = nn.Parameter(rng.normal(size=(4, 3)))
    optimizer = getattr(optim, name)([w])
    data = [rng.normal(size=(5, 4)) for _ in range(4)]

    def step(x):
        def closure():
            optimizer.zero_grad()
            loss = ((x @ w) ** 2).mean()
            loss.backward()
            return loss

        return optimizer.step(closure)

    if name in BY_VALUE:
        with pytest.raises(
            GraphError, match=f"^{name}: step must be called outside of .* exported, .*; got a call inside; "
        ):
            tg.export(step, tg.Tensor(data[0]))
        return
    model = tg.export(step, tg.Tensor(data[0]))
    run, names, state = session(model), [y.name for y in model.graph.output], {}
    for x in data:
        found = dict(zip(names, run.run(None, {"x": x, **state}), strict=True))
        state = {k.removeprefix("new."): v for k, v in found.items() if k.startswith("new.")}
        close(found["output"], step(tg.Tensor(x)).data, 500)
    close(state["w"], w.data, 500)


ROW = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
LABELS = np.array([0, 1, 2, 0])
OTHERWISE = {  # where the values at export allow a quicker way, which those in the file's runs do not
    "labels left out": (lambda x, t: F.cross_entropy(x, t), (ROW, LABELS), (ROW, np.array([0, -100, 2, 0]))),
    "labels -1 left out": (lambda x, t: F.cross_entropy(x, t, ignore_index=-1), (ROW, LABELS), (ROW, np.array([0, -1, 2, -1]))),
    "weighted labels": (lambda x, t: F.nll_loss(x, t, np.float32([1, 2, 3]), ignore_index=-1), (ROW, LABELS), (ROW, np.array([-1, 0, 2, 0]))),
    "no label left": (lambda x, t: F.cross_entropy(x, t, reduction="sum"), (ROW, LABELS), (ROW, np.full(4, -100))),
    "rows that see nothing": (lambda q, m: F.scaled_dot_product_attention(q, q, q, m), (ROW[None], np.ones((1, 4, 4), bool)), (ROW[None], np.eye(4, dtype=bool)[None] & (np.arange(4) > 1))),
    "a slope that is infinite": (tg.grad(lambda x: tg.where(x > 0.5, tg.log(tg.relu(x)), 0.0).sum()), (abs(ROW) + 1,), (ROW,)),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERWISE)
def test_a_file_is_right_for_values_that_take_another_way(name):
    f, then, now = OTHERWISE[name]
    model = tg.export(f, tuple(map(tg.Tensor, then)))
    found = ran(model, **{given.name: x for given, x in zip(model.graph.input, now, strict=True)})
    with np.errstate(divide="ignore"):
        close(found["output"], f(*map(tg.Tensor, now)).data)


def test_a_gradient_that_is_clipped_is_clipped_for_other_values_too():
    w = nn.Parameter(np.ones(3, np.float32))
    optimizer = optim.SGD([w], lr=1.0)

    def step(x):
        optimizer.zero_grad()
        (w * x).sum().backward()
        nn.utils.clip_grad_norm_([w], 1.0)
        optimizer.step()

    model = tg.export(step, tg.Tensor([0.1, 0.2, 0.2]))
    for x in ([0.1, 0.2, 0.2], [1.0, 2.0, 2.0]):
        x = np.array(x, np.float32)
        close(ran(model, x=x)["new.w"], 1 - x / max(1, np.linalg.norm(x)), 500)


def test_an_optimizer_that_branches_on_its_count_is_refused():
    class Halving(optim.Optimizer):
        def __init__(self, params):
            super().__init__(params, lr=1.0)

        def update(self, group, step, p, g, state, a, b):
            p -= g if step < 3 else g / 2

    w = nn.Parameter(np.ones(3, np.float32))
    optimizer = Halving([w])

    def step(x):
        optimizer.zero_grad()
        (w * x).sum().backward()
        optimizer.step()

    with pytest.raises(GraphError, match=r"export: .* for all learning rates and counts of steps; got a branch on one"):
        tg.export(step, tg.ones(3))


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.clip(x, -0.5, 1), lambda x: np.clip(x, None, 0.5), lambda x: np.clip(x, 0.5, None),
        lambda x: np.clip(x, a_min=-1, a_max=0), lambda x: np.clip(x, x - 1, 2.0 * x), lambda x: np.clip(x, 1, -1),
    ],
)  # fmt: skip
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_clip(f, dtype):
    x = np.array([-3, -1, 0, 1, 2]).astype(dtype)
    program = read(f, x)
    close(ran(write(program, [(program.inputs[0], "x")], {}, ["y"]), x=x)["y"], f(x))


def test_names_and_random_numbers():
    tg.random.manual_seed(0)
    scale = tg.Tensor([2.0])
    model = tg.export(lambda x: F.dropout(x["a"], 0.5) * scale, {"a": tg.ones(3)})
    assert [i.name for i in model.graph.input] == ["x", "random"]
    assert "scale" in {w.name for w in model.graph.initializer}
    close(ran(model, x=np.ones(3, np.float32), random=np.array([0.1, 0.9, 0.7]))["output"],
          tg.where(tg.asarray([True, False, False]), 4.0, 0.0).astype("float32").data)  # fmt: skip


def test_a_file_is_written(tmp_path):
    tg.export(tg.exp, tg.Tensor([0.0, 1.0]), tmp_path / "exp.onnx")
    again = tg.import_onnx(tmp_path / "exp.onnx")
    close(again(tg.Tensor([0.0, 2.0])).data, np.exp(np.array([0.0, 2.0], np.float32)))


DYNAMIC = {
    "MLP": (lambda: nn.Sequential(nn.Linear(4, 8), nn.LayerNorm(8), nn.GELU(), nn.Linear(8, 3)), (2, 4)),
    "ConvNet": (lambda: nn.Sequential(nn.Conv2d(1, 3, 3, padding=1, bias=False), nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()), (4, 1, 4, 4)),
    "LSTM": (lambda: nn.LSTM(4, 8, batch_first=True), (3, 5, 4)),
    "attention": (lambda: nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True), (2, 5, 8)),
}  # fmt: skip


@pytest.mark.parametrize("name", DYNAMIC)
def test_a_batch_of_any_length(name):
    """The network, and a step of its training with the means and variances of the batch, for lengths not seen before."""
    build, shape = DYNAMIC[name]
    tg.random.manual_seed(0)
    network = build()

    def loss(x):
        for p in network.parameters():
            p.grad = None
        y = network(x)
        value = ((y[0] if isinstance(y, tuple) else y) ** 2).mean()
        value.backward()
        return value, [p.grad * 1 for p in network.parameters()]

    x = tg.Tensor(np.random.default_rng(0).normal(size=shape).astype(np.float32))
    model = tg.export(loss, x, dynamic={"x": {0: "batch"}})
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"
    state = network.state_dict()
    for n in (1, 5):
        x = np.random.default_rng(n).normal(size=(n, *shape[1:])).astype(np.float32)
        found = ran(model, x=x)
        value, gradients = loss(tg.Tensor(x))
        network.load_state_dict(state)
        scale = max(np.abs(g.data).max() for g in gradients)
        for k, expected in enumerate((value, *gradients)):
            np.testing.assert_allclose(found[f"output_{k}"], expected.data, rtol=1e-3, atol=1e-5 * scale)


def test_a_dynamic_axis_that_is_not_used_alike():
    with pytest.raises(GraphError, match=r"export: a dynamic axis must be used alike for all lengths; got .*; export"):
        tg.export(lambda x: x * tg.asarray(np.sin(np.arange(len(x)))), tg.ones(3), dynamic={"x": {0: "n"}})
    with pytest.raises(
        ValueError, match=r"export: dynamic must name one axis of inputs among x, .*; write \{'x': \{0: 'b"
    ):
        tg.export(lambda x: x, tg.ones(3), dynamic={"z": {0: "n"}})


def test_outputs_that_are_inputs_and_outputs_that_are_one():
    x = tg.Tensor(np.arange(6.0, dtype=np.float32).reshape(2, 3))
    twice = lambda x: [x + 1] * 2
    cases = ((lambda x: x, 1), (lambda x: (x, x * 2), 2), (lambda x: (*twice(x), x), 3), (lambda x: [tg.ones(2), x], 2))
    for f, n in cases:
        found = list(ran(tg.export(f, (x,)), x=x.data).values())
        assert len(found) == n
        for y, z in zip(found, tg.tree.leaves(f(x)), strict=True):
            close(y, z.data)
