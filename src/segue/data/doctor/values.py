"""Which values the masks of a set use for their classes, and which of them are slips."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from segue.data.classes import IGNORE
from segue.data.doctor.codes import problem
from segue.data.doctor.masks import MaskFacts, name_value, unpack
from segue.data.index import Problem

OUTVOTED = 0.02  # a value in no more than this share of the masks (but at least one) can be a slip
FEWEST = 4  # masks below which none can outvote another
RARE_SHARE, RARE_MASKS = 1e-4, 0.1  # of the pixels and of the masks, for colours
AREA, GAP = 3, 8  # inner pixels that make a value an area; grey levels two classes must lie apart to be snapped to
SOLID = 0.2  # share of a class's pixels that lie inside an area; smeared borders have next to none


def _voc_colour(index: int) -> tuple[int, int, int]:
    red = green = blue = 0
    for shift in range(7, -1, -1):  # three bits of the index make one bit of each channel, highest first
        red |= (index & 1) << shift
        green |= (index >> 1 & 1) << shift
        blue |= (index >> 2 & 1) << shift
        index >>= 3
    return red, green, blue


# Pascal VOC's palette read as grey (ITU-R 601, rounded as Pillow does): 38 for class 1, 75 for 2, 113 for 3, ...
VOC_GREY = {
    (r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16: i for i in range(31, 0, -1) for r, g, b in [_voc_colour(i)]
}


@dataclass(frozen=True)
class Coding:
    """How the masks of a set write their classes: by colour or by index, the values in use, and those ignored."""

    coded_by_colour: bool
    allowed: frozenset[int]
    ignored: frozenset[int]
    strict: bool  # whether a value outside `allowed` is certainly a slip
    holders: Mapping[int, int] = field(default_factory=dict)  # value -> number of sound masks that hold it
    sound: int = 0  # masks that are neither smeared nor coded the other way
    shifted: bool = False  # every mask counts from one where the layout counts from zero

    def values(self, facts: MaskFacts) -> NDArray[np.int64]:
        """The values of one mask in this coding: indices, or packed colours."""
        return facts.colours if self.coded_by_colour else facts.values

    def fits(self, facts: MaskFacts) -> bool:
        """Whether a mask is stored in this coding; a palette mask fits both."""
        if self.coded_by_colour == facts.coded_by_colour or facts.palette is not None:
            return True
        return self.coded_by_colour and bool(self.allowed.issuperset(facts.colours.tolist()))


def find_coding(masks: Sequence[MaskFacts], named: int, ignore: Iterable[int]) -> Coding:
    """Work out the values in use from the masks that are not smeared (from all when there is none).

    Args:
        masks: at least one mask.
        named: number of classes when the layout fixes them by mask value, else 0.
        ignore: raw values that stand for "not labelled".
    """
    colour = sum(m.coded_by_colour for m in masks)
    plain = sum(not m.coded_by_colour and m.palette is None for m in masks)
    by_colour = colour > plain or _palettes_differ(masks)
    draft = Coding(by_colour, frozenset(), frozenset(() if by_colour else (IGNORE, *ignore)), False)
    fitting = [m for m in masks if draft.coded_by_colour == m.coded_by_colour or m.palette is not None]
    clean = [m for m in fitting if not m.smeared]
    if not clean:
        allowed, ignored = _solid_values(fitting or list(masks), draft), draft.ignored
        return Coding(by_colour, allowed, _drop_binary(allowed, ignored), strict=False)
    present = Counter(value for m in clean for value in draft.values(m).tolist())
    if named and not by_colour:
        shifted = present[0] == 0 and present[named] > 0
        return Coding(False, frozenset(range(named)) | draft.ignored, draft.ignored, True, present, len(clean), shifted)
    regular = (
        {v for v, n in present.items() if n > max(1, OUTVOTED * len(clean))} if len(clean) >= FEWEST else set(present)
    )
    block = None if by_colour else _block(regular, set(present), draft.ignored)
    allowed = frozenset(present if block is None else block)
    ignored = _drop_binary(allowed, draft.ignored)
    return Coding(by_colour, allowed, ignored, block is not None, present, len(clean))


def _palettes_differ(masks: Sequence[MaskFacts]) -> bool:
    """Whether one index means two colours in two palette files, so that the indices mean nothing."""
    colour_of: dict[int, int] = {}
    return any(
        colour_of.setdefault(value, colour) != colour
        for mask in masks
        if mask.palette is not None
        for value, colour in zip(mask.values.tolist(), mask.colours.tolist(), strict=True)
    )


def _drop_binary(allowed: frozenset[int], ignored: frozenset[int]) -> frozenset[int]:
    """In masks of 0 and 255 alone, 255 is the object and not "not labelled"."""
    return ignored - {IGNORE} if allowed == {0, IGNORE} else ignored


def _block(regular: set[int], present: set[int], ignored: frozenset[int]) -> set[int] | None:
    """The unbroken run of ids the regular values form, rare ids at its end included; None when they form none."""
    if regular == {0, IGNORE}:
        return regular
    ids = regular - ignored
    if len(ids) < 2 or max(ids) - min(ids) + 1 != len(ids) or min(ids) > 1:
        return None
    last = max(ids)
    while last + 1 in present and last + 1 not in ignored:
        last += 1
    return set(range(0 if 0 in present else min(ids), last + 1)) | set(ignored)


def _solid_values(masks: Sequence[MaskFacts], coding: Coding) -> frozenset[int]:
    counts: Counter[int] = Counter()
    solid: Counter[int] = Counter()
    for mask in masks:
        for value, count, inside in zip(
            coding.values(mask).tolist(), mask.counts.tolist(), mask.solid.tolist(), strict=True
        ):
            counts[value] += count
            solid[value] += inside
    total = sum(counts.values())
    return frozenset(v for v, n in counts.items() if solid[v] >= SOLID * n and n >= 0.002 * total)


def check_values(masks: Sequence[MaskFacts], coding: Coding) -> list[Problem]:
    """Name every mask whose values do not belong: wrong coding, shifted by one, grey palette, unknown, rare."""
    problems: list[Problem] = []
    for mask in masks:
        if not coding.fits(mask):
            got, expected = ("colour", "index") if mask.coded_by_colour else ("index", "colour")
            text = f"expected a mask coded by {expected} like the others, got one coded by {got}"
            problems.append(problem("MASK_MIXED", mask.path, text))
        elif mask.smeared:
            problems.append(_smeared(mask, coding))
        else:
            problems += _check_labels(mask, coding)
    return problems + _rare_colours(masks, coding)


def _smeared(mask: MaskFacts, coding: Coding) -> Problem:
    rare = np.sort(coding.values(mask)[np.argsort(mask.counts, kind="stable")][:4]).tolist()
    some = ", ".join(name_value(value, coding.coded_by_colour) for value in rare)
    text = f"{len(mask.values)} values, among them {some}"
    code = "MASK_LOSSY" if mask.lossy else "MASK_ANTIALIASED"
    return problem(code, mask.path, text, fixable=snap_targets(mask, coding) is not None)


def snap_targets(mask: MaskFacts, coding: Coding) -> list[int] | None:
    """The class values a smeared mask can be snapped to, or None when that would be a guess.

    These are the values it holds whole areas of. Each must be a class of the set, and they must lie far enough apart
    that a value in between says which of them was meant.
    """
    areas = (mask.solid >= AREA) & (mask.solid >= 0.05 * mask.counts)
    targets = sorted(set(coding.values(mask)[areas].tolist()))
    near = _gap(targets, coding.coded_by_colour) < (GAP if not coding.coded_by_colour else 2 * GAP)
    return None if not targets or near or not coding.allowed.issuperset(targets) else targets


def _gap(values: list[int], coded_by_colour: bool) -> float:
    """The smallest distance between two of the values: of grey levels, or of colours in RGB."""
    points = unpack(np.array(values)) if coded_by_colour else np.array(values)[:, None]
    distances = np.linalg.norm(points[:, None].astype(float) - points[None], axis=-1)
    return float(distances[~np.eye(len(values), dtype=bool)].min(initial=np.inf))


def _check_labels(mask: MaskFacts, coding: Coding) -> list[Problem]:
    values = coding.values(mask)
    labels = set(values.tolist()) - coding.ignored
    if not labels:
        return [problem("MASK_ALL_IGNORED", mask.path, "every pixel is 'not labelled'")]
    if shifted_by_one(mask, coding):
        return [problem("MASK_OFF_BY_ONE", mask.path, f"expected {_span(coding)}, got {min(labels)} to {max(labels)}")]
    unknown = labels - coding.allowed
    if unknown and coding.strict:
        if grey_palette(labels, coding):
            return [
                problem(
                    "MASK_PALETTE_AS_GREY", mask.path, f"expected {_span(coding)}, got {_listed(unknown, mask, coding)}"
                )
            ]
        text = f"expected {_span(coding)}, got {_listed(unknown, mask, coding)}"
        return [problem("MASK_UNKNOWN_VALUE", mask.path, text)]
    if labels == {0} and len(coding.allowed - coding.ignored) > 1:
        return [problem("MASK_EMPTY", mask.path, "every labelled pixel is 0, the background")]
    return []


def shifted_by_one(mask: MaskFacts, coding: Coding) -> bool:
    """Whether a mask counts from one: all do, or it alone lacks 0 and alone holds the highest id."""
    ids = coding.allowed - coding.ignored
    labels = set(mask.values.tolist()) - coding.ignored
    if coding.coded_by_colour or not coding.strict or not labels or 0 in labels or 0 not in ids:
        return False
    if coding.shifted:
        return True
    others = coding.sound - 1
    alone = coding.holders[max(labels)] == 1 and others >= FEWEST and coding.holders[0] >= 0.9 * others
    return alone and max(labels) in (max(ids), max(ids) + 1)


def grey_palette(labels: set[int], coding: Coding) -> bool:
    """Whether all values are the grey levels of a palette mask whose ids would fit."""
    objects = labels - {0, IGNORE}
    return bool(objects) and all(VOC_GREY.get(value, IGNORE) in coding.allowed - {IGNORE} for value in objects)


def _span(coding: Coding) -> str:
    ids = sorted(coding.allowed - coding.ignored)
    text = f"{ids[0]} to {ids[-1]}" if len(ids) == ids[-1] - ids[0] + 1 else ", ".join(map(str, ids[:8]))
    return f"{text} (or {', '.join(map(str, sorted(coding.ignored)))})" if coding.ignored else text


def _listed(unknown: set[int], mask: MaskFacts, coding: Coding) -> str:
    counts = dict(zip(coding.values(mask).tolist(), mask.counts.tolist(), strict=True))
    shown = [f"{name_value(v, coding.coded_by_colour)} on {counts[v]} pixels" for v in sorted(unknown)[:4]]
    return ", ".join(shown) + (f" and {len(unknown) - 4} more values" if len(unknown) > 4 else "")


def _rare_colours(masks: Sequence[MaskFacts], coding: Coding) -> list[Problem]:
    clean = [m for m in masks if coding.fits(m) and not m.smeared]
    if not coding.coded_by_colour or len(clean) < FEWEST:
        return []
    pixels: Counter[int] = Counter()
    where: dict[int, list[MaskFacts]] = {}
    for mask in clean:
        for value, count in zip(coding.values(mask).tolist(), mask.counts.tolist(), strict=True):
            pixels[value] += count
            where.setdefault(value, []).append(mask)
    total, problems = sum(pixels.values()), []
    for value, holders in where.items():
        if pixels[value] < RARE_SHARE * total and len(holders) <= max(1, RARE_MASKS * len(clean)):
            text = f"{name_value(value, True)} covers {pixels[value]} of {total} pixels, in {len(holders)} of the masks"
            problems.append(problem("MASK_RARE_VALUE", holders[0].path, text))
    return problems
