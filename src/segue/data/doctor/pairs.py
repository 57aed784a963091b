"""Image and mask side by side: same size, same way up, same place, and not the same file."""

from __future__ import annotations

from segue.data.doctor.codes import problem
from segue.data.doctor.images import ImageFacts
from segue.data.doctor.masks import MaskFacts
from segue.data.doctor.rasters import check_place
from segue.data.index import Problem

TURNED = (5, 6, 7, 8)  # EXIF orientations that swap height and width


def check_pair(image: ImageFacts, mask: MaskFacts) -> list[Problem]:
    """Compare the upright sizes; where they differ only by a rotation, say whose EXIF tag explains it."""
    if image.digest == mask.digest:
        return [problem("PAIR_IDENTICAL", mask.path, "expected labels, got the image itself")]
    if (image.height, image.width) == (mask.height, mask.width):
        place = check_place(image.georeference, mask.georeference, mask.path, (image.height, image.width))
        return [*place, *_check_direction(image, mask)]
    sizes = f"image {image.height} x {image.width}, mask {mask.height} x {mask.width} (height x width)"
    if (image.height, image.width) != (mask.width, mask.height):
        return [problem("PAIR_SIZE", mask.path, sizes)]
    if image.orientation in TURNED and mask.orientation == 1:
        return [
            problem("PAIR_EXIF", mask.path, f"{sizes}; the image is turned by EXIF orientation {image.orientation}")
        ]
    return [problem("PAIR_TRANSPOSED", mask.path, sizes)]


def _check_direction(image: ImageFacts, mask: MaskFacts) -> list[Problem]:
    size_tells = image.orientation in TURNED and image.height != image.width
    if image.orientation == mask.orientation or size_tells:
        return []
    text = (
        f"EXIF orientation {image.orientation} of the image, {mask.orientation} of the mask, the sizes fit either way"
    )
    return [problem("PAIR_EXIF_UNSURE", mask.path, text)]
