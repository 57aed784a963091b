"""Examples as pictures: classes painted over the image, error maps, and sheets of both."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8
from numpy.typing import NDArray
from PIL import Image

from segue.data.classes import IGNORE, Classes
from segue.data.geometry import Preprocessing
from segue.data.loader import Batch
from segue.durable import write_durably
from segue.infer.outputs import displayable, overlay
from segue.report.inputs import Example

WRONG = (214, 39, 40)
UNLABELLED = (60, 60, 60)  # about what an unlabelled pixel of the error map looks like
SHOWN = 480  # long side of a shown picture in pixels
GAP = 6
MOST_BATCH = 16

Picture = UInt8[np.ndarray, "_ _ 3"]  # sizes are free: one function may take pictures of several


def panels(example: Example, classes: Classes) -> tuple[Picture, Picture, Picture, Picture]:
    """Image, truth, prediction and errors of one example, shrunk to at most `SHOWN` pixels on the long side."""
    pixels, truth, prediction = _shrunk(example)
    return (
        pixels,
        overlay(pixels, truth, classes),
        overlay(pixels, prediction, classes),
        error_map(pixels, truth, prediction),
    )


def error_map(
    pixels: Picture, truth: UInt8[np.ndarray, "height width"], prediction: UInt8[np.ndarray, "height width"]
) -> Picture:
    """The image in pale grey with wrong pixels in red; pixels without a label are dark."""
    grey = 96 + pixels.mean(axis=2, keepdims=True) * (128 / 255)
    shown = np.repeat(grey, 3, axis=2)
    shown[truth == IGNORE] = shown[truth == IGNORE] * 0.35
    wrong = (truth != IGNORE) & (truth != prediction)
    shown[wrong] = 0.2 * shown[wrong] + 0.8 * np.array(WRONG)
    return np.asarray(shown.round(), np.uint8)


def save_examples(path: Path, examples: Sequence[Example], classes: Classes) -> None:
    """Write a JPEG sheet: a row for each example with image, truth, prediction and errors."""
    _save(path, _stacked([_beside(panels(example, classes)) for example in examples]))


def save_worst(folder: Path, examples: Sequence[Example], classes: Classes) -> None:
    """Write one strip for each example into `folder`, named by rank, mean IoU and id; strips of before are removed."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("[0-9][0-9]_*.jpg"):
        old.unlink()
    for rank, example in enumerate(examples, start=1):
        name = f"{rank:02d}_{example.miou:.3f}_{example.id.replace('/', '_')[-100:]}.jpg"
        _save(folder / name, _beside(panels(example, classes)))


def save_train_batch(path: Path, batch: Batch, classes: Classes, prep: Preprocessing) -> None:
    """Write a JPEG sheet of (at most 16 of) a batch as the network sees it, each image above its painted copy."""
    images = batch.images[:MOST_BATCH].float().cpu().numpy().transpose(0, 2, 3, 1)
    pixels = [displayable((image * prep.std + prep.mean) * 255) for image in images]
    painted = [overlay(one, labels, classes) for one, labels in zip(pixels, batch.labels.cpu().numpy(), strict=False)]
    columns = [_stacked([_fitted(a, SHOWN // 2), _fitted(b, SHOWN // 2)]) for a, b in zip(pixels, painted, strict=True)]
    _save(path, _stacked([_beside(columns[i : i + 4]) for i in range(0, len(columns), 4)]))


def _shrunk(example: Example) -> tuple[Picture, NDArray[Any], NDArray[Any]]:
    height, width = example.truth.shape
    pixels = displayable(example.pixels)
    factor = SHOWN / max(height, width)
    if factor >= 1:
        return pixels, example.truth, example.prediction
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    image = Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS)
    truth, prediction = (
        np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.NEAREST))
        for mask in (example.truth, example.prediction)
    )
    return np.asarray(image), truth, prediction


def _fitted(picture: Picture, side: int) -> Picture:
    copy = Image.fromarray(picture)
    copy.thumbnail((side, side))
    return np.asarray(copy)


def _beside(pictures: Sequence[Picture]) -> Picture:
    tall = max(picture.shape[0] for picture in pictures)
    wide = sum(picture.shape[1] for picture in pictures) + GAP * (len(pictures) - 1)
    sheet, left = np.full((tall, wide, 3), 255, np.uint8), 0
    for picture in pictures:
        sheet[: picture.shape[0], left : left + picture.shape[1]] = picture
        left += picture.shape[1] + GAP
    return sheet


def _stacked(pictures: Sequence[Picture]) -> Picture:
    turned = [picture.swapaxes(0, 1) for picture in pictures]
    return _beside(turned).swapaxes(0, 1)


def _save(path: Path, sheet: Picture) -> None:
    picture = Image.fromarray(np.ascontiguousarray(sheet))
    write_durably(path, lambda temporary: picture.save(temporary, "JPEG", quality=88), sheet.size // 4)
