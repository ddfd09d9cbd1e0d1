"""What a function does besides computing, and what it changes outside of itself: refused, with the user's line."""

import collections
import dataclasses
import datetime
import functools
import gc
import io
import itertools
import logging
import os
import pathlib
import random
import re
import secrets
import subprocess
import sys
import time
import uuid
import warnings

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.errors import GraphError

X = tg.Tensor([1.0, 2.0])
FILE = pathlib.Path(__file__)
ARRAY = np.zeros(2)
RNG = np.random.default_rng(0)


def written():
    with open(os.devnull, "w") as file:
        file.write("x")
    return 1


EFFECTS = {
    "time.time": time.time, "perf_counter": time.perf_counter, "monotonic_ns": time.monotonic_ns,
    "now": lambda: datetime.datetime.now().second, "today": lambda: datetime.date.today().day,
    "open": lambda: open(FILE).close(),
    "input": lambda: input(), "read_text": lambda: len(FILE.read_text()),
    "os.open": lambda: os.open(FILE, os.O_RDONLY), "listdir": lambda: len(os.listdir()),
    "exists": lambda: os.path.exists(FILE), "is_file": FILE.is_file, "getcwd": lambda: len(os.getcwd()),
    "write": written, "np.load": lambda: np.load(FILE), "np.save": lambda: np.save(FILE, ARRAY),
    "print": lambda: print("x"), "stderr": lambda: sys.stderr.write("x"), "log": lambda: logging.error("x"),
    "subprocess": lambda: len(subprocess.check_output(["true"])), "tg.save": lambda: tg.save(os.devnull, {"x": X}),
    "urandom": lambda: os.urandom(1)[0], "uuid4": lambda: uuid.uuid4().int, "randbelow": lambda: secrets.randbelow(7),
    "random": random.random, "Random": random.Random(0).random, "np.random": np.random.rand,
    "unseeded": lambda: np.random.default_rng().random(), "rng": lambda: RNG.random(),
}  # fmt: skip


@pytest.mark.parametrize("name", EFFECTS)
def test_what_is_not_computed_is_refused(name):
    effect = EFFECTS[name]

    @tg.compile
    def f(x):
        return x * float(effect() is not None)

    profiler = sys.getprofile()
    with pytest.raises(GraphError, match=rf"all values; got .* at {re.escape(str(FILE))}:\d+; "):
        f(X)
    assert sys.getprofile() is profiler


def test_an_effect_is_refused_where_the_function_catches_the_error():
    @tg.compile
    def f(x):
        try:
            return x * time.time()
        except Exception:
            return x

    with pytest.raises(GraphError, match=r"time\.time, a clock"):
        f(X)


def test_python_itself_may_read_files():
    @tg.compile
    def f(x):
        import this  # noqa: F401

        return x * 2

    sys.modules.pop("this", None)
    with pytest.raises(GraphError, match="print"):  # a module that prints
        f(X)

    @tg.compile
    def g(x):
        import wave  # noqa: F401

        with warnings.catch_warnings(record=True):
            warnings.simplefilter("always")
            warnings.warn("seen", UserWarning, stacklevel=1)
        return x * 2 + np.load(io.BytesIO(KEPT))

    sys.modules.pop("wave", None)
    assert g(X).data.tolist() == [5, 7]


def saved(x):
    file = io.BytesIO()
    np.save(file, x)
    return file.getvalue()


KEPT = saved(np.float32(3))


def test_a_custom_op_may_not_read_the_clock():
    op = tg.custom_op("clocked", lambda x: x * time.time(), lambda g, y, x: g)
    with pytest.raises(GraphError, match="a clock"):
        tg.compile(lambda x: op(x))(X)


CLOCKED = tg.custom_op("clocked_rule", lambda x: x * 2, lambda g, y, x: g * time.time())
BY_RULE = tg.custom_vjp(lambda x: x * 2)
BY_RULE.defvjp(lambda x: (x * 2, None), lambda _, g: (g * time.time(),))


def hooked(x):
    y = x * 2
    y.register_hook(lambda g: g * time.time())
    return y


@pytest.mark.parametrize("f", [CLOCKED, BY_RULE, hooked])
def test_a_rule_or_hook_of_the_user_s_may_not_read_the_clock(f):
    """A walk back is the package's own and not watched, but for what it calls of the user's."""
    with pytest.raises(GraphError, match=r"time\.time, a clock at .*test_effects\.py:1[1-3]\d"):
        tg.compile(lambda x: tg.grad(lambda x: f(x * 3).sum())(x))(X)


def test_what_python_s_collector_calls_may_read_the_clock():
    seen = []

    def looked(phase, info):
        seen.append(time.perf_counter())

    @tg.compile
    def f(x):
        cycles = [[] for _ in range(10_000)]
        for k in cycles:
            k.append(k)
        return x * 2

    gc.callbacks.append(looked)
    try:
        assert f(X).data.tolist() == [2, 4]
    finally:
        gc.callbacks.remove(looked)
    assert gc.isenabled()


class Slotted:
    __slots__ = ("n",)

    def __init__(self):
        self.n = 0


@dataclasses.dataclass(slots=True)
class Both:
    n: int = 0


class Own:
    def __init__(self):
        self.n = 0


class Plain:
    n = 0
    kept: list = []  # noqa: RUF012


def counted(x):
    counted.n = getattr(counted, "n", 0) + 1


OBJECTS = {
    "an attribute of its class": (Plain(), lambda x: setattr(x, "n", x.n + 1)),
    "all its attributes": (Own(), lambda x: setattr(x, "__dict__", {"n": 2})),
    "a list of its class": (Plain(), lambda x: x.kept.append(1)),
    "slots": (Slotted(), lambda x: setattr(x, "n", x.n + 1)),
    "a dataclass": (Both(), lambda x: setattr(x, "n", x.n + 1)),
    "a long list": (list(range(5000)), lambda x: x.__setitem__(3, -x[3])),
    "a long dict": (dict.fromkeys(range(5000), 1), lambda x: x.__setitem__(3, -x[3])),
    "a deque": (collections.deque(), lambda x: x.append(1)),
    "a set": (set(), lambda x: x.add(len(x))),
    "an array": (np.zeros(3), lambda x: x.__setitem__(0, x[0] + 1)),
    "a generator": ((i for i in range(9)), next),
    "count": (itertools.count(), next),
    "cycle": (itertools.cycle([1, 2]), next),
    "an iterator": (iter([1, 2, 3]), next),
    "enumerate": (enumerate("abc"), next),
    "NumPy's generator": (np.random.default_rng(0), lambda x: x.normal()),
    "RandomState": (np.random.RandomState(0), lambda x: x.rand()),
    "the function": (None, counted),
}


@pytest.mark.parametrize("name", OBJECTS)
def test_what_changes_outside_is_refused(name):
    thing, change = OBJECTS[name]

    def f(x):
        change(thing)
        return x * 2

    with pytest.raises(GraphError, match="changed, which stands outside of it"):
        tg.compile(f)(X)


SETTINGS = {
    "slots": (Slotted(), lambda x: x.n, lambda x: setattr(x, "n", 5)),
    "all attributes": (Own(), lambda x: x.n, lambda x: setattr(x, "__dict__", {"n": 5})),
    "a class": (Plain(), lambda x: x.n, lambda x: setattr(x, "n", 5)),
    "a long list": (list(range(5000)), lambda x: x[3], lambda x: x.__setitem__(3, 5)),
    "a deque": (collections.deque([1]), lambda x: x[0], lambda x: x.__setitem__(0, 5)),
    "a set": ({1}, len, lambda x: x.add(2)),
    "the environment": (os.environ, lambda x: float(os.environ.get("SCALE", "1")), lambda x: x.update(SCALE="5")),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_what_is_changed_between_calls_is_read_anew(name, monkeypatch):
    monkeypatch.setenv("SCALE", "2")
    thing, read, change = SETTINGS[name]
    f = tg.compile(lambda x: x * read(thing))
    for _ in range(2):
        assert np.array_equal(f(X).data, X.data * read(thing))
    change(thing)
    for _ in range(2):
        assert np.array_equal(f(X).data, X.data * read(thing))


SCALE = [3.0]


@functools.cache
def kept():
    return SCALE[0]


def test_what_a_function_with_a_cache_reads_is_looked_at():
    f = tg.compile(lambda x: x * kept())
    assert f(X).data.tolist() == [3, 6]
    SCALE[0] = 4.0
    kept.cache_clear()
    try:
        assert f(X).data.tolist() == [4, 8]
    finally:
        SCALE[0] = 3.0
        kept.cache_clear()
