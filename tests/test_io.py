"""Saving and loading: what goes in comes out, and nothing can leave half a file."""

import contextlib
import json
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, reject
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tinygrad_edu as tg
from tinygrad_edu import io, nn, optim
from tinygrad_edu.errors import DTypeError

safetensors = pytest.importorskip("safetensors.numpy")
DTYPES = ["?", "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8", ">f4"]

leaves = st.one_of(
    st.sampled_from(DTYPES).flatmap(lambda d: hnp.arrays(np.dtype(d), hnp.array_shapes(min_dims=0, min_side=0))),
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(),
)  # fmt: skip
keys = st.text(st.characters(exclude_characters=".", exclude_categories=["Cs"]), min_size=1) | st.integers()
states = st.recursive(
    leaves,
    lambda inner: st.dictionaries(keys, inner, max_size=3) | st.lists(inner, max_size=3) | st.tuples(inner, inner),
    max_leaves=6,
)


def same(a, b):
    if isinstance(b, np.ndarray):
        assert isinstance(a, tg.Tensor)
        assert a.shape == b.shape
        assert a.dtype == b.dtype.newbyteorder("=")
        np.testing.assert_array_equal(a.data, b)
    elif isinstance(b, dict):
        assert list(a) == list(b)
        for k in b:
            same(a[k], b[k])
    elif isinstance(b, list | tuple):
        assert type(a) is type(b)
        assert len(a) == len(b)
        for x, y in zip(a, b):
            same(x, y)
    else:
        assert type(a) is type(b)
        assert a == b


@given(states)
def test_what_goes_in_comes_out(tmp_path_factory, state):
    path = tmp_path_factory.mktemp("io") / "state"
    try:
        io.save(path, {"top": state})
    except ValueError:  # 1 and "1" would have one name
        reject()
    same(io.load(path)["top"], state)


def test_a_flat_dict_is_a_plain_file(tmp_path):
    model = nn.Linear(2, 3)
    io.save(tmp_path / "w", model.state_dict())
    with open(tmp_path / "w", "rb") as file:
        content = file.read()
    assert b"__metadata__" not in content
    np.testing.assert_array_equal(safetensors.load(content)["weight"], model.weight.data)


def test_training_goes_on_bit_for_bit(tmp_path):
    def build():
        model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
        optimizer = optim.AdamW(model.parameters(), lr=0.1)
        return model, optimizer, optim.StepLR(optimizer, 2)

    def train(model, optimizer, schedule, seeds):
        for seed in seeds:
            x = np.random.default_rng(seed).normal(size=(8, 3)).astype("f4")
            optimizer.zero_grad()
            (model(x) ** 2).sum().backward()
            optimizer.step()
            schedule.step()

    a = build()
    train(*a, range(3))
    io.save(tmp_path / "checkpoint", {name: part.state_dict() for name, part in zip("mos", a)})
    b = build()
    saved = io.load(tmp_path / "checkpoint")
    for name, part in zip("mos", b):
        part.load_state_dict(saved[name])
    train(*a, range(3, 6))
    train(*b, range(3, 6))
    for p, q in zip(a[0].state_dict().values(), b[0].state_dict().values()):
        np.testing.assert_array_equal(p.data, q.data)


KILLS = """
import os, resource, signal, sys
import numpy as np
from tinygrad_edu import io
path, old, new = sys.argv[1], np.zeros(50, "f4"), np.ones(60, "f4")
io.save(path, {"w": old})
io.save(path, {"w": new})
whole = os.path.getsize(path)
io.save(path, {"w": old})
for size in [0, 1, 7, 8, 9, whole // 3, whole // 2, whole - 1, whole]:
    pid = os.fork()
    if not pid:
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # writing byte `size` kills the process
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        io.save(path, {"w": new})
        os._exit(0)
    status = os.waitpid(pid, 0)[1]
    killed = os.WIFSIGNALED(status)
    assert killed == (size < whole), (size, status)
    assert io.load(path)["w"].shape == ((50,) if killed else (60,))
    io.save(path, {"w": old})
print("whole")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="kills by a signal of POSIX")
def test_a_kill_at_any_byte_leaves_a_whole_file(tmp_path):
    command = [sys.executable, "-c", KILLS, str(tmp_path / "w")]
    run = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    )
    assert run.stdout.strip() == "whole", run.stderr


def test_a_failed_save_leaves_the_old_file_and_nothing_else(tmp_path):
    io.save(tmp_path / "w", {"a": np.ones(2)})
    with pytest.raises(DTypeError, match=r"save: takes tensors.*got object at 'b'"):
        io.save(tmp_path / "w", {"b": object()})
    with pytest.raises(DTypeError, match="real numbers or truth values; got complex128 at 'c'"):
        io.save(tmp_path / "w", {"c": np.ones(2, complex)})
    with pytest.raises(DTypeError, match=r"got Linear at 'm'; save state_dict\(\)"):
        io.save(tmp_path / "w", {"m": nn.Linear(1, 1)})
    with pytest.raises(ValueError, match=r"names must differ; got 'a\.b' twice"):
        io.save(tmp_path / "w", {"a": {"b": np.ones(1)}, "a.b": np.ones(1)})
    with pytest.raises(FileNotFoundError):
        io.save(tmp_path / "nowhere" / "w", {})
    assert os.listdir(tmp_path) == ["w"]
    assert io.load(tmp_path / "w")["a"].tolist() == [1.0, 1.0]


@given(data=st.data())
def test_a_damaged_file_is_refused_or_read_but_never_more(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("io") / "w"
    io.save(path, {"a": np.arange(3.0), "n": {"b": 1}})
    content = bytearray(path.read_bytes())
    if data.draw(st.booleans()):
        path.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
        with pytest.raises(ValueError, match="load: the file must be a whole safetensors file"):
            io.load(path)
    else:  # a changed number cannot be noticed; nothing but a ValueError may come of it
        content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
        path.write_bytes(content)
        with contextlib.suppress(ValueError):
            assert isinstance(io.load(path), dict | tg.Tensor)


class Evil:
    def __reduce__(self):
        return os.mkdir, ("evil",)


def test_foreign_and_hostile_files_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    header = json.dumps({"a": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}}).encode()
    deep = json.dumps({"__metadata__": {io.KEY: '{"list": [' * 100_000}}).encode()
    lost = json.dumps({"__metadata__": {io.KEY: '{"tensor": "b"}'}}).encode()
    files = [
        b"", b"\0" * 8, b"\xff" * 64, pickle.dumps(Evil()), b"PK\x03\x04" + b"\0" * 100,
        *(len(h).to_bytes(8, "little") + h for h in (header, deep, lost)),
    ]  # fmt: skip
    for content in files:
        (tmp_path / "w").write_bytes(content)
        with pytest.raises(ValueError, match="load: the file must be a whole safetensors file; got 'w'"):
            io.load("w")
    assert not os.path.exists("evil")


def test_bfloat16_becomes_float32(tmp_path):
    header = json.dumps({"a": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}}).encode()
    values = (np.array([1.5, -2.0], "f4").view("u4") >> 16).astype("<u2").tobytes()
    (tmp_path / "w").write_bytes(len(header).to_bytes(8, "little") + header + values)
    assert io.load(tmp_path / "w")["a"].tolist() == [1.5, -2.0]
    assert io.load(tmp_path / "w")["a"].dtype == np.float32


@pytest.mark.parametrize("name", ["bfloat16", "float8_e4m3fn", "float8_e5m2", "float16"])
def test_floats_are_rounded_to_a_smaller_dtype_as_pytorch_rounds_them(tmp_path, name):
    torch = pytest.importorskip("torch")
    from safetensors.torch import load_file

    x = np.random.default_rng(0).normal(0, 3, (40, 5)).astype("f4")
    io.save(tmp_path / "w", {"x": x, "n": np.arange(3)}, dtype=name)
    theirs = torch.from_numpy(x).to(getattr(torch, name))
    assert torch.equal(load_file(tmp_path / "w")["x"].float(), theirs.float())
    found = io.load(tmp_path / "w")
    assert found["x"].dtype == ("float16" if name == "float16" else "float32")
    np.testing.assert_array_equal(found["x"].data.astype("f4"), theirs.float().numpy())
    assert found["n"].tolist() == [0, 1, 2]
    with pytest.raises(DTypeError, match="save: dtype must be a floating-point dtype; got 'int8'"):
        io.save(tmp_path / "w", {"x": x}, dtype="int8")


def test_arrays_of_ml_dtypes_are_taken_as_float32():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    x = tg.Tensor(np.array([1.5, -2.0], ml_dtypes.bfloat16))
    assert x.dtype == np.float32
    assert x.tolist() == [1.5, -2.0]


def test_weights_trained_in_pytorch_load_here(tmp_path):
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file

    theirs = torch.nn.Sequential(
        torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2), torch.nn.Flatten(), torch.nn.Linear(72, 4)
    )
    ours = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(72, 4))
    theirs(torch.randn(5, 1, 8, 8))
    save_file(theirs.state_dict(), tmp_path / "w")
    ours.load_state_dict(io.load(tmp_path / "w"))
    x = np.random.default_rng(0).normal(size=(3, 1, 8, 8)).astype("f4")
    expected = theirs.eval()(torch.from_numpy(x)).detach().numpy()
    np.testing.assert_allclose(ours.eval()(x).data, expected, rtol=1e-5, atol=1e-5)


def test_the_formats_own_name_is_refused(tmp_path):
    with pytest.raises(ValueError, match="save: names must not be reserved by the file format; got '__metadata__'"):
        io.save(tmp_path / "w", {"__metadata__": np.ones(1)})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["bfloat16", "float8_e4m3fn", "float8_e5m2"])
def test_arrays_of_small_dtypes_are_written_as_they_are(tmp_path, name):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    x = np.random.default_rng(0).normal(size=(3, 4)).astype(getattr(ml_dtypes, name))
    tg.save(tmp_path / "small.st", {"w": x, "deep": [x[0]]})
    found = tg.load(tmp_path / "small.st")
    np.testing.assert_array_equal(found["w"].data, x.astype(np.float32))
    np.testing.assert_array_equal(found["deep"][0].data, x[0].astype(np.float32))
    tg.save(tmp_path / "small.st", {"w": x})
    theirs, torch = pytest.importorskip("safetensors.torch"), pytest.importorskip("torch")
    w = theirs.load_file(tmp_path / "small.st")["w"]
    assert w.dtype == getattr(torch, name)
    np.testing.assert_array_equal(w.float().numpy(), x.astype(np.float32))
