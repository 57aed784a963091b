"""Logits at the network's size to logits at the image's own size, a few rows at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from jaxtyping import Float32
from torch import Tensor
from torch.nn import functional

CHUNK = 2**20  # numbers per band handed out: 4 MB, which a processor's cache holds while they are worked on


def resized_rows(
    bands: Iterable[Float32[Tensor, "classes _ width"]], source: tuple[int, int], target: tuple[int, int]
) -> Iterator[Float32[Tensor, "classes _ _"]]:
    """Resize bilinearly from `source` (height, width) to `target`, both cut into bands from the top down.

    Equals `interpolate(..., mode="bilinear")` in float64 on all rows at once, to rounding. The bands that come in have
    `source[0]` rows in all, those that go out `target[0]`. No band is kept while the next is computed.
    """
    height, width = target
    if source == target:
        yield from _split(bands)
        return
    ready, first = 0, 0  # target rows handed out; the source row that `held` begins with
    held: Tensor | None = None
    for band in bands:
        held = band if held is None else torch.cat([held, band], dim=1)
        available = first + held.shape[1]
        upto = height if available == source[0] else _rows_within(available, source[0], height)
        while ready < upto:
            stop = min(upto, ready + max(1, CHUNK // (held.shape[0] * width)))
            rows = _between(held, first, torch.arange(ready, stop), source[0], height)
            yield functional.interpolate(rows, size=width, mode="linear")
            ready = stop
        needed = min(available - 1, int(_position(torch.tensor([ready]), source[0], height)))
        held, first = held[:, needed - first :].clone(), needed
        del band


def _split(bands: Iterable[Tensor]) -> Iterator[Tensor]:
    for band in bands:
        yield from torch.split(band, max(1, CHUNK // (band.shape[0] * band.shape[2])), dim=1)
        del band


def _position(rows: Tensor, source: int, target: int) -> Tensor:
    """Where target rows lie among the source rows, pixel centres on pixel centres."""
    return ((rows.double() + 0.5) * source / target - 0.5).clamp(0, source - 1)


def _rows_within(available: int, source: int, target: int) -> int:
    """How many target rows need none but the first `available` source rows."""
    return int((_position(torch.arange(target), source, target) <= available - 1).sum())


def _between(held: Tensor, first: int, rows: Tensor, source: int, target: int) -> Tensor:
    position = _position(rows, source, target)
    upper = position.floor().long()
    lower = (upper + 1).clamp(max=first + held.shape[1] - 1)
    share = (position - upper).float().to(held.device)[:, None]
    above, below = held[:, (upper - first).to(held.device)], held[:, (lower - first).to(held.device)]
    return above + (below - above) * share
