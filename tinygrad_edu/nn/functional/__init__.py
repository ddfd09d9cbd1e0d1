"""Layers and losses as functions: PyTorch's names and argument meanings, with `axis` for `dim`."""

from .activations import *
from .linear import *
from .losses import *
