"""`lecture`: the two passes as a picture that grows: an animation in one SVG file, slides as PNG or a PDF."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import MissingLibraryError
from ...functions.settings import Names, least, settings
from ..graph.local import gradient_name
from ..graph.reading import read
from ..graph.values import short, shown
from .draw import PAGE, Stage, check, flows_back, picture
from .fold import Arrow, DrawnGraph, few, view
from .inline import inline as inlined
from .label import Style
from .layers import layers_in
from .render import render

if TYPE_CHECKING:
    from .picture import Picture

GROUP = re.compile(  # a box or an arrow in what Graphviz writes; there may be groups in it
    r'<g id="[^"]*" class="(?:node|edge)">\n<title>([^<]*)</title>\n.*?\n</g>\n(?=<!--|<g |</g>\n</svg>)', re.S
)


class Lecture:
    """A picture in steps: each is a Picture of one size, in which one thing more is seen."""

    def __init__(self, steps: list[Picture], captions: list[str], seconds: float) -> None:
        self.steps, self.captions, self.seconds = steps, captions, seconds

    def __len__(self) -> int:
        return len(self.steps)

    def save(self, path: Any) -> str:
        """Write `.svg`, one file that plays by itself, or `.pdf`, a page for each step."""
        target = Path(path)
        form = target.suffix[1:].lower()
        if form not in ("svg", "pdf"):
            raise ValueError(
                f"save: a lecture is written as svg or pdf; got {form!r}; write .slides(folder) for PNG pictures"
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(self.svg().encode() if form == "svg" else self._pdf())
        return str(target)

    def _pdf(self) -> bytes:
        """One file with a page for each step."""
        try:
            from pypdf import PdfWriter
        except ImportError:
            raise MissingLibraryError("save: a lecture of several pages", "pypdf", "lecture") from None
        file, out = PdfWriter(), BytesIO()
        for step in self._solid():
            file.append(BytesIO(render(step.source, "pdf")))
        file.write(out)
        return out.getvalue()

    def slides(self, folder: Any) -> list[str]:
        """Write `01.png`, `02.png`, ... into a folder; gives their paths."""
        target = Path(folder)
        target.mkdir(parents=True, exist_ok=True)
        paths = [target / f"{k:0{len(str(len(self)))}d}.png" for k in range(1, len(self) + 1)]
        for path, step in zip(paths, self._solid(), strict=True):
            path.write_bytes(render(step.source, "png"))
        return [str(path) for path in paths]

    def _solid(self) -> Iterator[Picture]:
        """The steps on white, for slides."""
        for step in self.steps:
            step.attr("graph", bgcolor="white")
            yield step

    def svg(self) -> str:
        """One SVG text that plays the steps over and over; where motion is reduced, it shows the last one.

        What two steps have in common stands in it once.
        """
        frames = [step.svg() for step in self.steps]
        last = frames[-1]
        seen: dict[str, list[str | None]] = {}  # for each box and arrow, and the captions, what each step shows
        for k, frame in enumerate(frames):
            count: dict[str, int] = {}
            for found in GROUP.finditer(frame):
                n = count[found[1]] = count.get(found[1], 0) + 1
                seen.setdefault(f"{found[1]}#{n}", [None] * len(frames))[k] = re.sub(r'^<g id="[^"]*"', "<g", found[0])
            seen.setdefault("", [None] * len(frames))[k] = _captions(frame)
        parts: list[str] = []
        rules: dict[str, str] = {}
        for contents in seen.values():
            at = 0
            for content, group in groupby(contents):
                end = at + len(list(group))
                if content is not None:
                    parts.append(self._timed(content, at, end, rules))
                at = end
        rest = GROUP.sub("", last).replace(_captions(last), "")
        style = "".join(rules.values())
        style += "@media (prefers-reduced-motion: reduce){g{animation:none !important}}"
        head, _, tail = rest.rpartition("</g>\n</svg>")
        return f"{head}<style>{style}</style>\n{''.join(parts)}</g>\n</svg>{tail}"

    def _timed(self, content: str, at: int, end: int, rules: dict[str, str]) -> str:
        """What is seen from one step to another."""
        if (at, end) == (0, len(self)):
            return content
        name, length = f"s{at}-{end}", len(self)
        marks = [(at, "visible"), *([(end, "hidden")] if end < length else [])]
        marks = [(0, "hidden"), *marks] if at else marks
        frames = "".join(f"{100 * k / length:.3f}%{{visibility:{look}}}" for k, look in marks)
        now = "visible" if end == length else "hidden"
        seconds = f"{self.seconds * length:g}s"
        rules[name] = (
            f"@keyframes {name}{{{frames}}}.{name}{{visibility:{now};animation:{name} {seconds} step-end infinite}}\n"
        )
        return f'<g class="{name}">\n{content}</g>\n'

    def _repr_svg_(self) -> str:
        return self.svg()

    def __repr__(self) -> str:
        return f"<Lecture of {len(self)} steps>"


def _captions(svg: str) -> str:
    """What of a frame is no box and no arrow, as the caption is: its lines of text."""
    rest = GROUP.sub("", svg)
    return "".join(re.findall(r'<text [^>]*font-size="13\.00"[^>]*>[^<]*</text>\n', rest))


def _stages(seen: DrawnGraph, mathematics: bool) -> list[Stage]:
    """What is said and what is still hidden, step by step."""
    style = Style(seen, "formulas", mathematics)
    arrows, _ = few(seen)
    made = [key for key, box in seen.boxes.items() if box.title or seen.node(box).inputs]
    grads = {f"d{key}" for key, box in seen.boxes.items() if seen.node(box).grad is not None}
    chips = {a: back for a in arrows if (back := flows_back(seen, a, "formulas", True)) is not None}
    hidden = {*made, *grads, *(_chip(a) for a in chips)}
    given = ", ".join(style.name(seen.node(box).name) for key, box in seen.boxes.items() if key not in hidden)
    stages = [Stage(f"given: {given}", frozenset(hidden))]
    for key in made:
        node, title = seen.node(seen.boxes[key]), seen.boxes[key].title
        hidden.discard(key)
        said = f"{title or style.title(node)} = {short(node.value)}".replace("; ", ", ")
        stages.append(Stage(shown(said, 96), frozenset(hidden)))
    ends = [k for k in seen.graph.outputs if f"d{k}" in hidden]
    hidden -= {f"d{k}" for k in ends}
    started = [
        f"{style.name(gradient_name(seen.graph.nodes[k]))} = {short(seen.graph.seeds.get(k, 1.0))}" for k in ends
    ]
    stages += [Stage(",  ".join(started), frozenset(hidden))] if started else []
    order = {key: k for k, key in enumerate(seen.boxes)}
    oldest: dict[str, str] = {}  # of the users of a box, the one that the way back comes to last
    for arrow in arrows:
        user = oldest.get(arrow.source)
        oldest[arrow.source] = arrow.user if user is None or order[arrow.user] < order[user] else user
    for key in reversed(made):
        now = [a for a in chips if a.user == key]
        hidden -= {_chip(a) for a in now} | {f"d{source}" for source, user in oldest.items() if user == key}
        said = ",  ".join(style.local(chips[a], seen.graph.nodes[a.source]) for a in now)
        if now or frozenset(hidden) != stages[-1].hidden:
            stages.append(
                Stage(shown(said or f"back through {style.name(seen.boxes[key].title)}", 96), frozenset(hidden))
            )
    return stages


def _chip(arrow: Arrow) -> str:
    return f"{arrow.source}:{arrow.user}:{arrow.position}"


@settings
def lecture(
    x: object, *inputs: object, inline: bool = False, expand: Names = False, direction: str = "right",
    page: float | None = PAGE, notation: str = "mathematics", seconds: float = 1.5, budget: int | None = 40,
) -> Lecture:  # fmt: skip
    """The forward and the backward pass of the graph behind `x`, step by step, as pictures of one size.

    Left to right a box for each operation, then right to left what flows back along each arrow. `.save("lecture.svg")`
    writes an animation in one file, without a script, `seconds` for each step; `.save("lecture.pdf")` a page for each
    step; `.slides("folder")` a PNG picture for each. The other settings are those of `draw`.

    >>> import tinygrad_edu as tg
    >>> a, b = tg.Tensor(2.0, requires_grad=True), tg.Tensor(-3.0, requires_grad=True)
    >>> course = lecture(a * b + a)
    >>> course.captions[1], course.captions[-1]
    ('t₁ = a · b = -6', 'da += dt₁ · b,  db += dt₁ · a')
    """
    check("lecture", direction=direction, notation=notation, page=page, budget=budget)
    least("lecture", "seconds", seconds, 0.01)
    graph = read(x, inputs, who="lecture", grads=True)
    layers = layers_in(graph, expand)
    seen = view(inlined(graph) if inline else graph, None, budget, layers=layers)
    stages = _stages(seen, notation == "mathematics")
    steps = [picture(seen, "formulas", True, None, direction, page, notation, stage) for stage in stages]
    return Lecture(steps, [stage.caption for stage in stages], seconds)
