"""The kinds of operations, and what follows from an op's kind: for the engine, the checks, formulas and pictures."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """What the operations of one kind have in common."""

    name: str
    colour: str  # of its boxes: a name of viz/pictures/palette.py
    entrywise: bool = False  # works on each entry by itself: the derivative is a diagonal, no result shares memory
    broadcasts: bool = False  # inputs broadcast, so gradients are summed
    multilinear: bool = False  # linear in each input by itself
    products: bool = False  # sums of products: the work of a layer
    moves: bool = False  # puts numbers elsewhere, and computes none
    needs_values: bool = True  # rules read more of the inputs than their shapes
    rule: str = ""  # what the rule does, where it cannot be written as a formula, nor the op be called by itself

    def __str__(self) -> str:
        return self.name


KINDS = {
    kind.name: kind
    for kind in (
        Kind("elementwise", "blue", entrywise=True, broadcasts=True),
        Kind("reduce", "green"),
        Kind("scan", "green"),
        Kind("contract", "orange", broadcasts=True, multilinear=True, products=True),
        Kind("layer", "orange", products=True),
        Kind("window", "orange", products=True),
        Kind("linalg", "orange"),
        Kind("layout", "grey", moves=True),
        Kind("index", "grey", moves=True, needs_values=False),
        Kind("write", "pink", broadcasts=True, moves=True, needs_values=False),
        Kind("batch", "pink", moves=True, rule="the other direction: into the batch, or out of it"),
        Kind("checkpoint", "pink", rule="runs the function again, and pulls g through it"),
        Kind("rule", "red", rule="the rule that was given with the function"),
        Kind("custom", "red"),
    )
}


def kind_of(op: str, name: str) -> Kind:
    """The kind of this name, for the declaration of `op`."""
    if name not in KINDS:
        raise ValueError(f"{op}: kind must be one of {', '.join(KINDS)}; got {name!r}; leave it out if none fits")
    return KINDS[name]
