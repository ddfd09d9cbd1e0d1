"""Where Graphviz puts boxes and arrows, in its "plain" format."""

import pygraphviz

from tinygrad_edu.viz.pictures.render import _without_noise


def layout(source):
    graph = pygraphviz.AGraph(string=source)
    with _without_noise():
        return bytes(graph.draw(format="plain", prog="dot")).decode()
