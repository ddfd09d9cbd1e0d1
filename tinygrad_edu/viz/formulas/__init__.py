"""Formulas: traced from the rules, written as text and LaTeX."""
