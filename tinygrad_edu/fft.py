"""Fourier transforms under the names of `numpy.fft` and of the array API standard: `tg.fft`."""

from .functions.fourier import fft as fft
from .functions.fourier import fftfreq as fftfreq
from .functions.fourier import fftn as fftn
from .functions.fourier import fftshift as fftshift
from .functions.fourier import hfft as hfft
from .functions.fourier import ifft as ifft
from .functions.fourier import ifftn as ifftn
from .functions.fourier import ifftshift as ifftshift
from .functions.fourier import ihfft as ihfft
from .functions.fourier import irfft as irfft
from .functions.fourier import irfftn as irfftn
from .functions.fourier import rfft as rfft
from .functions.fourier import rfftfreq as rfftfreq
from .functions.fourier import rfftn as rfftn
from .interop.names import guide as _guide

__all__ = [
    "fft", "fftfreq", "fftn", "fftshift", "hfft", "ifft", "ifftn", "ifftshift", "ihfft", "irfft", "irfftn", "rfft",
    "rfftfreq", "rfftn",
]  # fmt: skip
_guide(__name__, "tg.fft")
