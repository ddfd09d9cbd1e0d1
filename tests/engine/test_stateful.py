"""Programs of views, writes, handed out arrays, steps and copies, against an engine that never shares memory.

Numbers are small integers, so that every result is exact: a tensor, a gradient or an array must hold the same bits
as `functional.py` has, or the package must refuse in the promised form. Each program then runs twice more, where
every array counts as held and under a tracer that keeps all local variables: nothing may differ.
"""

import copy
import pickle
import re
import sys
from contextlib import nullcontext
from itertools import count

import numpy as np
import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

import tinygrad_edu as tg
from tests.engine.functional import Leaf, Value
from tinygrad_edu import holders, nn, optim
from tinygrad_edu.errors import GraphError

FORM = re.compile(r"\A[\w. ]+: .+; .+", re.DOTALL)
PHASES = (Phase.generate, Phase.shrink)
LIMIT = 2.0**24  # beyond which no program goes on multiplying: all sums of products stay exact in float64
number = st.integers(-3, 3)
index = st.integers(0, 1 << 16)
off = st.sampled_from([False, False, True])  # whether under no_grad

VIEWS = {
    "[0]": lambda t: t[0], "[1:]": lambda t: t[1:], "[::-1]": lambda t: t[::-1], "[..., 1]": lambda t: t[..., 1],
    "T": lambda t: t.T, "reshape": lambda t: t.reshape(-1), "[None]": lambda t: t[None], "[...]": lambda t: t[...],
}  # fmt: skip
COPIES = {
    "clone": lambda t: t.clone(), "take": lambda t: t[np.array([1, 0])], "twice": lambda t: t[np.array([0, 0, 1])],
}  # fmt: skip
OPS = {"+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b}
KEYS = {
    "0": 0, "-1": -1, "1:": slice(1, None), "...": ..., "::-1": slice(None, None, -1), "[1, 0]": np.array([1, 0]),
    "mask": None,
}  # fmt: skip


def written(x, c):
    y = x * c
    y[0] = y[0] * y[1]
    y += x
    return y.sum()


def written_values(x, c):
    y, first = x * c, np.arange(x.array.size).reshape(x.array.shape)[0]
    return (y.with_entries(first, y[0] * y[1]) + x).sum()


def argument_written(x, c):
    x[1:] = x[:-1] * c[:-1]
    x *= x
    return x.sum()


def argument_written_values(x, c):
    x = x.with_entries(np.arange(x.array.size).reshape(x.array.shape)[1:], x[:-1] * c[:-1])
    return (x * x).sum()


FUNCTIONS = {  # (of tensors, of values)
    "square": (lambda x, c: (x * x * c).sum(), lambda x, c: (x * x * c).sum()),
    "checkpoint": (lambda x, c: tg.checkpoint(lambda x: (x * x * c).sum())(x), lambda x, c: (x * x * c).sum()),
    "vmap": (lambda x, c: tg.vmap(lambda r, s: (r * r * s).sum())(x, c).sum(), lambda x, c: (x * x * c).sum()),
    "outside": (lambda x, c: tg.vmap(lambda r: (r * c[0]).sum())(x).sum(), lambda x, c: (x * c[0]).sum()),
    "written": (written, written_values),
    "argument": (lambda x, c: argument_written(x.clone(), c), argument_written_values),
}  # fmt: skip


class Memory:
    """What tensors and arrays may share."""


class Twin:
    """What is known of a tensor: its value, what it is a view of, and what memory it may share."""

    def __init__(self, value, leaf=None, view=None, memory=None, places=None):
        self.value, self.leaf, self.view, self.version = value, leaf, view, 0
        self.memory = memory or Memory()
        self.places = np.arange(value.array.size).reshape(value.array.shape) if places is None else places

    @property
    def array(self):
        return self.value.array

    def set(self, value):
        self.value = Value.of_leaf(value.array, self.leaf) if self.leaf else value
        self.version += 1

    def write(self, value, recorded=False):
        """In place: through to what it is a view of."""
        if self.view is None:
            self.memory, self.places = Memory(), np.arange(self.array.size).reshape(self.array.shape)
            return self.set(value)
        base, places, _ = self.view
        base.write(base.value.with_entries(places, value if recorded else value.constant()), recorded)
        value = base.value.entries(places)
        self.set(value if recorded else value.constant())
        self.memory, self.places, self.view = base.memory, base.places.reshape(-1)[places], (base, places, base.version)
        return None

    def stale(self):
        """Whether what it is a view of holds other numbers by now."""
        if self.view is None:
            return False
        base, places, _ = self.view
        return base.stale() or not np.array_equal(base.array.reshape(-1)[places], self.array)

    def written_into(self):
        """All leaves that a write would change."""
        return {self.leaf, *(self.view[0].written_into() if self.view else ())} - {None}

    def has_gradient(self):
        return bool(self.value.jacobians)

    def recorded(self):
        """Whether it, or what it is a view of, is a result that has a gradient."""
        return (self.has_gradient() and not self.leaf) or (self.view is not None and self.view[0].recorded())


class Handle:
    """What is known of a NumPy array."""

    def __init__(self, array, memory, places, owner=None):
        self.array, self.memory, self.places, self.owner = np.array(array), memory, places, owner


class World:
    """The real things."""

    def __init__(self):
        self.tensors, self.arrays, self.optimizers, self.pulls = [], [], [], []

    def look(self):
        """All numbers there are, to be compared."""
        return [None if t is None else (_bits(t._data), _gradient(t), t.flags) for t in self.tensors], [
            a if a is None else _bits(a) for a in self.arrays
        ]


def _gradient(t):
    return None if t._grad is None else _bits(t._grad._data)


def _bits(array):
    array = np.asarray(array) + 0.0  # -0.0 is 0.0
    return array.shape, array.dtype.str, array.tobytes()


def attempt(act, world):
    """Run, and give what came of it: numbers, or a refusal."""
    try:
        with nn.guards.off():
            found = act(world)
    except GraphError as error:
        found = str(error)
    return found, world.look()


def scope(without):
    return tg.no_grad() if without else nullcontext()


class Programs(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.world, self.acts, self.log, self.changes = World(), [], [], 0
        self.twins, self.handles, self.steppers, self.expected = [], [], [], []

    def do(self, act):
        """Whether the package did it; if not, it has changed nothing."""
        before = self.world.look()
        found, after = attempt(act, self.world)
        self.acts.append(act)
        self.log.append((found, after))
        if isinstance(found, str):
            assert FORM.match(found)
            assert before == after, f"refused, and changed: {found}"
            return None
        return True if found is None else found

    def pick(self, i, wanted=lambda twin: True):
        """One of the tensors that are wanted."""
        found = [k for k, t in enumerate(self.twins) if t is not None and wanted(t)]
        return found[i % len(found)] if found else None

    def twin(self, *arguments, **options):
        self.twins.append(Twin(*arguments, **options))

    # Tensors and arrays from outside

    @initialize(a=number, b=number)
    def begin(self, a, b):
        self.leaf([a, b, 1, 2], (2, 2), True)
        self.leaf([b, 3, a, 1], (2, 2), False)

    @rule(
        values=st.lists(number, min_size=4, max_size=4),
        shape=st.sampled_from([(2,), (2, 2), (4,)]),
        needs=st.booleans(),
    )
    def leaf(self, values, shape, needs):
        array = np.array(values, float)[: np.prod(shape)].reshape(shape)
        self.do(lambda w: w.tensors.append(tg.Tensor(array, requires_grad=needs)))
        leaf = Leaf() if needs else None
        self.twin(Value.of_leaf(array, leaf) if needs else Value(array), leaf)

    @rule(values=st.lists(number, min_size=4, max_size=4), twice=st.booleans())
    def shared(self, values, twice):
        def act(w):
            array = np.array(values, float).reshape(2, 2)
            w.arrays.append(array)
            w.tensors += [tg.asarray(array) for _ in range(1 + twice)]

        self.do(act)
        memory, array = Memory(), np.array(values, float).reshape(2, 2)
        for _ in range(1 + twice):
            self.twin(Value(array), memory=memory)
        self.handles.append(Handle(array, memory, self.twins[-1].places, self.twins[-1]))

    @rule(i=index, values=st.lists(number, min_size=8, max_size=8))
    def replace_data(self, i, values):
        k = self.pick(i, lambda t: not t.has_gradient() or t.leaf)
        if k is not None:
            t = self.twins[k]
            array = np.array(values, float)[: t.array.size].reshape(t.array.shape)
            if self.do(lambda w: setattr(w.tensors[k], "data", array)):
                self.changes += 1
                t.view = None
                t.write(Value(array))

    @rule(i=index)
    def require(self, i):
        k = self.pick(i, lambda t: not t.has_gradient())
        if k is not None and self.do(lambda w: setattr(w.tensors[k], "requires_grad", True)):
            t = self.twins[k]
            t.leaf = Leaf()
            t.value = Value.of_leaf(t.array, t.leaf)

    @rule(i=index)
    def forget(self, i):
        k = self.pick(i)
        if k is not None and sum(t is not None for t in self.twins) > 2:
            self.do(lambda w: w.tensors.__setitem__(k, None))
            self.twins[k] = None

    # Results

    @rule(i=index, j=index, name=st.sampled_from(list(OPS)), without=off)
    def combine(self, i, j, name, without):
        a = self.pick(i)
        b = self.pick(j, lambda t: t.array.shape == self.twins[a].array.shape or t.array.ndim < 2)
        x, y = self.twins[a], b is not None and self.twins[b]
        if b is None or max(x.value.largest(), y.value.largest()) > LIMIT**0.5:
            return
        try:
            value = OPS[name](x.value, y.value)
        except ValueError:  # shapes that do not fit
            return

        def act(w):
            with scope(without):
                w.tensors.append(OPS[name](w.tensors[a], w.tensors[b]))

        assert self.do(act)
        self.twin(value.constant() if without else value)

    @rule(i=index, name=st.sampled_from(list(VIEWS)), without=off)
    def view(self, i, name, without):
        k = self.pick(i, lambda t: t.array.size and t.array.ndim and t.array.shape[-1] > 1 and t.array.ndim < 4)
        if k is None:
            return

        def act(w):
            with scope(without):
                w.tensors.append(VIEWS[name](w.tensors[k]))

        assert self.do(act)
        t = self.twins[k]
        places = VIEWS[name](np.arange(t.array.size).reshape(t.array.shape))
        value = t.value.entries(places)
        self.twin(
            value.constant() if without else value, view=(t, places, t.version), memory=t.memory,
            places=t.places.reshape(-1)[places],
        )  # fmt: skip

    @rule(i=index, name=st.sampled_from(list(COPIES)), without=off)
    def copied(self, i, name, without):
        k = self.pick(i, lambda t: t.array.ndim and t.array.shape[0] > 1)
        if k is None:
            return

        def act(w):
            with scope(without):
                w.tensors.append(COPIES[name](w.tensors[k]))

        assert self.do(act)
        value = self.twins[k].value
        places = np.arange(value.array.size).reshape(value.array.shape)
        value = value if name == "clone" else value.entries(COPIES[name](places))
        self.twin(value.constant() if without else value)

    @rule(i=index)
    def detach(self, i):
        k = self.pick(i)
        assert self.do(lambda w: w.tensors.append(w.tensors[k].detach()))
        t = self.twins[k]
        self.twin(t.value.constant(), memory=t.memory, places=t.places)

    @rule(i=index, way=st.sampled_from([copy.copy, copy.deepcopy, lambda t: pickle.loads(pickle.dumps(t))]))
    def duplicate(self, i, way):
        k = self.pick(i, lambda t: t.leaf or not t.has_gradient())
        if k is not None and self.do(lambda w: w.tensors.append(way(w.tensors[k]))):
            t = self.twins[k]
            leaf = Leaf() if t.leaf else None
            self.twin(Value.of_leaf(t.array, leaf) if leaf else t.value.constant(), leaf)
            if leaf:
                leaf.grad = t.leaf.grad

    @rule(i=index)
    def gradient_as_tensor(self, i):
        k = self.pick(i, lambda t: t.leaf and t.leaf.grad is not None)
        if k is not None:
            assert self.do(lambda w: w.tensors.append(w.tensors[k].grad.detach()))
            t = self.twins[k]
            self.twin(Value(t.leaf.grad.reshape(t.array.shape)))

    @rule(i=index, j=index, name=st.sampled_from(list(FUNCTIONS)))
    def call(self, i, j, name):
        k, c, value = self._called(i, j, name)
        if k is not None and self.do(lambda w: w.tensors.append(FUNCTIONS[name][0](w.tensors[k], w.tensors[c]))):
            self.twin(value(self.twins[k].value, self.twins[c].value))

    @rule(i=index, j=index, name=st.sampled_from(list(FUNCTIONS)), both=st.booleans())
    def linearize(self, i, j, name, both):
        k, c, value = self._called(i, j, name)
        if k is None:
            return
        of = FUNCTIONS[name][0]

        def act(w):
            x, y = w.tensors[k], w.tensors[c]
            w.pulls.append((tg.vjp(of, x, y) if both else tg.vjp(lambda x: of(x, y), x))[1])

        assert self.do(act)
        x, y = Leaf(), Leaf()
        found = value(Value.of_leaf(self.twins[k].array, x), Value.of_leaf(self.twins[c].array, y)).gradients()
        shapes = [self.twins[n].array.shape for n in (k, c)]
        self.expected.append([found[leaf].reshape(shape) for leaf, shape in zip((x, y)[: 1 + both], shapes)])

    def _called(self, i, j, name):
        """A tensor, a constant, and the function of values, where the numbers stay small."""
        k = self.pick(i, lambda t: t.array.ndim and t.array.shape[0] > 1 and t.value.largest() < 100)
        c = k if k is None else self.pick(
            j, lambda t: t.array.shape == self.twins[k].array.shape and t.value.largest() < 100
        )  # fmt: skip
        return (None, None, None) if c is None else (k, c, FUNCTIONS[name][1])

    @rule(i=index)
    def pull_back(self, i):
        if self.expected:
            k = i % len(self.expected)
            found = self.do(lambda w: [_bits(g._data) for g in w.pulls[k](1.0)])
            assert found == [_bits(g) for g in self.expected[k]] if found else self.changes

    # Writes

    @rule(i=index, j=index, name=st.sampled_from(list(KEYS)), plain=st.booleans(), n=number, without=off)
    def write(self, i, j, name, plain, n, without):
        k = self.pick(i, lambda t: t.array.ndim and t.array.shape[0] > 1)
        if k is None:
            return
        t = self.twins[k]
        key = t.array > 0 if name == "mask" else KEYS[name]
        places = np.arange(t.array.size).reshape(t.array.shape)[key]
        source = self.pick(j, lambda u: u.array.shape == places.shape) if not plain else None
        value = Value(float(n)) if source is None else self.twins[source].value

        def act(w):
            with scope(without):
                w.tensors[k][key] = n if source is None else w.tensors[source]

        value = value.map(lambda x: np.broadcast_to(x, places.shape + x.shape[value.array.ndim :]))
        self._wrote(t, act, t.value.with_entries(places, value), without)

    @rule(i=index, j=index, name=st.sampled_from(list(OPS)), without=off)
    def update(self, i, j, name, without):
        k = self.pick(i)
        t = self.twins[k]
        u = self.pick(j, lambda u: u.array.shape == t.array.shape or not u.array.ndim)
        if u is None or max(t.value.largest(), self.twins[u].value.largest()) > LIMIT**0.5:
            return

        def act(w):
            with scope(without):
                space = {"t": w.tensors[k], "u": w.tensors[u]}
                exec(f"t {name}= u", space)
                assert space["t"] is w.tensors[k]

        self._wrote(t, act, OPS[name](t.value, self.twins[u].value), without)

    @rule(i=index, n=number, name=st.sampled_from(list(OPS)), without=off)
    def update_part(self, i, n, name, without):
        """`t[0] += n`, which Python carries out as a write into a view, and one into `t`."""
        k = self.pick(i, lambda t: t.array.size and t.array.ndim and t.value.largest() < LIMIT)
        if k is None:
            return
        t = self.twins[k]

        def act(w):
            with scope(without):
                exec(f"t[0] {name}= n", {"t": w.tensors[k], "n": n})

        places = np.arange(t.array.size).reshape(t.array.shape)[0]
        self._wrote(t, act, t.value.with_entries(places, OPS[name](t.value.entries(places), Value(n))), without)

    def _wrote(self, t, act, value, without):
        needed = t.stale() or t.recorded() if without else t.stale() or t.written_into()
        if self.do(act):
            assert not needed, "must be refused"
            self.changes += 1
            t.write(value.constant() if without else value, not without)
        else:
            assert needed or self.changes, "nothing speaks against it"

    # Arrays that were handed out

    @rule(i=index, name=st.sampled_from(["data", "numpy", "part"]))
    def hand_out(self, i, name):
        k = self.pick(i, lambda t: t.array.ndim)
        if k is None:
            return

        def act(w):
            t = w.tensors[k]
            w.arrays.append(t.numpy() if name == "numpy" else t.data[1:] if name == "part" else t.data)

        assert self.do(act)
        t, own = self.twins[k], not self.twins[k].has_gradient() or self.twins[k].leaf
        part = slice(1, None) if name == "part" else ...
        self.handles.append(Handle(t.array[part], t.memory, t.places[part], t if own else None))

    @rule(i=index, n=number)
    def poke(self, i, n):
        found = [k for k, h in enumerate(self.handles) if h and self.world.arrays[k].flags.writeable and h.array.size]
        if not found:
            return
        k = found[i % len(found)]
        self.do(lambda w: w.arrays[k].__setitem__((0,) * w.arrays[k].ndim, n))
        h = self.handles[k]
        place = h.places.flat[0]
        h.array.flat[0] = n
        self.changes += 1
        self._memory_written(h.memory, lambda old, places: np.where(places == place, float(n), old), h, h.owner)

    def _memory_written(self, memory, change, *surely, apart=()):
        """Whoever may share memory that was written into has the old numbers or the new ones: but those that are
        `apart`, which have memory of their own by now."""
        kept = [  # by optimizers, forgotten or not
            pair
            for (twins, *_), optimizer in zip(self.steppers, self.world.optimizers, strict=True)
            for pair in zip(twins, optimizer.param_groups[0]["params"], strict=True)
        ]
        for t, real in [*zip(self.twins, self.world.tensors, strict=True), *kept]:
            if t is not None and t.memory is memory and t not in apart:
                new = change(t.array, t.places)
                now = np.asarray(real._data)
                if t in surely:
                    np.testing.assert_array_equal(now, new)
                if not np.array_equal(t.array, now):
                    np.testing.assert_array_equal(now, new)
                    t.set(Value(now, t.value.jacobians))
        for k, h in enumerate(self.handles):
            if h is not None and h.memory is memory and not np.array_equal(h.array, self.world.arrays[k]):
                np.testing.assert_array_equal(self.world.arrays[k], change(h.array, h.places))
                h.array = np.array(self.world.arrays[k])

    @rule(i=index)
    def let_go(self, i):
        found = [k for k, h in enumerate(self.handles) if h]
        if found:
            k = found[i % len(found)]
            self.do(lambda w: w.arrays.__setitem__(k, None))
            self.handles[k] = None

    # Gradients

    @rule(i=index)
    def backward(self, i):
        k = self.pick(i, lambda t: t.has_gradient() and t.value.largest() < LIMIT)
        if k is None:
            return
        if self.do(lambda w: w.tensors[k].backward(np.ones(w.tensors[k].shape))):
            self.twins[k].value.backward()
        else:
            assert self.changes, "nothing was changed"

    @rule(i=index, j=index, momentum=st.integers(0, 1))
    def optimize(self, i, j, momentum):
        a, b = (self.pick(n, lambda t: t.leaf) for n in (i, j))
        if a is not None:
            which = sorted({a, b})
            self.do(lambda w: w.optimizers.append(optim.SGD([w.tensors[k] for k in which], lr=1, momentum=momentum)))
            self.steppers.append(([self.twins[k] for k in which], [0.0] * len(which), momentum))

    @rule(i=index, clear=st.sampled_from([None, True, False]))
    def step(self, i, clear):
        if not self.steppers:
            return
        k = i % len(self.steppers)
        twins, speeds, momentum = self.steppers[k]

        def act(w):
            w.optimizers[k].step()
            if clear is not None:
                w.optimizers[k].zero_grad(set_to_none=clear)

        if any(np.max(np.abs(t.leaf.grad), initial=0) > LIMIT for t in twins if t.leaf.grad is not None):
            return
        assert self.do(act)
        self.changes += 1
        params = self.world.optimizers[k].param_groups[0]["params"]
        for n, t in enumerate(twins):
            if t.leaf.grad is not None:
                apart = [u for u, p in zip(twins, params) if not np.shares_memory(p._data, params[n]._data)]
                speeds[n] = speeds[n] * momentum + t.leaf.grad
                new, before = t.array - speeds[n].reshape(t.array.shape), t.places
                t.set(Value(new))
                t.view = None
                table = dict(zip(before.ravel().tolist(), new.ravel().tolist()))
                self._memory_written(
                    t.memory,
                    lambda old, places, table=table: np.reshape(
                        [table.get(p, o) for p, o in zip(places.ravel().tolist(), old.ravel().tolist())], old.shape
                    ),
                    t,
                    apart=apart,
                )
                if clear is not None:
                    t.leaf.grad = None if clear else np.zeros_like(t.leaf.grad)

    @invariant()
    def same_numbers(self):
        for real, t in zip(self.world.tensors, self.twins, strict=True):
            if t is not None:
                assert _bits(real._data) == _bits(t.array), "values"
                assert real.requires_grad == t.has_gradient(), "tracking"
                want = None if not t.leaf or t.leaf.grad is None else _bits(t.leaf.grad.reshape(t.array.shape))
                assert _gradient(real) == want, "gradient"
        for real, h in zip(self.world.arrays, self.handles, strict=True):
            assert h is None or _bits(real) == _bits(h.array), "arrays"

    def teardown(self):
        self.again()
        kept, turn = [None] * 500, count()

        def trace(frame, event, argument):
            if event != "line":
                kept[next(turn) % 500] = dict(frame.f_locals)
            return trace

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            self.again()
        finally:
            sys.settrace(before)
        counted, holders.COUNTED = holders.COUNTED, False
        try:
            self.again()
        finally:
            holders.COUNTED = counted

    def again(self):
        world = World()
        for act, before in zip(self.acts, self.log, strict=True):
            found = attempt(act, world)
            assert found == before, "not the same when run again"


@pytest.mark.parametrize("steps", [20, 60])
def test_programs(steps):
    run_state_machine_as_test(
        Programs,
        settings=settings(
            max_examples=max(40, settings.default.max_examples),
            stateful_step_count=steps,
            deadline=None,
            database=None,
            phases=PHASES,
            report_multiple_bugs=False,
        ),
    )
