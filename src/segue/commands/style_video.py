"""`segue style video`: a clip painted frame by frame with one set of statistics, and how steady it came out."""

from __future__ import annotations

import functools
import json
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from segue.commands.style_asked import asked, model_of, settled
from segue.commands.style_painting import painter_of, placed, record_options, within_memory
from segue.commands.style_video_out import check_leftovers, counted_names, out_of
from segue.console import duration, progress_bar
from segue.durable import sha256_of, write_text
from segue.errors import DataError, InterruptedRunError, MissingPackageError, UsageError
from segue.extras import require
from segue.infer.device import exact_arithmetic, pick_device
from segue.style.model_folder import StyleInfo, load_style_info, load_style_model
from segue.style.network import Prepared, Statistics, Wanted, shares_of
from segue.style.painter import Painter
from segue.style.picture import Pixels, as_picture, eight_bits, resized, size_within
from segue.style.record import StyleRecord, UsedStyle
from segue.style.record_text import seal
from segue.style.tiling import small_copy
from segue.style.video.flow import SMALLEST
from segue.style.video.frame import Clip, Frame
from segue.style.video.numbered import FrameFolder, NumberedFrames
from segue.style.video.reading import VideoFile
from segue.style.video.shared import pooled
from segue.style.video.steadiness import FAR, Steadiness, SteadinessMeter, places
from segue.style.video.survey import Survey, survey
from segue.style.video.writing import VideoWriter, beside
from segue.style_configs import VIDEO_ENDINGS, StyleVideoConfig
from segue.train.machine import pick_precision
from segue.train.signals import StopRequest, stop_request

log = logging.getLogger("segue")
RATE = 25  # frames in a second of numbered frames, when nothing says
SEEN = 1024  # pixels of the long side at which stability is measured


@dataclass(frozen=True)
class StyleVideoResult:
    """What was painted: where it is, how many frames of which size, in how many scenes. A dry run painted nothing.

    `steadiness` is None where it was not measured, and `not_measured` says why.
    """

    out: Path
    frames: int
    size: tuple[int, int]
    scenes: tuple[int, ...]
    styles: tuple[UsedStyle, ...]
    shares: tuple[float, ...]
    steadiness: Steadiness | None
    not_measured: str
    settings: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    planned: bool = False
    exit_code = 0

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {
            "out": str(self.out),
            "frames": self.frames,
            "height": self.size[0],
            "width": self.size[1],
            "scenes": list(self.scenes),
            "styles": {style.name: round(share, 6) for style, share in zip(self.styles, self.shares, strict=True)},
            "stability": None if self.steadiness is None else self.steadiness.to_json(),
            "not_measured": self.not_measured or None,
            "planned": self.planned,
            **self.settings,
            "seconds": round(self.seconds, 3),
        }

    def lines(self) -> list[str]:
        """The result for people."""
        names = ", ".join(f"{style.name} {share:.0%}" for style, share in zip(self.styles, self.shares, strict=True))
        size = f"{self.size[0]} x {self.size[1]} pixels"
        if self.planned:
            known = f"{self.frames} frames" if self.frames else "frames, the file does not say how many,"
            return [f"{self.out}: {known} of {size} in {names}", "dry run: nothing written"]
        scenes = "one scene" if len(self.scenes) == 1 else f"{len(self.scenes)} scenes"
        took = f"{duration(self.seconds)}, {self.seconds / self.frames:.2f} s a frame"
        told = f"{self.out}: {self.frames} frames of {size}, {scenes}, painted in {names} in {took}"
        if self.steadiness is None:
            return [told, f"stability: not measured: {self.not_measured}"]
        return [told, *_about(self.steadiness)]


def run(config: StyleVideoConfig) -> StyleVideoResult:
    """Paint a clip; see `StyleVideoConfig` for the options.

    Raises:
        UsageError, RunError, WeightsError, DataError, MissingPackageError: before the first frame is painted.
        RunError: a frame cannot be written.
        InterruptedRunError: a signal; what is painted by then is kept, and the message says how much that is.
    """
    began = time.perf_counter()
    clip = _clip(config)
    out = out_of(config, clip)
    whole = settled(config)
    model = model_of(whole)
    styles, wanted = asked(whole, load_style_info(model))
    shares = tuple(shares_of(wanted))
    device = pick_device(config.device)
    precision = pick_precision(config.precision, device.type)
    network, info = load_style_model(model)
    if config.dry_run:
        frame = next(clip.frames(), None)
        if frame is None:
            raise DataError(f"{clip.path}: expected frames, got none")
        size = _prepared(config, out, frame).shape
        return StyleVideoResult(out, clip.count, (size[0], size[1]), (), styles, shares, None, "", planned=True)
    settings = placed(network, device, precision, config.threads)
    painter = painter_of(network, config)
    work = _Work(config, clip, out, painter, wanted, info, styles, shares, settings, *_measurable(config))
    with exact_arithmetic(), stop_request() as stop:
        return work.paint_all(began, stop)


# --- what is asked for -----------------------------------------------------------------------------------------------


def _clip(config: StyleVideoConfig) -> Clip:
    if config.clip is None:
        raise UsageError("expected a video or a folder of numbered frames, got none: segue style video CLIP")
    if config.clip.is_dir():
        return NumberedFrames.of(config.clip)
    if config.rate is not None:
        raise UsageError("rate: expected none beside a video, which has its own, got one: leave it out")
    return VideoFile.of(config.clip)


def _measurable(config: StyleVideoConfig) -> tuple[int, str]:
    """At how many places stability is measured, and why at none."""
    if config.stability == 0:
        return 0, "--stability 0"
    try:
        require("cv2", "video")
    except MissingPackageError as error:
        log.warning("stability is not measured: %s", error)
        return 0, str(error)
    return config.stability, ""


def _prepared(config: StyleVideoConfig, out: Path, frame: Frame) -> Pixels:
    """The frame as it is painted, in 8 bits; resized where that is asked for, to even sides for a video."""
    pixels = frame.pixels
    if config.size is not None:
        height, width = size_within(pixels.shape[0], pixels.shape[1], config.size)
        if out.suffix.lower() in VIDEO_ENDINGS:
            height, width = max(2, height // 2 * 2), max(2, width // 2 * 2)
        return eight_bits(resized(as_picture(pixels), (height, width)))
    return pixels if pixels.dtype == np.uint8 else eight_bits(as_picture(pixels))


# --- painting --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Work:
    """A clip and what all its frames are painted with."""

    config: StyleVideoConfig
    clip: Clip
    out: Path
    painter: Painter
    wanted: Sequence[Wanted]
    info: StyleInfo
    styles: tuple[UsedStyle, ...]
    shares: tuple[float, ...]
    settings: dict[str, Any]
    stability: int
    not_measured: str

    @functools.cached_property
    def style(self) -> Prepared:
        """All styles as one mix."""
        return self.painter.network.prepared(self.wanted)

    def paint_all(self, began: float, stop: StopRequest) -> StyleVideoResult:
        """Look at the clip, paint it, and say what came out."""
        found = self._survey(stop)
        if found is None:
            raise _interrupted("before the first frame was painted", stop)
        if isinstance(self.clip, VideoFile) and self.clip.lacks_frames(found.count):
            told = f"{found.count} frames could be read of about {self.clip.expected} that its header promises"
            log.warning("%s: %s: it may be cut off", self.clip.path, told)
        if len(found.scenes) > 1 and self.config.statistics == "clip":
            log.info("hard cuts found: %d; --statistics scene gives each scene a set of its own", len(found.scenes) - 1)
        folder = self.out.suffix.lower() not in VIDEO_ENDINGS
        if folder and isinstance(self.clip, VideoFile):
            check_leftovers(self.out, counted_names(found.count))
        record = self._record(found)
        stability, not_measured = self._measurable(found)
        meter = self._meter(found, stability)
        sink = self._sink(found, record)
        try:
            self._paint(found, sink, meter, stop)
            if sink.written == 0:
                raise self._ended("before the first frame was painted", stop, found)
            complete = sink.written == found.count
            out = sink.close(complete)
        except BaseException:
            if isinstance(sink, VideoWriter):
                sink.discard()
            raise
        steadiness = meter.result()
        why = not_measured or meter.failed or ("" if steadiness else "no two frames to compare")
        seconds = time.perf_counter() - began
        result = StyleVideoResult(
            out,
            sink.written,
            found.size,
            found.scenes,
            self.styles,
            self.shares,
            steadiness,
            why,
            self.settings,
            seconds,
        )
        if isinstance(sink, VideoWriter):
            _write_beside(result, record, sink.marked, found.count)
        if not complete:
            raise self._ended(f"; {sink.written} of {found.count} frames are in {out}", stop, found)
        return result

    def _ended(self, told: str, stop: StopRequest, found: Survey) -> InterruptedRunError | DataError:
        """Why there are fewer frames than were counted: a signal, or a clip that is not what it was."""
        if stop:
            return _interrupted(told, stop)
        told = told.removeprefix("; ")
        return DataError(f"{self.clip.path}: expected the {found.count} frames it had at first, it changed: {told}")

    def _survey(self, stop: StopRequest) -> Survey | None:
        with progress_bar("looking") as update:

            def watch(number: int) -> bool:
                update(min(1.0, number / self.clip.count) if self.clip.count else 0.0, f"frame {number}")
                return not stop

            return survey(
                self.clip,
                self.config.statistics,
                self.config.samples,
                self._measure,
                prepare=functools.partial(_prepared, self.config, self.out),
                shrink=self._shrunk,
                watch=watch,
            )

    def _measure(self, frames: Sequence[Pixels]) -> Statistics:
        with within_memory(self.clip.path):
            found = [self.painter.statistics(pixels, self.style) for pixels in frames]
        return pooled(found, self.painter.network.deviations)

    def _shrunk(self, pixels: Pixels) -> Pixels:
        return eight_bits(small_copy(pixels, self.painter.tile)) if self.painter.in_tiles(pixels) else pixels

    def _paint(self, found: Survey, sink: VideoWriter | FrameFolder, meter: SteadinessMeter, stop: StopRequest) -> None:
        began = time.perf_counter()
        with progress_bar("painting") as update:
            for number, frame in enumerate(self.clip.frames()):
                if stop or number == found.count:
                    return
                pixels = _prepared(self.config, self.out, frame)
                shared = found.statistics_of(number)
                painted = self._painted(pixels, shared)
                if number in meter.wanted:
                    pictures = {self.config.statistics: _seen(painted)}
                    if shared is not None:
                        alone = self._painted(pixels, None)
                        pictures["frame"] = _seen(alone)
                    meter.show(number, _seen(pixels), pictures)
                sink.add(painted, frame)
                left = (time.perf_counter() - began) / (number + 1) * (found.count - number - 1)
                update((number + 1) / found.count, f"{number + 1} of {found.count}, {duration(left)} left")

    def _painted(self, pixels: Pixels, statistics: Statistics | None) -> Pixels:
        with within_memory(self.clip.path):
            return self.painter.paint(pixels, self.style, statistics=statistics)

    def _measurable(self, found: Survey) -> tuple[int, str]:
        """At how many places stability is measured, and why at none, now that the size of the frames is known."""
        seen = size_within(*found.size, SEEN) if max(found.size) > SEEN else found.size
        if self.stability and min(seen) < SMALLEST:
            why = f"a side of {min(seen)} pixels is below the {SMALLEST} that optical flow takes"
            log.warning("stability is not measured: %s", why)
            return 0, why
        return self.stability, self.not_measured

    def _meter(self, found: Survey, stability: int) -> SteadinessMeter:
        starts = places(found.count, found.scenes, stability)
        ends = [*found.scenes[1:], found.count]
        return SteadinessMeter(starts, [ends[found.scene_of(start)] for start in starts])

    def _sink(self, found: Survey, record: StyleRecord) -> VideoWriter | FrameFolder:
        if self.out.suffix.lower() not in VIDEO_ENDINGS:
            return FrameFolder(self.out, record, self.config.watermark)
        given = Fraction(self.config.rate).limit_denominator(1001) if self.config.rate is not None else Fraction(RATE)
        return VideoWriter(
            self.out,
            found.size,
            rate=self.clip.rate or given,
            record=record,
            watermark=self.config.watermark,
            quality=self.config.quality,
            sound=self.clip.path if isinstance(self.clip, VideoFile) and self.clip.sound else None,
        )

    def _record(self, found: Survey) -> StyleRecord:
        options = {
            **record_options(self.config, self.info, self.shares, self.settings),
            "statistics": self.config.statistics,
            "samples": self.config.samples,
            "scenes": len(found.scenes),
            "height": found.size[0],
            "width": found.size[1],
        }
        content = sha256_of(self.clip.path) if isinstance(self.clip, VideoFile) else ""
        return StyleRecord("style video", self.styles, content, self.info.sha256, options)


def _interrupted(told: str, stop: StopRequest) -> InterruptedRunError:
    number = stop.signal_number
    assert number is not None, "nothing else ends a painting early"
    return InterruptedRunError(f"interrupted{'' if told.startswith(';') else ' '}{told}", number)


def _seen(pixels: Pixels) -> Pixels:
    """A frame at the size at which stability is measured."""
    height, width = size_within(pixels.shape[0], pixels.shape[1], SEEN)
    if height >= pixels.shape[0]:
        return pixels
    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BOX))


def _write_beside(result: StyleVideoResult, record: StyleRecord, marked: bool, count: int) -> None:
    """The record and the result beside a video, which holds the record alone: `painted.mp4.json`."""
    told = {
        "record": json.loads(seal(record.to_json(), marked)),
        "watermark": f"{record.number:06x}" if marked else None,
        "complete": result.frames == count,
        **result.to_json(),
    }
    write_text(beside(result.out), json.dumps(told, indent=2) + "\n")


def _about(found: Steadiness) -> list[str]:
    """The stability for people: each way to normalise, as multiples of what changes in the clip itself."""
    named = {"frame": "each frame's own", "clip": "the clip's", "scene": "each scene's"}
    head = f"stability at {found.places} places, as multiples of what changes in the clip itself (1: as steady as it)"
    lines = [head]
    for name, change in found.painted.items():
        over = change.over(found.given)
        told = f"{_times(over.near)} to the next frame, {_times(over.far)} over {FAR} frames"
        if change.still is not None and found.given.still is not None:
            told += f"; {change.still:.2f} grey levels where nothing moves (the clip {found.given.still:.2f})"
        lines.append(f"  by {named[name]} statistics: {told}; contrast {found.contrast[name]:.0f} grey levels")
    return lines


def _times(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
