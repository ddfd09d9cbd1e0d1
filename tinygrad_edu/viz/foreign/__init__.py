"""Graphs of other libraries' programs: PyTorch's modules and JAX's functions, in operations of this package."""
