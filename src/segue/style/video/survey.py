"""The first look at a clip, before anything is painted: its frames, its scenes, and what to normalise by."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from segue.errors import DataError
from segue.style.network import Statistics
from segue.style.picture import Pixels
from segue.style.video.cuts import Cuts
from segue.style.video.frame import Clip, Frame
from segue.style.video.shared import Spread

Measure = Callable[[Sequence[Pixels]], Statistics]


@dataclass(frozen=True)
class Survey:
    """How many frames, of which height and width; `scenes` are the numbers of their first frames, from 0.

    `statistics` hold those of each scene in turn, or those of the clip alone, or nothing.
    """

    count: int
    size: tuple[int, int]
    scenes: tuple[int, ...]
    statistics: tuple[Statistics, ...] = ()

    def statistics_of(self, number: int) -> Statistics | None:
        """What frame `number` is normalised by; None for by itself."""
        if len(self.statistics) < 2:
            return self.statistics[0] if self.statistics else None
        return self.statistics[self.scene_of(number)]

    def scene_of(self, number: int) -> int:
        """The place in `scenes` of the scene that a frame belongs to."""
        return sum(first <= number for first in self.scenes) - 1


def survey(
    clip: Clip,
    kind: str,
    samples: int,
    measure: Measure,
    *,
    prepare: Callable[[Frame], Pixels],
    shrink: Callable[[Pixels], Pixels],
    watch: Callable[[int], bool],
) -> Survey | None:
    """Read all frames once, and measure statistics on some of them, evenly spread.

    Args:
        clip: what is read.
        kind: clip for one set of statistics, scene for one each, frame for none.
        samples: frames a set is measured on, at least; up to twice as many, fewer where there are not so many.
        measure: gives a set from frames, in memory all at once.
        prepare: makes of a frame what is painted.
        shrink: makes of that what is measured, so that large frames do not fill the memory.
        watch: told how many were read; False stops, and gives None.

    Raises:
        DataError: there is no frame, one cannot be read, or is of another size than the first.
    """
    cuts, scenes, found = Cuts(), [], []
    kept: Spread[Pixels] = Spread(samples)
    size, count = (0, 0), 0
    for count, frame in enumerate(clip.frames(), 1):
        pixels = prepare(frame)
        here = (pixels.shape[0], pixels.shape[1])
        if count == 1:
            size = here
        if here != size:
            where = frame.file or f"{clip.path}, frame {count}"
            got = f"{size[0]} x {size[1]} pixels, got {here[0]} x {here[1]}"
            raise DataError(f"{where}: expected the size of the first frame, {got}: make them one size")
        if cuts.begins(pixels):
            scenes.append(count - 1)
            if kind == "scene" and count > 1:
                found.append(measure(kept.kept))
                kept = Spread(samples)
        if kind != "frame":
            kept.add(functools.partial(shrink, pixels))
        if not watch(count):
            return None
    if count == 0:
        raise DataError(f"{clip.path}: expected frames, got none")
    if kind != "frame":
        found.append(measure(kept.kept))
    return Survey(count, size, tuple(scenes), tuple(found))
