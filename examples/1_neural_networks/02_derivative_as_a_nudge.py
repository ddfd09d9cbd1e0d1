# %% [markdown]
# # A derivative is what a nudge does
#
# Course 1, row 2: move a from 2 to 2.001 and see how far 3a, a², a³ and log a move; the ratio is the slope.

# %%
import os
import pathlib
from collections.abc import Callable
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

import tinygrad_edu as tg
from tinygrad_edu import testing

OUT = pathlib.Path(os.environ.get("OUT", "out"))
OUT.mkdir(parents=True, exist_ok=True)

# %%
functions: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "3a": (lambda a: 3 * a, lambda a: 3.0),
    "a²": (lambda a: a**2, lambda a: 2 * a),
    "a³": (lambda a: a**3, lambda a: 3 * a**2),
    "log a": (tg.log, lambda a: 1 / a),
}
a, nudge = np.float64(2.0), 0.001

# %% [markdown]
# Three answers for each: the ratio of a nudge, the slope from the rules of calculus, and the engine's own.

# %%
rows: dict[str, tuple[float, ...]] = {}
for name, (f, by_hand) in functions.items():
    before, after = f(tg.asarray(a)).item(), f(tg.asarray(a + nudge)).item()
    rows[name] = (before, after, (after - before) / nudge, by_hand(a), tg.grad(f)(a).item())
    print("{}: {:.5f} -> {:.5f}, ratio {:.5f}, by hand {:.5f}, engine {:.5f}".format(name, *rows[name]))

# %% [markdown]
# The ratio is not quite the slope, as the curve bends: the error is about nudge / 2 times the bend. A gradient check
# takes the nudge both ways, where the bends cancel, and shrinks it.

# %%
nudges = 10.0 ** np.arange(-1, -6, -1)
cube = functions["a³"][0]
one_sided = [abs((cube(a + h) - cube(a)) / h - 12) for h in nudges]
two_sided = [abs((cube(a + h) - cube(a - h)) / (2 * h) - 12) for h in nudges]

# %%
figure, axes = plt.subplots(1, 2, figsize=(9, 3.6))
x = np.linspace(1, 3, 100)
for name, (f, _) in functions.items():
    (line,) = axes[0].plot(x, f(tg.asarray(x)).data, label=f"{name}, slope {rows[name][4]:g}")
    axes[0].plot(x, rows[name][0] + rows[name][4] * (x - a), "--", color=line.get_color(), alpha=0.5)
axes[0].plot([a, a], [0, 12], ":", color="black")
axes[0].set(title="tangents at a = 2", xlabel="a", ylim=(-1, 16))
axes[1].loglog(nudges, one_sided, "o-", label="one-sided")
axes[1].loglog(nudges, two_sided, "s-", label="two-sided")
axes[1].set(title="error of the slope of a³ at 2", xlabel="nudge")
for axis in axes:
    axis.grid(alpha=0.3)
    axis.legend()
figure.tight_layout()
figure.savefig(OUT / "02_derivative_as_a_nudge.png", dpi=120)
print("picture:", OUT / "02_derivative_as_a_nudge.png")

# %%
assert abs(rows["a²"][2] - 4.001) < 1e-9  # 4.004001 - 4 over 0.001
for name, (before, after, ratio, exact, engine) in rows.items():
    assert before < after, name
    assert abs(exact - engine) < 1e-12, name
    assert abs(ratio - engine) < 0.01, name
assert two_sided[1] < one_sided[1] / 50
for f, by_hand in functions.values():
    assert testing.check_derivative(f, by_hand, a).verdict == "RIGHT"
