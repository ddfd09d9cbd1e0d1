"""What goes around models: gradients within bounds, parameters as a vector or computed from others, sequences of
different lengths."""

from ...interop.names import guide as _guide
from . import parametrizations as parametrizations
from . import parametrize as parametrize
from . import rnn as rnn
from .clipping import clip_grad_norm_ as clip_grad_norm_
from .clipping import clip_grad_value_ as clip_grad_value_
from .parametrizations import spectral_norm as spectral_norm
from .parametrizations import weight_norm as weight_norm
from .vectors import parameters_to_vector as parameters_to_vector
from .vectors import vector_to_parameters as vector_to_parameters

_guide(__name__, "nn.utils")
