"""One library at one workload, in a process of its own, as `bench.py` asks for it: `worker.py WORKLOAD PEER`."""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

LEAST = 0.05  # seconds of a measurement


def memory(which: str) -> int:
    """Bytes of this process, as Linux tells; 0 elsewhere. Asking for those in use starts the peak anew."""
    try:
        if which == "VmRSS":
            Path("/proc/self/clear_refs").write_text("5")
        rows = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0
    return next(int(row.split()[1]) << 10 for row in rows if row.startswith(which))


def timed(run: Callable[[], Any], calls: int) -> float:
    """CPU seconds of a call."""
    started = time.process_time()
    for _ in range(calls):
        run()
    return (time.process_time() - started) / calls


def main(workload: str, peer: str) -> None:
    module: Any = importlib.import_module(f"workloads.{workload}")
    if peer in ("PyTorch", "torch.compile"):
        importlib.import_module("torch").set_num_threads(1)
    job = module.job(peer)
    calls = 0
    for question in sys.stdin:
        if question.strip() == "start":
            before = memory("VmRSS")
            first = timed(job.run, 1)
            timed(job.run, 2)
            peak = memory("VmHWM")
            found = [value.tolist() for value in job.found()]
            answer: Any = {"first": first, "peak": peak, "added": peak - before, "found": found, "goal": module.GOAL}
        else:
            calls = calls or max(1, int(LEAST / timed(job.run, 3)))
            answer = timed(job.run, calls)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
