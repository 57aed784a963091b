"""What all tests share. Being here also puts this folder on the import path, so `from fakes import ...` works."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

# one thread a test process: the tests run in as many processes as there are cores
os.environ.setdefault("OMP_NUM_THREADS", "1")
# the same examples on every machine and in every run; HYPOTHESIS_PROFILE=explore draws new ones
# no deadline either: on a busy machine it would be luck whether an example takes 200 ms
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("explore", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))
# a shell lets what it starts in the background ignore Ctrl-C, and what is ignored stays so in what tests start
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
_SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture
def shared() -> Path:
    """The folder of real data and weights beside the checkout; tests that need it are skipped where it is absent."""
    if not _SHARED.is_dir():
        pytest.skip("no folder ../shared with real data")
    return _SHARED
