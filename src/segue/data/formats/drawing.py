"""From annotated images to an index whose masks are drawn: what the layouts with outlines have in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from segue.data.doctor.codes import problem
from segue.data.drawn.cache import BrokenAnnotationError, Drawing, Job, draw_missing, drawn_folder, mask_path
from segue.data.formats.categories import Categories
from segue.data.formats.layout import id_of
from segue.data.formats.located import relative_name
from segue.data.grouping import groups
from segue.data.image import MAX_PIXELS, image_size
from segue.data.index import Index, Problem, Sample
from segue.errors import DataError


@dataclass(frozen=True)
class Draft:
    """An annotated image: its split, its folder within the data, and what draws its mask (None: it is not labelled)."""

    image: Path
    split: str
    folder: str
    draw: Callable[[], Drawing] | None


def drawn_index(
    root: Path,
    format: str,
    drafts: Sequence[Draft],
    categories: Categories,
    content: Iterable[bytes],
    problems: Sequence[Problem] = (),
) -> Index:
    """Draw the masks that are not kept yet, and gather everything as one data set.

    Args:
        root: the data's folder, which all images lie in.
        format: what the index is called.
        drafts: the images; the first of several with one path counts.
        categories: the classes.
        content: what the masks follow from besides `format` and `categories`; other content is drawn anew.
        problems: findings so far.
    """
    found = list(problems)
    unique = _unique(drafts, root, found)
    about = f"{format} {categories.names}".encode("utf-8", "backslashreplace")
    folder = drawn_folder((about, *content))
    jobs = [Job(name, draft.image, draft.draw) for name, draft in unique.items() if draft.draw is not None]
    found += draw_missing(folder, jobs, categories.colours, str(root))
    kept = {job.id for job in jobs if mask_path(folder, job.id).exists()}
    named_groups = groups(list(unique), [draft.folder for draft in unique.values()])
    samples = [
        Sample(name, draft.image, mask_path(folder, name) if name in kept else None, draft.split, group)
        for (name, draft), group in zip(unique.items(), named_groups, strict=True)
    ]
    found += [_unlabelled(draft.image) for draft in unique.values() if draft.draw is None and draft.split != "test"]
    samples.sort(key=lambda sample: sample.id)
    return Index(root, format, tuple(samples), tuple(found), categories.names, (), categories.colours)


def file_stamp(path: Path, root: Path) -> bytes:
    """What changes when a file is replaced: its place, bytes and time of change."""
    return image_stamp(path, root) + str(path.stat().st_mtime_ns).encode()


def image_stamp(path: Path, root: Path) -> bytes:
    """An image's place and bytes, for masks whose size follows from it; a copy of the data has the same."""
    return f"{relative_name(path, root)} {path.stat().st_size} ".encode("utf-8", "backslashreplace")


def size_of(image: Path, declared: tuple[int, int] | None) -> tuple[int, int]:
    """Height and width to draw a mask in: as declared, else those of the image.

    Raises:
        BrokenAnnotationError: the image cannot be read, or that many pixels are no picture.
    """
    try:
        height, width = declared or image_size(image)
    except DataError as error:
        raise BrokenAnnotationError("ANN_SIZE", f"expected the image's size, cannot read it: {error}") from None
    if height * width > MAX_PIXELS:
        text = f"expected at most {MAX_PIXELS:,} pixels, the annotation declares {height} x {width}"
        raise BrokenAnnotationError("ANN_SIZE", text)
    return height, width


def _unique(drafts: Sequence[Draft], root: Path, problems: list[Problem]) -> dict[str, Draft]:
    """Drafts by sample id; images that would share one are left out and named."""
    by_path: dict[Path, Draft] = {}
    for draft in drafts:
        first = by_path.setdefault(draft.image, draft)
        if first is not draft:
            text = f"it is annotated in {first.split or 'one file'} and in {draft.split or 'another'}; the first counts"
            problems.append(problem("LIST_TWICE", draft.image, text))
    names = {path: id_of(relative_name(path, root)) for path in by_path}
    taken = Counter(names.values())
    for path in (path for path, name in names.items() if taken[name] > 1):
        text = f"expected one image called {path.stem} in its folder, got {taken[names[path]]}; none of them is used"
        problems.append(problem("PAIR_AMBIGUOUS", path, text))
    return {names[path]: draft for path, draft in by_path.items() if taken[names[path]] == 1}


def _unlabelled(image: Path) -> Problem:
    return problem("MASK_MISSING", image, "expected an annotation for it, got none; the image is not trained on")
