"""A deep network written by hand in small functions that call each other, for any number of layers."""

import numpy as np

FAULTS = {  # the line that is right: the line that is wrong
    "dZ[Z <= 0] = 0": "dZ[Z > 0] = 0",
    "dZ = dA * s * (1 - s)": "dZ = dA * s",
    "dW = dZ @ A.T / m": "dW = dZ @ A.T",
    "db = np.sum(dZ, axis=1, keepdims=True) / m": "db = np.sum(dZ, axis=1, keepdims=True) / m * 2",
    "dA = W.T @ dZ": "dA = -W.T @ dZ",
    "dAL = -(Y / AL - (1 - Y) / (1 - AL))": "dAL = -(Y / AL + (1 - Y) / (1 - AL))",
    'grads["db" + str(k)] = db': 'grads["db" + str(k)] = db * Y.shape[1]',
}


def linear(A, W, b):
    return W @ A + b, (A, W)


def layer(A, W, b, activation):
    Z, cache = linear(A, W, b)
    A = np.maximum(0, Z) if activation == "relu" else 1 / (1 + np.exp(-Z))
    return A, (cache, Z)


def forward(X, Y, parameters):
    A, caches = X, []
    depth = len(parameters) // 2
    for k in range(1, depth + 1):
        A, cache = layer(A, parameters[f"W{k}"], parameters[f"b{k}"], "relu" if k < depth else "sigmoid")
        caches.append(cache)
    cost = -np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A)) / Y.shape[1]
    return np.squeeze(cost), (A, Y, caches)


def relu_backward(dA, Z):
    dZ = np.array(dA, copy=True)
    dZ[Z <= 0] = 0
    return dZ


def sigmoid_backward(dA, Z):
    s = 1 / (1 + np.exp(-Z))
    dZ = dA * s * (1 - s)
    return dZ


def linear_backward(dZ, cache):
    A, W = cache
    m = A.shape[1]
    dW = dZ @ A.T / m
    db = np.sum(dZ, axis=1, keepdims=True) / m
    dA = W.T @ dZ
    return dA, dW, db


def layer_backward(dA, cache, activation):
    kept, Z = cache
    dZ = relu_backward(dA, Z) if activation == "relu" else sigmoid_backward(dA, Z)
    return linear_backward(dZ, kept)


def backward(cache):
    AL, Y, caches = cache
    grads = {}
    dAL = -(Y / AL - (1 - Y) / (1 - AL))
    dA = dAL
    for k in range(len(caches), 0, -1):
        dA, dW, db = layer_backward(dA, caches[k - 1], "relu" if k < len(caches) else "sigmoid")
        grads["dW" + str(k)] = dW
        grads["db" + str(k)] = db
    return grads


def inputs():
    rng = np.random.default_rng(0)
    sizes = [4, 5, 5, 1]
    parameters = {}
    for k in range(1, len(sizes)):
        parameters[f"W{k}"] = rng.normal(size=(sizes[k], sizes[k - 1]))
        parameters[f"b{k}"] = rng.normal(size=(sizes[k], 1))
    return rng.normal(size=(4, 6)), (rng.random((1, 6)) > 0.5) * 1.0, parameters
