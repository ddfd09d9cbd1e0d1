"""Schedules of the learning rate."""

from ...interop.names import guide as _guide
from .combined import ChainedScheduler as ChainedScheduler
from .combined import SequentialLR as SequentialLR
from .cycles import CyclicLR as CyclicLR
from .cycles import OneCycleLR as OneCycleLR
from .formulas import ConstantLR as ConstantLR
from .formulas import CosineAnnealingLR as CosineAnnealingLR
from .formulas import CosineAnnealingWarmRestarts as CosineAnnealingWarmRestarts
from .formulas import ExponentialLR as ExponentialLR
from .formulas import LambdaLR as LambdaLR
from .formulas import LinearLR as LinearLR
from .formulas import MultiplicativeLR as MultiplicativeLR
from .formulas import MultiStepLR as MultiStepLR
from .formulas import PolynomialLR as PolynomialLR
from .formulas import StepLR as StepLR
from .plateau import ReduceLROnPlateau as ReduceLROnPlateau
from .schedule import LRScheduler as LRScheduler

_guide(__name__, "optim.lr_scheduler")
