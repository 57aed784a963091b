"""Choosing the pretrained source: who may be chosen, the scores, short trainings where these are close."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from segue.configs import FitConfig
from segue.console import duration
from segue.data.parallel import Update
from segue.data.prepare import Data
from segue.errors import SegueError, TrainingStoppedError
from segue.planning.candidates import Candidate
from segue.planning.decision import Decision, Decisions
from segue.planning.halving import SHORTLIST, OutOfTimeError, Trial, compare, estimate, winner
from segue.planning.pixels import MOST_IMAGES, PixelSample, draw_pixels
from segue.planning.sources import Scored, is_close, margin, ranked, score, seconds_to_score
from segue.train.resolve import preprocessing

FEWEST_IMAGES = 8  # scores on fewer say little
SCORING_SHARE = 0.5  # of the time; the rest is for short trainings
_log = logging.getLogger("segue")


@dataclass(frozen=True)
class Choice:
    """The source that was chosen, None where nothing could be compared, and all that spoke for it.

    `refused` are candidates that were not compared, with the reason. `images`, `pixels` and `dropped` describe the
    sample of pixels, of which there is none when nothing was scored.
    """

    candidate: Candidate | None
    rule: str
    ranking: tuple[Scored, ...] = ()
    trials: tuple[Trial, ...] = ()
    refused: tuple[Candidate, ...] = ()
    images: int = 0
    pixels: int = 0
    dropped: tuple[str, ...] = ()
    seconds: float = 0.0

    def decisions(self) -> Decisions:
        """Encoder and weights of the candidate, which has to be there."""
        assert self.candidate is not None, "a choice without one is completed by the caller"
        from_hub = self.candidate.weights == "hub"
        rule = "the weights published for this encoder" if from_hub else "the weights this source was named with"
        return {
            "model.encoder": Decision(self.candidate.encoder, self.rule, self._inputs()),
            "model.weights": Decision(self.candidate.weights, rule, {"licence": self.candidate.licence}),
        }

    def _inputs(self) -> dict[str, Any]:
        ahead = margin(self.ranking)
        return {
            "ranking": [
                {
                    "name": one.candidate.name,
                    "mean_rank": one.rank,
                    **{name: round(value, 4) for name, value in one.scores.items()},
                    "probe_miou": round(one.probe, 4),
                }
                for one in self.ranking
            ],
            "margin": None if ahead is None else round(ahead, 2),
            "short_trainings": [
                {"name": one.candidate.name, "steps": one.steps, "miou": round(one.miou, 4)} for one in self.trials
            ],
            "not_compared": {one.name: one.refused for one in self.refused},
            "images": self.images,
            "pixels": self.pixels,
            "classes_left_out": list(self.dropped),
        }


def choose(found: Sequence[Candidate], data: Data, config: FitConfig, seconds: float, update: Update) -> Choice:
    """The source for a data set, found within about `seconds`; `config` is resolved.

    What it will cost is logged before it is spent; where there is no room for it, the next cheaper evidence decides.
    """
    began = time.perf_counter()
    refused = tuple(one for one in found if one.refused)
    able = [one for one in found if not one.refused]
    if not able:
        why = "no candidate can be used" if refused else "no pretrained weights are on this machine"
        return Choice(None, f"the default: {why}, and nothing is downloaded only to compare", refused=refused)
    if len(able) == 1:
        return Choice(able[0], "the only candidate on this machine that may be used", refused=refused)
    sample = _sample(able, data, config, SCORING_SHARE * seconds)
    if sample is None:
        return Choice(None, "the default: comparing would take longer than --minutes allows", refused=refused)
    if sample.classes < 2:
        return Choice(None, "the default: fewer than two classes have pixels enough to compare on", refused=refused)
    scored, failed = _scores(able, data, config, sample, began + seconds, update)
    choice = _by_scores(scored, sample)
    choice = dataclasses.replace(choice, refused=(*refused, *failed))
    if is_close(choice.ranking):
        choice = _by_training(choice, data, config, began + seconds, update)
    return dataclasses.replace(choice, seconds=round(time.perf_counter() - began, 1))


def _sample(able: Sequence[Candidate], data: Data, config: FitConfig, seconds: float) -> PixelSample | None:
    prep = preprocessing(config, data, "")
    images = min(MOST_IMAGES, len(data.of("train")))
    while images > FEWEST_IMAGES and seconds_to_score(able, images, prep) > seconds:
        images = max(FEWEST_IMAGES, images // 2)
    expected = seconds_to_score(able, images, prep)
    if expected > seconds:
        _log.info("comparing %d sources would take about %s: too long", len(able), duration(expected))
        return None
    _log.info("comparing %d sources on %d images takes about %s on one core", len(able), images, duration(expected))
    return draw_pixels(data, prep, config.seed, images)


def _scores(
    able: Sequence[Candidate], data: Data, config: FitConfig, sample: PixelSample, deadline: float, update: Update
) -> tuple[list[Scored], list[Candidate]]:
    """The scores of those that can be loaded, in the time there is; the others with the reason."""
    scored, failed = [], []
    for number, candidate in enumerate(able):
        if time.perf_counter() > deadline:
            failed.append(dataclasses.replace(candidate, refused="the time was up"))
            continue
        update(number / len(able), f"scoring {candidate.name}")
        try:
            scored.append(score(candidate, data, config, sample, lambda _share, _text: None))
        except SegueError as error:
            failed.append(dataclasses.replace(candidate, refused=str(error)))
    return ranked(scored) if scored else [], failed


def _by_scores(ranking: Sequence[Scored], sample: PixelSample) -> Choice:
    rule = "the first by the mean rank of LogME and GBC on the same pixels"
    if not ranking:
        return Choice(None, "the default: no candidate could be loaded")
    return Choice(
        ranking[0].candidate,
        rule if len(ranking) > 1 else "the only candidate that could be loaded",
        ranking=tuple(ranking),
        images=len(sample.images),
        pixels=len(sample),
        dropped=sample.dropped,
    )


def _by_training(choice: Choice, data: Data, config: FitConfig, deadline: float, update: Update) -> Choice:
    """The best of the shortlist after short trainings, where these fit in the time that is left."""
    shortlist = [one.candidate for one in choice.ranking[:SHORTLIST]]
    close = f"{choice.rule}, which are close"
    try:
        cost = estimate(shortlist, data, config, deadline)
        if not cost.steps:
            needed = (cost.seconds + time.perf_counter() - deadline) / 60
            return dataclasses.replace(
                choice, rule=f"{close}: to train the best briefly, allow {max(1, round(needed + 0.5))} minutes more"
            )
        _log.info(
            "the first %d are close: short trainings of %d and %d steps decide, about %s",
            len(shortlist),
            cost.steps,
            2 * cost.steps,
            duration(cost.seconds),
        )
        trials = compare(shortlist, data, config, cost.steps, deadline, update)
    except OutOfTimeError:
        return dataclasses.replace(choice, rule=f"{close}; the time was up before short trainings could decide")
    except TrainingStoppedError as error:
        return dataclasses.replace(choice, rule=f"{close}; short trainings ended early ({error})")
    best = winner(trials)
    rule = f"the best of {len(shortlist)} after {best.steps} steps of training; their scores were too close"
    return dataclasses.replace(choice, candidate=best.candidate, rule=rule, trials=tuple(trials))
