"""An encoder and the decoder that mirrors it: what networks for any style have on either side of the transfer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from segue.errors import UsageError
from segue.style.decoder import Decoder, Tap, size_at
from segue.style.loss_network import Features, LossNetwork, build_loss_network
from segue.style.network import Wanted, check_numbers, picture_of
from segue.style.own_encoder import OwnEncoder
from segue.style.taps import NAMES, SQUEEZENET, check_taps, up_to

OWN = "own"
SMALLEST_SCALE = 1e-6  # of features that are nothing but zeros
PROBE = 64  # pixels a side of what is shown to an encoder to learn the widths of its taps
STRIDES_SEEN = 8  # positions to every side that count for a feature of an encoder by stride
STEM_TAKES = 1  # pixels beyond whole steps that SqueezeNet's unpadded stem needs, to have a position for each two
MOST_BLOCKS, MOST_DEPTH, MOST_WIDTH = 64, 8, 1024  # of a file; anything past it is damage or an attack on memory
_KINDS = {"encoder": str, "taps": list, "widths": list, "blocks": int, "depth": int}


@dataclass(frozen=True)
class Shape:
    """What an encoder and its decoder are rebuilt from.

    Attributes:
        encoder: own, or the name of a loss network (`segue.style.loss_network`), which stays as it is.
        taps: where style is transferred: `relu4_1` of VGG, `stride8` of other encoders.
        widths: channels of our own encoder at strides 2, 4, …; empty for every other.
        blocks: residual blocks of the decoder at the deepest of the taps.
        depth: convolutions of the decoder at every stride.
    """

    encoder: str = OWN
    taps: tuple[str, ...] = ("stride8", "stride4", "stride2")
    widths: tuple[int, ...] = ()
    blocks: int = 0
    depth: int = 1

    @classmethod
    def from_numbers(cls, numbers: dict[str, Any]) -> Shape:
        """What `numbers` gave, which may come from a stranger's file; raises `UsageError` when it makes no network."""
        check_numbers(numbers, _KINDS)
        values: dict[str, Any] = {**numbers, "taps": tuple(numbers["taps"]), "widths": tuple(numbers["widths"])}
        shape = cls(**values)
        fits = 0 <= shape.blocks <= MOST_BLOCKS and 1 <= shape.depth <= MOST_DEPTH
        widths = all(type(width) is int and 1 <= width <= MOST_WIDTH for width in shape.widths)
        if not (fits and widths and len(shape.widths) <= MOST_DEPTH and all(type(tap) is str for tap in shape.taps)):
            raise UsageError(
                f"expected taps by name, up to {MOST_BLOCKS} blocks and {MOST_WIDTH} channels, got {shape}"
            )
        return shape

    @property
    def numbers(self) -> dict[str, Any]:
        """The same as plain JSON types."""
        values = {name: getattr(self, name) for name in _KINDS}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


class Autoencoder(nn.Module):
    """Features at the taps of a `Shape`, and back to a picture.

    `taps` go from deep to shallow, and `names` are theirs; `smallest` is the side that a picture must at least have.
    `step` and `reach` are what a network around it has of that name (`segue.style.network`). Raises `UsageError` where
    there is no such encoder or tap.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        if not shape.taps or len(set(shape.taps)) < len(shape.taps):
            raise UsageError(f"expected one tap or more, each once, got {', '.join(shape.taps) or 'none'}")
        own = shape.encoder == OWN
        self.encoder: OwnEncoder | LossNetwork = _own(shape) if own else build_loss_network(shape.encoder, shape.taps)
        known = {tap.name: tap for tap in described(self.encoder)}
        self.taps = tuple(sorted((known[tap] for tap in shape.taps), key=lambda tap: -tap.stride))
        self.names = tuple(tap.name for tap in self.taps)
        self.step = self.taps[0].stride
        self.smallest = self.encoder.smallest
        self.scale: Tensor | None  # by tap, of a frozen encoder: what its features are divided by (`measure`)
        self.register_buffer("scale", None if own else torch.ones(len(self.taps)))
        self.decoder = Decoder(self.taps, blocks=shape.blocks, depth=shape.depth)
        self.reach = _reach(self.encoder, shape, self.taps[0]) + self.decoder.reach

    def features(self, pictures: Float[Tensor, "batch 3 height width"]) -> Features:
        """The features at the taps, from deep to shallow."""
        height, width = pictures.shape[2:]
        if min(height, width) < self.smallest:
            raise UsageError(f"expected a picture of at least {self.smallest} pixels a side, got {height} x {width}")
        found = self.encoder(self._whole_steps(pictures))
        features = {}
        for place, tap in enumerate(self.taps):
            tall, wide = size_at((height, width), tap.stride)
            values = found[tap.name][:, :, :tall, :wide]
            features[tap.name] = values if self.scale is None else values / self.scale[place]
        return features

    @torch.no_grad()
    def measure(self, pictures: Float[Tensor, "batch 3 height width"]) -> None:
        """Give the features of a frozen encoder a mean square of 1 on pictures like those to come.

        Weights of one network are published in several scales; in some, features are in the hundreds, and so would be
        the first pictures of a decoder.
        """
        assert self.scale is not None, "our own encoder finds its scale in training"
        self.scale.fill_(1)
        for place, values in enumerate(self.features(pictures).values()):
            self.scale[place] = values.float().square().mean().sqrt().clamp_min(SMALLEST_SCALE)

    def _whole_steps(self, pictures: Tensor) -> Tensor:
        """With the last row and column repeated so often that no tap has fewer positions than its stride asks for.

        Networks in torchvision's layout drop what their pooling or their unpadded stem leaves over. The decoder would
        stretch what is there over the whole picture, by another share in a tile than in the picture it is cut from.
        """
        if not isinstance(self.encoder, LossNetwork) or self.shape.encoder not in NAMES:
            return pictures
        step, stem = self.taps[0].stride, STEM_TAKES if self.shape.encoder == SQUEEZENET else 0
        below, beside = ((side + step - 1) // step * step + stem - side for side in pictures.shape[2:])
        # a graph that is exported has no branch: what is right for the size it is traced with would be taken for all
        if torch.compiler.is_exporting() or below or beside:
            return functional.pad(pictures, (0, beside, 0, below), mode="replicate")
        return pictures

    def features_of(self, style: Wanted) -> Features:
        """The features of a style's picture, wherever that lies; raises `UsageError` for a style without."""
        return self.features(picture_of(style).to(next(self.decoder.parameters()).device))

    def forward(self, features: Features, size: Sequence[int]) -> Float[Tensor, "batch 3 height width"]:
        """The picture of that height and width; values are not clipped."""
        picture: Tensor = self.decoder(features, (size[0], size[1]))
        return picture

    def train(self, mode: bool = True) -> Autoencoder:
        """The decoder to training mode, and our own encoder; one that came trained has none."""
        super().train(mode)
        if isinstance(self.encoder, LossNetwork):
            self.encoder.eval()
        return self


def described(encoder: nn.Module) -> tuple[Tap, ...]:
    """Names, strides and widths of an encoder's taps, as a small picture shows them."""
    with torch.no_grad():
        features: Features = encoder(torch.zeros(1, 3, PROBE, PROBE))
    return tuple(
        Tap(name, 1 << (PROBE // found.shape[2]).bit_length() - 1, found.shape[1]) for name, found in features.items()
    )


def _reach(encoder: OwnEncoder | LossNetwork, shape: Shape, deepest: Tap) -> int:
    """How many pixels to every side a feature at the deepest tap has seen.

    What attends or pools over the whole picture has no such border (`segue.style.sight`); for encoders by stride it is
    taken to be eight of their positions, beyond which little counts.
    """
    if isinstance(encoder, OwnEncoder):
        return int(encoder.reach)
    if shape.encoder not in NAMES:
        return STRIDES_SEEN * deepest.stride
    reach, stride = 0, 1
    for layer in up_to(shape.encoder, shape.taps):
        reach += stride * {"relu": 0, "stem": 2, "wide_pool": 2}.get(layer.kind, 1)
        stride *= 2 if layer.kind in ("pool", "stem", "wide_pool") else 1
    return int(reach)


def _own(shape: Shape) -> OwnEncoder:
    encoder = OwnEncoder(shape.widths) if shape.widths else OwnEncoder()
    check_taps(OWN, shape.taps, encoder.taps)
    return encoder
