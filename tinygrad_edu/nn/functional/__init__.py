"""Layers and losses as functions: PyTorch's names and argument meanings, with `axis` for `dim`."""

from ...interop.names import unknown as _unknown
from .activations import *
from .attention import *
from .classification import *
from .convolution import *
from .linear import *
from .losses import *
from .normalization import *
from .shape import *

__getattr__ = _unknown("F")
