"""False alarms and misses of derivative checkers on the corpus; writes the table into docs/testing.md.

    python benchmarks/checker_table.py            # print, and put it into the page
    python benchmarks/checker_table.py --print    # print only

Each checker runs with its default tolerances on the cases that it can take: one function of float64
arrays; ours also on all cases. To be fair to the others, a derivative with a stale cache has been
called elsewhere before they see it, and PyTorch is not asked about gradients that were not summed
over broadcast axes, as it sums those itself.
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

import tinygrad_edu as tg  # noqa: E402
from tests.corpus.cases import CASES, UNSUMMED, Case  # noqa: E402
from tests.corpus.costs import costs  # noqa: E402
from tests.corpus.graphs import RULES, blamed  # noqa: E402
from tests.corpus.held_out import HELD_OUT  # noqa: E402
from tinygrad_edu.testing import check_derivative  # noqa: E402
from tinygrad_edu.testing.properties.registry_score import registry_score  # noqa: E402

PAGE = HERE.parent / "docs" / "testing.md"


class Tally(NamedTuple):
    name: str
    right: int
    broken: int
    false_alarms: list[str]
    misses: list[str]


def tuple_of(g: Any) -> tuple[Any, ...]:
    return g if isinstance(g, tuple) else (g,)


def by_torch(case: Case, fast_mode: bool = False) -> None:
    import torch

    class Op(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *xs: Any) -> Any:
            ctx.save_for_backward(*xs)
            return torch.from_numpy(np.array(case.f(*[x.numpy() for x in xs]), dtype=np.float64))

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            found = case.df(*[x.numpy() for x in ctx.saved_tensors], cotangent=g.numpy())
            return tuple(torch.from_numpy(np.array(d, dtype=np.float64)) for d in tuple_of(found))

    inputs = [torch.from_numpy(np.array(x)).requires_grad_() for x in case.inputs]
    torch.autograd.gradcheck(Op.apply, inputs, fast_mode=fast_mode)


def by_jax(case: Case) -> None:
    import jax
    from jax.test_util import check_grads

    jax.config.update("jax_enable_x64", True)
    shape = jax.ShapeDtypeStruct(np.shape(case.f(*case.inputs)), np.float64)
    shapes = tuple(jax.ShapeDtypeStruct(np.shape(x), np.float64) for x in case.inputs)
    run = lambda *xs: np.asarray(case.f(*map(np.asarray, xs)), dtype=np.float64)
    back = lambda *xs: tuple(
        np.asarray(d, dtype=np.float64)
        for d in tuple_of(case.df(*map(np.asarray, xs[:-1]), cotangent=np.asarray(xs[-1])))
    )

    @jax.custom_vjp
    def f(*xs: Any) -> Any:
        return jax.pure_callback(run, shape, *xs)

    f.defvjp(lambda *xs: (f(*xs), xs), lambda xs, g: jax.pure_callback(back, shapes, *xs, g))
    check_grads(f, tuple(map(jax.numpy.asarray, case.inputs)), order=1, modes=["rev"])


def by_autograd(case: Case) -> None:
    from autograd.extend import defvjp, primitive
    from autograd.test_util import check_grads

    f = primitive(case.f)
    n = len(case.inputs)
    defvjp(f, *[lambda y, *xs, _i=i: lambda g: tuple_of(case.df(*xs, cotangent=g))[_i] for i in range(n)])
    inputs = [float(x) if np.ndim(x) == 0 else np.array(x) for x in case.inputs]
    for i in range(n):
        check_grads(f, i if n > 1 else 0, modes=["rev"], order=1)(*inputs)


def by_us(case: Case) -> None:
    check_derivative(case.f, case.df, *case.inputs)


def tally(name: str, check: Callable[[Case], None], cases: list[Case]) -> Tally:
    alarms, misses = [], []
    for case in cases:
        fresh(case)
        if hasattr(case.df, "kept") and check is not by_us:
            case.df(*[x * 1.01 for x in case.inputs], cotangent=1.0)
        np.random.seed(0)  # HIPS autograd and PyTorch draw from shared generators
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                check(case)
            complained = False
        except Exception:  # a checker complains by raising, whatever it raises
            complained = True
        if complained and case.pattern is None:
            alarms.append(case.name)
        if not complained and case.pattern is not None:
            misses.append(case.name)
    right = sum(c.pattern is None for c in cases)
    return Tally(name, right, len(cases) - right, alarms, misses)


def named_right(cases: list[Case]) -> int:
    """In how many of the broken cases the pattern is the mistake that was planted."""
    count = 0
    for case in cases:
        if case.pattern is not None:
            fresh(case)
            report = check_derivative(case.f, case.df, *case.inputs, raises=False)
            count += (report.pattern or "").startswith(case.pattern)
    return count


def cost() -> float:
    """The largest number of function calls for up to 100 inputs, in those of plain central differences."""
    worst = 0.0
    for case in CASES:
        n = sum(np.size(x) for x in case.inputs)
        if n <= 100:
            fresh(case)
            worst = max(worst, check_derivative(case.f, case.df, *case.inputs, raises=False).evaluations / (2 * n))
    return worst


def fresh(case: Case) -> None:
    """Let a derivative with a stale cache forget it."""
    if hasattr(case.df, "kept"):
        case.df.kept = None


def table() -> str:
    plain = [c for c in CASES if c.plain]
    rows = [
        tally("`tinygrad_edu.testing`, all cases", by_us, CASES),
        tally("`tinygrad_edu.testing`", by_us, plain),
        tally("`torch.autograd.gradcheck`", by_torch, [c for c in plain if c.pattern != UNSUMMED]),
        tally("`jax.test_util.check_grads`", by_jax, plain),
        tally("`autograd.test_util.check_grads`", by_autograd, plain),
    ]
    lines = ["| checker | right cases | false alarms | broken cases | misses |", "| --- | --- | --- | --- | --- |"]
    lines += [f"| {r.name} | {r.right} | {len(r.false_alarms)} | {r.broken} | {len(r.misses)} |" for r in rows]
    later, blames = tally("", by_us, HELD_OUT), [blamed(kind, range(40)) for kind in RULES]
    lines.append(
        f"""
The mistake is named right in {named_right(CASES)} of {rows[0].broken} broken cases. For up to 100 inputs,
the costliest check called the function {cost():.1f} times as often as plain central differences (2 n calls).
Beyond the corpus, on functions with kinks, jumps, poles and oscillations, right and wrong, in three styles:
{", ".join(f"{most:.1f} times for n = {n}" for n, most in costs().items())}.

On {later.right} right and {later.broken} broken cases written afterwards and never tuned on
(`tests/corpus/held_out.py`): {len(later.false_alarms)} false alarms, {len(later.misses)} misses,
the mistake named right in {named_right(HELD_OUT)}.

In random graphs of 50 ops, one of them with a wrong rule, that op and its line were named in
{sum(n for _, n in blames)} of the {sum(n for n, _ in blames)} graphs in which the fault reached the result."""
    )
    for r in rows:
        for kind, names in (("False alarms", r.false_alarms), ("Misses", r.misses)):
            if names:
                lines += ["", f"{kind} of {r.name}: {'; '.join(names)}."]
    return "\n".join(lines)


CHAIN = [
    "sin", "cos", "exp", "tanh", "sigmoid", "sqrt", "log", "log1p", "square", "reciprocal", "softplus", "erf",
    "abs", "relu", "atan",
]  # fmt: skip


def fuzz(count: int = 3000) -> str:
    """Random chains of functions at random scales: what is called WRONG though it is right, and the reverse."""
    alarms, judged, missed, planted = 0, 0, 0, 0
    for seed in range(count):
        rng = np.random.default_rng(seed)
        names = [CHAIN[i] for i in rng.integers(len(CHAIN), size=rng.integers(1, 5))]
        scale = 10.0 ** rng.uniform(-8, 8) if rng.random() < 0.5 else 1.0
        x = rng.standard_normal(int(rng.integers(1, 4))) * scale

        def chain(t: Any, names: list[str] = names) -> Any:
            for name in names:
                t = getattr(tg, name)(t)
            return t

        value = lambda x, chain=chain: np.sum(chain(tg.asarray(x)).data)
        slope = lambda x, chain=chain: tg.grad(lambda t: chain(t).sum())(tg.asarray(x)).data
        with np.errstate(all="ignore"):
            g = slope(x)
            report = check_derivative(value, slope, x, raises=False)
        if not np.all(np.isfinite(g)):
            continue  # a gradient that overflows is not right
        judged += report.verdict in ("RIGHT", "WRONG")
        alarms += report.verdict == "WRONG"
        k = int(rng.integers(x.size))
        if report.verdict == "RIGHT" and g[k]:
            wrong = lambda x, k=k, slope=slope: slope(x) * np.where(np.arange(x.size) == k, -1, 1)
            planted += 1
            with np.errstate(all="ignore"):
                missed += check_derivative(value, wrong, x, raises=False).verdict != "WRONG"
    return (
        f"Beyond the corpus, {count} random chains of up to four functions at scales from 1e-8 to 1e8: "
        f"{alarms} of {judged} right derivatives were called wrong, and {missed} of {planted} flipped signs passed."
    )


def put(page: str, name: str, text: str) -> str:
    """The page with `text` between the marks of that name."""
    begin, end = f"<!-- {name} begins: python benchmarks/checker_table.py -->", f"<!-- {name} ends -->"
    before, rest = page.split(begin)
    return f"{before}{begin}\n\n{text}\n\n{end}{rest.split(end)[1]}"


if __name__ == "__main__":
    found = table() + "\n\n" + fuzz()
    score = registry_score()
    said = f"{score}\n({len(score.equivalent)} mutants are left out, as they compute the same.)"
    print(found, said, sep="\n\n")
    if "--print" not in sys.argv:
        PAGE.write_text(put(put(PAGE.read_text(), "table", found), "score", "    " + said.replace("\n", "\n    ")))
