"""What describes a network of another library, and how it is put together again from that: without network or file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from segue.errors import SegueError, UsageError
from segue.models.decoders.decoder import Decoder
from segue.models.encoders import Encoder, encoder_statistics, per_channel
from segue.models.networks import NETWORKS

MAX_CHARACTERS = 100_000
MAX_NUMBER = 65_536  # of anything that is counted: channels, layers, queries
MAX_LENGTH = 256  # of a list


@dataclass(frozen=True)
class Parts:
    """The three modules of a `SegmentationModel`.

    `head` turns what the decoder returns into scores (batch, classes, height, width). The first dimension of each of
    its weights counts classes, in order; rows behind them stand for "no class". `answers` says that what the decoder
    returns is no map but a set of answers (`segue.models.networks.queries`).
    """

    encoder: Encoder
    decoder: Decoder
    head: nn.Module
    answers: bool = False


@dataclass(frozen=True)
class Description:
    """A network's row in `NETWORKS`, its configuration there, and the images it expects.

    `mean` and `std` are per channel of RGB, for pixel values on the 0-1 scale.
    """

    kind: str
    config: dict[str, Any]
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def to_json(self) -> str:
        """The description as canonical JSON: equal descriptions give equal text."""
        return json.dumps(self.__dict__, sort_keys=True, separators=(",", ":"))


def describe(text: str) -> Description:
    """Read a description, which may come from a stranger.

    Raises `UsageError` for what is not one, or has numbers no network has.
    """
    if len(text) > MAX_CHARACTERS:
        raise UsageError(f"network: expected at most {MAX_CHARACTERS:,} characters, got {len(text):,}")
    try:
        content = json.loads(text)
        kind, config = str(content["kind"]), dict(content["config"])
        mean, std = (tuple(float(number) for number in content[name]) for name in ("mean", "std"))
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise UsageError(f"network: expected a description of a network, got {text[:40]!r} ({error})") from None
    _check_bounds(config)
    if not len(mean) == len(std) > 0 or not all(-10 < m < 10 and 0 < s < 10 for m, s in zip(mean, std, strict=True)):
        raise UsageError(f"network: expected a mean and a deviation per channel, got {mean} and {std}")
    return Description(kind, config, mean, std)


def assemble(text: str, in_channels: int, classes: int) -> Parts:
    """Build the network a description names, with random weights, for images of `in_channels`.

    Raises `UsageError` when there is no such network, and `MissingPackageError` without the package it needs.
    """
    description = describe(text)
    network = NETWORKS[description.kind]
    try:
        parts: Parts = network.build(description.config, in_channels, classes)
    except SegueError:
        raise
    except Exception as error:  # a library refuses a configuration in whatever way it likes
        reason = f"{type(error).__name__} {error}".strip().partition("\n")[0][:150]
        raise UsageError(f"network {description.kind}: its configuration cannot be built: {reason}") from error
    return parts


def image_statistics(encoder: str, network: str, in_channels: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and deviation per channel, on the 0-1 scale, of the images a `ModelSpec` of these two was pretrained on."""
    if not network:
        return encoder_statistics(encoder, in_channels)
    description = describe(network)
    return per_channel(description.mean, in_channels), per_channel(description.std, in_channels)


class Wrapped(Decoder):
    """A decoder of another library; `net` does the work on all maps the encoder gives."""

    def __init__(self, net: nn.Module, maps: int, out_channels: int) -> None:
        super().__init__()
        self.net = net
        self.used = tuple(range(maps))
        self.out_channels = out_channels

    def forward(self, features: list[Tensor]) -> Any:  # noqa: ANN401 - a map, or what the head of this network reads
        """What the head reads the classes from."""
        return self.net(features)


def take_out(net: nn.Module, name: str) -> nn.Module:
    """Take a submodule out of `net`, in whose place an identity stays."""
    module = net.get_submodule(name)
    parent, _, leaf = name.rpartition(".")
    setattr(net.get_submodule(parent), leaf, nn.Identity())
    return module


def _check_bounds(value: Any) -> None:  # noqa: ANN401 - what a stranger's JSON holds
    if isinstance(value, (Mapping, list)) and len(value) > MAX_LENGTH:
        raise UsageError(f"network: expected lists of at most {MAX_LENGTH} entries, got {len(value)}")
    if isinstance(value, (int, float)) and not abs(value) <= MAX_NUMBER:
        raise UsageError(f"network: expected numbers up to {MAX_NUMBER:,}, got {value}")
    for part in value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ():
        _check_bounds(part)
