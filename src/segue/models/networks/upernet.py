"""UPerNet (https://arxiv.org/abs/1807.10221) on Swin, ConvNeXt or ResNet, from transformers."""

from __future__ import annotations

from typing import Any

from segue.models.networks.huggingface import Network, backbone_encoder
from segue.models.networks.network import Parts, Wrapped, take_out


def split(model: Any) -> Parts:  # noqa: ANN401
    """The parts of a `UperNetForSemanticSegmentation`; its auxiliary head is left out."""
    decoder = model.decode_head
    head = take_out(decoder, "classifier")
    encoder = backbone_encoder(model.backbone)
    return Parts(encoder, Wrapped(decoder, len(encoder.channels), model.config.hidden_size), head)


NETWORK = Network("UperNetForSemanticSegmentation", split)
