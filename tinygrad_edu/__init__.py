"""tinygrad_edu: an autograd engine to read in an afternoon, see in a picture, and trust by test."""

import typing as _typing
from importlib import import_module as _import_module
from types import ModuleType as _ModuleType

from . import amp as amp
from . import autograd as autograd
from . import errors as errors
from . import fft as fft
from . import linalg as linalg
from . import random as random
from . import special as special
from .amp import autocast as autocast
from .arrays import get_default_dtype as get_default_dtype
from .arrays import set_default_dtype as set_default_dtype
from .functions.contract import einsum as einsum
from .functions.contract import matmul as matmul
from .functions.contract import tensordot as tensordot
from .functions.contract import vecdot as vecdot
from .functions.creation import arange as arange
from .functions.creation import asarray as asarray
from .functions.creation import empty as empty
from .functions.creation import eye as eye
from .functions.creation import full as full
from .functions.creation import full_like as full_like
from .functions.creation import linspace as linspace
from .functions.creation import ones as ones
from .functions.creation import ones_like as ones_like
from .functions.creation import zeros as zeros
from .functions.creation import zeros_like as zeros_like
from .functions.elementwise import abs as abs
from .functions.elementwise import acos as acos
from .functions.elementwise import acosh as acosh
from .functions.elementwise import add as add
from .functions.elementwise import asin as asin
from .functions.elementwise import asinh as asinh
from .functions.elementwise import atan as atan
from .functions.elementwise import atan2 as atan2
from .functions.elementwise import atanh as atanh
from .functions.elementwise import bitwise_and as bitwise_and
from .functions.elementwise import bitwise_invert as bitwise_invert
from .functions.elementwise import bitwise_left_shift as bitwise_left_shift
from .functions.elementwise import bitwise_or as bitwise_or
from .functions.elementwise import bitwise_right_shift as bitwise_right_shift
from .functions.elementwise import bitwise_xor as bitwise_xor
from .functions.elementwise import cbrt as cbrt
from .functions.elementwise import ceil as ceil
from .functions.elementwise import clip as clip
from .functions.elementwise import conj as conj
from .functions.elementwise import copysign as copysign
from .functions.elementwise import cos as cos
from .functions.elementwise import cosh as cosh
from .functions.elementwise import divide as divide
from .functions.elementwise import equal as equal
from .functions.elementwise import erf as erf
from .functions.elementwise import exp as exp
from .functions.elementwise import exp2 as exp2
from .functions.elementwise import expm1 as expm1
from .functions.elementwise import floor as floor
from .functions.elementwise import floor_divide as floor_divide
from .functions.elementwise import fmod as fmod
from .functions.elementwise import greater as greater
from .functions.elementwise import greater_equal as greater_equal
from .functions.elementwise import hypot as hypot
from .functions.elementwise import isfinite as isfinite
from .functions.elementwise import isinf as isinf
from .functions.elementwise import isnan as isnan
from .functions.elementwise import less as less
from .functions.elementwise import less_equal as less_equal
from .functions.elementwise import log as log
from .functions.elementwise import log1p as log1p
from .functions.elementwise import log2 as log2
from .functions.elementwise import log10 as log10
from .functions.elementwise import logaddexp as logaddexp
from .functions.elementwise import logical_and as logical_and
from .functions.elementwise import logical_not as logical_not
from .functions.elementwise import logical_or as logical_or
from .functions.elementwise import logical_xor as logical_xor
from .functions.elementwise import maximum as maximum
from .functions.elementwise import minimum as minimum
from .functions.elementwise import multiply as multiply
from .functions.elementwise import negative as negative
from .functions.elementwise import nextafter as nextafter
from .functions.elementwise import not_equal as not_equal
from .functions.elementwise import positive as positive
from .functions.elementwise import pow as pow
from .functions.elementwise import power as power
from .functions.elementwise import reciprocal as reciprocal
from .functions.elementwise import relu as relu
from .functions.elementwise import remainder as remainder
from .functions.elementwise import round as round
from .functions.elementwise import sigmoid as sigmoid
from .functions.elementwise import sign as sign
from .functions.elementwise import signbit as signbit
from .functions.elementwise import sin as sin
from .functions.elementwise import sinh as sinh
from .functions.elementwise import softplus as softplus
from .functions.elementwise import sqrt as sqrt
from .functions.elementwise import square as square
from .functions.elementwise import subtract as subtract
from .functions.elementwise import tan as tan
from .functions.elementwise import tanh as tanh
from .functions.elementwise import trunc as trunc
from .functions.elementwise import where as where
from .functions.indexing import argsort as argsort
from .functions.indexing import bincount as bincount
from .functions.indexing import gather as gather
from .functions.indexing import index_add as index_add
from .functions.indexing import nonzero as nonzero
from .functions.indexing import scatter_add as scatter_add
from .functions.indexing import searchsorted as searchsorted
from .functions.indexing import sort as sort
from .functions.indexing import take as take
from .functions.indexing import take_along_axis as take_along_axis
from .functions.indexing import topk as topk
from .functions.indexing import unique_values as unique_values
from .functions.joining import concat as concat
from .functions.joining import repeat as repeat
from .functions.joining import repeat_interleave as repeat_interleave
from .functions.joining import roll as roll
from .functions.joining import split as split
from .functions.joining import stack as stack
from .functions.joining import tile as tile
from .functions.joining import unstack as unstack
from .functions.layout import broadcast_to as broadcast_to
from .functions.layout import diagonal as diagonal
from .functions.layout import expand_dims as expand_dims
from .functions.layout import flatten as flatten
from .functions.layout import flip as flip
from .functions.layout import matrix_transpose as matrix_transpose
from .functions.layout import meshgrid as meshgrid
from .functions.layout import moveaxis as moveaxis
from .functions.layout import pad as pad
from .functions.layout import permute_dims as permute_dims
from .functions.layout import reshape as reshape
from .functions.layout import squeeze as squeeze
from .functions.layout import swapaxes as swapaxes
from .functions.layout import transpose as transpose
from .functions.layout import tril as tril
from .functions.layout import triu as triu
from .functions.reduce import all as all
from .functions.reduce import any as any
from .functions.reduce import argmax as argmax
from .functions.reduce import argmin as argmin
from .functions.reduce import count_nonzero as count_nonzero
from .functions.reduce import cumulative_prod as cumulative_prod
from .functions.reduce import cumulative_sum as cumulative_sum
from .functions.reduce import logsumexp as logsumexp
from .functions.reduce import max as max
from .functions.reduce import mean as mean
from .functions.reduce import min as min
from .functions.reduce import prod as prod
from .functions.reduce import std as std
from .functions.reduce import sum as sum
from .functions.reduce import var as var
from .interop import names as _foreign
from .interop.array_api import __array_namespace_info__ as __array_namespace_info__
from .interop.array_api import astype as astype
from .interop.array_api import bool as bool
from .interop.array_api import broadcast_arrays as broadcast_arrays
from .interop.array_api import can_cast as can_cast
from .interop.array_api import complex64 as complex64
from .interop.array_api import complex128 as complex128
from .interop.array_api import e as e
from .interop.array_api import empty_like as empty_like
from .interop.array_api import finfo as finfo
from .interop.array_api import float16 as float16
from .interop.array_api import float32 as float32
from .interop.array_api import float64 as float64
from .interop.array_api import from_dlpack as from_dlpack
from .interop.array_api import iinfo as iinfo
from .interop.array_api import imag as imag
from .interop.array_api import inf as inf
from .interop.array_api import int8 as int8
from .interop.array_api import int16 as int16
from .interop.array_api import int32 as int32
from .interop.array_api import int64 as int64
from .interop.array_api import isdtype as isdtype
from .interop.array_api import isin as isin
from .interop.array_api import nan as nan
from .interop.array_api import newaxis as newaxis
from .interop.array_api import pi as pi
from .interop.array_api import real as real
from .interop.array_api import result_type as result_type
from .interop.array_api import uint8 as uint8
from .interop.array_api import uint16 as uint16
from .interop.array_api import uint32 as uint32
from .interop.array_api import uint64 as uint64
from .interop.array_api import unique_all as unique_all
from .interop.array_api import unique_counts as unique_counts
from .interop.array_api import unique_inverse as unique_inverse
from .interop.signals import diff as diff
from .random import manual_seed as manual_seed
from .recording import no_grad as no_grad
from .tensor import Tensor as Tensor
from .transforms import tree as tree
from .transforms.checkpoint import checkpoint as checkpoint
from .transforms.custom_op import custom_op as custom_op
from .transforms.custom_rules import custom_jvp as custom_jvp
from .transforms.custom_rules import custom_vjp as custom_vjp
from .transforms.derivatives import grad as grad
from .transforms.derivatives import hessian as hessian
from .transforms.derivatives import hvp as hvp
from .transforms.derivatives import jacfwd as jacfwd
from .transforms.derivatives import jacobian as jacobian
from .transforms.derivatives import jacrev as jacrev
from .transforms.derivatives import jvp as jvp
from .transforms.derivatives import linearize as linearize
from .transforms.derivatives import value_and_grad as value_and_grad
from .transforms.derivatives import vjp as vjp
from .transforms.loops import scan as scan
from .transforms.loops import while_loop as while_loop
from .transforms.vmap import vmap as vmap

if _typing.TYPE_CHECKING:
    from . import data as data
    from . import io as io
    from . import nn as nn
    from . import optim as optim
    from . import testing as testing
    from . import training as training
    from . import viz as viz
    from .compiler.compile import compile as compile
    from .compiler.threads import get_num_threads as get_num_threads
    from .compiler.threads import set_num_threads as set_num_threads
    from .io import load as load
    from .io import save as save
    from .onnx.export import export as export
    from .onnx.reader import import_onnx as import_onnx
    from .training.fit import fit as fit
    from .viz.pictures.draw import draw as draw
    from .viz.words.anomaly import detect_anomaly as detect_anomaly
    from .viz.words.explain import explain as explain
    from .viz.words.why import why as why

    tensor = Tensor  # the module, which can be called: PyTorch's spelling

__version__ = "0.1.0"

# Parts, and functions of parts, that are imported when first asked for; what `help` says of each.
_PARTS = {
    "data": "Data sets and batches.",
    "io": "Saving and loading.",
    "nn": "Layers, losses, initial values; nn.functional has them as functions.",
    "optim": "Optimizers and schedules of the learning rate.",
    "training": "Training in one call, and what may watch it.",
    "testing": "Is a derivative right? check_derivative, check_gradients.",
    "viz": "Pictures, the player, worksheets, explanations.",
}
_LATER = {
    "compile": (
        "compiler.compile",
        "A function, or a whole training step, as machine code.",
    ),
    "set_num_threads": ("compiler.threads", "How many threads a compiled function may use."),
    "get_num_threads": ("compiler.threads", "How many threads a compiled function may use now."),
    "detect_anomaly": ("viz", "In a `with` block: raise an error for the first inf or nan, naming its line."),
    "draw": ("viz", "The graph behind a tensor, a module or a function as a picture."),
    "explain": ("viz", "The chain rule on a graph, step by step with numbers."),
    "fit": ("training", "Train a model: the loop that everybody writes, in one call."),
    "export": ("onnx.export", "A function, its gradients or a whole training step as an ONNX file."),
    "import_onnx": ("onnx.reader", "An ONNX file as a function of tensors."),
    "load": ("io", "What `save` wrote, or any safetensors file."),
    "save": ("io", "Write tensors to a file: save(path, state)."),
    "why": ("viz", "Why the gradient of a tensor is as it is."),
}

__all__ = sorted(
    {
        *(name for name, x in globals().items() if name[0] != "_" and not isinstance(x, _ModuleType)),
        *("amp", "autograd", "errors", "fft", "linalg", "random", "special", "tree", *_PARTS, *_LATER),
    }
)


_CONSTANTS = {
    "e": "2.718...",
    "inf": "Infinity.",
    "nan": "Not a number.",
    "newaxis": "A new axis, as an index.",
    "pi": "3.14159...",
}
_CONSTANTS |= {name: "A dtype." for name, x in globals().items() if type(x).__name__.endswith("DType")}


def _contents() -> str:
    """Every public name with one line, as `help(tinygrad_edu)` shows it."""
    said = {**_PARTS, **{name: line for name, (_, line) in _LATER.items()}}
    said |= _CONSTANTS
    for name in {*__all__} - {*said}:
        said[name] = (globals()[name].__doc__ or "").strip().partition("\n")[0]
    return "\n".join(f"{name:<20} {said[name]}" for name in __all__)


__doc__ = f"{__doc__}\n\n{_contents()}"

if not _typing.TYPE_CHECKING:  # a type checker would take every name for one that there is

    def __getattr__(name: str) -> _typing.Any:
        if name in _PARTS:
            return _import_module(f"{__name__}.{name}")
        if name in _LATER:
            return getattr(_import_module(f"{__name__}.{_LATER[name][0]}"), name)
        raise _foreign.UnknownNameError("tg", name, __all__)


def __dir__() -> list[str]:
    return [*__all__, *(name for name in globals() if name.startswith("__"))]


_foreign.not_functions(__name__)
