"""The auxiliary head: class scores from a map in the middle of the encoder, for training only."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from segue.models.decoders.fcn_d8 import fcn_block

NARROWEST = 64  # DDRNet's; a quarter of a mobile network's channels can be fewer than the classes


class AuxiliaryHead(nn.Module):
    """A small fully convolutional head whose loss supervises the encoder half-way (PSPNet, section 3.3).

    Its scores are never used for prediction. Its width is a quarter of the map's channels as in torchvision, at least
    64.
    """

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        width = max(NARROWEST, channels // 4)
        self.block = fcn_block(channels, width)
        self.score = nn.Conv2d(width, classes, kernel_size=1)

    def forward(
        self, features: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch classes height width"]:
        """Class scores at the size of the map."""
        return self.score(self.block(features))  # type: ignore[no-any-return]
