"""Who judges: the networks whose weights can be had, and why the others cannot sit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from segue.errors import WeightsError
from segue.infer.segmenter import Segmenter
from segue.style.evaluation.judge import Judge, load_judge
from segue.style.evaluation.lpips import BACKBONE, TAPS, read_lpips_weights
from segue.style.evaluation.measures import Score, scores_of
from segue.style.evaluation.panel import Perceptual
from segue.style.loss_network import load_loss_network

HUB = "hub"


@dataclass(frozen=True)
class Jury:
    """Judges that are there, `scores` of all that were asked for, and the `reasons` of those that are not computed.

    A reason is found under a measure's name or a score's key.
    """

    judges: tuple[Judge, ...]
    perceptual: Perceptual | None
    segmenter: Segmenter | None
    scores: tuple[Score, ...]
    reasons: dict[str, str]


def seated(
    judges: Sequence[tuple[str, str]],
    lpips_weights: Path | None,
    lpips_backbone: str,
    segmenter: Path | None,
    device: torch.device,
) -> Jury:
    """Load everybody, each judge given as its name and its weights.

    Weights that the hub does not give leave a reason and no substitute. A file that was named and is at fault is an
    error, as everywhere.

    Raises:
        UsageError: there is no such network.
        WeightsError: a file cannot be read or is another network's.
        RunError: there is no such run.
    """
    scores = scores_of(tuple(name for name, _ in judges))
    reasons: dict[str, str] = {}
    found = []
    for name, weights in judges:
        try:
            found.append(load_judge(name, weights, device))
        except WeightsError as error:
            if weights != HUB:
                raise
            reasons |= {score.key: str(error) for score in scores if score.judge == name}
    perceptual, reason = lpips_judge(lpips_weights, lpips_backbone, device)
    reasons |= {"lpips": reason} if perceptual is None else {}
    if segmenter is None:
        reasons |= dict.fromkeys(("miou", "miou_truth"), "give a run of segue fit with --segmenter RUN")
    model = Segmenter.load(segmenter, str(device)) if segmenter is not None else None
    return Jury(tuple(found), perceptual, model, scores, reasons)


def lpips_judge(weights: Path | None, backbone: str, device: torch.device) -> tuple[Perceptual | None, str]:
    """LPIPS, or the reason why there is none; raises `WeightsError` for a file that was named and is at fault."""
    if weights is None:
        return None, "give its weights with --lpips-weights FILE"
    heads = read_lpips_weights(weights)
    try:
        network, source = load_loss_network(BACKBONE, TAPS, backbone)
    except WeightsError as error:
        if backbone != HUB:
            raise
        return None, str(error)
    return Perceptual(network.prepared(device, "fp32"), heads, source), ""


def painted_by(painted_with: frozenset[str], jury: Jury) -> tuple[str, ...]:
    """The networks of the jury that a method was painted with, by name or by the SHA-256 of their weights."""
    plain = {_plain(name) for name in painted_with}
    seats = [(judge.name, judge.source.sha256) for judge in jury.judges]
    if jury.perceptual is not None:
        seats.append((BACKBONE, jury.perceptual.source.sha256))
    return tuple(dict.fromkeys(name for name, sha256 in seats if _plain(name) in plain or sha256 in painted_with))


def _plain(name: str) -> str:
    """A network's name without the tag of its weights and the number of its maps."""
    return name.partition("@")[0].partition(".")[0]
