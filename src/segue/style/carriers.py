"""The numbers of a picture that carry its watermark: cosine coefficients of its luminance in miniature.

Every picture is shrunk to the same 64 x 64 pixels first. So a mark knows nothing of the picture's size, and
resizing, which keeps what a miniature shows, keeps the mark. The miniature stands where the approximation band of
a two-level wavelet transform of 256 x 256 pixels usually does, but is taken with Lanczos' window: Haar's folds
finer detail onto the coefficients, and every resize changes that detail. Its cosine transform is taken whole:
in blocks of 8 x 8, coefficients of low frequency pile up on the edges of the blocks, and at the same PSNR the
change shows sooner and JPEG destroys more.

The carriers have 3 to 19 periods across the picture: above the slopes of light that any correction changes,
below what JPEG quantises coarsely and half the size blurs.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float32, Num
from PIL import Image

SIDE = 64  # of the miniature, in pixels
COUNT = 1120  # carriers
LOWEST = 6  # half periods across the picture; below lies no carrier

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # Rec. 601, as in JPEG: chroma, and what is done to it, stays apart


def _cosines() -> Float[np.ndarray, "frequency place"]:
    """The orthonormal DCT-II of `SIDE` numbers."""
    frequency, place = np.arange(SIDE)[:, None], np.arange(SIDE)[None]
    matrix = np.asarray(np.cos(np.pi * frequency * (2 * place + 1) / (2 * SIDE)) * np.sqrt(2 / SIDE))
    matrix[0] /= np.sqrt(2)
    return matrix


_SQUARED = np.add.outer(np.arange(SIDE) ** 2, np.arange(SIDE) ** 2)  # squared length of each frequency
_PLACES = [place for place in np.argsort(_SQUARED, None, kind="stable") if _SQUARED.flat[place] >= LOWEST**2][:COUNT]
_ROWS, _COLUMNS = np.unravel_index(_PLACES, _SQUARED.shape)
_COSINES = _cosines()


def miniature(picture: Num[np.ndarray, "height width 3"]) -> Float32[np.ndarray, "64 64"]:
    """The luminance of an RGB picture, on the picture's scale, at `SIDE` x `SIDE` pixels."""
    plane = picture.reshape(-1, 3).astype(np.float32, copy=False) @ _LUMA  # as rows: twice as fast as the array itself
    return resized(plane.reshape(picture.shape[:2]), (SIDE, SIDE))


def resized(plane: Float[np.ndarray, "height width"], size: tuple[int, int]) -> Float32[np.ndarray, "rows columns"]:
    """A plane of any range at another size (height, width), with Lanczos' window both ways."""
    image = Image.fromarray(np.ascontiguousarray(plane, np.float32))
    return np.asarray(image.resize(size[::-1], Image.Resampling.LANCZOS), np.float32)


def carriers(small: Float[np.ndarray, "64 64"]) -> Float[np.ndarray, " carriers"]:
    """The carriers of a miniature, from coarse to fine."""
    return np.asarray((_COSINES @ small @ _COSINES.T)[_ROWS, _COLUMNS])


def pattern(values: Float[np.ndarray, " carriers"]) -> Float[np.ndarray, "64 64"]:
    """The miniature with these carriers, and 0 in all other coefficients."""
    coefficients = np.zeros((SIDE, SIDE))
    coefficients[_ROWS, _COLUMNS] = values
    return np.asarray(_COSINES.T @ coefficients @ _COSINES)


def squared_frequencies() -> Float[np.ndarray, " carriers"]:
    """Of each carrier the squared length of its frequency, in half periods across the picture."""
    return _SQUARED[_ROWS, _COLUMNS].astype(np.float64)
