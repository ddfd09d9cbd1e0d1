"""Hand-written kernels: what a backward pass must keep to besides its formula."""
