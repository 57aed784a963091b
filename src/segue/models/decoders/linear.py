"""A linear head: normalise the last map, read the classes; nothing else to learn (https://arxiv.org/abs/2304.07193)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from segue.models.decoders.decoder import Decoder


class Linear(Decoder):
    """Batch normalisation of the last map; with the 1x1 head this is DINOv2's linear evaluation of frozen features.

    The last map of a plain ViT is read as it is, before the network's own final normalisation, which the batch
    normalisation stands in for. When to use it: on a frozen ViT with strong features (`--transfer.mode frozen`), to see
    what they are worth, or with very few labels.
    """

    plain_maps = True

    def __init__(self, channels: Sequence[int], strides: Sequence[int]) -> None:
        super().__init__()
        self.used = (len(channels) - 1,)
        self.out_channels = channels[-1]
        self.norm = nn.BatchNorm2d(channels[-1])

    def forward(self, features: list[Tensor]) -> Tensor:
        """The last map, normalised."""
        return self.norm(features[-1])  # type: ignore[no-any-return]
