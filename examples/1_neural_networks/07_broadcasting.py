# %% [markdown]
# # Broadcasting, and why an array of shape (n,) surprises
#
# Course 1, row 7: (m, n) with (1, n), (m, 1) and a number; rank-1 arrays; what broadcasting does to gradients.

# %%
import os
import pathlib

import numpy as np

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F

OUT = pathlib.Path(os.environ.get("OUT", "out"))
OUT.mkdir(parents=True, exist_ok=True)

# %% [markdown]
# The course's table: calories from carbohydrates, proteins and fats (rows) in 100 g of four foods (columns).
# Percentages need one division, (3, 4) by (1, 4).

# %%
calories = tg.asarray(np.array([[56.0, 0.0, 4.4, 68.0], [1.2, 104.0, 52.0, 8.0], [1.8, 135.0, 99.0, 0.9]]))
total = calories.sum(axis=0, keepdims=True)
percent = 100 * calories / total
print(percent.data.round(1))

# %%
M = tg.asarray(np.arange(6.0).reshape(2, 3))
row, column = tg.asarray(np.array([[100.0, 200.0, 300.0]])), tg.asarray(np.array([[10.0], [20.0]]))
print("(2, 3) + (1, 3):", (M + row).tolist())
print("(2, 3) + (2, 1):", (M + column).tolist())
print("(2, 3) + number:", (M + 7.0).tolist())

# %% [markdown]
# A rank-1 array is neither row nor column: its transpose is itself, and with a column it makes a square. In a loss that
# goes unnoticed, so the loss functions of `nn` refuse it.

# %%
rank1, proper = np.arange(3.0), np.arange(3.0).reshape(3, 1)
print("rank 1: a.T is", rank1.T.shape, "a @ a.T is", (rank1 @ rank1.T).shape, "a - column is", (rank1 - proper).shape)
print(
    "column: a.T is", proper.T.shape, "a @ a.T is", (proper @ proper.T).shape, "a - column is", (proper - proper).shape
)
try:
    F.mse_loss(tg.asarray(proper), tg.asarray(rank1))
    message = ""
except tg.errors.ShapeError as error:
    message = str(error)
print(message)

# %% [markdown]
# What was copied going forward is summed going back: `b` of shape (2, 1) is used in three columns, so `db` is the sum
# over them. That is where the course's `np.sum(dZ, axis=1, keepdims=True)` comes from.

# %%
W = tg.Tensor(np.ones((2, 2)), requires_grad=True)
b = tg.Tensor(np.zeros((2, 1)), requires_grad=True)
X = tg.Tensor(np.arange(6.0).reshape(2, 3))
Z = W @ X + b
J = (Z**2).sum()  # so that dZ = 2 Z
J.backward()
picture = tg.draw(J, detail="formulas", inline=True)
picture.save(str(OUT / "07_broadcasting.png"))
print("picture:", OUT / "07_broadcasting.png")
print("db:", b.grad.tolist())

# %%
assert percent.shape == (3, 4)
np.testing.assert_allclose(percent.data.sum(axis=0), 100)
assert (M + row).shape == (M + column).shape == (M + 7.0).shape == (2, 3)
assert rank1.T.shape == (3,)
assert (rank1 - proper).shape == (3, 3)
assert "(3, 1) and (3,)" in message
assert b.grad.shape == b.shape
np.testing.assert_allclose(b.grad.data, np.sum(2 * Z.data, axis=1, keepdims=True))
