"""Tables in text files."""

from __future__ import annotations

import csv
import os
from typing import NamedTuple

import numpy as np

from ..arrays import get_default_dtype
from ..engine import constant
from ..errors import StateDictError
from ..files import as_path, told
from ..functions.settings import refused, settings
from ..tensor import Tensor

MISSING = {"", "?", "na", "n/a", "nan", "null", "none"}


class Table(NamedTuple):
    """The numbers of a table, `(rows, columns)`, the columns' names, and of columns of words, the words by number.

    Errors: a StateDictError for a column that is not there.

    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import data
    >>> table = data.Table(tg.Tensor([[80.0, 3.5], [120.0, 5.0]]), ["size", "price"], {})
    >>> table.column("size").tolist(), table.without("size").tolist()
    ([80.0, 120.0], [[3.5], [5.0]])
    """

    values: Tensor
    names: list[str]
    words: dict[str, list[str]]

    def column(self, name: str) -> Tensor:
        """One column, by its name."""
        if not isinstance(name, str) or name not in self.names:
            raise StateDictError(f"load_csv: the column must be one of {self.names}; got {name!r}; check the spelling")
        return self.values[:, self.names.index(name)]

    def without(self, *names: str) -> Tensor:
        """All columns but those."""
        for name in names:
            self.column(name)
        return self.values[:, [k for k, name in enumerate(self.names) if name not in names]]


@settings
def load_csv(path: str | os.PathLike[str], delimiter: str = ",", header: bool | None = None) -> Table:
    """A table of numbers from a text file: one line for each example.

    The first line has the names of the columns; with `header=None`, it is taken for names if it holds a word. A column
    with words in it becomes the numbers of its words, sorted. What is missing (an empty field, `NA`, `?`) is nan.
    Errors: a ValueError for a file that is no text in UTF-8, lines of unequal length, and names that stand twice.

    >>> import pathlib, tempfile
    >>> from tinygrad_edu import data
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "houses.csv"
    >>> _ = path.write_text("size,town,price\\n80,Bonn,3.5\\n120,Aachen,\\n")
    >>> table = data.load_csv(path)
    >>> table.names, table.values.tolist(), table.words
    (['size', 'town', 'price'], [[80.0, 1.0, 3.5], [120.0, 0.0, nan]], {'town': ['Aachen', 'Bonn']})
    >>> table.column("price").shape, table.without("price").shape
    ((2,), (2, 2))
    """
    file = as_path("load_csv", path)
    if len(delimiter) != 1 or delimiter in '\r\n"':
        raise refused("load_csv", "delimiter", "one character", delimiter, "delimiter=';'", ValueError)
    with told("load_csv", file, "name a readable file"), open(file, newline="", encoding="utf-8-sig") as stream:
        try:
            lines = csv.reader(stream, delimiter=delimiter, skipinitialspace=True)
            rows = [[cell.strip() for cell in row] for row in lines if row]
        except (UnicodeDecodeError, csv.Error) as error:
            raise ValueError(
                f"load_csv: the file must be text in UTF-8; got {str(path)!r} ({error}); convert it"
            ) from error
    lengths = sorted({len(row) for row in rows})
    if len(lengths) != 1:
        given = f"lines of {lengths} fields" if rows else "an empty file"
        raise ValueError(f"load_csv: lines must have one number of fields; got {given}; check delimiter={delimiter!r}")
    named = any(_number(cell) is None for cell in rows[0]) if header is None else header
    names, rows = (rows[0], rows[1:]) if named else ([f"column {k}" for k in range(lengths[0])], rows)
    if len(set(names)) != len(names):
        raise ValueError(f"load_csv: names of columns must differ; got {names}; rename one")
    values = np.empty((len(rows), len(names)), get_default_dtype())
    words: dict[str, list[str]] = {}
    for k, name in enumerate(names):
        cells = [row[k] for row in rows]
        numbers = [_number(cell) for cell in cells]
        if any(number is None for number in numbers):
            words[name] = sorted({cell for cell in cells if cell.lower() not in MISSING})
            numbers = [words[name].index(cell) if cell in words[name] else np.nan for cell in cells]
        values[:, k] = numbers
    return Table(constant(values), names, words)


def _number(cell: str) -> float | None:
    """The number in a field, nan for a missing one, None for a word."""
    if cell.lower() in MISSING:
        return float("nan")
    try:
        return float(cell)
    except ValueError:
        return None
