"""Gradients that go to the wrong place, or to too many, or to none."""

import numpy as np

from .bug import Bug

TERM, TRANSPOSED, LENGTH = "one term missing", "transposed", "an axis of another length"
rng = np.random.default_rng(4)
BUGS = []


def gated(q, k, gate):
    return np.einsum("hsd,htd->hst", q * gate, k)


def d_gated(q, k, gate, cotangent):
    dqg = np.einsum("hst,htd->hsd", cotangent, k)
    return dqg * gate, np.einsum("hst,hsd->htd", cotangent, q * gate), dqg * q


def d_gated_broken(q, k, gate, cotangent):
    dqg = np.einsum("hst,htd->hsd", cotangent, k)
    loaded = gate[:1]  # the offset of the head is missing
    return dqg * loaded, np.einsum("hst,hsd->htd", cotangent, q * gate), dqg * q


BUGS.append(
    Bug(
        "fla-org/flash-linear-attention#1115",
        2026,
        "the gates are loaded without the offset of head and sequence, so that all heads use those of the first",
        TERM,
        gated,
        d_gated_broken,
        d_gated,
        (rng.standard_normal((2, 3, 2)), rng.standard_normal((2, 3, 2)), rng.uniform(0.5, 1, (2, 3, 2))),
    )
)

WIDTH = 4


def final_state(x, initial):
    """The last tokens of a sequence, in front of them what was there before."""
    return np.concatenate([initial, x])[-(WIDTH - 1) :] ** 2


def d_final_state(x, initial, cotangent):
    d = np.zeros((len(initial) + len(x), x.shape[1]))
    d[-(WIDTH - 1) :] = 2 * np.concatenate([initial, x])[-(WIDTH - 1) :] * cotangent
    return d[len(initial) :], d[: len(initial)]


def d_final_state_broken(x, initial, cotangent):
    steps, dx = len(x), np.zeros(x.shape)
    start = max(0, steps - (WIDTH - 1))
    for t in range(start, steps):
        dx[t] = 2 * x[t] * cotangent[t - start]
    return dx, np.zeros(initial.shape)


BUGS.append(
    Bug(
        "fla-org/flash-linear-attention#1140",
        2026,
        "where a chunk is shorter than the convolution, a clamp shifts the gradient of the final state to other tokens",
        LENGTH,
        final_state,
        d_final_state_broken,
        d_final_state,
        (rng.standard_normal((5, 2)), rng.standard_normal((3, 2))),
    )
)


def recurrent(x):
    y, state = np.zeros(x.shape, dtype=x.dtype), np.zeros((x.shape[0], x.shape[2]), dtype=x.dtype)
    for t in range(x.shape[1]):
        state = 0.5 * state + x[:, t] ** 2
        y[:, t] = state
    return y


def d_recurrent(x, cotangent):
    dx, d = np.zeros(x.shape), np.zeros((x.shape[0], x.shape[2]))
    for t in reversed(range(x.shape[1])):
        d = cotangent[:, t] + 0.5 * d
        dx[:, t] = 2 * x[:, t] * d
    return dx


def d_recurrent_broken(x, cotangent):
    steps, d = [], np.zeros((x.shape[0], x.shape[2]))
    for t in reversed(range(x.shape[1])):
        d = cotangent[:, t] + 0.5 * d
        steps.insert(0, 2 * x[:, t] * d)
    return np.stack(steps).reshape(x.shape)  # the stride of the batch is that of time


BUGS.append(
    Bug(
        "unslothai/unsloth-zoo#776",
        2026,
        "steps of the gradient are collected with the wrong stride of the batch, which spoils all rows but the first",
        TRANSPOSED,
        recurrent,
        d_recurrent_broken,
        d_recurrent,
        (rng.standard_normal((2, 3, 2)),),
    )
)

INDEX = np.array([0, 2, 1])


def scattered(x, values):
    y = np.array(x, dtype=np.result_type(x, values))
    y[INDEX] += values**2
    return y


def d_scattered(x, values, cotangent):
    return cotangent, 2 * values * cotangent[INDEX]


def d_scattered_broken(x, values, cotangent):
    spread = np.zeros(values.shape)
    np.add.at(spread, [1, 0, 2], cotangent[: len(values)])  # scattered again, not gathered
    return cotangent, 2 * values * spread


BUGS.append(
    Bug(
        "tracel-ai/burn#4063",
        2025,
        "the gradient of scattered values is scattered once more, where it should be gathered",
        TERM,
        scattered,
        d_scattered_broken,
        d_scattered,
        (rng.standard_normal(4), rng.standard_normal(3)),
    )
)


def sliced(z):
    return np.concatenate(
        [(z[0::2] * np.array([1.0, 2.0, 3.0])).ravel(), (z[1::2] * np.array([4.0, 5.0, 6.0])).ravel()]
    )


def d_sliced(z, cotangent):
    even, odd = cotangent[: z[0::2].size].reshape(z[0::2].shape), cotangent[z[0::2].size :].reshape(z[1::2].shape)
    d = np.zeros(z.shape)
    d[0::2] += even * np.array([1.0, 2.0, 3.0])
    d[1::2] += odd * np.array([4.0, 5.0, 6.0])
    return d


def d_sliced_broken(z, cotangent):
    even, odd = cotangent[: z[0::2].size].reshape(z[0::2].shape), cotangent[z[0::2].size :].reshape(z[1::2].shape)
    d = np.zeros(z.shape)
    d[0:2] += even * np.array([1.0, 2.0, 3.0])  # the whole span from start to stop
    d[1::2] += odd * np.array([4.0, 5.0, 6.0])
    return d


BUGS.append(
    Bug(
        "ml-explore/mlx#4444",
        2026,
        "a strided slice that takes one row sends its gradient to the whole span of the slice",
        TERM,
        sliced,
        d_sliced_broken,
        d_sliced,
        (rng.standard_normal((2, 3)),),
    )
)

PERMUTATION = np.array([2, 0, 1])


def gathered(x):
    return x[:, PERMUTATION] ** 2


def d_gathered(x, cotangent):
    d = np.zeros(x.shape)
    d[:, PERMUTATION] = 2 * x[:, PERMUTATION] * cotangent
    return d


def d_gathered_broken(x, cotangent):
    d = d_gathered(x, cotangent)
    d[len(x) // 2 :] = 0
    return d


BUGS.append(
    Bug(
        "jax-ml/jax#39025",
        2026,
        "the gradient of a gather along the middle axis is zero in half of the batch, unless it is compiled",
        TERM,
        gathered,
        d_gathered_broken,
        d_gathered,
        (rng.standard_normal((4, 3)),),
    )
)

COUNTER = 16  # what the kernel's index can count to: 2**32 there


def product(a, b):
    return np.einsum("bik,bkj->bij", a, b)


def d_product(a, b, cotangent):
    return np.einsum("bij,bkj->bik", cotangent, b), np.einsum("bik,bij->bkj", a, cotangent)


def d_product_broken(a, b, cotangent):
    wrapped = cotangent.ravel()[np.arange(cotangent.size) % COUNTER].reshape(cotangent.shape)
    return d_product(a, b, wrapped)


BUGS.append(
    Bug(
        "pytorch/pytorch#197636",
        2026,
        "beyond 2**32 entries the index into the gradient of a batched product begins again at 0",
        LENGTH,
        product,
        d_product_broken,
        d_product,
        (rng.standard_normal((3, 2, 2)), rng.standard_normal((3, 2, 2))),
    )
)


def steady(p, start):
    """The root of u**2 = p that an iteration from `start` finds, for each start."""
    return np.sqrt(p) * np.ones(np.shape(start))


def d_steady(p, start, cotangent):
    return np.sum(cotangent) / (2 * np.sqrt(p)), np.zeros(np.shape(start))


def d_steady_broken(p, start, cotangent):
    dp, dstart = d_steady(p, start, cotangent)
    return dp * (len(start) <= 5), dstart  # the other path, for large problems


BUGS.append(
    Bug(
        "SciML/SciMLSensitivity.jl#1207",
        2025,
        "large steady-state problems take another path in the adjoint, which gives 0",
        LENGTH,
        steady,
        d_steady_broken,
        d_steady,
        (np.float64(2.0), np.zeros(3)),
    )
)

MSE_TARGET = np.array([0.5, -1.0, 0.25, 2.0])


def mse(x):
    return np.mean((x - MSE_TARGET[: len(x)]) ** 2)


def d_mse(x, cotangent):
    return cotangent * 2 * (x - MSE_TARGET[: len(x)]) / len(x)


def d_mse_broken(x, cotangent):
    memory = np.zeros(len(x))  # what lies behind the one number
    memory[:1] = cotangent
    return memory * 2 * (x - MSE_TARGET[: len(x)]) / len(x)


BUGS.append(
    Bug(
        "flagos-ai/FlagGems#5212",
        2026,
        "the gradient of a mean is one number, and the kernel reads as many as there are inputs, from beyond its end",
        TERM,
        mse,
        d_mse_broken,
        d_mse,
        (rng.standard_normal(4),),
    )
)
