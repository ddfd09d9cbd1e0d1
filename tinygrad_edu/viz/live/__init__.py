"""Graphs that a page computes by itself: values and gradients of every node, as a program of arrays in JavaScript."""
