"""Hypothesis profiles: `dev` (quick), `ci`, and `deep` (HYPOTHESIS_PROFILE=deep)."""

import os
import sys

import pytest
from hypothesis import HealthCheck, settings

COMMON = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("dev", max_examples=10, **COMMON)
settings.register_profile("ci", max_examples=10, derandomize=True, **COMMON)
settings.register_profile("deep", max_examples=1000, **COMMON)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "dev"))


@pytest.fixture(autouse=True)
def _nothing_of_other_tests():
    """Ops that a test declares are gone after it, and so is what guards have seen of its training loops."""
    from tinygrad_edu.op import REGISTRY

    if (guards := sys.modules.get("tinygrad_edu.nn.guards")) is not None:
        guards.SEEN = guards.Seen()
    yield
    for name in [name for name, op in REGISTRY.items() if op.custom]:
        del REGISTRY[name]
