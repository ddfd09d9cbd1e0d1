# %% [markdown]
# # The confusion matrix
#
# Course 3: row i, column j counts how often class i was taken for j: what a single number does not say.

# %%
import os
import pathlib

import numpy as np
from matplotlib.figure import Figure

import tinygrad_edu as tg
from tinygrad_edu import data, nn, optim
from tinygrad_edu.nn import functional as F

QUICK = "QUICK" in os.environ
OUT = pathlib.Path(os.environ.get("OUT", "out"))
OUT.mkdir(parents=True, exist_ok=True)

# %% [markdown]
# Softmax regression on 200 digits (rows are examples), so that mistakes are left to look at.

# %%
images, labels = data.load_digits()
order = np.random.default_rng(0).permutation(len(labels.data))
X, y = images.data.reshape(-1, 64)[order], labels.data[order]
model = nn.Linear(64, 10, rng=tg.random.default_rng(1))
optimizer = optim.Adam(model.parameters(), lr=0.03)
for _ in range(100 if QUICK else 300):
    loss = F.cross_entropy(model(X[:200]), y[:200])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
with tg.no_grad():
    scores = model(X[200:])
truth = y[200:]

# %%
matrix = nn.metrics.confusion_matrix(scores, truth)
accuracy = nn.metrics.accuracy(scores, truth)
each = nn.metrics.precision_recall_f1(scores, truth, average=None)
macro = nn.metrics.precision_recall_f1(scores, truth)
print(f"accuracy {accuracy:.1%}, macro F1 {macro.f1:.1%}")
for digit in range(10):
    p, r, f1 = (part[digit] for part in each)
    print(f"digit {digit}: precision {p:6.1%}, recall {r:6.1%}, F1 {f1:6.1%}")
off = matrix - np.diag(np.diagonal(matrix))
worst = sorted(((off[i, j], i, j) for i in range(10) for j in range(10)), reverse=True)[:3]
print("most frequent mistakes:", ", ".join(f"{i} taken for {j}: {count}" for count, i, j in worst))

# %% [markdown]
# The matrix, and examples of its three largest mistakes.

# %%
figure = Figure((11, 5), layout="constrained")
left, right = figure.subfigures(1, 2, width_ratios=(1.2, 1), squeeze=False)[0]
axes = left.subplots()
axes.imshow(off, cmap="Oranges")
for i in range(10):
    for j in range(10):
        if matrix[i, j]:
            axes.text(j, i, matrix[i, j], ha="center", va="center", color="#999999" if i == j else "black")
axes.set(xticks=range(10), yticks=range(10), xlabel="predicted", ylabel="true", title=f"accuracy {accuracy:.1%}")
predicted = scores.data.argmax(1)
for row, (_, i, j) in zip(right.subplots(3, 4), worst):
    places = np.flatnonzero((truth == i) & (predicted == j))[:4]
    for k, panel in enumerate(row):
        panel.set_axis_off()
        if k < len(places):
            panel.imshow(X[200 + places[k]].reshape(8, 8), cmap="gray_r")
            panel.set_title(f"{i} taken for {j}", fontsize=9)
figure.savefig(OUT / "confusion_matrix.png", dpi=100)
print("picture:", OUT / "confusion_matrix.png")

# %%
assert matrix.sum() == len(truth)
assert np.trace(matrix) / matrix.sum() == accuracy
np.testing.assert_allclose(each.recall, np.diagonal(matrix) / matrix.sum(1))
np.testing.assert_allclose(each.precision, np.diagonal(matrix) / matrix.sum(0))
np.testing.assert_array_equal(matrix.sum(1), np.bincount(truth))
assert 0.8 < accuracy < 0.98
assert worst[0][0] >= 3 * off.sum() / 90, "mistakes are not spread evenly: a few pairs make many of them"
