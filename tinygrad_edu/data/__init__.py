"""Data sets and batches."""

from ..interop.names import guide as _guide
from .batch import collate as collate
from .dataset import ConcatDataset as ConcatDataset
from .dataset import Dataset as Dataset
from .dataset import IterableDataset as IterableDataset
from .dataset import Subset as Subset
from .dataset import TensorDataset as TensorDataset
from .dataset import random_split as random_split
from .digits import load_digits as load_digits
from .images import ImageFolder as ImageFolder
from .loader import DataLoader as DataLoader
from .mnist import load_mnist as load_mnist
from .progress import progress as progress
from .samplers import BatchSampler as BatchSampler
from .samplers import RandomSampler as RandomSampler
from .samplers import SequentialSampler as SequentialSampler
from .samplers import SubsetRandomSampler as SubsetRandomSampler
from .samplers import WeightedRandomSampler as WeightedRandomSampler
from .tables import Table as Table
from .tables import load_csv as load_csv

_guide(__name__, "data")
