"""A bounded sample of labelled pixels with their logits, taken while images go by.

The temperature is known only after the last image, and the logits of all pixels do not fit in memory. So calibration is
measured on pixels drawn evenly from every image: all of a small validation set, a part of a large one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float32, Float64, Int64, UInt8
from torch import Tensor

from segue.data.classes import IGNORE

MOST_NUMBERS = 8 * 2**20  # logits kept of all images together: 32 MB
NEAR = 2  # pixels: how far from a pixel of another label a pixel counts as near a contour


@dataclass(frozen=True)
class PixelSample:
    """Labelled pixels of several images, image by image: `logits`, `labels`, and whether they lie near a contour.

    `image` says which image each is from, `stands_for` how many pixels of its image each pixel of an image represents.
    """

    logits: Float32[np.ndarray, "pixels classes"]
    labels: UInt8[np.ndarray, " pixels"]
    near: Bool[np.ndarray, " pixels"]
    image: Int64[np.ndarray, " pixels"]
    stands_for: Float64[np.ndarray, " images"]

    @property
    def weight(self) -> Float64[np.ndarray, " pixels"]:
        """What each sampled pixel counts, so that every pixel of the data set counts alike."""
        return np.asarray(self.stands_for[self.image])

    def of(self, chosen: Bool[np.ndarray, " pixels"] | Int64[np.ndarray, " _"]) -> PixelSample:
        """A part of the sample; images keep their numbers."""
        return PixelSample(
            self.logits[chosen], self.labels[chosen], self.near[chosen], self.image[chosen], self.stands_for
        )


def pixels_per_image(images: int, classes: int) -> int:
    """How many pixels of each image to draw, so that the sample stays within `MOST_NUMBERS`."""
    return max(1, MOST_NUMBERS // (images * classes))


def draw(size: int, count: int, seed: int, index: int) -> Int64[np.ndarray, " drawn"]:
    """Positions 0 to `size` - 1, one at random from each of `count` equal stretches; all where there are no more.

    Every position is as likely as any other, and they come in order. The draw depends on `seed` and `index` alone.
    """
    if size <= count:
        return np.arange(size)
    random = np.random.Generator(np.random.Philox(key=[seed, index]))
    return np.minimum((np.arange(count) + random.random(count)) * (size / count), size - 1).astype(np.int64)


class ImageSampler:
    """Takes the logits of one image's drawn pixels from bands of rows, whose order does not matter.

    Pixels without a label are drawn and dropped: an image counts by its labelled pixels.
    """

    def __init__(self, truth: UInt8[np.ndarray, "height width"], count: int, index: int, seed: int = 0) -> None:
        drawn = draw(truth.size, count, seed, index)
        labels = truth.ravel()[drawn]
        self.positions = drawn[labels != IGNORE]
        self.labels = labels[labels != IGNORE]
        self.near = near_contour(truth, self.positions)
        self.stands_for = truth.size / max(1, drawn.size)
        self._logits: list[tuple[int, Float32[np.ndarray, "some classes"]]] = []

    def take(self, top: int, logits: Float32[Tensor, "classes rows width"]) -> None:
        """Keep what was drawn of the rows from `top` on."""
        classes, rows, width = logits.shape
        first, last = np.searchsorted(self.positions, [top * width, (top + rows) * width])
        inside = torch.from_numpy(self.positions[first:last] - top * width).to(logits.device)
        self._logits.append((top, logits.reshape(classes, -1)[:, inside].T.cpu().numpy()))

    @property
    def logits(self) -> Float32[np.ndarray, "pixels classes"]:
        """The logits of `positions`, once all bands were taken."""
        return np.concatenate([part for _, part in sorted(self._logits, key=lambda one: one[0])])


def joined(samplers: Sequence[ImageSampler]) -> PixelSample:
    """The samples of several images as one."""
    return PixelSample(
        logits=np.concatenate([one.logits for one in samplers]),
        labels=np.concatenate([one.labels for one in samplers]),
        near=np.concatenate([one.near for one in samplers]),
        image=np.repeat(np.arange(len(samplers)), [one.labels.size for one in samplers]),
        stands_for=np.array([one.stands_for for one in samplers], np.float64),
    )


def near_contour(
    labels: UInt8[np.ndarray, "height width"], positions: Int64[np.ndarray, " pixels"], width: int = NEAR
) -> Bool[np.ndarray, " pixels"]:
    """Which pixels have one of another label, or of none, at most `width` rows and columns away.

    The edge of the image is no contour. Looks at the asked pixels alone, which is cheaper than a band of the image.
    """
    rows, columns = np.divmod(positions, labels.shape[1])
    own, near = labels[rows, columns], np.zeros(positions.size, bool)
    for down in range(-width, width + 1):
        for right in range(-width, width + 1):
            beside = (rows + down).clip(0, labels.shape[0] - 1), (columns + right).clip(0, labels.shape[1] - 1)
            near |= labels[beside] != own
    return near
