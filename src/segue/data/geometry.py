"""At which pixel size the network sees an image: one rule for training, validation and prediction.

Training resizes an image, its aspect ratio kept, so that the whole image would cover `size` / s (s drawn from
`augment.scale`) and crops `size` out of it. The network therefore sees objects larger than a plain resize to `size`
shows them; predicting at `size` makes it meet them smaller than it ever did. `zoom` undoes that: inference runs on the
image resized to `zoom` times the side of `size` (the train-test resolution discrepancy,
https://arxiv.org/abs/1906.06423).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from segue.data.scale import Ranges

MOSAIC = (
    4.0  # an image with this many times the pixels of any training image is a mosaic of such images, not one of them
)

MOST_ZOOM = 4.0  # an image that training showed at more than so many times the side of a crop is worked on in tiles

Box = tuple[float, float, float, float]  # left, upper, right, lower, in pixels of the source image


@dataclass(frozen=True)
class Preprocessing:
    """What happens to an image before the network, at training and at inference.

    `size` is height x width of a training crop; `zoom` the side of the inference image relative to it (1.4 by default);
    `mean` and `std` are per channel, for pixel values on the 0-1 scale; `largest` is the pixel count of the largest
    training image; `pixel_scale` the factor by which the median training image is resized for inference. `ranges` are,
    per channel, the numbers of a raster that become 0 and 1; empty for 8-bit images.
    """

    size: tuple[int, int]
    zoom: float
    mean: tuple[float, ...]
    std: tuple[float, ...]
    largest: int
    pixel_scale: float
    ranges: Ranges = ()

    @property
    def channels(self) -> int:
        """Number of image channels."""
        return len(self.mean)


def fitting_scale(height: int, width: int, size: tuple[int, int]) -> float:
    """The factor that gives an image of `height` x `width` pixels the area of `size`."""
    return math.sqrt(size[0] * size[1] / (height * width))


def inference_zoom(scale: tuple[float, float]) -> float:
    """The zoom at which inference sees objects as large as training showed them, in the geometric mean.

    >>> round(inference_zoom((0.5, 1.0)), 3)
    1.414
    """
    return 1 / math.sqrt(scale[0] * scale[1])


def working_size(height: int, width: int, prep: Preprocessing) -> tuple[int, int]:
    """The pixel size at which inference runs on an image of `height` x `width`.

    Images with more than four times the pixels of the largest training image keep the training set's pixel scale (they
    are worked on in tiles); all others get the area of `size`, times `zoom` squared.
    """
    if height * width > MOSAIC * prep.largest:
        factor = prep.pixel_scale
    else:
        factor = fitting_scale(height, width, prep.size) * prep.zoom
    return max(1, round(height * factor)), max(1, round(width * factor))


def tile_side(prep: Preprocessing) -> int:
    """The side of the tiles that images too large for the network at once are worked on in."""
    return 32 * math.ceil(math.sqrt(prep.size[0] * prep.size[1]) * min(prep.zoom, MOST_ZOOM) / 32)


def resize_image(image: NDArray[np.generic], size: tuple[int, int], box: Box | None = None) -> NDArray[np.generic]:
    """Resize (H, W, C) pixels, uint8 or float32, to `size` with an antialiased triangle filter; `box` cuts first."""
    height, width = size
    if image.dtype == np.uint8 and image.shape[2] in (1, 3):
        source = Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)
        resized = np.asarray(source.resize((width, height), Image.Resampling.BILINEAR, box))
        return resized[..., None] if image.shape[2] == 1 else resized
    planes = [Image.fromarray(np.ascontiguousarray(image[..., c], dtype=np.float32)) for c in range(image.shape[2])]
    stacked = np.stack([np.asarray(p.resize((width, height), Image.Resampling.BILINEAR, box)) for p in planes], axis=2)
    return stacked.round().astype(np.uint8) if image.dtype == np.uint8 else stacked


def resize_labels(labels: NDArray[np.uint8], size: tuple[int, int], box: Box | None = None) -> NDArray[np.uint8]:
    """Resize (H, W) class ids to `size` by nearest neighbour: ids are never mixed."""
    height, width = size
    return np.asarray(Image.fromarray(labels).resize((width, height), Image.Resampling.NEAREST, box))
