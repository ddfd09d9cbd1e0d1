"""How NumPy and other libraries reach tensors: NumPy's protocols, and the names that people type."""
