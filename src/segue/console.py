"""The terminal: one console on standard error for messages and progress bars; standard output carries results only."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def processes() -> int:
    """How many processes torchrun started for this command; 1 without it."""
    return int(os.environ["WORLD_SIZE"]) if "TORCHELASTIC_RUN_ID" in os.environ else 1


def first_process() -> bool:
    """Whether this process speaks: the only one, or the first of those that torchrun started."""
    return processes() == 1 or os.environ["RANK"] == "0"


@cache
def console() -> Console:
    """The console all messages go to."""
    from rich.console import Console

    return Console(stderr=True)


@contextmanager
def progress_bar(label: str) -> Iterator[Callable[[float, str], None]]:
    """A bar moved by calling `update(share, text)`, share from 0 to 1; silent when the output is no terminal."""
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[text]}"))
    with Progress(*columns, console=console(), transient=True, disable=not console().is_terminal) as progress:
        task = progress.add_task(label, total=1.0, text="")

        def update(share: float, text: str) -> None:
            progress.update(task, completed=share, text=text)

        yield update


def duration(seconds: float) -> str:
    """A time span for people.

    >>> duration(75), duration(4000)
    ('1m15s', '1h06m')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02d}m"
