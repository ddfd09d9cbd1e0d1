"""Linear algebra under the names of the array API standard and of `numpy.linalg`: `tg.linalg`."""

from .functions.contract import matmul as matmul
from .functions.contract import tensordot as tensordot
from .functions.contract import vecdot as vecdot
from .functions.eigen import EigResult as EigResult
from .functions.eigen import eig as eig
from .functions.eigen import eigvals as eigvals
from .functions.layout import diagonal as diagonal
from .functions.layout import matrix_transpose as matrix_transpose
from .functions.linalg import EighResult as EighResult
from .functions.linalg import QRResult as QRResult
from .functions.linalg import SlogdetResult as SlogdetResult
from .functions.linalg import SVDResult as SVDResult
from .functions.linalg import cholesky as cholesky
from .functions.linalg import cholesky_solve as cholesky_solve
from .functions.linalg import cross as cross
from .functions.linalg import det as det
from .functions.linalg import eigh as eigh
from .functions.linalg import eigvalsh as eigvalsh
from .functions.linalg import inv as inv
from .functions.linalg import matrix_power as matrix_power
from .functions.linalg import outer as outer
from .functions.linalg import pinv as pinv
from .functions.linalg import qr as qr
from .functions.linalg import slogdet as slogdet
from .functions.linalg import solve as solve
from .functions.linalg import solve_triangular as solve_triangular
from .functions.linalg import svd as svd
from .functions.linalg import svdvals as svdvals
from .functions.linalg import trace as trace
from .functions.norms import cond as cond
from .functions.norms import matrix_norm as matrix_norm
from .functions.norms import matrix_rank as matrix_rank
from .functions.norms import norm as norm
from .functions.norms import vector_norm as vector_norm
from .interop.names import guide as _guide

__all__ = [
    "EigResult", "EighResult", "QRResult", "SVDResult", "SlogdetResult", "cholesky", "cholesky_solve", "cond",
    "cross", "det", "diagonal", "eig", "eigh", "eigvals", "eigvalsh", "inv", "matmul", "matrix_norm",
    "matrix_power", "matrix_rank", "matrix_transpose", "norm", "outer", "pinv", "qr", "slogdet", "solve",
    "solve_triangular", "svd", "svdvals", "tensordot", "trace", "vecdot", "vector_norm",
]  # fmt: skip
_guide(__name__, "tg.linalg")
