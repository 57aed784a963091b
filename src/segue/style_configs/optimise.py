"""The options of `segue style optimise`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from segue.configs import DEVICES, Checked, knob
from segue.errors import UsageError
from segue.style_configs.checks import beside_classes, half_signed, no_words
from segue.style_configs.choices import PICTURE_ENDINGS, STYLE_PRESETS


@dataclass(frozen=True)
class StyleOptimiseConfig(Checked):
    """Paint a picture in the style of others by optimising its pixels: slow, any style, no training."""

    content: Path | None = knob(None, "picture to paint", positional=True)
    styles: tuple[Path, ...] = knob(
        (), "pictures whose style it gets, or bank:NAME for one of the bank (segue list styles)", positional=True
    )
    out: Path = knob(Path("stylised.png"), "picture that is written, .png or .jpg")
    preset: str = knob(
        "gatys",
        "network, taps and weights that go together; what is given beside it wins (docs/reference/style-optimise.md)",
        choices=STYLE_PRESETS,
    )
    network: str = knob(
        "", "loss network: vgg16, vgg19, squeezenet1_1 or an encoder (segue list encoders); the preset's when not given"
    )
    weights: str = knob("hub", "its pretrained weights: hub (by its name) or a .safetensors or .pth file")
    content_taps: tuple[str, ...] = knob((), "taps compared with the content, as relu4_2; the preset's when not given")
    style_taps: tuple[str, ...] = knob(
        (), "taps compared with the styles, as relu1_1,relu2_1; the preset's when not given"
    )
    tap_weights: tuple[float, ...] = knob((), "weight of each style tap; all alike when not given", low=0)
    content_weight: float | None = knob(
        None,
        "weight of the content loss; the preset's when not given, with --clip 150 for presets gatys and gatys5, 1000 "
        "for the others",
        low=0,
    )
    style_weight: float | None = knob(None, "weight of the style loss; the preset's when not given", low=0)
    tv_weight: float | None = knob(
        None,
        "weight of the total variation, which smooths; the preset's when not given, with --clip 0.002 of another sum "
        "(docs/reference/style-optimise.md)",
        low=0,
    )
    statistic: str = knob(
        "gram",
        "what a style is: gram (how often features occur together) or moments (their mean and deviation)",
        choices=("gram", "moments"),
    )
    text: str = knob(
        "", "words for the style instead of pictures: CLIP follows them with --clip, else they find a style of the bank"
    )
    clip: str = knob("", "CLIP network that judges the text: a folder with safetensors, or hf:OWNER/NAME of the hub")
    text_weight: float = knob(1.0, "how strong the text is beside the content, with --clip; 1 is as published", low=0)
    patches: int = knob(
        64, "patches of the picture that CLIP looks at in a step, with --clip; fewer take less time", low=1, high=1024
    )
    canvas: str = knob(
        "auto",
        "what is optimised: pixels, or the weights of a small U-Net that paints them; auto takes unet with --clip",
        choices=("auto", "pixels", "unet"),
    )
    blend: tuple[float, ...] = knob((), "share of each style, as 2,1; all alike when not given", low=0)
    style_scale: float = knob(
        1.0, "long side of the styles as a share of the result's: larger gives larger strokes", low=0.1, high=8
    )
    keep_colours: str = knob(
        "none",
        "colours of the content: none takes the styles', luminance paints in grey under the content's colours, coral "
        "first gives the styles the content's colours",
        choices=("none", "luminance", "coral"),
    )
    content_mask: Path | None = knob(
        None,
        "regions of the content, a grey or index image of its size; each gets the style of the same value, or with "
        "--by-class that of its value there",
    )
    style_mask: tuple[Path, ...] = knob((), "regions of the styles, a mask for each style in their order", words=True)
    by_class: tuple[str, ...] = knob(
        (),
        'style of each class of the content, as "sky=starry.jpg, road=sketch.jpg, person=keep", in place of STYLE; '
        "rest= names the others, which are kept when it is not given; names with commas in them stand in double quotes",
    )
    segmenter: Path | None = knob(None, "run or model folder of segue fit that finds the classes in the content")
    feather: float = knob(
        0.01, "width of the fade beside what is kept, as a share of the result's long side", low=0, high=0.25
    )
    size: int | None = knob(
        None, "long side of the result in pixels; the content's, at most 512, when not given", low=16, high=8192
    )
    levels: int | None = knob(
        None,
        "sizes from coarse to fine, each half the next; down to 128 pixels when not given, with --clip one",
        low=1,
        high=8,
    )
    steps: tuple[int, ...] = knob(
        (),
        "steps in all, most at the coarsest size, or of each size, as 300,200,100; 600 when not given, with --clip 200 "
        "of one size",
        low=1,
    )
    seconds: float | None = knob(
        None,
        "wall-clock budget in seconds, importing torch included; sets the size, where it is not given, and the steps",
        low=1,
    )
    init: str = knob("content", "what the first size begins with", choices=("content", "noise"))
    seed: int = knob(
        0,
        "seed of the noise of --init noise, of the weights of --canvas unet and of CLIP's patches",
        low=0,
        high=2**31 - 1,
    )
    optimizer: str = knob("adam", "how gradients become steps", choices=("adam", "lbfgs"))
    lr: float | None = knob(
        None,
        "step size: of pixels from 0 to 1 for adam (0.02 when not given), of the line for lbfgs (1), of the weights of "
        "--canvas unet, which --clip takes (0.0005, halved three times)",
        low=1e-6,
        high=10,
    )
    licences: tuple[str, ...] = knob((), "licence of each style, in their order, for the record in the picture")
    watermark: bool = knob(True, "put an invisible watermark into the picture (docs/explanation/rights.md)")
    c2pa: Path | None = knob(
        None, "certificates (PEM, its own first) that sign the picture as C2PA content credentials; needs segue[c2pa]"
    )
    c2pa_key: Path | None = knob(None, "private key (PEM, no password) of the first of them; it is only read")
    preview: Path | None = knob(None, "picture that shows the state, .png or .jpg, written every few seconds")
    device: str = knob("auto", "where to compute", choices=DEVICES)
    precision: str = knob(
        "auto",
        "number format of the network; auto takes bf16 for adam where the hardware multiplies it natively",
        choices=("auto", "fp32", "bf16"),
    )
    threads: int | None = knob(None, "CPU threads; the bytes of the result depend on it", low=1, high=1024)
    json: bool = knob(False, "print the result as JSON on standard output")
    dry_run: bool = knob(False, "check the pictures and the options, print what would be done, write nothing")

    def __post_init__(self) -> None:
        """Check what depends on several values, too; collect it all, then raise one `UsageError`."""
        super().__post_init__()
        problems = [text for text in (*self._counts(), *self._clashes(), *self._words(), *self._endings()) if text]
        if problems:
            raise UsageError("; ".join(problems))

    def _counts(self) -> list[str]:
        styles, wrong = len(self.styles), []
        if self.blend and styles and len(self.blend) != styles:
            wrong.append(f"blend: expected a share for each of {styles} styles, got {len(self.blend)}")
        if self.blend and sum(self.blend) == 0:
            wrong.append("blend: expected a share above 0, got none")
        if self.licences and styles and len(self.licences) != styles:
            wrong.append(f"licences: expected one for each of {styles} styles, got {len(self.licences)}")
        if self.style_mask and styles and len(self.style_mask) != styles:
            wrong.append(f"style_mask: expected a mask for each of {styles} styles, got {len(self.style_mask)}")
        if self.tap_weights and self.style_taps and len(self.tap_weights) != len(self.style_taps):
            got = f"{len(self.style_taps)} style taps, got {len(self.tap_weights)}"
            wrong.append(f"tap_weights: expected a weight for each of {got}")
        if self.tap_weights and sum(self.tap_weights) == 0:
            wrong.append("tap_weights: expected a weight above 0, got none")
        if self.levels is not None and len(self.steps) > 1 and self.levels != len(self.steps):
            wrong.append(f"steps: expected one number, or one for each of {self.levels} levels, got {len(self.steps)}")
        return wrong

    def _clashes(self) -> list[str]:
        wrong = []
        if self.seconds is not None and self.steps:
            wrong.append("steps: expected --steps or --seconds, which sets them, got both")
        wrong += half_signed(self.c2pa, self.c2pa_key)
        if not self.by_class and (self.content_mask is None) != (not self.style_mask):
            wrong.append("content_mask: expected --content-mask and --style-mask together, got one of them")
        taken = {"STYLE": self.styles, "--style-mask": self.style_mask, "--blend": self.blend, "--text": self.text}
        if self.by_class:
            wrong += beside_classes(taken, {"--segmenter": self.segmenter, "--content-mask": self.content_mask})
        if self.segmenter is not None and not self.by_class:
            wrong.append("segmenter: expected --by-class beside it, which says what to do with its classes, got none")
        if self.optimizer == "lbfgs" and self.precision == "bf16":
            wrong.append("precision: expected fp32 for lbfgs, which compares gradients, got bf16")
        return wrong

    def _words(self) -> list[str]:
        wrong = []
        wrong += no_words(self.text)
        if self.text and self.styles:
            wrong.append(f"text: expected --text or style pictures, got both ({self.styles[0]})")
        if self.clip and not self.text:
            wrong.append("clip: expected --text beside it, the words it shall judge, got none")
        if not self.clip and (self.text_weight, self.patches) != (1.0, 64):
            wrong.append("text_weight, patches: expected --clip beside them, got none: leave them out")
        if self.clip and (self.content_mask or self.style_mask or self.blend or self.keep_colours == "coral"):
            wrong.append("clip: expected no masks, shares or style colours beside it, which only style pictures have")
        if self.clip and self.init == "noise" and self.canvas != "pixels":
            wrong.append(
                "init: expected --canvas pixels beside noise with --clip, got a U-Net, which paints the content"
            )
        if (self.clip or self.canvas == "unet") and self.optimizer == "lbfgs":
            wrong.append(
                "optimizer: expected adam with --canvas unet and --clip, whose loss changes by itself, got lbfgs"
            )
        of_styles = {"style_taps": (), "tap_weights": (), "style_weight": None, "style_scale": 1.0, "statistic": "gram"}
        given = [name for name, default in of_styles.items() if getattr(self, name) != default]
        if self.clip and given:
            wrong.append(
                f"{', '.join(given)}: expected style pictures beside it, got --clip, which has none: leave it out"
            )
        return wrong

    def _endings(self) -> list[str]:
        paths = {"out": self.out, "preview": self.preview}
        return [
            f"{name}: expected a picture ending in .png, .jpg or .jpeg, got {path}"
            for name, path in paths.items()
            if path is not None and path.suffix.lower() not in PICTURE_ENDINGS
        ]
