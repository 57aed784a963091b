"""A number of seconds instead of a number of steps: which size it allows, and when each size has had its part."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from segue.style.picture import size_within
from segue.style.pyramid import divided, sizes

PROBE = 128  # pixels of the long side at which a step is timed
FEWEST = 60  # steps at the finest size below which a smaller one looks better
MOST = 3000  # steps in all after which nothing changes any more
KEPT = 0.03  # share of the budget for writing the picture
AT_LEAST_KEPT = 0.5  # seconds


@dataclass(frozen=True)
class Cost:
    """Seconds that painting takes: of a step and of the beginning of a size, those per pixel and those at any size."""

    step: float
    step_fixed: float = 0.0
    size: float = 0.0
    size_fixed: float = 0.0

    def of(self, steps: int, pixels: int) -> float:
        """Seconds of so many steps at one size."""
        return self.size_fixed + self.size * pixels + steps * (self.step_fixed + self.step * pixels)


def affordable(
    size: tuple[int, int],
    seconds: float,
    cost: Cost,
    levels: int | None = None,
    smallest: int = 1,
    least: int = PROBE,
) -> tuple[int, int]:
    """The largest of `size`, `size` / √2, `size` / 2, … whose pyramid has `FEWEST` steps at its finest level.

    None is smaller than `least` on its long side, nor smaller than where a step's pixels cost as much as the rest of
    it: below, less size hardly gains a step. `levels` and `smallest` are those of `segue.style.pyramid.sizes`.
    """
    side = float(max(size))
    while True:
        tried = size_within(*size, round(side))
        found = sizes(tried, levels, smallest)
        steps = divided(FEWEST * len(found) * (len(found) + 1) // 2, len(found))
        needed = sum(cost.of(count, one[0] * one[1]) for count, one in zip(steps, found, strict=True))
        idle = cost.step_fixed > 0 and cost.step * tried[0] * tried[1] <= cost.step_fixed
        if needed <= seconds or idle or round(side / 2**0.5) < least:
            return tried
        side /= 2**0.5


@dataclass
class Budget:
    """Says whether a level may take another step: while its part of the time lasts. Each takes at least one.

    `seconds` count from `began` on the `clock`. Levels get parts as their shares of the steps and their pixels say.
    """

    seconds: float
    began: float
    clock: Callable[[], float] = time.perf_counter
    _ends: list[float] = field(default_factory=list)
    _most: list[int] = field(default_factory=list)
    _asked: float = 0.0

    @property
    def end(self) -> float:
        """When the last step has to be done."""
        return self.began + self.seconds - max(KEPT * self.seconds, AT_LEAST_KEPT)

    def left(self) -> float:
        """Seconds for steps; none when they are over."""
        return max(0.0, self.end - self.clock())

    def divide(self, levels: Sequence[tuple[int, int]]) -> None:
        """Share out what is left among levels of these sizes."""
        self._most = divided(MOST, len(levels))
        costs = [count * height * width for count, (height, width) in zip(self._most, levels, strict=True)]
        now, left = self.clock(), self.left()
        self._ends = [now + left * sum(costs[: number + 1]) / sum(costs) for number in range(len(levels))]

    def more(self, level: int, done: int) -> bool:
        """Whether one more step, as long as the last one, still ends in time; ask once before each step."""
        now = self.clock()
        step, self._asked = now - self._asked, now
        return done == 0 or (done < self._most[level] and now + step <= self._ends[level])
