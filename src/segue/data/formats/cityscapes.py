"""Cityscapes (https://arxiv.org/abs/1604.01685): its 19 evaluated classes, from `gtFine` label images.

    root/leftImg8bit/train/aachen/aachen_000000_000019_leftImg8bit.png
    root/gtFine/train/aachen/aachen_000000_000019_gtFine_labelIds.png         also _gtFine_labelTrainIds.png

labelIds are read where there are any, else labelTrainIds. What the benchmark does not evaluate is not labelled. The
group of an image is its city and sequence.
"""

from __future__ import annotations

import re
from pathlib import Path

from segue.data.formats.labels import save_ids, to_published
from segue.data.formats.layout import Format, copy_file, id_of, need_splits, new_folder, subfolders
from segue.data.index import SPLITS, Index, Problem, Sample
from segue.data.parallel import Update, for_each, silent
from segue.data.published import colours_by_value, names_by_value, not_counted, published
from segue.data.walk import pictures
from segue.errors import DataError

IMAGES, MASKS = "leftImg8bit", "gtFine"
_TABLE = "cityscapes"
_KINDS = ("labelIds", "labelTrainIds")
_FRAME = re.compile(r"(.+)_(\d{6})_(\d{6})")


def sniff(root: Path) -> bool:
    """Whether `leftImg8bit/` stands beside `gtFine/`."""
    return (root / IMAGES).is_dir() and (root / MASKS).is_dir()


def read(root: Path, mask_name: str = "") -> Index:
    """Read the layout; see `Format`.

    Raises:
        DataError: one of the two folders is missing, or there are neither labelIds nor labelTrainIds.
    """
    if not sniff(root):
        raise DataError(
            f"{root}: expected {IMAGES}/ beside {MASKS}/, found {', '.join(subfolders(root)) or 'no folders'}; "
            "unpack leftImg8bit_trainvaltest.zip and gtFine_trainvaltest.zip here"
        )
    masks = pictures(root / MASKS)
    kind = next((kind for kind in _KINDS if any(_is(name, f"_{MASKS}_{kind}") for name in masks.files)), None)
    if kind is None:
        raise DataError(f"{root / MASKS}: expected files that end in _{MASKS}_labelIds.png, found none; unpack {MASKS}")
    images = pictures(root / IMAGES)
    photos = {_key(name, f"_{IMAGES}"): name for name in images.files if _is(name, f"_{IMAGES}")}
    labels = {_key(name, f"_{MASKS}_{kind}"): name for name in masks.files if _is(name, f"_{MASKS}_{kind}")}
    samples = [_sample(root, key, name, labels.get(key)) for key, name in photos.items()]
    problems = [*images.problems, *masks.problems]
    problems += [_missing(sample) for sample in samples if sample.mask is None and sample.split != "test"]
    problems += [_orphan(root / MASKS / name) for key, name in sorted(labels.items()) if key not in photos]
    names, ignore, colours = _classes(kind)
    samples.sort(key=lambda sample: sample.id)
    return Index(root, "cityscapes", tuple(samples), tuple(problems), names, ignore, colours)


def write(index: Index, root: Path, update: Update = silent) -> None:
    """Copy the images and write labelIds; images that are not named like Cityscapes' frames are renamed.

    Raises:
        DataError: a sample has no split, or the data has a class Cityscapes does not have.
    """
    need_splits(index, "cityscapes")
    own = index.format == "cityscapes"
    ids_of = None if own else to_published(index, _TABLE)
    kind = _KINDS[1] if own and index.names == _classes(_KINDS[1])[0] else _KINDS[0]
    frames = _frames(index)
    new_folder(root)

    def put(sample: Sample) -> None:
        frame = frames[sample.id]
        city = _city(frame)
        copy_file(sample.image, root / IMAGES / sample.split / city / f"{frame}_{IMAGES}")
        mask = root / MASKS / sample.split / city / f"{frame}_{MASKS}_{kind}"
        if sample.mask is not None and ids_of is None:
            copy_file(sample.mask, mask)
        elif sample.mask is not None and ids_of is not None:
            save_ids(mask.with_name(f"{mask.name}.png"), ids_of(sample))

    for_each(put, index.samples, update)


def _is(name: str, ending: str) -> bool:
    return name.rpartition(".")[0].endswith(ending)


def _key(name: str, ending: str) -> str:
    return name.rpartition(".")[0].removesuffix(ending)


def _sample(root: Path, key: str, image: str, mask: str | None) -> Sample:
    split = key.partition("/")[0]
    frame = _FRAME.fullmatch(key.rpartition("/")[2])
    group = f"{frame[1]}/{frame[2]}" if frame else key
    masked = root / MASKS / mask if mask is not None else None
    return Sample(id_of(f"{IMAGES}/{image}"), root / IMAGES / image, masked, split if split in SPLITS else "", group)


def _classes(kind: str) -> tuple[tuple[str, ...], tuple[int, ...], tuple[tuple[int, int, int], ...]]:
    """Names and colours by mask value, and the values that are not evaluated."""
    if kind == "labelIds":
        return names_by_value(_TABLE), not_counted(_TABLE), colours_by_value(_TABLE)
    rows = [row for row in published(_TABLE) if row.counted]
    return tuple(row.name for row in rows), (), tuple(row.colour or (0, 0, 0) for row in rows)


def _frames(index: Index) -> dict[str, str]:
    """A frame name for every sample: its own where all are Cityscapes' own, else counted within made-up sequences."""
    stems = {sample.id: sample.image.stem.removesuffix(f"_{IMAGES}") for sample in index.samples}
    if all(_FRAME.fullmatch(stem) for stem in stems.values()) and len(set(stems.values())) == len(stems):
        return stems
    groups = {group: number for number, group in enumerate(dict.fromkeys(s.group or s.id for s in index.samples))}
    return {
        sample.id: f"data_{groups[sample.group or sample.id]:06d}_{number:06d}"
        for number, sample in enumerate(index.samples)
    }


def _city(frame: str) -> str:
    found = _FRAME.fullmatch(frame)
    assert found is not None, "frames are named by _frames"
    return found[1]


def _missing(sample: Sample) -> Problem:
    message = "expected a label image for it in gtFine, got none; the image is not trained on"
    return Problem("MASK_MISSING", "warning", sample.image, message, "add the mask, or remove the image")


def _orphan(mask: Path) -> Problem:
    message = "expected an image for it in leftImg8bit, got none; it is not used"
    return Problem("MASK_ORPHAN", "warning", mask, message, "add the image, or remove the mask")


CITYSCAPES = Format(sniff, read, write, templated=False)
