"""MA-Net (https://doi.org/10.1109/ACCESS.2020.3025372): U-Net with attention over positions and over channels.

The blocks are segmentation_models_pytorch's, the attention over positions is ours.
"""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Float
from segmentation_models_pytorch.decoders.manet.decoder import MAnetDecoder
from torch import Tensor, nn
from torch.nn import functional

from segue.models.decoders.decoder import Decoder
from segue.models.decoders.halving import halving
from segue.models.decoders.widths import widths


class MANet(Decoder):
    """Every position of the last map sees all others; skips and decoded maps are weighed per channel when they join.

    Deviation from the library: see `PositionAttention`; and it ends at the encoder's finest map. The attention's memory
    grows with the square of the last map's pixels, which tiling keeps in bounds. When to use it: medical images, organs
    and lesions of very different sizes.
    """

    def __init__(self, channels: Sequence[int], strides: Sequence[int]) -> None:
        super().__init__()
        blocks = widths("manet", len(channels))
        self.used = tuple(range(len(channels)))
        self.out_channels = blocks[-1]
        self.blocks = MAnetDecoder([0, *channels], blocks, n_blocks=len(blocks))
        self.blocks.center = PositionAttention(channels[-1])

    def forward(self, features: list[Tensor]) -> Tensor:
        """The decoded map at the size of the finest encoder map."""
        maps = halving(features)
        return self.blocks([maps[0], *maps])  # type: ignore[no-any-return]


class PositionAttention(nn.Module):
    """Adds to each position the values of all positions, weighted by how alike their queries and keys are.

    As in DANet (https://arxiv.org/abs/1809.02983, equation 1). The library takes one softmax over all pairs of
    positions, which leaves values divided by their number, and then reads the result, positions by channels, as
    channels by positions, which scatters every position over the map.
    """

    def __init__(self, channels: int, width: int = 64) -> None:
        super().__init__()
        self.query = nn.Conv2d(channels, width, 1)
        self.key = nn.Conv2d(channels, width, 1)
        self.value = nn.Conv2d(channels, channels, 3, padding=1)
        self.out = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(
        self, features: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch channels height width"]:
        """The map with what it attends to added, convolved."""
        query, key, value = (part(features).flatten(2).mT for part in (self.query, self.key, self.value))
        seen = functional.scaled_dot_product_attention(query, key, value, scale=1.0)
        return self.out(features + seen.mT.reshape(features.shape))  # type: ignore[no-any-return]
