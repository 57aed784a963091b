"""What an evaluation rests on: who judged, with which weights, and which files, by SHA-256; for `evaluation.json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from segue.durable import sha256_of
from segue.models.artifact import network_records
from segue.style.evaluation.folder import Folder
from segue.style.evaluation.jury import Jury
from segue.style.evaluation.lpips import BACKBONE
from segue.style.evaluation.methods import Method
from segue.style.evaluation.naming import BETWEEN, Pair


def judges_of(jury: Jury) -> list[dict[str, Any]]:
    """The judges: network, weights, and where each looks."""
    return [
        {
            "network": judge.name,
            "weights": judge.source.name,
            "licence": judge.source.licence,
            "sha256": judge.source.sha256,
            "content_tap": judge.taps.content,
            "style_taps": list(judge.taps.style),
        }
        for judge in jury.judges
    ]


def lpips_of(jury: Jury, weights: Path | None) -> dict[str, Any] | None:
    """The network below LPIPS and the file of its channels' `weights`; None where there is no LPIPS."""
    if jury.perceptual is None or weights is None:
        return None
    source = jury.perceptual.source
    return {
        "network": BACKBONE,
        "weights": source.name,
        "licence": source.licence,
        "sha256": source.sha256,
        "channel_weights": weights.name,
        "channel_weights_sha256": sha256_of(weights),
    }


def segmenter_of(run: Path | None) -> dict[str, Any] | None:
    """The run that segments, and the SHA-256 of the weights of its networks; None where there is none."""
    if run is None:
        return None
    return {"run": str(run), "sha256": [sha256 for _, sha256 in network_records(run).values()]}


def painters_of(painters: Sequence[Method]) -> dict[str, dict[str, str]]:
    """By the name of a method that paints here, the networks it paints and was made with, as far as there are any."""
    found = {
        method.name: {
            "about": method.about,
            "sha256": method.sha256,
            "made_with": method.network,
            "made_with_sha256": method.network_sha256,
            "parts": ", ".join(method.parts),
        }
        for method in painters
    }
    return {name: {key: text for key, text in told.items() if text} for name, told in found.items()}


def results_of(folders: Sequence[Folder], pairs: Sequence[Pair]) -> dict[str, dict[str, str]]:
    """SHA-256 of the results that are judged, by folder and name."""
    return {
        folder.name: {BETWEEN.join(pair): sha256_of(folder.results[pair].path) for pair in pairs} for folder in folders
    }


def files_of(paths: Mapping[str, Path]) -> dict[str, str]:
    """SHA-256 of files by name."""
    return {name: sha256_of(path) for name, path in paths.items()}
