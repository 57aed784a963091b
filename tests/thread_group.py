"""Processes that train together, played by threads of one: what they say to each other goes through a list.

from thread_group import in_threads
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import torch
from torch import Tensor

from segue.train.processes import Group

T = TypeVar("T")


class Room:
    """Where as many threads as there are processes meet."""

    def __init__(self, size: int) -> None:
        self._barrier = threading.Barrier(size, timeout=60)
        self._said: list[Any] = [None] * size

    def exchange(self, rank: int, thing: object) -> list[Any]:
        self._said[rank] = thing
        self._barrier.wait()
        heard = list(self._said)
        self._barrier.wait()  # nobody speaks again before all have heard
        return heard


class ThreadGroup(Group):
    """A `Group` whose messages stay in the process; everything above them is the real one's."""

    def __init__(self, rank: int, room: Room, size: int) -> None:
        super().__init__(rank, size)
        self._room = room

    def from_first(self, thing: T) -> T:
        return self._room.exchange(self.rank, thing)[0]

    def to_first(self, thing: T) -> list[T]:
        said = self._room.exchange(self.rank, thing)
        return said if self.first else []

    def most(self, value: float) -> float:
        return max(self._room.exchange(self.rank, value))

    def add(self, values: Tensor) -> Tensor:
        if not self.speaking:
            return super().add(values)
        return torch.stack(self._room.exchange(self.rank, values.clone())).sum(0)

    def gather(self, tensor: Tensor) -> Tensor:
        if not self.speaking:
            return super().gather(tensor)
        return torch.stack(self._room.exchange(self.rank, tensor.detach().clone()))


def in_threads(work: Callable[[ThreadGroup], T], size: int = 2) -> Sequence[T]:
    """What `work` gives in each of `size` processes that train together."""
    room = Room(size)
    with ThreadPoolExecutor(size) as pool:
        return list(pool.map(work, [ThreadGroup(rank, room, size) for rank in range(size)]))
