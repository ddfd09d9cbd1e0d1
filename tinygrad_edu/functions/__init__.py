"""The public functions: each normalises what users write (axes, scalars, lists) and calls an op."""
