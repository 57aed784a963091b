"""A repaired copy of a data set. The source is never touched, and everything that is done or left out is written down.

Only what is certain is repaired: a smeared mask whose classes lie far apart is snapped to them, a mask drawn before the
EXIF rotation is turned, but a mask of another size or with an unknown value is left out with its image, because any
repair would be a guess.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps
from PIL.ExifTags import Base

from segue.data.classes import IGNORE
from segue.data.doctor.content import ENDINGS
from segue.data.doctor.diagnosis import Diagnosis, printable
from segue.data.doctor.files import check_file
from segue.data.doctor.masks import MaskFacts, check_mask
from segue.data.doctor.repair import from_grey_palette, from_one, snap, to_eight_bits
from segue.data.doctor.values import Coding, snap_targets
from segue.data.formats import FORMATS
from segue.data.geotiff import NODATA
from segue.data.geotiff_writer import Layout, raster_writer
from segue.data.image import is_raster, read_image, read_mask
from segue.data.index import Index, Problem, Sample
from segue.data.palettes import whole_palette
from segue.errors import DataError, UsageError

REWRITTEN = {  # what is done to a file for each code; the sentence goes into doctor.json
    "IMG_ALPHA": "blended over black and saved as PNG",
    "IMG_CMYK": "converted to RGB without a colour profile and saved as PNG",
    "IMG_16BIT": "scaled by 1/257 to 8 bits and saved as PNG",
    "IMG_ROTATED": "turned upright as its EXIF orientation says and saved as PNG",
    "MASK_LOSSY": "snapped to the nearest class values and saved without loss",
    "MASK_ANTIALIASED": "snapped to the nearest class values and saved without loss",
    "MASK_OFF_BY_ONE": "one subtracted from every label",
    "MASK_PALETTE_AS_GREY": "grey levels turned back into palette indices",
    "PAIR_EXIF": "turned as the image is and saved as PNG",
}
RENAMED = {"IMG_MISNAMED": "given the ending of its content"}
NAMES = ("NAME_NOT_UTF8", "NAME_NOT_NFC", "NAME_CONTROL")


@dataclass(frozen=True)
class Action:
    """One thing done to one file: why (a code) and what (a sentence)."""

    path: Path
    code: str
    action: str

    def to_json(self) -> dict[str, str]:
        """Plain JSON types."""
        return {"path": printable(self.path), "code": self.code, "action": self.action}


def fix(
    index: Index,
    diagnosis: Diagnosis,
    out: Path,
    max_pixels: int,
    *,
    roots: Sequence[Path] = (),
    dry_run: bool = False,
) -> list[Action]:
    """Write a repaired copy of a data set to `out`, in the layout it has, and return all that was done.

    Files without a fault are copied byte for byte. Pairs with an error that cannot be repaired are left out, and so is
    the training copy of a picture that is also held out.

    Args:
        index: the data set.
        diagnosis: what `examine` found about it.
        out: a folder that does not exist or is empty, outside the data.
        max_pixels: as given to `examine`.
        roots: the folders `out` may not lie in; the index's root when not given.
        dry_run: return what would be done and write nothing.

    Raises:
        UsageError: `out` lies inside the data.
        DataError: `out` holds files already, or nothing would be left.
    """
    _refuse(out, roots or (index.root,))
    faults: dict[Path, list[Problem]] = defaultdict(list)
    for found in diagnosis.problems:
        faults[found.path].append(found)
    left_out = {sample.id: why for sample in index.samples if (why := _reason_to_leave_out(sample, faults))}
    kept = [sample for sample in index.samples if sample.id not in left_out]
    if not any(sample.mask for sample in kept):
        raise DataError(
            f"{index.root}: expected something to keep, all {len(left_out)} pairs have errors; see segue doctor"
        )
    actions = [Action(why.path, why.code, f"left out with its pair: {why.message}") for why in left_out.values()]
    actions += [action for sample in kept for action in _actions(sample, faults)]
    if not dry_run:
        _write(index, kept, faults, diagnosis.coding, out, max_pixels)
    return actions


def _refuse(out: Path, roots: Sequence[Path]) -> None:
    target = out.resolve()
    if any(target.is_relative_to(root.resolve()) for root in roots):
        raise UsageError(f"fix: expected a folder apart from the data, got {out}, which lies inside it")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise DataError(f"{out}: expected a new or empty folder to write to, found files in it; choose another")


def _reason_to_leave_out(sample: Sample, faults: Mapping[Path, list[Problem]]) -> Problem | None:
    for found in _faults_of(sample, faults):
        if (found.severity == "error" and not found.fixable) or found.code == "LEAK_EXACT":
            return found
    return None


def _faults_of(sample: Sample, faults: Mapping[Path, list[Problem]]) -> list[Problem]:
    return [found for path in (sample.image, sample.mask) if path is not None for found in faults.get(path, ())]


def _codes(path: Path, sample: Sample, faults: Mapping[Path, list[Problem]]) -> set[str]:
    """What to repair on a file; where it is unclear whether a mask follows its image's rotation, neither is turned."""
    codes = {found.code for found in faults.get(path, ())}
    unsure = any(found.code == "PAIR_EXIF_UNSURE" for found in _faults_of(sample, faults))
    return codes - {"IMG_ROTATED"} if unsure else codes


def _actions(sample: Sample, faults: Mapping[Path, list[Problem]]) -> list[Action]:
    actions = []
    for path in (sample.image, sample.mask):
        codes = sorted(_codes(path, sample, faults)) if path is not None else []
        for code in codes:
            done = REWRITTEN.get(code) or RENAMED.get(code)
            done = f"renamed to {Path(_clean(sample.id)).name}" if code in NAMES else done
            if done and path is not None:
                actions.append(Action(path, code, done))
    return actions


def _write(
    index: Index,
    kept: Sequence[Sample],
    faults: Mapping[Path, list[Problem]],
    coding: Coding | None,
    out: Path,
    max_pixels: int,
) -> None:
    """Put the repaired files aside, then let the layout's own writer copy them and the sound ones to `out`."""
    out.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        repaired = []
        for number, sample in enumerate(kept):
            image = _repaired_image(sample, faults, aside / f"{number}-image", max_pixels)
            mask = _repaired_mask(sample, faults, aside / f"{number}-mask", coding, max_pixels)
            repaired.append(replace(sample, id=_clean(sample.id), image=image, mask=mask))
        FORMATS[index.format].write(replace(index, samples=tuple(_distinct(repaired)), problems=()), out)
    finally:
        shutil.rmtree(aside)


def _repaired_image(sample: Sample, faults: Mapping[Path, list[Problem]], target: Path, max_pixels: int) -> Path:
    codes = _codes(sample.image, sample, faults)
    if codes & REWRITTEN.keys():
        return _save(to_eight_bits(read_image(sample.image, max_pixels)), target)
    return _with_right_ending(sample.image, codes, target, max_pixels)


def _repaired_mask(
    sample: Sample, faults: Mapping[Path, list[Problem]], target: Path, coding: Coding | None, max_pixels: int
) -> Path | None:
    if sample.mask is None:
        return None
    codes = _codes(sample.mask, sample, faults)
    if not codes & REWRITTEN.keys() or coding is None:
        return _with_right_ending(sample.mask, codes, target, max_pixels)
    mask, facts = read_mask(sample.mask, max_pixels), _facts(sample.mask, max_pixels)
    without_data = mask == NODATA
    mask = np.where(without_data, IGNORE, mask).astype(np.uint16) if without_data.any() else mask
    if "PAIR_EXIF" in codes:
        mask = _turned_like(mask, sample.image, max_pixels)
    if codes & {"MASK_LOSSY", "MASK_ANTIALIASED"}:
        mask = snap(mask, snap_targets(facts, coding) or [])
    if "MASK_OFF_BY_ONE" in codes:
        mask = from_one(mask, coding.ignored)
    if "MASK_PALETTE_AS_GREY" in codes:
        mask = from_grey_palette(mask)
    if is_raster(sample.mask):
        return _save_raster(mask, without_data, facts, target)
    return _save(mask, target, facts.palette)


def _facts(path: Path, max_pixels: int) -> MaskFacts:
    header, _ = check_file(path, max_pixels)
    facts = check_mask(path, header, max_pixels)[0] if header is not None else None
    if facts is None:
        raise DataError(
            f"{path}: expected the mask that was examined a moment ago, it changed meanwhile; run the doctor again"
        )
    return facts


def _turned_like(mask: NDArray[Any], image: Path, max_pixels: int) -> NDArray[Any]:
    header, _ = check_file(image, max_pixels)
    picture = Image.fromarray(mask)
    picture.getexif()[Base.Orientation] = header.orientation if header is not None else 1
    return np.asarray(ImageOps.exif_transpose(picture))


def _with_right_ending(path: Path, codes: set[str], target: Path, max_pixels: int) -> Path:
    if not codes & RENAMED.keys():
        return path
    header, _ = check_file(path, max_pixels)
    kind = header.kind if header is not None else ""
    ending = next(ending for ending, name in ENDINGS.items() if name == kind)
    return Path(shutil.copyfile(path, target.with_suffix(ending)))


def _save(pixels: NDArray[Any], target: Path, palette: tuple[tuple[int, int, int], ...] | None = None) -> Path:
    picture = Image.fromarray(pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels)
    if palette is not None and pixels.ndim == 2 and pixels.dtype == np.uint8:
        picture.putpalette(whole_palette(palette))
    path = target.with_suffix(".png")
    picture.save(path)
    return path


def _save_raster(mask: NDArray[Any], without_data: NDArray[np.bool_], facts: MaskFacts, target: Path) -> Path:
    """Write a raster mask where it lay on the Earth; pixels without data get the highest value that is no label."""
    kind, bands = (np.uint8 if mask.max() <= 255 else np.uint16), mask.shape[2] if mask.ndim == 3 else 1
    nodata = None
    if without_data.any():
        labels = set(np.unique(mask[~without_data]).tolist())
        nodata = next(value for value in range(np.iinfo(kind).max, -1, -1) if value not in labels)
        mask = np.where(without_data, nodata, mask)
    path = target.with_suffix(".tif")
    palette = facts.palette if facts.palette and kind is np.uint8 else ()
    size, name = (facts.height, facts.width), np.dtype(kind).name
    layout = Layout(*size, name, facts.georeference, nodata, bands, palette)
    with raster_writer(path, layout) as writer:
        writer.add(np.moveaxis(mask, 2, 0) if bands == 3 else mask)
    return path


def _clean(name: str) -> str:
    """A sample id as a file name every system can hold: NFC, without control characters and escaped bytes."""
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    safe = (character if character.isprintable() and character != "\\" else "_" for character in text)
    return unicodedata.normalize("NFC", "".join(safe))


def _distinct(samples: Sequence[Sample]) -> list[Sample]:
    """Number those whose cleaned ids fell together."""
    seen: dict[str, int] = defaultdict(int)
    distinct = []
    for sample in samples:
        seen[sample.id] += 1
        again = seen[sample.id]
        distinct.append(sample if again == 1 else replace(sample, id=f"{sample.id}-{again}"))
    return distinct
