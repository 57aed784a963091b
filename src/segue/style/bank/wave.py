"""Waves after Japanese colour prints: curling crests with claws of foam, flat colour and key lines."""

from __future__ import annotations

import numpy as np

from segue.style.bank.plane import (
    Picture,
    Plane,
    Size,
    clipped,
    colours,
    grain,
    grid,
    line,
    mixed,
    multiplied,
    noise,
    ramp,
    smoothstep,
)

PAPER = colours("e4d4ae efe3c4")
HIGH = colours("5d6c7a a9ad9f e6d3a8 efd9b0")
PRUSSIAN = colours("c7d6cf 7fa6b5 3a6d94 1f4a7d 12305c 0c2147")
FOAM, KEY = colours("f5eedb")[0], colours("0f1f3c")[0]


def woodblock_waves(size: Size, rng: np.random.Generator) -> Picture:
    """Great waves after Japanese woodblock prints: Prussian blue bands, foam like claws, a pale sky."""
    down, across = grid(size)
    tall, wide = (count / max(size) for count in size)
    wood = np.sin(520 * (down + 0.015 * noise(size, 1.2, rng) + 0.002 * noise(size, 8, rng)))
    picture = ramp(np.clip(down / tall * 1.6 + 0.04 * noise(size, 2, rng), 0, 1), HIGH)
    disc = np.hypot(down - 0.2 * tall, across - 0.76 * wide)
    picture = mixed(picture, colours("c9482f")[0], 0.85 * smoothstep(0.074, 0.071, disc))
    for number, (base, height, length) in enumerate(
        ((0.4, 0.07, 0.42), (0.5, 0.1, 0.5), (0.62, 0.12, 0.58), (0.76, 0.12, 0.5), (0.92, 0.1, 0.44))
    ):
        picture = _breaker(picture, (base * tall, height, length), number, rng)
    picture = multiplied(picture, 1 + 0.022 * wood + 0.015 * grain(size, rng, 1 / 300))
    worn = smoothstep(0.5, 2.5, noise(size, 150, rng, octaves=2))  # where the paper shows through the ink
    return clipped(mixed(picture, PAPER[1], 0.3 * worn))


def _breaker(picture: Picture, form: tuple[float, float, float], number: int, rng: np.random.Generator) -> Picture:
    """One row of waves over a picture; `form` is the place of its foot from the top, its height and its length."""
    size: Size = picture.shape[:2]
    down, across = grid(size)
    base, height, length = form
    phase = rng.random()
    # the crest leans forward the higher it is, and curls: across is bent by what is above the foot
    above = np.clip((base - down) / height + 0.35, 0, 1.4)
    lean = across + 0.22 * length * above**2.2 + 0.012 * noise(size, 6, rng)
    place = (lean / length + phase) % 1
    peak = np.abs(place - 0.5) * 2  # 0 at the crest, 1 in the trough
    crest = base - height * (1 - np.clip(peak, 0, 1) ** 0.72) + 0.012 * np.sin(31 * across + number)
    depth = down - crest + 0.004 * noise(size, 12, rng)
    body = smoothstep(0, 0.0025, depth)
    tone = np.clip(0.15 + 2.6 * depth + 0.1 * noise(size, 5, rng), 0, 1)
    water = ramp(tone, PRUSSIAN)
    # bands of lighter and darker blue that follow the form, each with a key line
    bands = depth + 0.035 * np.sin((place + 0.1 * number) * 2 * np.pi * 2) + 0.006 * noise(size, 8, rng)
    stripe = (bands / 0.034) % 1
    pale = smoothstep(0.3, 0.36, stripe) * smoothstep(0.72, 0.62, stripe) * smoothstep(0.02, 0.05, depth)
    water = mixed(water, ramp(np.clip(tone - 0.42, 0, 1), PRUSSIAN), 0.8 * pale)
    for edge in (0.33, 0.67):
        swell = 0.0035 * (0.7 + 0.5 * np.sin(place * 25 + number))
        water = mixed(water, KEY, 0.85 * line((stripe - edge) * 0.034, swell, size) * smoothstep(0.02, 0.05, depth))
    picture = mixed(picture, water, body)
    return _foam(picture, depth, peak, rng)


def _foam(picture: Picture, depth: Plane, peak: Plane, rng: np.random.Generator) -> Picture:
    """White foam along a crest: lobes with key lines, fingers below, drops above."""
    size: Size = picture.shape[:2]
    lobes = noise(size, 26, rng)
    fingers = noise(size, 44, rng)
    width = (0.012 + 0.032 * smoothstep(0.75, 0.1, peak)) * (1 + 0.3 * lobes) + 0.008 * fingers
    rim = depth - width
    foam = smoothstep(0.0015, -0.0015, rim) * smoothstep(-0.007 - 0.004 * 1, -0.004, depth + 0.006 * lobes)
    picture = mixed(picture, FOAM, foam)
    shade = line(rim + 0.011 + 0.003 * fingers, 0.004, size) * foam
    picture = mixed(picture, colours("a9c0c4")[0], 0.8 * shade)
    picture = mixed(picture, KEY, 0.9 * line(rim, 0.0032, size) * smoothstep(-0.004, 0, depth))
    outline = depth + 0.0055 + 0.006 * lobes
    picture = mixed(picture, KEY, 0.85 * line(outline, 0.0028, size))
    drops = smoothstep(1.55, 1.75, noise(size, 62, rng)) * smoothstep(-0.1, -0.02, depth) * (depth < -0.012)
    return mixed(picture, FOAM, drops * smoothstep(0.6, 0.2, peak))
