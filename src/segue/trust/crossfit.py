"""What a temperature is worth, measured on images it was not fitted on."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float32, Float64

from segue.metrics.confusion import number, ratio
from segue.metrics.units import Units, resampling_units
from segue.trust.calibration import class_reliability, class_wise_error, expected_error, reliability
from segue.trust.sample import PixelSample, draw
from segue.trust.temperature import MOST_PIXELS, fit_temperature, negative_log_likelihood

FEWEST_OF_AN_IMAGE = 4000  # sampled pixels; the error of fewer in 15 bins is mostly noise, and noise counts upwards


@dataclass(frozen=True)
class Errors:
    """Calibration errors of one set of probabilities, over all pixels unless it says otherwise; NaN where undefined.

    `near_contours` is of the pixels near a contour alone, `per_image` the mean of the images' own errors, and
    `log_likelihood` the mean negative log-likelihood. `counts` are those of `reliability`.
    """

    ece: float
    class_wise: float
    near_contours: float
    per_image: float
    log_likelihood: float
    counts: Float64[np.ndarray, "bins 3"]

    def summary(self) -> dict[str, Any]:
        """The errors as JSON types."""
        return {
            "ece": number(self.ece),
            "class_wise_ece": number(self.class_wise),
            "near_contours_ece": number(self.near_contours),
            "per_image_ece": number(self.per_image),
            "negative_log_likelihood": number(self.log_likelihood),
        }


@dataclass(frozen=True)
class Calibration:
    """A temperature and the errors before and after it.

    `measured` says how `after` is honest: "cross-fitted" (fitted on one half of `units` images or groups, measured on
    the other, both ways), "held out" (fitted elsewhere), or "not at all" (one image: `after` is None).
    """

    temperature: float
    before: Errors
    after: Errors | None
    measured: str
    unit: str
    units: int
    pixels: int

    def summary(self) -> dict[str, Any]:
        """Everything as JSON types; `bins` are the points of the reliability diagram."""
        return {
            "temperature": round(self.temperature, 6),
            "measured": self.measured,
            "unit": self.unit,
            "units": self.units,
            "pixels": self.pixels,
            "before": self.before.summary(),
            "after": self.after.summary() if self.after else None,
            "bins": _bins(self.before, self.after),
        }


def cross_fitted(sample: PixelSample, groups: Sequence[str], seed: int = 0) -> Calibration:
    """Fit the temperature on all images, and measure what such a fit gives on images it has not seen.

    One half of the images gives a temperature, the errors of the other half are measured with it, and the other way
    round; `temperature` is that of all. Whole `groups` stay on one side where images share them (an empty name is a
    group of its own).
    """
    side, units = _halves(groups, seed)
    everything = fitted_on(sample, seed)
    before = errors(sample, np.ones(sample.labels.size, np.float32))
    second = side[sample.image]
    counts = (units.kind, units.count, sample.labels.size)
    if not second.any() or second.all():
        return Calibration(everything, before, None, "not at all", *counts)
    of_first, of_second = (fitted_on(sample.of(part), seed) for part in (~second, second))
    after = errors(sample, np.where(second, of_first, of_second).astype(np.float32))
    return Calibration(everything, before, after, "cross-fitted", *counts)


def uncalibrated(sample: PixelSample) -> Calibration:
    """The errors of a model that has no temperature."""
    before = errors(sample, np.ones(sample.labels.size, np.float32))
    return Calibration(1.0, before, None, "not at all", "images", sample.stands_for.size, sample.labels.size)


def held_out(sample: PixelSample, temperature: float) -> Calibration:
    """The errors of a temperature that was fitted on other images."""
    before, after = (errors(sample, np.full(sample.labels.size, one, np.float32)) for one in (1.0, temperature))
    return Calibration(temperature, before, after, "held out", "images", sample.stands_for.size, sample.labels.size)


def fitted_on(sample: PixelSample, seed: int = 0) -> float:
    """The temperature of a sample, from `MOST_PIXELS` of it at most, drawn without regard to classes."""
    some = draw(sample.labels.size, MOST_PIXELS, seed, 1 << 62)  # a stream no image has
    return fit_temperature(torch.from_numpy(sample.logits[some]), torch.from_numpy(sample.labels[some]))


def errors(sample: PixelSample, temperature: Float32[np.ndarray, " pixels"]) -> Errors:
    """All errors of a sample, each pixel's logits divided by its own `temperature`."""
    scaled = torch.from_numpy(sample.logits / temperature[:, None])
    shares, weight = torch.softmax(scaled, 1).numpy(), sample.weight
    likelihood = negative_log_likelihood(scaled, torch.from_numpy(sample.labels), 1.0).numpy()
    counts = reliability(shares, sample.labels, weight)
    near = sample.near
    return Errors(
        ece=float(expected_error(counts)),
        class_wise=class_wise_error(class_reliability(shares, sample.labels, weight)),
        near_contours=float(expected_error(reliability(shares[near], sample.labels[near], weight[near]))),
        per_image=_per_image(sample, shares),
        log_likelihood=float((likelihood * weight).sum() / weight.sum()) if weight.size else float("nan"),
        counts=counts,
    )


def _per_image(sample: PixelSample, shares: Float32[np.ndarray, "pixels classes"]) -> float:
    """Mean of the errors of the images that are in the sample whole, or with enough pixels; NaN without any."""
    ends = np.searchsorted(sample.image, np.arange(sample.stands_for.size + 1))
    own = []
    for first, last, stands_for in zip(ends[:-1], ends[1:], sample.stands_for, strict=True):
        if last - first >= FEWEST_OF_AN_IMAGE or (stands_for == 1 and last > first):
            own.append(expected_error(reliability(shares[first:last], sample.labels[first:last])))
    return float(np.mean(own)) if own else float("nan")


def _halves(groups: Sequence[str], seed: int) -> tuple[Bool[np.ndarray, " images"], Units]:
    """Which images are in the second half, and what was divided; the halves are as even as whole units allow."""
    units = resampling_units(len(groups), groups)
    sizes = np.bincount(units.owner, minlength=units.count)
    second, filled = np.zeros(units.count, bool), [0, 0]
    for one in np.random.Generator(np.random.Philox(key=[seed, 1 << 61])).permutation(units.count):
        second[one] = filled[1] < filled[0]
        filled[int(second[one])] += sizes[one]
    return second[units.owner], units


def _bins(before: Errors, after: Errors | None) -> list[dict[str, Any]]:
    edges = np.linspace(0, 1, len(before.counts) + 1)
    return [
        {"from": round(float(low), 6), "to": round(float(high), 6), "before": _point(before, i)}
        | ({"after": _point(after, i)} if after else {})
        for i, (low, high) in enumerate(itertools.pairwise(edges))
    ]


def _point(errors: Errors, i: int) -> dict[str, float | None]:
    pixels, confidence, hits = errors.counts[i]
    share = pixels / errors.counts[:, 0].sum() if pixels else 0.0
    means = (number(float(ratio(part, pixels))) for part in (confidence, hits))
    return {"share": float(share), **dict(zip(("confidence", "accuracy"), means, strict=True))}
