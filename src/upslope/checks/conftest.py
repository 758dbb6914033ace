"""Under pytest the checks test the library itself: each gets a fresh seeded generator, and a failure says which seed.

The grading child does not read this file. `UPSLOPE_SEED` sets the seed; without it every run draws a new one.
"""

import os
import secrets
import zlib

import numpy as np
import pytest

SEED = int(os.environ.get("UPSLOPE_SEED") or secrets.randbelow(1_000_000))


def pytest_report_header() -> str:
    return f"checks: seed {SEED} (UPSLOPE_SEED={SEED} draws the same numbers)"


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    """A generator of this check's own: its numbers do not depend on which checks ran before."""
    print(f"UPSLOPE_SEED={SEED}")  # pytest shows it where a check fails
    return np.random.default_rng([SEED, zlib.crc32(request.node.name.encode())])
