"""`segue fit` in two real processes, and what its run is compared with; for the tests that start torchrun."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from segue.train.checkpoint import load_tensors

TESTS = Path(__file__).parent
STEPS = 8
OPTIONS = [
    "--steps", str(STEPS), "--seed", "3", "--model.encoder", "test_resnet", "--model.decoder", "fcn",
    "--transfer.mode", "scratch", "--data.size", "32x32", "--optim.batch", "4", "--optim.optimizer", "sgd",
    "--optim.lr", "0.01", "--train.validations", "2", "--train.checkpoint-every", "3", "--train.patience", "1",
    "--train.threads", "1", "--train.precision", "fp32", "--no-configure",
]  # fmt: skip
CLOSE = {"rtol": 1e-3, "atol": 1e-5}  # of weights after eight steps


def torchrun(*arguments, accident="none"):
    """Standard output, standard error and exit code of a command."""
    return run_script("fit_in_processes.py", accident, *map(str, arguments))


def run_script(name, *arguments, timeout=600):
    """The same of one of the scripts beside this file."""
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [sys.executable, *launch, str(TESTS / name), *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=timeout, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    return done.stdout, done.stderr, done.returncode


def said(errors):
    """The lines of Segue among those of torchrun."""
    return [line for line in errors.splitlines() if line.startswith("segue: ")]


def assert_same_model(run, expected):
    found, wanted = (load_tensors(folder / "model" / "model.safetensors")[0] for folder in (run, expected))
    assert found.keys() == wanted.keys()
    for name, tensor in wanted.items():
        np.testing.assert_allclose(found[name].numpy(), tensor.numpy(), err_msg=name, **CLOSE)


def last_row(run):
    return json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])


def assert_same_scores(run, expected):
    for name, value in last_row(expected).items():
        if name != "seconds":
            assert last_row(run)[name] == pytest.approx(value, rel=1e-3, abs=1e-5), name
