"""Seeing the graph: pictures, formulas, the chain rule in words, the backprop player."""

from .draw import draw as draw
from .formula import Formula as Formula
from .table import op_table as op_table
