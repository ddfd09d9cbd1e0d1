"""Passes: each takes a program and gives one that means the same, with less to do."""

from .simplify import simplified as simplified
