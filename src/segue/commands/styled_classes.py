"""Where the classes of `--by-class` lie in a picture: a Segue run finds them, or a mask file says so."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Integer

from segue.data.image import ENDINGS
from segue.errors import DataError
from segue.infer.segmenter import Segmenter
from segue.style.by_class import Assignment, assigned, numbers_in, regions_of
from segue.style.regions import read_regions
from segue.style.scene import Scene, read_scene_by_class
from segue.style_configs import StyleOptimiseConfig

log = logging.getLogger("segue")


def scene_by_class(
    config: StyleOptimiseConfig, content: Path, pairs: Mapping[str, str]
) -> tuple[tuple[Path, ...], Scene]:
    """The styles that the classes in the picture get, and the scene with a region for each of them."""
    find = finder(pairs, config.segmenter, config.content_mask, config.device)
    assignment, regions = find(content, content.stem)
    for place, style in enumerate(assignment.styles):
        names = ", ".join(assignment.names[one] for one, its in assignment.style_of.items() if its == place)
        log.info("%s: %s, %.3g %% of the picture", style.name, names, 100 * (regions == place).mean())
    scene = read_scene_by_class(
        content,
        assignment.styles,
        regions,
        feather=config.feather,
        keep_colours=config.keep_colours,
        style_scale=config.style_scale,
    )
    return assignment.styles, scene


Found = tuple[Assignment, Integer[np.ndarray, "height width"]]


def finder(
    pairs: Mapping[str, str], segmenter: Path | None, masks: Path | None, device: str
) -> Callable[[Path, str], Found]:
    """What finds the classes in a picture: a run, which is loaded once, or masks: a file, or a folder of them.

    A mask in a folder has the name of its picture below the folder all pictures share, and any ending that Segue reads.
    Raises `UsageError` for a class the run does not know; the function raises `DataError` for a picture without a mask,
    besides what `by_segmenter` and `by_mask` raise.
    """
    if segmenter is not None:
        model = Segmenter.load(segmenter, device)
        assigned(pairs, dict(enumerate(model.classes.names)), segmenter)
        return lambda picture, _: by_segmenter(pairs, model, segmenter, picture)
    assert masks is not None, "the configuration has one of the two"
    return lambda picture, name: by_mask(pairs, _mask_of(picture, name, masks), picture)


def _mask_of(picture: Path, name: str, masks: Path) -> Path:
    if not masks.is_dir():
        return masks
    folder, stems = masks / Path(name).parent, {Path(name).name, picture.stem}
    here = sorted(folder.iterdir()) if folder.is_dir() else []
    found = [path for path in here if path.stem in stems and path.suffix.lower() in ENDINGS]
    if len(found) != 1:
        got = " and ".join(path.name for path in found) or "none"
        raise DataError(f"{picture}: expected one mask of its name in {folder}, got {got}: name it {picture.stem}.png")
    return found[0]


def by_segmenter(pairs: Mapping[str, str], segmenter: Segmenter, run: Path, picture: Path) -> Found:
    """The styles that a picture needs and the place of each pixel's among them (`regions_of`); `run` names the model.

    Raises `UsageError` for a class the model does not know, `DataError` for a picture that cannot be read or has no
    class with a style.
    """
    names = dict(enumerate(segmenter.classes.names))
    return regions_of(segmenter.predict(picture).mask, assigned(pairs, names, run), picture)


def by_mask(pairs: Mapping[str, str], mask: Path, picture: Path) -> Found:
    """The same with the regions of a mask file, whose classes are named by their values.

    A value that it does not have is passed over. Raises `UsageError` for a name that is no value, `DataError` for
    a mask that does not fit the picture.
    """
    values = read_regions(mask, picture)
    named = {int(name): name for name in pairs if name.isdecimal()}
    return regions_of(values, assigned(pairs, {**numbers_in(values), **named}, mask), picture)
