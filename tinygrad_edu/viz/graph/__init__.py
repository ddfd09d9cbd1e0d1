"""The graph as data: nodes, steps of the chain rule, comparison, export."""
