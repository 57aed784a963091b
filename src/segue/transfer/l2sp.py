"""L2-SP: weight decay whose origin is the pretrained weights (https://arxiv.org/abs/1802.01483).

The paper minimises loss + alpha/2 · |w - w0|² + beta/2 · |v|²: w are the encoder's weights, w0 the pretrained ones, v
those of new layers. The second term is the optimiser's weight decay on new layers (`optim.weight_decay`); the first is
here and replaces weight decay on the encoder. It takes the form that decay has in the optimiser: AdamW's is decoupled
from the gradient (w moves by -lr · alpha · (w - w0)), the others add alpha · (w - w0) to the gradient, after clipping.

Deviation: biases and normalisation are left out, as they are from weight decay.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from segue.transfer.lr_groups import Group

START = "start."  # prefix of the pretrained weights among the tensors a run keeps


def starting_point(groups: list[Group]) -> dict[str, Tensor]:
    """Copies of all weights that will be pulled back, under `start.<parameter>`."""
    pulled = [member for group in groups if group.pull > 0 for member in group.parameters]
    return {START + name: parameter.detach().clone() for name, parameter in pulled}


@torch.no_grad()
def pull_to_start(optimizer: torch.optim.Optimizer, start: Mapping[str, Tensor], *, decoupled: bool) -> None:
    """Pull weights that have a gradient towards `start`; call between clipping and the optimiser's step.

    Reads of each parameter group its rate `lr`, the strength `pull` and the `names` of its parameters.
    """
    for group in optimizer.param_groups:
        moving = [(n, p) for n, p in zip(group["names"], group["params"], strict=True) if p.grad is not None]
        if not moving or group["pull"] == 0:
            continue
        weights = [parameter for _, parameter in moving]
        origins = [start[START + name] for name, _ in moving]
        if decoupled:
            torch._foreach_lerp_(weights, origins, min(1.0, group["lr"] * group["pull"]))
        else:
            _add_to_gradients(weights, origins, group["pull"])


def _add_to_gradients(weights: list[nn.Parameter], origins: list[Tensor], strength: float) -> None:
    gradients = [parameter.grad for parameter in weights if parameter.grad is not None]
    torch._foreach_add_(gradients, torch._foreach_sub([w.detach() for w in weights], origins), alpha=strength)
