"""The options of `segue style apply`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from segue.configs import DEVICES, knob
from segue.errors import UsageError
from segue.style_configs.asked import AskedStyles
from segue.style_configs.checks import beside_classes, half_signed, narrow_tile


@dataclass(frozen=True)
class StyleApplyConfig(AskedStyles):
    """Paint pictures with a trained network, one pass for each."""

    pictures: tuple[Path, ...] = knob((), "pictures to paint: files, folders and quoted globs", positional=True)
    by_class: tuple[str, ...] = knob(
        (),
        'style of each class in the pictures, as "sky=starry.jpg, road=sketch.jpg, person=keep", in place of --style; '
        "rest= names the others, which are kept when it is not given; names with commas in them stand in double quotes",
    )
    segmenter: Path | None = knob(None, "run or model folder of segue fit that finds the classes in the pictures")
    masks: Path | None = knob(
        None, "where the classes are instead: a mask for the one picture, or a folder of masks named as the pictures"
    )
    feather: float = knob(
        0.01, "width of the fade beside what is kept, as a share of the picture's long side", low=0, high=0.25
    )
    strength: float = knob(1.0, "how far from the photo (0) to the painting (1)", low=0, high=1)
    keep_colours: str = knob(
        "none",
        "colours of the photo: none takes the style's, luminance keeps those of the photo under the painted luminance",
        choices=("none", "luminance"),
    )
    out: Path = knob(
        Path("stylised"), "folder the results are written to, or a picture ending in .png or .jpg for a single one"
    )
    size: int | None = knob(
        None, "long side in pixels to which pictures are resized first; as they are when not given", low=16, high=32768
    )
    tile: int | None = knob(
        None,
        "side in pixels past which a picture is painted in tiles with the statistics of a small copy; 1536 when not "
        "given, 0 never does",
        low=0,
        high=16384,
    )
    watermark: bool = knob(True, "put an invisible watermark into the pictures (docs/explanation/rights.md)")
    c2pa: Path | None = knob(
        None, "certificates (PEM, its own first) that sign each picture as C2PA content credentials; needs segue[c2pa]"
    )
    c2pa_key: Path | None = knob(None, "private key (PEM, no password) of the first of them; it is only read")
    device: str = knob("auto", "where to compute", choices=DEVICES)
    precision: str = knob(
        "auto",
        "number format of the network; auto takes bf16 where the hardware multiplies it natively",
        choices=("auto", "fp32", "bf16"),
    )
    threads: int | None = knob(None, "number of CPU threads", low=1, high=1024)
    json: bool = knob(False, "print the result as JSON on standard output")
    dry_run: bool = knob(False, "check the pictures and the options, print what would be done, write nothing")

    def __post_init__(self) -> None:
        """Check what depends on several values, too; collect it all, then raise one `UsageError`."""
        super().__post_init__()
        where = {"--segmenter": self.segmenter, "--masks": self.masks}
        if self.by_class:
            taken = {"--style": self.style, "--text": self.text, "--blend": self.blend}
            wrong = beside_classes(taken, where)
        else:
            wrong = self.wrong_styles()
            if any(where.values()):
                wrong.append("segmenter, masks: expected --by-class beside them, which says what to do there, got none")
        wrong += half_signed(self.c2pa, self.c2pa_key)
        wrong += narrow_tile(self.tile)
        if wrong:
            raise UsageError("; ".join(wrong))
