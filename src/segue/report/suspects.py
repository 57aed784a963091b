"""Suspected label errors as pictures: what was labelled beside what the network sees, one patch after the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import UInt8
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import binary_dilation

from segue.data.classes import Classes
from segue.data.index import Sample
from segue.data.loader import read_sample
from segue.infer.evaluate import Evaluation
from segue.infer.out_of_fold import Judge
from segue.infer.outputs import displayable, overlay
from segue.report.escaping import escape
from segue.report.inputs import Crop
from segue.report.meanings import linked
from segue.report.pictures import WRONG, Picture
from segue.report.sections import data_uri
from segue.trust.label_errors import SMALLEST, Suspect

SHOWN = 12  # patches in the report
SIDE = 240  # pixels: the long side of a shown patch with its surroundings
AROUND = 0.5  # of a patch's longer side: how much of its surroundings is shown on each side
LEAST_AROUND = 16  # pixels
OUTLINE = 2  # pixels


def suspect_crops(
    segmenter: Judge,
    samples: Sequence[Sample],
    evaluation: Evaluation,
    *,
    classes: Classes | None = None,
    count: int = SHOWN,
) -> tuple[Crop, ...]:
    """The `count` worst suspects of an evaluation, each image predicted once more to be shown.

    `samples` are those that were evaluated, in the same order; `classes` as for `evaluate`.
    """
    suspects = evaluation.label_errors.suspects[:count] if evaluation.label_errors else ()
    crops: dict[int, Crop] = {}
    for image in sorted({one.image for one in suspects}):
        pixels, truth = read_sample(samples[image], classes or segmenter.classes, segmenter.info.prep)
        network = segmenter.of(samples[image].id)
        prediction = network.segment(network.prepare(pixels)).mask
        for place, one in enumerate(suspects):
            if one.image == image:
                crops[place] = _cut(one, samples[image].id, pixels, truth, prediction)
    return tuple(crops[place] for place in sorted(crops))


def _cut(
    one: Suspect,
    name: str,
    pixels: NDArray[Any],
    truth: UInt8[np.ndarray, "height width"],
    prediction: UInt8[np.ndarray, "height width"],
) -> Crop:
    top, left, bottom, right = one.box
    around = max(LEAST_AROUND, round(AROUND * max(bottom - top, right - left)))
    rows = slice(max(0, top - around), bottom + around)
    columns = slice(max(0, left - around), right + around)
    marked = np.zeros(truth.shape, bool)
    marked.ravel()[one.positions] = True
    cut = (part[rows, columns].copy() for part in (pixels, truth, prediction, marked))  # the rest can be forgotten
    return Crop(name, one.given, one.suspected, *cut)


def suspect_section(crops: Sequence[Crop], classes: Classes) -> str:
    """The section of the report: a sentence, and patches that open when they are pressed; empty without any."""
    if not crops:
        return ""
    rows = "".join(_row(crop, classes, opened=place == 0) for place, crop in enumerate(crops))
    return (
        f"<p>Patches of {SMALLEST} pixels or more that are labelled as one class while the network is confident of "
        "another, those with the most evidence first. Either the label is wrong or the network is: look, and correct "
        f"the masks that are. {linked('What this means.', 'suspects')}</p>{rows}"
    )


def _row(crop: Crop, classes: Classes, *, opened: bool) -> str:
    image, given, predicted = crop_panels(crop, classes)
    labelled, seen = (escape(classes.names[number]) for number in (crop.given, crop.suspected))
    said = f"labelled <b>{labelled}</b>, the network sees <b>{seen}</b>"
    figures = _figure(given, f"given: {labelled}") + _figure(predicted, f"prediction: {seen}")
    return (
        f'<details class="example suspect"{" open" if opened else ""}><summary>{_image(image, "image")}<span>'
        f"{escape(crop.id)}<br>{said}<br><small>{int(crop.suspect.sum()):,} pixels</small></span></summary>"
        f"<div>{figures}</div></details>"
    )


def _figure(picture: Picture, caption: str) -> str:
    return f"<figure>{_image(picture, caption)}<figcaption>{caption}</figcaption></figure>"


def _image(picture: Picture, said: str) -> str:
    size = f'width="{picture.shape[1]}" height="{picture.shape[0]}"'
    return f'<img src="{data_uri(picture)}" alt="{said}" {size} loading="lazy">'


def crop_panels(crop: Crop, classes: Classes) -> tuple[Picture, Picture, Picture]:
    """Image, given labels and prediction, `SIDE` pixels on the long side, the patch outlined in red on each."""
    height, width = crop.truth.shape
    factor = SIDE / max(height, width)
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    pixels = np.asarray(Image.fromarray(displayable(crop.pixels)).resize(size, Image.Resampling.BICUBIC))
    truth, prediction, marked = (
        np.asarray(Image.fromarray(part.astype(np.uint8)).resize(size, Image.Resampling.NEAREST))
        for part in (crop.truth, crop.prediction, crop.suspect)
    )
    edge = binary_dilation(marked > 0, iterations=OUTLINE) & (marked == 0)
    image, labels, predicted = (
        np.array(picture)  # a copy: what Pillow gives may not be written to
        for picture in (pixels, overlay(pixels, truth, classes), overlay(pixels, prediction, classes))
    )
    for picture in (image, labels, predicted):
        picture[edge] = WRONG
    return image, labels, predicted
