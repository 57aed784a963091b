"""Every value the user left open, filled from the data and the machine, before anything starts."""

from __future__ import annotations

import dataclasses
import math
import statistics
from pathlib import Path

from segue.configs import FitConfig
from segue.cores import usable_cores
from segue.data.geometry import Preprocessing, fitting_scale, inference_zoom
from segue.data.prepare import Data
from segue.infer.device import pick_device
from segue.models.networks.network import image_statistics
from segue.models.sources.choice import as_source_says
from segue.train.machine import pick_precision

CROP_PIXELS = {"cpu": 320 * 320, "cuda": 512 * 512, "mps": 384 * 384}  # the most one training crop gets by default
PASSES = 40  # how often each training image is seen ...
LEAST_SEEN, MOST_SEEN = 4_000, 16_000  # ... within these bounds, in images


def resolve(config: FitConfig, data: Data) -> FitConfig:
    """`config` with nothing left open; given values are kept."""
    device = pick_device(config.train.device).type
    size = config.data.size or default_size(data.sizes, CROP_PIXELS[device], config.augment.scale)
    workers = config.data.workers if config.data.workers is not None else min(4, max(1, usable_cores() // 2))
    steps = config.steps
    if steps is None and config.minutes is None:
        steps = default_steps(len(data.all("train")), config.optim.batch)
    return dataclasses.replace(
        config,
        paths=tuple(path.resolve() for path in config.paths),
        model=config.model if config.model.encoder and config.model.decoder else as_source_says(config.model),
        steps=steps,
        data=dataclasses.replace(config.data, size=size, workers=workers, split=_resolved(config.data.split)),
        augment=dataclasses.replace(config.augment, style_images=_resolved(config.augment.style_images)),
        train=dataclasses.replace(
            config.train, device=device, precision=pick_precision(config.train.precision, device)
        ),
    )


def _resolved(path: Path | None) -> Path | None:
    return path.resolve() if path is not None else None


def default_size(sizes: tuple[tuple[int, int], ...], most: int, scale: tuple[float, float]) -> tuple[int, int]:
    """The training crop for images of these (height, width) sizes: multiples of 32, at most about `most` pixels.

    Inference runs at `zoom` times the crop's side (see `segue.data.geometry`), so the crop is the median image divided
    by the zoom: then inference sees images at their own resolution, unless they are too large for the machine.

    >>> default_size(((360, 480),) * 5, 320 * 320, (0.5, 1.0))
    (256, 352)
    """
    height = statistics.median(h for h, _ in sizes)
    width = statistics.median(w for _, w in sizes)
    factor = min(1 / inference_zoom(scale), math.sqrt(most / (height * width)))
    return _multiple_of_32(height * factor), _multiple_of_32(width * factor)


def _multiple_of_32(length: float) -> int:
    return max(32, 32 * round(length / 32))


def default_steps(images: int, batch: int) -> int:
    """Training steps for a number of images: forty passes, but neither too few to converge nor more than pays.

    >>> default_steps(24, 8)
    500
    """
    seen = min(max(PASSES * images, LEAST_SEEN), MOST_SEEN)
    return math.ceil(seen / batch)


def preprocessing(config: FitConfig, data: Data, network: str) -> Preprocessing:
    """What happens to an image before the network, for a resolved configuration; `network` as in `ModelSpec`."""
    assert config.data.size is not None, "resolve() fills the size"
    mean, std = image_statistics(config.model.encoder, network, data.channels)
    if data.bands is not None:
        mean, std = data.bands.mean, data.bands.std
    zoom = inference_zoom(config.augment.scale)
    pixels = sorted(height * width for height, width in data.sizes)
    middle = pixels[len(pixels) // 2]
    return Preprocessing(
        size=config.data.size,
        zoom=zoom,
        mean=mean,
        std=std,
        largest=pixels[-1],
        pixel_scale=fitting_scale(1, middle, config.data.size) * zoom,
        ranges=data.bands.ranges if data.bands is not None else (),
    )
