"""Saving and loading: one file in the safetensors format, written whole or not at all, never pickle.

A flat dict of tensors becomes a plain safetensors file, which other libraries read. What is nested, or
holds numbers and texts (as the state of an optimizer does), keeps its structure in the file's metadata.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from .arrays import normal_dtype
from .engine import Variable, constant
from .errors import DTypeError, MissingLibraryError
from .files import as_path, read_exactly, told, write_whole
from .functions.calls import own_keywords
from .functions.settings import refused
from .interop.names import guide as _guide
from .precision import small

KEY = "tinygrad_edu"  # the metadata entry with the structure
HEADER = 100_000_000  # bytes; what the format allows a header
DTYPES = {
    "BOOL": "?", "U8": "u1", "I8": "i1", "U16": "<u2", "I16": "<i2", "U32": "<u4", "I32": "<i4", "U64": "<u8",
    "I64": "<i8", "F16": "<f2", "F32": "<f4", "F64": "<f8",
}  # fmt: skip
KNOWN = {np.dtype(code) for code in DTYPES.values()}
SMALL = {
    "BF16": "bfloat16",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
}  # of ml_dtypes: to store, not to compute


def _library(who: str) -> Any:
    try:
        import safetensors.numpy
    except ImportError:
        raise MissingLibraryError(who, "safetensors", "io") from None
    return safetensors


@own_keywords
def save(path: Any, state: Any, dtype: Any = None) -> None:
    """Write tensors to `path`: a dict of them, or dicts, lists and tuples of tensors, numbers and texts.

    The file is written beside `path` and then moved there: whenever the process is killed, the old file
    or the new one is there, and whole. It has the mode that `open()` would give it; a link stays, and what it
    points to is replaced; a pipe or a device is written to. A DTypeError refuses what cannot be saved, an OSError
    says where nothing can be written. With `dtype`, floats are rounded to it, to the nearest, ties to even: "bfloat16",
    "float8_e4m3fn" or "float8_e5m2" (through ml_dtypes; `load` gives float32 back), or one of NumPy's. Arrays
    of those dtypes of ml_dtypes are written as they are. Errors: a ValueError for a nest that holds itself.

    >>> import os, tempfile
    >>> import numpy as np
    >>> from tinygrad_edu import io
    >>> path = os.path.join(tempfile.mkdtemp(), "weights.safetensors")
    >>> io.save(path, {"w": np.ones(2), "steps": 3})
    >>> state = io.load(path)
    >>> state["w"].tolist(), state["steps"]
    ([1.0, 1.0], 3)
    """
    library = _library("save")
    tensors: dict[str, Any] = {}
    try:
        structure = _taken_apart(state, "", tensors)
    except RecursionError:
        raise ValueError(
            "save: the state must be a finite nest; got one that is deeper than Python's stack, or in itself; take it "
            "apart"
        ) from None
    if dtype is not None:
        narrow = isinstance(dtype, str) and dtype in SMALL.values()
        kept = small("save", dtype) if narrow else normal_dtype("save", dtype)
        if kept.kind not in "fV":
            raise refused("save", "dtype", "a floating-point dtype", str(dtype), "dtype='bfloat16'")
        with np.errstate(over="ignore"):
            tensors = {k: a.astype(kept) if a.dtype.kind == "f" else a for k, a in tensors.items()}
    plain = isinstance(state, dict) and all(isinstance(k, str) and k in tensors for k in state)
    metadata = None if plain else {KEY: json.dumps(structure)}
    write_whole("save", path, library.numpy.save(tensors, metadata))


def _taken_apart(x: object, path: str, tensors: dict[str, Any]) -> Any:
    """The structure of `x` in JSON's terms; its arrays go into `tensors`, under their paths."""
    if isinstance(x, Variable | np.ndarray | np.generic):
        array = np.asarray(x._data if isinstance(x, Variable) else x, order="C")
        array = array.astype(array.dtype.newbyteorder("<"), copy=False)
        if array.dtype not in KNOWN and array.dtype.name not in SMALL.values():
            raise DTypeError(
                f"save: arrays must hold real numbers or truth values; got {array.dtype} at {path!r}; use .astype()"
            )
        if path == "__metadata__":
            raise ValueError(f"save: names must not be reserved by the file format; got {path!r}; rename it")
        if path in tensors:
            raise ValueError(f"save: names must differ; got {path!r} twice, with dots for nested names; rename one")
        tensors[path] = array
        return {"tensor": path}
    if x is None or isinstance(x, bool | int | float | str):
        return {"value": x}
    if isinstance(x, dict):
        if not all(isinstance(k, str | int) for k in x):
            raise DTypeError(f"save: keys must be texts or integers; got others at {path!r}; rename them")
        return {"dict": [[k, _taken_apart(v, _joined(path, k), tensors)] for k, v in x.items()]}
    if isinstance(x, list | tuple):
        kind = "tuple" if isinstance(x, tuple) else "list"
        return {kind: [_taken_apart(v, _joined(path, i), tensors) for i, v in enumerate(x)]}
    raise DTypeError(
        f"save: takes tensors, numbers, texts, and dicts, lists and tuples of them; got {type(x).__name__}"
        f"{f' at {path!r}' if path else ''}; save state_dict() of models and optimizers"
    )


def _joined(path: str, key: object) -> str:
    return f"{path}.{key}" if path else str(key)


@own_keywords
def load(path: str | os.PathLike[str]) -> Any:
    """What `save` wrote, or any safetensors file: a dict of tensors by name.

    A file that is cut short, corrupted or of another kind raises a ValueError. Numbers of type bfloat16 or float8
    become float32.

    >>> import os, tempfile
    >>> import numpy as np
    >>> from tinygrad_edu import io
    >>> path = os.path.join(tempfile.mkdtemp(), "weights.safetensors")
    >>> io.save(path, {"w": np.ones(2)}, dtype="bfloat16")
    >>> io.load(path)["w"]
    Tensor(shape=(2,), dtype=float32, [1., 1.])
    """
    library = _library("load")
    file = as_path("load", path)
    try:
        with told("load", file, "name a readable file"):
            header, content = _read(file)
        tensors = {name: _array(part) for name, part in library.deserialize(content)}
        metadata = header.get("__metadata__") or {}
        if KEY not in metadata:
            return tensors
        return _put_together(json.loads(metadata[KEY]), tensors)
    except (library.SafetensorError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(
            f"load: the file must be a whole safetensors file; got {str(path)!r} ({type(error).__name__}: {error}); "
            "save it again, or convert it (a PyTorch .pt file: safetensors.torch.save_file)"
        ) from None


def _read(path: Path) -> tuple[Any, bytes]:
    """The header of a safetensors file, and the file: no more of it than the header declares, and one byte."""
    with open(path, "rb") as file:
        start = file.read(8)
        size = int.from_bytes(start, "little")
        text = read_exactly(file, size) if size <= HEADER else None
        if len(start) < 8 or text is None:
            raise ValueError("no header")
        header = json.loads(text)
        declared = max((part["data_offsets"][1] for name, part in header.items() if name != "__metadata__"), default=0)
        content = read_exactly(file, declared, start + text)
        if content is None or file.read(1):
            raise ValueError(f"the header declares {declared} bytes of numbers, and there are others")
    return header, content


def _array(part: dict[str, Any]) -> Any:
    if part["dtype"] == "BF16":  # the upper half of a float32
        array = (np.frombuffer(part["data"], "<u2").astype(np.uint32) << 16).view(np.float32)
    elif part["dtype"] in SMALL:
        array = np.frombuffer(part["data"], small("load", SMALL[part["dtype"]])).astype(np.float32)
    else:
        array = np.frombuffer(part["data"], DTYPES[part["dtype"]])
    return constant(np.array(array.reshape(part["shape"]))[()])


def _put_together(x: dict[str, Any], tensors: dict[str, Any]) -> Any:
    ((kind, value),) = x.items()
    if kind == "tensor":
        return tensors[value]
    if kind == "value" and (value is None or isinstance(value, bool | int | float | str)):
        return value
    if kind == "dict":
        return {k: _put_together(v, tensors) for k, v in value}
    if kind in ("list", "tuple"):
        parts = [_put_together(v, tensors) for v in value]
        return tuple(parts) if kind == "tuple" else parts
    raise ValueError(f"unknown structure {kind!r}")


_guide(__name__, "tg.io")
