"""Machine code: IR through LLVM, for this processor, called by ctypes."""

from __future__ import annotations

import ctypes
import threading
from functools import cache
from typing import Any

import numpy as np

from ..program.program import Program, Step, Value
from .kernels import Lowering, can
from .llvm import Module


def available() -> bool:
    """Whether llvmlite is installed."""
    try:
        import llvmlite.binding  # noqa: F401
    except ImportError:
        return False
    return True


@cache
def _host() -> tuple[str, str]:
    """This processor's name and features."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()


def _machine() -> Any:
    """A target machine, which belongs to one engine."""
    import llvmlite.binding as llvm

    cpu, features = _host()
    return llvm.Target.from_default_triple().create_target_machine(cpu=cpu, features=features, opt=3, jit=True)


_lock = threading.Lock()


class Kernels:
    """Some steps of a program as one native function."""

    def __init__(self, program: Program, steps: list[Step], needed: set[Value], fast: bool = False) -> None:
        self.steps = steps
        self.lowering = Lowering(program, steps, needed)
        self.module = Module(self.lowering, fast)
        self.inputs = list(self.lowering.inputs)
        self.outputs = list(self.lowering.outputs)
        self.numbers = list(self.lowering.weak)
        self.engine, address = compiled(self.module.text)
        self.function = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)(address)
        self.size = self.module.size

    def __call__(self, *values: Any) -> list[Any]:
        """The arrays of `outputs`, from those of `inputs` and numbers."""
        n = len(self.inputs)
        arrays = [_laid_out(x, v) for x, v in zip(values[:n], self.inputs, strict=True)]
        outputs = [np.empty(v.shape, v.dtype) for v in self.outputs]
        own = np.empty(self.size + 64, np.uint8)
        places = [own, *arrays, *outputs]
        pointers = np.array([a.__array_interface__["data"][0] for a in places], np.uintp)
        pointers[0] = -(-int(pointers[0]) // 64) * 64
        numbers = np.array(values[n:], np.float64)
        self.function(pointers.ctypes.data, numbers.ctypes.data)
        return outputs


def _laid_out(x: Any, value: Value) -> Any:
    return (
        x if type(x) is np.ndarray and x.flags.c_contiguous and x.flags.aligned else np.array(x, value.dtype, order="C")
    )


def compiled(text: str) -> tuple[Any, int]:
    """The address of `run` in the machine code of a module."""
    import llvmlite.binding as llvm

    with _lock:
        machine = _machine()
        module = llvm.parse_assembly(text)
        module.verify()
        options = llvm.create_pipeline_tuning_options(speed_level=3)
        options.loop_vectorization = options.slp_vectorization = True
        builder = llvm.create_pass_builder(machine, options)
        builder.getModulePassManager().run(module, builder)
        engine = llvm.create_mcjit_compiler(module, machine)
        engine.finalize_object()
        return engine, engine.get_function_address("run")


__all__ = ["Kernels", "available", "can"]
