"""What the methods for any style have in common: the encoder, crops of styles beside those of photos, samples."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor

from segue.errors import DataError, UsageError
from segue.objectives.style.batch import StyleObjective
from segue.style.adain_network import AdainNetwork
from segue.style.attention_network import AttentionNetwork
from segue.style.autoencoder import OWN, Shape
from segue.style.loss_network import LossNetwork, load_loss_network
from segue.style.network import Prepared, StyleNetwork, Wanted
from segue.style.objective import Recipe
from segue.style.own_encoder import WIDTHS
from segue.style.picture import resized, size_within
from segue.style.style_size import style_size_of
from segue.style.style_source import read_style
from segue.style_configs import StyleTrainConfig
from segue.train.style_data import STYLE_STREAM, Crops, StyleSet
from segue.train.style_methods.pieces import Pieces, StyleData, recipe_of
from segue.train.style_record import MOST_COLUMNS

log = logging.getLogger("segue")
IDENTITY = 4.0  # weight of the mean absolute distance of pixels that shall come back, whose unit is not the others'
MEASURED = 8  # crops on which the features of a frozen encoder get their scale
BLOCKS, DEPTH = 3, 2  # of our own encoder's decoder, and convolutions a stride of a loss network's


def shape_of(config: StyleTrainConfig, loss_network: str, recipe: Recipe, taps: tuple[str, ...] = Shape.taps) -> Shape:
    """Our own encoder with `taps`, in the width asked for, or the loss network at the deepest of its style taps."""
    if config.encoder == OWN:
        widths = tuple(max(1, round(2 * config.width * channels)) for channels in WIDTHS)  # 0.5 is what ships
        return Shape(taps=taps, widths=widths, blocks=BLOCKS)
    return Shape(loss_network, recipe.style_taps[-1:], depth=DEPTH)


def any_style(
    config: StyleTrainConfig,
    data: StyleData,
    device: torch.device,
    network: AdainNetwork | AttentionNetwork,
    objective: Callable[[LossNetwork], StyleObjective],
    content_taps: Sequence[str] = (),
) -> Pieces:
    """The pieces of a run, whose objective looks at the style taps and at `content_taps`.

    Raises `UsageError` and `WeightsError` as `load_loss_network` does.
    """
    name, recipe = recipe_of(config)
    taps = tuple(dict.fromkeys((*content_taps, *recipe.style_taps)))
    judge, source = load_loss_network(name, taps, config.weights)
    if config.encoder != OWN:  # a frozen encoder is one that has been trained: the same file, as far as its tap
        network.autoencoder.encoder = load_loss_network(name, network.autoencoder.shape.taps, config.weights)[0]
    judge.prepared(device, config.precision)
    if config.size < max(judge.smallest, network.autoencoder.smallest):
        raise UsageError(f"size: expected at least {judge.smallest} pixels, which {name} needs, got {config.size}")
    photos = Crops(data.photos, config.size, config.seed)
    network.autoencoder.decoder.begin_grey()
    if config.encoder != OWN:
        network.autoencoder.measure(photos.batch(0, MEASURED))
    network.computing_in(config.precision).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    styles = Crops(data.paths, config.size, config.seed + STYLE_STREAM, read=read_style)
    batches = StyleSet(photos, config.batch, styles=styles)
    return Pieces(network, objective(judge), batches, shown_by(data, device, config.size), name, source)


def shown_by(data: StyleData, device: torch.device, crop: int) -> Callable[[StyleNetwork], list[Prepared]]:
    """The first styles that can be read, as a network of crops of `crop` pixels prepares them for samples."""
    small = list(itertools.islice(_small(data.paths, device, style_size_of(crop)), MOST_COLUMNS))

    def shown(one: StyleNetwork) -> list[Prepared]:
        with torch.inference_mode():
            return [one.prepared([Wanted(picture=picture)]) for picture in small]

    return shown


def _small(paths: Sequence[Path], device: torch.device, side: int) -> Iterator[Tensor]:
    for path in paths:
        try:
            picture = read_style(path)
        except DataError as error:
            log.warning("%s; it is not shown", error)
            continue
        yield resized(picture, size_within(picture.shape[2], picture.shape[3], side)).to(device)
