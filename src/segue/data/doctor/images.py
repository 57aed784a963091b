"""One image, decoded: what about its pixels a person should know before training on them."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segue.data.bands import numbers_of
from segue.data.doctor.codes import problem
from segue.data.doctor.files import Header, refusal
from segue.data.doctor.likeness import Likeness, likeness
from segue.data.doctor.rasters import look_through
from segue.data.geotiff import Georeference, Raster, check_raster_size
from segue.data.image import read_image
from segue.data.index import Problem
from segue.data.opening import opened
from segue.errors import DataError

DARK = 16.0  # of 255; what a 12-bit camera's full range becomes when it is stored in 16 bits


@dataclass(frozen=True)
class ImageFacts:
    """What later checks need of an image, small enough to keep for 100 000 of them."""

    height: int
    width: int
    channels: int
    orientation: int
    digest: bytes  # SHA-256 of shape and pixels
    likeness: Likeness | None  # None for pictures too plain to compare
    numbers: str = "8-bit"  # as `numbers_of` tells them
    georeference: Georeference | None = None


def check_image(path: Path, header: Header, max_pixels: int) -> tuple[ImageFacts | None, list[Problem]]:
    """Decode an image exactly as training will, and report what is odd about it."""
    if header.raster is not None:
        return _check_raster(path, header.raster, max_pixels)
    problems = _mode_problems(path, header)
    try:
        pixels = read_image(path, max_pixels)
    except DataError as error:
        return None, [*problems, refusal(path, error)]
    if header.alpha and _is_see_through(path, max_pixels):
        problems.append(problem("IMG_ALPHA", path, "some pixels are transparent; they are blended over black"))
    problems += _pixel_problems(path, pixels)
    digest = pixel_digest(pixels)
    height, width, channels = pixels.shape
    return ImageFacts(height, width, channels, header.orientation, digest, likeness(pixels)), problems


def _check_raster(path: Path, raster: Raster, max_pixels: int) -> tuple[ImageFacts | None, list[Problem]]:
    try:
        check_raster_size(path, raster, max_pixels)
    except DataError as error:
        return None, [problem("IMG_BOMB", path, str(error).removeprefix(f"{path}: "))]
    try:
        content = look_through(path, raster)
    except DataError as error:
        return None, [refusal(path, error)]
    channels = 3 if raster.palette else len(raster.bands)
    size, place = (raster.height, raster.width), raster.georeference
    facts = ImageFacts(*size, channels, 1, content.digest, content.likeness, numbers_of(path), place)
    return facts, list(content.problems)


def check_channels(images: Mapping[Path, ImageFacts]) -> list[Problem]:
    """Report the images with other numbers, or another number of channels, than most; grey and colour go together."""
    numbers = _usual(facts.numbers for facts in images.values())
    odd = [
        problem("SET_NUMBERS", path, f"expected {numbers} numbers like most images, got {facts.numbers}")
        for path, facts in images.items()
        if facts.numbers != numbers
    ]
    kinds = {path: 3 if f.channels == 1 and f.numbers == "8-bit" else f.channels for path, f in images.items()}
    usual = _usual(kinds.values())
    expected = "1 or 3" if usual == 3 and numbers == "8-bit" else usual
    return odd + [
        problem("CHANNELS_DIFFER", path, f"expected {expected} channels like most images, got {images[path].channels}")
        for path, kind in kinds.items()
        if kind != usual
    ]


def _usual(kinds: Iterable[Any]) -> Any:  # noqa: ANN401 - numbers or words
    """The most frequent, of several the largest."""
    return max(Counter(kinds).items(), key=lambda item: (item[1], item[0]), default=(None, 0))[0]


def _mode_problems(path: Path, header: Header) -> list[Problem]:
    problems = []
    if header.mode == "CMYK":
        problems.append(problem("IMG_CMYK", path, "expected RGB or grey, got CMYK"))
    if "16" in header.raw_mode or header.mode.startswith("I"):
        problems.append(problem("IMG_16BIT", path, f"pixels are stored as {header.raw_mode or header.mode}"))
    if header.orientation in range(2, 9):
        problems.append(problem("IMG_ROTATED", path, f"the EXIF orientation is {header.orientation}"))
    return problems


def _is_see_through(path: Path, max_pixels: int) -> bool:
    with opened(path, max_pixels) as picture:
        return bool((np.asarray(picture.convert("RGBA"))[..., 3] < 255).any())


def _pixel_problems(path: Path, pixels: NDArray[Any]) -> list[Problem]:
    if pixels.size and pixels.min() == pixels.max():
        return [problem("IMG_FLAT", path, f"every pixel is {pixels.flat[0]:g}")]
    if pixels.dtype != np.uint8 and pixels.max() < DARK:
        return [problem("IMG_RANGE", path, f"expected values up to 255, the largest is {pixels.max():.3g}")]
    return []


def pixel_digest(pixels: NDArray[Any]) -> bytes:
    """SHA-256 of an array's shape and content: equal for the same picture in two files or formats."""
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[..., 0]  # a grey image and a mask with the same pixels are the same picture
    digest = hashlib.sha256(repr(pixels.shape).encode())
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.digest()
