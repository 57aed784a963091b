"""`segue list`: what there is to choose from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from segue.configs import TRANSFER_MODES, ListConfig, TransferConfig
from segue.errors import UsageError

TRANSFER_MEANINGS = {
    "staged": "decoder first, then all layers, the pretrained ones slower",
    "full": "all layers from the first step, the pretrained ones slower",
    "partial": "the first transfer.frozen_stages encoder stages stay as they are",
    "frozen": "feature extraction: the encoder stays as it is, BatchNorm statistics included",
    "scratch": "no pretrained weights, for comparison",
}


@dataclass(frozen=True)
class Listing:
    """Names of one kind, each with what is known about it."""

    kind: str
    rows: tuple[dict[str, Any], ...]
    exit_code: int = 0

    def to_json(self) -> list[dict[str, Any]]:
        """One object per row, its name first."""
        return list(self.rows)

    def lines(self) -> list[str]:
        """A line per row."""
        width = max((len(row["name"]) for row in self.rows), default=0)
        return [f"{row['name']:<{width}}  {row.get('about', '')}".rstrip() for row in self.rows] or ["nothing matches"]


def run(config: ListConfig) -> Listing:
    """List the kind `config.kind`; raises `UsageError` when none is given."""
    if not config.kind:
        raise UsageError("expected what to list: segue list encoders, decoders, formats, losses or transfer")
    rows = tuple(row for row in _ROWS[config.kind]() if config.filter in row["name"])
    return Listing(config.kind, rows)


def _encoders() -> list[dict[str, Any]]:
    import timm

    return [{"name": name} for name in timm.list_models(exclude_filters="test_*")]


def _decoders() -> list[dict[str, Any]]:
    from segue.models.decoders import DECODERS

    return [{"name": name, "about": DECODERS.about(name)} for name in DECODERS]


def _losses() -> list[dict[str, Any]]:
    from segue.losses import LOSSES

    return [{"name": name, "about": LOSSES.about(name)} for name in LOSSES]


def _formats() -> list[dict[str, Any]]:
    from segue.data.formats import FORMATS

    return [{"name": name, "about": FORMATS.about(name)} for name in FORMATS]


def _transfer() -> list[dict[str, Any]]:
    default = TransferConfig().mode
    about = {mode: TRANSFER_MEANINGS[mode] + (" (default)" if mode == default else "") for mode in TRANSFER_MODES}
    return [{"name": mode, "about": about[mode]} for mode in TRANSFER_MODES]


_ROWS = {
    "encoders": _encoders,
    "decoders": _decoders,
    "formats": _formats,
    "losses": _losses,
    "transfer": _transfer,
}
