"""Pictures of the graph, drawn by Graphviz."""
