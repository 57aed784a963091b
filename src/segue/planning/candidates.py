"""The pretrained sources a plan may choose from: those on this machine, and those that could be fetched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from segue.configs import ENCODER
from segue.errors import UsageError, WeightsError
from segue.models.canon import CANON
from segue.models.catalogue import canon
from segue.models.encoders import TAKEN_OVER, split_name
from segue.models.figures import encoder_figures
from segue.models.hub import cached
from segue.models.looks_like import looks_like
from segue.models.measure import measure_encoder
from segue.models.origin import origin, require_commercial
from segue.models.sources import find
from segue.models.weight_file import read_weights


@dataclass(frozen=True)
class Candidate:
    """An encoder with weights: what `--model.encoder` and `--model.weights` take.

    `licence` is that of the weights; `ms` the milliseconds of one image of 256x256 on one core. `refused` says why it
    is not compared; empty for one that is.
    """

    name: str
    encoder: str
    weights: str
    licence: str
    ms: float | None = None
    refused: str = ""


def candidates(sources: Sequence[str], *, commercial: bool, max_ms: float | None) -> list[Candidate]:
    """What was named, else the default encoder and the canon's encoders whose weights are on this machine.

    Nothing is downloaded. Candidates that may not be used, or are too slow, come with the reason.

    Raises:
        UsageError: a file does not tell which encoder it belongs to, or a name is no encoder.
        WeightsError: a file cannot be read.
    """
    found = [_named(source) for source in sources] if sources else _installed()
    return [_checked(candidate, commercial=commercial, max_ms=max_ms) for candidate in found]


def elsewhere(*, commercial: bool, max_ms: float | None) -> list[Candidate]:
    """The canon's encoders that have weights on the hub, which are not on this machine."""
    known = {network.name: network for network in canon() if network.sources}
    return [
        Candidate(name, name, "hub", network.licence, network.ms, "not on this machine")
        for name, network in known.items()
        if (network.commercial or not commercial)
        and (max_ms is None or (network.ms is not None and network.ms <= max_ms))
        and cached(name) is None
    ]


def fallback(*, commercial: bool, max_ms: float | None) -> Candidate:
    """What to take when nothing can be compared: the default encoder, or the canon's slowest that is fast enough.

    Raises `UsageError` when no encoder of the canon is.
    """
    fitting = [
        network
        for network in canon()
        if network.sources
        and network.ms is not None
        and (network.commercial or not commercial)
        and network.ms <= (max_ms if max_ms is not None else network.ms)
    ]
    if not fitting:
        fastest = min(network.ms for network in canon() if network.ms is not None)
        raise UsageError(f"--max-ms: expected at least {fastest:g}, what the fastest encoder takes, got {max_ms:g}")
    default = next((network for network in fitting if network.name == ENCODER), None)
    chosen = default or max(fitting, key=lambda network: network.ms or 0.0)
    return Candidate(chosen.name, chosen.name, "hub", chosen.licence, chosen.ms)


def _installed() -> list[Candidate]:
    names = [ENCODER, *(name for name in CANON if name != ENCODER)]
    return [_from_hub(name) for name in names if cached(name) is not None]


def _named(source: str) -> Candidate:
    """One value of `--sources`."""
    encoder, equals, weights = source.partition("=")
    if equals and encoder and weights and not Path(source).exists():
        split_name(encoder)
        return _from_file(weights, encoder)
    if not Path(source).exists() and not source.startswith(("torchvision:", "hf:")):
        try:
            split_name(source)
        except UsageError as error:
            raise UsageError(f"--sources {source}: expected a file, a run or an encoder's name: {error}") from None
        return _from_hub(source)
    whole = find(source)
    if whole is not None:
        return Candidate(whole.source.name, whole.spec.encoder, str(source), whole.source.licence)
    likely = looks_like(read_weights(Path(source)))
    if likely is None:
        raise UsageError(f"--sources {source}: cannot tell whose weights these are: write ENCODER={source}")
    return _from_file(source, likely)


def on_this_machine(encoder: str, weights: str) -> bool:
    """Whether nothing has to be downloaded for these weights."""
    return weights != "hub" or cached(split_name(encoder)[0]) is not None


def _from_hub(name: str) -> Candidate:
    reason = "" if on_this_machine(name, "hub") else "not on this machine"
    return Candidate(name, name, "hub", origin(name, "hub").licence, refused=reason)


def _from_file(weights: str, encoder: str) -> Candidate:
    path = Path(weights).resolve()
    return Candidate(path.stem, encoder, str(path), origin(encoder, weights).licence)


def _checked(candidate: Candidate, *, commercial: bool, max_ms: float | None) -> Candidate:
    """The candidate with its time, and with what speaks against it."""
    ms = _milliseconds(candidate.encoder)
    reason = candidate.refused
    if max_ms is not None and ms is not None and ms > max_ms:
        reason = f"takes {ms:.0f} ms, more than {max_ms:g}"
    if commercial:
        try:
            require_commercial(candidate.encoder, candidate.weights)
        except WeightsError:
            reason = f"licence {candidate.licence} is not known to allow commercial use"
    return replace(candidate, ms=ms, refused=reason)


def _milliseconds(encoder: str) -> float | None:
    """As shipped for the canon, else measured here; None for encoders that come with a whole network."""
    if encoder.startswith(TAKEN_OVER):
        return None
    figures = encoder_figures().get(encoder)
    return figures.ms if figures is not None else round(measure_encoder(encoder).ms, 1)
