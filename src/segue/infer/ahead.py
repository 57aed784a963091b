"""Work done by threads ahead of its consumer: the next file is decoded while the network looks at this one."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def ahead(
    function: Callable[[Item], Result], items: Iterable[Item], threads: int = 2
) -> Iterator[tuple[Item, Future[Result]]]:
    """Pair every item, in order, with the future of `function(item)`.

    At most `threads` + 1 results wait at any time, so memory stays bounded. `items` is iterated in the caller's thread.
    A consumer that leaves early waits for what is being worked on, and for nothing else.
    """
    with ThreadPoolExecutor(threads, thread_name_prefix="segue-ahead") as pool:
        waiting: deque[tuple[Item, Future[Result]]] = deque()
        try:
            for item in items:
                waiting.append((item, pool.submit(function, item)))
                if len(waiting) > threads:
                    yield waiting.popleft()
            while waiting:
                yield waiting.popleft()
        finally:
            for _, future in waiting:
                future.cancel()
