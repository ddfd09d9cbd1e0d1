"""The declarations: every operation once, with its rules, in one file for each family."""

from .activation import *
from .attention import *
from .batch import *
from .complex import *
from .contract import *
from .determinant import *
from .elementwise import *
from .erf import *
from .fourier import *
from .fused import *
from .indexing import *
from .layout import *
from .linalg import *
from .normalization import *
from .numbers import *
from .pool import *
from .product import *
from .recurrent import *
from .reduce import *
from .special import *
from .spectral import *
from .window import *
