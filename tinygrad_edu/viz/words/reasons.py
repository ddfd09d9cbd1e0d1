"""What `why` and `detect_anomaly` say: one paragraph for each reason, with what to do."""

from __future__ import annotations

from ...domain import inf
from ...op import Op

ANSWERS = {
    "not a tensor": "This is a {kind}, not a tensor: it has no place in a graph. Compute with tg.Tensor(x, "
    "requires_grad=True).",
    "a module": "This is a {kind}, not a tensor: its gradients are those of its parameters. Ask one of them, such "
    "as tg.why(model.weight); model.named_parameters() lists them.",
    "not asked": "{x} has no gradient because it was not asked for: requires_grad is False, so nothing that uses {x} "
    "is recorded. Write tg.Tensor(..., requires_grad=True).",
    "integer dtype": "{x} has no gradient because it holds {dtype} numbers, which do not vary smoothly. Make it a "
    "float: tg.Tensor(..., dtype='float32', requires_grad=True), or 1.0 instead of 1.",
    "no backward": "{loss} depends on {x}, and all is recorded, but backward() has not been called. Call "
    "{loss}.backward().",
    "cleared": "The gradient of {x} was cleared after it was computed. Read it, or call optimizer.step(), before "
    "clearing it.",
    "cleared before the step": "The gradient of {x} was cleared between backward() and step(), so the step had nothing "
    "to go by. Call zero_grad() before backward(), or after step().",
    "symmetry": "The gradient of {x} is fine, but all its units are one: they start with equal weights, get equal "
    "gradients, and stay equal for ever, so that a layer of many does the work of one. Start with random weights.",
    "without a layer": "The gradient of {x} is fine (from {low} to {high}), but no optimizer has {x}, though one has "
    "others of its model: no step changes it. Pass all of model.parameters(), after the model is whole.",
    "another model": "The gradient of {x} is fine (from {low} to {high}), but the optimizer has the parameters of "
    "another model: no step changes {x}. Make the optimizer of this model's parameters().",
    "held back": "The gradient of {x} is fine (from {low} to {high}), but only as a where "
    "leaves out what {step} makes: there, its value or slope is inf or nan, which other operations would pass on. "
    "{where}.",
    "left": "{x} has no gradient because no recorded result depends on it: values left the graph as plain numbers "
    "here. Compute with the tensor itself.",
    "changed": "{x} was changed after the loss was computed. Compute the loss again, then call backward().",
    "not recorded": "{x} has no gradient because no recorded result depends on it: nothing was computed from it yet, "
    "or it was computed under no_grad(). Compute the loss outside no_grad(), then call loss.backward().",
    "not used": "{x} has no gradient because the loss does not depend on it: no step from {x} leads to {loss}. Use "
    "{x} in the computation, or take it out of the parameters.",
    "rebound": "{x} has no gradient because it is no longer your parameter: the line made a new result and gave it "
    "the name {x}. Update the numbers in place instead: with tg.no_grad(): {x} -= step, or {x}.data = {x}.data - step.",
    "inner": "{x} is an inner result (made by {op}), and backward() keeps gradients of leaves only. To see it: "
    "tg.draw(loss, detail='gradients'), tg.explain(loss), or tg.grad with respect to it.",
    "accumulated": "The gradient of {x} is {times}: backward() adds to what is there, and it "
    "was not cleared in between. Call optimizer.zero_grad(), or set {x}.grad = None, before each backward().{unless}",
    "empty": "The gradient of {x} is 0 because of {step}: it has no entries, so nothing of it reaches the result. Look "
    "at the index or the mask that picked nothing.",
    "healthy": "The gradient of {x} is fine: from {low} to {high}, all finite, {count} of {size} entries not 0.",
    "partly dead": "The gradient of {x} is fine where it is not 0 (from {low} to {high}), but {dead} of {units} units "
    "of {step} pass none, for any example. For them: {text}.",
    "values left": "The gradient of {x} is finite, from {low} to {high}, {count} of {size} entries not 0, but while "
    "the loss was computed, values left the graph as plain numbers (by item(), float(), tolist() or .data): to the "
    "gradient, what was made from them is constant. If that is not meant, compute with the tensor itself.",
    "zero": "The gradient of {x} is 0 everywhere: the loss does not change with it here. It may be at a minimum.",
    "not finite forward": "The gradient of {x} is {kind} because a value already is: {step} is not finite. There: "
    "{advice}.",
    "infinite slope": "The gradient of {x} is {kind} because {step} has no finite slope at its input, although its "
    "value is finite. There: {advice}.",
    "not finite": "The gradient of {x} is {kind}. Run the computation inside `with tg.detect_anomaly():` to find the "
    "step that made it.",
    "huge": "The gradient of {x} is huge (up to {size}): steps that each make it larger multiply (it explodes).{where} "
    "Use smaller weights, a mean instead of a sum, normalised inputs, or nn.utils.clip_grad_norm_.",
    "vanishing": "The gradient of {x} is tiny (at most {size}): steps that each make it smaller multiply (it "
    "vanishes).{where} Use relu instead of sigmoid, better initial weights (Xavier, He), or fewer layers.",
}

CUT = "{x} has no gradient because the path from it is cut here: "
ANSWERS |= {
    reason: CUT + text + "."
    for reason, text in {
        "detach": "detach() gives the same values without their history; leave it out",
        "data": ".data is the bare array; compute with the tensor itself",
        "numpy": "this leaves the graph for a NumPy array; use the tensor, or np functions on the tensor, which record",
        "item": "this makes a plain Python number; keep the tensor, and take item() only to print",
        "tensor": "tg.Tensor(...) copies the values into a new leaf; use the tensor as it is",
        "no_grad": "nothing is recorded inside no_grad(); move this line out of the block",
        "comparison": "a comparison is flat: its derivative is 0 where it has one; train on a smooth loss, and compare "
        "only to report",
        "argmax": "a position does not vary smoothly; use softmax or logsumexp for training, argmax only to report",
        "integer": "whole numbers do not vary smoothly; keep floats until after the loss",
        "inside": "what this line makes has no history; look in what it calls for no_grad(), detach(), .data, numpy() "
        "or item(), and leave them out",
        "flat": "round, floor, ceil and sign are flat: their derivative is 0; use a smooth function in training",
    }.items()
}

WHERE = (
    "where(c, f(x), 0) computes f(x) for every entry, also where c is false: give f a safe input instead, "
    "f(where(c, x, 1)), and choose afterwards"
)


def advice(op: Op) -> str:
    """What to do where an operation made inf or nan."""
    if op.advice:
        return op.advice
    limited = [d for d in op.domain or () if d.low > -inf or d.high < inf]
    return f"it is smooth in {' x '.join(map(str, limited))}; look at its inputs" if limited else "look at its inputs"
