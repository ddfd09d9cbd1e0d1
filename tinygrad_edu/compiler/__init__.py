"""`compile`: a function of tensors, read once as a program, and run as that from then on."""
