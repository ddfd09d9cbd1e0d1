"""Training in one call, `tg.fit`, and what may watch it: early stopping, checkpoints, logs, a live curve."""

from ..interop.names import guide as _guide
from .callbacks import Callback as Callback
from .callbacks import EarlyStopping as EarlyStopping
from .checkpoint import Checkpoint as Checkpoint
from .fit import Fit as Fit
from .fit import fit as fit
from .logs import CSVLog as CSVLog
from .logs import LivePlot as LivePlot
from .logs import TensorBoardLog as TensorBoardLog

_guide(__name__, "training")
