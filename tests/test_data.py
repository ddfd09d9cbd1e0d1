"""Data sets, batches, and the files they come from."""

import gzip
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu import data
from tinygrad_edu.errors import MissingLibraryError, ShapeError
from tinygrad_edu.random import default_rng

MNIST = Path(__file__).resolve().parents[2] / "shared" / "data" / "mnist"


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


def test_the_digits():
    images, labels = data.load_digits()
    assert images.shape == (1797, 8, 8)
    assert (images.data.min(), images.data.max()) == (0.0, 1.0)
    assert images.dtype == np.float32
    assert np.bincount(labels.data).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert (images.data * 16).sum() == pytest.approx(561718)


def write_mnist(folder, zipped):
    for name, n in (("train", 6), ("t10k", 3)):
        images = np.arange(n * 4, dtype=np.uint8)
        parts = {
            f"{name}-images-idx3-ubyte": bytes([0, 0, 8, 3]) + np.array([n, 2, 2], ">u4").tobytes() + images.tobytes(),
            f"{name}-labels-idx1-ubyte": bytes([0, 0, 8, 1]) + np.array([n], ">u4").tobytes() + bytes(range(n)),
        }
        for file, content in parts.items():
            path = folder / (f"{file}.gz" if zipped else file)
            path.write_bytes(gzip.compress(content) if zipped else content)


@pytest.mark.parametrize("zipped", [True, False])
def test_mnist_files(tmp_path, monkeypatch, zipped):
    (tmp_path / "mnist").mkdir()
    write_mnist(tmp_path / "mnist", zipped)
    monkeypatch.setenv("TINYGRAD_EDU_DATA", str(tmp_path))
    mnist = data.load_mnist()
    assert [t.shape for t in mnist] == [(6, 2, 2), (6,), (3, 2, 2), (3,)]
    np.testing.assert_allclose(mnist.train_images.data.reshape(-1), np.arange(24) / 255, rtol=1e-6)
    assert mnist.test_labels.tolist() == [0, 1, 2]
    end = ".gz" if zipped else ""
    broken = tmp_path / "mnist" / f"t10k-labels-idx1-ubyte{end}"
    broken.write_bytes(broken.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"load_mnist: .* must be a whole (gzip|idx) file.*download it again"):
        data.load_mnist()
    broken.unlink()
    with pytest.raises(FileNotFoundError, match="the folder must hold t10k-labels-idx1-ubyte"):
        data.load_mnist(tmp_path / "mnist")
    monkeypatch.delenv("TINYGRAD_EDU_DATA")
    with pytest.raises(FileNotFoundError, match="pass one, or set TINYGRAD_EDU_DATA"):
        data.load_mnist()


@pytest.mark.skipif(not MNIST.exists(), reason="MNIST is not shipped with the package")
def test_the_real_mnist():
    mnist = data.load_mnist(MNIST)
    assert mnist.train_images.shape == (60000, 28, 28)
    assert np.bincount(mnist.test_labels.data).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


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
import sys
import numpy.random
before = set(sys.modules)
import tinygrad_edu.nn.functional
from tinygrad_edu import nn, optim, data, io
new = {name.partition(".")[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names)
print(sorted(new))
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
