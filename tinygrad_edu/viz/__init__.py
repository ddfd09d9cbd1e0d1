"""Seeing the graph: pictures, formulas, the chain rule in words, the backprop player."""

from ..foreign import unknown as _unknown
from .anomaly import AnomalyError as AnomalyError
from .anomaly import detect_anomaly as detect_anomaly
from .diff import diff as diff
from .draw import draw as draw
from .explain import explain as explain
from .export import to_json as to_json
from .export import to_networkx as to_networkx
from .film import Film as Film
from .formula import Formula as Formula
from .notebook import in_notebook as in_notebook
from .player import player as player
from .table import op_table as op_table
from .why import why as why
from .worksheet import worksheet as worksheet

__getattr__ = _unknown("tg.viz")

in_notebook()
