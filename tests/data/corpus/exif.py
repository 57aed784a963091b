"""Images stored turned, with a tag that turns them back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from PIL import Image

from corpus.base import HEIGHT, ORIENTATION, WIDTH, Case, image_file, labels, mask_file, picture

UNDO = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Image.Transpose that takes upright pixels to the stored ones


def rotated(orientation: int, mask_follows: bool, square: bool = False) -> Callable[[Path], Path]:
    """An upright scene stored turned, with the tag that turns it back; the mask is drawn upright or as stored."""

    def plant(root: Path) -> Path:
        side = WIDTH if square else HEIGHT
        upright, mask = Image.fromarray(picture(3, side)), Image.fromarray(labels(3, side))
        exif = Image.Exif()
        exif[ORIENTATION] = orientation
        image_file(root).unlink()
        stored = upright.transpose(Image.Transpose(UNDO[orientation])) if orientation in UNDO else upright
        stored.save(image_file(root, "img_3.jpg"), exif=exif, quality=95)
        (mask if mask_follows or orientation == 1 else mask.transpose(Image.Transpose(UNDO[orientation]))).save(
            mask_file(root)
        )
        turned = orientation in (5, 6, 7, 8)
        return image_file(root, "img_3.jpg") if turned and mask_follows and not square else mask_file(root)

    return plant


def exif_cases() -> Iterator[Case]:
    yield Case("EXIF orientation 1", "", rotated(1, True))
    for orientation in (2, 3, 4):
        yield Case(f"EXIF {orientation}", "PAIR_EXIF_UNSURE", rotated(orientation, True))
    for orientation in (5, 6, 7, 8):
        yield Case(f"EXIF {orientation}, mask upright", "IMG_ROTATED", rotated(orientation, True))
        yield Case(f"EXIF {orientation}, mask as stored", "PAIR_EXIF", rotated(orientation, False))
        yield Case(f"EXIF {orientation}, square", "PAIR_EXIF_UNSURE", rotated(orientation, True, square=True))
