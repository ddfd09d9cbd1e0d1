"""The workloads of the benchmark, each a file: what is computed, by which libraries, and how many times as fast as the
best of them the compiled one shall be (`GOAL`, where there is one). `job(peer)` makes it for one library."""
