"""Training steps and functions compiled by `tg.compile`, beside the eager engine, PyTorch and JAX.

    python benchmarks/compiled.py                 # all workloads, some minutes
    python benchmarks/compiled.py MLP LSTM        # those whose names contain one of these
    python benchmarks/compiled.py --write         # and write the lines of the table in docs/benchmarks.md

All start from the same weights and must give the same losses, step after step. Then they run in turn, round after
round, with one thread each; a time is the median of CPU time over rounds. The ratio is that of the faster peer's time
to ours: above 1, ours is faster. Each workload has a process of its own. The first call of the compiled function reads,
compiles and runs it, in a new process; the next process finds the machine code on the disk. Memory is what three calls
add to the peak, each library in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np
import torch

import tinygrad_edu as tg

rng = np.random.default_rng(0)
torch.set_num_threads(1)
STEPS = 3  # whose losses are compared


class Workload(NamedTuple):
    """Functions without arguments that do the same, by what runs them; and the ratio that is aimed at."""

    run: dict[str, Callable[[], Any]]
    goal: float


WORKLOADS: dict[str, Callable[[], Workload]] = {}


def workload(name: str) -> Callable[[Callable[[], Workload]], Callable[[], Workload]]:
    def register(make: Callable[[], Workload]) -> Callable[[], Workload]:
        WORKLOADS[name] = make
        return make

    return register


def training(
    build: Callable[[Any], Any], x: Any, y: Any, goal: float, optimizer: str = "Adam", lr: float = 1e-3
) -> Workload:
    """Steps of a classifier, written once for both libraries; `build` takes `tinygrad_edu.nn` or `torch.nn`."""
    reference = build(torch.nn)
    state = {name: value.numpy() for name, value in reference.state_dict().items()}

    def step_of(lib: Any, tensor: Any) -> Callable[[], Any]:
        model = build(lib.nn)
        model.load_state_dict({name: tensor(value.copy()) for name, value in state.items()})
        opt, inputs, target = getattr(lib.optim, optimizer)(model.parameters(), lr=lr), tensor(x), tensor(y)

        def step(inputs: Any, target: Any) -> Any:
            opt.zero_grad()
            z = model(inputs)
            loss = lib.nn.functional.cross_entropy(z.reshape(-1, z.shape[-1]), target.reshape(-1))
            loss.backward()
            opt.step()
            return loss

        return step, inputs, target

    eager, a, b = step_of(tg, tg.Tensor)
    other, c, d = step_of(tg, tg.Tensor)
    peer, e, f = step_of(torch, torch.tensor)
    compiled = tg.compile(other)
    return Workload(
        {"eager": lambda: eager(a, b), "compiled": lambda: compiled(c, d), "PyTorch": lambda: peer(e, f)}, goal
    )


def mlp(sizes: tuple[int, ...], batch: int, goal: float) -> Workload:
    def build(nn: Any) -> Any:
        layers: list[Any] = []
        for n, m in pairwise(sizes):
            layers += [nn.Linear(n, m), nn.ReLU()]
        return nn.Sequential(*layers[:-1])

    x, y = rng.normal(size=(batch, sizes[0])).astype(np.float32), rng.integers(sizes[-1], size=batch)
    made = training(build, x, y, goal)
    made.run["JAX"] = jax_mlp(sizes, x, y, build)
    return made


def jax_mlp(sizes: tuple[int, ...], x: Any, y: Any, build: Callable[[Any], Any]) -> Callable[[], Any]:
    """The same network and Adam in JAX, jitted as one step."""
    import jax
    import jax.numpy as jnp

    shapes = [shape for n, m in pairwise(sizes) for shape in ((m, n), (m,))]
    params = [jnp.asarray(rng.normal(size=s, scale=s[-1] ** -0.5), jnp.float32) for s in shapes]

    def loss_of(params: Any, x: Any, y: Any) -> Any:
        for k in range(0, len(params), 2):
            x = x @ params[k].T + params[k + 1]
            x = jax.nn.relu(x) if k + 2 < len(params) else x
        return -jax.nn.log_softmax(x)[jnp.arange(len(y)), y].mean()

    @jax.jit
    def step(state: Any, x: Any, y: Any) -> Any:
        params, m, v, t = state
        loss, grads = jax.value_and_grad(loss_of)(params, x, y)
        t = t + 1
        m = [0.9 * a + 0.1 * g for a, g in zip(m, grads, strict=True)]
        v = [0.999 * a + 0.001 * g * g for a, g in zip(v, grads, strict=True)]
        params = [
            p - 1e-3 * (a / (1 - 0.9**t)) / (jnp.sqrt(b / (1 - 0.999**t)) + 1e-8)
            for p, a, b in zip(params, m, v, strict=True)
        ]
        return (params, m, v, t), loss

    zeros = [jnp.zeros_like(p) for p in params]
    state: list[Any] = [(params, zeros, zeros, jnp.float32(0))]
    x, y = jnp.asarray(x), jnp.asarray(y)

    def run() -> Any:
        state[0], loss = step(state[0], x, y)
        return loss.block_until_ready()

    return run


workload("MLP 2-16-16-2, batch 32, Adam")(lambda: mlp((2, 16, 16, 2), 32, 4))
workload("MLP of 24 layers of 64, batch 64, Adam")(lambda: mlp((64,) * 25, 64, 1.5))
workload("MLP 784-256-128-10, batch 128, Adam")(lambda: mlp((784, 256, 128, 10), 128, 1.1))
workload("MLP 1024x4-10, batch 256, Adam")(lambda: mlp((1024, 1024, 1024, 1024, 10), 256, 1.1))


@workload("ConvNet 1-16-32 on 64 images of 28x28, SGD")
def _() -> Workload:
    def build(nn: Any) -> Any:
        return nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(),
            nn.MaxPool2d(2), nn.Flatten(), nn.Linear(32 * 49, 10),
        )  # fmt: skip

    return training(build, rng.normal(size=(64, 1, 28, 28)).astype(np.float32), rng.integers(10, size=64), 1.0, "SGD")


def recurrent(cell: str) -> Workload:
    def build(nn: Any) -> Any:
        class Characters(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.embedding = nn.Embedding(64, 128)
                self.cell = getattr(nn, cell)(128, 128, batch_first=True)
                self.head = nn.Linear(128, 64)

            def forward(self, x: Any) -> Any:
                return self.head(self.cell(self.embedding(x))[0])

        return Characters()

    return training(build, rng.integers(64, size=(32, 64)), rng.integers(64, size=(32, 64)), 1.5)


workload("LSTM, 64 steps, batch 32, hidden 128, Adam")(lambda: recurrent("LSTM"))
workload("GRU, 64 steps, batch 32, hidden 128, Adam")(lambda: recurrent("GRU"))


@workload("transformer LM, 2 blocks of 64, 4 heads, context 64, batch 16, AdamW")
def _() -> Workload:
    def build(nn: Any) -> Any:
        class Block(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.before, self.after = nn.LayerNorm(64), nn.LayerNorm(64)
                self.attention = nn.MultiheadAttention(64, 4, batch_first=True)
                self.network = nn.Sequential(nn.Linear(64, 256), nn.GELU(), nn.Linear(256, 64))

            def forward(self, x: Any, mask: Any) -> Any:
                h = self.before(x)
                x = x + self.attention(h, h, h, attn_mask=mask, need_weights=False)[0]
                return x + self.network(self.after(x))

        class Model(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.embedding, self.positions = nn.Embedding(64, 64), nn.Embedding(64, 64)
                self.first, self.second = Block(), Block()
                self.norm, self.head = nn.LayerNorm(64), nn.Linear(64, 64)

            def forward(self, x: Any) -> Any:
                ours = nn is tg.nn
                mask = np.triu(np.ones((64, 64), bool), 1)
                places = np.arange(64)
                mask, places = (mask, places) if ours else (torch.tensor(mask), torch.tensor(places))
                h = self.embedding(x) + self.positions(places)
                return self.head(self.norm(self.second(self.first(h, mask), mask)))

        return Model()

    return training(build, rng.integers(64, size=(16, 64)), rng.integers(64, size=(16, 64)), 1.2, "AdamW")


def function(f: Callable[[Any, Any], Any], shape: tuple[int, ...], goal: float) -> Workload:
    """Value and gradient of the sum of `f(library, x)`."""
    x = np.asarray(rng.normal(size=shape), np.float32)

    def both(x: Any) -> Any:
        return tg.value_and_grad(lambda x: f(tg, x).sum())(x)

    compiled = tg.compile(both)
    ours, theirs = tg.Tensor(x), torch.tensor(x)

    def peer() -> Any:
        leaf = theirs.clone().requires_grad_()
        value = f(torch, leaf).sum()
        value.backward()
        return value

    return Workload({"eager": lambda: both(ours)[0], "compiled": lambda: compiled(ours)[0], "PyTorch": peer}, goal)


def gelu(lib: Any, x: Any) -> Any:
    return 0.5 * x * (1 + lib.tanh(0.7978845608 * (x + 0.044715 * x * x * x)))


workload("GELU by formula on 4M float32, value and gradient")(lambda: function(gelu, (2048, 2048), 2))
workload("layer norm of (4096, 1024), value and gradient")(
    lambda: function(lambda lib, x: lib.nn.functional.layer_norm(x, (1024,)) ** 2, (4096, 1024), 1.2)
)
workload("softmax of (4096, 1024), value and gradient")(
    lambda: function(lambda lib, x: (lib.nn.functional.softmax(x, 1) * x) ** 2, (4096, 1024), 1.2)
)


def chain(lib: Any, x: Any) -> Any:
    y = x
    for _ in range(5000):
        y = lib.tanh((y * 1.0001 + x) * 0.5)
    return y


workload("chain of 20,000 scalar operations, value and gradient")(lambda: function(chain, (), 5))


def measured(name: str, rounds: int) -> dict[str, Any]:
    """The row of one workload."""
    made = WORKLOADS[name]()
    losses: dict[str, list[float]] = {}
    for by in made.run:
        losses[by] = [made.run[by]().item() for _ in range(STEPS)]
    for by in ("eager", "PyTorch"):
        if not np.allclose(losses[by], losses["compiled"], rtol=1e-4):
            raise AssertionError(f"{name}: {by} gives {losses[by]}, compiled {losses['compiled']}")
    once = max(statistics.median(timed(run, 1) for _ in range(3)) for run in made.run.values())
    calls = max(1, int(0.02 / once))
    times: dict[str, list[float]] = {by: [] for by in made.run}
    for _ in range(rounds):
        for by, run in made.run.items():
            times[by].append(timed(run, calls))
    row = {by: statistics.median(found) for by, found in times.items()}
    peers = [by for by in row if by not in ("eager", "compiled")]
    ratio = statistics.median(min(times[by][k] for by in peers) / times["compiled"][k] for k in range(rounds))
    return {**row, "ratio": ratio, "goal": made.goal}


def started(name: str, by: str) -> dict[str, Any]:
    """CPU seconds of the first call, and the bytes that three calls add to the peak of this process."""
    run = WORKLOADS[name]().run[by]
    before, begun = memory("VmRSS"), time.process_time()
    run()
    first = time.process_time() - begun
    run()
    run()
    return {"first": first, "memory": memory("VmHWM") - before}


def memory(which: str) -> int:
    """Bytes of this process, as Linux tells; 0 elsewhere. Asking for those in use starts the peak anew."""
    try:
        if which == "VmRSS":
            Path("/proc/self/clear_refs").write_text("5")
        rows = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0
    return next(int(row.split()[1]) << 10 for row in rows if row.startswith(which))


def child(*arguments: Any, cache: str = "off") -> dict[str, Any]:
    """What this file prints in a process of its own."""
    command = [sys.executable, __file__, "--child", *map(str, arguments)]
    environment = {**os.environ, "TINYGRAD_EDU_CACHE": cache}
    found = subprocess.run(command, env=environment, capture_output=True, text=True)
    if found.returncode:
        raise RuntimeError(f"{arguments}: {found.stderr}")
    row: dict[str, Any] = json.loads(found.stdout.splitlines()[-1])
    return row


def row_of(name: str, rounds: int) -> str:
    """A line of the table."""
    row = child(name, rounds)
    with tempfile.TemporaryDirectory() as place:
        cold, cached = (child(name, "compiled", cache=place) for _ in range(2))
    peer = child(name, "PyTorch")
    cells = [shown(row.get(by)) for by in ("compiled", "eager", "PyTorch", "JAX")]
    cells += [f"{row['ratio']:.2f}", f"{row['goal']}", shown(cold["first"]), shown(cached["first"])]
    cells.append(f"{max(cached['memory'], 0) >> 20} MB, {max(peer['memory'], 0) >> 20} MB")
    return f"| {name} | {' | '.join(cells)} |"


def timed(run: Callable[[], Any], calls: int) -> float:
    started = time.process_time()
    for _ in range(calls):
        run()
    return (time.process_time() - started) / calls


def shown(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return "0"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--write", action="store_true", help="write the table into docs/benchmarks.md")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        name, what = options.child
        print(json.dumps(measured(name, int(what)) if what.isdigit() else started(name, what)))
        return
    print("\n".join(HEAD))
    for name in WORKLOADS:
        if not options.names or any(part in name for part in options.names):
            row = row_of(name, options.rounds)
            print(row, flush=True)
            if options.write:
                write({name: row})


HEAD = [
    "| workload | compiled | eager | PyTorch | JAX, jitted | ratio to the faster peer | goal | first call | "
    "from the disk | peak, PyTorch's |",
    "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
]


def write(found: dict[str, str]) -> None:
    """Put lines into the table of the docs, where they stand in the order of the workloads; others stay."""
    import jax
    import llvmlite

    versions = f"NumPy {np.__version__}, llvmlite {llvmlite.__version__}"
    versions += f", PyTorch {torch.__version__}, JAX {jax.__version__}"
    made = f"CPU time of one thread, {processor()}; Python {platform.python_version()}, {versions}."
    page = ROOT / "docs" / "benchmarks.md"
    head, mark, rest = page.read_text().partition("<!-- compiled -->\n")
    table, end, rest = rest.partition("<!-- end -->")
    before = {line.split(" | ")[0].removeprefix("| "): line for line in table.splitlines()}
    rows = {**{name: line for name, line in before.items() if line.count(" | ") == HEAD[0].count(" | ")}, **found}
    lines = [*HEAD, *(rows[name] for name in WORKLOADS if name in rows), "", made]
    page.write_text(head + mark + "\n".join(lines) + "\n" + end + rest)


def processor() -> str:
    """The processor's name, as far as the machine tells it."""
    try:
        rows = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    return next((row.partition(":")[2].strip() for row in rows if row.startswith("model name")), platform.machine())


if __name__ == "__main__":
    main()
