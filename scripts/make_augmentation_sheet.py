"""Draw `docs/images/augmentations.jpg`: one generated scene, and what each augmentation makes of it and its labels.

python scripts/make_augmentation_sheet.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from segue.configs import AugmentConfig
from segue.data.augment import AUGMENTATIONS, augment
from segue.data.augment.pool import Pool
from segue.data.augment.rare import RareClasses
from segue.data.augment.source import Decoded
from segue.data.keyed import sample_generator
from segue.demo.dataset import class_table
from segue.demo.scene import scene
from segue.infer.outputs import displayable, overlay
from segue.style.own_painter import OwnPainter

SHEET = Path(__file__).resolve().parent.parent / "docs" / "images" / "augmentations.jpg"
SIZE = (126, 168)  # height and width of a tile's picture
COLUMNS, GAP, TITLE = 6, 6, 15
SHOWN = {"scale": (0.5, 0.5), "rotate": 30.0, "grid": 0.9, "hue": 0.3}  # of the others 1: the most, or always
# shown without their labels, which stay as they are
COLOURS = ("fda", "histogram", "stylise", "colour", "hue", "blur", "noise", "jpeg")
# the draw that is shown, chosen by eye such that it tells something
DRAWS = {"colour": 2, "cutmix": 3, "noise": 12, "rare_crops": 2, "quarter_turn": 2, "elastic": 3}
DRAWS |= {"grid": 12, "hue": 10, "blur": 12, "jpeg": 8}
PLAIN = {"scale": (1.0, 1.0), "flip": 0.0, "colour": 0.0}


def main() -> None:
    """Draw the sheet."""
    classes = class_table("target")
    scenes = [scene(0, "target", index, (252, 336)) for index in (3, 8, 12, 21)]
    samples = [Decoded(one.image, one.mask) for one in scenes]
    counts = np.array([np.bincount(labels.ravel(), minlength=len(classes)) for _, labels in samples])
    pool = Pool(lambda index: samples[index], len(samples), RareClasses(counts).draw, painter=OwnPainter())
    rarest = int(np.argmin(np.where(counts[0] > 0, counts[0], counts.sum())))
    tiles = []
    for name in ("as it is", *AUGMENTATIONS):
        config = AugmentConfig(**{**PLAIN, **({name: SHOWN.get(name, 1.0)} if name in AUGMENTATIONS else {})})
        focus = None
        if name == "rare_crops":
            config, focus = AugmentConfig(**{**PLAIN, "scale": (0.4, 0.4)}), rarest
        generator = sample_generator(0, 0, DRAWS.get(name, 0))
        view = augment(samples[0], SIZE, config, generator, pool, focus)
        pixels = displayable(np.where(view.inside[..., None], view.image, 110))
        tiles.append((name, pixels if name in COLOURS else overlay(pixels, view.labels, classes)))
    rows = -(-len(tiles) // COLUMNS)
    height, width = SIZE[0] + TITLE + GAP, SIZE[1] + GAP
    sheet = Image.new("RGB", (COLUMNS * width + GAP, rows * height + GAP), "white")
    draw = ImageDraw.Draw(sheet)
    for number, (name, tile) in enumerate(tiles):
        left, top = GAP + number % COLUMNS * width, GAP + number // COLUMNS * height
        draw.text((left, top), name, fill="black")
        sheet.paste(Image.fromarray(tile), (left, top + TITLE))
    sheet.save(SHEET, "JPEG", quality=82, optimize=True)


if __name__ == "__main__":
    main()
