"""Learn to paint in any style by gains and offsets that are predicted from its picture.

Ghiasi et al. (https://arxiv.org/abs/1705.06830), at a budget of minutes: `segue.style.predicted_network` says how the
network deviates, `segue.objectives.style.predicted` how the losses do. As there, styles are shown at sizes drawn for
each step, and what a style is, is measured on the crop that is shown.
"""

from __future__ import annotations

from pathlib import Path

import torch

from segue.errors import UsageError
from segue.models.encoders import split_name
from segue.models.hub import fetch
from segue.models.origin import file_source
from segue.models.source import Source
from segue.models.weight_file import read_weights
from segue.objectives.style.predicted import predicted_objective
from segue.style.loss_network import load_encoder, load_loss_network
from segue.style.network import StyleNetwork
from segue.style.predicted_network import PredictedNetwork
from segue.style.style_source import read_style
from segue.style_configs import StyleTrainConfig
from segue.train.style_data import STYLE_STREAM, Crops, StyleSet
from segue.train.style_methods.any_style import IDENTITY, shown_by
from segue.train.style_methods.pieces import Pieces, StyleData, recipe_of

LARGEST, SMALLEST = 300 / 256, 128 / 256  # sides of style crops, as shares of those of photos, as in the paper's code
MEASURED, AT_A_TIME = 64, 8  # style crops on which features get their scale
WAYS_OUT = "give its weights as a file with --predictor-weights FILE, or none for random ones"


def predict(
    config: StyleTrainConfig, data: StyleData, device: torch.device, base: StyleNetwork | None = None
) -> Pieces:
    """The pieces of a run; `base` is None, since styles are not added to a network that takes any.

    Raises:
        UsageError: there is no such encoder, loss network or tap, or a crop is too small for it.
        WeightsError: weights cannot be had.
    """
    name, recipe = recipe_of(config)
    torch.manual_seed(config.seed)
    network = PredictedNetwork(config.predictor, width=config.width)
    pretrained = _pretrained(network, config)
    judge, source = load_loss_network(
        name, tuple(dict.fromkeys((*recipe.content_taps, *recipe.style_taps))), config.weights
    )
    judge.prepared(device, config.precision)
    largest = round(LARGEST * config.size)
    if judge.smallest > round(SMALLEST * config.size):
        wanted = round(judge.smallest / SMALLEST)
        raise UsageError(
            f"size: expected at least {wanted} pixels, since styles are shown at half of it and {name} needs "
            f"{judge.smallest}, got {config.size}"
        )
    styles = Crops(data.paths, largest, config.seed + STYLE_STREAM, smallest=SMALLEST / LARGEST, read=read_style)
    network.computing_in(config.precision).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    steps = range(MEASURED // AT_A_TIME)
    network.predictor.measure(styles.batch(step, AT_A_TIME).to(device) for step in steps)
    identity = 1 / config.batch if config.batch > 1 else 0.0
    return Pieces(
        network,
        predicted_objective(judge, recipe, identity, IDENTITY),
        StyleSet(Crops(data.photos, config.size, config.seed), config.batch, styles=styles),
        shown_by(data, device, config.size),
        name,
        source,
        "predictor.eyes." if pretrained else "",
        pretrained,
    )


def _pretrained(network: PredictedNetwork, config: StyleTrainConfig) -> Source | None:
    """Load the weights of the encoder that looks at styles, and say where they came from; None for random ones."""
    if config.predictor_weights == "none":
        return None
    if config.predictor_weights == "hub":
        path, source = fetch(split_name(config.predictor)[0], WAYS_OUT)
    else:
        path = Path(config.predictor_weights)
        source = file_source(path)
    load_encoder(network.predictor.eyes.encoder, read_weights(path), config.predictor, source.name)
    return source
