"""Optimizers, which change parameters against their gradients, and schedules of the learning rate."""

from ..interop.names import guide as _guide
from . import lr_scheduler as lr_scheduler
from . import swa_utils as swa_utils
from .adam import Adam as Adam
from .adam import AdamW as AdamW
from .adam_family import Adamax as Adamax
from .adam_family import Lion as Lion
from .adam_family import NAdam as NAdam
from .adam_family import RAdam as RAdam
from .adaptive import Adagrad as Adagrad
from .adaptive import RMSprop as RMSprop
from .averaging import ASGD as ASGD
from .averaging import Adadelta as Adadelta
from .averaging import Rprop as Rprop
from .lbfgs import LBFGS as LBFGS
from .lr_finder import find_lr as find_lr
from .lr_scheduler import ChainedScheduler as ChainedScheduler
from .lr_scheduler import ConstantLR as ConstantLR
from .lr_scheduler import CosineAnnealingLR as CosineAnnealingLR
from .lr_scheduler import CosineAnnealingWarmRestarts as CosineAnnealingWarmRestarts
from .lr_scheduler import CyclicLR as CyclicLR
from .lr_scheduler import ExponentialLR as ExponentialLR
from .lr_scheduler import LambdaLR as LambdaLR
from .lr_scheduler import LinearLR as LinearLR
from .lr_scheduler import LRScheduler as LRScheduler
from .lr_scheduler import MultiplicativeLR as MultiplicativeLR
from .lr_scheduler import MultiStepLR as MultiStepLR
from .lr_scheduler import OneCycleLR as OneCycleLR
from .lr_scheduler import PolynomialLR as PolynomialLR
from .lr_scheduler import ReduceLROnPlateau as ReduceLROnPlateau
from .lr_scheduler import SequentialLR as SequentialLR
from .lr_scheduler import StepLR as StepLR
from .matrices import Adafactor as Adafactor
from .matrices import Muon as Muon
from .minimization import Minimum as Minimum
from .minimization import minimize as minimize
from .optimizer import Optimizer as Optimizer
from .sgd import SGD as SGD

_guide(__name__, "optim")
