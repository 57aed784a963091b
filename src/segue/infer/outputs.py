"""What a prediction looks like on disk: an index PNG with the class colours, an overlay, what else was asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, UInt8, UInt16
from numpy.typing import NDArray
from PIL import Image

from segue.data.classes import IGNORE, Classes
from segue.durable import write_durably
from segue.infer.segmenter import Prediction

LONGEST = 65_500  # pixels: the side of a JPEG that its library still writes
MARKS = ((0, 0, 0), (255, 255, 255))  # the colours of a review map: nothing to see, look here


def write_mask(path: Path, mask: UInt8[np.ndarray, "height width"], classes: Classes) -> None:
    """Write class ids as a palette PNG: any viewer shows the colours, any program reads the ids."""
    picture = Image.fromarray(mask)
    picture.putpalette(colour_table(classes).tobytes())
    _save(path, picture, "PNG")


def write_overlay(path: Path, pixels: NDArray[Any], prediction: Prediction) -> None:
    """Write the image with the classes painted over it, as JPEG; shrunk where it is longer than a JPEG can be."""
    picture = Image.fromarray(overlay(pixels, prediction.mask, prediction.classes))
    picture.thumbnail((LONGEST, LONGEST))
    _save(path, picture, "JPEG")


def write_probabilities(path: Path, prediction: Prediction) -> None:
    """Write an `.npz` with `probabilities`, float16 (classes, height, width), and `classes`, their names."""
    assert prediction.probabilities is not None  # the caller asked for them
    shares, names = prediction.probabilities.astype(np.float16), np.array(prediction.classes.names)

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:  # given a name, numpy would append an ending of its own
            np.savez_compressed(file, probabilities=shares, classes=names)

    write_durably(path, write, shares.nbytes)


def write_uncertainty(path: Path, uncertainty: UInt16[np.ndarray, "height width"]) -> None:
    """Write entropies as a 16-bit grey PNG: bright is unsure, 65534 is as unsure as can be, 65535 no data."""
    _save(path, Image.fromarray(uncertainty), "PNG")


def write_review(path: Path, review: UInt8[np.ndarray, "height width"]) -> None:
    """Write marks as a palette PNG: 1, shown white, where to look; 0, black, elsewhere; 255, grey, without data."""
    picture = Image.fromarray(review)
    picture.putpalette(review_table().tobytes())
    _save(path, picture, "PNG")


def overlay(
    pixels: NDArray[Any], mask: UInt8[np.ndarray, "height width"], classes: Classes
) -> UInt8[np.ndarray, "height width 3"]:
    """The image in half strength under the class colours, borders between classes in full colour.

    Pixels that are `IGNORE` show the image alone, and so do those of a class whose colour is black, mostly the
    background: it would darken the picture and say nothing.
    """
    table = colour_table(classes)
    shows = np.asarray(table.any(axis=1))
    shows[IGNORE] = False
    painted = shows[mask]
    # a border is drawn on its left or upper side; where that side is not painted, on the other one
    edges = borders(mask) | borders(painted.view(np.uint8)[::-1, ::-1])[::-1, ::-1]
    picture = Image.fromarray(displayable(pixels))
    colours = painting(mask, table)
    # Pillow copies pixels by a mask several times as fast as numpy does
    picture.paste(Image.fromarray(_halfway(np.asarray(picture), np.asarray(colours))), mask=Image.fromarray(painted))
    picture.paste(colours, mask=Image.fromarray(edges & painted))
    return np.asarray(picture)


def painting(mask: UInt8[np.ndarray, "height width"], table: UInt8[np.ndarray, "256 3"]) -> Image.Image:
    """The colours of ids, in RGB."""
    picture = Image.fromarray(mask)
    picture.putpalette(table.tobytes())
    return picture.convert("RGB")


def _halfway(one: UInt8[np.ndarray, "*shape"], other: UInt8[np.ndarray, "*shape"]) -> UInt8[np.ndarray, "*shape"]:
    """The mean, a half rounded to the even number, in eight bits: (a + b) / 2 = (a and b) + (a xor b) / 2."""
    differ = one ^ other
    mean = (one & other) + (differ >> 1)
    return np.asarray(mean + (differ & mean & 1))


def displayable(pixels: NDArray[Any]) -> UInt8[np.ndarray, "height width 3"]:
    """Any decoded image (H, W, C) as RGB: three channels as they are, any other number as the grey of their mean."""
    if pixels.shape[2] in (1, 3) and pixels.dtype == np.uint8:
        return np.ascontiguousarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3)))
    if pixels.shape[2] != 3:
        pixels = np.repeat(pixels.mean(axis=2, keepdims=True), 3, axis=2)
    return np.asarray(np.clip(np.rint(pixels), 0, 255), np.uint8)


def colour_table(classes: Classes) -> UInt8[np.ndarray, "256 3"]:
    """The colour of every id a mask can hold; ids that are no class, `IGNORE` among them, are grey."""
    table = np.full((256, 3), 128, np.uint8)
    table[: len(classes)] = classes.palette
    return table


def review_table() -> UInt8[np.ndarray, "256 3"]:
    """The colour of every number a review map can hold."""
    table = np.full((256, 3), 128, np.uint8)
    table[: len(MARKS)] = MARKS
    return table


def borders(mask: UInt8[np.ndarray, "height width"]) -> Bool[np.ndarray, "height width"]:
    """Pixels whose right or lower neighbour belongs to another class."""
    edge = np.zeros(mask.shape, bool)
    edge[:, :-1] |= mask[:, :-1] != mask[:, 1:]
    edge[:-1] |= mask[:-1] != mask[1:]
    return edge


def _save(path: Path, picture: Image.Image, kind: str) -> None:
    options = {"quality": 90} if kind == "JPEG" else {}
    write_durably(path, lambda temporary: picture.save(temporary, kind, **options), picture.width * picture.height)
