"""Mask2Former (https://arxiv.org/abs/2112.01527) on Swin or ResNet, from transformers."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from segue.models.networks.huggingface import Network, backbone_encoder
from segue.models.networks.network import Parts, Wrapped
from segue.models.networks.queries import QueryHead


def split(model: Any) -> Parts:  # noqa: ANN401
    """The parts of a `Mask2FormerForUniversalSegmentation`; see `QueryHead` for how it is trained here."""
    pixels = model.model.pixel_level_module
    encoder = backbone_encoder(pixels.encoder)
    answers = _Answers(pixels.decoder, model.model.transformer_module)
    decoder = Wrapped(answers, len(encoder.channels), model.config.hidden_dim)
    return Parts(encoder, decoder, QueryHead(model.class_predictor, model.config.common_stride), answers=True)


class _Answers(nn.Module):
    """Pixel decoder, then the queries: their last embeddings and mask logits at stride 4."""

    def __init__(self, pixels: nn.Module, queries: nn.Module) -> None:
        super().__init__()
        self.pixels = pixels
        self.queries = queries

    def forward(self, features: list[Tensor]) -> tuple[Tensor, Tensor]:
        pixels = self.pixels(features, output_hidden_states=False)
        answer = self.queries(
            multi_scale_features=pixels.multi_scale_features,
            mask_features=pixels.mask_features,
            output_hidden_states=True,
        )
        return answer.intermediate_hidden_states[-1].transpose(0, 1), answer.masks_queries_logits[-1]


NETWORK = Network("Mask2FormerForUniversalSegmentation", split)
