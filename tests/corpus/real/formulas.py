"""Formulas with a wrong factor, or without one of their terms."""

import numpy as np

from .bug import Bug

FACTOR, TERM, OVERWRITTEN = "off by a constant factor", "one term missing", "= for +="
PARTLY = "uses one entry of the gradient of the output for all"
rng = np.random.default_rng(3)
BUGS = []


def splat(conic, opacity):
    dx, dy = np.array([0.5, -0.25, 1.0]), np.array([0.75, 0.5, -0.5])
    a, b, c = conic
    return opacity * np.exp(-0.5 * (a * dx * dx + c * dy * dy) - b * dx * dy)


def d_splat(conic, opacity, cotangent, half=1.0):
    dx, dy = np.array([0.5, -0.25, 1.0]), np.array([0.75, 0.5, -0.5])
    g = splat(conic, opacity) * cotangent
    return np.array([np.sum(-0.5 * g * dx * dx), np.sum(-half * g * dx * dy), np.sum(-0.5 * g * dy * dy)]), np.sum(
        g / opacity
    )


def d_splat_broken(conic, opacity, cotangent):
    return d_splat(conic, opacity, cotangent, half=0.5)


BUGS.append(
    Bug(
        "graphdeco-inria/gaussian-splatting#551",
        2023,
        "the gradient of the off-diagonal entry of a conic has a factor 0.5 that the forward has only on the diagonal",
        TERM,
        splat,
        d_splat_broken,
        d_splat,
        (np.array([1.5, 0.25, 2.0]), np.float64(0.75)),
    )
)

LABELS = np.array([2, 0, 1])


def softmax(s):
    e = np.exp(s - s.real.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def losses(logits):
    return -np.log(softmax(logits)[np.arange(len(logits)), LABELS[: len(logits)]])


def d_losses(logits, cotangent):
    d = softmax(logits) - np.eye(logits.shape[1])[LABELS[: len(logits)]]
    return d * cotangent[:, None]


def d_losses_broken(logits, cotangent):
    d = softmax(logits) - np.eye(logits.shape[1])[LABELS[: len(logits)]]
    return d * cotangent.flat[0]


BUGS.append(
    Bug(
        "linkedin/Liger-Kernel#680",
        2025,
        "with reduction='none' the backward of a cross entropy multiplies all rows by the first weight",
        PARTLY,
        losses,
        d_losses_broken,
        d_losses,
        (rng.standard_normal((3, 4)),),
    )
)

X = rng.standard_normal((3, 2))


def head_losses(w):
    return losses(X @ w)


def d_head_losses(w, cotangent):
    return X.T @ d_losses(X @ w, cotangent)


def d_head_losses_broken(w, cotangent):
    summed = X.T @ d_losses(X @ w, np.ones(len(X)))
    return summed * cotangent.flat[0]


BUGS.append(
    Bug(
        "linkedin/Liger-Kernel#1298",
        2026,
        "the gradient of the weight is summed over tokens in the forward, so that their own weights can no longer enter",
        PARTLY,
        head_losses,
        d_head_losses_broken,
        d_head_losses,
        (rng.standard_normal((2, 3)),),
    )
)

GATE, UP = rng.standard_normal((2, 3)), rng.standard_normal((2, 3))


def expert(x):
    return np.tanh(x @ GATE) * (x @ UP)


def d_expert(x, cotangent):
    gate = np.tanh(x @ GATE)
    d_gate, d_up = cotangent * (x @ UP) * (1 - gate**2), cotangent * gate
    dx = d_gate @ GATE.T
    dx = dx + d_up @ UP.T
    return dx


def d_expert_broken(x, cotangent):
    gate = np.tanh(x @ GATE)
    d_gate, d_up = cotangent * (x @ UP) * (1 - gate**2), cotangent * gate
    dx = d_gate @ GATE.T
    dx = d_up @ UP.T
    return dx


BUGS.append(
    Bug(
        "linkedin/Liger-Kernel#1413",
        2026,
        "of two products that one accumulator should add up, the compiled kernel keeps one",
        OVERWRITTEN,
        expert,
        d_expert_broken,
        d_expert,
        (rng.standard_normal((2, 2)),),
    )
)


def decayed(q, k, v, decay):
    steps = len(q)
    weights = np.tril(decay ** np.abs(np.subtract.outer(np.arange(steps), np.arange(steps))))
    return ((q @ k.T) * weights) @ v


def d_decayed(q, k, v, decay, cotangent):
    steps = len(q)
    apart = np.abs(np.subtract.outer(np.arange(steps), np.arange(steps)))
    weights = np.tril(decay**apart)
    ds = cotangent @ v.T
    slope = np.tril(apart * decay ** np.maximum(apart - 1, 0))
    dv = ((q @ k.T) * weights).T @ cotangent
    return (ds * weights) @ k, (ds * weights).T @ q, dv, np.sum(ds * (q @ k.T) * slope)


def d_decayed_broken(q, k, v, decay, cotangent):
    dq, dk, _, ddecay = d_decayed(q, k, v, decay, cotangent)
    dv = np.tril(q @ k.T).T @ cotangent
    return dq, dk, dv, ddecay


BUGS.append(
    Bug(
        "fla-org/flash-linear-attention#6",
        2024,
        "the gradient of the values is computed without the gates of a simple gated linear attention",
        TERM,
        decayed,
        d_decayed_broken,
        d_decayed,
        (rng.standard_normal((3, 2)), rng.standard_normal((3, 2)), rng.standard_normal((3, 2)), np.float64(0.75)),
    )
)


def normalised(q, k, v):
    scores = np.tril(q @ k.T)
    return (scores @ v) / np.sum(q * np.cumsum(k, axis=0), axis=-1, keepdims=True)


def d_normalised(q, k, v, cotangent, severed=False):
    scores, z = np.tril(q @ k.T), np.cumsum(k, axis=0)
    n, o = np.sum(q * z, axis=-1, keepdims=True), scores @ v
    do = cotangent / n
    dn = -np.sum(cotangent * o, axis=-1, keepdims=True) / n**2
    ds = np.tril(do @ v.T)
    dz = 0 * z if severed else dn * q
    dk = ds.T @ q + np.cumsum(dz[::-1], axis=0)[::-1]
    return ds @ k + dn * z, dk, scores.T @ do


def d_normalised_broken(q, k, v, cotangent):
    return d_normalised(q, k, v, cotangent, severed=True)


BUGS.append(
    Bug(
        "fla-org/flash-linear-attention#875",
        2026,
        "the running sum of keys in a denominator is taken outside of autograd, so that dk lacks that part",
        TERM,
        normalised,
        d_normalised_broken,
        d_normalised,
        (rng.uniform(0.2, 1, (3, 2)), rng.uniform(0.2, 1, (3, 2)), rng.standard_normal((3, 2))),
    )
)


def rms_norm(x, w):
    return x * w / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + 1e-6)


def d_rms_norm(x, w, cotangent):
    r = 1 / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + 1e-6)
    g = cotangent * w
    dx = r * g - x * r**3 * np.mean(g * x, axis=-1, keepdims=True)
    return dx, np.sum(cotangent * x * r, axis=0)


def d_rms_norm_unweighted(x, w, cotangent):
    r = 1 / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + 1e-6)
    g = cotangent
    dx = r * g - x * r**3 * np.mean(g * x, axis=-1, keepdims=True)
    return dx, np.sum(cotangent * x * r, axis=0)


BUGS.append(
    Bug(
        "karpathy/llm.c#763",
        2024,
        "an own RMSNorm (told in the review) forgets to multiply by the weight in the backward",
        TERM,
        rms_norm,
        d_rms_norm_unweighted,
        d_rms_norm,
        (rng.standard_normal((2, 3)), rng.standard_normal(3)),
    )
)


def d_rms_norm_turned(x, w, cotangent):
    r = 1 / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + 1e-6)
    g = cotangent * w
    correction = np.mean(g * x, axis=-1) * r[:, 0] ** 3
    dx = r * g - x * correction
    return dx, np.sum(cotangent * x * r, axis=0)


BUGS.append(
    Bug(
        "BobMcDear/attorch#17",
        2026,
        "the correction of each row is broadcast over columns, as an axis is missing; it runs where both are equally long",
        TERM,
        rms_norm,
        d_rms_norm_turned,
        d_rms_norm,
        (rng.standard_normal((3, 3)), rng.standard_normal(3)),
    )
)


def modified_huber(margin):
    return np.where(margin < -1, -4 * margin, np.maximum(0, 1 - margin) ** 2)


def d_modified_huber(margin, cotangent, factor=2.0):
    return cotangent * np.where(margin < -1, -4.0, -factor * np.maximum(0, 1 - margin))


def d_modified_huber_broken(margin, cotangent):
    return d_modified_huber(margin, cotangent, factor=1.0)


BUGS.append(
    Bug(
        "stdlib-js/stdlib#13111",
        2026,
        "the step for the modified Huber loss lacks the factor 2 of the square",
        "off by a constant factor 0.5",
        modified_huber,
        d_modified_huber_broken,
        d_modified_huber,
        (np.array([-0.5, 0.25, 0.75]),),
    )
)


def solved(a, b):
    return np.linalg.solve(a, b)


def d_solved(a, b, cotangent):
    db = np.linalg.solve(a.T, cotangent)
    return -db @ np.linalg.solve(a, b).T, db


def d_solved_broken(a, b, cotangent):
    db = np.linalg.solve(a, cotangent)
    return -db @ np.linalg.solve(a, b).T, db


BUGS.append(
    Bug(
        "pytorch/pytorch#175192",
        2026,
        "on one backend the backward of a linear solve solves another system (here: with the matrix, not its transpose)",
        TERM,
        solved,
        d_solved_broken,
        d_solved,
        (rng.standard_normal((3, 3)) + 3 * np.eye(3), rng.standard_normal((3, 2))),
    )
)


def triangular(a, b):
    return np.linalg.solve(np.tril(a), b)


def d_triangular(a, b, cotangent):
    db = np.linalg.solve(np.tril(a).T, cotangent)
    return -np.tril(db @ np.linalg.solve(np.tril(a), b).T), db


def d_triangular_broken(a, b, cotangent):
    db = np.linalg.solve(np.tril(a).T, cotangent)
    da = np.zeros(a.shape)  # allocated, and never written
    return da, db


BUGS.append(
    Bug(
        "PaddlePaddle/Paddle#57863",
        2023,
        "the gradient of the matrix of a triangular solve is memory that the kernel does not fill",
        "one term missing: the whole gradient is 0",
        triangular,
        d_triangular_broken,
        d_triangular,
        (rng.standard_normal((3, 3)) + 3 * np.eye(3), rng.standard_normal((3, 1))),
    )
)


def multiplied(x):
    return x**2


def d_multiplied(x, cotangent):
    return 2 * x * cotangent


def d_multiplied_broken(x, cotangent, n=3):
    return 2 * x * cotangent * n


BUGS.append(
    Bug(
        "pytorch/pytorch#132601",
        2024,
        "in an example of the documentation the backward multiplies by n, the forward does not",
        "off by a constant factor 3",
        multiplied,
        d_multiplied_broken,
        d_multiplied,
        (rng.standard_normal(3),),
    )
)


def biased(x, b):
    return x + b


def d_biased(x, b, cotangent):
    return cotangent, np.sum(cotangent, axis=0, keepdims=True)


def d_biased_broken(x, b, cotangent):
    return cotangent, cotangent


BUGS.append(
    Bug(
        "tracel-ai/burn#181",
        2023,
        "the gradient of a bias that was broadcast over the batch is not summed over it",
        "not summed",
        biased,
        d_biased_broken,
        d_biased,
        (rng.standard_normal((2, 3)), rng.standard_normal((1, 3))),
    )
)


def composited(alpha, colours):
    seen = np.where(alpha >= 0.1, alpha, 0.0)
    clear = np.concatenate([[1.0], np.cumprod(1 - seen)[:-1]])
    return np.sum(seen * clear * colours)


def d_composited(alpha, colours, cotangent):
    seen = np.where(alpha >= 0.1, alpha, 0.0)
    d, left, behind = np.zeros(alpha.shape), np.prod(1 - seen), 0.0
    for k in reversed(range(len(alpha))):
        if alpha[k] >= 0.1:
            left = left / (1 - alpha[k])
            d[k] = left * colours[k] - behind / (1 - alpha[k])
            behind = behind + left * alpha[k] * colours[k]
    return cotangent * d, cotangent * seen * np.concatenate([[1.0], np.cumprod(1 - seen)[:-1]])


def d_composited_broken(alpha, colours, cotangent):
    seen = np.where(alpha >= 0.1, alpha, 0.0)
    d, left, behind = np.zeros(alpha.shape), np.prod(1 - seen), 0.0
    for k in reversed(range(len(alpha))):
        left = left / (1 - alpha[k])  # the last one is taken to have contributed
        if alpha[k] >= 0.1:
            d[k] = left * colours[k] - behind / (1 - alpha[k])
            behind = behind + left * alpha[k] * colours[k]
    return cotangent * d, cotangent * seen * np.concatenate([[1.0], np.cumprod(1 - seen)[:-1]])


BUGS.append(
    Bug(
        "joeyan/gaussian_splatting#35",
        2025,
        "the walk back takes the last splat to have contributed, though it was skipped, so that all weights are too large",
        FACTOR,
        composited,
        d_composited_broken,
        d_composited,
        (np.array([0.5, 0.25, 0.75, 0.0625]), np.array([0.25, 1.0, 0.5, 0.75])),
    )
)
