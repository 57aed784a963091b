"""The same picture, nearly the same picture, or the same video in two splits: scores that are too good.

Nothing here is an error. Training runs fine on such data, and public benchmarks have such splits (CamVid's validation
part is cut from a drive that is also in train); but the number at the end says less than it seems to.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise

from segue.data.doctor.codes import problem
from segue.data.doctor.images import ImageFacts
from segue.data.doctor.likeness import Finder
from segue.data.index import SPLITS, Problem, Sample


def check_leakage(samples: Sequence[Sample], facts: Mapping[str, ImageFacts]) -> list[Problem]:
    """Report groups, equal pictures and alike pictures that span splits, and repetitions inside one part.

    Args:
        samples: the data set.
        facts: what is known of each image, by sample id; images that could not be read are missing.
    """
    known = [sample for sample in samples if sample.id in facts]
    return [*_groups(samples), *_equal(known, facts), *_alike_across(known, facts), *_alike_within(known, facts)]


def _groups(samples: Sequence[Sample]) -> list[Problem]:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for sample in samples:
        counts[sample.group][sample.split] += 1
    if sum(per_split.total() > 1 for per_split in counts.values()) < 2:
        return []  # one name for all is a habit of naming, not a video
    problems = []
    for group, per_split in counts.items():
        parts = [split for split in SPLITS if per_split[split] > 1]  # one picture is no sequence
        if group and len(parts) > 1:
            held_out = next(s for s in samples if s.group == group and s.split == parts[-1])
            text = f"group {group!r}: " + ", ".join(f"{per_split[split]} in {split}" for split in parts)
            problems.append(problem("GROUP_ACROSS_SPLITS", held_out.image, text))
    return problems


def _equal(samples: Sequence[Sample], facts: Mapping[str, ImageFacts]) -> list[Problem]:
    same: dict[bytes, list[Sample]] = defaultdict(list)
    for sample in samples:
        same[facts[sample.id].digest].append(sample)
    problems = []
    for copies in same.values():
        ordered = sorted(copies, key=_held_out_first)
        for kept, other in pairwise(ordered):
            text = f"the same pixels as {kept.id}" + (f" in {kept.split}" if kept.split else "")
            leaks = kept.split != other.split
            problems.append(problem("LEAK_EXACT" if leaks else "DUPLICATE_EXACT", other.image, text))
    return problems


def _held_out_first(sample: Sample) -> int:
    return -SPLITS.index(sample.split) if sample.split in SPLITS else 1


def _alike_across(samples: Sequence[Sample], facts: Mapping[str, ImageFacts]) -> list[Problem]:
    """One finding for each held-out image that has a near copy in train."""
    train = [s for s in samples if s.split == "train" and facts[s.id].likeness]
    finder = Finder([like for s in train if (like := facts[s.id].likeness)])
    problems = []
    for sample in samples:
        like = facts[sample.id].likeness
        if like is None or sample.split not in SPLITS[1:]:
            continue
        near = [train[i] for i in finder.like(like) if facts[train[i].id].digest != facts[sample.id].digest]
        if near:
            problems.append(problem("LEAK_NEAR", sample.image, f"{sample.split} image is nearly {near[0].id} in train"))
    return problems


def _alike_within(samples: Sequence[Sample], facts: Mapping[str, ImageFacts]) -> list[Problem]:
    """One finding for each image that has a near copy in front of it in the same part."""
    problems = []
    for split in sorted({sample.split for sample in samples}):
        part = [s for s in samples if s.split == split and facts[s.id].likeness]
        likes = [like for s in part if (like := facts[s.id].likeness)]
        finder = Finder(likes)
        for place, (sample, like) in enumerate(zip(part, likes, strict=True)):
            near = [
                part[i] for i in finder.like(like, before=place) if facts[part[i].id].digest != facts[sample.id].digest
            ]
            if near:
                problems.append(problem("DUPLICATE_NEAR", sample.image, f"nearly the same as {near[0].id}"))
    return problems
