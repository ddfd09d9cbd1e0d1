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
