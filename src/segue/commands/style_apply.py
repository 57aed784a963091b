"""`segue style apply`: pictures of any size painted with a trained network, one pass for each."""

from __future__ import annotations

import dataclasses
import functools
import logging
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from segue.commands.style_asked import asked, model_of, settled
from segue.commands.style_painting import painter_of, placed, record_options, within_memory
from segue.commands.style_paths import check_name, require_writable
from segue.commands.styled_classes import Found, finder
from segue.console import duration, progress_bar
from segue.data.image import image_size
from segue.durable import make_folder, sha256_of
from segue.errors import DataError, InterruptedRunError, MissingPackageError, UsageError
from segue.infer.ahead import ahead
from segue.infer.device import exact_arithmetic, pick_device
from segue.infer.inputs import Input, find_images
from segue.style.by_class import filled, split, styles_named
from segue.style.content_credentials import Signer, read_signer
from segue.style.model_folder import StyleInfo, load_style_info, load_style_model
from segue.style.network import Prepared, StyleNetwork, Wanted, shares_of
from segue.style.painter import Painter, Watch
from segue.style.picture import FORMATS, Pixels, as_picture, eight_bits, read_pixels, resized, size_within
from segue.style.record import StyleRecord, UsedStyle, write_marked
from segue.style.regions import nearest
from segue.style.seam import joined_pixels, shown
from segue.style.tiling import Regions
from segue.style.video.reading import ENDINGS as VIDEOS
from segue.style_configs import StyleApplyConfig
from segue.train.machine import pick_precision

log = logging.getLogger("segue")


@dataclass(frozen=True)
class Painted:
    """One picture: where it lies, where its painting does, height and width, and whether it was painted in tiles."""

    source: Path
    out: Path
    size: tuple[int, int]
    tiled: bool
    watermark: bool
    seconds: float


@dataclass(frozen=True)
class StyleApplyResult:
    """What was painted, and one line for each picture that was not. A dry run painted nothing.

    `shares` of the styles are empty where classes have styles of their own.
    """

    painted: tuple[Painted, ...]
    failed: tuple[str, ...]
    planned: tuple[Path, ...]
    styles: tuple[UsedStyle, ...]
    shares: tuple[float, ...]
    settings: dict[str, Any]
    seconds: float

    @property
    def exit_code(self) -> int:
        """1 when a picture could not be painted."""
        return 1 if self.failed else 0

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {
            "pictures": [
                {
                    "source": str(one.source),
                    "out": str(one.out),
                    "height": one.size[0],
                    "width": one.size[1],
                    "tiled": one.tiled,
                    "watermark": one.watermark,
                    "seconds": round(one.seconds, 3),
                }
                for one in self.painted
            ],
            "failed": list(self.failed),
            "planned": [str(path) for path in self.planned],
            "styles": {
                style.name: None if share is None else round(share, 6)
                for style, share in zip(self.styles, self.shares or [None] * len(self.styles), strict=True)
            },
            **self.settings,
            "seconds": round(self.seconds, 3),
        }

    def lines(self) -> list[str]:
        """The result for people."""
        names = ", ".join(
            style.name if share is None else f"{style.name} {share:.0%}"
            for style, share in zip(self.styles, self.shares or [None] * len(self.styles), strict=True)
        )
        if self.planned:
            planned = [*(str(path) for path in self.planned), f"in {names}", "dry run: nothing written"]
            return [*planned, *(f"cannot be painted: {line}" for line in self.failed)]
        what = str(self.painted[0].out) if len(self.painted) == 1 else f"{len(self.painted)} pictures"
        lines = [f"{what} painted in {names} in {duration(self.seconds)}"] if self.painted else []
        return [*lines, *(f"not painted: {line}" for line in self.failed)]


def run(config: StyleApplyConfig) -> StyleApplyResult:
    """Paint pictures; see `StyleApplyConfig` for the options. A picture that cannot be read costs that picture alone.

    Raises `UsageError`, `RunError` or `WeightsError` before the first of them.
    """
    began = time.perf_counter()
    inputs, missing = _inputs(config)
    whole = _in_styles(config)
    model = model_of(whole)
    info = load_style_info(model)
    styles, wanted = asked(whole, info)
    shares = () if config.by_class else tuple(shares_of(wanted))
    outs = _outs(config, inputs)
    _check_outs(outs, [Path(style) for style in whole.style], config.masks)
    signer = read_signer(config.c2pa, config.c2pa_key) if config.c2pa and config.c2pa_key else None
    device = pick_device(config.device)
    precision = pick_precision(config.precision, device.type)
    network, info = load_style_model(model)
    pairs = split(config.by_class)
    find = finder(pairs, config.segmenter, config.masks, config.device) if pairs else None
    if config.dry_run:
        wrong = _unreadable(inputs, find if config.masks else None)
        return StyleApplyResult((), (*missing, *wrong), tuple(outs), styles, shares, {}, time.perf_counter() - began)
    settings = placed(network, device, precision, config.threads)
    work = _Work(config, network, wanted, info, styles, shares, settings, find, signer)
    painted, failed = work.paint_all(inputs, outs)
    seconds = time.perf_counter() - began
    return StyleApplyResult(painted, (*missing, *failed), (), styles, shares, settings, seconds)


# --- what is asked for -----------------------------------------------------------------------------------------------


def _in_styles(config: StyleApplyConfig) -> StyleApplyConfig:
    """With the styles that the classes get, or that the words find; raises `UsageError` as `settled` does."""
    if not config.by_class:
        return settled(config)
    styles = styles_named(split(config.by_class))
    if config.licences and len(config.licences) != len(styles):
        raise UsageError(f"licences: expected one for each of {len(styles)} styles, got {len(config.licences)}")
    return dataclasses.replace(config, by_class=(), segmenter=None, masks=None, style=tuple(map(str, styles)))


def _inputs(config: StyleApplyConfig) -> tuple[list[Input], tuple[str, ...]]:
    for path in config.pictures:
        if path.suffix.lower() in VIDEOS and path.is_file():
            raise UsageError(f"pictures: expected pictures, got the video {path}: segue style video {path} paints it")
    inputs, missing = find_images(config.pictures, config.out)
    if not inputs:
        raise DataError("; ".join(missing))
    return inputs, tuple(missing)


def _outs(config: StyleApplyConfig, inputs: Sequence[Input]) -> list[Path]:
    """Where each painting goes: a JPEG stays one, everything else becomes a PNG."""
    check_name("out", config.out)
    if config.out.suffix.lower() in FORMATS:
        if len(inputs) != 1:
            raise UsageError(f"out: expected a folder for {len(inputs)} pictures, got the file {config.out}")
        if config.out.resolve() == inputs[0].path.resolve():
            raise UsageError(f"out: expected another file than the picture that is read, got {config.out}")
        if not config.out.parent.is_dir():
            raise UsageError(f"out: expected a folder that exists, got {config.out.parent}: make it first")
        require_writable("out", config.out.parent)
        return [config.out]
    if config.out.is_file():
        raise UsageError(f"out: expected a folder, or a picture ending in .png or .jpg, got the file {config.out}")
    require_writable("out", config.out)
    endings = (".jpg" if one.path.suffix.lower() in (".jpg", ".jpeg") else ".png" for one in inputs)
    return [config.out / f"{one.name}{ending}" for one, ending in zip(inputs, endings, strict=True)]


def _check_outs(outs: Sequence[Path], styles: Sequence[Path], masks: Path | None) -> None:
    read = {path.resolve() for path in (*styles, *([masks] if masks else []))}
    for out in outs:
        whole = out.resolve()
        if whole in read or (masks and masks.is_dir() and masks.resolve() in whole.parents):
            raise UsageError(f"out: expected another place than the styles and masks that are read, got {out}")


def _unreadable(inputs: Sequence[Input], find: Callable[[Path, str], Found] | None) -> tuple[str, ...]:
    """One line for each picture of a dry run whose header, or the mask that `find` looks for, cannot be read."""
    wrong = []
    for one in inputs:
        try:
            image_size(one.path)
            if find is not None:
                find(one.path, one.name)
        except (DataError, UsageError, MissingPackageError) as error:
            wrong.append(str(error))
    return tuple(wrong)


def _how_far(painted: Sequence[Painted], count: int) -> str:
    """What an interrupted command leaves behind."""
    if not painted:
        return "interrupted; no picture was written"
    return f"interrupted; written are {len(painted)} of {count} pictures, the last {painted[-1].out}"


def _moved(update: Callable[[float, str], None], number: int, count: int, name: str, share: float) -> None:
    """Move the bar: a share of a picture, of which so many are done."""
    update((number + share) / count, name)


# --- painting --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Look:
    """How one picture is painted: in which styles, and by class in which `regions`; None where it is one.

    `kept` are the pixels, at the size of the file, that stay as they are.
    """

    style: Prepared
    styles: tuple[UsedStyle, ...]
    regions: Regions | None = None
    kept: torch.Tensor | None = None


@dataclass(frozen=True, eq=False)
class _Work:
    """What all pictures have in common."""

    config: StyleApplyConfig
    network: StyleNetwork
    wanted: Sequence[Wanted]
    info: StyleInfo
    styles: tuple[UsedStyle, ...]
    shares: tuple[float, ...]
    settings: dict[str, Any]
    find: Callable[[Path, str], Found] | None = None
    signer: Signer | None = None

    @functools.cached_property
    def painter(self) -> Painter:
        """The network with the options of all pictures."""
        return painter_of(self.network, self.config)

    @functools.cached_property
    def style(self) -> Prepared:
        """All styles as one mix."""
        return self.network.prepared(self.wanted)

    @functools.cache  # noqa: B019 - the work lives as long as the command
    def style_of(self, places: tuple[int, ...]) -> Prepared:
        """Some of the styles, a region for each."""
        return self.network.prepared(*([self.wanted[place]] for place in places))

    def paint_all(self, inputs: Sequence[Input], outs: Sequence[Path]) -> tuple[tuple[Painted, ...], tuple[str, ...]]:
        """What was painted, and what was not and why; the next picture is read while this one is painted."""
        painted: list[Painted] = []
        failed: list[str] = []
        try:
            with exact_arithmetic(), progress_bar("painting") as update:
                for number, (one, read) in enumerate(ahead(self._read, inputs, threads=1)):
                    watch = functools.partial(_moved, update, number, len(inputs), one.name)
                    try:
                        painted.append(self._paint(one, *read.result(), outs[number], watch))
                    except (DataError, UsageError, MissingPackageError) as error:  # of this picture, not of the others
                        failed.append(str(error))
                        log.warning("%s", error)
                    watch(1.0)
        except KeyboardInterrupt:
            raise InterruptedRunError(_how_far(painted, len(inputs)), signal.SIGINT) from None
        return tuple(painted), tuple(failed)

    def _read(self, one: Input) -> tuple[Pixels, str]:
        pixels = read_pixels(one.path)
        if self.config.size is not None:
            size = size_within(pixels.shape[0], pixels.shape[1], self.config.size)
            pixels = eight_bits(resized(as_picture(pixels), size))
        try:
            return pixels, sha256_of(one.path)
        except OSError as error:
            raise DataError(f"{one.path}: expected a picture that stays, got {error.strerror}") from None

    def _paint(self, one: Input, pixels: Pixels, sha256: str, out: Path, watch: Watch) -> Painted:
        began = time.perf_counter()
        tiled = self.painter.in_tiles(pixels)
        look = self._look(one, pixels)
        with within_memory(one.path):
            result = self.painter.paint(pixels, look.style, regions=look.regions, watch=watch)
        if look.kept is not None:
            result = joined_pixels(pixels, result, shown(look.kept, pixels.shape[:2], self.config.feather))
        make_folder(out.parent)
        record = self._record(sha256, tiled, look)
        marked = write_marked(result, out, record, self.config.watermark, self.signer)
        size = (result.shape[0], result.shape[1])
        return Painted(one.path, out, size, tiled, marked, time.perf_counter() - began)

    def _look(self, one: Input, pixels: Pixels) -> _Look:
        """Which styles the picture gets, and where."""
        if self.find is None:
            return _Look(self.style, self.styles)
        assignment, regions = self.find(one.path, one.name)
        named = styles_named(split(self.config.by_class))
        places = tuple(named.index(style) for style in assignment.styles)
        styles = tuple(self.styles[place] for place in places)
        kept = torch.from_numpy(regions < 0)
        numbers = Regions(nearest(filled(regions), pixels.shape[:2]), len(places))
        return _Look(self.style_of(places), styles, numbers, kept if bool(kept.any()) else None)

    def _record(self, content_sha256: str, tiled: bool, look: _Look) -> StyleRecord:
        options = {**record_options(self.config, self.info, self.shares, self.settings), "tiled": tiled}
        if self.config.size is not None:
            options["size"] = self.config.size
        if self.config.by_class:
            pairs = split(self.config.by_class)
            options["by_class"] = [f"{name}={Path(style).name}" for name, style in pairs.items()]
            options["segmenter"] = self.config.segmenter.resolve().name if self.config.segmenter else ""
        return StyleRecord("style apply", look.styles, content_sha256, self.info.sha256, options)
