"""Images in folders, one folder for each class."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from typing import Any

import numpy as np

from ..arrays import get_default_dtype
from ..engine import constant
from ..errors import MissingLibraryError
from ..files import as_path
from ..functions.settings import Positive, settings
from .dataset import Dataset

KINDS = {".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}


class ImageFolder(Dataset):
    """A data set of the images below `root`, whose folders are the classes: `cat/001.jpg`, `dog/deep/7.png`.

    Example `i` is `(image, class)`: a tensor `(channels, height, width)` with entries from 0 to 1, and the number of
    the class in `classes`, which are sorted. With `size`, the middle square of each image, scaled to `(size, size)`; so
    all have one shape. `grey` gives one channel in place of three. `transform` is called with each image, and
    `target_transform` with its class. Files are read when an example is asked for (through Pillow).
    Errors: a NotADirectoryError where `root` is none, a ValueError where it holds no images.

    >>> import pathlib, tempfile
    >>> from PIL import Image
    >>> from tinygrad_edu import data
    >>> root = pathlib.Path(tempfile.mkdtemp())
    >>> for name, colour in [("day", "white"), ("night", "black")]:
    ...     (root / name).mkdir()
    ...     Image.new("RGB", (6, 4), colour).save(root / name / "1.png")
    >>> images = data.ImageFolder(root, size=2)
    >>> images.classes, len(images), images[0][0].shape, images[0][1], float(images[1][0].max())
    (['day', 'night'], 2, (3, 2, 2), 0, 0.0)
    """

    @settings
    def __init__(
        self, root: str | PathLike[str], size: Positive | None = None, grey: bool = False,
        transform: Callable[[Any], Any] | None = None, target_transform: Callable[[int], Any] | None = None,
    ) -> None:  # fmt: skip
        folder = as_path("ImageFolder", root)
        if not folder.is_dir():
            raise NotADirectoryError(f"ImageFolder: root must be a folder; got {str(root)!r}; name one that there is")
        self.root, self.size, self.grey = folder, size, bool(grey)
        self.transform, self.target_transform = transform, target_transform
        self.classes = sorted(path.name for path in folder.iterdir() if path.is_dir())
        self.samples = [
            (path, k)
            for k, name in enumerate(self.classes)
            for path in sorted((folder / name).rglob("*"))
            if path.suffix.lower() in KINDS
        ]
        self.class_to_idx = {name: k for k, name in enumerate(self.classes)}
        self.targets = [k for _, k in self.samples]
        if not self.samples:
            raise ValueError(
                f"ImageFolder: there must be a folder of images for each class; got none in {str(root)!r}; move them "
                "into such as root/cat/1.png"
            )

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, i: int) -> tuple[Any, Any]:
        path, label = self.samples[i]
        array = _read(path, self.size, self.grey)
        image = constant(np.ascontiguousarray(array.transpose(2, 0, 1)).astype(get_default_dtype()) / 255)
        return (image if self.transform is None else self.transform(image)), (
            label if self.target_transform is None else self.target_transform(label)
        )


def _read(path: Any, size: int | None, grey: bool) -> Any:
    """The entries of an image file, from 0 to 255: `(height, width, channels)`."""
    try:
        from PIL import Image, ImageOps, UnidentifiedImageError
    except ImportError:
        raise MissingLibraryError("ImageFolder", "pillow", "images") from None
    try:
        with Image.open(path) as file:
            image = ImageOps.exif_transpose(file).convert("L" if grey else "RGB")  # as it was held
    except (UnidentifiedImageError, OSError, SyntaxError) as error:
        raise ValueError(
            f"ImageFolder: files must be whole images; got {str(path)!r} ({error}); remove it, or save it again"
        ) from error
    if size is not None:
        image = ImageOps.fit(image, (size, size), Image.Resampling.BOX)
    return np.atleast_3d(np.asarray(image))
