"""MNIST, from the four files that it is distributed as."""

from __future__ import annotations

import gzip
import math
import os
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..arrays import get_default_dtype
from ..engine import constant
from ..files import as_path, read_exactly
from ..tensor import Tensor

LARGEST = 2**28  # bytes in a file, five times what MNIST has: a larger one is no such file


class MNIST(NamedTuple):
    """Images `(n, 28, 28)` with entries from 0 to 1, and labels `(n,)` from 0 to 9."""

    train_images: Tensor
    train_labels: Tensor
    test_images: Tensor
    test_labels: Tensor


def load_mnist(path: str | os.PathLike[str] | None = None) -> MNIST:
    """60,000 handwritten digits to train on and 10,000 to test on.

    `path` is the folder with the four files `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`,
    `t10k-images-idx3-ubyte`, `t10k-labels-idx1-ubyte`, as they are or with `.gz`; without it, the folder
    `mnist` in the one that the environment variable TINYGRAD_EDU_DATA names.
    Files that do not belong together, or are not whole, raise a ValueError.
    Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits".
    Errors: a FileNotFoundError without a path and that variable.

    >>> import pathlib, tempfile
    >>> from tinygrad_edu import data
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> for name in ("train", "t10k"):  # one image of two pixels, a seven
    ...     images, labels = folder / f"{name}-images-idx3-ubyte", folder / f"{name}-labels-idx1-ubyte"
    ...     _ = images.write_bytes(bytes([0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 0, 255]))
    ...     _ = labels.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 1, 7]))
    >>> mnist = data.load_mnist(folder)
    >>> mnist.train_images.tolist(), mnist.train_labels.tolist()
    ([[[0.0, 1.0]]], [7])
    """
    if path is None:
        home = os.environ.get("TINYGRAD_EDU_DATA")
        if not home:
            raise FileNotFoundError(
                "load_mnist: needs the folder of the four MNIST files; got no path; pass one, or set TINYGRAD_EDU_DATA"
            )
        path = Path(home) / "mnist"
    folder, parts = as_path("load_mnist", path), []
    for name in ("train", "t10k"):
        labels = _read(folder, f"{name}-labels-idx1-ubyte", 1)
        images = _read(folder, f"{name}-images-idx3-ubyte", 3)
        _demand(len(images) == len(labels), f"{name} must have a label for each image", len(images), len(labels))
        _demand(labels.max() <= 9, f"labels of {name} must be from 0 to 9", labels.max())
        parts += [images, labels]
    _demand(parts[0].shape[1:] == parts[2].shape[1:], "all images must have one size", parts[0].shape, parts[2].shape)
    return MNIST(*(
        constant(part.astype(get_default_dtype()) / 255 if part.ndim == 3 else part.astype(np.int64)) for part in parts
    ))  # fmt: skip


def _demand(holds: bool, must: str, *given: object) -> None:
    if not holds:
        raise ValueError(f"load_mnist: {must}; got {' and '.join(map(str, given))}; download the four files again")


def _read(folder: Path, name: str, ndim: int) -> Any:
    """An array of bytes in the idx format: two zeros, a type, the number of axes, their lengths, the data."""
    zipped, plain = folder / f"{name}.gz", folder / name
    if not zipped.exists() and not plain.exists():
        raise FileNotFoundError(
            f"load_mnist: the folder must hold {name}, or {name}.gz; got {str(folder)!r} without it; download the four "
            "files into it"
        )
    path = zipped if zipped.exists() else plain
    try:
        with gzip.open(path) if path is zipped else open(path, "rb") as stream:
            return _array(stream, name, ndim)
    except (OSError, EOFError, zlib.error) as error:
        kind = "gzip " if path is zipped else ""
        raise ValueError(
            f"load_mnist: {path.name} must be a whole {kind}file; got {error}; download it again"
        ) from None


def _array(stream: Any, name: str, ndim: int) -> Any:
    """What the stream holds, read no further than its header declares, and one byte."""
    start = read_exactly(stream, 4 + 4 * ndim)
    shape = tuple(np.frombuffer(start[4:], ">u4").astype(int).tolist()) if start else ()
    size = math.prod(shape)
    if start is None or start[:4] != bytes([0, 0, 8, ndim]) or not 0 < size <= LARGEST:
        raise ValueError(
            f"load_mnist: {name} must be a whole idx file of bytes with {ndim} axes; got one that begins {start!r}; "
            "download it again"
        )
    content = read_exactly(stream, size)
    if content is None or stream.read(1):
        raise ValueError(
            f"load_mnist: {name} must be a whole idx file, with the {size} bytes that it declares; got "
            f"{'fewer' if content is None else 'more'}; download it again"
        )
    return np.frombuffer(content, np.uint8).reshape(shape)
