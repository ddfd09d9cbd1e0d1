"""Property tests: strategies, operations, mutation scores."""
