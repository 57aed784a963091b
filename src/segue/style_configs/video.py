"""The options of `segue style video`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from segue.configs import DEVICES, knob
from segue.errors import UsageError
from segue.style_configs.asked import AskedStyles
from segue.style_configs.checks import narrow_tile
from segue.style_configs.choices import PICTURE_ENDINGS


@dataclass(frozen=True)
class StyleVideoConfig(AskedStyles):
    """Paint a clip with a trained network, all frames by one set of statistics, and measure how steady it is."""

    clip: Path | None = knob(None, "clip to paint: a video file, or a folder of numbered frames", positional=True)
    strength: float = knob(1.0, "how far from the clip (0) to the painting (1)", low=0, high=1)
    keep_colours: str = knob(
        "none",
        "colours of the clip: none takes the style's, luminance keeps those of the clip under the painted luminance",
        choices=("none", "luminance"),
    )
    out: Path | None = knob(
        None,
        "video that is written, .mp4, .mov or .mkv, or a folder for painted frames; stylised.mp4 for a video and the "
        "folder stylised for frames when not given",
    )
    statistics: str = knob(
        "clip",
        "what frames are normalised by: one set of statistics for the clip, one for each scene between hard cuts, or "
        "each frame's own, which pumps",
        choices=("clip", "scene", "frame"),
    )
    samples: int = knob(
        16,
        "frames a set of statistics is measured on, evenly spread; at least as many and fewer than twice, as far as "
        "there are",
        low=1,
        high=64,
    )
    stability: int = knob(
        4, "places of the clip at which stability is measured, 0 for none; each paints up to 3 frames once more", low=0
    )
    rate: float | None = knob(
        None, "frames in a second of a video made of numbered frames; 25 when not given", low=0.1, high=1000
    )
    quality: int = knob(
        18,
        "constant rate factor of the video (H.264): lower is better and larger; even 0 halves the colours' resolution",
        low=0,
        high=51,
    )
    size: int | None = knob(
        None, "long side in pixels to which frames are resized first; as they are when not given", low=16, high=8192
    )
    tile: int | None = knob(
        None,
        "side in pixels past which a frame is painted in tiles; 1536 when not given, 0 never does",
        low=0,
        high=16384,
    )
    watermark: bool = knob(True, "put an invisible watermark into every frame (docs/explanation/rights.md)")
    device: str = knob("auto", "where to compute", choices=DEVICES)
    precision: str = knob(
        "auto",
        "number format of the network; auto takes bf16 where the hardware multiplies it natively",
        choices=("auto", "fp32", "bf16"),
    )
    threads: int | None = knob(None, "number of CPU threads", low=1, high=1024)
    json: bool = knob(False, "print the result as JSON on standard output")
    dry_run: bool = knob(False, "check the clip and the options, print what would be done, write nothing")

    def __post_init__(self) -> None:
        """Check what depends on several values, too; collect it all, then raise one `UsageError`."""
        super().__post_init__()
        wrong = self.wrong_styles()
        if self.out is not None and self.out.suffix.lower() in (*PICTURE_ENDINGS, ".gif", ".webm", ".avi"):
            wrong.append(f"out: expected a folder, or a video ending in .mp4, .mov or .mkv, got {self.out}")
        if self.statistics == "frame" and self.samples != StyleVideoConfig.samples:
            wrong.append("samples: expected none beside --statistics frame, which has no set of them, got one")
        wrong += narrow_tile(self.tile)
        if wrong:
            raise UsageError("; ".join(wrong))
