"""Parts of numbers: their sign, whole part, exponent and bits, entry by entry."""

from __future__ import annotations

import numpy as np

from ..domain import INTEGER, NONZERO, REAL, Domain
from ..op import Op
from .elementwise import where

__all__ = [
    "bitwise_left_shift", "bitwise_right_shift", "cbrt", "copysign", "exponent", "fmod", "heaviside", "nextafter",
    "signbit", "trunc",
]  # fmt: skip

trunc = Op("trunc", np.trunc, (lambda g, y, x: 0 * g,), analytic=False, domain=(REAL,),
           doc="The whole part: rounded towards 0. Its derivative is 0.")  # fmt: skip
fmod = Op("fmod", np.fmod, (lambda g, y, a, b: g, lambda g, y, a, b: -g * trunc(a / b)), analytic=False,
          domain=(REAL, Domain(2, 3)), doc="The remainder of truncated division, with the sign of x1.")  # fmt: skip
cbrt = Op("cbrt", np.cbrt, (lambda g, y, x: g / (3 * y * y),), analytic=False, domain=(NONZERO,),
          doc="The cube root, of negative numbers too.")  # fmt: skip
signbit = Op("signbit", np.signbit, (), analytic=False, domain=(REAL,), doc="Whether the sign is minus; so of -0.0.")
copysign = Op("copysign", np.copysign,
              (lambda g, y, a, b: where(signbit(a) ^ signbit(b), -g, g), None), analytic=False,
              domain=(NONZERO, NONZERO), doc="x1 with the sign of x2, to which no gradient goes.")  # fmt: skip
nextafter = Op("nextafter", np.nextafter, (lambda g, y, a, b: g, None), analytic=False, domain=(REAL, REAL),
               doc="The next number after x1 in the direction of x2. Its derivative is 1 by x1.")  # fmt: skip
heaviside = Op("heaviside", np.heaviside,
               (lambda g, y, x, h: 0 * g, lambda g, y, x, h: where(x == 0, g, 0)), analytic=False, masks=True,
               domain=(NONZERO, REAL), doc="0 below 0, x2 at 0, 1 above.")  # fmt: skip
exponent = Op("exponent", lambda x: np.frexp(x)[1], (), analytic=False, domain=(REAL,),
              doc="The e of x = m * 2**e with 0.5 <= abs(m) < 1.")  # fmt: skip
bitwise_left_shift = Op("bitwise_left_shift", np.left_shift, (), analytic=False, domain=(INTEGER, INTEGER),
                        doc="The bits of x1, x2 places to the left.")  # fmt: skip
bitwise_right_shift = Op("bitwise_right_shift", np.right_shift, (), analytic=False, domain=(INTEGER, INTEGER),
                         doc="The bits of x1, x2 places to the right.")  # fmt: skip
