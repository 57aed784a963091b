"""`segue fit`, in which one process has an accident: python fit_in_processes.py ACCIDENT fit DATA ...

ACCIDENT is `none`, or what happens to a process after so many steps: `kill:RANK:STEPS`, `term:RANK:STEPS`,
`error:RANK:STEPS`, `nan:RANK:STEPS` (its weights); with `ctrl-c:RANK:STEPS` it is torchrun that gets a SIGINT. The
tests start it with torchrun. Networks that are sharded are so in small blocks.
"""

import os
import signal
import sys
import time

import torch

from segue.cli import entry
from segue.errors import DataError
from segue.train import loop, sharding


def befall(kind: str, rank: str, steps: str) -> None:
    original, done = loop.training_step, []

    def step(*args: object) -> object:
        if len(done) == int(steps) and os.environ["RANK"] == rank:
            if kind == "error":
                raise DataError("000.png: expected an image, got a broken one")
            if kind == "nan":
                weight = next(args[0].model.parameters())
                sharding.put(weight, torch.full(weight.shape, torch.nan))
            elif kind == "ctrl-c":
                os.kill(os.getppid(), signal.SIGINT)
                time.sleep(3)  # until torchrun has passed it on
            else:
                os.kill(os.getpid(), {"kill": signal.SIGKILL, "term": signal.SIGTERM}[kind])
        done.append(None)
        return original(*args)

    loop.training_step = step


if __name__ == "__main__":
    sharding.BLOCK = 1000
    if sys.argv[1] != "none":
        befall(*sys.argv[1].split(":"))
    del sys.argv[1]
    entry()
