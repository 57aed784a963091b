"""`segue fit` without a plan: what was left open is decided from the data, by the rules of `segue plan`.

Decisions that follow from the fingerprint cost next to nothing. Sources and transfer modes are compared as far as a
tenth of the expected training time goes, so in a short training they are not.
"""

from __future__ import annotations

import dataclasses
import logging
import math
import time
from collections.abc import Collection, Sequence
from pathlib import Path

from segue.configs import ENCODER, FitConfig
from segue.conversion import to_dict
from segue.data.index import Index
from segue.data.parallel import Update
from segue.data.prepare import Data
from segue.models.figures import encoder_figures
from segue.models.sources import find
from segue.overlay import flat
from segue.planning.candidates import Candidate, candidates, fallback, on_this_machine
from segue.planning.decision import Decisions, shown
from segue.planning.fingerprint import take_fingerprint
from segue.planning.halving import MOST_PIXELS
from segue.planning.ladder import FEWEST_STEPS
from segue.planning.machine import Machine, measure_machine
from segue.planning.planner import Planned, mode_is_meant, plan_for, with_decisions, write_decisions
from segue.planning.validation import has_validation, val_fraction
from segue.train.resolve import resolve

SHARE = 0.1  # of the expected training time
SLOWER = 3.0  # times the default encoder's milliseconds
FEWEST_SECONDS = 30.0  # of comparing: what fits in less decides nothing
_log = logging.getLogger("segue")


def held_out(config: FitConfig, index: Index, given: Collection[str]) -> FitConfig:
    """`config` with the share to hold out, which has to be known before the data are split."""
    if "data.val_fraction" in given or config.data.split is not None:
        return config
    share = val_fraction(index).value
    return dataclasses.replace(config, data=dataclasses.replace(config.data, val_fraction=share))


def decide_open(
    config: FitConfig, data: Data, index: Index, given: Collection[str], update: Update
) -> tuple[FitConfig, Planned]:
    """What was left open, decided: the resolved configuration, and what led to it.

    `given` are the dotted names of options that stand.
    """
    if find(config.model.weights) is not None:  # a whole network comes with its encoder and decoder
        given = {*given, "model.encoder", "model.decoder"}
    resolved = resolve(config, data)
    found = _sources(config, given)
    machine, seconds = _time_to_compare(resolved, data, found, given)
    taken = config.data.split is not None or has_validation(index)
    fingerprint = take_fingerprint(data, machine, config.seed, val_given=taken)
    planned = plan_for(resolved, data, fingerprint, given, found, _default, time.perf_counter() + seconds, update)
    decisions = planned.decisions
    if "data.val_fraction" not in given and config.data.split is None:
        decisions = {**decisions, "data.val_fraction": val_fraction(index)}
    decided = with_decisions(config, decisions, given)
    _log_changes(config, decided, decisions)
    return resolve(decided, data), dataclasses.replace(planned, decisions=decisions)


def save_own_plan(folder: Path, planned: Planned) -> None:
    """Write plan and fingerprint into a run folder, as `segue plan` does: `segue fit --plan` follows them."""
    write_decisions(folder, planned.fingerprint, planned.decisions)


def _sources(config: FitConfig, given: Collection[str]) -> list[Candidate] | None:
    """The sources to choose from; None where it is given, or where the default has to be fetched anyway.

    Encoders much slower than the default take part in `segue plan` only: a training of days would be no welcome choice.
    """
    meant = config.transfer.mode == "scratch" or not {"model.encoder", "model.weights"}.isdisjoint(given)
    if meant or not on_this_machine(ENCODER, "hub"):
        return None
    return candidates((), commercial=config.commercial, max_ms=SLOWER * encoder_figures()[ENCODER].ms)


def _default() -> Candidate:
    return fallback(commercial=False, max_ms=None)  # the default encoder: everybody may use it


def _time_to_compare(
    config: FitConfig, data: Data, found: Sequence[Candidate] | None, given: Collection[str]
) -> tuple[Machine | None, float]:
    """What was measured of the machine, if anything had to be, and the seconds that comparing may take."""
    sources = found is not None and sum(not one.refused for one in found) > 1
    modes = not mode_is_meant(given) and on_this_machine(config.model.encoder, config.model.weights)
    if config.dry_run or not (sources or modes):
        return None, 0.0
    if config.minutes is not None:
        return None, _enough(60 * config.minutes * SHARE)
    assert config.steps is not None, "resolve() fills the steps where no minutes are given"
    # short trainings see smaller crops, so that more of their steps fit into the same time
    crop = math.prod(config.data.size or ()) / MOST_PIXELS
    if SHARE * config.steps * max(1.0, crop) < FEWEST_STEPS:
        return None, 0.0
    machine = measure_machine(config, data.channels, len(data.classes))
    return machine, _enough(SHARE * config.steps * config.optim.batch / machine.images_per_second)


def _enough(seconds: float) -> float:
    return seconds if seconds >= FEWEST_SECONDS else 0.0


def _log_changes(before: FitConfig, after: FitConfig, decisions: Decisions) -> None:
    """Say what is other than the fixed default, and why."""
    defaults, decided = dict(flat(to_dict(before))), dict(flat(to_dict(after)))
    for name, one in decisions.items():
        if decided[name] != defaults[name] and defaults[name] not in (None, ""):
            value, usual = shown(decided[name]), shown(defaults[name])
            _log.info("from the data: %s %s instead of %s: %s", name, value, usual, one.rule)
