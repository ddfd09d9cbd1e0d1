"""Data that come from files: digits, MNIST, images in folders, tables."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from tinygrad_edu import data
from tinygrad_edu.errors import DTypeError

MNIST = Path(__file__).resolve().parents[3] / "shared" / "data" / "mnist"


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


def test_images_in_folders_are_a_data_set(tmp_path):
    image = pytest.importorskip("PIL.Image")
    rng = np.random.default_rng(0)
    pixels = {}
    for name, file in [("b", "2.png"), ("a", "1.bmp"), ("b", "deep/1.png")]:
        (tmp_path / name / file).parent.mkdir(parents=True, exist_ok=True)
        pixels[name, file] = rng.integers(0, 256, (4, 6, 3), np.uint8)
        image.fromarray(pixels[name, file]).save(tmp_path / name / file)
    (tmp_path / "b" / "notes.txt").write_text("no image")
    images = data.ImageFolder(tmp_path)
    assert (images.classes, len(images)) == (["a", "b"], 3)
    assert [label for _, label in images] == [0, 1, 1]
    for (found, _), key in zip(images, [("a", "1.bmp"), ("b", "2.png"), ("b", "deep/1.png")], strict=True):
        np.testing.assert_allclose(found.data, pixels[key].transpose(2, 0, 1) / 255, rtol=1e-6)
    small = data.ImageFolder(tmp_path, size=2, grey=True, transform=lambda x: x * 2 - 1)
    x, y = next(iter(data.DataLoader(small, 3)))
    assert (x.shape, y.tolist()) == ((3, 1, 2, 2), [0, 1, 1])
    assert -1 <= float(x.min()) < float(x.max()) <= 1
    middle = pixels["a", "1.bmp"][:, 1:5] @ [0.299, 0.587, 0.114]  # the middle square, in grey
    means = middle.reshape(2, 2, 2, 2).mean(axis=(1, 3)) / 127.5 - 1
    np.testing.assert_allclose(x.data[0, 0], means, atol=2 / 127.5)
    (tmp_path / "a" / "3.png").write_bytes(b"not an image")
    with pytest.raises(ValueError, match=r"ImageFolder: files must be whole images; got .*3\.png"):
        data.ImageFolder(tmp_path)[1]
    with pytest.raises(ValueError, match="a folder of images for each class; got none"):
        data.ImageFolder(tmp_path / "b" / "deep")
    with pytest.raises(DTypeError, match="transform must be a function; got 3"):
        data.ImageFolder(tmp_path, transform=3)
    with pytest.raises(NotADirectoryError, match="root must be a folder"):
        data.ImageFolder(tmp_path / "nowhere")


def test_tables_in_text_files(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes('\ufeffx; "a; b";kind\r\n1;2.5;red\r\n-3e2;?;blue\r\n\r\n4;NA;\r\n'.encode())
    table = data.load_csv(path, delimiter=";")
    assert table.names == ["x", "a; b", "kind"]
    np.testing.assert_array_equal(
        table.values.data, np.array([[1, 2.5, 1], [-300, np.nan, 0], [4, np.nan, np.nan]], "f4")
    )
    assert table.words == {"kind": ["blue", "red"]}
    assert table.column("x").tolist() == [1, -300, 4]
    assert table.without("kind").shape == (3, 2)
    with pytest.raises(KeyError, match="the column must be one of"):
        table.column("y")
    path.write_text("1,2\n3,4\n")
    assert data.load_csv(path).names == ["column 0", "column 1"]
    assert data.load_csv(path, header=True).names == ["1", "2"]
    for text, said in [
        ("a,b\n1\n", r"one number of fields; got lines of \[1, 2\]"),
        ("", "got an empty file"),
        ("a,a\n1,2\n", "names of columns must differ"),
    ]:
        path.write_text(text)
        with pytest.raises(ValueError, match=said):
            data.load_csv(path)
    path.write_bytes(b"\xff\xfe,1\n")
    with pytest.raises(ValueError, match="must be text in UTF-8"):
        data.load_csv(path)
    for odd in ("", ";;", "\n"):
        with pytest.raises(ValueError, match="load_csv: delimiter must be one character; got"):
            data.load_csv(path, odd)
    with pytest.raises(FileNotFoundError, match="load_csv: the path must name a readable file"):
        data.load_csv(tmp_path / "nowhere.csv")
