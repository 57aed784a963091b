"""The same picture, nearly the same picture, or the same video in two splits: scores that are too good.

Nothing here is an error. Training runs fine on such data, and public benchmarks have such splits (CamVid's validation
part is cut from a drive that is also in train); but the number at the end says less than it seems to.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from segue.data.doctor.codes import problem
from segue.data.doctor.images import ImageFacts
from segue.data.doctor.near import MOST, find_near
from segue.data.index import SPLITS, Problem, Sample
from segue.data.parallel import Update, silent


@dataclass(frozen=True)
class NearPair:
    """Two samples, by id, that show the same: `part` is `whole` after what `kind` says in words."""

    whole: str
    part: str
    kind: str


def find_near_pairs(
    samples: Sequence[Sample], facts: Mapping[str, ImageFacts], update: Update = silent
) -> list[NearPair]:
    """All pairs of images that are near duplicates; exact copies are left to their digests.

    Args:
        samples: the data set.
        facts: what is known of each image, by sample id; images that could not be read are missing.
        update: told of the progress.
    """
    first: dict[bytes, Sample] = {}
    for sample in samples:
        if sample.id in facts and facts[sample.id].likeness is not None:
            first.setdefault(facts[sample.id].digest + sample.split.encode(), sample)  # a copy in each split
    distinct = list(first.values())
    likes = [like for sample in distinct if (like := facts[sample.id].likeness)]
    pairs = [NearPair(distinct[one.first].id, distinct[one.second].id, one.kind) for one in find_near(likes, update)]
    return [pair for pair in pairs if facts[pair.whole].digest != facts[pair.part].digest]


def same_pixels(samples: Sequence[Sample], facts: Mapping[str, ImageFacts]) -> list[tuple[str, str]]:
    """Pairs of samples, by id, with the same pixels: of each that is repeated, the first with every other."""
    first: dict[bytes, str] = {}
    known = [(sample.id, facts[sample.id].digest) for sample in samples if sample.id in facts]
    return [(first[digest], name) for name, digest in known if first.setdefault(digest, name) != name]


def check_leakage(
    samples: Sequence[Sample], facts: Mapping[str, ImageFacts], pairs: Sequence[NearPair]
) -> list[Problem]:
    """Report groups, equal pictures and alike pictures that span splits, and repetitions inside one part.

    Args:
        samples: the data set, with its splits.
        facts: as for `find_near_pairs`.
        pairs: what that found.
    """
    known = [sample for sample in samples if sample.id in facts]
    comparable = sum(facts[sample.id].likeness is not None for sample in known)
    return [*_groups(samples), *_equal(known, facts), *_alike(samples, pairs), *_unseen(known, comparable)]


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


def _alike(samples: Sequence[Sample], pairs: Sequence[NearPair]) -> list[Problem]:
    """One finding for each image with near copies in another split, and for each with near copies in its own."""
    by_id = {sample.id: sample for sample in samples}
    places = {sample.id: place for place, sample in enumerate(samples)}
    found: dict[tuple[str, str], list[tuple[Sample, NearPair]]] = defaultdict(list)
    for pair in pairs:
        both = by_id[pair.whole], by_id[pair.part]
        across = both[0].split != both[1].split
        # what is held out is named, and inside a part the later one
        kept, other = sorted(both, key=lambda s: (-_held_out_first(s) if across else 0, places[s.id]))
        found["LEAK_NEAR" if across else "DUPLICATE_NEAR", other.id].append((kept, pair))
    return [problem(code, by_id[name].image, _near_text(by_id[name], near)) for (code, name), near in found.items()]


def _near_text(sample: Sample, near: Sequence[tuple[Sample, NearPair]]) -> str:
    kept, pair = near[0]
    more = f", and {len(near) - 1} more like it" if len(near) > 1 else ""
    where = f" in {kept.split}" if kept.split != sample.split else ""
    if pair.part == sample.id:
        return f"{kept.id}{where}, {pair.kind}{more}"
    return f"{kept.id}{where} is this one, {pair.kind}{more}"


def _unseen(samples: Sequence[Sample], comparable: int) -> list[Problem]:
    if comparable <= MOST:
        return []
    folder = samples[0].image.parent
    return [problem("SET_PARTS_UNSEEN", folder, f"{comparable} images; parts are looked for among {MOST} at most")]
