"""Numbers and names as a reader sees them: short, and safe wherever they are put."""

from __future__ import annotations

import html
import re
from typing import Any

import numpy as np

from ...annotations import Array
from ...batched import BatchedArray
from ...batched import whole as whole

SMALL, WIDE, ROWS = 9, 28, 4  # entries of an array that are all shown; characters on a line; lines
# Words that are read from the right, with what may join them: Hebrew, Arabic, and their neighbours.
FROM_RIGHT = "[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]"
RIGHT_TO_LEFT = re.compile(f"{FROM_RIGHT}(?:[ _.'\"-]*{FROM_RIGHT})*")
ISOLATE, END = "\u2068", "\u2069"
JOINER = "\u200d"  # inside an emoji of several


def size(v: Any) -> float:
    """The root mean square of an array, as the size of a gradient."""
    a = np.abs(wide(v))
    top = a.max(initial=0.0)
    if top == 0 or not np.isfinite(top):
        return float(top)
    return float(top * np.sqrt(np.square(a / top).mean()))  # squares of huge numbers would overflow


def mean(a: Any) -> Any:
    """The mean, also of numbers whose sum would overflow."""
    a = wide(a)
    top = np.abs(a).max(initial=0.0)
    with np.errstate(all="ignore"):
        return (a / top).mean() * top if 1e150 < top < np.inf else a.mean()


def wide(v: object) -> Any:
    """An array in double precision, complex where it is complex."""
    a = whole(v)
    with np.errstate(all="ignore"):
        return a.astype(np.complex128 if a.dtype.kind == "c" else np.float64)


def short(v: object, digits: int = 4) -> str:
    """A number with `digits` digits; a small array in full; a large one in summary. "; " ends a line.

    >>> short(np.float32(0.1)), short(np.array([[1.0, 2.0], [3.0, 4.5]]))
    ('0.1', '[[1 2] [3 4.5]]')
    >>> short(np.arange(100.0))
    '0 to 99; mean 49.5'
    >>> short(np.ones((3, 8)))
    'all 1'
    """
    a = whole(v)
    if a.ndim == 0:
        return one(a[()], digits)
    if a.size <= SMALL and len(text := _nested(a, digits)) <= WIDE:
        return text
    if a.size <= SMALL and a.ndim == 2 and len(a) <= ROWS and all(len(_nested(row, digits)) <= WIDE for row in a):
        return "; ".join(_nested(row, digits) for row in a)
    if a.dtype.kind == "b":
        return f"{int(a.sum())} of {a.size} true"
    finite = a[np.isfinite(a)]
    bad = "" if finite.size == a.size else f", {a.size - finite.size} not finite"
    if not finite.size:
        return f"{a.size} entries, none finite"
    if finite.size == a.size and (a == a.flat[0]).all():
        return f"all {one(a.flat[0], digits)}"
    low, high, middle = (one(f(finite), digits - 1) for f in (np.min, np.max, mean))
    if a.dtype.kind == "c":  # complex numbers have no order
        low, high = (one(f(np.abs(finite)), digits - 1) for f in (np.min, np.max))
        return f"sizes {low} to {high}; mean {middle}{bad}"
    return f"{low} to {high}; mean {middle}{bad}"


class Texts:
    """`short` of arrays, each worked out once."""

    def __init__(self) -> None:
        self.known: dict[int, tuple[Any, str]] = {}  # with the array, so that nothing else gets its id

    def short(self, v: Any) -> str:
        """What `short` says of it."""
        if not np.ndim(v):
            return short(v)
        if id(v) not in self.known:
            self.known[id(v)] = v, short(v)
        return self.known[id(v)][1]


def one(v: Any, digits: int = 4) -> str:
    """One number; a zero has no sign."""
    if isinstance(v, bool | np.bool_ | int | np.integer):
        return str(v)
    return f"{v + 0:.{digits}g}"


def _nested(a: Any, digits: int) -> str:
    if a.ndim == 0:
        return one(a[()], digits)
    return "[" + " ".join(_nested(part, digits) for part in a) + "]"


def shown(text: str, longest: int = 60) -> str:
    r"""A name that came from outside, on one line: what cannot be printed is shown as its escape.

    Words that are read from the right are isolated, so that they move no number beside them.

    >>> print(shown("a" + chr(10) + "b"))
    a\nb
    """
    if len(text) <= longest and text.isprintable() and (text.isascii() or max(text, default="") < FROM_RIGHT[1]):
        return text
    text = text.replace(ISOLATE, "").replace(END, "")  # those of an earlier call
    text = "".join(c if c.isprintable() or c == JOINER else repr(c)[1:-1] for c in text)
    text = text if len(text) <= longest else text[: longest - 1] + "…"
    return RIGHT_TO_LEFT.sub(rf"{ISOLATE}\g<0>{END}", text)


def markup(text: str, longest: int = 60) -> str:
    """The same, inside HTML or SVG."""
    return html.escape(shown(text, longest))


def in_label(text: str, longest: int = 60) -> str:
    r"""The same, inside Graphviz's labels: it puts the graph's name for `\G`, and one backslash for two."""
    return markup(text, longest).replace("\\", "&#92;&#92;")


def facts_text(v: Array) -> str:
    """Shape and dtype, in a few letters: `(3,5) float32`."""
    batch = f" for each of {len(whole(v))}" if isinstance(v, BatchedArray) else ""
    return f"{shape_text(tuple(np.shape(v))) or 'scalar'} {getattr(v, 'dtype', type(v).__name__)}{batch}"


def each_text(v: Any) -> str:
    """The shape of a value; of a batch of `vmap`, how many examples there are, and the shape of each: `4 of (3,5)`."""
    each, every = tuple(np.shape(v)), whole(v).shape
    batch = "×".join(map(str, every[: len(every) - len(each)]))
    return f"{batch} of {shape_text(each) or '()'}" if batch else shape_text(each)


def shape_text(shape: tuple[int, ...]) -> str:
    """`(3,5)`; nothing for a scalar."""
    return "(" + ",".join(map(str, shape)) + ("," if len(shape) == 1 else "") + ")" if shape else ""
