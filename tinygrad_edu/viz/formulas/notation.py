"""Formulas as plain text and as LaTeX: who binds tighter, and how each kind of op is written."""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Callable, Set
from typing import TYPE_CHECKING, Any

import numpy as np

from ... import ops
from ...ops.indexing import ARRAY
from ..graph.values import shown

if TYPE_CHECKING:
    from .formula import Formula

ALONE = 1.5  # in mathematics, `u1 = (x = y)`: what compares binds less
WRITTEN = 16  # entries of an array that are written out
TOO_LONG = 60  # a formula with more operations than this is written in steps
ATOM, POWER, UNARY, TIMES, PLUS, AND, OR, COMPARE = 9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0
BESIDE, SUM = 6.5, 5.5  # of mathematics: factors side by side, closer than a sign between; and what a sum takes in
BINDS = {
    "**": POWER, "*": TIMES, "/": TIMES, "//": TIMES, "%": TIMES, "@": TIMES, "+": PLUS, "-": PLUS,
    "&": AND, "|": OR, "==": COMPARE, "!=": COMPARE, "<": COMPARE, "<=": COMPARE, ">": COMPARE, ">=": COMPARE,
}  # fmt: skip
LATEX_BINDS = {"+": PLUS, "-": PLUS, r"\cdot": TIMES, r"\,": BESIDE, r"\land": AND, r"\lor": OR}
ASSOCIATIVE = {"+", r"\land", r"\lor"}
Written = tuple[str, float]  # a text, and how tightly its outermost operator binds


def plain(f: Formula, transposed: str = "mT", longest: int | None = None, taken: Set[str] = frozenset()) -> str:
    """`g * (1 - y * y)`; a long formula is written in steps, `u1 = ...; u2 = ...; result`.

    With `longest`, one with more letters is written in steps as well, none of them longer where that can be. No step
    has a name that is `taken`.
    """
    return in_steps(f, lambda part, args: plain_part(part, args, transposed), "u{}", "; ", longest, taken)


def latex(f: Formula, name: Callable[[str], str] | None = None) -> str:
    r"""`g \cdot (1 - y \cdot y)`, for a typesetter; `name` says how the name of a tensor is written."""
    return in_steps(f, lambda part, args: _latex_part(part, args, name or latex_name), "u_{{{}}}", r",\quad ")


def in_steps(
    f: Formula,
    write: Callable[[Formula, list[Written]], Written],
    step: str,
    stop: str,
    longest: int | None = None,
    taken: Set[str] = frozenset(),
) -> str:
    """Write every part once; if that would be long, give a name to each part that is long, or used twice."""
    if longest is None and f.op is not None and all(a.op is None for a in f.args):  # one operation, as most are
        return write(f, [write(a, []) for a in f.args])[0]
    uses: dict[int, int] = {}
    for part in f.parts():
        for a in part.args:
            uses[id(a)] = uses.get(id(a), 0) + 1
    name_parts = f.size() > TOO_LONG
    if longest is not None and not name_parts:
        whole = in_steps(f, write, step, stop)
        if len(whole) <= longest:
            return whole
        name_parts = True
    line = 60 if longest is None else longest // 2
    written: dict[int, Written] = {}
    steps: list[str] = []
    taken = taken | {part.text for part in f.parts()}
    names = (name for k in itertools.count(1) if (name := step.format(k)) not in taken)
    for part in f.parts():
        text, binds = write(part, [written[id(a)] for a in part.args])
        if name_parts and part is not f and part.op is not None and (uses[id(part)] > 1 or len(text) > line):
            name = next(names)
            steps.append(f"{name} = {wrap(text, binds, ALONE)}")
            text, binds = name, ATOM
        written[id(part)] = (text, binds)
    return stop.join([*steps, written[id(f)][0]])


def wrap(text: str, binds: float, least: float) -> str:
    return text if binds >= least else f"({text})"


def number(v: Any) -> str:
    """A constant, shortly."""
    if isinstance(v, np.ndarray) and v.ndim and v.size:
        return _array(v)
    if np.ndim(v) or not isinstance(v, np.ndarray | np.generic | bool | int | float | complex):
        return f"constant{tuple(np.shape(v))}"
    v = np.asarray(v)[()] if isinstance(v, np.ndarray) else v
    if isinstance(v, bool | np.bool_):
        return str(bool(v))
    return f"{v + 0:.6g}" if isinstance(v, float | np.floating) else str(v)  # a zero has no sign


def _array(v: np.ndarray) -> str:
    """A small array in full, as Python writes it; one of equal entries by its shape."""
    if (v == v.flat[0]).all():
        return f"full({v.shape}, {number(v.flat[0])})"
    if v.size > WRITTEN:
        return f"constant{v.shape}"
    rows = [number(part) if not np.ndim(part) else _array_rows(part) for part in v]
    return f"array([{', '.join(rows)}])"


def _array_rows(v: np.ndarray) -> str:
    return "[" + ", ".join(_array_rows(part) if np.ndim(part) else number(part) for part in v) + "]"


def leaf(f: Formula) -> Written:
    text = f.text or number(f.value)
    return text, UNARY if not f.text and text.startswith("-") else ATOM


def plain_part(f: Formula, args: list[Written], transposed: str) -> Written:
    if f.op is None:
        return leaf(f)
    if f.op.formula and f.op.formula.count("{}") == len(args):
        return _operator(_filled(f.op.formula, f.attributes), args)
    if f.op is ops.permute_dims and (mark := transposition(f, transposed)):
        return wrap(*args[0], ATOM) + mark, ATOM
    if f.op is ops.getitem:
        return wrap(*args[0], ATOM) + f"[{_index(f.attributes['index'], args[1:])}]", ATOM
    return f"{f.op.name}({', '.join(_words(f, args))})", ATOM


def _filled(template: str, attributes: dict[str, Any]) -> str:
    """The text of an operator with the attributes that it names in place: `{} ** {n}`."""
    return re.sub(r"\{(\w+)\}", lambda name: number(attributes[name[1]]), template)


def _operator(template: str, args: list[Written]) -> Written:
    """An operator's text with the parentheses that Python would need."""
    left, _, right = template.partition("{}")
    if left:  # a sign in front: -x, ~x
        return left + wrap(args[0][0], 0 if args[0][0].startswith(left) else args[0][1], UNARY) + right, UNARY
    symbol = right.partition("{}")[0].split()[0]
    binds = BINDS[symbol]
    a = wrap(*args[0], binds + (symbol == "**" or binds == COMPARE))
    if len(args) == 1:
        return template.replace("{}", a), binds
    least = UNARY if symbol == "**" else binds + (symbol != "+")
    if args[1][1] == UNARY and binds in (TIMES, PLUS):
        least = ATOM  # 2 * (-3): two signs do not stand side by side
    return f"{a} {symbol} {wrap(*args[1], least)}", binds


def transposition(f: Formula, transposed: str) -> str:
    """How a transpose is written: above two axes `.T` would turn round all of them, and `.mT` swaps the last two."""
    axes = f.attributes["axes"]
    if len(axes) < 2 or axes != (*range(len(axes) - 2), len(axes) - 1, len(axes) - 2):
        return ""
    return f".{transposed}" if len(axes) == 2 else ".mT"


def _index(index: Any, arrays: list[Written]) -> str:
    left = iter(arrays or [("array", ATOM)] * len(index))
    return ", ".join(next(left)[0] if k is ARRAY else _one_index(k) for k in index)


def _one_index(k: object) -> str:
    if isinstance(k, slice):
        text = f"{'' if k.start is None else k.start}:{'' if k.stop is None else k.stop}"
        return text + (f":{k.step}" if k.step is not None else "")
    return "..." if k is Ellipsis else str(k)


def _words(f: Formula, args: list[Written]) -> list[str]:
    """What stands between the parentheses of a call: inputs, and attributes."""
    given, arrays = indexed(f, args)
    return [text for text, _ in given] + keywords(f, arrays)


def indexed(f: Formula, args: list[Written]) -> tuple[list[Written], list[Written]]:
    """The arguments, and the arrays among them that stand in the index."""
    n = len(args) - sum(k is ARRAY for k in f.attributes.get("index", ()))
    return args[:n], args[n:]


def keywords(f: Formula, arrays: list[Written]) -> list[str]:
    """Attributes, without those that say nothing."""
    words = []
    for key, v in said(f.attributes).items():
        if _usual(f, key):
            continue
        if key == "index":
            words.append(f"index=s_[{_index(v, arrays)}]")
        elif key in ("shape", "dtype"):
            words.insert(0, str(v))  # by its place
        else:
            words.append(f"{key}={_attribute(key, v)}")
    return words


def said(attributes: dict[str, Any]) -> dict[str, Any]:
    """Attributes that have a text, without the number of a vmap, which differs from run to run."""
    return {key: v for key, v in attributes.items() if key != "level" and key[0] != "_"}


def _attribute(key: str, v: Any) -> str:
    v = _along(v) if key in ALONG else v
    return repr(v[0] if isinstance(v, tuple) and len(v) == 1 and key == "axis" else v)


def attribute(key: str, v: Any) -> str:
    """The value of an attribute, in words about it.

    >>> attribute("axis", (1,)), attribute("index", (slice(2, 4), 0))
    ('1', '[2:4, 0]')
    """
    return f"[{_index(v, [])}]" if key == "index" else str(v) if key in ("shape", "dtype") else _attribute(key, v)


USUAL = {"keepdims": False, "reverse": False, "descending": False, "padding": (0, 0), "dilation": 1, "extra": 0}
USUAL |= {"stride": 1, "groups": 1}  # of convolutions
ALONG = ("stride", "padding", "dilation", "extra")  # one entry for each axis that a window slides along


def _usual(f: Formula, key: str) -> bool:
    """Whether an attribute is what the function takes by itself; the stride of a pool is its window."""
    v, usual = f.attributes[key], USUAL.get(key)
    if key == "stride" and "groups" not in f.attributes:
        return bool(v == f.attributes.get("kernel"))
    return usual is not None and (all(part == usual for part in v) if key in ALONG else v == usual)


def _along(v: tuple[Any, ...]) -> Any:
    """One number for all axes, where they have the same; a pair of equal numbers, before and after, is one number."""
    parts = tuple(p[0] if isinstance(p, tuple) and len(set(p)) == 1 else p for p in v)
    return parts[0] if len(set(parts)) == 1 and not isinstance(parts[0], tuple) else parts


def _latex_part(f: Formula, args: list[Written], write_name: Callable[[str], str]) -> Written:
    if f.op is None:
        text, binds = leaf(f)
        if match := re.fullmatch(r"ones\(\(([\d, ]*)\)\)", f.text):
            return r"\mathbf{1}_{" + match[1].strip(", ").replace(", ", r" \times ") + "}", ATOM
        return (write_name(text) if f.text else _latex_number(text)), binds
    if f.op.latex and "#" in f.op.latex:
        return _filled_latex(f, args)
    head = f.op.latex or r"\operatorname{" + escape(f.op.name) + "}"
    given, arrays = indexed(f, args)
    words = [r"\text{" + escape(word) + "}" for word in keywords(f, []) if not word.startswith("index=")]
    if "index" in f.attributes:
        words.append(r"\text{index=}[" + _latex_index(f.attributes["index"], arrays) + "]")
    inside = [text for text, _ in given] + words
    return f"{head}({', '.join(inside)})", ATOM


def _latex_index(index: Any, arrays: list[Written]) -> str:
    left = iter(arrays or [(r"\text{array}", ATOM)] * len(index))
    return ", ".join(next(left)[0] if k is ARRAY else r"\text{" + escape(_one_index(k)) + "}" for k in index)


def _filled_latex(f: Formula, args: list[Written]) -> Written:
    """An op's own LaTeX with its inputs and attributes in place, in the parentheses that they need."""
    assert f.op is not None
    if f.op is ops.permute_dims and transposition(f, "mT"):
        return wrap(*args[0], ATOM) + r"^\top", POWER
    template, least, binds = _layout(f.op.latex)
    if r"\cdot" in template and all(len(a.shape) for a in f.args):
        template = template.replace(r"\cdot", r"\odot")  # entry by entry, where two arrays meet

    def filled(place: re.Match[str]) -> str:
        if place[1].isdigit():
            k = int(place[1]) - 1
            return wrap(*args[k], least.get(place[0], 0))
        v = f.attributes[place[1]]
        if place[1] == "index":
            return _latex_index(v, args[1:])
        return ", ".join(map(str, v)) if isinstance(v, tuple) else number(v)

    return re.sub(r"#(\d|[a-z]+)", filled, template), binds


@functools.cache
def _layout(template: str) -> tuple[str, dict[str, float], float]:
    """A template, how tightly the inputs in it must bind that no bracket holds, and how tightly the whole binds."""
    depth, left = 0, []
    for token in re.finditer(r"\\(left|right|begin|end|[lr]floor|[lr]ceil)\b|[{}()\[\]]|#\d", template):
        text = token[1] or token[0]
        if text.startswith("#"):
            left += [token] if not depth else []
        else:
            depth += 1 if text in ("left", "begin", "lfloor", "lceil", "{", "(", "[") else -1
    if not left:
        return template, {}, ATOM if template.startswith(("[", r"\l", r"\sqrt", r"\operatorname")) else POWER
    first = left[0]
    if first.start():  # a sign in front
        binds = SUM if template.startswith(r"\sum") else TIMES
        return template, {first[0]: binds}, binds
    symbol = template[first.end() :].split()[0]
    if symbol[0] in "^_":
        return template, {first[0]: ATOM}, POWER
    binds = LATEX_BINDS[symbol]
    return template, {first[0]: binds, left[1][0]: binds + 0.5 * (symbol not in ASSOCIATIVE)}, binds


def _latex_number(text: str) -> str:
    if match := re.fullmatch(r"(-?[\d.]+)e([+-]?)0*(\d+)", text):
        return rf"{match[1]} \cdot 10^{{{match[2].replace('+', '')}{match[3]}}}"
    return r"\text{" + escape(text) + "}" if not re.fullmatch(r"-?[\d.]+", text) else text


def latex_name(name: str) -> str:
    """`W1` as a letter with an index, a gradient `dW1` as one symbol, other words upright."""
    if match := re.fullmatch(r"(d?)([A-Za-z])_?(\d*)", name):
        letter = match[2] if not match[1] else rf"\mathrm{{d}}{match[2]}"
        return letter + (f"_{{{match[3]}}}" if match[3] else "")
    return r"\mathrm{" + escape(name) + "}"


def escape(text: str) -> str:
    """Any text as LaTeX that shows it, on one line."""
    text = shown(text, 240)
    special = {"\\": r"\textbackslash{}", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}"}
    special["<"] = "<{}"  # a page that the formula stands in sees no tag begin
    return "".join(special.get(c, "\\" + c if c in "&%$#_{}" else c) for c in text)
