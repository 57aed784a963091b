"""Sizes from coarse to fine, and how many steps each gets.

Large forms settle where a step costs least, and the next size only adds detail. The idea is as old as texture
synthesis; for style transfer see https://arxiv.org/abs/1611.07865, section 6.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from segue.style.picture import size_within

COARSEST = 128  # pixels of the long side below which nothing is halved unless it is asked for
STEPS = 600


@dataclass(frozen=True)
class Level:
    """Height and width in pixels, and the number of steps."""

    height: int
    width: int
    steps: int

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.height, self.width

    @property
    def pixels(self) -> int:
        """Height times width."""
        return self.height * self.width


def sizes(size: tuple[int, int], levels: int | None = None, smallest: int = 1) -> list[tuple[int, int]]:
    """Sizes from coarse to fine that end with `size`, each half the next.

    As many as `levels`; when not given, down to 128 pixels on the long side and `smallest` on the short one.

    >>> sizes((300, 512))
    [(75, 128), (150, 256), (300, 512)]
    """
    found = [size]
    while len(found) < levels if levels is not None else _halves(found[0], smallest):
        found.insert(0, size_within(*size, max(1, round(max(size) / 2 ** len(found)))))
    return found


def _halves(size: tuple[int, int], smallest: int) -> bool:
    return max(size) // 2 >= COARSEST and min(size) // 2 >= smallest


def divided(total: int, levels: int) -> list[int]:
    """Steps of each size: shares as 3 : 2 : 1 for three of them, at least one each.

    >>> divided(600, 3)
    [300, 200, 100]
    """
    whole = levels * (levels + 1) / 2
    return [max(1, round(total * (levels - number) / whole)) for number in range(levels)]


def pyramid(
    size: tuple[int, int], steps: Sequence[int] = (), levels: int | None = None, smallest: int = 1
) -> tuple[Level, ...]:
    """The levels for `steps` in all (600 when not given), or for several numbers, one of each level."""
    if len(steps) > 1:
        levels = len(steps)
    found = sizes(size, levels, smallest)
    counts = list(steps) if len(steps) > 1 else divided(steps[0] if steps else STEPS, len(found))
    return tuple(Level(*one, count) for one, count in zip(found, counts, strict=True))
