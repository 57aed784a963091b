"""From painted colours to a photograph: mirror images, shadows, lamps, fog, falling snow, lens, sensor and JPEG."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from segue.demo.canvas import FOG_SCALE
from segue.demo.look import GROUND, HILLS, ROAD, SKY, TREE, WATER, Look
from segue.demo.noise import Floats, floats, sample

Bytes = NDArray[np.uint8]


def mirror(colour: Bytes, facts: Bytes, horizon: float, water: Floats, rng: np.random.Generator) -> Bytes:
    """Fill water with the wobbling mirror image of what stands above it, mixed with the water's own colour."""
    wet = facts[..., 0] == WATER
    if not wet.any():
        return colour
    height, width = wet.shape
    bank = np.argmax(wet, axis=0)  # per column: the far bank, about which the picture is mirrored
    row, column = np.nonzero(wet)
    depth = floats(np.maximum(row - horizon, 1.0))
    place = (int(rng.integers(256)), int(rng.integers(256)))
    waves = sample("rough", 2600.0 / depth, floats((column - width / 2) * 18.0 / depth), place)
    swing = waves * rng.uniform(0.6, 1.6)
    above = np.clip(2 * bank[column] - row + swing * (0.6 + depth * 0.05), 0, height - 1).astype(np.int32)
    aside = np.clip(column + swing * (0.4 + depth * 0.02), 0, width - 1).astype(np.int32)
    own = water * (1.0 + 0.16 * waves)[:, None]
    share = np.clip(0.72 - depth / height, 0.22, 0.7)[:, None]
    result = colour.copy()
    result[row, column] = np.clip(own + (colour[above, aside] - own) * share, 0, 255).astype(np.uint8)
    return result


def grain(colour: Floats, facts: Bytes, rng: np.random.Generator) -> Floats:
    """Fine texture on everything that stands: leaves most, walls and metal less."""
    height, width = facts.shape[:2]
    rows = np.arange(height, dtype=np.float32)[:, None]
    columns = np.arange(width, dtype=np.float32)[None, :]
    place = (int(rng.integers(256)), int(rng.integers(256)))
    amount = np.full(16, 0.025, np.float32)
    amount[[SKY, HILLS, GROUND, ROAD, WATER]] = 0.0
    amount[TREE] = 0.075
    return np.asarray(
        colour * (1.0 + amount[facts[..., 0]] * sample("grain", rows, columns, place))[..., None], np.float32
    )


def illuminate(colour: Floats, facts: Bytes, tint: Floats, exposure: float, look: Look) -> Floats:
    """Daylight (or what is left of it) on everything, and light from windows, lamps and cars on top, with its halo."""
    light = facts[..., 2:3].astype(np.float32) / 255.0
    lit = colour * (tint * exposure / 255.0)
    if not look.glow:
        return np.asarray(lit, np.float32)
    shining = colour * light * look.glow
    source = Image.fromarray(np.clip(shining, 0, 255).astype(np.uint8))
    near = np.asarray(source.filter(ImageFilter.BoxBlur(2)), np.float32)
    wide = np.asarray(source.filter(ImageFilter.BoxBlur(6)).filter(ImageFilter.BoxBlur(6)), np.float32)
    pool = np.asarray(source.filter(ImageFilter.BoxBlur((5, 15))), np.float32)  # light that falls on the ground below
    ground = np.isin(facts[..., 0], (GROUND, ROAD))[..., None]
    lit = lit * (1.0 - light) + shining + 0.7 * near + 1.2 * wide + ground * pool * colour / 70.0
    return np.asarray(lit, np.float32)


def fog(colour: Floats, facts: Bytes, density: float, horizon: Floats) -> Floats:
    """Mix in the colour of the horizon, more with distance."""
    share = np.minimum(np.arange(256, dtype=np.float32) / 255.0, 0.985)
    metres = FOG_SCALE * share / (1.0 - share)
    kept = np.exp(-density * np.minimum(metres, 160.0))
    kept[255] = np.exp(-density * 25.0)  # the sky is seen through a thin layer only
    kept = kept[facts[..., 1]][..., None]
    return np.asarray(colour * kept + horizon * (1.0 - kept), np.float32)


def snowfall(colour: Floats, share: float, rng: np.random.Generator) -> Floats:
    """Scatter flakes: single pixels and short slanted streaks."""
    height, width = colour.shape[:2]
    count = int(share * height * width)
    if not count:
        return colour
    result = colour.copy()
    rows, columns = rng.integers(0, height, count), rng.integers(0, width, count)
    opacity = rng.uniform(0.2, 0.85, count)[:, None]
    slant = int(rng.integers(-1, 2))
    for step in range(2):
        r, c = np.minimum(rows + step, height - 1), np.clip(columns + step * slant, 0, width - 1)
        result[r, c] += (215.0 - result[r, c]) * opacity * (1.0 if step == 0 else 0.5)
    return result


def photograph(colour: Floats, look: Look, rng: np.random.Generator) -> Image.Image:
    """Vignette, tone, lens blur, sensor noise and JPEG compression."""
    height, width = colour.shape[:2]
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    vignette = floats(1.0 - 0.14 * (x * x + y * y))[..., None]
    colour = floats(285.0 * (1.0 - np.exp(np.maximum(colour * vignette, 0.0) / -142.0)))  # highlights roll off
    grey = colour.mean(-1, keepdims=True)
    colour = floats(grey + (colour - grey) * look.saturation)
    if look.cast:  # no camera gets the white of a winter evening right
        colour = colour * floats([1 + rng.uniform(-look.cast, look.cast), 1.0, 1 + rng.uniform(-look.cast, look.cast)])
    picture = Image.fromarray(np.clip(colour, 0, 255).astype(np.uint8))
    radius = rng.uniform(*look.blur)
    if radius > 0.3:
        picture = picture.filter(ImageFilter.GaussianBlur(radius))
    noisy = np.asarray(picture, np.float32)
    level = rng.uniform(*look.grain)
    noisy = noisy + rng.standard_normal(noisy.shape, dtype=np.float32) * level * (0.6 + noisy[..., 1:2] / 300.0)
    buffer = io.BytesIO()
    quality = int(rng.integers(look.quality[0], look.quality[1] + 1))
    Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=quality)
    return Image.open(io.BytesIO(buffer.getvalue()))
