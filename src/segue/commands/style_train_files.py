"""Which photos and styles `segue style train` learns from; those of a run that goes on must be there as they were."""

from __future__ import annotations

import dataclasses
import itertools
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from segue.commands.style_train_text import data_of
from segue.data.image import image_size
from segue.data.keyed import epoch_order
from segue.data.walk import pictures
from segue.errors import DataError, SegueError, UsageError
from segue.style.bank.catalogue import in_bank
from segue.style.model_folder import load_style_info
from segue.style.picture import read_picture
from segue.style.record import UsedStyle
from segue.style.style_source import style_sha256, used_style
from segue.style_configs import StyleTrainConfig
from segue.train.style_methods.pieces import StyleData

log = logging.getLogger("segue")
HELD_OUT = 3  # photos for samples
FEW = 12  # photos below which none is held out


@dataclass(frozen=True)
class _Style:
    """A style as it is named: its path, its licence, and whether it was named itself, not found in a folder."""

    path: Path
    licence: str
    named: bool


def files_of(config: StyleTrainConfig) -> StyleData:
    """The files of a new run; all are looked at, so that a wrong one costs no run folder.

    A style that cannot be read is passed over and the log says how many were, unless it was named to be learned.

    Raises:
        DataError: a folder is empty, or no photo, no style or not a style that was named can be read.
        UsageError: licences are not as many as the styles, or two styles that are learned have one name.
        RunError: the run that styles are added to is none.
    """
    data = _looked_at(config)
    return dataclasses.replace(data, bytes=tuple(map(_bytes_of, (*data.photos, *data.held_out))))


def _looked_at(config: StyleTrainConfig) -> StyleData:
    assert config.photos is not None, "a run without photos was refused"
    photos = [path for folder in (config.photos, *config.more_photos) for path in _pictures_in(folder)]
    if config.text:
        return data_of(config, *reversed(_dealt(photos, config.seed)))
    chosen = _readable_styles(config, _named_styles(config))
    styles = tuple(used_style(one.path, one.licence, style_sha256(one.path)) for one in chosen)
    paths = tuple(one.path for one in chosen)
    if config.add_to is not None and config.add_to.is_file():
        raise UsageError(f"add_to: expected a run of segue style train, got the file {config.add_to}")
    info = load_style_info(config.add_to) if config.add_to is not None else None
    known = info.styles if info is not None else ()
    if config.method == "cin":  # the others are not asked for a style by its name
        _require_different((*known, *styles))
    held_out, rest = _dealt(photos, config.seed)
    if info is None:
        return StyleData(rest, held_out, styles, paths)
    return StyleData(rest, held_out, styles, paths, known, info.numbers, info.sha256)


def require_same(data: StyleData) -> None:
    """Refuse to go on where a file has gone, or a style or the length of a photo has changed; raises `DataError`.

    Photos may be very many, so they are not read for it: one that was exchanged for another of as many bytes goes by.
    """
    files = {path for path in (*data.photos, *data.held_out, *data.paths) if not in_bank(path)}
    gone = sorted(path for path in files if not path.is_file())
    if gone:
        raise DataError(f"{gone[0]}: expected the pictures this run began with, got {len(gone)} missing: put them back")
    for style, path in zip(data.styles, data.paths, strict=True):
        if style_sha256(path) != style.sha256:
            what = "a changed file: put it back" if in_bank(path) is None else "another: use the Segue it began with"
            raise DataError(f"{path}: expected the style this run began with, got {what}")
    for path, length in zip((*data.photos, *data.held_out), data.bytes, strict=False):  # older runs have none
        if (now := _bytes_of(path)) != length:
            raise DataError(
                f"{path}: expected the photo this run began with, of {length:,} bytes, got {now:,}: put it back"
            )


def _bytes_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise DataError(f"{path}: expected a picture that stays, got {error.strerror}") from None


# --- styles ----------------------------------------------------------------------------------------------------------


def _named_styles(config: StyleTrainConfig) -> list[_Style]:
    found = [
        (path, not folder)
        for one in config.styles
        for folder in [in_bank(one) is None and one.is_dir()]
        for path in (_pictures_in(one) if folder else [one])
    ]
    if config.licences and len(config.licences) != len(found):
        raise UsageError(f"licences: expected one for each of {len(found)} styles, got {len(config.licences)}")
    licences = config.licences or ("",) * len(found)
    return [_Style(path, licence, named) for (path, named), licence in zip(found, licences, strict=True)]


def _readable_styles(config: StyleTrainConfig, styles: Sequence[_Style]) -> list[_Style]:
    """Those that can be read; of the many for any style only the heads are looked at, since `Crops` finds the rest."""
    look = read_picture if config.method == "cin" else image_size
    kept = []
    for one in styles:
        if in_bank(one.path) is None:
            try:
                look(one.path)
            except DataError as error:
                if config.method == "cin" and one.named:
                    raise
                log.warning("%s; it is passed over", error)
                continue
        kept.append(one)
    if not kept:
        raise DataError(f"expected styles that can be read, got {len(styles)} that cannot, {styles[0].path} first")
    if len(kept) < len(styles):
        log.warning("%d of %d styles cannot be read and are passed over", len(styles) - len(kept), len(styles))
    return kept


def _require_different(styles: Sequence[UsedStyle]) -> None:
    counts = Counter(style.name for style in styles)
    twice = next((name for name, count in counts.items() if count > 1), None)
    if twice is not None:
        raise UsageError(f"expected styles of different names, got {twice} twice: a style is called as its file is")


# --- photos ----------------------------------------------------------------------------------------------------------


def _pictures_in(folder: Path) -> list[Path]:
    found = pictures(folder)
    for problem in found.problems:
        log.warning("%s: %s", problem.path, problem.message)
    if not found.files:
        raise DataError(f"{folder}: expected a folder with pictures, got none in it")
    return [folder / name for name in found.files]


def _dealt(photos: Sequence[Path], seed: int) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """Photos for samples, which nothing is learned on, and the others; of a few photos none is held out."""
    drawn = (photos[place] for place in epoch_order(seed, 0, len(photos)))
    samples = tuple(itertools.islice((path for path in drawn if _readable(path)), HELD_OUT))
    if not samples:
        raise DataError(f"expected photos that can be read, got {len(photos)} that cannot")
    if len(photos) < FEW:
        log.info("of %d photos none is held out: samples.jpg shows some it is trained on", len(photos))
        return samples, tuple(photos)
    return samples, tuple(path for path in photos if path not in samples)


def _readable(path: Path) -> bool:
    try:
        read_picture(path)
    except SegueError as error:
        log.warning("%s; it is not shown", error)
        return False
    return True
