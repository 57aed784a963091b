"""Which mask belongs to which image: by name, with nothing guessed and nothing dropped in silence.

An image and a mask belong together when their names without ending agree, after the mask's name has lost what the masks
have in common (`{stem}_mask`). Names are compared in Unicode's NFC form, so a file that passed through macOS finds its
partner; where no exact partner exists, case is ignored. A name that fits twice is refused, not resolved.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from segue.data.index import Problem
from segue.errors import DataError, UsageError

_WORD = "masks?|labels?|gt|seg|segmentation|manual|annotation|groundtruth|matte|lbl|target|anno?|l"
_WORD_LAST = re.compile(rf"(.+)[_\-. ](?:{_WORD})", re.IGNORECASE)
_WORD_FIRST = re.compile(rf"(?:{_WORD})[_\-. ](.+)", re.IGNORECASE)


@dataclass(frozen=True)
class Template:
    """How a mask is named after its image: `before` + stem + `after`."""

    before: str = ""
    after: str = ""

    def __str__(self) -> str:
        return f"{self.before}{{stem}}{self.after}"

    def image_key(self, key: str) -> str:
        """The image's key that a mask's key stands for, empty when the mask is not named this way."""
        folder, slash, name = key.rpartition("/")
        stem = name[len(self.before) : len(name) - len(self.after)]
        return folder + slash + stem if stem and name == f"{self.before}{stem}{self.after}" else ""


@dataclass
class Pairs:
    """Images with their masks (None: there is none), sorted, and everything that did not fit."""

    pairs: list[tuple[str, str | None]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def parse_template(mask_name: str) -> Template:
    """Read a template such as `{stem}_mask`.

    Raises:
        UsageError: `{stem}` does not occur exactly once, or the template names a folder.
    """
    before, found, after = mask_name.partition("{stem}")
    if not found or "{stem}" in after or "/" in mask_name:
        raise UsageError(
            f"mask_name: expected a file name with {{stem}} in it, such as {{stem}}_mask, got {mask_name!r}"
        )
    return Template(before, after)


def pair(image_root: Path, images: list[str], mask_root: Path, masks: list[str], mask_name: str = "") -> Pairs:
    """Match the files of an image folder with those of a mask folder.

    Files match within the same subfolder, or by file name alone where only one side has subfolders.

    Args:
        image_root: the folder `images` are below; names files in problems.
        images: paths below it, with `/` between their parts.
        mask_root: the folder `masks` are below.
        masks: paths below it.
        mask_name: template of the masks' names; found from the names themselves when empty.

    Returns:
        Pairs, with problems `MASK_MISSING` (the image stays, without a mask), `MASK_ORPHAN`, `PAIR_AMBIGUOUS` (all
        files of that name are left out) and `NAME_CASE`.

    Raises:
        DataError: the masks follow two naming schemes equally well.
        UsageError: `mask_name` is no template.
    """
    flat = any("/" in name for name in images) != any("/" in name for name in masks)
    image_keys, mask_keys = _by_key(images, flat), _by_key(masks, flat)
    template = parse_template(mask_name) if mask_name else _detect(image_keys, mask_keys)
    offered: dict[str, list[str]] = {}  # image key -> masks that claim it; "" for masks that claim none
    for key, names in mask_keys.items():
        offered.setdefault(template.image_key(key), []).extend(names)
    found = Pairs()
    partner = _partners(image_keys, offered)
    for key, names in image_keys.items():
        claim = partner.get(key, "")
        matching = offered.pop(claim, []) if claim else []
        if len(names) == 1 and len(matching) <= 1:
            found.pairs.append((names[0], matching[0] if matching else None))
        if claim != key or len(names) > 1 or len(matching) != 1:
            found.problems.append(_oddity([image_root / n for n in names], [mask_root / n for n in matching], template))
    orphans = sorted(name for names in offered.values() for name in names)
    found.problems += [_orphan(mask_root / name, template) for name in orphans]
    found.pairs.sort()
    return found


def separate(names: list[str], mask_name: str = "") -> tuple[list[str], list[str]]:
    """Tell images from masks that lie side by side in one folder: `a.jpg` and `a_mask.png`.

    A mask is named after another file that is there: by the template, or with a word such as `_mask` at either end.
    """
    keys = _by_key(names, flat=False)
    folded = {key.casefold() for key in keys}
    template = parse_template(mask_name) if mask_name else None
    masks = {
        name
        for key, group in keys.items()
        if any(stem.casefold() in folded for stem in ([template.image_key(key)] if template else _without_word(key)))
        for name in group
    }
    return [name for name in names if name not in masks], sorted(masks)


def _without_word(key: str) -> list[str]:
    folder, slash, name = key.rpartition("/")
    matches = (pattern.fullmatch(name) for pattern in (_WORD_LAST, _WORD_FIRST))
    return [folder + slash + match[1] for match in matches if match]


def _by_key(names: Iterable[str], flat: bool) -> dict[str, list[str]]:
    """Names by what is compared: the path below the folder, or the file name alone, in NFC and without ending."""
    keys: dict[str, list[str]] = {}
    for name in names:
        key = (name.rpartition("/")[2] if flat else name).rpartition(".")[0]
        keys.setdefault(key if key.isascii() else unicodedata.normalize("NFC", key), []).append(name)
    return keys


def _detect(images: dict[str, list[str]], masks: dict[str, list[str]]) -> Template:
    """The template that most masks follow: the image's own name, or what stands around it in the first few masks."""
    stems = {key.casefold() for key in images}

    def hits(template: Template) -> int:
        return sum(template.image_key(key).casefold() in stems for key in masks)

    plain = hits(Template())
    if plain == len(masks):
        return Template()
    strangers = sorted(key for key in masks if key.casefold() not in stems)[:5]
    counts = {template: hits(template) for key in strangers for template in _around(key, stems)}
    most = max(counts.values(), default=0)
    if most <= plain or 2 * most < min(len(masks), len(images)):
        return Template()
    best = sorted(str(template) for template, count in counts.items() if count == most)
    if len(best) > 1:
        raise DataError(
            f"expected masks named in one way, got as many {best[0]} as {best[1]}; say which are the masks: "
            f"--data.mask_name '{best[0]}'"
        )
    return parse_template(best[0])


def _around(key: str, stems: set[str]) -> set[Template]:
    """What stands before and after the longest image name inside a mask's name."""
    folder, _, name = key.rpartition("/")
    folded = name.casefold()
    here = (stem.rpartition("/") for stem in stems)
    inside = [stem for where, _, stem in here if where == folder.casefold() and stem in folded]
    longest = max(map(len, inside), default=0)
    starts = [(folded.index(stem), len(stem)) for stem in inside if len(stem) == longest]
    return {Template(name[:start], name[start + length :]) for start, length in starts}


def _partners(images: dict[str, list[str]], offered: dict[str, list[str]]) -> dict[str, str]:
    """For each image key the key it is offered masks under: the same, else the only one that differs in case alone."""
    partner = {key: key for key in images if key in offered}
    spare: dict[str, list[str]] = {}
    for key in offered:
        if key and key not in partner:
            spare.setdefault(key.casefold(), []).append(key)
    wanting: dict[str, list[str]] = {}
    for key in images:
        if key not in partner:
            wanting.setdefault(key.casefold(), []).append(key)
    for folded, keys in wanting.items():
        if len(keys) == 1 and len(spare.get(folded, ())) == 1:
            partner[keys[0]] = spare[folded][0]
    return partner


def _oddity(images: list[Path], masks: list[Path], template: Template) -> Problem:
    """What is wrong with the files of one name when they are not simply an image and its mask."""
    image = images[0]
    if len(images) > 1 or len(masks) > 1:
        got = f"{_listed(images)} with {_listed(masks)}" if masks else _listed(images)
        message = f"expected one image and one mask called {image.stem}, got {got}; none of them is used"
        several = images if len(images) > 1 else masks
        return Problem("PAIR_AMBIGUOUS", "error", several[0], message, "keep one of each")
    if not masks:
        wanted = f"{template.before}{image.stem}{template.after}"
        message = f"expected a mask called {wanted}, got none; the image is not trained on"
        return Problem("MASK_MISSING", "warning", image, message, "add the mask, or remove the image")
    message = f"the mask is called {masks[0].name}: the names agree only when case is ignored"
    return Problem("NAME_CASE", "info", image, message, "rename one of the two")


def _listed(paths: list[Path]) -> str:
    return " and ".join(sorted(path.name for path in paths))


def _orphan(mask: Path, template: Template) -> Problem:
    message = f"expected an image for this mask (masks are named {template}), got none; it is not used"
    return Problem("MASK_ORPHAN", "warning", mask, message, "add the image, or remove the mask")
