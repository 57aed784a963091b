"""How much would more labels bring? A learning curve from trainings on a quarter, a half and all of the images.

Each doubling of the labels brings a fixed share r = 0.6 of what the doubling before it brought, so the mIoU of n x 2^d
images is A - B r^d with an asymptote A. The share was chosen on eleven published curves (Pascal VOC, Cityscapes,
ADE20K, COCO; ResNet and DINOv2), each family left out in turn: from three sizes the mean error was 1.0 points of mIoU
at twice the labels, from the last two 1.3; other functions (https://arxiv.org/abs/2207.01725) had 1.2 and more.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int64
from scipy.optimize import brentq

from segue.metrics.studentised import mean_iou, overlap
from segue.metrics.units import Units, draws

SHARE = 0.6  # r
ERROR_AT_DOUBLE, ERROR_PER_DOUBLING = 0.025, 0.007  # worst error on those curves: 2.5 points at 2x, 3.2 at 4x
CHECKED = 2.0  # doublings up to which the rule was checked
MOST_DOUBLINGS = 10.0  # a target that is further away counts as out of reach


@dataclass(frozen=True)
class Curve:
    """mIoU = `asymptote` - `reach` x `share`^d at 2^d times the `images` there are."""

    images: int
    asymptote: float
    reach: float
    share: float = SHARE

    def at(self, images: float) -> float:
        """The mIoU with so many labelled images."""
        return float(self.asymptote - self.reach * self.share ** math.log2(images / self.images))

    def needed(self, target: float) -> float | None:
        """How many labelled images give the mIoU `target`; None when more labels never do."""
        if self.reach <= 0 and target <= self.asymptote:
            return float(self.images)
        if target >= self.asymptote:
            return None
        doublings = math.log((self.asymptote - target) / self.reach) / math.log(self.share)
        return None if doublings > MOST_DOUBLINGS else self.images * 2**doublings


def geometric(images: Sequence[int], mious: Sequence[float], share: float = SHARE) -> Curve:
    """The least-squares curve of the three largest trainings, or of two; `images` rise.

    Three say more than two: a training has noise of its own, which the rule multiplies by up to 1.5. The curve need not
    pass through any of them. A loss counts as no gain: labels do not hurt. No mIoU is above 1: where the share promises
    one, the curve ends at 1 and the last two trainings give its share.
    """
    last = images[-1]
    known, steps = np.array(mious[-3:], dtype=float), share ** np.log2(np.array(images[-3:]) / last)
    centred = steps - steps.mean()
    reach = -float(centred @ known / (centred @ centred))
    asymptote = float(known.mean() + reach * steps.mean())
    gain, left = float(mious[-1] - mious[-2]), float(1 - mious[-1])
    if reach <= 0:
        return Curve(last, float(mious[-1]), 0.0, share)
    if asymptote <= 1:
        return Curve(last, asymptote, reach, share)
    if gain <= 0 or left <= 0:
        return Curve(last, float(mious[-1]), 0.0, share)
    return Curve(last, 1.0, left, (left / (left + gain)) ** (1 / math.log2(last / images[-2])))


def power_law(images: Sequence[int], mious: Sequence[float]) -> Curve | None:
    """The curve c - a n^-b through three trainings, c at most 1; None where the gains do not shrink or there are none.

    It is the same curve with a share that is read off the data, r = 2^-b, instead of a fixed one.
    """
    (first, second, third), (low, middle, high) = images[-3:], mious[-3:]
    if not low < middle < high:
        return None

    def excess(exponent: float) -> float:
        drop = [size**-exponent for size in (first, second, third)]
        return float((middle - low) * (drop[1] - drop[2]) - (high - middle) * (drop[0] - drop[1]))

    if excess(1e-6) * excess(16.0) > 0:
        return None
    return geometric((second, third), (middle, high), 2.0 ** -brentq(excess, 1e-6, 16.0))


def uncertainty(doublings: float) -> float:
    """Half the width of the narrowest interval that is given: the worst error on published curves.

    The same for less than a doubling, since a training has noise of its own however few images are added.
    """
    return ERROR_AT_DOUBLE + ERROR_PER_DOUBLING * max(0.0, doublings - 1)


@dataclass(frozen=True)
class Trainings:
    """Evaluations on one set of images: `matrices` of trainings with several numbers of labelled `images` and seeds."""

    images: tuple[int, ...]
    matrices: Int64[np.ndarray, "sizes seeds units classes classes"]
    units: Units

    def mious(self) -> tuple[float, ...]:
        """The mean over the seeds, for each number of images."""
        values = self._scores(np.ones((1, self.units.count)))[0]
        return tuple(values.mean(axis=1).tolist())

    def drawn(self, resamples: int = 1000, seed: int = 0) -> Float[np.ndarray, "draws sizes"]:
        """The same for draws of evaluation images and of seeds: how far the curve could move with others."""
        values = np.concatenate(
            [self._scores(part) for part in draws(self.units.count, resamples, seed, self.units.count)]
        )
        random = np.random.Generator(np.random.Philox(key=seed + 1))
        seeds = values.shape[2]
        picked = random.integers(0, seeds, (resamples, 1, seeds))  # the same seeds for all sizes: their subsets nest
        return np.asarray(np.take_along_axis(values, picked, axis=2).mean(axis=2))

    def _scores(self, draw: Float[np.ndarray, "draws units"]) -> Float[np.ndarray, "draws sizes seeds"]:
        return np.stack(
            [
                np.stack([mean_iou(overlap(matrices))(draw).value for matrices in of_seeds], axis=-1)
                for of_seeds in self.matrices
            ],
            axis=1,
        )


@dataclass(frozen=True)
class Prediction:
    """The mIoU forecast for so many labelled images, with its 95 % interval, and what the power law says beside it."""

    images: int
    miou: float
    low: float
    high: float
    power_law: float | None


@dataclass(frozen=True)
class Forecast:
    """A learning curve that was measured at `images` with the scores `mious`, and its continuation."""

    images: tuple[int, ...]
    mious: tuple[float, ...]
    curve: Curve
    power: Curve | None
    draws: tuple[Curve, ...]

    def at(self, images: int) -> Prediction:
        """What so many labelled images would give.

        The interval is that of the drawn curves, never narrower than `uncertainty` either way.
        """
        value = self.curve.at(images)
        low, high = np.quantile([curve.at(images) for curve in self.draws], [0.025, 0.975])
        least = uncertainty(math.log2(images / self.curve.images))
        ends = max(0.0, min(float(low), value - least)), min(1.0, max(float(high), value + least))
        return Prediction(images, value, *ends, self.power.at(images) if self.power else None)

    def needed(self, target: float) -> tuple[int | None, int | None, int | None]:
        """Labelled images for the mIoU `target`: forecast, at best and at worst; None is out of reach.

        At best and at worst are where the upper and the lower end of the interval get there.
        """
        forecast = self.curve.needed(target)
        sizes = [math.ceil(self.curve.images * 2 ** (step / 20)) for step in range(int(MOST_DOUBLINGS * 20) + 1)]
        spans = [self.at(size) for size in sizes]
        best = next((one.images for one in spans if one.high >= target), None)
        worst = next((one.images for one in spans if one.low >= target), None)
        return (None if forecast is None else math.ceil(forecast)), best, worst


def forecast(trainings: Trainings, resamples: int = 1000, seed: int = 0) -> Forecast:
    """Continue the learning curve of trainings with rising numbers of images, at least two of them."""
    images, mious = trainings.images, trainings.mious()
    drawn = tuple(geometric(images, row) for row in trainings.drawn(resamples, seed).tolist())
    power = power_law(images, mious) if len(images) > 2 else None
    return Forecast(images, mious, geometric(images, mious), power, drawn)
