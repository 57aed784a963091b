"""Trained style networks among the methods: each strength is one of them, and together they are a curve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from segue.errors import DataError
from segue.style.evaluation.methods import Method, Picture, Tell
from segue.style.evaluation.naming import Originals
from segue.style.model_folder import KINDS, StyleInfo, load_style_info, load_style_model
from segue.style.network import Wanted


def known_styles(run: Path, styles: Originals) -> dict[str, int | None]:
    """Which of the styles a network paints in, and the row of each; None where it takes the picture itself.

    A style it has learned is found by the SHA-256 of its file, else by its name.

    Raises:
        RunError: there is no style network.
        DataError: it knows none of the styles.
    """
    info = load_style_info(run)
    if KINDS[info.kind].takes_pictures:
        return dict.fromkeys(styles.paths)
    rows = {name: _row(info, name, sha256) for name, sha256 in styles.hashes.items()}
    found = {name: row for name, row in rows.items() if row is not None}
    if not found:
        raise DataError(f"{run}: expected a network that knows one of the styles, got one of {', '.join(info.names)}")
    return dict(found)


def _row(info: StyleInfo, name: str, sha256: str) -> int | None:
    by_file = [row for row, style in enumerate(info.styles) if style.sha256 == sha256]
    by_name = [row for row, style in enumerate(info.styles) if style.name == name]
    return next(iter((*by_file, *by_name)), None)


def names_of(run: Path, strengths: Sequence[float]) -> list[str]:
    """The methods' names: `harbour@0.5`."""
    return [f"{run.resolve().name}@{strength:g}" for strength in strengths]


def trained(
    run: Path, rows: Mapping[str, int | None], strengths: Sequence[float], device: torch.device
) -> list[Method]:
    """The network of a run at every strength, in float32.

    The style is looked at anew for every picture and strength, so that the seconds of each are those of a picture and
    a style that come for the first time.

    Raises:
        RunError: there is no style network.
        WeightsError: its weights are damaged.
    """
    network, info = load_style_model(run)
    network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def painting(strength: float) -> Method:
        def paint(content: Picture, style: Picture, name: str, tell: Tell) -> Picture:
            row = rows[name]
            with torch.no_grad():
                prepared = network.prepared([Wanted(row=row, picture=style if row is None else None)])
                return network.stylise(content, prepared, strength)

        about = f"{run}, a network of kind {info.kind}, strength {strength:g}"
        curve = run.resolve().name
        made = _painted_with(info)
        return Method(f"{curve}@{strength:g}", paint, about, 5.0, *made, info.sha256, curve, _parts(info))

    return [painting(strength) for strength in strengths]


def _painted_with(info: StyleInfo) -> tuple[str, str]:
    """The loss network it was trained with and the SHA-256 of its weights, "" where its folder does not tell."""
    weights = info.trained.get("loss_weights")
    sha256 = weights.get("sha256") if isinstance(weights, dict) else None
    return str(info.trained.get("loss_network") or ""), str(sha256 or "")


def _parts(info: StyleInfo) -> tuple[str, ...]:
    """Name and SHA-256 of the encoder that looks at styles, where there is one."""
    predictor, weights = info.trained.get("predictor"), info.trained.get("predictor_weights")
    if not isinstance(predictor, str):
        return ()
    sha256 = weights.get("sha256") if isinstance(weights, dict) else None
    return (predictor.partition("@")[0], *([str(sha256)] if sha256 else []))
