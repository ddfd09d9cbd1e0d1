"""A progress bar that shows the loss."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator
from typing import Any

from ..errors import MissingLibraryError
from ..functions.settings import refused, settings


class Progress:
    """Goes through `batches`, and shows how far it is (with tqdm).

    bar = data.progress(loader, "epoch 1")
    for x, y in bar:
        ...
        bar.show(loss=loss)
    """

    @settings
    def __init__(self, batches: Iterable[Any], text: str = "", **options: object) -> None:
        if not hasattr(batches, "__iter__") or getattr(batches, "shape", None) == ():
            raise refused("progress", "batches", "what can be gone through", batches, "a DataLoader")
        try:
            tqdm = importlib.import_module("tqdm.auto").tqdm
        except ImportError:
            raise MissingLibraryError("progress", "tqdm", "demo") from None
        self.bar: Any = tqdm(batches, text or None, **options)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.bar)

    def __len__(self) -> int:
        return len(self.bar)

    def show(self, **values: Any) -> None:
        """Show numbers beside the bar; tensors of one entry will do."""
        self.bar.set_postfix({k: f"{float(v):.4g}" for k, v in values.items()}, refresh=False)


@settings
def progress(batches: Iterable[Any], text: str = "", **options: object) -> Progress:
    """`batches` with a progress bar; `options` are tqdm's.

    >>> from tinygrad_edu import data
    >>> bar = data.progress([1, 2, 3], "epoch 1", disable=True)
    >>> len(bar), sum(bar)
    (3, 6)
    """
    return Progress(batches, text, **options)
