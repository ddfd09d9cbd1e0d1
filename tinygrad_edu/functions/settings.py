"""Settings: arguments that are no data, such as a rate or a number of features. Each is read as its annotation
says, in one place, so that one that makes no sense is refused in the same words everywhere."""

from __future__ import annotations

import functools
import inspect
import operator
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ..annotations import ArrayLike
from ..arrays import normal_dtype
from ..engine import Variable
from ..errors import DTypeError
from .calls import Decorated, own_keywords, refitted, rename, spoken

if TYPE_CHECKING:
    from ..tensor import Tensor as Leaf  # to be written into
else:
    Leaf = Any
Size = int  # 0 or more
Positive = int  # 1 or more
Probability = float  # from 0 to 1
Texts = Any  # a text, or several
Names = Any  # all, none, or those of these names: True, False, a text, or several


def refused(who: str, what: str, must: str, x: object, example: str, kind: type[Exception] = DTypeError) -> Exception:
    """The error of a setting, in the promised form."""
    if isinstance(x, Variable | np.ndarray) and np.ndim(
        x._data if isinstance(x, Variable) else x
    ):  # data, where the layer or loss is only made
        example = f"{example}; data come after: {who}(...)(x)" if who[:1].isupper() else example
    plain = isinstance(x, str | bytes | int | float | complex | np.generic | type(None))
    given = repr(x) if plain else f"the class {x.__name__}" if isinstance(x, type) else type(x).__name__
    given = given if len(given) < 60 else f"{given[:40]}..."
    return kind(f"{who}: {what} must be {must}; got {given}; use e.g. {example}")


def integer(who: str, what: str, x: object, least: int | None = None) -> int:
    """A whole number; True and False are none."""
    example = f"{what}={least or 1}"
    if isinstance(x, bool | np.bool) or not hasattr(x, "__index__"):
        raise refused(who, what, "an integer", x, example)
    try:
        n = operator.index(x)
    except TypeError:
        raise refused(who, what, "an integer", x, example) from None
    if least is not None and n < least:
        raise refused(who, what, f"{least} or more", n, example, ValueError)
    if not -(2**62) <= n < 2**62:
        raise refused(who, what, "an integer that an array can have as a length", n, example, ValueError)
    return n


def real(who: str, what: str, x: Any) -> Any:
    """A real number, as a Python one, which never widens what it meets. A tensor of no axes stays one."""
    if isinstance(x, Variable) and x._data.dtype.kind == "f" and not x._data.shape:
        return x
    value = x._data if isinstance(x, Variable) else x
    scalar = isinstance(value, int | float | np.number | np.bool) or (isinstance(value, np.ndarray) and not value.ndim)
    if not scalar or np.asarray(value).dtype.kind not in "fiubO":
        raise refused(who, what, "a number", x, f"{what}=0.5")
    try:
        return float(value) if not isinstance(value, int) else value if abs(value) < 2**53 else float(value)
    except (OverflowError, TypeError, ValueError):
        raise refused(who, what, "a number", x, f"{what}=0.5", ValueError) from None


def probability(who: str, what: str, x: ArrayLike) -> Any:
    """A real number from 0 to 1."""
    p = real(who, what, x)
    if not 0 <= p <= 1:
        raise ValueError(f"{who}: {what} must be from 0 to 1; got {p}; use e.g. 0.5")
    return p


def truth(who: str, what: str, x: object) -> bool:
    """True or False, or 1 or 0."""
    value = x._data if isinstance(x, Variable) else x
    if isinstance(value, np.ndarray) and not value.ndim:
        value = value[()]
    if isinstance(value, bool | np.bool) or (isinstance(value, int | np.integer) and value in (0, 1)):
        return bool(value)
    raise refused(who, what, "True or False", x, f"{what}=True")


def text(who: str, what: str, x: Any) -> str:
    """A text."""
    if isinstance(x, str):
        return x
    one = isinstance(x, list | tuple) and x and isinstance(x[-1], str)
    raise refused(who, what, "a text", x, repr(x[-1]) if one else f"{what}='...'")


def function(who: str, what: str, x: object) -> Any:
    """What can be called."""
    if callable(x):
        return x
    instead = "lambda x: ..."
    if isinstance(x, Variable):
        instead += "; of a result that was computed already, backward() or tg.autograd.grad(result, inputs)"
    raise refused(who, what, "a function", x, instead)


def generator(who: str, what: str, x: Any) -> Any:
    """A generator of this package."""
    if hasattr(x, "bernoulli"):
        return x
    raise refused(who, what, "a generator", x, "tg.random.default_rng(0)")


def leaf(who: str, what: str, x: object) -> Any:
    """A tensor, to be written into."""
    if isinstance(x, Variable):
        return x
    raise refused(who, what, "a tensor", x, "nn.Parameter")


def several(who: str, what: str, x: Any) -> list[Any]:
    """What can be gone through, but no text and no dict."""
    if not isinstance(x, str | bytes | dict | set):
        try:
            return list(x)
        except (TypeError, ValueError, RecursionError):
            pass
    raise refused(who, what, "several, such as a list", x, "list(x.values())" if isinstance(x, dict) else "[...]")


def lengths(who: str, what: str, x: object, least: int = 1) -> tuple[int, ...]:
    """Whole numbers, given as one or as several."""
    several_given = isinstance(x, tuple | list) or (hasattr(x, "shape") and x.shape != ())
    return tuple(integer(who, what, n, least) for n in (several(who, what, x) if several_given else [x]))


def texts(who: str, what: str, x: object) -> tuple[str, ...]:
    """Texts, given as one or as several."""
    if isinstance(x, str):
        return (x,)
    found = tuple(x if isinstance(x, set | frozenset) else several(who, what, x))
    if not all(isinstance(part, str) for part in found):
        raise refused(who, what, "a text, or several", x, f"{what}='...'")
    return found


def names(who: str, what: str, x: ArrayLike) -> bool | tuple[str, ...]:
    """True, False, or texts."""
    if isinstance(x, bool | np.bool):
        return bool(x)
    try:
        return texts(who, what, x)
    except DTypeError:
        raise refused(who, what, "True, False, a text, or several", x, f"{what}=True") from None


def choice(who: str, what: str, x: str, known: Sequence[str]) -> None:
    """Refuse a text that is not one of those known."""
    if x not in known:
        raise ValueError(f"{who}: {what} must be one of {', '.join(known)}; got {x[:40]!r}; choose one")


def least(who: str, what: str, x: float | None, smallest: float) -> None:
    """Refuse a number that is smaller, or nan; None passes."""
    if x is not None and not x >= smallest:
        raise refused(who, what, f"at least {smallest:g}, or None", x, f"{what}={smallest or 1:g}", ValueError)


TYPED = re.compile(r"Callable\[\[[^|]*\], \w+\](( \| None)?)")  # a function with the types of what it is given
READERS: dict[str, tuple[tuple[type, ...], Callable[[str, str, Any], Any]]] = {
    "int": ((), integer),
    "Size": ((), functools.partial(integer, least=0)),
    "Positive": ((), functools.partial(integer, least=1)),
    "float": ((float,), real),
    "Probability": ((), probability),
    "bool": ((bool,), truth),
    "str": ((str,), text),
    "Function": ((), function),
    "Generator": ((), generator),
    "Leaf": ((), leaf),
    "Texts": ((), texts),
    "Names": ((bool,), names),
}  # for an annotation: the classes that need no look, and how others are read


def _reader(parameter: inspect.Parameter, layer: bool) -> Any:
    annotation = str(parameter.annotation)
    if found := TYPED.fullmatch(annotation):
        annotation = f"Function{found[1]}"
    kinds = [kind.strip() for kind in annotation.split("|")]
    optional = "None" in kinds
    if parameter.name == "dtype" and layer:
        return (type(None),), lambda who, what, x: normal_dtype(who, x)
    if [kind for kind in kinds if kind != "None"] not in [[name] for name in READERS]:
        return None
    quick, read = READERS[next(kind for kind in kinds if kind != "None")]
    return (*quick, type(None)) if optional else quick, read


def settings(f: Decorated) -> Decorated:
    """`f`, which reads every argument that is annotated with one of the kinds above as that kind."""
    parameters = inspect.signature(f).parameters
    readers = {p.name: found for p in parameters.values() if (found := _reader(p, f.__name__ == "__init__"))}
    several = [i for i, p in enumerate(parameters.values()) if p.kind in (p.VAR_POSITIONAL, p.KEYWORD_ONLY)]
    last = several[0] if several else len(parameters)  # what follows is given by name only
    places = [
        (i if i < last else 1 << 30, name, *readers[name]) for i, name in enumerate(parameters) if name in readers
    ]
    if not places:
        return own_keywords(f)
    own, said = None if f.__name__ == "__init__" else f.__name__, spoken(f)

    @functools.wraps(f)
    def checked(*args: Any, **kwargs: Any) -> Any:
        n = len(args)
        new = None
        for i, name, quick, read in places:
            if i < n:
                if args[i].__class__ not in quick:
                    new = list(args) if new is None else new
                    new[i] = read(own or type(args[0]).__name__, name, args[i])
            elif kwargs and name in kwargs and (x := kwargs[name]).__class__ not in quick:
                kwargs[name] = read(own or type(args[0]).__name__, name, x)
        try:
            return f(*args, **kwargs) if new is None else f(*new, **kwargs)
        except (TypeError, ValueError, IndexError) as error:
            fit = refitted(error, f, args, kwargs) if isinstance(error, TypeError) else None
            if fit is None:
                rename(error, said)
                raise
        return checked(*(args if new is None else new), **fit)  # read as well what has other names here

    return cast(Decorated, checked)
