"""Batches of examples of every form, and what makes none."""

import dataclasses
from typing import NamedTuple

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import data
from tinygrad_edu.errors import DTypeError, ShapeError, StateDictError


class Pair(NamedTuple):
    x: object
    y: object


@dataclasses.dataclass
class Record:
    x: object
    y: object


FORMS = {
    "tuple": lambda x, y: (x, y), "list": lambda x, y: [x, y], "dict": lambda x, y: {"x": x, "y": y}, "named": Pair,
    "dataclass": Record, "nested": lambda x, y: {"x": (x, {"y": y})},
}  # fmt: skip


def flat(batch):
    if isinstance(batch, Record):
        return flat((batch.x, batch.y))
    if isinstance(batch, dict):
        return [a for part in batch.values() for a in flat(part)]
    return [a for part in batch for a in flat(part)] if isinstance(batch, tuple) else [batch]


@pytest.mark.parametrize("kind", ["array", "list", "tensor", "torch", "jax", "scalar"])
@pytest.mark.parametrize("form", FORMS)
def test_examples_of_every_form(form, kind):
    make = {
        "array": np.array, "list": lambda v: np.array(v).tolist() if np.ndim(v) == 0 else tuple(v), "tensor": tg.Tensor,
        "torch": lambda v: pytest.importorskip("torch").tensor(v), "scalar": lambda v: np.float32(np.sum(v)),
        "jax": lambda v: pytest.importorskip("jax").numpy.asarray(v),
    }[kind]  # fmt: skip
    examples = [FORMS[form](make([1.0 * i, 2.0]), make(3.0 * i)) for i in range(4)]
    first, last = data.DataLoader(examples, 3)
    assert type(first) is {"named": Pair, "dataclass": Record, "dict": dict, "nested": dict}.get(form, tuple)
    y = flat(first)[-1]
    assert isinstance(y, tg.Tensor)
    assert y.tolist() == [0.0, 3.0, 6.0]
    assert flat(last)[-1].tolist() == [9.0]
    if kind in ("array", "tensor", "torch", "jax"):
        assert flat(first)[0].tolist() == [[0.0, 2.0], [1.0, 2.0], [2.0, 2.0]]


@pytest.mark.parametrize("numbers", [[1, 2], [1.5, 2], [True, False], [1j, 2.0], [2.0, 1j], [2, 0.5]])
def test_pythons_numbers_are_stacked_as_a_tensor_of_them_is(numbers):
    for examples in (numbers, [{"z": (x,)} for x in numbers]):
        batch = data.collate(examples)
        batch = batch if examples is numbers else batch["z"][0]
        assert (batch.dtype, batch.tolist()) == (tg.Tensor(numbers).dtype, tg.Tensor(numbers).tolist())


def test_examples_that_need_a_gradient_keep_it():
    w = tg.Tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], requires_grad=True)
    for dataset in (list(w), data.TensorDataset(w)):
        for batch in data.DataLoader(dataset, 2):
            (batch if isinstance(batch, tg.Tensor) else batch[0]).sum().backward()
        np.testing.assert_array_equal(w.grad.data, np.ones((3, 2)))
        w.grad = None


def test_rows_of_a_data_set_are_its_own():
    a = np.arange(6.0).reshape(3, 2)
    pairs = data.TensorDataset(tg.asarray(a))
    rows = [pairs[0][0], pairs[0:2][0], pairs[np.array([0, 1])][0]]
    for row in rows:
        row += 1
    np.testing.assert_array_equal(a, np.arange(6.0).reshape(3, 2))
    a[:] = 9
    assert [row.tolist() for row in rows] == [[1, 2], [[1, 2], [3, 4]], [[1, 2], [3, 4]]]


def torch_tensor(**kw):
    return pytest.importorskip("torch").ones(2, **kw)


REFUSED = [
    ([np.ones(2), np.ones(3)], ShapeError, r"examples of a batch must have one shape; got \[\(2,\), \(3,\)\]; pad them"),
    ([(1, np.ones((2, 1))), (2, np.ones((1, 2)))], ShapeError, "examples' part 1 of a batch must have one shape"),
    ([{"x": [1, 2]}, {"x": [1]}], ShapeError, "examples' 'x' must have one number of parts; got .1, 2."),
    ([tg.ones(2), tg.ones(1)], ShapeError, "must have one shape"),
    ([1.0, None], DTypeError, "examples must hold numbers; got None among them; leave them out"),
    ([None, None], DTypeError, "got None among them"),
    ([(1.0, None), (2.0, None)], DTypeError, "examples' part 1 must hold numbers; got None"),
    ([{"x": 1, "y": None}, {"x": 1, "y": 2}], DTypeError, "examples' 'y' must hold numbers; got None"),
    ([{"x": 1}, {"y": 1}], StateDictError, "examples must have the same keys; got x and y; fill them up"),
    ([{"x": 1}, 3], StateDictError, "must have the same keys; got x and int"),
    ([(1, 2), (1, 2, 3)], ShapeError, r"must have one number of parts; got \[2, 3\]"),
    ([(1, 2), 3], ShapeError, r"must have one number of parts; got \[0, 2\]"),
    ([1.0, "two"], DTypeError, "examples must be numbers or arrays of numbers; got str"),
    ([np.array(["a"]), np.array(["b"])], DTypeError, "must be numbers or arrays of numbers; got ndarray"),
    (lambda: [torch_tensor(requires_grad=True)] * 2, DTypeError, "must be numbers or arrays; got Tensor .*requires grad"),
    (lambda: [torch_tensor(dtype=pytest.importorskip("torch").bfloat16)] * 2, DTypeError, "must be numbers or arrays; got Tensor"),
]  # fmt: skip


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("case", range(len(REFUSED)))
def test_examples_that_make_no_batch_are_refused(case, workers):
    examples, error, text = REFUSED[case]
    with pytest.raises(error, match=f"^DataLoader: .*{text}.*, or give collate_fn$"):
        next(iter(data.DataLoader(examples() if callable(examples) else examples, 2, num_workers=workers)))
