"""Which pretrained source suits the data: every candidate scored on the same pixels, ranked by LogME and GBC.

The mean of the two ranks lost least against the best of 16 sources over 17 data sets (computed from
https://arxiv.org/abs/2204.01403's published scores): 0.29 points of mIoU in the mean, and 0.03 when the best three are
trained briefly and compared.
"""

from __future__ import annotations

import dataclasses
import functools
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from segue.configs import FitConfig, ModelConfig
from segue.data.geometry import Preprocessing
from segue.data.parallel import Update
from segue.data.prepare import Data
from segue.models.build import ModelSpec, SegmentationModel, build
from segue.models.licences import Use, use_of
from segue.models.sources.choice import as_source_says, network_of
from segue.models.weights import load_pretrained
from segue.planning.candidates import Candidate
from segue.planning.features import pixel_features
from segue.planning.pixels import PixelSample
from segue.planning.transferability import SCORES
from segue.planning.transferability.ridge_probe import ridge_probe
from segue.train.resolve import preprocessing

RANKED_BY = ("logme", "gbc")
CLOSE = 1.05  # margin, in standard deviations of LogME, below which the first was not always the best
NEAR = 0.1  # standard deviations of LogME within which cost decides between equal ranks
_log = logging.getLogger("segue")


@dataclass(frozen=True)
class Scored:
    """A candidate with its scores: rows of `SCORES`, and `probe`, the mIoU of a linear classifier on the pixels drawn.

    `rank` is the mean of its ranks by `RANKED_BY`, 1 the best. `macs` are multiplications for one image of 256x256,
    `seconds` what loading and scoring took.
    """

    candidate: Candidate
    scores: dict[str, float]
    probe: float
    macs: int
    seconds: float
    rank: float = 0.0


def score(candidate: Candidate, data: Data, config: FitConfig, sample: PixelSample, update: Update) -> Scored:
    """Load a candidate and score it on the pixels; raises what loading it raises."""
    began = time.perf_counter()
    model, prep = loaded(candidate, data, config)
    features = pixel_features(model.encoder, sample, prep, update)
    scores = {name: float(SCORES[name](features, sample.labels)) for name in SCORES}
    probe = ridge_probe(features, sample.labels, sample.image_of).miou
    return Scored(candidate, scores, probe, macs(model, data.channels), time.perf_counter() - began)


def loaded(candidate: Candidate, data: Data, config: FitConfig) -> tuple[SegmentationModel, Preprocessing]:
    """The network a fit would begin with, and what it does to images before."""
    model_config = as_source_says(ModelConfig(encoder=candidate.encoder, weights=candidate.weights))
    network = network_of(model_config)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        spec = ModelSpec(model_config.encoder, model_config.decoder, data.channels, len(data.classes), network)
        model = build(spec)
    load_pretrained(model, candidate.weights, data.classes.names)
    prep = preprocessing(dataclasses.replace(config, model=model_config), data, network)
    return model.to(config.train.device), prep


def macs(model: SegmentationModel, channels: int) -> int:
    """Multiplications of the encoder for one image of 256x256, padded to what it takes."""
    from torch.utils.flop_counter import FlopCounterMode

    device = next(model.parameters()).device
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model.encoder.eval()(torch.zeros(1, channels, *model.encoder.padded(256, 256), device=device))
    return int(counter.get_total_flops()) // 2


def ranked(scored: Sequence[Scored]) -> list[Scored]:
    """The best first: by mean rank, then the higher LogME, or the cheaper where LogME hardly differs, licence, name."""
    from scipy.stats import rankdata

    ranks = np.mean([rankdata([-one.scores[name] for one in scored]) for name in RANKED_BY], axis=0)
    spread = float(np.std([one.scores["logme"] for one in scored]))

    def order(first: Scored, second: Scored) -> int:
        if first.rank != second.rank:
            return -1 if first.rank < second.rank else 1
        ahead = first.scores["logme"] - second.scores["logme"]
        return _cheaper(first, second) if abs(ahead) <= NEAR * spread else -1 if ahead > 0 else 1

    placed = [dataclasses.replace(one, rank=float(rank)) for one, rank in zip(scored, ranks, strict=True)]
    return sorted(placed, key=functools.cmp_to_key(order))


def _cheaper(first: Scored, second: Scored) -> int:
    keys = [
        (one.macs, use_of(one.candidate.licence) is not Use.PERMISSIVE, one.candidate.name) for one in (first, second)
    ]
    return -1 if keys[0] < keys[1] else 1


def margin(ranking: Sequence[Scored]) -> float | None:
    """How far the first is ahead by LogME, in standard deviations over all candidates.

    None of fewer than three: of two numbers every distance is as many of their deviations.
    """
    if len(ranking) < 3:
        return None
    values = [one.scores["logme"] for one in ranking]
    return (values[0] - max(values[1:])) / max(float(np.std(values)), 1e-12)


def is_close(ranking: Sequence[Scored]) -> bool:
    """Whether the scores leave open which of the first is the best."""
    ahead = margin(ranking)
    return len(ranking) > 1 and (ahead is None or ahead < CLOSE)


def seconds_to_score(candidates: Sequence[Candidate], images: int, prep: Preprocessing) -> float:
    """About how long scoring takes on one core: every image once through every encoder, and two seconds to load it."""
    area = prep.size[0] * prep.size[1] * prep.zoom**2 / 256**2
    return sum(2 + images * area * (one.ms or 100) / 1000 for one in candidates)
