"""The options of `segue style inspect`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from segue.configs import Checked, knob


@dataclass(frozen=True)
class StyleInspectConfig(Checked):
    """Say what the record and the watermark of a picture or a video tell about how it was made."""

    image: Path | None = knob(
        None, "picture to look at: PNG, JPEG, WebP, TIFF or BMP; or a video, as .mp4", positional=True
    )
    json: bool = knob(False, "print the result as JSON on standard output")
