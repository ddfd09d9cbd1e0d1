"""Colours for kinds of operations: Okabe and Ito's palette, which colour-blind readers can tell apart.

Each kind has a light fill, on which black text reads well in print and on a dark page, and a dark
border of the same hue. Source: M. Okabe, K. Ito, "Color universal design" (2008).
"""

from __future__ import annotations

from typing import NamedTuple

from ... import kinds


class Colour(NamedTuple):
    fill: str
    line: str


BLUE, SKY, GREEN = Colour("#d5e8f5", "#0072b2"), Colour("#e3f3fc", "#2b8fc4"), Colour("#d3efe5", "#00795a")
YELLOW, ORANGE, RED = Colour("#fbf6c4", "#8f8500"), Colour("#fdebc8", "#b87700"), Colour("#f9dccb", "#b34700")
PINK, GREY, WHITE = Colour("#f3dfea", "#a34f7d"), Colour("#ececec", "#6b6b6b"), Colour("#ffffff", "#555555")

NAMED = {"blue": BLUE, "green": GREEN, "orange": ORANGE, "grey": GREY, "pink": PINK, "red": RED}
KINDS = {
    "parameter": YELLOW, "input": WHITE, "constant": GREY,  # leaves, which no op made
    **{kind.name: NAMED[kind.colour] for kind in kinds.KINDS.values()},
    "folded": SKY,
}  # fmt: skip

MEANINGS = {
    YELLOW: "parameter", WHITE: "input", GREY: "constant, or entries moved", BLUE: "entry by entry", GREEN: "reduced",
    ORANGE: "products, layers", PINK: "written, drawn", RED: "your own", SKY: "several in one",
}  # fmt: skip

# Of overlays. Light ends, so that black text stays readable; both scales differ in lightness, not only in hue.
SCALE = ("#fff8e8", "#fde3b0", "#f9c46b", "#ee9b2f", "#d9741a")
BAD = "#ffd9d9"
DIVERGING = ("#4a90c8", "#a6cbe5", "#f6f6f6", "#f3b48c", "#dd6f2e")
# Of cells: from the most negative to the most positive entry of an array, 0 in the middle.
TINTS = (
    "#6fa8d6", "#9cc4e4", "#c3dcf0", "#e3eff8", "#ffffff", "#fdebd9", "#fad3ad", "#f4b57c", "#ec9550",
)  # fmt: skip
NEAR_ZERO = ("#f1f7fb", "#fef6ee")

INK, EDGE, BACKWARD, ALARM = "#1a1a1a", "#767676", "#a63f00", "#d00000"
WAY_BACK = "#c65100"  # BACKWARD outside of boxes: as far from a white page as from a black one


def colour(kind: str) -> Colour:
    """The colour of a box: a leaf's, a folded one's, or by the kind of the op that made it."""
    return KINDS[kind]
