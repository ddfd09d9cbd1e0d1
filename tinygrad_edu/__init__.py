"""tinygrad_edu: an autograd engine to read in an afternoon, see in a picture, and trust by test."""

from . import errors as errors
from . import random as random
from .arrays import get_default_dtype as get_default_dtype
from .arrays import set_default_dtype as set_default_dtype
from .functions import linalg as linalg
from .functions.creation import *
from .functions.elementwise import *
from .functions.indexing import *
from .functions.layout import *
from .functions.linalg import einsum as einsum
from .functions.linalg import matmul as matmul
from .functions.linalg import tensordot as tensordot
from .functions.linalg import vecdot as vecdot
from .functions.reduce import *
from .recording import no_grad as no_grad
from .tensor import Tensor as Tensor
from .transforms import checkpoint as checkpoint
from .transforms import custom_op as custom_op
from .transforms import grad as grad
from .transforms import hessian as hessian
from .transforms import hvp as hvp
from .transforms import jacobian as jacobian
from .transforms import jvp as jvp
from .transforms import value_and_grad as value_and_grad
from .transforms import vjp as vjp
from .transforms import vmap as vmap
from .viz import draw as draw
