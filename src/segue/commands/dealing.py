"""Work on a list shared by the processes that torchrun started: each does its part, the first one puts all together.

The parts have nothing to tell each other, so the processes meet twice: when the first one has decided what there is to
do, and when all are done.
"""

from __future__ import annotations

import heapq
import logging
import os
import signal
from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager
from typing import NoReturn, TypeVar

import torch

from segue.console import processes
from segue.cores import usable_cores
from segue.errors import SegueError, TrainingStoppedError
from segue.train.processes import ALONE, Group, joined

ENDED = (
    "another of the processes ended, and so do all: what it said stands above, unless it was killed; the files there "
    "are whole, and the same command does all of them again"
)
_log = logging.getLogger("segue")
Thing = TypeVar("Thing", bound=Hashable)
Said = list[tuple[int, str]]  # level and text of messages


def dealt(sizes: Mapping[Thing, int], parts: int) -> list[list[Thing]]:
    """Divide things into `parts` lists of about equal size: the largest first, each to who has least so far.

    >>> dealt({"a": 5, "b": 1, "c": 3, "d": 3}, 2)
    [['a', 'b'], ['c', 'd']]
    """
    heap = [(0, part) for part in range(parts)]
    owner: dict[Thing, int] = {}
    for thing in sorted(sizes, key=lambda one: -sizes[one]):
        held, part = heap[0]
        heapq.heapreplace(heap, (held + sizes[thing] + 1, part))  # an empty file is some work as well
        owner[thing] = part
    return [[thing for thing in sizes if owner[thing] == part] for part in range(parts)]


@contextmanager
def sharing() -> Iterator[Group]:
    """The processes that work together, `ALONE` without torchrun; all but the first are silent.

    A process that ends early ends all: the first raises `SegueError`, the others leave.
    """
    if processes() == 1:
        yield ALONE
        return
    before = signal.signal(signal.SIGTERM, _leave)
    try:
        with joined() as group:
            if not group.first:
                _log.setLevel(logging.CRITICAL)
            _share_cores(group)
            yield group
    except TrainingStoppedError:
        _leave()
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def kept(group: Group) -> Iterator[Said]:
    """What a silent process would have said meanwhile, for the first to `say`; the first one speaks for itself."""
    said: Said = []

    def keep(record: logging.LogRecord) -> bool:
        said.append((record.levelno, record.getMessage()))
        return False

    if group.first:
        yield said
        return
    before = _log.level
    _log.setLevel(logging.INFO)
    _log.addFilter(keep)
    try:
        yield said
    finally:
        _log.removeFilter(keep)
        _log.setLevel(before)


def say(said: Said) -> None:
    """Say what another process kept."""
    for level, text in said:
        _log.log(level, "%s", text)


def _share_cores(group: Group) -> None:
    """Give each process its part of the cores they may use: torchrun allows each one thread unless told otherwise."""
    if os.environ.get("OMP_NUM_THREADS", "1") == "1":
        torch.set_num_threads(max(1, usable_cores() // group.on_this_machine))


def _leave(*_: object) -> NoReturn:
    """End this process because another one has ended; torchrun says so by SIGTERM."""
    if os.environ["RANK"] == "0":
        raise SegueError(ENDED)
    raise SystemExit(SegueError.exit_code)
