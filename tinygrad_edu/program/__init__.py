"""The array program: one more reading of the graph, which compilers, live pages and exports share."""
