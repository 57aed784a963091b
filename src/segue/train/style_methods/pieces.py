"""What a method brings to the loop, what it is made from, and the recipe that a configuration asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from segue.errors import UsageError
from segue.models.source import Source
from segue.objectives.style.batch import StyleObjective
from segue.style.network import Prepared, StyleNetwork
from segue.style.objective import Recipe
from segue.style.presets import TRAIN_PRESETS
from segue.style.record import UsedStyle
from segue.style_configs import StyleTrainConfig
from segue.train.style_data import StyleSet


@dataclass(frozen=True)
class StyleData:
    """The files of a run: photos to learn on, some held out for samples, and the styles with where they lie.

    `known` are the styles of the network that new ones are added to, or the text that is followed; `numbers` and
    `base_sha256` are those of the network that the run begins with.
    """

    photos: tuple[Path, ...]
    held_out: tuple[Path, ...]
    styles: tuple[UsedStyle, ...]
    paths: tuple[Path, ...]
    known: tuple[UsedStyle, ...] = ()
    numbers: dict[str, Any] | None = None
    base_sha256: str = ""


@dataclass(frozen=True)
class Pieces:
    """A network, what it minimises, its batches, the styles samples are shown in, and the loss network.

    `told` is what `model.json` says of the training besides what all methods have in common, for people.
    """

    network: StyleNetwork
    objective: StyleObjective
    batches: StyleSet
    shown: Callable[[StyleNetwork], list[Prepared]]
    loss_network: str
    source: Source
    told: dict[str, Any] = field(default_factory=dict)


def recipe_of(config: StyleTrainConfig) -> tuple[str, Recipe]:
    """The loss network and the recipe of a preset, with what was given beside it in its place."""
    preset = TRAIN_PRESETS[config.preset]
    style_taps = config.style_taps or preset.style_taps
    weights = config.tap_weights or (1.0,) * len(style_taps)
    if len(weights) != len(style_taps):
        raise UsageError(f"tap_weights: expected a weight for each of {len(style_taps)} taps, got {len(weights)}")
    return config.network or preset.network, Recipe(
        config.content_taps or preset.content_taps,
        style_taps,
        tuple(weight / sum(weights) for weight in weights),
        _given(config.content_weight, preset.content_weight),
        _given(config.style_weight, preset.style_weight),
        _given(config.tv_weight, preset.tv_weight),
        preset.division,
    )


def _given(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value
