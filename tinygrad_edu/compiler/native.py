"""Machine code: IR through LLVM, for this processor, called by ctypes."""

from __future__ import annotations

import bisect
import ctypes
import itertools
import sys
import threading
from array import array as fixed
from collections.abc import Sequence
from functools import cache as once
from typing import Any

import numpy as np

from ..annotations import Array
from ..holders import root
from ..program.program import Program, Step, Value
from . import cache, threads
from .llvm import IR
from .lowering import Lowering
from .steps import can


def available() -> bool:
    """Whether llvmlite is installed."""
    try:
        import llvmlite.binding  # noqa: F401
    except ImportError:
        return False
    return True


@once
def _host() -> tuple[str, str]:
    """This processor's name and features."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()


@once
def registers() -> tuple[int, int]:
    """The bytes of a vector register of this processor, and how many of them may keep sums."""
    _, features = _host()
    if "+avx512f" in features:
        return 64, 24
    return (32, 12) if "+avx" in features else (16, 24 if "+neon" in features else 12)


def _machine(level: int = 3) -> Any:
    """A target machine, which belongs to one engine."""
    import llvmlite.binding as llvm

    cpu, features = _host()
    return llvm.Target.from_default_triple().create_target_machine(cpu=cpu, features=features, opt=level, jit=True)


_lock = threading.Lock()
LONG = (
    1 << 20
)  # characters of one function, as of many thousands of scalar steps, from which it is compiled as it stands
SMALL = 1 << 13  # bytes up to which results are parts of one array


class Kernels:
    """Some steps of a program as one native function."""

    def __init__(
        self,
        program: Program,
        steps: list[Step],
        needed: list[Value],
        fast: bool = False,
        changed: dict[Value, Value] | None = None,
    ) -> None:
        self.steps = steps
        self.lowering = Lowering(program, steps, needed, changed, registers())
        self.module = IR(self.lowering, fast)
        self.inputs = list(self.lowering.inputs)
        self.outputs = list(self.lowering.outputs)
        self.numbers = list(self.lowering.weak)
        self.engine, functions = compiled(self.module.text, self.module.entries)
        place = ctypes.c_void_p
        run, again, alone = (ctypes.CFUNCTYPE(None, *[place] * n) for n in (2, 3, 0))
        self.function, self.again = run(functions["run"]), again(functions["again.run"])  # on the arrays of objects
        self.slices = bool(self.module.groups)
        if self.slices:
            self.shared, self.again_shared = run(functions["shared"]), again(functions["again.shared"])
            helper: Any = alone(functions["help"])
            self.helpers = alone(functions["arm"]), helper
            helper.engine = self.engine  # a thread may be late, when nobody else needs the code any more
        self.size = self.module.size

    def __call__(self, *values: Any) -> list[Any]:
        """The arrays of `outputs`, from those of `inputs` and numbers."""
        outputs, pointers, numbers, _ = self.given(values)
        self.function(pointers, numbers)
        return outputs

    def given(self, values: Sequence[Any], copied: bool = False) -> tuple[list[Any], int, int, Any]:
        """New arrays for the outputs, where the pointers and the numbers of a call stand, and what keeps all of it
        alive. What is written in place is written into copies, if these are wanted."""
        n = len(self.inputs)
        arrays = [_laid_out(x, v) for x, v in zip(values[:n], self.inputs, strict=True)]
        arrays = [x.copy() for x in arrays] if copied else arrays
        outputs = [np.empty(v.shape, v.dtype) for v in self.outputs]
        own = np.empty(self.size + 64, np.uint8)
        places = [own, *arrays, *outputs]
        pointers = np.array([a.__array_interface__["data"][0] for a in places], np.uintp)
        pointers[0] = -(-int(pointers[0]) // 64) * 64
        numbers = np.array(values[n:], np.float64)
        return outputs, pointers.ctypes.data, numbers.ctypes.data, (places, pointers, numbers)


class Whole:
    """A whole program as one native function, whose pointers are looked up anew only where arrays are others.

    `passing` are the inputs that are others in each run, as arguments are; their arrays are not kept.
    """

    def __init__(
        self, program: Program, steps: list[Step], changed: dict[Value, Value], passing: set[int], fast: bool
    ) -> None:
        self.kernels = Kernels(program, steps, list(dict.fromkeys(program.results)), fast, changed)
        kernels, numbers = self.kernels, {v: k for k, v in enumerate(program.inputs)}
        self.slots = {numbers[v]: (k, v) for k, v in enumerate(kernels.inputs, 1) if v in numbers}
        self.fixed = [
            (k, _laid_out(program.constants[v], v)) for k, v in enumerate(kernels.inputs, 1) if v not in numbers
        ]
        first = 1 + len(kernels.inputs)
        self.pointers = np.zeros(first + len(kernels.outputs), np.uintp)
        self.outputs = _Outputs(kernels.outputs, self.pointers[first:])
        place = {v: k for k, v in enumerate(kernels.outputs)}
        self.results = [place.get(v) for v in program.results]
        self.numbers = [numbers[v] for v in kernels.numbers]
        self.changed = {numbers[v] for v in changed.values()}
        self.passing = passing
        self.own = np.empty(kernels.size + 64, np.uint8)
        self.pointers[0] = -(-address(self.own) // 64) * 64
        for k, a in self.fixed:
            self.pointers[k] = address(a)
        self.known: list[Any] = [None] * len(program.inputs)
        self.spans: list[tuple[int, int]] = []  # of the arrays that are written into, by address
        self.table = address(self.pointers)
        self.values = np.zeros(max(len(self.numbers), 1))
        self.settings = address(self.values)
        self.kept: list[Any] = []  # what the pointers of the next call point to
        self.roots: frozenset[int] = frozenset()  # the arrays that own what is written into, by their ids
        self.lent: Any = None  # the tensors to whose arrays the pointers of gradients point, see repetition.py

    def call(self) -> tuple[Any, int, int]:
        """A function of C, and its arguments; threads are on their way to help it."""
        kernels = self.kernels
        function = kernels.shared if kernels.slices and threads.helped(*kernels.helpers) else kernels.function
        return function, self.table, self.settings

    def prepared(self, arrays: Sequence[Any]) -> list[Any] | None:
        """The results, which `call` will fill; those that it writes where an input was are None. None for all if that
        must not be: if such an array has gaps, or is read by another name."""
        self.lent = None
        known, kept = self.known, []
        others = [i for i in self.slots if arrays[i] is not known[i]]
        if self.changed and not self.changed.isdisjoint(others):
            if not self._ready(arrays):
                return None
            others, known = list(self.slots), self.known
        for i in others:
            slot, value = self.slots[i]
            laid = _laid_out(arrays[i], value)
            start = address(laid)
            if self.spans and i not in self.changed and _overlap(self.spans, start, start + laid.nbytes):
                return None
            self.pointers[slot] = start
            kept.append(laid)
            if laid is arrays[i] and i not in self.passing:
                known[i] = laid
        if self.numbers:
            self.values[:] = [arrays[i] for i in self.numbers]
        outputs = self.outputs.new()
        self.kept = kept
        return [None if k is None else outputs[k] for k in self.results]

    def _ready(self, arrays: Sequence[Any]) -> bool:
        """Whether the arrays that are written into can be; their spans are looked up anew."""
        found = [arrays[i] for i in self.changed]
        if not all(type(x) is np.ndarray and x.flags.carray for x in found):
            return False
        self.known = [None] * len(self.known)
        self.spans = sorted((address(x), address(x) + x.nbytes) for x in found)
        self.roots = frozenset(id(root(x)) for x in found)
        return all(a[1] <= b[0] for a, b in itertools.pairwise(self.spans))

    def apart(self, x: Any) -> bool:
        """Whether an array lies as machine code reads it, and not in what is written into."""
        start = address(x)
        return bool(x.flags.aligned) and not (self.spans and _overlap(self.spans, start, start + x.nbytes))

    def place(self, k: int) -> int:
        """The pointer of a result."""
        return 1 + len(self.kernels.inputs) + int(self.results[k])  # type: ignore[arg-type]

    def repetition(self, slots: Sequence[int]) -> tuple[Any, Any, tuple[Any, ...]]:
        """Where the next call's objects and numbers go, and the arguments of `again`, a function of C: the pointers of
        `slots` become those of the objects' memory."""
        objects = fixed("Q", [len(slots), *slots, *(0 for _ in slots)])
        numbers = fixed("d", [0.0] * max(len(self.numbers), 1))
        return objects, numbers, (self.table, objects.buffer_info()[0], numbers.buffer_info()[0])


class _Outputs:
    """New arrays for each run; small ones are parts of one."""

    def __init__(self, values: list[Value], pointers: Array) -> None:
        sizes = [max(v.size, 1) * v.dtype.itemsize for v in values]
        self.shapes = [(v.shape, v.dtype) for v in values]
        self.large = [k for k, size in enumerate(sizes) if size > SMALL]
        self.places: dict[int, int] = {}
        self.size = 0
        for k, size in enumerate(sizes):
            if size <= SMALL:
                self.places[k] = self.size
                self.size += -(-size // 64) * 64
        self.pointers = pointers
        self.offsets = np.array(list(self.places.values()), np.uintp)
        self.at = np.array(list(self.places), np.intp)

    def new(self) -> list[Any]:
        """The arrays, where the pointers point to."""
        found: list[Any] = [None] * len(self.shapes)
        if self.places:
            block = np.empty(self.size, np.uint8)
            self.pointers[self.at] = self.offsets + np.uintp(address(block))
            for k, offset in self.places.items():
                shape, dtype = self.shapes[k]
                found[k] = np.ndarray(shape, dtype, block, offset)
        for k in self.large:
            found[k] = np.empty(*self.shapes[k])
            self.pointers[k] = address(found[k])
        return found


def _overlap(spans: list[tuple[int, int]], start: int, end: int) -> bool:
    """Whether bytes from `start` to `end` lie within one of the spans, which are in order."""
    k = bisect.bisect_left(spans, (end, 0))
    return k > 0 and spans[k - 1][1] > start


def address(x: Any) -> int:
    """Where an array's memory begins."""
    return int(x.__array_interface__["data"][0])


def _data() -> int | None:
    """Where in an array's object the address of its memory stands, in this Python; None where it is not known."""
    array, place = np.empty(1), object.__basicsize__
    if sys.implementation.name != "cpython" or type(array).__basicsize__ < place + ctypes.sizeof(ctypes.c_void_p):
        return None
    return place if ctypes.c_void_p.from_address(id(array) + place).value == address(array) else None


DATA = _data()


def _laid_out(x: Array, value: Value) -> Any:
    return (
        x if type(x) is np.ndarray and x.flags.c_contiguous and x.flags.aligned else np.array(x, value.dtype, order="C")
    )


def compiled(text: str, names: Sequence[str]) -> tuple[Any, dict[str, int]]:
    """The addresses of functions in the machine code of a module, which the engine keeps in memory."""
    import llvmlite
    import llvmlite.binding as llvm

    with _lock:
        llvm.add_symbol("tinygrad_yield", threads.yielding())
        machine = _machine()
        name = cache.name_of(text, *_host(), llvmlite.__version__, ".".join(map(str, llvm.llvm_version_info)))
        code = cache.found(name)
        if code is None:
            code = _code(text, machine)
            cache.keep(name, code)
        engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
        engine.add_object_file(llvm.ObjectFileRef.from_data(code))
        engine.finalize_object()
        return engine, {name: engine.get_function_address(name) for name in names}


def _code(text: str, machine: Any) -> bytes:
    """The object code of a module."""
    import llvmlite.binding as llvm

    module = llvm.parse_assembly(text)
    module.verify()
    long = max(map(len, text.split("\n\n"))) > LONG
    machine = _machine(0) if long else machine
    options = llvm.create_pipeline_tuning_options(speed_level=1 if long else 2)
    options.loop_vectorization = options.slp_vectorization = not long
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
    return bytes(machine.emit_object(module))


__all__ = ["Kernels", "available", "can"]
