"""Functions of functions: derivatives, batches, checkpoints, and operations of the user's own."""
