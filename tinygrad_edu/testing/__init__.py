"""Property tests for derivatives: see `check_gradients`."""
