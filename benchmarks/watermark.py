"""What the watermark of stylised pictures survives, what it costs, and whether other pictures are taken for marked.

    OMP_NUM_THREADS=1 python benchmarks/watermark.py [FOLDER...] [--pictures 24] [--unmarked 10000] [--seed 0]

Prints one Markdown table: a row for each thing done to marked pictures, a column for each kind of picture,
in a cell the marks read exactly of those written. Generated kinds are scenes of `segue demo`, flat colours and
gradients, and busy noise and stripes, `--pictures` of each at sizes from 256 x 256 to 768 x 1024. Each FOLDER
is a kind of its own: its pictures at three sizes, the shorter side 256, 384 and 512 pixels. What is counted as
read wrongly held another number than was written.
"""

from __future__ import annotations

import argparse
import io
import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from segue.data.image import ENDINGS, read_image, to_channels
from segue.demo.scene import DOMAINS, scene
from segue.style.watermark import embed, read

Picture = NDArray[np.uint8]
Attack = Callable[[Image.Image], Image.Image]
SIZES = ((256, 256), (256, 341), (300, 451), (512, 384), (768, 1024))
BILINEAR, BICUBIC = Image.Resampling.BILINEAR, Image.Resampling.BICUBIC


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--pictures", type=int, default=24)
    parser.add_argument("--unmarked", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    draw = np.random.default_rng(options.seed)
    kinds = {name: list(itertools.islice(make(draw), options.pictures)) for name, make in GENERATED.items()}
    kinds |= {folder.name: list(from_folder(folder)) for folder in options.folders}
    survival(kinds, draw)
    unmarked([picture for pictures in kinds.values() for picture in pictures], options.unmarked, draw)


# --- pictures --------------------------------------------------------------------------------------------------------


def scenes(draw: np.random.Generator) -> Iterator[Picture]:
    for number, size in zip(itertools.count(), itertools.cycle(SIZES)):
        yield scene(int(draw.integers(1 << 30)), DOMAINS[number % 2], number, size).image


def flat(draw: np.random.Generator) -> Iterator[Picture]:
    """One colour, black and white among them, and gradients in any direction."""
    for number, (height, width) in zip(itertools.count(), itertools.cycle(SIZES)):
        first, last = draw.integers(0, 256, (2, 3))
        if number in (0, 1):
            first = np.full(3, 255 * number)
        x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
        angle = draw.uniform(0, 2 * np.pi)
        share = np.clip(0.5 + (x - 0.5) * np.cos(angle) + (y - 0.5) * np.sin(angle), 0, 1)[..., None] * (number % 2)
        yield np.rint(first + (last - first) * share).astype(np.uint8)


def busy(draw: np.random.Generator) -> Iterator[Picture]:
    """White noise, noise of every scale, stripes and chequered squares, at full contrast."""
    for number, (height, width) in zip(itertools.count(), itertools.cycle(SIZES)):
        yield (white, clouds, stripes, squares)[number % 4](height, width, draw)


def white(height: int, width: int, draw: np.random.Generator) -> Picture:
    return draw.integers(0, 256, (height, width, 3), dtype=np.uint8)


def clouds(height: int, width: int, draw: np.random.Generator) -> Picture:
    """Amplitudes that fall with the frequency, as in photographs."""
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width))
    frequency[0, 0] = np.inf
    spectrum = np.fft.rfft2(draw.normal(size=(3, height, width))) / frequency
    plane = np.fft.irfft2(spectrum, (height, width)).transpose(1, 2, 0)
    return np.clip(128 + 60 * plane / plane.std(), 0, 255).astype(np.uint8)


def stripes(height: int, width: int, draw: np.random.Generator) -> Picture:
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    angle, period = draw.uniform(0, np.pi), draw.uniform(3, 40)
    wave = np.sin(2 * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / period)
    return np.where(wave[..., None] > 0, *draw.integers(0, 256, (2, 3))).astype(np.uint8)


def squares(height: int, width: int, draw: np.random.Generator) -> Picture:
    side = int(draw.integers(4, 33))
    tiles = draw.integers(0, 256, (height // side + 1, width // side + 1, 3), dtype=np.uint8)
    return tiles.repeat(side, 0).repeat(side, 1)[:height, :width]


GENERATED = {"scenes": scenes, "flat": flat, "busy": busy}


def from_folder(folder: Path) -> Iterator[Picture]:
    for path in sorted(path for path in folder.rglob("*") if path.suffix.lower() in ENDINGS):
        picture = Image.fromarray(to_channels(read_image(path), 3).astype(np.uint8))
        for side in (256, 384, 512):
            share = side / min(picture.size)
            size = (max(side, round(picture.width * share)), max(side, round(picture.height * share)))
            yield np.asarray(picture.resize(size, Image.Resampling.LANCZOS))


# --- what is done to them --------------------------------------------------------------------------------------------


def encoded(kind: str, quality: int) -> Attack:
    def attack(picture: Image.Image) -> Image.Image:
        buffer = io.BytesIO()
        picture.save(buffer, kind, quality=quality)  # colour at half the resolution, as is usual
        return Image.open(buffer).convert("RGB")

    return attack


def resize(factor: float, method: Image.Resampling) -> Attack:
    def attack(picture: Image.Image) -> Image.Image:
        return picture.resize((round(picture.width * factor), round(picture.height * factor)), method)

    return attack


def cropped(share: float) -> Attack:
    """The middle, with `share` cut off each side length."""

    def attack(picture: Image.Image) -> Image.Image:
        left, top = picture.width * share / 2, picture.height * share / 2
        return picture.crop((round(left), round(top), round(picture.width - left), round(picture.height - top)))

    return attack


def after(first: Attack, second: Attack) -> Attack:
    return lambda picture: second(first(picture))


FACTORS = (0.5, 0.63, 0.75, 1.5, 2.0)
ATTACKS: dict[str, Attack] = {
    "nothing": lambda picture: picture,
    **{f"JPEG {quality}": encoded("JPEG", quality) for quality in (90, 75, 50, 30)},
    "WebP 75": encoded("WEBP", 75),
    **{f"resized by {factor:g}, bilinear": resize(factor, BILINEAR) for factor in FACTORS},
    **{f"resized by {factor:g}, bicubic": resize(factor, BICUBIC) for factor in FACTORS},
    **{f"resized by {f:g}, bilinear, JPEG 90": after(resize(f, BILINEAR), encoded("JPEG", 90)) for f in FACTORS},
    **{f"resized by {f:g}, bilinear, JPEG 75": after(resize(f, BILINEAR), encoded("JPEG", 75)) for f in FACTORS},
    "mirrored": lambda picture: picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "turned by 90 degrees": lambda picture: picture.transpose(Image.Transpose.ROTATE_90),
    "cropped by 0.5 %": cropped(0.005),
    "cropped by 1 %": cropped(0.01),
    "cropped by 2 %": cropped(0.02),
    "cropped by 10 %": cropped(0.1),
    "contrast times 1.1": lambda picture: ImageEnhance.Contrast(picture).enhance(1.1),
    "brightness times 1.1": lambda picture: ImageEnhance.Brightness(picture).enhance(1.1),
    "turned by 2 degrees": lambda picture: picture.rotate(2, BICUBIC),
}


# --- counting --------------------------------------------------------------------------------------------------------


def survival(kinds: dict[str, list[Picture]], draw: np.random.Generator) -> None:
    numbers = {name: draw.integers(1 << 24, size=len(pictures)).tolist() for name, pictures in kinds.items()}
    began = time.perf_counter()
    marked = {
        name: [embed(picture, number) for picture, number in zip(pictures, numbers[name], strict=True)]
        for name, pictures in kinds.items()
    }
    embedding = (time.perf_counter() - began) / sum(map(len, kinds.values()))
    print("| | " + " | ".join(f"{name} ({len(pictures)})" for name, pictures in kinds.items()) + " |")
    print("| --- |" + " --- |" * len(kinds))
    wrong = total = 0
    for attack, change in ATTACKS.items():
        cells = []
        for name in kinds:
            marks = [read(np.asarray(change(Image.fromarray(picture)))) for picture in marked[name]]
            hits = sum(bool(mark and mark.number == number) for mark, number in zip(marks, numbers[name], strict=True))
            wrong += sum(mark is not None for mark in marks) - hits
            total += len(marks)
            cells.append(f"{hits / len(marks):.1%}".replace(".0%", "%").replace("%", " %"))
        print(f"| {attack} | " + " | ".join(cells) + " |", flush=True)
    for what, of in (("PSNR in dB, median", np.median), ("PSNR in dB, lowest", np.min)):
        values = [of([*map(psnr, kinds[name], marked[name])]) for name in kinds]
        print(f"| {what} | " + " | ".join(f"{value:.1f}" for value in values) + " |")
    print(f"\nread wrongly: {wrong} of {total}; writing takes {1000 * embedding:.0f} ms a picture on average")


def psnr(before: Picture, after_it: Picture) -> float:
    """Peak signal-to-noise ratio over all pixels and channels, in dB."""
    return float(10 * np.log10(255**2 / np.square(before.astype(float) - after_it).mean()))


def unmarked(pictures: list[Picture], count: int, draw: np.random.Generator) -> None:
    """Read parts of pictures without a mark: a window of half to all of each side, resized, encoded at any quality."""
    found, began = 0, time.perf_counter()
    for _ in range(count):
        picture = pictures[draw.integers(len(pictures))]
        height, width = (round(side * draw.uniform(0.5, 1)) for side in picture.shape[:2])
        top, left = draw.integers(picture.shape[0] - height + 1), draw.integers(picture.shape[1] - width + 1)
        part = Image.fromarray(picture[top : top + height, left : left + width]).resize((256, 256), BICUBIC)
        found += read(np.asarray(encoded("JPEG", int(draw.integers(30, 96)))(part))) is not None
    took = (time.perf_counter() - began) / max(count, 1)
    print(f"\ntaken for marked: {found} of {count} without a mark; reading takes {1000 * took:.1f} ms a picture")


if __name__ == "__main__":
    main()
