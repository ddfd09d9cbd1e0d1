"""Who catches which real bug: writes the table into docs/real-bugs.md.

    python benchmarks/real_bugs.py            # print, and put it into the page
    python benchmarks/real_bugs.py --print    # print only

Every checker gets the broken version and the fixed one of each bug in tests/corpus/real/. PyTorch, JAX and HIPS
autograd call the backward as one of their own functions, and check it with their default tolerances; SciPy,
numdifftools and the comparison by hand check the gradient of <cotangent, forward>. Inputs are float64.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from benchmarks.checker_table import by_autograd, by_jax, by_torch, tuple_of  # noqa: E402
from tests.corpus.cases import Case  # noqa: E402
from tests.corpus.real import FAMILIES  # noqa: E402
from tests.corpus.real.bug import Bug  # noqa: E402
from tinygrad_edu.testing import check_kernel  # noqa: E402

PAGE = HERE.parent / "docs" / "real-bugs.md"
BEGIN, END = "<!-- table begins: python benchmarks/real_bugs.py -->", "<!-- table ends -->"


class Complaint(Exception):  # noqa: N818  (what a checker says)
    """A comparison that fails."""


class Flat(NamedTuple):
    """<cotangent, forward> of one flat vector, and its gradient."""

    value: Callable[[Any], float]
    gradient: Callable[[Any], Any]
    x: Any


def flat(case: Case) -> Flat:
    shapes = [np.shape(x) for x in case.inputs]
    ends = np.cumsum([int(np.prod(s, dtype=int)) for s in shapes])[:-1]
    parts = lambda v: [p.reshape(s).copy() for p, s in zip(np.split(np.asarray(v, dtype=float), ends), shapes)]
    y = np.asarray(case.f(*[np.array(x) for x in case.inputs]))
    c = np.random.default_rng(0).uniform(0.5, 1.5, y.shape)
    value = lambda v: float(np.sum(c * case.f(*parts(v))))
    gradient = lambda v: np.concatenate([np.ravel(g) for g in tuple_of(case.df(*parts(v), cotangent=c.copy()))])
    return Flat(value, gradient, np.concatenate([np.ravel(x) for x in case.inputs]).astype(float))


def by_us(bug: Bug, *, broken: bool) -> None:
    forward = (bug.broken_forward or bug.forward) if broken else bug.forward
    check_kernel(forward, bug.broken if broken else bug.fixed, inputs=bug.inputs)


def by_fast_torch(case: Case) -> None:
    by_torch(case, fast_mode=True)


def by_scipy(case: Case) -> None:
    from scipy.optimize import check_grad

    f = flat(case)
    if not check_grad(f.value, f.gradient, f.x) <= 1e-5 * max(1, np.linalg.norm(f.gradient(f.x))):
        raise Complaint


def by_numdifftools(case: Case) -> None:
    import numdifftools

    f = flat(case)
    if not np.allclose(np.ravel(numdifftools.Gradient(f.value)(f.x)), f.gradient(f.x), rtol=1e-6, atol=1e-8):
        raise Complaint


def by_hand(case: Case) -> None:
    f, h = flat(case), 1e-5
    found = [(f.value(f.x + h * e) - f.value(f.x - h * e)) / (2 * h) for e in np.eye(f.x.size)]
    if not np.allclose(found, f.gradient(f.x), rtol=1e-2, atol=1e-2):
        raise Complaint


RIVALS: dict[str, Callable[[Case], None]] = {
    "gradcheck": by_torch,
    "gradcheck, fast": by_fast_torch,
    "JAX check_grads": by_jax,
    "HIPS check_grads": by_autograd,
    "SciPy check_grad": by_scipy,
    "numdifftools": by_numdifftools,
    "allclose(1e-2)": by_hand,
}


def complains(check: Callable[[], None]) -> bool:
    """Whether a checker raises anything."""
    np.random.seed(0)  # HIPS autograd and PyTorch draw from shared generators
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            check()
    except Exception:
        return True
    return False


def cells(bug: Bug) -> list[tuple[bool, bool]]:
    """For each checker, whether it catches the broken version, and whether it calls the fixed one wrong."""
    found = [(complains(lambda: by_us(bug, broken=True)), complains(lambda: by_us(bug, broken=False)))]
    inputs = [np.asarray(x, dtype=float) for x in bug.inputs]
    for check in RIVALS.values():
        fresh = lambda: tuple(x.copy() for x in inputs)
        broken = Case(bug.link, bug.broken_forward or bug.forward, bug.broken, fresh())
        fixed = Case(bug.link, bug.forward, bug.fixed, fresh())
        found.append((complains(lambda: check(broken)), complains(lambda: check(fixed))))  # noqa: B023
    return found


def table() -> str:
    names = ["`check_kernel`", *RIVALS]
    rows, lines = [], []
    for family, bugs in FAMILIES.items():
        head = f"| {family} | year | what went wrong | " + " | ".join(names) + " |"
        lines += ["", head, "| --- | --- | --- |" + " :-: |" * len(names)]
        for bug in bugs:
            row = cells(bug)
            rows.append(row)
            marks = [("caught" if caught else "–") + (", alarm" if alarm else "") for caught, alarm in row]
            lines.append(f"| [{bug.link}]({bug.url}) | {bug.year} | {bug.what} | " + " | ".join(marks) + " |")
    total = len(rows)
    summary = ["| checker | bugs caught | fixed versions called wrong |", "| --- | --- | --- |"]
    for k, name in enumerate(names):
        caught, alarms = (sum(row[k][i] for row in rows) for i in (0, 1))
        summary.append(f"| {name} | {caught} of {total} | {alarms} |")
    return "\n".join([*summary, *lines])


if __name__ == "__main__":
    found = table()
    print(found)
    if "--print" not in sys.argv:
        page = PAGE.read_text()
        PAGE.write_text(f"{page.split(BEGIN)[0]}{BEGIN}\n\n{found}\n\n{END}{page.split(END)[1]}")
