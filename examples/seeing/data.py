"""The graph as data: JSON of a documented form, and networkx where it is installed."""

import json
from pathlib import Path

import tinygrad_edu as tg
from tinygrad_edu import viz


def f(a: tg.Tensor, b: tg.Tensor) -> tg.Tensor:
    return tg.tanh(a * b) + a


text = viz.to_json(f, 2.0, -3.0)
Path("out").mkdir(exist_ok=True)
Path("out/graph.json").write_text(text)
for node in json.loads(text)["nodes"]:
    print(node["title"], "=", node["value"], "gradient", node["grad"])
try:
    graph = viz.to_networkx(f, 2.0, -3.0)
    print(graph.number_of_nodes(), "nodes and", graph.number_of_edges(), "edges in networkx")
except ImportError as error:
    print(error)
