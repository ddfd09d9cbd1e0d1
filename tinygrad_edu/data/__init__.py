"""Data sets and batches."""

from ..interop.names import listing as _listing
from ..interop.names import unknown as _unknown
from .batch import collate as collate
from .dataset import TensorDataset as TensorDataset
from .digits import load_digits as load_digits
from .loader import DataLoader as DataLoader
from .mnist import load_mnist as load_mnist
from .progress import progress as progress

__getattr__, __dir__ = _unknown("data"), _listing(__name__)
