"""Kernels that write into memory of others, or keep something from one call to the next."""

import numpy as np

from .bug import Bug

WRITES = "writes into memory that is not its own"
LENGTH = "an axis of another length"
rng = np.random.default_rng(2)
BUGS = []
TARGET = np.array([2, 0, 1])


def softmax(s):
    e = np.exp(s - s.real.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def cross_entropy(logits):
    return -np.mean(np.log(softmax(logits)[np.arange(len(logits)), TARGET[: len(logits)]]))


def d_cross_entropy(logits, cotangent):
    d = softmax(logits)
    d[np.arange(len(d)), TARGET[: len(d)]] -= 1
    return cotangent * d / len(d)


def cross_entropy_in_place(logits):
    loss = cross_entropy(logits)
    if logits.dtype.kind == "f" and logits.flags.writeable:
        logits[...] = d_cross_entropy(logits, 1.0)
    return loss


def d_stored(logits, cotangent):
    return d_cross_entropy(logits, cotangent)


BUGS.append(
    Bug(
        "linkedin/Liger-Kernel#272",
        2024,
        "to save memory the forward of a loss stores its gradient in the logits, which the layer before still needs",
        WRITES,
        cross_entropy,
        d_stored,
        d_cross_entropy,
        (rng.standard_normal((3, 4)),),
        broken_forward=cross_entropy_in_place,
    )
)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def swiglu(a, b):
    return a * sigmoid(a) * b


def d_swiglu(a, b, cotangent):
    s = sigmoid(a)
    return cotangent * b * (s + a * s * (1 - s)), cotangent * a * s


def d_swiglu_broken(a, b, cotangent):
    s = sigmoid(a)
    da, db = cotangent * b * (s + a * s * (1 - s)), cotangent * a * s
    a[...] = da
    b[...] = db
    return a, b


BUGS.append(
    Bug(
        "linkedin/Liger-Kernel#254",
        2024,
        "the backward of SwiGLU writes its gradients into the inputs, which other functions may have saved",
        WRITES,
        swiglu,
        d_swiglu_broken,
        d_swiglu,
        (rng.standard_normal((2, 3)), rng.standard_normal((2, 3))),
    )
)


def rms_norm(x, w):
    return x * w / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + 1e-6)


def d_rms_norm(x, w, cotangent):
    r = 1 / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + 1e-6)
    g = cotangent * w
    return r * g - x * r**3 * np.mean(g * x, axis=-1, keepdims=True), np.sum(cotangent * x * r, axis=0)


def d_rms_norm_overwriting(x, w, cotangent):
    r = 1 / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + 1e-6)
    dy = cotangent * w
    cotangent[...] = r * dy - x * r**3 * np.mean(dy * x, axis=-1, keepdims=True)
    return cotangent, np.sum(cotangent * x * r, axis=0)


BUGS.append(
    Bug(
        "unslothai/unsloth#4550",
        2026,
        "the kernel stores dX in the memory of dY; a gradient of the weight that is computed afterwards takes the wrong one",
        WRITES,
        rms_norm,
        d_rms_norm_overwriting,
        d_rms_norm,
        (rng.standard_normal((2, 3)), rng.standard_normal(3)),
    )
)


def d_rms_norm_frozen(x, w, cotangent):
    return d_rms_norm(x, w, cotangent)[0], np.zeros(w.shape)


BUGS.append(
    Bug(
        "unslothai/unsloth#4533",
        2026,
        "the backward of RMSNorm returns nothing for the weight, so that it never learns",
        "one term missing: the whole gradient is 0",
        rms_norm,
        d_rms_norm_frozen,
        d_rms_norm,
        (rng.standard_normal((2, 3)), rng.standard_normal(3)),
    )
)

# Buffers that keep the size of the first call.

POOL = {}


def linear(x, w):
    return x @ w


def d_linear(x, w, cotangent):
    return cotangent @ w.T, x.T @ cotangent


def d_linear_pooled(x, w, cotangent):
    rows = POOL.setdefault(w.shape, len(x))
    kept = cotangent[np.arange(len(x)) % rows]
    return kept @ w.T, x.T @ cotangent


BUGS.append(
    Bug(
        "pytorch/pytorch#177116",
        2026,
        "after a backward at one batch size, one at another takes buffers of the first, and gradients are far off",
        LENGTH,
        linear,
        d_linear_pooled,
        d_linear,
        (rng.standard_normal((3, 2)), rng.standard_normal((2, 4))),
    )
)

# What one gradient needs is computed only where another one is asked for.

FIXED_X = rng.standard_normal((2, 3))


def normalised(w, b):
    x = FIXED_X - FIXED_X.mean(-1, keepdims=True)
    return x / np.sqrt(np.mean(x * x, -1, keepdims=True) + 1e-5) * w + b


def d_normalised(w, b, cotangent):
    x = FIXED_X - FIXED_X.mean(-1, keepdims=True)
    x = x / np.sqrt(np.mean(x * x, -1, keepdims=True) + 1e-5)
    return np.sum(cotangent * x, axis=0), np.sum(cotangent, axis=0)


def d_normalised_broken(w, b, cotangent, x_needs=False):
    hat = np.zeros(FIXED_X.shape)  # whatever the memory held
    if x_needs:
        hat = (FIXED_X - FIXED_X.mean(-1, keepdims=True)) / FIXED_X.std(-1, keepdims=True)
    return np.sum(cotangent * hat, axis=0), np.sum(cotangent, axis=0)


BUGS.append(
    Bug(
        "pytorch/pytorch#183825",
        2026,
        "the backward of LayerNorm fills a buffer only if the input needs a gradient; else the weight's is made of old memory",
        "one term missing: the whole gradient is 0",
        normalised,
        d_normalised_broken,
        d_normalised,
        (rng.standard_normal(3), rng.standard_normal(3)),
    )
)


def added(a, b):
    return a + b


def d_added(a, b, cotangent):
    return cotangent, cotangent


def d_added_broken(a, b, cotangent):
    found = {}
    for x in (a, b):
        key = np.asarray(x).tobytes()  # equal constants are one node
        found[key] = found.get(key, 0) + cotangent
    return tuple(found[np.asarray(x).tobytes()] for x in (a, b))


BUGS.append(
    Bug(
        "tinygrad/tinygrad#9597",
        2025,
        "two constants of equal value become one node, so that each gets the gradients of both",
        "off by a constant factor 2",
        added,
        d_added_broken,
        d_added,
        (np.array([3.0, 1.0]), np.array([3.0, 1.0])),
    )
)


def upsampled(x):
    return np.repeat(x, 2) * np.tile(x, 2)


def d_upsampled(x, cotangent):
    grads = np.zeros(x.shape)
    grads += (cotangent * np.repeat(x, 2)).reshape(2, -1).sum(0)
    grads += (cotangent * np.tile(x, 2)).reshape(-1, 2).sum(1)
    return grads


def d_upsampled_broken(x, cotangent):
    grads = (cotangent * np.repeat(x, 2)).reshape(2, -1).sum(0)
    grads = (cotangent * np.tile(x, 2)).reshape(-1, 2).sum(1)
    return grads


BUGS.append(
    Bug(
        "huggingface/candle#3507",
        2026,
        "the backward of upsampling sets the gradient of its input, where it should add to what other uses gave",
        "= for +=",
        upsampled,
        d_upsampled_broken,
        d_upsampled,
        (rng.standard_normal(3),),
    )
)
