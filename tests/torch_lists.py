"""PyTorch's own lists of examples: of its functions, layers and optimizers."""

import importlib

import pytest
from hypothesis import settings


def listed(module, name):
    """A list of `torch.testing._internal`; the settings of Hypothesis, which that replaces by its own, stay."""
    pytest.importorskip("torch")
    pytest.importorskip("expecttest")  # which PyTorch's lists need
    before = settings.get_current_profile_name()
    found = getattr(pytest.importorskip(f"torch.testing._internal.{module}"), name)
    settings.load_profile(before)
    core = importlib.import_module("torch.testing._internal.opinfo.core")
    core.extract_test_fn = lambda: None  # it looks for a test of PyTorch's through the whole stack, for each list
    return found
