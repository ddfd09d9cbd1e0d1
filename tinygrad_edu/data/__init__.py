"""Data sets and batches."""

from ..foreign import unknown as _unknown
from .dataset import DataLoader as DataLoader
from .dataset import TensorDataset as TensorDataset
from .dataset import collate as collate
from .digits import load_digits as load_digits
from .mnist import load_mnist as load_mnist
from .progress import progress as progress

__getattr__ = _unknown("data")
