"""Decoders: what turns an encoder's feature maps into one map the classes are read from.

A row names a `Decoder` (see `decoder.py` for what it says about itself). To add one: a file here, a row below;
`tests/test_contracts.py` says the rest.
"""

from __future__ import annotations

from segue.table import Table

DECODERS = Table(
    "decoder",
    __name__,
    fcn="fcn:FCN",
    fcn32s="fcn_scores:FCN32s",
    fcn16s="fcn_scores:FCN16s",
    fcn8s="fcn_scores:FCN8s",
    fcn_d8="fcn_d8:FCNDilated",
    unet="unet:UNet",
    unet_classic="unet_classic:UNetClassic",
    segnet="segnet:SegNet",
    unetplusplus="unetplusplus:UNetPlusPlus",
    linknet="linknet:LinkNet",
    manet="manet:MANet",
    fpn="fpn:FPN",
    pan="pan:PAN",
    pspnet="pspnet:PSPNet",
    deeplabv3="deeplabv3:DeepLabV3",
    deeplabv3plus="deeplabv3plus:DeepLabV3Plus",
    upernet="upernet:UPerNet",
    segformer="segformer:SegFormer",
    dpt="dpt:DPT",
    linear="linear:Linear",
    lraspp="lraspp:LRASPP",
    ddrnet="ddrnet:DDRNet",
)
