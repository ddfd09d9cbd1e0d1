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
from ..tensor import Tensor


class MNIST(NamedTuple):
    """Images `(n, 28, 28)` with entries from 0 to 1, and labels `(n,)` from 0 to 9."""

    train_images: Tensor
    train_labels: Tensor
    test_images: Tensor
    test_labels: Tensor


def load_mnist(path: Any = None) -> MNIST:
    """60,000 handwritten digits to train on and 10,000 to test on.

    `path` is the folder with the four files `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`,
    `t10k-images-idx3-ubyte`, `t10k-labels-idx1-ubyte`, as they are or with `.gz`; without it, the folder
    `mnist` in the one that the environment variable TINYGRAD_EDU_DATA names.
    Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits".
    """
    if path is None:
        home = os.environ.get("TINYGRAD_EDU_DATA")
        if not home:
            raise FileNotFoundError(
                "load_mnist: needs the folder of the four MNIST files; got no path; pass one, or set TINYGRAD_EDU_DATA"
            )
        path = Path(home) / "mnist"
    parts = []
    for name in ("train", "t10k"):
        images = _read(Path(path), f"{name}-images-idx3-ubyte", 3)
        labels = _read(Path(path), f"{name}-labels-idx1-ubyte", 1)
        parts += [constant(images.astype(get_default_dtype()) / 255), constant(labels.astype(np.int64))]
    return MNIST(*parts)


def _read(folder: Path, name: str, ndim: int) -> Any:
    """An array of bytes in the idx format: two zeros, a type, the number of axes, their lengths, the data."""
    zipped, plain = folder / f"{name}.gz", folder / name
    if not zipped.exists() and not plain.exists():
        raise FileNotFoundError(
            f"load_mnist: the folder must hold {name}, or {name}.gz; got {str(folder)!r} without it; download the four "
            "files into it"
        )
    try:
        content = gzip.decompress(zipped.read_bytes()) if zipped.exists() else plain.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(
            f"load_mnist: {zipped.name} must be a whole gzip file; got {error}; download it again"
        ) from None
    start = 4 + 4 * ndim
    shape = tuple(np.frombuffer(content[4:start], ">u4").astype(int)) if len(content) >= start else ()
    if content[:4] != bytes([0, 0, 8, ndim]) or len(content) != start + math.prod(shape):
        raise ValueError(
            f"load_mnist: {name} must be a whole idx file of bytes with {ndim} axes; got {len(content)} bytes that "
            f"begin {content[:4]!r}; download it again"
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)
