"""Real gradient bugs of 2023 to 2026 from public trackers, each rebuilt small, in our own words."""

from . import edges, formulas, indices, layouts, second_order, state
from .bug import Bug

FAMILIES = {
    "layouts": layouts.BUGS,
    "state": state.BUGS,
    "formulas": formulas.BUGS,
    "indices": indices.BUGS,
    "edges": edges.BUGS,
    "second order": second_order.BUGS,
}
BUGS: list[Bug] = [bug for bugs in FAMILIES.values() for bug in bugs]
