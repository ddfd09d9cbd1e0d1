"""ONNX models in onnxruntime, and results beside each other."""

import numpy as np
import pytest

onnxruntime = pytest.importorskip("onnxruntime")

OPTIONS = onnxruntime.SessionOptions()
OPTIONS.log_severity_level, OPTIONS.intra_op_num_threads = 4, 1


def session(model):
    return onnxruntime.InferenceSession(model.SerializeToString(), OPTIONS, providers=["CPUExecutionProvider"])


def ran(model, **feed):
    """The outputs of one run, by name."""
    names = [y.name for y in model.graph.output]
    return dict(zip(names, session(model).run(None, {k: np.asarray(x) for k, x in feed.items()}), strict=True))


def close(found, expected, roundings=64):
    """Equal in shape and dtype, and in numbers to some roundings of the largest."""
    found, expected = np.asarray(found), np.asarray(expected)
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    eps = roundings * np.finfo(expected.dtype).eps if expected.dtype.kind == "f" else 0
    scale = np.abs(expected[np.isfinite(expected)]).max(initial=0) if eps else 0
    np.testing.assert_allclose(found, expected, rtol=eps, atol=eps * scale)
