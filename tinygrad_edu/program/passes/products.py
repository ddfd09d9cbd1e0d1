"""Products with one matrix, which a loop makes step by step, put together into one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from ..program import Program, Step, Value
from .draft import Draft
from .sections import parts_of
from .sums_of_many import sums_of_many

FEW = 4  # products from which one large one is quicker


def with_products_together(program: Program) -> Program:
    """Products `x_t @ w` of one matrix w that do not come from each other are one product of all rows x_t, and its
    slices; a sum of products `x_t.mT @ g_t`, as in the gradient of w, is one product of all rows, and a sum of `g_t`
    over rows is one sum. Rounding differs, as sums are taken in another order."""
    while (group := next(_groups(program), None)) is not None:
        program = _together(program, group)
    return _with_sums_together(program)


def in_order(program: Program) -> Program:
    """The same steps, each after those that it needs, otherwise as they stand."""
    made, done, steps = program.made_by(), set(program.inputs) | set(program.constants), []
    for step in program.steps:
        todo = [step]
        while todo:
            last = todo[-1]
            missing = [made[v] for v in last.uses if v not in done]
            if missing:
                todo += missing
                continue
            todo.pop()
            if not done.issuperset(last.results):
                steps.append(last)
                done.update(last.results)
    return program.with_steps(steps)


def _groups(program: Program) -> Iterator[list[Step]]:
    """Products of equal shapes with one matrix, none of which comes from another of them."""
    kinds: dict[tuple[Value, tuple[int, ...]], list[int]] = defaultdict(list)
    for k, step in enumerate(program.steps):
        if _of_rows(step):
            kinds[step.args[1], step.args[0].shape].append(k)
    many = [members for members in kinds.values() if len(members) >= FEW]
    if not many:
        return
    before = _before(program)
    for members in many:
        first, last = members[0], members[-1]
        depth = [0] * (last + 1)  # how many of the members each step comes from, one after the other
        levels: dict[int, list[Step]] = defaultdict(list)
        among = set(members)
        for k in range(first, last + 1):
            d = 0
            for i in before[k]:
                if depth[i] > d:
                    d = depth[i]
            if k in among:
                levels[d].append(program.steps[k])
                d += 1
            depth[k] = d
        yield from (group for group in levels.values() if len(group) >= FEW)


def _before(program: Program) -> list[list[int]]:
    """For each step, the numbers of the steps that it needs."""
    at: dict[Value, int] = {}
    found = []
    for k, step in enumerate(program.steps):
        found.append([at[v] for v in step.uses if v in at])
        for v in step.results:
            at[v] = k
    return found


def _of_rows(step: Step) -> bool:
    """Whether a step is a product of two matrices."""
    return (
        step.primitive == "matmul" and not step.kwargs and step.result.dtype.kind in "fc"
        and all(isinstance(x, Value) and len(x.shape) == 2 and x.dtype == step.result.dtype for x in step.args)
    )  # fmt: skip


def _together(program: Program, group: Sequence[Step]) -> Program:
    """These products as one, of which each is a slice."""
    draft, w = Draft(program), group[0].args[1]
    draft.made = program.made_by()
    kept = len(draft.steps)
    draft.site = group[0].site
    rows, n = group[0].args[0].shape[0], w.shape[1]
    xs = joined([step.args[0] for step in group], draft)
    y = draft.call("matmul", (xs, w), (len(group) * rows, n), w.dtype)
    y = draft.call("reshape", (y, (len(group), rows, n)), (len(group), rows, n), w.dtype)
    for k, step in enumerate(group):
        draft.site = step.site
        draft.now[step.result] = draft.call("getitem", (y, (k, slice(None), slice(None))), (rows, n), w.dtype)
    new, draft.steps = draft.steps[kept:], []
    members = set(group)
    begun = False
    for step in program.steps:
        if step in members:
            draft.steps += [] if begun else new
            begun = True
        else:
            draft.steps.append(draft.follow(step))
    return in_order(draft.end())


def joined(xs: Sequence[Value], draft: Draft) -> Value:
    """The rows of all these matrices, one below the other."""
    (rows, width), count = xs[0].shape, len(xs)
    whole = _all_slices(xs, draft)
    if whole is not None:
        source, axis = whole
        if axis:
            shape = (source.shape[axis], *source.shape[:axis], *source.shape[axis + 1 :])
            source = draft.call("moveaxis", (source, axis, 0), shape, source.dtype)
        return draft.call("reshape", (source, (count * rows, width)), (count * rows, width), source.dtype)
    return draft.call("concatenate", (list(xs),), (count * rows, width), xs[0].dtype, axis=0)


def _all_slices(xs: Sequence[Value], draft: Draft) -> tuple[Value, int] | None:
    """If these are all the slices along one axis of an array, in order: the array, and the axis."""
    found = []
    for k, x in enumerate(xs):
        step = draft.of(x, "getitem")
        parts = None if step is None else parts_of(step.args[1], step.args[0].shape)
        if step is None or parts is None:
            return None
        source: Value = step.args[0]
        axes = [d for d, (p, n) in enumerate(zip(parts, source.shape, strict=True)) if p != range(n)]
        if len(axes) != 1 or parts[axes[0]] != k or source.shape[axes[0]] != len(xs):
            return None
        found.append((source, axes[0]))
    return found[0] if len(set(found)) == 1 else None


def _with_sums_together(program: Program) -> Program:
    """Sums of products, and of sums over rows, each as one."""
    sums = {step.result: terms for step, terms in sums_of_many(program) if len(terms) >= FEW}
    if not sums:
        return program
    made = program.made_by()
    draft = Draft(program)
    orders: dict[frozenset[Value], list[Value]] = {}
    for step in program.steps:
        new, draft.site = draft.follow(step), step.site
        found = _one_product(sums[step.result], made, draft, orders) if step.results[0] in sums else None
        if found is None:
            draft.keep(new)
        else:
            draft.now[step.result] = found
    return draft.end()


def _one_product(
    terms: list[Value], made: dict[Value, Step], draft: Draft, orders: dict[frozenset[Value], list[Value]]
) -> Value | None:
    """The sum of terms, of which those that are products, or sums over rows, are taken together: in the order in which
    these rows stand in an array, or were put together before (`orders`)."""
    products: list[tuple[Value, Value]] = []
    summed: list[Value] = []
    others: list[Value] = []
    for v in terms:
        step = made.get(v)
        left = None if step is None or not _of_rows(step) else made.get(step.args[0])
        if step is not None and left is not None and _turned(left):
            products.append((left.args[0], step.args[1]))
        elif step is not None and _over_rows(step):
            summed.append(step.args[0])
        else:
            others.append(v)
    shape, dtype = terms[0].shape, terms[0].dtype
    parts = []
    if len({x.shape for pair in products for x in pair[:1]}) == 1 and len(products) >= FEW:
        xs, gs = zip(*products, strict=True)
        backwards = _all_slices([draft.now.get(v, v) for v in xs[::-1]], draft) is not None
        known = orders.setdefault(frozenset(gs), list(gs[::-1] if backwards else gs))
        place = {v: k for k, v in enumerate(known)}
        products.sort(key=lambda pair: place[pair[1]])
        x, g = (joined([draft.now.get(v, v) for v in side], draft) for side in zip(*products, strict=True))
        turned = draft.call("swapaxes", (x, -1, -2), x.shape[::-1], dtype)
        parts.append(draft.call("matmul", (turned, g), shape, dtype))
    elif len(summed) >= FEW and len({x.shape for x in summed}) == 1:
        rows = joined([draft.now.get(v, v) for v in orders.get(frozenset(summed), summed)], draft)
        parts.append(draft.call("sum", (rows,), shape, dtype, axis=(0,), keepdims=False))
    else:
        return None
    if len(products if len(products) >= FEW else summed) + len(others) < len(terms):
        return None
    for v in others:
        parts.append(draft.call("add", (parts[-1], draft.now.get(v, v)), shape, dtype))
    return parts[-1]


def _turned(step: Step) -> bool:
    """Whether a step is the transpose of a matrix."""
    return step.primitive == "swapaxes" and len(step.result.shape) == 2 and set(step.args[1:]) in ({-1, -2}, {0, 1})


def _over_rows(step: Step) -> bool:
    """Whether a step sums the rows of a matrix."""
    return (
        step.primitive == "sum" and len(step.args) == 1 and len(step.args[0].shape) == 2
        and step.kwargs.get("axis") == (0,) and not step.kwargs.get("keepdims")
        and step.args[0].dtype == step.result.dtype
    )  # fmt: skip
