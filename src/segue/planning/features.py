"""What an encoder says about single pixels: its feature maps read at given places, reduced to a common form."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Float32, Float64, Int64
from torch import Tensor
from torch.nn import functional

from segue.data.geometry import Preprocessing
from segue.data.normalise import normalise
from segue.data.parallel import Update, silent
from segue.infer.device import exact_arithmetic
from segue.models.encoders import Encoder
from segue.planning.pixels import PixelSample
from segue.planning.transferability.principal import principal_components

COMPONENTS = 64  # of each feature map


def pixel_features(
    encoder: Encoder, sample: PixelSample, prep: Preprocessing, update: Update = silent
) -> Float64[np.ndarray, "pixels features"]:
    """Features of every pixel drawn: of each map at most 64 principal components, scaled as one, side by side.

    A map is read between its values, where the pixel's centre lies in it. The encoder runs where its weights are and is
    left in evaluation mode.
    """
    maps: list[list[Float32[np.ndarray, "_ _"]]] = [[] for _ in encoder.channels]
    device = next(encoder.parameters()).device
    encoder.eval()
    with exact_arithmetic():
        for number, image in enumerate(sample.images):
            mine = sample.image_of == number
            pixels = normalise(image, prep)[None].contiguous().to(device)
            for level, read in zip(maps, _read(encoder, pixels, sample.rows[mine], sample.columns[mine]), strict=True):
                level.append(read)
            update((number + 1) / len(sample.images), f"image {number + 1} of {len(sample.images)}")
    return np.concatenate([reduced(np.concatenate(level)) for level in maps], axis=1)


def _read(
    encoder: Encoder,
    image: Float[Tensor, "1 bands height width"],
    rows: Int64[np.ndarray, " pixels"],
    columns: Int64[np.ndarray, " pixels"],
) -> list[Float32[np.ndarray, "pixels _"]]:
    height, width = image.shape[-2:]
    tall, wide = encoder.padded(height, width)
    padded = functional.pad(image, (0, wide - width, 0, tall - height))
    # from -1, the left edge of the first pixel, to 1, the right edge of the last
    places = np.stack([2 * (columns + 0.5) / wide - 1, 2 * (rows + 0.5) / tall - 1], axis=-1)
    grid = torch.from_numpy(places.astype(np.float32)).to(image.device)[None, None]
    read = (
        functional.grid_sample(one.float(), grid, mode="bilinear", padding_mode="border", align_corners=False)
        for one in encoder(padded)
    )
    return [one[0, :, 0].T.cpu().numpy() for one in read]


def reduced(level: Float[np.ndarray, "pixels channels"]) -> Float64[np.ndarray, "pixels components"]:
    """Principal components of mean 0, divided by their common deviation, so that every map has the same weight.

    One factor for the map, not one for each component: that would lift the noise of the last components to the rank of
    the first.
    """
    components = principal_components(level, COMPONENTS)
    deviation = float(np.sqrt((components**2).mean())) if components.size else 0.0
    return np.asarray(components / deviation if deviation > 0 else components)
