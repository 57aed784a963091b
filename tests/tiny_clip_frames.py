"""Short made clips: a window that moves over a smooth picture, as arrays, as numbered frames, as a video file."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image

from segue.style.picture import eight_bits, resized
from tiny_style import picture

HEIGHT, WIDTH, STEP = 48, 64, 2  # STEP pixels to the right in each frame
Frames = list[np.ndarray]


def moving(count: int, seed: int = 0, coarse: int = 1) -> Frames:
    """Frames whose content moves left by `STEP` pixels; `coarse` things are larger by as much."""
    size = (HEIGHT, WIDTH + STEP * count)
    small = picture(seed, size[0] // coarse, size[1] // coarse)
    wide = eight_bits(resized(small, size))
    return [np.ascontiguousarray(wide[:, STEP * n : STEP * n + WIDTH]) for n in range(count)]


def numbered(folder: Path, frames: Frames, first: int = 1) -> Path:
    """The frames as PNG files."""
    folder.mkdir()
    for number, frame in enumerate(frames, first):
        Image.fromarray(frame).save(folder / f"shot_{number}.png")
    return folder


def encoded(path: Path, frames: Frames, *, rate: int = 10, sound: str = "") -> Path:
    """The frames as H.264 of high quality, with a tone where a codec for it is named (aac, pcm_s16le)."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options={"crf": "4"})
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        tone = container.add_stream(sound, rate=44100) if sound else None
        for number, frame in enumerate(frames):
            shown = av.VideoFrame.from_ndarray(frame, "rgb24")
            shown.pts, shown.time_base = number, Fraction(1, rate)
            container.mux(stream.encode(shown))
        container.mux(stream.encode(None))
        if tone is not None:
            times = np.arange(44100 * len(frames) // rate) / 44100
            wave = (0.2 * np.sin(2 * np.pi * 440 * times)).astype(np.float32)[None]
            heard = av.AudioFrame.from_ndarray(wave, "fltp", "mono")
            heard.sample_rate, heard.pts = 44100, 0
            resampler = av.AudioResampler("fltp" if sound == "aac" else "s16", tone.codec_context.layout, 44100, 1024)
            for part in (*resampler.resample(heard), *resampler.resample(None)):
                container.mux(tone.encode(part))
            container.mux(tone.encode(None))
    return path
