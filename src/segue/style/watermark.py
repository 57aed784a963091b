"""An invisible watermark without a network: 24 bits in the luminance, read without the original.

Embedding is dither modulation, a kind of quantisation index modulation (B. Chen and G. W. Wornell, IEEE
Trans. Inform. Theory 47, 2001): each carrier moves to the nearest value of a lattice of step `STEP`; which
of two lattices, half a step apart, is one bit. The picture itself is then no noise to the reader, as it is in
spread spectrum. The bits are those of a convolutional code, each in five carriers drawn from all.

Two things are added to the textbook. The change is made at the picture's own size and corrected until the
miniature is what it should be, so clipping at black and white costs little. And the reader believes a carrier
the less the larger and finer it is, since blur, which every resize brings, takes a share of it.

It survives JPEG, resizing, mirroring and quarter turns, to the extent measured in benchmarks/watermark.md. It
does not survive cropping, other angles, borders, curves of brightness and contrast, nor anyone who wants it gone:
how to write it is public.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, Num, UInt8

from segue.errors import DataError
from segue.style.carriers import COUNT, carriers, miniature, pattern, resized, squared_frequencies
from segue.style.convolutional_code import coded_length, decode, encode
from segue.style.mark_frame import FRAME_BITS, framed, unframed

MIN_SIDE = 128  # pixels; below, a picture does not hold the carriers well enough
STEP = 7.0  # of the lattice, in grey levels of the orthonormal cosine transform: the one that sets PSNR and robustness
BLUR = 5e-5  # share of a carrier that a bilinear shrink to 128 pixels takes, for each unit of squared frequency
ROUNDS = 4  # corrections while embedding

_KEY = b"segue style watermark 1: "  # public on purpose: anyone may read a mark. Another text is another mark


@dataclass(frozen=True)
class Mark:
    """A watermark that was read: the number it holds, and the share of carriers that say so (0.5 is chance)."""

    number: int
    agreement: float


def embed(picture: UInt8[np.ndarray, "height width 3"], number: int) -> UInt8[np.ndarray, "height width 3"]:
    """The picture with `number` (0 to 2^24 - 1) in it; it replaces a mark that is there already.

    Raises:
        DataError: a side is below `MIN_SIDE` pixels.
    """
    size = (picture.shape[0], picture.shape[1])
    if min(size) < MIN_SIDE:
        least = f"{MIN_SIDE} x {MIN_SIDE}"
        raise DataError(f"expected at least {least} pixels to hold a watermark, got {size[0]} x {size[1]}: enlarge it")
    offset = _offsets(encode(framed(number)))
    start = carriers(miniature(picture))
    wanted = offset + STEP * np.rint((start - offset) / STEP)
    change = np.zeros(size, np.float32)
    marked = picture.astype(np.float32)  # one buffer for all rounds: a large picture takes a hundred megabytes
    for _ in range(ROUNDS):
        missing = pattern(wanted - carriers(miniature(marked)))
        change += resized(missing, size)
        np.add(picture, change[..., None], out=marked)
        np.clip(marked, 0, 255, out=marked)
    return np.rint(marked, out=marked).astype(np.uint8)


def read(picture: Num[np.ndarray, "height width 3"]) -> Mark | None:
    """The watermark of an RGB picture on the 0-255 scale, mirrored or turned by quarters or not; None without one.

    Of pictures without a mark one in two million is taken for marked: 2^-24 for each of the eight ways it may lie.
    """
    for small in _turned(miniature(picture)):
        values = carriers(small)
        number = unframed(decode(_evidence(values)))
        if number is not None:
            return Mark(number, _agreement(values, number))
    return None


def read_together(frames: Iterable[Num[np.ndarray, "height width 3"]]) -> Mark | None:
    """The watermark that all frames of a video hold, from what they tell together; None without one.

    A codec leaves little of a mark in each frame, and another part of it in the next. Frames lie as they were written;
    one in sixteen million without a mark is taken for marked.
    """
    values = [carriers(miniature(frame)) for frame in frames]
    number = unframed(decode(np.sum([_evidence(one) for one in values], 0))) if values else None
    return None if number is None else Mark(number, float(np.mean([_agreement(one, number) for one in values])))


def _turned(small: Float[np.ndarray, "64 64"]) -> Iterator[Float[np.ndarray, "64 64"]]:
    """The miniature as it is, then in the seven other ways a square can lie."""
    for side in (small, small[:, ::-1]):
        for quarters in range(4):
            yield np.rot90(side, quarters)


def _offsets(coded: UInt8[np.ndarray, " coded"]) -> Float[np.ndarray, " carriers"]:
    """Where the lattice of each carrier begins: its dither, and half a step more for a 1."""
    return _DITHER + STEP / 2 * coded[_BIT_OF]


def _evidence(values: Float[np.ndarray, " carriers"]) -> Float[np.ndarray, " coded"]:
    """For each coded bit how likely it is a 0, as a logarithm of odds in units of 4.

    Modulo a step, carriers lie on a circle. Gaussian noise of deviation s shortens their mean to exp(-2 pi^2 s^2 /
    STEP^2), which is also the weight of their cosine in the logarithm of the odds while it is small. Here s is
    what blur may take of a carrier; what all have in common changes no decision.
    """
    weight = np.exp(-2 * (np.pi * BLUR * _SQUARED_FREQUENCIES * values / STEP) ** 2)
    return np.bincount(_BIT_OF, weight * np.cos(2 * np.pi * (values - _DITHER) / STEP), coded_length(FRAME_BITS))


def _agreement(values: Float[np.ndarray, " carriers"], number: int) -> float:
    offset = _offsets(encode(framed(number)))
    return float((np.cos(2 * np.pi * (values - offset) / STEP) > 0).mean())


def _drawn(name: bytes) -> Int[np.ndarray, " carriers"]:
    """Numbers below 2^32 that depend on the name alone, the same with every version of every library."""
    return np.frombuffer(hashlib.shake_256(_KEY + name).digest(4 * COUNT), "<u4").astype(np.int64)


_DITHER = _drawn(b"dither") / 2**32 * STEP
_BIT_OF = np.argsort(_drawn(b"order"), kind="stable") % coded_length(FRAME_BITS)
_SQUARED_FREQUENCIES = squared_frequencies()
