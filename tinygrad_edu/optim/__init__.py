"""Optimizers, which change parameters against their gradients, and schedules of the learning rate."""

from ..interop.names import listing as _listing
from ..interop.names import unknown as _unknown
from .adam import Adam as Adam
from .adam import AdamW as AdamW
from .adaptive import Adagrad as Adagrad
from .adaptive import RMSprop as RMSprop
from .optimizer import Optimizer as Optimizer
from .schedule import CosineAnnealingLR as CosineAnnealingLR
from .schedule import ExponentialLR as ExponentialLR
from .schedule import LinearLR as LinearLR
from .schedule import LRScheduler as LRScheduler
from .schedule import MultiStepLR as MultiStepLR
from .schedule import OneCycleLR as OneCycleLR
from .schedule import ReduceLROnPlateau as ReduceLROnPlateau
from .schedule import StepLR as StepLR
from .sgd import SGD as SGD

__getattr__, __dir__ = _unknown("optim"), _listing(__name__)
