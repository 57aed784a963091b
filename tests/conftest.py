"""What all tests share. Being here also puts this folder on the import path, so `from fakes import ...` works."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# one thread a test process: the tests run in as many processes as there are cores
os.environ.setdefault("OMP_NUM_THREADS", "1")
_SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture
def shared() -> Path:
    """The folder of real data and weights beside the checkout; tests that need it are skipped where it is absent."""
    if not _SHARED.is_dir():
        pytest.skip("no folder ../shared with real data")
    return _SHARED
