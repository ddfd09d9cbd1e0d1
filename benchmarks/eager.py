"""The eager engine beside PyTorch's: time and peak memory of a forward and a backward pass.

    python benchmarks/eager.py                    # all workloads, some minutes
    python benchmarks/eager.py LSTM GELU          # those whose names contain one of these
    python benchmarks/eager.py --rounds 15
    python benchmarks/eager.py --write            # and write the table of docs/benchmarks.md

Each workload is written once, for both libraries. Weights and inputs are the same; values and gradients are compared
first. Then both run in turn, round after round, with one thread each; a time is the median of CPU time over rounds, the
ratio the median of the rounds' ratios. Peak memory is what a process of its own needs beyond what it had before.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import math
import multiprocessing
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")  # read when these are loaded
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import torch
from page import processor, write_rows

import tinygrad_edu as tg

Array = np.ndarray
WORKLOADS: dict[str, Workload] = {}
rng = np.random.default_rng(0)


class Workload(NamedTuple):
    """`build(lib)` gives a module, or a function of tensors; `inputs` are its arguments, floats differentiable."""

    build: Callable[[ModuleType], Any]
    inputs: tuple[Array, ...]


def normal(*shape: int) -> Array:
    return rng.normal(size=shape).astype(np.float32)


def workload(name: str, *inputs: Array) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def register(build: Callable[[ModuleType], Any]) -> Callable[[ModuleType], Any]:
        WORKLOADS[name] = Workload(build, inputs)
        return build

    return register


def sequential(*layers: Callable[[Any], Any]) -> Callable[[ModuleType], Any]:
    return lambda lib: lib.nn.Sequential(*[layer(lib.nn) for layer in layers])


def of_entries(name: str, build: Callable[[Any], Any], *shape: int) -> None:
    """A layer, or a function, of one array."""
    WORKLOADS[f"{name} {shape}"] = Workload(lambda lib: build(lib.nn), (normal(*shape),))


def conv(inside: int, outside: int, kernel: int, **options: Any) -> Callable[[Any], Any]:
    return lambda nn: nn.Conv2d(inside, outside, kernel, **options)


def relu(nn: Any) -> Any:
    return nn.ReLU()


def separable(inside: int, outside: int) -> tuple[Callable[[Any], Any], ...]:
    """A depthwise convolution, and one of 1 x 1."""
    return (
        conv(inside, inside, 3, padding=1, groups=inside, bias=False), lambda nn: nn.BatchNorm2d(inside), relu,
        conv(inside, outside, 1, bias=False), lambda nn: nn.BatchNorm2d(outside), relu,
    )  # fmt: skip


WORKLOADS["ConvNet 1-16-32, 64 images of 28 x 28"] = Workload(
    sequential(
        conv(1, 16, 3, padding=1), relu, lambda nn: nn.MaxPool2d(2), conv(16, 32, 3, padding=1), relu,
        lambda nn: nn.MaxPool2d(2), lambda nn: nn.Flatten(), lambda nn: nn.Linear(32 * 49, 10),
    ),
    (normal(64, 1, 28, 28),),
)  # fmt: skip
WORKLOADS["MobileNet, three separable blocks"] = Workload(
    sequential(conv(3, 16, 3, padding=1), relu, *separable(16, 32), *separable(32, 64), *separable(64, 64)),
    (normal(16, 3, 32, 32),),
)


@workload("U-Net of two levels", normal(4, 3, 64, 64))
def u_net(lib: ModuleType) -> Any:
    nn, F = lib.nn, lib.nn.functional

    class UNet(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.down = nn.Conv2d(3, 16, 3, padding=1)
            self.norm = nn.GroupNorm(4, 16)
            self.deep = nn.Conv2d(16, 32, 3, padding=1)
            self.up = nn.ConvTranspose2d(32, 16, 2, stride=2)
            self.last = nn.Conv2d(32, 3, 3, padding=1)

        def forward(self, x: Any) -> Any:
            side = F.silu(self.norm(self.down(x)))
            x = F.silu(self.deep(F.max_pool2d(side, 2)))
            return self.last(lib.concat([self.up(x), side], 1))

    return UNet()


@workload("GPT block, width 64, 4 heads, context 64, batch 16", normal(16, 64, 64))
def gpt_block(lib: ModuleType) -> Any:
    nn, F = lib.nn, lib.nn.functional

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm1, self.norm2 = nn.LayerNorm(64), nn.LayerNorm(64)
            self.qkv, self.out = nn.Linear(64, 192), nn.Linear(64, 64)
            self.wide, self.narrow = nn.Linear(64, 256), nn.Linear(256, 64)

        def forward(self, x: Any) -> Any:
            b, t, n = x.shape
            z = self.qkv(self.norm1(x))
            q, k, v = (self.heads(z[..., n * i : n * i + n]) for i in range(3))
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + self.out(y.swapaxes(1, 2).reshape(b, t, n))
            return x + self.narrow(F.gelu(self.wide(self.norm2(x))))

        def heads(self, x: Any) -> Any:
            return x.reshape(16, 64, 4, 16).swapaxes(1, 2)

    return Block()


for kind in ("LSTM", "GRU"):
    WORKLOADS[f"{kind} 64 to 128, 64 steps, batch 32"] = Workload(
        lambda lib, kind=kind: getattr(lib.nn, kind)(64, 128), (normal(64, 32, 64),)
    )


@workload("GELU by formula, 4M", normal(4_000_000))
def gelu_by_formula(lib: ModuleType) -> Any:
    return lambda x: 0.5 * x * (1 + lib.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


@workload("CTC by logsumexp, 100 steps", normal(100, 16, 41))
def ctc(lib: ModuleType) -> Any:
    nothing = np.full((16, 2), -1e30, np.float32)
    nothing = lib.asarray(nothing)

    def loss(x: Any) -> Any:
        a = x[0]
        for t in range(1, 100):
            wide = lib.concat([nothing, a], 1)
            a = lib.logsumexp(lib.stack([wide[:, 2:], wide[:, 1:-1], wide[:, :-2]]), 0) + x[t]
        return a

    return loss


WORKLOADS["depthwise 3 x 3, (16, 64, 32, 32)"] = Workload(
    sequential(conv(64, 64, 3, padding=1, groups=64)), (normal(16, 64, 32, 32),)
)
WORKLOADS["convolution 3 x 3, 64 channels, (16, 64, 32, 32)"] = Workload(
    sequential(conv(64, 64, 3, padding=1)), (normal(16, 64, 32, 32),)
)
of_entries("reflect pad", lambda nn: lambda x: nn.functional.pad(x, (3, 3, 3, 3), mode="reflect"), 16, 16, 64, 64)
of_entries("topk of 10", lambda nn: lambda x: x.topk(10)[0], 256, 4096)
of_entries("LeakyReLU", lambda nn: nn.LeakyReLU(), 1024, 1024)
of_entries("ELU", lambda nn: nn.ELU(), 1024, 1024)
of_entries("Sigmoid", lambda nn: nn.Sigmoid(), 1024, 1024)
of_entries("SiLU", lambda nn: nn.SiLU(), 1024, 1024)
of_entries("Softplus", lambda nn: nn.Softplus(), 1024, 1024)
of_entries("GELU", lambda nn: nn.GELU(), 1024, 1024)
of_entries("Softmax", lambda nn: nn.Softmax(-1), 1024, 1024)
of_entries("LayerNorm", lambda nn: nn.LayerNorm(1024), 1024, 1024)
of_entries("GroupNorm", lambda nn: nn.GroupNorm(8, 64), 16, 64, 32, 32)
of_entries("BatchNorm2d", lambda nn: nn.BatchNorm2d(64), 16, 64, 32, 32)
of_entries("sum over the first axis", lambda nn: lambda x: x.sum(0), 512, 512)


@workload("attention (1, 4, 2048, 32), causal", *(normal(1, 4, 2048, 32) for _ in range(3)))
def attention(lib: ModuleType) -> Any:
    return lambda q, k, v: lib.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)


class Run:
    """One library's forward and backward pass of a workload."""

    def __init__(self, lib: ModuleType, work: Workload) -> None:
        self.of = work.build(lib)
        self.leaf = (
            (lambda x: torch.tensor(x, requires_grad=True))
            if lib is torch
            else lambda x: tg.Tensor(x, requires_grad=True)
        )
        self.inputs = [self.leaf(x) for x in work.inputs]
        self.cotangent: Any = None

    def forward(self) -> Any:
        y = self.of(*self.inputs)
        return y[0] if isinstance(y, tuple) else y

    def start(self, cotangent: Array, of: Any) -> None:
        """Take the other's weights, and the gradient of the output."""
        self.cotangent = (
            torch.from_numpy(cotangent) if isinstance(self.inputs[0], torch.Tensor) else tg.asarray(cotangent)
        )
        if hasattr(self.of, "load_state_dict") and of is not None:
            self.of.load_state_dict({k: torch.from_numpy(np.array(v.data)) for k, v in of.of.state_dict().items()})

    def __call__(self) -> Any:
        for x in self.leaves():
            x.grad = None
        y = self.forward()
        y.backward(self.cotangent)
        return y

    def leaves(self) -> list[Any]:
        weights = list(self.of.parameters()) if hasattr(self.of, "parameters") else []
        return [*self.inputs, *weights]

    def results(self) -> list[Array]:
        """The value and the gradients."""
        y = self()
        return [y.detach().numpy(), *(x.grad.numpy() for x in self.leaves())]


def pair(work: Workload) -> tuple[Run, Run]:
    """Both libraries' runs, after a check that they compute the same."""
    ours, theirs = Run(tg, work), Run(torch, work)
    cotangent = np.random.default_rng(1).normal(size=ours.forward().shape).astype(np.float32)
    ours.start(cotangent, None)
    theirs.start(cotangent, ours)
    (value, *slopes), (expected, *expected_slopes) = ours.results(), theirs.results()
    np.testing.assert_allclose(value, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())
    difference = math.hypot(*(float(np.linalg.norm(a - b)) for a, b in zip(slopes, expected_slopes, strict=True)))
    size = math.hypot(*(float(np.linalg.norm(g)) for g in expected_slopes))
    assert difference < 5e-3 * size, "the gradients differ"  # a rounding may put an entry on the other side of a kink
    return ours, theirs


def seconds(job: Callable[[], Any]) -> float:
    """Of one call, from calls that take long enough to be measured."""
    calls, taken = 0, 0.0
    start = time.process_time()
    while taken < 0.02:
        job()
        calls, taken = calls + 1, time.process_time() - start
    return taken / calls


def measured(ours: Run, theirs: Run, rounds: int) -> tuple[float, float, float]:
    times = []
    for _ in range(rounds):
        gc.collect()
        times.append((seconds(ours), seconds(theirs)))
    a, b = zip(*times, strict=True)
    return statistics.median(a), statistics.median(b), statistics.median(x / y for x, y in times)


def peak(run: Run) -> float | None:
    """Megabytes that two passes need at most, beyond what the process has; None where the system does not say."""
    if not Path("/proc/self/clear_refs").exists():
        return None
    context = multiprocessing.get_context("fork")
    ends = context.Pipe()
    child = context.Process(target=_peak, args=(run, ends[1]))
    child.start()
    found: float = ends[0].recv()
    child.join()
    return found


def _peak(run: Run, end: Any) -> None:
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # what was freed before goes back to the system
    Path("/proc/self/clear_refs").write_text("5")  # sets the peak to what is in use now
    before = _status("VmRSS")
    y = None
    for _ in range(2):
        y = run()  # the graph of the pass before lives while this one runs, as in a training loop
    end.send(_status("VmHWM") - before)
    del y


def _status(name: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(name))


HEAD = [
    "| workload | tinygrad_edu | PyTorch | ratio | peak memory | PyTorch's |",
    "| --- | ---: | ---: | ---: | ---: | ---: |",
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="parts of names of workloads; all, if none is given")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--write", action="store_true", help="write the table of docs/benchmarks.md")
    options = parser.parse_args()
    torch.set_num_threads(1)
    versions = f"Python {platform.python_version()}, NumPy {np.__version__}, PyTorch {torch.__version__}"
    made = f"CPU time of one thread, {processor()}; {versions}."
    print(*HEAD, sep="\n")
    for name, work in WORKLOADS.items():
        if options.names and not any(part.lower() in name.lower() for part in options.names):
            continue
        ours, theirs = pair(work)
        a, b, ratio = measured(ours, theirs, options.rounds)
        sizes = [peak(run) for run in (ours, theirs)]
        memory = " | ".join("" if size is None else f"{size:.0f} MB" for size in sizes)
        row = f"| {name} | {a * 1e3:.3g} ms | {b * 1e3:.3g} ms | {ratio:.2f} | {memory} |"
        print(row, flush=True)
        if options.write:
            write_rows("eager", HEAD, {name: row}, list(WORKLOADS), made)


if __name__ == "__main__":
    main()
