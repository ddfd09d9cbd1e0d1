"""Where an operand's memory may come from, and who may write into it afterwards.

Each source gives an operand, and a function that writes into its memory in the way of that source.
"""

import ctypes
import weakref

import numpy as np

import tinygrad_edu as tg
from tinygrad_edu import data, nn, optim

V = np.array([[1.5, 2.0, 0.5], [0.25, 3.0, 1.25], [2.0, 1.0, 0.75]])
SOURCES = {}


def source(make):
    SOURCES[make.__name__] = make
    return make


def tensor_and_array():
    t = tg.Tensor(V)
    return t, t.data


class Subclass(np.ndarray):
    pass


class Gives:
    """An object of another library, whose conversion copies nothing, whatever it is asked."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return self.array


class Interface:
    def __init__(self, array):
        self.array, self.__array_interface__ = array, array.__array_interface__


def memory_map(folder):
    mapped = np.memmap(folder / "map", dtype=float, mode="w+", shape=(3, 3))
    mapped[:] = V
    return mapped


def locked(a):
    view = a.view()
    view.flags.writeable = False
    return view


OUTSIDE = {  # an array of the user's -> what is given to the package
    "array": lambda a: a, "rows": lambda a: [a[0], a[1], a[2]], "subclass": lambda a: a.view(Subclass), "object": Gives,
    "interface": Interface, "read-only view": locked, "reversed": lambda a: a[::-1, ::-1], "transposed": lambda a: a.T,
    "unmasked": np.ma.array, "memoryview": memoryview, "tensors": lambda a: [tg.asarray(row) for row in a],
}  # fmt: skip
for name, given in OUTSIDE.items():

    def outside(folder, given=given):
        a = V.copy()
        return given(a), lambda: a.fill(9)

    def as_asked(folder, given=given):
        a = V.copy()
        return tg.asarray(given(a)), lambda: a.fill(9)

    SOURCES |= {name: outside, f"asarray of {name}": as_asked}


@source
def mapped(folder):
    m = memory_map(folder)
    return m, lambda: m.fill(9)


@source
def mapped_twice(folder):
    m = memory_map(folder)
    other = np.memmap(folder / "map", dtype=float, mode="r+", shape=(3, 3))
    return tg.asarray(m), lambda: other.fill(9)


@source
def bytes_below(folder):
    below = bytearray(V.tobytes())
    return tg.asarray(np.frombuffer(below).reshape(3, 3)), lambda: below.__setitem__(slice(0, 8), bytes(8))


@source
def one_number_everywhere(folder):
    a = np.array(2.0)
    return tg.asarray(np.broadcast_to(a, (3, 3))), lambda: a.fill(9)


@source
def address(folder):
    t, d = tensor_and_array()
    return t, lambda: ctypes.memmove(d.ctypes.data, bytes(8), 8)


@source
def weak_reference(folder):
    t = tg.Tensor(V)
    held = weakref.ref(t.data)
    return t, lambda: held() is not None and held().fill(9)


@source
def through_dlpack(folder):
    t = tg.Tensor(V)
    d = np.from_dlpack(t)
    return t, lambda: d.flags.writeable and d.fill(9)


HANDED = {  # what a tensor hands out -> a write into it
    "data": lambda t: t.data.__setitem__(..., 9), "flat": lambda t: t.data.flat.__setitem__(0, 9.0),
    "part of data": lambda t: t.data.T[1:].fill(9), "numpy": lambda t: t.numpy().__setitem__(..., 9),
    "data of a view": lambda t: t.reshape(9).data.fill(9), "data of detach": lambda t: t.detach().data.fill(9),
    "detach": lambda t: t.detach().__setitem__(0, 9), "view of a view": lambda t: t[1:].T.__setitem__(0, 9),
    "itself": lambda t: t.__setitem__(0, 9), "update": lambda t: t.__imul__(2), "other data": lambda t: setattr(t, "data", V * 0),
    "copyto": lambda t: np.copyto(t.data, 9), "out=": lambda t: np.add(t.data, 1, out=t.data),
    "np.add.at": lambda t: np.add.at(t, 0, 1.0), "bytes": lambda t: memoryview(t.data).cast("B").__setitem__(slice(8), bytes(8)),
}  # fmt: skip
for name, write in HANDED.items():

    def now(folder, write=write):
        t = tg.Tensor(V)
        return t, lambda: write(t)

    def looked_at_before(folder, write=write):
        t, d = tensor_and_array()
        return t, lambda: (write(t), d.shape)

    def of_a_result(folder, write=write):
        t = tg.Tensor(V) * 1.0
        return t, lambda: write(t)

    def of_a_view(folder, write=write):
        t = tg.Tensor(np.stack([V, V]))
        return t[1], lambda: write(t[1])

    SOURCES |= {name: now, f"{name}, after data": looked_at_before, f"{name} of a result": of_a_result}
    SOURCES |= {f"{name} of a view": of_a_view}


def parameter():
    p = nn.Parameter(V)
    p.grad = np.ones((3, 3))
    return p


def under_no_grad(view):
    with tg.no_grad():
        return view()


ALIASES = {
    "parameter": lambda p: p, "detached": lambda p: p.detach(), "array of it": lambda p: tg.asarray(p.data),
    "turned": lambda p: under_no_grad(lambda: p.T), "named parts": lambda p: under_no_grad(lambda: p[:, ::-1]),
}  # fmt: skip
CHANGES = {
    "step": lambda p: optim.SGD([p], lr=1.0).step(), "Adam": lambda p: optim.Adam([p], lr=1.0).step(),
    "Muon": lambda p: optim.Muon([p], lr=1.0).step(), "initial values": lambda p: nn.init.zeros_(p),
    "data -=": lambda p: p.data.__isub__(1), "no_grad": lambda p: under_no_grad(lambda: p.__isub__(1)),
}  # fmt: skip
for name, alias in ALIASES.items():
    for how, change in CHANGES.items():

        def changed(folder, alias=alias, change=change):
            p = parameter()
            return alias(p), lambda: change(p)

        SOURCES[f"{how}, {name}"] = changed


@source
def loaded(folder):
    layer = nn.Linear(3, 3, bias=False, dtype="float64")
    layer.load_state_dict({"weight": V})
    return layer.weight, lambda: layer.load_state_dict({"weight": V * 0})


@source
def batch_of_a_data_set(folder):
    a = V.copy()
    (batch,) = data.TensorDataset(tg.asarray(a))[0:3]
    return batch, lambda: a.fill(9)


@source
def running_mean(folder):
    layer = nn.BatchNorm1d(3, dtype="float64")
    return layer.running_var + np.zeros((3, 1)), lambda: layer(V)


@source
def gradient_added_to(folder):
    p = parameter()
    return p.grad, lambda: (p * 3).sum().backward()


@source
def gradient_clipped(folder):
    p = parameter()
    return p.grad, lambda: nn.utils.clip_grad_value_([p], 0.1)


@source
def gradient_set_to_zero(folder):
    p = parameter()
    return p.grad, lambda: optim.SGD([p], lr=1.0).zero_grad(set_to_none=False)


@source
def split(folder):
    a = V.copy()
    return tg.unstack(tg.asarray(a))[1], lambda: a.fill(9)
