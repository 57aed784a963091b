"""What `segue style train --text` asks for: its settings, the network that it begins with, and the style it learns."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from segue.errors import RunError
from segue.models.sources.files import PREFIX
from segue.style.model_folder import load_style_info, load_style_model
from segue.style.network import StyleNetwork
from segue.style.own import FOLDER
from segue.style.record import UsedStyle
from segue.style_configs import StyleTrainConfig
from segue.train.style_methods.pieces import StyleData

STEPS, LR = 200, 1e-4  # published, as is the batch of 4; the published crops have 224 pixels
KINDS = ("adain", "text")  # of networks whose decoder takes features as the encoder gives them


def settled(config: StyleTrainConfig) -> StyleTrainConfig:
    """With what suits a text, where there is one and nothing else was given."""
    if not config.text:
        return config
    clip = config.clip if config.clip.startswith(PREFIX) else str(Path(config.clip).resolve())
    return dataclasses.replace(
        config,
        method="text",
        clip=clip,
        base=config.base.resolve() if config.base is not None else None,
        steps=STEPS if config.steps is None and config.minutes is None else config.steps,
        lr=LR if config.lr is None else config.lr,
    )


def data_of(config: StyleTrainConfig, photos: tuple[Path, ...], held_out: tuple[Path, ...]) -> StyleData:
    """The files of a run that follows a text, which is its only style; raises `RunError` where it cannot begin."""
    info = load_style_info(_base(config))
    if info.kind not in KINDS:
        raise RunError(f"base: expected a network of kind {' or '.join(KINDS)}, got {info.kind}: give another")
    return StyleData(photos, held_out, (), (), (UsedStyle(config.text, "text"),), info.numbers, info.sha256)


def network_of(config: StyleTrainConfig) -> StyleNetwork:
    """The network that the run begins with; raises as `load_style_model`."""
    return load_style_model(_base(config))[0]


def _base(config: StyleTrainConfig) -> Path:
    return FOLDER if config.base is None else config.base
