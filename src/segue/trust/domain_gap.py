"""Do some images, taken together, differ from those a model was trained on? A permutation test on what they look like.

An image is described by its brightness, contrast, sharpness, and each channel's part in it. The images in question and
the training images are shuffled together again and again: how often does a random part of them lie as far from the rest
as these do, in any of the figures (the maximum over the figures, Westfall and Young 1993)? If both are drawn alike,
that is seldom, exactly as seldom as the level says, whatever the figures' distribution. The same is asked of the
distances in the encoder's eyes (`segue.trust.novelty`), there beside held-out images, and only upwards.

A large folder shows the smallest difference, and a folder from one place differs from pictures of many. So a
difference has to be large as well: `LARGE` deviations of the training images, from their mean.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64

from segue.trust.independent import one_per_group

LEVEL = 0.01  # probability of a false alarm for images drawn like the training images; half for figures and distances
LARGE = 1.0  # deviations among the training images
LEAST = 0.02  # what a deviation is taken to be at least: sets whose images are all alike must not call anything far
DRAWS = 1999
MOST_UNITS = 400  # evenly spread over more of them
DISTANCE = "distance"

Figures = dict[str, Float64[np.ndarray, " _"]]  # by name, a number for each image
Side = Callable[[Any], Any]


@dataclass(frozen=True)
class Difference:
    """One figure in which images differ: its mean `here`, and mean and deviation (at least `LEAST`) in `training`."""

    name: str
    here: float
    training: float
    deviation: float
    p: float

    @property
    def shift(self) -> float:
        """The difference of the means in deviations."""
        return (self.here - self.training) / self.deviation


@dataclass(frozen=True)
class DomainGap:
    """How `images` differ from training images, and the numbers of independent ones that stand behind the answer.

    `units` are the images in question, `training` and `held_out` what their colours and their distances were compared
    with; `differences` is empty where none was found.
    """

    images: int
    units: int
    training: int
    held_out: int
    differences: tuple[Difference, ...]

    def summary(self) -> dict[str, Any]:
        """Plain JSON types; `enough` says whether a difference could have been found at all."""
        return asdict(self) | {
            "differences": [asdict(one) for one in self.differences],
            "enough": enough(self.units, self.training) or enough(self.units, self.held_out),
        }


def domain_gap(
    looks: Sequence[tuple[Float64[np.ndarray, " colours"], float | None]],
    groups: Sequence[str],
    training: Float64[np.ndarray, "others colours"],
    held_out: Float64[np.ndarray, " rest"],
) -> DomainGap:
    """Compare images, each with its `Look.colours` and its distance (None: not measured), with training images.

    `groups` are those of the images ("" is one of its own); of a group, one image counts. The rows of `training` and
    `held_out` are independent already. False alarms: see `LEVEL`.
    """
    chosen = [looks[i] for i in one_per_group(groups)]
    found = colour_gap(np.stack([colours for colours, _ in chosen]), training) if chosen else ()
    distances = [distance for _, distance in chosen if distance is not None]
    if distances:
        found += distance_gap(np.array(distances), held_out)
    return DomainGap(len(looks), len(chosen), len(training), len(held_out) if distances else 0, found)


def figures(colours: Float64[np.ndarray, "units colours"]) -> Figures:
    """The figures that are compared, by name, from `Look.colours`: of means, deviations and sharpness.

    Brightness is the mean over the channels, contrast the mean of their deviations. `channel 1`, `channel 2`, ... are
    what a channel has above the brightness: exchanged channels show there and nowhere else.
    """
    channels = (colours.shape[1] - 1) // 2
    means, deviations = colours[:, :channels], colours[:, channels:-1]
    brightness = means.mean(axis=1)
    named = {"brightness": brightness, "contrast": deviations.mean(axis=1), "sharpness": colours[:, -1]}
    if channels > 1:
        named |= {f"channel {i + 1}": means[:, i] - brightness for i in range(channels)}
    return named


def colour_gap(
    colours: Float64[np.ndarray, "units colours"], training: Float64[np.ndarray, "others colours"]
) -> tuple[Difference, ...]:
    """The figures in which images differ from training images, the largest difference first; none when they do not.

    Rows are images drawn independently: of a group, one. If both sets are drawn alike, anything is returned with a
    probability of at most `LEVEL` / 2. With too few rows nothing can be (`enough`).
    """
    return _differences(figures(colours), figures(training), np.abs, LEAST)


def distance_gap(
    distances: Float64[np.ndarray, " units"], held_out: Float64[np.ndarray, " others"]
) -> tuple[Difference, ...]:
    """The same of distances in the encoder's eyes, which count only where they are larger than those held out."""
    if not np.isfinite(distances).all():
        return ()
    return _differences({DISTANCE: distances}, {DISTANCE: held_out}, _as_it_is, 0.0)


def enough(units: int, others: int) -> bool:
    """Whether so many independent images suffice for any difference to be told from chance.

    >>> enough(1, 198), enough(1, 199), enough(3, 10)
    (False, True, True)
    """
    return math.comb(units + others, units) * LEVEL / 2 >= 1


def p_values(
    first: Float64[np.ndarray, "units figures"], second: Float64[np.ndarray, "others figures"], side: Side
) -> Float64[np.ndarray, " figures"]:
    """Per figure, how often its difference of means is reached by the largest one after random exchanges of rows.

    Differences are in deviations over all rows; `side` is what makes them comparable (`np.abs`: in either direction).
    Of all that are smaller than a level, none is with the probability of one minus that, if rows are exchangeable.
    """
    rows = np.concatenate([first, second])
    centred = rows - rows.mean(axis=0)
    deviations = centred.std(axis=0)
    scaled = np.divide(centred, deviations, out=np.zeros_like(centred), where=deviations > 1e-12)
    random = np.random.Generator(np.random.Philox(key=0))
    order = random.random((DRAWS, len(rows))).argsort(axis=1)
    drawn = np.zeros((DRAWS, len(rows)))
    np.put_along_axis(drawn, order[:, : len(first)], 1.0, axis=1)
    # rows sum to 0, so the sum over one part is the difference of the means but for a factor
    observed, shuffled = side(scaled[: len(first)].sum(axis=0)), side(drawn @ scaled).max(axis=1)
    reached = (shuffled[:, None] >= observed - 1e-9).sum(axis=0)
    return np.asarray((1 + reached) / (1 + DRAWS))


def _differences(here: Figures, training: Figures, side: Side, least: float) -> tuple[Difference, ...]:
    first, second = (_spread(np.stack(list(named.values()), axis=1)) for named in (here, training))
    if not len(first) or len(second) < 2:
        return ()
    found = []
    for name, p, one, other in zip(here, p_values(first, second, side), first.T, second.T, strict=True):
        deviation = max(float(other.std(ddof=1)), least, 1e-6)
        found.append(Difference(name, float(one.mean()), float(other.mean()), deviation, float(p)))
    large = [one for one in found if one.p <= LEVEL / 2 and side(one.shift) >= LARGE]
    return tuple(sorted(large, key=lambda one: -abs(one.shift)))


def _spread(rows: Float64[np.ndarray, "units figures"]) -> Float64[np.ndarray, "some figures"]:
    if len(rows) <= MOST_UNITS:
        return rows
    return rows[np.linspace(0, len(rows) - 1, MOST_UNITS).round().astype(np.int64)]


def _as_it_is(differences: Any) -> Any:  # noqa: ANN401 - an array or a number
    return differences
