# %% [markdown]
# # A computation graph: values left to right, derivatives right to left
#
# Course 1, row 3: J = 3(a + bc) at a = 5, b = 3, c = 2, step by step, with every `dvar`, the derivative of J by `var`.

# %%
import os
import pathlib

import tinygrad_edu as tg

OUT = pathlib.Path(os.environ.get("OUT", "out"))
OUT.mkdir(parents=True, exist_ok=True)

# %% [markdown]
# Left to right, each line a node of the graph.

# %%
a, b, c = (tg.Tensor(value, requires_grad=True) for value in (5.0, 3.0, 2.0))
u = b * c
v = a + u
J = 3 * v
print(f"u = {u.item():g}, v = {v.item():g}, J = {J.item():g}")

# %% [markdown]
# Right to left by hand: each line multiplies the derivative that has come so far by the slope of one step.

# %%
dv = 3.0  # J = 3 v
da = dv * 1  # v = a + u
du = dv * 1
db = du * c.item()  # u = b c
dc = du * b.item()
print(f"dv = {dv:g}, du = {du:g}, da = {da:g}, db = {db:g}, dc = {dc:g}")

# %% [markdown]
# The engine does the same walk. It keeps gradients at the leaves; for `v` and `u`, start the graph there.


# %%
def J_of_v(v: tg.Tensor) -> tg.Tensor:
    return 3 * v


def J_of_u(u: tg.Tensor) -> tg.Tensor:
    return 3 * (5.0 + u)


J.backward()
print(f"engine: a.grad = {a.grad.item():g}, b.grad = {b.grad.item():g}, c.grad = {c.grad.item():g}")
engine_dv = tg.grad(J_of_v)(11.0).item()
engine_du = tg.grad(J_of_u)(6.0).item()

# %% [markdown]
# A nudge agrees: b goes from 3 to 3.001, so u from 6 to 6.002, v from 11 to 11.002, and J from 33 to 33.006.

# %%
nudged = 3 * (5.0 + 3.001 * 2.0)
print(f"b + 0.001 gives J = {nudged:.3f}")

# %%
picture = tg.draw(J, detail="formulas", backward=True)
picture.save(str(OUT / "03_computation_graph.png"))
print("picture:", OUT / "03_computation_graph.png")

# %%
assert (u.item(), v.item(), J.item()) == (6, 11, 33)
assert (dv, du, da, db, dc) == (3, 3, 3, 6, 9)
assert (a.grad.item(), b.grad.item(), c.grad.item()) == (da, db, dc)
assert (engine_dv, engine_du) == (dv, du)
assert abs((nudged - 33) / 0.001 - db) < 1e-6
