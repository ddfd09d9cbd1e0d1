"""`fit` is the loop that one writes by hand, and a run that resumes is the run that was never interrupted."""

import csv
import importlib.util
import inspect
import re
import subprocess
import sys

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import data, nn, optim, training
from tinygrad_edu.errors import DTypeError, StateDictError

X = np.random.default_rng(0).normal(size=(40, 3)).astype("float32")
Y = (X.sum(axis=1) > 0).astype("int64")


def parts(seed=0, **loader):
    """A model with chance inside (its own, and the shared one), batch statistics, a schedule."""
    rng = tg.random.default_rng(seed)
    model = nn.Sequential(
        nn.Linear(3, 8, rng=rng), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3), nn.Dropout(0.2, rng=rng),
        nn.Linear(8, 2, rng=rng),
    )  # fmt: skip
    batches = data.DataLoader(data.TensorDataset(X, Y), 7, shuffle=True, rng=rng, **loader)
    adam = optim.Adam(model.parameters(), lr=0.01)
    return model, batches, adam, optim.StepLR(adam, 2, 0.5)


def values(model):
    return {k: np.array(t.data) for k, t in model.state_dict().items()}


def test_it_is_the_loop_written_by_hand():
    tg.random.manual_seed(1)
    model, batches, adam, schedule = parts()
    loss, sums = nn.CrossEntropyLoss(), []
    for _epoch in range(3):
        total = 0.0
        for x, y in batches:
            value = loss(model(x), y)
            adam.zero_grad()
            value.backward()
            adam.step()
            total += value.item() * len(y)
        schedule.step()
        sums.append(total / 40)
    tg.random.manual_seed(1)
    other, batches, adam, schedule = parts()
    run = tg.fit(other, batches, nn.CrossEntropyLoss(), adam, 3, schedule=schedule, bar=False)
    assert [row["loss"] for row in run.history] == sums
    for key, value in values(model).items():
        np.testing.assert_array_equal(values(other)[key], value)


class KilledError(Exception):
    pass


@pytest.mark.parametrize("at", [3, 9, 12], ids=lambda k: f"step {k}")
def test_a_run_that_resumes_is_the_same_bit_for_bit(tmp_path, at):
    def trained(path, kill=None, seed=0):
        tg.random.manual_seed(5 + seed)
        model, batches, adam, schedule = parts(seed)

        class Kill(training.Callback):
            last = True

            def batch(self, run):
                if run.step == kill:
                    raise KilledError

        callbacks = [training.Checkpoint(path, every=1), training.EarlyStopping(patience=50), Kill()]
        return model, tg.fit(
            model, batches, nn.CrossEntropyLoss(), adam, 4, [nn.metrics.accuracy], callbacks, [(X, Y)], schedule, False
        )

    model, run = trained(tmp_path / "whole.st")
    with pytest.raises(KilledError):
        trained(tmp_path / "killed.st", kill=at)
    again, resumed = trained(tmp_path / "killed.st", seed=9)  # made otherwise: all comes from the file
    assert resumed.history == run.history
    assert resumed.step == run.step == 24
    for key, value in values(model).items():
        np.testing.assert_array_equal(values(again)[key], value)


PROGRAM = """
import os, sys
import numpy as np
import tinygrad_edu as tg
from tinygrad_edu import data, nn, optim, training

path, kill, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
tg.random.manual_seed(seed)
rng = tg.random.default_rng(seed)
x = np.random.default_rng(0).normal(size=(40, 3)).astype("float32")
y = (x.sum(axis=1) > 0).astype("int64")
model = nn.Sequential(nn.Linear(3, 8, rng=rng), nn.Dropout(0.3), nn.ReLU(), nn.Linear(8, 2, rng=rng))
batches = data.DataLoader(data.TensorDataset(x, y), 7, shuffle=True, rng=rng)
adam = optim.Adam(model.parameters(), lr=0.01)

class Kill(training.Callback):
    last = True
    def batch(self, run):
        if run.step == kill:
            os._exit(9)

schedule = optim.CosineAnnealingLR(adam, 4)
watching = [training.Checkpoint(path, every=1), Kill()]
run = tg.fit(model, batches, nn.CrossEntropyLoss(), adam, 4, callbacks=watching, schedule=schedule, bar=False)
print(run.step, [row["loss"].hex() for row in run.history], [p.data.tobytes().hex() for p in model.parameters()])
print([v.tobytes().hex() for v in map(np.asarray, tg.tree.leaves(adam.state_dict()))])
"""


@pytest.mark.slow
def test_a_process_that_is_killed_goes_on_in_another(tmp_path):
    def ran(name, kill, seed):
        command = [sys.executable, "-c", PROGRAM, str(tmp_path / name), str(kill), str(seed)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    whole = ran("whole.st", 0, 5)
    assert whole.returncode == 0, whole.stderr
    assert whole.stdout.startswith("24 [")
    for kill, seed in ((9, 5), (15, 6)):  # in the second epoch of 6 steps and, after it has gone on, in the third
        assert ran("killed.st", kill, seed).returncode == 9
    assert ran("killed.st", 0, 7).stdout == whole.stdout


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    model, batches, adam, schedule = parts()
    keep = training.Checkpoint(tmp_path / "run.st")
    tg.fit(model, batches, nn.CrossEntropyLoss(), adam, 1, callbacks=[keep], schedule=schedule, bar=False)
    with pytest.raises(StateDictError, match="same parts; got .*which differs in schedule"):
        tg.fit(model, batches, nn.CrossEntropyLoss(), adam, 2, callbacks=[keep], bar=False)
    with pytest.raises(StateDictError, match="which differs in the number of callbacks that keep a state"):
        tg.fit(
            model, batches, nn.CrossEntropyLoss(), adam, 2, schedule=schedule, bar=False,
            callbacks=[keep, training.EarlyStopping()],
        )  # fmt: skip


def test_callbacks_that_keep_nothing_come_and_go(tmp_path):
    """A log that is added when a run resumes is no other run: numbers depend on those alone that keep a state."""

    def trained(path, epochs, *more):
        tg.random.manual_seed(0)
        model, batches, adam, _ = parts()
        callbacks = [*more, training.EarlyStopping("loss"), training.Checkpoint(tmp_path / path)]
        return tg.fit(model, batches, nn.CrossEntropyLoss(), adam, epochs, callbacks=callbacks, bar=False).history

    whole = trained("whole.st", 3)
    trained("run.st", 1, training.CSVLog(tmp_path / "log.csv"))
    trained("run.st", 2)
    assert trained("run.st", 3, training.Callback(), training.CSVLog(tmp_path / "more.csv")) == whole


def test_early_stopping_gives_the_best_model_back():
    model = nn.Linear(1, 1, rng=tg.random.default_rng(0))
    batch, seen = (tg.Tensor([[1.0]]), tg.Tensor([[2.0]])), []

    class Note(training.Callback):
        def epoch(self, run):
            seen.append((run.history[-1]["val_loss"], values(run.model)))

    stop = training.EarlyStopping(patience=3)
    run = tg.fit(
        model, [batch], nn.MSELoss(), optim.SGD(model.parameters(), lr=0.55), 50, callbacks=[stop, Note()],
        validation=[(tg.Tensor([[1.0]]), tg.Tensor([[1.5]]))], bar=False,
    )  # fmt: skip
    best = min(range(len(seen)), key=lambda k: seen[k][0])
    assert len(run.history) == best + 1 + 3 < 50
    assert "val_loss has not become better" in run.stopped
    for key, value in values(model).items():
        np.testing.assert_array_equal(value, seen[best][1][key])
    most = training.EarlyStopping("accuracy", patience=1, mode="max")
    with pytest.raises(KeyError, match=r"monitor must be a column of the history; got 'accuracy'; use one of \['loss'"):
        tg.fit(model, [batch], nn.MSELoss(), optim.SGD(model.parameters(), lr=0.1), 2, callbacks=[most], bar=False)


def test_logs_and_means(tmp_path):
    model, batches, adam, _ = parts()
    plot = training.LivePlot()
    callbacks = [training.CSVLog(tmp_path / "log.csv"), training.TensorBoardLog(tmp_path / "board"), plot]
    run = tg.fit(
        model, batches, nn.CrossEntropyLoss(), adam, 2, {"right": nn.metrics.accuracy}, callbacks, [(X, Y)], bar=False
    )
    model.eval()
    last = run.history[-1]
    assert last["val_right"] == pytest.approx(nn.metrics.accuracy(model(X), Y))
    assert last["val_loss"] == pytest.approx(nn.CrossEntropyLoss()(model(X), Y).item())
    rows = list(csv.DictReader((tmp_path / "log.csv").read_text().splitlines()))
    assert [float(row["loss"]) for row in rows] == [row["loss"] for row in run.history]
    assert list(rows[0]) == ["epoch", "loss", "right", "val_loss", "val_right"]
    assert [line.get_label() for line in plot.figure.axes[0].lines] == ["loss", "val_loss"]
    assert [path for path in (tmp_path / "board").iterdir() if path.stat().st_size > 100]


def test_bad_data_is_refused():
    model, _, adam, _ = parts()
    with pytest.raises(DTypeError, match=r"batches \(inputs, target\); got ndarray; use data.DataLoader"):
        tg.fit(model, [X], nn.CrossEntropyLoss(), adam, bar=False)


def test_an_epoch_without_a_batch_is_refused():
    """Empty data, or a generator, which is used up after one epoch."""
    model, _, adam, _ = parts()
    batch, loss = (X, Y), nn.CrossEntropyLoss()
    for batches, validation, epochs, who in [
        ([], None, 1, "data"), (iter([batch]), None, 2, "data"), ([batch], [], 1, "validation"),
        ([batch], iter([batch]), 2, "validation"),
    ]:  # fmt: skip
        with pytest.raises(
            ValueError, match=f"fit: {who} must give batches, in each epoch anew; got none; pass a list"
        ):
            tg.fit(model, batches, loss, adam, epochs, validation=validation, bar=False)
    assert len(tg.fit(model, iter([batch]), loss, adam, 1, bar=False).history) == 1


def test_the_file_is_short_and_its_copy_trains_alike(tmp_path):
    source = inspect.getsource(inspect.getmodule(training.Fit))
    assert len(source.splitlines()) <= 150
    copied = re.sub(r"^from \.(?!\.)", "from tinygrad_edu.training.", source, flags=re.M)
    (tmp_path / "my_fit.py").write_text(re.sub(r"^from \.\.", "from tinygrad_edu.", copied, flags=re.M))
    found = importlib.util.spec_from_file_location("my_fit", tmp_path / "my_fit.py")
    copy = importlib.util.module_from_spec(found)
    found.loader.exec_module(copy)
    assert copy.Fit is not training.Fit

    def trained(fit, path):
        tg.random.manual_seed(2)
        model, batches, adam, schedule = parts()
        watching = [training.Checkpoint(path), training.EarlyStopping()]
        return fit(
            model, batches, nn.CrossEntropyLoss(), adam, 2, [nn.metrics.accuracy], watching, [(X, Y)], schedule, False
        ).history

    assert trained(copy.fit, tmp_path / "copy.st") == trained(tg.fit, tmp_path / "ours.st")


@pytest.mark.parametrize("argument", ["model", "data", "loss", "optimizer", "metrics", "schedule"])
def test_what_cannot_be_trained_is_refused(argument):
    model = nn.Linear(2, 1)
    good = {
        "model": model, "data": [], "loss": nn.MSELoss(), "optimizer": optim.SGD(model.parameters(), lr=0.1),
        "metrics": (), "schedule": None,
    }  # fmt: skip
    for odd in (3, np.array(1.0), object()):
        with pytest.raises(TypeError, match=rf"\Afit: {argument} must be .*; got .*; use e\.g\. "):
            tg.fit(**good | {argument: odd}, bar=False)
