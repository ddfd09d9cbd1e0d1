"""Is a derivative right? Checks with error bars, verdicts and a diagnosis; property tests for derivatives.

Importing this needs NumPy only; hypothesis is imported by what uses it, when it is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..errors import MissingLibraryError
from ..interop.names import UnknownNameError, not_functions
from .checking import check_derivative as check_derivative
from .checking import check_gradients as check_gradients
from .jacobian import numerical_jacobian as numerical_jacobian
from .kernels.check import check_kernel as check_kernel
from .kernels.report import KernelReport as KernelReport
from .properties.mutation import mutation_score as mutation_score
from .properties.op_checks import built_in_ops as built_in_ops
from .properties.op_checks import check_op as check_op
from .report import Entry as Entry
from .report import GradientError as GradientError
from .report import Report as Report
from .second_order import check_hessian as check_hessian
from .second_order import check_hvp as check_hvp
from .second_order import check_jacobian_sparsity as check_jacobian_sparsity
from .second_order import check_jvp as check_jvp
from .suggest import suggest as suggest

LAZY: dict[str, tuple[str, str | None]] = {  # name: (module, attribute or None for the module itself)
    "derivative_property": ("properties.properties", "derivative_property"),
    "strategies": ("properties.strategies", None),
}

__all__ = [
    "Entry", "GradientError", "KernelReport", "Report", "built_in_ops", "check_derivative", "check_gradients",
    "check_hessian", "check_hvp", "check_jacobian_sparsity", "check_jvp", "check_kernel", "check_op",
    "mutation_score", "numerical_jacobian", "suggest",
]  # fmt: skip


if TYPE_CHECKING:
    from .properties import strategies as strategies
    from .properties.properties import derivative_property as derivative_property
else:  # a type checker would take every name for one that there is

    def __getattr__(name: str) -> Any:
        if name not in LAZY:
            raise UnknownNameError("tg.testing", name, (*__all__, *LAZY))
        module, attribute = LAZY[name]
        try:
            found = import_module(f".{module}", __name__)
        except ModuleNotFoundError as error:
            if error.name != "hypothesis":
                raise
            raise MissingLibraryError(f"testing.{name}", "hypothesis", "testing") from error
        return getattr(found, attribute) if attribute else found


def __dir__() -> list[str]:
    return sorted([*__all__, *LAZY, *(name for name in globals() if name.startswith("__"))])


not_functions(__name__)
