"""SegFormer (https://arxiv.org/abs/2105.15203), from transformers: a Mix Transformer and an all-MLP decoder."""

from __future__ import annotations

from itertools import accumulate
from operator import mul
from typing import Any

from torch import Tensor

from segue.models.networks.huggingface import Network, Trunk, encoder_of
from segue.models.networks.network import Parts, Wrapped, take_out


def split(model: Any) -> Parts:  # noqa: ANN401
    """The parts of a `SegformerForSemanticSegmentation`."""
    config, decoder = model.config, model.decode_head
    head = take_out(decoder, "classifier")
    strides = tuple(accumulate(config.strides, mul))
    count = len(strides)
    encoder = encoder_of(
        Trunk(model.segformer, _maps),
        tuple(config.hidden_sizes),
        strides,
        tuple(f"stages.{stage}" for stage in range(count)),
    )
    return Parts(encoder, Wrapped(decoder, count, config.decoder_hidden_size), head)


def _maps(model: Any, images: Tensor) -> list[Tensor]:  # noqa: ANN401
    return list(model(images, output_hidden_states=True).hidden_states)


NETWORK = Network("SegformerForSemanticSegmentation", split)
