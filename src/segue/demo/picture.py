"""One picture that shows what a table cannot: scenes, their truth, and what each of several runs makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

from segue.data.classes import Classes
from segue.infer.outputs import colour_table

SCALE = 2  # scenes are small: shown at twice their size
GAP = 8
HEAD = 34  # height of the line of titles
FOOT = 38  # height of the line of class names
PAPER, INK = (255, 255, 255), (28, 32, 38)


@dataclass(frozen=True)
class Strip:
    """One scene: its image (H, W, 3), its true classes, and the prediction of every run (H, W)."""

    image: UInt8[np.ndarray, "height width 3"]
    truth: UInt8[np.ndarray, "height width"]
    predictions: tuple[UInt8[np.ndarray, "height width"], ...]


def comparison(strips: Sequence[Strip], titles: Sequence[str], classes: Classes) -> UInt8[np.ndarray, "rows columns 3"]:
    """A row for each strip under a line of `titles` (one per run), with the colours of the classes below."""
    height, width = (SCALE * side for side in strips[0].truth.shape)
    columns = ("scene", "truth", *titles)
    sheet = Image.new(
        "RGB",
        (len(columns) * (width + GAP) + GAP, HEAD + len(strips) * (height + GAP) + FOOT),
        PAPER,
    )
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(19)
    for column, title in enumerate(columns):
        draw.text((GAP + column * (width + GAP) + width // 2, HEAD // 2), title, INK, font, anchor="mm")
    table = colour_table(classes)
    for row, strip in enumerate(strips):
        cells = [strip.image, *(table[mask] for mask in (strip.truth, *strip.predictions))]
        for column, cell in enumerate(cells):
            method = Image.Resampling.BICUBIC if column == 0 else Image.Resampling.NEAREST
            grown = Image.fromarray(cell).resize((width, height), method)
            sheet.paste(grown, (GAP + column * (width + GAP), HEAD + row * (height + GAP)))
    _legend(draw, sheet.height - FOOT // 2, sheet.width, classes)
    return np.asarray(sheet)


def _legend(draw: ImageDraw.ImageDraw, middle: int, width: int, classes: Classes) -> None:
    font = ImageFont.load_default(17)
    lengths = [30 + draw.textlength(name, font) + 22 for name in classes.names]
    left = (width - sum(lengths)) / 2
    for name, colour, length in zip(classes.names, classes.palette, lengths, strict=True):
        draw.rectangle((left, middle - 8, left + 20, middle + 8), fill=colour, outline=INK)
        draw.text((left + 28, middle), name, INK, font, anchor="lm")
        left += length
