"""Which masks are wrong? Corrupts some masks of a data set, trains on it, and looks for the corrupted ones.

    python benchmarks/planted_label_errors.py DATA WEIGHTS.pth --images 2000 --seeds 0 --out planted_label_errors.jsonl
    python benchmarks/planted_label_errors.py --show planted_label_errors.jsonl

DATA is any data set that `segue fit` takes, WEIGHTS timm's mobilenetv2_100 trained on ImageNet. Of the masks for
training `SHARE` are corrupted, then a network is trained on `--images` of them as `segue fit` decides. The validation
masks are corrupted afterwards, `DRAWS` times `SHARE` of them, and each time `segue evaluate` ranks all of them. A
corrupted mask has one connected patch of `SMALLEST` to `LARGEST` of the image relabelled: as a class drawn at random
("swapped"), or as what is most frequent around it ("dropped"). With two classes both are the same.
"""

import dataclasses
import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from PIL import Image
from scipy.ndimage import binary_dilation, label

SHARE, DRAWS = 0.05, 200
SMALLEST, LARGEST = 0.005, 0.3
KINDS = ("swapped", "dropped")
IGNORE = 255


def corrupted(mask: np.ndarray, classes: int, kind: str, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The mask with one patch relabelled, and where that is; nowhere when no patch has the right size."""
    found = []
    for number in np.unique(mask[mask != IGNORE]):
        parts, count = label(mask == number, np.ones((3, 3)))
        sizes = np.bincount(parts.ravel(), minlength=count + 1)
        wanted = (sizes >= SMALLEST * mask.size) & (sizes <= LARGEST * mask.size)
        found += [(number, parts == part) for part in np.flatnonzero(wanted) if part]
    if not found:
        return mask, np.zeros(mask.shape, bool)
    number, patch = found[random.integers(len(found))]
    around = mask[binary_dilation(patch, np.ones((3, 3)), 3) & ~patch & (mask != IGNORE) & (mask != number)]
    others = [other for other in range(classes) if other != number]
    other = random.choice(others) if kind == "swapped" or not around.size else np.bincount(around).argmax()
    return np.where(patch, np.uint8(other), mask), patch


def planted(data, prep, folder: Path, random: np.random.Generator):
    """The data set with `SHARE` of its training masks corrupted; these are written to `folder`."""
    train = data.of("train")
    values = mask_values(data, prep)
    replaced = {}
    for count, place in enumerate(sorted(random.choice(len(train), round(SHARE * len(train)), replace=False))):
        sample = train[place]
        mask, patch = corrupted(truth_of(sample, data, prep), len(data.classes), KINDS[count % 2], random)
        raw = np.asarray(Image.open(sample.mask)).copy()
        raw[patch] = [values[number] for number in mask[patch]]
        path = folder / f"{place}.png"
        Image.fromarray(raw).save(path)
        replaced[sample.id] = dataclasses.replace(sample, mask=path)
    return dataclasses.replace(data, samples=tuple(replaced.get(sample.id, sample) for sample in data.samples))


def mask_values(data, prep) -> dict[int, object]:
    """A value in the mask files for every class."""
    values: dict[int, object] = {}
    for sample in data.of("train"):
        raw, mask = np.asarray(Image.open(sample.mask)), truth_of(sample, data, prep)
        for number in set(np.unique(mask).tolist()) - {*values, IGNORE}:
            row, column = np.argwhere(mask == number)[0]
            values[number] = raw[row, column]
        if len(values) == len(data.classes):
            break
    return values


def truth_of(sample, data, prep) -> np.ndarray:
    """The mask as class numbers."""
    from segue.data.loader import read_sample

    return read_sample(sample, data.classes, prep)[1]
