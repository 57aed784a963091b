"""What a fit keeps of its images to know others like them, and what it says about those that differ."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64

from segue.configs import FitConfig
from segue.data.bands import PICTURE_CHANNELS
from segue.data.census import spread
from segue.data.formats import open_index
from segue.data.geometry import Preprocessing
from segue.data.image import read_with_missing
from segue.data.index import Sample
from segue.data.listing import Chosen, columns, part_number
from segue.data.parallel import Update
from segue.data.prepare import Data
from segue.errors import DataError
from segue.infer.ahead import ahead
from segue.infer.evaluate import Evaluation
from segue.infer.familiar_file import Seen, save_seen
from segue.infer.segmenter import Prepared, Segmenter
from segue.trust.domain_gap import domain_gap
from segue.trust.independent import one_per_group
from segue.trust.look import Look
from segue.trust.novelty import familiar
from segue.trust.source_gap import source_gap

SHARE = 0.02  # of the images that training went through may be looked at once more, measured in their pixels
MOST, FEWEST = 256, 16  # training images looked at, evenly spread; FEWEST at the usual zoom, of larger images fewer
LARGEST = 2**25  # pixels: larger scenes are trained on by the window and are not decoded whole for this

Colours = Float64[np.ndarray, " colours"]
_log = logging.getLogger("segue")


def remember(
    segmenter: Segmenter, run: Path, config: FitConfig, data: Data, evaluation: Evaluation, steps: int, update: Update
) -> dict[str, Any]:
    """Look at training images, write `familiar.safetensors` into the model folder, and compare the parts of the data.

    `evaluation` is that of the validation images, `steps` how many were trained. Returns the entry `domain` of
    `evaluation.json`.
    """
    most = affordable(steps, config.optim.batch, segmenter.info.prep)
    within = [one for one, size in zip(data.of("train"), data.sizes, strict=True) if size[0] * size[1] <= LARGEST]
    samples, looks = _looks(segmenter, spread(within, most), update)
    if not any(np.isfinite(look.features).all(axis=1).any() for look in looks):
        return {"familiar": None, "source": None, "parts": {}}
    held_out = [evaluation.looks[i].features for i in one_per_group(evaluation.groups)]
    known = familiar(np.concatenate([look.features for look in looks]), held_out)
    colours = np.stack([looks[i].colours for i in one_per_group([sample.group for sample in samples])])
    seen = Seen(known, colours)
    save_seen(run, seen)
    val = [(look.colours, None) for look in evaluation.looks]  # their distances are what others are compared with
    scratch = config.transfer.mode == "scratch"  # then there are no images that weights come from
    parts: dict[str, tuple[Sequence[str], Sequence[tuple[Colours, float | None]]]] = {"val": (evaluation.groups, val)}
    for part, others in _others(config).items():
        found, their_looks = _looks(segmenter, spread(others, max(2, most // 2)), update)
        judged = [(look.colours, known.distance(look.features)) for look in their_looks]
        parts[part] = ([sample.group for sample in found], judged)
    return {
        "familiar": {
            "images": len(looks),
            "held_out": len(known.held_out),
            "threshold": known.threshold if known.threshold < np.inf else None,
        },
        "source": None if scratch else _source(data, segmenter.info.prep, np.stack([look.colours for look in looks])),
        "parts": {
            part: domain_gap(judged, groups, colours, known.held_out).summary()
            for part, (groups, judged) in parts.items()
        },
    }


def affordable(steps: int, batch: int, prep: Preprocessing) -> int:
    """How many training images may be looked at after so many steps: `SHARE` of their work, which is thrice a look's.

    A look is at the whole image, `zoom` squared times the pixels of a training crop. Two are looked at in any case.
    """
    crops = prep.zoom**2
    return min(MOST, max(2, round(2 * FEWEST / crops), round(3 * SHARE * steps * batch / crops)))


def _looks(segmenter: Segmenter, samples: Sequence[Sample], update: Update) -> tuple[list[Sample], list[Look]]:
    """The samples that can be read, and what is seen of each; only training data was checked before."""

    def load(sample: Sample) -> Prepared:
        return segmenter.prepare(*read_with_missing(sample.image, ranges=segmenter.info.prep.ranges))

    readable, looks = [], []
    for number, (sample, loading) in enumerate(ahead(load, samples), 1):
        try:
            prepared = loading.result()
        except DataError as error:
            _log.info("not compared with the others: %s", error)
            continue
        readable.append(sample)
        looks.append(segmenter.look(prepared))
        update(number / len(samples), f"looking at {sample.id}")
    return readable, looks


def _others(config: FitConfig) -> dict[str, Sequence[Sample]]:
    """The images of the data set that no label was used of: the test part, and those without a mask."""
    try:
        samples = open_index(config.paths, config.data.format, config.data.mask_name).samples
        known = columns(samples)
    except DataError as error:
        _log.warning("test and unlabelled images are not compared with the others: %s", error)
        return {}
    test = known.parts == part_number("test")
    parts = {"test": np.flatnonzero(test), "unlabelled": np.flatnonzero(~test & ~known.labelled)}
    return {part: Chosen(samples, places) for part, places in parts.items() if len(places)}


def _source(data: Data, prep: Preprocessing, colours: Float64[np.ndarray, "images _"]) -> dict[str, Any] | None:
    """None where the statistics were measured on these very images, or the source knows no such channels."""
    if data.bands is not None or prep.channels not in PICTURE_CHANNELS:
        return None
    return source_gap(colours, prep.mean, prep.std).summary()
