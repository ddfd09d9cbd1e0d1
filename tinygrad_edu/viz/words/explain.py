"""The chain rule in words and numbers: `explain(loss)`."""

from __future__ import annotations

import html
from dataclasses import dataclass

from ...functions.settings import settings
from ..formulas.notation import latex_name, plain
from ..graph.graph import Graph, is_number
from ..graph.reading import read
from ..graph.steps import Backward, Forward, backward, forward
from ..graph.values import each_text, markup, one, short, shown, whole
from .contributions import parts

WIDE = 110  # letters of a line whose remark stands in a column
LONG = 200  # lines of a section that are printed; `sections` has them all


@dataclass
class StepLine:
    """One step: plain text, the same for a typesetter, and a remark."""

    text: str
    latex: str = ""
    remark: str = ""

    def __post_init__(self) -> None:
        self.text = shown(self.text.replace("; mean", ", mean"), 600)  # where a picture would begin a new line
        self.remark = shown(self.remark, 240)


class Explanation(str):
    """Headed lines: a text, which also shows itself as HTML, Markdown or LaTeX."""

    head: str
    sections: dict[str, list[StepLine]]

    def __new__(cls, head: str, sections: dict[str, list[StepLine]]) -> Explanation:
        self = super().__new__(cls, _text(head, sections))
        self.head, self.sections = head, sections
        return self

    __repr__ = str.__str__

    def markdown(self) -> str:
        """Markdown, with formulas between dollar signs."""
        rows = [f"**{_md(self.head)}**", ""]
        for head, lines in self.sections.items():
            rows += [f"**{_md(head)}**", ""]
            for line in lines:
                body = f"${line.latex}$" if line.latex else _code(line.text)
                rows.append(f"- {body}" + (f" ({_md(line.remark)})" if line.remark else ""))
            rows.append("")
        return "\n".join(rows).rstrip() + "\n"

    def latex(self) -> str:
        """The steps with formulas as one `align*`."""
        rows = [line.latex.replace("=", "&=", 1) for lines in self.sections.values() for line in lines if line.latex]
        return "\\begin{align*}\n" + " \\\\\n".join(rows) + "\n\\end{align*}\n"

    def html(self) -> str:
        """HTML without style of its own; every name is escaped."""
        rows = [f"<h3>{markup(self.head, 200)}</h3>"]
        for head, lines in self.sections.items():
            items = "".join(
                f"<li><code>{html.escape(line.text)}</code>"
                + (f" <small>{html.escape(line.remark)}</small>" if line.remark else "") + "</li>"
                for line in lines
            )  # fmt: skip
            rows.append(f"<h4>{html.escape(head)}</h4><ol>{items}</ol>")
        return f'<section class="tg-explain">{"".join(rows)}</section>'

    _repr_html_ = html


def _text(head: str, sections: dict[str, list[StepLine]]) -> str:
    rows = [head]
    for name, lines in sections.items():
        if len(lines) > LONG:
            lines = [*lines[: LONG // 2], _left_out(len(lines) - LONG), *lines[-LONG // 2 :]]
        width = max((len(line.text) for line in lines if line.remark and len(line.text) <= WIDE), default=0)
        rows += ["", name] + [f"  {line.text:<{width}}   {line.remark}".rstrip() for line in lines]
    return "\n".join(rows).strip("\n")


def _left_out(count: int) -> StepLine:
    return StepLine(f"... {count:,} steps more, in .sections ...")


def _md(text: str) -> str:
    """Any text as Markdown that shows it, also where only HTML is escaped."""
    text = "".join("\\" + c if c in "\\`*_{}[]#|$" else c for c in text)
    return html.escape(text, quote=False)


def _code(text: str) -> str:
    """Any text in a fixed width."""
    return f"<code>{_md(text)}</code>" if any(c in text for c in "`<&") else f"`` {text} ``"


@settings
def explain(x: object, *inputs: object, entry: object = None, of: object = None) -> Explanation:
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
      dJ/dv = 3
      dJ/da = dJ/dv * dv/da = 3 * 1 = 3
      dJ/du = dJ/dv * dv/du = 3 * 1 = 3
      dJ/db = dJ/du * du/db = 3 * 2 = 6   du/db = c
      dJ/dc = dJ/du * du/dc = 3 * 3 = 9   du/dc = b
    """
    if entry is not None:
        return _entry(*parts(x, entry, of))
    return explained(read(x, inputs, who="explain", grads=True))


def explained(graph: Graph) -> Explanation:
    """The explanation of a graph that has its gradients."""
    outputs = [graph.nodes[k] for k in graph.outputs]
    head = ", ".join(f"{shown(n.name)} = {short(n.value)}" for n in outputs)
    values = [_forward_line(graph, s) for s in forward(graph)]
    lines = [StepLine(f"nothing needs a gradient: no input of {graph.result} has requires_grad=True")]
    if graph.notices:
        lines = [StepLine(notice) for notice in graph.notices]
    if graph.seeds:
        lines = [_seed_line(graph, k) for k in reversed(graph.seeds)] + _backward_lines(graph)
    return Explanation(head, {"Left to right: the values": values, "Right to left: the chain rule": lines})


def _forward_line(graph: Graph, step: Forward) -> StepLine:
    node = step.node
    tex = f"{latex_name(node.name)} = {graph.formula(node).latex()}" + ("" if node.shape else f" = {short(node.value)}")
    return StepLine(step.text, tex, each_text(node.value))


def _seed_line(graph: Graph, key: str) -> StepLine:
    out, seed = graph.nodes[key], graph.seeds[key]
    name = f"d{out.name}" if out.shape else f"d{graph.result}/d{out.name}"
    tex = "" if out.shape else rf"{_partial(graph.result, out.name)} = {short(seed)}"
    ones = bool(out.shape) and bool((whole(seed) == 1).all())
    return StepLine(f"{name} = {short(seed)}", tex, "ones, in the shape of the result" if ones else "")


def _backward_lines(graph: Graph) -> list[StepLine]:
    """One line for each tensor, once its gradient is complete; a line for each use before, if there are more."""
    lines: list[StepLine] = []
    for step in backward(graph):
        if is_number(step.source):
            continue
        lines.append(_scalar_line(step, graph.result) if step.scalar else _array_line(step))
        if step.use == step.uses and step.adds:
            lines.append(_sum_line(step, graph.result))
    return lines


def _scalar_line(step: Backward, J: str) -> StepLine:
    x, y = step.source.name, step.user.name
    assert step.derivative is not None
    factor, formula = step.derivative.value, plain(step.derivative)
    local = f"d{y}/d{x}"
    product = f"d{J}/d{y} * {local} = {_signed(step.incoming)} * {_signed(factor)} = {short(step.contribution)}"
    direct = y == J and bool((whole(step.incoming) == 1).all())  # the local derivative is the whole
    text = short(step.contribution) if direct else product
    verb = f"d{J}/d{x} =" if not step.adds else f"d{J}/d{x} by use {step.use} of {step.uses}:"
    is_plain = step.derivative.number is not None
    part = rf"\left.{_partial(J, x)}\right|_{{{step.use}}}" if step.adds else _partial(J, x)
    through = "" if direct else rf"{_partial(J, y)} \cdot {_partial(y, x)} = {short(step.incoming)} \cdot "
    through += "" if direct else f"{_signed(factor)} = "
    tex = f"{part} = {through}{short(step.contribution)}"
    return StepLine(f"{verb} {text}", tex, "" if is_plain else f"{local} = {formula}")


def _partial(y: str, x: str) -> str:
    return rf"\frac{{\partial {latex_name(y)}}}{{\partial {latex_name(x)}}}"


def _signed(v: object) -> str:
    text = short(v)
    return f"({text})" if text.startswith("-") else text


def _array_line(step: Backward) -> StepLine:
    verb = step.local.text if step.adds else step.local.text.replace(" += ", " = ", 1)
    remark = "; ".join(filter(None, [step.local.shapes, step.local.note]))
    gets = r"\mathrel{+}=" if step.adds else "="
    tex = f"{latex_name('d' + step.source.name)} {gets} {step.local.formula.latex()}"
    return StepLine(f"{verb} = {short(step.contribution)}", tex, remark)


def _sum_line(step: Backward, J: str) -> StepLine:
    name = f"d{J}/d{step.source.name}" if step.scalar else f"d{step.source.name}"
    times = f"is used {step.uses} times" if step.uses > 1 else "is a result itself, and is used"
    what = f"{step.source.name} {times}, so its gradients add"
    whole_sum = _partial(J, step.source.name)
    tex = rf"{whole_sum} = \sum_k \left.{whole_sum}\right|_{{k}} = {short(step.after)}" if step.scalar else ""
    return StepLine(f"{name} = {short(step.after)}", tex, what)


def _entry(name: str, total: float, result: str, terms: list[tuple[str, float]]) -> Explanation:
    """Where one number comes from."""
    lines = [StepLine(f"{one(value):>10}", remark=where) for where, value in terms]
    total_line = StepLine(f"{one(sum(v for _, v in terms)):>10}")
    head = f"{shown(name)} = {one(total)}, the gradient of {shown(result)}"
    return Explanation(head, {"Contributions, largest first": lines, "Sum": [total_line]})
