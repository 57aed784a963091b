"""What a method brings to the loop, what it is made from, and the recipe that a configuration asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from segue.models.source import Source
from segue.objectives.style.batch import StyleObjective
from segue.style.network import Prepared, StyleNetwork
from segue.style.objective import Recipe
from segue.style.presets import TRAIN_PRESETS, recipe_from
from segue.style.record import UsedStyle
from segue.style_configs import StyleTrainConfig
from segue.train.style_data import StyleSet


@dataclass(frozen=True)
class StyleData:
    """The files of a run: photos to learn on, some held out for samples, and the styles with where they lie.

    `known` are the styles of the network that new ones are added to, or the text that is followed; `numbers` and
    `base_sha256` are those of the network that the run begins with; `bytes` are the lengths of the files of `photos`
    and `held_out`, empty for a run that did not note them.
    """

    photos: tuple[Path, ...]
    held_out: tuple[Path, ...]
    styles: tuple[UsedStyle, ...]
    paths: tuple[Path, ...]
    known: tuple[UsedStyle, ...] = ()
    numbers: dict[str, Any] | None = None
    base_sha256: str = ""
    bytes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Pieces:
    """A network, what it minimises, its batches, the styles samples are shown in, and the loss network.

    `pretrained` is the prefix of weights that began trained and move at a tenth of the rate, `pretrained_source` says
    where they came from. `files` are the SHA-256 of all files of a guide, by name. `told` is what `model.json` says of
    the training besides what all methods have in common, for people.
    """

    network: StyleNetwork
    objective: StyleObjective
    batches: StyleSet
    shown: Callable[[StyleNetwork], list[Prepared]]
    loss_network: str
    source: Source
    pretrained: str = ""
    pretrained_source: Source | None = None
    told: dict[str, Any] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)

    @property
    def hashes(self) -> dict[str, Any]:
        """SHA-256 of the weights and files a run is held to when it goes on, by what `data.json` calls them."""
        began = self.pretrained_source
        weights = {"loss_sha256": self.source.sha256, "pretrained_sha256": began.sha256 if began else None}
        return {**weights, "guide_sha256": self.files}


def recipe_of(config: StyleTrainConfig) -> tuple[str, Recipe]:
    """The loss network and the recipe of a preset, with what was given beside it in its place."""
    preset = TRAIN_PRESETS[config.preset]
    return config.network or preset.network, recipe_from(preset, config)
