"""EoMT (https://arxiv.org/abs/2503.19108), from transformers: a plain ViT whose last blocks also carry the queries."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from segue.models.networks.huggingface import Network, Trunk, encoder_of
from segue.models.networks.network import Parts, Wrapped
from segue.models.networks.queries import QueryHead

MAPS = 4  # how many blocks of the encoder are told apart as stages, as of any plain ViT


def split(model: Any) -> Parts:  # noqa: ANN401
    """The parts of an `EomtForUniversalSegmentation`: the blocks before the queries come in are the encoder.

    Training is without the masked attention that the paper phases out until none is left, so published weights compute
    what they were published for. The grid of position embeddings is resampled for images that are not square or
    have another size than the network was trained at; transformers takes that size only, and cuts images into it.
    See `QueryHead` for the loss.
    """
    config = model.config
    alone = len(model.layers) - config.num_blocks
    blocks = [(i + 1) * alone // min(MAPS, alone) - 1 for i in range(min(MAPS, alone))]
    net = nn.Module()
    net.embeddings = model.embeddings
    net.layers = model.layers[:alone]
    encoder = encoder_of(
        Trunk(net, _Taps(blocks)),
        (config.hidden_size,) * len(blocks),
        (config.patch_size,) * len(blocks),
        tuple(f"layers.{number}" for number in blocks),
    )
    decoder = Wrapped(_Answers(model, alone), len(blocks), config.hidden_size)
    enlarge = config.patch_size // 2**config.num_upscale_blocks
    return Parts(encoder, decoder, QueryHead(model.class_predictor, enlarge), answers=True)


class _Taps:
    """The outputs of some blocks as maps, then the last one's tokens that are no patches."""

    def __init__(self, blocks: list[int]) -> None:
        self.blocks = blocks

    def __call__(self, net: Any, images: Tensor) -> list[Tensor]:  # noqa: ANN401
        grid = [side // net.embeddings.patch_size for side in images.shape[-2:]]
        tokens = _embed(net.embeddings, images, grid)
        first, maps = net.embeddings.num_prefix_tokens, []
        for number, layer in enumerate(net.layers):
            tokens = layer(tokens)
            if number in self.blocks:
                maps.append(tokens[:, first:].transpose(1, 2).unflatten(2, grid))
        return [*maps, tokens[:, :first]]


def _embed(embeddings: Any, images: Tensor, grid: list[int]) -> Tensor:  # noqa: ANN401
    """Patches with their positions, behind the class token and the registers."""
    weight = embeddings.position_embeddings.weight
    side = math.isqrt(weight.shape[0])
    if grid != [side, side]:
        square = weight.T.reshape(1, -1, side, side).float()
        weight = functional.interpolate(square, grid, mode="bicubic", antialias=True)[0].flatten(1).T.to(weight.dtype)
    patches = embeddings.patch_embeddings(images) + weight
    tokens = [token.expand(len(images), -1, -1) for token in (embeddings.cls_token, embeddings.register_tokens)]
    return embeddings.dropout(torch.cat([*tokens, patches], dim=1))  # type: ignore[no-any-return]


class _Answers(nn.Module):
    """The blocks that carry the queries, and the masks they draw: (query embeddings, mask logits)."""

    def __init__(self, model: Any, alone: int) -> None:  # noqa: ANN401
        super().__init__()
        self.query = model.query
        self.layers = model.layers[alone:]
        self.norm = model.layernorm
        self.upscale = model.upscale_block
        self.mask = model.mask_head

    def forward(self, features: list[Tensor]) -> tuple[Tensor, Tensor]:
        map_, first = features[-2:]
        queries = self.query.weight[None].expand(len(map_), -1, -1)
        tokens = torch.cat([queries, first, map_.flatten(2).transpose(1, 2)], dim=1)
        for layer in self.layers:
            tokens = layer(tokens)
        tokens = self.norm(tokens)
        queries, patches = tokens[:, : queries.shape[1]], tokens[:, queries.shape[1] + first.shape[1] :]
        grid = self.upscale(patches.transpose(1, 2).unflatten(2, map_.shape[-2:]))
        return queries, torch.einsum("bqc,bchw->bqhw", self.mask(queries), grid)


NETWORK = Network("EomtForUniversalSegmentation", split)
