"""Every knob of the verbs of `segue style`, defined as those in `segue.configs` are: standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from segue.configs import DEVICES, Checked, knob
from segue.errors import UsageError

STYLE_PRESETS = ("gatys", "gatys5", "vgg16-relu3", "strides")
STYLE_TRAIN_PRESETS = ("squeezenet", "vgg16-relu3", "vgg16")
STYLE_METHODS = ("cin", "adain", "sanet", "adaattn", "predict", "text")
PICTURE_ENDINGS = (".png", ".jpg", ".jpeg")
VIDEO_ENDINGS = (".mp4", ".mov", ".mkv")  # that are written
MOST_WORDS = 1000  # characters of a text; CLIP reads 77 parts of words, and every picture's record holds it
BASELINES = ("identity", "style", "colour", "fda", "gatys")


def _half_signed(chain: Path | None, key: Path | None) -> list[str]:
    if (chain is None) == (key is None):
        return []
    there, missing = ("--c2pa-key", "--c2pa") if chain is None else ("--c2pa", "--c2pa-key")
    return [f"c2pa: expected --c2pa CERTIFICATES and --c2pa-key KEY together, got {there} without {missing}"]


def _beside_classes(taken: Mapping[str, object], where: Mapping[str, object]) -> list[str]:
    """What is wrong beside --by-class: options it stands in place of, and not just one that says where classes are."""
    wrong = []
    if any(taken.values()):
        got = next(name for name, value in taken.items() if value)
        wrong.append(f"by_class: expected it in place of {', '.join(taken)}, got {got} beside it")
    given = [value for value in where.values() if value is not None]
    if len(given) != 1:
        got = "both" if given else "neither"
        wrong.append(f"by_class: expected {' or '.join(where)}, which say where each class is, got {got}")
    return wrong


@dataclass(frozen=True)
class StyleOptimiseConfig(Checked):
    """Paint a picture in the style of others by optimising its pixels: slow, any style, no training."""

    content: Path = knob(Path(), "picture to paint", positional=True)
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
        wrong += _half_signed(self.c2pa, self.c2pa_key)
        if not self.by_class and (self.content_mask is None) != (not self.style_mask):
            wrong.append("content_mask: expected --content-mask and --style-mask together, got one of them")
        taken = {"STYLE": self.styles, "--style-mask": self.style_mask, "--blend": self.blend, "--text": self.text}
        if self.by_class:
            wrong += _beside_classes(taken, {"--segmenter": self.segmenter, "--content-mask": self.content_mask})
        if self.segmenter is not None and not self.by_class:
            wrong.append("segmenter: expected --by-class beside it, which says what to do with its classes, got none")
        if self.optimizer == "lbfgs" and self.precision == "bf16":
            wrong.append("precision: expected fp32 for lbfgs, which compares gradients, got bf16")
        return wrong

    def _words(self) -> list[str]:
        wrong = []
        wrong += _no_words(self.text)
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


@dataclass(frozen=True)
class StyleTrainConfig(Checked):
    """Train a network that paints any photo in one pass, in one or more styles."""

    photos: Path = knob(Path(), "folder of photos to learn on, those below it included", positional=True)
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
        if wrong := _no_words(self.text):
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


@dataclass(frozen=True)
class StyleApplyConfig(Checked):
    """Paint pictures with a trained network, one pass for each."""

    pictures: tuple[Path, ...] = knob((), "pictures to paint: files, folders and quoted globs", positional=True)
    model: Path = knob(
        Path(),
        "run of segue style train, its model folder, or a file that PyTorch's example fast_neural_style saved; our own "
        "network for any style when not given",
    )
    style: tuple[str, ...] = knob(
        (),
        "styles to paint in: pictures, bank:NAME, or names of a network that knows its styles; its only one when not "
        "given",
    )
    text: str = knob("", "words for the style instead: they find one of the bank (segue list styles)")
    style_size: int | None = knob(
        None,
        "long side in pixels at which pictures given as styles are looked at: larger gives larger strokes; twice the "
        "crops of training, 512 for our own, when not given",
        low=16,
        high=8192,
    )
    blend: tuple[float, ...] = knob((), "share of each style, as 2,1; all alike when not given", low=0)
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
    licences: tuple[str, ...] = knob(
        (), "licence of each style, in their order, for the records; what the model says when not given"
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
        wrong, styles = [], len(self.style)
        if self.blend and len(self.blend) != max(1, styles):
            wrong.append(f"blend: expected a share for each of {max(1, styles)} styles, got {len(self.blend)}")
        if self.blend and sum(self.blend) == 0:
            wrong.append("blend: expected a share above 0, got none")
        if self.licences and not self.by_class and len(self.licences) != max(1, styles):
            wrong.append(f"licences: expected one for each of {max(1, styles)} styles, got {len(self.licences)}")
        taken = {"--style": self.style, "--text": self.text, "--blend": self.blend}
        if self.by_class:
            wrong += _beside_classes(taken, {"--segmenter": self.segmenter, "--masks": self.masks})
        if not self.by_class and (self.segmenter or self.masks):
            wrong.append("segmenter, masks: expected --by-class beside them, which says what to do there, got none")
        wrong += _no_words(self.text)
        if self.text and self.style:
            wrong.append("text: expected --text or --style, got both")
        wrong += _half_signed(self.c2pa, self.c2pa_key)
        if self.tile and self.tile < 256:
            wrong.append(f"tile: expected 0 or at least 256 pixels, got {self.tile}")
        if wrong:
            raise UsageError("; ".join(wrong))


@dataclass(frozen=True)
class StyleExportConfig(Checked):
    """Write a trained network as ONNX, and in 8 bits, with how near and how fast they are, measured here."""

    model: Path = knob(
        Path(),
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


@dataclass(frozen=True)
class StyleVideoConfig(Checked):
    """Paint a clip with a trained network, all frames by one set of statistics, and measure how steady it is."""

    clip: Path = knob(Path(), "clip to paint: a video file, or a folder of numbered frames", positional=True)
    model: Path = knob(
        Path(),
        "run of segue style train, its model folder, or a file that PyTorch's example fast_neural_style saved; our own "
        "network for any style when not given",
    )
    style: tuple[str, ...] = knob(
        (),
        "styles to paint in: pictures, bank:NAME, or names of a network that knows its styles; its only one when not "
        "given",
    )
    text: str = knob("", "words for the style instead: they find one of the bank (segue list styles)")
    style_size: int | None = knob(
        None,
        "long side in pixels at which pictures given as styles are looked at: larger gives larger strokes; twice the "
        "crops of training, 512 for our own, when not given",
        low=16,
        high=8192,
    )
    blend: tuple[float, ...] = knob((), "share of each style, as 2,1; all alike when not given", low=0)
    strength: float = knob(1.0, "how far from the clip (0) to the painting (1)", low=0, high=1)
    keep_colours: str = knob(
        "none",
        "colours of the clip: none takes the style's, luminance keeps those of the clip under the painted luminance",
        choices=("none", "luminance"),
    )
    out: Path = knob(
        Path(),
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
    licences: tuple[str, ...] = knob(
        (), "licence of each style, in their order, for the records; what the model says when not given"
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
        if self.out.suffix.lower() in (*PICTURE_ENDINGS, ".gif", ".webm", ".avi"):
            raise UsageError(f"out: expected a folder, or a video ending in .mp4, .mov or .mkv, got {self.out}")
        if self.statistics == "frame" and self.samples != StyleVideoConfig.samples:
            raise UsageError("samples: expected none beside --statistics frame, which has no set of them, got one")
        self.like_pictures()

    def like_pictures(self) -> StyleApplyConfig:
        """The same styles asked for pictures; raises `UsageError` for what does not fit together."""
        return StyleApplyConfig(
            pictures=(self.clip,),
            model=self.model,
            style=self.style,
            text=self.text,
            style_size=self.style_size,
            blend=self.blend,
            tile=self.tile,
            licences=self.licences,
        )


@dataclass(frozen=True)
class StyleInspectConfig(Checked):
    """Say what the record and the watermark of a picture or a video tell about how it was made."""

    image: Path = knob(Path(), "picture to look at: PNG, JPEG, WebP, TIFF or BMP; or a video, as .mp4", positional=True)
    json: bool = knob(False, "print the result as JSON on standard output")


@dataclass(frozen=True)
class StyleBankConfig(Checked):
    """Write the named styles of the bank as pictures: drawn by code, free for any use (CC0-1.0)."""

    out: Path = knob(Path(), "folder the pictures are written to, as NAME.png", positional=True)
    styles: tuple[str, ...] = knob((), "which styles (segue list styles); all when not given")
    size: int = knob(512, "side of the square pictures in pixels", low=16, high=2048)
    seed: int = knob(
        0, "another number draws other forms in the same style; bank:NAME stands for 0", low=0, high=2**31 - 1
    )
    json: bool = knob(False, "print the result as JSON on standard output")
    dry_run: bool = knob(False, "say what would be written, write nothing")


@dataclass(frozen=True)
class StyleEvaluateConfig(Checked):
    """Judge stylised pictures, of any program, by content, style, stability and cost, beside baselines."""

    contents: Path = knob(Path(), "folder of the pictures that were painted, or one picture", positional=True)
    styles: Path = knob(
        Path(),
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


def _no_words(text: str) -> list[str]:
    """What keeps a text from being words in one line, which names a style and stands in records."""
    if text and not text.strip():
        return ["text: expected words, got blanks alone"]
    if len(text) > MOST_WORDS:
        return [f"text: expected {MOST_WORDS} characters at most, got {len(text)}"]
    if not text.isprintable():
        return ["text: expected words in one line, got characters that cannot be printed"]
    return []
