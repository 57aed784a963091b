"""What a picture's numbers mean as colours: a profile in the file says so, and they are turned into sRGB's.

Networks are trained on sRGB, and results carry no profile, which programs take for sRGB. Without this a photograph in
Adobe RGB or Display P3, as cameras and telephones write them, would come out pale.
"""

from __future__ import annotations

import io
import logging
from functools import lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import Num
from PIL import Image, ImageCms

from segue.data.image import MAX_PIXELS, is_raster
from segue.data.opening import opened

_SAME = 2  # levels of 255 by which a profile may differ from sRGB and be taken for it: tables in profiles are rounded
_MODES = {"RGB ": "RGB", "GRAY": "L"}  # colour spaces of profiles, and Pillow's mode of their pixels
_log = logging.getLogger("segue")


def in_srgb(
    pixels: Num[np.ndarray, "height width channels"], path: Path, max_pixels: int = MAX_PIXELS
) -> Num[np.ndarray, "height width _"]:
    """Pixels from 0 to 255 that were read from `path`, grey or RGB, as sRGB; to the bit as they are if they were so.

    A change leaves 8 bits and 3 channels. A profile that is damaged, or of colours the picture does not have, is passed
    over, and the log says so. Colours beyond sRGB are clipped to it (relative colorimetric).
    """
    if path.suffix.lower() == ".npy" or is_raster(path):
        return pixels
    with opened(path, max_pixels) as picture:
        profile = picture.info.get("icc_profile")
    if not profile:
        return pixels
    try:
        transform, mode = _transform(bytes(profile))
        if transform is None:
            return pixels
        eight = np.rint(pixels).astype(np.uint8)
        if mode == "L" and pixels.shape[2] != 1:
            raise ImageCms.PyCMSError("it is one of grey pictures")
        shown = eight[..., 0] if mode == "L" else np.repeat(eight, 3, 2) if eight.shape[2] == 1 else eight
        turned = ImageCms.applyTransform(Image.fromarray(shown), transform)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError) as error:
        _log.warning("%s: its colour profile cannot be used (%s): taken for sRGB", path, error)
        return pixels
    return np.asarray(turned)


@lru_cache(16)  # a folder has the profiles of a few devices, and a profile may hold megabytes
def _transform(profile: bytes) -> tuple[ImageCms.ImageCmsTransform | None, str]:
    """What turns the profile's colours into sRGB, None where they are sRGB; and the mode of what it turns."""
    given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    space = given.profile.xcolor_space
    if space not in _MODES:
        raise ImageCms.PyCMSError(f"it is one of {space.strip()} pictures")
    mode = _MODES[space]
    transform = ImageCms.buildTransform(
        given, ImageCms.createProfile("sRGB"), mode, "RGB", ImageCms.Intent.RELATIVE_COLORIMETRIC
    )
    levels = np.arange(256, dtype=np.uint8)[None]
    if mode == "RGB":
        steps = np.arange(0, 256, 15, dtype=np.uint8)
        levels = np.stack(np.meshgrid(steps, steps, steps), -1).reshape(1, -1, 3)
    turned = np.asarray(ImageCms.applyTransform(Image.fromarray(levels), transform)).astype(int)
    same = np.abs(turned - (levels if mode == "RGB" else levels[..., None])).max() <= _SAME
    return (None if same else transform), mode
