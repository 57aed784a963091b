"""Do the training images differ from what the pretrained weights were made on? Means and deviations per channel.

A network knows images by the mean and deviation of each channel that its source normalises by; about those of the
source's own training images. Two sets of photographs differ by a part of a deviation (CamVid from ImageNet by 0.3 at
most). No test: both sides are large, so the question is how large the difference is, and not whether there is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64

LARGE = 1.0  # deviations of the source between the means
RATIO = 2.0  # between the deviations, either way


@dataclass(frozen=True)
class SourceGap:
    """Mean and deviation of each channel, on the 0-1 scale, of the training images and of the source's."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
    source_mean: tuple[float, ...]
    source_std: tuple[float, ...]

    @property
    def differs(self) -> bool:
        """Whether any channel is off by `LARGE` or `RATIO`."""
        pairs = zip(self.mean, self.std, self.source_mean, self.source_std, strict=True)
        return any(
            abs(mean - other) >= LARGE * spread or not spread / RATIO < std < spread * RATIO
            for mean, std, other, spread in pairs
        )

    def summary(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {name: list(values) for name, values in asdict(self).items()} | {"differs": self.differs}


def source_gap(
    colours: Float64[np.ndarray, "images colours"], mean: Sequence[float], std: Sequence[float]
) -> SourceGap:
    """Compare training images (`Look.colours`) with the statistics their source normalises by."""
    channels = (colours.shape[1] - 1) // 2
    means, deviations = colours[:, :channels], colours[:, channels:-1]
    pooled = np.sqrt((deviations**2).mean(axis=0) + means.var(axis=0))  # of all pixels together
    return SourceGap(_rounded(means.mean(axis=0)), _rounded(pooled), tuple(mean), tuple(std))


def _rounded(values: Float64[np.ndarray, " channels"]) -> tuple[float, ...]:
    return tuple(round(float(one), 4) for one in values)
