"""An array with one hidden leading axis, for `vmap`.

A `BatchedArray` holds a whole batch and has the shape of one example. It answers NumPy's protocols, so the
forward of every op, and every rule read on arrays, runs on the batch at once. What is known to carry the
hidden axis along (ufuncs.py, functions.py, indexing.py) computes on the batch; every other call of NumPy, and
every known one with arguments that are not understood, is run example by example (examples.py), which is
slower and gives the same. What neither can do is refused.

Batches nest: each `vmap` has a `level`, later ones higher, and the values of a batch may themselves
be batched at a lower level. A function is carried along at the highest level among its arguments;
arrays of lower levels count as plain there, and have their turn when the values are computed with.
"""

from .array import BatchedArray as BatchedArray
from .array import beside as beside
from .array import enter as enter
from .array import leave as leave
from .array import repeat as repeat
from .array import total as total
from .examples import batched_or_each as batched_or_each
from .functions import with_leading_axes as with_leading_axes
from .indexing import pick as pick
from .levels import RUNNING as RUNNING
from .levels import has_level as has_level
from .levels import levels as levels
from .levels import of_all as of_all
from .levels import read_only as read_only
from .levels import whole as whole
