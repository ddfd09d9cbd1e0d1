"""Special functions under the names of `scipy.special`: `tg.special`."""

from .functions.special import digamma as digamma
from .functions.special import erf as erf
from .functions.special import erfc as erfc
from .functions.special import erfcx as erfcx
from .functions.special import erfinv as erfinv
from .functions.special import expit as expit
from .functions.special import gammaln as gammaln
from .functions.special import i0 as i0
from .functions.special import i0e as i0e
from .functions.special import i1 as i1
from .functions.special import i1e as i1e
from .functions.special import log_ndtr as log_ndtr
from .functions.special import logit as logit
from .functions.special import ndtr as ndtr
from .functions.special import polygamma as polygamma
from .functions.special import xlog1py as xlog1py
from .functions.special import xlogy as xlogy
from .interop.names import guide as _guide

__all__ = [
    "digamma", "erf", "erfc", "erfcx", "erfinv", "expit", "gammaln", "i0", "i0e", "i1", "i1e", "log_ndtr", "logit",
    "ndtr", "polygamma", "xlog1py", "xlogy",
]  # fmt: skip
_guide(__name__, "tg.special")
