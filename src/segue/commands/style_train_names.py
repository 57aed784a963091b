"""What a dry run of `segue style train` can say of networks whose weights the hub would have to give."""

from __future__ import annotations

import logging

import torch

from segue.models.sources.files import PREFIX
from segue.style.loss_network import build_loss_network
from segue.style.predicted_network import PredictedNetwork
from segue.style_configs import StyleTrainConfig
from segue.train.style_methods.pieces import recipe_of

log = logging.getLogger("segue")
HUB = "hub"


def names_alone(config: StyleTrainConfig) -> bool:
    """Whether weights are the hub's, which a dry run does not fetch; the log names them, and names are checked here.

    Raises:
        UsageError: there is no network of a name, or it has no tap of a name.
    """
    far = _from_hub(config)
    if not far:
        return False
    log.info("not looked at, since the hub has it: %s", ", ".join(far))
    if not config.text:
        network, recipe = recipe_of(config)
        with torch.device("meta"):  # no weights are filled in
            build_loss_network(network, (*recipe.content_taps, *recipe.style_taps))
            if config.method == "predict":
                PredictedNetwork(config.predictor, width=config.width)
    return True


def _from_hub(config: StyleTrainConfig) -> list[str]:
    if config.text:
        return [f"--clip {config.clip}"] if config.clip.startswith(PREFIX) else []
    found = ["--weights"] if config.weights == HUB else []
    if config.method == "predict" and config.predictor_weights == HUB:
        found.append("--predictor-weights")
    return found
