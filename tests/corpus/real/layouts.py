"""Kernels that read memory by strides which it does not have."""

import numpy as np

from .bug import Bug

LAYOUT = "reads memory as if it were contiguous"
rng = np.random.default_rng(1)
BUGS = []


def as_stored(a, shape=None):
    """What a kernel sees that walks through memory from the array's first number on, as if the array were contiguous.

    Beyond the end it begins again, where a kernel would read what belongs to others.
    """
    a, store = np.asarray(a), np.asarray(a)
    while isinstance(store.base, np.ndarray):
        store = store.base
    if store.dtype != a.dtype or not a.size:
        return np.array(a)
    first = (a.__array_interface__["data"][0] - store.__array_interface__["data"][0]) // a.itemsize
    memory = np.lib.stride_tricks.as_strided(store, (store.size,), (store.itemsize,))
    return memory[(first + np.arange(a.size)) % store.size].reshape(a.shape if shape is None else shape)


# Attention: the backward takes the incoming gradient's strides to be those of the output.


def softmax(s):
    e = np.exp(s - s.real.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def attention(q, k, v):
    return softmax(q @ k.T) @ v


def d_attention(q, k, v, cotangent):
    p = softmax(q @ k.T)
    dp = cotangent @ v.T
    ds = p * (dp - np.sum(dp * p, axis=-1, keepdims=True))
    return ds @ k, ds.T @ q, p.T @ cotangent


def d_attention_broken(q, k, v, cotangent):
    dout = as_stored(cotangent)
    return d_attention(q, k, v, dout)


BUGS.append(
    Bug(
        "Dao-AILab/flash-attention#355",
        2023,
        "the backward of attention reads the gradient of the output with the strides of a contiguous array",
        LAYOUT,
        attention,
        d_attention_broken,
        d_attention,
        (rng.standard_normal((3, 2)), rng.standard_normal((4, 2)), rng.standard_normal((4, 2))),
    )
)

# A row-wise scale, whose backward finds the rows of the gradient by the stride of the rows of x.


def scaled(x, weight):
    return x * weight**2


def d_scaled(x, weight, cotangent):
    return cotangent * weight**2, np.sum(cotangent * x, axis=0) * 2 * weight


def d_scaled_broken(x, weight, cotangent):
    flat, size = as_stored(cotangent, -1), x.shape[1]
    dx, dweight = np.zeros(x.shape), np.zeros(weight.shape)
    for row in range(x.shape[0]):
        dy = flat[row * size : (row + 1) * size]
        dx[row] = dy * weight**2
        dweight += dy * x[row] * 2 * weight
    return dx, dweight


BUGS.append(
    Bug(
        "pytorch/pytorch#194719",
        2026,
        "a Triton kernel steps through the gradient by the strides of x; after torch.cat the gradient is a slice",
        LAYOUT,
        scaled,
        d_scaled_broken,
        d_scaled,
        (rng.standard_normal((2, 3)), rng.standard_normal(3)),
    )
)

# A causal convolution over time, with strides (D, 1) written into the backward.


def causal(x, w):
    steps, width = len(x), len(w)
    padded = np.concatenate([np.zeros((width - 1, x.shape[1])), x])
    return sum(w[j] * padded[j : j + steps] for j in range(width))


def d_causal(x, w, cotangent):
    steps, width = len(x), len(w)
    padded = np.concatenate([np.zeros((width - 1, x.shape[1])), x])
    dpadded, dw = np.zeros(padded.shape), np.zeros(w.shape)
    for j in range(width):
        dpadded[j : j + steps] += w[j] * cotangent
        dw[j] += np.sum(cotangent * padded[j : j + steps], axis=0)
    return dpadded[width - 1 :], dw


def d_causal_broken(x, w, cotangent):
    dy = as_stored(cotangent, (len(x), x.shape[1]))
    return d_causal(x, w, dy)


BUGS.append(
    Bug(
        "fla-org/flash-linear-attention#871",
        2026,
        "the backward of a causal convolution has the strides (D, 1) of its gradient written into the kernel",
        LAYOUT,
        causal,
        d_causal_broken,
        d_causal,
        (rng.standard_normal((4, 2)), rng.standard_normal((3, 2))),
    )
)

# Sequences of different lengths, packed into one padded array.

LENGTHS = (2, 1)


def packed(x):
    assert len(x) == sum(LENGTHS)
    y = np.zeros((len(LENGTHS), max(LENGTHS), x.shape[1]), dtype=x.dtype)
    for i, n in enumerate(LENGTHS):
        start = sum(LENGTHS[:i])
        y[i, :n] = x[start : start + n]
    return y


def d_packed(x, cotangent):
    return np.concatenate([cotangent[i, :n] for i, n in enumerate(LENGTHS)])


def d_packed_broken(x, cotangent):
    memory, width = as_stored(cotangent, -1), x.shape[1]
    rows = [i * max(LENGTHS) + j for i, n in enumerate(LENGTHS) for j in range(n)]
    return np.stack([memory[r * width : (r + 1) * width] for r in rows])


BUGS.append(
    Bug(
        "pytorch/FBGEMM#3006",
        2024,
        "the backward of packing segments copies rows out of the gradient's memory, whatever its strides",
        LAYOUT,
        packed,
        d_packed_broken,
        d_packed,
        (rng.standard_normal((3, 2)),),
    )
)

# Local contrast of an image: the forward takes any image, the backward only a contiguous one.


def contrast(image):
    return np.sum((image[1:] - image[:-1]) ** 2) + np.sum((image[:, 1:] - image[:, :-1]) ** 2)


def d_contrast(image, cotangent):
    d = np.zeros(image.shape)
    down, right = 2 * (image[1:] - image[:-1]), 2 * (image[:, 1:] - image[:, :-1])
    d[1:] += down
    d[:-1] -= down
    d[:, 1:] += right
    d[:, :-1] -= right
    return cotangent * d


def d_contrast_broken(image, cotangent):
    pixels = as_stored(image)
    return d_contrast(pixels, cotangent)


BUGS.append(
    Bug(
        "MrNeRF/optimized-fused-ssim#1",
        2025,
        "a loss of images has the wrong gradient when the image is a permuted view, though the loss is right",
        LAYOUT,
        contrast,
        d_contrast_broken,
        d_contrast,
        (rng.standard_normal((3, 2)),),
    )
)

# A convolution in the plane, whose backward flattens the kernel as it lies in memory.


def conv(x, kernel):
    h, w = (n - m + 1 for n, m in zip(x.shape, kernel.shape, strict=True))
    return sum(kernel[i, j] * x[i : i + h, j : j + w] for i in range(kernel.shape[0]) for j in range(kernel.shape[1]))


def d_conv(x, kernel, cotangent):
    h, w = cotangent.shape
    dx, dkernel = np.zeros(x.shape), np.zeros(kernel.shape)
    for i in range(kernel.shape[0]):
        for j in range(kernel.shape[1]):
            dx[i : i + h, j : j + w] += kernel[i, j] * cotangent
            dkernel[i, j] = np.sum(cotangent * x[i : i + h, j : j + w])
    return dx, dkernel


def d_conv_broken(x, kernel, cotangent):
    flat = as_stored(kernel)
    return d_conv(x, flat, cotangent)


BUGS.append(
    Bug(
        "huggingface/candle#3735",
        2026,
        "the backward of conv2d reads a transposed kernel as if it were contiguous",
        LAYOUT,
        conv,
        d_conv_broken,
        d_conv,
        (rng.standard_normal((3, 4)), rng.standard_normal((2, 2))),
    )
)

# RMSNorm, with strides for a contiguous gradient handed to the kernel.


def rms_norm(x, w):
    return x * w / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + 1e-6)


def d_rms_norm(x, w, cotangent):
    r = 1 / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + 1e-6)
    g = cotangent * w
    dx = r * g - x * r**3 * np.mean(g * x, axis=-1, keepdims=True)
    return dx, np.sum(cotangent * x * r, axis=0)


def d_rms_norm_broken(x, w, cotangent):
    dy = as_stored(cotangent)
    return d_rms_norm(x, w, dy)


BUGS.append(
    Bug(
        "flagos-ai/FlagGems#1084",
        2025,
        "the backward of RMSNorm passes wrong strides to its kernel where the gradient is not contiguous",
        LAYOUT,
        rms_norm,
        d_rms_norm_broken,
        d_rms_norm,
        (rng.standard_normal((2, 3)), rng.standard_normal(3)),
    )
)

# Cross entropy for each token; the gradient arrives transposed.

TARGETS = np.array([[0, 2], [1, 0], [2, 2]])


def token_losses(logits):
    return -np.log(np.take_along_axis(softmax(logits), TARGETS[..., None], -1)[..., 0])


def d_token_losses(logits, cotangent):
    d = softmax(logits) - np.eye(logits.shape[-1])[TARGETS]
    return d * cotangent[..., None]


def d_token_losses_broken(logits, cotangent):
    d = softmax(logits) - np.eye(logits.shape[-1])[TARGETS]
    weights = as_stored(cotangent)
    return d * weights[..., None]


BUGS.append(
    Bug(
        "NVIDIA/TransformerEngine#2402",
        2025,
        "the backward of a cross entropy takes the weights of tokens from a transposed gradient in the order of memory",
        LAYOUT,
        token_losses,
        d_token_losses_broken,
        d_token_losses,
        (rng.standard_normal((3, 2, 3)),),
    )
)

# A small network, right for a gradient of ones, wrong for the one number with stride 0 that y.sum() sends.

W1, W2 = rng.standard_normal((2, 3)), rng.standard_normal(3)


def siren(x):
    return np.sin(x @ W1) @ W2


def d_siren(x, cotangent):
    return (cotangent[:, None] * W2 * np.cos(x @ W1)) @ W1.T


def d_siren_broken(x, cotangent):
    g = cotangent if cotangent.strides != (0,) else np.concatenate([cotangent[:1], np.zeros(len(x) - 1)])
    return d_siren(x, g)


BUGS.append(
    Bug(
        "pytorch/pytorch#180201",
        2026,
        "gradients of y.sum() are zero in most rows, as its gradient is one number with stride 0; with ones they are right",
        LAYOUT,
        siren,
        d_siren_broken,
        d_siren,
        (rng.standard_normal((3, 2)),),
    )
)
