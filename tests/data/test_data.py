"""Data sets, and batches of them."""

import pickle
import re
import subprocess
import sys
import threading
import time
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu import data
from tinygrad_edu.errors import DTypeError, MissingLibraryError, ShapeError, StateDictError
from tinygrad_edu.random import default_rng


@given(st.integers(0, 20), st.integers(1, 7), st.booleans(), st.booleans(), st.integers(0, 99))
def test_batches_hold_every_example_once(n, size, shuffle, drop_last, seed):
    loader = data.DataLoader(range(n), size, shuffle, drop_last, default_rng(seed))
    batches = [batch.tolist() for batch in loader]
    assert len(batches) == len(loader)
    found = [i for batch in batches for i in batch]
    kept = n - n % size if drop_last else n
    assert len(found) == kept
    assert len(set(found)) == kept
    if not shuffle:
        assert found == list(range(kept))
    assert all(len(batch) == size for batch in batches[: n // size])


def test_shuffling_is_reproducible_and_differs_from_pass_to_pass():
    def passes(seed):
        loader = data.DataLoader(range(50), 50, shuffle=True, rng=default_rng(seed))
        return [next(iter(loader)).tolist() for _ in range(2)]

    assert passes(1) == passes(1)
    assert passes(1) != passes(2)
    assert passes(1)[0] != passes(1)[1]
    tg.random.manual_seed(3)
    first = next(iter(data.DataLoader(range(50), 50, shuffle=True))).tolist()
    tg.random.manual_seed(3)
    assert first == next(iter(data.DataLoader(range(50), 50, shuffle=True))).tolist()


def test_tensor_data_sets_are_cut_at_once_and_one_by_one_alike():
    x, y = np.arange(12.0).reshape(6, 2), np.arange(6)
    whole = data.DataLoader(data.TensorDataset(x, y), 4)
    single = data.DataLoader([(x[i], y[i]) for i in range(6)], 4)
    for (a, b), (c, d) in zip(whole, single, strict=True):
        np.testing.assert_array_equal(a.data, c.data)
        np.testing.assert_array_equal(b.data, d.data)
        assert isinstance(a, tg.Tensor)
    assert b.dtype.kind == "i"


def test_batches_of_nested_examples():
    batch = data.collate([{"x": (1.0, [2, "a"])}, {"x": (3.0, [4, "b"])}])
    assert batch["x"][0].tolist() == [1.0, 3.0]
    assert batch["x"][1][0].tolist() == [2, 4]
    assert batch["x"][1][1] == ["a", "b"]


def test_what_cannot_be_batched_is_refused():
    with pytest.raises(ShapeError, match=r"tensors must have one length; got shapes \(2,\), \(3,\)"):
        data.TensorDataset(np.ones(2), np.ones(3))
    with pytest.raises(ShapeError, match=r"must have one shape; got \[\(1,\), \(2,\)\]; pad them"):
        next(iter(data.DataLoader([np.ones(1), np.ones(2)], 2)))
    with pytest.raises(ValueError, match="batch_size must be 1 or more; got 0"):
        data.DataLoader([1], 0)


def test_the_progress_bar_shows_the_loss(capsys):
    pytest.importorskip("tqdm")
    bar = data.progress(data.DataLoader(range(4), 2), "epoch", leave=True, ascii=True)
    assert len(bar) == 2
    for _ in bar:
        bar.show(loss=tg.Tensor(0.25))
    shown = capsys.readouterr().err
    assert "epoch" in shown
    assert "loss=0.25" in shown


def test_without_tqdm_the_install_command_is_given(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    with pytest.raises(MissingLibraryError, match=r"progress: needs tqdm.*pip install 'tinygrad_edu\[demo\]'"):
        data.progress([1])


def test_importing_nn_optim_data_and_io_imports_numpy_only():
    program = """
import sys, traceback
import numpy.random
before = set(sys.modules)
import tinygrad_edu.nn.functional
from tinygrad_edu import nn, optim, data, io
new = {name.partition(".")[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names)
print(sorted(new - {"numpy"}))
"""
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env={"PYTHONPATH": ":".join(sys.path)}
    )
    assert run.stdout.strip() == "['tinygrad_edu']", run.stderr


def test_a_loader_names_its_data_set_and_keeps_named_tuples():
    class Pair(NamedTuple):
        x: float
        y: int

    loader = data.DataLoader(dataset=[Pair(1.0, 2), Pair(3.0, 4)], batch_size=2)
    assert len(loader.dataset) == 2
    (batch,) = loader
    assert (batch.x.tolist(), batch.y.tolist()) == ([1.0, 3.0], [2, 4])


class Stream:
    """Examples that can only be iterated over, anew in each pass."""

    def __init__(self, n):
        self.n = n

    def __iter__(self):
        return iter(range(self.n))


def lists(batches):
    return [batch.tolist() for batch in batches]


@given(st.integers(0, 12), st.integers(1, 5), st.booleans(), st.sampled_from([0, 1, 3]))
def test_iterables_are_batched_in_order_as_in_pytorch(n, size, drop_last, workers):
    torch = pytest.importorskip("torch")

    class Theirs(torch.utils.data.IterableDataset):
        def __iter__(self):
            return iter(range(n))

    want = lists(torch.utils.data.DataLoader(Theirs(), size, drop_last=drop_last))
    for dataset in (Stream(n), (i for i in range(n)), map(int, range(n)), Theirs()):
        loader = data.DataLoader(dataset, size, drop_last=drop_last, num_workers=workers)
        assert lists(loader) == want
        if iter(dataset) is not dataset:
            assert lists(loader) == want


def test_what_gives_its_examples_once_is_passed_once():
    loader = data.DataLoader((i for i in range(3)), 2)
    assert lists(loader) == [[0, 1], [2]]
    with pytest.raises(ValueError, match="must give its examples again in each pass; got a generator, which has been"):
        iter(loader)


@given(
    st.integers(0, 20), st.integers(1, 7), st.booleans(), st.booleans(), st.integers(0, 9), st.sampled_from([1, 2, 5])
)  # fmt: skip
def test_workers_give_the_same_batches_in_the_same_order(n, size, shuffle, drop_last, seed, workers):
    class Slow:
        def __len__(self):
            return n

        def __getitem__(self, i):
            time.sleep(0.0005 * (i % 3))
            return i, np.full(2, i)

    def passes(dataset, **kw):
        loader = data.DataLoader(dataset, size, shuffle, drop_last, default_rng(seed), **kw)
        return [[part.tolist() for part in batch] for _ in range(2) for batch in loader]

    pairs = data.TensorDataset(np.arange(n), np.repeat(np.arange(n), 2).reshape(n, 2))
    assert passes(Slow(), num_workers=workers) == passes(Slow()) == passes(pairs, num_workers=workers) == passes(pairs)


def test_workers_are_ahead_but_not_far_and_end_with_the_pass():
    seen = []

    class Watched:
        def __len__(self):
            return 1000

        def __getitem__(self, i):
            seen.append((i, threading.current_thread().name))
            return i

    batches = iter(data.DataLoader(Watched(), 10, num_workers=2))
    next(batches)
    time.sleep(0.05)
    assert 10 < len(seen) <= 60
    assert all(name.startswith("DataLoader") for _, name in seen)
    del batches
    time.sleep(0.05)
    assert not any(t.name.startswith("DataLoader") for t in threading.enumerate())


@pytest.mark.parametrize("workers", [0, 2])
def test_an_error_of_an_example_comes_at_its_batch(workers):
    class Broken:
        def __len__(self):
            return 6

        def __getitem__(self, i):
            if i == 4:
                raise OSError("disk")
            return i

    batches = iter(data.DataLoader(Broken(), 2, num_workers=workers))
    assert [next(batches).tolist(), next(batches).tolist()] == [[0, 1], [2, 3]]
    with pytest.raises(OSError, match="disk"):
        next(batches)


def test_workers_run_under_the_blocks_of_their_caller():
    w = tg.Tensor([1.0], requires_grad=True)
    loader = data.DataLoader(range(4), 2, num_workers=2, collate_fn=lambda rows: (w * 1).requires_grad)
    assert list(loader) == [True, True]
    with tg.no_grad():
        assert list(loader) == [False, False]


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: data.DataLoader(3), DTypeError, "must be a sequence or an iterable of examples; got int, which has no len"),
        (lambda: data.DataLoader(None), DTypeError, "got NoneType, which has no len"),
        (lambda: data.DataLoader({"x": 1}), DTypeError, "got a dict; pass a list"),
        (lambda: data.DataLoader(np.array(1.0)), DTypeError, r"got a ndarray of shape \(\); pass a list"),
        (lambda: data.DataLoader(tg.Tensor(1.0)), DTypeError, r"got a Tensor of shape \(\); pass a list"),
        (lambda: data.DataLoader(Stream(3), shuffle=True), ValueError, "for shuffle=True, a data set must have len.*; got Stream"),
        (lambda: len(data.DataLoader(Stream(3))), TypeError, r"len\(\) needs a data set or sampler that has one; got Stream"),
        (lambda: data.DataLoader([1], 2.5), TypeError, "batch_size must be an integer; got 2.5"),
        (lambda: data.DataLoader([1], True), TypeError, "batch_size must be an integer; got True"),
        (lambda: data.DataLoader([1], num_workers=-1), ValueError, "num_workers must be 0 or more; got -1"),
        (lambda: data.DataLoader([1], rng=3), TypeError, "rng must be a generator; got 3"),
        (lambda: data.DataLoader([1], collate_fn=3), DTypeError, "collate_fn must be a function; got 3"),
        (lambda: data.DataLoader(Stream(3), sampler=[0]), ValueError, "for a sampler, a data set must have len"),
            (lambda: data.DataLoader([1], 2, batch_sampler=[[0]]), ValueError, "a batch_sampler and batch_size or drop_last"),
            (lambda: data.DataLoader([1], worker_init_fn=3), DTypeError, "worker_init_fn must be a function; got 3"),
        (lambda: data.DataLoader([1], generator=1), TypeError, "got generator; did you mean rng"),
        (lambda: data.DataLoader([1], pin_memory=True), TypeError, "got pin_memory; leave it out"),
    ],
)  # fmt: skip
def test_arguments_of_a_loader_are_checked(call, error, text):
    with pytest.raises(error, match=f"^DataLoader: .*{text}.*"):
        call()


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("kind", ["shuffled", "sampler", "batches", "iterable"])
def test_a_pass_resumes_on_the_next_batch(tmp_path, kind, workers):
    class Count(data.IterableDataset):
        def __iter__(self):
            return iter(range(11))

    def loader(seed):
        rng = default_rng(seed)
        if kind == "iterable":
            return data.DataLoader(Count(), 3, num_workers=workers, rng=rng)
        if kind == "batches":
            sampler = data.BatchSampler(data.RandomSampler(range(11), rng=rng), 4)
            return data.DataLoader(range(11), batch_sampler=sampler, num_workers=workers)
        order = {"shuffle": True} if kind == "shuffled" else {"sampler": data.SubsetRandomSampler(range(2, 11), rng)}
        return data.DataLoader(range(11), 3, rng=rng, num_workers=workers, **order)

    first = loader(0)
    going = iter(first)
    next(going)
    tg.save(tmp_path / "loader.st", first.state_dict())
    rest = [batch.tolist() for batch in going]
    second = loader(7)
    second.load_state_dict(tg.load(tmp_path / "loader.st"))
    going = iter(second)
    assert next(going).tolist() == rest[0]
    third = loader(8)
    third.load_state_dict(second.state_dict())  # of a pass that had resumed
    assert [batch.tolist() for batch in third] == rest[1:]
    assert [batch.tolist() for batch in going] == rest[1:]
    assert second.state_dict()["given"] == 0
    if kind in ("shuffled", "iterable"):
        assert [batch.tolist() for batch in second] == [batch.tolist() for batch in first]
    with pytest.raises(StateDictError, match="must be a state_dict"):
        loader(0).load_state_dict(
            {"given": 2, "rest": np.array([99]), "sizes": np.array([1])} if kind != "iterable" else {}
        )


def test_samplers_and_parts_of_data_sets_as_in_pytorch():
    rng = default_rng(0)
    assert sorted(data.RandomSampler(range(9), rng=rng)) == list(range(9))
    assert len(list(data.RandomSampler(range(3), num_samples=8, rng=rng))) == 8
    assert set(data.RandomSampler(range(3), replacement=True, num_samples=50, rng=rng)) == {0, 1, 2}
    drawn = np.bincount(list(data.WeightedRandomSampler([1, 0, 3], 4000, rng=rng)))
    assert drawn[1] == 0
    assert abs(drawn[2] - 3000) < 5 * (4000 * 0.75 * 0.25) ** 0.5
    assert sorted(data.WeightedRandomSampler([1, 2, 3], 3, replacement=False, rng=rng)) == [0, 1, 2]
    with pytest.raises(ValueError, match="a weight above 0 for each sample; got 1 for 2"):
        data.WeightedRandomSampler([0, 1], 2, replacement=False)
    parts = data.random_split(data.TensorDataset(np.arange(10)), [0.5, 0.25, 0.25], rng)
    torch = pytest.importorskip("torch")
    assert [len(part) for part in parts] == [
        len(p) for p in torch.utils.data.random_split(range(10), [0.5, 0.25, 0.25])
    ]
    assert sorted(int(part[i][0]) for part in parts for i in range(len(part))) == list(range(10))
    both = data.ConcatDataset(parts)
    assert [int(both[i][0]) for i in range(-10, 0)] == [int(both[i][0]) for i in range(10)]
    whole = next(iter(data.DataLoader(parts[0], 5)))
    assert whole[0].shape == (5,)
    for bad in ([3, 3], [0.5, 0.4], [-1, 11]):
        with pytest.raises(ValueError, match="lengths must sum to the 10 examples, or fractions to 1"):
            data.random_split(range(10), bad)
    with pytest.raises(IndexError, match="within the 3 examples; got 3"):
        data.Subset(range(3), [0, 3])
    with pytest.raises(ValueError, match=r"one of them says the order; got shuffle=True and a sampler"):
        data.DataLoader(range(3), shuffle=True, sampler=[0])
    numbers = []
    list(data.DataLoader(range(20), 2, num_workers=3, worker_init_fn=numbers.append))
    assert set(numbers) <= {0, 1, 2}
    assert len(numbers) == len(set(numbers)) > 0


def order(rng=None):
    rng = tg.random.default_rng(3) if rng is None else rng
    rows = data.TensorDataset(np.arange(10.0), np.arange(10))

    class Moved(data.Dataset):
        def __init__(self):
            self.rng = tg.random.default_rng(8)

        def __len__(self):
            return 6

        def __getitem__(self, i):
            return float(i) + self.rng.uniform(size=()).item()

    return {
        "in order": lambda: data.DataLoader(rows, 3), "shuffled": lambda: data.DataLoader(rows, 3, shuffle=True, rng=rng),
        "without the last": lambda: data.DataLoader(rows, 3, shuffle=True, drop_last=True, rng=rng), "one by one": lambda: data.DataLoader(rows, None, shuffle=True, rng=rng),
        "a random sampler": lambda: data.DataLoader(rows, 3, sampler=data.RandomSampler(rows, rng=rng)),
        "drawn again": lambda: data.DataLoader(rows, 3, sampler=data.RandomSampler(rows, True, 14, rng=rng)),
        "by weights": lambda: data.DataLoader(rows, 3, sampler=data.WeightedRandomSampler(np.arange(10.0), 10, rng=rng)),
        "of some": lambda: data.DataLoader(rows, 2, sampler=data.SubsetRandomSampler([1, 4, 6, 7, 9], rng=rng)),
        "in batches of a sampler": lambda: data.DataLoader(rows, batch_sampler=data.BatchSampler(data.RandomSampler(rows, rng=rng), 3, False)),
        "a part": lambda: data.DataLoader(data.random_split(rows, [7, 3], tg.random.default_rng(1))[0], 2, shuffle=True, rng=rng),
        "changed by chance": lambda: data.DataLoader(Moved(), 2, shuffle=True, rng=rng), "a part of what chance changes": lambda: data.DataLoader(data.Subset(Moved(), [0, 2, 4, 5]), 2),
    }  # fmt: skip


def numbers(batch):
    return [np.asarray(part).tolist() for part in (batch if isinstance(batch, tuple) else (batch,))]


@pytest.mark.parametrize("kind", order())
def test_a_loader_goes_on_after_any_batch_and_in_the_passes_after_that(kind):
    """Two passes of one loader, and one that is stopped before each batch of each, and goes on in another process."""
    make = lambda: order()[kind]()
    loader = make()
    whole = [[numbers(batch) for batch in loader] for _ in range(3)]
    for done in range(2):
        for cut in range(len(whole[0])):
            first = make()
            for _ in range(done):
                list(first)
            batches = iter(first)
            begun = [numbers(next(batches)) for _ in range(cut)]
            second = make()
            second.load_state_dict(pickle.loads(pickle.dumps(first.state_dict())))
            assert begun + [numbers(batch) for batch in second] == whole[done]
            assert [numbers(batch) for batch in second] == whole[done + 1]


def test_without_a_batch_size_examples_come_as_they_are():
    examples = [{"x": np.ones(2), "y": (1, "a")}, {"x": np.zeros(2), "y": (2, "b")}]
    first, second = data.DataLoader(examples, batch_size=None)
    assert isinstance(first["x"], tg.Tensor)
    assert (first["x"].tolist(), first["y"], second["y"]) == ([1, 1], (1, "a"), (2, "b"))
    assert len(data.DataLoader(examples, batch_size=None)) == 2
    assert list(data.DataLoader((i for i in range(3)), batch_size=None, collate_fn=lambda i: -i)) == [0, -1, -2]


def test_what_changes_nothing_is_taken():
    loader = data.DataLoader(
        range(4), 2, pin_memory=False, persistent_workers=False, timeout=0, prefetch_factor=None, generator=None
    )
    assert [batch.tolist() for batch in loader] == [[0, 1], [2, 3]]
    with pytest.raises(TypeError, match="got generator; did you mean rng"):
        data.DataLoader(range(4), generator=tg.random.default_rng(0))


def test_every_name_of_torch_utils_data_is_here_or_answers_with_a_sentence():
    theirs = pytest.importorskip("torch.utils.data")
    for name in theirs.__all__:
        if name[0] != "_" and not hasattr(data, name):
            with pytest.raises(AttributeError) as error:
                getattr(data, name)
            assert re.fullmatch(rf"data: has no attribute '{name}'; (?!did you mean|see dir).{{12,}}", str(error.value))


def test_a_data_set_of_ones_own_must_say_what_an_example_is():
    with pytest.raises(NotImplementedError, match="Mine: __getitem__ must give example i; got none defined; define it"):
        type("Mine", (data.Dataset,), {})()[0]
