"""Regions of pictures: masks whose values name them, one style statistic for each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Integer
from torch import Tensor
from torch.nn import functional

from segue.data.image import image_size, read_mask
from segue.errors import DataError

MOST = 32  # values in a mask: each has a statistic of its own at every tap


def read_regions(path: Path, picture: Path) -> Integer[np.ndarray, "height width"]:
    """The region number of every pixel of `picture`, from a grey or index image of its size.

    Raises:
        DataError: it cannot be read, is in colour, of another size, or holds more than 32 values.
    """
    values = read_mask(path)
    if values.ndim == 3 and bool((values == values[..., :1]).all()):
        values = values[..., 0]  # grey that was saved as RGB
    if values.ndim == 3:
        raise DataError(f"{path}: expected a grey or index image, one value per region, got colours; save it in grey")
    if values.shape != (size := image_size(picture)):
        got = f"{values.shape[0]} x {values.shape[1]}"
        raise DataError(f"{path}: expected the size of {picture}, {size[0]} x {size[1]} pixels, got {got}")
    if (count := len(np.unique(values))) > MOST:
        raise DataError(
            f"{path}: expected at most {MOST} values, one per region, got {count}; JPEG smears values, save it as PNG"
        )
    return values


def paired(
    content: Integer[np.ndarray, "_ _"], styles: list[Integer[np.ndarray, "_ _"]], path: Path
) -> tuple[int, ...]:
    """The values of the regions to paint: those of the content, each of which some style must have.

    `path` is the content's mask, for the message. Raises `DataError` when no style has one of them.
    """
    values = [int(value) for value in np.unique(content)]
    known = {int(value) for style in styles for value in np.unique(style)}
    alone = [value for value in values if value not in known]
    if alone:
        listed = ", ".join(str(value) for value in sorted(known))
        raise DataError(
            f"{path}: expected every value in a style mask, too, got {alone[0]}, where those have {listed}: "
            "give the region of a style that value"
        )
    return tuple(values)


def as_maps(mask: Integer[np.ndarray, "height width"], values: tuple[int, ...]) -> Float[Tensor, "regions _ _"]:
    """A map for each of `values`: 1 inside its region, 0 outside."""
    numbers = torch.from_numpy(mask.astype(np.int64))
    return torch.stack([(numbers == value).float() for value in values])


def shrunk(maps: Float[Tensor, "regions _ _"], size: tuple[int, int]) -> Float[Tensor, "regions height width"]:
    """Maps at the size of features: the share of each position that is inside, so no region is ever lost."""
    return functional.adaptive_avg_pool2d(maps, size)


def nearest(
    regions: Integer[np.ndarray, "_ _"], size: tuple[int, int] | tuple[int, ...]
) -> Integer[np.ndarray, "height width"]:
    """The region numbers of a picture at another height and width: of each pixel that which lies there."""
    height, width = size[:2]
    rows, columns = ((np.arange(n) + 0.5) * have / n for n, have in zip((height, width), regions.shape, strict=True))
    found: np.ndarray = regions[rows.astype(np.intp)[:, None], columns.astype(np.intp)]
    return found
