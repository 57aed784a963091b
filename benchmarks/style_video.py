"""How steady painted clips are: one set of statistics beside each frame's own, on made clips with known motion.

    OMP_NUM_THREADS=1 python benchmarks/style_video.py [--cin FILE] [--frames 48] [--show FOLDER]

The clips are windows of 240 x 320 pixels over the two photographs that scikit-learn brings (427 x 640):

- pan: the window moves by 2 pixels a frame while it zooms in by a sixth;
- noise: the same with Gaussian noise of 4 grey levels, another one in each frame;
- light: the same while the exposure swings by a quarter, once over the clip;
- enters: the window stands still, and the other photograph slides in until it covers 45 % of it;
- cut: one photograph in the first half, the other in the second.

Each is painted with the network that ships, in a style of the bank, and with --cin by a network with instance
normalisation. What is compared is what `segue style video` reports (`segue.style.video.steadiness`), at every eighth
frame; and since the motion of these clips is known, the same once more by the true motion, which tells what the optical
flow is worth. Last, painted frames are written as H.264 with a watermark in each, and the marks are read again.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_sample_images

from segue.infer.device import exact_arithmetic
from segue.style.model_folder import load_style_model
from segue.style.network import Prepared, Wanted
from segue.style.own import FOLDER
from segue.style.painter import Painter
from segue.style.picture import Pixels, resized, size_within
from segue.style.record import StyleRecord
from segue.style.style_source import read_style
from segue.style.video.flow import Motion
from segue.style.video.frame import Frame
from segue.style.video.reading import VideoFile
from segue.style.video.shared import pooled
from segue.style.video.steadiness import FAR, SteadinessMeter
from segue.style.video.survey import survey
from segue.style.video.writing import VideoWriter
from segue.style.watermark import read, read_together

HEIGHT, WIDTH = 240, 320
STYLES = ("bank:stained-glass", "bank:night-swirl")


@dataclass(frozen=True)
class Made:
    """A clip in memory; `maps` lead from its frames to the photograph where the window moves."""

    name: str
    pictures: tuple[Pixels, ...]
    maps: tuple[np.ndarray, ...] = ()
    path: Path = Path("made")
    rate: Fraction | None = None

    @property
    def count(self) -> int:
        return len(self.pictures)

    def frames(self) -> Iterator[Frame]:
        return (Frame(picture) for picture in self.pictures)


def made(count: int) -> list[Made]:
    """The five clips."""
    photo, other = (np.asarray(image) for image in load_sample_images().images)
    maps = tuple(_window(number, count) for number in range(count))
    pan = tuple(_cut_out(photo, one) for one in maps)
    drawn = np.random.default_rng(0)
    noise = tuple(_clipped(one + drawn.normal(0, 4, one.shape)) for one in pan)
    swing = 1 + 0.25 * np.sin(2 * np.pi * np.arange(count) / count)
    light = tuple(_clipped(one * gain) for one, gain in zip(pan, swing, strict=True))
    second = tuple(_cut_out(other, one) for one in maps)
    half = count // 2
    return [
        Made("pan", pan, maps),
        Made("noise", noise, maps),
        Made("light", light, maps),
        Made("enters", tuple(_entering(photo, other, number, count) for number in range(count))),
        Made("cut", pan[:half] + second[half:]),
    ]


def _window(number: int, count: int) -> np.ndarray:
    """The affine map from a frame to the photograph."""
    zoom = 1 - number / (6 * (count - 1))
    across = 2 * number
    return np.array([[zoom, 0, 100 + across], [0, zoom, 60 + 0.5 * number]], np.float32)


def _cut_out(photo: Pixels, window: np.ndarray) -> Pixels:
    return cv2.warpAffine(photo, window, (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP)


def _clipped(values: np.ndarray) -> Pixels:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _entering(photo: Pixels, other: Pixels, number: int, count: int) -> Pixels:
    frame = photo[60 : 60 + HEIGHT, 100 : 100 + WIDTH].copy()
    wide = round(0.45 * WIDTH * number / (count - 1))
    frame[:, :wide] = other[60 : 60 + HEIGHT, 250 : 250 + round(0.45 * WIDTH)][:, -wide or WIDTH :]
    return frame


# --- painting --------------------------------------------------------------------------------------------------------


def painters(cin: Path | None) -> list[tuple[str, Painter, Prepared]]:
    """The networks, each with what it made of a style."""
    own, _ = load_style_model(FOLDER)
    own = own.to(memory_format=torch.channels_last)
    found = []
    for name in STYLES:
        picture = read_style(Path(name))
        shown = resized(picture, size_within(picture.shape[2], picture.shape[3], 512))
        found.append((f"own, {name.partition(':')[2]}", Painter(own), own.prepared([Wanted(picture=shown)])))
    if cin is not None:
        network, info = load_style_model(cin)
        network = network.to(memory_format=torch.channels_last)
        found.append((f"cin, {info.names[0].partition('_')[0]}", Painter(network), network.prepared([Wanted(row=0)])))
    return found


def painted(clip: Made, painter: Painter, style: Prepared, kind: str) -> list[Pixels]:
    """All frames of a clip, by the statistics of the clip, of its scenes, or of each frame."""
    found = survey(
        clip,
        kind,
        16,
        lambda frames: pooled([painter.statistics(one, style) for one in frames], painter.network.deviations),
        prepare=lambda frame: frame.pixels,
        shrink=lambda pixels: pixels,
        watch=lambda _: True,
    )
    assert found is not None
    if kind == "scene" and clip.name == "cut":
        assert found.scenes == (0, clip.count // 2), found.scenes
    return [
        painter.paint(one, style, statistics=found.statistics_of(number)) for number, one in enumerate(clip.pictures)
    ]


def steadiness(clip: Made, pictures: dict[str, list[Pixels]]) -> dict[str, object]:
    """What `segue style video` reports, from a place every eight frames."""
    ends = [clip.count // 2, clip.count] if clip.name == "cut" else [clip.count]
    starts = [one for one in range(0, clip.count - FAR, FAR) if not any(one < end <= one + FAR for end in ends[:-1])]
    meter = SteadinessMeter(starts, [next(end for end in ends if one < end) for one in starts])
    for number, given in enumerate(clip.pictures):
        if number in meter.wanted:
            meter.show(number, given, {name: frames[number] for name, frames in pictures.items()})
    result = meter.result()
    assert result is not None
    return result.to_json()


def by_true_motion(clip: Made, frames: list[Pixels], distance: int) -> float:
    """The warping error by the motion that the clip was made with, in grey levels."""
    found = []
    for first in range(0, clip.count - FAR, FAR):
        here, there = (np.vstack([clip.maps[one], [0, 0, 1]]) for one in (first, first + distance))
        map_ = (np.linalg.inv(there) @ here)[:2]
        rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
        flow = np.stack(
            [
                map_[0, 0] * columns + map_[0, 1] * rows + map_[0, 2] - columns,
                map_[1, 0] * columns + map_[1, 1] * rows + map_[1, 2] - rows,
            ],
            2,
        ).astype(np.float32)
        x, y = columns + flow[..., 0], rows + flow[..., 1]
        motion = Motion(flow, (x >= 0) & (x <= WIDTH - 1) & (y >= 0) & (y <= HEIGHT - 1))
        difference = np.abs(frames[first].astype(np.float32) - motion.brought_back(frames[first + distance]))
        found.append(difference[motion.seen].mean())
    return float(np.mean(found))


def marks_read(frames: list[Pixels], quality: int, folder: Path) -> tuple[int, bool, int]:
    """How many frames of an H.264 file say the number they hold, whether all do together, and the file's bytes."""
    record = StyleRecord("style video", (), options={"quality": quality})
    clip = Made("painted", tuple(frames))
    path = folder / f"{quality}.mp4"
    writer = VideoWriter(path, (HEIGHT, WIDTH), rate=Fraction(25), record=record, watermark=True, quality=quality)
    for frame in clip.frames():
        writer.add(frame.pixels, frame)
    writer.close(True)
    decoded = [frame.pixels for frame in VideoFile.of(path).frames()]
    alone = [mark is not None and mark.number == record.number for mark in map(read, decoded)]
    together = read_together(decoded)
    return sum(alone), together is not None and together.number == record.number, path.stat().st_size


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--cin", type=Path, help="a network with instance normalisation, as --model of the command")
    parser.add_argument("--frames", type=int, default=48)
    parser.add_argument("--show", type=Path, help="folder for some of the frames")
    parser.add_argument("--out", type=Path, help="file for all figures as JSON")
    options = parser.parse_args()
    rows, marks = [], {}
    with exact_arithmetic(), tempfile.TemporaryDirectory() as folder:
        for clip in made(options.frames):
            for title, painter, style in painters(options.cin):
                kinds = ("clip", "scene", "frame") if clip.name == "cut" else ("clip", "frame")
                pictures = {kind: painted(clip, painter, style, kind) for kind in kinds}
                row = {"clip": clip.name, "network": title, **steadiness(clip, pictures)}
                if clip.maps:
                    row["true"] = {
                        kind: [by_true_motion(clip, frames, distance) for distance in (1, FAR)]
                        for kind, frames in {"given": list(clip.pictures), **pictures}.items()
                    }
                rows.append(row)
                told(row)
                if clip.name in ("pan", "enters"):
                    for quality in (18, 23, 28):
                        marks[clip.name, title, quality] = marks_read(pictures["clip"], quality, Path(folder))
                        print(f"  marks at quality {quality}: {marks[clip.name, title, quality]} of {clip.count}")
                if options.show is not None:
                    show(options.show, clip, title, pictures)
    if options.out is not None:
        listed = [[*key, *value] for key, value in marks.items()]
        options.out.write_text(json.dumps({"rows": rows, "marks": listed}, indent=1) + "\n", encoding="utf-8")


def told(row: dict[str, object]) -> None:
    """A line of the table for each way to normalise."""
    given = row["given"]
    print(f"{row['clip']}: {row['network']}; the clip itself {given}", flush=True)
    for kind, over in row["over_given"].items():  # type: ignore[attr-defined]
        own = row["painted"][kind]  # type: ignore[index]
        true = row.get("true")
        ratio = [round(a / b, 3) for a, b in zip(true[kind], true["given"], strict=True)] if true else "–"  # type: ignore[index]
        contrast = row["contrast"][kind]  # type: ignore[index]
        print(f"  {kind:6s} {over} still {own['still']} contrast {contrast} by true motion {ratio}", flush=True)


def show(folder: Path, clip: Made, title: str, pictures: dict[str, list[Pixels]]) -> None:
    """Five frames of the clip, and under them each way it was painted."""
    folder.mkdir(parents=True, exist_ok=True)
    places = np.linspace(0, clip.count - 1, 5).round().astype(int)
    rows = [clip.pictures, *pictures.values()]
    sheet = np.vstack([np.hstack([frames[place] for place in places]) for frames in rows])
    Image.fromarray(sheet).save(folder / f"{clip.name}-{title.replace(', ', '-')}.png")


if __name__ == "__main__":
    main()
