"""What goes around models: gradients within bounds, sequences of different lengths."""

from ...interop.names import unknown as _unknown
from . import rnn as rnn
from .clipping import clip_grad_norm_ as clip_grad_norm_
from .clipping import clip_grad_value_ as clip_grad_value_

__getattr__ = _unknown("nn.utils")
