"""Layers and losses as functions: PyTorch's names and argument meanings, with `axis` for `dim`."""

import sys as _sys

from ... import foreign as _foreign
from .activations import *
from .attention import *
from .classification import *
from .convolution import *
from .linear import *
from .losses import *
from .normalization import *
from .shape import *

_foreign.answer(_sys.modules[__name__])
