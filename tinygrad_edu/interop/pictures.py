"""How torchviz, torchview, torchvista, Keras and graphviz draw a graph, and what to write here: keywords and names."""

from __future__ import annotations

SAVE = "save what is given back: .save('graph.png') of a picture, .save('page.html') of a page"
ATTRIBUTES = "set it on the picture, a graphviz.Digraph: picture.attr('graph', rankdir='LR')"
EXAMPLE = "give an example after the model: tg.draw(model, x), or its shape: tg.draw(model, (64, 3))"
SIZE = "leave it out: an .svg has no size, and the file's ending says the format; page= is the width of a row"

# Keywords of theirs that a function of `viz` does not take: what to do instead.
KEYWORDS = {
    **dict.fromkeys(("format", "filename", "to_file", "save_graph", "directory", "path", "save", "outfile"), SAVE),
    **dict.fromkeys(("view", "show", "generate_image", "image"), "call it on the picture: tg.draw(x).show()"),
    **dict.fromkeys(("graph_attr", "node_attr", "edge_attr", "body", "engine", "graph_style"), ATTRIBUTES),
    **dict.fromkeys(("size", "dpi", "height", "width", "resize", "scale"), SIZE),
    **dict.fromkeys(("input_size", "input_data", "inputs", "example", "input_shape", "dummy_input"), EXAMPLE),
    "params": "name tensors where they are made: tg.Tensor(values, name='W'); parameters of a module have names",
    "title": "draw has none; viz.player, viz.worksheet and viz.Film have",
    **dict.fromkeys(("name", "graph_name", "comment"), "write picture.attr(label='...') for words below it"),
    **dict.fromkeys(
        ("collapse", "fold", "collapse_modules", "group"),
        "give depth=0: each module becomes one box",
    ),
    **dict.fromkeys(("expand_nested", "nested"), "give expand=True to open layers, depth=1 to fold what is deeper"),
    "roll": "give budget=30: what repeats is drawn once, with its count",
    **dict.fromkeys(("show_attrs", "show_saved", "show_local"), "give detail='formulas', which shows each derivative"),
    **dict.fromkeys(
        ("show_shapes", "show_dtype", "show_layer_names", "show_module_attr_names", "show_layer_activations"),
        "leave it out: names and shapes are shown",
    ),
    **dict.fromkeys(
        ("hide_inner_tensors", "hide_module_functions", "show_non_gradient_nodes", "show_trainable"),
        "give detail='ops' for less, constants=True for bare numbers too",
    ),
    **dict.fromkeys(
        ("values", "show_values", "grads", "grad", "show_grad", "show_gradients", "level"),
        "give detail='ops', 'values', 'gradients' or 'formulas'",
    ),
    **dict.fromkeys(("solutions", "answers", "solution"), "leave it out: a switch on the page shows the answers"),
    **dict.fromkeys(("verbose", "strict", "theme"), "leave it out"),
}

# Names that modules of the package do not have.
NAMES = dict.fromkeys(
    (
        "plot", "plot_graph", "make_dot", "visualize", "draw_dot", "draw_graph", "plot_model", "model_to_dot",
        "trace_model", "render", "picture", "torchviz", "torchview", "torchvista", "show_graph", "view_graph",
        "draw_model",
    ),
    "tg.draw",
)  # fmt: skip

# Names that a picture does not have.
PICTURE = {
    **dict.fromkeys(("savefig", "write_png", "write_svg", "write_pdf", "write", "export"), "save('graph.png')"),
    **dict.fromkeys(("to_html", "to_svg", "html", "to_string", "create_svg"), "svg(), or save('graph.html')"),
    **dict.fromkeys(("display", "plot", "open"), "show()"),
    **dict.fromkeys(("visual_graph", "dot", "to_dot"), "the picture itself, a graphviz.Digraph, or its source"),
    **dict.fromkeys(("nodes", "get_nodes"), "graph.nodes; tg.viz.to_json(x) and tg.viz.to_networkx(x) have edges, too"),
}  # fmt: skip
