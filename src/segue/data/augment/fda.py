"""Fourier domain adaptation: a style's slow waves take the place of the crop's (https://arxiv.org/abs/2004.05498)."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Complex64, Float32
from numpy.typing import NDArray

LEAST, MOST = 0.01, 0.09  # beta, in waves per pixel; the paper tries 0.01, 0.05 and 0.09
FAINT = 1e-3  # levels (of 255) below which a wave is rounding error and has no phase to keep

Array = NDArray[np.float32]
Amplitude = Float32[np.ndarray, "channels rows columns"]
Waves = Complex64[np.ndarray, "channels rows columns"]


def fda(image: Array, inside: NDArray[np.bool_], amplitude: Amplitude, generator: np.random.Generator) -> Array:
    """Give the crop the colours and the light of a style: exchange amplitudes below a beta drawn from 0.01 to 0.09.

    The result is clipped to 0-255. Pixels that are not `inside` count as the mean of those that are: a border would
    be made of waves, too.

    Args:
        image: pixels (H, W, 3) on the 0-255 scale.
        inside: which of them show an image (H, W).
        amplitude: what `amplitude_of` gives for a style of the same size.
        generator: draws beta.
    """
    beta = float(generator.uniform(LEAST, MOST))
    if inside.all():
        return np.clip(exchanged(image, amplitude, beta), 0, 255)
    if not inside.any():
        return image
    shown = inside[..., None]
    changed = exchanged(np.where(shown, image, image[inside].mean(axis=0)), amplitude, beta)
    return np.clip(changed * shown, 0, 255)


def exchanged(image: Array, amplitude: Amplitude, beta: float) -> Array:
    """The image with the amplitude of a style in all waves slower than `beta`, each in the phase it has; not clipped.

    A wave is slower when it swings fewer than `beta` times per pixel both across and down. The paper takes in those
    that swing as often, and its code so keeps the mean of the style at `beta` 0; here the image is then as it was. A
    wave the image does not have stays away: it has no phase.
    """
    if beta == 0:
        return image
    height, width = image.shape[:2]
    own = slow_waves(image, beta)
    strength = np.abs(own)
    faint = strength < FAINT * height * width
    wanted = _slowest(amplitude, _below(beta, height), _below(beta, width))
    factor = np.where(faint, 1, wanted / np.where(faint, 1, strength))
    return np.asarray(image + _drawn(own * (factor - 1), (height, width)), np.float32)


def amplitude_of(image: NDArray[np.generic]) -> Amplitude:
    """Of pixels (H, W, C), the amplitude of all waves that may be exchanged."""
    return np.asarray(np.abs(slow_waves(image, MOST)))


def slow_waves(image: NDArray[np.generic], beta: float) -> Waves:
    """The part of each channel's Fourier transform with fewer than `beta` waves per pixel.

    Rows are 0, 1, 2, ... waves down the image and, behind them, ... -2, -1; columns are 0, 1, 2, ... waves across: what
    lies left of 0 is their mirror image, as the pixels are real.
    """
    # only few columns are needed, so the second direction costs next to nothing
    planes = np.ascontiguousarray(image.transpose(2, 0, 1), dtype=np.float32)
    columns = _below(beta, planes.shape[2])
    across = np.fft.rfft(planes, axis=2)[..., :columns]
    return _slowest(np.fft.fft(across, axis=1), _below(beta, planes.shape[1]), columns)


def _below(beta: float, length: int) -> int:
    """How many of 0, 1, 2, ... waves on a side of `length` pixels are fewer than `beta` per pixel."""
    return math.ceil(beta * length)


def _slowest(spectrum: NDArray[np.generic], rows: int, columns: int) -> NDArray[np.generic]:
    last = spectrum.shape[1]
    return np.concatenate([spectrum[:, :rows, :columns], spectrum[:, last - rows + 1 :, :columns]], axis=1)


def _drawn(waves: Waves, size: tuple[int, int]) -> Array:
    """The picture (H, W, C) that some slow waves are."""
    rows = waves.shape[1] // 2 + 1
    spectrum = np.zeros((waves.shape[0], size[0], waves.shape[2]), np.complex64)
    spectrum[:, :rows], spectrum[:, size[0] - rows + 1 :] = waves[:, :rows], waves[:, rows:]
    across = np.fft.ifft(spectrum, axis=1)
    return np.asarray(np.fft.irfft(across, n=size[1], axis=2).transpose(1, 2, 0), np.float32)
