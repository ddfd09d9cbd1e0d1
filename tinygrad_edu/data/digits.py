"""The handwritten digits that come with the package."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..arrays import get_default_dtype
from ..engine import constant
from ..functions.calls import own_keywords
from ..tensor import Tensor


@own_keywords
def load_digits() -> tuple[Tensor, Tensor]:
    """1797 handwritten digits: images `(1797, 8, 8)` with entries from 0 to 1, and labels `(1797,)`.

    Source: E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine
    Learning Repository (1998), CC BY 4.0; see digits.LICENSE.txt.

    >>> from tinygrad_edu import data
    >>> images, labels = data.load_digits()
    >>> images.shape, labels[:4].tolist()
    ((1797, 8, 8), [0, 1, 2, 3])
    """
    with np.load(Path(__file__).with_name("digits.npz")) as archive:
        images, labels = archive["images"], archive["labels"]
    return constant((images / 16).astype(get_default_dtype())), constant(labels.astype(np.int64))
