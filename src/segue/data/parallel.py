"""Doing the same to many things in a few threads, results in order, few of them held at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from segue.cores import usable_cores

In = TypeVar("In")
Out = TypeVar("Out")
Update = Callable[[float, str], None]  # told the share that is done, from 0 to 1, and what it is about


def silent(_share: float, _text: str) -> None:
    """Progress that nobody watches."""


def in_order(work: Callable[[In], Out], items: Iterable[In]) -> Iterator[Out]:
    """The results of `work` over `items`; at most four for each thread wait to be taken.

    An error of `work` is raised where its result would have been. What has not begun then is dropped, and what has is
    waited for: nothing writes any more once the caller cleans up.
    """
    threads = min(8, usable_cores())
    pool = ThreadPoolExecutor(threads, thread_name_prefix="segue-data")
    waiting: deque[Future[Out]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > 4 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def for_each(work: Callable[[In], Out], items: Sequence[In], update: Update = silent) -> list[Out]:
    """The results of `work` over `items`, `update` being told of each that is done."""
    results = []
    for number, result in enumerate(in_order(work, items), 1):
        results.append(result)
        update(number / len(items), f"{number} of {len(items)}")
    return results
