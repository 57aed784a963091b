"""The options of `segue style train`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from segue.configs import DEVICES, Checked, knob
from segue.errors import UsageError
from segue.style_configs.checks import no_words
from segue.style_configs.choices import STYLE_METHODS, STYLE_TRAIN_PRESETS


@dataclass(frozen=True)
class StyleTrainConfig(Checked):
    """Train a network that paints any photo in one pass, in one or more styles."""

    photos: Path | None = knob(None, "folder of photos to learn on, those below it included", positional=True)
    styles: tuple[Path, ...] = knob(
        (),
        "pictures whose styles it learns, each known by its file name; folders of such; bank:NAME for one of the bank",
        positional=True,
    )
    more_photos: tuple[Path, ...] = knob((), "further folders of photos", words=True)
    out: Path | None = knob(None, "run folder; runs/<photos>-<n> when not given")
    resume: Path | None = knob(None, "run folder to continue exactly where it stopped; takes no other option")
    add_to: Path | None = knob(
        None, "run whose network learns the styles besides those it knows, which stay as they are to the bit"
    )
    method: str = knob(
        "cin",
        "kind of network: cin learns a row of gains and offsets for each style; text follows --text, which takes it by "
        "itself; the others take any picture as a style (docs/explanation/any-style.md)",
        choices=STYLE_METHODS,
    )
    text: str = knob(
        "", "words for the style instead of pictures, which --clip judges: the decoder of --base is trained further"
    )
    clip: str = knob("", "CLIP network that judges the text: a folder with safetensors, or hf:OWNER/NAME of the hub")
    base: Path | None = knob(
        None, "with --text: run or model folder of kind adain or text that it begins with; our own when not given"
    )
    text_weight: float = knob(1.0, "with --text: how strong it is beside the content; 1 is as published", low=0)
    patches: int = knob(16, "with --text: slanted views of each crop that CLIP looks at in a step", low=1, high=1024)
    encoder: str = knob(
        "own",
        "of adain, sanet and adaattn: own is small and trained along, loss is the loss network itself, frozen",
        choices=("own", "loss"),
        needs={"method": ("adain", "sanet", "adaattn")},
    )
    predictor: str = knob(
        "mobilenetv2_100@4",
        "of method predict: encoder that looks at a style (segue list encoders), @N for its first N maps",
        needs={"method": ("predict",)},
    )
    predictor_weights: str = knob(
        "hub",
        "pretrained weights of the predictor: hub (by its name), none for random ones, or a .safetensors or .pth file",
        needs={"method": ("predict",)},
    )
    width: float = knob(0.5, "channels of the network as a share of Johnson's 32, 64 and 128", low=0.1, high=4)
    size: int = knob(256, "side of the crops in pixels; what is painted later may have any size", low=32, high=2048)
    style_size: int = knob(
        512,
        "long side in pixels at which styles are looked at: larger gives larger strokes",
        low=32,
        high=4096,
        needs={"method": ("cin",)},
    )
    steps: int | None = knob(None, "training steps; 4000, 400 for --add-to or 200 for --text, when not given", low=1)
    minutes: float | None = knob(None, "wall-clock budget instead of steps, importing torch included", low=0.05)
    batch: int = knob(4, "crops per step; styles take turns", low=1, high=1024)
    lr: float | None = knob(
        None,
        "highest step size of Adam; 0.001, 0.01 for --add-to, or 0.0001 for --text, which keeps it, when not given",
        low=1e-6,
        high=1,
    )
    preset: str = knob(
        "squeezenet",
        "loss network, taps and weights that go together; what is given beside it wins (docs/reference/style-train.md)",
        choices=STYLE_TRAIN_PRESETS,
    )
    network: str = knob(
        "", "loss network: vgg16, vgg19, squeezenet1_1 or an encoder (segue list encoders); the preset's when not given"
    )
    weights: str = knob("hub", "its pretrained weights: hub (by its name) or a .safetensors or .pth file")
    content_taps: tuple[str, ...] = knob((), "taps compared with the photo, as relu3_1; the preset's when not given")
    style_taps: tuple[str, ...] = knob(
        (), "taps compared with the styles, as relu1_2,relu2_2; the preset's when not given"
    )
    tap_weights: tuple[float, ...] = knob(
        (), "weight of each style tap; all alike when not given", low=0, needs={"method": ("cin", "predict")}
    )
    content_weight: float | None = knob(
        None, "weight of the content loss; the preset's when not given, 5 with --text", low=0
    )
    style_weight: float | None = knob(None, "weight of the style loss; the preset's when not given", low=0)
    tv_weight: float | None = knob(
        None,
        "weight of the total variation, which smooths; the preset's when not given, none for sanet and adaattn, 0.0001 "
        "of another sum with --text (docs/reference/style-train.md)",
        low=0,
    )
    licences: tuple[str, ...] = knob(
        (), "licence of each style, in their order, for the records of pictures", needs={"method": ("cin",)}
    )
    seed: int = knob(0, "seed of the weights, of the crops and of what is held out", low=0, high=2**31 - 1)
    device: str = knob("auto", "where to train", choices=DEVICES)
    precision: str = knob(
        "auto",
        "number format of the forward pass; auto takes bf16 where the hardware multiplies it natively",
        choices=("auto", "fp32", "bf16"),
    )
    threads: int | None = knob(None, "CPU threads; the bytes of the result depend on it", low=1, high=1024)
    checkpoint_every: int | None = knob(
        None, "steps between two resume points; a twentieth of the run when not given", low=1
    )
    json: bool = knob(False, "print the result as JSON on standard output")
    dry_run: bool = knob(False, "check the pictures and the options, print what would be done, write nothing")

    def __post_init__(self) -> None:
        """Check what depends on several values, too; collect it all, then raise one `UsageError`."""
        super().__post_init__()
        wrong = []
        if self.steps is not None and self.minutes is not None:
            wrong.append("steps: expected --steps or --minutes, which sets them, got both")
        wrong += self._words()
        if self.encoder == "loss" and self.width != 0.5:
            wrong.append("width: expected none beside --encoder loss, whose decoder mirrors it, got one")
        if self.content_taps and (self.method == "adaattn" or (self.method == "adain" and self.encoder == "loss")):
            compared = "the deepest style tap" if self.method == "adaattn" else "what is decoded, at the encoder's tap"
            beside = "--method adaattn" if self.method == "adaattn" else "--method adain --encoder loss"
            wrong.append(f"content_taps: expected none beside {beside}, which compares {compared}, got some")
        if self.add_to is not None and self.method != "cin":
            wrong.append(f"add_to: expected --method cin, since {self.method} takes any style as a picture, got both")
        if self.add_to is not None and self.width != 0.5:
            wrong.append("width: expected none beside --add-to, whose network has its own, got one")
        if self.tap_weights and self.style_taps and len(self.tap_weights) != len(self.style_taps):
            got = f"{len(self.style_taps)} style taps, got {len(self.tap_weights)}"
            wrong.append(f"tap_weights: expected a weight for each of {got}")
        if self.tap_weights and sum(self.tap_weights) == 0:
            wrong.append("tap_weights: expected a weight above 0, got none")
        if wrong:
            raise UsageError("; ".join(wrong))

    def _words(self) -> list[str]:
        if wrong := no_words(self.text):
            return wrong
        of_text = {"clip": "", "base": None, "text_weight": 1.0, "patches": 16}
        if not self.text:
            given = [name for name, default in of_text.items() if getattr(self, name) != default]
            wrong = [f"{given[0]}: expected --text beside it, got none: leave it out"] if given else []
            return [*wrong, "text: expected words beside --method text, got none"] if self.method == "text" else wrong
        wrong = []
        if not self.clip:
            wrong.append("text: expected --clip beside it, the network that judges the words, got none: --clip FOLDER")
        if self.method not in ("cin", "text"):
            wrong.append(
                f"method: expected none beside --text, which trains a network of its own kind, got {self.method}"
            )
        of_pictures = {
            "STYLE": self.styles,
            **{
                name: getattr(self, name) for name in ("add_to", "network", "content_taps", "style_taps", "tap_weights")
            },
            **{name: getattr(self, name) for name in ("style_weight", "licences")},
        }
        given = [name for name, value in of_pictures.items() if value not in (None, "", ())]
        changed = {"encoder": "own", "width": 0.5, "style_size": 512, "preset": "squeezenet", "weights": "hub"}
        given += [name for name, default in changed.items() if getattr(self, name) != default]
        if given:
            wrong.append(
                f"{', '.join(given)}: expected style pictures beside it, got --text, which has none: leave it out"
            )
        return wrong
