"""Pictures to learn from that nobody owns: generated photographs of sorts, and generated paintings of sorts.

Contents are scenes of `segue demo` and dead leaves (overlapping textured shapes, whose statistics are those of
photographs: https://doi.org/10.1023/A:1011109015675). Styles recolour a content with a palette and paint it again: in
strokes along a flow, dots, mosaics, hatching, woodcut, watercolour, facets, or as bands of a warped field. Everything
is a function of the numpy generator that is handed in.
"""

from __future__ import annotations

import colorsys
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage
from scipy.spatial import KDTree

from segue.demo.scene import scene

Floats = NDArray[np.float32]
Rng = np.random.Generator


# --- fields and colours -----------------------------------------------------------------------------------------------


def noise(rng: Rng, side: int, falloff: float) -> Floats:
    """A square of noise whose amplitude falls with frequency to the power `falloff`; mean 0, deviation 1."""
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None])
    frequency[0, 0] = 1
    spectrum = np.fft.rfft2(rng.standard_normal((side, side))) / frequency**falloff
    spectrum[0, 0] = 0
    found = np.fft.irfft2(spectrum, s=(side, side))
    return np.asarray(found / found.std(), np.float32)


def palette(rng: Rng) -> Floats:
    """Three to seven colours (0 to 1), dark to light, that go together: near hues, opposite ones, or few and grey."""
    count = int(rng.integers(3, 8))
    hue, kind = rng.random(), rng.choice(["near", "opposite", "free", "earth", "grey"], p=[0.3, 0.3, 0.2, 0.12, 0.08])
    spread = {"near": 0.08, "opposite": 0.05, "free": 1.0, "earth": 0.05, "grey": 0.5}[kind]
    hues = hue + spread * rng.standard_normal(count) + (kind == "opposite") * 0.5 * (rng.random(count) < 0.5)
    if kind == "earth":
        hues = 0.07 + 0.04 * rng.standard_normal(count)
    most = {"grey": 0.12, "earth": 0.6}.get(kind, rng.uniform(0.4, 1.0))
    low, high = rng.uniform(0.02, 0.35), rng.uniform(0.65, 1.0)
    values = np.sort(low + (high - low) * rng.random(count))
    values[0], values[-1] = low, high
    colours = [
        colorsys.hsv_to_rgb(h % 1, most * rng.uniform(0.3, 1.0) * (1 - 0.5 * v * v), v)
        for h, v in zip(hues, values, strict=True)
    ]
    return np.asarray(colours, np.float32)


def mapped(values: Floats, colours: Floats) -> Floats:
    """Values from 0 to 1 as colours between those of a palette."""
    places = np.clip(values, 0, 1) * (len(colours) - 1)
    channels = [np.interp(places, np.arange(len(colours)), colours[:, c]) for c in range(3)]
    return np.stack(channels, -1).astype(np.float32)


def ranked(values: Floats) -> Floats:
    """Every value's rank, from 0 to 1: all of them equally common."""
    order = values.ravel().argsort().argsort()
    return (order.reshape(values.shape) / max(1, values.size - 1)).astype(np.float32)


def luminance(picture: Floats) -> Floats:
    """Rec. 601."""
    return np.asarray(picture @ np.asarray([0.299, 0.587, 0.114], np.float32), np.float32)


def bytes_of(picture: Floats) -> NDArray[np.uint8]:
    """0 to 1 as 0 to 255."""
    return (np.clip(picture, 0, 1) * 255).round().astype(np.uint8)


# --- contents ---------------------------------------------------------------------------------------------------------


def town(rng: Rng, side: int) -> Floats:
    """A square cut from a scene of the demonstration, in either of its two worlds."""
    domain = str(rng.choice(["source", "target"]))
    image = scene(int(rng.integers(2**31)), domain, int(rng.integers(10_000)), (side, round(side * 1.25))).image
    left = int(rng.integers(image.shape[1] - side + 1))
    return image[:, left : left + side].astype(np.float32) / 255


def dead_leaves(rng: Rng, side: int) -> Floats:
    """Overlapping ellipses and polygons with shading and grain, sizes by a power law."""
    grown = 2 * side
    canvas = Image.fromarray(bytes_of(mapped(ranked(noise(rng, grown, 1.5)), palette(rng))))
    colours, rough = palette(rng), noise(rng, grown, rng.uniform(0.7, 1.6))
    smallest = rng.uniform(0.015, 0.05)
    for _ in range(int(rng.integers(20, 180))):
        size = grown * min(0.45, smallest * rng.random() ** (-1 / 2))
        _leaf(rng, canvas, size, colours, rough)
    return np.asarray(canvas.reduce(2), np.float32) / 255


def _leaf(rng: Rng, canvas: Image.Image, size: float, colours: Floats, rough: Floats) -> None:
    side = canvas.width
    x, y = rng.uniform(0, side, 2)
    mask = Image.new("L", (side, side))
    draw = ImageDraw.Draw(mask)
    turn, flat, corners = rng.uniform(0, 6.3), rng.uniform(0.35, 1), int(rng.choice([3, 4, 4, 5, 24, 24]))
    angles = turn + np.sort(
        2 * np.pi * (np.arange(corners) + (corners < 9) * rng.uniform(-0.3, 0.3, corners)) / corners
    )
    across, down = size * np.cos(angles), flat * size * np.sin(angles)
    points = np.stack(
        [x + across * np.cos(turn) - down * np.sin(turn), y + across * np.sin(turn) + down * np.cos(turn)]
    )
    draw.polygon([tuple(p) for p in points.T], fill=255)
    box = mask.getbbox()
    if box is None:
        return
    columns, rows = np.meshgrid(np.arange(box[0], box[2]), np.arange(box[1], box[3]))
    light = np.cos(turn) * (columns - x) / size + np.sin(turn) * (rows - y) / size
    shade = 1 + rng.uniform(0, 0.4) * light + rng.uniform(0, 0.2) * rough[box[1] : box[3], box[0] : box[2]]
    base = colours[rng.integers(len(colours))] + rng.uniform(-0.08, 0.08, 3)
    patch = Image.fromarray(bytes_of(base * shade[..., None]))
    canvas.paste(patch, box[:2], mask.crop(box))


def content(rng: Rng, side: int) -> Floats:
    """A generated photograph, (side, side, 3) from 0 to 1."""
    return (town if rng.random() < 0.55 else dead_leaves)(rng, side)


# --- styles -----------------------------------------------------------------------------------------------------------


def recoloured(rng: Rng, picture: Floats) -> Floats:
    """The picture in a palette: its light chooses the colour, a slow field lets hues wander."""
    slow = ndimage.gaussian_filter(noise(rng, picture.shape[0], 2.0), 3)
    light = 0.75 * ranked(luminance(picture)) + 0.25 * ranked(slow)
    painted = mapped(ranked(light.astype(np.float32)), palette(rng))
    return np.asarray(painted + rng.uniform(0, 0.5) * (picture - picture.mean((0, 1))), np.float32)


def flow(rng: Rng, picture: Floats) -> Floats:
    """A direction for every position: along the edges of the picture, along a field that swirls, or one for all."""
    side = picture.shape[0]
    kind = rng.choice(["edges", "swirl", "one"], p=[0.4, 0.45, 0.15])
    if kind == "one":
        return np.full((side, side), rng.uniform(0, np.pi), np.float32) + 0.2 * noise(rng, side, 1.5)
    field = luminance(picture) if kind == "edges" else noise(rng, side, rng.uniform(1.8, 2.6))
    soft = ndimage.gaussian_filter(field, rng.uniform(3, 9))
    down, across = np.gradient(soft)
    return np.asarray(np.arctan2(down, across) + np.pi / 2, np.float32)


def strokes(rng: Rng, picture: Floats) -> Floats:
    """Brush strokes along a flow, from broad to narrow, each with a lighter or darker edge."""
    side = picture.shape[0]
    directions, grown = flow(rng, picture), 2 * side
    ground = mapped(np.full((1, 1), rng.random(), np.float32), palette(rng))[0, 0]
    canvas = Image.new("RGB", (grown, grown), tuple(int(v) for v in bytes_of(ground)))
    draw = ImageDraw.Draw(canvas)
    width, long = rng.uniform(3, 11), rng.uniform(2.0, 8.0)
    jitter, relief = rng.uniform(0.02, 0.14), rng.uniform(0, 0.25)
    for share in (1.6, 1.0) if rng.random() < 0.5 else (1.0,):
        wide = width * share
        soft = ndimage.gaussian_filter(picture, (wide / 4, wide / 4, 0))
        count = int(2.2 * grown * grown / (wide * wide * long))
        for _ in range(min(count, 6000)):
            _stroke(rng, draw, soft, directions, (wide, wide * long), jitter, relief)
    return np.asarray(canvas.reduce(2), np.float32) / 255


def _stroke(
    rng: Rng,
    draw: ImageDraw.ImageDraw,
    colours: Floats,
    directions: Floats,
    size: tuple[float, float],
    jitter: float,
    relief: float,
) -> None:
    side, (width, length) = colours.shape[0], size
    x, y = rng.uniform(0, 2 * side, 2)
    colour = colours[min(side - 1, int(y / 2)), min(side - 1, int(x / 2))] + jitter * rng.standard_normal(3)
    points, step = [(x, y)], length / 4
    for _ in range(4):
        angle = directions[int(np.clip(y / 2, 0, side - 1)), int(np.clip(x / 2, 0, side - 1))]
        x, y = x + step * np.cos(angle), y + step * np.sin(angle)
        points.append((x, y))
    draw.line(points, tuple(int(v) for v in bytes_of(colour)), max(1, round(width)), joint="curve")
    if relief > 0.05 and width > 4:
        edge = tuple(int(v) for v in bytes_of(colour + rng.choice([-1, 1]) * relief))
        draw.line([(a + width / 3, b - width / 3) for a, b in points], edge, max(1, round(width / 5)))


def dots(rng: Rng, picture: Floats) -> Floats:
    """Round dabs of nearly pure colour, as pointillists set them."""
    side, radius = picture.shape[0], rng.uniform(2.0, 6.5)
    grown = 2 * side
    paper = Image.new(
        "RGB", (grown, grown), tuple(int(v) for v in bytes_of(picture.mean((0, 1)) * rng.uniform(0.4, 1.3)))
    )
    draw, vivid = ImageDraw.Draw(paper), rng.uniform(0.05, 0.25)
    for _ in range(min(9000, int(1.6 * grown * grown / (3.1 * radius * radius)))):
        x, y = rng.uniform(0, grown, 2)
        colour = picture[min(side - 1, int(y / 2)), min(side - 1, int(x / 2))] + vivid * rng.standard_normal(3)
        r = radius * rng.uniform(0.7, 1.3)
        draw.ellipse((x - r, y - r, x + r, y + r), tuple(int(v) for v in bytes_of(colour)))
    return np.asarray(paper.reduce(2), np.float32) / 255


def mosaic(rng: Rng, picture: Floats) -> Floats:
    """Cells of one colour each, with or without lead between them."""
    side = picture.shape[0]
    cells = rng.uniform(0, side, (int(rng.integers(60, 900)), 2))
    stretch = np.asarray([1, rng.uniform(0.6, 1.7)])
    rows, columns = np.mgrid[0:side, 0:side]
    distances, nearest = KDTree(cells * stretch).query(np.stack([rows, columns], -1).reshape(-1, 2) * stretch, 2)
    places = np.clip(cells.astype(int), 0, side - 1)
    colours = picture[places[:, 0], places[:, 1]] + rng.uniform(0, 0.12) * rng.standard_normal((len(cells), 3))
    painted = colours[nearest[:, 0]].reshape(side, side, 3)
    if rng.random() < 0.6:
        border = np.clip((distances[:, 1] - distances[:, 0]) / rng.uniform(1.0, 3.0), 0, 1).reshape(side, side, 1)
        lead = np.asarray(rng.choice([0.05, 0.1, 0.9])) * np.ones(3)
        painted = lead + (painted - lead) * border
    return np.asarray(painted, np.float32)


def hatching(rng: Rng, picture: Floats) -> Floats:
    """Lines of ink on paper, crossing where it is dark."""
    side, light = picture.shape[0], ranked(luminance(picture))
    colours = palette(rng)
    paper, ink = colours[-1], colours[0]
    rows, columns = np.mgrid[0:side, 0:side].astype(np.float32)
    wobble = rng.uniform(0, 3) * ndimage.gaussian_filter(noise(rng, side, 1.6), 2)
    pitch, angle = rng.uniform(3, 8), rng.uniform(0, np.pi)
    drawn = np.ones((side, side), np.float32)
    for number, level in enumerate((0.75, 0.5, 0.28)[: int(rng.integers(1, 4))]):
        turn = angle + number * rng.uniform(0.6, 1.6)
        wave = np.cos(2 * np.pi * (np.cos(turn) * columns + np.sin(turn) * rows + wobble) / pitch)
        drawn *= np.clip(0.5 + 2.5 * (wave + 4 * (light - level)), 0, 1)
    wash = paper + rng.uniform(0, 0.6) * (picture - paper)
    return np.asarray(ink + (wash - ink) * drawn[..., None], np.float32)


def woodcut(rng: Rng, picture: Floats) -> Floats:
    """A few flat colours with wandering borders and dark outlines."""
    side, colours = picture.shape[0], palette(rng)
    light = ranked(ndimage.gaussian_filter(luminance(picture), rng.uniform(0.5, 3)) + 0.05 * noise(rng, side, 1.2))
    steps = np.clip((light * len(colours)).astype(int), 0, len(colours) - 1)
    painted = colours[steps]
    if rng.random() < 0.7:
        edges = np.hypot(ndimage.sobel(steps.astype(np.float32), 0), ndimage.sobel(steps.astype(np.float32), 1)) > 0
        soft = ndimage.gaussian_filter(edges.astype(np.float32), rng.uniform(0.4, 1.2))[..., None]
        painted = painted * (1 - np.clip(1.4 * soft, 0, 1)) + 0.06 * np.clip(1.4 * soft, 0, 1)
    return np.asarray(ndimage.gaussian_filter(painted, (0.5, 0.5, 0)), np.float32)


def watercolour(rng: Rng, picture: Floats) -> Floats:
    """Soft washes, darker at their borders, over the grain of the paper."""
    side = picture.shape[0]
    size = int(rng.integers(5, 12))
    wash = np.stack([ndimage.median_filter(picture[..., c], size) for c in range(3)], -1)
    edges = np.abs(luminance(wash) - ndimage.gaussian_filter(luminance(wash), 3))
    grain = noise(rng, side, 0.6) * rng.uniform(0.01, 0.06) + ndimage.gaussian_filter(noise(rng, side, 1.5), 2) * 0.05
    thin = rng.uniform(0.3, 0.9)
    painted = 1 - thin * (1 - wash) - (rng.uniform(0.5, 2.5) * edges + grain)[..., None]
    return np.asarray(painted, np.float32)


def facets(rng: Rng, picture: Floats) -> Floats:
    """Shards between straight cuts, each shaded from one side to the other."""
    side = picture.shape[0]
    rows, columns = np.mgrid[0:side, 0:side].astype(np.float32) / side
    number = np.zeros((side, side), np.int64)
    for cut in range(int(rng.integers(5, 11))):
        turn, x, y = rng.uniform(0, 2 * np.pi), *rng.random(2)
        number += (np.cos(turn) * (columns - x) + np.sin(turn) * (rows - y) > 0).astype(np.int64) << cut
    names, labels = np.unique(number, return_inverse=True)
    labels = labels.reshape(side, side)
    mean = np.stack([ndimage.mean(picture[..., c], labels, np.arange(len(names))) for c in range(3)], -1)
    turns = rng.uniform(0, 2 * np.pi, len(names))[labels]
    shade = 1 + rng.uniform(0.2, 1.2) * (np.cos(turns) * (columns - 0.5) + np.sin(turns) * (rows - 0.5))
    return np.asarray(mean[labels] * shade[..., None] + 0.04 * noise(rng, side, 1.0)[..., None], np.float32)


def bands(rng: Rng, picture: Floats) -> Floats:
    """Waves, rings and marble: a palette along the phase of a warped field."""
    side = picture.shape[0]
    rows, columns = np.mgrid[0:side, 0:side].astype(np.float32) / side
    warp = ndimage.gaussian_filter(noise(rng, side, rng.uniform(1.4, 2.4)), rng.uniform(0, 4))
    turn = rng.uniform(0, np.pi)
    ramp = (
        np.hypot(rows - rng.random(), columns - rng.random())
        if rng.random() < 0.4
        else (np.cos(turn) * columns + np.sin(turn) * rows)
    )
    phase = rng.uniform(2, 14) * ramp + rng.uniform(0.1, 1.6) * warp + rng.uniform(0, 4) * luminance(picture)
    wave = 0.5 + 0.5 * np.sin(2 * np.pi * phase) if rng.random() < 0.7 else phase % 1
    return mapped(np.asarray(wave, np.float32), palette(rng))


PAINTERS: dict[Callable[[Rng, Floats], Floats], float] = {
    strokes: 0.36, dots: 0.08, mosaic: 0.09, hatching: 0.09, woodcut: 0.10, watercolour: 0.08, facets: 0.08, bands: 0.12
}  # fmt: skip


def style(rng: Rng, side: int) -> Floats:
    """A generated painting, (side, side, 3) from 0 to 1; now and then painted in two ways, or on canvas."""
    ways, shares = list(PAINTERS), np.asarray(list(PAINTERS.values()))
    painted = ways[rng.choice(len(ways), p=shares / shares.sum())](rng, recoloured(rng, content(rng, side)))
    if rng.random() < 0.2:
        painted = strokes(rng, painted)
    if rng.random() < 0.4:
        painted = painted + rng.uniform(0.01, 0.06) * noise(rng, side, rng.uniform(0, 0.8))[..., None]
    if rng.random() < 0.25:
        rows, columns = np.mgrid[0:side, 0:side]
        weave = np.sin(rows * np.pi / 1.5) + np.sin(columns * np.pi / 1.5)
        painted = painted + rng.uniform(0.01, 0.04) * weave[..., None]
    return np.clip(painted, 0, 1).astype(np.float32)
