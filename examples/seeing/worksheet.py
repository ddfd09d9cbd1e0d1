"""A worksheet in one call: gradients are blanks, wrong answers are told their likely slip."""

from typing import Any

import tinygrad_edu as tg
from tinygrad_edu import viz


def neuron(x: Any, w: Any, b: Any, y: Any) -> Any:
    z = w * x + b
    a = tg.sigmoid(z)
    return (a - y) ** 2


page = viz.worksheet(neuron, 2.0, 0.5, -1.0, 1.0, blanks=["values", "gradients"], title="One neuron by hand")
print(page.save("out/worksheet.html"))
for question in page.data["worksheet"]["questions"]:
    print(question["text"], question["shown"])
