"""Networks, taps and weights that go together."""

from __future__ import annotations

from dataclasses import dataclass

from segue.errors import UsageError
from segue.style.objective import Recipe
from segue.style_configs import StyleOptimiseConfig, StyleTrainConfig

GATYS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")


@dataclass(frozen=True)
class Preset:
    """`division` is that of `segue.style.losses`, for which the weights are meant; "" leaves the network open."""

    network: str
    content_taps: tuple[str, ...]
    style_taps: tuple[str, ...]
    division: str
    content_weight: float = 1.0
    style_weight: float = 1.0
    tv_weight: float = 0.0


# the weight of style is for torchvision's VGG19, whose activations are smaller than those of the paper's network: with
# activations s times as large, the content loss grows with s² and the style loss with s⁴
PRESETS = {
    "gatys": Preset("vgg19", ("relu4_2",), GATYS, "gatys", style_weight=4e3),
    "gatys5": Preset("vgg19", ("relu4_2",), (*GATYS, "relu5_1"), "gatys", style_weight=4e3),
    "vgg16-relu3": Preset(
        "vgg16", ("relu3_3",), ("relu1_2", "relu2_2", "relu3_1", "relu3_3"), "relative", style_weight=10.0
    ),
    "strides": Preset("", ("stride8",), ("stride2", "stride4", "stride8"), "relative", style_weight=10.0),
}

JOHNSON = ("relu1_2", "relu2_2", "relu3_3", "relu4_3")

# for networks that are trained to paint; a division of "relative" makes weights mean the same for every loss network
TRAIN_PRESETS = {
    "squeezenet": Preset(
        "squeezenet1_1", ("fire4",), ("relu1", "fire2", "fire4", "fire5"), "relative", style_weight=20.0, tv_weight=1.0
    ),
    "vgg16-relu3": Preset(
        "vgg16", ("relu3_1",), ("relu1_2", "relu2_2", "relu3_1"), "relative", style_weight=20.0, tv_weight=1.0
    ),
    "vgg16": Preset("vgg16", ("relu3_3",), JOHNSON, "relative", style_weight=20.0, tv_weight=1.0),
}


def recipe_from(preset: Preset, asked: StyleOptimiseConfig | StyleTrainConfig, statistic: str = "gram") -> Recipe:
    """The recipe of a preset, with what was given beside it in its place.

    Raises `UsageError` where there are not as many weights as style taps.
    """
    style_taps = asked.style_taps or preset.style_taps
    weights = asked.tap_weights or (1.0,) * len(style_taps)
    if len(weights) != len(style_taps):
        raise UsageError(f"tap_weights: expected a weight for each of {len(style_taps)} taps, got {len(weights)}")
    return Recipe(
        asked.content_taps or preset.content_taps,
        style_taps,
        tuple(weight / sum(weights) for weight in weights),
        _given(asked.content_weight, preset.content_weight),
        _given(asked.style_weight, preset.style_weight),
        _given(asked.tv_weight, preset.tv_weight),
        preset.division,
        statistic,
    )


def _given(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value
