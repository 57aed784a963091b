"""All decisions for a data set: the source, the transfer mode, and what follows from the fingerprint."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from segue.configs import FitConfig
from segue.conversion import from_dict, to_dict
from segue.data.parallel import Update
from segue.data.prepare import Data
from segue.durable import write_text
from segue.overlay import flat, nested, overlaid
from segue.planning.candidates import Candidate, on_this_machine
from segue.planning.choice import Choice, choose
from segue.planning.decision import Decision, Decisions
from segue.planning.file import write_plan
from segue.planning.fingerprint import FINGERPRINT, Fingerprint
from segue.planning.ladder import DEFAULT, transfer_mode
from segue.planning.network import suited
from segue.planning.recipe import decide
from segue.train.run_folder import PLAN

SOURCE_SHARE = 0.6  # of the time, for choosing the source; the rest is for the transfer mode
MODE_IS_MEANT = ("transfer.", "optim.encoder_lr")


@dataclass(frozen=True)
class Planned:
    """The fingerprint, how the source was chosen (None where it was given), and every decision."""

    fingerprint: Fingerprint
    choice: Choice | None
    decisions: Decisions


def plan_for(
    config: FitConfig,
    data: Data,
    fingerprint: Fingerprint,
    given: Collection[str],
    found: Sequence[Candidate] | None,
    otherwise: Callable[[], Candidate],
    deadline: float,
    update: Update,
) -> Planned:
    """Decide all that is not among the dotted names `given`.

    `config` is resolved. `found` are the sources to choose from, None where the source is given; `otherwise` tells what
    to take when none of them can be compared. Sources and modes are compared until `time.perf_counter()` is about
    `deadline`; nothing is downloaded for it.
    """
    decisions = decide(fingerprint, config, given)
    # short trainings take the batch and the rate that were decided, and the decoder that suits their source
    optim = {
        name.removeprefix("optim."): one.value for name, one in decisions.items() if name in ("optim.batch", "optim.lr")
    }
    model = config.model
    if "model.decoder" not in given:
        model = dataclasses.replace(model, decoder="")
    tried = dataclasses.replace(config, model=model, optim=dataclasses.replace(config.optim, **optim))
    choice, source = None, Candidate(model.encoder, model.encoder, model.weights, "")
    if found is not None:
        seconds = SOURCE_SHARE * (deadline - time.perf_counter())
        choice = choose(found, data, tried, seconds, update)
        source = choice.candidate or otherwise()
        choice = dataclasses.replace(choice, candidate=source)
        decisions = {**choice.decisions(), **decisions}
    decisions |= suited(tried, source)
    if not mode_is_meant(given):
        decisions["transfer.mode"] = _mode(source, data, tried, deadline, update)
    return Planned(fingerprint, choice, decisions)


def _mode(source: Candidate, data: Data, config: FitConfig, deadline: float, update: Update) -> Decision:
    if not on_this_machine(source.encoder, source.weights):
        return Decision(
            DEFAULT, "the default: the weights are not on this machine, and nothing is downloaded to compare"
        )
    return transfer_mode(source, data, config, deadline, update)


def write_decisions(folder: Path, fingerprint: Fingerprint, decisions: Decisions) -> None:
    """Write `fingerprint.json` and `plan.yaml` into a folder."""
    write_text(folder / FINGERPRINT, fingerprint.to_json())
    write_plan(folder / PLAN, fingerprint.root, decisions)


def mode_is_meant(given: Collection[str]) -> bool:
    """Whether options were given that say how to transfer, so that the mode is not ours to choose."""
    return any(name.startswith(MODE_IS_MEANT) for name in given)


def options_that_differ(config: FitConfig) -> frozenset[str]:
    """The dotted names of all options that are not at their defaults."""
    defaults = dict(flat(to_dict(FitConfig())))
    return frozenset(name for name, value in flat(to_dict(config)) if value != defaults.get(name))


def with_decisions(config: FitConfig, decisions: Decisions, given: Collection[str]) -> FitConfig:
    """`config` with the decided values for all that is not among the dotted names `given`."""
    kept = {name: value for name, value in flat(to_dict(config)) if name in given}
    planned = {name: one.value for name, one in decisions.items()}
    return from_dict(FitConfig, overlaid(nested(planned), nested(kept)))
