"""How many planted near duplicates are found, and how many other images are named; one JSON line per set and kind.

    taskset -c 0 python benchmarks/planted_duplicates.py DATA... [--seeds 0 1 2] [--copies 10] [--out FILE]

DATA are data sets in any layout. For each kind of change, copies of ten images drawn by the seed are added to the set.
A copy counts as found when it is named together with its original. `wrong` is the share of the images in other pairs.
Apart from it stand pairs of one group (`in_group`), such as neighbouring frames of a video, which no split tears apart,
and those that the set has without any copy (`own`), for they may be real: look at them.
"""

from __future__ import annotations

import argparse
import io
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance

from segue.data.doctor.likeness import likeness
from segue.data.doctor.near import find_near
from segue.data.formats import open_index
from segue.data.image import read_image

Change = Callable[[Image.Image, np.random.Generator], Image.Image]


def encoded(picture: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    picture.convert("RGB").save(buffer, "JPEG", quality=quality)
    return Image.open(buffer)


def resized(picture: Image.Image, draw: np.random.Generator) -> Image.Image:
    share = draw.uniform(0.5, 0.9)
    return picture.resize((round(picture.width * share), round(picture.height * share)), Image.Resampling.BILINEAR)


def cropped(picture: Image.Image, draw: np.random.Generator) -> Image.Image:
    width, height = (round(side * draw.uniform(0.6, 0.9)) for side in picture.size)
    left, top = draw.integers(picture.width - width + 1), draw.integers(picture.height - height + 1)
    return picture.crop((left, top, left + width, top + height))


def relit(picture: Image.Image, draw: np.random.Generator) -> Image.Image:
    brighter = ImageEnhance.Brightness(picture).enhance(draw.uniform(0.7, 1.3))
    return ImageEnhance.Contrast(brighter).enhance(draw.uniform(0.7, 1.3))


KINDS: dict[str, Change] = {
    "JPEG, quality 30": lambda picture, _: encoded(picture, 30),
    "JPEG, quality 60": lambda picture, _: encoded(picture, 60),
    "resized to 50-90 %": resized,
    "cropped to 60-90 %": cropped,
    "cropped, JPEG 60": lambda picture, draw: encoded(cropped(picture, draw), 60),
    "mirrored": lambda picture, _: picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "brightness, contrast": relit,
}


def measure(root: Path, seeds: list[int], copies: int) -> list[dict[str, object]]:
    samples = open_index([root]).samples
    likes = [likeness(read_image(sample.image)) for sample in samples]
    known = [number for number, like in enumerate(likes) if like is not None]
    group = [sample.group or sample.id for sample in samples]
    before, start = [like for like in likes if like is not None], time.process_time()
    own = {frozenset((known[one.first], known[one.second])) for one in find_near(before)}
    seconds = time.process_time() - start
    listed = [[*sorted(samples[i].id for i in pair)] for pair in sorted(own, key=sorted)]
    rows: list[dict[str, object]] = [
        {"set": root.name, "images": len(samples), "own": len(own), "pairs": listed, "seconds": round(seconds, 1)}
    ]
    for kind, change in KINDS.items():
        found, planted, named, related = [], 0, 0, 0
        for seed in seeds:
            draw = np.random.default_rng(seed)
            sources = draw.choice(known, min(copies, len(known)), replace=False).tolist()
            made = [_like(change(_picture(samples[source].image), draw)) for source in sources]
            origin = [*known, *(source for source, like in zip(sources, made, strict=True) if like)]
            pairs = find_near([*before, *(like for like in made if like)])
            hits = {max(p.first, p.second) for p in pairs if origin[p.first] == origin[p.second]}
            apart = [{origin[p.first], origin[p.second]} for p in pairs if origin[p.first] != origin[p.second]]
            wrong = [two for two in apart if frozenset(two) not in own and len({group[i] for i in two}) > 1]
            named += len(set().union(*wrong))
            related += len(set().union(*(two for two in apart if len({group[i] for i in two}) == 1)))
            found.append(len(hits))
            planted += len(sources)
        wrong_share, in_group = (round(count / (len(samples) * len(seeds)), 4) for count in (named, related))
        result = {"found": found, "planted": planted, "wrong": wrong_share, "in_group": in_group}
        rows.append({"set": root.name, "kind": kind, **result})
        print(json.dumps(rows[-1]), flush=True)
    return rows


def _picture(path: Path) -> Image.Image:
    pixels = read_image(path)
    return Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)


def _like(picture: Image.Image) -> bytes | None:
    pixels = np.asarray(picture)
    return likeness(pixels if pixels.ndim == 3 else pixels[..., None])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, nargs="+")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--copies", type=int, default=10)
    parser.add_argument("--out", type=Path, default=Path("planted_duplicates.jsonl"))
    options = parser.parse_args()
    for root in options.data:
        rows = measure(root, options.seeds, options.copies)
        with options.out.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)


if __name__ == "__main__":
    main()
