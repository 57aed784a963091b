"""What a source says about a whole network: how to build it, the names of its classes, where it came from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from segue.models.build import ModelSpec
from segue.models.source import Source

Tensors = dict[str, Tensor]


@dataclass(frozen=True)
class Checkpoint:
    """A trained segmentation network.

    `spec` builds the network it is, with its own classes. `names` are those of its classes in the order of the head's
    rows, empty when nobody says. `read()` returns its tensors, and the SHA-256 of the file; this is when a download
    happens. The tensors have the names they have in a model built from `spec` (`encoder.net.`, `decoder.`, `head.`,
    `upsample.`, `auxiliary.`), those without a place there names of their own. It raises `WeightsError`.
    """

    spec: ModelSpec
    names: tuple[str, ...]
    source: Source
    read: Callable[[], tuple[Tensors, str | None]]
