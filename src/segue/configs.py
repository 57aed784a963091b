"""Every knob of every verb, defined once: frozen dataclasses, standard library only.

A field's default, sentence, range and choices stand together in `knob(...)`; the command line, the YAML file and the
reference page are made from them. Code below `segue.commands` receives plain arguments or one of the small pieces
(`OptimConfig`, `TransferConfig`, ...), never a dictionary.
"""

from __future__ import annotations

import dataclasses
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from segue.conversion import Groups, convert
from segue.errors import UsageError
from segue.presets import PRESETS

# of these options one on the command line replaces the other in a file
EXCLUSIVE = (("steps", "minutes"), ("optim.encoder_lr", "transfer.encoder_rate"))
STANDS_FOR = {"augment.preset": "augment"}  # this option on the command line replaces a file's whole group
PALETTES = ("ade20k", "camvid", "camvid11", "cityscapes", "dubai", "voc")
TRANSFER_MODES = ("staged", "gradual", "full", "lora", "partial", "tune-last", "tune-first", "frozen", "scratch")
LIST_KINDS = (
    *("encoders", "decoders", "losses", "metrics", "formats", "datasets", "augmentations", "presets"),
    *("sources", "scores", "transfer", "optimizers", "schedules", "styles"),
)
ENCODER, DECODER = "mobilenetv2_100", "unet"  # where neither the user nor the source of the weights names others
LORA_TARGETS = ("attention", "mlp", "conv")
OPTIMIZERS = ("adamw", "adam", "sgd", "rmsprop")
SCHEDULES = ("poly", "cosine", "one-cycle", "step", "plateau", "constant")
DEVICES = ("auto", "cpu", "cuda", "mps")
PARTS = ("auto", "all", "train", "val", "test")


def knob(
    default: Any,  # noqa: ANN401 - a knob may hold a value of any type
    help: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] | None = None,
    positional: bool = False,
    words: bool = False,
    needs: dict[str, tuple[str, ...]] | None = None,
) -> Any:  # noqa: ANN401 - dataclasses.field returns Any on purpose
    """A dataclass field with its sentence (unit and range included), inclusive bounds and choices.

    `words` lets several words follow the option on the command line, instead of one with commas. `needs` names another
    option of the same group and those of its values beside which this one has an effect; beside others it is refused.
    """
    metadata = {"help": help, "low": low, "high": high, "choices": choices, "positional": positional, "words": words}
    return field(default=default, metadata={**metadata, "needs": needs or {}})


class Otherwise:
    """The default of a knob that a preset may set; while a field holds one, nobody has given its value."""

    def __init__(self, value: Any) -> None:  # noqa: ANN401 - a knob may hold a value of any type
        self.value = value

    def __str__(self) -> str:
        """As the command line writes the value."""
        return "x".join(str(part) for part in self.value) if isinstance(self.value, tuple) else str(self.value)


class Checked:
    """Checks every field of a configuration against the bounds and choices its knob declares."""

    def __post_init__(self) -> None:
        """Bring values to their declared types, collect all that are out of bounds, then raise one `UsageError`."""
        hints = typing.get_type_hints(type(self))
        for f in dataclasses.fields(self):  # type: ignore[arg-type]
            value = getattr(self, f.name)
            if not dataclasses.is_dataclass(value):
                object.__setattr__(self, f.name, convert(hints[f.name], value, f.name))
        problems = [text for f in dataclasses.fields(self) if (text := _problem(f, getattr(self, f.name)))]  # type: ignore[arg-type]
        # a choice that does not exist is said first, not what it leaves without effect
        problems = problems or [text for f in dataclasses.fields(self) if (text := _idle(f, self))]  # type: ignore[arg-type]
        if problems:
            raise UsageError("; ".join(problems))


def _problem(f: dataclasses.Field[Any], value: Any) -> str | None:  # noqa: ANN401
    low, high, choices = (f.metadata.get(key) for key in ("low", "high", "choices"))
    if value is None or value == "":
        return None
    wrong = [one for one in (value if isinstance(value, tuple) else (value,)) if choices and one not in choices]
    if choices and wrong:
        return f"{f.name}: expected one of {', '.join(choices)}, got {wrong[0]!r}"
    numbers = value if isinstance(value, tuple) else (value,)
    for number in numbers:
        if isinstance(number, bool) or not isinstance(number, (int, float)):
            continue
        if (low is not None and not number >= low) or (high is not None and not number <= high):
            span = (
                f"at least {low:g}"
                if high is None
                else f"{low:g} to {high:g}"
                if low is not None
                else f"at most {high:g}"
            )
            return f"{f.name}: expected {span}, got {number:g}"
        if number == float("inf"):
            return f"{f.name}: expected a finite number, got inf"
    return None


def _idle(f: dataclasses.Field[Any], config: Checked) -> str | None:
    """What is wrong with an option that the choices beside it leave without effect; its default never is wrong."""
    if getattr(config, f.name) == f.default:  # files that runs and plans wrote hold every option
        return None
    for choice, values in f.metadata.get("needs", {}).items():
        if (got := getattr(config, choice)) not in values:
            return f"{f.name}: expected {choice} {' or '.join(values)} beside it, got {got}: leave it out"
    return None


def chosen(config: OptimConfig, choice: str, value: str) -> OptimConfig:
    """A copy of `config` with another `value` of `choice`; options without effect beside it are at their defaults."""
    needs = {f.name: (f.default, f.metadata["needs"].get(choice, (value,))) for f in dataclasses.fields(config)}
    idle = {name: default for name, (default, values) in needs.items() if value not in values}
    changes: dict[str, Any] = {choice: value, **idle}
    return dataclasses.replace(config, **changes)


@dataclass(frozen=True)
class DataConfig(Checked):
    """Where images and masks are and how they are read."""

    size: tuple[int, int] | None = knob(
        None, "height x width in pixels of one training crop; chosen from the images when not given", low=32, high=8192
    )
    format: str = knob("auto", "layout of the data on disk; auto looks at the folder (segue list formats)")
    mask_name: str = knob(
        "", "file name of a mask without its ending, {stem} standing for the image's, e.g. {stem}_mask"
    )
    names: tuple[str, ...] = knob((), "class names, in the order of the mask values; read or made up when not given")
    ignore: tuple[int, ...] = knob((), "mask values that stand for 'not labelled' (255 always does)", low=0, high=65535)
    merge: Groups = knob(
        Groups(),
        "classes to merge or rename, as vehicle=car+bus+truck,person=pedestrian; ignore=void makes void unlabelled",
    )
    palette: str = knob(
        "", "data set whose published class colours the masks are coded in; found by itself in most", choices=PALETTES
    )
    split: Path | None = knob(None, "split.json of another run, to train and validate on the same images")
    val_fraction: float = knob(
        0.3, "share of the groups held out for validation when the data has no split", low=0.01, high=0.9
    )
    group_duplicates: bool = knob(
        False,
        "keep near duplicates (encoded again, resized, mirrored, cropped) on one side when the data is split; a split "
        "the data comes with stays as it is",
    )
    look_at: int | None = knob(
        None,
        "images, drawn by the seed, that are looked at before training, half of them of the part to validate with, and "
        "scored after it; when not given all, of more than 100 000 only 512",
        low=4,
    )
    workers: int | None = knob(
        None, "threads that load images ahead, 0 loads in the main one; chosen when not given", low=0, high=64
    )


@dataclass(frozen=True)
class ModelConfig(Checked):
    """The network: a pretrained encoder and a decoder on top of it."""

    encoder: str = knob(
        "",
        f"network that gives the feature maps (segue list encoders); when not given {ENCODER}, or that of the whole "
        "network which weights name",
    )
    decoder: str = knob(
        "",
        f"decoder put on the encoder (segue list decoders); when not given {DECODER}, or that of the whole network "
        "which weights name",
    )
    weights: str = knob(
        "hub",
        "pretrained weights: hub (by the encoder's name), a .safetensors or .pth file, or a whole network: another "
        "run, torchvision:NAME, hf:OWNER/NAME or a folder of save_pretrained (segue list sources)",
    )
    auxiliary: float = knob(
        0.4,
        "weight of the loss on auxiliary heads, of decoders that have them and while the encoder trains; 0: none",
        low=0,
        high=10,
    )
    dropout: float = knob(
        0.0, "probability that training drops one of the maps in front of the last layer", low=0, high=0.9
    )
    drop_path: float = knob(
        0.0, "probability that training skips the encoder's last residual block, 0 at the first", low=0, high=0.9
    )


@dataclass(frozen=True)
class TransferConfig(Checked):
    """What of the pretrained network is kept, and how fast the rest of it moves."""

    mode: str = knob("staged", "how the pretrained encoder is used (segue list transfer)", choices=TRANSFER_MODES)
    head_fraction: float = knob(
        0.06,
        "share of the steps that train the decoder alone (modes staged and gradual)",
        low=0,
        high=0.9,
        needs={"mode": ("staged", "gradual")},
    )
    unfreeze: float = knob(
        0.5,
        "share of the steps after which the stem, the last in line, trains too (mode gradual)",
        low=0,
        high=0.95,
        needs={"mode": ("gradual",)},
    )
    frozen_stages: int = knob(
        2,
        "encoder stages kept as they are, counted from the stem (mode partial)",
        low=0,
        high=64,
        needs={"mode": ("partial",)},
    )
    tuned_stages: int = knob(
        1,
        "encoder stages that train, the others are kept (modes tune-last and tune-first)",
        low=1,
        high=64,
        needs={"mode": ("tune-last", "tune-first")},
    )
    encoder_rate: float = knob(
        0.1, "learning rate of the encoder relative to the decoder's; optim.encoder_lr wins over it", low=0, high=10
    )
    layer_decay: float = knob(1.0, "factor on the rate per encoder stage, from the last to the stem", low=0.01, high=1)
    rank: int = knob(
        8,
        "rank of the matrices that are added to the encoder's weights (mode lora)",
        low=1,
        high=1024,
        needs={"mode": ("lora",)},
    )
    alpha: float = knob(
        16.0, "the added matrices count alpha / rank (mode lora)", low=1e-3, high=1e4, needs={"mode": ("lora",)}
    )
    targets: tuple[str, ...] = knob(
        (),
        "encoder layers that get matrices, all kinds when not given (mode lora)",
        choices=LORA_TARGETS,
        needs={"mode": ("lora",)},
    )
    l2sp: float = knob(
        0.0, "pull of the encoder's weights towards the pretrained ones, instead of weight decay", low=0, high=1e4
    )
    interpolate: str = knob(
        "none",
        "weights between those after the head phase (0) and the final ones (1): a number, auto (the best of five on "
        "the validation images) or none",
    )

    def __post_init__(self) -> None:
        """Refuse methods that the mode leaves nothing to do for."""
        super().__post_init__()
        problems = [text for text in (self._idle_pull(), self._bad_interpolation(), self._too_late()) if text]
        if problems:
            raise UsageError("; ".join(problems))

    def _idle_pull(self) -> str | None:
        idle = {
            "scratch": "has no pretrained weights to pull towards",
            "frozen": "never leaves the pretrained weights",
            "lora": "never leaves the pretrained weights; weight decay pulls its matrices towards zero",
        }
        return f"l2sp: mode {self.mode} {idle[self.mode]}" if self.l2sp > 0 and self.mode in idle else None

    def _bad_interpolation(self) -> str | None:
        if self.interpolate == "none":
            return None
        try:
            within = self.interpolate == "auto" or 0 <= float(self.interpolate) <= 1
        except ValueError:
            within = False
        if not within:
            return f"interpolate: expected none, auto or a number from 0 to 1, got {self.interpolate!r}"
        if self.mode not in ("staged", "gradual") or self.head_fraction == 0:
            return "interpolate: expected a head phase (mode staged or gradual, head_fraction above 0), got none"
        return None

    def _too_late(self) -> str | None:
        if self.mode != "gradual" or self.unfreeze >= self.head_fraction:
            return None
        return f"unfreeze: expected at least head_fraction, {self.head_fraction:g}, got {self.unfreeze:g}"


@dataclass(frozen=True)
class OptimConfig(Checked):
    """The optimiser and its schedule."""

    optimizer: str = knob("adamw", "how gradients become steps (segue list optimizers)", choices=OPTIMIZERS)
    lr: float = knob(2e-3, "peak learning rate of the decoder", low=1e-8, high=10)
    encoder_lr: float | None = knob(
        None, "peak learning rate of the encoder; lr times transfer.encoder_rate when not given", low=1e-9, high=10
    )
    momentum: float = knob(
        0.9,
        "share of the last step kept in the next (sgd and rmsprop)",
        low=0,
        high=0.999,
        needs={"optimizer": ("sgd", "rmsprop")},
    )
    nesterov: bool = knob(False, "look ahead along the momentum (sgd)")
    weight_decay: float = knob(
        0.01, "pull of the weights towards zero; biases and normalisation layers are left out", low=0, high=1
    )
    batch: int = knob(8, "number of images per training step", low=1, high=4096)
    micro_batches: int = knob(
        1, "parts a batch is split into to fit in memory (gradient accumulation)", low=1, high=4096
    )
    schedule: str = knob("poly", "how the rate moves over the run (segue list schedules)", choices=SCHEDULES)
    warmup: float = knob(
        0.05,
        "share of the steps over which the rate rises from zero (all schedules but one-cycle), the decoder's once more "
        "after a head phase",
        low=0,
        high=0.5,
    )
    power: float = knob(
        0.9, "exponent of the decay of the rate to zero (schedule poly)", low=0, high=5, needs={"schedule": ("poly",)}
    )
    rise: float = knob(
        0.25,
        "share of the steps over which the rate rises (schedule one-cycle)",
        low=0.01,
        high=0.9,
        needs={"schedule": ("one-cycle",)},
    )
    milestones: tuple[float, ...] = knob(
        (0.5, 0.75),
        "shares of the steps at which the rate falls (schedule step)",
        low=0,
        high=1,
        needs={"schedule": ("step",)},
    )
    gamma: float = knob(
        0.1,
        "factor on the rate when it falls (schedules step and plateau)",
        low=0.001,
        high=1,
        needs={"schedule": ("step", "plateau")},
    )
    plateau_patience: int = knob(
        1,
        "validations without a better mIoU that pass before the rate falls (schedule plateau)",
        low=0,
        high=1000,
        needs={"schedule": ("plateau",)},
    )
    clip_norm: float = knob(1.0, "gradients are scaled down to this norm, 0 switches it off", low=0, high=1e6)
    ema: float = knob(
        0.04, "horizon of the averaged weights as a share of all steps, 0 switches averaging off", low=0, high=1
    )
    class_weights: float = knob(
        0.5,
        "power of the inverse class share that weighs ce, bce, ohem and focal: 0 every pixel alike, 1 every class",
        low=0,
        high=1,
    )
    loss: str = knob("ce + jaccard", 'weighted sum of losses, e.g. "0.25*ce + 0.75*jaccard" (segue list losses)')

    def __post_init__(self) -> None:
        """Check what depends on two values, too."""
        super().__post_init__()
        if self.nesterov and (self.optimizer != "sgd" or self.momentum == 0):
            raise UsageError("nesterov: expected optimizer sgd with a momentum above 0, got another")


class Training(Checked):
    """Checks what options of a training say together."""

    transfer: TransferConfig
    optim: OptimConfig

    def __post_init__(self) -> None:
        """Refuse an `encoder_lr` beside another setting of the encoder's rate, or for an encoder that never moves."""
        super().__post_init__()
        rate, share = self.optim.encoder_lr, self.transfer.encoder_rate
        if rate is None:
            return
        if share != TransferConfig().encoder_rate:
            raise UsageError(
                f"expected --optim.encoder-lr or --transfer.encoder-rate, got both: {rate:g} is the rate "
                f"itself, {share:g} a share of the decoder's"
            )
        if self.transfer.mode == "frozen":
            raise UsageError("expected a mode in which the encoder moves beside --optim.encoder-lr, got frozen")


@dataclass(frozen=True)
class AugmentConfig(Checked):
    """Random changes of the training images; masks move along. A preset sets the values that are not given."""

    preset: str = knob("", "values for a kind of images; given ones win (segue list presets)", choices=tuple(PRESETS))
    scale: tuple[float, float] = knob(
        Otherwise((0.5, 1.0)), "side of the random crop as a share of the image's, from x to", low=0.01, high=4
    )
    rare_crops: float = knob(Otherwise(0.0), "share of the crops that are laid around a rare class", low=0, high=1)
    flip: float = knob(Otherwise(0.5), "probability of a left-right flip", low=0, high=1)
    flip_vertical: float = knob(Otherwise(0.0), "probability of an up-down flip", low=0, high=1)
    quarter_turn: float = knob(Otherwise(0.0), "probability of a turn by 90, 180 or 270 degrees", low=0, high=1)
    rotate: float = knob(Otherwise(0.0), "largest rotation in degrees, to either side", low=0, high=180)
    elastic: float = knob(
        Otherwise(0.0), "largest elastic deformation; 1 moves points by 12 % of the shorter side", low=0, high=1
    )
    grid: float = knob(
        Otherwise(0.0), "largest grid distortion: stripes get wider or narrower by this share", low=0, high=0.9
    )
    mosaic: float = knob(Otherwise(0.0), "probability of a crop made of parts of four images", low=0, high=1)
    copy_paste: float = knob(
        Otherwise(0.0), "probability that a rare class of another image is pasted on", low=0, high=1
    )
    cutmix: float = knob(
        Otherwise(0.0), "probability that a rectangle is replaced by a part of another image", low=0, high=1
    )
    fda: float = knob(
        Otherwise(0.0), "probability that slow waves get the strength they have in another picture", low=0, high=1
    )
    histogram: float = knob(
        Otherwise(0.0), "probability that each channel gets the histogram of another picture", low=0, high=1
    )
    stylise: float = knob(
        Otherwise(0.0),
        "probability that the style network that ships paints the crop as another picture, at a strength of 0.3 to 1",
        low=0,
        high=1,
    )
    style_images: Path | None = knob(
        None,
        "folder of pictures, labels not needed, that fda, histogram and stylise take their styles from; the training "
        "images when not given",
    )
    colour: float = knob(Otherwise(0.3), "strength of random brightness, contrast and saturation", low=0, high=1)
    hue: float = knob(Otherwise(0.0), "largest shift of the hue as a share of the colour circle", low=0, high=0.5)
    blur: float = knob(Otherwise(0.0), "probability of a Gaussian blur (0.5 to 2 pixels)", low=0, high=1)
    noise: float = knob(Otherwise(0.0), "probability of Gaussian noise (up to 20 of 255 levels)", low=0, high=1)
    jpeg: float = knob(Otherwise(0.0), "probability of JPEG compression (quality 30 to 95)", low=0, high=1)
    cutout: float = knob(Otherwise(0.0), "probability that a rectangle is blotted out", low=0, high=1)

    def __post_init__(self) -> None:
        """Fill in what was not given from the preset; check what depends on several values, too."""
        chosen = PRESETS.get(self.preset, {})
        for f in dataclasses.fields(self):
            if isinstance(getattr(self, f.name), Otherwise):
                object.__setattr__(self, f.name, chosen.get(f.name, getattr(self, f.name).value))
        super().__post_init__()
        if self.scale[0] > self.scale[1]:
            raise UsageError(f"scale: expected the smaller share first, got {self.scale[0]:g}x{self.scale[1]:g}")
        if self.style_images is not None and self.fda == self.histogram == self.stylise == 0:
            raise UsageError(
                "style_images: expected fda, histogram or stylise above 0 beside it, got 0 of each: leave it out"
            )


@dataclass(frozen=True)
class TrainConfig(Checked):
    """How training runs: machine, precision, checkpoints, stopping."""

    device: str = knob("auto", "where to train", choices=DEVICES)
    precision: str = knob(
        "auto",
        "number format of the forward pass; auto takes bf16 where the hardware multiplies it natively; fp16 needs CUDA",
        choices=("auto", "fp32", "bf16", "fp16"),
    )
    threads: int | None = knob(None, "CPU threads; the bytes of the result depend on it", low=1, high=1024)
    validations: int | None = knob(
        None,
        "how often the run is validated while it trains, evenly spread, on at most 200 images; when not given, 2 to 10 "
        "times on 16 to 200 images, as a tenth of the training time allows",
        low=1,
        high=10_000,
    )
    patience: float = knob(
        0.5, "stop when validation has not improved for this share of the steps, 1 never stops early", low=0.01, high=1
    )
    stop_warmup: float = knob(0.4, "share of the steps before which a run never stops early", low=0, high=1)
    checkpoint_every: int | None = knob(None, "steps between two resume points; every validation when not given", low=1)
    shard: bool = knob(
        False,
        "under torchrun, leave each process a part of the weights, gradients and moments (FSDP), for networks that one "
        "device cannot train",
    )


@dataclass(frozen=True)
class FitConfig(Training):
    """Train a segmentation model on images and masks, evaluate it, write a report."""

    paths: tuple[Path, ...] = knob(
        (), "one folder with images and masks in it, or an image folder and a mask folder", positional=True
    )
    out: Path | None = knob(None, "run folder; runs/<data>-<n> when not given")
    resume: Path | None = knob(None, "run folder to continue exactly where it stopped; takes no other option")
    config: Path | None = knob(
        None, "YAML file with any of these options, such as a run's config.yaml; flags win over it"
    )
    plan: Path | None = knob(
        None, "plan.yaml of segue plan, edited or not; holds where neither flags nor --config say otherwise"
    )
    configure: bool = knob(
        True, "without --plan, decide what is left open from the data, as segue plan does; else the fixed defaults hold"
    )
    steps: int | None = knob(None, "training steps; computed from the data when not given", low=1)
    minutes: float | None = knob(None, "wall-clock budget in minutes, evaluation included; sets the steps", low=0.1)
    folds: int = knob(
        1,
        "networks to train, each judged on the images it was not trained on; their mean is the model; 1 holds out one "
        "part",
        low=1,
        high=20,
    )
    seed: int = knob(0, "seed of everything random", low=0, high=2**31 - 1)
    commercial: bool = knob(
        False, "refuse an encoder or weights whose licence is not known to allow commercial use (segue list encoders)"
    )
    json: bool = knob(False, "print the result as JSON on standard output")
    dry_run: bool = knob(False, "check the data, print the resolved configuration, write nothing")
    data: DataConfig = DataConfig()
    model: ModelConfig = ModelConfig()
    transfer: TransferConfig = TransferConfig()
    optim: OptimConfig = OptimConfig()
    augment: AugmentConfig = AugmentConfig()
    train: TrainConfig = TrainConfig()


@dataclass(frozen=True)
class PlanConfig(Checked):
    """Decide how to train on a data set, from its own pixels: fingerprint.json and a plan.yaml to read and edit."""

    paths: tuple[Path, ...] = knob(
        (), "one folder with images and masks in it, or an image folder and a mask folder", positional=True
    )
    out: Path = knob(Path("plan"), "folder fingerprint.json and plan.yaml are written to")
    minutes: float = knob(
        10.0, "the most planning may take, sources compared by short trainings included, 0 compares none", low=0
    )
    device: str = knob("auto", "where the plan will be trained", choices=DEVICES)
    sources: tuple[str, ...] = knob(
        (),
        "pretrained weights to choose from: files, runs or encoders' names; ENCODER=FILE where a file does not tell",
        words=True,
    )
    commercial: bool = knob(False, "only encoders and weights whose licence is known to allow commercial use")
    max_ms: float | None = knob(
        None, "only encoders that take at most this many milliseconds for one image of 256x256 on one core", low=0
    )
    seed: int = knob(0, "seed of the split, the pixels drawn and the short trainings", low=0, high=2**31 - 1)
    explain: bool = knob(False, "print the reasoning in full sentences instead of a summary")
    json: bool = knob(False, "print fingerprint, ranking and decisions as JSON on standard output")
    dry_run: bool = knob(False, "decide and show, write nothing")
    data: DataConfig = DataConfig()


@dataclass(frozen=True)
class LrFindConfig(Training):
    """Try rising learning rates on a throwaway copy of the network, draw the losses, suggest a rate."""

    paths: tuple[Path, ...] = knob(
        (), "one folder with images and masks in it, or an image folder and a mask folder", positional=True
    )
    out: Path = knob(Path("lr-find"), "folder lr_find.json and lr_find.png are written to")
    steps: int = knob(100, "rates that are tried, one training step each", low=20, high=10_000)
    lowest: float = knob(1e-6, "first rate of the decoder", low=1e-10, high=1)
    highest: float = knob(1.0, "last rate of the decoder", low=1e-8, high=100)
    seed: int = knob(0, "seed of everything random", low=0, high=2**31 - 1)
    commercial: bool = knob(
        False, "refuse an encoder or weights whose licence is not known to allow commercial use (segue list encoders)"
    )
    json: bool = knob(False, "print the result as JSON on standard output")
    dry_run: bool = knob(False, "check the data and the options, compute and write nothing")
    data: DataConfig = DataConfig()
    model: ModelConfig = ModelConfig()
    transfer: TransferConfig = TransferConfig()
    optim: OptimConfig = OptimConfig()
    augment: AugmentConfig = AugmentConfig()
    train: TrainConfig = TrainConfig()

    def __post_init__(self) -> None:
        """Check that the rates rise, too."""
        super().__post_init__()
        if self.highest < 10 * self.lowest:
            raise UsageError(f"highest: expected at least ten times lowest, {10 * self.lowest:g}, got {self.highest:g}")


@dataclass(frozen=True)
class BenchConfig(Training):
    """Measure how fast this machine reads, trains and predicts, say what holds it back and how long a fit takes."""

    paths: tuple[Path, ...] = knob(
        (),
        "one folder with images and masks in it, or an image folder and a mask folder; or a finished run, which is "
        "measured with its own options",
        positional=True,
    )
    out: Path | None = knob(None, "file the figures are written to as JSON; nothing is written when not given")
    seconds: float = knob(
        60.0, "time to measure for, in seconds; three rounds are taken, however long", low=1, high=86400
    )
    config: Path | None = knob(
        None, "YAML file with any of the options of segue fit, such as a run's config.yaml; flags win over it"
    )
    plan: Path | None = knob(
        None, "plan.yaml of segue plan, edited or not; holds where neither flags nor --config say otherwise"
    )
    configure: bool = knob(
        True, "without --plan, decide what is left open from the data, as segue fit does; else the fixed defaults hold"
    )
    steps: int | None = knob(None, "training steps of the fit; computed from the data when not given", low=1)
    minutes: float | None = knob(None, "wall-clock budget of the fit in minutes, instead of its steps", low=0.1)
    folds: int = knob(1, "networks the fit trains, as of segue fit; one of them is measured", low=1, high=20)
    seed: int = knob(0, "seed of everything random", low=0, high=2**31 - 1)
    commercial: bool = knob(
        False, "refuse an encoder or weights whose licence is not known to allow commercial use (segue list encoders)"
    )
    json: bool = knob(False, "print the result as JSON on standard output")
    dry_run: bool = knob(False, "check the data and the options, measure and write nothing")
    data: DataConfig = DataConfig()
    model: ModelConfig = ModelConfig()
    transfer: TransferConfig = TransferConfig()
    optim: OptimConfig = OptimConfig()
    augment: AugmentConfig = AugmentConfig()
    train: TrainConfig = TrainConfig()


@dataclass(frozen=True)
class EvaluateConfig(Checked):
    """Score a run on labelled images, with a 95 % interval."""

    run: Path = knob(Path(), "run folder, or its model folder", positional=True)
    paths: tuple[Path, ...] = knob((), "labelled data, in any layout fit takes", positional=True)
    out: Path | None = knob(
        None, "folder for evaluation.json, per_image.csv and report.html; nothing is written when not given"
    )
    split: str = knob("auto", "which part of the data: auto is val if there is one, else all of it", choices=PARTS)
    format: str = knob("auto", "layout of the data on disk (segue list formats)")
    mask_name: str = knob("", "file name of a mask without its ending, {stem} standing for the image's")
    device: str = knob("auto", "where to compute", choices=DEVICES)
    metrics: tuple[str, ...] = knob((), "further scores, such as hd95,nsd,kappa (segue list metrics)")
    spacing: tuple[float, float] | None = knob(
        None,
        "height x width of a pixel in the unit lengths are wanted in, e.g. 0.5x0.5 for mm; pixels when not given",
        low=1e-9,
        high=1e9,
    )
    tolerance: float | None = knob(
        None, "length up to which contours agree (nsd) or are near (trimap_iou), in pixels or as --spacing", low=0
    )
    missed: str = knob(
        "exclude",
        "distance of a class that only the truth or only the prediction has: exclude leaves the image out and counts "
        "it, diagonal takes the image's diagonal",
        choices=("exclude", "diagonal"),
    )
    resamples: int = knob(1000, "bootstrap draws behind the interval", low=100, high=100_000)
    seed: int = knob(0, "seed of the bootstrap", low=0, high=2**31 - 1)
    json: bool = knob(False, "print the result as JSON on standard output")
    dry_run: bool = knob(False, "check the run and the data, compute nothing")


@dataclass(frozen=True)
class CompareConfig(Checked):
    """Say whether one of two runs is better: yes, no, or not enough images."""

    run_a: Path | None = knob(None, "run folder, or a folder that segue evaluate --out wrote", positional=True)
    run_b: Path | None = knob(None, "the same of the other run", positional=True)
    paths: tuple[Path, ...] = knob(
        (), "labelled data to evaluate both runs on; their own evaluations are compared when not given", positional=True
    )
    margin: float = knob(0.01, "smallest difference of the mIoU that matters", low=1e-4, high=1)
    split: str = knob(
        "auto",
        "which part of the data: auto is val if there is one, else what neither run was trained on",
        choices=PARTS,
    )
    format: str = knob("auto", "layout of the data on disk (segue list formats)")
    mask_name: str = knob("", "file name of a mask without its ending, {stem} standing for the image's")
    device: str = knob("auto", "where to compute", choices=DEVICES)
    resamples: int = knob(2000, "bootstrap draws behind the intervals", low=100, high=100_000)
    seed: int = knob(0, "seed of the bootstrap", low=0, high=2**31 - 1)
    json: bool = knob(False, "print the result as JSON on standard output")


@dataclass(frozen=True)
class ForecastConfig(Checked):
    """Say what more labelled images would bring: a learning curve from trainings on fewer of those there are."""

    run: Path = knob(Path(), "run folder of a finished segue fit", positional=True)
    target: float | None = knob(None, "mIoU that is wanted: how many labelled images give it", low=0.01, high=1)
    factor: float = knob(2.0, "how many times the labelled images there are to forecast for", low=1.1, high=16)
    seeds: int = knob(1, "trainings of each size; more make the curve surer, and cost as much again", low=1, high=20)
    out: Path | None = knob(None, "folder of the smaller trainings and forecast.json; RUN/forecast when not given")
    json: bool = knob(False, "print the result as JSON on standard output")
    dry_run: bool = knob(False, "say what would be trained and what it costs, train nothing")


@dataclass(frozen=True)
class PredictConfig(Checked):
    """Segment images of any size with a run."""

    run: Path = knob(Path(), "run folder, or its model folder", positional=True)
    paths: tuple[Path, ...] = knob((), "image files, folders and quoted globs", positional=True)
    out: Path = knob(Path("predictions"), "folder the masks and overlays are written to")
    overlay: bool = knob(True, "also write the image with the classes painted over it")
    probabilities: bool = knob(
        False,
        "also write the class probabilities, calibrated with the model's temperature (float16 .npz, classes x height x "
        "width; for a raster a float32 GeoTIFF)",
    )
    uncertainty: bool = knob(
        False,
        "also write how unsure each pixel is (16-bit PNG or GeoTIFF: entropy of the calibrated probabilities, 65534 is "
        "as unsure as can be) and list the images' scores in predictions.csv",
    )
    review: str = knob(
        "", "class whose pixels to look at are marked in a further file, at the threshold that segue review found"
    )
    abstain: bool = knob(
        False, "write nothing for an image unlike the training images (5 % of those like them are, too); it is listed"
    )
    tile: int | None = knob(
        None, "side in pixels past which an image is cut into tiles; chosen when not given", low=64, high=16384
    )
    overlap: float = knob(0.25, "share of a tile that overlaps its neighbour", low=0, high=0.75)
    batch: int = knob(
        1, "tiles prepared at once for the network; more take more memory, the result is the same", low=1, high=1024
    )
    device: str = knob("auto", "where to compute", choices=DEVICES)
    json: bool = knob(False, "print the result as JSON on standard output")
    dry_run: bool = knob(False, "list what would be written, write nothing")


@dataclass(frozen=True)
class ReviewConfig(Checked):
    """Find the pixels to look at so that no more of a class is missed than you allow."""

    run: Path = knob(Path(), "run folder, or its model folder; the thresholds are written into it", positional=True)
    paths: tuple[Path, ...] = knob(
        (), "labelled data that the run was not trained on, in any layout fit takes", positional=True
    )
    classes: tuple[str, ...] = knob((), "classes to find thresholds for; all when not given")
    risk: float = knob(0.1, "share of a class that may be missed on average over new images", low=0.001, high=0.9)
    unit: str = knob(
        "auto",
        "what counts as one independent draw; auto takes groups (videos, folders) where images share them",
        choices=("auto", "images", "groups"),
    )
    split: str = knob("auto", "which part of the data: auto is val if there is one, else all of it", choices=PARTS)
    format: str = knob("auto", "layout of the data on disk (segue list formats)")
    mask_name: str = knob("", "file name of a mask without its ending, {stem} standing for the image's")
    device: str = knob("auto", "where to compute", choices=DEVICES)
    json: bool = knob(False, "print the result as JSON on standard output")
    dry_run: bool = knob(False, "check the run and the data, compute and write nothing")


@dataclass(frozen=True)
class DoctorConfig(Checked):
    """Find every problem of a data set before training, and repair what can be repaired."""

    paths: tuple[Path, ...] = knob(
        (), "one folder with images and masks in it, or an image folder and a mask folder", positional=True
    )
    fix: Path | None = knob(None, "folder a repaired copy of the data is written to")
    out: Path | None = knob(None, "file the findings are written to as JSON")
    format: str = knob("auto", "layout of the data on disk (segue list formats)")
    mask_name: str = knob("", "file name of a mask without its ending, {stem} standing for the image's")
    ignore: tuple[int, ...] = knob((), "mask values that stand for 'not labelled' (255 always does)", low=0, high=65535)
    max_pixels: int = knob(200_000_000, "an image with more pixels is reported as a pixel bomb and not decoded", low=1)
    json: bool = knob(False, "print the findings as JSON on standard output")
    dry_run: bool = knob(False, "with --fix: say what would be repaired, write nothing")


@dataclass(frozen=True)
class ConvertConfig(Checked):
    """Write a data set in another layout."""

    paths: tuple[Path, ...] = knob(
        (), "the data, in any layout fit takes, and last the new folder to write to", positional=True
    )
    to: str = knob("", "layout to write (segue list formats)")
    format: str = knob("auto", "layout of the data on disk (segue list formats)")
    mask_name: str = knob("", "file name of a mask without its ending, {stem} standing for the image's")
    names: tuple[str, ...] = knob((), "class names, in the order of the mask values; read or made up when not given")
    ignore: tuple[int, ...] = knob((), "mask values that stand for 'not labelled' (255 always does)", low=0, high=65535)
    merge: Groups = knob(Groups(), "classes to merge or rename, as vehicle=car+bus,person=pedestrian,ignore=void")
    palette: str = knob(
        "", "data set whose published class colours the masks are coded in; found by itself in most", choices=PALETTES
    )
    val_fraction: float | None = knob(
        None, "share of the groups to hold out as val where the data has no split", low=0.01, high=0.9
    )
    seed: int = knob(0, "seed of that division", low=0, high=2**31 - 1)
    json: bool = knob(False, "print the result as JSON on standard output")
    dry_run: bool = knob(False, "read the data and say what would be written, write nothing")


@dataclass(frozen=True)
class DownloadConfig(Checked):
    """Fetch a public data set, or say how to get it where its terms ask for more."""

    name: str = knob("", "which data set (segue list datasets)", positional=True)
    out: Path | None = knob(None, "folder it is unpacked to; data/<name> when not given")
    keep: bool = knob(False, "keep the archives in the cache after unpacking them")
    json: bool = knob(False, "print the result as JSON on standard output")
    dry_run: bool = knob(False, "show the terms and what would be fetched, fetch nothing")


@dataclass(frozen=True)
class ListConfig(Checked):
    """List what there is: encoders, decoders, losses and all else that has a name, with what is known of it."""

    kind: str = knob("", "what to list", positional=True, choices=LIST_KINDS)
    filter: str = knob("", "show only names that contain this text, in whatever case")
    all: bool = knob(False, "encoders: show every name of timm, not only the canon")
    commercial: bool = knob(
        False, "encoders and decoders: only those whose licence, of the default weights too, allows commercial use"
    )
    max_ms: float | None = knob(
        None, "encoders and decoders: at most this many milliseconds for one image of 256x256 on one core", low=0
    )
    max_params: float | None = knob(None, "encoders and decoders: at most this many million parameters", low=0)
    measure: bool = knob(False, "encoders and decoders: measure the milliseconds on this machine")
    seconds: float = knob(60.0, "time after which --measure begins with no further network", low=1, high=86400)
    json: bool = knob(False, "print the list as JSON on standard output")


@dataclass(frozen=True)
class DemoConfig(Checked):
    """The whole story on a generated data set: offline, on a CPU, in minutes."""

    out: Path = knob(Path("segue-demo"), "folder for the generated data and the three runs")
    images: int = knob(24, "labelled target images to learn from", low=4, high=1000)
    steps: int = knob(300, "training steps of each of the three runs", low=1)
    seed: int = knob(0, "seed of the scenes and of training", low=0, high=2**31 - 1)
    json: bool = knob(False, "print the table as JSON on standard output")
