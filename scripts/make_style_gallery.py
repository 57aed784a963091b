"""Draw the pictures of `docs/explanation/style-gallery.md`: one row per method, all from what Segue generates itself.

    python scripts/make_style_gallery.py --weights vgg16.pth --squeezenet squeezenet1_1.pth
    python scripts/make_style_gallery.py --only apply strength

The contents are scenes of `segue demo` at a larger size and what `generated_art.py` draws, the styles those of the bank
and of the same file, so every picture is ours to ship. Weights are files in torchvision's layout, or `hub`, which
downloads them. A network is trained for ten minutes on one thread; --work keeps the networks, and those that lie there
are not trained again.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from generated_art import bytes_of, content, style
from PIL import Image, ImageDraw, ImageFont

import segue
from segue.demo.dataset import class_table
from segue.demo.scene import classes, scene
from segue.infer.outputs import colour_table
from segue.style.bank.catalogue import PAINTERS, draw

GALLERY = Path(__file__).resolve().parent.parent / "docs" / "images" / "gallery"
STYLES = ("night-swirl", "stained-glass", "mosaic", "woodblock-waves")
UNSEEN = ("stained-glass", "woodblock-waves")  # kept out of what networks for any style practise on
SIZE, LARGE = (360, 480), (2880, 3840)  # height and width of a content, and of the large one
SHOWN, COLUMNS, GAP, TITLE = 330, 3, 6, 20  # pixels of a picture's width, pictures beside each other, spaces
SEED, DOMAIN, INDEX = 4, "source", 5
FRAME, FRAMES, COVERED = (240, 320), 16, 0.6  # of the clip: height and width, number, share that is covered at last
STEPS = (120, 80, 60)  # of optimisation, from coarse to fine
MINUTES, CROP = 10.0, 128  # of a training for any style: its length, and the side of its crops
PRACTICE, VARIANTS, DRAWN = 150, 6, 100  # scenes and generated contents each, drawings of a bank's style, other styles
BY_CLASS = {"sky": "night-swirl", "water": "woodblock-waves", "building": "stained-glass"}
QUALITY = 80


@dataclass(frozen=True)
class Given:
    """Where things lie: pictures of now, what is kept of trainings, weights."""

    folder: Path
    work: Path
    vgg16: str
    squeezenet: str
    predictor: str

    @property
    def content(self) -> Path:
        """The one scene that all rows show."""
        return self.folder / "content.png"


@dataclass(frozen=True)
class Shown:
    """A picture of a row, with its title and the style of the bank that is shown in its corner."""

    title: str
    picture: Image.Image
    corner: str = ""


def main() -> None:
    """Draw the rows that are asked for."""
    rows: dict[str, Callable[[Given], None]] = {
        "optimise": optimised,
        "train": trained,
        "apply": applied,
        "strength": strengths,
        "attention": attended,
        "predict": predicted,
        "classes": by_class,
        "large": large,
        "video": moving,
    }
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", default="hub", help="VGG16's weights: hub or a file")
    parser.add_argument("--squeezenet", default="hub", help="weights of SqueezeNet 1.1: hub or a file")
    parser.add_argument("--predictor-weights", default="hub", help="weights of mobilenetv2_100: hub or a file")
    parser.add_argument("--work", type=Path, help="folder for what is trained, kept for the next time")
    parser.add_argument("--only", nargs="+", choices=tuple(rows), default=tuple(rows))
    given = parser.parse_args()
    GALLERY.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        Image.fromarray(scene(SEED, DOMAIN, INDEX, SIZE).image).save(folder / "content.png")
        work = given.work or folder
        for row in given.only:
            rows[row](Given(folder, work, given.weights, given.squeezenet, given.predictor_weights))


# --- rows -------------------------------------------------------------------------------------------------------------


def optimised(given: Given) -> None:
    """Pixels optimised against VGG16, one picture a style."""
    pictures = [Shown("the content", _opened(given.content))]
    for name in STYLES:
        out = given.folder / f"optimised-{name}.png"
        made = {"preset": "vgg16-relu3", "weights": given.vgg16, "steps": STEPS, "size": max(SIZE), "out": out}
        segue.style_optimise(given.content, f"bank:{name}", **made)
        pictures.append(Shown(name, _opened(out), name))
    _sheet("optimise", pictures)


def trained(given: Given) -> None:
    """One network for two styles, trained on scenes for ten minutes."""
    photos, bank, run = (given.work / name for name in ("photos-cin", "bank-cin", "run-cin"))
    photos.mkdir(parents=True, exist_ok=True)
    for index in range(200):
        Image.fromarray(scene(SEED + 1, DOMAIN, index, (256, 320)).image).save(photos / f"{index}.png")
    segue.style_bank(bank, styles=STYLES[:2])
    files = [bank / f"{name}.png" for name in STYLES[:2]]
    known = {"preset": "vgg16-relu3", "weights": given.vgg16, "licences": ("CC0-1.0",) * 2}
    _train(run, photos, *files, **known)
    pictures = [Shown("the content", _opened(given.content))]
    pictures += [Shown(name, _painted(given, run, name), name) for name in STYLES[:2]]
    pictures.append(Shown("half of each", _painted(given, run, *STYLES[:2])))
    _sheet("train", pictures, columns=2)


def applied(given: Given) -> None:
    """The network that ships, in styles it has never seen."""
    pictures = [Shown("the content", _opened(given.content))]
    for name in STYLES:
        out = given.folder / f"applied-{name}.png"
        segue.style_apply(given.content, style=(f"bank:{name}",), out=out)
        pictures.append(Shown(name, _opened(out), name))
    _sheet("apply", pictures)


def strengths(given: Given) -> None:
    """One style from nothing to all of it."""
    pictures = []
    for strength in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0):
        out = given.folder / f"strength-{strength}.png"
        segue.style_apply(given.content, style=("bank:night-swirl",), strength=strength, out=out)
        pictures.append(Shown(f"strength {strength:g}", _opened(out)))
    _sheet("strength", pictures)


def attended(given: Given) -> None:
    """A network that looks a style through place by place."""
    _any_style(given, "attention", method="adaattn")


def predicted(given: Given) -> None:
    """A network whose gains and offsets are predicted from the style."""
    _any_style(given, "predict", method="predict", predictor_weights=given.predictor)


def _any_style(given: Given, row: str, **method: str) -> None:
    """A network trained for any style, in two styles that it practised on and two that it has never seen."""
    photos, styles, run = given.work / "photos", given.work / "styles", given.work / f"run-{row}"
    if not run.is_dir():
        _practice(photos, styles)
    _train(run, photos, styles, size=CROP, weights=given.squeezenet, **method)
    pictures = [Shown("the content", _opened(given.content))]
    for name in sorted(STYLES, key=lambda name: name in UNSEEN):
        title = f"{name}, {'never seen' if name in UNSEEN else 'practised on'}"
        pictures.append(Shown(title, _painted(given, run, f"bank:{name}"), name))
    _sheet(row, pictures)


def by_class(given: Given) -> None:
    """A style for each class, the others kept: optimised, and in one pass."""
    mask, file = scene(SEED, DOMAIN, INDEX, SIZE).mask, given.folder / "mask.png"
    Image.fromarray(mask).save(file)
    names = classes(DOMAIN)
    pairs = {str(names.index(name)): f"bank:{style}" for name, style in BY_CLASS.items()}
    pictures = [Shown("the content", _opened(given.content))]
    pictures.append(Shown("its classes", Image.fromarray(colour_table(class_table(DOMAIN))[mask])))
    one, other = given.folder / "by-class.png", given.folder / "by-class-optimised.png"
    segue.style_apply(given.content, by_class=pairs, masks=file, out=one, watermark=False)
    made = {"preset": "vgg16-relu3", "weights": given.vgg16, "steps": STEPS, "size": max(SIZE), "out": other}
    segue.style_optimise(given.content, by_class=pairs, content_mask=file, watermark=False, **made)
    pictures += [Shown("optimised", _opened(other)), Shown("in one pass", _opened(one))]
    _sheet("classes", pictures, columns=2)


def large(given: Given) -> None:
    """A part of a picture of 3840 pixels that was painted in tiles, at its own size, and the whole of it."""
    file, out = given.folder / "large.png", given.folder / "large-painted.png"
    Image.fromarray(scene(SEED, DOMAIN, INDEX, LARGE).image).save(file)
    segue.style_apply(file, style=("bank:night-swirl",), out=out)
    whole = _opened(out)
    top, left = LARGE[0] // 2 - 200, LARGE[1] // 2 - 300
    part = whole.crop((left, top, left + 500, top + 375))
    _sheet("large", [Shown("the whole, shrunk", whole), Shown("a part of it, 500 pixels wide", part)], 500, 2)


def moving(given: Given) -> None:
    """Four frames of a clip into which a night slides, by one set of statistics and by each frame's own."""
    clip = given.folder / "clip"
    clip.mkdir()
    day, night = (scene(SEED, domain, INDEX, FRAME).image for domain in ("source", "target"))
    for number in range(FRAMES):
        frame, wide = day.copy(), round(COVERED * FRAME[1] * number / (FRAMES - 1))
        frame[:, FRAME[1] - wide :] = night[:, :wide]
        Image.fromarray(frame).save(clip / f"{number:02d}.png")
    pictures = []
    for statistics, words in (("clip", "one set for the clip"), ("frame", "each frame's own")):
        out = given.folder / f"clip-{statistics}"
        segue.style_video(clip, style=("bank:stained-glass",), out=out, statistics=statistics, stability=0)
        for number in range(0, FRAMES, FRAMES // 3):
            pictures.append(Shown(f"frame {number + 1}, {words}", _opened(out / f"{number:02d}.png")))
    _sheet("video", pictures, 247, 4)


# --- what they are made of --------------------------------------------------------------------------------------------


def _practice(photos: Path, styles: Path) -> None:
    """Contents, and styles without the two that are kept out."""
    photos.mkdir(parents=True, exist_ok=True)
    styles.mkdir(exist_ok=True)
    for index in range(PRACTICE):
        Image.fromarray(scene(SEED + 1, DOMAIN, index, (256, 320)).image).save(photos / f"scene{index}.png")
        Image.fromarray(bytes_of(content(_drawn(SEED + 1, index), 256))).save(photos / f"art{index}.png")
    seen = tuple(name for name in PAINTERS if name not in UNSEEN)
    for seed in range(VARIANTS):
        segue.style_bank(styles / str(seed), styles=seen, seed=seed, size=384)
    for index in range(DRAWN):
        Image.fromarray(bytes_of(style(_drawn(SEED + 2, index), 256))).save(styles / f"art{index}.png")


def _drawn(seed: int, index: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=[seed, index]))


def _train(run: Path, photos: Path, *styles: Path, **options: Any) -> None:
    """Train a network on one thread, unless it has been."""
    if not (run / "model" / "model.json").is_file():
        segue.style_train(photos, *styles, out=run, minutes=MINUTES, threads=1, **options)


def _painted(given: Given, model: Path, *styles: str) -> Image.Image:
    out = given.folder / "painted.png"
    segue.style_apply(given.content, model=model, style=styles, out=out)
    return _opened(out)


def _opened(path: Path) -> Image.Image:
    with Image.open(path) as picture:
        return picture.convert("RGB")


def _sheet(name: str, pictures: list[Shown], width: int = SHOWN, columns: int = COLUMNS) -> None:
    """Write titled pictures of one shape, `columns` beside each other: a page shows a thousand pixels across."""
    height = round(pictures[0].picture.height * width / pictures[0].picture.width)
    rows = -(-len(pictures) // columns)
    size = columns * (width + GAP) - GAP, rows * (height + TITLE + GAP) - GAP
    sheet = Image.new("RGB", size, "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    for number, one in enumerate(pictures):
        left, top = number % columns * (width + GAP), number // columns * (height + TITLE + GAP)
        pen.text((left + 1, top + 1), one.title, fill="black", font=font)
        sheet.paste(one.picture.resize((width, height), Image.Resampling.LANCZOS), (left, top + TITLE))
        if one.corner:
            side = width // 4
            corner = Image.fromarray(draw(one.corner, 256, 256)).resize((side, side), Image.Resampling.LANCZOS)
            sheet.paste(corner, (left, top + TITLE + height - side))
    sheet.save(GALLERY / f"{name}.jpg", "JPEG", quality=QUALITY, optimize=True)


if __name__ == "__main__":
    main()
