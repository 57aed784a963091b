"""How often a run is validated while it trains, and on how many images: what a tenth of its time pays for.

These scores rank checkpoints and show progress; the final evaluation looks at every image whatever is chosen here.
"""

from __future__ import annotations

from dataclasses import dataclass

SHARE = 0.1  # of the time of the training steps
MOST_TIMES = 10
LEAST_IMAGES, MOST_IMAGES = 16, 200  # of one validation; the most are enough to rank checkpoints
PER_PIXEL = 0.25  # seconds a validation takes per pixel the network sees, beside a training step; measured 0.23-0.27


@dataclass(frozen=True)
class Validating:
    """A run is validated `times`, each time on `images` of its validation images, evenly spread."""

    times: int
    images: int

    def line(self, of: int) -> str:
        """What is done with a data set of so many validation images, for people."""
        return f"validated {self.times} times while training, on {self.images} of {of} images"


def by_steps(seen: int, zoom: float, images: int, times: int | None) -> Validating:
    """What suits a run that trains on `seen` crops and has so many validation images; `times` when that is given.

    `zoom` is the side of a validation image relative to a crop's (`Preprocessing.zoom`). Nothing is measured, so that
    equal runs give equal bytes.

    >>> by_steps(4000, 1.414, 101, None)
    Validating(times=10, images=80)
    >>> by_steps(4000, 1.414, 101, 3)
    Validating(times=3, images=101)
    """
    return by_room(SHARE * seen / (PER_PIXEL * zoom**2), images, times)


def by_seconds(seconds: float, per_image: float, images: int, times: int | None) -> Validating:
    """As `by_steps`, for a run that trains for about `seconds` and looks at a validation image in `per_image`.

    >>> by_seconds(130, 0.04, 101, None)
    Validating(times=10, images=32)
    """
    return by_room(SHARE * seconds / per_image, images, times)


def by_room(room: float, images: int, times: int | None) -> Validating:
    """When `room` images can be looked at in all: few looks at enough images rather than many at too few."""
    if times is not None:
        return Validating(times, min(images, MOST_IMAGES))
    least = min(images, LEAST_IMAGES)
    chosen = min(MOST_TIMES, max(2, int(room / max(1, least))))
    return Validating(chosen, min(images, MOST_IMAGES, max(least, int(room / chosen))))
