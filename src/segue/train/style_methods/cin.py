"""Learn a row of gains and offsets for each style, and with the first of them the network they all share.

Dumoulin, Shlens and Kudlur (https://arxiv.org/abs/1610.07629). Styles that are added later train their rows alone.
"""

from __future__ import annotations

import torch
from torch import Tensor

from segue.errors import RunError, UsageError
from segue.objectives.style.perceptual import Perceptual
from segue.style.loss_network import load_loss_network
from segue.style.network import Prepared, StyleNetwork
from segue.style.picture import resized, size_within
from segue.style.style_source import read_style
from segue.style.transform_network import TransformNetwork
from segue.style_configs import StyleTrainConfig
from segue.train.style_data import Crops, StyleSet
from segue.train.style_methods.pieces import Pieces, StyleData, recipe_of
from segue.train.style_record import shown


def cin(config: StyleTrainConfig, data: StyleData, device: torch.device, base: StyleNetwork | None = None) -> Pieces:
    """The pieces of a run; `base` is the network that styles are added to, for a run that begins.

    Raises:
        UsageError: there is no such loss network or tap, or a style is too small for it.
        WeightsError: its weights cannot be had.
    """
    name, recipe = recipe_of(config)
    network, source = load_loss_network(
        name, tuple(dict.fromkeys((*recipe.content_taps, *recipe.style_taps))), config.weights
    )
    network.prepared(device, config.precision)
    objective = Perceptual(network, recipe, _styles(config, data, device, network.smallest), len(data.known))
    rows = range(len(data.known), len(data.known) + len(data.styles))
    batches = StyleSet(Crops(data.photos, config.size, config.seed), config.batch, rows)
    made = _network(config, data)
    made.computing_in(config.precision).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    if base is not None:
        take_over(made, base)
        begin_near(made, rows, objective, batches, device)
    return Pieces(made, objective, batches, lambda one: _shown(one, rows), name, source)


def _shown(network: StyleNetwork, rows: range) -> list[Prepared]:
    return shown(network, rows)


def _network(config: StyleTrainConfig, data: StyleData) -> TransformNetwork:
    torch.manual_seed(config.seed)
    if data.numbers is None:
        return TransformNetwork(len(data.styles), config.width)
    network = TransformNetwork.from_numbers({**data.numbers, "styles": len(data.known) + len(data.styles)})
    train_rows_only(network, len(data.known))
    return network


def _styles(config: StyleTrainConfig, data: StyleData, device: torch.device, smallest: int) -> list[Tensor]:
    pictures = []
    for path in data.paths:
        picture = read_style(path)
        size = size_within(picture.shape[2], picture.shape[3], config.style_size)
        if min(size) < smallest:
            raise UsageError(f"style_size: expected {path} to be at least {smallest} pixels a side, got {size}")
        pictures.append(resized(picture, size).to(device))
    return pictures


# --- adding styles ---------------------------------------------------------------------------------------------------


def train_rows_only(network: TransformNetwork, first: int) -> None:
    """Let nothing but the rows from `first` on be trained; what is before them stays as it is to the bit.

    Adam moves a weight whose gradient was 0 at every step by exactly 0.
    """
    for parameter in network.parameters():
        parameter.requires_grad_(False)

    def masked(gradient: Tensor) -> Tensor:
        return torch.cat([torch.zeros_like(gradient[:first]), gradient[first:]])

    for table in network.tables():
        table.requires_grad_(True)
        table.register_hook(masked)  # type: ignore[no-untyped-call]


@torch.no_grad()
def take_over(network: TransformNetwork, base: StyleNetwork) -> None:
    """Copy a network and its rows into one with more of them; the new rows become the mean of the old."""
    own = network.state_dict()
    for name, tensor in base.state_dict().items():
        if tensor.shape == own[name].shape:
            own[name].copy_(tensor)
        else:
            own[name][: len(tensor)] = tensor
            own[name][len(tensor) :] = tensor.mean(0)


@torch.no_grad()
def begin_near(
    network: TransformNetwork, rows: range, objective: Perceptual, batches: StyleSet, device: torch.device
) -> None:
    """Begin each new row at the old one, or at their mean, that is nearest: has the lowest loss on the first batch."""
    batch = batches.at(0).on(device)
    for row in rows:
        starts = [*range(rows.start), row]  # the new row itself holds the mean
        index = torch.full_like(batch.index, row) if batch.index is not None else None
        losses = []
        kept = [table[row].clone() for table in network.tables()]
        for start in starts:
            _copy_row(network, start, row, kept)
            terms = objective(network, type(batch)(batch.content, None, index))
            losses.append(float(torch.stack(list(terms.values())).sum()))
        _copy_row(network, starts[losses.index(min(losses))], row, kept)


def _copy_row(network: TransformNetwork, start: int, row: int, kept: list[Tensor]) -> None:
    for table, mean in zip(network.tables(), kept, strict=True):
        table[row] = mean if start == row else table[start]


def require_rows(base: StyleNetwork) -> None:
    """Refuse a network that styles cannot be added to."""
    if not isinstance(base, TransformNetwork):
        raise RunError(f"add_to: expected a network of kind cin, got {base.kind}, which has no rows of styles")
