"""The options of `segue style evaluate`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from segue.configs import DEVICES, Checked, knob
from segue.errors import UsageError
from segue.style_configs.choices import BASELINES, STYLE_PRESETS


@dataclass(frozen=True)
class StyleEvaluateConfig(Checked):
    """Judge stylised pictures, of any program, by content, style, stability and cost, beside baselines."""

    contents: Path | None = knob(None, "folder of the pictures that were painted, or one picture", positional=True)
    styles: Path | None = knob(
        None,
        "folder of the styles, one picture, or bank:NAME,NAME; all of them take part in the retrieval",
        positional=True,
    )
    results: tuple[Path, ...] = knob(
        (), "folders of results, one for each method, their pictures named CONTENT--STYLE.png", positional=True
    )
    out: Path = knob(Path("style-evaluation"), "folder for the report, the tables and what was painted")
    methods: tuple[str, ...] = knob(
        ("identity", "style", "colour", "fda"),
        "what is painted here and judged, too: baselines, and gatys, the reference, which takes minutes",
        choices=BASELINES,
    )
    model: tuple[Path, ...] = knob((), "runs of segue style train that paint here and are judged, too", words=True)
    strengths: tuple[float, ...] = knob(
        (0.0, 0.25, 0.5, 0.75, 1.0), "strengths each model paints with, which make a curve", low=0, high=1
    )
    against: str = knob("", "method the others are compared with; gatys, else the first, when not given")
    gatys_preset: str = knob(
        "gatys",
        "network, taps and weights that gatys paints with",
        choices=tuple(p for p in STYLE_PRESETS if p != "strides"),
    )
    gatys_weights: str = knob("hub", "pretrained weights of that network: hub or a .safetensors or .pth file")
    gatys_steps: int = knob(300, "steps of gatys for each picture", low=1, high=100_000)
    judges: tuple[str, ...] = knob(
        ("mobilenetv2_100", "resnet18"),
        "networks that judge, as NETWORK (weights from the hub) or NETWORK=FILE; none of them should have painted",
        words=True,
    )
    lpips_weights: Path | None = knob(None, "file of the LPIPS weights for SqueezeNet; without it there is no LPIPS")
    lpips_backbone: str = knob("hub", "weights of the SqueezeNet 1.1 below LPIPS: hub or a file")
    segmenter: Path | None = knob(None, "run whose predictions on result and content are compared")
    masks: Path | None = knob(
        None, "folder of labels, named as the contents, that the segmenter's predictions are compared with, too"
    )
    keep_mask: Path | None = knob(
        None, "folder of masks, named as the contents; where one is above 0, results must be the content to the bit"
    )
    size: int = knob(256, "long side in pixels at which everything is painted and compared", low=64, high=2048)
    pairs: int | None = knob(None, "pairs of content and style that are drawn; all when not given", low=1)
    stability: int = knob(4, "pairs on which the stability of what is painted here is measured, 0 for none", low=0)
    seed: int = knob(0, "seed of the pairs, the noise and the intervals", low=0, high=2**31 - 1)
    device: str = knob("auto", "where to compute", choices=DEVICES)
    json: bool = knob(False, "print the result as JSON on standard output")
    dry_run: bool = knob(
        False, "check pictures, options and files of weights, print what would be judged, write nothing"
    )

    def __post_init__(self) -> None:
        """Check what depends on several values, too; collect it all, then raise one `UsageError`."""
        super().__post_init__()
        problems = []
        judges = [judge.partition("=")[0] for judge in self.judges]
        if twice := next((name for name in judges if judges.count(name) > 1), None):
            problems.append(f"judges: expected each network once, got {twice} again")
        if not (self.methods or self.model or self.results):
            problems.append("methods: expected something to judge, got no method, no --model and no folder of results")
        if self.masks is not None and self.segmenter is None:
            problems.append("masks: expected --segmenter beside it, which predicts what they are compared with")
        if self.keep_mask is not None and not self.results:
            problems.append("keep_mask: expected folders of results, whose pictures may keep a part, got none")
        if problems:
            raise UsageError("; ".join(problems))
