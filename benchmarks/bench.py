"""The benchmark: every workload, ours as it stands and compiled, beside the libraries that are installed.

    python benchmarks/bench.py                    # all, about half an hour on a quiet machine
    python benchmarks/bench.py mlp lstm           # files of workloads/ whose names contain one of these
    python benchmarks/bench.py --peers PyTorch JAX
    python benchmarks/bench.py --write            # and write the table and the chart of docs/benchmarks.md

Each library works in a process of its own, with one thread. All must give the same losses or gradients, else nothing is
measured. Then they work in turn, round after round; a time is the median of CPU time over rounds. The ratio is that of
the fastest peer's time to the compiled one's, within a round: above 1, ours is faster. The first call reads, compiles
and runs; the next process finds the machine code on the disk. Memory is the peak of the process, with its libraries,
and how much of it three calls add.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from page import processor, write_rows

HERE = Path(__file__).resolve().parent
WORKLOADS = (
    "moons", "mlp_small", "mlp_deep", "mlp_784", "mlp_1024", "logistic_regression", "convnet", "separable", "lstm",
    "gru", "transformer", "gelu", "layer_norm", "softmax", "scalar_chain", "hvp", "jacobian", "per_example",
)  # fmt: skip
PACKAGES = {
    "PyTorch": "torch", "torch.compile": "torch", "JAX": "jax", "autograd": "autograd", "MyGrad": "mygrad",
    "micrograd": "micrograd",
}  # fmt: skip
OURS = ("compiled", "eager")
COLUMNS = ["ratio", "goal", "first call", "from the disk", "peak", "PyTorch's"]
HEAD = [
    f"| workload | {' | '.join([*OURS, *PACKAGES, *COLUMNS])} |",
    f"| --- |{' ---: |' * (len(OURS) + len(PACKAGES) + len(COLUMNS))}",
]
ONE_THREAD = {
    "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
}  # fmt: skip


class Worker:
    """A process in which one library does one workload, and answers one line of JSON for each line it is sent."""

    def __init__(self, name: str, peer: str, caches: str) -> None:
        environment = {**os.environ, **ONE_THREAD, "TINYGRAD_EDU_CACHE": caches, "TORCHINDUCTOR_CACHE_DIR": caches}
        environment["PYTHONPATH"] = os.pathsep.join([str(HERE.parent), str(HERE), os.environ.get("PYTHONPATH", "")])
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 (closed by `close`)
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "worker.py"), name, peer],
            env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors,
        )  # fmt: skip
        self.peer = peer

    def ask(self, question: str) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(question + "\n")
            self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            self.process.wait()
            self.errors.seek(0)
            raise RuntimeError(f"{self.peer} ended:\n{self.errors.read()[-2000:]}")
        return json.loads(answer)

    def close(self) -> None:
        self.process.communicate()
        self.errors.close()


@contextlib.contextmanager
def workers(name: str, peers: list[str], caches: str) -> Iterator[dict[str, Worker]]:
    made = {peer: Worker(name, peer, caches) for peer in peers}
    try:
        yield made
    finally:
        for worker in made.values():
            worker.close()


def measured(name: str, peers: list[str], rounds: int) -> dict[str, Any]:
    """What there is to say of one workload."""
    with tempfile.TemporaryDirectory() as caches, workers(name, peers, caches) as at_work:
        started = {}
        for peer, worker in at_work.items():
            try:
                started[peer] = worker.ask("start")
            except RuntimeError as error:  # as torch.compile where there is no C++ compiler
                if peer in OURS:
                    raise
                print(f"{name}, without {error}", file=sys.stderr)
        peers = list(started)
        agree(name, {peer: answer["found"] for peer, answer in started.items()})
        times: dict[str, list[float]] = {peer: [] for peer in peers}
        for _ in range(rounds):
            for peer in peers:
                times[peer].append(at_work[peer].ask("time"))
        with workers(name, ["compiled"], caches) as again:
            cached = again["compiled"].ask("start")
    row = {peer: statistics.median(found) for peer, found in times.items()}
    others = [peer for peer in peers if peer not in OURS]
    row["goal"] = started["compiled"]["goal"]
    if others:
        row["ratio"] = statistics.median(
            min(times[peer][k] for peer in others) / times["compiled"][k] for k in range(rounds)
        )
    row |= {"first call": started["compiled"]["first"], "from the disk": cached["first"], "peak": megabytes(cached)}
    if "PyTorch" in started:
        row["PyTorch's"] = megabytes(started["PyTorch"])
    return row


def megabytes(answer: dict[str, int]) -> str:
    return f"{answer['peak'] >> 20} MB, +{max(answer['added'], 0) >> 20}"


def agree(name: str, found: dict[str, list[Any]]) -> None:
    """All libraries gave the same, as far as float32 and another order of sums allow."""
    expected = [np.array(values) for values in found["eager"]]
    for peer, given in found.items():
        for k, (a, b) in enumerate(zip(map(np.array, given), expected, strict=True)):
            apart = float(np.max(np.abs(a - b.reshape(a.shape)), initial=0))
            if not apart <= 2e-3 * float(np.max(np.abs(b), initial=0)) + 1e-7:
                raise AssertionError(f"{name}: result {k} of {peer} and of the eager engine differ by {apart:.3g}")


def shown(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return "0"


def line(name: str, row: dict[str, Any]) -> str:
    """A line of the table."""
    cells = [shown(row.get(by)) for by in (*OURS, *PACKAGES)]
    cells += [f"{row['ratio']:.2f}" if "ratio" in row else "-", "-" if row["goal"] is None else f"{row['goal']}"]
    cells += [shown(row.get(by)) for by in ("first call", "from the disk")]
    cells += [row.get(by, "-") for by in ("peak", "PyTorch's")]
    return f"| {name} | {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="parts of names of files; all, if none is given")
    parser.add_argument("--peers", nargs="*", default=list(PACKAGES), choices=list(PACKAGES), metavar="PEER")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--write", action="store_true", help="write the table into docs/benchmarks.md")
    options = parser.parse_args()
    installed = [peer for peer in options.peers if importlib.util.find_spec(PACKAGES[peer])]
    modules = {name: importlib.import_module(f"workloads.{name}") for name in WORKLOADS}
    order = [module.NAME for module in modules.values()]
    print("\n".join(HEAD))
    for name, module in modules.items():
        if options.names and not any(part in name for part in options.names):
            continue
        row = line(module.NAME, measured(name, [*OURS, *(p for p in installed if p in module.PEERS)], options.rounds))
        print(row, flush=True)
        if options.write:
            write_rows("compiled", HEAD, {module.NAME: row}, order, made_on(installed))
    if options.write:
        from chart import draw

        draw()


def made_on(peers: list[str]) -> str:
    names = ["numpy", "llvmlite", *dict.fromkeys(PACKAGES[peer] for peer in peers)]
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)
    return f"CPU time of one thread, {processor()}; Python {platform.python_version()}, {versions}."


if __name__ == "__main__":
    main()
