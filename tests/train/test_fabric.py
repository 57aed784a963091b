"""What is imported with Fabric, and what is not."""

import subprocess
import sys

import pytest


@pytest.mark.slow
@pytest.mark.parametrize("before", ["", "import torchmetrics"], ids=["hidden", "there already"])
def test_fabric_is_imported_alone_and_torchmetrics_can_be_afterwards(before):
    code = f"""
import sys
{before}
there = "torchmetrics" in sys.modules
from segue.train.fabric import Fabric
assert ("torchmetrics" in sys.modules) == there
assert not {{"lightning", "pytorch_lightning"}} & set(sys.modules)
import torchmetrics
assert torchmetrics.Metric
"""
    subprocess.run([sys.executable, "-c", code], check=True)
