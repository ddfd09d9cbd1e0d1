"""What a Tensor can do, by subject: what it holds and gives to others, Python's operators, functions as methods."""
