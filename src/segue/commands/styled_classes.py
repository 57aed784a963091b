"""Where the classes of `--by-class` lie in a picture: a Segue run finds them, or a mask file says so."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Integer

from segue.infer.segmenter import Segmenter
from segue.style.by_class import Assignment, assigned, numbers_in, regions_of
from segue.style.regions import read_regions
from segue.style.scene import Scene, read_scene_by_class
from segue.style_configs import StyleOptimiseConfig

log = logging.getLogger("segue")


def scene_by_class(config: StyleOptimiseConfig, pairs: Mapping[str, str]) -> tuple[tuple[Path, ...], Scene]:
    """The styles that the classes in the picture get, and the scene with a region for each of them."""
    if config.segmenter is not None:
        segmenter = Segmenter.load(config.segmenter, config.device)
        assignment, regions = by_segmenter(pairs, segmenter, config.segmenter, config.content)
    else:
        assert config.content_mask is not None, "the configuration has one of the two"
        assignment, regions = by_mask(pairs, config.content_mask, config.content)
    for place, style in enumerate(assignment.styles):
        names = ", ".join(assignment.names[one] for one, its in assignment.style_of.items() if its == place)
        log.info("%s: %s, %.3g %% of the picture", style.name, names, 100 * (regions == place).mean())
    scene = read_scene_by_class(
        config.content,
        assignment.styles,
        regions,
        feather=config.feather,
        keep_colours=config.keep_colours,
        style_scale=config.style_scale,
    )
    return assignment.styles, scene


def by_segmenter(
    pairs: Mapping[str, str], segmenter: Segmenter, run: Path, picture: Path
) -> tuple[Assignment, Integer[np.ndarray, "height width"]]:
    """The styles that a picture needs and the place of each pixel's among them (`regions_of`); `run` names the model.

    Raises `UsageError` for a class the model does not know, `DataError` for a picture that cannot be read or has no
    class with a style.
    """
    names = dict(enumerate(segmenter.classes.names))
    return regions_of(segmenter.predict(picture).mask, assigned(pairs, names, run), picture)


def by_mask(
    pairs: Mapping[str, str], mask: Path, picture: Path
) -> tuple[Assignment, Integer[np.ndarray, "height width"]]:
    """The same with the regions of a mask file, whose classes are named by their values.

    Raises `UsageError` for a value the mask does not have, `DataError` for a mask that does not fit the picture.
    """
    values = read_regions(mask, picture)
    return regions_of(values, assigned(pairs, numbers_in(values), mask), picture)
