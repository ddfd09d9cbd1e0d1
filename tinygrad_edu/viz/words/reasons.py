"""What `why` and `detect_anomaly` say: one paragraph for each reason, with what to do."""

from __future__ import annotations

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
    "changed": "{x} was changed after the loss was computed. Compute the loss again, then call backward().",
    "not recorded": "{x} has no gradient because no recorded result depends on it: nothing was computed from it yet, "
    "or it was computed under no_grad(). Compute the loss outside no_grad(), then call loss.backward().",
    "not used": "{x} has no gradient because the loss does not depend on it: no step from {x} leads to {loss}. Use "
    "{x} in the computation, or take it out of the parameters.",
    "rebound": "{x} has no gradient because it is no longer your parameter: the line made a new result and gave it "
    "the name {x}. Update the numbers in place instead: with tg.no_grad(): {x} -= step, or {x}.data = {x}.data - step.",
    "inner": "{x} is an inner result (made by {op}), and backward() keeps gradients of leaves only. To see it: "
    "tg.draw(loss, detail='gradients'), tg.explain(loss), or tg.grad with respect to it.",
    "accumulated": "The gradient of {x} is {times}: backward() adds to what is there, and "
    "it was not cleared in between. Call optimizer.zero_grad(), or set {x}.grad = None, before each backward().",
    "empty": "The gradient of {x} is 0 because of {step}: it has no entries, so nothing of it reaches the result. Look "
    "at the index or the mask that picked nothing.",
    "healthy": "The gradient of {x} is fine: from {low} to {high}, all finite, {count} of {size} entries not 0.",
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

# A step that lets nothing through: the reason, and what is so.
BLOCKED = {
    "relu": ("dead relu", "every input of relu is negative here, where its slope is 0; use a smaller learning rate, a "
             "smaller negative bias, or leaky_relu"),
    "sigmoid": ("saturated", "sigmoid is flat for inputs as far from 0 as these; use smaller weights, normalise the "
                "inputs, or a loss that takes logits"),
    "tanh": ("saturated", "tanh is flat for inputs as far from 0 as these; use smaller weights, or normalise the "
             "inputs"),
    "where": ("not chosen", "where takes the other branch for every entry, so nothing that is computed here reaches "
              "the result"),
    "clip": ("clipped", "every entry is outside the bounds of clip, where it is flat; widen the bounds"),
    "maximum": ("not chosen", "the other input is larger everywhere, so this one does not reach the result"),
    "minimum": ("not chosen", "the other input is smaller everywhere, so this one does not reach the result"),
    "multiply": ("times zero", "it is multiplied by 0, so no change of it reaches the result"),
}  # fmt: skip
ZEROS = (
    "it is multiplied by a matrix of zeros, so no change of it reaches the result; start weights with random numbers"
)
BLOCKED |= dict.fromkeys(("matmul", "linear", "conv"), ("times zero", ZEROS))
STEPS = "it is flat between its jumps, so its derivative is 0; use a smooth function in training"
BLOCKED |= dict.fromkeys(("round", "floor", "ceil", "sign", "floor_divide"), ("flat", STEPS))

# What to do about an operation that made inf or nan.
POWER = "a power of 0 or of a negative number; keep the base positive"
ADVICE = {
    "log": "log is -inf at 0 and nan below; keep its input positive (log(x + eps), clip), or use a function that takes "
    "logits, such as logsumexp or log_softmax",
    "divide": "a division by 0; add a small number to the denominator, or choose with where before dividing",
    "reciprocal": "a division by 0; add a small number first",
    "sqrt": "sqrt is nan below 0 and infinitely steep at 0; write sqrt(x + eps), or tg.linalg.norm for a length",
    "exp": "exp overflows for large inputs; subtract the maximum first, or use logsumexp, softmax or sigmoid",
    "power": POWER,
    "power_n": POWER,
    "multiply": "0 * inf is nan, and large factors overflow; look at the inputs",
    "subtract": "inf - inf is nan; look at where the infinite inputs come from",
    "matmul": "products of large numbers overflow, and 0 * inf is nan; use smaller weights, or normalise the inputs",
    "linear": "products of large numbers overflow; use smaller weights, or normalise the inputs",
    "conv": "products of large numbers overflow; use smaller weights, or normalise the inputs",
    "sum": "the sum overflows, or adds inf to -inf; use a mean, or a wider dtype",
    "add": "the sum overflows, or adds inf to -inf; look at the inputs",
    "square": "the square overflows; scale the input down",
}
ADVICE |= dict.fromkeys(("log2", "log10", "log1p"), ADVICE["log"])
ADVICE |= dict.fromkeys(("expm1", "sinh", "cosh"), ADVICE["exp"])
SINGULAR = "the matrix is singular, or nearly; add a small multiple of the identity, or use pinv"
ADVICE |= dict.fromkeys(("inv", "solve", "slogdet", "det", "cholesky"), SINGULAR)
WHERE = (
    "where(c, f(x), 0) computes f(x) for every entry, also where c is false: give f a safe input instead, "
    "f(where(c, x, 1)), and choose afterwards"
)


def advice(op: object) -> str:
    return ADVICE.get(str(op), "look at its inputs")
