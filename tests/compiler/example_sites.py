"""The places of an example that can be compiled: its training steps, its derivatives, and its graphs.

An example is a script. It runs here with these places changed, and only as far as each place has been seen: the
statements of a training loop from the loss to the optimizer's step become a function, what `tg.grad` and its like give
stays one, what is drawn is one or is a graph, and a graph, as a lone `backward()` meets it, is a function of its leaves. `run` lets it run with these functions
as they stand, or compiled, and gives what they gave.
"""

import ast
import contextlib
import itertools
import re

import numpy as np

import tinygrad_edu as tg
from tinygrad_edu import optim
from tinygrad_edu.backward import history

CALLS = 3  # of each place
VIEWS = ("diff", "draw", "lecture", "player", "to_json", "worksheet")
TRANSFORMS = ("grad", "value_and_grad", "vmap", "hessian", "jacobian", "jvp", "vjp", "hvp")
# where the graph of a step begins earlier than in the line of its loss
FIRST = {"08_style": "J_content, J_style =", "10_dates_with_attention": "scores =", "07_word_embeddings": "scores ="}
# training steps that look at values between the network and its loss: their graphs are compiled
LOOKS = ("06_triplet_loss", "19_generative_adversarial_pair", "training")
# of examples without such a place, or where looking for anomalies would find one: functions that they use, and their arguments there
USED = {
    "14_parity_circuits": "_function(0, zigzag)(tg.asarray(all_bits(8)[0]))",
    "06_gradient_checking": "_function(0, forward)(*map(_tensor, [*theta, X, Y]))",
    "01_convolution": "_function(0, conv_layer)(tg.Tensor(A_prev), tg.Tensor(W), tg.Tensor(b), 2, 1)",
    "02_pooling": "_function(0, F.max_pool2d)(tg.asarray(A_prev).transpose(0, 3, 1, 2), 3, 2)",
    "anomaly": "_function(0, tg.grad(lambda x: tg.where(x > 0, tg.log(x), 0.0).sum()))(x)",
    "explain": "_function(0, lambda X, W: (tg.sigmoid(X @ W) ** 2).mean())(X, W)",
    "01_rnn_cell": "_function(0, cell_forward)(x[0], a[2].numpy(), Wax, Waa, ba)",
}


class Done(Exception):  # noqa: N818
    """Every place was seen."""


def names(nodes, context):
    return {n.id for node in nodes for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, context)}


def asks(node, name):
    """Whether this is the statement `something.name(...)`."""
    call = node.value if isinstance(node, ast.Expr) else None
    return isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == name


class Picked(ast.NodeTransformer):
    """Give names to what is picked by what changes: the arguments of a step, and not the indices."""

    def __init__(self, changing):
        self.changing, self.found = changing, {}

    def visit_Subscript(self, node):
        if not names([node.slice], ast.Load) & self.changing:
            return self.generic_visit(node)
        name = f"_picked_{len(self.found)}"
        self.found[name] = node
        return ast.Name(name, ast.Load())


class Places(ast.NodeTransformer):
    """Change a script so that its places go through `_step`, `_function` and `_backward`."""

    def __init__(self, stem):
        self.first = FIRST.get(stem, "loss =")
        self.looks, self.used = stem in LOOKS, stem in USED
        self.numbers = itertools.count()
        self.count = 0

    def number(self):
        self.count += 1
        return ast.Constant(next(self.numbers))

    def generic_visit(self, node):
        super().generic_visit(node)
        for field in ("body", "orelse"):
            if isinstance(body := getattr(node, field, None), list):
                setattr(node, field, [line for part in body for line in self.lines(part)])
        return node

    def lines(self, node):
        """A statement, after the function of the training step in it; or a lone `backward()` changed."""
        if isinstance(node, ast.For) and (found := self.step_in(node.body)) and not self.looks:
            start, end, number = *found, self.number()
            step = node.body[start:end]
            before = {*names([node.target], ast.Store), *names(node.body[:start], ast.Store)}
            picked = Picked(before)
            step = [picked.visit(line) for line in step]
            given, made = sorted(before & names(step, ast.Load)), sorted(names(step, ast.Store))
            k, last = number.value, "".join(f"{name}, " for name in made)
            inside, outside = [*given, *picked.found], [*given, *map(ast.unparse, picked.found.values())]
            function = ast.parse(f"def _step_{k}({', '.join(inside)}):\n    return ({last})").body[0]
            function.body[:0] = step
            taken = f"_made = _step_{k}({', '.join(outside)})\n" + (f"{last} = _made\n" if made else "")
            taken = ast.parse(taken + f"if _step_{k}.enough: break").body
            node.body[start:end] = taken
            return [function, ast.parse(f"_step_{k} = _step({k}, _step_{k})").body[0], node]
        if asks(node, "backward") and not self.used:
            call = node.value
            call.args[:0] = [self.number(), call.func.value]
            call.func = ast.Name("_backward", ast.Load())
        return [node]

    def step_in(self, body):
        """Where a training step begins and ends among these statements."""
        for k, line in enumerate(body):
            text = ast.unparse(line)
            if (asks(line, "backward") or "_backward(" in text) and any(asks(other, "step") for other in body[k:]):
                ends = [i for i in range(k, len(body)) if re.search(r"\.step\(\)$", ast.unparse(body[i]))]
                starts = [i for i in range(k) if ast.unparse(body[i]).startswith(self.first)]
                start = starts[0] if starts else k
                while start and asks(body[start - 1], "zero_grad"):
                    start -= 1
                return start, ends[-1] + 1
        return None

    def visit_For(self, node):
        """Its training step is seen whole, not its `backward()` alone."""
        if self.step_in(node.body) and not self.looks:
            return node
        return self.generic_visit(node)

    def visit_Call(self, node):
        f = node.func
        if isinstance(f, ast.Attribute) and f.attr in TRANSFORMS and ast.unparse(f.value) == "tg":
            return ast.Call(ast.Name("_function", ast.Load()), [self.number(), node], [])
        if isinstance(f, ast.Attribute) and f.attr in VIEWS and ast.unparse(f.value) == "viz":
            node.args = [self.number(), f, *node.args]
            node.func = ast.Name("_view", ast.Load())
        return self.generic_visit(node)


def replayed(y):
    """The graph of a tensor as a function of its leaves that need a gradient; and these."""
    nodes = sorted(history(y), key=lambda v: v.born)
    leaves = [v for v in nodes if v.op is None and v.requires_grad]

    def f(*fresh):
        known = dict(zip(map(id, leaves), fresh, strict=True))
        for v in nodes:
            if v.op is not None:
                known[id(v)] = v.op(*[known.get(id(x), x) for x in v.inputs], **(v.attributes or {}))
        return known[id(y)]

    return f, leaves


class Run:
    """One run of an example: what its places gave, in turn."""

    def __init__(self, compiled, places):
        self.compiled, self.places = compiled, places
        self.given, self.seen, self.finished = [], {}, set()
        self.optimizers = []

    def end(self, number):
        self.finished.add(number)
        if len(self.finished) == self.places:
            raise Done

    def step(self, number, function):
        if number in self.finished:
            function.enough = False
            return function
        inner = tg.compile(function) if self.compiled else function

        def call(*arguments):
            result = inner(*arguments)
            slopes = [plain(p.grad).ravel() for o in self.optimizers for p in o._all() if p.grad is not None]
            self.given.append((tg.tree.map(plain, result), np.concatenate(slopes)))
            self.seen[number] = self.seen.get(number, 0) + 1
            call.enough = self.seen[number] >= CALLS
            if call.enough:
                self.end(number)
            return result

        call.enough = False
        return call

    def function(self, number, function):
        if number in self.finished:
            return function
        inner = tg.compile(function) if self.compiled else function

        def call(*arguments, **keywords):
            result = (function if number in self.finished else inner)(*arguments, **keywords)
            if number not in self.finished:
                self.given.append(tg.tree.map(plain, result))
                self.end(number)
            return result

        return call

    def backward(self, number, y, *arguments, **keywords):
        if number in self.finished:
            return y.backward(*arguments, **keywords)
        self.graph(y, *arguments)
        y.backward(*arguments, **keywords)
        self.end(number)

    def graph(self, y, cotangent=1):
        """The value and the gradients of the graph of a tensor."""
        f, leaves = replayed(y)
        loss = tg.value_and_grad(lambda *xs: (f(*xs) * cotangent).sum(), argnums=tuple(range(len(leaves))))
        value, gradients = (tg.compile(loss) if self.compiled else loss)(*[tg.Tensor(p.data) for p in leaves])
        self.given.append(tg.tree.map(plain, (value, gradients)))

    def view(self, number, show, subject, *arguments, **keywords):
        if number not in self.finished:
            if not isinstance(subject, tg.Tensor):
                f = tg.compile(subject) if self.compiled else subject
                tensors = [x if isinstance(x, tg.Tensor) else tg.Tensor(x) for x in arguments]
                self.given.append(tg.tree.map(plain, f(*tensors)))
            elif subject.op is not None:
                self.graph(subject)
            self.end(number)
        return show(subject, *arguments, **keywords)


def plain(x):
    """Its values. All gradients are compared as one array: some are noise, as those of a bias before a norm."""
    return np.array(x.data) if isinstance(x, tg.Tensor) else x


def run(path, compiled, monkeypatch, nudged=False):
    """What the places of an example gave; and how many there are. Where it is `nudged`, its parameters begin by a
    rounding larger."""
    tree = ast.parse(path.read_text())
    places = Places(path.stem)
    tree = ast.fix_missing_locations(places.visit(tree))
    its = Run(compiled, max(places.count, path.stem in USED))
    made = optim.Optimizer.__init__

    def noticed(self, *arguments, **keywords):
        made(self, *arguments, **keywords)
        for group in self.param_groups:  # else Adam makes a whole step of the rounding of a gradient near 0
            if "eps" in group:
                group["eps"] = 0.01
            for p in group["params"] if nudged else ():
                p.data = np.nextafter(p.data, np.inf, dtype=p.dtype)
        its.optimizers.append(self)

    monkeypatch.setattr(optim.Optimizer, "__init__", noticed)
    tg.random.manual_seed(0)
    names = {"_step": its.step, "_function": its.function, "_backward": its.backward}
    names |= {"_view": its.view, "_tensor": tg.Tensor, "__name__": "__main__"}
    with contextlib.suppress(Done):
        exec(compile(tree, str(path), "exec"), names)
        exec(USED.get(path.stem, ""), names)
    monkeypatch.setattr(optim.Optimizer, "__init__", made)
    return its, names
