"""How steady a painted clip is: what changes of a thing from frame to frame, beside what changes of it in the clip.

The warping error of video consistency (Lai et al. 2018, https://arxiv.org/abs/1808.00449) as a mean of absolute
differences: a later frame is brought back along the clip's own optical flow (`segue.style.video.flow`) and compared
where it is in sight. Here it is divided by the same error of the clip, whose noise, light and flow are in it, too: 1
is as steady as what was painted. A picture of one colour is perfectly steady, so the contrast of the paintings stands
beside it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from segue.extras import require
from segue.style.picture import Pixels
from segue.style.video.flow import Motion, motion

_log = logging.getLogger("segue")
FAR = 8  # frames of the longer distance
STILL = 0.2  # pixels of motion to the next frame, below which a place stands still
FEWEST = 0.01  # share of still places, below which nothing is said of them


@dataclass(frozen=True)
class Change:
    """Mean absolute change, in grey levels of 255: to the next frame, to a farther one, and where nothing moves.

    Any of them is None where nothing could be compared.
    """

    near: float | None
    far: float | None
    still: float | None

    def over(self, given: Change) -> Change:
        """These as multiples of another's; None where that is nothing."""
        pairs = ((self.near, given.near), (self.far, given.far), (self.still, given.still))
        return Change(*(None if ours is None or not theirs else ours / theirs for ours, theirs in pairs))

    def to_json(self) -> dict[str, float | None]:
        """Plain JSON types."""
        named = {"near": self.near, "far": self.far, "still": self.still}
        return {name: None if value is None else round(value, 4) for name, value in named.items()}


@dataclass(frozen=True)
class Steadiness:
    """The changes of the clip and of paintings of it by name, the contrast of each, and at how many places it was.

    Contrast is the deviation of all values of a frame, in grey levels of 255, in the mean over frames.
    """

    places: int
    given: Change
    painted: dict[str, Change]
    contrast: dict[str, float]
    still_share: float

    def to_json(self) -> dict[str, object]:
        """Plain JSON types; what is painted as multiples of what is given, too."""
        return {
            "places": self.places,
            "distance": [1, FAR],
            "still_share": round(self.still_share, 4),
            "given": self.given.to_json(),
            "painted": {name: one.to_json() for name, one in self.painted.items()},
            "over_given": {name: one.over(self.given).to_json() for name, one in self.painted.items()},
            "contrast": {name: round(value, 2) for name, value in self.contrast.items()},
        }


def places(count: int, scenes: Sequence[int], most: int) -> tuple[int, ...]:
    """Frames to begin a comparison at, evenly spread; none of them has a cut before the farther frame.

    A clip, or all its scenes, without as many frames gives places whose farther frame is missing.
    """
    ends = [*scenes[1:], count]
    whole = [number for first, end in zip(scenes, ends, strict=True) for number in range(first, end - FAR)]
    whole = whole or [number for first, end in zip(scenes, ends, strict=True) for number in range(first, end - 1)]
    picked = np.linspace(0, len(whole) - 1, min(most, len(whole))).round().astype(int) if whole and most else ()
    return tuple(whole[place] for place in picked)


@dataclass
class _Sums:
    """What a comparison adds up to."""

    values: dict[str, list[float]] = field(default_factory=dict)

    def add(self, name: str, value: float) -> None:
        self.values.setdefault(name, []).append(value)

    def mean(self, name: str) -> float | None:
        found = self.values.get(name)
        return float(np.mean(found)) if found else None


class SteadinessMeter:
    """Is shown the frames of a clip in order, and compares some of them; it keeps no more than it still needs."""

    def __init__(self, starts: Sequence[int], scene_ends: Sequence[int]) -> None:
        """Compare at `starts`; `scene_ends` are the ends of the scenes that they lie in."""
        pairs = zip(starts, scene_ends, strict=True)
        self._pairs = [(start, start + step) for start, end in pairs for step in (1, FAR) if start + step < end]
        self.wanted = frozenset(number for pair in self._pairs for number in pair)
        self._kept: dict[int, dict[str, Pixels]] = {}
        self._sums = _Sums()
        self._starts: set[int] = set()
        self.failed = ""  # why a comparison did, after which there is none

    def show(self, number: int, given: Pixels, painted: dict[str, Pixels]) -> None:
        """Take a frame that is `wanted`, and what was painted of it, by name; all of one size."""
        self._kept[number] = {"": given, **painted}
        for name, picture in painted.items():
            self._sums.add(f"{name} contrast", float(picture.std()))
        for first, second in [pair for pair in self._pairs if pair[1] == number and pair[0] in self._kept]:
            try:
                self._compare(self._kept[first], self._kept[second], second - first)
            except require("cv2", "video").error as error:  # no reason to lose what was painted
                self.failed = f"OpenCV found no motion: {' '.join(str(error).split())[:120]}"
                _log.warning("stability is not measured: %s", self.failed)
                self._pairs, self._kept, self.wanted = [], {}, frozenset()
                return
            self._starts.add(first)
        self._pairs = [pair for pair in self._pairs if pair[1] != number]
        still_needed = {one for pair in self._pairs for one in pair}
        self._kept = {one: kept for one, kept in self._kept.items() if one in still_needed}

    def result(self) -> Steadiness | None:
        """What was found; None where no two frames could be compared, or `failed` says why it was given up."""
        names = [name.removesuffix(" contrast") for name in self._sums.values if name.endswith(" contrast")]
        if not self._starts or self.failed:
            return None
        contrast = {name: self._sums.mean(f"{name} contrast") or 0.0 for name in names}
        share = self._sums.mean("still share") or 0.0
        return Steadiness(len(self._starts), self._change(""), {n: self._change(n) for n in names}, contrast, share)

    def _compare(self, first: dict[str, Pixels], second: dict[str, Pixels], distance: int) -> None:
        found = motion(first[""], second[""])
        if not found.seen.any():
            return
        still = found.seen & (np.hypot(found.flow[..., 0], found.flow[..., 1]) < STILL)
        if distance == 1:
            self._sums.add("still share", float(still.mean()))
        for name, picture in first.items():
            self._sums.add(f"{name} {distance}", _mean_change(picture, found, second[name]))
            if distance == 1 and still.mean() >= FEWEST:
                difference = np.abs(picture.astype(np.float32) - second[name])
                self._sums.add(f"{name} still", float(difference[still].mean()))

    def _change(self, name: str) -> Change:
        return Change(*(self._sums.mean(f"{name} {what}") for what in (1, FAR, "still")))


def _mean_change(picture: Pixels, found: Motion, later: Pixels) -> float:
    difference = np.abs(picture.astype(np.float32) - found.brought_back(later))
    return float(difference[found.seen].mean())
