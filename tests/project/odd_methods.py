# ruff: noqa: SIM905
"""Methods, operators and attributes of what the package makes, for the table of odd arguments.

They are found on the objects themselves; what a name does not say of a good argument stands in MORE, under the owner's
name, a dot and the method's.
"""

import inspect
import operator
import types
from collections.abc import Iterator

import numpy as np

import tinygrad_edu as tg
from tinygrad_edu import data, nn, optim
from tinygrad_edu.methods.functions import Functions

from .odd_arguments import CALLS, arguments, files, layer, matrix, one_of, optimizer, result, squares, trained, values


def constant():
    return tg.Tensor(matrix())


def scheduled():
    return optim.StepLR(optimizer(), 3)


def loader():
    return data.DataLoader(range(5), batch_size=2)


def several():
    return nn.Sequential(nn.Linear(3, 3), nn.ReLU())


def ruled():
    """A function with a derivative of its own."""
    f = tg.custom_vjp(lambda x: x * 2)
    f.defvjp(lambda x: (x * 2, None), lambda residuals, g: (g * 2,))
    return f


OWNERS = {
    "Tensor": constant, "result": lambda: tg.Tensor(matrix(), requires_grad=True) * 2, "Module": layer, "Sequential": several, "ModuleList": lambda: nn.ModuleList([nn.ReLU()]),
    "ModuleDict": lambda: nn.ModuleDict({"a": nn.ReLU()}), "ParameterList": lambda: nn.ParameterList([matrix()]),
    "ParameterDict": lambda: nn.ParameterDict({"a": matrix()}), "LogSoftmaxLoss": lambda: nn.AdaptiveLogSoftmaxWithLoss(3, 6, [2, 4]),
    "Optimizer": optimizer, "LBFGS": lambda: optim.LBFGS([trained()]), "Adam": lambda: optim.Adam([trained()]),
    "Scheduler": scheduled, "Plateau": lambda: optim.ReduceLROnPlateau(optimizer()), "WarmRestarts": lambda: optim.CosineAnnealingWarmRestarts(optimizer(), 3),
    "Chained": lambda: optim.ChainedScheduler([scheduled()]), "Averaged": lambda: optim.swa_utils.AveragedModel(layer()),
    "Loader": loader, "TensorDataset": lambda: data.TensorDataset(matrix(), matrix()), "Subset": lambda: data.Subset(matrix(), [0, 2]),
    "Concat": lambda: data.ConcatDataset([matrix(), matrix()]), "Generator": lambda: tg.random.default_rng(0), "Scaler": tg.amp.GradScaler,
    "custom_vjp": ruled, "Table": lambda: tg.data.load_csv(files() / "table.csv"), "custom_jvp": lambda: tg.custom_jvp(lambda x: x * 2), "compiled": lambda: tg.compile(squares),
}  # fmt: skip
ENTRIES = "__getitem__ __setitem__ __delitem__ __contains__ __round__ __call__".split()
OPERATORS = "add sub mul truediv floordiv mod pow matmul lshift rshift and_ or_ xor lt le gt ge eq ne divmod".split()
IN_PLACE = "iadd isub imul itruediv ifloordiv imod ipow imatmul ilshift irshift iand ior ixor".split()
# of the engine, for subclasses to write, or for arguments that are trees of anything
INNER = set(
    "read notice reborn as_of run pulled check initial_state traced not_compiled must_have rate rates beside draw drawn changed forward "
    "Optimizer.update Adam.update LBFGS.update Module.__call__ Compiled.__call__ _Ruled.__call__".split()
)  # fmt: skip
MORE = {
    "__getitem__": {"key": 0, "i": 0, "name": "a"}, "__setitem__": {"key": 0, "value": 1.0, "i": 0, "part": nn.ReLU, "name": "a"},
    "__delitem__": {"key": 0, "i": 0, "name": "a"}, "__contains__": {"value": 1.0, "name": "a"}, "pop": {"i": 0, "name": "a"},
    "register_hook": {"hook": one_of(lambda g: None)}, "to_device": {"device": "cpu", "stream": lambda: None},
    "astype": {"dtype": "float32"}, "add_module": {"name": "a", "module": nn.ReLU}, "apply": {"f": one_of(lambda module: None)},
    "register_buffer": {"name": "a", "tensor": matrix}, "register_parameter": {"name": "a", "param": lambda: nn.Parameter(matrix())},
    "Module.load_state_dict": {"state": lambda: layer().state_dict()}, "append": {"part": nn.ReLU}, "insert": {"i": 0, "part": nn.ReLU},
    "extend": {"parts": lambda: [nn.ReLU()]}, "update": {"parts": lambda: {"b": nn.ReLU()}}, "summary": {"inputs...": matrix},
    **{name: {"hook": one_of(lambda *given: None)} for name in ["register_forward_hook", "register_forward_pre_hook", "register_full_backward_hook", "register_full_backward_pre_hook"]},
    "Optimizer.add_param_group": {"group": lambda: {"params": [nn.Parameter(matrix())]}}, "Optimizer.load_state_dict": {"state_dict": lambda: optimizer().state_dict()},
    "LBFGS.load_state_dict": {"state_dict": lambda: optim.LBFGS([trained()]).state_dict()}, "LBFGS.step": {"closure": one_of(lambda: tg.Tensor(1.0))},
    "Scheduler.load_state_dict": {"state_dict": lambda: scheduled().state_dict()}, "Plateau.step": {"metrics": 1.0}, "WarmRestarts.step": {"epoch": 1},
    "Plateau.load_state_dict": {"state_dict": lambda: optim.ReduceLROnPlateau(optimizer()).state_dict()},
    "Chained.load_state_dict": {"state_dict": lambda: optim.ChainedScheduler([scheduled()]).state_dict()},
    "Loader.load_state_dict": {"state": lambda: loader().state_dict()}, "set_state": {"state": lambda: tg.random.default_rng(0).state()},
    "Scaler.load_state_dict": {"state_dict": lambda: tg.amp.GradScaler().state_dict()}, "Scaler.scale": {"outputs": result},
    "Scaler.step": {"args...": []}, "Scaler.update": {"new_scale": 2.0}, "Averaged.update_parameters": {"model": layer},
    "ParameterList.append": {"part": matrix}, "defvjp": {"forward": one_of(lambda x: (x, None)), "backward": one_of(lambda r, g: (g,))},
    "defjvps": {"rules...": one_of(lambda t, y, x: t)}, "defjvp": {"rule": one_of(lambda x, t: (x, t))}, "multinomial": CALLS["multinomial"], "categorical": CALLS["categorical"], "integers": {"low": 5}, "permutation": {"x": 5},
    "column": {"name": "a"}, "without": {"names...": lambda: "a"}, "backward": {"gradient": matrix},
}  # fmt: skip


def with_signature(run, parameters):
    run.__signature__ = inspect.Signature(parameters)
    return run


def place(*names):
    return [inspect.Parameter(name, inspect.Parameter.POSITIONAL_ONLY) for name in names]


def of_methods():
    """Methods, as `odd_arguments.subjects` gives functions: (name, function, makers of their arguments)."""
    seen = set()
    for owner, make in OWNERS.items():
        cls = type(make())
        for name in dir(cls):
            method = inspect.getattr_static(cls, name)
            if not isinstance(method, types.FunctionType) or not method.__module__.startswith("tinygrad_edu"):
                continue
            inner = {name, f"{owner}.{name}", method.__qualname__} & INNER
            if (name[0] == "_" and name not in ENTRIES) or inner or name in vars(Functions):
                continue
            parameters = list(inspect.signature(method).parameters.values())[1:]
            graph = name in ("backward", "register_hook") and owner == "Tensor"  # of a result only
            if parameters and not graph and (method not in seen or (owner == "result" and name in ENTRIES)):
                seen.add(method)
                run = with_signature(calls(make, name), parameters)
                yield f"{owner}.{name}", run, arguments(run, {**MORE.get(name, {}), **MORE.get(f"{owner}.{name}", {})})


def calls(make, name):
    def run(*given, **named):
        found = getattr(make(), name)(*given, **named)
        return list(found) if isinstance(found, Iterator) else found

    return run


def of_operators():
    """Operators of a tensor on either side and in place, and attributes that are set."""
    for name in OPERATORS + IN_PLACE:
        bits = any(part in name for part in ("shift", "and", "or"))
        make = (lambda: tg.Tensor(np.eye(3, dtype=int))) if bits else constant
        good = {"x": matrix if "matmul" in name else values(1 if bits else 0.5)}
        act = getattr(operator, name, divmod)
        yield f"Tensor {name}", with_signature(lambda x, act=act, make=make: act(make(), x), place("x")), good
        if name in OPERATORS and name not in ("matmul", "pow", "eq", "ne"):  # some arrays refuse these unasked
            yield f"{name} Tensor", with_signature(lambda x, act=act, make=make: act(x, make()), place("x")), good
    yield "format Tensor", with_signature(lambda x: f"{tg.Tensor(0.5):{x}}", place("x")), {"x": values(".3f")}
    for owner, name, good in (
        ("Tensor", "data", matrix),
        ("Tensor", "grad", matrix),
        ("Tensor", "requires_grad", values(True)),
        ("Tensor", "name", values("a")),
        ("Module", "weight", lambda: nn.Parameter(matrix())),
        ("Averaged", "n_averaged", lambda: tg.asarray(0)),
    ):
        run = with_signature(lambda x, make=OWNERS[owner], name=name: setattr(make(), name, x), place("x"))
        yield f"{owner}.{name} =", run, {"x": good}


def subjects():
    yield from of_methods()
    yield from of_operators()
