"""One command, several processes: the first does all of it, the others only train along whenever it trains."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from segue.errors import InterruptedRunError, TrainingStoppedError
from segue.train.loop import run_loop
from segue.train.processes import Group, joined
from segue.train.signals import stop_request
from segue.train.start import Along, along

_log = logging.getLogger("segue")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Done(Generic[Result]):
    """What the first process says when nothing is left to train."""

    result: Result


def together(work: Callable[[], Result]) -> Result:
    """The result of `work`, which the first process does, in all processes that torchrun started.

    Data are examined, plans made, files written and models judged by the first alone. What ends
    training for all alike leaves the others by `SystemExit`: the first says it.
    """
    with joined() as group:
        if group.first:
            return group.from_first(Done(work())).result
        _log.setLevel(logging.CRITICAL)
        try:
            result: Result = _train_along(group)
            return result
        except (InterruptedRunError, TrainingStoppedError) as error:
            raise SystemExit(error.exit_code) from None


def _train_along(group: Group) -> Any:  # noqa: ANN401 - what the first process says
    while True:
        told = group.from_first(None)
        if isinstance(told, Done):
            return told.result
        assert isinstance(told, Along), "nothing else is told between two trainings"
        with stop_request() as stop:
            run_loop(along(told, group), stop)
