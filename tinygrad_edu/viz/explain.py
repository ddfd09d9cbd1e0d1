"""The chain rule in words and numbers: `explain(loss)`, and where one number of a gradient comes from."""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..engine import BROADCASTS, NEEDS, Variable, history
from ..errors import GraphError, ShapeError
from ..ops.layout import sum_to
from .graph import Graph, Node, add_gradients, is_number, read
from .notation import latex_name, plain
from .steps import Backward, backward, contribution, forward
from .values import markup, one, shape_text, short, shown, whole
from .watch import caller, names_in, results_in

MOST_PATHS = 64
LONG = 200  # lines of a section that are printed; `sections` has them all


@dataclass
class Line:
    """One step: plain text, the same for a typesetter, and a remark."""

    text: str
    latex: str = ""
    remark: str = ""

    def __post_init__(self) -> None:
        self.text, self.remark = shown(self.text, 240), shown(self.remark, 240)


@dataclass
class Explanation:
    """Headed lines, which print as text and show themselves as HTML, Markdown or LaTeX."""

    title: str
    sections: dict[str, list[Line]] = field(default_factory=dict)

    def __str__(self) -> str:
        rows = [self.title] if self.title else []
        for head, lines in self.sections.items():
            if len(lines) > LONG:
                lines = [*lines[: LONG // 2], _left_out(len(lines) - LONG), *lines[-LONG // 2 :]]
            width = max((len(line.text) for line in lines if line.remark), default=0)
            rows += ["", head] + [f"  {line.text:<{width}}   {line.remark}".rstrip() for line in lines]
        return "\n".join(rows).strip("\n")

    __repr__ = __str__

    def markdown(self) -> str:
        """Markdown, with formulas between dollar signs."""
        rows = [f"**{_md(self.title)}**", ""]
        for head, lines in self.sections.items():
            rows += [f"**{_md(head)}**", ""]
            for line in lines:
                body = f"${line.latex}$" if line.latex else f"`` {line.text} ``"
                rows.append(f"- {body}" + (f" ({_md(line.remark)})" if line.remark else ""))
            rows.append("")
        return "\n".join(rows).rstrip() + "\n"

    def latex(self) -> str:
        """The steps with formulas as one `align*`."""
        rows = [line.latex.replace("=", "&=", 1) for lines in self.sections.values() for line in lines if line.latex]
        return "\\begin{align*}\n" + " \\\\\n".join(rows) + "\n\\end{align*}\n"

    def html(self) -> str:
        """HTML without style of its own; every name is escaped."""
        rows = [f"<h3>{markup(self.title, 200)}</h3>"]
        for head, lines in self.sections.items():
            items = "".join(
                f"<li><code>{html.escape(line.text)}</code>"
                + (f" <small>{html.escape(line.remark)}</small>" if line.remark else "") + "</li>"
                for line in lines
            )  # fmt: skip
            rows.append(f"<h4>{html.escape(head)}</h4><ol>{items}</ol>")
        return f'<section class="tg-explain">{"".join(rows)}</section>'

    _repr_html_ = html


def _left_out(count: int) -> Line:
    return Line(f"... {count:,} steps more, in .sections ...")


def _md(text: str) -> str:
    return "".join("\\" + c if c in "\\`*_{}[]<>#|$" else c for c in text)


def explain(x: Any, *inputs: Any, entry: Any = None, of: Any = None) -> Explanation:
    """The chain rule on this graph, step by step with numbers, right to left.

    With `entry`, where that one number of the gradient of `x` comes from: its contributions by use,
    example and path, largest first, which add up to it; `of` is the result that was differentiated
    (by default the newest scalar of the caller that depends on `x`).

    >>> import tinygrad_edu as tg
    >>> a, b, c = (tg.Tensor(v, requires_grad=True) for v in (5.0, 3.0, 2.0))
    >>> u = b * c
    >>> v = a + u
    >>> J = 3 * v
    >>> print(explain(J))
    J = 33
    <BLANKLINE>
    Left to right: the values
      u = b * c = 3 * 2 = 6
      v = a + u = 5 + 6 = 11
      J = 3 * v = 3 * 11 = 33
    <BLANKLINE>
    Right to left: the chain rule
      dJ/dJ = 1
      dJ/dv = dJ/dJ * dJ/dv = 1 * 3 = 3
      dJ/da = dJ/dv * dv/da = 3 * 1 = 3
      dJ/du = dJ/dv * dv/du = 3 * 1 = 3
      dJ/db = dJ/du * du/db = 3 * 2 = 6   du/db = c
      dJ/dc = dJ/du * du/dc = 3 * 3 = 9   du/dc = b
    """
    if entry is not None:
        return _entry(x, entry, of)
    return explained(read(x, inputs, who="explain", grads=True))


def explained(graph: Graph) -> Explanation:
    """The explanation of a graph that has its gradients."""
    out = graph.nodes[graph.outputs[-1]]
    result = Explanation(f"{shown(out.name)} = {short(out.value)}")
    result.sections["Left to right: the values"] = [_forward_line(s.text, s.node) for s in forward(graph)]
    lines = [Line(f"nothing needs a gradient: no input of {out.name} has requires_grad=True")]
    if out.grad is not None:
        lines = [_seed_line(out), *_backward_lines(graph, out)]
    result.sections["Right to left: the chain rule"] = lines
    return result


def _forward_line(text: str, node: Node) -> Line:
    remark = "" if not node.shape else f"{shape_text(node.shape)}"
    return Line(text.replace("; mean", ", mean"), "", remark)


def _seed_line(out: Node) -> Line:
    text = f"d{out.name}/d{out.name} = {short(out.grad)}" if not out.shape else f"d{out.name} = {short(out.grad)}"
    return Line(text, remark="" if not out.shape else "ones, in the shape of the result")


def _backward_lines(graph: Graph, out: Node) -> list[Line]:
    """One line for each tensor, once its gradient is complete; a line for each use before, if there are more."""
    lines: list[Line] = []
    for step in backward(graph):
        if is_number(step.source):
            continue
        lines.append(_scalar_line(step, out) if _is_scalar(step) else _array_line(step))
        if step.use == step.uses > 1:
            lines.append(_sum_line(step, out))
    return lines


def _is_scalar(step: Backward) -> bool:
    scalars = not whole(step.source.value).shape and not whole(step.user.value).shape
    return scalars and step.derivative is not None


def _scalar_line(step: Backward, out: Node) -> Line:
    J, x, y = out.name, step.source.name, step.user.name
    assert step.derivative is not None
    factor, formula = step.derivative.value, plain(step.derivative)
    local = f"d{y}/d{x}"
    text = f"d{J}/d{y} * {local} = {_signed(step.incoming)} * {_signed(factor)} = {short(step.contribution)}"
    verb = f"d{J}/d{x} =" if step.uses == 1 else f"d{J}/d{x} by use {step.use} of {step.uses}:"
    is_plain = step.derivative.number is not None
    tex = (
        rf"\frac{{\partial {latex_name(J)}}}{{\partial {latex_name(x)}}} = "
        rf"\frac{{\partial {latex_name(J)}}}{{\partial {latex_name(y)}}} \cdot "
        rf"\frac{{\partial {latex_name(y)}}}{{\partial {latex_name(x)}}} = "
        rf"{short(step.incoming)} \cdot {_signed(factor)} = {short(step.contribution)}"
    )
    return Line(f"{verb} {text}", tex, "" if is_plain else f"{local} = {formula}")


def _signed(v: Any) -> str:
    text = short(v)
    return f"({text})" if text.startswith("-") else text


def _array_line(step: Backward) -> Line:
    verb = step.local.text if step.uses > 1 else step.local.text.replace(" += ", " = ", 1)
    remark = "; ".join(filter(None, [step.local.shapes, step.local.note]))
    tex = f"{latex_name('d' + step.source.name)} = {step.local.formula.latex()}"
    return Line(f"{verb} = {short(step.contribution)}".replace("; mean", ", mean"), tex, remark)


def _sum_line(step: Backward, out: Node) -> Line:
    name = f"d{out.name}/d{step.source.name}" if _is_scalar(step) else f"d{step.source.name}"
    what = f"{step.source.name} is used {step.uses} times, so its gradients add"
    return Line(f"{name} = {short(step.after)}".replace("; mean", ", mean"), remark=what)


def _entry(x: Any, entry: Any, of: Any) -> Explanation:
    if not isinstance(x, Variable) or not x.flags & NEEDS:
        raise GraphError(
            "explain: entry needs a tensor that requires a gradient; got another; pass a parameter of your program"
        )
    index = entry if isinstance(entry, tuple) else (entry,)
    if len(index) != np.ndim(x._data) or not all(-n <= i < n for i, n in zip(index, np.shape(x._data), strict=True)):
        raise ShapeError(
            f"explain: entry must name one entry of shape {np.shape(x._data)}; got {index}; "
            "give one index for each axis"
        )
    graph = read(of if of is not None else _newest_result(x))
    add_gradients(graph)
    node = next((n for n in graph.nodes.values() if n.tensor is not None and n.tensor.born == x.born), None)
    if node is None or node.grad is None:
        raise GraphError("explain: the result must depend on the tensor; it does not; ask tg.why(x)")
    terms = contributions(graph, node, index)
    total = np.asarray(node.grad)[index]
    name = f"d{node.name}[{', '.join(map(str, index))}]" if index else f"d{node.name}"
    out = graph.nodes[graph.outputs[-1]]
    result = Explanation(f"{name} = {one(total)}, the gradient of {shown(out.name)}")
    result.sections["Contributions, largest first"] = [
        Line(f"{one(value):>10}", remark=where) for where, value in terms
    ]
    result.sections["Sum"] = [Line(f"{one(sum(v for _, v in terms)):>10}")]
    return result


def _newest_result(x: Variable) -> Variable:
    """The newest scalar among the caller's variables that was computed from `x`."""
    scope = caller()
    for v in results_in(scope):
        if any(t.born == x.born for t in history(v, constants=False)):
            return v
    raise GraphError(
        f"explain: needs the result that was differentiated; found none that depends on "
        f"{names_in(scope).get(x.born, 'the tensor')}; pass of=loss"
    )


def contributions(graph: Graph, node: Node, index: tuple[int, ...]) -> list[tuple[str, float]]:
    """The terms whose sum is one entry of a gradient, largest first: `(where it comes from, value)`."""
    if not index and (paths := _paths(graph, node)) is not None:
        terms = paths
    else:
        terms, masked = [], False
        for user in reversed(graph.nodes.values()):
            masked = masked or (user.op is not None and user.grad is not None and user.op.masks)
            for i, key in enumerate(user.inputs):
                if key == node.key and user.grad is not None and user.op is not None:
                    terms += _terms_of_use(graph, user, i, index, masked)
    return sorted(terms, key=lambda term: -abs(term[1]))


def _terms_of_use(graph: Graph, user: Node, i: int, index: tuple[int, ...], masked: bool) -> list[tuple[str, float]]:
    """One use, taken apart where its rule sums: over a product's inner axis, or over broadcast axes."""
    assert user.op is not None
    source = graph.nodes[user.inputs[i]]
    where = f"through {user.title}"
    rule = user.op.vjps[i]
    if rule is None:
        return []
    arrays = [graph.nodes[k].value for k in user.inputs]
    if user.op.name == "matmul" and all(np.ndim(a) == 2 for a in arrays):
        row, column = index
        left, right = (user.grad[row], arrays[1][column]) if i == 0 else (arrays[0][:, row], user.grad[:, column])
        other = graph.nodes[user.inputs[1 - i]].name
        what = f"column of {other}" if i == 0 else f"row of {other}"  # the course keeps examples in columns
        products = np.asarray(left) * np.asarray(right)
        return [(f"{where}, example {k} ({what})", float(v)) for k, v in enumerate(products)]
    if user.op.kind in BROADCASTS:
        with np.errstate(all="ignore"):
            full = np.asarray(rule(user.grad, user.value, *arrays, **user.attributes))
        if full.shape != source.shape:
            return _broadcast_terms(where, full, source.shape, index)
    value = float(np.asarray(contribution(graph, user, i, masked))[index])
    return [(where, value)]


def _broadcast_terms(where: str, full: Any, shape: tuple[int, ...], index: tuple[int, ...]) -> list[tuple[str, float]]:
    """The entries that undoing a broadcast adds up into one."""
    mask = np.zeros(shape)
    mask[index] = 1.0
    chosen = np.broadcast_to(mask, full.shape).astype(bool)
    assert np.isclose(np.asarray(sum_to(full, shape=shape))[index], full[chosen].sum(), equal_nan=True)
    lead = [k for k in range(full.ndim) if k < full.ndim - len(shape) or shape[k - full.ndim + len(shape)] == 1]
    return [(f"{where}, {_place(np.array(at)[lead])}", float(full[tuple(at)])) for at in np.argwhere(chosen).tolist()]


def _place(at: Any) -> str:
    return f"example {at[0]}" if len(at) == 1 else f"entry {tuple(int(v) for v in at)}"


def _paths(graph: Graph, node: Node) -> list[tuple[str, float]] | None:
    """On scalars: each path to the result, with the product of the derivatives along it; None if there are too many."""
    steps: dict[str, list[Backward]] = {}
    for step in backward(graph):
        if not _is_scalar(step):
            return None
        steps.setdefault(step.source.key, []).append(step)
    out = graph.outputs[-1]
    done: list[tuple[str, float]] = []
    todo: list[tuple[str, list[str], float]] = [(node.key, [node.name], 1.0)]
    while todo:
        key, names, product = todo.pop()
        if key == out:
            done.append(("along " + " → ".join(names), product * float(graph.nodes[out].grad)))
        for step in reversed(steps.get(key, [])):
            assert step.derivative is not None
            todo.append((step.user.key, [*names, step.user.name], product * float(step.derivative.value)))
        if len(done) + len(todo) > MOST_PATHS:
            return None
    return done
