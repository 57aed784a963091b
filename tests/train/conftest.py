"""What the tests of several processes train on, and what they are compared with."""

import pytest

from fakes import write_blocks
from segue.cli import main
from two_processes import OPTIONS


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Images of which some are hardly labelled, so that averages of each process's own pixels would be other losses."""
    return write_blocks(tmp_path_factory.mktemp("data"), 13, hidden=8)


@pytest.fixture(scope="module")
def one(data, tmp_path_factory):
    """The run of one process."""
    run = tmp_path_factory.mktemp("one") / "run"
    assert main(["fit", str(data), "--out", str(run), *OPTIONS]) == 0
    return run
