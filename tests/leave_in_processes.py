"""Ends as `segue` does while a thread of gloo still wants the interpreter: python leave_in_processes.py.

torchrun starts two of it. The second is late to a sum, so the first leaves while its sum is under way; when it ends,
gloo's thread calls what was to be done then, which is Python. With `sys.exit(work())` both abort.
"""

import os
import sys
import time

import torch
import torch.distributed as dist

from segue import cli


def work() -> int:
    dist.init_process_group("gloo")
    group = dist.group.WORLD
    if os.environ["RANK"] == "1":
        time.sleep(0.5)
    told = dist.all_reduce(torch.ones(3), async_op=True).get_future().then(lambda done: done.value())
    kept.append((group, told))
    sys.stdout.write("said before leaving\n")
    return 0


if __name__ == "__main__":
    kept: list[object] = []
    cli.main = work
    cli.entry()
