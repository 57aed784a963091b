"""What was measured of encoders and decoders, as shipped: known without building a network, or importing torch.

`figures.json` is written by `scripts/measure_networks.py`, which also says how.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("figures.json")


@dataclass(frozen=True)
class EncoderFigures:
    """Parameters, strides of the maps, milliseconds for one RGB image of `size` (height, width), and licences.

    `sources` maps each pretrained tag on the hub to its licence, the default one first; a network that is not timm's
    has one source, called `hub`. It is empty where nobody publishes weights on the hub. `code` is the licence of the
    code.
    """

    parameters: int
    strides: tuple[int, ...]
    size: tuple[int, int]
    ms: float
    sources: dict[str, str]
    code: str


@dataclass(frozen=True)
class DecoderFigures:
    """What a decoder adds to `encoder`, the layer the classes are read from and all upsampling included.

    `stride` is that of the map the classes are read from, `licence` that of the code.
    """

    encoder: str
    parameters: int
    stride: int
    size: tuple[int, int]
    ms: float
    licence: str


def encoder_figures() -> dict[str, EncoderFigures]:
    """By the name of the encoder."""
    return {name: EncoderFigures(**_tuples(row)) for name, row in _shipped()["encoders"].items()}


def decoder_figures() -> dict[str, DecoderFigures]:
    """By the name of the decoder."""
    return {name: DecoderFigures(**_tuples(row)) for name, row in _shipped()["decoders"].items()}


def measured_on() -> str:
    """The machine behind the milliseconds, in words."""
    return str(_shipped()["machine"])


@functools.cache
def _shipped() -> dict[str, Any]:
    return dict(json.loads(FILE.read_text(encoding="utf-8")))


def _tuples(row: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}
