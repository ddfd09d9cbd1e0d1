"""Layers and losses as functions: PyTorch's names and argument meanings, with `axis` for `dim`."""

from ...interop.names import guide as _guide
from .activations import *
from .adaptive import *
from .attention import *
from .classification import *
from .convolution import *
from .distances import *
from .dropout import *
from .linear import *
from .losses import *
from .margins import *
from .normalization import *
from .pooling import *
from .sampling import *
from .sequences import *
from .shape import *

_guide(__name__, "F")
