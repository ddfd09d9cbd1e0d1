"""Seeing the graph: pictures, formulas, the chain rule in words, the backprop player."""

from ..interop.names import guide as _guide
from .formulas.formula import Formula as Formula
from .formulas.table import op_table as op_table
from .graph.diff import diff as diff
from .graph.export import to_json as to_json
from .graph.export import to_networkx as to_networkx
from .notebook import in_notebook as _in_notebook
from .pages.film import Film as Film
from .pages.player import player as player
from .pages.worksheet import worksheet as worksheet
from .pictures.draw import draw as draw
from .pictures.lecture import lecture as lecture
from .reports.compare import compare as compare
from .reports.intervene import intervene as intervene
from .reports.watch import watch as watch
from .words.anomaly import AnomalyError as AnomalyError
from .words.anomaly import detect_anomaly as detect_anomaly
from .words.explain import explain as explain
from .words.why import why as why

_guide(__name__, "tg.viz")

_in_notebook()
