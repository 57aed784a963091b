"""Draw the pictures of `docs/explanation/style-gallery.md`: one row per method, all from what Segue generates itself.

    python scripts/make_style_gallery.py --weights vgg16.pth            everything, about an hour on two cores
    python scripts/make_style_gallery.py --weights vgg16.pth --only apply strength

The contents are scenes of `segue demo` at a larger size, the styles those of the bank, so every picture is ours to
ship. --weights is the file of VGG16's weights (torchvision's names) that optimises; `hub` downloads it.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageDraw

import segue
from segue.demo.dataset import class_table
from segue.demo.scene import classes, scene
from segue.infer.outputs import colour_table
from segue.style.bank.catalogue import draw

GALLERY = Path(__file__).resolve().parent.parent / "docs" / "images" / "gallery"
STYLES = ("night-swirl", "stained-glass", "mosaic", "woodblock-waves")
SIZE, LARGE = (360, 480), (2880, 3840)  # height and width of a content, and of the large one
SHOWN, GAP, TITLE = 300, 6, 16  # pixels of a shown picture's width, between pictures, of a line of text
SEED, DOMAIN, INDEX = 4, "source", 5
STEPS = (120, 80, 60)  # of optimisation, from coarse to fine
BY_CLASS = {"sky": "night-swirl", "water": "woodblock-waves", "building": "stained-glass"}
QUALITY = 85


def main() -> None:
    """Draw the rows that are asked for."""
    rows: dict[str, Callable[[Path, str], None]] = {
        "optimise": optimised,
        "train": trained,
        "apply": applied,
        "strength": strengths,
        "classes": by_class,
        "large": large,
    }
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", default="hub", help="VGG16's weights: hub or a file")
    parser.add_argument("--only", nargs="+", choices=tuple(rows), default=tuple(rows))
    given = parser.parse_args()
    GALLERY.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        Image.fromarray(scene(SEED, DOMAIN, INDEX, SIZE).image).save(folder / "content.png")
        for row in given.only:
            rows[row](folder, given.weights)


def optimised(folder: Path, weights: str) -> None:
    """Pixels optimised against VGG16, one picture a style."""
    pictures = [("the content", _opened(folder / "content.png"))]
    for style in STYLES:
        out = folder / f"optimised-{style}.png"
        made = {"preset": "vgg16-relu3", "weights": weights, "steps": STEPS, "size": max(SIZE), "out": out}
        segue.style_optimise(folder / "content.png", f"bank:{style}", **made)
        pictures.append((style, _opened(out)))
    _strip("optimise", pictures)


def trained(folder: Path, weights: str) -> None:
    """One network for two styles, trained on scenes for ten minutes."""
    photos = folder / "photos"
    photos.mkdir()
    for index in range(200):
        Image.fromarray(scene(SEED + 1, DOMAIN, index, (256, 320)).image).save(photos / f"{index}.png")
    segue.style_bank(folder / "bank", styles=STYLES[:2])
    files = [folder / "bank" / f"{style}.png" for style in STYLES[:2]]
    known = {"preset": "vgg16-relu3", "weights": weights, "minutes": 10.0, "licences": ("CC0-1.0",) * 2}
    segue.style_train(photos, *files, out=folder / "run", **known)
    pictures = [("the content", _opened(folder / "content.png"))]
    for style in STYLES[:2]:
        out = folder / f"trained-{style}.png"
        segue.style_apply(folder / "content.png", model=folder / "run", style=(style,), out=out)
        pictures.append((style, _opened(out)))
    blended = folder / "blended.png"
    segue.style_apply(folder / "content.png", model=folder / "run", style=STYLES[:2], out=blended)
    _strip("train", [*pictures, ("half of each", _opened(blended))])


def applied(folder: Path, _weights: str) -> None:
    """The network that ships, in styles it has never seen."""
    pictures = [("the content", _opened(folder / "content.png"))]
    for style in STYLES:
        out = folder / f"applied-{style}.png"
        segue.style_apply(folder / "content.png", style=(f"bank:{style}",), out=out)
        pictures.append((style, _opened(out)))
    _strip("apply", pictures)


def strengths(folder: Path, _weights: str) -> None:
    """One style from nothing to all of it."""
    pictures = []
    for strength in (0.0, 0.25, 0.5, 0.75, 1.0):
        out = folder / f"strength-{strength}.png"
        segue.style_apply(folder / "content.png", style=("bank:night-swirl",), strength=strength, out=out)
        pictures.append((f"strength {strength:g}", _opened(out)))
    _strip("strength", pictures)


def by_class(folder: Path, weights: str) -> None:
    """A style for each class, the others kept: optimised, and in one pass."""
    mask = scene(SEED, DOMAIN, INDEX, SIZE).mask
    Image.fromarray(mask).save(folder / "mask.png")
    names = classes(DOMAIN)
    pairs = {str(names.index(name)): f"bank:{style}" for name, style in BY_CLASS.items()}
    pictures = [("the content", _opened(folder / "content.png"))]
    pictures.append(("its classes", Image.fromarray(colour_table(class_table(DOMAIN))[mask])))
    one, other = folder / "by-class.png", folder / "by-class-optimised.png"
    segue.style_apply(folder / "content.png", by_class=pairs, masks=folder / "mask.png", out=one, watermark=False)
    made = {"preset": "vgg16-relu3", "weights": weights, "steps": STEPS, "size": max(SIZE), "out": other}
    segue.style_optimise(
        folder / "content.png", by_class=pairs, content_mask=folder / "mask.png", watermark=False, **made
    )
    _strip("classes", [*pictures, ("optimised", _opened(other)), ("in one pass", _opened(one))])


def large(folder: Path, _weights: str) -> None:
    """A part of a picture of 3840 pixels that was painted in tiles, at its own size, and the whole of it."""
    Image.fromarray(scene(SEED, DOMAIN, INDEX, LARGE).image).save(folder / "large.png")
    out = folder / "large-painted.png"
    segue.style_apply(folder / "large.png", style=("bank:night-swirl",), out=out)
    whole = _opened(out)
    top, left = LARGE[0] // 2 - 200, LARGE[1] // 2 - 300
    part = whole.crop((left, top, left + 600, top + 450))
    pieces = [("the whole, shrunk", whole), ("a part of it, 600 pixels wide", part)]
    _strip("large", pieces, 600)


def _opened(path: Path) -> Image.Image:
    with Image.open(path) as picture:
        return picture.convert("RGB")


def _strip(name: str, pictures: list[tuple[str, Image.Image]], width: int = SHOWN) -> None:
    """Write titled pictures side by side; a style of the bank is shown in the corner of what has it."""
    sizes = [(width, round(picture.height * width / picture.width)) for _, picture in pictures]
    height = max(size[1] for size in sizes)
    sheet = Image.new("RGB", (len(pictures) * (width + GAP) - GAP, height + TITLE), "white")
    pen = ImageDraw.Draw(sheet)
    for number, ((title, picture), size) in enumerate(zip(pictures, sizes, strict=True)):
        left = number * (width + GAP)
        pen.text((left, 1), title, fill="black")
        sheet.paste(picture.resize(size, Image.Resampling.LANCZOS), (left, TITLE))
        if title in STYLES:
            corner = Image.fromarray(draw(title, 256, 256)).resize((width // 4, width // 4), Image.Resampling.LANCZOS)
            sheet.paste(corner, (left, TITLE + size[1] - width // 4))
    sheet.save(GALLERY / f"{name}.jpg", "JPEG", quality=QUALITY, optimize=True)


if __name__ == "__main__":
    main()
