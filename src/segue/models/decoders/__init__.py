"""Decoders: what turns an encoder's feature maps into one map the classes are read from.

A row is a class `Decoder(channels, strides)` built from the encoder's maps (fine to coarse), with

- `forward(features) -> Tensor` (batch, out_channels, height, width) at the size of one of the maps,
- `out_channels: int`,
- `used: tuple[int, ...]`, which of the maps it reads,
- `output_stride: int | None`, a class attribute: the stride it wants the encoder dilated to (None: none),

that works for maps of any size and raises `UsageError` when it needs more maps than there are. To add one: a file here,
a row below; `tests/test_contracts.py` says the rest.
"""

from __future__ import annotations

from segue.table import Table

DECODERS = Table(
    "decoder",
    __name__,
    fcn="fcn:FCN",
    unet="unet:UNet",
    fpn="fpn:FPN",
    pspnet="pspnet:PSPNet",
    deeplabv3plus="deeplabv3plus:DeepLabV3Plus",
)
