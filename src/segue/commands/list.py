"""`segue list`: what there is to choose from, and what is known of it."""

from __future__ import annotations

import dataclasses
import importlib
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from segue.commands.columns import COLUMNS, in_columns
from segue.configs import LIST_KINDS, AugmentConfig, ListConfig, OptimConfig, TransferConfig
from segue.console import progress_bar
from segue.errors import UsageError
from segue.models.catalogue import Network, canon, decoders, every_encoder
from segue.models.figures import measured_on

HERE = "this machine"
NETWORKS = ("encoders", "decoders")
ONLY_NETWORKS = ("all", "commercial", "max_ms", "max_params", "measure")
# kind -> the table behind it, and the row that is used when none is named
TABLES = {
    "formats": ("segue.data.formats:FORMATS", ""),
    "augmentations": ("segue.data.augment:AUGMENTATIONS", ""),
    "sources": ("segue.models.sources:SOURCES", ""),
    "scores": ("segue.planning.transferability:SCORES", ""),
    "optimizers": ("segue.train.optimizers:OPTIMIZERS", OptimConfig().optimizer),
    "schedules": ("segue.transfer.schedules:SCHEDULES", OptimConfig().schedule),
    "styles": ("segue.style.bank.catalogue:PAINTERS", ""),
}


@dataclass(frozen=True)
class Listing:
    """Rows of one kind, each with what is known about it; `notes` explain the columns to people."""

    kind: str
    rows: tuple[dict[str, Any], ...]
    notes: tuple[str, ...] = ()
    exit_code: int = 0

    def to_json(self) -> list[dict[str, Any]]:
        """One object per row, its name first."""
        return list(self.rows)

    def lines(self) -> list[str]:
        """A line per row, under a heading when there are columns, and the notes below."""
        shown = in_columns(self.rows, COLUMNS.get(self.kind)) if self.rows else ["nothing matches"]
        return [*shown, "", *self.notes] if self.notes else shown


def run(config: ListConfig) -> Listing:
    """List the kind `config.kind`.

    Raises `UsageError` when there is none, or when an option for networks is given with another kind.
    """
    if not config.kind:
        raise UsageError(f"expected what to list: segue list {', '.join(LIST_KINDS[:-1])} or {LIST_KINDS[-1]}")
    if config.kind in NETWORKS:
        return _networks(config)
    given = [name for name in ONLY_NETWORKS if getattr(config, name) != getattr(ListConfig(), name)]
    if given:
        flag = f"--{given[0].replace('_', '-')}"
        raise UsageError(f"{flag}: expected with encoders or decoders, got {config.kind}: leave it out")
    rows = _ROWS[config.kind]() if config.kind in _ROWS else _table(config.kind)
    return Listing(config.kind, tuple(row for row in rows if _named(config.filter, row["name"])))


def _named(text: str, name: str) -> bool:
    """Whether a name contains a text, in whatever case either is written."""
    return text.casefold() in name.casefold()


# --- names with a sentence -------------------------------------------------------------------------------------------


def _table(kind: str) -> list[dict[str, Any]]:
    place, default = TABLES[kind]
    module, _, attribute = place.partition(":")
    table = getattr(importlib.import_module(module), attribute)
    return _marked({name: table.about(name) for name in table}, default)


def _losses() -> list[dict[str, Any]]:
    """Each with the numbers that may stand in brackets after its name."""
    from segue.losses import LOSSES
    from segue.losses.parameters import parameters

    def numbers(name: str) -> dict[str, dict[str, float]]:
        known = parameters(LOSSES[name]).items()
        return {key: {"default": one.default, "low": one.low, "high": one.high} for key, one in known}

    return [{"name": name, "about": LOSSES.about(name), "parameters": numbers(name)} for name in LOSSES]


def _transfer() -> list[dict[str, Any]]:
    from segue.transfer.modes import MODES, about

    return _marked({mode: about(mode) for mode in MODES}, TransferConfig().mode)


def _metrics() -> list[dict[str, Any]]:
    from segue.metrics import METRICS

    return _marked({name: METRICS[name].about for name in METRICS}, "")


def _presets() -> list[dict[str, Any]]:
    from segue.presets import MEANINGS

    return _marked(MEANINGS, AugmentConfig().preset)


def _datasets() -> list[dict[str, Any]]:
    """Each with its terms, and whether it is fetched or has to be asked for."""
    from segue.data.downloads.catalogue import CATALOGUE

    return [
        {
            "name": name,
            "about": one.about + ("" if one.archives else " (to be asked for)"),
            "terms": one.terms,
            "page": one.page,
            "gigabytes": one.gigabytes,
            "fetched": bool(one.archives),
        }
        for name, one in CATALOGUE.items()
    ]


def _marked(rows: dict[str, str], default: str) -> list[dict[str, Any]]:
    return [{"name": name, "about": about + (" (default)" if name == default else "")} for name, about in rows.items()]


_ROWS: dict[str, Callable[[], list[dict[str, Any]]]] = {
    "losses": _losses,
    "transfer": _transfer,
    "presets": _presets,
    "metrics": _metrics,
    "datasets": _datasets,
}


# --- encoders and decoders -------------------------------------------------------------------------------------------


def _networks(config: ListConfig) -> Listing:
    """Filter by what costs nothing to know first: what is left may have to be measured."""
    every = list(decoders() if config.kind == "decoders" else every_encoder() if config.all else canon())
    networks = [n for n in every if _named(config.filter, n.name) and (n.commercial or not config.commercial)]
    if config.measure:
        networks = _measured(networks, config)
    fitting = [n for n in networks if _fits(n.ms, config.max_ms) and _fits(n.parameters, config.max_params, 1e6)]
    return Listing(config.kind, tuple(n.to_json() for n in fitting), _notes(config, networks, fitting))


def _fits(value: float | None, limit: float | None, unit: float = 1) -> bool:
    """Whether a value is known and within its limit; everything is when there is none."""
    return limit is None or (value is not None and value <= limit * unit)


def _measured(networks: Iterable[Network], config: ListConfig) -> list[Network]:
    """The same with figures from this machine; those the time did not suffice for have none."""
    from segue.models.measure import measure_decoder, measure_encoder

    measure: Callable[[str], Any] = measure_decoder if config.kind == "decoders" else measure_encoder
    found, began = [], time.perf_counter()
    with progress_bar("measuring") as update:
        for network in networks:
            spent = time.perf_counter() - began
            update(min(1.0, spent / config.seconds), network.name)
            found.append(_now(network, measure) if spent < config.seconds else _without_time(network))
    return found


def _now(network: Network, measure: Callable[[str], Any]) -> Network:
    try:
        figures = measure(network.name)
    except UsageError:  # one of timm's that gives no feature maps
        return _without_time(network)
    strides = getattr(figures, "strides", None) or (figures.stride,)
    return dataclasses.replace(
        network, parameters=figures.parameters, strides=strides, size=figures.size, ms=figures.ms, measured_on=HERE
    )


def _without_time(network: Network) -> Network:
    return dataclasses.replace(network, ms=None, measured_on="")


def _notes(config: ListConfig, networks: list[Network], fitting: list[Network]) -> tuple[str, ...]:
    where = HERE if config.measure else measured_on()
    what = "what a decoder adds to the encoder named, 21 classes" if config.kind == "decoders" else "one RGB image"
    notes = [f"M: million parameters. ms: {what}, 256x256 or a little more, one thread, float32, on {where}."]
    unknown = sum(n.ms is None for n in networks)
    if unknown and config.measure:
        notes.append(f"{unknown} were not measured: the time was up (--seconds), or they give no feature maps.")
    elif unknown and fitting != networks:
        notes.append(f"{unknown} without figures are left out: --measure measures them, for --seconds at most.")
    if config.kind == "encoders" and not config.all:
        notes.append("Every other model of timm works too: --all shows the names.")
    return tuple(notes)
