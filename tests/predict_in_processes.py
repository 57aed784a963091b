"""`segue predict`, in which one process is killed: python predict_in_processes.py RANK predict RUN ...

RANK is the process that SIGKILL ends at its first image, or `none`. The tests start it with torchrun.
"""

import os
import signal
import sys

from segue.cli import entry
from segue.infer.segmenter import Segmenter


def kill(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    if sys.argv[1] == os.environ["RANK"]:
        Segmenter.segment = kill
    del sys.argv[1]
    entry()
