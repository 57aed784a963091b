"""The options of `segue style export`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from segue.configs import Checked, knob
from segue.errors import UsageError


@dataclass(frozen=True)
class StyleExportConfig(Checked):
    """Write a trained network as ONNX, and in 8 bits, with how near and how fast they are, measured here."""

    model: Path | None = knob(
        None,
        "run of segue style train or its model folder; our own network for any style when not given",
        positional=True,
    )
    out: Path = knob(
        Path("style.onnx"), "file that is written; NAME.int8.onnx and the report NAME.json lie beside NAME.onnx"
    )
    style: tuple[str, ...] = knob(
        (),
        "styles that are fixed in the graph: pictures, bank:NAME, or names the network knows; an input of the graph "
        "when not given, where the network has several or takes any",
    )
    style_size: int | None = knob(
        None,
        "long side in pixels at which pictures given as styles are looked at; twice the crops of training, 512 for our "
        "own, when not given",
        low=16,
        high=8192,
    )
    blend: tuple[float, ...] = knob((), "share of each of these styles, as 2,1; all alike when not given", low=0)
    licences: tuple[str, ...] = knob(
        (), "licence of each of these styles, in their order; what the model says when not given"
    )
    strength: float = knob(
        1.0, "strength that is fixed in the graph, from the photo (0) to the painting (1)", low=0, high=1
    )
    free_strength: bool = knob(
        False, "make the strength an input instead; a network for any style then decodes each picture twice"
    )
    calibrate: Path | None = knob(
        None,
        "folder of photos as the device will see them, which set the ranges of 8 bits; without it there is no INT8",
    )
    photos: int = knob(
        48, "photos of it that are looked at, at most; a quarter, 8 at most, is kept to compare", low=1, high=4096
    )
    size: int = knob(
        256, "long side in pixels of photos that are looked at, and side of the square that is timed", low=32, high=2048
    )
    runs: int = knob(
        30,
        "pictures that each form is timed on, 3 at least; fewer past 30 seconds, and 0 times nothing",
        low=0,
        high=10_000,
    )
    threads: int | None = knob(None, "CPU threads that are timed; those torch takes when not given", low=1, high=1024)
    lpips_weights: Path | None = knob(None, "file of the LPIPS weights for SqueezeNet; without it there is no LPIPS")
    lpips_backbone: str = knob("hub", "weights of the SqueezeNet 1.1 below LPIPS: hub or a file")
    json: bool = knob(False, "print the result as JSON on standard output")
    dry_run: bool = knob(False, "check the model and the options, print what would be written, write nothing")

    def __post_init__(self) -> None:
        """Check what depends on several values, too; collect it all, then raise one `UsageError`."""
        super().__post_init__()
        wrong = []
        if self.out.suffix.lower() != ".onnx":
            wrong.append(f"out: expected a file ending in .onnx, got {self.out}")
        if self.free_strength and self.strength != 1.0:
            wrong.append("strength: expected --strength or --free-strength, which leaves it open, got both")
        if not self.style and (self.blend or self.licences or self.style_size is not None):
            wrong.append("blend, licences, style_size: expected --style beside them, which they are about, got none")
        if self.blend and self.style and len(self.blend) != len(self.style):
            wrong.append(f"blend: expected a share for each of {len(self.style)} styles, got {len(self.blend)}")
        if self.licences and self.style and len(self.licences) != len(self.style):
            wrong.append(f"licences: expected one for each of {len(self.style)} styles, got {len(self.licences)}")
        if self.blend and sum(self.blend) == 0:
            wrong.append("blend: expected a share above 0, got none")
        wrong += self._without_int8()
        if wrong:
            raise UsageError("; ".join(wrong))

    def _without_int8(self) -> list[str]:
        """What has no effect without photos to calibrate with."""
        wrong = []
        if self.calibrate is None and self.lpips_weights is not None:
            wrong.append("lpips_weights: expected --calibrate beside it, since INT8 is what it judges, got none")
        if self.calibrate is None and self.photos != StyleExportConfig.photos:
            wrong.append("photos: expected --calibrate beside it, whose photos it counts, got none")
        if self.lpips_weights is None and self.lpips_backbone != StyleExportConfig.lpips_backbone:
            wrong.append("lpips_backbone: expected --lpips-weights beside it, got none")
        return wrong
